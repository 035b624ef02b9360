# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Loans booked in any order end where those in order of dates do."""
import datetime as dt
from decimal import Decimal as D

from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from caravan.testing import examples

from .case import ModelsCase

AMOUNT = D('1200.00')
START = dt.date(2024, 1, 10)
payments = st.lists(
    st.tuples(
        st.integers(1, 330), st.integers(100, 15000).map(
            lambda cents: D(cents) / 100)), max_size=4)


class ReplayTestCase(ModelsCase):
    rolls_back = True

    def make(self):
        Loan = self.pool.get('loan.loan')
        Method = self.pool.get('loan.payment.method')
        ids = Loan.load_applications([{
                    'party': self.party.id, 'product': self.product.id,
                    'amount_requested': AMOUNT, 'application_date': START,
                    'disbursement_date': START, 'decision': 'approve'}])
        loan, = Loan.browse(ids)
        Loan.pay_out(loan, START, AMOUNT, Method(self.method.id))
        return loan.id

    def book(self, loan, days, amount, strategy=None):
        Loan = self.pool.get('loan.loan')
        Method = self.pool.get('loan.payment.method')
        date = START + dt.timedelta(days=days)
        loan, method = Loan(loan), Method(self.method.id)
        if strategy:
            return Loan.pay_early(loan, date, amount, strategy, method)
        return Loan.receive(loan, date, amount, method)

    def amount(self, loan, days, cents):
        "Return what is due and cents more, reject what is too much"
        Loan = self.pool.get('loan.loan')
        date = START + dt.timedelta(days=days)
        Loan.call([Loan(loan)], date)
        loan = Loan(loan)
        amount = loan.due_on(date) + D(cents) / 100
        # Payments that follow must find something left to pay
        assume(amount + 600 < loan.pay_off_quote(date).total)
        return amount

    def state(self, loan):
        Loan = self.pool.get('loan.loan')
        Loan.call([Loan(loan)], START + dt.timedelta(days=366))
        loan = Loan(loan)
        self.assertEqual(
            sum(i.amount for i in loan.open_items()
                if i.component == 'principal'), loan.principal_outstanding)
        self.assertEqual(
            sum(i.amount for i in loan.open_items()),
            sum(r.outstanding for r in loan.instalments))
        totals = {
            what: sum(
                total[kind] for kind in ['settle', 'advance'])
            for what, total in loan.totals().items()}
        return (
            [(r.number, r.due_date, r.principal, r.interest, r.closing)
                for r in loan.instalments],
            {what: amount for what, amount in totals.items() if amount},
            loan.principal_outstanding, loan.amount_paid, loan.state)

    def check_ledger(self):
        Loan = self.pool.get('loan.loan')
        Company = self.pool.get('company.company')
        self.assertEqual(
            Loan.ledger_differences(
                Company(self.config.context['company'])), [])

    @settings(
        max_examples=examples(6), deadline=None, phases=[
            Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck))
    @given(payments, st.integers(1, 200), st.integers(100, 40000),
        st.sampled_from(['term', 'instalment', 'next']), st.randoms())
    def test_order(self, given, day, cents, strategy, random):
        "Back-dated payments and early payments end as the forward run"
        with self.transaction():
            before = [p for p in given if p[0] < day]
            after = [p for p in given if p[0] > day]
            forward, shuffled = self.make(), self.make()
            for event in sorted(before):
                self.book(forward, *event)
            early = (day, self.amount(forward, day, cents), strategy)
            for event in [early, *sorted(after)]:
                self.book(forward, *event)
            random.shuffle(after)
            first, rest = after[::2], after[1::2]
            past = before + first
            random.shuffle(past)
            for event in [*past, early, *rest]:
                self.book(shuffled, *event)
            self.assertEqual(self.state(shuffled), self.state(forward))
            self.check_ledger()

    @settings(
        max_examples=examples(6), deadline=None, phases=[
            Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck))
    @given(payments, st.integers(1, 200), st.integers(100, 40000),
        st.sampled_from(['term', 'instalment', 'next', 'pay_off']))
    def test_reversal(self, given, day, cents, strategy):
        "What is reversed leaves the loan as it would be without it"
        with self.transaction() as Loan:
            plain, undone = self.make(), self.make()
            before = sorted(p for p in given if p[0] < day)
            after = sorted(p for p in given if p[0] > day)
            for event in before:
                self.book(undone, *event)
            date = START + dt.timedelta(days=day)
            amount = self.amount(undone, day, cents)
            if strategy == 'pay_off':
                Loan.call([Loan(undone)], date)
                amount = Loan(undone).pay_off_quote(date).total
            early = self.book(undone, day, amount, strategy)
            if strategy != 'pay_off':
                for event in after:
                    self.book(undone, *event)
            else:
                after = []
            Loan.reverse_transactions([early])
            for event in before + after:
                self.book(plain, *event)
            self.assertEqual(self.state(undone), self.state(plain))
            self.check_ledger()

    def test_late_advance(self):
        "What is paid late for what was due later still lowers the plan"
        payments = [(5, D('1.31')), (99, D('137.24')), (226, D('5.09'))]
        with self.transaction():
            forward, late = self.make(), self.make()
            early = (6, D('167.37'), 'next')
            for event in [payments[0], early, *payments[1:]]:
                self.book(forward, *event)
            for event in [*payments[1:], payments[0], early]:
                self.book(late, *event)
            self.assertEqual(self.state(late), self.state(forward))
            self.check_ledger()

    def test_late_advance_reversed(self):
        "What was paid late stays once the early payment is undone"
        payments = [(5, D('1.31')), (99, D('137.24')), (226, D('5.09'))]
        with self.transaction() as Loan:
            for strategy in ['term', 'instalment', 'next']:
                with self.subTest(strategy):
                    plain, undone = self.make(), self.make()
                    for event in payments:
                        self.book(plain, *event)
                    for event in [payments[1], payments[0]]:
                        self.book(undone, *event)
                    early = self.book(undone, 6, D('167.37'), strategy)
                    self.book(undone, *payments[2])
                    Loan.reverse_transactions([early])
                    self.assertEqual(self.state(undone), self.state(plain))
                    self.check_ledger()

    def test_reversal_planned(self):
        "What a plan took as paid early is taken out of it again"
        with self.transaction() as Loan:
            loan = self.make()
            payment = self.book(loan, 1, D('38.46'))
            Loan.change_rate_of(
                Loan(loan), START + dt.timedelta(days=5), D('.24'), None)
            self.state(loan)
            Loan.reverse_transactions([payment])
            rows, _, outstanding, *_ = self.state(loan)
            self.assertEqual(outstanding, AMOUNT)
            self.assertEqual(sum(row[2] for row in rows), AMOUNT)
            self.check_ledger()

    def test_payout_and_write_off(self):
        "What was paid out by mistake comes back, a write-off is undone"
        with self.transaction() as Loan:
            Method = self.pool.get('loan.payment.method')
            loan = Loan(self.make())
            Loan.call([loan])
            Loan.reverse_transactions([
                    t for t in Loan(loan.id).transactions
                    if t.type == 'disbursement'])
            loan = Loan(loan.id)
            self.assertEqual(loan.state, 'approved')
            self.assertEqual(loan.principal_outstanding, 0)
            self.check_ledger()
            date = START + dt.timedelta(days=10)
            Loan.pay_out(loan, date, AMOUNT, Method(self.method.id))
            loan = Loan(loan.id)
            self.assertEqual(loan.state, 'active')
            self.assertLess(loan.instalments[0].interest, D('12.00'))
            self.assertEqual(loan.principal_outstanding, AMOUNT)

            self.book(loan.id, 60, D('50.00'))
            Loan.write_off_loan(Loan(loan.id), dt.date(2024, 6, 1), "Lost")
            loan = Loan(loan.id)
            self.assertEqual(loan.state, 'written_off')
            Loan.reverse_transactions([
                    t for t in loan.transactions if t.type == 'write_off'])
            loan = Loan(loan.id)
            self.assertEqual(loan.state, 'active')
            self.assertEqual(
                loan.principal_outstanding, AMOUNT - sum(
                    a.amount for t in loan.transactions for a in t.allocations
                    if t.type == 'repayment' and a.component == 'principal'))
            self.check_ledger()
