# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The list of what runs out against the same SELECT written by hand.

    python -m caravan.testing.cluster -m unittest \\
        benchmarks/test_stock_cover.py

10,000 products in 5 warehouses with a million moves; STOCK_MOVES in the
environment takes another number.
"""
import datetime as dt
import os
import time
from statistics import median

from caravan.testing.concurrency import PostgreSQLTestCase
from trytond.modules.company.tests import create_company
from trytond.pool import Pool
from trytond.tests import test_tryton
from trytond.transaction import Transaction

PRODUCTS, WAREHOUSES = 10_000, 5
MOVES = int(os.environ.get('STOCK_MOVES', 1_000_000))
RUNS = 5

TEMPLATES = """
INSERT INTO product_template
    (name, code, type, default_uom, active, consumable, create_uid,
        create_date)
SELECT 'Product ' || i, 'P' || i, 'goods',
    (SELECT id FROM product_uom ORDER BY id LIMIT 1), true, false, 1, now()
FROM generate_series(1, %(products)s) AS i
"""
PRODUCT = """
INSERT INTO product_product (template, code, active, create_uid, create_date)
SELECT id, code, true, 1, now() FROM product_template
"""
COSTS = """
INSERT INTO product_cost_price (product, company, cost_price, create_date)
SELECT id, %(company)s, 1 + id %% 97, now() FROM product_product
"""
STOCK = """
INSERT INTO stock_move
    (product, unit, quantity, internal_quantity, from_location, to_location,
        effective_date, planned_date, state, company, create_date,
        unit_price_updated)
SELECT p.product, p.unit, m.q, m.q,
    CASE WHEN m.r < 0.35 THEN %(supplier)s ELSE
        (%(storages)s)[1 + m.i %% %(warehouses)s] END,
    CASE WHEN m.r < 0.35 THEN (%(storages)s)[1 + m.i %% %(warehouses)s]
        WHEN m.r < 0.9 THEN %(customer)s ELSE
        (%(storages)s)[1 + (m.i + 1) %% %(warehouses)s] END,
    CASE WHEN m.i %% 50 = 0 THEN NULL ELSE
        (%(today)s::date - (m.d * 700)::int) END,
    %(today)s::date - (m.d * 700)::int + CASE
        WHEN m.i %% 50 = 0 THEN 701 ELSE 0 END,
    CASE WHEN m.i %% 50 = 0 THEN 'draft' ELSE 'done' END,
    %(company)s, now(), false
FROM (SELECT i, r, d, CASE WHEN r < 0.35 THEN 9 WHEN d < 0.5 THEN 4
            ELSE 3 END AS q
    FROM (SELECT i, random() AS r, random() AS d
        FROM generate_series(1, %(moves)s) AS i) AS n) AS m
JOIN (SELECT row_number() OVER (ORDER BY p.id) - 1 AS n, p.id AS product,
        t.default_uom AS unit
    FROM product_product p JOIN product_template t ON p.template = t.id) AS p
    ON p.n = (m.i * 7919::bigint) %% %(products)s
"""

# What somebody who knows the data would write in psql
BY_HAND = """
WITH place AS (
    SELECT l.id, w.id AS warehouse
    FROM stock_location l JOIN stock_location w
        ON w.type = 'warehouse'
        AND l."left" >= w."left" AND l."right" <= w."right"),
flow AS (
    SELECT m.product, p.warehouse, m.internal_quantity AS q, m.state,
        coalesce(m.effective_date, m.planned_date) AS date,
        CASE WHEN o.type IN ('customer', 'production')
            THEN - m.internal_quantity ELSE 0 END AS used
    FROM stock_move m
    JOIN place p ON m.to_location = p.id
    JOIN stock_location o ON m.from_location = o.id
    LEFT JOIN place x ON x.id = o.id AND x.warehouse = p.warehouse
    WHERE x.id IS NULL AND m.company = %(company)s
        AND m.state IN ('done', 'assigned', 'draft')
    UNION ALL
    SELECT m.product, p.warehouse, - m.internal_quantity, m.state,
        coalesce(m.effective_date, m.planned_date),
        CASE WHEN o.type IN (
                'customer', 'production', 'storage', 'lost_found', 'rental')
                AND coalesce(m.origin, '') NOT LIKE 'stock.inventory.line,%%'
            THEN m.internal_quantity ELSE 0 END
    FROM stock_move m
    JOIN place p ON m.from_location = p.id
    JOIN stock_location o ON m.to_location = o.id
    LEFT JOIN place x ON x.id = o.id AND x.warehouse = p.warehouse
    WHERE x.id IS NULL AND m.company = %(company)s
        AND m.state IN ('done', 'assigned', 'draft')),
weekly AS (
    SELECT product, warehouse,
        CASE WHEN state = 'done' AND date BETWEEN %(start)s AND %(today)s
                AND used != 0
            THEN (date - %(start)s) / 7 END AS week,
        sum(q) FILTER (WHERE state = 'done' AND date <= %(today)s)
            AS quantity,
        sum(q) FILTER (WHERE (state = 'done' AND date <= %(today)s)
            OR state = 'assigned'
            OR coalesce(date, 'infinity') >= %(today)s) AS forecast,
        sum(used) FILTER (WHERE state = 'done'
            AND date BETWEEN %(start)s AND %(today)s) AS used,
        max(date) FILTER (WHERE state = 'done' AND date <= %(today)s)
            AS last_date
    FROM flow GROUP BY 1, 2, 3),
total AS (
    SELECT product, warehouse, coalesce(sum(quantity), 0) AS quantity,
        coalesce(sum(forecast), 0) AS forecast,
        coalesce(sum(used), 0) AS used, sum(used * used) AS squares,
        max(last_date) AS last_date
    FROM weekly GROUP BY 1, 2),
rated AS (
    SELECT t.*, t.used / 91 AS daily, t.used * c.cost_price::float AS consumed,
        t.quantity * c.cost_price::float AS value,
        sum(t.used * c.cost_price::float) OVER (
            PARTITION BY warehouse
            ORDER BY t.used * c.cost_price::float DESC, t.product
            ) AS cumulated,
        sum(t.used * c.cost_price::float) OVER (
            PARTITION BY warehouse) AS "all"
    FROM total t LEFT JOIN product_cost_price c
        ON c.product = t.product AND c.company = %(company)s)
SELECT product, warehouse, quantity, forecast, daily, last_date,
    round((CASE WHEN quantity <= 0 THEN 0 WHEN daily > 0 THEN quantity / daily
        END)::numeric, 1) AS cover_days,
    round(value::numeric, 2),
    CASE WHEN quantity <= 0 THEN 'out'
        WHEN daily > 0 AND forecast < daily * 7 THEN 'running_out'
        WHEN forecast < 0 THEN 'running_out'
        WHEN daily <= 0 AND last_date < %(start)s THEN 'dead'
        WHEN daily > 0 AND quantity / daily > 180 THEN 'surplus'
        ELSE 'ok' END,
    CASE WHEN used <= 0 THEN 'c'
        WHEN cumulated - consumed < 0.8 * "all" THEN 'a'
        WHEN cumulated - consumed < 0.95 * "all" THEN 'b' ELSE 'c' END,
    CASE WHEN used <= 0 THEN 'z'
        WHEN squares / 13 - (used / 13) ^ 2 <= 0.25 * (used / 13) ^ 2 THEN 'x'
        WHEN squares / 13 - (used / 13) ^ 2 <= (used / 13) ^ 2 THEN 'y'
        ELSE 'z' END
FROM rated WHERE quantity != 0 OR used > 0 OR forecast < 0
ORDER BY cover_days NULLS LAST, product, warehouse LIMIT 1000
"""


class CoverBenchmark(PostgreSQLTestCase):
    "Compare the list of what runs out with plain SQL"
    modules = ['stock_ext']

    def test_list(self):
        "The list takes at most 1.5 times as long as the SELECT by hand"
        self.company = self.transact(self._company)
        ours, by_hand = [], []
        with Transaction().start(
                test_tryton.DB_NAME, 1, context={'company': self.company}):
            for run in range(RUNS + 1):
                if run:
                    ours.append(self._ours())
                    by_hand.append(self._by_hand())
                else:
                    self._ours(), self._by_hand()
            self._same()
        ratio = median(ours) / median(by_hand)
        print(
            f"\ncover of {MOVES:,} moves: {median(ours):.2f} s, "
            f"by hand {median(by_hand):.2f} s, ratio {ratio:.2f}")
        self.assertLessEqual(ratio, 1.5)

    def _company(self):
        Location = Pool().get('stock.location')
        company = create_company()
        warehouse, = Location.search([('type', '=', 'warehouse')])
        warehouses = [warehouse, *(
                Location.copy([warehouse])[0]
                for _ in range(WAREHOUSES - 1))]
        supplier, = Location.search([('type', '=', 'supplier')])
        customer, = Location.search([('type', '=', 'customer')])
        self._execute(company.id, TEMPLATES)
        self._execute(company.id, PRODUCT)
        self._execute(company.id, COSTS)
        self._execute(company.id, STOCK, supplier=supplier.id,
            customer=customer.id,
            storages=[w.storage_location.id for w in warehouses])
        self._execute(company.id, 'ANALYZE')
        return company.id

    def _execute(self, company, query, **values):
        today = dt.date.today()
        cursor = Transaction().connection.cursor()
        cursor.execute(query, {
                'company': company, 'products': PRODUCTS, 'moves': MOVES,
                'warehouses': WAREHOUSES, 'today': today,
                'start': today - dt.timedelta(days=90), **values})
        return cursor

    def _ours(self):
        "Return the seconds of the rows that the client asks for"
        Cover = Pool().get('stock.cover')
        table = Cover.__table__()
        start = time.perf_counter()
        cursor = Transaction().connection.cursor()
        cursor.execute(*table.select(
                *(getattr(table, n) for n in [
                    'product', 'warehouse', 'quantity', 'forecast_quantity',
                    'daily_consumption', 'last_date', 'cover_days', 'value',
                    'level', 'abc', 'xyz']),
                order_by=[table.cover_days.asc.nulls_last, table.product,
                    table.warehouse],
                limit=1000))
        self.rows = cursor.fetchall()
        return time.perf_counter() - start

    def _by_hand(self):
        start = time.perf_counter()
        self.hand = self._execute(self.company, BY_HAND).fetchall()
        return time.perf_counter() - start

    def _same(self):
        "Both give the same rows"
        self.assertEqual(len(self.rows), 1000)
        for ours, hand in zip(self.rows, self.hand):
            self.assertEqual(
                (*ours[:2], *ours[7:]), (*hand[:2], *hand[7:]))
            for a, b in zip(ours[2:5], hand[2:5]):
                self.assertAlmostEqual(a, b, 4)
