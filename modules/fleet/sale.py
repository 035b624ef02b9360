# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from collections import defaultdict

from trytond.i18n import gettext
from trytond.model import ModelView, fields
from trytond.modules.product import round_price
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval
from trytond.transaction import without_check_access

from .exceptions import StateError


class Order(metaclass=PoolMeta):
    __name__ = 'fleet.order'

    sale_line = fields.Many2One(
        'sale.line', "Sale Line", readonly=True, ondelete='SET NULL',
        help="What sells the carriage and invoices it.")
    sold = fields.Function(
        fields.Boolean("Sold", help="A sale invoices the carriage."),
        'on_change_with_sold')

    @classmethod
    def _setup_buttons(cls):
        super()._setup_buttons()
        sold = Eval('sold', False)
        cls._buttons['invoice']['invisible'] |= sold
        cls._buttons['invoice']['depends'] += ['sold']
        cls._buttons.update({
                'sell': {
                    'invisible': sold | ~Eval('state').in_(
                        ['draft', 'quoted', 'confirmed', 'in_transit',
                            'delivered']),
                    'readonly': ~Eval('amount'),
                    'icon': 'tryton-forward',
                    'depends': ['state', 'amount', 'sold'],
                    },
                })

    @fields.depends('sale_line', '_parent_sale_line.sale_state')
    def on_change_with_sold(self, name=None):
        return bool(
            self.sale_line and self.sale_line.sale_state != 'cancelled')

    @classmethod
    def copy(cls, orders, default=None):
        default = default.copy() if default else {}
        default.setdefault('sale_line')
        return super().copy(orders, default=default)

    @classmethod
    @ModelView.button
    def sell(cls, orders):
        "Make one draft sale for the orders of each customer and currency"
        Sale = Pool().get('sale.sale')
        if not orders:
            return
        product = cls.get_transport_product()
        grouped = defaultdict(list)
        for order in orders:
            if not order.sold:
                order.check_price()
                grouped[
                    order.company, order.party, order.invoice_party,
                    order.contact, order.currency].append(order)
        with without_check_access():
            sales = []
            for key, of_sale in grouped.items():
                sale = cls._get_sale(*key)
                sale.lines = [
                    order._get_sale_line(sale, product) for order in of_sale]
                sales.append(sale)
            Sale.save(sales)

    @classmethod
    def _get_sale(cls, company, party, invoice_party, contact, currency):
        Sale = Pool().get('sale.sale')
        sale = Sale(company=company, party=party, invoice_party=invoice_party)
        sale.on_change_party()
        sale.on_change_invoice_party()
        sale.contact, sale.currency = contact, currency
        return sale

    def _get_sale_line(self, sale, product):
        Line = Pool().get('sale.line')
        line = Line(type='line', sale=sale, product=product, quantity=1)
        line.on_change_product()
        line.unit_price = round_price(self.amount)
        line.description = self.invoice_text
        line.transport_orders = [self]
        return line

    @classmethod
    @ModelView.button
    def invoice(cls, orders):
        for order in orders:
            if order.sold:
                raise StateError(gettext(
                        'fleet.msg_order_sold', order=order.rec_name,
                        sale=order.sale_line.sale.rec_name))
        super().invoice(orders)

    @classmethod
    @ModelView.button
    def deliver(cls, orders):
        Sale = Pool().get('sale.sale')
        super().deliver(orders)
        with without_check_access():
            Sale.__queue__.process(list({
                        o.sale_line.sale for o in orders if o.sold}))


class Sale(metaclass=PoolMeta):
    __name__ = 'sale.sale'

    @classmethod
    @ModelView.button
    def process(cls, sales):
        super().process(sales)
        with without_check_access():
            sales = cls.browse(sales)
            cls._order_transport(sales)
            cls._bill_transport(sales)

    @classmethod
    def _order_transport(cls, sales):
        "Make a transport order of each line that sells the service"
        pool = Pool()
        Configuration = pool.get('fleet.configuration')
        Order = pool.get('fleet.order')
        product = Configuration(1).transport_product
        Order.save([
                line._get_transport_order()
                for sale in sales if sale.state == 'processing'
                for line in sale.line_lines
                if product and line.product == product
                and (line.quantity or 0) > 0 and not line.transport_orders])

    @classmethod
    def _bill_transport(cls, sales):
        Order = Pool().get('fleet.order')
        Order.bill([
                order for sale in sales for line in sale.line_lines
                if any(
                    l.invoice and l.invoice.state != 'cancelled'
                    for l in line.invoice_lines)
                for order in line.transport_orders
                if order.state == 'delivered'])


class Line(metaclass=PoolMeta):
    __name__ = 'sale.line'

    transport_orders = fields.One2Many(
        'fleet.order', 'sale_line', "Transport Orders", readonly=True)

    def _get_transport_order(self):
        pool = Pool()
        Order = pool.get('fleet.order')
        Stop = pool.get('fleet.order.stop')
        sale = self.sale
        order = Order(
            company=sale.company, party=sale.party,
            invoice_party=sale.invoice_party, contact=sale.contact,
            reference=sale.reference, currency=sale.currency,
            amount=self.amount, notes=self.description, sale_line=self)
        if sale.shipment_address:
            order.stops = [
                Stop(kind='unload', address=sale.shipment_address)]
        return order

    def _get_invoice_line_quantity(self):
        quantity = super()._get_invoice_line_quantity()
        orders = [o for o in self.transport_orders if o.state != 'cancelled']
        if (self.sale.invoice_method == 'fulfillment'
                and self.transport_orders
                and not (orders and all(
                        o.state in {'delivered', 'invoiced'}
                        for o in orders))):
            return 0
        return quantity

    @classmethod
    def copy(cls, lines, default=None):
        default = default.copy() if default else {}
        default.setdefault('transport_orders')
        return super().copy(lines, default=default)
