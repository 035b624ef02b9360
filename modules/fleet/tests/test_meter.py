# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from caravan.testing import QueryTestMixin
from trytond.modules.fleet.engine.meter import (
    is_implausible, longest_rising, misfit)
from trytond.modules.fleet.exceptions import (
    ReadingError, ReadingWarning, StateError)
from trytond.modules.fleet.tests.tools import (
    FleetTestCase, at, create_drivers, create_trip, create_vehicles,
    with_company)
from trytond.pool import Pool
from trytond.transaction import Transaction


class MeterTestCase(QueryTestMixin, FleetTestCase):
    "Test meters and readings"

    def read(self, vehicle, when, value):
        pool = Pool()
        meter = pool.get('fleet.meter').of([vehicle])[vehicle]
        reading, = pool.get('fleet.meter.reading').create([
                {'meter': meter.id, 'at': when, 'value': value}])
        return reading

    def test_engine(self):
        self.assertIsNone(misfit(1500, 1000, 2000))
        self.assertIsNone(misfit(1000, 1000, 1000))
        self.assertEqual(misfit(2100, 1000, 2000), 2000)
        self.assertEqual(misfit(900, 1000, None), 1000)
        for values, indexes in [
                ([], []),
                ([1, 2, 2, 3], [0, 1, 2, 3]),
                ([1000, 2100, 1500], [0, 2]),
                ([5, 90, 6, 7, 8], [0, 2, 3, 4])]:
            self.assertEqual(longest_rising(values), indexes)
        day = dt.datetime(2026, 3, 3)
        next_ = day + dt.timedelta(days=1)
        self.assertTrue(is_implausible(94000, next_, 79000, day, 1500))
        self.assertFalse(is_implausible(80500, next_, 79000, day, 1500))
        self.assertFalse(is_implausible(
                80500, day + dt.timedelta(hours=1), 79000, day, 1500))

    @with_company
    def test_late_entries(self):
        "A late reading that fits is taken, one that does not is refused"
        vehicle, = create_vehicles(1)
        self.read(vehicle, at(8), 1000)
        wrong = self.read(vehicle, at(8, day=4), 2000)
        self.read(vehicle, at(8, day=2), 1500)
        with self.assertRaises(ReadingError) as refusal:
            self.read(vehicle, at(8, day=3), 2100)
        self.assertIn('2000', refusal.exception.message)
        # The wrong one is voided and stays on record
        wrong.void, wrong.void_reason = True, "Typing error"
        wrong.save()
        self.read(vehicle, at(8, day=3), 2100)
        self.assertEqual(vehicle.odometer, 2100)
        with self.assertRaises(ReadingError):
            self.read(vehicle, at(8, day=5), 1999)
        with self.assertRaises(StateError):
            type(wrong).write([wrong], {'value': 1})
        with self.assertRaises(StateError):
            type(wrong).delete([wrong])

    @with_company
    def test_implausible(self):
        "What can't be driven in a day counts only when confirmed"
        vehicle, = create_vehicles(1)
        self.read(vehicle, at(8), 79000)
        with self.assertRaises(ReadingWarning), \
                Transaction().set_context(_check_access=True):
            self.read(vehicle, at(8, day=1), 94000)
        reading = self.read(vehicle, at(8, day=1), 94000)
        self.assertTrue(reading.flagged)
        vehicle = type(vehicle)(vehicle.id)
        self.assertEqual(vehicle.odometer, 79000)
        type(reading).confirm([reading])
        vehicle = type(vehicle)(vehicle.id)
        self.assertEqual(vehicle.odometer, 94000)

    @with_company
    def test_record(self):
        "What fits comes in, the rest is told, the order does not matter"
        pool = Pool()
        Reading = pool.get('fleet.meter.reading')
        one, two = create_vehicles(2)
        self.read(one, at(8), 1000)
        self.read(one, at(8, day=9), 2000)
        void = self.read(one, at(8, day=8), 1900)
        Reading.write([void], {'void': True, 'void_reason': "Wrong"})

        def reading(vehicle, day, value, kind='odometer'):
            return {
                'vehicle': vehicle.id, 'at': at(8, day=day), 'value': value,
                'kind': kind, 'source': 'import'}
        vlist = [
            reading(one, 3, 1300),
            reading(one, 2, 1400),
            reading(one, 4, 2100),
            reading(one, 9, 2000),
            reading(one, 8, 1999),
            reading(one, -1, 1001),
            reading(two, 3, 50),
            reading(two, 4, 900),
            reading(two, 5, 100),
            reading(two, 6, 120),
            reading(two, 7, 90000),
            reading(two, 3, 7, 'hours'),
            ]
        with self.assertQueries(60):
            outcomes = Reading.record(vlist, dry_run=True)
        self.assertEqual(Reading.search([], count=True), 3)
        for index, other in [(1, 1300), (2, 2000), (5, 1000), (7, 100)]:
            self.assertIn(str(other), outcomes[index])
            self.assertIn(str(vlist[index]['value']), outcomes[index])
        self.assertEqual(
            [i for i, o in enumerate(outcomes) if o is None],
            [0, 4, 6, 8, 9, 10, 11])
        self.assertIs(outcomes[3], False)
        self.assertEqual(Reading.record(vlist).count(None), 7)
        self.assertEqual(Reading.record(vlist).count(False), 8)
        self.assertEqual(two.odometer, 120)
        flagged, = Reading.search([('flagged', '=', True)])
        self.assertEqual(flagged.value, 90000)

        def record(size):
            self.assertEqual(
                set(Reading.record([
                            reading(two, 10 + size + i / 100, 200 + i)
                            for i in range(size)], dry_run=True)), {None})
        self.assertConstantQueries(record, small=100, large=300)

    @with_company
    def test_trip(self):
        "A done trip reads the odometer, reopening voids what it read"
        Reading = Pool().get('fleet.meter.reading')
        vehicle, = create_vehicles(1)
        driver, = create_drivers(1)
        trip = create_trip(vehicle, driver, departure=at(6))
        Trip = type(trip)
        Trip.plan([trip])
        Trip.dispatch([trip])
        trip.arrival = at(11)
        trip.odometer_start, trip.odometer_end = 1000, 1300
        Trip.do([trip])
        self.assertEqual(vehicle.odometer, 1300)
        self.assertEqual(
            {(r.value, r.source, r.driver) for r in Reading.search([])},
            {(1000, 'trip', driver), (1300, 'trip', driver)})
        Trip.reopen([trip])
        self.assertFalse(Reading.search([('void', '=', False)]))
        trip = Trip(trip.id)
        trip.odometer_end = 1310
        Trip.do([trip])
        self.assertEqual(type(vehicle)(vehicle.id).odometer, 1310)

    @with_company
    def test_list_queries(self):
        "The odometers of many vehicles cost as many queries as those of few"
        pool = Pool()
        Vehicle = pool.get('fleet.vehicle')
        Meter = pool.get('fleet.meter')
        Reading = pool.get('fleet.meter.reading')
        vehicles = create_vehicles(30)
        meters = Meter.of(vehicles)
        Reading.create([
                {'meter': m.id, 'at': at(h), 'value': 100 * h}
                for m in meters.values() for h in range(3)])

        def read(size):
            return Vehicle.read(
                [v.id for v in vehicles[:size]], ['odometer', 'odometer_at'])
        self.assertConstantQueries(read, small=5, large=30)
        self.assertEqual(read(1)[0]['odometer'], 200)
        self.assertEqual(read(1)[0]['odometer_at'], at(2))

    @with_company
    def test_hours(self):
        "A day has 24 engine hours"
        pool = Pool()
        Reading = pool.get('fleet.meter.reading')
        vehicle, = create_vehicles(1)
        values = {
            'vehicle': vehicle.id, 'kind': 'hours', 'source': 'import'}
        Reading.record([
                {**values, 'at': at(8, day), 'value': value}
                for day, value in [(0, 100), (1, 120), (2, 200)]])
        self.assertEqual(
            {r.value: r.flagged for r in Reading.search([])},
            {100: False, 120: False, 200: True})
        Reading.create([{
                    'meter': Reading.search([], limit=1)[0].meter.id,
                    'at': at(8, 3), 'value': 300}])
        self.assertTrue(Reading.search([('value', '=', 300)])[0].flagged)
