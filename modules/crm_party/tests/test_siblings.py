# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
from decimal import Decimal

from caravan.testing import set_up_chart
from trytond.transaction import Transaction

from .common import EXTRAS, CrmTestCase, set_up


class _SiblingTestCase(CrmTestCase):
    "Base of the tests of what another module knows of a customer"
    modules = ['crm_party', *EXTRAS]
    set_ups = [set_up, set_up_chart]

    def setUp(self):
        super().setUp()
        self.party = self.create_party(
            "Customer", addresses=[('create', [{'city': "Lyon"}, {}])])

    def events(self, *kinds):
        "Return what the timeline of the customer tells of the kinds"
        Timeline = self.get('crm.timeline')
        return [
            (e.kind, e.date, e.summary.strip(), e.amount, e.origin)
            for e in Timeline.search([
                    ('party', '=', self.party.id),
                    ('kind', 'in', kinds),
                    ], order=[('date', 'ASC'), ('kind', 'ASC')])]

    def set_columns(self, record, **values):
        "Write columns that only workflows do"
        table = record.__table__()
        Transaction().connection.cursor().execute(*table.update(
                [getattr(table, name) for name in values],
                list(values.values()), where=table.id == record.id))

    def make_sheet(self):
        "Return (pieces, amount) of the work of the month"
        Sheet = self.get('crm.work.sheet')
        return [
            (s.pieces, s.amount) for s in Sheet.browse(
                Sheet.make(self.company, self.today))]

    def rate(self, kind, amount):
        return self.create('crm.work.rate',
            name=kind, company=self.company.id, kind=kind,
            amount=Decimal(amount))

    def check_access(self, *kinds):
        "Who may not read the origin sees nothing of it"
        user, _ = self.create_user('clerk', 'group_crm_all')
        with self.act_as(user):
            self.assertEqual(self.events(*kinds), [])


class FleetTestCase(_SiblingTestCase):
    "Test what orders and trips tell"
    locks = ['crm_configuration', 'fleet_configuration']

    def order(self, **values):
        load, unload = self.party.addresses
        return self.create('fleet.order', **{
                'company': self.company.id,
                'party': self.party.id,
                'order_date': self.today,
                'currency': self.company.currency.id,
                'amount': Decimal('250.00'),
                'reference': "PO-7",
                'stops': [('create', [
                            {'kind': 'load', 'address': load.id},
                            {'kind': 'unload', 'address': unload.id}])],
                'cargo': [('create', [{
                                'description': "Fish",
                                'gross_kg': 1000}])],
                **values})

    def trip(self, *orders):
        return self.create('fleet.trip',
            company=self.company.id, orders=[('add', orders)])

    def test_timeline(self):
        orders = [self.order(), self.order(), self.order(
                party=self.create_party("Other").id)]
        self.get('fleet.order').confirm(orders)
        trip = self.trip(*orders)
        departure = dt.datetime.combine(
            self.today + dt.timedelta(days=1), dt.time(8))
        self.set_columns(trip, planned_departure=departure)
        events = self.events('order', 'trip')
        self.assertEqual([e[0] for e in events], ['order', 'order', 'trip'])
        self.assertEqual(
            [e[1:4] for e in events[:2]],
            [(self.today, f"{o.number} PO-7", Decimal('250.00'))
                for o in orders[:2]])
        # A trip with two orders of the customer is one event
        self.assertEqual(events[2][1], departure.date())
        self.assertEqual(events[2][4], trip)
        Timeline = self.get('crm.timeline')
        self.assertIn(('dispatched', "Under Way"), Timeline.get_statuses())
        self.assertIn(
            'fleet.trip', [model for model, _ in Timeline.get_origin()])
        self.check_access('order', 'trip')

    def test_customer(self):
        "Who orders becomes a customer, the order is a contact"
        Order = self.get('fleet.order')
        order = self.order()
        self.assertFalse(self.party.crm_profiles)
        Order.confirm([order])
        profile, = self.get('party.party')(self.party.id).crm_profiles
        self.assertEqual(
            (profile.status, profile.last_contact), ('customer', self.today))
        self.assertIsNone(profile.manager)

    def test_work(self):
        "Drivers are paid for the trips they have done"
        driver = self.create('fleet.driver',
            party=self.manager.party.id, employee=self.manager.id,
            company=self.company.id)
        self.rate('trip', '12.50')
        for state in ['done', 'closed', 'planned']:
            trip = self.trip()
            self.set_columns(
                trip, state=state, driver=driver.id,
                arrival=dt.datetime.combine(self.today, dt.time(9)))
        self.assertEqual(self.make_sheet(), [(2, Decimal('25.00'))])

    def test_work_timezone(self):
        "A trip is of the month in which it has come home"
        self.company.timezone = 'Asia/Almaty'
        self.company.save()
        driver = self.create('fleet.driver',
            party=self.manager.party.id, employee=self.manager.id,
            company=self.company.id)
        self.rate('trip', '12.50')
        self.set_columns(
            self.trip(), state='done', driver=driver.id,
            arrival=dt.datetime(2026, 3, 31, 20))
        Sheet = self.get('crm.work.sheet')
        self.assertFalse(Sheet.make(self.company, dt.date(2026, 3, 1)))
        sheet, = Sheet.make(self.company, dt.date(2026, 4, 1))
        self.assertEqual(
            Sheet(sheet.id).entries[0].date, dt.date(2026, 4, 1))


class LoanTestCase(_SiblingTestCase):
    "Test what loans tell"
    locks = ['crm_configuration', 'loan_configuration']

    def setUp(self):
        super().setUp()
        product = self.create('loan.product',
            name="Consumer Loan", rate=Decimal('.12'))
        self.loan = self.create('loan.loan',
            company=self.company.id, party=self.party.id,
            product=product.id, purpose="Trailer",
            officer=self.manager.id,
            amount_requested=Decimal('1000'),
            application_date=self.today, disbursement_date=self.today)

    def book(self, type_, amount, **values):
        "Enter a transaction as the loan books it"
        return self.create('loan.transaction', **{
                'loan': self.loan.id, 'type': type_,
                'value_date': self.today, 'booking_date': self.today,
                'amount': Decimal(amount),
                'employee': self.manager.id,
                **values})

    def test_timeline(self):
        repayment = self.book('repayment', '100')
        self.book('demand', '100')
        (kind, date, summary, amount, origin), event = self.events(
            'loan', 'loan_transaction')
        self.assertEqual(
            (kind, date, amount, origin),
            ('loan', self.today, Decimal('1000'), self.loan))
        self.assertIn("Trailer", summary)
        self.assertEqual(
            event[2:], (f"{self.loan.number or ''}: Repayment",
                Decimal('100'), repayment))
        self.check_access('loan', 'loan_transaction')

    def test_work(self):
        "Officers are paid for loans paid out and payments taken"
        self.rate('loan', '20')
        self.rate('repayment', '0.50')
        self.assertEqual(self.make_sheet(), [])
        self.set_columns(self.loan, state='active')
        undone = self.book('repayment', '100')
        self.book('repayment', '-100', reverses=undone.id)
        self.book('repayment', '100')
        self.assertEqual(self.make_sheet(), [(2, Decimal('20.50'))])


class StockTestCase(_SiblingTestCase):
    "Test what shipments tell"
    locks = ['crm_configuration', 'stock_configuration']

    def shipment(self, model, **values):
        shipment = self.get(model)(company=self.company)
        for name, value in values.items():
            setattr(shipment, name, value)
            if hasattr(shipment, f'on_change_{name}'):
                getattr(shipment, f'on_change_{name}')()
        shipment.save()
        return shipment

    def test_timeline(self):
        Location = self.get('stock.location')
        warehouse, = Location.search([('type', '=', 'warehouse')])
        values = {
            'warehouse': warehouse, 'planned_date': self.today,
            'reference': "DN-1"}
        out, back, in_ = (
            self.shipment(model, **{party: self.party}, **values)
            for model, party in [
                ('stock.shipment.out', 'customer'),
                ('stock.shipment.out.return', 'customer'),
                ('stock.shipment.in', 'supplier')])
        events = self.events(
            'shipment_in', 'shipment_out', 'shipment_out_return')
        self.assertEqual([e[4] for e in events], [in_, out, back])
        for event in events:
            self.assertEqual(event[1], self.today)
            self.assertIn("DN-1", event[2])
        self.check_access(
            'shipment_in', 'shipment_out', 'shipment_out_return')
