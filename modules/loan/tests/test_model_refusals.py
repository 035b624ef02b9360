# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What cannot be is refused in the user's words, and nothing is written."""
import datetime as dt
from decimal import Decimal as D

from trytond.exceptions import UserError
from trytond.modules.loan import engine

from .case import ModelsCase

START = dt.date(2024, 1, 15)
DUE = dt.date(2024, 2, 15)
TOMORROW = dt.date.today() + dt.timedelta(days=1)


class RefusalsTestCase(ModelsCase):
    validated = True

    def refuse(self, what, call):
        "Check that call is refused with a message that says what"
        with self.assertRaisesRegex(UserError, what):
            call()

    def application(
            self, terms=(), amount=D(1200), first_due=None, rate=D('.12'),
            **values):
        return self.apply(amount, START, first_due, rate, 12, terms, **values)

    def test_application(self):
        for what, values in [
                ("amount of a loan must be positive", {'amount': D(0)}),
                ("amount of a loan must be positive", {'amount': D(-5)}),
                ("First Due Date", {'first_due': START}),
                ("First Due Date", {'first_due': dt.date(2024, 1, 10)}),
                ("does not cover the interest", {'instalment_wanted': D(5)}),
                ("leaves no instalment", {'terms': {'grace_principal': 12}}),
                ("do not add up", {'terms': {
                            'method': 'stepped',
                            'steps': [engine.Step(3)]}})]:
            with self.subTest(what, **values):
                self.refuse(what, lambda: self.application(**values))

    def test_fields(self):
        for what, name, value in [
                ("Instalments", 'term', 0),
                ("between 0 and 1000 %", 'rate', D('10.01')),
                ("between 0 and 1000 %", 'rate', D('-.01'))]:
            loan = self.application()
            setattr(loan, name, value)
            self.refuse(what, loan.save)

    def test_greatest_rate(self):
        "A usurer's rate still gives a schedule and a finite effective rate"
        loan = self.application(rate=D(10))
        self.assertGreater(loan.apr, 1000)
        self.assertEqual(loan.instalments[-1].closing, 0)

    def state(self, loan):
        loan.reload()
        return (
            loan.state, len(loan.transactions), len(loan.schedules),
            loan.amount_paid, loan.principal_outstanding)

    def fill(self, loan, button, state, **values):
        wizard = loan.click(button)
        for name, value in values.items():
            setattr(wizard.form, name, value)
        wizard.execute(state)

    def test_running(self):
        loan = self.run_loan([(START, D(1200))], None, D('.12'), 12)
        before = self.state(loan)
        day_before = START - dt.timedelta(days=1)
        for what, call in [
                ("must be positive", lambda: self.pay(loan, DUE, D(-5))),
                ("must be positive", lambda: self.pay(loan, DUE, D(0))),
                ("more than", lambda: self.pay(loan, DUE, D(99999))),
                ("before loan .* was paid out",
                    lambda: self.pay(loan, day_before, D(10))),
                ("still to come", lambda: self.pay(loan, TOMORROW, D(10))),
                ("must be positive",
                    lambda: self.pay_early(loan, DUE, D(-5), 'term')),
                ("before loan .* was paid out",
                    lambda: self.pay_early(loan, day_before, D(10), 'term')),
                ("still to come",
                    lambda: self.pay_early(loan, TOMORROW, D(10), 'term')),
                ("next due date must be after", lambda: self.reschedule(
                        loan, START, first_due=day_before)),
                ("at least one instalment",
                    lambda: self.reschedule(loan, START, extra=-12)),
                ("leaves no instalment",
                    lambda: self.reschedule(loan, START, grace=12)),
                ("still to come",
                    lambda: self.reschedule(loan, TOMORROW, extra=1)),
                ("before loan .* was paid out", lambda: self.fill(
                        loan, 'change_rate', 'change', date=day_before,
                        rate=D('.1'))),
                ("Rate", lambda: self.fill(
                        loan, 'change_rate', 'change', date=DUE,
                        rate=D(20))),
                ("must be positive", lambda: self.fill(
                        loan, 'waive', 'waive', date=DUE,
                        component='interest', amount=D(-1))),
                ("9999", lambda: self.fill(
                        loan, 'waive', 'waive', date=DUE,
                        component='interest', amount=D(9999))),
                ("Amount", lambda: self.fill(
                        loan, 'add_charge', 'charge', type='fee', date=DUE,
                        due_date=DUE, amount=D(-1), description="Fee")),
                ("still to come", lambda: self.fill(
                        loan, 'write_off', 'write_off', date=TOMORROW)),
                ("at most is left", lambda: self.fill(
                        loan, 'disburse', 'pay', date=DUE, amount=D(5),
                        method=self.method))]:
            with self.subTest(what):
                self.refuse(what, call)
                self.assertEqual(self.state(loan), before)

    def test_payout(self):
        for what, date, amount in [
                ("still to come", TOMORROW, D(1200)),
                ("first instalment is due", DUE, D(1200)),
                ("at most is left", START, D(1300)),
                ("at most is left", START, D(0))]:
            with self.subTest(what, amount=amount):
                loan = self.application()
                loan.click('submit')
                loan.click('approve')
                before = self.state(loan)
                self.refuse(what, lambda: self.fill(
                        loan, 'disburse', 'pay', date=date, amount=amount,
                        method=self.method))
                self.assertEqual(self.state(loan), before)

    def test_closed_books(self):
        "What happened in books that are closed is booked today"
        loan = self.run_loan(
            [(dt.date(2020, 1, 15), D(1200))], None, D(0), 120)
        self.pay(loan, dt.date(2020, 2, 15), D(10))
        payment = loan.transactions[0]
        self.assertEqual(payment.type, 'repayment')
        self.assertEqual(payment.value_date, dt.date(2020, 2, 15))
        self.assertEqual(payment.booking_date, dt.date.today())
        self.assertEqual(payment.move.date, dt.date.today())
