# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
import itertools
import random
import unittest
from collections import Counter
from decimal import Decimal

from trytond.modules.crm_party.kernel import expectation, periods, tiers
from trytond.modules.crm_party.kernel.names import (
    name_key, numbers, ratio, score)
from trytond.modules.crm_party.kernel.pairs import alike, same
from trytond.modules.crm_party.kernel.rhythm import (
    anniversary, rhythm, silence)
from trytond.modules.crm_party.kernel.text import likely_encoding
from trytond.modules.crm_party.kernel.worth import churn_rates, segment

from .common import CASES


class NamesTestCase(unittest.TestCase):
    "Test names"

    def test_name_key(self):
        for case in CASES['dedupe_pairs']:
            for name, key in [
                    (case['a'], case['norm_a']), (case['b'], case['norm_b'])]:
                with self.subTest(name):
                    self.assertEqual(name_key(name), key)

    def test_name_key_edges(self):
        for name, key in [
                (None, ''), ('', ''), ('...', ''), ("Ltd.", 'ltd'),
                ("ТОО", 'too'), ("Łódź & Co", 'lodz and'),
                ("Ő", 'o')]:
            with self.subTest(name):
                self.assertEqual(name_key(name), key)

    def test_ratio(self):
        for case in CASES['dedupe_pairs']:
            with self.subTest(a=case['a'], b=case['b']):
                self.assertEqual(
                    round(100 * ratio(case['norm_a'], case['norm_b']), 2),
                    case['rf_token_sort'])

    def test_score(self):
        names = {'postal': 'postal_code'}
        for case in CASES['dedupe_score']['cases']:
            values = {
                names.get(k, k): v for k, v in case.items()
                if k != 'expected'}
            with self.subTest(**values):
                self.assertEqual(
                    round(score(**values), 2), case['expected'])

    def test_alike(self):
        "No pair is missed"
        choose = random.Random(5)
        words = [
            ''.join(choose.choices('aeiklmnorst', k=choose.randrange(2, 7)))
            for _ in range(30)]
        keys = {
            i: ' '.join(choose.choices(words, k=choose.randrange(1, 4)))
            + choose.choice(['', '', ' 1', ' 2'])
            for i in range(150)}
        places = {i: {choose.randrange(5)} for i in keys}
        for threshold, blocks in itertools.product(
                [0.8, 0.9], [None, places]):
            expected = {
                (a, b) for a, b in itertools.combinations(keys, 2)
                if ratio(keys[a], keys[b]) >= threshold
                and numbers(keys[a]) == numbers(keys[b])
                and (not blocks or blocks[a] & blocks[b])}
            found = {
                (a, b) for a, b, _ in alike(keys, threshold, blocks)}
            with self.subTest(threshold=threshold, blocks=bool(blocks)):
                self.assertTrue(expected)
                self.assertEqual(found, expected)

    def test_same(self):
        values = [(1, 'a'), (2, 'a'), (3, None), (4, None), (2, 'b')]
        self.assertEqual(same(values), {(1, 2)})
        crowd = [(i, 'x') for i in range(21)]
        self.assertEqual(same(crowd), set())
        self.assertEqual(len(same(crowd[:20])), 190)


class RhythmTestCase(unittest.TestCase):
    "Test rhythm"

    def test_rhythm(self):
        start = dt.date(2026, 1, 1)
        for days, expected in [
                ([], None), ([0], None), ([0, 10, 20], None),
                ([0, 10, 20, 30], 10), ([0, 0, 10, 10, 20], None),
                ([0, 10, 20, 200], 10), ([30, 0, 20, 10], 10),
                ([0, 1, 2, 3, 100, 101], 1)]:
            with self.subTest(days=days):
                self.assertEqual(
                    rhythm([start + dt.timedelta(days=d) for d in days]),
                    expected)

    def test_silence(self):
        cases = CASES['due_contacts']
        today = dt.date.fromisoformat(cases['today'])

        def date(text):
            return dt.date.fromisoformat(text) if text else None
        for case in cases['cases']:
            interval = case['override']
            if interval is None:
                interval = min(
                    case['intervals'], default=cases['config_interval'])
            with self.subTest(**case):
                self.assertEqual(
                    silence(today, date(case['last']),
                        date(case.get('created')), interval),
                    case.get('overdue_days'))

    def test_anniversary(self):
        for case in CASES['due_contacts']['birthdays']:
            with self.subTest(**case):
                found = anniversary(
                    dt.date.fromisoformat(case['born']),
                    dt.date.fromisoformat(case['today']), case['lead'])
                self.assertEqual(found is not None, case['due'])
        self.assertIsNone(anniversary(
                dt.date(1980, 7, 19), dt.date(2026, 7, 15), 3))


class TextTestCase(unittest.TestCase):
    "Test the encodings of texts"

    def test_likely_encoding(self):
        for text, encoding in [
                ("Name;Ort\nMüller;Köln\nÇağlar;Paris", 'cp1252'),
                ("Nom;Prénom\nÉlodie;Crème brûlée", 'cp1252'),
                ("Имя;Город\nИван;Алматы", 'cp1251'),
                ("Name;City\nООО Ромашка;Moscow", 'cp1251'),
                ("plain", 'cp1252')]:
            with self.subTest(text):
                content = text.encode(encoding, errors='replace')
                self.assertEqual(likely_encoding(content), encoding)


class WorthTestCase(unittest.TestCase):
    "Test what customers are worth"

    def test_segment(self):
        for name, case in CASES['rfm_small']['expected'].items():
            if case:
                with self.subTest(name):
                    self.assertEqual(
                        segment(case['r'], case['f'], case['m']),
                        case['segment'])
        self.assertIsNone(segment(None, None, None))
        # Each combination has a segment
        scores = range(1, 6)
        for values in itertools.product(scores, scores, scores):
            self.assertTrue(segment(*values))

    def test_churn_rates(self):
        for case in CASES['churn_formulas']['cases']:
            rate, yearly, lifetime = churn_rates(case['start'], case['lost'])
            with self.subTest(**case):
                self.assertEqual(rate, case['monthly_churn'])
                if rate is not None:
                    self.assertAlmostEqual(yearly, case['annual_churn'], 5)
                    self.assertAlmostEqual(
                        lifetime, case['expected_lifetime_months'], 4)
        self.assertEqual(churn_rates(10, 0), (0, 0, None))
        self.assertEqual(churn_rates(1, 2)[1], 1)


class ExpectationTestCase(unittest.TestCase):
    "Test what customers may be expected to buy"

    def test_purchases(self):
        cases = CASES['bg_nbd']
        parameters = tuple(cases['params_paper'].values())
        for case in cases['p_alive']:
            with self.subTest(**case):
                self.assertAlmostEqual(
                    expectation.p_alive(
                        parameters, case['x'], case['t_x'], case['T']),
                    case['expected'], 4)
        for case in cases['expected_purchases']:
            with self.subTest(**case):
                self.assertAlmostEqual(
                    expectation.expected_purchases(parameters, case['t']),
                    case['expected'], delta=cases['expected_purchases_tol'])
        case = cases['conditional_expectation']
        self.assertAlmostEqual(
            expectation.expected_purchases(
                parameters, case['t'], case['x'], case['t_x'], case['T']),
            case['expected'], delta=case['tol'])

    def test_expected_purchases_gap(self):
        "Nothing jumps where the formula divides by zero"
        around = [
            expectation.expected_purchases((.24, 4.4, a, 2.4), 52, 3, 20, 39)
            for a in [1 - 1e-5, 1, 1 + 1e-5]]
        self.assertAlmostEqual(around[1], around[0], 4)
        self.assertAlmostEqual(around[1], around[2], 4)

    def test_values(self):
        cases = CASES['gamma_gamma']
        parameters = tuple(cases['params_paper'].values())
        for (x, mean), expected in zip(cases['input'], cases['expected']):
            with self.subTest(x=x, mean=mean):
                self.assertAlmostEqual(
                    expectation.expected_value(parameters, x, mean),
                    expected, delta=cases['tol'])

    def test_fit(self):
        "What is fitted is more likely than what is near"
        choose = random.Random(7)
        customers = []
        for _ in range(60):
            age = choose.randrange(20, 40)
            last = choose.randrange(1, age)
            x = choose.choice([0, 0, 1, 2, 5])
            customers.append((x, last if x else 0, age))
        found = expectation.fit_purchases(customers)
        counts = Counter(customers)
        best = expectation.log_likelihood(found, counts)
        for i, factor in itertools.product(range(4), [0.9, 1.1]):
            other = list(found)
            other[i] *= factor
            self.assertLess(
                expectation.log_likelihood(other, counts), best + 1e-6)


class PeriodsTestCase(unittest.TestCase):
    "Test the dates of contracts"

    def date(self, text):
        return dt.date.fromisoformat(text) if text else None

    def test_anchor(self):
        for case in CASES['contract_anchor']['cases']:
            anchor = self.date(case['anchor'])
            found = periods.periods(anchor, 'month', case['months'], anchor)
            with self.subTest(anchor=anchor):
                self.assertEqual(
                    [str(p.start) for p in itertools.islice(found, 5)],
                    case['starts'])

    def test_periods(self):
        case = CASES['contract_periods']
        found = list(periods.periods(
                self.date(case['anchor']), 'month', case['months'],
                self.date(case['anchor']), self.date(case['end'])))
        self.assertEqual(
            [[str(p.start), str(p.end)] for p in found], case['expected'])
        last = case['proration_last']
        self.assertEqual(
            (found[-1].days, found[-1].full_days, str(found[-1].full_end)),
            (last['days'], last['full_days'], last['full_end']))
        self.assertEqual(
            str(periods.prorate(
                    Decimal(last['amount']), last['days'],
                    last['full_days'])),
            last['expected'])

    def test_first(self):
        "An anchor on another day cuts the first period"
        for anchor in [dt.date(2026, 3, 1), dt.date(2020, 1, 1)]:
            first, second = periods.periods(
                anchor, 'month', 1, dt.date(2026, 1, 15),
                until=dt.date(2026, 2, 1))
            self.assertEqual(
                (first.start, first.end, first.days, first.full_days),
                (dt.date(2026, 1, 15), dt.date(2026, 1, 31), 17, 31))
            self.assertEqual(second.start, dt.date(2026, 2, 1))

    def test_rest(self):
        def day(number):
            return dt.date(2026, 3, number)
        for spans, expected in [
                ([], [(5, 20)]),
                ([(1, 4), (21, 25)], [(5, 20)]),
                ([(1, 25)], []),
                ([(15, 20), (1, 7)], [(8, 14)]),
                ([(8, 9), (8, 9), (11, 11)], [(5, 7), (10, 10), (12, 20)])]:
            spans, expected = (
                [(day(a), day(b)) for a, b in pairs]
                for pairs in [spans, expected])
            with self.subTest(spans=spans):
                self.assertEqual(
                    list(periods.rest(day(5), day(20), spans)), expected)
        self.assertEqual(list(periods.rest(day(5), day(4), [])), [])

    def test_invoice_date(self):
        for case in CASES['contract_next_invoice']['cases']:
            start, mode, offset, rule, interval, end = case['args']
            start, end = self.date(start), self.date(end)
            period = next(periods.periods(
                    start, {'monthly': 'month', 'yearly': 'year'}[rule],
                    interval, start, end), None)
            found = period and periods.invoice_date(
                period, mode.replace('-', '_'), offset)
            with self.subTest(**case):
                self.assertEqual(str(found or None), str(case['expected']))

    def test_renewal(self):
        cases = CASES['contract_renewal']
        for case in cases['cases']:
            end = self.date(case['end'])
            with self.subTest(**case):
                self.assertEqual(
                    str(periods.notice_date(end, case['notice_months'])),
                    case['notice_date'])
                self.assertEqual(
                    str(periods.renewed_end(end, case['renew_months'])),
                    case['renewed_end'])
        end = self.date(cases['cases'][0]['end'])
        start = end - dt.timedelta(days=364)
        notice = self.date(cases['cases'][0]['notice_date'])
        for case in cases['states']:
            with self.subTest(**case):
                self.assertEqual(
                    periods.phase(
                        self.date(case['today']), start, end, notice),
                    case['expected'])
        self.assertEqual(
            periods.phase(start - dt.timedelta(days=1), start), 'upcoming')
        self.assertEqual(periods.phase(start, start), 'running')


class TiersTestCase(unittest.TestCase):
    "Test discounts"

    def setUp(self):
        self.cases = CASES['discount_tiers']
        self.tiers = [
            (Decimal(t['from']), t['name']) for t in self.cases['tiers']]

    def test_tier(self):
        for case in self.cases['cases']:
            with self.subTest(**case):
                self.assertEqual(
                    tiers.tier(Decimal(case['turnover']), self.tiers),
                    case['tier'])

    def test_distance(self):
        self.assertEqual(
            tiers.distance(Decimal('999.99'), self.tiers),
            (Decimal('0.01'), 'silver'))
        self.assertEqual(
            tiers.distance(Decimal('1000'), self.tiers),
            (Decimal('4000'), 'gold'))
        self.assertIsNone(tiers.distance(Decimal('20000'), self.tiers))

    def test_keep(self):
        starts = {name: start for start, name in self.tiers}
        for case in self.cases['downgrade']:
            kept = tiers.keep(
                starts[case['current']], starts[case['computed']],
                case['policy'],
                *(dt.date.fromisoformat(case.get(n, '2026-07-01'))
                    for n in ['today', 'valid_until']))
            with self.subTest(**case):
                self.assertEqual(
                    case['current'] if kept else case['computed'],
                    case['result'])
        for policy in ['never', 'period_end', 'immediate']:
            self.assertFalse(tiers.keep(0, 1, policy, dt.date.max))
            self.assertFalse(tiers.keep(None, 1, policy, dt.date.max))

    def test_best(self):
        for case in self.cases['best_of']:
            with self.subTest(**case):
                self.assertEqual(
                    tiers.best(
                        [case['card_percent'], case['fixed_percent']],
                        case['policy']),
                    Decimal(case['result']))
