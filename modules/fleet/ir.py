# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.pool import Pool, PoolMeta

_DRIVER_RULE_MODELS = {
    'fleet.trip', 'fleet.order', 'fleet.driver', 'fleet.document'}


class Cron(metaclass=PoolMeta):
    __name__ = 'ir.cron'

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.method.selection.extend([
                ('fleet.contract|post', "Enter Costs of Contracts"),
                ('fleet.service.due|warn', "Warn of Services of the Fleet"),
                ('fleet.distance|learn', "Learn Distances from Trips"),
                ('fleet.document.notice|send',
                    "Warn of Documents of the Fleet"),
                ])


class Rule(metaclass=PoolMeta):
    __name__ = 'ir.rule'

    @classmethod
    def _get_context(cls, model_name):
        User = Pool().get('res.user')
        context = super()._get_context(model_name)
        if model_name in _DRIVER_RULE_MODELS:
            context['employees'] = User.get_employees()
        return context

    @classmethod
    def _get_cache_key(cls, model_names):
        User = Pool().get('res.user')
        key = super()._get_cache_key(model_names)
        if set(model_names) & _DRIVER_RULE_MODELS:
            key = (*key, tuple(User.get_employees()))
        return key
