# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Payments of account_payment collect, or pay, what loans have called."""
from collections import defaultdict

from trytond.i18n import gettext
from trytond.model import ModelView, Workflow, fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval, PYSONEncoder
from trytond.transaction import check_access, without_check_access
from trytond.wizard import Button, StateAction, StateView, Wizard

from .exceptions import PostingError


class PaymentJournal(metaclass=PoolMeta):
    __name__ = 'account.payment.journal'

    loan_method = fields.Many2One(
        'loan.payment.method', "Loans Paid Through", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        help="How the loan books a payment that succeeded.")


class Payment(metaclass=PoolMeta):
    __name__ = 'account.payment'

    @classmethod
    @ModelView.button
    @Workflow.transition('succeeded')
    def succeed(cls, payments):
        super().succeed(payments)
        with without_check_access():
            cls.book_loans(payments)

    @classmethod
    @ModelView.button
    @Workflow.transition('failed')
    def fail(cls, payments):
        super().fail(payments)
        with without_check_access():
            cls.unbook_loans(payments)

    @classmethod
    def book_loans(cls, payments):
        "Book payments that succeeded on their loans, each once"
        Loan = Pool().get('loan.loan')
        loans = cls._loans(payments)
        booked = cls._loan_transactions(loans)
        new = []
        for payment, loan in loans.items():
            method = payment.journal.loan_method
            if not method:
                raise PostingError(gettext(
                        'loan.msg_payment_no_method',
                        journal=payment.journal.rec_name,
                        payment=payment.rec_name))
            former = booked[payment]
            if not any(t.live for t in former):
                new.append((
                        loan, payment.date, payment.amount, method,
                        f'{payment} {len(former) + 1}'))
        if new:
            Loan.receive_all(new)

    @classmethod
    def unbook_loans(cls, payments):
        "Reverse what payments that failed after all had paid"
        LoanTransaction = Pool().get('loan.transaction')
        LoanTransaction.reverse([
                t for transactions in
                cls._loan_transactions(cls._loans(payments)).values()
                for t in transactions if t.live])

    @classmethod
    def _loans(cls, payments):
        "Return {payment: loan} of those that pay what a loan has called"
        Allocation = Pool().get('loan.transaction.allocation')
        called = {
            allocation.line: allocation.loan
            for allocation in Allocation.search([
                    ('line', 'in', [p.line.id for p in payments if p.line]),
                    ])}
        return {p: called[p.line] for p in payments if p.line in called}

    @classmethod
    def _loan_transactions(cls, loans):
        "As {payment: loan}, return {payment: transactions that booked it}"
        LoanTransaction = Pool().get('loan.transaction')
        result = defaultdict(list)
        by_loan = defaultdict(list)
        for transaction in LoanTransaction.search([
                    ('loan', 'in', list({l.id for l in loans.values()})),
                    ('key', 'like', f'{cls.__name__},%'),
                    ]):
            by_loan[transaction.loan].append(transaction)
        for payment, loan in loans.items():
            result[payment] = [
                t for t in by_loan[loan]
                if t.key.split(' ')[0] == str(payment)]
        return result


class CollectStart(ModelView):
    __name__ = 'loan.collect.start'

    company = fields.Many2One('company.company', "Company", readonly=True)
    journal = fields.Many2One(
        'account.payment.journal', "Journal", required=True,
        domain=[
            ('company', '=', Eval('company', -1)),
            ('loan_method', '!=', None),
            ],
        help="Only journals that name how loans are paid through them.")
    date = fields.Date(
        "Due until", required=True,
        help="What falls due until this date is called and paid.")

    @classmethod
    def default_date(cls):
        return Pool().get('ir.date').today()


class Collect(Wizard):
    __name__ = 'loan.collect'

    start = StateView('loan.collect.start', 'loan.collect_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Make Payments", 'collect', 'tryton-ok', default=True),
            ])
    collect = StateAction('account_payment.act_payment_form')

    def default_start(self, fields):
        return {'company': self._loans()[0].company.id}

    def _loans(self):
        with check_access():
            return self.model.browse([r.id for r in self.records])

    def do_collect(self, action):
        Payment = Pool().get('account.payment')
        loans = [l for l in self._loans() if l.state == 'active'
            and l.company == self.start.company]
        self.model.call(loans, self.start.date)
        with check_access():
            payments = Payment.create([
                    self._payment(line) for line in self._lines(loans)])
        action['pyson_domain'] = PYSONEncoder().encode(
            [('id', 'in', [p.id for p in payments])])
        return action, {}

    def _lines(self, loans):
        "Return the lines that loans have called and nobody pays yet"
        Allocation = Pool().get('loan.transaction.allocation')
        allocations = Allocation.search([
                ('loan', 'in', [l.id for l in loans]),
                ('kind', '=', 'call'),
                ('line.reconciliation', '=', None),
                ('line.maturity_date', '<=', self.start.date),
                ])
        lines = {a.line for a in allocations}
        return sorted(
            (l for l in lines if l.payment_amount > 0),
            key=lambda l: (l.maturity_date, l.id))

    def _payment(self, line):
        return {
            'company': self.start.company.id,
            'journal': self.start.journal.id,
            'kind': 'receivable' if line.account.type.receivable
            else 'payable',
            'party': line.party.id,
            'date': line.maturity_date,
            'amount': line.payment_amount,
            'line': line.id,
            }
