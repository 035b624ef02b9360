# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What the tests of published cases through the models share."""
import unittest
from decimal import Decimal as D

from proteus import Model

from caravan.testing import activate_modules
from trytond.tests.test_tryton import drop_db

from . import replay
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

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cases = replay.load()
        cls.config = activate_modules('loan', setup_accounting)
        cls.addClassCleanup(drop_db)
        Party = Model.get('party.party')
        cls.party = Party(name="Borrower")
        cls.party.save()
        cls.method = get_method()

    def apply(self, amount, start, first_due, rate, term, terms=(), **values):
        "Return an application for a loan of a product with terms"
        terms = dict(terms)
        steps = terms.pop('steps', [])
        product = create_product(
            f'{self.id()} {terms}'[-60:], rate=rate, term=term or 12, **terms)
        Loan = Model.get('loan.loan')
        loan = Loan(party=self.party, product=product)
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
