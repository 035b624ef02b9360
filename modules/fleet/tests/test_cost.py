# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
from decimal import Decimal

from trytond.exceptions import UserError
from trytond.modules.currency.tests import add_currency_rate, create_currency
from trytond.modules.fleet.exceptions import (
    IncidentError, OverlapError, PayWarning, RangeError, StateError)
from trytond.modules.fleet.tests.tools import (
    FleetTestCase, at, create_drivers, create_order, create_trip, create_user,
    create_vehicles, do, iter_cases, with_company)
from trytond.pool import Pool
from trytond.transaction import Transaction


class CostTestCase(FleetTestCase):
    "Test the ledger of costs and what is entered there"

    def costs(self, *domain):
        return [
            (c.category, c.amount) for c in Pool().get('fleet.cost').search(
                list(domain), order=[('id', 'ASC')])]

    @with_company
    def test_ledger(self):
        "Costs are kept and reversed, an origin is posted once"
        Cost = Pool().get('fleet.cost')
        vehicle, = create_vehicles(1)
        trip = do(create_trip(vehicle, create_drivers(1)[0]), km=50.)
        parking, = Cost.create([{
                    'trip': trip.id, 'vehicle': vehicle.id,
                    'category': 'parking', 'amount': Decimal(12)}])
        with Transaction().set_context(_check_access=True):
            self.assertRaises(
                StateError, Cost.write, [parking], {'amount': Decimal(1)})
            self.assertRaises(StateError, Cost.delete, [parking])
        self.assertEqual(type(trip)(trip.id).profit, -12)
        Cost.reverse([parking])
        Cost.reverse([parking])
        self.assertEqual(type(trip)(trip.id).costs, 0)
        values = {
            'company': trip.company.id, 'date': dt.date(2026, 3, 2),
            'vehicle': vehicle.id, 'trip': trip.id, 'category': 'toll',
            'amount': Decimal(5), 'origin': trip}
        for _ in range(2):
            Cost.post([values])
        self.assertEqual(type(trip)(trip.id).costs, 5)
        Cost.take_back([trip])
        Cost.post([dict(values, amount=Decimal(7))])
        self.assertEqual(type(trip)(trip.id).costs, 7)

    @with_company
    def test_access(self):
        "Who sees no costs sees nothing that is reckoned from them"
        pool = Pool()
        ModelData = pool.get('ir.model.data')
        User = pool.get('res.user')
        trip = do(
            create_trip(create_vehicles(1)[0], create_drivers(1)[0]), km=50.)
        _, user = create_user('reader')
        for group, profit in [
                ('group_fleet', None), ('group_fleet_accountant', 0)]:
            User.write([user], {'groups': [
                        ('add', [ModelData.get_id('fleet', group)])]})
            with Transaction().set_user(user.id), \
                    Transaction().set_context(
                        User.get_preferences(context_only=True),
                        _check_access=True):
                row, = type(trip).read([trip.id], [
                        'costs', 'profit', 'deviation_tolls'])
                self.assertEqual(row['profit'], profit, group)

    @with_company
    def test_contracts(self):
        "Months are entered once, a part of a month by its days"
        Contract = Pool().get('fleet.contract')
        (_, given, expect), = iter_cases(self, 'CK-03')
        vehicle, = create_vehicles(1)
        Contract.create([{
                    'reference': str(i), 'vehicle': vehicle.id,
                    'frequency': c['freq'].replace('monthly', 'month')
                    .replace('daily', 'day'),
                    'amount': Decimal(c['amount']),
                    'start': dt.date.fromisoformat(c['from']),
                    'end': dt.date.fromisoformat(c['to']),
                    } for i, c in enumerate(given['contracts'])])
        first = dt.date.fromisoformat(given['month'] + '-01')
        Contract.post(first + dt.timedelta(days=20))
        self.assertFalse(self.costs())
        for _ in range(2):
            Contract.post(first + dt.timedelta(days=45))
        self.assertEqual(sum(a for _, a in self.costs()), expect['total'])
        yearly, = Contract.create([{
                    'reference': "Tax", 'vehicle': vehicle.id,
                    'category': 'tax', 'frequency': 'year',
                    'amount': Decimal(1200),
                    'start': dt.date(2023, 1, 17)}])
        Contract.post(dt.date(2023, 3, 1))
        self.assertEqual(
            self.costs(('origin', '=', str(yearly))),
            [('tax', Decimal('48.39')), ('tax', Decimal('100.00'))])

    @with_company
    def test_fine(self):
        "Plate and minute find vehicle, trip and driver"
        Fine = Pool().get('fleet.fine')
        vehicle, = create_vehicles(1)
        driver, other = create_drivers(2)
        Pool().get('fleet.assignment').create([{
                    'vehicle': vehicle.id, 'driver': other.id,
                    'start': at(0)}])
        trip = do(create_trip(vehicle, driver), km=50.)
        on_trip, before, unknown = Fine.create([
                {'plate': plate, 'at': moment, 'amount': Decimal(80),
                    'charged_to': charged}
                for plate, moment, charged in [
                    ("v-0000", at(7), 'company'), ("V0000", at(2), 'driver'),
                    ("X 1", at(7), 'company')]])
        Fine.confirm([on_trip, before])
        on_trip, before = Fine.browse([on_trip, before])
        self.assertEqual(
            (on_trip.vehicle, on_trip.trip, on_trip.driver),
            (vehicle, trip, driver))
        self.assertEqual((before.trip, before.driver), (None, other))
        self.assertEqual(self.costs(), [('fine', 80)])
        with self.assertRaises(IncidentError) as refusal:
            Fine.confirm([unknown])
        self.assertIn("X 1", refusal.exception.message)
        Fine.object([on_trip])
        self.assertEqual(sum(a for _, a in self.costs()), 0)

    @with_company
    def test_accident(self):
        Accident = Pool().get('fleet.accident')
        vehicle, = create_vehicles(1)
        driver, = create_drivers(1)
        do(create_trip(vehicle, driver), km=50.)
        accident, = Accident.create([{
                    'vehicle': vehicle.id, 'at': at(8),
                    'damage': Decimal(900), 'paid': Decimal(400)}])
        Accident.close([accident])
        self.assertEqual(Accident(accident.id).driver, driver)
        self.assertEqual(self.costs(), [('accident', -400)])
        Accident.draft([accident])
        self.assertEqual(sum(a for _, a in self.costs()), 0)

    @with_company
    def test_tyres(self):
        "A tyre is at one place, a place has one tyre, km count what it cost"
        pool = Pool()
        Mount = pool.get('fleet.tyre.mount')
        Tyre = pool.get('fleet.tyre')
        vehicle, = create_vehicles(1)
        one, other = Tyre.create([
                {'serial': s, 'price': Decimal(400)} for s in ["A", "B"]])
        first, = Mount.create([{
                    'tyre': one.id, 'vehicle': vehicle.id, 'position': "1L",
                    'start': dt.date(2026, 1, 1), 'odometer_on': 10000}])
        self.assertEqual(self.costs(), [('tyre', 400)])
        Mount.write([first], {
                'end': dt.date(2026, 3, 1), 'odometer_off': 30000})
        Mount.create([{
                    'tyre': one.id, 'vehicle': vehicle.id, 'position': "2L",
                    'start': dt.date(2026, 3, 1), 'odometer_on': 30000,
                    'end': dt.date(2026, 4, 1), 'odometer_off': 50000}])
        one = Tyre(one.id)
        self.assertEqual((one.km, one.cost_per_km), (40000, Decimal('0.01')))
        self.assertIsNone(Tyre(other.id).cost_per_km)
        self.assertEqual(self.costs(), [('tyre', 400)])
        with self.assertRaises(RangeError) as refusal:
            Mount.create([{
                        'tyre': other.id, 'vehicle': vehicle.id,
                        'position': "2L", 'odometer_on': 40000,
                        'start': dt.date(2026, 3, 15)}])
        self.assertIn("2L", refusal.exception.message)

    @with_company
    def test_tyre_overlap(self):
        "A tyre is on one vehicle at a time"
        pool = Pool()
        Mount = pool.get('fleet.tyre.mount')
        one, other = create_vehicles(2)
        tyre, = pool.get('fleet.tyre').create([{'serial': "A"}])
        values = {
            'tyre': tyre.id, 'position': "1L",
            'start': dt.date(2026, 1, 1), 'odometer_on': 10000}
        Mount.create([{**values, 'vehicle': one.id}])
        with self.assertRaises(OverlapError) as refusal:
            Mount.create([{**values, 'vehicle': other.id}])
        self.assertIn("V 0000 1L", refusal.exception.message)

    @with_company
    def test_pay_sheet(self):
        "Trips are paid once, fines are taken off, the law is told"
        pool = Pool()
        Fine = pool.get('fleet.fine')
        Sheet = pool.get('fleet.pay.sheet')
        vehicle, = create_vehicles(1)
        driver, = create_drivers(1)
        trips = [do(
                create_trip(vehicle, driver, at(6, day), at(9, day)),
                km=100.) for day in [0, 1, 40]]
        tariff, = pool.get('fleet.tariff').create([{
                    'name': "Pay", 'category': 'driver',
                    'rules': [('create', [
                                {'basis': 'km', 'rate': Decimal('0.10')},
                                {'basis': 'hour', 'rate': Decimal(5)}])]}])
        fine, = Fine.create([{
                    'vehicle': vehicle.id, 'at': at(7), 'number': "F1",
                    'amount': Decimal(30), 'charged_to': 'driver'}])
        Fine.confirm([fine])
        sheet, = Sheet.create([{
                    'driver': driver.id, 'start': dt.date(2026, 3, 1),
                    'end': dt.date(2026, 3, 31), 'tariff': tariff.id}])
        for _ in range(2):
            Sheet.compute([sheet])
        sheet = Sheet(sheet.id)
        self.assertEqual(
            [(line.kind, line.amount) for line in sheet.lines],
            [('trip', 25), ('trip', 25), ('fine', -30)])
        self.assertEqual(sheet.total, 20)
        with self.assertRaises(PayWarning) as warning:
            Sheet.confirm([sheet])
        self.assertIn("561/2006", warning.exception.message)
        with Transaction().set_context(_skip_warnings=True):
            Sheet.confirm([sheet])
        self.assertEqual(type(trips[0])(trips[0].id).costs, 25)
        self.assertEqual(self.costs(), [('pay', 25), ('pay', 25)])
        with self.assertRaises(UserError):
            Sheet.delete([sheet])
        Sheet.draft([sheet])
        self.assertEqual(sum(a for _, a in self.costs()), 0)

    @with_company
    def test_pay_lines(self):
        "Two sheets that touch pay once what was carried and the stops made"
        pool = Pool()
        Order = pool.get('fleet.order')
        Sheet = pool.get('fleet.pay.sheet')
        driver, other = create_drivers(2)
        orders = [create_order(kg=kg) for kg in [3000, 4000]]
        Order.confirm(orders)
        trip = do(create_trip(
                create_vehicles(1)[0], driver, stops=[('create', [
                            {'kind': 'rest'},
                            {'kind': 'rest', 'skipped': True,
                                'reason': "Closed"}])],
                orders=[('add', [o.id for o in orders])]), km=10.)
        tariff, = pool.get('fleet.tariff').create([{
                    'name': "Pay", 'category': 'driver',
                    'rules': [('create', [
                                {'basis': 'stop', 'rate': Decimal(5)},
                                {'basis': 'tonne', 'rate': Decimal(2)}])]}])
        sheets = Sheet.create([{
                    'driver': driver.id, 'tariff': tariff.id,
                    'start': dt.date(2026, 3, day),
                    'end': dt.date(2026, 3, 31)} for day in [1, 2]])
        Sheet.compute(sheets)
        line, = [line for s in Sheet.browse(sheets) for line in s.lines]
        self.assertEqual((line.trip, line.amount), (trip, 5 + 2 * 7))
        with self.assertRaises(StateError) as refusal:
            Sheet.write([line.sheet], {'driver': other.id})
        self.assertIn(driver.rec_name, refusal.exception.message)

    @with_company
    def test_contract_moved(self):
        "Months that are entered stay with the vehicle they were entered for"
        Contract = Pool().get('fleet.contract')
        one, other = create_vehicles(2)
        contract, = Contract.create([{
                    'reference': "Lease", 'vehicle': one.id,
                    'amount': Decimal(100),
                    'start': dt.date(2026, 1, 1)}])
        Contract.post(dt.date(2026, 3, 1))
        Contract.write([contract], {
                'vehicle': other.id, 'category': 'lease'})
        Contract.post(dt.date(2026, 4, 1))
        self.assertEqual(
            self.costs(('vehicle', '=', one.id)), [('insurance', 100)] * 2)
        self.assertEqual(
            self.costs(('vehicle', '=', other.id)), [('lease', 100)])

    @with_company
    def test_tyre_price(self):
        "A price that is entered or corrected later is the cost"
        pool = Pool()
        Tyre = pool.get('fleet.tyre')
        vehicle, = create_vehicles(1)
        tyre, = Tyre.create([{'serial': "A"}])
        pool.get('fleet.tyre.mount').create([{
                    'tyre': tyre.id, 'vehicle': vehicle.id, 'position': "1L",
                    'start': dt.date(2026, 1, 1), 'odometer_on': 10000}])
        self.assertEqual(self.costs(), [])
        for price in [400, 450]:
            Tyre.write([tyre], {'price': Decimal(price)})
            self.assertEqual(sum(a for _, a in self.costs()), price)

    @with_company
    def test_fine_kept(self):
        "A plate of dashes finds no vehicle, a confirmed fine is kept"
        Fine = Pool().get('fleet.fine')
        create_vehicles(2, kind='dolly', plate=None)
        vehicle, = create_vehicles(1)
        fine, = Fine.create([{
                    'plate': "--", 'at': at(7), 'amount': Decimal(80)}])
        Fine.find_driver([fine])
        self.assertIsNone(Fine(fine.id).vehicle)
        Fine.write([fine], {'vehicle': vehicle.id})
        Fine.confirm([fine])
        with Transaction().set_context(_check_access=True):
            with self.assertRaises(StateError) as refusal:
                Fine.write([fine], {'amount': Decimal(8)})
        self.assertIn("--", refusal.exception.message)

    @with_company
    def test_forged(self):
        "Nobody enters a cost in the name of what posts its own"
        pool = Pool()
        Cost = pool.get('fleet.cost')
        vehicle, = create_vehicles(1)
        values = {'vehicle': vehicle.id, 'amount': Decimal(1)}
        cost, = Cost.create([values])
        with Transaction().set_context(_check_access=True):
            for name, value in [
                    ('origin_key', 'fleet.trip,1/toll'),
                    ('reverses', cost.id)]:
                with self.subTest(name=name):
                    self.assertRaises(
                        StateError, Cost.create, [{**values, name: value}])
            Cost.create([values])

    @with_company
    def test_revenue_rate(self):
        "Revenue counts by the rate of the day the trip arrived"
        pool = Pool()
        trip = create_trip(create_vehicles(1)[0], create_drivers(1)[0])
        currency = create_currency('cu2')
        add_currency_rate(currency, 2, dt.date(2026, 1, 1))
        add_currency_rate(currency, 4, dt.date(2026, 3, 3))
        add_currency_rate(trip.currency, 1, dt.date(2026, 1, 1))
        order = create_order(amount=Decimal(100), currency=currency.id)
        pool.get('fleet.order').confirm([order])
        trip.orders = [order]
        trip.save()
        self.assertEqual(do(trip, km=10.).revenue, 50)

    @with_company
    def test_fine_objected(self):
        "A fine that is objected to is not taken off the next pay"
        pool = Pool()
        Fine = pool.get('fleet.fine')
        Sheet = pool.get('fleet.pay.sheet')
        vehicle, = create_vehicles(1)
        driver, = create_drivers(1)
        tariff, = pool.get('fleet.tariff').create([{
                    'name': "Pay", 'category': 'driver'}])
        fine, = Fine.create([{
                    'vehicle': vehicle.id, 'driver': driver.id, 'at': at(7),
                    'amount': Decimal(30), 'charged_to': 'driver'}])
        Fine.confirm([fine])
        sheet, = Sheet.create([{
                    'driver': driver.id, 'tariff': tariff.id,
                    'start': dt.date(2026, 3, 1),
                    'end': dt.date(2026, 3, 31)}])
        Sheet.compute([sheet])
        self.assertEqual(Sheet(sheet.id).total, -30)
        Fine.object([fine])
        self.assertEqual(Sheet(sheet.id).total, 0)
