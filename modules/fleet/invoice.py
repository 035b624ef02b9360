# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from collections import defaultdict

from trytond.i18n import gettext
from trytond.model import ModelView, Workflow, fields
from trytond.modules.product import round_price
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Bool, Eval, If
from trytond.transaction import Transaction, without_check_access

from .cost import CATEGORIES
from .exceptions import StateError

_fleet = {
    'invisible': Eval('invoice_type') != 'in',
    'readonly': Eval('invoice_state') != 'draft',
    }


class Configuration(metaclass=PoolMeta):
    __name__ = 'fleet.configuration'

    transport_product = fields.Many2One(
        'product.product', "Transport Service", ondelete='RESTRICT',
        domain=[
            ('type', '=', 'service'),
            ],
        help="The product that invoices of transport orders name. Its "
        "category tells account and taxes.")


class Order(metaclass=PoolMeta):
    __name__ = 'fleet.order'

    invoice_lines = fields.One2Many(
        'account.invoice.line', 'origin', "Invoice Lines", readonly=True)

    @classmethod
    def _setup_buttons(cls):
        super()._setup_buttons()
        cls._buttons.update({
                'invoice': {
                    'invisible': Eval('state') != 'delivered',
                    'readonly': ~Eval('amount'),
                    'icon': 'tryton-forward',
                    'depends': ['state', 'amount'],
                    },
                })

    @classmethod
    @ModelView.button
    @Workflow.transition('invoiced')
    def invoice(cls, orders):
        "Make one invoice for the orders of each payer and currency"
        Invoice = Pool().get('account.invoice')
        if not orders:
            return
        product = cls.get_transport_product()
        by_payer = defaultdict(list)
        for order in orders:
            order.check_price()
            by_payer[order.company, order.payer, order.currency].append(
                order)
        with without_check_access():
            invoices = []
            for (company, party, currency), grouped in by_payer.items():
                invoice = cls._get_invoice(company, party, currency)
                invoice.lines = [
                    order._get_invoice_line(invoice, product)
                    for order in grouped]
                invoices.append(invoice)
            Invoice.save(invoices)
            Invoice.update_taxes(invoices)

    @classmethod
    def get_transport_product(cls):
        "Return the product that sells carriage, StateError if not chosen"
        Configuration = Pool().get('fleet.configuration')
        product = Configuration(1).transport_product
        if not product:
            raise StateError(gettext('fleet.msg_invoice_no_product'))
        return product

    def check_price(self):
        if self.amount is None:
            raise StateError(gettext(
                    'fleet.msg_invoice_no_price', order=self.rec_name))

    @property
    def invoice_text(self):
        "What invoices say of the carriage"
        return ' '.join(filter(None, [self.rec_name, self.route]))

    @classmethod
    def _get_invoice(cls, company, party, currency):
        Invoice = Pool().get('account.invoice')
        invoice = Invoice(
            company=company, type='out', party=party, currency=currency)
        invoice.set_journal()
        invoice.on_change_party()
        return invoice

    def _get_invoice_line(self, invoice, product):
        pool = Pool()
        Line = pool.get('account.invoice.line')
        Product = pool.get('product.product')
        with Transaction().set_context(company=self.company.id):
            product = Product(product.id)
        line = Line(
            invoice=invoice, company=self.company, type='line',
            party=invoice.party, currency=self.currency,
            invoice_type='out', product=product, origin=self)
        line.on_change_product()
        line.quantity = 1
        line.unit_price = round_price(self.amount)
        line.description = self.invoice_text
        return line

    @property
    def billed(self):
        "Whether an invoice that is not cancelled has the order"
        return any(
            not line.invoice or line.invoice.state != 'cancelled'
            for line in self.invoice_lines)

    @classmethod
    @Workflow.transition('invoiced')
    def bill(cls, orders):
        "Orders that are on an invoice"

    @classmethod
    @Workflow.transition('delivered')
    def uninvoice(cls, orders):
        "Orders whose invoice is cancelled are to be invoiced again"

    @classmethod
    @without_check_access
    def take_off(cls, ids):
        "Let those be invoiced again that are on no invoice any more"
        cls.uninvoice([o for o in cls.browse(ids) if not o.billed])

    @classmethod
    def copy(cls, orders, default=None):
        default = default.copy() if default else {}
        default.setdefault('invoice_lines')
        return super().copy(orders, default=default)


class Invoice(metaclass=PoolMeta):
    __name__ = 'account.invoice'

    @classmethod
    def cancel(cls, invoices):
        pool = Pool()
        Cost = pool.get('fleet.cost')
        Order = pool.get('fleet.order')
        super().cancel(invoices)
        with without_check_access():
            Cost.take_back([
                    line for i in invoices if i.state == 'cancelled'
                    for line in i.lines])
        Order.take_off(list({
                    o.id for i in invoices if i.state == 'cancelled'
                    for o in i.transport_orders}))

    @classmethod
    def draft(cls, invoices):
        Order = Pool().get('fleet.order')
        with without_check_access():
            orders = {o for i in invoices for o in i.transport_orders}
            for order in orders:
                others = {
                    l.invoice for l in order.invoice_lines
                    if l.invoice and l.invoice.state != 'cancelled'
                    } - set(invoices)
                if others:
                    raise StateError(gettext(
                            'fleet.msg_order_billed', order=order.rec_name,
                            invoice=others.pop().rec_name))
        super().draft(invoices)
        with without_check_access():
            Order.bill(list(orders))

    @property
    def transport_orders(self):
        "The transport orders that the lines invoice"
        Order = Pool().get('fleet.order')
        return [l.origin for l in self.lines if isinstance(l.origin, Order)]

    @classmethod
    def _post(cls, invoices):
        super()._post(invoices)
        cls._post_fleet_costs(invoices)

    @classmethod
    @without_check_access
    def _post_fleet_costs(cls, invoices):
        "Enter what suppliers ask for vehicles and trips"
        pool = Pool()
        Cost = pool.get('fleet.cost')
        Currency = pool.get('currency.currency')
        vlist = []
        for invoice in invoices:
            if invoice.type != 'in':
                continue
            date = invoice.accounting_date or invoice.invoice_date
            for line in invoice.lines:
                if not (line.fleet_vehicle or line.fleet_trip):
                    continue
                trip = line.fleet_trip
                vehicle = line.fleet_vehicle or trip.vehicle
                with Transaction().set_context(date=date):
                    amount = Currency.compute(
                        line.currency, line.amount, invoice.company.currency)
                vlist.append({
                        'company': invoice.company.id,
                        'date': date,
                        'vehicle': vehicle.id if vehicle else None,
                        'trip': trip.id if trip else None,
                        'driver': (
                            trip.driver.id if trip and trip.driver else None),
                        'category': line.fleet_category,
                        'description': line.rec_name,
                        'quantity': line.quantity,
                        'amount': amount,
                        'origin': line,
                        })
        Cost.post(vlist)


class InvoiceLine(metaclass=PoolMeta):
    __name__ = 'account.invoice.line'

    fleet_vehicle = fields.Many2One(
        'fleet.vehicle', "Vehicle", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        states=_fleet,
        help="What the line costs enters the costs of the vehicle when the "
        "invoice is posted.")
    fleet_trip = fields.Many2One(
        'fleet.trip', "Trip", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            If(Bool(Eval('fleet_vehicle')), [
                    'OR',
                    ('vehicle', '=', Eval('fleet_vehicle', -1)),
                    ('trailers', '=', Eval('fleet_vehicle', -1)),
                    ], ()),
            ],
        states=_fleet)
    fleet_category = fields.Selection(
        [(None, ""), *CATEGORIES], "Category of Cost", sort=False,
        states={
            **_fleet,
            'required': (
                Bool(Eval('fleet_vehicle')) | Bool(Eval('fleet_trip'))),
            })

    @fields.depends('fleet_vehicle', 'fleet_category')
    def on_change_fleet_vehicle(self):
        if self.fleet_vehicle and not self.fleet_category:
            self.fleet_category = 'repair'

    @fields.depends('fleet_trip', 'fleet_category')
    def on_change_fleet_trip(self):
        if self.fleet_trip and not self.fleet_category:
            self.fleet_category = 'toll'

    @classmethod
    def _get_origin(cls):
        return super()._get_origin() + ['fleet.order']

    @classmethod
    def on_delete(cls, lines):
        Order = Pool().get('fleet.order')
        callbacks = super().on_delete(lines)
        orders = [l.origin.id for l in lines if isinstance(l.origin, Order)]
        if orders:
            callbacks.append(lambda: Order.take_off(orders))
        return callbacks


class Cost(metaclass=PoolMeta):
    __name__ = 'fleet.cost'

    @classmethod
    def _get_origins(cls):
        return super()._get_origins() + ['account.invoice.line']
