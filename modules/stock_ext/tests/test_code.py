# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
import unittest
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import ean

from caravan.testing import examples
from trytond.modules.stock_ext.code import parse

_FNC1 = '\x1d'


class CodeTestCase(unittest.TestCase):
    "Test what scanned codes say"

    def test_key(self):
        "The next box has the same key"
        for text, key in [
                ('BOLT-7', 'BOLT-7'), ('4006381333931', '4006381333931'),
                ('(01)04006381333931(10)L-9', '04006381333931'),
                ('010400638133393110L9', '04006381333931'),
                ('(10)L-9', '(10)L-9'), ('(01)99', '(01)99')]:
            with self.subTest(text=text):
                self.assertEqual(parse(text).key, key)

    def test_codes(self):
        for text, name, lot, quantity, problem in [
                ('BOLT-7', 'BOLT-7', None, None, None),
                (' 4006381333931\r', '4006381333931', None, None, None),
                ('4006381333932', '4006381333932', None, None,
                    'check_digit'),
                ('96385074', '96385074', None, None, None),
                ('036000291452', '0036000291452', None, None, None),
                ('(01)04006381333931(10)L-9', '4006381333931', 'L-9', None,
                    None),
                (']C1010400638133393110L-9\x1d3712', '4006381333931', 'L-9',
                    Decimal(12), None),
                ('0104006381333931\x1d21S1', '4006381333931', 'S1', None,
                    None),
                ('(01)04006381333931(3102)001250', '4006381333931', None,
                    Decimal('12.5'), None),
                ('0104006381333931', '4006381333931', None, None, None),
                ('36000291452', '036000291452', None, None, None),
                ('(01)04006381333932', '(01)04006381333932', None, None,
                    'check_digit'),
                ('(01)04006381333931(17)261331', '(01)04006381333931'
                    '(17)261331', None, None, 'gs1'),
                ]:
            with self.subTest(text=text):
                code = parse(text)
                self.assertIn(name, code.names)
                self.assertEqual(
                    code[1:4], (lot, quantity, problem))

    def test_elements(self):
        "Elements end where the next one begins, in any order"
        gtin, day = '04006381333931', dt.date(2026, 2, 28)
        for text, measure, serial, expiry in [
                ('(01){}(10)L-9(21)S1(17)260228', None, 'S1', day),
                ('(01){}(17)260200(10)L-9', None, None, day),
                ('(10)L-9(01){}', None, None, None),
                ('(01){}(15)260228(10)L-9', None, None, day),
                ('(01){}(15)260101(17)260228(10)L-9', None, None, day),
                ('01{}10L-9\x1d17260228', None, None, day),
                (']C101{}172602283712\x1d10L-9', 'count', None, day),
                (']d2\x1d01{}3103001250172602283012\x1d10L-9', 'count',
                    None, day),
                ('(01){}(3103)001250(10)L-9', 'kg', None, None),
                ('(01){}(10)L-9(3201)000125', 'lb', None, None),
                ('(01){}(10)L-9(3152)000125', 'l', None, None),
                ('01{}10L-9\x1d70032602281200', None, None, day),
                ]:
            with self.subTest(text=text):
                code = parse(text.format(gtin))
                self.assertIn('4006381333931', code.names)
                self.assertEqual(code.lot, 'L-9')
                self.assertEqual(
                    (code.measure, code.serial, code.expiry),
                    (measure, serial, expiry))
                self.assertEqual(code.quantity is None, measure is None)

    @settings(max_examples=examples(100))
    @given(st.text(
            st.characters(codec='ascii', categories=['Lu', 'Nd']),
            min_size=1, max_size=20), st.integers(1, 10 ** 8 - 1))
    def test_written(self, lot, count):
        "What is written on a label is read again, however it is sent"
        for text in [
                f'(01)04006381333931(10){lot}(37){count}',
                f'(01)04006381333931(37){count}(10){lot}',
                f']C1010400638133393110{lot}\x1d37{count}',
                f'0104006381333931{_FNC1}37{count}{_FNC1}10{lot}']:
            code = parse(text)
            self.assertEqual(
                (code.lot, code.quantity, code.problem), (lot, count, None))

    @settings(max_examples=examples(100))
    @given(st.integers(0, 10 ** 12 - 1), st.integers(0, 9))
    def test_check_digit(self, number, digit):
        "A wrong check digit is told, whatever the number"
        body = f'{number:012}'
        right = ean.calc_check_digit(body)
        code = parse(body + str(digit))
        self.assertEqual(
            code.problem, None if str(digit) == right else 'check_digit')

    @settings(max_examples=examples(100))
    @given(st.text(max_size=40))
    def test_anything(self, text):
        "No text makes it fail"
        self.assertTrue(parse(text).names)
