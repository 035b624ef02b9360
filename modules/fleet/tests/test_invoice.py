# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from decimal import Decimal

from trytond.modules.fleet.exceptions import StateError
from trytond.modules.fleet.tests.tools import (
    ExtrasTestCase, create_order, create_transport_product, with_company)
from trytond.pool import Pool


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

    @with_company
    def test_no_price(self):
        create_transport_product()
        order = self.deliver()
        with self.assertRaises(StateError) as refusal:
            type(order).invoice([order])
        self.assertIn(order.number, refusal.exception.message)
