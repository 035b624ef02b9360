# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
from decimal import Decimal

from caravan.testing import QueryTestMixin
from trytond.modules.fleet.engine.deviation import PARTS, Outcome, deviation
from trytond.modules.fleet.tests.tools import (
    FleetTestCase, at, create_drivers, create_order, create_trip,
    create_vehicles, do, refuel, with_company)
from trytond.pool import Pool
from trytond.transaction import Transaction


class ReportingTestCase(QueryTestMixin, FleetTestCase):
    "Test the reports by vehicle, driver, customer, route and category"

    def create(self):
        "Create two trips, one with two orders, and costs beside them"
        pool = Pool()
        Cost = pool.get('fleet.cost')
        vehicle, idle = create_vehicles(2)
        driver, = create_drivers(1)
        orders = [
            create_order(amount=Decimal(amount)) for amount in [300, 100, 50]]
        pool.get('fleet.order').confirm(orders)
        trips = []
        for day, own in [(0, orders[:2]), (40, orders[2:])]:
            trip = create_trip(
                vehicle, driver, at(6, day), at(18, day),
                orders=[('add', [o.id for o in own])])
            type(trip).collect_stops([trip])
            trips.append(do(
                    type(trip)(trip.id), km=100. + day, loaded_km=80.))
        Cost.create([{
                    'date': dt.date(2026, 3, 2), 'vehicle': vehicle.id,
                    'trip': trips[0].id, 'driver': driver.id,
                    'category': category, 'amount': Decimal(amount),
                    'quantity': quantity}
                for category, amount, quantity in [
                    ('fuel', '45.10', 30), ('toll', '20.20', None)]])
        Cost.create([{
                    'date': dt.date(2026, 4, 1), 'vehicle': v.id,
                    'category': 'lease', 'amount': Decimal(500)}
                for v in [vehicle, idle]])
        return vehicle, idle, driver, trips, orders

    def report(self, name, **context):
        Model = Pool().get(f'fleet.reporting.{name}')
        context.setdefault('from_date', dt.date(2026, 1, 1))
        context.setdefault('to_date', dt.date(2026, 12, 31))
        with Transaction().set_context(context):
            return [Model(r.id) for r in Model.search([])], context

    @with_company
    def test_vehicles(self):
        vehicle, idle, _, _, _ = self.create()
        rows, context = self.report('vehicle')
        with Transaction().set_context(context):
            one, other = [
                next(r for r in rows if r.vehicle == v)
                for v in [vehicle, idle]]
            self.assertEqual(
                (one.trips, one.km, one.revenue, one.cost, one.profit),
                (2, 240, Decimal(450), Decimal('565.30'),
                    Decimal('-115.30')))
            self.assertEqual(round(one.empty_share, 1), round(8000 / 240, 1))
            self.assertEqual(round(one.consumption, 1), 12.5)
            self.assertEqual(one.cost_per_km, Decimal('2.355'))
            # A cost without kilometres is no cost per kilometre
            self.assertEqual(other.cost, 500)
            self.assertIsNone(other.cost_per_km)
            self.assertIsNone(other.empty_share)
            self.assertGreater(one.utilisation, 0)
            self.assertEqual(one.workshop_days, 0)
        rows, context = self.report('vehicle', to_date=dt.date(2026, 3, 31))
        with Transaction().set_context(context):
            self.assertEqual([r.cost for r in rows], [Decimal('65.30')])

    @with_company
    def test_others(self):
        _, _, driver, _, orders = self.create()
        for name, facts in [
                ('driver', [(driver, 2, Decimal('65.30'))]),
                ('customer', [
                        (orders[0].party, 1, Decimal('32.65')),
                        (orders[1].party, 1, Decimal('32.65')),
                        (orders[2].party, 1, Decimal(0))])]:
            rows, context = self.report(name)
            with Transaction().set_context(context), self.subTest(name=name):
                self.assertEqual(sorted(
                        (getattr(r, name).id, r.trips, r.cost)
                        for r in rows), sorted(
                        (key.id, *values) for key, *values in facts))
        rows, context = self.report('route')
        with Transaction().set_context(context):
            self.assertEqual(
                [(r.from_city, r.to_city, r.trips, r.revenue) for r in rows],
                [("Place 0", "Place 1", 2, 450)])
        rows, context = self.report('category')
        with Transaction().set_context(context):
            self.assertEqual(
                {r.category: r.cost for r in rows}, {
                    'fuel': Decimal('45.10'), 'toll': Decimal('20.20'),
                    'lease': Decimal(1000)})

    @with_company
    def test_time_series(self):
        vehicle, *_ = self.create()
        for name in ['vehicle', 'driver', 'customer', 'route', 'category']:
            rows, context = self.report(f'{name}.time_series')
            with Transaction().set_context(context), self.subTest(name=name):
                self.assertEqual(
                    {r.date for r in rows},
                    {dt.date(2026, 3, 1), dt.date(2026, 4, 1)})
                self.assertEqual(len({r.id for r in rows}), len(rows))
        rows, context = self.report('vehicle.time_series')
        with Transaction().set_context(context):
            self.assertEqual(
                [(r.date.month, r.cost) for r in rows
                    if r.vehicle == vehicle],
                [(3, Decimal('65.30')), (4, Decimal(500))])

    @with_company
    def test_queries(self):
        "The reports cost the same number of queries for any rows"
        Cost = Pool().get('fleet.cost')
        vehicles = create_vehicles(30)
        Cost.create([{
                    'date': dt.date(2026, 3, 2), 'vehicle': v.id,
                    'category': 'other', 'amount': Decimal(1)}
                for v in vehicles])
        Model = Pool().get('fleet.reporting.vehicle')
        names = ['vehicle', 'cost', 'workshop_days', 'utilisation']

        def read(size):
            with Transaction().set_context(
                    from_date=dt.date(2026, 1, 1),
                    to_date=dt.date(2026, 12, 31)):
                return Model.search_read([], limit=size, fields_names=names)
        self.assertConstantQueries(read, small=3, large=30)

    @with_company
    def test_trips_of_customer(self):
        "Two orders of a customer on a trip are one trip"
        Order = Pool().get('fleet.order')
        one, other = create_order(), create_order()
        Order.write([other], {'party': one.party.id})
        Order.confirm([one, other])
        trip = create_trip(
            create_vehicles(1)[0], create_drivers(1)[0],
            orders=[('add', [one.id, other.id])])
        do(trip, km=100.)
        (row,), context = self.report('customer')
        with Transaction().set_context(context):
            self.assertEqual((row.trips, row.km), (1, 100))

    @with_company
    def test_to_come(self):
        "A period that is to come has no days yet"
        Report = Pool().get('fleet.reporting.vehicle')
        today = Pool().get('ir.date').today()
        vehicle, = create_vehicles(1)
        Pool().get('fleet.cost').create([{
                    'vehicle': vehicle.id, 'amount': Decimal(1),
                    'date': today + dt.timedelta(days=2)}])
        for days in [1, 2]:
            (row,), context = self.report(
                'vehicle', from_date=today + dt.timedelta(days=days),
                to_date=today + dt.timedelta(days=9))
            with Transaction().set_context(context):
                row = Report(row.id)
                self.assertEqual((row.workshop_days, row.utilisation), (0, 0))

    @with_company
    def test_time_zone(self):
        "Trips count on the day of the company, in winter and summer"
        pool = Pool()
        vehicle, = create_vehicles(1)
        driver, = create_drivers(1)
        company = vehicle.company
        company.timezone = 'Europe/Berlin'
        company.save()
        for arrival in [
                dt.datetime(2026, 1, 31, 23, 30),
                dt.datetime(2026, 3, 31, 22, 30),
                dt.datetime(2026, 4, 30, 21, 30)]:
            do(create_trip(
                    vehicle, driver, arrival - dt.timedelta(hours=5),
                    arrival), km=10.)
        rows, context = self.report(
            'vehicle.time_series', from_date=dt.date(2026, 2, 1),
            to_date=dt.date(2026, 4, 30))
        with Transaction().set_context(context):
            self.assertEqual(
                {r.date: r.trips for r in rows},
                {dt.date(2026, 2, 1): 1, dt.date(2026, 4, 1): 2})
        self.assertFalse(pool.get('fleet.cost').search([]))


class DeviationTestCase(FleetTestCase):
    "Test why a trip earned less than planned"

    def test_parts(self):
        "The parts add up to the difference of the profits"
        plan = Outcome(*map(Decimal, [500, 60, 60, 90, 20, 8, 100, 0]))
        real = Outcome(*map(Decimal, [480, 80, 70, 128, 25, 10, 130, 15]))
        parts = deviation(plan, real, Decimal(10))
        self.assertEqual(list(parts), PARTS)
        self.assertEqual(list(parts.values()), list(map(Decimal, [
                        -20, -8, -15, -15, -5, -20, -10, -15])))
        self.assertEqual(sum(parts.values()), (480 - 128 - 25 - 130 - 15) - (
                500 - 90 - 20 - 100))

    @with_company
    def test_trip(self):
        pool = Pool()
        Cost = pool.get('fleet.cost')
        Order = pool.get('fleet.order')
        Trip = pool.get('fleet.trip')
        vehicle, = create_vehicles(1)
        driver, = create_drivers(1)
        pool.get('fleet.fuel.norm').create([{
                    'vehicle': vehicle.id, 'distance': Decimal(30),
                    'valid_from': dt.date(2026, 1, 1)}])
        order = create_order(amount=Decimal(500))
        Order.confirm([order])
        trip = create_trip(
            vehicle, driver, km=200., orders=[('add', [order.id])])
        refuel(vehicle, 1, 10, '1.50')
        Trip.plan([trip])
        trip = Trip(trip.id)
        self.assertEqual(
            (trip.plan_revenue, trip.plan_fuel, trip.plan_fuel_price),
            (500, 60, Decimal('1.5')))
        trip = do(trip, km=250.)
        Cost.create([{
                    'date': dt.date(2026, 3, 2), 'vehicle': vehicle.id,
                    'trip': trip.id, 'category': category,
                    'quantity': quantity, 'amount': Decimal(amount)}
                for category, quantity, amount in [
                    ('fuel', 80., 128), ('toll', None, 25),
                    ('fine', None, 40)]])
        trip = Trip(trip.id)
        self.assertEqual(trip.deviation_fuel_price, -8)
        self.assertEqual(trip.deviation_over_norm, Decimal('-7.50'))
        self.assertEqual(trip.deviation_extra_km, Decimal('-22.50'))
        self.assertEqual(trip.deviation_tolls, -25)
        self.assertEqual(trip.deviation_other, -40)
        planned = trip.plan_revenue - 90 - trip.plan_tolls - trip.plan_pay
        self.assertEqual(
            sum(getattr(trip, f'deviation_{p}') for p in PARTS),
            trip.profit - planned)
