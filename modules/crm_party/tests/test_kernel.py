# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
import itertools
import random
import unittest

from trytond.modules.crm_party.kernel.names import (
    name_key, numbers, ratio, score)
from trytond.modules.crm_party.kernel.pairs import alike, same
from trytond.modules.crm_party.kernel.rhythm import (
    anniversary, rhythm, silence)

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
            for _ in range(60)]
        keys = {
            i: ' '.join(choose.choices(words, k=choose.randrange(1, 4)))
            + choose.choice(['', '', ' 1', ' 2'])
            for i in range(400)}
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
