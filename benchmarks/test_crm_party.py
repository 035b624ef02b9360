# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What many customers cost: scan, hand-over, My Day, RFM and churn.

    make bench B=crm_party

The analysis reads a million invoices; CRM_INVOICES in the environment takes
another number.
"""
import datetime as dt
import os
import time
from statistics import median
from unittest.mock import patch

from caravan.testing.concurrency import PostgreSQLTestCase
from trytond.modules.company.tests import create_company
from trytond.modules.crm_party.tests import common, test_duplicate, test_size
from trytond.pool import Pool
from trytond.tests import test_tryton
from trytond.transaction import Transaction

SIZE, CUSTOMERS, RUNS = 10_000, 20_000, 3
INVOICES = int(os.environ.get('CRM_INVOICES', 1_000_000))
TODAY = dt.date(2026, 6, 30)

PARTIES = """
INSERT INTO party_party (name, name_key, code, active, create_date)
SELECT 'Customer ' || i, 'customer ' || i, 'B' || i, true, now()
FROM generate_series(1, %(customers)s) AS i
"""
DOCUMENTS = """
INSERT INTO account_invoice
    (type, state, company, currency, party, invoice_date,
        untaxed_amount_cache, total_amount_cache, create_date)
SELECT 'out', 'posted', %(company)s, %(currency)s,
    (SELECT min(id) FROM party_party WHERE code = 'B1')
        + (%(customers)s * power(random(), 2))::int %% %(customers)s,
    %(today)s::date - (random() * 720)::int, a, a, now()
FROM (SELECT round((random() * 1000)::numeric, 2) - 50 AS a
    FROM generate_series(1, %(invoices)s)) AS n
"""
# What somebody who knows the data would write in psql
RFM = """
WITH bought AS (
    SELECT party, max(invoice_date) FILTER (WHERE amount > 0) AS last,
        count(DISTINCT invoice_date) FILTER (WHERE amount > 0) AS f,
        sum(amount) AS m
    FROM (SELECT party, invoice_date, untaxed_amount_cache AS amount
        FROM account_invoice
        WHERE type = 'out' AND state IN ('posted', 'paid')
            AND company = %(company)s AND invoice_date <= %(today)s
            AND invoice_date > %(today)s::date - 365) AS i
    GROUP BY party HAVING count(*) FILTER (WHERE amount > 0) > 0)
SELECT party, %(today)s::date - last, f, m,
    1 + least(4, floor(5 * percent_rank() OVER (ORDER BY last))),
    1 + least(4, floor(5 * percent_rank() OVER (ORDER BY f))),
    1 + least(4, floor(5 * percent_rank() OVER (ORDER BY m)))
FROM bought ORDER BY party
"""
CHURN = """
WITH days AS (
    SELECT party, invoice_date AS day FROM account_invoice
    WHERE type = 'out' AND state IN ('posted', 'paid')
        AND company = %(company)s AND invoice_date <= %(today)s
        AND untaxed_amount_cache > 0
    GROUP BY 1, 2),
gaps AS (
    SELECT day, lag(day) OVER w AS previous, lead(day) OVER w AS next
    FROM days WINDOW w AS (PARTITION BY party ORDER BY day)),
events AS (
    SELECT date_trunc('month', day) AS month, 1 AS new, 0 AS back, 0 AS lost
    FROM gaps WHERE previous IS NULL
    UNION ALL
    SELECT date_trunc('month', day), 0, 1, 0
    FROM gaps WHERE day - previous >= 90
    UNION ALL
    SELECT date_trunc('month', day + 90), 0, 0, 1
    FROM gaps WHERE (next IS NULL OR next - day >= 90)
        AND day + 90 <= %(today)s)
SELECT month, sum(new), sum(back), sum(lost)
FROM events GROUP BY 1 ORDER BY 1 DESC LIMIT 12
"""


class AnalysisBenchmark(PostgreSQLTestCase):
    "Compare the analysis of many invoices with plain SQL"
    modules = ['crm_party', 'account_invoice']

    def setUp(self):
        self.company = self.transact(self._fill)

    def _fill(self):
        company = create_company()
        values = {
            'company': company.id, 'currency': company.currency.id,
            'customers': CUSTOMERS, 'invoices': INVOICES, 'today': TODAY}
        cursor = Transaction().connection.cursor()
        # The journal and the address say nothing of the customer
        for column in ['account', 'invoice_address', 'journal']:
            cursor.execute(
                'ALTER TABLE account_invoice '
                f'ALTER COLUMN {column} DROP NOT NULL')
        cursor.execute(PARTIES, values)
        cursor.execute(DOCUMENTS, values)
        cursor.execute('ANALYZE')
        return company.id

    def test_analysis(self):
        "Each takes at most 1.5 times as long as the SELECT by hand"
        with Transaction().start(
                test_tryton.DB_NAME, 1, context={
                    'company': self.company, 'date': TODAY, 'days': 365,
                    'to_date': TODAY, 'lost_days': 90}):
            for name, names, order, by_hand in [
                    ('crm.rfm', ['party', 'recency', 'frequency', 'monetary',
                            'r', 'f', 'm'], 'party', RFM),
                    ('crm.churn', ['new', 'won_back', 'lost'], 'month',
                        CHURN)]:
                with self.subTest(name):
                    self._compare(name, names, order, by_hand)

    def _compare(self, name, names, order, by_hand):
        Model = Pool().get(name)
        table = Model.__table__()
        column = getattr(table, order)
        query = table.select(
            *(getattr(table, n) for n in names),
            order_by=column.desc if order == 'month' else column)
        ours, hand = [], []
        for _ in range(RUNS):
            seconds, rows = self._time(*query)
            ours.append(seconds)
            seconds, expected = self._time(by_hand, {
                    'company': self.company, 'today': TODAY})
            hand.append(seconds)
        if order == 'month':
            expected = [r[1:] for r in expected]
        self.assertEqual(
            [tuple(map(int, r)) for r in rows],
            [tuple(map(int, r)) for r in expected])
        ratio = median(ours) / median(hand)
        print(
            f"\n{name} of {INVOICES:,} invoices: {median(ours):.2f} s, "
            f"by hand {median(hand):.2f} s, ratio {ratio:.2f}")
        self.assertLessEqual(ratio, 1.5)

    def _time(self, *query):
        cursor = Transaction().connection.cursor()
        start = time.perf_counter()
        cursor.execute(*query)
        rows = cursor.fetchall()
        return time.perf_counter() - start, rows


class SizeBenchmark(test_size.SizeTestCase):
    "Measure hand-over and My Day of 10,000 customers"
    size = SIZE

    def measure(self, name, function):
        start = time.process_time()
        queries = super().measure(name, function)
        seconds = time.process_time() - start
        print(f"\n{name}: {seconds:.2f} s, {queries} queries")
        self.assertLess(seconds, 5)
        return queries


class ScanBenchmark(common.CrmTestCase):
    "Measure the scan of 10,000 parties"
    create_names = test_duplicate.DuplicateTestCase.create_names

    def test_scan(self):
        self.create_names(SIZE)
        Duplicate = self.get('crm.duplicate')
        start = time.process_time()
        with patch.object(Duplicate, 'create'):
            Duplicate.scan()
        seconds = time.process_time() - start
        print(f"\nscan of {SIZE:,} parties: {seconds:.2f} s")
        self.assertLess(seconds, 10)
