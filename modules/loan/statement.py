# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Statements of account_statement pay loans.

A line that is related to a loan is booked on the account of the payment method
that its journal names.  When the statement is posted, the money goes from
there through the loan, by the waterfall, as any payment does.
"""
from trytond.i18n import gettext
from trytond.model import ModelView, Workflow, fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Bool, Eval, If
from trytond.transaction import without_check_access

from .exceptions import PostingError


class StatementJournal(metaclass=PoolMeta):
    __name__ = 'account.statement.journal'

    loan_method = fields.Many2One(
        'loan.payment.method', "Loans Paid Through", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        help="Lines that pay loans are booked on the account of this "
        "method: a transit account, not the one of the bank.")


class Statement(metaclass=PoolMeta):
    __name__ = 'account.statement'

    @classmethod
    @ModelView.button
    @Workflow.transition('validated')
    def validate_statement(cls, statements):
        for statement in statements:
            for line in statement.lines:
                if line.loan:
                    line.check_loan()
        super().validate_statement(statements)


class StatementLine(metaclass=PoolMeta):
    __name__ = 'account.statement.line'

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.related_to.domain['loan.loan'] = [
            ('company', '=', Eval('company', -1)),
            ('currency', '=', Eval('currency', -1)),
            If(Bool(Eval('party')),
                ('party', '=', Eval('party', -1)),
                ()),
            If(Eval('statement_state') == 'draft',
                ('state', 'in', ['approved', 'active', 'written_off']),
                ()),
            ]

    @classmethod
    def _get_relations(cls):
        return super()._get_relations() + ['loan.loan']

    @property
    @fields.depends('related_to')
    def loan(self):
        Loan = Pool().get('loan.loan')
        related_to = getattr(self, 'related_to', None)
        if isinstance(related_to, Loan) and related_to.id >= 0:
            return related_to

    @fields.depends(
        'statement', '_parent_statement.journal', methods=['loan'])
    def on_change_related_to(self):
        super().on_change_related_to()
        if loan := self.loan:
            self.party = loan.party
            if self.statement and self.statement.journal and (
                    method := self.statement.journal.loan_method):
                self.account = method.account

    def check_loan(self):
        "Refuse a line that is not booked on the account of the method"
        journal = self.statement.journal
        if not journal.loan_method:
            raise PostingError(gettext(
                    'loan.msg_statement_no_method',
                    journal=journal.rec_name, loan=self.loan.rec_name))
        if self.account != journal.loan_method.account:
            raise PostingError(gettext(
                    'loan.msg_statement_account',
                    loan=self.loan.rec_name, amount=self.amount,
                    account=journal.loan_method.account.rec_name))

    @classmethod
    def post_move(cls, lines):
        super().post_move(lines)
        with without_check_access():
            cls.book_loans([line for line in lines if line.loan])

    @classmethod
    def book_loans(cls, lines):
        "Book the money of lines on their loans, clear the transit account"
        Loan = Pool().get('loan.loan')
        by_key, repayments = {}, []
        # Who pays back on the day of the payout needs it first
        for line in sorted(lines, key=lambda line: line.pays_back):
            if not line.pays_back:
                by_key[str(line)] = Loan.pay_out(*line._loan_payment())
            elif line.loan.state == 'written_off':
                by_key[str(line)] = Loan.recover_of(*line._loan_payment())
            else:
                repayments.append(line._loan_payment())
        if repayments:
            by_key.update({t.key: t for t in Loan.receive_all(repayments)})
        cls._clear_transit([(line, by_key[str(line)]) for line in lines])

    @property
    def pays_back(self):
        "Whether the money of the line goes from the borrower to the lender"
        return (self.amount > 0) == (self.loan.side == 'lent')

    def _loan_payment(self):
        Loan = Pool().get('loan.loan')
        return (
            Loan(self.loan.id), self.date, abs(self.amount),
            self.statement.journal.loan_method, str(self))

    @classmethod
    def _clear_transit(cls, booked):
        MoveLine = Pool().get('account.move.line')
        pairs = []
        for line, transaction in booked:
            account = line.account
            if not account.reconcile:
                continue
            pair = [
                l for l in line.move.lines
                if l.account == account and l.origin == line]
            pair += [
                l for l in transaction.move.lines if l.account == account]
            if not sum(l.debit - l.credit for l in pair) and not any(
                    l.reconciliation for l in pair):
                pairs.append(pair)
        MoveLine.reconcile(*pairs)
