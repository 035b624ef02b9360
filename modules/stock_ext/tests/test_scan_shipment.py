# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.modules.stock_ext.allocation import share_out
from trytond.modules.stock_ext.exceptions import (
    ScanError, ScanShortWarning, ShortageError)
from trytond.modules.stock_ext.tests.common import (
    StockTestCase, create_lot, create_product)
from trytond.pool import Pool
from trytond.tests.test_tryton import TestCase
from trytond.transaction import Transaction


def plain(text):
    "Return text without the spaces that don't break"
    return text.replace('\xa0', ' ')


class ShareOutTestCase(TestCase):
    "Test what belongs to which planned move"

    def test_share_out(self):
        for planned, scanned, shares, over in [
                ([], {}, {}, {}),
                ([('m', ('P',), 5)], {}, {'m': []}, {}),
                ([('m', ('P',), 5)], {('P',): 3}, {'m': [(('P',), 3)]}, {}),
                ([('m', ('P',), 5)], {('P',): 7},
                    {'m': [(('P',), 5)]}, {('P',): 2}),
                ([('m', ('P',), 5)], {('Q',): 1}, {'m': []}, {('Q',): 1}),
                # Two moves of one product are filled one after the other
                ([('m', ('P',), 2), ('n', ('P',), 3)], {('P',): 4},
                    {'m': [(('P',), 2)], 'n': [(('P',), 2)]}, {}),
                # A move without a lot takes several
                ([('m', ('P', None), 5)], {('P', 1): 2, ('P', 2): 3},
                    {'m': [(('P', 1), 2), (('P', 2), 3)]}, {}),
                # The move that asks for a lot comes first
                ([('m', ('P', None), 2), ('n', ('P', 1), 2)],
                    {('P', 1): 2, ('P', 2): 2},
                    {'n': [(('P', 1), 2)], 'm': [(('P', 2), 2)]}, {}),
                # The lot that was not scanned is that of the move
                ([('n', ('P', 1), 2)], {('P', None): 2},
                    {'n': [(('P', None), 2)]}, {}),
                ([('n', ('P', 1), 2)], {('P', 2): 2},
                    {'n': []}, {('P', 2): 2}),
                # No noise of floats is left over
                ([('m', ('P',), .1), ('n', ('P',), .2)], {('P',): .3},
                    {'m': [(('P',), .1)], 'n': [(('P',), .2)]}, {}),
                ]:
            with self.subTest(planned=planned, scanned=scanned):
                self.assertEqual(share_out(planned, scanned), (shares, over))


class ScanShipmentTestCase(StockTestCase):
    "Test shipments that are received and picked with a scanner"
    modules = ['stock_ext', 'stock_lot']

    def setUp(self):
        super().setUp()
        self.Session = Pool().get('stock.scan.session')
        self.bolt = create_product("Bolt", code='BOLT')
        self.nut = create_product("Nut", code='NUT')

    def scan(self, action, shipment, *codes):
        "Return a saved session with the codes scanned"
        Profile = Pool().get('stock.scan.profile')
        profile, = Profile.search([('action', '=', action)])
        session = self.Session(
            profile=profile, shipment=shipment, state='draft', lines=[],
            location=None, to_location=None)
        for code in codes:
            session.on_scan_code(code)
        self.told = codes and plain(session.to_scan)
        session.save()
        return self.Session(session.id)

    def process(self, session, short=False):
        if short:
            with self.assertRaises(ScanShortWarning) as raised:
                self.Session.process([session])
            self.assertIn(short, plain(raised.exception.description))
        with Transaction().set_context(_skip_warnings=bool(short)):
            self.Session.process([session])
        self.assertEqual(self.Session(session.id).state, 'done')

    def test_receive(self):
        "What came is received, what did not is told"
        shipment = self.supplier_shipment((self.bolt, 3), (self.nut, 2))
        session = self.scan('receive', shipment, 'BOLT', 'BOLT')
        self.assertEqual(
            self.told.splitlines(), [
                "[BOLT] Bolt: 1 u of 3 u missing",
                "[NUT] Nut: 2 u of 2 u missing"])
        self.process(session, "[NUT] Nut: 2 u of 2 u missing")
        self.assertEqual(shipment.state, 'received')
        self.assertEqual(
            [(m.product, m.quantity, m.state)
                for m in shipment.incoming_moves],
            [(self.bolt, 2, 'done')])
        self.assertTrue(all(l.done for l in session.lines))

    def test_receive_more(self):
        "What a truck brings beyond the papers is told and received too"
        shipment = self.supplier_shipment((self.bolt, 1))
        session = self.scan(
            'receive', shipment, 'BOLT', 'BOLT', 'BOLT', 'NUT', 'NUT')
        self.assertEqual(
            self.told.splitlines(), [
                "[BOLT] Bolt: 2 u too many, the shipment holds 1 u",
                "[NUT] Nut: 2 u too many, the shipment holds 0 u"])
        self.process(session, "[NUT] Nut: 2 u too many")
        self.assertEqual(
            [(m.product, m.quantity, m.unit_price, m.state)
                for m in shipment.incoming_moves],
            [(self.bolt, 3, 3, 'done'), (self.nut, 2, 1, 'done')])

    def test_supplier_return(self):
        "Goods that go back to the supplier are picked and leave"
        self.supply({self.bolt: 5, self.nut: 5}, location=self.store)
        shipment = self.supplier_return((self.bolt, 3), (self.nut, 1))
        session = self.scan('pick', shipment, 'BOLT', 'BOLT', 'NUT')
        self.process(session, "[BOLT] Bolt: 1 u of 3 u missing")
        self.assertEqual(shipment.state, 'done')
        self.assertEqual(
            [self.on_hand(p, self.store) for p in [self.bolt, self.nut]],
            [3, 4])
        shipment = self.supplier_return((self.bolt, 1))
        session = self.scan('pick', shipment, 'BOLT', 'NUT')
        with Transaction().set_context(_skip_warnings=True):
            with self.assertRaisesRegex(ScanError, "does not fit"):
                self.Session.process([session])

    def test_receive_all(self):
        "Nothing is asked when all is there"
        shipment = self.supplier_shipment((self.bolt, 2))
        session = self.scan('receive', shipment, 'BOLT', 'BOLT')
        self.assertEqual(self.told, "All is scanned.")
        self.process(session)
        self.assertEqual(shipment.state, 'received')

    def test_receive_lots(self):
        "A move is split by the lots that came"
        lots = [create_lot(self.bolt, n) for n in ['L1', 'L2']]
        shipment = self.supplier_shipment((self.bolt, 5))
        session = self.scan(
            'receive', shipment, 'L1', 'L1', 'L2', 'L2', 'L2')
        self.process(session)
        self.assertEqual(
            sorted((m.lot.number, m.quantity)
                for m in shipment.incoming_moves),
            [('L1', 2), ('L2', 3)])
        self.assertEqual(
            {m.lot for m in shipment.inventory_moves}, set(lots))

    def test_receive_return(self):
        "What a customer sends back is received"
        shipment = self.customer_return((self.bolt, 1))
        self.process(self.scan('receive', shipment, 'BOLT'))
        self.assertEqual(shipment.state, 'received')

    def test_pick(self):
        "What is picked is what will be delivered"
        self.supply({self.bolt: 10, self.nut: 10})
        shipment = self.customer_shipment((self.bolt, 3), (self.nut, 2))
        session = self.scan('pick', shipment, *['BOLT'] * 2, *['NUT'] * 2)
        self.process(session, "[BOLT] Bolt: 1 u of 3 u missing")
        self.assertEqual(shipment.state, 'picked')
        self.assertEqual(
            {(m.product, m.quantity, m.from_location)
                for m in shipment.inventory_moves},
            {(self.bolt, 2, self.shelf), (self.nut, 2, self.shelf)})
        self.assertEqual(
            {(m.product, m.quantity) for m in shipment.outgoing_moves},
            {(self.bolt, 2), (self.nut, 2)})
        shipment.pack([shipment])
        shipment.do([shipment])
        self.assertEqual(self.on_hand(self.bolt, self.store), 8)

    def test_pick_short(self):
        "What was scanned but is not there by the books is told"
        self.supply({self.bolt: 1})
        shipment = self.customer_shipment((self.bolt, 2))
        session = self.scan('pick', shipment, 'BOLT', 'BOLT')
        with self.assertRaises(ShortageError):
            self.Session.process([session])

    def test_internal(self):
        "Between warehouses one scans what leaves, the other what arrives"
        Location = Pool().get('stock.location')
        self.supply({self.bolt: 10})
        south, = Location.copy([self.store.warehouse])
        shipment = self.internal_shipment(
            south.storage_location, (self.bolt, 3))
        self.process(self.scan('pick', shipment, *['BOLT'] * 3))
        self.assertEqual(shipment.state, 'shipped')
        self.process(self.scan('receive', shipment, *['BOLT'] * 3))
        self.assertEqual(shipment.state, 'done')
        self.assertEqual(
            self.on_hand(self.bolt, south.storage_location), 3)

    def test_internal_by_basis(self):
        "A request is picked, what needs an approval waits for it"
        self.supply({self.bolt: 10})
        for code, to_location, state in [
                ('TRANSFER', self.workshop, 'done'),
                ('WRITE-OFF', self.lost, 'assigned')]:
            with self.subTest(basis=code):
                shipment = self.internal_shipment(
                    to_location, (self.bolt, 2),
                    basis=self.basis(code).id, basis_text="Act")
                self.process(self.scan('pick', shipment, 'BOLT', 'BOLT'))
                self.assertEqual(shipment.state, state)

    def test_refused(self):
        "Each line that does not fit is told and nothing is moved"
        L1, L2 = [create_lot(self.bolt, n) for n in ['L1', 'L2']]
        self.supply({self.bolt: 10, self.nut: 10})
        for codes, texts in [
                ([], ["no line"]),
                (['BOLT'] * 3, [
                        "[BOLT] Bolt: 1 u too many, the shipment holds 2 u"]),
                (['NUT'], [
                        "[NUT] Nut: 1 u too many, the shipment holds 0 u"]),
                (['BOLT', 'WHAT', '4006381333932'], [
                        'Row WHAT: Nothing has the code "WHAT".',
                        "its check digit is wrong"]),
                ]:
            with self.subTest(codes=codes):
                shipment = self.customer_shipment((self.bolt, 2))
                session = self.scan('pick', shipment, *codes)
                with Transaction().set_context(_skip_warnings=True):
                    with self.assertRaises(ScanError) as raised:
                        self.Session.process([session])
                told = plain(
                    f'{raised.exception.message}\n'
                    f'{raised.exception.description}')
                for text in texts:
                    self.assertIn(text, told)
                self.assertEqual(session.state, 'draft')
                self.assertFalse(any(l.done for l in session.lines))

    def test_refused_unsaid(self):
        "A line whose problem somebody cleared is refused all the same"
        for code, values, text in [
                ('WHAT', {'problem': None}, 'Nothing has the code "WHAT"'),
                ('BOLT', {'quantity': -1}, "not a number from zero up"),
                ('BOLT', {'quantity': None}, "not a number from zero up")]:
            with self.subTest(text=text):
                shipment = self.supplier_shipment((self.bolt, 1))
                session = self.scan('receive', shipment, code)
                line, = session.lines
                line.__class__.write([line], values)
                with self.assertRaises(ScanError) as raised:
                    self.Session.process([self.Session(session.id)])
                self.assertIn(text, raised.exception.description)

    def test_foreign_lot(self):
        "The lot that a move asks for is not replaced by another"
        L1, L2 = [create_lot(self.bolt, n) for n in ['L1', 'L2']]
        shipment = self.supplier_shipment((self.bolt, 2, {'lot': L1.id}))
        session = self.scan('receive', shipment, 'L2')
        with Transaction().set_context(_skip_warnings=True):
            with self.assertRaises(ScanError) as raised:
                self.Session.process([session])
        self.assertIn("L2", raised.exception.description)

    def test_late(self):
        "What was received meanwhile is not received twice"
        shipment = self.supplier_shipment((self.bolt, 1))
        session = self.scan('receive', shipment, 'BOLT')
        shipment.receive([shipment])
        with self.assertRaisesRegex(ScanError, "no longer"):
            self.Session.process([session])
        other = self.supplier_shipment((self.bolt, 1))
        session = self.scan('receive', other, 'BOLT')
        self.process(session)

    def test_twice(self):
        "Two scans do not fight for one shipment"
        shipment = self.supplier_shipment((self.bolt, 2))
        sessions = [
            self.scan('receive', shipment, 'BOLT') for _ in range(2)]
        with self.assertRaisesRegex(ScanError, "another scan too"):
            self.Session.process(sessions)

    def test_open(self):
        "The shipment opens its scan, a new one or that begun"
        shipment = self.supplier_shipment((self.bolt, 1))
        action, data = self.open(shipment)
        self.assertNotIn('res_id', data)
        self.assertIn(str(shipment), action['pyson_context'])
        session = self.scan('receive', shipment, 'BOLT')
        _, data = self.open(shipment)
        self.assertEqual(data['res_id'], [session.id])
        shipment.receive([shipment])
        with self.assertRaisesRegex(ScanError, "nothing to scan"):
            self.open(shipment)

    def open(self, shipment):
        "Return the action and its data that the shipment launches"
        Wizard = Pool().get('stock.scan.shipment', type='wizard')
        session, _, _ = Wizard.create()
        with Transaction().set_context(
                active_model=shipment.__name__, active_id=shipment.id,
                active_ids=[shipment.id]):
            result = Wizard.execute(session, {}, 'open_')
        action, = result['actions']
        return action
