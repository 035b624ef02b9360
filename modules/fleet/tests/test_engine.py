# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
import unittest

from trytond.modules.fleet.engine.haul import (
    Leg, capacity_share, loads, peak, work)
from trytond.modules.fleet.engine.identity import (
    compact_plate, compact_vin, container_is_valid, un_number, vin_check_digit,
    vin_error, vin_hint)
from trytond.modules.fleet.engine.validity import (
    EXPIRED, first_gap, parse_steps, warning_step)


class IdentityTestCase(unittest.TestCase):
    "Test plates and numbers"

    def test_plate(self):
        "Spaces, dashes and look-alikes do not make another plate"
        for plate, compact in [
                ("ab-12 34", 'AB1234'),
                ("АВ 1234", 'AB1234'),
                ("х777ру", 'X777PY'),
                # Composed, decomposed and full width
                ("MÜ-12", 'MÜ12'),
                ("MU\u0308-12", 'MÜ12'),
                ("ＡＢ１２", 'AB12'),
                ("", None),
                (None, None),
                (" - ", None)]:
            with self.subTest(plate=plate):
                self.assertEqual(compact_plate(plate), compact)

    def test_vin(self):
        "Charset is an error, length and check digit are hints"
        for vin, digit in [
                ('1G4AH59H45G118341', '4'),
                ('1J9RP1A36A1644345', '6'),
                ('LJCPCBLCX11000237', 'X')]:
            with self.subTest(vin=vin):
                self.assertEqual(vin_check_digit(vin), digit)
                self.assertIsNone(vin_hint(vin))
        self.assertEqual(vin_error('1M8GDM9AXKPO42788'), 'O')
        self.assertIsNone(vin_error('XTA21703'))
        self.assertEqual(vin_hint('XTA21703'), 'length')
        self.assertEqual(vin_hint('1G4AH59H55G118341'), 'check')
        # Typed on a Cyrillic keyboard
        self.assertEqual(
            compact_vin('1G4АН59-Н45G118341'), '1G4AH59H45G118341')
        with self.assertRaises(ValueError):
            vin_check_digit('XTA21703')

    def test_container(self):
        self.assertTrue(container_is_valid('CSQU3054383'))
        self.assertFalse(container_is_valid('CSQU3054384'))

    def test_un_number(self):
        for text, number in [
                ("1203", '1203'), (" UN 1203 ", '1203'), ("un1203", '1203'),
                ("", None), (None, None)]:
            with self.subTest(text=text):
                self.assertEqual(un_number(text), number)
        for text in ["120", "12034", "12O3", "abcd", "１２０３"]:
            with self.subTest(text=text), self.assertRaises(ValueError):
                un_number(text)


class ValidityTestCase(unittest.TestCase):
    "Test the steps of warnings"

    def test_parse_steps(self):
        self.assertEqual(parse_steps("7, 60,30,14, 14"), [60, 30, 14, 7])
        self.assertEqual(parse_steps(""), [])
        for text in ["x", "-1", "5000", "1.5"]:
            with self.subTest(text=text), self.assertRaises(ValueError):
                parse_steps(text)

    def test_warning_step(self):
        steps = [30, 14, 7]
        end = dt.date(2026, 3, 31)
        for today, step in [
                (dt.date(2026, 2, 28), None),
                (dt.date(2026, 3, 1), 30),
                (dt.date(2026, 3, 3), 30),
                (dt.date(2026, 3, 17), 14),
                (dt.date(2026, 3, 24), 7),
                (dt.date(2026, 3, 31), 7),
                (dt.date(2026, 4, 1), EXPIRED)]:
            with self.subTest(today=today):
                self.assertEqual(warning_step(end, steps, today), step)
        self.assertIsNone(warning_step(None, steps, end))

    def test_first_gap(self):
        "Papers in turn leave no day out"
        def day(number):
            return number and dt.date(2026, 3, number)
        for periods, gap in [
                ([], 5),
                ([(None, None)], None),
                ([(None, 9)], None),
                ([(None, 8)], 9),
                ([(None, 4)], 5),
                ([(6, None)], 5),
                ([(7, None), (None, 6)], None),
                ([(8, None), (None, 6)], 7),
                ([(1, 9), (2, 3)], None)]:
            with self.subTest(periods=periods):
                self.assertEqual(
                    first_gap(
                        [(day(a), day(b)) for a, b in periods],
                        day(5), day(9)), day(gap))


class HaulTestCase(unittest.TestCase):
    "Test load and work of a trip"

    def test_loads(self):
        "Unloading comes before loading"
        legs = [
            Leg(0, 12000), Leg(100, 9000, 12000), Leg(50, 0, 9000)]
        self.assertEqual(loads(legs), [0, 12000, 9000, 0])
        self.assertEqual(peak(legs), 12000)
        self.assertEqual(peak([]), 0)

    def test_work(self):
        legs = [Leg(20), Leg(10, 5000), Leg(100, 0, 5000), Leg(70)]
        self.assertEqual(work(legs), (200, 100, 500))
        for got, expected in zip(work(legs, 220), [220, 110, 550]):
            self.assertAlmostEqual(got, expected)
        self.assertEqual(work([], 80), (80, 0, 0))

    def test_capacity_share(self):
        self.assertEqual(capacity_share(18000, 20000), 90)
        self.assertEqual(capacity_share(70, 82), 85.4)
        self.assertIsNone(capacity_share(100, None))
        self.assertIsNone(capacity_share(100, 0))
