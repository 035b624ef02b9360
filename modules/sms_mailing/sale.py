# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.pool import PoolMeta

from .rule import Source


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
