# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The dates of contracts.

Each period starts at the anchor plus so many intervals, never at the end of
the one before: what starts on the 31st stays at the end of the months.

Pure functions over dates and amounts: no database, no Pool.
"""
import datetime as dt
from decimal import ROUND_HALF_UP, Decimal

from dateutil.relativedelta import relativedelta

__all__ = [
    'Period', 'billable_days', 'invoice_date', 'notice_date', 'periods',
    'phase', 'prorate', 'renewed_end', 'rest', 'step']

_DAY = dt.timedelta(days=1)
_UNITS = {'day': 'days', 'week': 'weeks', 'month': 'months', 'year': 'years'}


class Period:
    """A period from start to end, both days belong to it.

    full_start and full_end are those of the whole period that the contract
    may cut.
    """
    __slots__ = ('start', 'end', 'full_start', 'full_end')

    def __init__(self, start, end, full_start, full_end):
        self.start = start
        self.end = end
        self.full_start = full_start
        self.full_end = full_end

    def __eq__(self, other):
        return all(
            getattr(self, n) == getattr(other, n) for n in self.__slots__)

    def __hash__(self):
        return hash((self.start, self.end))

    def __repr__(self):
        return f'Period({self.start}, {self.end})'

    @property
    def days(self):
        return (self.end - self.start).days + 1

    @property
    def full_days(self):
        return (self.full_end - self.full_start).days + 1


def step(anchor, unit, number):
    """Return the date a number of units after the anchor.

    unit is day, week, month or year; the end of a month is clipped.
    """
    return anchor + relativedelta(**{_UNITS[unit]: number})


def periods(anchor, unit, interval, start, end=None, until=None):
    """Yield the periods of a contract in their order.

    anchor is a day on which a period starts, interval the number of units
    of a whole one.  start and end (None for open) are those of the contract
    and cut the first and the last period.  None begins after until; without
    end and until there is no last one.
    """
    # The anchor may lie on either side of the start
    index = 0
    while step(anchor, unit, index * interval) > start:
        index -= 1
    while step(anchor, unit, (index + 1) * interval) <= start:
        index += 1
    while True:
        full_start = step(anchor, unit, index * interval)
        full_end = step(anchor, unit, (index + 1) * interval) - _DAY
        first = max(full_start, start)
        if (end and first > end) or (until and first > until):
            return
        yield Period(
            first, min(full_end, end) if end else full_end,
            full_start, full_end)
        index += 1


def invoice_date(period, mode, offset=0):
    """Return the day on which a period is invoiced.

    mode is pre_paid (offset days from its start) or post_paid (offset days
    from its end).
    """
    day = period.start if mode == 'pre_paid' else period.end
    return day + dt.timedelta(days=offset)


def rest(start, end, spans):
    """Yield the (first, last) days from start to end that no span covers.

    spans are (first, last) days in any order.
    """
    for first, last in sorted(spans):
        if first > end:
            break
        if start < first:
            yield start, first - _DAY
        start = max(start, last + _DAY)
    if start <= end:
        yield start, end


def billable_days(start, end, gaps=()):
    """Return the number of days from start to end that are charged.

    gaps are the (first, last) days of suspensions, last None for open; they
    do not overlap.
    """
    days = (end - start).days + 1
    for first, last in gaps:
        first = max(first, start)
        last = min(last or end, end)
        days -= max(0, (last - first).days + 1)
    return max(0, days)


def prorate(amount, days, full_days, digits=2):
    """Return the part of an amount that some of the full days cost.

    Rounded half up to digits decimals.
    """
    if days < full_days:
        amount = Decimal(amount) * days / full_days
    return Decimal(amount).quantize(
        Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)


def notice_date(end, months=0, days=0):
    "Return the last day of notice of a contract that ends on end"
    return end - relativedelta(months=months, days=days)


def renewed_end(end, months):
    "Return the end of a contract that is renewed for some months"
    return end + _DAY + relativedelta(months=months) - _DAY


def phase(today, start, end=None, notice=None):
    """Return where a contract stands: upcoming, running, expiring, expired.

    notice is its notice date; the day of the end is its last one.
    """
    if today < start:
        return 'upcoming'
    if end is None:
        return 'running'
    if today > end:
        return 'expired'
    return 'expiring' if notice is not None and today >= notice else 'running'
