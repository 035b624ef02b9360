# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The published cases that run: paid out, paid, moved, through the models."""
import datetime as dt
from collections import defaultdict
from decimal import Decimal as D

from proteus import Model

from trytond.modules.loan import engine
from trytond.modules.loan.engine import proof as replay
from trytond.modules.loan.engine.proof import day, percent

from .case import CLASSIC, PROGRESSIVE, ModelsCase

FIELDS = {
    'due': 'due_date', 'total': 'amount', 'interest': 'interest',
    'principal': 'principal', 'balance': 'closing', 'opening': 'opening'}


class CasesTestCase(ModelsCase):
    "Each case is worked as a clerk does, through buttons and wizards"

    def case(self, name):
        case = self.cases[name]
        return case['inputs'], case['expected']

    def check_rows(self, name, loan, expected=None, skip=()):
        expected = expected or self.cases[name]['expected']
        rows = {row.number: row for row in loan.instalments}
        for row in expected:
            for key in FIELDS.keys() & row.keys() - set(skip):
                value = getattr(rows[row['n']], FIELDS[key])
                wanted = day(row[key]) if key == 'due' else D(row[key])
                self.assertEqual(value, wanted, (name, row['n'], key))
        self.assertEqual(len(rows), max(e['n'] for e in expected))

    def test_tranches(self):
        for name in ['FIN-PROG-04', 'FIN-PROG-08', 'FIN-PROG-09']:
            i, _ = self.case(name)
            with self.subTest(name, source=self.cases[name]['source']):
                loan = self.run_loan(
                    [(day(on), D(a)) for on, a in i['disbursements']],
                    day(i['periods'][0][1]),
                    percent(i['annual_rate_percent']), len(i['periods']),
                    PROGRESSIVE)
                self.check_rows(name, loan)

    def test_tranches_approved(self):
        i, _ = self.case('FIN-CUM-10')
        loan = self.run_loan(
            [(day(on), D(a)) for on, a in i['disbursements']], None,
            percent(i['rate']), i['n'],
            {'instalment_base': 'approved', **CLASSIC})
        self.check_rows('FIN-CUM-10', loan)

    def test_small(self):
        i, _ = self.case('FIN-CUM-09')
        loan = self.apply(
            D(i['principal']), dt.date(2023, 9, 1), None, percent(i['rate']),
            i['n'], CLASSIC)
        self.check_rows('FIN-CUM-09', loan)

    def test_moved_longer(self):
        "A longer period bears one month when interest goes by period"
        i, expected = self.case('FIN-PROG-05')
        loan = self.run_loan(
            [(day(on), D(a)) for on, a in i['disbursements']],
            day(i['periods'][0][1]), percent(i['annual_rate_percent']),
            len(i['periods']), PROGRESSIVE)
        self.pay(loan, dt.date(2024, 2, 1), D(expected[0]['total']))
        self.reschedule(
            loan, dt.date(2024, 2, 1), first_due=day(i['periods'][1][1]))
        self.check_rows('FIN-PROG-05', loan)

    def test_moved(self):
        i, _ = self.case('FIN-RESCH-01')
        loan = self.run_loan(
            [(day(i['start']), D(i['principal']))], None, D(0), i['n'])
        self.pay(loan, dt.date(2023, 8, 1), D(1000))
        self.reschedule(
            loan, dt.date(2023, 8, 10), first_due=day(i['adjusted'][1]))
        self.check_rows('FIN-RESCH-01', loan)

    def test_extended(self):
        i, _ = self.case('FIN-RESCH-02')
        loan = self.run_loan(
            [(day(i['start']), D(i['principal']))], None, D(0), i['n'])
        self.pay(loan, dt.date(2023, 8, 1), D(1000))
        self.reschedule(
            loan, dt.date(2023, 8, 10), extra=i['extra_terms'])
        self.check_rows('FIN-RESCH-02', loan)

    def test_new_rate(self):
        i, _ = self.case('FIN-RESCH-04')
        loan = self.run_loan(
            [(day(i['start']), D(i['principal']))], None, percent(i['rate']),
            i['n'], {'method': i['method']})
        self.pay(loan, dt.date(2023, 8, 1), D(1030))
        change = loan.click('change_rate')
        change.form.date = day(i['new_rate'][0])
        change.form.rate = percent(i['new_rate'][1])
        change.execute('change')
        loan.reload()
        self.check_rows('FIN-RESCH-04', loan)

    def test_running_instalment(self):
        i, _ = self.case('FIN-PROG-17')
        loan = self.run_loan(
            [(day(i['start']), D(i['principal']))], None, percent(i['rate']),
            i['n'], {'early_first': 'instalment', **PROGRESSIVE})
        (first, amount), (on, early) = i['payments']
        self.pay(loan, day(first), D(amount))
        self.pay_early(loan, day(on), D(early), 'term')
        self.check_rows('FIN-PROG-17', loan)
        self.assertEqual(
            [r.state for r in loan.instalments[:3]],
            ['paid', 'paid', 'late'])

    def test_prepaid(self):
        for name, strategy in [
                ('FIN-PREPAY-02', 'instalment'), ('FIN-PREPAY-03', 'next')]:
            i, expected = self.case(name)
            with self.subTest(name, source=self.cases[name]['source']):
                loan = self.run_loan(
                    [(day(i['start']), D(i['principal']))], None,
                    percent(i['rate']), i['n'],
                    {'day_count': 'act_365', **CLASSIC})
                for on, amount in i['payments']:
                    self.pay_early(loan, day(on), D(amount), strategy)
                # What is paid besides the instalment lowers the opening
                self.check_rows(name, loan, expected[2:])
                self.assertEqual(
                    [t.amount for t in loan.transactions
                        if t.type == 'early'],
                    [D(e['total']) for e in expected[1::-1]])
                self.assertEqual(
                    loan.instalments[2].opening, D(expected[1]['balance']))

    def test_prepaid_week(self):
        _, expected = self.case('FIN-PREPAY-04')
        loan = self.run_loan(
            [(dt.date(2024, 1, 1), D(10000))], None, D('.24'), 4, {
                'frequency': 'week', 'day_count': 'act_364',
                'rounding': 'half_even', 'early_first': 'instalment',
                'early_rest': 'period'})
        first = loan.instalments[0].amount
        self.pay(loan, dt.date(2024, 1, 8), first)
        self.pay_early(loan, dt.date(2024, 1, 10), D(4000), 'instalment')
        self.check_rows('FIN-PREPAY-04', loan)

    def test_reaged(self):
        i, expected = self.case('FIN-REAGE-01')
        loan = self.run_loan(
            [(dt.date(2024, 1, 1), D(750))], None, D(0), 3,
            {'frequency': 'day', 'interval': 15})
        self.assertEqual(
            [r.due_date for r in loan.instalments],
            [day(due) for due, _ in i['overdue']])
        self.reschedule(
            loan, day(i['on']), first_due=day(i['start']), extra=i['n'],
            reage=True, frequency='month', interval=1)
        old, new = loan.instalments[:3], loan.instalments[3:]
        self.assertEqual([r.amount for r in old], [0] * 3)
        self.assertEqual(
            [r.amount for r in new], [D(a) for a in expected['installments']])
        self.assertEqual(
            [r.due_date for r in new], [day(d) for d in expected['dues']])
        self.assertEqual([r.state for r in old], ['paid'] * 3)

    def waterfall(self, name, future='next', order=engine.DEFAULT_ORDER):
        Waterfall = Model.get('loan.waterfall')
        waterfall = Waterfall(name=name, future=future)
        for timing, component in order:
            waterfall.lines.new(timing=timing, component=component)
        waterfall.save()
        return waterfall

    def test_allocation_future(self):
        futures = {'NEXT': 'next', 'LAST': 'last', 'REAMORT': 'reamortize'}
        for name in [
                'FIN-ALLOC-01', 'FIN-ALLOC-02', 'FIN-ALLOC-04',
                'FIN-ALLOC-06', 'FIN-ALLOC-07']:
            i, expected = self.case(name)
            with self.subTest(name, source=self.cases[name]['source']):
                (start, first), *dues = i['installments']
                loan = self.run_loan(
                    [(day(start), D(i['principal']) - D(first))], None, D(0),
                    len(dues), {
                        'frequency': 'day', 'interval': 15,
                        'waterfall': self.waterfall(
                            name, futures[i['rule']])})
                self.assertEqual(
                    [r.due_date for r in loan.instalments],
                    [day(due) for due, _ in dues])
                for on, amount in i['payments']:
                    self.pay(loan, day(on), D(amount))
                self.assertEqual(
                    [r.paid for r in loan.instalments],
                    [D(a) for a in expected[1:]])

    def paid(self, loan):
        "Return what the last payment paid of each component"
        payment = [t for t in loan.transactions if t.type == 'repayment'][0]
        paid = defaultdict(D)
        for part in payment.allocations:
            paid[part.component] += part.amount
        return paid

    def test_allocation_components(self):
        order = [
            *[('due', c) for c in engine.COMPONENTS],
            *[('advance', c) for c in [
                    'principal', 'penalty', 'fee', 'interest']]]
        for name in ['FIN-ALLOC-08', 'FIN-ALLOC-09', 'FIN-ALLOC-10']:
            i, expected = self.case(name)
            dues = {**i['due'], **i.get('in_advance', {})}
            with self.subTest(name, source=self.cases[name]['source']):
                loan = self.run_loan(
                    [(dt.date(2023, 8, 1), D(dues['principal']))], None,
                    D(dues.get('interest', 0)) * 12 / D(dues['principal']),
                    1, {'waterfall': self.waterfall(name, order=order)})
                on = dt.date(2023, 9, 1)
                if 'in_advance' in i:
                    on -= dt.timedelta(days=1)
                for type_ in dues.keys() & {'fee', 'penalty'}:
                    charge = loan.click('add_charge')
                    charge.form.type = type_
                    charge.form.date = charge.form.due_date = on
                    charge.form.amount = D(dues[type_])
                    charge.form.description = type_
                    charge.execute('charge')
                loan.reload()
                self.pay(loan, on, D(i['payment']))
                paid = self.paid(loan)
                for component, amount in expected.items():
                    self.assertEqual(paid[component], D(amount))

    def test_late_fee(self):
        i, expected = self.case('FIN-CHARGE-02')
        loan = self.run_loan(
            [(dt.date(2023, 1, 1), D(i['principal']))], None,
            percent(i['rate']), i['n'], {
                'method': i['method'], 'penalty_base': 'principal',
                'penalty_fixed': D('.015')})
        loan.click('penalise')
        self.assertEqual(
            [c.amount for c in loan.charges], [D(expected['each'])] * 3)
        self.assertEqual(loan.penalty_due, D(expected['total']))

    def test_write_off(self):
        i, expected = self.case('FIN-WRITEOFF-01')
        loan = self.run_loan(
            [(dt.date(2023, 1, 1), D(i['principal']))], None, D(0), 4)
        for amount in i['payments']:
            self.pay(loan, dt.date(2023, 1, 20), D(amount))
        write_off = loan.click('write_off')
        write_off.form.date = day(i['date'])
        self.assertEqual(
            write_off.form.outstanding, D(expected['written_off']))
        write_off.execute('write_off')
        loan.reload()
        self.assertEqual(loan.state, 'written_off')
        self.assertEqual(
            loan.transactions[0].amount, D(expected['written_off']))

    def test_renegotiated(self):
        i, expected = self.case('COOG-07')
        terms, first_due = replay.coog_steps(self.cases['COOG-06'])
        new = i['new_step']
        steps = [
            terms.steps[0], engine.Step(14, payment=D('979.08')),
            engine.Step(
                new['n'], percent(new['rate']),
                balance=D(new['begin_balance']))]
        base, _ = self.case('COOG-06')
        loan = self.apply(
            D(base['principal']), day(base['funds']), first_due, terms.rate,
            sum(s.number for s in steps), {
                'method': 'stepped', 'steps': steps,
                'first_period': 'whole'})
        row, = expected['rows']
        self.assertEqual(len(loan.instalments), expected['payments'])
        self.check_rows('COOG-07', loan, [
                row, {'n': expected['payments'], 'balance': '0'}])
        self.assertEqual(loan.instalments[26].due_date, day(new['start']))

    def test_shares(self):
        i, expected = self.case('COOG-12')
        rows = {}
        for number, amount in enumerate(i['loans'], 1):
            loan = self.apply(
                D(amount), day(i['funds']), day(i['first_due']),
                percent(i['rate']), i['n'], {'first_period': 'whole'})
            rows[f'loan{number}'] = loan.instalments
        for on, covers in zip(i['as_of'], expected.values()):
            left = {
                name: [r.closing for r in instalments
                    if r.due_date <= day(on)][-1]
                for name, instalments in rows.items()}
            for cover, shares in i['shares'].items():
                self.assertEqual(
                    sum(engine.round_to(left[loan] * D(share))
                        for loan, share in shares.items()),
                    D(covers[cover]))

    def test_month_ends(self):
        i, expected = self.case('COOG-05')
        start = day(i['start'])
        loan = self.apply(
            D(1000), start - dt.timedelta(days=31), start, D(0),
            max(i['offsets']) + 1)
        self.assertEqual(
            [loan.instalments[k].due_date.isoformat() for k in i['offsets']],
            expected)

    def test_whole_instalment(self):
        i, expected = self.case('FRAPPE-01')
        loan = self.apply(
            D(i['principal']), dt.date(2024, 1, 1), None, percent(i['rate']),
            i['n'], {
                'instalment_multiple': D(1), 'instalment_rounding': 'up'})
        rows = loan.instalments
        self.assertEqual(rows[0].amount, expected['emi'])
        self.assertEqual(
            round(sum(r.interest for r in rows)), expected['total_interest'])
        for index in [3, 17, 19]:
            self.assertEqual([
                    round(rows[index].principal), round(rows[index].interest),
                    round(rows[index].closing)], expected[f'row{index}'])

        i, expected = self.case('FRAPPE-06')
        for multiple, wanted in [
                (None, expected['exact']), (D(1), expected['ceil'])]:
            loan = self.apply(
                D(i['principal']), dt.date(2024, 1, 1), None,
                percent(i['rate']), i['n'], {
                    'instalment_multiple': multiple,
                    'instalment_rounding': 'up' if multiple else None})
            self.assertEqual(loan.instalments[0].amount, D(wanted))

    def test_wanted_instalment(self):
        i, expected = self.case('FRAPPE-02')
        loan = self.apply(
            D(i['principal']), dt.date(2024, 1, 1), None, percent(i['rate']),
            None, instalment_wanted=D(i['payment']))
        rows = loan.instalments
        self.assertEqual(len(rows), expected['n'])
        self.assertEqual({r.amount for r in rows[:-1]}, {D(i['payment'])})
        self.assertEqual(
            round(sum(r.interest for r in rows)), expected['total_interest'])

    def test_broken_period(self):
        i, expected = self.case('FRAPPE-05')

        def apply(first_period):
            return self.apply(
                D(i['principal']), dt.date(2024, 5, 30), dt.date(2024, 7, 1),
                percent(i['rate']), i['n'], {
                    'day_count': 'act_365', 'annuity_basis': 'twelfth',
                    'instalment_multiple': D(1), 'instalment_rounding': 'up',
                    'first_period': first_period})
        self.assertEqual(
            apply('first').instalments[0].interest,
            D(expected['first_interest_add_to_first']))
        self.assertEqual(
            apply('upfront').schedules[0].upfront_interest,
            D(expected['upfront']))
        self.assertEqual(
            apply('stub').instalments[0].amount, D(expected['bpi']))

    def rate(self, net, payments, start, first_due, method, **terms):
        "Return the effective rate of payments for net, told as a discount"
        face = sum(payments)
        steps = [
            engine.Step(len(list(run)), payment=amount)
            for amount, run in replay.runs(payments)]
        loan = self.apply(
            face, start, first_due, D(0), len(payments), {
                'method': 'manual', 'steps': steps, 'apr_method': method,
                'upfront_fee_amount': face - net, **terms})
        self.assertEqual([r.amount for r in loan.instalments], payments)
        return engine.round_to(loan.apr * 100)

    def test_rate_us(self):
        start = dt.date(2023, 1, 13)
        for name, first_due, terms in [
                ('REGZ-c1ii', dt.date(2023, 3, 1), {}),
                ('REGZ-c1v', start + dt.timedelta(days=32), {
                        'frequency': 'week'}),
                ('REGZ-c3i', None, {}),
                ('REGZ-c3ii', start + dt.timedelta(days=8), {
                        'frequency': 'week', 'interval': 2}),
                ('REGZ-c4i', None, {})]:
            i, expected = self.case(name)
            with self.subTest(name, source=self.cases[name]['source']):
                self.assertEqual(
                    self.rate(
                        D(i['amount_financed']),
                        [D(a) for a, _, _ in i['payments']], start,
                        first_due, 'us', **terms), D(str(expected)))

    def test_rate_eu(self):
        for name, term in [
                ('EU-A1', {'frequency': 'day', 'interval': 546}),
                ('EU-A2', {'frequency': 'day', 'interval': 546}),
                ('EU-A3', {'frequency': 'year'})]:
            i, expected = self.case(name)
            with self.subTest(name, source=self.cases[name]['source']):
                (net, _), *payments = i['flows']
                self.assertEqual(
                    self.rate(
                        -D(net), [D(a) for a, _ in payments],
                        dt.date(2021, 1, 1), None, 'eu', **term),
                    D(str(expected)))

    def test_rate_dated(self):
        for name, term, digits in [
                ('FSF-01', {'frequency': 'day', 'interval': 5}, '.01'),
                ('FSF-02', {}, '.01')]:
            i, expected = self.case(name)
            with self.subTest(name, source=self.cases[name]['source']):
                (net, start), *payments = i['flows']
                self.assertEqual(
                    self.rate(
                        -D(net), [D(a) for a, _ in payments], day(start),
                        None, 'eu', **term),
                    engine.round_to(D(str(expected)), D(digits)))

    def test_interest_by_days(self):
        i, expected = self.case('SURE-3638')
        loan = self.apply(
            D(i['principal']), dt.date(2023, 1, 1), None, percent(i['rate']),
            24, {'method': 'interest_only', 'day_count': 'act_365'})
        interest = {
            (r.interest_to - r.interest_from).days: r.interest
            for r in loan.instalments}
        self.assertEqual(
            [interest[d] for d in i['days']], [D(e) for e in expected])

    def test_day_count(self):
        i, expected = self.case('QL-ACTACT-ISDA')
        for start, end in i['pairs']:
            days = (day(end) - day(start)).days
            loan = self.apply(
                D('1000000000'), day(start), None, D(1), 1, {
                    'method': 'bullet', 'day_count': 'act_act',
                    'frequency': 'day', 'interval': days})
            row, = loan.instalments
            self.assertAlmostEqual(
                float(row.interest) / 1e9, expected[f'{start}/{end}'],
                delta=1e-10)
