# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from decimal import Decimal

from trytond.modules.fleet.exceptions import StateError
from trytond.modules.fleet.tests.tools import (
    ExtrasTestCase, create_order, create_transport_product, with_company)
from trytond.pool import Pool


class SaleTestCase(ExtrasTestCase):
    "Test transport orders that are sold"

    def create_product(self):
        unit = Pool().get('product.uom').search([('name', '=', "Unit")])[0]
        create_transport_product(salable=True, sale_uom=unit.id)

    def process(self, sale, method='fulfillment'):
        "Confirm and process a sale"
        Sale = Pool().get('sale.sale')
        sale.invoice_method = method
        sale.invoice_address = sale.party.address_get()
        sale.shipment_address = sale.party.address_get()
        sale.save()
        Sale.quote([sale])
        Sale.confirm([sale])
        Sale.process([sale])

    def carry(self, order):
        "Confirm and deliver an order, as the queue then processes its sale"
        pool = Pool()
        Queue = pool.get('ir.queue')
        Order = pool.get('fleet.order')
        Sale = pool.get('sale.sale')
        if order.state != 'confirmed':
            Order.confirm([order])
        before = Queue.search([], count=True)
        Order.deliver([order])
        task, *_ = Queue.search([], order=[('id', 'DESC')])
        self.assertEqual(Queue.search([], count=True), before + 1)
        self.assertEqual(task.data['model'], 'sale.sale')
        self.assertEqual(task.data['method'], 'process')
        Sale.process([order.sale_line.sale])

    @with_company
    def test_sell(self):
        "One sale a customer, which invoices what is delivered"
        Order = Pool().get('fleet.order')
        self.create_product()
        one = create_order(amount=Decimal('410.50'))
        two = create_order(amount=Decimal(90))
        two.party = one.party
        two.save()
        without_price = create_order()
        with self.assertRaises(StateError) as refusal:
            Order.sell([without_price])
        self.assertIn(without_price.number, refusal.exception.message)
        Order.sell([one, two])
        sale = one.sale_line.sale
        self.assertEqual(
            [l.amount for l in sale.lines], [Decimal('410.50'), Decimal(90)])
        self.assertEqual(two.sale_line.sale, sale)
        self.assertTrue(one.sold)
        # Selling again sells nothing twice
        Order.sell([one, two])
        self.assertEqual(len(sale.lines), 2)

        self.process(sale)
        self.assertEqual(sale.invoices, ())
        self.assertEqual(Order.search([], count=True), 3)
        Order.confirm([one])
        self.carry(one)
        self.assertEqual(one.state, 'invoiced')
        line, = sale.invoices[0].lines
        self.assertEqual(line.amount, Decimal('410.50'))
        self.assertIn(one.number, line.description)
        Order.confirm([two])
        Order.deliver([two])
        with self.assertRaises(StateError) as refusal:
            Order.invoice([two])
        self.assertIn(sale.number, refusal.exception.message)

    @with_company
    def test_cancelled_sale(self):
        "The orders of a cancelled sale are to be sold or invoiced again"
        pool = Pool()
        Order = pool.get('fleet.order')
        Sale = pool.get('sale.sale')
        self.create_product()
        order = create_order(amount=Decimal(90))
        Order.sell([order])
        first = order.sale_line.sale
        Sale.cancel([first])
        self.assertFalse(order.sold)
        Order.sell([order])
        self.assertNotEqual(order.sale_line.sale, first)

    @with_company
    def test_sold_first(self):
        "A sale of the transport service makes the transport order"
        pool = Pool()
        Order = pool.get('fleet.order')
        Sale = pool.get('sale.sale')
        Party = pool.get('party.party')
        self.create_product()
        product = pool.get('fleet.configuration')(1).transport_product
        party, = Party.create([{
                    'name': "Buyer",
                    'addresses': [('create', [{'city': "Gent"}])]}])
        sale = Sale(party=party, reference="PO 7")
        sale.on_change_party()
        sale.lines = [{}]
        line = sale.lines[0]
        line.type, line.product, line.quantity = 'line', product, 1
        line.on_change_product()
        line.unit_price = Decimal(320)
        self.process(sale, method='order')
        order, = Order.search([])
        self.assertEqual(
            (order.party, order.reference, order.amount, order.state),
            (party, "PO 7", Decimal(320), 'draft'))
        self.assertEqual(order.stops[0].address, sale.shipment_address)
        Sale.process([sale])
        self.assertEqual(Order.search([], count=True), 1)
        # Invoiced when it is ordered, and marked so once delivered
        self.assertEqual(len(sale.invoices), 1)
        load, = pool.get('fleet.order.stop').create([{
                    'order': order.id, 'kind': 'load',
                    'address': party.addresses[0].id}])
        self.carry(order)
        self.assertEqual(order.state, 'invoiced')
        self.assertEqual(len(sale.invoices), 1)
