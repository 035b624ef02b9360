# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.modules.stock_ext.exceptions import ApprovalError, ShortageError
from trytond.modules.stock_ext.tests.common import (
    EXTRAS, StockTestCase, create_product, create_products)
from trytond.pool import Pool
from trytond.transaction import Transaction


class _DeliveryTestCase(StockTestCase):

    def setUp(self):
        super().setUp()
        self.bolt, self.nut = create_products("Bolt", "Nut")
        self.supply({self.bolt: 10})

    def deliver(self, shipment):
        shipment.__class__.deliver_now([shipment])
        return shipment.__class__(shipment.id)


class DeliveryTestCase(_DeliveryTestCase):
    "Test shipments delivered by one click"
    modules = ['stock_ext', 'stock_lot']

    def test_customer(self):
        "From each state on the goods leave"
        for buttons in [
                [], ['wait'], ['wait', 'assign_try'],
                ['wait', 'assign_try', 'pick'],
                ['wait', 'assign_try', 'pick', 'pack']]:
            with self.subTest(buttons=buttons):
                before = self.on_hand(self.bolt, self.store)
                shipment = self.customer_shipment((self.bolt, 1))
                for button in buttons:
                    getattr(shipment.__class__, button)([shipment])
                shipment = self.deliver(shipment)
                self.assertEqual(shipment.state, 'done')
                self.assertEqual(
                    self.on_hand(self.bolt, self.store), before - 1)

    def test_many(self):
        "Several shipments of one list leave together"
        shipments = [
            self.customer_shipment((self.bolt, 3)) for _ in range(3)]
        shipments[0].__class__.deliver_now(shipments)
        self.assertEqual({s.state for s in shipments}, {'done'})
        self.assertEqual(self.on_hand(self.bolt, self.store), 1)

    def test_short(self):
        "All that is missing is told, with where else it lies"
        self.supply({self.nut: 7}, self.workshop)
        for shipment in [
                self.customer_shipment((self.bolt, 11), (self.nut, 2)),
                self.internal_shipment(
                    self.lost, (self.bolt, 11), (self.nut, 2))]:
            with self.subTest(shipment=shipment.__name__):
                with self.assertRaises(ShortageError) as raised:
                    self.deliver(shipment)
                self.assertEqual(
                    raised.exception.description.replace('\xa0', ' '),
                    "Bolt: 11 u required, 10 u on hand in "
                    "[STO] Storage Zone, 1 u missing.\n"
                    "Nut: 2 u required, 0 u on hand in [STO] Storage Zone, "
                    "2 u missing. Elsewhere: [WORKSHOP] Workshop: 7 u.")

    def test_together_short(self):
        "Two shipments do not both get the last goods"
        shipments = [
            self.customer_shipment((self.bolt, 6)) for _ in range(2)]
        with self.assertRaises(ShortageError) as raised:
            shipments[0].__class__.deliver_now(shipments)
        self.assertIn("2", raised.exception.description)

    def test_internal(self):
        "A request is carried out, also between two warehouses"
        Location = Pool().get('stock.location')
        south, = Location.copy([self.store.warehouse])
        for to_location in [self.workshop, south.storage_location]:
            with self.subTest(to_location=to_location.rec_name):
                shipment = self.internal_shipment(
                    to_location, (self.bolt, 2))
                shipment.state = 'request'
                shipment.save()
                shipment = self.deliver(shipment)
                self.assertEqual(shipment.state, 'done')
                self.assertEqual(self.on_hand(self.bolt, to_location), 2)

    def test_not_approved(self):
        "What needs an approval does not leave by one click"
        shipment = self.internal_shipment(
            self.lost, (self.bolt, 2), basis=self.basis('WRITE-OFF').id,
            basis_text="Act")
        with self.assertRaises(ApprovalError):
            self.deliver(shipment)


class SplitTestCase(_DeliveryTestCase):
    "Test shipments delivered by one click where they may be split"
    modules = ['stock_ext', *EXTRAS]

    def setUp(self):
        super().setUp()
        # The shipments are made without the orders that they may stem from
        self.enterContext(Transaction().set_context(_skip_warnings=True))

    def test_split(self):
        "What the core split in two is delivered as two"
        Uom = Pool().get('product.uom')
        shipment = self.customer_shipment((self.bolt, 5))
        unit, = Uom.search([('name', '=', "Unit")])
        move, = shipment.outgoing_moves
        move.split(2, unit, 1)
        shipment = self.deliver(shipment.__class__(shipment.id))
        self.assertEqual(
            sorted(m.quantity for m in shipment.outgoing_moves), [2, 3])
        self.assertEqual(self.on_hand(self.bolt, self.store), 5)

    def test_scanned_in_part(self):
        "What was not picked waits in a shipment of its own"
        pool = Pool()
        Profile = pool.get('stock.scan.profile')
        Session = pool.get('stock.scan.session')
        self.bolt.template.code = 'BOLT'
        self.bolt.template.save()
        self.supply({self.nut: 5})
        shipment = self.internal_shipment(
            self.workshop, (self.bolt, 5), (self.nut, 2), reference="R-7",
            basis=self.basis('TRANSFER').id)
        profile, = Profile.search([('action', '=', 'pick')])
        session = Session(
            profile=profile, shipment=shipment, state='draft', lines=[],
            location=None, to_location=None)
        for _ in range(3):
            session.on_scan_code('BOLT')
        session.save()
        Session.process([Session(session.id)])
        Shipment = shipment.__class__
        rest, = Shipment.search([
                ('id', '!=', shipment.id), ('reference', '=', "R-7")])
        self.assertEqual(
            [(s.state, {(m.product, m.quantity) for m in s.moves})
                for s in [Shipment(shipment.id), rest]], [
                ('done', {(self.bolt, 3)}),
                ('draft', {(self.bolt, 2), (self.nut, 2)})])
        self.assertEqual(rest.basis, shipment.basis)
        self.assertEqual(self.deliver(rest).state, 'done')


class AttributeTestCase(StockTestCase):
    "Test where products have attributes"
    modules = ['stock_ext', *EXTRAS]

    def test_label(self):
        "The label of a product tells its attributes"
        pool = Pool()
        Attribute = pool.get('product.attribute')
        Set = pool.get('product.attribute.set')
        Product = pool.get('product.product')
        size, = Attribute.create([{
                    'name': 'size', 'string': "Size", 'type_': 'char'}])
        set_, = Set.create([{
                    'name': "Tyres", 'attributes': [('add', [size.id])]}])
        product = create_product(
            "Tyre", code='TYRE', attribute_set=set_.id)
        Product.write([product], {'attributes': {'size': "315/80 R22.5"}})
        with Transaction().set_context(language='en'):
            text = self.print_('product.product.label', [product])
        self.assertIn("315/80 R22.5", text)
        # Also where another variant is proposed in its place
        other, = Product.create([{
                    'template': product.template.id, 'suffix_code': '-2'}])
        self.supply({product: 2})
        shipment = self.internal_shipment(self.workshop, (other, 1))
        with self.assertRaises(ShortageError) as raised:
            shipment.__class__.deliver_now([shipment])
        self.assertRegex(
            raised.exception.description, "Instead: .*315/80 R22.5")
