# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from sql import Cast
from sql.functions import Round

from trytond.model import fields

__all__ = ['rounded']


def rounded(quantity, digits=6):
    """Return the SQL of a sum of floats without its rounding noise.

    A form that shows less digits than there are takes its record as changed:
    what is shown with some digits is rounded to them.
    """
    return fields.Float("Quantity").sql_cast(
        Round(Cast(quantity, 'NUMERIC'), digits))
