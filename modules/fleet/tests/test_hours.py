# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
import unittest

from caravan.testing import QueryTestMixin
from trytond.modules.fleet.engine.hours import (
    EU, Duty, _reduced_rest, break_violations, compensation_deadline,
    driving_violations, duty_violations, extension_limit, latest_end,
    rest_kind, rest_violations, spread)
from trytond.modules.fleet.exceptions import DriverHoursWarning, ExtensionError
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

    def test_extension(self):
        "Article 12: one hour, or two after a break of 30 minutes"
        for rest, minutes, hours in [
                ('weekly_rest', 30, 1), ('regular_weekly_rest', 29, 1),
                ('regular_weekly_rest', 30, 2)]:
            with self.subTest(rest=rest, minutes=minutes):
                self.assertEqual(extension_limit(rest, minutes), hours)
        # It counts for day and week, not for the fortnight
        friday = MONDAY + dt.timedelta(days=4)
        hours = week(10, 10, 9, 9, 11, 9)
        self.assertEqual(
            self.rules(driving_violations(hours, extensions={friday: 2})),
            [])
        before = week(9, 9, 9, 6, start=MONDAY - dt.timedelta(days=7))
        self.assertEqual(
            self.rules(driving_violations(
                    {**before, **hours}, extensions={friday: 2})),
            ['fortnight_driving'])
        self.assertEqual(
            compensation_deadline(friday), dt.date(2026, 3, 29))

    def test_duties(self):
        "Article 8: a rest within 24 hours, a weekly one after 144"
        for duties, rules in [
                ([(6, 21, 8)], []),
                ([(6, 21.5, 8)], ['daily_rest']),
                # Time to sleep on the way
                ([(6, 30, 9)], []),
                # A short gap is no rest
                ([(6, 14, 6), (15, 22, 3)], ['daily_rest']),
                ([(6, 14, 6), (23, 30, 3)], []),
                ([(d * 24 + 6, d * 24 + 16, 8) for d in range(6)], []),
                ([(d * 24 + 6, d * 24 + 16, 8) for d in range(7)],
                    ['weekly_rest_late']),
                ([(d * 24 + 6, d * 24 + 16, 8) for d in range(5)]
                    + [(6 * 24 + 6, 6 * 24 + 16, 8)], [])]:
            with self.subTest(duties=duties):
                self.assertEqual(self.rules(duty_violations([
                                Duty(at(start), at(end), driving)
                                for start, end, driving in duties])), rules)
        # Article 8(4): a fourth reduced rest, and what counts as one
        for hours, rules in [
                ([13] * 6, []),
                ([14] * 4, []),
                ([14] * 5, ['fourth_reduced_rest']),
                ([14, 14, 14, 13, 14, 14], ['fourth_reduced_rest'])]:
            with self.subTest(hours=hours):
                self.assertEqual(self.rules(duty_violations([
                                Duty(at(6, day=d), at(6 + h, day=d), h - 2)
                                for d, h in enumerate(hours)])), rules)
        # Three hours of rest on the way make it a regular one in two parts
        self.assertEqual(duty_violations([
                    Duty(at(6, day=d), at(20, day=d), 9)
                    for d in range(5)]), [])
        # A day of 24 hours ends the rest that counts
        late = [Duty(at(6), at(20), 13), Duty(at(31), at(45), 13)]
        self.assertEqual(
            _reduced_rest(late[0], late[0].start, 11, EU), 10)
        crew = Duty(at(6), at(27), 11, crew=True)
        self.assertEqual(duty_violations([crew]), [])
        self.assertEqual(
            self.rules(duty_violations([
                        crew._replace(end=at(27.5), driving=12)])),
            ['daily_rest'])


class DriverHoursTestCase(QueryTestMixin, FleetTestCase):
    "Test the hours of drivers on trips"

    def plan(self, vehicle, driver, day, km):
        trip = create_trip(
            vehicle, driver, at(5, day=day), at(18, day=day), km=float(km))
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
    def test_rest(self):
        "A trip that leaves no rest before the next one is warned of"
        one, other = create_vehicles(2)
        driver, = create_drivers(1)
        self.plan(one, driver, 0, 480)
        with self.assertRaises(DriverHoursWarning) as warning:
            trip = create_trip(other, driver, at(19), at(23), km=60.)
            type(trip).plan([trip])
        self.assertIn(
            "time on duty without a daily rest 18.0 h of 15.0 h",
            warning.exception.message)

    @with_company
    def test_plan(self):
        "The hours left of the driver of a vehicle are there with it"
        pool = Pool()
        vehicle, = create_vehicles(1)
        driver, = create_drivers(1)
        pool.get('fleet.assignment').create([{
                    'vehicle': vehicle.id, 'driver': driver.id,
                    'start': at(0)}])
        start = pool.get('fleet.order.plan.start')(
            planned_departure=at(6), planned_arrival=at(12),
            free_drivers=[driver], free_trailers=[], vehicle=vehicle)
        start.on_change_vehicle()
        self.assertEqual(start.driver, driver)
        self.assertEqual(start.driver_hours_left, 56)

    @with_company
    def test_extension_limit(self):
        "More than the regime allows is refused with the way out"
        Extension = Pool().get('fleet.driver.extension')
        driver, = create_drivers(1)
        values = {
            'driver': driver.id, 'date': MONDAY, 'hours': 2,
            'rest': 'regular_weekly_rest', 'break_minutes': 15,
            'reason': "Snow"}
        with self.assertRaises(ExtensionError) as refusal:
            Extension.create([values])
        for text in ["at most 1.0 h", "30 minutes", driver.rec_name]:
            self.assertIn(text, refusal.exception.message)
        extension, = Extension.create([dict(
                    values, date=MONDAY + dt.timedelta(days=1),
                    break_minutes=30)])
        self.assertEqual(extension.compensate_by, dt.date(2026, 3, 29))

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
        vehicles = create_vehicles(20)
        drivers = create_drivers(20)
        for vehicle, driver in zip(vehicles, drivers):
            create_trip(vehicle, driver, km=300.)

        def read(size):
            type(drivers[0]).read(
                [d.id for d in drivers[:size]],
                ['week_hours_left', 'fortnight_hours_left'])
        self.assertConstantQueries(read, small=5, large=20)
