# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What the tests of published cases through the models share."""
import unittest
from contextlib import contextmanager
from decimal import Decimal as D

from proteus import Model
from proteus import config as proteus_config

from caravan.testing import activate_modules, unvalidated
from trytond.modules.loan.engine import proof as replay
from trytond.pool import Pool
from trytond.tests.test_tryton import DB_NAME, drop_db
from trytond.transaction import Transaction

from .tools import create_product, get_method, setup_accounting

__all__ = ['CLASSIC', 'PROGRESSIVE', 'ModelsCase']

# The options of a product that follow Fineract's two kinds of loans
PROGRESSIVE = {
    'rounding': 'half_even', 'remainder': 'smooth',
    'interest_rounding': 'segment'}
CLASSIC = {
    'rounding': 'half_even', 'instalment_multiple': D(1),
    'annuity_basis': 'thirty'}


class ModelsCase(unittest.TestCase):
    "A company with a borrower and the cases by id"
    # Whether what the tests save is validated, which is half of their time
    validated = False
    # Whether the tests roll back: those of the next such class go on in the
    # same database
    rolls_back = False
    _kept = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cases = replay.load()
        if not (cls.rolls_back and cls._reuse()):
            cls._prepare()
        if not cls.rolls_back:
            cls.addClassCleanup(drop_db)
        if not cls.validated:
            cls.enterClassContext(unvalidated())

    @classmethod
    def _reuse(cls):
        "Return whether the database of the class before is still there"
        if not cls._kept or cls._kept[0] is not Pool._pools.get(DB_NAME):
            return False
        _, cls.party, cls.method, cls.product = cls._kept
        cls.config = proteus_config.set_trytond()
        return True

    @classmethod
    def _prepare(cls):
        cls.config = activate_modules('loan', setup_accounting)
        Party = Model.get('party.party')
        cls.party = Party(name="Borrower")
        cls.party.save()
        cls.method = get_method()
        cls.product = create_product()
        if cls.rolls_back:
            ModelsCase._kept = (
                Pool._pools[DB_NAME], cls.party, cls.method, cls.product)

    @contextmanager
    def transaction(self, commit=False):
        "Open a transaction that is rolled back, yield the loans"
        with Transaction().start(
                DB_NAME, 1, _lock_tables=[
                    'account_journal_period', 'ir_sequence',
                    'ir_sequence_strict', 'loan_product'],
                context={
                    'company': self.config.context['company'],
                    }) as current:
            self.pool = Pool()
            yield self.pool.get('loan.loan')
            if commit:
                current.commit()
            else:
                current.rollback()

    def apply(self, amount, start, first_due, rate, term, terms=(), **values):
        """Return an application for a loan with terms.

        They are agreed on in the loan: a product for each would cost more
        than all that is done with it.
        """
        terms = dict(terms)
        steps = terms.pop('steps', [])
        Loan = Model.get('loan.loan')
        loan = Loan(party=self.party, product=self.product)
        loan.rate, loan.term = rate, term or 12
        for name, value in terms.items():
            setattr(loan, name, value)
        loan.amount_requested = amount
        loan.application_date = loan.disbursement_date = start
        loan.first_due_date = first_due
        for name, value in values.items():
            setattr(loan, name, value)
        for step in steps:
            line = loan.steps.new()
            for name in ['number', 'rate', 'payment', 'deferral', 'balance']:
                setattr(line, name, getattr(step, name))
        loan.click('calculate')
        return loan

    def run_loan(self, payouts, *args, **values):
        "Return a loan paid out in payouts [(date, amount)]"
        (start, first), *others = payouts
        loan = self.apply(
            first + sum(amount for _, amount in others), start, *args,
            **values)
        loan.click('submit')
        loan.click('approve')
        for date, amount in payouts:
            disburse = loan.click('disburse')
            disburse.form.date = date
            disburse.form.amount = amount
            disburse.form.method = self.method
            disburse.execute('pay')
            loan.reload()
        return loan

    def pay(self, loan, date, amount):
        repay = loan.click('repay')
        repay.form.date = date
        repay.form.amount = amount
        repay.form.method = self.method
        repay.execute('pay')
        loan.reload()

    def pay_early(self, loan, date, amount, strategy):
        early = loan.click('early_repay')
        early.form.date = date
        early.form.amount = amount
        early.form.method = self.method
        early.execute('choose')
        early.form.strategy = strategy
        early.execute('pay')
        loan.reload()

    def reschedule(self, loan, date, **changes):
        reschedule = loan.click('reschedule')
        reschedule.form.date = date
        for name, value in changes.items():
            setattr(reschedule.form, name, value)
        reschedule.execute('preview')
        reschedule.execute('change')
        loan.reload()
