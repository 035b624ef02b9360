# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from decimal import Decimal

from trytond.modules.fleet.tests.tools import (
    ExtrasTestCase, create_order, with_company)
from trytond.pool import Pool


class CarrierTestCase(ExtrasTestCase):
    "Test hired carriers"

    def create_carrier(self):
        "Create a carrier that asks for 50 and 1.10 a kilometre"
        pool = Pool()
        unit, = pool.get('product.uom').search([('name', '=', "Unit")])
        template, = pool.get('product.template').create([{
                    'name': "Carriage", 'type': 'service',
                    'default_uom': unit.id, 'products': [('create', [{}])]}])
        tariff, = pool.get('fleet.tariff').create([{
                    'name': "Swift", 'category': 'supplier',
                    'rules': [('create', [{
                                    'basis': 'km', 'rate': Decimal('1.1'),
                                    'fixed': Decimal(50)}])]}])
        party, = pool.get('party.party').create([{'name': "Swift"}])
        carrier, = pool.get('carrier').create([{
                    'party': party.id,
                    'carrier_product': template.products[0].id,
                    'carrier_cost_method': 'fleet',
                    'cost_tariff': tariff.id}])
        return carrier

    @with_company
    def test_order(self):
        "The order of a hired carrier tells what it costs"
        order = create_order(km=200.)
        order.carrier = self.create_carrier()
        order.on_change_carrier()
        self.assertEqual(order.carrier_cost, Decimal('270.00'))
        order.km = None
        order.on_change_carrier()
        self.assertIsNone(order.carrier_cost)
        order.save()
        type(order).confirm([order])
        type(order).deliver([order])
        self.assertEqual(order.state, 'delivered')

    @with_company
    def test_shipment(self):
        "A shipment costs by the way to the customer"
        pool = Pool()
        Location = pool.get('stock.location')
        Shipment = pool.get('stock.shipment.out')
        order = create_order()
        here, there = order.party.addresses
        pool.get('fleet.distance').create([{
                    'from_address': here.id, 'to_address': there.id,
                    'km': 100}])
        warehouse, = Location.search([('type', '=', 'warehouse')])
        warehouse.address = here
        warehouse.save()
        shipment = Shipment(
            company=order.company, warehouse=warehouse,
            customer=order.party, delivery_address=there, state='draft',
            carrier=self.create_carrier())
        self.assertEqual(
            shipment.on_change_with_cost_used(), Decimal('160.0000'))
        warehouse.address = None
        warehouse.save()
        self.assertIsNone(shipment.on_change_with_cost_used())
