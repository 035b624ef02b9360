# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import re

from sql import Cast, Literal
from sql.functions import Function
from sql.operators import Concat

from trytond import backend
from trytond.tools.email_ import EmailNotValidError, validate_email
from trytond.transaction import Transaction

__all__ = ['add_days', 'days_between', 'forget', 'is_email']

_EMAIL = re.compile(r'[^@\s]+@[^@\s]+\.[^@\s]+')


class _Date(Function):
    __slots__ = ()
    _function = 'DATE'


class _JulianDay(Function):
    __slots__ = ()
    _function = 'JULIANDAY'


def add_days(date, days):
    """Return the SQL expression of a date some days later.

    date and days are SQL expressions of a date and an integer.
    """
    if backend.name == 'sqlite':
        return _Date(date, Concat(Cast(days, 'VARCHAR'), Literal(' days')))
    return Cast(date, 'DATE') + Cast(days, 'INTEGER')


def days_between(start, end):
    """Return the SQL expression of the days from start to end.

    Both are SQL expressions of dates.
    """
    if backend.name == 'sqlite':
        return Cast(_JulianDay(end) - _JulianDay(start), 'INTEGER')
    return Cast(end, 'DATE') - Cast(start, 'DATE')


def forget(*models):
    """Drop what the transaction remembers of the models.

    To be called with their names after their tables were changed by SQL.
    """
    transaction = Transaction()
    transaction.counter += 1
    for cache in transaction.cache.values():
        for model in models:
            if model in cache:
                cache[model].clear()


def is_email(text):
    "Return whether a text is an e-mail address that a party may have"
    if not _EMAIL.fullmatch(text):
        return False
    try:
        validate_email(text)
    except EmailNotValidError:
        return False
    return True
