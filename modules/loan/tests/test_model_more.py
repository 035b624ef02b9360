# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Further sources and cases worked by hand, through the models."""
import datetime as dt
from decimal import Decimal as D

from trytond.modules.loan import engine

from .case import CLASSIC, PROGRESSIVE, ModelsCase


class MoreTestCase(ModelsCase):

    def amounts(self, rows):
        return [(r.principal, r.interest, r.closing) for r in rows]

    def test_flat_total(self):
        "1250 * 15 % * 4 / 12 = 62.50, whatever the instalments round"
        # apache/fineract 4198b0bc, LoanRepayment.feature:3129
        rows = self.apply(
            D(1250), dt.date(2023, 9, 1), None, D('.15'), 4,
            {'method': 'flat', **CLASSIC}).instalments
        self.assertEqual([r.interest for r in rows], [
                D('15.62'), D('15.62'), D('15.62'), D('15.64')])
        self.assertEqual([r.amount for r in rows], [
                D('328.00'), D('328.00'), D('328.00'), D('328.50')])

    def test_equal_principal(self):
        # apache/fineract 4198b0bc, LoanRepayment.feature:407
        rows = self.apply(
            D(5000), dt.date(2022, 11, 1), None, D('.12'), 18,
            {'method': 'equal_principal', 'rounding': 'half_even'}
            ).instalments
        self.assertEqual({r.principal for r in rows[:-1]}, {D('277.78')})
        self.assertEqual(rows[-1].amount, D('280.52'))
        self.assertEqual(sum(r.interest for r in rows), D('475.00'))

    def test_new_rate(self):
        "The rate falls from 7 to 4 % on a due date and within a period"
        # apache/fineract 4198b0bc, ProgressiveEMICalculatorTest.java:397,441
        for date, first, last in [
                (dt.date(2024, 2, 1), ('16.88', '0.28'), '16.89'),
                (dt.date(2024, 2, 14), ('16.90', '0.37'), '16.90')]:
            with self.subTest(date):
                loan = self.run_loan(
                    [(dt.date(2024, 1, 1), D(100))], None, D('.07'), 6,
                    PROGRESSIVE)
                self.pay(loan, dt.date(2024, 2, 1), D('17.01'))
                change = loan.click('change_rate')
                change.form.date = date
                change.form.rate = D('.04')
                change.execute('change')
                loan.reload()
                rows = loan.instalments
                self.assertEqual(
                    (rows[1].amount, rows[1].interest),
                    tuple(map(D, first)))
                self.assertEqual(rows[-1].amount, D(last))

    def test_fewer_instalments(self):
        # apache/fineract 4198b0bc, LoanRepayment.feature:1004
        loan = self.run_loan(
            [(dt.date(2022, 11, 1), D(5000))], None, D('.12'), 6,
            {'day_count': 'act_365', **CLASSIC})
        for on, amount in [
                (dt.date(2022, 12, 1), D(1000)),
                (dt.date(2023, 1, 1), D(2000))]:
            self.pay_early(loan, on, amount, 'term')
        self.assertEqual(self.amounts(loan.instalments[2:]), [
                (D('840.69'), D('21.31'), D('1249.90')),
                (D('850.49'), D('11.51'), D('399.41')),
                (D('399.41'), D('4.07'), D('0.00'))])

    def test_pay_off(self):
        "To the day, to the end of the period"
        # apache/fineract 4198b0bc, Loan.feature:5539,5598
        for rest, total in [('day', D('83.81')), ('period', D('84.06'))]:
            with self.subTest(rest):
                loan = self.run_loan(
                    [(dt.date(2024, 1, 1), D(100))], None, D('.07'), 6,
                    {'early_rest': rest, **PROGRESSIVE})
                self.pay(loan, dt.date(2024, 2, 1), D('17.01'))
                self.pay_early(
                    loan, dt.date(2024, 2, 15), total, 'pay_off')
                self.assertEqual(loan.state, 'closed')

    def test_grace_amid(self):
        "One instalment without principal, the loan one instalment longer"
        # apache/fineract 4198b0bc, LoanReschedule.feature:193
        loan = self.run_loan(
            [(dt.date(2023, 7, 1), D(3000))], None, D(0), 3)
        self.pay(loan, dt.date(2023, 8, 1), D(1000))
        self.reschedule(loan, dt.date(2023, 8, 10), grace=1, extra=1)
        self.assertEqual(
            [r.principal for r in loan.instalments],
            [D(1000), D(0), D(1000), D(1000)])

    def test_equal_periods(self):
        "The effective rate of the Union by months, whatever their days"
        # (1 + 0.12 / 12) ** 12 - 1
        for start in [dt.date(2023, 1, 31), dt.date(2024, 2, 29)]:
            loan = self.apply(
                D(100000), start, None, D('.12'), 24,
                {'apr_method': 'eu_periods'})
            self.assertEqual(
                engine.round_to(loan.apr, D('.00001')), D('.12683'))
        by_days = self.apply(
            D(100000), dt.date(2023, 1, 31), None, D('.12'), 24)
        self.assertNotEqual(by_days.apr, loan.apr)

    def test_rate_kept(self):
        "The rate after an early payment is told by the method before it"
        for method in ['eu', 'eu_periods', 'us']:
            loan = self.run_loan(
                [(dt.date(2024, 1, 1), D(12000))], None, D('.12'), 12,
                {'apr_method': method})
            early = loan.click('early_repay')
            early.form.date = dt.date(2024, 1, 1)
            early.form.amount = D(3000)
            early.form.method = self.method
            early.execute('choose')
            rates = [o.apr for o in early.form.outcomes]
            self.assertLess(max(rates) - min(rates), D('.0005'), method)
            self.assertAlmostEqual(
                rates[0], {'us': D('.12')}.get(method, D('.1268')),
                delta=D('.0005'))

    def test_month_ends(self):
        "Due dates of a product as it comes never drift"
        for start, expected in [
                ((2023, 12, 31), [(1, 31), (2, 29), (3, 31), (4, 30)]),
                ((2023, 12, 30), [(1, 30), (2, 29), (3, 30), (4, 30)]),
                ((2024, 1, 30), [(2, 29), (3, 30), (4, 30), (5, 30)]),
                ((2024, 1, 31), [(2, 29), (3, 31), (4, 30), (5, 31)])]:
            with self.subTest(start):
                loan = self.run_loan(
                    [(dt.date(*start), D(400))], None, D('.12'), 4)
                self.assertEqual(
                    [r.due_date for r in loan.instalments],
                    [dt.date(2024, *due) for due in expected])
                self.assertEqual(loan.instalments[0].interest, D(4))
                self.reschedule(loan, dt.date(*start), extra=1)
                self.assertEqual(
                    [r.due_date for r in loan.instalments[:4]],
                    [dt.date(2024, *due) for due in expected])

    def test_late_payout(self):
        "What is paid out later than planned falls due as planned"
        late = dt.date(2024, 2, 2)
        for told in [False, True]:
            with self.subTest(told=told):
                loan = self.apply(
                    D(400), dt.date(2024, 1, 30), None, D('.12'), 4)
                planned = [r.due_date for r in loan.instalments]
                loan.click('submit')
                loan.click('approve')
                if told:
                    loan.disbursement_date = late
                    loan.save()
                disburse = loan.click('disburse')
                disburse.form.date = late
                disburse.form.method = self.method
                disburse.execute('pay')
                loan.reload()
                self.assertEqual(
                    [r.due_date for r in loan.instalments], planned)
                self.assertLess(loan.instalments[0].interest, D(4))
