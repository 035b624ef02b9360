# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The schedule of a loan and its versions."""
import datetime as dt
import json
from decimal import Decimal

from trytond.i18n import gettext
from trytond.model import Model
from trytond.pool import Pool
from trytond.transaction import Transaction

from . import engine
from .exceptions import TermsError

ZERO = Decimal(0)


class PlanMixin(Model):
    __slots__ = ()

    @property
    def unit(self):
        return self.currency.rounding

    @property
    def amount_planned(self):
        "What is to be paid out in all"
        if self.amount_approved is not None:
            return self.amount_approved
        return self.amount_requested

    @property
    def rows_by_number(self):
        "The rows of the current schedule by their number"
        if not self.schedule:
            return {}
        return {row.number: row for row in self.schedule.instalments}

    def terms_for(self, number, amount, rate=None):
        "Return the Terms of the engine for number instalments of amount"
        return self.engine_terms(
            number, self.rate if rate is None else rate, amount, self.unit,
            [step.for_engine() for step in self.steps])

    def calendar(self):
        "Return the options of the engine that make due dates"
        Holiday = Pool().get('loan.holiday')
        holidays = frozenset()
        if self.shift != 'same':
            holidays = Holiday.of(self.company)
        return {
            'month_end': self.month_end,
            'shift': self.shift,
            'holidays': holidays,
            'interest_follows': self.interest_follows,
            }

    @property
    def planned_start(self):
        "The payout that the contract planned, its due dates follow it"
        if self.state in {'draft', 'submitted'} or not self.schedules:
            return self.disbursement_date
        return min(self.schedules, key=lambda s: s.version).valid_from

    def anchor_of(self, row):
        """Return (anchor, skip): what the date of row is counted from.

        It is the anchor of the contract as long as the dates follow it, else
        the date of the row.
        """
        calendar = self.calendar()
        del calendar['interest_follows']
        every = self.frequency, self.interval
        anchor, first = engine.first_anchor(
            self.planned_start, self.first_due_date, *every, self.month_end)
        # The days before the first period may have a row of their own
        for skip in [first + row.number - 1, first + row.number - 2]:
            (_, due), = engine.due_dates(
                anchor, *every, 1, skip=skip, **calendar)
            if due == row.due_date:
                return anchor, skip
        return row.due_date, 0

    def compute_schedule(
            self, amount=None, start=None, events=(), settlements=None):
        """Return the Schedule of the engine from the first day on.

        amount is the first payment out and start its date; what is planned
        when they are not given.
        """
        amount = self.amount_planned if amount is None else amount
        start = start or self.disbursement_date
        terms = self.terms_for(self.term, self.amount_planned)
        if self.method == 'manual':
            terms = terms.but(principals=self._principals())
        if self.instalment_wanted and not any(
                e.strategy == 'instalment' for e in events if e.amount < 0):
            terms = terms.but(instalment=self.instalment_wanted)
        try:
            return engine.make_schedule(
                terms, amount, start, self.first_due_date,
                first_period=self.first_period, events=events,
                anchor=self.planned_start,
                settlements=settlements, **self.calendar())
        except ValueError as exception:
            raise TermsError(gettext(
                    'loan.msg_loan_terms', loan=self.rec_name,
                    reason=str(exception))) from exception

    def _principals(self):
        principals = [s.payment for s in self.steps for _ in range(s.number)]
        return tuple(p if p is not None else ZERO for p in principals)

    def compute_apr(self, rows, upfront_interest, amount=None, start=None):
        "Return the effective rate of rows, None when there is none"
        amount = self.amount_planned if amount is None else amount
        start = start or self.disbursement_date
        received = amount - upfront_interest - self.upfront_fee(
            amount, self.unit)
        return self.effective_rate([(start, -received)] + [
                (r.due, r.amount) for r in rows if r.amount])

    def effective_rate(self, flows):
        """Return the rate of flows by the method of the loan.

        flows are (date, amount), what is paid out negative.  None when no rate
        solves them, as for a loan without interest and fees.
        """
        flows = sorted(flows)
        try:
            if self.apr_method == 'us':
                rate = self._rate_us(flows)
            elif self.apr_method == 'eu_periods':
                start = flows[0][0]
                rate = engine.apr_eu([(amount, engine.equal_years(
                                start, date, self.frequency, self.month_end))
                        for date, amount in flows])
            else:
                rate = engine.xirr(flows)
        except ValueError:
            return None
        return rate.quantize(Decimal('1e-6'))

    def _rate_us(self, flows):
        "Unit periods of the frequency, odd days as their part of a period"
        per_year = {
            'day': Decimal(365), 'week': Decimal(52), 'month': Decimal(12),
            'year': Decimal(1)}[self.frequency] / self.interval
        length = {'day': 1, 'week': 7, 'month': 30, 'year': 365}[
            self.frequency] * self.interval
        (start, received), *others = flows
        payments = []
        for date, amount in others:
            whole, days = engine.whole_intervals(
                start, date, self.frequency, self.interval, self.month_end)
            payments.append((amount, whole, days / length))
        return engine.apr_us(-received, payments, per_year)

    @classmethod
    def calculate_schedules(cls, loans, reason, contract=False):
        """Make the first version of loans that were not paid out.

        The contract fixes the first due date.
        """
        pool = Pool()
        Schedule = pool.get('loan.schedule')
        Instalment = pool.get('loan.instalment')
        made = []
        for loan in loans:
            computed = loan.compute_schedule()
            if not contract or not loan.has_rows(computed.rows):
                made.append((loan, computed))
            if contract and not loan.first_due_date:
                # The date itself: shifted, the later ones would follow it
                loan.first_due_date = engine.add_interval(
                    loan.disbursement_date, loan.frequency, loan.interval,
                    loan.month_end)
            loan.maturity_date = computed.rows[-1].due
        cls.save(loans)
        if not made:
            return
        Schedule.delete(Schedule.search([
                    ('loan', 'in', [l.id for l, _ in made])]))
        schedules = Schedule.create([{
                    'loan': loan.id,
                    'current_loan': loan.id,
                    'version': 1,
                    'reason': reason,
                    'valid_from': loan.disbursement_date,
                    'apr': loan.compute_apr(computed.rows, computed.upfront),
                    'upfront_interest': computed.upfront,
                    } for loan, computed in made])
        Instalment.insert([
                {**loan.row_values(row), 'schedule': schedule.id}
                for schedule, (loan, computed) in zip(schedules, made)
                for row in computed.rows])

    def has_rows(self, rows):
        "Return whether the current schedule is made of rows"
        if not self.schedule:
            return False
        stored = [
            (r.due_date, r.principal, r.interest, r.fee)
            for r in self.schedule.instalments]
        return stored == [
            (r.due, r.principal, r.interest, r.fee) for r in rows]

    def row_values(self, row, number=None):
        "Return the values of an instalment made from a Row of the engine"
        return {
            'loan': self.id,
            'number': number or row.number,
            'interest_from': row.start,
            'interest_to': row.end,
            'due_date': row.due,
            'opening': row.opening,
            'disbursed': row.disbursed,
            'prepaid': row.prepaid,
            'principal': row.principal,
            'interest': row.interest,
            'fee': row.fee,
            'amount': row.amount,
            'closing': row.closing,
            'level': row.instalment,
            'pending': row.pending,
            'credit': row.credit,
            'carry': row.carry,
            'explanation_data': json.dumps(engine.explain(row)),
            }

    # Further versions

    def rate_on(self, date):
        "Return the annual rate in force on date"
        changes = [c for c in self.rate_changes if c.date <= date]
        if not changes:
            return self.rate
        return max(changes, key=lambda c: (c.date, c.id)).rate

    def called_rows(self):
        "Return the rows that became due in the books and the rest"
        demanded = self._demanded
        kept, rest = [], []
        for row in self.schedule.instalments:
            called = ('number', row.number) in demanded
            (kept if called else rest).append(row)
        return kept, rest

    def plan_events(self):
        "Return the Events of the engine that the transactions made"
        demanded = self._demanded
        events = []
        # Those of one day count in the order in which they were booked
        for transaction in sorted(
                (t for t in self.transactions if t.live),
                key=lambda t: t.id):
            if transaction.type == 'disbursement':
                events.append(engine.Event(
                        transaction.value_date, transaction.amount))
            elif transaction.type in {
                    'early', 'repayment', 'waiver', 'index'}:
                early = sum(
                    a.amount for a in transaction.allocations
                    if a.kind == 'advance'
                    and ('number', a.number) not in demanded)
                if early:
                    events.append(engine.Event(
                            transaction.value_date, -early, None,
                            transaction.strategy or self.early_strategy))
        events.extend(
            engine.Event(c.date, rate=c.rate)
            for c in sorted(self.rate_changes, key=lambda c: c.id))
        return sorted(events, key=lambda e: e.date)

    def remaining_terms(self, done, number):
        "Return the Terms of number instalments after done ones"
        terms = self.terms_for(number, self.amount_planned)
        capitalised = max(self.capitalised - done, 0)
        principal = self.capitalised + self.grace_principal - done
        return terms.but(
            capitalised=capitalised,
            grace_principal=max(principal - capitalised, 0),
            grace_interest=max(self.grace_interest - done, 0),
            grace_free=max(self.grace_free - done, 0),
            steps=tuple(_remaining_steps(terms.steps, done, number)),
            principals=self._principals()[done:done + number]
            if self.method == 'manual' else ())

    def plan_rest(self, extra=(), periods=None, terms=None, fresh=False,
            returned=ZERO, settlement=None):
        """Return (rows kept, Schedule of the engine for the rest).

        extra are Events besides those that happened; periods and terms
        replace those of the rows that are not called yet.  With fresh the
        instalment is computed anew; returned is principal of rows kept that
        the rest repays after all.  settlement pays the first row of the rest.
        """
        kept, rest = self.called_rows()
        if not rest and not periods:
            raise TermsError(gettext(
                    'loan.msg_loan_no_rest', loan=self.rec_name))
        events = [*self.plan_events(), *extra]
        settlements = {0: settlement} if settlement else None
        if not kept and not periods:
            first, *events = sorted(events, key=lambda e: e.date)
            return [], self.compute_schedule(
                first.amount, first.date, events, settlements)
        periods = periods or [
            engine.Period(r.interest_from, r.interest_to, r.due_date)
            for r in rest]
        try:
            return kept, self._amortize_rest(
                kept, periods, events, terms, fresh, returned, settlements)
        except ValueError as exception:
            raise TermsError(gettext(
                    'loan.msg_loan_terms', loan=self.rec_name,
                    reason=str(exception))) from exception

    def _amortize_rest(
            self, kept, periods, events, terms, fresh, returned,
            settlements):
        start = periods[0].start
        done = [e for e in events if e.date < start]
        paid = sum((r.principal for r in kept), ZERO) - returned
        lent = sum((e.amount for e in done if e.amount > 0), ZERO)
        level = kept[-1].level if kept and not fresh else None
        annuity = self.method in {'annuity', 'stepped'}
        terms = terms or self.remaining_terms(len(kept), len(periods))
        rate = self.rate_on(start - dt.timedelta(days=1))
        return engine.amortize(
            terms.but(number=len(periods), rate=rate), periods,
            [e for e in events if e.date >= start],
            opening=sum((e.amount for e in done), ZERO) - paid,
            instalment=level if annuity else None,
            share=None if annuity else level, lent=lent,
            settlements=settlements, **_left_over(kept))

    def plan_again(self, date, amount):
        "Make the version of what was really paid out first"
        computed = self.compute_schedule(amount, date)
        self.new_version(
            [], computed.rows, date, gettext('loan.msg_reason_paid_out'),
            self.compute_apr(computed.rows, computed.upfront, amount, date),
            computed.upfront)

    def replan(self, date, reason, transaction=None):
        "Make a new version of the rows that are not called yet"
        kept, schedule = self.plan_rest()
        self.new_version(
            kept, schedule.rows, date, reason,
            self.running_apr(kept, schedule.rows),
            self.schedule.upfront_interest, transaction=transaction)

    def running_apr(self, kept, rows, extra=()):
        "Return the effective rate of what was and what will be paid"
        flows = [(r.due_date, r.amount) for r in kept if r.amount]
        flows += [(r.due, r.amount) for r in rows if r.amount]
        for transaction in self.transactions:
            if transaction.live and transaction.type == 'disbursement':
                net = (transaction.amount
                    - (transaction.deducted_fee or ZERO)
                    - (transaction.deducted_interest or ZERO))
                flows.append((transaction.value_date, -net))
        flows += [
            (e.date, -e.amount) for e in [*self.plan_events(), *extra]
            if e.amount < 0]
        return self.effective_rate(flows)

    def new_version(
            self, kept, rows, date, reason, apr, upfront=None,
            returned=None, transaction=None):
        """Make the rows the current version, the former ones stay.

        returned is {number: principal} that rows kept ask for no more,
        transaction what made the version.
        """
        pool = Pool()
        Schedule = pool.get('loan.schedule')
        Instalment = pool.get('loan.instalment')
        former = self.schedule
        values = [
            {**row.copied(), 'loan': self.id} for row in kept]
        for row in values:
            less = (returned or {}).get(row['number'], ZERO)
            row['principal'] -= less
            row['amount'] -= less
            row['closing'] += less
        values += [
            self.row_values(row, number)
            for number, row in enumerate(rows, len(kept) + 1)]
        Schedule.write([former], {'current_loan': None})
        schedule, = Schedule.create([{
                    'loan': self.id,
                    'current_loan': self.id,
                    'version': former.version + 1,
                    'reason': reason,
                    'valid_from': date,
                    'approved_by': Transaction().context.get('employee'),
                    'apr': apr,
                    'upfront_interest': upfront,
                    'transaction': transaction.id if transaction else None,
                    }])
        Instalment.insert([
                {**row, 'schedule': schedule.id} for row in values])
        self.plan_advances({row.number for row in kept}, schedule)
        self.maturity_date = values[-1]['due_date']
        self.save()

    def plan_advances(self, kept, schedule):
        """Let schedule take what was paid in advance as paid early.

        It was paid for rows that are made anew, with an interest of their
        own: all of it lowers the principal.  For the numbers kept it goes on
        counting as it did.
        """
        moved = []
        for transaction in self.transactions:
            for (key, component, kind), amount in transaction.net().items():
                if kind != 'advance' or not amount or (
                        key[1] is None or key[1] in kept):
                    continue
                moved.extend(self._allocations([
                            (key, component, -amount, kind),
                            (('number', None), 'principal', amount, kind)],
                        transaction=transaction, planned_by=schedule))
        self.move_advances(moved)

    def move_advances(self, allocations):
        "Book allocations that move money between components"
        pool = Pool()
        LoanTransaction = pool.get('loan.transaction')
        Allocation = pool.get('loan.transaction.allocation')
        if not allocations:
            return
        Allocation.save(allocations)
        if {a.component for a in allocations} != {'principal'}:
            LoanTransaction.post_replay(
                allocations[0].transaction, allocations)


def _left_over(kept):
    "Return what the last of the rows kept leaves to those that follow"
    if not kept:
        return {}
    last = kept[-1]
    return {
        'deferred': last.pending or ZERO,
        'credit': last.credit or ZERO,
        'carried': last.carry or ZERO,
        }


def _remaining_steps(steps, done, number):
    "Return the steps of number instalments after done ones"
    result, left = [], number
    for step in steps:
        skipped = min(step.number, done)
        done -= skipped
        count = min(step.number - skipped, left)
        left -= count
        if count:
            result.append(engine.Step(
                    count, step.rate, step.payment, step.deferral,
                    step.balance if not skipped else None))
    if result and left:
        last = result[-1]
        result[-1] = engine.Step(
            last.number + left, last.rate, last.payment, last.deferral,
            last.balance)
    return result
