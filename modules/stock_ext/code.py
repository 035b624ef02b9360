# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What the code of a label or of a box says, without a database."""
import re
from collections import namedtuple
from datetime import date, datetime
from decimal import Decimal

from stdnum import ean, gs1_128
from stdnum.exceptions import InvalidChecksum, ValidationError

__all__ = ['Code', 'parse']

# FNC1 between elements of variable length, as scanners send it
_SEPARATOR = '\x1d'
# The symbology that scanners may put before GS1-128, DataMatrix, QR, DataBar
_SYMBOLOGIES = (']C1', ']d2', ']Q3', ']e0')
_EAN_LENGTHS = {8, 12, 13, 14}
# What the first digits of an element that holds a quantity measure
_MEASURES = {
    '37': 'count', '30': 'count',
    '310': 'kg', '330': 'kg',
    '315': 'l', '335': 'l',
    '316': 'm3', '336': 'm3',
    '311': 'm',
    '314': 'm2',
    '320': 'lb', '340': 'lb',
    }


class Code(namedtuple('Code', [
            'names', 'lot', 'quantity', 'problem', 'measure', 'serial',
            'expiry'],
        defaults=[None] * 4)):
    """What a code names.

    names -- the texts under which the thing may be known, the best first
    lot -- the number of the lot or the serial number, None without one
    quantity -- the Decimal quantity the code holds, None without one
    problem -- 'check_digit' when the code looks like a GTIN with a wrong
        check digit, 'gs1' when it looks like GS1-128 but can't be read
    measure -- what the quantity is measured in: 'count', 'kg', 'l', 'm3',
        'm', 'm2' or 'lb'; None without a quantity
    serial -- the serial number where the code holds a lot too
    expiry -- the datetime.date after which the goods are not to be used
    """
    __slots__ = ()

    @property
    def key(self):
        """The text that the next box has too: the GTIN, not its lot.

        A text longer than a GTIN that names one holds other elements.
        """
        text, *gtins = self.names
        return gtins[0] if gtins and len(text) > 14 else text


def parse(text):
    """Return the Code of a scanned text.

    GS1-128 element strings are read with or without parentheses (GS1 General
    Specifications, section 3): 01 and 02 are the GTIN, 10 the lot, 21 the
    serial number, 17 and 7003 the expiry, or else 15 the day up to which the
    goods are best, 30 and 37 the count, 310 and 320 the net weight in kg and
    lb, 330 and 340 the gross one, 315 and 316 the net volume in l and m3, 335
    and 336 the gross one, 311 the length in m and 314 the area in m2.  A GTIN
    is also looked for without its leading zeros, as GTIN-14, EAN-13, UPC-A
    and EAN-8 write one number, and with those that a spreadsheet has dropped.
    """
    text = text.strip()
    for symbology in _SYMBOLOGIES:
        if text.startswith(symbology):
            return _gs1(text, text.removeprefix(symbology))
    if text.startswith('('):
        # A parenthesis begins an element, what was before it has ended
        return _gs1(text, re.sub(r'\((\d{2,4})\)', rf'{_SEPARATOR}\1', text))
    if _SEPARATOR in text or (
            len(text) >= 16 and text[:2] in {'01', '02'}
            and text[2:16].isdecimal()):
        return _gs1(text, text)
    names, problem = [text], None
    if text.isascii() and text.isdecimal() and 7 <= len(text) <= 14:
        valid = ean.is_valid(text.zfill(14))
        if valid or len(text) in _EAN_LENGTHS:
            names += [g for g in _gtins(text) if g != text]
        if not valid and len(text) in _EAN_LENGTHS:
            problem = 'check_digit'
    return Code(names, None, None, problem)


def _gs1(text, elements):
    try:
        info = gs1_128.info(elements.lstrip(_SEPARATOR), _SEPARATOR)
    except InvalidChecksum:
        return Code([text], None, None, 'check_digit')
    except (ValidationError, ValueError):
        return Code([text], None, None, 'gs1')
    gtin = info.get('01') or info.get('02')
    lot, serial = info.get('10'), info.get('21')
    quantity, measure = _quantity(info)
    return Code(
        [text, *(_gtins(gtin) if gtin else [])],
        lot or serial, quantity, None, measure, serial if lot else None,
        _expiry(info))


def _quantity(info):
    "Return the quantity of the elements and its measure"
    for start, measure in _MEASURES.items():
        for identifier, value in info.items():
            if identifier == start or (
                    len(start) == 3 and identifier.startswith(start)):
                return Decimal(str(value)), measure
    return None, None


def _expiry(info):
    value = next((info[i] for i in ['17', '7003', '15'] if i in info), None)
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else None


def _gtins(gtin):
    "Return the ways of writing a GTIN"
    number = gtin.lstrip('0')
    names = [gtin]
    for length in [14, 13, 12, 8]:
        if len(number) <= length and number.zfill(length) not in names:
            names.append(number.zfill(length))
    return names
