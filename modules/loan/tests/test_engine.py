# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The engine against the published cases, and its invariants."""
import copy
import unittest
from datetime import date
from decimal import Decimal as D

from trytond.modules.loan import engine
from trytond.modules.loan.engine import Item, Terms, allocate, make_schedule
from trytond.modules.loan.engine import proof as replay
from trytond.modules.loan.engine.proof import day, percent


class CaseTestCase(unittest.TestCase):
    "Each published case replays to the cent"
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cases = replay.load()

    def check(self, expected, row, name):
        "Compare a row with what the source says of it"
        got = {
            'n': row.number, 'due': row.due.isoformat(),
            'total': row.principal + row.interest, 'opening': row.opening,
            'interest': row.interest, 'principal': row.principal,
            'balance': row.closing}
        for key, value in expected.items():
            if key == 'asked_on':
                continue
            mine = got[key]
            if isinstance(mine, D):
                value = D(value)
            self.assertEqual(mine, value, (name, row.number, key))

    def test_schedules(self):
        for name, function in replay.SCHEDULES.items():
            case = self.cases[name]
            with self.subTest(name, source=case['source']):
                schedule = function(case)
                rows = {row.number: row for row in schedule.rows}
                undated = {'due'} if name == 'FIN-CUM-09' else set()
                for expected in case['expected']:
                    self.check(
                        {k: v for k, v in expected.items()
                            if k not in undated},
                        rows[expected['n']], name)
                self.assertEqual(
                    len(rows), max(e['n'] for e in case['expected']))
                self.assertEqual(schedule.rows[-1].closing, 0)

    def test_proof(self):
        "The proof agrees, and tells what would not"
        proof = replay.prove()
        self.assertGreater(len(proof), 35)
        for case, differences in proof:
            self.assertEqual(differences, [], case['id'])
        wrong = copy.deepcopy({'FIN-PROG-01': self.cases['FIN-PROG-01']})
        wrong['FIN-PROG-01']['expected'][2]['interest'] = '9.99'
        (_, differences), = replay.prove(wrong)
        (what, published, _), = differences
        self.assertEqual((what, published), ('3 interest', D('9.99')))

    def test_steps(self):
        for name in replay.COOG_CASES:
            case = self.cases[name]
            with self.subTest(name, source=case['source']):
                schedule = replay.coog(case)
                self.check_steps(case, schedule, name)

    def test_renegotiation(self):
        case = self.cases['COOG-07']
        schedule = replay.renegotiated(case, self.cases['COOG-06'])
        self.check_steps(case, schedule, 'COOG-07')
        new = schedule.rows[26]
        self.assertEqual(
            new.due, day(case['inputs']['new_step']['start']))

    def check_steps(self, case, schedule, name):
        expected = case['expected']
        for row in expected['rows']:
            self.check(row, schedule.rows[row['n'] - 1], name)
        for on, balance in expected.get('outstanding_on', {}).items():
            self.assertEqual(schedule.balance_on(day(on)), D(balance))
        for n, due in expected.get('due_date_of_payment', {}).items():
            self.assertEqual(schedule.rows[int(n) - 1].due, day(due))
        if 'payments' in expected:
            self.assertEqual(len(schedule.rows), expected['payments'])

    def test_shares(self):
        case = self.cases['COOG-12']
        i = case['inputs']
        terms = Terms(percent(i['rate']), i['n'], **replay.COOG)
        loans = {
            f'loan{n}': make_schedule(
                terms, D(amount), day(i['funds']), day(i['first_due']),
                first_period='whole')
            for n, amount in enumerate(i['loans'], 1)}
        for on, expected in zip(i['as_of'], case['expected'].values()):
            for cover, shares in i['shares'].items():
                total = sum(
                    engine.round_to(
                        loans[loan].balance_on(day(on)) * D(share))
                    for loan, share in shares.items())
                self.assertEqual(total, D(expected[cover]), (on, cover))

    def test_dates(self):
        case = self.cases['COOG-05']
        i = case['inputs']
        self.assertEqual(
            [engine.add_interval(day(i['start']), 'month', k).isoformat()
                for k in i['offsets']], case['expected'])

    def test_inverse(self):
        case = self.cases['COOG-11']
        i, expected = case['inputs'], case['expected']
        rate, n, end = percent(i['rate']) / 12, i['n'], D(i['end_balance'])
        for name, deferral in [
                ('annuity', 'none'), ('partially', 'interest'),
                ('fully', 'full')]:
            begin = engine.begin_balance(end, rate, n, deferral)
            self.assertEqual(
                engine.round_to(begin), D(expected[f'begin_{name}']))
            self.assertEqual(
                engine.round_to(engine.end_balance(
                        D(expected[f'begin_{name}']), rate, n, deferral)),
                end)
        self.assertEqual(
            engine.round_to(engine.payment(
                    D(expected['begin_annuity']), rate, n)),
            D(expected['pmt_of_begin']))
        self.assertEqual(
            engine.round_to(end * rate), D(i['payment_interest_only']))

    def test_whole_instalment(self):
        case = self.cases['FRAPPE-01']
        i, expected = case['inputs'], case['expected']
        terms = Terms(
            percent(i['rate']), i['n'], multiple=D(1),
            multiple_rounding='up')
        schedule = make_schedule(terms, D(i['principal']), date(2024, 1, 1))
        rows = schedule.rows
        self.assertEqual(rows[0].amount, expected['emi'])
        self.assertEqual(len(rows), expected['n'])
        self.assertEqual(
            round(schedule.total('interest')), expected['total_interest'])
        self.assertEqual(
            round(schedule.total('amount')), expected['total_payment'])
        for index in [3, 17, 19]:
            row = rows[index]
            self.assertEqual(
                [round(row.principal), round(row.interest),
                    round(row.closing)], expected[f'row{index}'])

    def test_fixed_instalment(self):
        case = self.cases['FRAPPE-02']
        i, expected = case['inputs'], case['expected']
        principal, amount = D(i['principal']), D(i['payment'])
        rate = percent(i['rate'])
        number = engine.number_of_payments(principal, rate / 12, amount)
        self.assertEqual(number, expected['n'])
        schedule = make_schedule(
            Terms(rate, number, instalment=amount), principal,
            date(2024, 1, 1))
        self.assertEqual(
            round(schedule.total('interest')), expected['total_interest'])
        self.assertEqual(
            round(schedule.total('amount')), expected['total_payment'])

    def test_broken_period(self):
        case = self.cases['FRAPPE-05']
        i, expected = case['inputs'], case['expected']
        terms = Terms(
            percent(i['rate']), i['n'], day_count='act_365', basis='twelfth',
            multiple=D(1), multiple_rounding='up')

        def schedule(first_period):
            return make_schedule(
                terms, D(i['principal']), date(2024, 5, 30),
                date(2024, 7, 1), first_period=first_period)

        rows = schedule('spread').rows
        self.assertEqual(
            rows[0].interest, D(expected['first_interest_amortized']))
        self.assertEqual(
            rows[1].interest, D(expected['second_interest_amortized']))
        self.assertEqual(
            sum(r.carried for r in rows), D(expected['bpi']))
        self.assertEqual(
            schedule('first').rows[0].interest,
            D(expected['first_interest_add_to_first']))
        self.assertEqual(schedule('upfront').upfront, D(expected['upfront']))
        stub, first, *_ = schedule('stub').rows
        self.assertEqual(stub.amount, D(expected['bpi']))
        self.assertEqual(stub.due, date(2024, 6, 1))
        self.assertEqual(first.number, 2)

    def test_exact_instalment(self):
        case = self.cases['FRAPPE-06']
        i, expected = case['inputs'], case['expected']
        amount = engine.payment(
            D(i['principal']), percent(i['rate']) / 12, i['n'])
        self.assertEqual(engine.round_to(amount), D(expected['exact']))
        self.assertEqual(
            engine.round_to(amount, D(1), 'up'), D(expected['ceil']))

    def test_equal_years(self):
        "Whole periods are counted back, days by the year before them"
        for start, end, frequency, years in [
                (date(2023, 1, 31), date(2023, 2, 28), 'month', 1 / 12),
                (date(2024, 2, 29), date(2025, 2, 28), 'month', 1),
                (date(2023, 1, 15), date(2024, 7, 15), 'year', 1.5),
                (date(2023, 1, 1), date(2023, 1, 15), 'week', 2 / 52),
                (date(2023, 1, 10), date(2023, 3, 1), 'month',
                    1 / 12 + 22 / 365),
                (date(2024, 1, 10), date(2024, 3, 1), 'month',
                    1 / 12 + 22 / 365),
                (date(2024, 2, 10), date(2024, 4, 1), 'month',
                    1 / 12 + 20 / 366),
                (date(2023, 1, 1), date(2024, 6, 30), 'day', 546 / 365)]:
            self.assertAlmostEqual(
                engine.equal_years(start, end, frequency), years, 12)
        # 48 months of 149.31 for 6000
        rate = engine.apr_eu([(D(-6000), 0)] + [
                (D('149.31'), n / 12) for n in range(1, 49)])
        self.assertEqual(engine.round_to(rate, D('.000001')), D('.093806'))

    def test_left_over(self):
        case = self.cases['OCA-826']
        i, expected = case['inputs'], case['expected']
        rows = make_schedule(
            Terms(percent(i['rate']), i['n'], remainder='keep'),
            D(i['principal']), date(2024, 1, 1)).rows
        self.assertEqual(rows[0].amount, D(expected['payment']))
        self.assertEqual(rows[-1].closing, D(expected['residual']))

    def test_rate_us(self):
        for name, case in self.cases.items():
            if not name.startswith('REGZ'):
                continue
            with self.subTest(name, source=case['source']):
                i = case['inputs']
                rate = engine.apr_us(
                    D(i['amount_financed']),
                    [(D(a), t, f) for a, t, f in i['payments']],
                    i['unit_periods_per_year'])
                self.assertEqual(
                    engine.round_to(rate * 100), D(str(case['expected'])))

    def test_rate_eu(self):
        for name in ['EU-A1', 'EU-A2', 'EU-A3']:
            case = self.cases[name]
            with self.subTest(name, source=case['source']):
                rate = engine.apr_eu(
                    [(D(a), t) for a, t in case['inputs']['flows']])
                self.assertEqual(
                    engine.round_to(rate * 100), D(str(case['expected'])))

    def test_rate_dated(self):
        for name, digits in [('FSF-01', '.001'), ('FSF-02', '.01')]:
            case = self.cases[name]
            with self.subTest(name, source=case['source']):
                rate = engine.xirr(
                    [(day(d), D(a)) for a, d in case['inputs']['flows']])
                self.assertEqual(
                    engine.round_to(rate * 100, D(digits)),
                    D(str(case['expected'])))

    def test_formulas(self):
        i = self.cases['XL-PMT-2']['inputs']
        amount = engine.payment(
            D(i['pv']), D('.08') / 12, i['nper'], in_advance=True)
        self.assertEqual(
            -engine.round_to(amount),
            D(self.cases['XL-PMT-2']['expected']))
        i = self.cases['XL-CUMIPMT']['inputs']
        expected = self.cases['XL-CUMIPMT']['expected']
        args = D(i['pv']), D('.09') / 12, i['nper']
        self.assertAlmostEqual(
            -float(engine.cumulative_interest(*args, i['start'], i['end'])),
            expected['cumipmt'], delta=1e-5)
        self.assertEqual(
            -engine.cumulative_interest(*args, 1, 1),
            D(str(expected['first_month'])))

    def test_interest(self):
        case = self.cases['SURE-3638']
        i = case['inputs']
        for days, expected in zip(i['days'], case['expected']):
            interest = D(i['principal']) * percent(i['rate']) * days / 365
            self.assertEqual(engine.round_to(interest), D(expected))

    def test_day_counts(self):
        case = self.cases['QL-ACTACT-ISDA']
        for start, end in case['inputs']['pairs']:
            self.assertAlmostEqual(
                float(engine.year_fraction('act_act', day(start), day(end))),
                case['expected'][f'{start}/{end}'], delta=1e-10)

    def test_allocation_future(self):
        futures = {
            'NEXT': 'next', 'LAST': 'last', 'REAMORT': 'reamortize'}
        for name in [
                'FIN-ALLOC-01', 'FIN-ALLOC-02', 'FIN-ALLOC-04',
                'FIN-ALLOC-06', 'FIN-ALLOC-07']:
            case = self.cases[name]
            i = case['inputs']
            with self.subTest(name, source=case['source']):
                items = [
                    Item(n, day(due), 'principal', D(amount))
                    for n, (due, amount) in enumerate(i['installments'])]
                paid = [D(0)] * len(items)
                for on, amount in [i['down_payment_paid'], *i['payments']]:
                    parts, rest = allocate(
                        D(amount), items, day(on),
                        future=futures[i['rule']], unit=D(1))
                    self.assertEqual(rest, 0)
                    for part in parts:
                        items[part.key].amount -= part.amount
                        paid[part.key] += part.amount
                self.assertEqual(paid, [D(e) for e in case['expected']])

    def test_allocation_components(self):
        order = [
            *[('due', c) for c in engine.COMPONENTS],
            *[('advance', c) for c in [
                    'principal', 'penalty', 'fee', 'interest']]]
        for name in ['FIN-ALLOC-08', 'FIN-ALLOC-09', 'FIN-ALLOC-10']:
            case = self.cases[name]
            i = case['inputs']
            on = date(2023, 9, 1)
            items = [
                Item(0, due, component, D(amount))
                for due, key in [
                    (on, 'due'), (date(2023, 10, 1), 'in_advance')]
                for component, amount in i.get(key, {}).items()]
            parts, _ = allocate(D(i['payment']), items, on, order)
            paid = dict.fromkeys(case['expected'], D(0))
            for part in parts:
                paid[part.component] += part.amount
            self.assertEqual(
                paid, {k: D(v) for k, v in case['expected'].items()})

    def test_charges(self):
        case = self.cases['FIN-CHARGE-01']
        terms = Terms(D('.12'), 3, 'flat', fee_rate=D('.015'))
        schedule = make_schedule(terms, D(3000), date(2023, 7, 1))
        expected = case['expected']
        for row in schedule.rows:
            self.assertEqual(row.fee, D(expected['per_installment']))
            self.assertEqual(row.amount, D(expected['installment_total']))
        self.assertEqual(schedule.total('fee'), D(expected['total']))

        case = self.cases['FIN-CHARGE-02']
        penalties = [
            engine.penalty(
                row.principal, (day(case['inputs']['as_of']) - due).days,
                fixed=D('.015'))
            for row, due in zip(schedule.rows, [
                    date(2023, 2, 1), date(2023, 3, 1), date(2023, 4, 1)])]
        self.assertEqual(
            penalties, [D(case['expected']['each'])] * 3)
        self.assertEqual(sum(penalties), D(case['expected']['total']))

    def test_reage(self):
        case = self.cases['FIN-REAGE-01']
        i, expected = case['inputs'], case['expected']
        overdue = sum(D(amount) for _, amount in i['overdue'])
        self.assertEqual(
            engine.spread(overdue, i['n']),
            [D(a) for a in expected['installments']])
        self.assertEqual(
            [d.isoformat() for d, _ in engine.due_dates(
                    day(i['start']), 'month', 1, i['n'])],
            expected['dues'])
        ranges = [('RANGE_30', 31, 60)]
        first = day(i['overdue'][0][0])
        self.assertEqual(
            engine.bucket([(first, overdue)], ranges, day(i['on'])),
            {expected['range_before']: overdue})

    def test_reamortize(self):
        case = self.cases['FIN-REAMORT-01']
        i = case['inputs']
        self.assertEqual(
            engine.reamortize(
                [D(a) for a in i['future']], D(i['overdue']),
                D(i['multiples_of'])),
            [D(a) for a in case['expected']])

    def test_write_off(self):
        case = self.cases['FIN-WRITEOFF-01']
        items = [Item(0, date(2023, 1, 1), 'principal', D('1000'))]
        for amount in case['inputs']['payments']:
            parts, _ = allocate(D(amount), items, date(2023, 1, 29))
            items[0].amount -= sum(p.amount for p in parts)
        self.assertEqual(
            items[0].amount, D(case['expected']['written_off']))

    def test_buckets(self):
        case = self.cases['FIN-DELINQ-01']
        i = case['inputs']
        ranges = [(r['name'], r['min'], r['max']) for r in i['ranges']]
        amounts = [(day(due), D(a)) for due, a in i['installments']]
        for on in i['as_of']:
            self.assertEqual(
                engine.bucket(amounts, ranges, day(on)),
                {k: D(v) for k, v in case['expected'][on].items()})
