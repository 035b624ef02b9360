# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What changes a running loan: early payment, new terms, charges, losses."""
from collections import defaultdict, namedtuple
from decimal import Decimal

from caravan.i18n import gettext
from trytond.model import Model
from trytond.pool import Pool

from . import engine
from .exceptions import AmountError, PostingError, TermsError
from .tools import percent

ZERO = Decimal(0)

Quote = namedtuple(
    'Quote', ['date', 'due', 'principal', 'interest', 'per_day', 'total'])
Outcome = namedtuple('Outcome', [
        'strategy', 'instalment', 'number', 'last_due', 'interest', 'saved',
        'apr', 'rows'])


class ActionsMixin(Model):
    __slots__ = ()

    def check_active(self):
        if self.state != 'active':
            raise PostingError(gettext(
                    'loan.msg_loan_state', loan=self.rec_name))

    def check_running(self, date):
        "Refuse a date before the period that is not called yet"
        kept, _ = self.called_rows()
        if kept and date < kept[-1].interest_to:
            raise PostingError(gettext(
                    'loan.msg_loan_called', loan=self.rec_name, date=date,
                    called=kept[-1].interest_to))

    def due_on(self, date):
        "Return what is open of all that falls due until date"
        return sum(
            (i.amount for i in self.open_items() if i.due <= date), ZERO)

    # Early payment

    def pay_off_quote(self, date):
        """Return the Quote of paying the loan off on date, in money.

        As planned_pay_off, with what an index makes of it.
        """
        quote = self.planned_pay_off(date)
        if not self.index_currency:
            return quote
        due = self.money_due(date)
        principal = self.indexed(quote.principal, date)
        interest = self.indexed(quote.interest, date)
        return Quote(
            date, due, principal, interest,
            quote.per_day * self.index_factor(date),
            due + principal + interest)

    def planned_pay_off(self, date):
        """Return the Quote of paying the loan off on date by the plan.

        due is what fell due and is open, principal and interest what is to
        be paid besides, per_day the interest of one more day.
        """
        rows = self.rows_to_come(date)
        due = self.due_on(date)
        if not rows:
            return Quote(date, due, ZERO, ZERO, ZERO, due)
        terms = self.remaining_terms(0, self.term)
        quote = engine.pay_off(
            terms, rows, date, self.early_rest, self._put_off(rows))
        return Quote(
            date, due, quote.principal, quote.interest, quote.per_day,
            due + quote.amount)

    def rows_to_come(self, date):
        "Return the rows of the plan, not called yet, that fall due after date"
        _, rest = self.called_rows()
        if not rest:
            return []
        _, schedule = self.plan_rest()
        return [r for r in schedule.rows if r.due > date]

    def _put_off(self, rows):
        "Return the interest put off or carried to the first one of rows"
        before = [
            r for r in self.schedule.instalments
            if r.number < rows[0].number]
        if not before:
            return ZERO
        return (before[-1].pending or ZERO) + (before[-1].carry or ZERO)

    def early_outcomes(self, date, amount):
        """Return the Outcome of each strategy of paying amount early.

        What is due on date is paid first; nothing is written.
        """
        reduced = amount - self.money_due(date)
        if reduced <= 0:
            raise AmountError(gettext(
                    'loan.msg_loan_early_amount', loan=self.rec_name,
                    amount=amount, due=amount - reduced))
        reduced = engine.round_to(
            reduced / self.index_factor(date), self.unit, self.rounding)
        _, plan = self.plan_rest()
        before = plan.total('interest')
        outcomes = []
        for strategy in engine.STRATEGIES:
            kept, schedule, flows = self.plan_early(date, reduced, strategy)
            rows = schedule.rows
            interest = schedule.total('interest')
            later = [r for r in rows if r.start >= date] or rows[-1:]
            outcomes.append(Outcome(
                    strategy, later[0].amount, len(rows), rows[-1].due,
                    interest, before - interest,
                    self.running_apr(kept, rows, flows), rows))
        return outcomes

    def plan_early(self, date, amount, strategy):
        """Return (rows kept, Schedule, Events besides those that happened).

        They are what amount, paid besides all that is due on date, makes of
        the plan by the terms: it lowers the principal, or pays the running
        instalment first.
        """
        if self._pays_running(date):
            settlement = engine.Settlement(
                date, self._without_fee(amount), strategy, self.early_rest)
            kept, schedule = self.plan_rest(settlement=settlement)
            row = schedule.rows[0]
            row.fee = amount - row.principal - row.interest
            return kept, schedule, []
        event = engine.Event(date, -amount, None, strategy)
        kept, schedule = self.plan_rest(extra=[event])
        return kept, schedule, [event]

    def _pays_running(self, date):
        "Whether what is paid early on date pays the running instalment"
        if self.early_first != 'instalment' or self.index_currency:
            return False
        kept, rest = self.called_rows()
        stub = not kept and self.first_period == 'stub'
        return bool(rest) and not stub and (
            rest[0].interest_from <= date < rest[0].due_date)

    def _without_fee(self, amount):
        "Return what an amount leaves when the fee of the instalment is paid"
        return engine.round_to(
            (amount - self.fee_amount) / (1 + self.fee_rate), self.unit,
            self.rounding)

    @classmethod
    def pay_early(cls, loan, date, amount, strategy, method, key=None):
        """Book amount paid before it is due, return the transaction.

        What is due is settled by the waterfall, the rest lowers the principal
        and makes a new schedule by strategy.  The amount of the quote pays
        the loan off.
        """
        cls.lock([loan])
        if known := cls._known([key]):
            return known[key]
        loan.check_active()
        loan.check_amount(amount)
        loan.check_date(date)
        cls.call([loan], date)
        loan, taken = cls.rewind(*cls.browse([loan]), date)
        loan.check_running(date)
        quote = loan.pay_off_quote(date)
        if amount > quote.total:
            raise AmountError(gettext(
                    'loan.msg_loan_overpaid', loan=loan.rec_name,
                    amount=amount, left=quote.total))
        loan, index = loan.index_early(date, amount, strategy)
        transaction = cls._pay_early(loan, date, amount, strategy, method, key)
        cls.name_cause([(index, transaction)])
        cls.forward(loan, taken, transaction)
        return transaction

    @classmethod
    def _pay_early(cls, loan, date, amount, strategy, method, key):
        LoanTransaction = Pool().get('loan.transaction')
        quote = loan.planned_pay_off(date)
        if amount == quote.total:
            return cls._pay_off(loan, quote, method, key)
        reduced = amount - quote.due
        if reduced <= 0:
            raise AmountError(gettext(
                    'loan.msg_loan_early_amount', loan=loan.rec_name,
                    amount=amount, due=quote.due))
        if loan._pays_running(date):
            return cls._pay_running(
                loan, date, amount, reduced, strategy, method, key)
        parts = loan.distribute(date, quote.due)
        parts.append((('number', None), 'principal', reduced, 'advance'))
        transaction = cls._early(loan, date, amount, method, key, parts)
        transaction.strategy = strategy
        transaction.save()
        LoanTransaction.post_moves([transaction])
        loan, = cls.browse([loan])
        loan.replan(
            date, gettext('loan.msg_reason_early'), transaction=transaction)
        return transaction

    @classmethod
    def _pay_running(
            cls, loan, date, amount, reduced, strategy, method, key):
        "Let the money pay the running instalment before its date"
        LoanTransaction = Pool().get('loan.transaction')
        _, (running, *_) = loan.called_rows()
        if reduced < running.amount:
            raise AmountError(gettext(
                    'loan.msg_loan_early_running', loan=loan.rec_name,
                    amount=reduced, instalment=running.amount))
        kept, schedule, _ = loan.plan_early(date, reduced, strategy)
        loan.new_version(
            kept, schedule.rows, date, gettext('loan.msg_reason_early'),
            loan.running_apr(kept, schedule.rows),
            loan.schedule.upfront_interest)
        loan, = cls.browse([loan])
        row = loan.rows_by_number[running.number]
        called = loan._called_parts(row, loan.totals())
        demand = loan._demand(row, called, date)
        demand.save()
        LoanTransaction.post_moves([demand])
        parts = loan.distribute(date, amount - reduced)
        parts += [(*part[:3], 'settle') for part in called]
        transaction = cls._early(loan, date, amount, method, key, parts)
        transaction.strategy = strategy
        cls._book_version(loan, transaction)
        return transaction

    @classmethod
    def _book_version(cls, loan, transaction, made=True):
        "Book a transaction, the current version was made for it or not"
        pool = Pool()
        LoanTransaction = pool.get('loan.transaction')
        Schedule = pool.get('loan.schedule')
        transaction.save()
        LoanTransaction.post_moves([transaction])
        if made:
            Schedule.write([loan.schedule], {'transaction': transaction.id})

    @classmethod
    def _early(cls, loan, date, amount, method, key, parts):
        return cls._new(
            loan, 'early', date, amount, payment_method=method, key=key,
            description=gettext(
                'loan.msg_description_early', loan=loan.number),
            allocations=loan._allocations(parts))

    @classmethod
    def _pay_off(cls, loan, quote, method, key):
        "End the schedule on the day of the quote and settle it"
        date = quote.date
        kept, rest = loan.called_rows()
        if rest:
            start = rest[0].interest_from
            row = engine.Row(
                len(kept) + 1, start, max(date, start), date,
                quote.principal, quote.principal, quote.interest, ZERO,
                borne=quote.interest)
            loan.new_version(
                kept, [row], date, gettext('loan.msg_reason_pay_off'),
                loan.running_apr(kept, [row]))
            loan, = cls.browse([loan])
            # The quote has the rate of its day already
            cls._call({loan: date}, index=False)
            loan, = cls.browse([loan])
        transaction = cls._early(
            loan, date, quote.total, method, key,
            loan.distribute(date, quote.total))
        cls._book_version(loan, transaction, bool(rest))
        return transaction

    # New terms

    def rescheduled(
            self, first_due=None, extra=0, grace=0, reage=False,
            frequency=None, interval=None):
        """Return (rows kept, Schedule, what is given back to the plan).

        first_due is the new date of the next instalment, the later ones
        follow it; extra the number of instalments more, grace the number of
        next ones without principal.  With reage the principal that is
        overdue becomes part of the plan again.  frequency and interval are
        those of the instalments from now on, when they change.
        """
        kept, rest = self.called_rows()
        last = kept[-1] if kept else None
        start = rest[0].interest_from if rest else last.interest_to
        number = len(rest) + extra
        if number < 1 or not (first_due or rest) or (
                first_due and first_due <= start):
            raise TermsError(gettext(
                    'loan.msg_loan_reschedule', loan=self.rec_name,
                    start=start))
        if first_due or frequency or interval:
            anchor, skip = first_due or rest[0].due_date, 0
        else:
            anchor, skip = self.anchor_of(rest[0])
        calendar = self.calendar()
        follows = calendar.pop('interest_follows')
        every = {
            'frequency': frequency or self.frequency,
            'interval': interval or self.interval,
            }
        try:
            periods = engine.periods(start, engine.due_dates(
                    anchor, number=number, skip=skip, **every, **calendar),
                follows)
            terms = self.remaining_terms(len(kept), number).but(**every)
            if grace:
                terms = terms.but(grace_principal=grace)
        except ValueError as exception:
            raise TermsError(gettext(
                    'loan.msg_loan_terms', loan=self.rec_name,
                    reason=str(exception))) from exception
        returned = self._overdue_principal(kept) if reage else {}
        kept, schedule = self.plan_rest(
            periods=periods, terms=terms.but(number=number), fresh=True,
            returned=sum(returned.values(), ZERO))
        return kept, schedule, returned

    def _overdue_principal(self, kept):
        "Return {number: principal called and open}"
        totals = self.totals()
        result = {}
        for row in kept:
            total = totals[('number', row.number), 'principal']
            if (left := total['call'] - total['settle']) > 0:
                result[row.number] = left
        return result

    @classmethod
    def reschedule_loan(cls, loan, date, reason, **changes):
        "Agree on new dates for loan, see rescheduled for changes"
        LoanTransaction = Pool().get('loan.transaction')
        cls.lock([loan])
        loan.check_active()
        loan.check_date(date)
        cls.call([loan], date)
        loan, = cls.browse([loan])
        kept, schedule, returned = loan.rescheduled(**changes)
        if returned:
            transaction = cls._new(
                loan, 'reage', date, sum(returned.values()),
                description=reason, allocations=loan._allocations([
                        (('number', number), 'principal', -amount, 'call')
                        for number, amount in returned.items()]))
            transaction.save()
            LoanTransaction.post_moves([transaction])
        loan.new_version(
            kept, schedule.rows, date, reason,
            loan.running_apr(kept, schedule.rows),
            loan.schedule.upfront_interest, returned)
        loan.term = len(kept) + len(schedule.rows)
        if changes.get('grace'):
            loan.grace_principal = max(
                len(kept) + changes['grace'] - loan.capitalised, 0)
        moved = {'first_due', 'frequency', 'interval'} & {
            name for name, value in changes.items() if value}
        if not kept and moved:
            loan.first_due_date = (
                changes.get('first_due') or schedule.rows[0].due)
        loan.frequency = changes.get('frequency') or loan.frequency
        loan.interval = changes.get('interval') or loan.interval
        loan.save()

    @classmethod
    def change_rate_of(cls, loan, date, rate, reason):
        "Let rate count for loan from date on, make a new schedule"
        RateChange = Pool().get('loan.rate_change')
        cls.lock([loan])
        loan.check_active()
        loan.check_paid_out(date)
        loan, taken = cls.rewind(loan, date)
        loan.check_running(date)
        for regulation in loan.regulations:
            if regulation.code == 'rate_max':
                regulation.check_contract(loan, {'rate_max': rate})
        RateChange(loan=loan, date=date, rate=rate, reason=reason).save()
        loan, = cls.browse([loan])
        loan.replan(date, reason or gettext('loan.msg_reason_rate'))
        cls.forward(loan, taken, None)

    # Charges

    @classmethod
    def charge(cls, charges, together=False):
        """Book charges that are not saved yet, return their transactions.

        With together those of a product share a move.
        """
        pool = Pool()
        LoanTransaction = pool.get('loan.transaction')
        Charge = pool.get('loan.charge')
        cls.lock([c.loan for c in charges])
        Charge.save(charges)
        transactions = [
            cls._new(
                charge.loan, charge.type, charge.date, charge.amount,
                description=charge.description,
                allocations=charge.loan._allocations([(
                            ('charge', charge.id), charge.type,
                            charge.amount, 'call')]))
            for charge in charges]
        LoanTransaction.save(transactions)
        if together:
            LoanTransaction.post_together(transactions)
        else:
            LoanTransaction.post_moves(transactions)
        return transactions

    @classmethod
    def charge_penalties(cls, loans, date=None, together=False):
        """Charge the penalties of the terms until date, return the charges.

        Each instalment bears them from its due date or from the last charge
        on, so charging twice a day makes no difference.
        """
        date = date or Pool().get('ir.date').today()
        cls.lock(loans)
        cls.call(loans, date)
        charges = []
        active = [l for l in cls.browse(loans) if l.state == 'active']
        totals = cls.totals_of(active)
        for loan in active:
            charges.extend(loan._penalties(date, totals[loan.id]))
        if charges:
            cls.charge(charges, together)
        return charges

    def _penalties(self, date, totals):
        Charge = Pool().get('loan.charge')
        charged = defaultdict(list)
        for charge in self.charges:
            if charge.type == 'penalty' and charge.number is not None:
                charged[charge.number].append(charge)
        components = {'principal'} if self.penalty_base == 'principal' else {
            'principal', 'interest', 'fee'}
        numbers, open_ = self._numbers(), defaultdict(Decimal)
        for item in self.open_items(totals):
            number = numbers.get(item.key)
            if number and item.due < date and item.component in components:
                open_[number, item.due] += item.amount
        changed = {}
        if charged:
            changed = self._base_changes(components, numbers)
        for (number, due), base in open_.items():
            amount, days, before, first = self._penalty(
                base, due, date, charged.get(number, []), changed.get(number))
            if amount > 0:
                yield Charge(
                    loan=self, type='penalty', number=number, date=date,
                    due_date=date, amount=amount,
                    description=gettext(
                        'loan.msg_description_penalty', number=number),
                    explanation=self._penalty_explained(
                        base, days, before, first))

    def _numbers(self):
        "Return {key: number} of what is part of an instalment"
        numbers = {
            ('number', row.number): row.number
            for row in self.schedule.instalments}
        for charge in self.charges:
            if charge.type == 'index':
                numbers['charge', charge.id] = charge.number
        return numbers

    def _base_changes(self, components, numbers):
        "Return {number: the last day on which what is open of it changed}"
        changes = {}
        for transaction in self.transactions:
            if not transaction.live or transaction.type == 'demand':
                continue
            date = transaction.value_date
            for (key, component, _), amount in transaction.net().items():
                number = numbers.get(key)
                if number and amount and component in components:
                    changes[number] = max(date, changes.get(number, date))
        return changes

    def _penalty_explained(self, base, days, before, first):
        "Return the parts of a penalty in words, one a line"
        lines = [gettext(
                'loan.msg_explanation_overdue', base=base, days=days)]
        if self.penalty_rate:
            lines.append(gettext(
                    'loan.msg_explanation_penalty_rate', base=base,
                    days=days, rate=percent(self.penalty_rate)))
        if self.penalty_per_day:
            lines.append(gettext(
                    'loan.msg_explanation_penalty_day', days=days,
                    per_day=self.penalty_per_day))
        if self.penalty_fixed and first:
            lines.append(gettext(
                    'loan.msg_explanation_penalty_fixed', base=base,
                    fixed=percent(self.penalty_fixed)))
        if before:
            lines.append(gettext(
                    'loan.msg_explanation_penalty_before', amount=before))
        if self.penalty_cap is not None:
            lines.append(gettext(
                    'loan.msg_explanation_penalty_cap',
                    cap=percent(self.penalty_cap)))
        return '\n'.join(lines)

    def _penalty(self, base, due, date, charged, changed):
        """Return (amount, days, before, first) of the penalty on date.

        It is that of the days since base is open, less what was charged for
        them before: so the cents that a day rounds are not lost.  changed is
        the last day on which what is open changed, or None; first whether
        nothing was charged until then.
        """
        if (date - due).days <= self.penalty_grace:
            return ZERO, 0, ZERO, True
        former = [c for c in charged if changed and c.date <= changed]
        total = sum((c.amount for c in charged), ZERO)
        before = total - sum((c.amount for c in former), ZERO)
        days = (date - max([due, *(c.date for c in former)])).days
        amount = engine.penalty(
            base, days, rate=self.penalty_rate, per_day=self.penalty_per_day,
            fixed=ZERO if former else self.penalty_fixed,
            unit=self.unit, rounding=self.rounding) - before
        if self.penalty_cap is not None:
            amount = min(amount, engine.round_to(
                    base * self.penalty_cap, self.unit, self.rounding)
                - total)
        return amount, days, before, not former

    # Losses

    @classmethod
    def waive_of(cls, loan, date, component, amount, reason):
        "Waive amount of what is due of component, the oldest first"
        LoanTransaction = Pool().get('loan.transaction')
        cls.lock([loan])
        loan.check_active()
        loan.check_amount(amount)
        loan.check_date(date)
        cls.call([loan], date)
        loan, = cls.browse([loan])
        totals = loan.totals()
        items = []
        for item in loan.open_items(totals):
            total = totals[item.key, item.component]
            item.amount = total['call'] - total['settle']
            if item.component == component and item.amount > 0:
                items.append(item)
        parts, rest = engine.allocate(amount, items, date, unit=loan.unit)
        if rest:
            raise AmountError(gettext(
                    'loan.msg_loan_waive', loan=loan.rec_name,
                    amount=amount, left=amount - rest))
        transaction = cls._new(
            loan, 'waiver', date, amount, description=reason,
            allocations=loan._allocations(
                [(p.key, p.component, p.amount, 'settle') for p in parts]))
        transaction.save()
        LoanTransaction.post_moves([transaction])
        cls.close_paid([loan])
        return transaction

    @classmethod
    def write_off_loan(cls, loan, date, reason):
        """Write off all that is open of loan.

        The principal goes to the write-off account; interest, fees and
        penalties are taken back from what they were booked as.
        """
        LoanTransaction = Pool().get('loan.transaction')
        cls.lock([loan])
        loan.check_active()
        loan.check_date(date)
        cls.call([loan], date)
        loan, = cls.browse([loan])
        parts, called = [], ZERO
        for (key, component), total in loan.totals().items():
            left = total['call'] - total['settle']
            if left > 0:
                parts.append((key, component, left, 'settle'))
                if component == 'principal':
                    called += left
        rest = loan.principal_outstanding - called
        if rest > 0:
            parts.append((('number', None), 'principal', rest, 'advance'))
        if not parts:
            raise AmountError(gettext(
                    'loan.msg_loan_write_off', loan=loan.rec_name))
        transaction = cls._new(
            loan, 'write_off', date, sum((p[2] for p in parts), ZERO),
            description=reason, allocations=loan._allocations(parts))
        transaction.save()
        LoanTransaction.post_moves([transaction])
        cls.written_off([loan])
        return transaction

    @classmethod
    def recover_of(cls, loan, date, amount, method, key=None):
        "Book amount that is paid on a loan written off"
        LoanTransaction = Pool().get('loan.transaction')
        cls.lock([loan])
        if known := cls._known([key]):
            return known[key]
        if loan.state != 'written_off':
            raise PostingError(gettext(
                    'loan.msg_loan_recover', loan=loan.rec_name))
        loan.check_amount(amount)
        loan.check_date(date)
        transaction = cls._new(
            loan, 'recovery', date, amount, payment_method=method, key=key,
            description=gettext(
                'loan.msg_description_recovery', loan=loan.number))
        transaction.save()
        LoanTransaction.post_moves([transaction])
        return transaction

    # Refinancing

    def refinanced_by(self, date, product, term):
        "Return a draft of the loan that pays this one off on date"
        self.check_active()
        Loan = self.__class__
        loan, = Loan.create([{
                    'company': self.company.id,
                    'party': self.party.id,
                    'product': product.id,
                    'amount_requested': self.pay_off_quote(date).total,
                    'term': term,
                    'application_date': date,
                    'disbursement_date': date,
                    'purpose': gettext(
                        'loan.msg_purpose_refinance', loan=self.number),
                    'refinances': self.id,
                    }])
        return loan

    @classmethod
    def pay_refinanced(cls, loan, date, method):
        "Pay off the loan that loan was made for"
        former = loan.refinances
        cls.lock([former])
        cls.call([former], date)
        former, = cls.browse([former])
        total = former.pay_off_quote(date).total
        if total > loan.amount_disbursed:
            raise AmountError(gettext(
                    'loan.msg_loan_refinance', loan=loan.rec_name,
                    former=former.rec_name, amount=total))
        cls.pay_early(former, date, total, None, method)
        cls.refinanced(cls.browse([former]))
