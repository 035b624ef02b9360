# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What insurances, leases and taxes cost in a month."""
import calendar
import datetime as dt
from decimal import Decimal

__all__ = ['FREQUENCIES', 'month_cost']

FREQUENCIES = [
    ('day', "Day"),
    ('week', "Week"),
    ('month', "Month"),
    ('quarter', "Quarter"),
    ('year', "Year"),
    ]
_MONTHS = {'month': 1, 'quarter': 3, 'year': 12}
_DAYS = {'day': 1, 'week': 7}


def month_cost(amount, frequency, start, end, month):
    """Return the unrounded cost of a contract in a month.

    amount: Decimal for each period of the frequency
    frequency: key of FREQUENCIES
    start, end: first and last day, both counted; end may be None
    month: first day of the month
    A month that is not filled costs the share of its days.
    """
    length = calendar.monthrange(month.year, month.month)[1]
    last = month + dt.timedelta(days=length - 1)
    days = (min(last, end or last) - max(month, start)).days + 1
    if days <= 0:
        return Decimal(0)
    if frequency in _DAYS:
        return amount * days / _DAYS[frequency]
    return amount * days / length / _MONTHS[frequency]
