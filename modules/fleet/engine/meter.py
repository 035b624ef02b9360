# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Plausibility of meter readings."""
import datetime as dt
from bisect import bisect_right

__all__ = ['is_implausible', 'longest_rising', 'misfit']


def misfit(value, previous, following):
    """Return the neighbour in time that a value contradicts, or None.

    value: new reading
    previous, following: readings just before and after it in time, or None
    A meter only rises, so that a late entry fits between its neighbours.
    """
    if previous is not None and value < previous:
        return previous
    if following is not None and value > following:
        return following


def is_implausible(value, at, previous, previous_at, maximum):
    """Return whether a meter rose by more than maximum a day.

    at, previous_at: datetimes of the readings
    The time between is taken as one day at least, for several readings a
    day are taken at any hour.
    """
    days = max((at - previous_at) / dt.timedelta(days=1), 1)
    return value - previous > maximum * days


def longest_rising(values):
    """Return the indexes of the most values that never fall, in their order.

    So that one wrong reading of a file does not bar the right ones after it.
    """
    tails, ends, before = [], [], []
    for index, value in enumerate(values):
        place = bisect_right(tails, value)
        before.append(ends[place - 1] if place else None)
        tails[place:place + 1] = [value]
        ends[place:place + 1] = [index]
    result = []
    index = ends[-1] if ends else None
    while index is not None:
        result.append(index)
        index = before[index]
    return result[::-1]
