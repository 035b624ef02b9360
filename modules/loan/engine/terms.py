# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What a schedule is made from, and the rows that it is made of."""
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from .daycount import DAY_COUNTS
from .duedates import FREQUENCIES
from .rounding import CENT, ROUNDINGS

METHODS = {
    'annuity': "Equal instalments",
    'equal_principal': "Equal principal",
    'flat': "Flat interest",
    'interest_only': "Interest only, principal at the end",
    'bullet': "All at the end",
    'stepped': "Steps",
    'manual': "By hand",
    }
BASES = {
    'exact': "The days of each period",
    'thirty': "Months of 30 days over the day basis",
    'twelfth': "Equal parts of the year",
    }
REMAINDERS = {
    'last': "Last instalment takes the rest",
    'smooth': "Spread over the instalments, then the last",
    'level': "Last instalment stays level, its interest gives way",
    'keep': "Left over",
    }
DEFERRALS = {
    'none': "Paid",
    'interest': "Interest only",
    'full': "Interest capitalised",
    }
STRATEGIES = {
    'term': "Fewer instalments",
    'instalment': "Smaller instalments",
    'next': "Next instalments eaten",
    }
EARLY_FIRST = {
    'principal': "The principal",
    'instalment': "The running instalment",
    }
RESTS = {
    'day': "To the day",
    'period': "To the end of the period",
    }
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Step:
    """A run of instalments that are alike.

    number counts them; rate is their own annual fraction and payment their
    own amount, None for those of the loan; deferral is a key of DEFERRALS;
    balance, when given, replaces the balance at the start of the step (a
    renegotiated amount).
    """
    number: int
    rate: Decimal | None = None
    payment: Decimal | None = None
    deferral: str = 'none'
    balance: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens to a loan on a day.

    amount is what is paid out (a tranche) or, negative, paid back early; rate
    is the annual fraction from that day on; strategy says what an early
    payment does to the instalments that follow (a key of STRATEGIES).
    """
    date: date
    amount: Decimal = ZERO
    rate: Decimal | None = None
    strategy: str = 'instalment'


@dataclass(frozen=True, slots=True)
class Settlement:
    """Money that pays the instalment of its period, whatever it was to be.

    date is at latest the due date.  rest says how much interest of the period
    it bears (a key of RESTS), strategy what more or less than the instalment
    does to the following ones.
    """
    date: date
    amount: Decimal
    strategy: str = 'term'
    rest: str = 'day'


@dataclass(frozen=True, slots=True)
class Terms:
    """The agreement a schedule follows; the defaults are the usual ones.

    rate           annual fraction, 0.12 is 12 %
    number         count of instalments
    method         key of METHODS
    day_count      key of DAY_COUNTS
    frequency      key of FREQUENCIES, with interval: every 2 weeks
    unit           smallest amount, every amount is a multiple of it
    rounding       key of ROUNDINGS, for every amount
    multiple       the instalment is a multiple of it, by multiple_rounding
    basis          key of BASES: the periods that the annuity reckons with
    remainder      key of REMAINDERS
    by_segment     round the interest of each part of a period that an event
                   cuts, instead of their sum
    grace_principal, grace_interest, grace_free, capitalised
                   count of first instalments without principal, with interest
                   put off, without interest, with interest capitalised
                   (the capitalised ones come before those without principal)
    residual       principal left to the last instalment (balloon)
    instalment     fixed amount instead of the computed one
    base           principal that the instalment is computed on when it is
                   not what was paid out (the approved amount)
    steps          for the method 'stepped'
    principals     for the method 'manual', the principal of each instalment
    fee_rate, fee_amount
                   fee of each instalment: part of it and fixed amount
    """
    rate: Decimal
    number: int
    method: str = 'annuity'
    day_count: str = '30_360_period'
    frequency: str = 'month'
    interval: int = 1
    unit: Decimal = CENT
    rounding: str = 'half_up'
    multiple: Decimal | None = None
    multiple_rounding: str | None = None
    basis: str = 'exact'
    remainder: str = 'last'
    by_segment: bool = False
    grace_principal: int = 0
    grace_interest: int = 0
    grace_free: int = 0
    capitalised: int = 0
    residual: Decimal = ZERO
    instalment: Decimal | None = None
    base: Decimal | None = None
    steps: tuple = ()
    principals: tuple = ()
    fee_rate: Decimal = ZERO
    fee_amount: Decimal = ZERO

    def check(self):
        "Raise ValueError, in words, for terms that no schedule can follow"
        for value, names, what in [
                (self.method, METHODS, "method"),
                (self.day_count, DAY_COUNTS, "day count"),
                (self.frequency, FREQUENCIES, "frequency"),
                (self.rounding, ROUNDINGS, "rounding"),
                (self.basis, BASES, "annuity basis"),
                (self.remainder, REMAINDERS, "remainder")]:
            if value not in names:
                raise ValueError(f"unknown {what} {value!r}")
        if self.number < 1 or self.interval < 1:
            raise ValueError("there must be at least one instalment")
        if self.rate < 0 or self.rate > 10:
            raise ValueError("the rate must be between 0 and 1000 %")
        if self.unit <= 0 or (
                self.multiple is not None and self.multiple <= 0):
            raise ValueError("amounts must be rounded to a positive unit")
        if self.capitalised + self.grace_principal >= self.number or (
                self.grace_interest >= self.number):
            raise ValueError("the grace leaves no instalment to pay")
        if self.steps and sum(s.number for s in self.steps) != self.number:
            raise ValueError(
                "the steps do not add up to the number of instalments")
        if self.method == 'manual' and len(self.principals) != self.number:
            raise ValueError("each instalment needs its principal")

    def but(self, **changes):
        "Return the same terms with changes"
        return replace(self, **changes)


@dataclass(slots=True)
class Segment:
    """A part of a period with one balance and one rate.

    Its interest is balance * rate * days / basis.
    """
    start: date
    end: date
    balance: Decimal
    rate: Decimal
    days: int
    basis: int

    @property
    def interest(self):
        "Unrounded interest"
        return self.balance * self.rate * self.days / self.basis


@dataclass(slots=True)
class Row:
    """An instalment.

    opening + disbursed - prepaid - principal = closing, where what is paid out
    on the due date itself already counts.  interest is the interest due with
    this instalment: what its segments bear, rounded, plus carried (from
    earlier periods) minus deferred (to later ones, pending in all); plug is
    the part of it that only levels the last instalment.  instalment is the
    level amount (principal and interest, or the equal principal) that the row
    follows.  eaten is principal that money paid ahead takes the place of,
    credit what of that money later instalments still use up, carry the
    interest that the next row bears because this one was paid before its
    period ended.
    """
    number: int
    start: date
    end: date
    due: date
    opening: Decimal
    principal: Decimal
    interest: Decimal
    closing: Decimal
    fee: Decimal = ZERO
    disbursed: Decimal = ZERO
    prepaid: Decimal = ZERO
    segments: list = ()
    borne: Decimal = ZERO
    carried: Decimal = ZERO
    deferred: Decimal = ZERO
    plug: Decimal = ZERO
    pending: Decimal = ZERO
    eaten: Decimal = ZERO
    credit: Decimal = ZERO
    carry: Decimal = ZERO
    instalment: Decimal | None = None

    @property
    def amount(self):
        "What is to be paid"
        return self.principal + self.interest + self.fee


@dataclass(slots=True)
class Schedule:
    """Rows, and the interest kept back when the money is paid out."""
    rows: list
    upfront: Decimal = ZERO

    def total(self, name):
        "Return the sum of an attribute of the rows"
        return sum((getattr(r, name) for r in self.rows), ZERO)

    def balance_on(self, day):
        "Return the principal outstanding at the end of day"
        balance = self.rows[0].opening
        for row in self.rows:
            if row.end > day:
                break
            balance = row.closing
        return balance
