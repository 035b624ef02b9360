# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
from collections import defaultdict
from contextlib import contextmanager, suppress
from decimal import Decimal
from functools import cached_property

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from caravan.testing import examples, unvalidated
from trytond.modules.stock_ext.exceptions import ShortageError, TurnoverError
from trytond.modules.stock_ext.tests.common import (
    StockTestCase, create_employee, create_lot, create_product,
    create_products, locate, move)
from trytond.pool import Pool
from trytond.transaction import Transaction

TODAY = dt.date.today()
DAYS = 6

# A step: its kind, days ago, product, lot, where from or which document,
# where to, quantity
quantities = st.integers(1, 1000).map(lambda n: n / 100)
places = st.sampled_from(
    ['supplier', 'customer', 'store', 'shelf', 'workshop', 'lost', 'rack',
        'bay'])
# What a hundredth of a liter is in each
units = st.sampled_from([("Cubic centimeter", 10), ("Cubic meter", .01)])
documents = st.sampled_from([
        'supplier_shipment', 'supplier_return', 'customer_shipment',
        'customer_return', 'internal', 'transit'])


def steps(kind, from_, to=st.none(), quantity=quantities):
    return st.tuples(
        st.just(kind), st.integers(0, DAYS), st.integers(0, 1),
        st.integers(0, 2), from_, to, quantity)


histories = st.lists(st.one_of(
        steps('move', places, places),
        steps('unit', places, units),
        steps('document', documents),
        steps('document', documents),
        steps('basis', st.sampled_from(
                ['ISSUE', 'TRANSFER', 'WRITE-OFF', 'RETURN', 'FOUND'])),
        steps('inventory', st.sampled_from(['store', 'shelf']),
            quantity=st.integers(0, 1000).map(lambda n: n / 100)),
        ), max_size=12)


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

    @contextmanager
    def rolled_back(self):
        "Undo what the block does"
        transaction = Transaction()
        cursor = transaction.connection.cursor()
        cursor.execute('SAVEPOINT example')
        try:
            yield
        finally:
            cursor.execute('ROLLBACK TO SAVEPOINT example')
            transaction.cache.clear()

    def context(self, location, from_date, to_date, **values):
        return Transaction().set_context(
            company=self.company.id, location=location.id,
            from_date=from_date, to_date=to_date, **values)

    def core(self, date, **kwargs):
        "Return {(location, product, lot): quantity} at the end of date"
        pool = Pool()
        Location = pool.get('stock.location')
        Product = pool.get('product.product')
        with Transaction().set_context(
                company=self.company.id, stock_date_end=date):
            return {
                key: quantity
                for key, quantity in Product.products_by_location(
                    [l.id for l in Location.search([])],
                    grouping=('product', 'lot'), **kwargs).items()
                if quantity}

    @settings(
        max_examples=examples(9), deadline=None, database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck))
    @given(histories)
    def test_history(self, history):
        "The sheet closes, agrees with core on every day and with the card"
        places = [
            self.store, self.shelf, self.workshop, self.lost,
            self.south.storage_location, self.store.warehouse,
            self.yard, self.rack, self.bay]
        # What the examples find stays when they are undone
        goods, custodies, _ = self.goods, self.custodies, self.party
        with self.rolled_back():
            with Transaction().set_context(_skip_warnings=True), unvalidated():
                for step in sorted(history, key=lambda s: -s[1]):
                    self.play(*goods, *step)
            days = [ago(d) for d in range(DAYS + 3)]
            self.sums = {d: self.core(d, with_childs=True) for d in days}
            self.alone = {d: self.core(d) for d in days}
            periods = [
                (DAYS, 0), (4, 1), (DAYS + 1, DAYS),
                *((day, day) for day in range(DAYS + 1))]
            for start, end in periods:
                for location in places:
                    self.compare(location, ago(start), ago(end))
                for location in [self.store.warehouse, self.yard]:
                    self.compare_by_location(location, ago(start), ago(end))
            for custody in custodies:
                self.compare(
                    custody.location, custody.from_date,
                    custody.to_date or TODAY)
            for start, end in periods[:3]:
                self.compare_all(ago(start), ago(end))

    @cached_property
    def goods(self):
        "Two products and the lots of each"
        products = create_products("A", "B", unit="Liter")
        return products, [
            [None, create_lot(p, "1"), create_lot(p, "2")] for p in products]

    @cached_property
    def south(self):
        Location = Pool().get('stock.location')
        south, = Location.copy([self.store.warehouse])
        return south

    @cached_property
    def yard(self):
        "A view that groups two racks"
        return locate(name="Yard", type='view')

    @cached_property
    def rack(self):
        return locate(name="Rack", parent=self.yard.id)

    @cached_property
    def bay(self):
        return locate(name="Bay", parent=self.yard.id)

    @cached_property
    def custodies(self):
        "Return one custody after the other, as the sheet takes their days"
        pool = Pool()
        Context = pool.get('stock.turnover.context')
        Custodian = pool.get('stock.location.custodian')
        result = []
        for custodian in Custodian.create([{
                        'location': self.store.id,
                        'employee': create_employee(name).id,
                        'from_date': ago(start),
                        'to_date': ago(end) if end else None}
                    for name, start, end in [
                        ("Ann", DAYS, 4), ("Bob", 3, 2), ("Cid", 1, None)]]):
            context = Context(company=self.company, custody=custodian)
            context.on_change_custody()
            result.append(context)
        return result

    def play(self, products, lots, kind, day, product, lot, place, other,
            quantity):
        product, lot = products[product], lots[product][lot]
        if kind == 'inventory':
            self.count(product, lot, getattr(self, place), quantity, ago(day))
        elif kind == 'document':
            self.carry_out(self.document(
                    place, product, lot, quantity, ago(day)))
        elif kind == 'basis':
            self.move_by_basis(place, product, lot, quantity, ago(day))
        elif kind == 'unit':
            self.move_in_unit(product, lot, place, other, quantity, ago(day))
        elif place != other:
            move(
                getattr(self, place), getattr(self, other),
                {product: quantity}, ago(day), lot=lot)

    def move_in_unit(self, product, lot, place, unit, quantity, date):
        "Move goods measured in another unit than the stock is"
        Uom = Pool().get('product.uom')
        name, step = unit
        unit, = Uom.search([('name', '=', name)])
        if place != 'store':
            move(
                getattr(self, place), self.store,
                {product: unit.round(quantity * 100 * step)}, date, lot=lot,
                unit=unit)

    def document(self, name, product, lot, quantity, date):
        goods = (product, quantity, {'lot': lot.id if lot else None})
        if name in {'internal', 'transit'}:
            to_location = (
                self.workshop if name == 'internal'
                else self.south.storage_location)
            return self.internal_shipment(
                to_location, goods, effective_date=date,
                effective_start_date=date)
        return getattr(self, name)(goods, effective_date=date)

    def carry_out(self, shipment):
        "Do the shipment step by step, though the goods are not on hand"
        for state, button in [
                ('draft', 'receive'), ('received', 'do'), ('draft', 'wait'),
                ('waiting', 'assign'), ('assigned', 'pick'),
                ('assigned', 'pack'), ('picked', 'pack'), ('packed', 'ship'),
                ('shipped', 'do'), ('assigned', 'do')]:
            if shipment.state == state and hasattr(shipment, button):
                getattr(shipment.__class__, button)([shipment])
        self.assertEqual(shipment.state, 'done')

    def move_by_basis(self, code, product, lot, quantity, date):
        "Draw up a movement of goods that are there, if not lacked before"
        Shipment = Pool().get('stock.shipment.internal')
        from_, to = {
            'RETURN': (self.workshop, self.store),
            'FOUND': (self.lost, self.store),
            'WRITE-OFF': (self.store, self.lost),
            }.get(code, (self.store, self.workshop))
        movement = {
            'basis': self.basis(code).id,
            'basis_text': "Act",
            'from_location': from_.id,
            'to_location': to.id,
            'date': date,
            'moves': [{
                    'product': product.id,
                    'lot': lot.id if lot else None,
                    'quantity': quantity}],
            }
        move(self.supplier, from_, {product: quantity}, date, lot=lot)
        with suppress(ShortageError):
            Shipment.draw_up([movement])

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
        Inventory.confirm([inventory])

    def compare(self, location, from_date, to_date):
        before = from_date - dt.timedelta(days=1)
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
        for quantities, date in [(closing, to_date), (opening, before)]:
            self.assertEqual(
                {k: q for k, q in quantities.items() if q},
                {k: q for k, q in self.sums[date].items()
                    if k[0] == location.id})

    def compare_by_location(self, location, from_date, to_date):
        Location = Pool().get('stock.location')
        below = {
            l.id for l in Location.search(
                [('parent', 'child_of', [location.id])])}
        closing = defaultdict(float)
        with self.context(location, from_date, to_date, by_location=True):
            for row in self.Turnover.search([]):
                closing[
                    row.location.id, row.product.id,
                    row.lot and row.lot.id] = round(row.closing, 2)
        self.assertEqual(
            {k: q for k, q in closing.items() if q},
            {k: q for k, q in self.alone[to_date].items() if k[0] in below})

    def compare_all(self, from_date, to_date):
        "All places together hold what core counts in all of them"
        Location = Pool().get('stock.location')
        places = {l.id for l in Location.search([('type', '=', 'storage')])}

        def core(date):
            total = defaultdict(float)
            for (place, *key), quantity in self.alone[date].items():
                if place in places:
                    total[tuple(key)] += quantity
            return {k: round(q, 2) for k, q in total.items() if round(q, 2)}
        closing, opening = {}, {}
        with Transaction().set_context(
                company=self.company.id, location=None,
                from_date=from_date, to_date=to_date):
            for row in self.Turnover.search([]):
                self.assertIsNone(row.location)
                self.assertAlmostEqual(
                    row.opening + row.input - row.output, row.closing, 6)
                key = row.product.id, row.lot and row.lot.id
                closing[key] = round(row.closing, 2)
                opening[key] = round(row.opening, 2)
        self.assertEqual(
            {k: q for k, q in closing.items() if q}, core(to_date))
        self.assertEqual(
            {k: q for k, q in opening.items() if q},
            core(from_date - dt.timedelta(days=1)))

    def test_residues(self):
        "What lies where is printed by category, the tanks apart"
        pool = Pool()
        Category = pool.get('product.category')
        Location = pool.get('stock.location')
        fuel, = Category.create([{'name': "Fuel"}])
        diesel = create_product(
            "Diesel", unit="Liter", cost=2,
            categories=[('add', [fuel.id])])
        bolt = create_product("Bolt", cost=3)
        tank = locate(name="Truck AB-123", tank=True)
        move(self.supplier, tank, {diesel: 50})
        self.supply({diesel: 100, bolt: 7})
        context = {
            'company': self.company.id, 'location': None, 'category': None,
            'product': None, 'from_date': TODAY, 'to_date': TODAY,
            'by_location': True}
        with Transaction().set_context(context):
            rows = self.Turnover.search([('closing', '!=', 0)])
            self.assertEqual({
                    (r.location, r.product, r.closing, r.categories or '')
                    for r in rows}, {
                    (tank, diesel, 50, "Fuel"),
                    (self.shelf, diesel, 100, "Fuel"),
                    (self.shelf, bolt, 7, "")})
            row, = self.Turnover.search([('location.tank', '=', True)])
            self.assertEqual(row.location, tank)
            self.assertEqual(len(self.Turnover.search(
                        [('location.tank', '=', False)])), 2)
        text = self.print_('stock.turnover.residue', rows, context=context)
        parts = [
            "All places", "Fuel", "300.00", "Shelf", "Diesel", "200.00",
            "Truck AB-123", "100.00", "Without category", "21.00", "Bolt",
            "321.00"]
        position = 0
        for part in parts:
            position = text.index(part, position)
        self.assertEqual(Location(tank.id).tank, True)

    def test_shipments(self):
        "Deliveries, receipts and returns are on the card with their numbers"
        product = create_product("Bolt", cost=2)
        self.supply({product: 20}, date=ago(3))
        with Transaction().set_context(_skip_warnings=True):
            self.carry_out(self.customer_shipment((product, 5)))
            self.carry_out(self.customer_return((product, 5)))
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

    def test_nothing(self):
        "No blank sheet is printed"
        PrintTurnover = Pool().get('stock.turnover.print', type='wizard')
        session, state, _ = PrintTurnover.create()
        values = {
            'company': self.company.id, 'location': self.workshop.id,
            'from_date': TODAY, 'to_date': TODAY}
        for name in ['turnover', 'card', 'residue']:
            with self.assertRaisesRegex(TurnoverError, "nothing to print"):
                PrintTurnover.execute(session, {state: values}, name)

    def test_zero(self):
        "A move of nothing is on no card and shares no row with another"
        product = create_product("Bolt")
        move(self.shelf, self.workshop, {product: 0})
        with self.context(self.store, TODAY, TODAY, by_location=True):
            self.assertFalse(self.Card.search([]))
            self.assertFalse(self.Turnover.search([]))

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
            self.assertFalse(
                self.Turnover.search([('rec_name', 'ilike', 'bolt%')]))

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
