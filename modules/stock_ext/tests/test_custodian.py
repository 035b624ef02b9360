# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from trytond.model.exceptions import SQLConstraintError
from trytond.modules.stock_ext.tests.common import (
    StockTestCase, create_employee, create_product, locate)
from trytond.pool import Pool
from trytond.transaction import Transaction

TODAY = dt.date.today()
YESTERDAY = TODAY - dt.timedelta(days=1)


class CustodianTestCase(StockTestCase):
    "Test custodians"

    def setUp(self):
        super().setUp()
        self.Custodian = Pool().get('stock.location.custodian')
        self.Location = Pool().get('stock.location')
        self.ann = create_employee("Ann")
        self.bob = create_employee("Bob")

    def custody(self, employee, from_date, to_date=None, location=None):
        custodian, = self.Custodian.create([{
                    'location': (location or self.store).id,
                    'employee': employee.id,
                    'from_date': from_date,
                    'to_date': to_date,
                    }])
        return custodian

    def hand_over(self, employee, date=TODAY):
        Start = Pool().get('stock.location.hand_over.start')
        return Start(
            company=self.company, location=self.store, employee=employee,
            date=date).hand_over()

    def test_overlap(self):
        "Nobody shares a place"
        self.custody(self.ann, YESTERDAY)
        cursor = Transaction().connection.cursor()
        for from_date, to_date in [
                (TODAY, None), (YESTERDAY, YESTERDAY),
                (YESTERDAY - dt.timedelta(days=9), YESTERDAY)]:
            with self.subTest(from_date=from_date, to_date=to_date):
                # PostgreSQL takes nothing more after a refusal
                cursor.execute('SAVEPOINT refusal')
                with self.assertRaises(SQLConstraintError):
                    self.custody(self.bob, from_date, to_date)
                cursor.execute('ROLLBACK TO SAVEPOINT refusal')

    def test_below(self):
        "The custodian of a place answers for what is below it"
        self.custody(self.ann, YESTERDAY)
        self.assertEqual(self.Location(self.shelf.id).custodian, self.ann)
        self.assertIsNone(self.Location(self.workshop.id).custodian)
        self.custody(self.bob, TODAY, location=self.shelf)
        self.assertEqual(self.Location(self.shelf.id).custodian, self.bob)
        self.assertEqual(self.Location(self.store.id).custodian, self.ann)
        self.assertIn(self.shelf, self.Location.search(
                [('custodian', '=', self.bob.id)]))
        self.assertEqual(
            self.Location.custodians([self.shelf], YESTERDAY),
            {self.shelf.id: self.ann})

    def test_search(self):
        "The search finds what the list shows, also places of nobody"
        self.custody(self.ann, YESTERDAY)
        self.custody(self.bob, TODAY, location=self.shelf)

        def found(*clause):
            names = {
                l.name for l in self.Location.search([clause])}
            return names & {
                self.store.name, self.shelf.name, self.workshop.name}
        store, shelf, workshop = (
            {l.name} for l in [self.store, self.shelf, self.workshop])
        for clause, names in [
                (('custodian', '=', self.ann.id), store),
                (('custodian', 'in', [self.ann.id, self.bob.id]),
                    store | shelf),
                (('custodian', '=', None), workshop),
                (('custodian', '!=', None), store | shelf),
                (('custodian', '!=', self.ann.id), shelf | workshop),
                (('custodian', 'not in', [self.bob.id]), store | workshop),
                (('custodian.rec_name', 'ilike', 'bob%'), shelf),
                (('custodian', 'ilike', 'ann%'), store)]:
            with self.subTest(clause=clause):
                self.assertEqual(found(*clause), names)

    def test_queries(self):
        "A list of locations asks once for all custodians"
        self.custody(self.ann, YESTERDAY)
        shelves = [
            locate(name=f"S{i}", parent=self.store.id) for i in range(20)]

        def read(count):
            self.Location.read(
                [s.id for s in shelves[:count]], ['custodian'])
        self.assertConstantQueries(read, 5, 20)

    def test_queries_of_shipments(self):
        "Shipments of many days ask once for all custodians"
        self.custody(self.ann, YESTERDAY - dt.timedelta(days=20))
        product = create_product("Bolt")
        shipments = [
            self.internal_shipment(
                self.workshop, (product, 1),
                planned_date=TODAY - dt.timedelta(days=i))
            for i in range(8)]

        def read(count):
            rows = shipments[0].__class__.read(
                [s.id for s in shipments[:count]],
                ['from_custodian', 'to_custodian'])
            self.assertEqual(
                {(r['from_custodian'], r['to_custodian']) for r in rows},
                {(self.ann.id, None)})
        self.assertConstantQueries(read, 2, 8)

    def test_place_below(self):
        "A place below changes hands on its own, and stays out after that"
        product = create_product("Bolt")
        rack = locate(name="Rack", parent=self.store.id)
        for place, quantity in [(self.shelf, 7), (rack, 2)]:
            self.supply({product: quantity}, place, date=YESTERDAY)
        self.custody(self.ann, YESTERDAY)
        shelf = self.custody(self.bob, TODAY, location=self.shelf)
        self.assertEqual(shelf.predecessor, self.ann)
        self.assertEqual(
            [i.location for i in shelf.inventories], [self.shelf])
        store = self.hand_over(create_employee("Cid"))
        self.assertEqual([i.location for i in store.inventories], [rack])
        self.assertEqual(
            [(l.location, l.quantity) for l in store.handed_over()],
            [(rack, 2)])

    def test_hand_over(self):
        "A hand-over ends the custody and asks for a stocktake"
        product = create_product("Bolt", cost=2)
        self.supply({product: 7}, date=YESTERDAY)
        first = self.custody(self.ann, YESTERDAY)
        self.assertFalse(first.inventories)
        second = self.hand_over(self.bob)
        self.assertEqual(first.to_date, YESTERDAY)
        inventory, = second.inventories
        self.assertEqual(inventory.state, 'draft')
        self.assertEqual(inventory.location, self.shelf)
        self.assertFalse(second.counted)
        line, = inventory.lines
        self.assertEqual(line.expected_quantity, 7)
        line.quantity = 6
        line.save()
        goods, = second.handed_over()
        self.assertEqual(
            (goods.product, goods.quantity, goods.counted, goods.value),
            (product, 7, 6, 14))
        # In the money of the company whoever looks at it
        with Transaction().set_context(company=None):
            goods, = self.Custodian(second.id).handed_over()
            self.assertEqual(goods.value, 14)
        self.assertEqual(second.predecessor, self.ann)
        inventory.confirm([inventory])
        self.assertTrue(self.Custodian(second.id).counted)

    def test_counted(self):
        "The act tells what was counted, what was kept, nothing before it"
        products = [create_product(n) for n in ["Bolt", "Nut"]]
        self.supply({p: 7 for p in products}, date=YESTERDAY)
        self.custody(self.ann, YESTERDAY)
        second = self.hand_over(self.bob)
        inventory, = second.inventories

        def counted():
            return [
                g.counted for g in self.Custodian(second.id).handed_over()]
        self.assertEqual(counted(), [None, None])
        line = inventory.lines[0]
        line.quantity = 6
        line.save()
        self.assertEqual(counted(), [6, None])
        inventory.empty_quantity = 'keep'
        inventory.save()
        # What nobody knew of is handed over too
        Pool().get('stock.inventory.line').create([{
                    'inventory': inventory.id, 'quantity': 3,
                    'product': create_product("Spare").id}])
        inventory.confirm([inventory])
        self.assertEqual(counted(), [6, 7, 3])
        self.assertEqual(
            self.Custodian(second.id).handed_over()[-1].quantity, 0)

    def test_hand_over_refused(self):
        "The new custodian comes after the old one and is another person"
        self.custody(self.ann, TODAY)
        for employee, date in [(self.bob, TODAY), (self.ann, TODAY)]:
            with self.assertRaisesRegex(Exception, "answers for the place"):
                self.hand_over(employee, date)

    def test_act(self):
        "The act is printed"
        self.supply({create_product("Bolt"): 7}, date=YESTERDAY)
        self.custody(self.ann, YESTERDAY)
        custodian = self.hand_over(self.bob)
        text = self.print_('stock.location.custodian.act', [custodian])
        for part in ["Hand-over act", "Ann", "Bob", "Bolt", "________"]:
            self.assertIn(part, text)
