# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Due dates: counted from an anchor, kept at month ends, moved to work days.
"""
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

FREQUENCIES = {
    'day': "Days", 'week': "Weeks", 'month': "Months", 'year': "Years"}
SHIFTS = {
    'same': "Stay on the day",
    'next': "Next working day",
    'previous': "Previous working day",
    'next_due': "Next due date",
    }
WORKING_DAYS = frozenset(range(5))
# A due date that finds no working day in so many steps never will
_PATIENCE = 400


@dataclass(frozen=True, slots=True)
class Period:
    """A span that bears interest.

    start and end are dates, end is not counted; due is the day on which its
    instalment is to be paid.
    """
    start: date
    end: date
    due: date


def add_interval(anchor, frequency, count, month_end=True):
    """Return the date count units of frequency after anchor.

    frequency is a key of FREQUENCIES, count a whole number, also negative.
    Months keep the day of the anchor, cut to the length of the month; with
    month_end an anchor on the last day of its month stays on last days.
    Counting always starts at the anchor, so the date never drifts.
    """
    if frequency == 'day':
        return anchor + timedelta(days=count)
    if frequency == 'week':
        return anchor + timedelta(weeks=count)
    if frequency not in FREQUENCIES:
        raise ValueError(f"unknown frequency {frequency!r}")
    months = anchor.year * 12 + anchor.month - 1 + count * (
        12 if frequency == 'year' else 1)
    year, month = divmod(months, 12)
    last = monthrange(year, month + 1)[1]
    if month_end and anchor.day == monthrange(anchor.year, anchor.month)[1]:
        return date(year, month + 1, last)
    return date(year, month + 1, min(anchor.day, last))


def whole_intervals(start, end, frequency, interval=1, month_end=True):
    """Return (count, days): the intervals from start to end, days left.

    Whole intervals are counted back from end, as the equations of effective
    rates want it; the days left lie between start and the earliest one.
    Raises ValueError for an end before start.
    """
    if end < start:
        raise ValueError(f"{end} is before {start}")
    if frequency in {'day', 'week'}:
        length = interval * (7 if frequency == 'week' else 1)
        return divmod((end - start).days, length)
    months = (end.year - start.year) * 12 + end.month - start.month
    count = months // (interval * (12 if frequency == 'year' else 1))
    if add_interval(start, frequency, count * interval, month_end) == end:
        return count, 0
    first = add_interval(end, frequency, -count * interval, month_end)
    if first < start:
        count -= 1
        first = add_interval(end, frequency, -count * interval, month_end)
    return count, (first - start).days


def is_working_day(day, holidays=(), working_days=WORKING_DAYS):
    "Return whether day is neither a holiday nor outside of the work week"
    return day.weekday() in working_days and day not in holidays


def shift_date(
        day, shift, holidays=frozenset(), working_days=WORKING_DAYS):
    """Return the working day for day: 'same', 'next' or 'previous'.

    holidays is a set of dates, working_days a set of weekdays (Monday is 0).
    Raises ValueError when there is no working day within reach.
    """
    step = timedelta(days={'same': 0, 'next': 1, 'previous': -1}[shift])
    for _ in range(_PATIENCE):
        if not step or is_working_day(day, holidays, working_days):
            return day
        day += step
    raise ValueError(f"no working day near {day}")


def first_anchor(start, first_due, frequency, interval, month_end=True):
    """Return (anchor, skip): what the due dates of a loan are counted from.

    It is start, left out itself, when first_due is one interval later or None;
    else it is first_due.
    """
    if first_due in {
            None, add_interval(start, frequency, interval, month_end)}:
        return start, 1
    return first_due, 0


def due_dates(first, frequency, interval, number, month_end=True,
        shift='same', holidays=frozenset(), working_days=WORKING_DAYS, skip=0):
    """Return number pairs (nominal date, date shifted to a working day).

    The k-th nominal date is first + k * interval; skip leaves out so many
    from first on.  With shift 'next_due' a date that is no working day is left
    out and the later ones follow.
    Raises ValueError for an interval or number below one.
    """
    if interval < 1 or number < 1:
        raise ValueError("the interval and the number must be at least one")
    dates, count = [], skip
    while len(dates) < number:
        day = add_interval(first, frequency, count * interval, month_end)
        count += 1
        if shift != 'next_due':
            dates.append(
                (day, shift_date(day, shift, holidays, working_days)))
        elif is_working_day(day, holidays, working_days):
            dates.append((day, day))
        elif count > skip + number + _PATIENCE:
            raise ValueError(
                f"no working day among the due dates from {first}")
    return dates


def periods(start, dates, interest_follows=True):
    """Return the Periods that end on dates, the first one begins on start.

    dates are pairs as of due_dates; with interest_follows interest runs to
    the shifted date, else to the nominal one.
    """
    result = []
    for nominal, due in dates:
        end = due if interest_follows else nominal
        result.append(Period(start, end, due))
        start = end
    return result
