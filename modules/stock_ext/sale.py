# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.i18n import gettext
from trytond.model import ModelView
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval
from trytond.transaction import check_access

from .exceptions import DeliveryError


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

        What the methods of a sale leave to be made by hand is made too.  Each
        step has the checks and the rights of core; where one fails nothing is
        done.
        """
        pool = Pool()
        Invoice = pool.get('account.invoice')
        Shipment = pool.get('stock.shipment.out')
        with check_access():
            cls.quote([s for s in sales if s.state == 'draft'])
            cls.confirm([s for s in sales if s.state == 'quotation'])
            if confirmed := [s for s in sales if s.state == 'confirmed']:
                cls.process(confirmed)
            cls.manual_shipment([s for s in cls.browse(sales) if s.to_ship])
            sales = cls.browse(sales)
            cls.check_deliverable(sales)
            Shipment.deliver_now(
                [p for s in sales for p in s.open_shipments])
            # What is invoiced by shipment is so after the delivery
            cls.process(sales)
            cls.manual_invoice(
                [s for s in cls.browse(sales) if s.to_invoice])
            Invoice.post([
                    i for s in cls.browse(sales) for i in s.invoices
                    if i.state in {'draft', 'validated'}])

    @property
    def open_shipments(self):
        "The customer shipments that are still to be done"
        return [
            s for s in self.shipments if s.state not in {'done', 'cancelled'}]

    @classmethod
    def check_deliverable(cls, sales):
        "Check that no sale waits for a payment to ship its goods"
        for sale in sales:
            if (sale.shipment_method == 'invoice'
                    and not sale.open_shipments
                    and any(
                        l.quantity > 0 and l.moves_progress < 1
                        for l in sale.line_lines
                        if l.moves_progress is not None)):
                raise DeliveryError(gettext(
                        'stock_ext.msg_sale_ships_paid',
                        sale=sale.rec_name,
                        method=sale.shipment_method_string))
