# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""A hundred trip sheets and consignment notes, rendered but not converted.

    make bench B=fleet_prints
"""
import time

from trytond.modules.fleet.tests.tools import (
    FleetTestCase, at, create_drivers, create_order, create_trip,
    create_vehicles, with_company)
from trytond.pool import Pool
from trytond.transaction import Transaction

TRIPS, SECONDS = 100, 10


class FleetPrintsBenchmark(FleetTestCase):
    "Measure the prints of trips"

    @with_company
    def test_prints(self):
        pool = Pool()
        ActionReport = pool.get('ir.action.report')
        orders = [create_order(places=3) for _ in range(TRIPS)]
        pool.get('fleet.order').confirm(orders)
        trips = [
            create_trip(
                vehicle, driver, at(6, day=i), at(12, day=i),
                orders=[('add', [order.id])])
            for i, (order, vehicle, driver) in enumerate(zip(
                    orders, create_vehicles(TRIPS), create_drivers(TRIPS)))]
        pool.get('fleet.trip').collect_stops(trips)
        for name in ['sheet', 'cmr', 'note', 'cargo_list']:
            Report = pool.get(f'fleet.trip.{name}', type='report')
            action, = ActionReport.search([
                    ('report_name', '=', f'fleet.trip.{name}')])
            started = time.perf_counter()
            with Transaction().set_context(_report_rendered_only=True):
                _, content, _, _ = Report.execute(
                    [t.id for t in trips],
                    {'model': 'fleet.trip', 'action_id': action.id})
            seconds = time.perf_counter() - started
            print(
                f"\n{TRIPS} x {action.name}: {seconds:.1f} s, "
                f"{len(content) // 1024} KB")
            self.assertLess(seconds, SECONDS)


del FleetTestCase
