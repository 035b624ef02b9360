# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What the queries of SQLite and PostgreSQL say differently, and rates."""
from sql import Cast
from sql.functions import Function

from trytond import backend

__all__ = ['days_between', 'percent']


class _JulianDay(Function):
    __slots__ = ()
    _function = 'JULIANDAY'


def days_between(start, end):
    "Return the SQL expression of the days from one date to another"
    if backend.name == 'sqlite':
        return Cast(_JulianDay(end) - _JulianDay(start), 'INTEGER')
    return Cast(end, 'DATE') - Cast(start, 'DATE')


def percent(rate):
    "Return in words what a rate, a fraction, is entered and shown as"
    return format((rate * 100).normalize(), 'f')
