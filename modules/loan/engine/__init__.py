# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The arithmetic of loans: plain functions over plain values.

No Pool and no database here: everything takes and gives Decimal, date and
dataclasses, so that it can be used and proved alone.
"""
from .allocation import (
    COMPONENTS, DEFAULT_ORDER, DIRECTIONS, FUTURES, TIMINGS, Item, Part,
    allocate, bucket)
from .amortization import amortize
from .daycount import (
    DAY_COUNTS, day_fraction, nominal_fraction, period_fraction, year_fraction)
from .duedates import (
    FREQUENCIES, SHIFTS, WORKING_DAYS, Period, add_interval, due_dates,
    first_anchor, is_working_day, periods, shift_date, whole_intervals)
from .early import (
    Option, PayOff, early_payment, pay_off, penalty, reamortize, spread)
from .explanation import explain
from .ledger import changes, distribute, new_totals, open_items, take_back
from .rates import (
    apr_eu, apr_us, begin_balance, cumulative_interest, effective_rate,
    end_balance, equal_years, nominal_rate, number_of_payments, payment, xirr)
from .rounding import CENT, ROUNDINGS, round_to
from .schedule import FIRST_PERIODS, make_schedule
from .terms import (
    BASES, DEFERRALS, EARLY_FIRST, METHODS, REMAINDERS, RESTS, STRATEGIES,
    Event, Row, Schedule, Segment, Settlement, Step, Terms)

__all__ = [
    'BASES', 'CENT', 'COMPONENTS', 'DAY_COUNTS', 'DEFAULT_ORDER', 'DEFERRALS',
    'DIRECTIONS', 'EARLY_FIRST', 'Event', 'FIRST_PERIODS', 'FREQUENCIES',
    'FUTURES', 'Item', 'METHODS', 'Option', 'Part', 'PayOff', 'Period',
    'REMAINDERS', 'RESTS', 'ROUNDINGS', 'Row', 'SHIFTS', 'STRATEGIES',
    'Schedule', 'Segment', 'Settlement', 'Step', 'TIMINGS', 'Terms',
    'WORKING_DAYS', 'add_interval', 'allocate', 'amortize', 'apr_eu', 'apr_us',
    'begin_balance', 'bucket', 'changes', 'cumulative_interest',
    'day_fraction', 'distribute', 'due_dates', 'early_payment',
    'effective_rate', 'end_balance', 'equal_years', 'explain', 'first_anchor',
    'is_working_day', 'make_schedule', 'new_totals', 'nominal_fraction',
    'nominal_rate', 'number_of_payments', 'open_items', 'pay_off', 'payment',
    'penalty', 'period_fraction', 'periods', 'reamortize', 'round_to',
    'shift_date', 'spread', 'take_back', 'whole_intervals', 'xirr',
    'year_fraction']
