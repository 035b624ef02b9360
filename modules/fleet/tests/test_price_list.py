# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from decimal import Decimal

from trytond.modules.fleet.exceptions import TariffError
from trytond.modules.fleet.tests.tools import (
    ExtrasTestCase, create_order, iter_cases, with_company)
from trytond.modules.product_price_list.exceptions import FormulaError
from trytond.pool import Pool


class PriceListTestCase(ExtrasTestCase):
    "Test prices of transport orders by price lists"

    def create_price_list(self, formula, **values):
        PriceList = Pool().get('product.price_list')
        price_list, = PriceList.create([{
                    'name': formula, **values,
                    'lines': [('create', [{'formula': formula}])]}])
        return price_list

    def price(self, order, formula):
        order.price_list = self.create_price_list(formula)
        order.save()
        type(order).compute_price([order])
        return order.amount

    @with_company
    def test_formula(self):
        "Formulas name what the order tells"
        order = create_order(kg=8400, places=3, km=250.)
        for formula, amount in [
                ("km * 1.45 + max(stops - 1, 0) * 25", '412.50'),
                ("max(180, tonnes * 10)", '180.00'),
                ("min(tonne_km * 0.1, 200)", '200.00'),
                ("kg / 1000", '8.40'),
                ]:
            with self.subTest(formula=formula):
                self.assertEqual(
                    self.price(order, formula), Decimal(amount))

    @with_company
    def test_unknown(self):
        "What the order does not tell makes no price, not one of nothing"
        order = create_order(km=250.)
        for formula in ["max(180, pallets * 60)", "m3 * 4"]:
            with self.subTest(formula=formula):
                with self.assertRaises(TariffError) as refusal:
                    self.price(order, formula)
                self.assertIn(order.number, refusal.exception.message)
        with self.assertRaises(FormulaError):
            self.create_price_list("kilometres * 2")

    @with_company
    def test_cases(self):
        for id_, given, expect in iter_cases(self, 'PR-'):
            order = create_order(
                places=given['stops'], km=float(given['km']))
            self.assertEqual(
                self.price(order, given['formula']),
                Decimal(str(expect['price'])))


class SalePriceListTestCase(ExtrasTestCase):
    "Test the price list of a customer"

    @with_company
    def test_party(self):
        "The customer's own price list comes before the tariff for all"
        pool = Pool()
        Tariff = pool.get('fleet.tariff')
        order = create_order(km=100.)
        general, = Tariff.create([{'name': "All"}])
        order.on_change_party()
        self.assertEqual((order.tariff, order.price_list), (general, None))
        price_list, = pool.get('product.price_list').create([{
                    'name': "Own",
                    'lines': [('create', [{'formula': "km * 2"}])]}])
        order.party.sale_price_list = price_list
        order.party.save()
        order.on_change_party()
        self.assertEqual(
            (order.tariff, order.price_list), (None, price_list))
        order.save()
        type(order).compute_price([order])
        self.assertEqual(order.amount, Decimal('200.00'))
        own, = Tariff.create([{'name': "Own", 'party': order.party.id}])
        order.on_change_party()
        self.assertEqual((order.tariff, order.price_list), (own, None))
