# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
import unittest

from caravan.testing import QueryTestMixin
from trytond.modules.fleet.engine.hours import (
    EU, break_violations, driving_violations, latest_end, rest_kind,
    rest_violations, spread)
from trytond.modules.fleet.exceptions import DriverHoursWarning
from trytond.modules.fleet.tests.tools import (
    FleetTestCase, at, create_drivers, create_trip, create_vehicles,
    with_company)
from trytond.pool import Pool

MONDAY = dt.date(2026, 3, 2)


def week(*hours, start=MONDAY):
    return {
        start + dt.timedelta(days=i): h for i, h in enumerate(hours)}


def parts(*minutes):
    "Return activities that are driving and breaks in turn"
    return [
        ('break' if i % 2 else 'drive', m) for i, m in enumerate(minutes)]


class HoursTestCase(unittest.TestCase):
    "Test Regulation (EC) No 561/2006 as amended by (EU) 2020/1054"

    def rules(self, violations):
        return [v.rule for v in violations]

    def test_breaks(self):
        "Article 7: 45 minutes after 4 h 30, or 15 then 30"
        for day, rules in [
                ([('drive', 270), ('break', 45), ('drive', 270)], []),
                ([('drive', 271)], ['continuous_driving']),
                (parts(120, 15, 150, 30, 270), []),
                (parts(120, 30, 150, 15, 60), ['continuous_driving']),
                ([('drive', 240), ('work', 60), ('drive', 60)],
                    ['continuous_driving'])]:
            with self.subTest(day=day):
                self.assertEqual(self.rules(break_violations(day)), rules)

    def test_driving(self):
        "Article 6: 9 h, twice 10 h, 56 h a week, 90 h in two weeks"
        for hours, rules in [
                ([9], []),
                ([10, 10], []),
                ([10.5], ['daily_driving']),
                ([10, 9, 10, 9, 10, 8], ['third_extended_day']),
                ([10, 10, 9, 9, 9, 9.5],
                    ['third_extended_day', 'weekly_driving'])]:
            with self.subTest(hours=hours):
                self.assertEqual(
                    self.rules(driving_violations(week(*hours))), rules)
        first = week(9, 9, 9, 9, 9)
        second = week(9, 9, 9, 9, 9, 1, start=MONDAY + dt.timedelta(days=7))
        violation, = driving_violations({**first, **second})
        self.assertEqual(violation.rule, 'fortnight_driving')
        self.assertEqual((violation.hours, violation.limit), (91, 90))

    def test_rests(self):
        "Article 8: 11 h or 3 + 9, three times 9 h, a crew 9 h in 30"
        for rest, kind in [
                ([11], 'regular'), ([3, 9], 'regular'), ([9, 3], 'reduced'),
                ([10.9], 'reduced'), ([8.9], None)]:
            with self.subTest(rest=rest):
                self.assertEqual(rest_kind(rest), kind)
        self.assertEqual(self.rules(rest_violations([[9]] * 3)), [])
        self.assertEqual(
            self.rules(rest_violations([[9]] * 3 + [[9.5]])),
            ['fourth_reduced_rest'])
        self.assertEqual(
            self.rules(rest_violations([], hours_since_weekly=145)),
            ['weekly_rest_late'])
        self.assertEqual(
            self.rules(rest_violations([], hours_since_weekly=144)), [])
        self.assertEqual(
            self.rules(rest_violations([[9]], crew=True, period=30)), [])
        self.assertEqual(
            self.rules(rest_violations([[9]], crew=True, period=31)),
            ['crew_rest'])
        start = dt.datetime(2026, 3, 2, 6)
        self.assertEqual(latest_end(start).hour, 19)
        self.assertEqual(latest_end(start, reduced=True).hour, 21)

    def test_spread(self):
        "A drive over midnight counts on both days"
        self.assertEqual(
            spread(at(18), at(6, day=1), 6),
            {MONDAY: 3, MONDAY + dt.timedelta(days=1): 3})


class DriverHoursTestCase(QueryTestMixin, FleetTestCase):
    "Test the hours of drivers on trips"

    def plan(self, vehicle, driver, day, km):
        trip = create_trip(
            vehicle, driver, at(4, day=day), at(20, day=day), km=float(km))
        type(trip).plan([trip])
        return trip

    @with_company
    def test_regime(self):
        "The regime of the European Union comes as data"
        regime, = Pool().get('fleet.hours.regime').search([])
        self.assertEqual(regime.limits, EU)

    @with_company
    def test_warning(self):
        "The warning names the rule and the hours"
        vehicle, = create_vehicles(1)
        driver, = create_drivers(1)
        for day in range(6):
            self.plan(vehicle, driver, day, 540)
        left = type(driver).hours_left([driver], at(12))[driver]
        self.assertEqual(left, {'week': 2, 'fortnight': 36})
        with self.assertRaises(DriverHoursWarning) as warning:
            self.plan(vehicle, driver, 6, 180)
        for text in ["weekly driving 57.0 h of 56.0 h", driver.rec_name]:
            self.assertIn(text, warning.exception.message)
        # Next week is another week, of the same fortnight
        for day in range(7, 11):
            self.plan(vehicle, driver, day, 540)
        with self.assertRaises(DriverHoursWarning) as warning:
            self.plan(vehicle, driver, 11, 540)
        self.assertIn("two weeks", warning.exception.message)

    @with_company
    def test_crew(self):
        "Two drivers share the driving"
        vehicle, = create_vehicles(1)
        driver, second = create_drivers(2)
        trip = create_trip(
            vehicle, driver, at(0), at(20), km=1080.,
            second_driver=second.id)
        self.assertEqual(trip.driving_hours, 9)
        type(trip).plan([trip])
        left = type(driver).hours_left([driver, second], at(1))
        self.assertEqual(
            [left[d]['week'] for d in [driver, second]], [47, 47])

    @with_company
    def test_list_queries(self):
        "The hours of many drivers cost as many queries as those of few"
        vehicles = create_vehicles(50)
        drivers = create_drivers(50)
        for vehicle, driver in zip(vehicles, drivers):
            create_trip(vehicle, driver, km=300.)

        def read(size):
            type(drivers[0]).read(
                [d.id for d in drivers[:size]],
                ['week_hours_left', 'fortnight_hours_left'])
        self.assertConstantQueries(read, small=10, large=50)
