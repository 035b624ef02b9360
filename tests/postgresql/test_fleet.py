# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Two dispatchers can't both win."""
import datetime as dt
import random

from caravan.testing.concurrency import (
    PostgreSQLTestCase, before_lock, together)
from trytond.model.exceptions import SQLConstraintError
from trytond.modules.company.tests import create_company
from trytond.modules.fleet.exceptions import OverlapError, ReadingError
from trytond.pool import Pool
from trytond.transaction import Transaction

START = dt.datetime(2026, 3, 2)


class FleetTestCase(PostgreSQLTestCase):
    "Test bookings that are made at the same moment"
    modules = ['fleet']

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls._commit(cls, cls._setup)

    def _commit(self, function, **kwargs):
        context = {}
        if getattr(self, 'company', None):
            context = {'company': self.company}
        return PostgreSQLTestCase.transact(
            self, function, context=context, **kwargs)

    @staticmethod
    def _setup():
        return create_company().id

    def _resources(self, vehicles, drivers, prefix):
        def create():
            pool = Pool()
            parties = pool.get('party.party').create([
                    {'name': f'{prefix} {i}'} for i in range(drivers)])
            return [[r.id for r in records] for records in [
                    pool.get('fleet.vehicle').create([{
                                'plate': f'{prefix} {i}', 'kind': kind,
                                'state': 'active',
                                } for i, kind in enumerate(
                                ['tractor', 'semitrailer'] * vehicles)]),
                    pool.get('fleet.driver').create(
                        [{'party': p.id} for p in parties])]]
        return self._commit(create)

    def _book(self, values, **kwargs):
        "Return 'booked' or the name of the refusal"
        def create():
            Pool().get('fleet.booking').create([values])
        try:
            self._commit(create, **kwargs)
        except (OverlapError, SQLConstraintError) as refusal:
            self.assertIn('already', refusal.message)
            return 'refused'
        return 'booked'

    def test_same_second(self):
        """Of those who book one driver at once exactly one wins.

        Nobody has to start again: they wait for their turn.
        """
        _, (driver,) = self._resources(1, 1, 'A')
        for day in range(5):
            start = START + dt.timedelta(days=day)
            values = {
                'driver': driver, 'start': start,
                'end': start + dt.timedelta(hours=5)}
            results = self.together(*[
                    lambda: self._book(values, retry=0) for _ in range(4)])
            self.assertNoError(results)
            self.assertEqual(
                sorted(results), ['booked', 'refused', 'refused', 'refused'])

    def test_random_bookings(self):
        "A thousand random bookings by four writers never overlap"
        vehicles, drivers = self._resources(6, 8, 'B')
        chance = random.Random(1)
        wanted = []
        for _ in range(1000):
            start = START + dt.timedelta(hours=chance.randrange(24 * 60))
            wanted.append({
                    'vehicle': chance.choice([*vehicles, None]),
                    'driver': chance.choice(drivers),
                    'start': start,
                    'end': start + dt.timedelta(
                        hours=chance.randrange(1, 30)),
                    })

        def writer(index):
            return lambda: [self._book(v) for v in wanted[index::4]]
        results = together(
            *[writer(i) for i in range(4)], timeout=300)
        self.assertNoError(results)
        booked = sum(r.count('booked') for r in results)
        self.assertGreater(booked, 100)
        self.assertGreater(sum(r.count('refused') for r in results), 100)
        self.assertEqual(self._commit(self._overlaps), [])

    def _overlaps(self):
        "Return the pairs that overlap, by an own look at the table"
        cursor = Transaction().connection.cursor()
        booking = Pool().get('fleet.booking').__table__()
        cursor.execute(*booking.select(
                booking.vehicle, booking.driver, booking.start, booking.end,
                order_by=[booking.start]))
        rows = cursor.fetchall()
        return [
            (one, other) for i, one in enumerate(rows)
            for other in rows[i + 1:]
            if other[2] < one[3] and (
                (one[0] and one[0] == other[0])
                or (one[1] and one[1] == other[1]))]

    def test_constraints_are_native(self):
        "No rule falls back to a lock of the table"
        def fallen():
            database = Transaction().database
            pool = Pool()
            return [
                name for _, Model in pool.iterobject()
                if Model.__name__.startswith('fleet.')
                for name, constraint, _ in getattr(
                    Model, '_sql_constraints', [])
                if not database.has_constraint(constraint)]
        self.assertEqual(self._commit(fallen), [])

    def test_trips_name_each_other(self):
        "The sentence names the other trip before the database refuses"
        (tractor, _), (driver,) = self._resources(1, 1, 'C')

        def plan():
            Trip = Pool().get('fleet.trip')
            trip, = Trip.create([{
                        'vehicle': tractor, 'driver': driver,
                        'planned_departure': START,
                        'planned_arrival': START + dt.timedelta(hours=9)}])
            Trip.plan([trip])
            return trip.number
        number = self._commit(plan)
        with self.assertRaises(OverlapError) as refusal:
            self._commit(plan)
        self.assertIn(f'"Fleet Trip {number}"', refusal.exception.message)

    def test_odometer(self):
        "The database refuses kilometres that another trip drove"
        (tractor, _), (driver,) = self._resources(1, 1, 'D')

        def drive(day, start, end):
            def create():
                departure = START + dt.timedelta(days=day)
                Pool().get('fleet.trip').create([{
                            'vehicle': tractor, 'driver': driver,
                            'departure': departure,
                            'arrival': departure + dt.timedelta(hours=9),
                            'odometer_start': start, 'odometer_end': end,
                            'state': 'done'}])
            return lambda: self._commit(create)
        for function in [
                drive(20, 1000, 1300), drive(21, 1300, 1300),
                drive(22, 1300, 1500), drive(23, None, None)]:
            function()
        with self.assertRaises((OverlapError, SQLConstraintError)):
            drive(24, 1299, 1400)()

    def test_last_reading(self):
        "Who waited for the vehicle sees what was read meanwhile"
        (vehicle, _), _ = self._resources(1, 1, 'R')

        def meter():
            pool = Pool()
            vehicle_, = pool.get('fleet.vehicle').browse([vehicle])
            return pool.get('fleet.meter').of(
                [vehicle_], 'odometer')[vehicle_].id
        meter = self._commit(meter)

        def read(hour, value):
            def create():
                Pool().get('fleet.meter.reading').create([{
                            'meter': meter, 'value': value, 'source': 'manual',
                            'at': START + dt.timedelta(hours=hour)}])
            return lambda: self._commit(create)
        with before_lock('fleet_vehicle', read(8, 1000)) as results:
            with self.assertRaises(ReadingError):
                read(9, 900)()
        self.assertEqual(results, [None])
