# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from sql import Null
from sql.aggregate import Min
from sql.conditionals import Coalesce
from sql.functions import Extract

from trytond.pool import Pool, PoolMeta
from trytond.transaction import Transaction


class Cover(metaclass=PoolMeta):
    __name__ = 'stock.cover'

    @classmethod
    def _joins(cls, from_item, total):
        from_item, minimum, _ = super()._joins(from_item, total)
        supplier = cls._supplier_days()
        from_item = from_item.join(supplier, 'LEFT',
            condition=supplier.product == total.product)
        return from_item, minimum, supplier.days

    @classmethod
    def _supplier_days(cls):
        "Return the query of the shortest lead time of each product"
        pool = Pool()
        Product = pool.get('product.product')
        Supplier = pool.get('purchase.product_supplier')
        PartyLeadTime = pool.get('party.party.supplier_lead_time')
        company = Transaction().context.get('company', -1)
        product = Product.__table__()
        supplier = Supplier.__table__()
        party = PartyLeadTime.__table__()
        lead_time = Coalesce(supplier.lead_time, party.supplier_lead_time)
        return (supplier
            .join(product,
                condition=(supplier.template == product.template)
                & ((supplier.product == Null)
                    | (supplier.product == product.id)))
            .join(party, 'LEFT',
                condition=(supplier.party == party.party)
                & (party.company == company))
            .select(
                product.id.as_('product'),
                Min(Extract('EPOCH', lead_time) / 86400.).as_('days'),
                where=(supplier.company == company)
                & (lead_time != Null),
                group_by=[product.id]))
