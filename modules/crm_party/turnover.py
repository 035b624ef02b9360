# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from sql import Null, With
from sql.conditionals import Case
from sql.functions import Round

from trytond.pool import Pool

__all__ = ['POSTED', 'turnover']

POSTED = ['posted', 'paid']


def turnover(start=None, end=None, states=POSTED):
    """Return the query of what customers were invoiced from start to end.

    start and end are dates, None for open; states are those of the
    invoices.  The columns are id (of the
    invoice), party, company, date, amount, without taxes in the currency of
    the company and below zero for credit notes, and currency and digits of
    the company.
    """
    pool = Pool()
    Company = pool.get('company.company')
    Currency = pool.get('currency.currency')
    Invoice = pool.get('account.invoice')
    invoice = Invoice.__table__()
    company = Company.__table__()
    currency = Currency.__table__()
    rates = [With(query=Currency.currency_rate_sql()) for _ in range(2)]
    from_item = (invoice
        .join(company, condition=invoice.company == company.id)
        .join(currency, condition=company.currency == currency.id))
    for rate, column in zip(rates, [company.currency, invoice.currency]):
        from_item = from_item.join(rate, 'LEFT',
            condition=(invoice.currency != company.currency)
            & (rate.currency == column)
            & (rate.start_date <= invoice.invoice_date)
            & ((rate.end_date == Null)
                | (rate.end_date > invoice.invoice_date)))
    amount = Invoice.untaxed_amount_cache.sql_cast(
        invoice.untaxed_amount_cache)
    own, foreign = rates
    where = ((invoice.type == 'out')
        & invoice.state.in_(states)
        & (invoice.invoice_date != Null))
    if start:
        where &= invoice.invoice_date >= start
    if end:
        where &= invoice.invoice_date <= end
    return from_item.select(
        invoice.id.as_('id'),
        invoice.party.as_('party'),
        invoice.company.as_('company'),
        invoice.invoice_date.as_('date'),
        Case(
            (invoice.currency == company.currency, amount),
            else_=Round(
                Invoice.untaxed_amount_cache.sql_cast(
                    amount * own.rate / foreign.rate), currency.digits)
            ).as_('amount'),
        company.currency.as_('currency'),
        currency.digits.as_('digits'),
        where=where,
        with_=rates)
