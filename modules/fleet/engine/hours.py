# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Driving and rest times of drivers by the limits of a regime.

The rules are those of Regulation (EC) No 561/2006, articles 4 and 6 to 8, as
amended by Regulation (EU) 2020/1054; the figures come from the regime.
"""
import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

__all__ = [
    'EU', 'Regime', 'Violation', 'break_violations', 'driving_violations',
    'latest_end', 'rest_kind', 'rest_violations', 'spread', 'week_of']


@dataclass(frozen=True)
class Regime:
    """The limits of driving and rest, hours unless said otherwise.

    extensions: days a week with extended_driving instead of daily_driving
    break_parts: minutes of the two parts that together make a break
    reduced_rests: reduced daily rests allowed between two weekly rests
    split_rest: the two parts, in their order, of a regular daily rest
    crew_rest, crew_period: rest within a period where two drivers take turns
    weekly_rest_after: greatest time since the end of the weekly rest before
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


def driving_violations(by_day, regime=EU):
    """Return the Violations of daily, weekly and fortnightly driving.

    by_day: {date: driven hours}
    Articles 6(1), 6(2) and 6(3).
    """
    violations, weeks, extended = [], defaultdict(float), defaultdict(int)
    for day, hours in sorted(by_day.items()):
        week = week_of(day)
        weeks[week] += hours
        if _above(hours, regime.extended_driving):
            violations.append(Violation(
                    'daily_driving', hours, regime.extended_driving, day))
        if _above(hours, regime.daily_driving):
            extended[week] += 1
            if extended[week] == regime.extensions + 1:
                violations.append(Violation(
                        'third_extended_day', hours, regime.daily_driving,
                        day))
    for week, hours in sorted(weeks.items()):
        if _above(hours, regime.weekly_driving):
            violations.append(Violation(
                    'weekly_driving', hours, regime.weekly_driving, week))
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
