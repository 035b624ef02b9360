# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The list of 1,000 vehicles as a client reads it against its plain SELECT.

    make bench B=fleet_vehicles
"""
import time
from statistics import median

from caravan.testing import count_queries
from caravan.testing.concurrency import PostgreSQLTestCase
from trytond.modules.company.tests import create_company, set_company
from trytond.modules.fleet.tests.tools import create_vehicles
from trytond.pool import Pool
from trytond.transaction import Transaction, check_access

VEHICLES, RUNS = 1000, 5


class FleetVehiclesBenchmark(PostgreSQLTestCase):
    "Measure the list of vehicles"
    modules = ['fleet']

    def setUp(self):
        self.company = self.transact(self._fill)

    def _fill(self):
        company = create_company()
        with set_company(company):
            create_vehicles(VEHICLES)
        return company.id

    def _read(self, limit):
        "Return the queries and the rows of the list"
        Vehicle = Pool().get('fleet.vehicle')
        view = Vehicle.fields_view_get(view_type='tree')
        names = [f for f in view['fields'] if f in Vehicle._fields]
        with check_access(), count_queries() as queries:
            rows = Vehicle.search_read([], limit=limit, fields_names=names)
        return len(queries), len(rows)

    def _select(self):
        "Return the number of rows that the plain SELECT gives"
        cursor = Transaction().connection.cursor()
        table = Pool().get('fleet.vehicle').__table__()
        cursor.execute(*table.select(
                where=table.company == self.company, limit=VEHICLES))
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
        "The list needs as many queries for many vehicles as for few"
        _, (few, _) = self._time(lambda: self._read(10))
        ours, raw = [], []
        for _ in range(RUNS):
            seconds, (queries, rows) = self._time(
                lambda: self._read(VEHICLES))
            ours.append(seconds)
            seconds, selected = self._time(self._select)
            raw.append(seconds)
        self.assertEqual(rows, selected)
        print(
            f"\n{rows} vehicles: {queries} queries ({few} for 10), "
            f"{median(ours) * 1000:.0f} ms, SELECT "
            f"{median(raw) * 1000:.1f} ms, "
            f"ratio {median(ours) / median(raw):.0f}")
        self.assertLessEqual(queries, few)


del PostgreSQLTestCase
