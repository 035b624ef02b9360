# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Early payment, pay-off and the other changes of a running loan."""
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from .amortization import amortize
from .daycount import period_fraction
from .rounding import CENT, round_to
from .terms import ZERO, Event, Schedule, Terms


@dataclass(frozen=True, slots=True)
class PayOff:
    """What ends a loan on a day.

    principal and interest are due on it, fee is what was open besides;
    per_day is the unrounded interest of one more day.
    """
    date: date
    principal: Decimal
    interest: Decimal
    per_day: Decimal

    @property
    def amount(self):
        "What is to be paid"
        return self.principal + self.interest


def pay_off(terms: Terms, rows, on, rest='day', carried=ZERO):
    """Return the PayOff of a loan whose instalments are paid up to on.

    rows are the rows still to come, the first one being the running period or
    one that ended on a day off and is due later; rest 'day' charges interest
    to the day, 'period' to the end of the running period (both usual, and
    they must be agreed: the difference is real money).  carried is interest
    put off so far.  What was paid out or back in the running period until on
    counts; flat interest is charged in full.
    Raises ValueError when an instalment fell due on a day before on.
    """
    if on > rows[0].due:
        raise ValueError(
            f"an instalment fell due on {rows[0].due}, pay it first")
    ended = [row for row in rows[:-1] if row.end < on]
    for row in ended:
        carried = row.pending + row.carry
    row = rows[len(ended)]
    on = min(max(on, row.start), row.end)
    principal, interest = row.opening, carried
    flat = terms.method == 'flat'
    for segment in row.segments:
        if segment.start <= on and not flat:
            principal = segment.balance
        if rest == 'period' or flat:
            interest += segment.interest
        elif segment.start < on:
            end = min(segment.end, on)
            days, basis = period_fraction(
                terms.day_count, terms.frequency, terms.interval,
                (row.start, row.end), segment.start, end)
            if end == segment.end:
                days, basis = segment.days, segment.basis
            interest += segment.balance * segment.rate * days / basis
    per_day = ZERO
    if row.segments and rest == 'day' and not flat:
        days = (row.end - row.start).days or 1
        nominal, basis = period_fraction(
            terms.day_count, terms.frequency, terms.interval,
            (row.start, row.end), row.start, row.end)
        per_day = principal * row.segments[-1].rate * nominal / basis / days
    return PayOff(
        on, principal + sum((r.principal for r in ended), ZERO),
        round_to(interest, terms.unit, terms.rounding)
        + sum((r.interest for r in ended), ZERO), per_day)


@dataclass(frozen=True, slots=True)
class Option:
    "An outcome of an early payment that may be chosen"
    strategy: str
    schedule: Schedule
    instalment: Decimal
    last_due: date
    interest: Decimal
    saved: Decimal


def early_payment(terms: Terms, periods, opening, event: Event, *,
        instalment=None, carried=ZERO, strategies=('term', 'instalment')):
    """Return an Option for each strategy of paying back event.amount early.

    terms and periods are those of the instalments still to come, opening the
    balance at the start of the running period; event.amount is negative.
    saved is the interest less than if nothing were paid.
    """
    plan = amortize(
        terms, periods, opening=opening, instalment=instalment,
        carried=carried)
    before = plan.total('interest')
    options = []
    for strategy in strategies:
        schedule = amortize(
            terms, periods, [Event(event.date, event.amount, None, strategy)],
            opening, instalment=instalment or plan.rows[0].instalment,
            carried=carried)
        rows = schedule.rows
        interest = schedule.total('interest')
        usual = rows[1] if len(rows) > 1 else rows[0]
        options.append(Option(
                strategy, schedule, usual.principal + usual.interest,
                rows[-1].due, interest, before - interest))
    return options


def spread(amount, number, unit=CENT, rounding='half_up'):
    """Return number shares of amount, the last one takes the rest.

    It re-ages what is overdue into new instalments and spreads it over
    future ones.
    """
    if number < 1:
        raise ValueError("there must be at least one instalment")
    share = round_to(amount / number, unit, rounding)
    return [share] * (number - 1) + [amount - share * (number - 1)]


def reamortize(future, overdue, unit=CENT, rounding='half_even'):
    "Return the amounts of future instalments with overdue spread over them"
    return [
        amount + share for amount, share in zip(
            future, spread(overdue, len(future), unit, rounding))]


def penalty(base, days, *, rate=ZERO, per_day=ZERO, fixed=ZERO, basis=365,
        grace=0, cap=None, unit=CENT, rounding='half_up'):
    """Return the penalty of an amount that is days late.

    rate is an annual fraction of base over basis days, per_day an amount for
    each day, fixed a fraction of base charged once.  Nothing is charged for
    the first grace days; afterwards each day counts, those of grace too.
    cap is the most that may be charged.
    """
    if days <= grace or base <= 0:
        return ZERO
    amount = base * rate * days / basis + per_day * days + base * fixed
    amount = round_to(amount, unit, rounding)
    return amount if cap is None else min(amount, cap)
