# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Small things that several models share."""
import datetime as dt
from bisect import bisect_right
from collections import defaultdict
from operator import itemgetter

from caravan.days import to_local
from trytond.pool import Pool
from trytond.transaction import Transaction

__all__ = [
    'Rates', 'format_datetime', 'format_period', 'now', 'whole_minute']


def format_datetime(company, at):
    "Return the UTC time at as text in the language of the user"
    Lang = Pool().get('ir.lang')
    if at is None:
        return '…'
    lang = Lang.get()
    return lang.strftime(to_local(company, at), lang.date + ' %H:%M')


def format_period(company, start, end):
    return '%s – %s' % (
        format_datetime(company, start), format_datetime(company, end))


def whole_minute(at):
    "Return the time at, or the next whole minute"
    return (at + dt.timedelta(seconds=59, microseconds=999999)).replace(
        second=0, microsecond=0)


def now():
    "Return the UTC time to the second, as DateTime fields store it"
    return dt.datetime.now(dt.UTC).replace(microsecond=0, tzinfo=None)


class Rates:
    """The rates of currencies by day, read at once.

    currencies: list of ids
    """

    def __init__(self, currencies):
        Rate = Pool().get('currency.currency.rate')
        self._rates = defaultdict(list)
        if len(currencies) < 2:
            return
        for rate in Rate.search([
                    ('currency', 'in', currencies),
                    ], order=[('date', 'ASC')]):
            self._rates[rate.currency.id].append((rate.date, rate.rate))

    def _rate(self, currency, day):
        rates = self._rates[currency.id]
        index = bisect_right(rates, day, key=itemgetter(0))
        return rates[index - 1][1] if index else None

    def compute(self, from_, amount, to, day):
        "Return the rounded amount of a currency in another one on a day"
        Currency = Pool().get('currency.currency')
        rates = self._rate(to, day), self._rate(from_, day)
        if from_ == to or not all(rates):
            # Names the currency that has no rate
            with Transaction().set_context(date=day):
                return Currency.compute(from_, amount, to)
        return to.round(amount * rates[0] / rates[1])
