# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import itertools
import random
import unittest

from caravan.testing.environment import require
from trytond.modules.fleet.engine import vroom
from trytond.modules.fleet.engine.geo import great_circle
from trytond.modules.fleet.engine.route import (
    ENGINES, Problem, insertion, length, solve)
from trytond.modules.fleet.exceptions import EngineError
from trytond.modules.fleet.tests.tools import (
    FleetTestCase, at, create_order, create_trip, create_vehicles,
    with_company)
from trytond.pool import Pool
from trytond.transaction import Transaction


class RouteTestCase(unittest.TestCase):
    "Test the order of stops"

    def problem(self, seed, count, **values):
        chance = random.Random(seed)
        points = [
            (chance.random() * 100, chance.random() * 100)
            for _ in range(count)]
        matrix = [
            [((a - c) ** 2 + (b - d) ** 2) ** .5 for c, d in points]
            for a, b in points]
        return Problem(matrix, **values)

    def best(self, problem):
        "Return the length of the shortest way by trying all"
        return min(
            length(problem, way) for way in map(list, itertools.permutations(
                    range(len(problem.matrix)))) if problem.is_feasible(way))

    def test_short(self):
        "The way is near the shortest one, and never longer than the given"
        ratios = []
        for seed in range(20):
            problem = self.problem(
                seed, 6, pairs=[(0, 3), (1, 4), (2, 5)],
                loads=[5, 5, 5, -5, -5, -5], capacity=10)
            way = solve(problem)
            self.assertEqual(sorted(way), list(range(6)))
            self.assertTrue(problem.is_feasible(way))
            ratios.append(length(problem, way) / self.best(problem))
            given = list(range(6))
            if problem.is_feasible(given):
                self.assertLessEqual(
                    length(problem, way), length(problem, given))
        self.assertLess(sum(ratios) / len(ratios), 1.001)

    def test_vroom(self):
        "VROOM keeps the rules, its ways are no longer than ours"
        require(vroom.available(), "pyvroom is missing: install [route]")
        for seed in range(10):
            problem = self.problem(
                seed, 6, pairs=[(0, 3), (1, 4), (2, 5)],
                loads=[5, 5, 5, -5, -5, -5], capacity=10)
            way = solve(problem, 'vroom')
            self.assertEqual(sorted(way), list(range(6)))
            self.assertTrue(problem.is_feasible(way))
            self.assertAlmostEqual(
                length(problem, way), self.best(problem), delta=0.01)
        # Too much cargo and several places of an order are left to ours
        heavy = self.problem(
            1, 4, pairs=[(0, 2), (1, 3)], loads=[9, 9, -9, -9], capacity=5)
        several = self.problem(1, 4, pairs=[(0, 2), (0, 3)])
        for problem in [heavy, several]:
            self.assertEqual(
                solve(problem, 'vroom'), solve(problem, 'insertion'))
        start = self.problem(3, 5, start=2)
        self.assertEqual(solve(start, 'vroom')[0], 2)

    def test_rules(self):
        problem = Problem(
            [[0, 1, 2], [1, 0, 1], [2, 1, 0]], pairs=[(2, 0)], start=2)
        self.assertEqual(solve(problem), [2, 1, 0])
        self.assertFalse(problem.is_feasible([0, 1, 2]))
        self.assertEqual(solve(Problem([])), [])
        self.assertEqual(solve(Problem([[0]])), [0])
        with self.assertRaises(KeyError):
            solve(problem, 'unknown')

    def test_registry(self):
        "Another engine is used by its name"
        problem = self.problem(1, 4)
        ENGINES['reverse'] = lambda p: insertion(p)[::-1]
        self.addCleanup(ENGINES.pop, 'reverse')
        self.assertEqual(sorted(solve(problem, 'reverse')), [0, 1, 2, 3])

    def test_great_circle(self):
        "Paris to Berlin, and a quarter of the meridian"
        self.assertAlmostEqual(
            great_circle((48.8566, 2.3522), (52.52, 13.405)), 877.5, delta=1)
        self.assertAlmostEqual(
            great_circle((0, 0), (90, 0)), 10007.5, delta=.1)
        self.assertEqual(great_circle((1, 2), (1, 2)), 0)


class DistanceTestCase(FleetTestCase):
    "Test the table of distances"

    def create_trip(self, places, **values):
        order = create_order(places, **values)
        type(order).confirm([order])
        vehicle, = create_vehicles(1, payload_kg=9000, prefix=str(order))
        trip = create_trip(vehicle, orders=[('add', [order.id])])
        type(trip).collect_stops([trip])
        return type(trip)(trip.id)

    @with_company
    def test_address(self):
        "An address is found by what is shown of it, behind commas"
        Address = Pool().get('party.address')
        order = create_order()
        first, second = order.party.addresses
        for text, found in [
                ("Customer, Place 1", [second]), ("place 0", [first]),
                (first.rec_name, [first]), ("Customer", [first, second]),
                ("Customer, Elsewhere", [])]:
            with self.subTest(text=text):
                self.assertEqual(
                    Address.search([
                            ('party', '=', order.party.id),
                            ('rec_name', 'ilike', f'%{text}%'),
                            ], order=[('id', 'ASC')]), found)
        self.assertEqual(
            Address.search([
                    ('party', '=', order.party.id),
                    ('rec_name', 'not ilike', "%Customer, Place 1%"),
                    ]), [first])

    @with_company
    def test_propose_route(self):
        "Stops are put into a short order with km and times"
        Address = Pool().get('party.address')
        trip = self.create_trip(4)
        with self.assertRaises(EngineError):
            type(trip).propose_route([trip])
        load, *unload = [s.address for s in trip.stops]
        for address, longitude in zip([load, *unload], [0, 3, 1, 2]):
            address.latitude, address.longitude = 50., float(longitude)
        Address.save([load, *unload])
        trip = type(trip)(trip.id)
        type(trip).propose_route([trip])
        trip = type(trip)(trip.id)
        self.assertEqual(
            [s.address.longitude for s in trip.stops], [0, 1, 2, 3])
        self.assertEqual(
            [s.km_from_previous for s in trip.stops],
            [None, 92.9, 92.9, 92.9])
        self.assertEqual(trip.stops[0].planned, at(6))
        self.assertGreater(trip.stops[1].planned, at(8))

    @with_company
    def test_learn(self):
        "The medians of own trips replace the great circle"
        pool = Pool()
        Distance = pool.get('fleet.distance')
        Stop = pool.get('fleet.trip.stop')
        trip = self.create_trip(2)
        load, unload = [s.address for s in trip.stops]
        company = trip.company
        table = Distance.table(company, [load, unload])
        self.assertIsNone(table[load, unload])
        trips = [trip]
        for km, hours in [(100, 2), (110, 3), (300, 9)]:
            first, last = trips[0].stops
            for stop, hour, way in [(first, 0, None), (last, hours, km)]:
                stop.km_from_previous = way
                stop.arrived = stop.departed = at(hour)
            Stop.save([first, last])
            Pool().get('fleet.trip').write(
                trips, {'departure': at(0), 'arrival': at(10)})
            self._done(trips)
            Distance.learn()
            trips = [type(trip)(t.id) for t in self._copy(trip)]
        table = Distance.table(company, [load, unload])
        self.assertEqual(table[load, unload], 110)
        self.assertEqual(table[unload, load], 110)
        distance, = Distance.search([])
        self.assertEqual(
            (distance.hours, distance.trips, distance.source),
            (3, 3, 'trips'))
        # What is entered by hand stays
        distance.km, distance.source = 105, 'manual'
        distance.save()
        Distance.learn()
        self.assertEqual(Distance(distance.id).km, 105)

    def _done(self, trips):
        table = Pool().get('fleet.trip').__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*table.update(
                [table.state], ['done'],
                where=table.id.in_([t.id for t in trips])))

    def _copy(self, trip):
        copy = create_trip(
            trip.vehicle, orders=[('add', [trip.orders[0].id])])
        type(copy).collect_stops([copy])
        return [copy]

    @with_company
    def test_skipped(self):
        "A way to a stop that was left out was not driven"
        pool = Pool()
        Distance = pool.get('fleet.distance')
        trip = self.create_trip(3)
        first, second, third = trip.stops
        for stop, km in [(second, 50.), (third, 30.)]:
            stop.km_from_previous = km
        second.skipped, second.reason = True, "Closed"
        trip.stops = [first, second, third]
        trip.save()
        self._done([trip])
        Distance.learn()
        self.assertFalse(Distance.search([]))
