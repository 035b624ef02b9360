# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Plates, vehicle and container numbers."""
import re
import unicodedata

from stdnum import iso6346

__all__ = [
    'VIN_LENGTH', 'compact_plate', 'compact_vin', 'container_is_valid',
    'un_number', 'vin_check_digit', 'vin_error', 'vin_hint']

VIN_LENGTH = 17

_LOOK_ALIKES = str.maketrans('АВЕКМНОРСТУХІЅЈ', 'ABEKMHOPCTYXISJ')
_VIN_CHARACTERS = re.compile(r'[0-9A-HJ-NPR-Z]*\Z')
_VIN_VALUES = dict(zip(
        '0123456789ABCDEFGHJKLMNPRSTUVWXYZ',
        [*range(10), *range(1, 9), *range(1, 6), 7, 9, *range(2, 10)]))
_VIN_WEIGHTS = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2]


def compact_plate(plate):
    """Return the form of a plate by which two plates are compared.

    Upper case, only letters and digits, the Cyrillic letters that look like
    Latin ones written as Latin, so that one vehicle is not entered twice
    from two keyboards.  Return None for an empty plate.
    """
    return ''.join(c for c in _typed(plate) if c.isalnum()) or None


def _typed(text):
    "Return a text in upper case, each character in one way of writing it"
    text = unicodedata.normalize('NFKC', text or '')
    return text.upper().translate(_LOOK_ALIKES)


def compact_vin(vin):
    """Return a vehicle identification number in upper case.

    Without separators, and with Latin letters where a Cyrillic keyboard wrote
    those that look alike.
    """
    return re.sub(r'[\s-]', '', _typed(vin)) or None


def vin_error(vin):
    """Return the first character that ISO 3779 does not allow, or None.

    The letters I, O and Q are never used: they read as 1 and 0.
    """
    for character in vin:
        if not _VIN_CHARACTERS.match(character):
            return character


def vin_check_digit(vin):
    """Return the ninth character that 49 CFR 565.15 asks for, '0'-'9' or 'X'.

    vin must have 17 allowed characters, else ValueError is raised.
    """
    if len(vin) != VIN_LENGTH or vin_error(vin):
        raise ValueError(f"not a vehicle identification number: {vin}")
    total = sum(
        _VIN_VALUES[c] * weight for c, weight in zip(vin, _VIN_WEIGHTS))
    return '0123456789X'[total % 11]


def vin_hint(vin):
    """Return what looks odd in an allowed number: 'length', 'check' or None.

    Only North America demands the check digit and old chassis and trailers
    have shorter numbers: neither is an error.
    """
    if len(vin) != VIN_LENGTH:
        return 'length'
    if vin_check_digit(vin) != vin[8]:
        return 'check'


def container_is_valid(number):
    "Return whether a container number has the check digit of ISO 6346"
    return iso6346.is_valid(number)


def un_number(text):
    """Return the four digits of a UN number, None for an empty text.

    The letters UN that papers put before it are left out.  Raise ValueError
    for anything else.
    """
    digits = re.sub(r'^UN', '', ''.join((text or '').upper().split()))
    if not digits:
        return None
    if not re.fullmatch(r'[0-9]{4}', digits):
        raise ValueError(f"not a UN number: {text}")
    return digits
