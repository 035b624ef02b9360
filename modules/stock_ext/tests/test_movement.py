# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
from decimal import Decimal

from trytond.model.exceptions import AccessButtonError, AccessError
from trytond.modules.company.tests import create_company
from trytond.modules.stock_ext.exceptions import (
    ApprovalError, BasisError, MovementError, ShortageError)
from trytond.modules.stock_ext.tests.common import (
    StockTestCase, create_employee, create_lot, create_product,
    create_products, locate)
from trytond.pool import Pool
from trytond.transaction import Transaction, check_access

TODAY = dt.date.today()


class MovementTestCase(StockTestCase):
    "Test movements by basis"
    modules = ['stock_ext', 'stock_lot']

    def setUp(self):
        super().setUp()
        self.Shipment = Pool().get('stock.shipment.internal')
        self.product = create_product("Bolt", cost=3)
        self.supply({self.product: 10})

    def movement(self, quantity=1, basis='ISSUE', move=None, **values):
        return {
            'basis': self.basis(basis).id,
            'from_location': self.store.id,
            'to_location': self.workshop.id,
            **values,
            'moves': [{
                    'product': self.product.id, 'quantity': quantity,
                    **(move or {})}],
            }

    def draw_up(self, *movements):
        return self.Shipment.browse(self.Shipment.draw_up(list(movements)))

    def test_draw_up(self):
        "Goods are taken from below the location and arrive"
        shipment, = self.draw_up(self.movement(
                4, reference="R1", date=TODAY - dt.timedelta(days=2)))
        self.assertEqual(shipment.state, 'done')
        self.assertEqual(
            shipment.effective_date, TODAY - dt.timedelta(days=2))
        move, = shipment.moves
        self.assertEqual(move.from_location, self.shelf)
        self.assertEqual(move.effective_date, shipment.effective_date)
        self.assertEqual(self.on_hand(self.product, self.store), 6)
        self.assertEqual(self.on_hand(self.product, self.workshop), 4)

    def test_found_before_issued(self):
        "What one movement brings in another may take"
        issue, found = self.draw_up(
            self.movement(15), self.movement(
                5, 'FOUND', from_location=self.lost.id,
                to_location=self.store.id, basis_text="Recount"))
        self.assertEqual({issue.state, found.state}, {'done'})
        self.assertEqual(self.on_hand(self.product, self.store), 0)

    def test_papers(self):
        "Each movement is printed as its basis demands, all at once"
        pool = Pool()
        PrintPapers = pool.get(
            'stock.shipment.internal.print_papers', type='wizard')
        shipments = self.draw_up(
            self.movement(1), self.movement(2),
            self.movement(1, 'TRANSFER'),
            self.movement(
                1, 'WRITE-OFF', to_location=self.lost.id, basis_text="Act"))
        plain = self.internal_shipment(self.workshop, (self.product, 1))
        ids = [s.id for s in [*shipments, plain]]
        with Transaction().set_context(
                active_model='stock.shipment.internal', active_ids=ids,
                active_id=ids[0]):
            session, state, _ = PrintPapers.create()
            result = PrintPapers.execute(session, {}, state)
        self.assertEqual({
                action['report_name'].split('.')[-1]: data['ids']
                for action, data in result['actions']}, {
                'issue_note': ids[:2],
                'transfer_note': [ids[2], ids[4]],
                'write_off_act': [ids[3]]})
        # Who approves reads what it is worth
        self.assertEqual(shipments[3].state, 'assigned')
        text = self.print_(
            'stock.shipment.internal.write_off_act', [shipments[3]])
        self.assertIn("3.00", text)

    def test_unit(self):
        "Another unit of the category is converted"
        oil = create_product("Oil", unit="Liter")
        self.supply({oil: 100})
        cubic, = Pool().get('product.uom').search(
            [('name', '=', "Cubic meter")])
        self.draw_up(self.movement(
                0.02, move={'product': oil.id, 'unit': cubic.id}))
        self.assertEqual(self.on_hand(oil, self.store), 80)

    def test_bad_input(self):
        "Each bad row is told by its number and nothing is done"
        kilogram, = Pool().get('product.uom').search(
            [('name', '=', "Kilogram")])
        service = create_product("Wash", type='service')
        old = create_product("Old bolt")
        old.active = False
        old.save()
        other = create_product("Nut")
        lot = create_lot(other, "L1")
        unused, = Pool().get('stock.basis').create([
                {'name': "Old", 'kind': 'issue', 'active': False}])
        with Transaction().set_context(company=create_company("Other").id):
            stranger = create_employee("Eve")
        tomorrow = TODAY + dt.timedelta(days=1)
        for movement, text in [
                (self.movement(-1), "must be more than zero"),
                (self.movement(0), "must be more than zero"),
                (self.movement(None), "must be more than zero"),
                (self.movement(float('nan')), "must be more than zero"),
                (self.movement(float('inf')), "must be more than zero"),
                (self.movement(0.3), "finer than 1.0 Unit"),
                (self.movement(move={'unit': kilogram.id}),
                    "not measured in Kilogram"),
                (self.movement(move={'product': service.id}),
                    "Wash is a service"),
                (self.movement(move={'product': old.id}),
                    "no longer active"),
                (self.movement(move={'product': None}), "no product"),
                (self.movement(move={'lot': lot.id}),
                    "lot L1 is of Nut"),
                (self.movement(to_location=None), "bring the goods to"),
                (self.movement(from_location=None), "take the goods from"),
                (self.movement(to_location=self.store.id),
                    "would stay"),
                (self.movement(to_location=self.customer.id),
                    "can not go from"),
                (self.movement(basis='TRANSFER', to_location=self.lost.id),
                    "can not go from"),
                (self.movement(basis='WRITE-OFF', to_location=self.lost.id),
                    "needs a document"),
                (self.movement(date=tomorrow),
                    f"{tomorrow:%m/%d/%Y} is in the future"),
                ({**self.movement(), 'basis': None}, "no basis"),
                ({**self.movement(), 'basis': unused.id}, "no longer used"),
                (self.movement(requested_by=stranger.id),
                    "not an employee of"),
                ({**self.movement(), 'moves': []}, "add at least one"),
                ]:
            with self.subTest(text=text):
                with self.assertRaises(MovementError) as raised:
                    self.draw_up(self.movement(), movement)
                self.assertIn(text, raised.exception.description)
                self.assertRegex(
                    raised.exception.description, r'^Row 2(\.1)?: ')
        self.assertFalse(self.Shipment.search([]))

    def test_closed_period(self):
        Period = Pool().get('stock.period')
        period, = Period.create([{
                    'date': TODAY - dt.timedelta(days=5),
                    'company': self.company.id,
                    }])
        Period.close([period])
        with self.assertRaises(MovementError) as raised:
            self.draw_up(self.movement(), self.movement(
                    date=TODAY - dt.timedelta(days=6)))
        self.assertRegex(
            raised.exception.description,
            r'^Row 2: The date .* is in the closed period')
        self.assertFalse(self.Shipment.search([]))

    def test_shortage(self):
        "The list tells what is missing, where it lies and what else is there"
        other = create_product("Screw")
        variant, = Pool().get('product.product').create([
                {'template': self.product.template.id, 'suffix_code': 'ZINC'}])
        variant.cost_price = Decimal(1)
        variant.save()
        south = locate(name="South")
        self.supply({self.product: 7}, south)
        self.supply({variant: 30})
        movement = self.movement(12)
        movement['moves'] += [
            {'product': other.id, 'quantity': 2},
            {'product': self.product.id, 'quantity': 3}]
        with self.assertRaises(ShortageError) as raised:
            self.draw_up(movement)
        first, second = (
            raised.exception.description.replace('\xa0', ' ').splitlines())
        self.assertEqual(
            first, "Bolt: 15 u required, 10 u on hand in "
            "[STO] Storage Zone, 5 u missing. Elsewhere: South: 7 u. "
            "Instead: [ZINC] Bolt: 30 u.")
        self.assertEqual(
            second, "Screw: 2 u required, 0 u on hand in "
            "[STO] Storage Zone, 2 u missing.")

    def test_shortage_of_lot(self):
        "A lot that is not there is missing even if another lot is"
        here = create_lot(self.product, "HERE")
        there = create_lot(self.product, "THERE")
        self.draw_up(self.movement(
                5, 'FOUND', from_location=self.lost.id,
                to_location=self.store.id, basis_text="Recount",
                move={'lot': here.id}))
        self.draw_up(self.movement(2, move={'lot': here.id}))
        with self.assertRaises(ShortageError):
            self.draw_up(self.movement(2, move={'lot': there.id}))
        with self.assertRaises(ShortageError):
            self.draw_up(self.movement(4, move={'lot': here.id}))
        self.draw_up(self.movement(10))

    def test_shortage_queries(self):
        "The list of what is short costs the same for one and for many"
        Shortage = Pool().get('stock.shortage')
        products = create_products(*(f"P{i}" for i in range(12)))

        def find(count):
            movement = self.movement()
            # Not in the order of their ids, as goods are asked for
            movement['moves'] = [
                {'product': p.id, 'quantity': 1}
                for p in reversed(products[:count])]
            movement, = self.Shipment._browse([movement])
            shipment = self.Shipment._draw_up(movement)
            self.assertEqual(len(Shortage.find(shipment.moves)), count)
        # Translations of the names are kept longer than a transaction
        find(12)
        self.assertConstantQueries(find, 3, 12)

    def test_between_warehouses(self):
        "Goods between warehouses wait for the other side"
        Location = Pool().get('stock.location')
        warehouse, = Location.search([('type', '=', 'warehouse')])
        other, = Location.copy([warehouse])
        shipment, = self.draw_up(self.movement(
                3, 'TRANSFER', to_location=other.storage_location.id,
                date=TODAY - dt.timedelta(days=2)))
        self.assertEqual(shipment.state, 'shipped')
        self.assertTrue(shipment.transit_location)
        self.assertEqual(self.on_hand(self.product, self.store), 7)
        # Each side has its day
        self.Shipment.do([shipment])
        shipment = self.Shipment(shipment.id)
        self.assertEqual(
            [m.effective_date for m in [
                    *shipment.outgoing_moves, *shipment.incoming_moves]],
            [TODAY - dt.timedelta(days=2), TODAY])
        self.assertEqual(shipment.effective_date, TODAY)

    def test_approval(self):
        "Nothing leaves before it is approved and nothing changes after"
        shipment, = self.draw_up(self.movement(
                2, 'WRITE-OFF', to_location=self.lost.id,
                basis_text="Act 1"))
        self.assertEqual(shipment.state, 'assigned')
        with self.assertRaises(ApprovalError):
            self.Shipment.do([shipment])
        with self.assertRaisesRegex(ApprovalError, "employee"):
            self.Shipment.approve([shipment])
        self.assertEqual(
            self.Shipment.search([('needs_approval', '=', True)]),
            [shipment])
        self.become(create_employee("Chief"))
        self.Shipment.approve([shipment])
        self.assertEqual(shipment.approved_by.rec_name, "Chief")
        for values in [
                {'basis_text': "Act 2"},
                {'approved_at': None},
                {'moves': [('write', [shipment.moves[0].id], {
                                'product': create_product("X").id})]},
                {'moves': [('create', [{
                                'product': self.product.id,
                                'unit': self.product.default_uom.id,
                                'quantity': 1,
                                'from_location': self.store.id,
                                'to_location': self.lost.id}])]},
                ]:
            with self.subTest(values=values), check_access():
                with self.assertRaises(AccessError):
                    self.Shipment.write([shipment], values)
        self.Shipment.do([shipment])
        self.assertEqual(shipment.state, 'done')

    def test_basis_is_kept(self):
        "No other basis is given to what waits for its approval"
        shipment, = self.draw_up(self.movement(
                2, 'WRITE-OFF', to_location=self.lost.id, basis_text="A"))
        for values in [
                {'basis': self.basis('ISSUE').id}, {'basis_text': "B"}]:
            with self.subTest(values=values), check_access():
                with self.assertRaisesRegex(AccessError, "draft first"):
                    self.Shipment.write([shipment], values)
        self.Shipment.wait([shipment])
        self.Shipment.draft([shipment])
        with check_access():
            self.Shipment.write([shipment], {'basis_text': "B"})
            # What is not finished is not approved
            with self.assertRaises(AccessButtonError):
                self.Shipment.approve([shipment])

    def test_total(self):
        "The paper adds up to what it shows"
        Act = Pool().get('stock.shipment.internal.write_off_act',
            type='report')
        products = create_products("A", "B", "C", cost='0.334')
        self.supply({p: 1 for p in products})
        movement = self.movement(
            basis='WRITE-OFF', to_location=self.lost.id, basis_text="Act")
        movement['moves'] = [
            {'product': p.id, 'quantity': 1} for p in products]
        shipment, = self.draw_up(movement)
        self.assertEqual(
            [l.value for l in Act.lines(shipment)], [Decimal('0.33')] * 3)
        self.assertEqual(Act.total(shipment), Decimal('0.99'))

    def test_approval_is_asked_for(self):
        "Those who may approve get one notice with all the movements"
        pool = Pool()
        User = pool.get('res.user')
        Group = pool.get('res.group')
        group, = Group.search([('name', '=', "Stock Approval")])
        chief, keeper = User.create([{
                    'name': name, 'login': name, 'groups': [('add', groups)],
                    'companies': [('add', [self.company.id])],
                    'company': self.company.id,
                    } for name, groups in [
                        ("chief", [group.id]), ("keeper", [])]])
        shipments = self.draw_up(*[
                self.movement(
                    1, 'WRITE-OFF', to_location=self.lost.id,
                    basis_text=f"Act {i}") for i in range(2)])
        notices = {
            n.user: n for n in Transaction().user_notifications}
        self.assertIn(chief, notices)
        self.assertNotIn(keeper, notices)
        self.assertEqual(
            notices[chief].records, str([s.id for s in shipments]))
        pool.get('res.notification').save(Transaction().user_notifications)
        Transaction().user_notifications.clear()
        self.Shipment.wait(shipments)
        self.assertFalse(Transaction().user_notifications)

    def test_no_right_to_approve(self):
        "A storekeeper can not approve what he drew up"
        User = Pool().get('res.user')
        shipment, = self.draw_up(self.movement(
                2, 'WRITE-OFF', to_location=self.lost.id, basis_text="Act"))
        keeper, = User.create([{
                    'name': "Keeper", 'login': 'keeper',
                    'companies': [('add', [self.company.id])],
                    'company': self.company.id,
                    'employees': [('add', [create_employee("Keeper").id])],
                    }])
        with Transaction().set_user(keeper.id), check_access():
            with self.assertRaises(AccessError):
                self.Shipment.approve([shipment])
        self.assertIsNone(shipment.approved_at)

    def test_no_right_to_create(self):
        "Who may not make shipments makes none by a movement"
        pool = Pool()
        Access = pool.get('ir.model.access')
        Group = pool.get('res.group')
        group, = Group.search([('name', '=', "Stock")])
        keeper, = pool.get('res.user').create([{
                    'name': "Keeper", 'login': 'keeper',
                    'groups': [('add', [group.id])],
                    'companies': [('add', [self.company.id])],
                    'company': self.company.id,
                    }])
        movement = self.movement()
        with Transaction().set_user(keeper.id), check_access():
            self.draw_up(movement)
        # Nobody but the system changes what comes with a module
        with Transaction().set_user(0):
            Access.write(Access.search([
                        ('model', '=', 'stock.shipment.internal'),
                        ('group', '=', group.id)]), {'perm_create': False})
        with Transaction().set_user(keeper.id), check_access():
            with self.assertRaises(AccessError):
                self.draw_up(movement)

    def test_approval_is_not_forged(self):
        with check_access(), self.assertRaises(AccessError):
            self.Shipment.create([{
                        'from_location': self.store.id,
                        'to_location': self.lost.id,
                        'approved_at': dt.datetime.now(),
                        }])

    def test_approval_ends_with_draft(self):
        shipment, = self.draw_up(self.movement(
                2, 'WRITE-OFF', to_location=self.lost.id, basis_text="A"))
        self.become(create_employee("Chief"))
        self.Shipment.approve([shipment])
        self.Shipment.wait([shipment])
        self.Shipment.draft([shipment])
        self.assertIsNone(shipment.approved_at)
        self.assertIsNone(shipment.approved_by)

    def test_basis_locations(self):
        with self.assertRaises(BasisError):
            self.Shipment.create([{
                        'basis': self.basis('TRANSFER').id,
                        'from_location': self.store.id,
                        'to_location': self.lost.id,
                        }])

    def become(self, employee):
        "Let the user be the employee"
        User = Pool().get('res.user')
        User.write([User(Transaction().user)], {
                'employees': [('add', [employee.id])],
                'employee': employee.id,
                })
