# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from sql.conditionals import Coalesce
from sql.operators import Concat

from trytond.pool import Pool, PoolMeta


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
