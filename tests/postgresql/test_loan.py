# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Two clerks at one loan at the same moment."""
import datetime as dt
import random
from decimal import Decimal as D

from proteus import Model
from proteus import config as proteus_config

from caravan.testing.concurrency import PostgreSQLTestCase, before_lock
from trytond.modules.loan.tests.tools import (
    create_product, get_method, setup_accounting)
from trytond.pool import Pool

ROUNDS = 200
LOANS = 40


class LoanTestCase(PostgreSQLTestCase):
    "Test loans that two clerks work on"
    modules = ['loan']

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        config = proteus_config.set_trytond()
        setup_accounting(config=config)
        product = create_product(config=config)
        cls.company = config.context['company']
        cls.method = get_method(config=config).id
        cls.today = dt.date.today()
        Party = Model.get('party.party', config=config)
        party = Party(name="Borrower")
        party.save()
        start = cls.today - dt.timedelta(days=100)
        Loan = Model.get('loan.loan', config=config)
        cls.loans = Loan._proxy.load_applications([{
                    'party': party.id, 'product': product.id,
                    'amount_requested': D('90000.00'),
                    'application_date': start, 'disbursement_date': start,
                    'decision': 'approve'}] * (LOANS + 1), config.context)
        Loan._proxy.book_payouts([{
                    'loan': loan, 'date': start, 'amount': D('90000.00'),
                    'method': cls.method, 'key': None}
                for loan in cls.loans], config.context)
        cls.other = cls.loans.pop()

    def book(self, loan, amount, date, key):
        def book():
            Loan = Pool().get('loan.loan')
            Method = Pool().get('loan.payment.method')
            return Loan.receive(
                Loan(loan), date, amount, Method(self.method), key=key).id
        return lambda: self.transact(
            book, context={'company': self.company})

    def state(self):
        "Return {loan: (paid, settled)} and the differences to the ledger"
        def read():
            pool = Pool()
            Loan = pool.get('loan.loan')
            Company = pool.get('company.company')
            return {
                loan.id: (
                    loan.amount_paid, sum(i.paid for i in loan.instalments))
                for loan in Loan.browse(self.loans)
                }, Loan.ledger_differences(Company(self.company))
        return self.transact(read, context={'company': self.company})

    def test_two_clerks(self):
        "No payment is lost, none is doubled, each balance is right"
        random_ = random.Random(3)
        expected = dict.fromkeys(self.loans, D(0))
        for number in range(ROUNDS):
            loan = self.loans[number % LOANS]
            same = random_.random() < .1
            payments = {}
            for clerk in range(2):
                key = f'{number}' if same else f'{number}-{clerk}'
                payments.setdefault(key, (
                        D(random_.randrange(1, 50000)) / 100,
                        self.today - dt.timedelta(
                            days=random_.choice([0, 0, 0, 1, 5, 40]))))
            expected[loan] += sum(amount for amount, _ in payments.values())
            calls = [
                self.book(loan, *payments[key], key) for key in payments]
            self.assertNoError(self.together(*(calls * (3 - len(calls)))))
        balances, differences = self.state()
        self.assertEqual(
            balances, {loan: (e, e) for loan, e in expected.items()})
        self.assertEqual(differences, [])

    def test_last_moment(self):
        "Who waited for the loan sees what was booked meanwhile"
        def book(key):
            return self.book(self.other, D('12.34'), self.today, key)
        book('first')()
        with before_lock('loan_loan', book('last')) as results:
            self.assertEqual(book('last')(), results[0])


del PostgreSQLTestCase
