# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.model import ModelSingleton, ModelSQL, ModelView, fields
from trytond.modules.company.model import (
    CompanyMultiValueMixin, CompanyValueMixin)
from trytond.pool import Pool
from trytond.pyson import Eval, Id

mailing_sequence = fields.Many2One(
    'ir.sequence', "Mailing Sequence", required=True,
    domain=[
        ('company', 'in',
            [Eval('context', {}).get('company', -1), None]),
        ('sequence_type', '=',
            Id('sms_mailing', 'sequence_type_mailing')),
        ],
    help="Used to number the mailings.")
approval = fields.Boolean(
    "Second Person",
    help="A mailing starts only after another user than the one who "
    "prepared it has approved it.")


class Configuration(
        ModelSingleton, ModelSQL, ModelView, CompanyMultiValueMixin):
    __name__ = 'mailing.configuration'

    mailing_sequence = fields.MultiValue(mailing_sequence)
    approval = fields.MultiValue(approval)

    @classmethod
    def multivalue_model(cls, field):
        pool = Pool()
        if field == 'mailing_sequence':
            return pool.get('mailing.configuration.sequence')
        if field == 'approval':
            return pool.get('mailing.configuration.approval')
        return super().multivalue_model(field)

    @classmethod
    def default_mailing_sequence(cls, **pattern):
        return cls.multivalue_model(
            'mailing_sequence').default_mailing_sequence()


class ConfigurationSequence(ModelSQL, CompanyValueMixin):
    __name__ = 'mailing.configuration.sequence'

    mailing_sequence = mailing_sequence

    @classmethod
    def default_mailing_sequence(cls):
        pool = Pool()
        ModelData = pool.get('ir.model.data')
        try:
            return ModelData.get_id('sms_mailing', 'sequence_mailing')
        except KeyError:
            return None


class ConfigurationApproval(ModelSQL, CompanyValueMixin):
    __name__ = 'mailing.configuration.approval'

    approval = approval
