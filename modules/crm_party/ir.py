# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from sql import With

from trytond.cache import Cache
from trytond.pool import Pool, PoolMeta
from trytond.transaction import Transaction, without_check_access

_EMPLOYEES_RULE_MODELS = {
    'crm.activity',
    'crm.activity.reminder',
    'crm.case',
    'crm.churn.event',
    'crm.contract',
    'crm.debtor',
    'crm.due',
    'crm.lead',
    'crm.plan.done',
    'crm.profile',
    'crm.rfm',
    'crm.work.sheet',
    'party.party',
    }

# The models that show parties to be hidden in strict mode
STRICT_MODELS = {
    'account.invoice',
    'account.move.line',
    'crm.activity',
    'crm.case',
    'crm.contract',
    'crm.lead',
    'fleet.order',
    'loan.loan',
    'loan.party',
    'party.party',
    'party.relation',
    'party.relation.all',
    'purchase.purchase',
    'sale.complaint',
    'sale.opportunity',
    'sale.sale',
    'sale.subscription',
    'stock.shipment.in',
    'stock.shipment.in.return',
    'stock.shipment.out',
    'stock.shipment.out.return',
    }


class Rule(metaclass=PoolMeta):
    __name__ = 'ir.rule'

    @classmethod
    def _get_context(cls, model_name):
        User = Pool().get('res.user')
        context = super()._get_context(model_name)
        if model_name in _EMPLOYEES_RULE_MODELS:
            context['employees'] = User.get_employees()
            context['crm_team_employees'] = User.get_crm_team_employees()
        if model_name in STRICT_MODELS:
            context['crm_strict'] = User.is_crm_strict()
        return context

    @classmethod
    def _get_cache_key(cls, model_names):
        User = Pool().get('res.user')
        key = super()._get_cache_key(model_names)
        if model_names & _EMPLOYEES_RULE_MODELS:
            key = (*key, User.get_employees(), User.get_crm_team_employees())
        if model_names & STRICT_MODELS:
            key = (*key, User.is_crm_strict())
        return key


class User(metaclass=PoolMeta):
    __name__ = 'res.user'

    _get_crm_team_cache = Cache(
        'res.user.get_crm_team_employees', context=False)

    @classmethod
    def is_crm_strict(cls):
        """Return whether the customers of others are hidden from the user.

        From those who see their own or their team's customers only, once the
        strict mode is switched on.
        """
        pool = Pool()
        Configuration = pool.get('crm.configuration')
        ModelData = pool.get('ir.model.data')
        with without_check_access():
            if not Configuration(1).strict:
                return False
        own, all_, analytics = (
            ModelData.get_id('crm_party', f'group_crm{name}')
            for name in ['', '_all', '_analytics'])
        groups = cls.get_groups()
        return own in groups and not {all_, analytics} & set(groups)

    @classmethod
    def get_crm_team_employees(cls):
        """Return the ids of the user's employees and their subordinates.

        An ordered tuple; the subordinates of subordinates belong to it.
        """
        employees = cls.get_employees()
        team = cls._get_crm_team_cache.get(employees)
        if team is not None:
            return team
        Employee = Pool().get('company.employee')
        table = Employee.__table__()
        subordinate = Employee.__table__()
        member = With('id', recursive=True)
        member.query = table.select(
            table.id, where=table.id.in_(employees or [-1]))
        # Without ALL: a circle of supervisors comes to its end
        member.query |= subordinate.join(member,
            condition=subordinate.supervisor == member.id).select(
            subordinate.id)
        cursor = Transaction().connection.cursor()
        cursor.execute(*member.select(member.id, with_=[member]))
        team = tuple(sorted(id_ for id_, in cursor))
        return cls._get_crm_team_cache.set(employees, team)


class Employee(metaclass=PoolMeta):
    __name__ = 'company.employee'

    @classmethod
    def on_modification(cls, mode, employees, field_names=None):
        User = Pool().get('res.user')
        super().on_modification(mode, employees, field_names=field_names)
        User._get_crm_team_cache.clear()


class Cron(metaclass=PoolMeta):
    __name__ = 'ir.cron'

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.method.selection.extend([
                ('crm.activity.reminder|send', "Send Activity Reminders"),
                ('crm.activity|nag', "Remind of Overdue Activities"),
                ('crm.segment|snapshot', "Count Segments"),
                ('crm.watch.rule|run', "Plan Activities by Watch Rules"),
                ('crm.duplicate|scan', "Scan for Duplicates"),
                ('crm.profile|compute', "Compute Customer Profiles"),
                ('crm.contract|update', "Renew and Close Contracts"),
                ])
