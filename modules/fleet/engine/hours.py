# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Driving and rest times of drivers by the limits of a regime.

The rules are those of Regulation (EC) No 561/2006, articles 4, 6 to 8 and 12,
as amended by Regulation (EU) 2020/1054; the figures come from the regime.
"""
import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

__all__ = [
    'EU', 'Duty', 'Regime', 'Violation', 'break_violations',
    'compensation_deadline', 'driving_violations', 'duty_violations',
    'extension_limit', 'latest_end', 'rest_kind', 'rest_violations', 'spread',
    'week_of']


@dataclass(frozen=True)
class Regime:
    """The limits of driving and rest, hours unless said otherwise.

    extensions: days a week with extended_driving instead of daily_driving
    break_parts: minutes of the two parts that together make a break
    reduced_rests: reduced daily rests allowed between two weekly rests
    split_rest: the two parts, in their order, of a regular daily rest
    crew_rest, crew_period: rest within a period where two drivers take turns
    weekly_rest_after: greatest time since the end of the weekly rest before
    extension: more driving to reach a weekly rest when something happened
    regular_extension: the same to reach a regular weekly rest
    extension_break: minutes of the break just before a regular_extension
    compensation_weeks: weeks within which an extension is compensated
    """
    continuous_driving: float = 4.5
    break_minutes: float = 45
    break_parts: tuple = (15, 30)
    daily_driving: float = 9
    extended_driving: float = 10
    extensions: int = 2
    weekly_driving: float = 56
    fortnight_driving: float = 90
    daily_rest: float = 11
    reduced_rest: float = 9
    reduced_rests: int = 3
    split_rest: tuple = (3, 9)
    crew_rest: float = 9
    crew_period: float = 30
    weekly_rest: float = 45
    reduced_weekly_rest: float = 24
    weekly_rest_after: float = 144
    extension: float = 1
    regular_extension: float = 2
    extension_break: float = 30
    compensation_weeks: int = 3


EU = Regime()


@dataclass(frozen=True)
class Violation:
    """A limit that is passed.

    rule: its name
    hours: what was driven, None for rules on rests
    limit: the hours allowed
    day: of the driving, or Monday of the week
    """
    rule: str
    hours: float = None
    limit: float = None
    day: dt.date = None


class Duty(NamedTuple):
    """What a driver is busy with between two rests.

    start, end: naive datetimes of the place the days are counted at
    driving: the hours the driver drives
    crew: whether two drivers take turns
    """
    start: dt.datetime
    end: dt.datetime
    driving: float
    crew: bool = False

    @property
    def span(self):
        return (self.end - self.start) / dt.timedelta(hours=1)

    def idle(self, regime):
        "Return the hours left for rests once driven and paused"
        # None is due after the last stretch, the rest follows
        breaks = max(ceil(self.driving / regime.continuous_driving) - 1, 0)
        return self.span - self.driving - breaks * regime.break_minutes / 60


def week_of(day):
    "Return the Monday of the week of a day, as article 4(i) counts weeks"
    return day - dt.timedelta(days=day.weekday())


def spread(start, end, hours):
    """Return {date: hours} of a drive over the days from start to end.

    start, end: naive datetimes of the place the days are counted at
    Each day gets its part of the time; how the driver really divides it is
    known to the tachograph only.
    """
    total = (end - start) / dt.timedelta(hours=1)
    result, at = {}, start
    while at < end:
        midnight = dt.datetime.combine(
            at.date() + dt.timedelta(days=1), dt.time())
        until = min(midnight, end)
        share = (until - at) / dt.timedelta(hours=1) / total
        result[at.date()] = hours * share
        at = until
    return result


def driving_violations(by_day, regime=EU, extensions=None):
    """Return the Violations of daily, weekly and fortnightly driving.

    by_day: {date: driven hours}
    extensions: {date: hours more allowed by extension_limit}, which count
        for the day and its week but not for the fortnight
    Articles 6(1), 6(2), 6(3) and 12.
    """
    extensions = extensions or {}
    violations, weeks, extended = [], defaultdict(float), defaultdict(int)
    more = defaultdict(float)
    for day, hours in sorted(by_day.items()):
        week = week_of(day)
        weeks[week] += hours
        extra = extensions.get(day, 0)
        more[week] += extra
        if _above(hours, regime.extended_driving + extra):
            violations.append(Violation(
                    'daily_driving', hours, regime.extended_driving + extra,
                    day))
        if _above(hours, regime.daily_driving + extra):
            extended[week] += 1
            if extended[week] == regime.extensions + 1:
                violations.append(Violation(
                        'third_extended_day', hours, regime.daily_driving,
                        day))
    for week, hours in sorted(weeks.items()):
        limit = regime.weekly_driving + more[week]
        if _above(hours, limit):
            violations.append(Violation(
                    'weekly_driving', hours, limit, week))
        both = hours + weeks.get(week - dt.timedelta(days=7), 0)
        if _above(both, regime.fortnight_driving):
            violations.append(Violation(
                    'fortnight_driving', both, regime.fortnight_driving,
                    week))
    return violations


def _above(hours, limit):
    "A minute is what a tachograph records"
    return hours > limit + 1 / 120


def break_violations(activities, regime=EU):
    """Return the Violations of the breaks of a day, article 7.

    activities: list of (kind, minutes) with kind 'drive', 'break' or 'work'
    A break may be taken in two parts, the shorter one first.
    """
    first, second = regime.break_parts
    driven, part = 0, False
    for kind, minutes in activities:
        if kind == 'drive':
            driven += minutes
            if driven > regime.continuous_driving * 60:
                return [Violation(
                        'continuous_driving', driven / 60,
                        regime.continuous_driving)]
        elif kind == 'break':
            if minutes >= regime.break_minutes or part and minutes >= second:
                driven, part = 0, False
            elif minutes >= first:
                part = True
    return []


def rest_kind(parts, regime=EU):
    """Return 'regular', 'reduced' or None for the rest of a day.

    parts: the hours of its uninterrupted parts in their order
    A regular rest may be taken in two parts, the shorter one first,
    article 4(g).
    """
    if max(parts) >= regime.daily_rest:
        return 'regular'
    first, second = regime.split_rest
    for one, other in zip(parts, parts[1:]):
        if one >= first and other >= second:
            return 'regular'
    return 'reduced' if max(parts) >= regime.reduced_rest else None


def rest_violations(
        rests, hours_since_weekly=0, crew=False, period=None, regime=EU):
    """Return the Violations of the rests since the last weekly rest.

    rests: for each day the list of the hours of its parts
    hours_since_weekly: since the end of the last weekly rest
    crew: whether two drivers take turns, article 8(5)
    period: hours within which the last rest of a crew is taken
    Articles 8(2), 8(4) and 8(6).
    """
    violations, reduced = [], 0
    for parts in rests:
        if crew:
            if max(parts) < regime.crew_rest or (
                    period and period > regime.crew_period):
                violations.append(Violation('crew_rest'))
            continue
        kind = rest_kind(parts, regime)
        reduced += kind == 'reduced'
        if kind is None:
            violations.append(Violation('daily_rest'))
        elif kind == 'reduced' and reduced == regime.reduced_rests + 1:
            violations.append(Violation('fourth_reduced_rest'))
    if hours_since_weekly > regime.weekly_rest_after:
        violations.append(Violation('weekly_rest_late'))
    return violations


def latest_end(start, reduced=False, regime=EU):
    """Return when a duty that starts must end for a rest within 24 hours.

    start: datetime; reduced: whether the rest is a reduced one
    """
    rest = regime.reduced_rest if reduced else regime.daily_rest
    return start + dt.timedelta(hours=24 - rest)


def duty_violations(duties, regime=EU):
    """Return the Violations of the rests that duties leave room for.

    duties: list of Duty of one driver
    A duty that lasts much longer than its driving gives the driver time to
    rest on the way; only what can't be is told.  Articles 8(2), 8(4) to 8(6).
    """
    violations, previous, awake, reduced = [], None, None, 0
    for duty in sorted(duties):
        gap = (
            (duty.start - previous.end) / dt.timedelta(hours=1)
            if previous else regime.weekly_rest)
        if gap >= regime.reduced_weekly_rest:
            week, reduced = duty.start, 0
        elif rest := _reduced_rest(previous, awake, gap, regime):
            reduced += 1
            if reduced > regime.reduced_rests:
                violations.append(Violation(
                        'fourth_reduced_rest', rest, regime.daily_rest,
                        duty.start.date()))
        if gap >= regime.reduced_rest:
            awake = duty.start
        violations += _late_rests(duty, awake, week, regime)
        previous = max(previous or duty, duty, key=lambda d: d.end)
        idle = duty.idle(regime)
        if idle >= regime.reduced_rest:
            awake = duty.end
        nights = duty.span // 24 * regime.daily_rest
        if idle - nights >= regime.reduced_weekly_rest:
            week, reduced = duty.end, 0
    return violations


def _reduced_rest(duty, awake, gap, regime):
    """Return the hours of the rest after a duty if it is a reduced one.

    awake: since when the driver had no rest
    Only what lies within 24 hours since then counts, article 8(2); a part of
    the rest may have been taken on the way, a crew has a rule of its own.
    """
    rest = min(gap, 24 - (duty.end - awake) / dt.timedelta(hours=1))
    if (not duty.crew and duty.idle(regime) < regime.split_rest[0]
            and regime.reduced_rest <= rest < regime.daily_rest):
        return rest


def _late_rests(duty, awake, week, regime):
    "Yield the Violations of a driver who is awake since a moment"
    day = duty.end.date()
    limit = (
        regime.crew_period - regime.crew_rest if duty.crew
        else 24 - regime.reduced_rest)
    span = (duty.end - awake) / dt.timedelta(hours=1)
    if duty.idle(regime) < regime.reduced_rest and _above(span, limit):
        yield Violation('daily_rest', span, limit, day)
    span = (duty.end - week) / dt.timedelta(hours=1)
    if _above(span, regime.weekly_rest_after):
        yield Violation(
            'weekly_rest_late', span, regime.weekly_rest_after, day)


def extension_limit(rest, break_minutes=0, regime=EU):
    """Return the hours a driver may drive beyond the limits of day and week.

    rest: 'weekly_rest' or 'regular_weekly_rest', what the driver then takes
        at home or at the base
    break_minutes: of the uninterrupted break just before
    Article 12, in exceptional circumstances only; each extension is
    compensated until the compensation_deadline.
    """
    if (rest == 'regular_weekly_rest'
            and break_minutes >= regime.extension_break):
        return regime.regular_extension
    return regime.extension


def compensation_deadline(day, regime=EU):
    "Return the last day for the rest that makes up for an extension"
    weeks = regime.compensation_weeks + 1
    return week_of(day) + dt.timedelta(days=7 * weeks - 1)
