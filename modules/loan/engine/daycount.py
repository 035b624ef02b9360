# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Day counts: the part of a year that a span of days bears interest for.

Each is given as a pair of whole numbers (days, basis), so that nothing is
lost before the interest itself is rounded.
"""
from calendar import isleap
from datetime import date, timedelta
from decimal import Decimal

# ISDA 2006 definitions, section 4.16, unless said otherwise.
DAY_COUNTS = {
    '30_360_period': "30/360 by period",
    '30e_360': "30E/360 by days",
    '30u_360': "30U/360 by days",
    'act_360': "ACT/360",
    'act_364': "ACT/364",
    'act_365': "ACT/365",
    'act_act': "ACT/ACT ISDA",
    'act_act_december': "ACT/ACT, year change on 31 December",
    }
_BASIS = {'act_360': 360, 'act_364': 364, 'act_365': 365}


def _last_of_february(day):
    return day.month == 2 and day.day == (29 if isleap(day.year) else 28)


def _thirty(start, end, first, last):
    return ((end.year - start.year) * 360
        + (end.month - start.month) * 30 + last - first)


def _days_30e(start, end):
    return _thirty(start, end, min(start.day, 30), min(end.day, 30))


def _days_30u(start, end):
    first, last = start.day, end.day
    if _last_of_february(start):
        if _last_of_february(end):
            last = 30
        first = 30
    if last == 31 and first >= 30:
        last = 30
    return _thirty(start, end, min(first, 30), last)


def _actual(start, end, december):
    """Days in common and in leap years, brought to one basis.

    ISDA cuts the span on 1 January.  Cut on 31 December that day bears the
    interest of the new year, as lending systems that count to the last day
    of the old year do.
    """
    shift = timedelta(days=1 if december else 0)
    start, end = start + shift, end + shift
    days = {False: 0, True: 0}
    for year in range(start.year, end.year + 1):
        span = (min(end, date(year + 1, 1, 1)) - max(start, date(year, 1, 1)))
        days[isleap(year)] += span.days
    if not days[True]:
        return days[False], 365
    if not days[False]:
        return days[True], 366
    return days[False] * 366 + days[True] * 365, 365 * 366


def day_fraction(day_count, start, end):
    """Return (days, basis) of the span from start to end.

    day_count is a key of DAY_COUNTS, start and end are dates, end is not
    counted.  '30_360_period' counts by days of 30E/360 here: that a whole
    period bears its nominal length is the matter of period_fraction.
    Raises ValueError for an unknown day count.
    """
    if day_count in _BASIS:
        return (end - start).days, _BASIS[day_count]
    if day_count in {'30_360_period', '30e_360'}:
        return _days_30e(start, end), 360
    if day_count == '30u_360':
        return _days_30u(start, end), 360
    if day_count in {'act_act', 'act_act_december'}:
        return _actual(start, end, day_count == 'act_act_december')
    raise ValueError(f"unknown day count {day_count!r}")


_NOMINAL = {'day': 1, 'week': 7, 'month': 30, 'year': 360}


def period_fraction(day_count, frequency, interval, period, start, end):
    """Return (days, basis) of start to end, a part of period (start, end).

    With '30_360_period' the whole period bears its nominal length (a month
    is 30 of 360 days, a week 7) whatever its days, and a part of it bears its
    share of the actual days; frequency and interval tell the nominal length.
    The other day counts look at the days alone.
    """
    if day_count != '30_360_period':
        return day_fraction(day_count, start, end)
    nominal = _NOMINAL[frequency] * interval
    if (start, end) == period:
        return nominal, 360
    return nominal * (end - start).days, 360 * (period[1] - period[0]).days


def year_fraction(day_count, start, end):
    "Return day_fraction as a Decimal number of years"
    days, basis = day_fraction(day_count, start, end)
    return Decimal(days) / basis


def nominal_fraction(day_count, frequency, interval, twelfth=False):
    """Return (days, basis) of a period as if all periods were alike.

    A month is 30 days over the basis of the day count (30/365 for ACT/365),
    or with twelfth an equal part of the year: a month 1/12, a week 1/52, a day
    1/365.
    """
    if twelfth:
        return interval, {
            'day': 365, 'week': 52, 'month': 12, 'year': 1}[frequency]
    basis = _BASIS.get(day_count, 365 if 'act' in day_count else 360)
    if frequency == 'year':
        return interval, 1
    return _NOMINAL[frequency] * interval, basis
