# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
from decimal import Decimal

from trytond.modules.stock_ext.tests.common import (
    StockTestCase, create_employee, create_product, create_products, move)
from trytond.pool import Pool
from trytond.transaction import Transaction

TODAY = dt.date.today()


def ago(days):
    return TODAY - dt.timedelta(days=days)


class CoverTestCase(StockTestCase):
    "Test what runs out"

    def setUp(self):
        super().setUp()
        self.Cover = Pool().get('stock.cover')
        self.warehouse = self.store.warehouse

    def use(self, product, quantity, days):
        "Let quantity leave for a customer each of those days ago"
        move(
            self.shelf, self.customer, {product: quantity}, *map(ago, days))

    def cover(self, product, **context):
        with Transaction().set_context(**context):
            covers = self.Cover.search([
                    ('product', '=', product.id),
                    ('warehouse', '=', self.warehouse.id)])
            if not covers:
                return None
            cover, = covers
            row, = self.Cover.read([cover.id], [
                    'quantity', 'forecast_quantity', 'daily_consumption',
                    'cover_days', 'lead_days', 'level', 'last_date', 'value',
                    'abc', 'xyz', 'minimum', 'reason'])
        return row

    def test_levels(self):
        "Each level has its product"
        used, late, dead, rich, new, gone, idle = create_products(
            "Used", "Late", "Dead", "Rich", "New", "Gone", "Idle", cost=2)
        self.supply({used: 191, late: 95, rich: 1091, gone: 91}, date=ago(90))
        self.supply({dead: 5}, date=ago(200))
        self.supply({new: 5}, date=ago(3))
        for product in [used, late, rich, gone]:
            self.use(product, 7, range(0, 91, 7))
        for product, level, days, reason in [
                (used, 'ok', 100, ""),
                (late, 'running_out', 4, "Lasts 4 days with what is on its "
                    "way, new goods take 7"),
                (dead, 'dead', None, "Nothing moved since "),
                (rich, 'surplus', 1000, "Lasts 1,000 days"),
                (new, 'ok', None, ""),
                (gone, 'out', 0, "Nothing is left, 1.00 a day are used")]:
            with self.subTest(product=product.rec_name):
                cover = self.cover(product)
                self.assertEqual(cover['level'], level)
                self.assertRegex(cover['reason'], f'^{reason}')
                self.assertEqual(bool(cover['reason']), bool(reason))
                self.assertEqual(
                    cover['cover_days'] is None, days is None)
                if days is not None:
                    self.assertAlmostEqual(cover['cover_days'], days)
        self.assertIsNone(self.cover(idle))
        cover = self.cover(used)
        self.assertEqual(cover['daily_consumption'], 1)
        self.assertEqual(cover['last_date'], TODAY)
        self.assertEqual(cover['value'], Decimal(200))
        self.assertEqual(
            self.cover(used, cover_lead_days=120)['level'], 'running_out')
        self.assertEqual(
            self.cover(used, cover_surplus_days=90)['level'], 'surplus')

    def test_consumption(self):
        "What is used counts, corrections and supplier returns do not"
        product = create_product("Oil", unit="Liter")
        self.supply({product: 1000}, date=ago(400))
        self.use(product, 91, [10, 400])
        self.assertEqual(self.cover(product)['daily_consumption'], 1)
        move(self.customer, self.shelf, {product: 45.5}, ago(5))
        self.assertEqual(self.cover(product)['daily_consumption'], .5)
        move(self.shelf, self.supplier, {product: 300}, ago(5))
        move(self.shelf, self.store, {product: 50}, ago(5))
        self.assertEqual(self.cover(product)['daily_consumption'], .5)
        move(self.shelf, self.workshop, {product: 45.5}, ago(5))
        self.assertEqual(self.cover(product)['daily_consumption'], 1)
        self.assertEqual(
            self.cover(product, cover_weeks=1)['daily_consumption'], 0)
        pool = Pool()
        Inventory = pool.get('stock.inventory')
        inventory = Inventory(location=self.shelf, date=TODAY, lines=[{
                    'product': product.id, 'quantity': 1}])
        inventory.save()
        Inventory.confirm([inventory])
        self.assertEqual(self.cover(product)['daily_consumption'], 1)

    def test_no_weeks(self):
        "A script may ask for no week, it gets one"
        product = create_product("Used")
        self.supply({product: 70}, date=ago(30))
        self.use(product, 7, [0])
        self.assertEqual(
            self.cover(product, cover_weeks=0)['daily_consumption'], 1)

    def test_same_as_core(self):
        "Quantity and forecast are those of core"
        pool = Pool()
        Move = pool.get('stock.move')
        Product = pool.get('product.product')
        product = create_product("Bolt")
        self.supply({product: 10}, date=ago(5))
        self.use(product, 3, [2])

        def plan(from_location, to_location, quantity, date, state):
            record = Move(
                product=product, unit=product.default_uom,
                quantity=quantity, from_location=from_location,
                to_location=to_location, planned_date=date,
                company=self.company, currency=self.company.currency,
                unit_price=Decimal(1))
            record.save()
            if state == 'assigned':
                Move.assign([record])
        for args in [
                (self.supplier, self.shelf, 20, TODAY, 'draft'),
                (self.supplier, self.shelf, 30, ago(1), 'draft'),
                (self.shelf, self.customer, 5, ago(1), 'assigned'),
                (self.shelf, self.customer, 1, ago(-3), 'draft'),
                (self.shelf, self.customer, 2, None, 'draft')]:
            plan(*args)
        cover = self.cover(product)
        with Transaction().set_context(
                locations=[self.warehouse.id], with_childs=True):
            product = Product(product.id)
            self.assertEqual(product.quantity, 7)
            self.assertEqual(cover['quantity'], product.quantity)
            self.assertEqual(product.forecast_quantity, 19)
            self.assertEqual(
                cover['forecast_quantity'], product.forecast_quantity)

    def test_digits(self):
        "Nothing is finer than its form shows, which would ask to be saved"
        product = create_product("Bolt", cost='0.1234')
        self.supply({product: 23}, date=ago(90))
        self.use(product, 1, [1, 10, 20])
        cover, = self.Cover.search([('product', '=', product.id)])
        # As the server would check it
        self.Cover._validate([cover])
        self.assertEqual(cover.cover_days, 606.7)
        self.assertAlmostEqual(cover.daily_consumption, 3 / 91, 6)
        self.assertEqual(cover.value, Decimal('2.47'))

    def test_classes(self):
        "ABC by value consumed, XYZ by variation"
        steady, uneven, rare = [
            create_product(n, cost=c) for n, c in [
                ("Steady", 90), ("Uneven", 15), ("Rare", 5)]]
        self.supply({steady: 500, uneven: 500, rare: 500}, date=ago(90))
        self.use(steady, 1, range(0, 91, 7))
        self.use(uneven, 2, range(0, 91, 14))
        self.use(rare, 13, [30])
        self.assertEqual(
            [(self.cover(p)['abc'], self.cover(p)['xyz'])
                for p in [steady, uneven, rare]],
            [('a', 'x'), ('b', 'y'), ('c', 'z')])

    def test_two_warehouses(self):
        "Each warehouse has its own row, one can be looked at alone"
        Location = Pool().get('stock.location')
        other, = Location.copy([self.warehouse])
        product = create_product("Bolt")
        self.supply({product: 10})
        move(self.shelf, other.storage_location, {product: 4})
        rows = {
            c.warehouse: c.quantity for c in self.Cover.search(
                [('product', '=', product.id)])}
        self.assertEqual(rows, {self.warehouse: 6, other: 4})
        with Transaction().set_context(cover_warehouse=other.id):
            cover, = self.Cover.search([])
            self.assertEqual(cover.warehouse, other)

    def test_queries(self):
        "A list is read in the same number of queries whatever its length"
        products = create_products(*(f"P{i}" for i in range(20)))
        self.supply({p: 5 for p in products})

        def read(count):
            covers = self.Cover.search([], limit=count)
            self.assertEqual(len(covers), count)
            self.Cover.read([c.id for c in covers], [
                    'product.rec_name', 'warehouse.rec_name', 'quantity',
                    'level', 'value', 'unit.symbol'])
        # Translations of the names are kept longer than a transaction
        read(20)
        self.assertConstantQueries(read, 5, 20)

    def test_notify(self):
        "The custodian is told once, with all that runs out"
        pool = Pool()
        User = pool.get('res.user')
        Custodian = pool.get('stock.location.custodian')
        ann = create_employee("Ann")
        keeper, = User.create([{
                    'name': "Ann", 'login': 'ann',
                    'companies': [('add', [self.company.id])],
                    'company': self.company.id,
                    'employees': [('add', [ann.id])],
                    'employee': ann.id,
                    }])
        Custodian.create([{
                    'location': self.warehouse.id,
                    'employee': ann.id, 'from_date': ago(10)}])
        first, second, enough = create_products("First", "Second", "Enough")
        self.supply({first: 91, second: 92, enough: 900}, date=ago(90))
        for product in [first, second, enough]:
            self.use(product, 7, range(0, 91, 7))
        self.Cover.notify()
        notification, = Transaction().user_notifications
        self.assertEqual(notification.user.id, keeper.id)
        self.assertEqual(
            notification.description,
            "First: Nothing is left, 1.00 a day are used; "
            "Second: Lasts 1 days with what is on its way, new goods take 7")
        covers = self.Cover.search(
            [('level', 'in', ['out', 'running_out'])])
        self.assertEqual(len(covers), 2)
        self.assertEqual(
            notification.records, str([c.id for c in covers]))
        notification.save()
        Transaction().user_notifications.clear()
        self.Cover.notify()
        self.assertFalse(Transaction().user_notifications)
        # The day begins when it does for the company
        self.company.timezone = 'Pacific/Honolulu'
        self.company.save()
        notice = pool.get('res.notification').__table__()
        for hour, told in [(5, False), (11, True)]:
            with self.subTest(hour=hour):
                Transaction().connection.cursor().execute(*notice.update(
                        [notice.create_date],
                        [dt.datetime.combine(TODAY, dt.time(hour))]))
                self.assertEqual(
                    bool(self.Cover._told([keeper], TODAY)), told)
