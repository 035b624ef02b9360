# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Rounding of money to a unit, with the mode always said."""
from decimal import (
    ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Context,
    Decimal)

ROUNDINGS = {
    'half_up': ROUND_HALF_UP,
    'half_even': ROUND_HALF_EVEN,
    'up': ROUND_CEILING,
    'down': ROUND_FLOOR,
    }
CENT = Decimal('0.01')
_ONE = Decimal(1)
# The usual 28 digits are too few for what a usurer may ask in decades
_WIDE = Context(prec=400)


def round_to(amount, unit=CENT, rounding='half_up'):
    """Return amount rounded to a multiple of unit.

    amount and unit are Decimal in the same currency; unit is the smallest
    amount that can be paid (0.01) or any multiple wished (1, 100).
    rounding is a key of ROUNDINGS: half_up is commercial rounding, half_even
    the banker's, up and down go towards plus and minus infinity.
    """
    mode = ROUNDINGS[rounding]
    _, digits, exponent = unit.as_tuple()
    if digits == (1,) and exponent <= 0:
        return amount.quantize(unit, mode, _WIDE)
    return (amount / unit).quantize(_ONE, mode, _WIDE) * unit
