# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""From the dates of a loan to its schedule: the broken first period."""
from .amortization import amortize
from .daycount import day_fraction
from .duedates import (
    WORKING_DAYS, Period, add_interval, due_dates, first_anchor)
from .duedates import periods as make_periods
from .rounding import round_to
from .terms import ZERO, Event, Row, Schedule, Segment, Terms

FIRST_PERIODS = {
    'exact': "By its days",
    'whole': "As one whole period",
    'first': "Extra days added to the first instalment",
    'stub': "Extra days as an instalment of their own",
    'upfront': "Extra days kept back when paid out",
    'spread': "Extra days spread over the instalments",
    }


def make_schedule(terms: Terms, amount, start, first_due=None, *,
        first_period='exact', month_end=True, shift='same', anchor=None,
        holidays=frozenset(), working_days=WORKING_DAYS,
        interest_follows=True, events=(), **options):
    """Return the Schedule of a loan paid out on start.

    amount is what is paid out on start (a Decimal), further tranches,
    early payments and rates are events.  first_due is the due date of the
    first instalment, one interval after start when None; due dates are counted
    from start when they begin so (31 January, 28 February, 31 March), else
    from first_due; anchor stands for start there when the loan is paid out on
    another day than planned.  The regular start of the first period is one
    interval before first_due; what to do with the days between start and it
    says first_period, a key of FIRST_PERIODS.  For the dates see
    duedates.due_dates; options are those of amortize.
    Raises ValueError for an amount that is not positive or a first due date
    that is not after start.
    """
    if amount <= 0:
        raise ValueError("the amount must be positive")
    if first_due is not None and first_due <= start:
        raise ValueError(
            f"the first due date {first_due} is not after {start}")
    every = terms.frequency, terms.interval
    anchor, skip = first_anchor(anchor or start, first_due, *every, month_end)
    regular = anchor if skip else add_interval(
        anchor, terms.frequency, -terms.interval, month_end)
    dates = due_dates(
        anchor, *every, terms.number, month_end, shift, holidays,
        working_days, skip)
    spans = make_periods(regular, dates, interest_follows)
    events = [Event(start, amount), *events]
    if first_period == 'whole':
        events[0] = Event(regular, amount)
        return amortize(terms, spans, events, **options)
    if start >= regular or _by_days(terms, first_period):
        if start < regular:
            spans[0] = Period(start, spans[0].end, spans[0].due)
        return amortize(terms, spans, events, **options)
    lead = _lead(terms, amount, start, regular)
    events[0] = Event(regular, amount)
    return _broken(terms, spans, events, lead, first_period, options)


def _by_days(terms, first_period):
    return first_period == 'exact' and terms.day_count != '30_360_period'


def _lead(terms, amount, start, end):
    days, basis = day_fraction(terms.day_count, start, end)
    return Segment(start, end, amount, terms.rate, days, basis)


def _broken(terms, spans, events, lead, first_period, options):
    "Charge the interest of the days before the first regular period"
    if first_period == 'exact':
        return amortize(terms, spans, events, lead=lead, **options)
    interest = round_to(lead.interest, terms.unit, terms.rounding)
    if first_period == 'spread':
        share = round_to(
            lead.interest / terms.number, terms.unit, terms.rounding)
        schedule = amortize(terms, spans, events, spread=share, **options)
        _correct(schedule.rows[-1], interest - share * len(schedule.rows))
        return schedule
    schedule = amortize(terms, spans, events, **options)
    if first_period == 'first':
        row = schedule.rows[0]
        row.segments = [lead, *row.segments]
        row.borne += interest
        row.interest += interest
    elif first_period == 'upfront':
        schedule.upfront = interest
    else:
        schedule = _stub(schedule, lead, interest)
    return schedule


def _correct(row, difference):
    row.interest += difference
    row.carried += difference


def _stub(schedule, lead, interest):
    row = Row(
        1, lead.start, lead.end, lead.end, lead.balance, ZERO, interest,
        lead.balance, segments=[lead], borne=interest)
    for following in schedule.rows:
        following.number += 1
    return Schedule([row, *schedule.rows])
