# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt
from collections import defaultdict
from dataclasses import fields as dataclass_fields

from caravan.days import to_local
from trytond.i18n import gettext
from trytond.model import DeactivableMixin, ModelSQL, ModelView, fields
from trytond.pool import Pool, PoolMeta
from trytond.transaction import without_check_access

from .engine.hours import (
    Duty, Regime, driving_violations, duty_violations, spread, week_of)
from .exceptions import DriverHoursWarning
from .tools import now

_WEEK = dt.timedelta(days=7)


def _limit(string, help=''):
    return fields.Float(string, required=True, digits=(5, 2), help=help)


class HoursRegime(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'fleet.hours.regime'

    name = fields.Char("Name", required=True, translate=True)
    source = fields.Char("Source", help="The law the limits come from.")
    continuous_driving = _limit(
        "Continuous Driving", "Hours without a break.")
    break_minutes = _limit("Break", "In minutes.")
    break_first = _limit(
        "First Part of Break", "In minutes, if it is taken in two parts.")
    break_second = _limit("Second Part of Break", "In minutes.")
    daily_driving = _limit("Daily Driving")
    extended_driving = _limit(
        "Extended Driving", "On some days of a week instead.")
    extensions = fields.Integer("Extended Days a Week", required=True)
    weekly_driving = _limit("Weekly Driving")
    fortnight_driving = _limit("Fortnight Driving", "Of two weeks running.")
    daily_rest = _limit("Daily Rest")
    reduced_rest = _limit("Reduced Daily Rest")
    reduced_rests = fields.Integer(
        "Reduced Rests", required=True,
        help="Allowed between two weekly rests.")
    split_first = _limit(
        "First Part of Rest", "Of a daily rest taken in two parts.")
    split_second = _limit("Second Part of Rest")
    crew_rest = _limit("Daily Rest of a Crew", "Of two who take turns.")
    crew_period = _limit(
        "Period of a Crew", "Hours within which a crew takes its rest.")
    weekly_rest = _limit("Weekly Rest")
    reduced_weekly_rest = _limit("Reduced Weekly Rest")
    weekly_rest_after = _limit(
        "Weekly Rest After", "Hours since the weekly rest before.")
    extension = _limit(
        "Extension to Weekly Rest",
        "Hours more to reach a weekly rest when something unforeseen "
        "happened.")
    regular_extension = _limit(
        "Extension to Regular Weekly Rest",
        "Hours more to reach a regular weekly rest, after a break.")
    extension_break = _limit(
        "Break before Extension",
        "In minutes, just before the extension to a regular weekly rest.")
    compensation_weeks = fields.Integer(
        "Weeks to Compensate", required=True,
        help="Within which the driver rests as much longer.")
    distance_pay_restricted = fields.Boolean(
        "Pay by Distance Restricted",
        help="The law forbids pay by distance or load that endangers "
        "safety.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('id', 'ASC')]

    @classmethod
    def get_default(cls):
        "Return the regime of drivers that have none of their own, or None"
        return next(iter(cls.search([], limit=1)), None)

    @property
    def limits(self):
        "The limits as the arithmetic takes them"
        return Regime(
            break_parts=(self.break_first, self.break_second),
            split_rest=(self.split_first, self.split_second),
            **{
                f.name: getattr(self, f.name)
                for f in dataclass_fields(Regime) if hasattr(self, f.name)})


class Driver(metaclass=PoolMeta):
    __name__ = 'fleet.driver'

    hours_regime = fields.Many2One(
        'fleet.hours.regime', "Hours Regime", ondelete='RESTRICT',
        help="The rules on driving and rest the driver is under. "
        "Empty for the first one.")
    week_hours_left = fields.Function(fields.Float(
            "Hours Left This Week", digits=(16, 1),
            help="Driving hours left by the trips planned and done."),
        'get_hours_left')
    fortnight_hours_left = fields.Function(fields.Float(
            "Hours Left This Fortnight", digits=(16, 1)), 'get_hours_left')

    @classmethod
    def get_hours_left(cls, drivers, names):
        left = cls.hours_left(drivers, now())
        return {
            name: {
                d.id: left[d]['week' if name.startswith('week') else
                    'fortnight'] for d in drivers}
            for name in names}

    @classmethod
    def hours_left(cls, drivers, when):
        """Return {driver: {'week': hours, 'fortnight': hours}}.

        when: UTC datetime in the week that is asked for
        """
        driven = cls.driven_hours(drivers, when, when)
        regimes = cls.regimes(drivers)
        result = {}
        for driver in drivers:
            weeks = defaultdict(float)
            for day, hours in driven[driver].items():
                weeks[week_of(day)] += hours
            week = week_of(to_local(driver.company, when).date())
            limits = regimes[driver]
            in_week = limits.weekly_driving - weeks[week]
            in_fortnight = (
                limits.fortnight_driving - weeks[week] - weeks[week - _WEEK])
            result[driver] = {
                'week': round(min(in_week, in_fortnight), 1),
                'fortnight': round(in_fortnight, 1),
                }
        return result

    @classmethod
    def regimes(cls, drivers):
        "Return {driver: Regime}"
        first = Pool().get('fleet.hours.regime').get_default()
        default = first.limits if first else Regime()
        return {
            d: d.hours_regime.limits if d.hours_regime else default
            for d in drivers}

    @classmethod
    def driven_hours(cls, drivers, start, end):
        """Return {driver: {date: hours}} for the weeks from start to end.

        The week before start is included, for the fortnight.
        """
        result = {}
        for driver, trips in cls.trips_of(drivers, start, end).items():
            result[driver] = defaultdict(float)
            for trip in trips:
                trip.add_driven_hours(result[driver])
        return result

    @classmethod
    @without_check_access
    def trips_of(cls, drivers, start, end):
        "Return {driver: [trips]} of two weeks around start and end"
        Trip = Pool().get('fleet.trip')
        result = {d: [] for d in drivers}
        ids = [d.id for d in drivers]
        for trip in Trip.search([
                    ('state', 'not in', ['draft', 'cancelled']),
                    ['OR',
                        ('driver', 'in', ids),
                        ('second_driver', 'in', ids),
                        ],
                    ['OR',
                        ('planned_departure', '<', end + 2 * _WEEK),
                        ('departure', '<', end + 2 * _WEEK),
                        ],
                    ['OR',
                        ('planned_arrival', '>', start - 2 * _WEEK),
                        ('arrival', '>', start - 2 * _WEEK),
                        ],
                    ], order=[]):
            for driver in trip.drivers:
                if driver in result:
                    result[driver].append(trip)
        return result

    @classmethod
    def extensions(cls, drivers):
        "Return {driver: {date: hours}} that drivers may drive more"
        return {d: {} for d in drivers}


class Trip(metaclass=PoolMeta):
    __name__ = 'fleet.trip'

    driving_hours = fields.Function(fields.Float(
            "Driving Hours", digits=(16, 1),
            help="Of each driver, estimated from the kilometres and the "
            "average speed."), 'on_change_with_driving_hours')

    @fields.depends('km', 'stops', 'second_driver', 'planned_departure',
        'planned_arrival', 'departure', 'arrival')
    def on_change_with_driving_hours(self, name=None):
        Configuration = Pool().get('fleet.configuration')
        km = self.km or sum(
            s.km_from_previous or 0 for s in self.stops or [])
        hours = km / Configuration(1).average_speed
        start = self.departure or self.planned_departure
        end = self.arrival or self.planned_arrival
        if start and end and end > start:
            hours = min(hours, (end - start) / dt.timedelta(hours=1))
        if self.second_driver:
            hours /= 2
        return round(hours, 1)

    @property
    def duty(self):
        "What keeps each driver of the trip busy, or None"
        start = self.departure or self.planned_departure
        end = self.arrival or self.planned_arrival
        if start and end and end > start:
            return Duty(
                to_local(self.company, start), to_local(self.company, end),
                self.driving_hours, bool(self.second_driver))

    def add_driven_hours(self, by_day):
        "Add the driving hours of the trip to {date: hours}"
        if duty := self.duty:
            for day, hours in spread(*duty[:3]).items():
                by_day[day] += hours

    @classmethod
    def plan(cls, trips):
        cls.check_driver_hours(trips)
        super().plan(trips)

    @classmethod
    def check_driver_hours(cls, trips):
        "Warn of the limits that the trips make their drivers pass"
        pool = Pool()
        Driver = pool.get('fleet.driver')
        Warning = pool.get('res.user.warning')
        trips = [
            t for t in trips if t.state == 'draft'
            and t.planned_departure and t.planned_arrival]
        drivers = list({d for t in trips for d in t.drivers})
        if not drivers:
            return
        driven = Driver.trips_of(
            drivers,
            min(t.planned_departure for t in trips),
            max(t.planned_arrival for t in trips))
        extensions = Driver.extensions(drivers)
        for driver, regime in Driver.regimes(drivers).items():
            known = cls._violations(
                driven[driver], regime, extensions[driver])
            for trip in [t for t in trips if driver in t.drivers]:
                driven[driver].append(trip)
                found = cls._violations(
                    driven[driver], regime, extensions[driver])
                new = [v for k, v in found.items() if k not in known]
                known.update(found)
                key = Warning.format(f'hours.{driver.id}', [trip])
                if new and Warning.check(key):
                    raise DriverHoursWarning(
                        key, trip._describe_hours(driver, new))

    @classmethod
    def _violations(cls, trips, regime, extensions):
        "Return the violations of a driver's trips by rule and day"
        by_day = defaultdict(float)
        for trip in trips:
            trip.add_driven_hours(by_day)
        return {
            (v.rule, v.day): v for v in [
                *driving_violations(by_day, regime, extensions),
                *duty_violations(
                    filter(None, [t.duty for t in trips]), regime)]}

    def _describe_hours(self, driver, violations):
        Lang = Pool().get('ir.lang')
        lang = Lang.get()
        rules = {
            'daily_driving': gettext('fleet.msg_rule_daily_driving'),
            'third_extended_day': gettext(
                'fleet.msg_rule_third_extended_day'),
            'weekly_driving': gettext('fleet.msg_rule_weekly_driving'),
            'fortnight_driving': gettext('fleet.msg_rule_fortnight_driving'),
            'daily_rest': gettext('fleet.msg_rule_daily_rest'),
            'fourth_reduced_rest': gettext(
                'fleet.msg_rule_fourth_reduced_rest'),
            'weekly_rest_late': gettext('fleet.msg_rule_weekly_rest_late'),
            }
        return gettext(
            'fleet.msg_trip_hours', trip=self.rec_name,
            driver=driver.rec_name,
            rules='; '.join(
                gettext('fleet.msg_hours_passed',
                    rule=rules[v.rule], hours=round(v.hours, 1),
                    limit=round(v.limit, 1), day=lang.strftime(v.day))
                for v in violations))


class OrderPlanStart(metaclass=PoolMeta):
    __name__ = 'fleet.order.plan.start'

    driver_hours_left = fields.Function(fields.Float(
            "Driver's Hours Left", digits=(16, 1),
            help="The driving hours left in the week of the departure."),
        'on_change_with_driver_hours_left')

    @fields.depends('driver', 'planned_departure')
    def on_change_with_driver_hours_left(self, name=None):
        Driver = Pool().get('fleet.driver')
        if self.driver and self.planned_departure:
            left = Driver.hours_left([self.driver], self.planned_departure)
            return left[self.driver]['week']

    @fields.depends(methods=['on_change_with_driver_hours_left'])
    def on_change_vehicle(self):
        super().on_change_vehicle()
        # The client does not ask for what follows from changes of changes
        self.driver_hours_left = self.on_change_with_driver_hours_left()
