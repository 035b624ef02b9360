# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The list of 1,000 loans with all it reckons against the list of parties.

    make bench B=loan_list
"""
import datetime as dt
import time
from decimal import Decimal as D
from statistics import median

from proteus import Model
from proteus import config as proteus_config
from sql import Null
from sql.aggregate import Min, Sum

from caravan.testing import count_queries
from caravan.testing.concurrency import PostgreSQLTestCase
from trytond.modules.loan.tests.tools import (
    create_product, get_method, setup_accounting)
from trytond.pool import Pool
from trytond.transaction import Transaction, check_access

LOANS, RUNS, SLICE = 1000, 5, 100


class LoanListBenchmark(PostgreSQLTestCase):
    "Measure the list of loans"
    modules = ['loan']

    def setUp(self):
        config = proteus_config.set_trytond()
        setup_accounting(config=config)
        product = create_product(config=config)
        method = get_method(config=config).id
        self.company = config.context['company']
        today = dt.date.today()
        Party = Model.get('party.party', config=config)
        Loan = Model.get('loan.loan', config=config)
        parties = Party._proxy.create(
            [{'name': f"Party {i}"} for i in range(LOANS)], config.context)
        for start in range(0, LOANS, SLICE):
            date = today - dt.timedelta(days=start // SLICE * 20)
            loans = Loan._proxy.load_applications([{
                        'party': party, 'product': product.id,
                        'amount_requested': D('1200.00'),
                        'application_date': date, 'disbursement_date': date,
                        'decision': 'approve'}
                    for party in parties[start:start + SLICE]],
                config.context)
            Loan._proxy.book_payouts([{
                        'loan': loan, 'date': date, 'amount': D('1200.00'),
                        'method': method, 'key': None} for loan in loans],
                config.context)

    def _read(self, model, limit):
        "Return the queries and the rows of the list of model"
        Model_ = Pool().get(model)
        view = Model_.fields_view_get(view_type='tree')
        names = [f for f in view['fields'] if f in Model_._fields]
        with check_access(), count_queries() as queries:
            rows = Model_.search_read([], limit=limit, fields_names=names)
        return len(queries), len(rows)

    def _select(self):
        "The same figures by hand: what is open and since when"
        pool = Pool()
        row = pool.get('loan.instalment').__table__()
        schedule = pool.get('loan.schedule').__table__()
        part = pool.get('loan.transaction.allocation').__table__()
        cursor = Transaction().connection.cursor()
        paid = part.select(
            part.loan, part.number, Sum(part.amount).as_('amount'),
            where=part.kind != 'call', group_by=[part.loan, part.number])
        cursor.execute(*row
            .join(schedule, condition=(row.schedule == schedule.id)
                & (schedule.current_loan != Null))
            .join(paid, 'LEFT', condition=(paid.loan == row.loan)
                & (paid.number == row.number))
            .select(row.loan, Min(row.due_date), Sum(row.amount),
                Sum(row.principal), Sum(paid.amount), group_by=row.loan))
        return len(cursor.fetchall())

    def _time(self, function):
        "Return the seconds of a run in a transaction of its own"
        def run():
            started = time.perf_counter()
            result = function()
            return time.perf_counter() - started, result
        return self.transact(run, context={
                'company': self.company, 'companies': [self.company]})

    def test_list(self):
        "The list needs as many queries for many loans as for few"
        _, (few, _) = self._time(lambda: self._read('loan.loan', 10))
        ours, parties, raw = [], [], []
        for _ in range(RUNS):
            seconds, (queries, rows) = self._time(
                lambda: self._read('loan.loan', LOANS))
            ours.append(seconds)
            seconds, _ = self._time(lambda: self._read('party.party', LOANS))
            parties.append(seconds)
            seconds, selected = self._time(self._select)
            raw.append(seconds)
        self.assertEqual(rows, selected)
        print(
            f"\n{rows} loans: {queries} queries ({few} for 10), "
            f"{median(ours) * 1000:.0f} ms, the list of parties "
            f"{median(parties) * 1000:.0f} ms, ratio "
            f"{median(ours) / median(parties):.1f}, the SELECT "
            f"{median(raw) * 1000:.0f} ms, ratio "
            f"{median(ours) / median(raw):.1f}")
        self.assertLessEqual(queries, few)


del PostgreSQLTestCase
