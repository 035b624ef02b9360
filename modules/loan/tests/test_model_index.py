# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Loans agreed on in one currency and paid in another, worked by hand."""
import datetime as dt
from decimal import Decimal as D

from trytond.modules.loan.exceptions import PostingError
from trytond.modules.loan.tests.tools import create_account
from trytond.transaction import Transaction

from .case import ModelsCase

START = dt.date(2024, 1, 1)
FIRST = dt.date(2024, 2, 1)
SECOND = dt.date(2024, 3, 1)


class IndexTestCase(ModelsCase):
    "1200 in 12 without interest, lent when 1 is worth 2"
    rolls_back = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gain = create_account("Gain", 'GAIN')
        cls.loss = create_account("Loss", 'LOSS')

    def lend(self, rule, rates, **values):
        """Return a loan that follows a currency by rule.

        rates are {date: what a unit of it is worth}.
        """
        Loan = self.pool.get('loan.loan')
        Currency = self.pool.get('currency.currency')
        config = self.pool.get('account.configuration')(1)
        config.currency_exchange_credit_account = self.gain.id
        config.currency_exchange_debit_account = self.loss.id
        config.save()
        currency, = Currency.create([{
                    'name': "Index", 'symbol': "I", 'code': 'IDX',
                    'rates': [('create', [
                                {'date': date, 'rate': 1 / D(rate)}
                                for date, rate in rates.items()])]}])
        loan, = Loan.browse(Loan.load_applications([{
                        'party': self.party.id,
                        'product': self.product.id,
                        'amount_requested': D(1200), 'rate': D(0),
                        'application_date': START,
                        'disbursement_date': START,
                        'index_currency': currency.id, 'index_rule': rule,
                        'decision': 'approve', **values}]))
        Loan.pay_out(loan, START, D(1200), self.till)
        return Loan(loan.id)

    @property
    def till(self):
        return self.pool.get('loan.payment.method')(self.method.id)

    def balance(self, code):
        Line = self.pool.get('account.move.line')
        return sum((l.debit - l.credit for l in Line.search([
                        ('account.code', '=', code),
                        ('move.state', '=', 'posted')])), D(0))

    def check(self, loan, outstanding, gain=0, loss=0):
        "Check what is outstanding by the plan, and the exchange so far"
        Loan = self.pool.get('loan.loan')
        Company = self.pool.get('company.company')
        loan = Loan(loan.id)
        self.assertEqual(loan.principal_outstanding, D(outstanding))
        self.assertEqual(self.balance('GAIN'), -D(gain))
        self.assertEqual(self.balance('LOSS'), D(loss))
        self.assertEqual(Loan.ledger_differences(
                Company(Transaction().context['company'])), [])
        return loan

    def test_amounts(self):
        "Both amounts are told, and what an instalment comes to today"
        with self.transaction():
            loan = self.lend('due', {START: 2, FIRST: 3})
            self.assertEqual(loan.index_rate, 2)
            self.assertEqual(loan.index_outstanding, D(600))
            row = loan.instalments[0]
            self.assertEqual((row.amount, row.index_amount), (D(100), D(50)))
            self.assertEqual(row.amount_now, D(150))

    def test_due(self):
        "An instalment is called at the rate of its day and then stays so"
        rates = {START: 2, FIRST: 3, dt.date(2024, 2, 10): 4, SECOND: 1}
        with self.transaction() as Loan:
            loan = self.lend('due', rates)
            Loan.call([loan], FIRST)
            loan = self.check(loan, 1200, gain=50)
            self.assertEqual(loan.due_on(FIRST), D(150))
            Loan.receive(loan, dt.date(2024, 2, 12), D(150), self.till)
            loan = self.check(loan, 1100, gain=50)
            self.assertEqual(loan.due_on(FIRST), 0)
            Loan.call([loan], SECOND)
            loan = self.check(loan, 1050, gain=50, loss=50)
            self.assertEqual(loan.due_on(SECOND), D(50))

    def test_payment(self):
        "Money counts at the rate of its day, part by part"
        rates = {START: 2, FIRST: 3, dt.date(2024, 2, 10): 1}
        with self.transaction() as Loan:
            loan = self.lend('payment', rates)
            Loan.receive(loan, FIRST, D(60), self.till)
            loan = self.check(loan, 1160, gain=20)
            payment = Loan.receive(
                loan, dt.date(2024, 2, 12), D(30), self.till)
            loan = self.check(loan, 1100, gain=20, loss=30)
            self.assertEqual(loan.instalments[0].outstanding, 0)
            Loan.reverse_transactions([payment])
            loan = self.check(loan, 1160, gain=20)
            with self.assertRaisesRegex(PostingError, "follows a currency"):
                Loan.receive(loan, dt.date(2024, 1, 20), D(5), self.till)

    def test_profit(self):
        "Exchange is told apart from fees, gains and losses alike"
        rates = {START: 2, FIRST: 3, dt.date(2024, 2, 10): 1}
        with self.transaction() as Loan:
            loan = self.lend('payment', rates)
            Loan.receive(loan, FIRST, D(60), self.till)
            Loan.receive(loan, dt.date(2024, 2, 12), D(30), self.till)
            rows = self.pool.get('loan.reporting.profit').search([])
            self.assertEqual(
                [sum(getattr(row, name) for row in rows)
                    for name in ['exchange', 'fee', 'total']],
                [D(-10), 0, D(-10)])

    def test_early(self):
        "What is paid early takes the rate of its day, to the last cent"
        for rate, early, left, total in [
                (3, D(300), D(1000), D(1500)), (1, D(100), D(1000), D(500))]:
            with self.subTest(rate), self.transaction() as Loan:
                date = dt.date(2024, 1, 20)
                loan = self.lend('due', {START: 2, date: rate})
                Loan.pay_early(loan, date, early, 'instalment', self.till)
                exchange = {'gain': 100} if rate == 3 else {'loss': 100}
                loan = self.check(loan, left, **exchange)
                self.assertEqual(
                    sum(r.principal for r in loan.instalments), left)
                quote = loan.pay_off_quote(date)
                self.assertEqual(quote.total, total)
                Loan.pay_early(loan, date, total, None, self.till)
                exchange = {'gain': 600} if rate == 3 else {'loss': 600}
                loan = self.check(loan, 0, **exchange)
                self.assertEqual(loan.state, 'closed')

    def test_tranche(self):
        with self.transaction() as Loan:
            loan = self.lend('due', {START: 2})
            with self.assertRaisesRegex(PostingError, "at once"):
                Loan.pay_out(loan, START, D(1), self.till)
