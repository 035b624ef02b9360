# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""When a vehicle has to be serviced: by km, by months or by hours."""
import datetime as dt
from collections import namedtuple

from dateutil.relativedelta import relativedelta

__all__ = ['Point', 'crosses', 'due_by', 'following', 'forecast']

Point = namedtuple('Point', ['km', 'date', 'hours'])
Point.__doc__ = """A place in the life of a vehicle, or a distance of two.

km: of the odometer, hours: of the engine, date: datetime.date, or months
where it is an interval; None for what does not count
"""


def following(last, interval):
    """Return the Point at which the next service is due.

    last: Point of the last one, as it was done and not as it was due
    interval: Point with months in the place of the date
    The end of a month stays in its month: a month after 31 January is the
    last of February.
    """
    def add(one, other):
        return None if None in {one, other} else one + other
    months = interval.date
    return Point(
        add(last.km, interval.km),
        None if None in {last.date, months} else (
            last.date + relativedelta(months=months)),
        add(last.hours, interval.hours))


def due_by(due, now, ahead=Point(0, 0, 0)):
    """Return what makes a service due: names of Point, whichever first.

    due: Point of the service
    now: Point of the vehicle and of today
    ahead: Point of km, days and hours before it
    """
    return [
        name for name, limit, value, before in zip(
            Point._fields, due, now, [
                ahead.km, dt.timedelta(days=ahead.date), ahead.hours])
        if None not in {limit, value} and value >= limit - before]


def forecast(due, now, per_day):
    """Return the day on which a service will be due, None if unknown.

    due, now: Point
    per_day: Point with the km and engine hours of an average day
    """
    days = [due.date] if due.date else []
    for name in ['km', 'hours']:
        limit, value, use = (getattr(p, name) for p in [due, now, per_day])
        if None not in {limit, value} and use:
            left = max(0, (limit - value) / use)
            if left < 36525:
                days.append(now.date + dt.timedelta(days=int(left)))
    return min(days, default=None)


def crosses(start, period, old, new):
    """Return whether a meter passes start or start + n * period.

    old, new: readings before and after
    """
    if new < start:
        return False
    if old < start:
        return True
    return (new - start) // period > (old - start) // period
