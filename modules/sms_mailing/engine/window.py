# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Hours and days in which people may be written to."""
import datetime as dt
from collections import namedtuple

__all__ = ['Window', 'next_opening']

Window = namedtuple('Window', ['begin', 'end', 'weekdays', 'timezone'])
Window.__doc__ = """When a person may be written to.

begin and end are times of the day in timezone, either may be None; an end
before the begin passes midnight; weekdays is a set of integers, Monday is 0,
an empty one stands for all.
"""


def _is_open(window, local):
    begin = window.begin or dt.time.min
    end = window.end or dt.time.max
    day, moment = local.weekday(), local.time()
    if begin <= end:
        inside = begin <= moment < end
    else:
        inside = moment >= begin or moment < end
        if moment < end:
            day = (day - 1) % 7
    return inside and (not window.weekdays or day in window.weekdays)


def next_opening(window, now):
    """Return the first moment from now on at which window is open.

    now and the result are UTC without time zone; None for a window is always
    open.
    """
    if window is None:
        return now
    local = now.replace(tzinfo=dt.timezone.utc).astimezone(window.timezone)
    if _is_open(window, local):
        return now
    begin = window.begin or dt.time.min
    for days in range(9):
        opening = dt.datetime.combine(
            local.date() + dt.timedelta(days=days), begin,
            tzinfo=window.timezone)
        if opening > local and _is_open(window, opening):
            return opening.astimezone(dt.timezone.utc).replace(tzinfo=None)
    return now
