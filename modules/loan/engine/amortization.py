# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Schedules: how a loan is repaid, row by row.

One walk over the periods makes every method.  A period is cut where an event
(a tranche, an early payment, a new rate) falls into it; each part bears
interest on its own balance, and the sum is rounded at the end of the period.
The instalment is computed anew when the plan changes: at the start of a step,
and for the period of an event and the later ones.

The instalment that repays a balance over periods of unequal length is
    value * (1 + f2) ... (1 + fn) / a(n),  a(1) = 1, a(k) = 1 + a(k-1)(1 + fk)
where value is the balance with its interest at the end of the first period
and fk the part of the balance that period k bears as interest: the usual
annuity, exact for broken periods as well.
"""
from datetime import date
from decimal import Decimal

from .daycount import nominal_fraction, period_fraction
from .rounding import round_to
from .terms import ZERO, Row, Schedule, Segment, Settlement, Terms

__all__ = ['amortize']


class _State:
    __slots__ = [
        'balance', 'rate', 'instalment', 'share', 'carried', 'deferred',
        'eaten', 'fresh', 'lent', 'overdue', 'lost']

    def __init__(self, balance, rate, instalment):
        self.balance = self.lent = balance
        self.rate = rate
        self.instalment = instalment
        self.share = None
        self.carried = self.deferred = self.eaten = self.overdue = ZERO
        self.lost = ZERO
        self.fresh = instalment is None


def amortize(terms: Terms, periods, events=(), opening=ZERO, *,
        instalment=None, carried=ZERO, lead=None, spread=ZERO,
        deferred=ZERO, credit=ZERO, share=None, lent=None, settlements=None,
        overdue_until: date | None = None):
    """Return the Schedule of a loan.

    terms        Terms; raises ValueError when they cannot be followed
    periods      as many Periods as terms.number, each starting where the
                 former ends
    events       Events; those on the first day of the first period make the
                 opening balance, those on a due date count after it
    opening      balance at the start, for the rest of a running loan
    instalment   the instalment in force, for a running loan; it is kept until
                 something changes it
    deferred     interest put off so far, due on top of the instalment that
                 follows the grace
    credit       money paid ahead that the next instalments use up
    share        the equal principal in force, for a running loan by
                 'equal_principal' and 'flat'
    lent         what was paid out in all, the base of flat interest, when it
                 is not opening
    carried      interest of earlier periods to be charged with the first row
    lead         Segment of broken days before the first period whose interest
                 is part of the first row
    spread       amount added to the interest of each row
    settlements  {row index: Settlement} of instalments paid otherwise
    overdue_until  date until which the principal of rows due before and not
                 settled keeps bearing interest

    A row that leaves nothing to pay is the last, so a schedule may be shorter
    than terms.number.
    """
    terms.check()
    if len(periods) != terms.number:
        raise ValueError("each instalment needs its period")
    walk = _Walk(terms, periods, events, lead, settlements, overdue_until)
    state = _State(opening, terms.rate, instalment)
    state.share = share
    state.lent = opening if lent is None else lent
    state.carried, state.deferred = carried, deferred
    state.eaten = credit
    return walk.run(state, spread)


class _Walk:

    def __init__(self, terms, periods, events, lead, settlements, overdue):
        self.terms = terms
        self.periods = periods
        self.lead = lead
        self.settlements = settlements or {}
        self.overdue_until = overdue
        self.steps = self._by_period()
        self.first = []
        self.inside = [[] for _ in periods]
        self.after = [[] for _ in periods]
        self._place(sorted(events, key=lambda e: e.date))

    def _by_period(self):
        "Return (step, whether it starts) of each period"
        result = []
        for step in self.terms.steps:
            result.extend((step, not i) for i in range(step.number))
        return result

    def _place(self, events):
        start, index = self.periods[0].start, 0
        for event in events:
            if event.date <= start:
                self.first.append(event)
                continue
            while (index < len(self.periods)
                    and event.date > self.periods[index].end):
                index += 1
            if index == len(self.periods) or (
                    event.amount > 0
                    and event.date == self.periods[-1].end):
                raise ValueError(
                    f"{event.date} is not before the last instalment")
            inside = event.date < self.periods[index].end
            (self.inside if inside else self.after)[index].append(event)

    def run(self, state, spread):
        for event in self.first:
            self._apply(state, event)
        if state.balance < 0 or not (state.balance or any(self.inside)):
            raise ValueError("there is nothing to repay")
        rows = []
        for index in range(len(self.periods)):
            row = self.row(state, index, rows)
            row.interest += spread
            row.carried += spread
            rows.append(row)
            if not state.balance and not self._later(index):
                break
        for number, row in enumerate(rows, 1):
            row.number = number
        return Schedule(rows)

    def _later(self, index):
        return any(
            e.amount > 0 for events in
            self.inside[index + 1:] + self.after[index + 1:] for e in events)

    def _apply(self, state, event):
        "Let an event change the state"
        if event.rate is not None:
            state.rate = event.rate
        state.balance += event.amount
        if event.amount > 0:
            state.lent += event.amount
            if self.terms.base is not None:
                return
        elif event.amount:
            if state.balance < 0:
                raise ValueError(
                    f"more is paid back on {event.date} than is owed")
            if event.strategy == 'term':
                return
            if event.strategy == 'next':
                state.eaten -= event.amount
                return
        state.fresh = True
        state.share = None

    # The interest of a period

    def segments(self, state, index, until=None):
        "Walk through the events of a period, return the parts that bear"
        period = self.periods[index]
        step = self.steps[index][0] if self.steps else None
        parts = []
        start, stop = period.start, until or period.end
        cuts = [(e.date, e) for e in self.inside[index] if e.date < stop]
        overdue = self.overdue_until
        if state.overdue and overdue and start < overdue < stop:
            cuts.append((overdue, None))
            cuts.sort(key=lambda c: c[0])
        for day, event in cuts + [(stop, None)]:
            if day > start:
                parts.append(self._segment(state, step, period, start, day))
                start = day
            if event:
                self._apply(state, event)
            elif day == overdue:
                state.overdue = ZERO
        if index == 0 and self.lead:
            parts.insert(0, self.lead)
        return parts

    def _segment(self, state, step, period, start, end):
        terms = self.terms
        balance, rate = state.balance + state.overdue, state.rate
        if step and step.rate is not None:
            rate = step.rate
        if terms.method == 'flat':
            balance, rate = state.lent, self._rate_on(period.due, rate)
        days, basis = period_fraction(
            terms.day_count, terms.frequency, terms.interval,
            (period.start, period.end), start, end)
        return Segment(start, end, balance, rate, days, basis)

    def _rate_on(self, day, rate):
        "Flat interest goes by the rate in force on the due date"
        for events in self.inside + self.after:
            for event in events:
                if event.rate is not None and event.date <= day:
                    rate = event.rate
        return rate

    def _borne(self, parts):
        "Return the interest of the parts, unrounded and rounded"
        terms = self.terms
        if terms.by_segment:
            rounded = sum((round_to(p.interest, terms.unit, terms.rounding)
                    for p in parts), ZERO)
            return rounded, rounded
        totals = {}
        for part in parts:
            totals[part.basis] = totals.get(part.basis, ZERO) + (
                part.balance * part.rate * part.days)
        raw = sum((t / b for b, t in totals.items()), ZERO)
        return raw, round_to(raw, terms.unit, terms.rounding)

    # A row

    def row(self, state, index, rows):
        period, opening = self.periods[index], state.balance
        if self.steps:
            self._start_step(state, index)
            opening = state.balance
        if (self.overdue_until and period.start >= self.overdue_until):
            state.overdue = ZERO
        settlement = self.settlements.get(index)
        lent, before = state.lent, state.balance
        until = self._until(settlement, period)
        if any(e.amount < 0 and e.strategy != 'instalment'
                for e in self.inside[index]):
            self._anticipate(state, index)
        parts = self.segments(state, index, until)
        if self._free(index):
            parts = []
        raw, borne = self._borne(parts)
        if self.terms.method == 'flat':
            self._keep_total(state, index, raw, borne)
        row = Row(index + 1, period.start, period.end, period.due,
            opening, ZERO, borne, ZERO, segments=parts, borne=borne)
        row.disbursed = state.lent - lent
        row.prepaid = before + row.disbursed - state.balance
        row.carried = state.carried
        row.interest += state.carried
        state.carried = ZERO
        if settlement:
            self._settle(state, row, index, settlement, until)
        else:
            self._due(state, row, index, raw)
            if rows is not None and self.overdue_until and (
                    period.due < self.overdue_until):
                state.overdue += max(row.principal, ZERO)
        return self._close(state, row, index)

    def _keep_total(self, state, index, raw, borne):
        "The interest that rounding took from flat instalments ends the loan"
        state.lost += raw - borne
        if index == self.terms.number - 1:
            lost = round_to(
                state.lost, self.terms.unit, self.terms.rounding)
            state.carried += max(lost, -borne)

    def _start_step(self, state, index):
        step, starts = self.steps[index]
        if starts:
            state.fresh = True
            state.share = None
            if step.balance is not None:
                state.balance = step.balance

    def _anticipate(self, state, index):
        "Fix the instalment before an early payment that leaves it as it is"
        if self._deferral(index) != 'none' or not state.balance:
            return
        if self.terms.method == 'equal_principal':
            self._share(state, index)
        elif self.terms.method == 'flat':
            self._flat_share(state, index)
        elif state.fresh and self.terms.method in {'annuity', 'stepped'}:
            period = self.periods[index]
            step = self.steps[index][0] if self.steps else None
            parts = [] if self._free(index) else [self._segment(
                    state, step, period, period.start, period.end)]
            if index == 0 and self.lead:
                parts.insert(0, self.lead)
            raw, borne = self._borne(parts)
            row = Row(
                index + 1, period.start, period.end, period.due,
                state.balance, ZERO, borne, ZERO)
            self._new_instalment(state, row, index, raw)

    def _free(self, index):
        return index < self.terms.grace_free

    @staticmethod
    def _until(settlement: Settlement | None, period):
        if settlement and settlement.rest == 'day' and (
                settlement.date < period.end):
            return settlement.date
        return None

    def _close(self, state, row, index):
        state.balance -= row.principal
        row.fee = self._fee(row)
        row.credit, row.carry = state.eaten, state.carried
        after = self.after[index]
        balance, lent = state.balance, state.lent
        for event in after:
            self._apply(state, event)
        if after:
            disbursed = state.lent - lent
            row.disbursed += disbursed
            row.prepaid += balance + disbursed - state.balance
        row.closing = state.balance
        return row

    def _fee(self, row):
        terms = self.terms
        if not (terms.fee_rate or terms.fee_amount):
            return ZERO
        return round_to(
            (row.principal + row.interest) * terms.fee_rate
            + terms.fee_amount, terms.unit, terms.rounding)

    def _deferral(self, index):
        terms = self.terms
        if self.steps:
            return self.steps[index][0].deferral
        if index < terms.capitalised:
            return 'full'
        if index < terms.capitalised + terms.grace_principal:
            return 'interest'
        if terms.method in {'interest_only', 'bullet'} and (
                index < terms.number - 1):
            return 'interest'
        return 'none'

    def _due(self, state, row, index, raw):
        "Fill in what the plan asks for"
        terms, last = self.terms, index == self.terms.number - 1
        deferral = self._deferral(index)
        if deferral == 'full':
            row.principal = -row.interest
            state.fresh = True
            return
        put_off = index < terms.grace_interest or (
            terms.method == 'bullet' and not last)
        if put_off:
            state.deferred += row.interest
            row.deferred, row.interest = row.interest, ZERO
        elif state.deferred:
            row.carried += state.deferred
        if deferral == 'none':
            row.principal = self._principal(state, row, index, raw, last)
            self._eat(state, row, last)
        else:
            state.fresh = True
        if not put_off and state.deferred:
            row.interest += state.deferred
            state.deferred = ZERO
        row.pending = state.deferred

    def _eat(self, state, row, last):
        "Let money paid in advance take the place of principal"
        if state.eaten and not last:
            eaten = min(state.eaten, row.principal)
            row.principal -= eaten
            row.eaten = eaten
            state.eaten -= eaten

    def _principal(self, state, row, index, raw, last):
        terms = self.terms
        if terms.method == 'manual':
            return min(terms.principals[index], state.balance)
        if last and terms.remainder in {'last', 'smooth'}:
            return state.balance
        if terms.method in {'interest_only', 'bullet'}:
            return state.balance
        if terms.method == 'equal_principal':
            principal = row.instalment = self._share(state, index)
        elif terms.method == 'flat':
            share = row.instalment = self._flat_share(state, index)
            principal = self._multiple(share + raw) - row.interest
        else:
            principal = self._annuity(state, row, index, raw)
        if last and terms.remainder == 'level':
            row.plug = principal - state.balance
            row.interest += row.plug
            return state.balance
        if last and terms.remainder == 'keep':
            return principal
        return max(min(principal, state.balance), ZERO)

    # The instalment

    def _multiple(self, amount):
        terms = self.terms
        return round_to(
            amount, terms.multiple or terms.unit,
            terms.multiple_rounding or terms.rounding)

    def _remaining(self, index):
        return sum(
            self._deferral(i) == 'none'
            for i in range(index, self.terms.number))

    def _share(self, state, index):
        if state.share is None:
            base = self.terms.base or state.balance
            state.share = self._multiple(
                (base - self.terms.residual) / self._remaining(index))
        return state.share

    def _flat_share(self, state, index):
        if state.share is None:
            state.share = (
                (self.terms.base or state.balance) - self.terms.residual
                ) / self._remaining(index)
        return state.share

    def _annuity(self, state, row, index, raw):
        if state.fresh:
            self._new_instalment(state, row, index, raw)
        row.instalment = state.instalment
        principal = state.instalment - row.interest
        if principal < 0:
            if self._given(index) is not None:
                raise ValueError(
                    f"the instalment {state.instalment} of {row.due} "
                    f"does not cover its interest {row.interest}")
            state.fresh = True
            return ZERO
        return principal

    def _given(self, index):
        if self.steps:
            return self.steps[index][0].payment
        return self.terms.instalment

    def _new_instalment(self, state, row, index, raw):
        state.fresh = False
        given = self._given(index)
        if given is not None:
            state.instalment = given
            return
        factors = self._factors(state, index)
        if self.terms.basis == 'exact':
            amount = self._exact(state, raw, factors)
        else:
            alike = self._alike(state, index)
            bearing, basis = alike[0]
            balance = self.terms.base or state.balance
            amount = self._exact(state, balance * bearing / basis, alike)
        state.instalment = self._multiple(amount)
        if self.terms.remainder == 'smooth':
            self._smooth(state, row, factors)

    def _exact(self, state, raw, factors):
        "Return the unrounded instalment that the factors lead to"
        value = (self.terms.base or state.balance) + raw
        divisor = Decimal(1)
        for bearing, basis in factors[1:]:
            factor = 1 + bearing / basis
            value *= factor
            divisor = 1 + divisor * factor
        return (value - self.terms.residual) / divisor

    def _alike(self, state, index):
        "Return the factors of periods that are all alike"
        terms = self.terms
        days, basis = nominal_fraction(
            terms.day_count, terms.frequency, terms.interval,
            terms.basis == 'twelfth')
        rate = self._rate(state, index)
        return [(rate * days, basis)] * (terms.number - index)

    def _rate(self, state, index):
        step = self.steps[index][0] if self.steps else None
        return step.rate if step and step.rate is not None else state.rate

    def _factors(self, state, index):
        """Return (rate * days, basis) of each period from index on.

        Kept apart, so that the interest is divided once and exactly.
        """
        terms = self.terms
        factors = []
        for i in range(index, terms.number):
            period = self.periods[i]
            span = (period.start, period.end)
            days, basis = period_fraction(
                terms.day_count, terms.frequency, terms.interval, span, *span)
            rate = ZERO if self._free(i) else self._rate(state, i)
            factors.append((rate * days, basis))
        return factors

    def _smooth(self, state, row, factors):
        """Move the instalment if the last one comes out much different.

        The shift is the difference of the last two over the number of
        instalments; it is kept only when it makes the difference less.
        """
        number = len(factors)
        if number < 2:
            return
        before = self._difference(state, row, factors)
        unit = self.terms.multiple or self.terms.unit
        if abs(before) / unit <= number // 2:
            return
        instalment = state.instalment
        state.instalment = self._multiple(instalment + before / number)
        if abs(self._difference(state, row, factors)) >= abs(before):
            state.instalment = instalment

    def _difference(self, state, row, factors):
        "Return the last instalment less the one before, as planned now"
        terms, amount = self.terms, state.instalment
        balance = state.balance - (amount - row.interest)
        for bearing, basis in factors[1:-1]:
            interest = round_to(
                balance * bearing / basis, terms.unit, terms.rounding)
            balance -= amount - interest
        bearing, basis = factors[-1]
        last = balance + round_to(
            balance * bearing / basis, terms.unit, terms.rounding)
        return last - terms.residual - amount

    # Instalments paid otherwise

    def _settle(self, state, row, index, settlement, until):
        "The money pays the interest, then the principal of the period"
        if state.fresh and self._deferral(index) == 'none':
            self._new_instalment(
                state, row, index, self._borne(row.segments)[0])
        row.interest = min(row.interest, settlement.amount)
        row.principal = min(
            settlement.amount - row.interest, state.balance)
        row.instalment = state.instalment
        if until:
            rest = self._segment(
                _State(state.balance - row.principal, state.rate, None),
                None, self.periods[index], until, self.periods[index].end)
            state.carried = round_to(
                rest.interest, self.terms.unit, self.terms.rounding)
        over = row.principal + row.interest - (state.instalment or ZERO)
        if settlement.strategy == 'instalment':
            state.fresh, state.share = True, None
        elif settlement.strategy == 'next' and over > 0:
            state.eaten += over
