# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.model import ModelView
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval
from trytond.transaction import check_access


class Sale(metaclass=PoolMeta):
    __name__ = 'sale.sale'

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._buttons.update({
                'invoice_and_deliver': {
                    'invisible': ~Eval('state').in_([
                            'draft', 'quotation', 'confirmed', 'processing']),
                    'icon': 'tryton-launch',
                    'depends': ['state'],
                    },
                })

    @classmethod
    @ModelView.button
    def invoice_and_deliver(cls, sales):
        """Confirm the sales, deliver their goods and post their invoices.

        Each step has the checks and the rights of core; where one fails
        nothing is done.
        """
        pool = Pool()
        Invoice = pool.get('account.invoice')
        Shipment = pool.get('stock.shipment.out')
        with check_access():
            cls.quote([s for s in sales if s.state == 'draft'])
            cls.confirm([s for s in sales if s.state == 'quotation'])
            if confirmed := [s for s in sales if s.state == 'confirmed']:
                cls.process(confirmed)
            shipments = [
                p for s in cls.browse(sales) for p in s.shipments
                if p.state not in {'done', 'cancelled'}]
            Shipment.deliver_now(shipments)
            # What is invoiced by shipment is so after the delivery
            cls.process(sales)
            Invoice.post([
                    i for s in cls.browse(sales) for i in s.invoices
                    if i.state in {'draft', 'validated'}])
