# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from sql import Literal, Null
from sql.aggregate import Max
from sql.conditionals import Coalesce
from sql.operators import Concat

from trytond.i18n import gettext
from trytond.pool import Pool, PoolMeta

from .tools import add_days, days_between


class Activity(metaclass=PoolMeta):
    __name__ = 'crm.activity'

    @classmethod
    def _get_origin(cls):
        return super()._get_origin() + ['sale.sale']


class Timeline(metaclass=PoolMeta):
    __name__ = 'crm.timeline'

    @classmethod
    def _get_kinds(cls):
        return super()._get_kinds() + [('sale', 'sale.sale')]

    @classmethod
    def _get_resources(cls):
        return super()._get_resources() + [('sale.sale', 'party', 'company')]

    @classmethod
    def _timeline_sale(cls):
        Sale = Pool().get('sale.sale')
        table = Sale.__table__()
        return [table.select(
                table.id.as_('id'),
                table.party.as_('party'),
                table.company.as_('company'),
                Coalesce(
                    table.sale_date,
                    cls.date.sql_cast(table.create_date)).as_('date'),
                Concat(
                    Coalesce(table.number, ''),
                    Coalesce(Concat(' ', table.description), '')
                    ).as_('summary'),
                table.total_amount_cache.as_('amount'),
                table.currency.as_('currency'),
                Coalesce(table.confirmed_by, table.quoted_by).as_('employee'),
                table.state.as_('status'),
                where=cls._readable(table, Sale))]


class Due(metaclass=PoolMeta):
    __name__ = 'crm.due'

    @classmethod
    def _get_kinds(cls):
        return super()._get_kinds() + [
            ('offer', gettext('crm_party.msg_due_offer'), 'sale.sale')]

    @classmethod
    def _due_offer(cls):
        pool = Pool()
        Activity = pool.get('crm.activity')
        Profile = pool.get('crm.profile')
        Sale = pool.get('sale.sale')
        company, today, configuration = cls._get_context()
        table = Sale.__table__()
        profile = Profile.__table__()
        activity = Activity.__table__()
        done = activity.select(
            activity.party.as_('party'),
            Max(activity.done_on).as_('date'),
            where=(activity.company == company)
            & (activity.state == 'done'),
            group_by=activity.party)
        interval = Literal(configuration.get_multivalue(
                'offer_days', company=company) or 0)
        day = cls.date.sql_cast(Literal(today))
        return [table
            .join(profile, 'LEFT',
                condition=(profile.party == table.party)
                & (profile.company == table.company))
            .join(done, 'LEFT', condition=done.party == table.party)
            .select(
                table.id.as_('id'),
                table.party.as_('party'),
                table.company.as_('company'),
                Coalesce(profile.manager, table.quoted_by).as_('employee'),
                table.quotation_date.as_('date'),
                (days_between(table.quotation_date, day) - interval
                    ).as_('days'),
                interval.as_('interval'),
                where=(table.company == company)
                & (table.state == 'quotation')
                & (table.quotation_date != Null)
                & ((done.date == Null) | (done.date <= table.quotation_date))
                & (add_days(table.quotation_date, interval) <= day))]
