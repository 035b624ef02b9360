# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What the reports tell is what the loans are."""
import datetime as dt
from decimal import Decimal as D

from dateutil.relativedelta import relativedelta

from trytond.modules.loan.tests.tools import create_product
from trytond.transaction import Transaction

from .case import ModelsCase

TODAY = dt.date.today()


class ReportingTestCase(ModelsCase):
    rolls_back = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.borrowed = create_product("Bank", side='borrowed')

    def lend(self, months, amount=D(1200), product=None, paid=0, start=None,
            **values):
        """Return a loan of some months ago.

        So many of its instalments are paid on time; start is its own day.
        """
        Loan = self.pool.get('loan.loan')
        method = self.pool.get('loan.payment.method')(self.method.id)
        start = start or TODAY - relativedelta(months=months, days=5)
        loan, = Loan.browse(Loan.load_applications([{
                        'party': self.party.id,
                        'product': (product or self.product).id,
                        'amount_requested': amount,
                        'application_date': start - dt.timedelta(days=4),
                        'disbursement_date': start,
                        'decision': 'approve',
                        **values}]))
        Loan.pay_out(loan, start, amount, method)
        loan = Loan(loan.id)
        for row in loan.instalments[:paid]:
            Loan.receive(Loan(loan.id), row.due_date, row.amount, method)
        return Loan(loan.id)

    def read(self, name, **context):
        Report = self.pool.get(f'loan.reporting.{name}')
        with Transaction().set_context(**context):
            return Report.search([])

    def test_applications(self):
        with self.transaction() as Loan:
            Employee = self.pool.get('company.employee')
            officer, = Employee.create([{
                        'party': self.party.id,
                        'company': Transaction().context['company']}])
            for decision, reason in [
                    ('approve', None), ('reject', "Income"), (None, None)]:
                Loan.load_applications([{
                            'party': self.party.id,
                            'product': self.product.id,
                            'amount_requested': D(500),
                            'application_date': TODAY - dt.timedelta(days=4),
                            'disbursement_date': TODAY,
                            'officer': officer.id,
                            'reject_reason': reason,
                            'decision': decision}])
            for name in ['application.month', 'application.product',
                    'officer']:
                with self.subTest(name):
                    row, = self.read(name)
                    self.assertEqual((
                            row.applications, row.approved, row.rejected,
                            row.pending), (3, 1, 1, 1))
                    self.assertEqual(
                        (row.requested, row.granted), (D(1500), D(500)))
                    self.assertEqual(row.approval_rate, D('.5'))
                    self.assertEqual(row.decision_days, 4)
            self.assertFalse(self.read('application.month', to_date=(
                        TODAY - dt.timedelta(days=9))))

    def test_portfolio(self):
        with self.transaction():
            good = self.lend(2, paid=2)
            late = self.lend(3, D(2400), term=24)
            owed = self.lend(1, D(6000), self.borrowed, paid=1)
            lent, borrowed = sorted(
                self.read('portfolio'), key=lambda r: r.side, reverse=True)
            self.assertEqual(lent.loans, 2)
            self.assertEqual(
                lent.outstanding, good.principal_outstanding + D(2400))
            self.assertEqual(
                borrowed.outstanding, owed.principal_outstanding)
            self.assertEqual(
                [lent.par_1, lent.par_30, lent.par_60, lent.par_90],
                [D(2400)] * 3 + [0])
            self.assertEqual(lent.overdue, late.amount_overdue)
            self.assertEqual(lent.par_30_rate, round(
                    D(2400) / lent.outstanding, 4))
            limit = TODAY + relativedelta(months=12)
            self.assertEqual(lent.long_term, sum(
                    r.principal for l in [good, late] for r in l.instalments
                    if r.due_date > limit))
            self.assertGreater(lent.long_term, 0)
            self.assertEqual(
                lent.short_term + lent.long_term, lent.outstanding)

    def test_collection(self):
        with self.transaction() as Loan:
            loan = self.lend(2, paid=1)
            first, second = loan.instalments[:2]
            method = self.pool.get('loan.payment.method')(self.method.id)
            Loan.receive(
                loan, second.due_date + dt.timedelta(days=3),
                second.amount / 2, method)
            late, early = self.read('collection')
            self.assertEqual(
                (early.expected, early.missing, early.deviation),
                (first.amount, 0, 0))
            self.assertEqual(late.expected, second.amount)
            self.assertEqual(late.missing, second.amount / 2)
            self.assertEqual(late.collection_rate, D('.5'))
            self.assertEqual(late.deviation, 3)

    def test_vintage(self):
        with self.transaction() as Loan:
            first = (TODAY - relativedelta(months=3)).replace(day=1)
            self.lend(3, start=first)
            lost = self.lend(3, start=first + dt.timedelta(days=1))
            Loan.write_off_loan(lost, TODAY, "Lost")
            self.lend(1, paid=1, start=first + relativedelta(months=2))
            new, old = self.read('vintage')
            self.assertEqual((old.loans, old.lent), (2, D(2400)))
            self.assertEqual(
                (old.par_30, old.written_off), (D(1200), D(1200)))
            self.assertEqual(old.loss_rate, 1)
            self.assertEqual(new.loss_rate, 0)

    def test_liquidity(self):
        with self.transaction():
            lent = self.lend(1)
            owed = self.lend(1, D(600), self.borrowed, paid=1)
            months = self.read('liquidity')
            self.assertEqual(len({m.id for m in months}), len(months))
            self.assertEqual(
                sum(m.incoming for m in months),
                sum(r.outstanding for r in lent.instalments))
            self.assertEqual(
                sum(m.outgoing for m in months),
                sum(r.outstanding for r in owed.instalments))
            self.assertEqual(
                months[-1].cumulated, sum(m.net for m in months))
            self.assertEqual(months[0].date, TODAY.replace(day=1))

    def test_profit(self):
        with self.transaction() as Loan:
            loan = self.lend(1, upfront_fee_amount=D(30))
            self.lend(1, D(600), self.borrowed)
            Loan.call(Loan.search([]))
            Loan.waive_of(
                Loan(loan.id), TODAY, 'interest', D(2), "Goodwill")
            rows = self.read('profit', from_date=None)
            totals = {}
            for row in rows:
                for name in ['interest', 'fee', 'loss', 'total']:
                    key = row.side, name
                    totals[key] = totals.get(key, 0) + getattr(row, name)
            self.assertEqual(totals['lent', 'interest'], D(12))
            self.assertEqual(totals['lent', 'fee'], D(30))
            self.assertEqual(totals['lent', 'loss'], D(2))
            self.assertEqual(totals['lent', 'total'], D(40))
            self.assertEqual(totals['borrowed', 'interest'], D(-6))
