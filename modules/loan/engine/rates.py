# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Effective rates and the formulas of annuities.

Money is Decimal; rates come out as Decimal too, while the search for a root
works with floats: a rate is no amount and ten digits of it are plenty.
"""
from datetime import timedelta
from decimal import Decimal
from math import ceil, isfinite, log

from .duedates import add_interval, whole_intervals

_DIGITS = Decimal('1e-12')
_TOLERANCE = 1e-14


def payment(principal, rate, number, in_advance=False):
    """Return the unrounded equal instalment that repays principal.

    rate is the fraction of one period, number the count of instalments; with
    in_advance they are paid at the beginning of each period.
    """
    rate = Decimal(rate)
    if not rate:
        return principal / number
    result = principal * rate / (1 - (1 + rate) ** -number)
    return result / (1 + rate) if in_advance else result


def number_of_payments(principal, rate, amount):
    """Return how many instalments of amount repay principal, the last less.

    Raises ValueError when amount does not even pay the interest.
    """
    if amount <= principal * rate:
        raise ValueError("the instalment does not cover the interest")
    if not rate:
        return ceil(principal / amount)
    number = -log(float(1 - principal * rate / amount)) / log(1 + float(rate))
    return ceil(round(number, 9))


def cumulative_interest(principal, rate, number, first, last):
    "Return the unrounded interest of instalments first to last of an annuity"
    amount, balance, total = payment(principal, rate, number), principal, 0
    for index in range(1, last + 1):
        interest = balance * rate
        balance -= amount - interest
        if index >= first:
            total += interest
    return total


def begin_balance(end, rate, number, deferral='none'):
    """Return the balance before the first of number payments, unrounded.

    end is the balance after it, rate the fraction of one period; deferral is
    'none' for an annuity, 'interest' when only interest is paid and 'full'
    when it is capitalised.
    """
    if deferral == 'interest':
        return end
    if deferral == 'full':
        return end / (1 + rate)
    return end / (1 + rate - payment(Decimal(1), rate, number))


def end_balance(begin, rate, number, deferral='none'):
    "Return the balance after the first payment, the inverse of begin_balance"
    if deferral == 'interest':
        return begin
    if deferral == 'full':
        return begin * (1 + rate)
    return begin * (1 + rate - payment(Decimal(1), rate, number))


def effective_rate(nominal, per_year):
    "Return the yearly effective rate of a nominal one paid per_year times"
    return (1 + nominal / per_year) ** per_year - 1


def nominal_rate(effective, per_year):
    "Return the nominal rate, paid per_year times, of an effective one"
    return per_year * ((1 + effective) ** (Decimal(1) / per_year) - 1)


def _value(flows, rate):
    total = 0.0
    for amount, whole, part in flows:
        total += amount / ((1 + part * rate) * (1 + rate) ** whole)
    return total


def _bracket(flows):
    "Return two rates between which the value changes its sign"
    low, high = -0.999999, 0.1
    first = _value(flows, 0.0)
    if (last := _value(flows, high)) * first <= 0:
        return 0.0, high
    while high < 1e9:
        previous, high = high, high * 4
        if (value := _value(flows, high)) * last <= 0:
            return previous, high
        last = value
    if first * _value(flows, low) <= 0:
        return low, 0.0
    raise ValueError(
        "no rate makes what is paid out equal to what is paid back")


def _slope(flows, rate, step=1e-7):
    return (_value(flows, rate + step) - _value(flows, rate - step)) / (
        2 * step)


def _root(flows):
    "Newton's steps as long as they stay in the bracket, else halve it"
    low, high = _bracket(flows)
    below = _value(flows, low)
    rate = (low + high) / 2
    for _ in range(400):
        value = _value(flows, rate)
        if not isfinite(value):
            raise ValueError("the flows give no finite value")
        if value * below > 0:
            low, below = rate, value
        else:
            high = rate
        slope = _slope(flows, rate)
        target = rate - value / slope if slope else low
        if not low < target < high:
            target = (low + high) / 2
        if abs(target - rate) <= _TOLERANCE * max(1, abs(rate)):
            return target
        rate = target
    return rate


def _solve(flows):
    flows = [(float(a), float(t), float(f)) for a, t, f in flows]
    if not (any(a > 0 for a, _, _ in flows)
            and any(a < 0 for a, _, _ in flows)):
        raise ValueError("a rate needs money in both directions")
    try:
        return Decimal(_root(flows)).quantize(_DIGITS)
    except (OverflowError, ZeroDivisionError) as exception:
        raise ValueError("the flows give no finite value") from exception


def apr_us(financed, payments, per_year):
    """Return the annual percentage rate by US Regulation Z, Appendix J.

    financed is the amount financed; payments are (amount, whole unit periods,
    fraction of a unit period) since the advance; per_year is the number of
    unit periods in a year.  The result is a fraction (0.1182 for 11.82 %).
    Source: 12 CFR 1026, Appendix J, (b)(8): each payment is discounted by
    (1 + f i)(1 + i)^t.  Raises ValueError when there is no such rate.
    """
    flows = [(-financed, 0, 0), *payments]
    return _solve(flows) * per_year


def apr_eu(flows):
    """Return the annual percentage rate of charge of the EU.

    flows are (amount, years since the first drawdown), drawdowns negative.
    The result is a fraction.  Source: Directive 2008/48/EC, Annex I, and
    2023/2225, Annex III: the sum of flow / (1 + X)^t is zero.
    Raises ValueError when there is no such rate.
    """
    return _solve([(amount, years, 0) for amount, years in flows])


def equal_years(start, end, frequency, month_end=True):
    """Return the years from start to end by equal periods, a float.

    frequency is the unit of time of the loan: weeks are 1/52 and months 1/12
    of a year, and what is left of them is counted in days over the days of
    the year before, 365 or 366.  'day' counts days alone, 365 to a year.
    Source: Directive 2008/48/EC, Annex I, part I, remark (c), with 2011/90/EU.
    """
    if frequency == 'day':
        return (end - start).days / 365
    unit, per_year = ('week', 52) if frequency == 'week' else ('month', 12)
    whole, days = whole_intervals(start, end, unit, 1, month_end)
    years = whole / per_year
    if days:
        first = start + timedelta(days=days)
        year = first - add_interval(first, 'year', -1, False)
        years += days / year.days
    return years


def xirr(flows, basis=365):
    """Return the yearly rate of dated flows (date, amount).

    Days are counted from the first date over basis, as spreadsheets and the
    EU equation for odd days do.  Raises ValueError without a solution.
    """
    flows = sorted(flows)
    if not flows:
        raise ValueError("a rate needs money in both directions")
    origin = flows[0][0]
    return apr_eu([(a, (d - origin).days / basis) for d, a in flows])
