# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt

from trytond.pool import Pool, PoolMeta

from .rule import Source

_ORDERED = ['confirmed', 'processing', 'done']


class Template(metaclass=PoolMeta):
    __name__ = 'mailing.template'

    @classmethod
    def roots(cls):
        return {
            **super().roots(),
            'sale.sale': {
                'party': ('party', 'party.party'),
                'sale': ('', 'sale.sale'),
                },
            }

    @classmethod
    def vocabulary(cls):
        return {
            **super().vocabulary(),
            'sale.sale': {
                'number': 'number',
                'date': 'sale_date',
                'reference': 'reference',
                'total_amount': 'total_amount',
                'state': 'state',
                'shipping_date': 'shipping_date',
                },
            }


class Rule(metaclass=PoolMeta):
    __name__ = 'mailing.rule'

    @classmethod
    def sources(cls):
        return {
            **super().sources(),
            'sale.sale': Source('party', 'company', ('sale_date',)),
            }


class Criterion(metaclass=PoolMeta):
    __name__ = 'mailing.segment.criterion'

    @classmethod
    def criteria(cls):
        return {
            **super().criteria(),
            'ordered': ("Ordered within", 'days'),
            }

    def _domain_ordered(self):
        pool = Pool()
        sale = pool.get('sale.sale').__table__()
        since = pool.get('ir.date').today() - dt.timedelta(days=self.days)
        return [('id', 'in', sale.select(
                    sale.party,
                    where=(sale.company == self._company)
                    & sale.state.in_(_ORDERED)
                    & (sale.sale_date >= since)))]
