# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""From the application to the contract, and the states of a loan."""
from decimal import Decimal
from itertools import groupby

from trytond.i18n import gettext
from trytond.model import Model, ModelView, Workflow
from trytond.modules.company.model import reset_employee, set_employee
from trytond.pool import Pool
from trytond.transaction import Transaction, check_access, without_check_access

from .exceptions import DecisionError, LimitError
from .tools import percent


class DecisionMixin(Model):
    __slots__ = ()

    @classmethod
    def set_number(cls, loans):
        Configuration = Pool().get('loan.configuration')
        config = Configuration(1)
        loans = sorted(
            (l for l in loans if not l.number), key=lambda l: l.company.id)
        for company, c_loans in groupby(loans, key=lambda l: l.company):
            c_loans = list(c_loans)
            sequence = config.get_multivalue(
                'loan_sequence', company=company.id)
            for loan, number in zip(
                    c_loans, sequence.get_many(len(c_loans))):
                loan.number = number
        cls.save(loans)

    @classmethod
    @ModelView.button
    def calculate(cls, loans):
        cls.calculate_schedules(loans, gettext('loan.msg_reason_planned'))

    @classmethod
    @ModelView.button
    @Workflow.transition('cancelled')
    def cancel(cls, loans):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('draft')
    @reset_employee('submitted_by', 'approved_by')
    def draft(cls, loans):
        for loan in loans:
            if loan.transactions:
                raise DecisionError(gettext(
                        'loan.msg_loan_draft_booked', loan=loan.rec_name))
        # What a contract requires goes with its state
        cls.write(loans, {
                'state': 'draft',
                'submitter': None,
                'amount_approved': None,
                'decision_date': None,
                'contract_date': None,
                })

    @classmethod
    @ModelView.button
    @Workflow.transition('submitted')
    @set_employee('submitted_by')
    def submit(cls, loans):
        for loan in loans:
            loan.product.check_limits(
                loan, loan.amount_requested, loan.rate, loan.term)
            loan.amount_approved = loan.amount_requested
            loan.submitter = Transaction().user or None
        cls.save(loans)
        cls.set_number(loans)
        cls.calculate_schedules(loans, gettext('loan.msg_reason_planned'))

    @classmethod
    @ModelView.button
    @Workflow.transition('approved')
    @set_employee('approved_by')
    def approve(cls, loans):
        today = Pool().get('ir.date').today()
        for loan in loans:
            if loan.amount_approved is None:
                loan.amount_approved = loan.amount_requested
            loan.check_decision()
            loan.decision_date = today
            loan.contract_date = loan.contract_date or today
        cls.save(loans)
        cls.calculate_schedules(
            loans, gettext('loan.msg_reason_contract'), contract=True)
        cls.check_contracts(loans)

    def check_decision(self):
        "Another person than the submitter decides on large amounts"
        limit = self.product.four_eyes_amount
        user = Transaction().user
        if (limit is not None and self.amount_approved > limit
                and user and self.submitter
                and self.submitter.id == user):
            raise DecisionError(gettext(
                    'loan.msg_loan_four_eyes', loan=self.rec_name,
                    amount=limit))
        self.product.check_limits(
            self, self.amount_approved, self.rate, self.term)

    @classmethod
    def check_contracts(cls, loans):
        "Refuse contracts outside of the law, keep what they were checked by"
        loans = cls.browse(loans)
        for loan in loans:
            regulations = [
                r for r in loan.product.regulations
                if r.valid_on(loan.contract_date)]
            values = loan.regulated_values()
            for regulation in regulations:
                regulation.check_contract(loan, values)
            if loan.product.apr_max is not None and (
                    values['apr_max'] or 0) > loan.product.apr_max:
                raise LimitError(gettext(
                        'loan.msg_loan_limit_apr', loan=loan.rec_name,
                        product=loan.product.rec_name,
                        value=percent(values['apr_max']),
                        limit=percent(loan.product.apr_max)))
            loan.regulations = regulations
        cls.save(loans)

    def regulated_values(self):
        "Return what the loan has for each code of a regulation"
        months = {
            'day': Decimal(12) / 365, 'week': Decimal(12) / 52,
            'month': 1, 'year': 12}[self.frequency]
        return {
            'apr_max': self.apr,
            'rate_max': self.rate,
            'amount_max': self.amount_approved,
            'term_max': round(self.term * self.interval * Decimal(months), 2),
            'penalty_rate_max': self.penalty_rate,
            }

    @classmethod
    @ModelView.button
    @Workflow.transition('rejected')
    @set_employee('rejected_by')
    def reject(cls, loans):
        today = Pool().get('ir.date').today()
        for loan in loans:
            if not loan.reject_reason:
                raise DecisionError(gettext(
                        'loan.msg_loan_reject_reason', loan=loan.rec_name))
        cls.write(loans, {'decision_date': today})

    @classmethod
    @ModelView.button
    @Workflow.transition('withdrawn')
    def withdraw(cls, loans):
        pass

    @classmethod
    def load_applications(cls, vlist):
        """Create applications and take each to the decision taken on it.

        For scripts: vlist holds values for create, and 'decision': 'approve',
        'reject' (with reject_reason) or None.  Return the ids.
        """
        decisions, values = [], []
        for application in vlist:
            application = dict(application)
            decisions.append(application.pop('decision', None))
            values.append(application)
        for name in set(decisions) - {None}:
            cls.check_button(name)
        with check_access():
            loans = cls.create(values)
        with without_check_access():
            cls.submit(loans)
            for name, decide in [
                    ('approve', cls.approve), ('reject', cls.reject)]:
                decided = [l for l, d in zip(loans, decisions) if d == name]
                if decided:
                    decide(decided)
        return [l.id for l in loans]

    @classmethod
    @Workflow.transition('active')
    def activate(cls, loans):
        for loan in loans:
            loan.accrues = bool(loan.product.get_multivalue(
                    'account_accrued', company=loan.company.id))
            if loan.index_currency:
                loan.index_rate = loan.index_rate_on(loan.disbursement_date)
        cls.save(loans)

    @classmethod
    @Workflow.transition('closed')
    def close(cls, loans):
        pass

    @classmethod
    @Workflow.transition('written_off')
    def written_off(cls, loans):
        pass

    @classmethod
    @Workflow.transition('refinanced')
    def refinanced(cls, loans):
        pass

    @classmethod
    @Workflow.transition('active')
    def reopen(cls, loans):
        pass

    @classmethod
    @Workflow.transition('approved')
    def unpay(cls, loans):
        "What was paid out came back: the contract waits for its payout"
