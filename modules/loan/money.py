# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Money in and out of a loan.

Each operation locks the loan, reads what is open, and appends transactions
with their allocations; nothing is changed afterwards but by a reversal.
"""
from contextlib import suppress
from decimal import Decimal

from sql.aggregate import Sum

from caravan.i18n import gettext
from caravan.locking import touch
from trytond.model import Model, dualmethod, fields
from trytond.model.exceptions import AccessError
from trytond.modules.account.exceptions import PeriodNotFoundError
from trytond.pool import Pool
from trytond.transaction import Transaction, check_access, without_check_access

from . import engine
from .exceptions import AmountError, DateError, PostingError

ZERO = Decimal(0)
COMPONENTS = ['principal', 'interest', 'fee']


class MoneyMixin(Model):
    __slots__ = ()

    # What is open

    @classmethod
    def totals_of(cls, loans):
        "Return {id: {(key, component): {kind: amount}}} of the allocations"
        Allocation = Pool().get('loan.transaction.allocation')
        part = Allocation.__table__()
        query = part.select(
            part.loan, part.number, part.charge, part.component, part.kind,
            Sum(part.amount).as_('amount'),
            where=fields.SQL_OPERATORS['in'](
                part.loan, list(map(int, loans))),
            group_by=[
                part.loan, part.number, part.charge, part.component,
                part.kind])
        totals = {l.id: engine.new_totals() for l in loans}
        currencies = {l.id: l.currency for l in loans}
        for loan, number, charge, component, kind, amount in cls._execute(
                query, [None] * 5 + ['NUMERIC']):
            key = ('charge', charge) if charge else ('number', number)
            totals[loan][key, component][kind] += (
                currencies[loan].round(amount))
        return totals

    def totals(self):
        "Return {(key, component): {kind: amount}} of the allocations"
        return self.totals_of([self])[self.id]

    def dues(self, totals):
        """Return what the plan and the charges ask for: {what: (due, amount)}.

        Instalments are ('number', n), charges ('charge', id); of a charge all
        that was booked is due.
        """
        dues = {}
        for row in self.schedule.instalments:
            key = ('number', row.number)
            for component in COMPONENTS:
                dues[key, component] = (row.due_date, getattr(row, component))
        for charge in self.charges:
            what = ('charge', charge.id), charge.component
            dues[what] = (charge.due_date, totals[what]['call'])
        return dues

    def open_items(self, totals=None):
        """Return what can be paid as Items of the engine.

        Their key is ('number', n) or ('charge', id).
        """
        totals = self.totals() if totals is None else totals
        return engine.open_items(self.dues(totals), totals)

    @property
    def _demanded(self):
        return {
            ('number', t.number_called) for t in self.transactions
            if t.type == 'demand' and t.live}

    # Operations

    @classmethod
    def _new(cls, loan, type_, date, amount, **values):
        pool = Pool()
        LoanTransaction = pool.get('loan.transaction')
        booking = values.pop('booking_date', None) or (
            LoanTransaction.open_date(loan.company, date))
        return LoanTransaction(
            loan=loan, type=type_, value_date=date, booking_date=booking,
            amount=amount, employee=Transaction().context.get('employee'),
            **values)

    @dualmethod
    def lock(cls, loans=None):
        """Lock loans, and what numbers the moves of their companies today.

        The lock of the numbers is else asked for once the moves are made, and
        the transaction starts again to do all of its work a second time.
        """
        Period = Pool().get('account.period')
        super().lock(loans)
        loans = loans or []
        touch(cls, loans)
        with without_check_access():
            for company in {loan.company for loan in cls.browse(loans)}:
                with suppress(PeriodNotFoundError):
                    Period.find(company).move_sequence_used.lock()

    @classmethod
    def call(cls, loans, date=None):
        """Call the instalments that are due on date, today by default.

        What was paid for them in advance is not called any more.  Calling
        twice makes no difference.
        """
        date = date or Pool().get('ir.date').today()
        cls.lock(loans)
        demands = cls._call(dict.fromkeys(loans, date))
        cls.close_paid({d.loan for d in demands if not d.amount})
        return demands

    @classmethod
    def _call(cls, dates, index=True):
        """Call what is due of each loan on its date.

        Without index it is not brought to the rate of its day.
        """
        LoanTransaction = Pool().get('loan.transaction')
        demands = []
        loans = [l for l in dates if l.state == 'active' and l.schedule]
        totals = cls.totals_of(loans)
        for loan in loans:
            demands.extend(loan._demands(dates[loan], totals[loan.id]))
        LoanTransaction.save(demands)
        LoanTransaction.post_moves(demands)
        if index:
            cls.index_demands(demands)
        return demands

    def _demands(self, date, totals):
        demanded = self._demanded
        for row in self.schedule.instalments:
            key = ('number', row.number)
            if row.due_date > date:
                continue
            parts = self._called_parts(row, totals)
            if parts or key not in demanded:
                yield self._demand(row, parts, row.due_date)

    def _called_parts(self, row, totals):
        "Return what is not called yet of row"
        key = ('number', row.number)
        parts = []
        for component in COMPONENTS:
            total = totals[key, component]
            amount = getattr(row, component) - (
                total['advance'] + total['call'])
            if amount > 0:
                parts.append((key, component, amount, 'call'))
        return parts

    def _demand(self, row, parts, date):
        return self._new(
            self, 'demand', date, sum((p[2] for p in parts), ZERO),
            number_called=row.number,
            description=gettext(
                'loan.msg_description_demand', number=row.number,
                loan=self.number),
            allocations=self._allocations(parts))

    def _allocations(self, parts, **values):
        "Return Allocations of (key, component, amount, kind)"
        Allocation = Pool().get('loan.transaction.allocation')
        allocations = []
        for (what, id_), component, amount, kind in parts:
            allocations.append(Allocation(
                    loan=self, component=component, amount=amount,
                    kind=kind, schedule=self.schedule,
                    number=id_ if what == 'number' else None,
                    charge=id_ if what == 'charge' else None, **values))
        return allocations

    @classmethod
    def pay_out(cls, loan, date, amount, method, key=None):
        """Pay out amount of loan on date through method, return the
        transaction.

        The first payment makes the loan active; a date or an amount other
        than planned and each further tranche make a new schedule.
        """
        LoanTransaction = Pool().get('loan.transaction')
        cls.lock([loan])
        if known := cls._known([key]):
            return known[key]
        loan.check_pay_out(date, amount)
        first = loan.state == 'approved'
        fee, interest = loan.payout_fee(amount), ZERO
        if first:
            # A payout that came back may have left a plan of its own
            if loan.transactions or (amount, date) != (
                    loan.amount_planned, loan.schedule.valid_from):
                loan.disbursement_date = date
                loan.plan_again(date, amount)
            interest = loan.schedule.upfront_interest or ZERO
        transaction = cls._new(
            loan, 'disbursement', date, amount, payment_method=method,
            key=key, deducted_fee=fee, deducted_interest=interest,
            description=gettext(
                'loan.msg_description_disbursement', loan=loan.number))
        transaction.save()
        if first:
            cls.activate([loan])
        else:
            cls._pay_tranche(loan, date, transaction)
        LoanTransaction.post_moves([transaction])
        if first and loan.refinances:
            cls.pay_refinanced(loan, date, method)
        return transaction

    def payout_fee(self, amount):
        "Return the fee kept back of amount, the next that is paid out"
        paid = self.amount_disbursed
        fee = self.upfront_fee(paid + amount, self.unit)
        return fee - (self.upfront_fee(paid, self.unit) if paid else ZERO)

    @classmethod
    def _pay_tranche(cls, loan, date, transaction):
        "Make the plan that a further payout leads to"
        loan, = cls.browse([loan])
        loan, taken = cls.rewind(loan, date)
        loan.check_running(date)
        loan.replan(
            date, gettext('loan.msg_reason_tranche'),
            transaction=transaction)
        cls.forward(loan, taken, transaction)

    def check_pay_out(self, date, amount):
        left = self.amount_planned - self.amount_disbursed
        if self.state not in {'approved', 'active'}:
            raise PostingError(gettext(
                    'loan.msg_loan_state', loan=self.rec_name))
        if self.state == 'active' and self.index_currency:
            raise PostingError(gettext(
                    'loan.msg_loan_index_tranche', loan=self.rec_name))
        self.check_date(date)
        if not 0 < amount <= left:
            raise AmountError(gettext(
                    'loan.msg_loan_pay_out_amount', loan=self.rec_name,
                    amount=amount, left=left))
        if self.first_due_date and self.state == 'approved' and (
                date >= self.first_due_date):
            raise AmountError(gettext(
                    'loan.msg_loan_pay_out_date', loan=self.rec_name,
                    date=date, due=self.first_due_date))

    def check_amount(self, amount):
        if amount <= 0:
            raise AmountError(gettext(
                    'loan.msg_loan_amount', loan=self.rec_name,
                    amount=amount))

    def check_date(self, date):
        "Refuse what did not happen yet, and what money not lent yet bears"
        Date = Pool().get('ir.date')
        with Transaction().set_context(company=self.company.id):
            today = Date.today()
        if date > today:
            raise DateError(gettext(
                    'loan.msg_loan_date_future', loan=self.rec_name,
                    date=date))
        self.check_paid_out(date)

    def check_paid_out(self, date):
        "Refuse a date before the first payout"
        first = min((
                t.value_date for t in self.transactions
                if t.type == 'disbursement' and t.live), default=date)
        if date < first:
            raise DateError(gettext(
                    'loan.msg_loan_date_before', loan=self.rec_name,
                    date=date, first=first))

    @classmethod
    def _known(cls, keys):
        "Return {key: transaction} of the keys that were booked"
        LoanTransaction = Pool().get('loan.transaction')
        keys = [key for key in keys if key]
        if not keys:
            return {}
        return {
            t.key: t for t in LoanTransaction.search([('key', 'in', keys)])}

    @classmethod
    def receive(cls, loan, date, amount, method, key=None):
        """Book amount paid on loan through method, return the transaction.

        For a loan received it is what the company pays.  Instalments fallen
        due are called first; the waterfall of the loan says what is settled.
        The same key is booked once.
        """
        transaction, = cls.receive_all([(loan, date, amount, method, key)])
        return transaction

    @classmethod
    def receive_all(cls, payments):
        """Book many payments, tuples as the arguments of receive.

        Payments that are older than what is already booked on their loan are
        booked after the others, one by one, as they move what came later.
        """
        LoanTransaction = Pool().get('loan.transaction')
        cls.lock(list({loan for loan, *_ in payments}))
        known = cls._known([key for *_, key in payments])
        new = [p for p in payments if p[-1] not in known]
        cls._check_payments(new)
        dates = {}
        for loan, date, *_ in new:
            dates[loan] = max(date, dates.get(loan, date))
        cls._call(dates)
        totals = cls.totals_of(list(dates))
        transactions, late, indexes = [], [], []
        for loan, date, amount, method, key in sorted(
                new, key=lambda p: p[1]):
            transaction = cls._new(
                loan, 'repayment', date, amount, payment_method=method,
                key=key, description=gettext(
                    'loan.msg_description_repayment', loan=loan.number))
            if loan.later_payments(date):
                loan.check_index_order()
                late.append(transaction)
                continue
            loan, index = loan.index_payment(date, amount, totals[loan.id])
            indexes.append((index, transaction))
            transaction.allocations = loan._allocations(
                loan.distribute(date, amount, totals[loan.id]))
            transactions.append(transaction)
        LoanTransaction.save(transactions)
        LoanTransaction.post_moves(transactions)
        cls.name_cause(indexes)
        for transaction in late:
            transaction.loan.insert_payment(transaction)
        cls.close_paid({loan for loan, *_ in new})
        return [*known.values(), *transactions, *late]

    @classmethod
    def _check_payments(cls, payments):
        for loan, date, amount, _, _ in payments:
            loan.check_active()
            loan.check_amount(amount)
            loan.check_date(date)

    @classmethod
    def book_payments(cls, payments):
        """Book payments given as dicts: loan, date, amount, method, key.

        For scripts: loan and method are ids, and the user must be allowed to
        press the button that books a payment.
        """
        payments = cls._scripted(payments, 'repay')
        with without_check_access():
            cls.receive_all(payments)

    @classmethod
    def book_payouts(cls, payments):
        """Pay out loans given as dicts: loan, date, amount, method, key.

        For scripts, as book_payments.
        """
        payments = cls._scripted(payments, 'disburse')
        with without_check_access():
            # One by one, each would start the transaction again
            cls.lock(list({loan for loan, *_ in payments}))
            for arguments in payments:
                cls.pay_out(*arguments)

    @classmethod
    def _scripted(cls, payments, button):
        "Return the arguments of payments that a script gave as dicts"
        Method = Pool().get('loan.payment.method')
        cls.check_button(button)
        loans = list(dict.fromkeys(p['loan'] for p in payments))
        methods = list(dict.fromkeys(p['method'] for p in payments))
        with check_access():
            cls.read(loans, ['id'])
            Method.read(methods, ['id'])
        loans = {l.id: l for l in cls.browse(loans)}
        methods = {m.id: m for m in Method.browse(methods)}
        return [(
                loans[p['loan']], p['date'], p['amount'],
                methods[p['method']], p['key']) for p in payments]

    @classmethod
    def check_button(cls, name):
        "Raise AccessError unless the user may press the button called name"
        pool = Pool()
        Button = pool.get('ir.model.button')
        User = pool.get('res.user')
        groups = set(Button.get_groups(cls.__name__, name))
        if Transaction().user and groups and not (
                groups & set(User.get_groups())):
            raise AccessError(gettext('loan.msg_button_access', button=name))

    def distribute(self, date, amount, totals=None):
        "Return what amount paid on date settles, by the waterfall"
        totals = self.totals() if totals is None else totals
        parts, rest = engine.distribute(
            amount, date, self.dues(totals), totals,
            order=self.waterfall.order, direction=self.waterfall.direction,
            future=self.waterfall.future, unit=self.unit)
        if rest:
            raise AmountError(gettext(
                    'loan.msg_loan_overpaid', loan=self.rec_name,
                    amount=amount, left=amount - rest))
        return parts

    @classmethod
    def close_paid(cls, loans):
        """Close the loans on which nothing is left to pay.

        What was not paid out yet can be as long as an instalment is to come.
        """
        loans = [l for l in cls.browse(loans) if l.state == 'active']
        totals = cls.totals_of(loans)
        paid = [
            l for l in loans if not l.open_items(totals[l.id])
            and (l.amount_disbursed >= l.amount_planned
                or not l.called_rows()[1])]
        if paid:
            cls.close(paid)
