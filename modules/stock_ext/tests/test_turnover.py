# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
from collections import defaultdict
from decimal import Decimal

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from trytond.modules.stock_ext.tests.common import (
    StockTestCase, create_employee, create_lot, create_product, move)
from trytond.pool import Pool
from trytond.transaction import Transaction

TODAY = dt.date.today()
DAYS = 6

places = st.sampled_from(
    ['supplier', 'customer', 'store', 'shelf', 'workshop', 'lost'])
moves = st.tuples(
    st.just('move'), st.integers(0, DAYS), st.integers(0, 1),
    st.integers(0, 2), places, places,
    st.integers(1, 1000).map(lambda n: n / 100))
inventories = st.tuples(
    st.just('inventory'), st.integers(0, DAYS), st.integers(0, 1),
    st.integers(0, 2), st.sampled_from(['store', 'shelf']),
    st.none(), st.integers(0, 1000).map(lambda n: n / 100))
histories = st.lists(st.one_of(moves, moves, moves, inventories), max_size=10)


def ago(days):
    return TODAY - dt.timedelta(days=days)


class TurnoverTestCase(StockTestCase):
    "Test turnover sheets and stock cards"
    modules = ['stock_ext', 'stock_lot']

    def setUp(self):
        super().setUp()
        pool = Pool()
        self.Turnover = pool.get('stock.turnover')
        self.Card = pool.get('stock.card')

    def context(self, location, from_date, to_date, **values):
        return Transaction().set_context(
            company=self.company.id, location=location.id,
            from_date=from_date, to_date=to_date, **values)

    def core(self, locations, date, **kwargs):
        Product = Pool().get('product.product')
        with Transaction().set_context(
                company=self.company.id, stock_date_end=date):
            return {
                key: quantity
                for key, quantity in Product.products_by_location(
                    [l.id for l in locations], grouping=('product', 'lot'),
                    **kwargs).items() if quantity}

    @settings(
        max_examples=8, deadline=None, database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck))
    @given(histories)
    def test_history(self, history):
        "The sheet closes, agrees with core on every day and with the card"
        products = [create_product(n, unit="Liter") for n in ["A", "B"]]
        lots = [
            [None, create_lot(p, "1"), create_lot(p, "2")] for p in products]
        for step in sorted(history, key=lambda s: -s[1]):
            self.play(products, lots, *step)
        for location in [
                self.store, self.shelf, self.workshop, self.lost,
                self.store.warehouse]:
            for start, end in [(DAYS, 0), (3, 3), (4, 1), (DAYS + 1, DAYS)]:
                self.compare(location, ago(start), ago(end))

    def play(self, products, lots, kind, day, product, lot, place, other,
            quantity):
        product, lot = products[product], lots[product][lot]
        if kind == 'inventory':
            self.count(product, lot, getattr(self, place), quantity, ago(day))
        elif place != other:
            move(
                getattr(self, place), getattr(self, other),
                {product: quantity}, ago(day), lot=lot)

    def count(self, product, lot, location, quantity, date):
        Inventory = Pool().get('stock.inventory')
        inventory, = Inventory.create([{
                    'location': location.id,
                    'date': date,
                    'company': self.company.id,
                    'lines': [('create', [{
                                    'product': product.id,
                                    'lot': lot.id if lot else None,
                                    'quantity': quantity,
                                    }])],
                    }])
        with Transaction().set_context(_skip_warnings=True):
            Inventory.confirm([inventory])

    def compare(self, location, from_date, to_date):
        core = self.core([location], to_date, with_childs=True)
        before = self.core(
            [location], from_date - dt.timedelta(days=1), with_childs=True)
        closing, opening, balance = {}, {}, {}
        with self.context(location, from_date, to_date):
            for row in self.Turnover.search([]):
                self.assertAlmostEqual(
                    row.opening + row.input - row.output, row.closing, 6)
                key = location.id, row.product.id, row.lot and row.lot.id
                self.assertNotIn(key, closing)
                closing[key] = round(row.closing, 2)
                opening[key] = round(row.opening, 2)
            for row in self.Card.search([]):
                key = location.id, row.product.id, row.lot and row.lot.id
                previous = balance.get(key, opening[key])
                self.assertAlmostEqual(row.opening, previous, 6)
                balance[key] = round(row.balance, 2)
        for key in balance:
            self.assertEqual(balance[key], closing[key])
        self.assertEqual({k: q for k, q in closing.items() if q}, core)
        self.assertEqual({k: q for k, q in opening.items() if q}, before)
        self.compare_by_location(location, from_date, to_date)

    def compare_by_location(self, location, from_date, to_date):
        Location = Pool().get('stock.location')
        below = Location.search([('parent', 'child_of', [location.id])])
        closing = defaultdict(float)
        with self.context(location, from_date, to_date, by_location=True):
            for row in self.Turnover.search([]):
                closing[
                    row.location.id, row.product.id,
                    row.lot and row.lot.id] = round(row.closing, 2)
        self.assertEqual(
            {k: q for k, q in closing.items() if q},
            self.core(below, to_date))

    def test_shipments(self):
        "Deliveries, receipts and returns are on the card with their numbers"
        pool = Pool()
        Party = pool.get('party.party')
        product = create_product("Bolt", cost=2)
        party, = Party.create([{
                    'name': "Party", 'addresses': [('create', [{}])]}])
        self.supply({product: 20}, date=ago(3))
        for name, from_, to in [
                ('stock.shipment.out', 'warehouse_output', 'customer'),
                ('stock.shipment.out.return', 'customer', 'warehouse_input')]:
            self.ship(name, product, party, from_, to)
        with self.context(self.store.warehouse, ago(2), TODAY):
            cards = self.Card.search([])
            self.assertEqual(
                [(c.input, c.output, c.balance) for c in cards],
                [(None, 5, 15), (5, None, 20)])
            self.assertTrue(all(c.document for c in cards))
            row, = self.Turnover.search([])
            self.assertEqual(
                (row.opening, row.input, row.output, row.closing, row.value),
                (20, 5, 5, 20, Decimal(40)))

    def ship(self, name, product, party, from_, to):
        Shipment = Pool().get(name)
        warehouse = self.store.warehouse
        shipment = Shipment(
            customer=party, warehouse=warehouse,
            company=self.company, planned_date=TODAY,
            warehouse_storage=self.store)
        if name.endswith('return'):
            shipment.warehouse_input = warehouse.input_location
        else:
            shipment.warehouse_output = warehouse.output_location
        if name.endswith('return'):
            shipment.contact_address = party.addresses[0]
        else:
            shipment.delivery_address = party.addresses[0]
        shipment.save()
        field = (
            'incoming_moves' if name.endswith('return')
            else 'outgoing_moves')
        Shipment.write([shipment], {field: [('create', [{
                                'product': product.id,
                                'unit': product.default_uom.id,
                                'quantity': 5,
                                'from_location': self.place(
                                    shipment, from_).id,
                                'to_location': self.place(shipment, to).id,
                                'unit_price': Decimal(3),
                                'currency': self.company.currency.id,
                                }])]})
        with Transaction().set_context(_skip_warnings=True):
            if name.endswith('return'):
                Shipment.receive([shipment])
            else:
                Shipment.wait([shipment])
                Shipment.assign_try([shipment])
                Shipment.pick([shipment])
                Shipment.pack([shipment])
            Shipment.do([shipment])
        self.assertEqual(shipment.state, 'done')

    def place(self, shipment, name):
        return getattr(self, name, None) or getattr(shipment, name)

    def test_category(self):
        "Residues are those of a category and what is below it"
        Category = Pool().get('product.category')
        fuel, = Category.create([{'name': "Fuel"}])
        diesel, = Category.create([{'name': "Diesel", 'parent': fuel.id}])
        products = [
            create_product(n, unit="Liter", **values) for n, values in [
                ("Winter diesel", {'categories': [('add', [diesel.id])]}),
                ("Bolt", {})]]
        self.supply({p: 5 for p in products})
        with self.context(
                self.store, ago(1), TODAY, by_location=True,
                category=fuel.id):
            row, = self.Turnover.search([('closing', '!=', 0)])
            self.assertEqual(
                (row.product, row.location, row.closing),
                (products[0], self.shelf, 5))

    def test_print(self):
        "The sheet and the cards are printed for a custodian"
        pool = Pool()
        Custodian = pool.get('stock.location.custodian')
        Context = pool.get('stock.turnover.context')
        custody, = Custodian.create([{
                    'location': self.store.id,
                    'employee': create_employee("Ann").id,
                    'from_date': ago(2)}])
        product = create_product("Bolt", cost=3)
        self.supply({product: 20}, date=ago(3))
        move(self.shelf, self.workshop, {product: 8}, ago(1))
        start = Context(company=self.company, custody=custody)
        start.by_location = start.product = start.category = None
        start.on_change_custody()
        self.assertEqual(
            (start.location, start.from_date, start.to_date),
            (self.store, ago(2), TODAY))
        for name, parts in [
                ('stock.turnover', ["Turnover sheet", "Ann", "Bolt", "36.00"]),
                ('stock.card', ["Stock card", "Ann", "Bolt", "Workshop"])]:
            with Transaction().set_context(start.values):
                records = pool.get(name).search([])
            text = self.print_(name, records, context=start.values)
            for part in parts:
                self.assertIn(part, text)
