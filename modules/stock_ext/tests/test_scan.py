# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime
import io

from trytond.model.exceptions import AccessError, SQLConstraintError
from trytond.modules.stock_ext.exceptions import ScanError
from trytond.modules.stock_ext.tests.common import (
    StockTestCase, create_employee, create_lot, create_product)
from trytond.pool import Pool
from trytond.transaction import check_access

EAN = '4006381333931'
DAY = datetime.timedelta(days=1)


class ScanTestCase(StockTestCase):
    "Test terminals and scanners"
    modules = ['stock_ext', 'stock_lot']

    def setUp(self):
        super().setUp()
        pool = Pool()
        self.Session = pool.get('stock.scan.session')
        self.Line = pool.get('stock.scan.line')
        self.bolt = create_product("Bolt", code='BOLT')
        self.nut = create_product("Гайка", code='ГАЙКА')
        Identifier = pool.get('product.identifier')
        Identifier.create([
                {'product': self.bolt.id, 'type': 'ean', 'code': EAN}])
        self.lot = create_lot(self.bolt, 'L-9')

    def profile(self, action='count', columns='code quantity', **values):
        Profile = Pool().get('stock.scan.profile')
        profile, = Profile.search([('action', '=', action)])
        Profile.write([profile], {
                'columns': [
                    ('delete', [c.id for c in profile.columns]),
                    ('create', [
                            {'field': f, 'sequence': i}
                            for i, f in enumerate(columns.split())])],
                **values})
        return profile

    def import_(self, content, name='terminal.csv', profile=None, **kwargs):
        if isinstance(content, str):
            content = content.encode()
        return self.Session.import_file(
            profile or self.profile(), content, name,
            kwargs.get('location', self.shelf))

    def lines(self, session):
        return [(l.product, l.quantity, bool(l.problem))
            for l in session.lines]

    def test_profiles(self):
        "The profiles that are there read a code and its quantity"
        Profile = Pool().get('stock.scan.profile')
        for profile in Profile.search([]):
            with self.subTest(profile=profile.name):
                self.assertEqual(
                    [c.field for c in profile.columns], ['code', 'quantity'])
        with self.assertRaises(SQLConstraintError):
            self.profile(columns='code ignore ignore code')

    def test_formats(self):
        "CSV and TXT, their separators and encodings"
        expected = [(self.bolt, 2, False), (self.nut, 3, False)]
        for i, (separator, encoding) in enumerate([
                    (',', 'utf-8'), (';', 'utf-8-sig'), ('\t', 'cp1251'),
                    ('|', 'utf-16'), (';', 'cp1251')]):
            with self.subTest(separator=separator, encoding=encoding):
                text = f'BOLT{separator}2\r\nГАЙКА{separator}3\r\n'
                session = self.import_(
                    (text + '\n' * i).encode(encoding), 'x.txt')
                self.assertEqual(self.lines(session), expected)
        session = self.import_(
            'BOLT      2\nГАЙКА     3 \n', 'x.txt',
            self.profile(separator=' '))
        self.assertEqual(self.lines(session), expected)

    def test_numbers(self):
        "Quantities as they are written here and there"
        oil = create_product("Oil", unit="Liter", code='OIL')
        texts = [
            ('1.5', 1.5), ('1,5', 1.5), ('1 234,5', 1234.5),
            ('1,234.5', 1234.5), ('1.234,5', 1234.5), ("1'234.5", 1234.5)]
        session = self.import_(''.join(f'OIL;{t}\n' for t, _ in texts))
        self.assertEqual(
            self.lines(session), [(oil, q, False) for _, q in texts])

    def test_sheet(self):
        from openpyxl import Workbook
        book, content = Workbook(), io.BytesIO()
        for row in [['Code', 'Qty'], ['BOLT', 2], ['ГАЙКА', 3.0]]:
            book.active.append(row)
        book.save(content)
        session = self.import_(
            content.getvalue(), 'x.xlsx', self.profile(header=True))
        self.assertEqual(
            self.lines(session),
            [(self.bolt, 2, False), (self.nut, 3, False)])

    def test_codes(self):
        "Every row is there, those that say nothing with the reason"
        rows = [
            (EAN, 5, self.bolt, ""), ('04006381333931', 1, self.bolt, ""),
            ('(01)04006381333931(10)L-9', 1, self.bolt, ""),
            ('L-9', 1, self.bolt, ""),
            ('4006381333932', 1, None, "check digit is wrong"),
            ('WHAT', 1, None, "Nothing has the code"),
            ('', 4, None, "no code"), ('BOLT', -1, self.bolt, "not a number"),
            ('BOLT', 'x', self.bolt, "not a quantity"),
            ('BOLT', 0.5, self.bolt, "too fine"),
            ('SHELF', 1, None, "is a location"),
            ('(01)04006381333931(10)NO', 1, self.bolt, "has no lot")]
        session = self.import_(
            ''.join(f'{c};{q}\n' for c, q, *_ in rows))
        self.assertEqual(len(session.lines), len(rows))
        for line, (code, _, product, problem) in zip(session.lines, rows):
            with self.subTest(code=code):
                self.assertEqual(line.product, product)
                self.assertIn(problem, line.problem or "")
                self.assertEqual(bool(problem), bool(line.problem))
        self.assertEqual(
            [l.lot for l in session.lines[2:4]], [self.lot, self.lot])
        self.assertEqual(session.unknown, 8)

    def test_twice(self):
        "The same file is told, after a cancel it is taken again"
        session = self.import_('BOLT;2\n')
        with self.assertRaisesRegex(ScanError, "was imported on"):
            self.import_('BOLT;2\n', 'other.csv')
        self.Session.cancel([session])
        self.import_('BOLT;2\n')

    def test_bad_files(self):
        for content, name, encoding, text in [
                (b'', 'x.csv', None, "no rows"),
                ('BOLT;1\nГАЙКА;1'.encode('cp1251'), 'x.csv', None,
                    "line 2, is not UTF-8"),
                ('ГАЙКА;1'.encode('cp1251'), 'x.csv', 'nonsense',
                    "no encoding"),
                (b'PK\x03\x04', 'x.xlsx', None, "can't be read")]:
            with self.subTest(text=text):
                with self.assertRaisesRegex(ScanError, text):
                    self.import_(
                        content, name, self.profile(encoding=encoding))

    def test_count(self):
        "A count becomes an inventory of each location, unknown codes wait"
        session = self.import_(
            'BOLT;2;SHELF\nBOLT;3;SHELF\nГАЙКА;4;WORKSHOP\nWHAT;7;SHELF\n',
            profile=self.profile(columns='code quantity location'))
        self.Session.process([session])
        Inventory = Pool().get('stock.inventory')
        self.assertEqual({
                (i.location, l.product, l.quantity)
                for i in Inventory.search([]) for l in i.lines}, {
                (self.shelf, self.bolt, 5), (self.workshop, self.nut, 4)})
        self.assertEqual(session.state, 'draft')
        with self.assertRaisesRegex(ScanError, "no line"):
            self.Session.process([session])
        line = session.lines[-1]
        line.product = self.nut
        line.on_change_product()
        line.save()
        self.Line.remember([line])
        self.Session.process([self.Session(session.id)])
        self.assertEqual(self.Session(session.id).state, 'done')
        # One count of the shelf on one day
        self.assertEqual({
                (i.location, l.product, l.quantity)
                for i in Inventory.search([]) for l in i.lines}, {
                (self.shelf, self.bolt, 5), (self.shelf, self.nut, 7),
                (self.workshop, self.nut, 4)})
        session = self.import_('WHAT;1\n')
        self.assertEqual(self.lines(session), [(self.nut, 1, False)])

    def test_stocktake(self):
        "A count fills the stocktake that a change of custodian asks for"
        pool = Pool()
        Custodian = pool.get('stock.location.custodian')
        Inventory = pool.get('stock.inventory')
        self.supply({self.bolt: 9, self.nut: 1})
        today = pool.get('ir.date').today()
        for name, start in [("Ann", today - DAY), ("Bob", today)]:
            if start == today:
                Custodian.write(Custodian.search([]), {'to_date': today - DAY})
            custodian, = Custodian.create([{
                        'location': self.store.id,
                        'employee': create_employee(name).id,
                        'from_date': start}])
        asked, = custodian.inventories
        for terminal, quantity in [('a', 5), ('b', 3)]:
            self.Session.process([
                    self.import_(f'BOLT;{quantity}\n', terminal)])
        self.assertEqual(Inventory.search([]), [asked])
        self.assertEqual({
                (l.product, l.expected_quantity, l.quantity)
                for l in Inventory(asked.id).lines},
            {(self.bolt, 9, 8), (self.nut, 1, None)})
        self.assertFalse(Custodian(custodian.id).counted)
        Inventory.write([asked], {'empty_quantity': 'keep'})
        Inventory.confirm([asked])
        self.assertTrue(Custodian(custodian.id).counted)
        self.assertEqual(self.on_hand(self.bolt, self.shelf), 8)
        # What is counted later is another count
        self.Session.process([self.import_('BOLT;7\n')])
        self.assertEqual(Inventory.search([], count=True), 2)

    def test_measures(self):
        "What a code weighs is converted to the unit of the product"
        Identifier = Pool().get('product.identifier')
        gtin = '09501101020917'
        for unit, text, quantity in [
                ("Kilogram", '(3103)001250', 1.25),
                ("Gram", '(3103)001250', 1250),
                ("Kilogram", '(3202)001000', 4.54),
                ("Liter", '(3152)000125', 1.25),
                ("Unit", '(37)12', 12), ("Unit", '(30)4', 4),
                # A piece that weighs something is one piece
                ("Unit", '(3103)002000', 1),
                ("Kilogram", '(10)L-1', 1)]:
            with self.subTest(unit=unit, text=text):
                product = create_product("Thing", unit=unit)
                identifier, = Identifier.create([{
                            'product': product.id, 'code': gtin}])
                code = f'(01){gtin}{text}'
                found = self.Line.find([code])[code]
                self.assertEqual(found.product, product)
                self.assertAlmostEqual(found.quantity, quantity, 2)
                Identifier.delete([identifier])

    def test_new_lots(self):
        "Goods that come bring their lots with them, each is made once"
        Lot = Pool().get('stock.lot')
        profile = self.profile('receive', 'code quantity lot location')
        session = self.import_(
            f'{EAN};2;L-10;SHELF\n'
            f'(01)0{EAN}(10)L-10(17)260228;3;;SHELF\n'
            f'(01)0{EAN}(10)L-9;4;;SHELF\n', profile=profile)
        self.assertEqual(
            [(l.lot, l.new_lot, l.problem) for l in session.lines], [
                (None, 'L-10', None), (None, 'L-10', None),
                (self.lot, None, None)])
        self.assertEqual(
            session.lines[1].expiry, datetime.date(2026, 2, 28))
        self.Session.process([session])
        lot, = Lot.search([('number', '=', 'L-10')])
        self.assertEqual(lot.product, self.bolt)
        Product = Pool().get('product.product')
        self.assertEqual(
            Product.products_by_location(
                [self.shelf.id], grouping=('product', 'lot'),
                grouping_filter=([self.bolt.id],)), {
                (self.shelf.id, self.bolt.id, lot.id): 5,
                (self.shelf.id, self.bolt.id, self.lot.id): 4})

    def test_nothing_half_done(self):
        "What can not be carried out is told with its row, nothing is moved"
        Move = Pool().get('stock.move')
        self.supply({self.bolt: 10})
        asset = create_product("Jack", code='JACK', type='assets')
        profile = self.profile('move', 'code quantity to_location')
        session = self.import_(
            'BOLT;4;WORKSHOP\nBOLT;0;WORKSHOP\n', profile=profile)
        self.assertIn("more than zero", session.lines[1].problem)
        count = self.import_('JACK;1\nBOLT;1\n')
        self.assertIn("not counted", count.lines[0].problem)
        moves = Move.search([], count=True)
        # As a script could that writes what the screen refuses
        for line, values in [
                (session.lines[1], {'problem': None}),
                (session.lines[1], {'problem': None, 'quantity': -3}),
                (count.lines[0], {'problem': None})]:
            with self.subTest(values=values):
                self.Line.write([line], values)
                with self.assertRaisesRegex(
                        ScanError, f"Row {line.row}: {line.code}"):
                    self.Session.process([self.Session(line.session.id)])
        self.assertEqual(Move.search([], count=True), moves)
        self.assertEqual(count.lines[0].product, asset)

    def test_move(self):
        "Goods are moved, picked and received by their profiles"
        self.supply({self.bolt: 10})
        profile = self.profile('move', 'code quantity to_location')
        session = self.import_('BOLT;4;WORKSHOP\n', profile=profile)
        self.Session.process([session])
        self.assertEqual(session.state, 'done')
        self.assertEqual(self.on_hand(self.bolt, self.workshop), 4)
        pick = self.profile('pick', 'code quantity to_location')
        session = self.import_('BOLT;1;WORKSHOP\n', profile=pick)
        self.Session.process([session])
        self.assertEqual(self.on_hand(self.bolt, self.shelf), 5)
        receive = self.profile('receive', 'code quantity location')
        session = self.import_('ГАЙКА;6;SHELF\n', profile=receive)
        self.Session.process([session])
        self.assertEqual(self.on_hand(self.nut, self.shelf), 6)
        receive = self.profile('receive', 'code quantity to_location')
        session = self.import_(
            'ГАЙКА;1;WORKSHOP\nГАЙКА;1;WORKSHOP\n', profile=receive,
            location=None)
        self.Session.process([session])
        self.assertEqual(self.on_hand(self.nut, self.workshop), 2)
        # What was scanned piece by piece is one line of the note
        shipment, = Pool().get('stock.shipment.internal').search([
                ('to_location', '=', self.workshop.id),
                ('basis.kind', '=', 'found')])
        self.assertEqual([m.quantity for m in shipment.moves], [2])

    def test_queries(self):
        "A file costs as many queries for many codes as for few"
        def find(count):
            self.Line.find([EAN, *(f'C{i}' for i in range(count))])
        self.assertConstantQueries(find, 5, 100)

    def test_scanner(self):
        "Typed codes add up and the code of a location changes the place"
        session = self.Session(
            profile=self.profile(), location=self.shelf, state='draft',
            lines=[])
        for code in ['BOLT', EAN, 'BOLT', 'WORKSHOP', 'BOLT', 'WHAT', ' ']:
            session.on_scan_code(code)
        self.assertEqual(
            [(l.code, l.location, l.quantity) for l in session.lines], [
                ('BOLT', self.shelf, 2), (EAN, self.shelf, 1),
                ('BOLT', self.workshop, 1), ('WHAT', self.workshop, 1)])
        self.assertEqual(session.location, self.workshop)
        self.assertIn("Nothing has the code", session.lines[-1].problem)
        self.assertIn("Nothing has the code", session.message)

    def test_scanner_weighs(self):
        "What is weighed box by box leaves no noise behind"
        oil = create_product("Oil", unit="Kilogram")
        code = f'(01)0{EAN}(3103)000100'
        Pool().get('product.identifier').write(
            list(self.bolt.identifiers), {'product': oil.id})
        session = self.Session(
            profile=self.profile(), location=self.shelf, state='draft',
            lines=[])
        for _ in range(3):
            session.on_scan_code(code)
        session.save()
        line, = session.lines
        self.assertEqual(line.quantity, .3)
        self.Session.process([session])
        self.assertEqual(session.state, 'done')

    def test_code_of_several(self):
        "A code of two products names none, one that is kept no more is out"
        Identifier = Pool().get('product.identifier')
        Identifier.create([{'product': self.nut.id, 'code': EAN}])
        found = self.Line.find([EAN])[EAN]
        self.assertIsNone(found.product)
        for text in ["Several products", "[BOLT] Bolt", "[ГАЙКА] Гайка"]:
            self.assertIn(text, found.problem)
        code = f'(01)0{EAN}(10)L-9'
        self.assertEqual(self.Line.find([code])[code].product, self.bolt)
        self.nut.active = False
        self.nut.save()
        self.assertEqual(self.Line.find([EAN])[EAN].product, self.bolt)

    def test_foreign_gtin(self):
        "The lot of a box that nobody knows is not that of another product"
        code = '(01)09501101020917(10)L-9'
        found = self.Line.find([code])[code]
        self.assertIsNone(found.product)
        self.assertIsNone(found.lot)
        self.assertIn("Nothing has the code", found.problem)

    def test_remember(self):
        "The number of a box is remembered, not its lot; nothing is taken"
        session = self.import_(
            '(01)09501101020917(10)L-1;2\nSHELF;1\nBOLT;1\n'
            f'(01)0{EAN}(10)NO;1\n')
        box, place, bolt, lot = session.lines
        for line in [box, place, bolt]:
            line.product = self.nut
            line.on_change_product()
            line.save()
        self.Line.remember([box])
        other = '(01)09501101020917(10)L-2'
        self.assertEqual(self.Line.find([other])[other].product, self.nut)
        for line, name in [(place, "Shelf"), (bolt, "Bolt")]:
            with self.subTest(name=name):
                with self.assertRaisesRegex(ScanError, name):
                    self.Line.remember([line])
        # What is known already still has no such lot
        self.Line.remember([lot])
        self.assertIn("has no lot", lot.problem)

    def test_done_is_kept(self):
        "What was carried out is neither changed nor carried out twice"
        session = self.import_('BOLT;2\nWHAT;1\n')
        self.Session.process([session])
        done, waiting = session.lines
        self.assertTrue(done.done)
        for method, args in [
                (self.Line.write, ([done], {'done': False})),
                (self.Line.write, ([done], {'quantity': 5})),
                (self.Line.write, ([waiting], {'done': True})),
                (self.Line.delete, ([done],)),
                (self.Line.create, ([{
                                'session': session.id, 'code': 'BOLT',
                                'done': True}],)),
                ]:
            with self.subTest(args=args), check_access():
                with self.assertRaisesRegex(AccessError, '"Process"'):
                    method(*args)
        for method in [self.Session.cancel, self.Session.delete]:
            with self.assertRaisesRegex(ScanError, "have been processed"):
                method([session])
        with check_access():
            copy, = self.Session.copy([session])
        self.assertEqual({l.done for l in copy.lines}, {False})
        # Who gives up what waits can end the scan
        with check_access():
            self.Line.delete([waiting])
        session = self.Session(session.id)
        self.Session.process([session])
        self.assertEqual(session.state, 'done')
        Inventory = Pool().get('stock.inventory')
        self.assertEqual(
            [l.quantity for i in Inventory.search([]) for l in i.lines], [2])

    def test_search(self):
        "Scans and their lines are found by what their names tell"
        session = self.import_('BOLT;2\n', 'monday.csv')
        self.import_('BOLT;3\n', 'tuesday.csv')
        self.assertEqual(
            self.Session.search([('rec_name', 'ilike', '%monday%')]),
            [session])
        self.assertEqual(self.Line.search([
                    ('session.rec_name', 'ilike', '%monday%'),
                    ('rec_name', '=', 'BOLT')]), list(session.lines))
