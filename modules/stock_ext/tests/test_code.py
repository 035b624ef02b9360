# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import unittest
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from stdnum import ean

from trytond.modules.stock_ext.code import parse


class CodeTestCase(unittest.TestCase):
    "Test what scanned codes say"

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
                ('(01)04006381333932', '(01)04006381333932', None, None,
                    'gs1'),
                ]:
            with self.subTest(text=text):
                code = parse(text)
                self.assertIn(name, code.names)
                self.assertEqual(
                    code[1:], (lot, quantity, problem))

    @given(st.integers(0, 10 ** 12 - 1), st.integers(0, 9))
    def test_check_digit(self, number, digit):
        "A wrong check digit is told, whatever the number"
        body = f'{number:012}'
        right = ean.calc_check_digit(body)
        code = parse(body + str(digit))
        self.assertEqual(
            code.problem, None if str(digit) == right else 'check_digit')

    @given(st.text(max_size=40))
    def test_anything(self, text):
        "No text makes it fail"
        self.assertTrue(parse(text).names)
