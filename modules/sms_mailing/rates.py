# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Amounts of documents in the currency of their company."""
from sql import Null
from sql.conditionals import Coalesce

from trytond.model import fields
from trytond.pool import Pool

__all__ = ['convert', 'numeric']


def convert(document, amount, date):
    """Return a table joined to its rates and an amount of it in ours.

    document is a table with company and currency, amount an expression in
    that currency, date the column of the day whose rates count.  Where there
    is no rate, 1 stands for it.
    """
    pool = Pool()
    Currency = pool.get('currency.currency')
    company = pool.get('company.company').__table__()
    theirs = Currency.currency_rate_sql()
    ours = Currency.currency_rate_sql()
    from_ = (document
        .join(company, condition=document.company == company.id)
        .left_join(theirs, condition=_at(theirs, document.currency, date))
        .left_join(ours, condition=_at(ours, company.currency, date)))
    return from_, amount * _rate(ours) / _rate(theirs)


def numeric(expression):
    """Return expression as a number.

    PostgreSQL multiplies it with others, SQLite compares it with one.
    """
    return fields.Numeric("Number").sql_cast(expression)


def _at(rate, currency, date):
    "Return the condition that a rate is that of currency on date"
    return (
        (rate.currency == currency)
        & (rate.start_date <= date)
        & ((rate.end_date == Null) | (rate.end_date > date)))


def _rate(rate):
    return Coalesce(rate.rate, 1)
