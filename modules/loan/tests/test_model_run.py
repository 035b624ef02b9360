# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The daily run: what it books, once, whatever day it was missed."""
import datetime as dt
from decimal import Decimal as D

from trytond.modules.account.tests.tools import get_accounts
from trytond.modules.company.tests.tools import get_company
from trytond.modules.loan.exceptions import BucketError
from trytond.modules.loan.tests.tools import create_account, create_product
from trytond.tests.test_tryton import DB_NAME
from trytond.transaction import Transaction
from trytond.worker import run_task

from .case import ModelsCase

START = dt.date(2024, 1, 15)


class RunCase(ModelsCase):
    "Loans and their daily run"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        accounts = {
            name: create_account(name, name.upper()) for name in [
                'accrued', 'short_term', 'provision']}
        accounts['impairment'] = get_accounts(get_company())['expense']
        cls.booked = create_product("Booked", penalty_grace=5, **{
                f'account_{name}': account
                for name, account in accounts.items()})

    def lend(self, amount=D(1200), product=None, **values):
        "Return a loan paid out on the start"
        Loan = self.pool.get('loan.loan')
        Method = self.pool.get('loan.payment.method')
        loan, = Loan.browse(Loan.load_applications([{
                        'party': self.party.id,
                        'product': (product or self.booked).id,
                        'amount_requested': amount,
                        'application_date': START,
                        'disbursement_date': START,
                        'decision': 'approve',
                        **values}]))
        Loan.pay_out(loan, START, amount, Method(self.method.id))
        return Loan(loan.id)


class RunTestCase(RunCase):
    rolls_back = True

    def receive(self, loan, date, amount):
        Method = self.pool.get('loan.payment.method')
        self.pool.get('loan.loan').receive(
            loan, date, amount, Method(self.method.id))

    def run_day(self, date):
        "Let the daily run of date do all it queues"
        transaction = Transaction()
        Queue = self.pool.get('ir.queue')
        transaction.tasks.clear()
        self.pool.get('loan.loan').run_day(date)
        while transaction.tasks:
            Queue(transaction.tasks.pop(0)).run()

    def balance(self, code):
        "Return what is posted on the account called code"
        Line = self.pool.get('account.move.line')
        return sum(
            (l.debit - l.credit for l in Line.search([
                        ('account.code', '=', code),
                        ('move.state', '=', 'posted'),
                        ])), D(0))

    def check_run(self, date):
        "Check that the run of date found the ledger to be right"
        run, = self.pool.get('loan.run').search([('date', '=', date)])
        self.assertEqual((run.differences, run.message), (0, None))

    def test_accrual(self):
        "Interest is earned by the day and called from what is accrued"
        with self.transaction() as Loan:
            loan = self.lend()
            self.run_day(dt.date(2024, 1, 31))
            loan = Loan(loan.id)
            # 1200 * 12 % / 12 * 16 / 31
            row, = loan.accruals
            self.assertEqual(row.amount, D('6.19'))
            self.assertEqual(
                (row.date_from, row.date_to), (START, dt.date(2024, 1, 31)))
            self.assertTrue(row.move)
            self.assertEqual(self.balance('ACCRUED'), D('6.19'))
            self.run_day(dt.date(2024, 1, 31))
            self.assertEqual(len(Loan(loan.id).accruals), 1)

            self.run_day(dt.date(2024, 3, 15))
            loan = Loan(loan.id)
            called = sum(r.interest for r in loan.instalments[:2])
            self.assertEqual(sum(a.amount for a in loan.accruals), called)
            self.assertEqual(len(loan.accruals), 2)
            self.assertEqual(self.balance('ACCRUED'), 0)
            self.assertEqual(
                [t.number_called for t in loan.transactions
                    if t.type == 'demand'], [2, 1])
            self.check_run(dt.date(2024, 3, 15))

    def test_accrual_corrected(self):
        "A new plan takes back what it does not bear, the end leaves nothing"
        date = dt.date(2024, 2, 5)
        with self.transaction() as Loan:
            Method = self.pool.get('loan.payment.method')
            loan = self.lend(D(12000))
            self.run_day(date)
            before = self.balance('ACCRUED')
            Loan.change_rate_of(Loan(loan.id), START, D('.06'), None)
            self.run_day(date)
            self.assertAlmostEqual(
                self.balance('ACCRUED'), before / 2, delta=D('.01'))
            loan = Loan(loan.id)
            Loan.pay_early(
                loan, date, loan.pay_off_quote(date).total, None,
                Method(self.method.id))
            self.assertEqual(Loan(loan.id).state, 'closed')
            self.run_day(dt.date(2024, 2, 6))
            self.assertEqual(self.balance('ACCRUED'), 0)
            self.check_run(dt.date(2024, 2, 6))

    def test_accrual_written_off(self):
        "What was earned of a lost loan and not called is taken back"
        with self.transaction() as Loan:
            loan = self.lend()
            self.run_day(dt.date(2024, 3, 1))
            self.assertGreater(self.balance('ACCRUED'), 0)
            Loan.write_off_loan(Loan(loan.id), dt.date(2024, 3, 1), "Lost")
            self.run_day(dt.date(2024, 3, 2))
            self.assertEqual(self.balance('ACCRUED'), 0)
            self.check_run(dt.date(2024, 3, 2))

    def test_accrual_unpaid(self):
        "A payout that is undone earned nothing"
        with self.transaction() as Loan:
            loan = self.lend()
            self.run_day(dt.date(2024, 1, 31))
            Loan.reverse_transactions([
                    t for t in Loan(loan.id).transactions
                    if t.type == 'disbursement'])
            Loan.withdraw([Loan(loan.id)])
            self.run_day(dt.date(2024, 2, 1))
            self.assertEqual(self.balance('ACCRUED'), 0)

    def test_not_accrued(self):
        "Without its account interest is booked when it falls due"
        with self.transaction() as Loan:
            loan = self.lend(product=self.product)
            self.run_day(dt.date(2024, 1, 31))
            loan = Loan(loan.id)
            self.assertFalse(loan.accrues)
            row, = loan.accruals
            self.assertEqual((row.amount, row.move), (D('6.19'), None))
            self.assertEqual(self.balance('ACCRUED'), 0)

    def test_accrual_put_off(self):
        "Interest that is put off is earned before it falls due"
        with self.transaction() as Loan:
            loan = self.lend(grace_interest=2)
            self.run_day(dt.date(2024, 3, 15))
            loan = Loan(loan.id)
            self.assertEqual(
                sum(a.amount for a in loan.accruals),
                loan.instalments[1].pending)
            self.run_day(dt.date(2024, 4, 15))
            loan = Loan(loan.id)
            self.assertEqual(
                sum(a.amount for a in loan.accruals),
                loan.instalments[2].interest)
            self.assertEqual(self.balance('ACCRUED'), 0)

    def test_provision(self):
        "What is late is provided for by its bucket, payment releases it"
        with self.transaction() as Loan:
            Bucket = self.pool.get('loan.bucket')
            for bucket in Bucket.search([]):
                Bucket.write(
                    [bucket], {'provision_rate': D(bucket.days_from) / 100})
            loan = self.lend()
            self.run_day(dt.date(2024, 2, 16))
            row, = Loan(loan.id).provisions
            self.assertEqual(row.bucket.days_from, 1)
            self.assertEqual(row.target, D('12.00'))
            self.run_day(dt.date(2024, 4, 1))
            row, *_ = Loan(loan.id).provisions
            self.assertEqual(row.bucket.days_from, 31)
            self.assertEqual((row.target, row.amount), (D(372), D(360)))
            self.assertEqual(self.balance('PROVISION'), D(-372))
            self.run_day(dt.date(2024, 4, 1))
            loan = Loan(loan.id)
            self.assertEqual(len(loan.provisions), 2)
            self.receive(
                loan, dt.date(2024, 4, 2), loan.instalments[0].amount * 2)
            self.run_day(dt.date(2024, 4, 2))
            self.assertEqual(self.balance('PROVISION'), 0)

    def test_provision_written_off(self):
        "A loss goes to the provisions where the product says so"
        with self.transaction() as Loan:
            Product = self.pool.get('loan.product')
            Bucket = self.pool.get('loan.bucket')
            Bucket.write(Bucket.search([]), {'provision_rate': D('.5')})
            product = Product(self.booked.id)
            product.account_write_off = product.account_provision
            product.save()
            loan = self.lend()
            self.run_day(dt.date(2024, 2, 16))
            self.assertEqual(self.balance('PROVISION'), -600)
            Loan.write_off_loan(Loan(loan.id), dt.date(2024, 2, 16), "Lost")
            self.assertEqual(self.balance('PROVISION'), 600)
            self.run_day(dt.date(2024, 2, 17))
            self.assertEqual(self.balance('PROVISION'), 0)

    def test_buckets_apart(self):
        with self.transaction(), self.assertRaisesRegex(
                BucketError, "overlap"):
            Bucket = self.pool.get('loan.bucket')
            buckets = Bucket.create([
                    {'name': "Again", 'days_from': 20, 'days_to': 40}])
            Bucket.check_apart(buckets)

    def test_penalties(self):
        "Penalties of a day are one move, charged once, after the grace"
        with self.transaction() as Loan:
            loans = [
                self.lend(D(1200) + n, penalty_rate=D('.365'),
                    penalty_grace=5) for n in range(3)]
            self.run_day(dt.date(2024, 2, 20))
            self.assertEqual(len(Loan(loans[0].id).charges), 0)
            for _ in range(2):
                self.run_day(dt.date(2024, 2, 21))
            moves = set()
            for loan in Loan.browse(loans):
                charge, = loan.charges
                due = loan.instalments[0].amount
                self.assertEqual(charge.amount, round(due * 6 / 1000, 2))
                moves.update(
                    t.move for t in loan.transactions if t.type == 'penalty')
            self.assertEqual(len(moves), 1)
            self.check_run(dt.date(2024, 2, 21))

    def test_period_end(self):
        "What falls due within a year is on its account, after a miss as well"
        with self.transaction() as Loan:
            loan = self.lend(D(24000), term=24)
            self.run_day(dt.date(2024, 1, 30))
            self.assertEqual(self.balance('SHORT_TERM'), 0)
            self.run_day(dt.date(2024, 2, 1))
            rows = Loan(loan.id).instalments
            self.assertEqual(
                self.balance('SHORT_TERM'),
                sum(r.principal for r in rows[:12]))
            self.receive(loan, dt.date(2024, 2, 15), rows[0].amount)
            self.run_day(dt.date(2024, 2, 29))
            self.assertEqual(
                self.balance('SHORT_TERM'),
                sum(r.principal for r in rows[1:13]))
            self.check_run(dt.date(2024, 2, 29))

    def test_period_end_broken(self):
        "A month is closed by the next run when one broke off"
        with self.transaction() as Loan:
            self.lend()
            Loan.run_day(dt.date(2024, 1, 31))
            Transaction().tasks.clear()
            self.run_day(dt.date(2024, 2, 1))
            self.assertEqual(self.balance('SHORT_TERM'), D(1200))

    def test_foreign(self):
        "Principal in another currency is worth what the month ends with"
        with self.transaction():
            Rate = self.pool.get('currency.currency.rate')
            Currency = self.pool.get('currency.currency')
            Product = self.pool.get('loan.product')
            Account = self.pool.get('account.account')
            Configuration = self.pool.get('account.configuration')
            euro, = Currency.create([{
                        'name': "Euro", 'symbol': "€", 'code': 'EUR'}])
            Rate.create([
                    {'currency': euro.id, 'date': date, 'rate': rate}
                    for date, rate in [
                        (dt.date(2024, 1, 1), D('.5')),
                        (dt.date(2024, 1, 31), D('.8'))]])
            config = Configuration(1)
            config.currency_exchange_debit_account, = Account.search([
                    ('code', '=', 'PROVISION')])
            config.save()
            product, = Product.copy(
                [Product(self.product.id)], {'currency': euro.id})
            self.lend(D(1000), product=product)
            self.assertEqual(self.balance('LOAN'), D(2000))
            for _ in range(2):
                self.run_day(dt.date(2024, 1, 31))
                self.assertEqual(self.balance('LOAN'), D(1250))
                self.assertEqual(self.balance('PROVISION'), D(750))


class UnbookableTestCase(RunCase):
    "What fails is committed apart, and so is this test"

    def test_broken(self):
        "One loan that cannot be booked leaves the others alone"
        broken = create_product("Broken")
        loans = []
        for product in [broken, self.booked]:
            with self.transaction(commit=True):
                loans.append(self.lend(product=product).id)
        broken.account_interest = None
        broken.save()
        with self.transaction(commit=True):
            Transaction().tasks.clear()
            self.pool.get('loan.loan').run_day(dt.date(2024, 2, 15))
        while Transaction().tasks:
            run_task(DB_NAME, Transaction().tasks.pop(0))
        with self.transaction(commit=True) as Loan:
            self.assertEqual([
                    'demand' in {t.type for t in loan.transactions}
                    for loan in Loan.browse(loans)], [False, True])
            Error = self.pool.get('ir.error')
            self.assertTrue([
                    e for e in Error.search([]) if "Broken" in e.message])
