# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from collections import defaultdict
from decimal import Decimal

from sql import Literal, Null, Window
from sql.aggregate import Count, Max, Min, Sum

from trytond.pool import Pool, PoolMeta
from trytond.transaction import Transaction

from .kernel.expectation import (
    expected_purchases, expected_value, fit_purchases, fit_values, p_alive)
from .tools import days_between, forget
from .turnover import turnover

# Fewer say too little of the others
ENOUGH = 200
# More do not change what is fitted
_SAMPLE = 5000
_YEAR = 365 / 7


class Profile(metaclass=PoolMeta):
    __name__ = 'crm.profile'

    @classmethod
    def compute(cls):
        super().compute()
        cls.store_expectation()

    @classmethod
    def store_expectation(cls):
        """Store how likely each customer buys again and what he will bring.

        Empty for the customers of companies where less than ENOUGH have
        bought twice.
        """
        cursor = Transaction().connection.cursor()
        table = cls.__table__()
        company = Transaction().context.get('company')
        where = Literal(True)
        if company is not None:
            where = table.company == company
        cursor.execute(*table.update(
                [table.p_alive, table.expected_value], [Null, Null],
                where=where))
        customers = defaultdict(list)
        for company_id, *customer in cls._get_customers():
            if company is None or company_id == company:
                customers[company_id].append(customer)
        update = table.update(
            [table.p_alive, table.expected_value], [0, 0],
            where=(table.party == 0) & (table.company == 0))
        values = [
            (*expected, party, company_id)
            for company_id, rows in customers.items()
            for party, expected in _expect(rows)]
        if values:
            cursor.executemany(str(update), values)
        forget(cls.__name__)

    @classmethod
    def _get_customers(cls):
        """Return the purchases of each customer.

        Tuples of the ids of company and party, the number of days with a
        purchase after the first, the days from the first to the last and to
        today, the turnover after the first and the digits of its currency.
        """
        today = cls.last_contact.sql_cast(
            Literal(Pool().get('ir.date').today()))
        documents = turnover()
        days = documents.select(
            documents.company, documents.party, documents.date,
            documents.digits, Sum(documents.amount).as_('amount'),
            where=documents.amount > 0,
            group_by=[
                documents.company, documents.party, documents.date,
                documents.digits])
        days = days.select(
            days.company, days.party, days.date, days.amount, days.digits,
            Min(days.date, window=Window([days.company, days.party])
                ).as_('first'))
        cursor = Transaction().connection.cursor()
        cursor.execute(*days.select(
                days.company, days.party,
                Count(days.date) - 1,
                days_between(Min(days.date), Max(days.date)),
                days_between(Min(days.date), today),
                Sum(days.amount, filter_=days.date > days.first),
                days.digits,
                group_by=[days.company, days.party, days.digits]))
        return cursor.fetchall()


def _expect(customers):
    """Yield (party id, (probability, value of the next year)).

    customers are the rows of _get_customers without the company, the times
    in days.
    """
    weeks = [
        (party, x, last / 7, age / 7, float(value) / x if x else 0, digits)
        for party, x, last, age, value, digits in customers if age >= 0]
    repeated = [(x, mean) for _, x, _, _, mean, _ in weeks if x]
    if len(repeated) < ENOUGH:
        return
    purchases = fit_purchases(_sample([w[1:4] for w in weeks]))
    values = fit_values(_sample(repeated))
    for party, x, last, age, mean, digits in weeks:
        number = expected_purchases(purchases, _YEAR, x, last, age)
        value = number * expected_value(values, x, mean)
        yield party, (
            round(p_alive(purchases, x, last, age), 4),
            round(Decimal(value), digits))


def _sample(rows):
    return rows[::len(rows) // _SAMPLE + 1]
