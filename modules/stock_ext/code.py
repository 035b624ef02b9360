# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What the code of a label or of a box says, without a database."""
from collections import namedtuple
from decimal import Decimal

from stdnum import ean, gs1_128
from stdnum.exceptions import ValidationError

__all__ = ['Code', 'parse']

# FNC1 between elements of variable length, as scanners send it
_SEPARATOR = '\x1d'
# The symbology that scanners may put before GS1-128, DataMatrix, QR, DataBar
_SYMBOLOGIES = (']C1', ']d2', ']Q3', ']e0')
_EAN_LENGTHS = {8, 12, 13, 14}
_QUANTITIES = ['37', '30', '310', '315', '316']


class Code(namedtuple('Code', ['names', 'lot', 'quantity', 'problem'])):
    """What a code names.

    names -- the texts under which the thing may be known, the best first
    lot -- the number of the lot or the serial number, None without one
    quantity -- the Decimal quantity the code holds, None without one
    problem -- 'check_digit' when the code looks like a GTIN with a wrong
        check digit, 'gs1' when it looks like GS1-128 but can't be read
    """
    __slots__ = ()


def parse(text):
    """Return the Code of a scanned text.

    GS1-128 element strings are read with or without parentheses (GS1 General
    Specifications, section 3): 01 and 02 are the GTIN, 10 the lot, 21 the
    serial number, 30 and 37 the count, 310 the net weight in kg, 315 and 316
    the net volume in l and m3.  A GTIN is also looked for without its leading
    zeros, as GTIN-14, EAN-13, UPC-A and EAN-8 write one number.
    """
    text = text.strip()
    for symbology in _SYMBOLOGIES:
        if text.startswith(symbology):
            return _gs1(text, text.removeprefix(symbology))
    if text.startswith('(') or _SEPARATOR in text or (
            len(text) > 16 and text[:2] in {'01', '02'}
            and text[2:16].isdigit()):
        return _gs1(text, text)
    problem = None
    if text.isdigit() and len(text) in _EAN_LENGTHS:
        names = _gtins(text)
        if not ean.is_valid(text.zfill(13) if len(text) == 12 else text):
            problem = 'check_digit'
    else:
        names = [text]
    return Code(names, None, None, problem)


def _gs1(text, elements):
    try:
        info = gs1_128.info(elements.lstrip(_SEPARATOR), _SEPARATOR)
    except (ValidationError, ValueError):
        return Code([text], None, None, 'gs1')
    gtin = info.get('01') or info.get('02')
    quantity = next((
            Decimal(str(info[k])) for start in _QUANTITIES
            for k in info if k.startswith(start)), None)
    return Code(
        [text, *(_gtins(gtin) if gtin else [])],
        info.get('10') or info.get('21'), quantity, None)


def _gtins(gtin):
    "Return the ways of writing a GTIN"
    number = gtin.lstrip('0')
    names = [gtin]
    for length in [14, 13, 12, 8]:
        if len(number) <= length and number.zfill(length) not in names:
            names.append(number.zfill(length))
    return names
