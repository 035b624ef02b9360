# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The published cases through the models, and what lists cost."""
import datetime as dt
from decimal import Decimal as D
from unittest.mock import patch

from proteus import Model

from caravan.testing import QueryTestMixin
from trytond.modules.loan.engine import proof as replay
from trytond.modules.loan.engine.proof import day, percent
from trytond.modules.loan.tests.tools import (
    create_product, get_method, run_loan)
from trytond.pool import Pool
from trytond.tests.test_tryton import DB_NAME
from trytond.transaction import Transaction

from .case import CLASSIC, PROGRESSIVE, ModelsCase

COOG = {'rounding': 'half_up', 'first_period': 'whole'}


class ModelsTestCase(QueryTestMixin, ModelsCase):
    validated = True

    def calculate(self, *args):
        "Return the instalments of an application"
        return self.apply(*args).instalments

    def check(self, expected, row, name):
        for key, field in [
                ('total', 'amount'), ('interest', 'interest'),
                ('principal', 'principal'), ('balance', 'closing'),
                ('opening', 'opening')]:
            if key in expected:
                self.assertEqual(
                    getattr(row, field), D(expected[key]),
                    (name, row.number, key))
        if 'due' in expected:
            self.assertEqual(row.due_date.isoformat(), expected['due'])

    def check_case(self, name, instalments):
        expected = self.cases[name]['expected']
        rows = {row.number: row for row in instalments}
        if isinstance(expected, dict):
            expected = expected['rows']
        for row in expected:
            self.check(row, rows[row['n']], name)

    def test_progressive(self):
        for name in [
                'FIN-PROG-01', 'FIN-PROG-02', 'FIN-PROG-11', 'FIN-PROG-13',
                'FIN-PROG-14']:
            case = self.cases[name]
            i = case['inputs']
            with self.subTest(name, source=case['source']):
                days = i['days_in_month'] if i['days_in_month'] == 30 else (
                    i['days_in_year'])
                (start, amount), = i['disbursements']
                rows = self.calculate(
                    D(amount), day(start), day(i['periods'][0][1]),
                    percent(i['annual_rate_percent']), len(i['periods']), {
                        'day_count': replay.DAY_COUNTS[days],
                        'frequency': replay.FREQUENCIES[i['frequency']],
                        'interval': i['every'], **PROGRESSIVE})
                self.check_case(name, rows)

    def test_classic(self):
        for name in [
                'FIN-CUM-01', 'FIN-CUM-02', 'FIN-CUM-03', 'FIN-CUM-05',
                'FIN-CUM-06', 'FIN-CUM-07']:
            case = self.cases[name]
            i = case['inputs']
            with self.subTest(name, source=case['source']):
                rows = self.calculate(
                    D(i['principal']), day(i['start']), day(i['first_due']),
                    percent(i['rate']), i['n'], {
                        'method': i['method'],
                        'day_count': replay.DAY_COUNTS[i.get('day_count')],
                        'grace_principal': i.get('grace_principal', 0),
                        'grace_interest': i.get('grace_interest_payment', 0),
                        **CLASSIC})
                self.check_case(name, rows)

    def test_multiples(self):
        for name in ['FIN-CUM-13', 'FIN-CUM-14']:
            case = self.cases[name]
            i = case['inputs']
            with self.subTest(name, source=case['source']):
                rows = self.calculate(
                    D(i['principal']), day(i['start']), None,
                    percent(i['rate_per_month']) * 12, i['n'], {
                        'method': i['method'],
                        'amount_multiple': D(i['multiples_of']),
                        'grace_principal': i.get('grace_principal', 0),
                        'rounding': 'half_even'})
                self.check_case(name, rows)

    def test_steps(self):
        for name in ['COOG-01', 'COOG-02', 'COOG-03', 'COOG-06', 'COOG-08']:
            case = self.cases[name]
            i = case['inputs']
            with self.subTest(name, source=case['source']):
                terms, first_due = replay.coog_steps(case)
                rows = self.calculate(
                    D(i['principal']), day(i['funds']), first_due,
                    terms.rate, terms.number, {
                        'method': 'stepped', 'interval': terms.interval,
                        'steps': terms.steps, **COOG})
                self.check_case(name, rows)

    def test_others(self):
        case = self.cases['COREFIN-32']
        i = case['inputs']
        rows = self.calculate(
            D(i['principal']), day(i['start']), None, percent(i['rate']),
            i['n'], {'day_count': 'act_365', 'remainder': 'level'})
        self.check_case('COREFIN-32', rows)

        case = self.cases['FRAPPE-05']
        i, expected = case['inputs'], case['expected']
        rows = self.calculate(
            D(i['principal']), dt.date(2024, 5, 30), dt.date(2024, 7, 1),
            percent(i['rate']), i['n'], {
                'day_count': 'act_365', 'annuity_basis': 'twelfth',
                'instalment_multiple': D(1), 'instalment_rounding': 'up',
                'first_period': 'spread'})
        self.assertEqual(
            rows[0].interest, D(expected['first_interest_amortized']))
        self.assertEqual(
            rows[1].interest, D(expected['second_interest_amortized']))

        rows = self.calculate(
            D(3000), dt.date(2023, 7, 1), None, D('.12'), 3, {
                'method': 'flat', 'fee_rate': D('.015')})
        expected = self.cases['FIN-CHARGE-01']['expected']
        self.assertEqual(
            [r.fee for r in rows], [D(expected['per_installment'])] * 3)

    def test_terms(self):
        "A loan takes all its terms from its product, steps included"
        terms = {
            'method': 'stepped', 'index_rule': 'payment',
            'day_count': 'act_360', 'frequency': 'week',
            'interval': 2, 'month_end': False, 'first_period': 'upfront',
            'shift': 'next', 'interest_follows': True,
            'rounding': 'half_even', 'amount_multiple': D('.05'),
            'instalment_multiple': D(5), 'instalment_rounding': 'up',
            'annuity_basis': 'twelfth', 'remainder': 'smooth',
            'interest_rounding': 'segment', 'instalment_base': 'approved',
            'grace_principal': 1, 'grace_interest': 2, 'grace_free': 3,
            'capitalised': 4, 'residual_rate': D('.1'),
            'fee_rate': D('.01'), 'fee_amount': D(2),
            'upfront_fee_rate': D('.02'), 'upfront_fee_amount': D(3),
            'early_strategy': 'next', 'early_first': 'instalment',
            'early_rest': 'period', 'penalty_rate': D('.2'),
            'penalty_per_day': D('.5'), 'penalty_fixed': D('.03'),
            'penalty_grace': 6, 'penalty_base': 'principal',
            'penalty_cap': D('.4'), 'apr_method': 'us'}
        product = create_product("Special", self.config, term=6, **terms)
        product.steps.new(number=6, payment=D(10))
        product.save()
        loan = Model.get('loan.loan')(party=self.party, product=product)
        self.assertEqual((loan.rate, loan.term), (product.rate, 6))
        self.assertEqual(
            {name: getattr(loan, name) for name in terms}, terms)
        self.assertEqual(loan.waterfall, product.waterfall)
        self.assertEqual(
            [(s.number, s.payment) for s in loan.steps], [(6, D(10))])
        own = {'side', 'currency', 'waterfall', 'index_currency'}
        with self.transaction() as Loan:
            self.assertEqual(set(Loan.terms_fields()) - own, set(terms))

    def test_queries(self):
        "A list of loans costs the same for ten and for a hundred"
        product = create_product("List", self.config)
        today = dt.date.today()
        Loan = Model.get('loan.loan')
        ids = Loan._proxy.load_applications([{
                    'party': self.party.id, 'product': product.id,
                    'amount_requested': D(100 + n), 'decision': 'approve',
                    'application_date': today, 'disbursement_date': (
                        today - dt.timedelta(days=n))}
                for n in range(60)], self.config.context)
        payouts = [{
                'loan': id_, 'date': today - dt.timedelta(days=1),
                'amount': D(100 + n), 'key': None, 'method': get_method().id}
            for n, id_ in enumerate(ids[:30])]
        Loan_ = Pool(DB_NAME).get('loan.loan')
        with patch.object(
                Loan_, 'pay_out', side_effect=Loan_.pay_out) as pay_out:
            Loan._proxy.book_payouts(payouts, self.config.context)
        # The first move of a journal in a period starts once more
        self.assertLessEqual(
            pay_out.call_count, 31, "a lock was taken when work was done")
        names = [
            'number', 'reference', 'rec_name', 'amount_approved', 'rate',
            'principal_outstanding', 'amount_overdue', 'days_late',
            'next_due_date', 'next_amount', 'health', 'state', 'amount_paid',
            'penalty_due', 'amount_due', 'amount_disbursed']
        with Transaction().start(DB_NAME, 1, context={
                    'company': self.config.context['company']}):
            def read(count):
                Loan_.search_read(
                    [('id', 'in', ids[:count])], fields_names=names)
            counts = self.assertConstantQueries(read, 5, 60)
        self.assertLessEqual(counts[1], 20)

    def test_payment_queries(self):
        "The loans of many payments are read as those of few, in any order"
        product = create_product("Paid", self.config)
        start = dt.date.today() - dt.timedelta(days=1)
        Loan = Model.get('loan.loan')
        ids = Loan._proxy.load_applications([{
                    'party': self.party.id, 'product': product.id,
                    'amount_requested': D(1000), 'decision': 'approve',
                    'application_date': start, 'disbursement_date': start}
                for _ in range(20)], self.config.context)
        payments = [{
                'loan': id_, 'date': start, 'amount': D(1000), 'key': None,
                'method': get_method().id} for id_ in reversed(ids)]
        with Transaction().start(DB_NAME, 1, context={
                    'company': self.config.context['company']}):
            Loan_ = Pool().get('loan.loan')

            def check(count):
                for loan, *_ in Loan_._scripted(payments[-count:], 'repay'):
                    self.assertTrue(loan.number)
            self.assertConstantQueries(check, 2, 20)

    def test_last_cent(self):
        "A loan that runs settles to the cent with what was planned"
        product = create_product("Run", self.config, **CLASSIC)
        loan = run_loan(
            product, dt.date.today() - dt.timedelta(days=40), D(5000))
        self.assertEqual(
            sum(r.principal for r in loan.instalments), D(5000))
