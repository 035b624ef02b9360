# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import unittest
from decimal import Decimal

from trytond.modules.fleet.engine.tariff import Rule, amount
from trytond.modules.fleet.exceptions import TariffError
from trytond.modules.fleet.tests.tools import (
    FleetTestCase, create_order, with_company)
from trytond.pool import Pool


class TariffEngineTestCase(unittest.TestCase):
    "Test the arithmetic of tariffs"

    def test_percent(self):
        rules = [Rule('revenue', Decimal('10.5'), percent=True)]
        self.assertEqual(
            amount(rules, {'revenue': Decimal(1200)}), Decimal('126'))

    def test_ranges(self):
        rules = [
            Rule('km', Decimal('0.25'), end=Decimal(300)),
            Rule('km', Decimal('0.20'), start=Decimal(300))]
        for km, first, graduated in [
                (100, 25, 25), (300, 60, 75), (420, 84, 99)]:
            with self.subTest(km=km):
                self.assertEqual(amount(rules, {'km': Decimal(km)}), first)
                self.assertEqual(
                    amount(rules, {'km': Decimal(km)}, graduated=True),
                    graduated)

    def test_sum(self):
        "Bases add up, the minimum holds, nothing known is no price"
        rules = [
            Rule('km', Decimal('1.45'), fixed=Decimal(20)),
            Rule('stop', Decimal(25), start=Decimal(1))]
        quantities = {'km': Decimal(60), 'stop': Decimal(1)}
        self.assertEqual(amount(rules, quantities), Decimal('132'))
        self.assertEqual(
            amount(rules, quantities, minimum=Decimal(180)), 180)
        self.assertIsNone(amount(rules, {'kg': Decimal(5)}))


class TariffTestCase(FleetTestCase):
    "Test tariffs"

    @with_company
    def test_order(self):
        "The tariff of the customer comes before the one for all"
        pool = Pool()
        Tariff = pool.get('fleet.tariff')
        order = create_order(kg=8000, km=200.)
        general, own = Tariff.create([{
                    'name': "All", 'rules': [('create', [
                                {'basis': 'km', 'rate': Decimal('1.2')},
                                ])],
                    }, {
                    'name': "Own", 'party': order.party.id,
                    'minimum': Decimal(300), 'rules': [('create', [
                                {'basis': 'tonne_km',
                                    'rate': Decimal('0.11')},
                                {'basis': 'stop',
                                    'rate': Decimal('20.0025')},
                                ])],
                    }])
        order.on_change_party()
        self.assertEqual(order.tariff, own)
        order.save()
        type(order).compute_price([order])
        self.assertEqual(order.amount, Decimal('300.00'))
        order.km = 400.
        order.save()
        type(order).compute_price([order])
        self.assertEqual(order.amount, Decimal('392.00'))
        order.tariff = general
        order.save()
        type(order).compute_price([order])
        self.assertEqual(order.amount, Decimal('480.00'))

    @with_company
    def test_km(self):
        "The km of the price are estimated along the stops"
        pool = Pool()
        Tariff = pool.get('fleet.tariff')
        order = create_order()
        order.tariff, = Tariff.create([{
                    'name': "All", 'rules': [('create', [
                                {'basis': 'km', 'rate': Decimal(1)}])]}])
        order.save()
        with self.assertRaises(TariffError):
            type(order).compute_price([order])
        for stop, longitude in zip(order.stops, [4., 5.]):
            stop.address.latitude, stop.address.longitude = 0., longitude
            stop.address.save()
        type(order).compute_price([order])
        self.assertEqual(order.km, 144.6)
        self.assertEqual(order.amount, Decimal('144.60'))
