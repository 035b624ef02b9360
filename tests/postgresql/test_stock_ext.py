# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Many storekeepers at once."""
import datetime as dt

from caravan.testing.concurrency import PostgreSQLTestCase, before_lock
from trytond.model.exceptions import SQLConstraintError
from trytond.modules.company.tests import create_company
from trytond.modules.stock_ext.exceptions import ShortageError
from trytond.modules.stock_ext.tests.common import (
    create_employee, create_product, locate, move)
from trytond.pool import Pool
from trytond.transaction import Transaction

TODAY = dt.date.today()


class StockExtTestCase(PostgreSQLTestCase):
    "Test the store with many users"
    modules = ['stock_ext']

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        test = cls()
        cls.company = test.transact(cls._company, user=0)

    @staticmethod
    def _company():
        pool = Pool()
        User = pool.get('res.user')
        company = create_company()
        User.write(User.browse([1]), {
                'companies': [('add', [company.id])],
                'company': company.id,
                })
        return company.id

    def run_(self, function):
        return self.transact(function, context={'company': self.company})

    def last_goods(self, name):
        """Return a function that issues 7 of 10, one for what is on hand.

        name is that of the product
        """
        def prepare():
            product = create_product(name)
            store = locate('STO')
            workshop = locate(name="Workshop")
            move(locate('SUP'), store, {product: 10})
            basis, = Pool().get('stock.basis').search(
                [('code', '=', 'ISSUE')])
            return product.id, store.id, workshop.id, basis.id
        product, store, workshop, basis = self.run_(prepare)

        def issue():
            return Pool().get('stock.shipment.internal').draw_up([{
                        'basis': basis,
                        'from_location': store,
                        'to_location': workshop,
                        'moves': [{'product': product, 'quantity': 7}],
                        }])

        def on_hand():
            Product = Pool().get('product.product')
            return Product.products_by_location(
                [store], grouping_filter=([product],))[store, product]
        return lambda: self.run_(issue), lambda: self.run_(on_hand)

    def test_issue_together(self):
        "Two who issue the last goods at once do not both get them"
        issue, on_hand = self.last_goods("Bolt")
        results = self.together(*[issue] * 4)
        done = [r for r in results if isinstance(r, list)]
        short = [r for r in results if isinstance(r, ShortageError)]
        self.assertEqual((len(done), len(short)), (1, 3), results)
        self.assertEqual(on_hand(), 3)

    def test_last_moment(self):
        "Who waited for the product sees what was issued meanwhile"
        issue, on_hand = self.last_goods("Nut")
        with before_lock('product_product', issue) as results:
            with self.assertRaises(ShortageError):
                issue()
        self.assertNoError(results)
        self.assertEqual(on_hand(), 3)

    def test_custodians_together(self):
        "Two who take one place over at once do not both get it"
        def prepare():
            return locate(name="Cage").id, [
                create_employee(n).id for n in ["Ann", "Bob"]]
        location, employees = self.run_(prepare)

        def take(employee):
            def create():
                Custodian = Pool().get('stock.location.custodian')
                return Custodian.create([{
                            'location': location,
                            'employee': employee,
                            'from_date': TODAY,
                            }])
            return lambda: self.run_(create)
        results = self.together(*map(take, employees))
        self.assertEqual(
            sorted(type(r).__name__ for r in results),
            ['SQLConstraintError', 'list'], results)
        self.assertTrue(any(
                isinstance(r, SQLConstraintError)
                and "only one custodian" in r.message for r in results))

    def test_constraint(self):
        "The database itself refuses two custodians of a place"
        def insert():
            Custodian = Pool().get('stock.location.custodian')
            table = Custodian.__table__()
            cursor = Transaction().connection.cursor()
            employee, location = create_employee("Eve"), locate(name="Box")
            cursor.execute(*table.insert(
                    [table.company, table.location, table.employee,
                        table.from_date],
                    [[self.company, location.id, employee.id, TODAY]] * 2))
        with self.assertRaisesRegex(Exception, "exclusion constraint"):
            self.run_(insert)
