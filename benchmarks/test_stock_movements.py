# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Ten thousand movements by basis at once against one by one.

    python -m caravan.testing.cluster -m unittest \\
        benchmarks/test_stock_movements.py

STOCK_MOVEMENTS in the environment takes another number.  One by one a part
of them is timed, in the same run and in the same way: a transaction each.
"""
import os
import time

from caravan.testing.concurrency import PostgreSQLTestCase
from trytond.modules.company.tests import create_company, set_company
from trytond.modules.stock_ext.tests.common import create_product, locate, move
from trytond.pool import Pool

MOVEMENTS = int(os.environ.get('STOCK_MOVEMENTS', 10_000))
ONE_BY_ONE = 100
PRODUCTS = 100
# What caravan load sends in one call
BATCH = 500


class MovementsBenchmark(PostgreSQLTestCase):
    "Compare movements drawn up together with movements drawn up alone"
    modules = ['stock_ext']

    def test_draw_up(self):
        "Together they take at most a fifth of the time"
        self.company, self.values = self.transact(self._prepare)
        # Neither pays for what is cached first
        self._draw_up(1, 2)
        alone = self._draw_up(1, ONE_BY_ONE) / ONE_BY_ONE
        together = self._draw_up(BATCH, MOVEMENTS) / MOVEMENTS
        ratio = alone / together
        print(
            f"\nmovements by basis: {together * 1000:.1f} ms each of "
            f"{MOVEMENTS:,} together, {alone * 1000:.1f} ms one by one, "
            f"ratio {ratio:.1f}")
        self.assertGreaterEqual(ratio, 5)

    def _prepare(self):
        company = create_company()
        Basis = Pool().get('stock.basis')
        basis, = Basis.search([('code', '=', 'ISSUE')])
        store, workshop = locate('STO'), locate(name="Workshop")
        with set_company(company):
            products = [create_product(f"Part {i}") for i in range(PRODUCTS)]
            move(locate('SUP'), store, {p: 2 * MOVEMENTS for p in products})
        return company.id, {
            'basis': basis.id,
            'from_location': store.id,
            'to_location': workshop.id,
            'products': [p.id for p in products],
            }

    def _draw_up(self, size, count):
        "Return the seconds of count movements, size in a transaction"
        products = self.values['products']
        movements = [{
                **{n: v for n, v in self.values.items() if n != 'products'},
                'moves': [{
                        'product': products[i % len(products)],
                        'quantity': 1}],
                } for i in range(count)]
        start = time.perf_counter()
        for i in range(0, count, size):
            part = movements[i:i + size]
            ids = self.transact(
                lambda: Pool().get('stock.shipment.internal').draw_up(part),
                context={'company': self.company})
            self.assertEqual(len(ids), len(part))
        return time.perf_counter() - start
