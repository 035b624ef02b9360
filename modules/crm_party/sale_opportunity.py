# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from sql import Literal, Null
from sql.conditionals import Coalesce
from sql.operators import Concat, Exists

from trytond.i18n import gettext
from trytond.model import fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval
from trytond.transaction import Transaction, check_access

from .tools import days_between

_OPEN = ['lead', 'opportunity']


class Activity(metaclass=PoolMeta):
    __name__ = 'crm.activity'

    @classmethod
    def _get_origin(cls):
        return super()._get_origin() + ['sale.opportunity']


class Due(metaclass=PoolMeta):
    __name__ = 'crm.due'

    @classmethod
    def _get_kinds(cls):
        return super()._get_kinds() + [
            ('opportunity', gettext('crm_party.msg_due_opportunity'),
                'sale.opportunity')]

    @classmethod
    def _due_opportunity(cls):
        "Return the query of open opportunities without a next step"
        pool = Pool()
        Activity = pool.get('crm.activity')
        Opportunity = pool.get('sale.opportunity')
        company, today, _ = cls._get_context()
        table = Opportunity.__table__()
        activity = Activity.__table__()
        planned = Exists(activity.select(
                Literal(1),
                where=(activity.party == table.party)
                & (activity.company == table.company)
                & (activity.state == 'planned')))
        day = cls.date.sql_cast(Literal(today))
        return [table.select(
                table.id.as_('id'),
                table.party.as_('party'),
                table.company.as_('company'),
                table.employee.as_('employee'),
                table.start_date.as_('date'),
                days_between(table.start_date, day).as_('days'),
                Literal(0).as_('interval'),
                where=(table.company == company)
                & table.state.in_(_OPEN)
                & (table.party != Null)
                & ~planned)]


class Handover(metaclass=PoolMeta):
    __name__ = 'crm.handover'

    opportunities = fields.Boolean(
        "Open Opportunities",
        states={
            'readonly': Eval('state') != 'draft',
            })
    opportunity_count = fields.Function(
        fields.Integer("Number of Opportunities"), 'get_counts')

    @classmethod
    def default_opportunities(cls):
        return True

    @classmethod
    def _count_names(cls):
        return {
            **super()._count_names(), 'opportunities': 'opportunity_count'}

    @classmethod
    def _get_handed(cls):
        return super()._get_handed() + [
            ('opportunities', 'sale.opportunity', 'employee', 'party',
                _OPEN)]


class LeadConvertStart(metaclass=PoolMeta):
    __name__ = 'crm.lead.convert.start'

    opportunity = fields.Boolean(
        "Opportunity", help="Make an opportunity of what the lead asks for.")

    @classmethod
    def default_opportunity(cls):
        ModelAccess = Pool().get('ir.model.access')
        with check_access():
            return ModelAccess.check(
                'sale.opportunity', 'create', raise_exception=False)


class LeadConvert(metaclass=PoolMeta):
    __name__ = 'crm.lead.convert'

    def _plan(self, lead, party):
        Opportunity = Pool().get('sale.opportunity')
        super()._plan(lead, party)
        if not self.start.opportunity:
            return
        employee = lead.employee.id if lead.employee else (
            Transaction().context.get('employee'))
        with check_access():
            Opportunity.create([{
                        'company': lead.company.id,
                        'party': party.id,
                        'employee': employee,
                        'description': lead.rec_name,
                        'comment': lead.message,
                        }])


class Timeline(metaclass=PoolMeta):
    __name__ = 'crm.timeline'

    @classmethod
    def _get_kinds(cls):
        return super()._get_kinds() + [('opportunity', 'sale.opportunity')]

    @classmethod
    def _get_resources(cls):
        return super()._get_resources() + [
            ('sale.opportunity', 'party', 'company')]

    @classmethod
    def _timeline_opportunity(cls):
        Opportunity = Pool().get('sale.opportunity')
        table = Opportunity.__table__()
        return [table.select(
                table.id.as_('id'),
                table.party.as_('party'),
                table.company.as_('company'),
                table.start_date.as_('date'),
                Concat(
                    Coalesce(table.number, ''),
                    Coalesce(Concat(' ', table.description), '')
                    ).as_('summary'),
                table.amount.as_('amount'),
                table.currency.as_('currency'),
                table.employee.as_('employee'),
                table.state.as_('status'),
                where=(table.party != Null)
                & cls._readable(table, Opportunity))]
