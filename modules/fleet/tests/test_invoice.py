# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from decimal import Decimal

from trytond.modules.account.tests import get_fiscalyear
from trytond.modules.account_invoice.tests import set_invoice_sequences
from trytond.modules.fleet.exceptions import StateError
from trytond.modules.fleet.tests.tools import (
    ExtrasTestCase, create_order, create_transport_product, create_vehicles,
    with_company)
from trytond.pool import Pool
from trytond.transaction import Transaction


class InvoiceTestCase(ExtrasTestCase):
    "Test invoices of transport orders"

    def deliver(self, **values):
        order = create_order(**values)
        type(order).confirm([order])
        type(order).deliver([order])
        return order

    @with_company
    def test_invoice(self):
        "One invoice a payer, a cancelled one opens the orders again"
        pool = Pool()
        Order = pool.get('fleet.order')
        Invoice = pool.get('account.invoice')
        one = self.deliver(amount=Decimal('410.50'))
        with self.assertRaises(StateError):
            Order.invoice([one])
        revenue = create_transport_product()
        two = self.deliver(amount=Decimal(90), invoice_party=one.party.id)
        other = self.deliver(amount=Decimal(7))
        Order.invoice([one, two, other])
        self.assertEqual(
            {o.state for o in [one, two, other]}, {'invoiced'})
        invoices = {i.party: i for i in Invoice.search([])}
        self.assertEqual(set(invoices), {one.party, other.party})
        invoice = invoices[one.party]
        self.assertEqual(invoice.untaxed_amount, Decimal('500.50'))
        self.assertEqual({l.origin for l in invoice.lines}, {one, two})
        self.assertEqual({l.account for l in invoice.lines}, {revenue})
        Invoice.cancel([invoice])
        self.assertEqual(
            [Order(o.id).state for o in [one, two, other]],
            ['delivered', 'delivered', 'invoiced'])

    def create_year(self):
        "Open the year and return an account of expense"
        pool = Pool()
        company = pool.get('company.company')(
            Transaction().context['company'])
        year = set_invoice_sequences(get_fiscalyear(company))
        year.save()
        year.create_period([year])
        account, = pool.get('account.account').search([
                ('type.expense', '=', True), ('closed', '=', False)],
            limit=1)
        return account

    @with_company
    def test_supplier_invoice(self):
        "A line that names a vehicle is its cost until it is cancelled"
        pool = Pool()
        Cost = pool.get('fleet.cost')
        Invoice = pool.get('account.invoice')
        account = self.create_year()
        vehicle, = create_vehicles(1)
        party, = pool.get('party.party').create([{
                    'name': "Garage", 'addresses': [('create', [{}])]}])
        today = pool.get('ir.date').today()
        invoice = Invoice(
            type='in', party=party, invoice_date=today,
            company=Transaction().context['company'])
        invoice.set_journal()
        invoice.on_change_party()
        invoice.lines = [
            pool.get('account.invoice.line')(
                type='line', quantity=2, unit_price=Decimal(price),
                account=account, invoice_type='in', party=party,
                fleet_vehicle=to, fleet_category=category)
            for price, to, category in [
                ('45.25', vehicle, 'repair'), ('10', None, None)]]
        invoice.save()
        Invoice.post([invoice])
        cost, = Cost.search([])
        self.assertEqual(
            (cost.vehicle, cost.category, cost.amount, cost.date),
            (vehicle, 'repair', Decimal('90.50'), today))
        Invoice.cancel([invoice])
        self.assertEqual(sum(c.amount for c in Cost.search([])), 0)

    @with_company
    def test_no_price(self):
        create_transport_product()
        order = self.deliver()
        with self.assertRaises(StateError) as refusal:
            type(order).invoice([order])
        self.assertIn(order.number, refusal.exception.message)

    @with_company
    def test_again(self):
        "An order is never invoiced twice, and not lost with its line"
        pool = Pool()
        Order = pool.get('fleet.order')
        Invoice = pool.get('account.invoice')
        create_transport_product()
        order = self.deliver(amount=Decimal(90))
        Order.invoice([order])
        invoice, = Invoice.search([])
        Invoice.cancel([invoice])
        Invoice.draft([invoice])
        self.assertEqual(Order(order.id).state, 'invoiced')
        pool.get('account.invoice.line').delete(
            Invoice(invoice.id).lines)
        order = Order(order.id)
        self.assertEqual(order.state, 'delivered')
        Order.invoice([order])
        one, = Invoice.search([('id', '!=', invoice.id)])
        Invoice.cancel([one])
        Order.invoice([Order(order.id)])
        with self.assertRaises(StateError) as refusal:
            Invoice.draft([one])
        self.assertIn(order.number, refusal.exception.message)

    @with_company
    def test_price(self):
        "The price is entered until the order is invoiced"
        Order = Pool().get('fleet.order')
        create_transport_product()
        order = self.deliver()
        with Transaction().set_context(_check_access=True):
            Order.write([order], {'amount': Decimal(90)})
        Order.invoice([order])
        with Transaction().set_context(_check_access=True):
            with self.assertRaises(StateError) as refusal:
                Order.write([order], {'amount': Decimal(80)})
        self.assertIn(order.number, refusal.exception.message)
