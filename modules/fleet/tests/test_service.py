# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
import unittest
from decimal import Decimal
from unittest.mock import patch

from trytond.modules.fleet.engine.service import (
    Point, crosses, due_by, following, forecast)
from trytond.modules.fleet.exceptions import (
    OverlapError, ServiceError, StateError)
from trytond.modules.fleet.tests.tools import (
    FleetTestCase, at, create_drivers, create_trip, create_user,
    create_vehicles, iter_cases, with_company)
from trytond.modules.fleet.tools import now
from trytond.pool import Pool
from trytond.transaction import Transaction


def day(text):
    return dt.date.fromisoformat(text)


class IntervalTestCase(unittest.TestCase):
    "Test the arithmetic of intervals"

    def test_cases(self):
        for id_, given, expect in iter_cases(self, 'SV-'):
            interval = Point(
                given.get('interval_km'), given.get('interval_months'), None)
            if 'period' in given:
                self.assertEqual(
                    crosses(*(given[n] for n in [
                                'start', 'period', 'old', 'new'])),
                    expect['event'])
            elif 'completed_date' in given:
                next_ = following(Point(
                        given.get('completed_km'),
                        day(given['completed_date']), None), interval)
                self.assertEqual(next_.date, day(expect['next_date']))
                self.assertEqual(next_.km, expect.get('next_km'))
            elif 'last_km' in given:
                due = following(Point(
                        given['last_km'], day(given['last_date']), None),
                    interval)
                by = due_by(due, Point(
                        given['now_km'], day(given['today']), None))
                self.assertEqual((bool(by), by), (
                        expect['due'], expect['by']))

    def test_forecast(self):
        now = Point(10000, dt.date(2026, 3, 1), None)
        for due, use, result in [
                (Point(11000, None, None), 100, dt.date(2026, 3, 11)),
                (Point(11000, dt.date(2026, 3, 5), None), 100,
                    dt.date(2026, 3, 5)),
                (Point(11000, None, None), 0, None),
                (Point(9000, None, None), 100, now.date)]:
            with self.subTest(due=due, use=use):
                self.assertEqual(
                    forecast(due, now, Point(use, None, None)), result)


class ServiceTestCase(FleetTestCase):
    "Test services, plans and faults"

    def create_plan(self, vehicle, **values):
        Plan = Pool().get('fleet.service.plan')
        plan, = Plan.create([{
                    'name': "Oil", 'vehicle': vehicle.id,
                    'interval_km': 15000, 'interval_months': 12,
                    'tasks': "Change oil\nChange filter", **values}])
        return plan

    def read(self, vehicle, value, moment):
        pool = Pool()
        meter = pool.get('fleet.meter').of([vehicle])[vehicle]
        pool.get('fleet.meter.reading').create([{
                    'meter': meter.id, 'at': moment, 'value': value}])

    def create_service(self, vehicle, **values):
        Service = Pool().get('fleet.service')
        service, = Service.create([{
                    'vehicle': vehicle.id, 'start': at(6), 'end': at(12),
                    **values}])
        return service

    @with_company
    def test_plan(self):
        "What is due is ordered once and counts from the work on"
        pool = Pool()
        Date = pool.get('ir.date')
        Due = pool.get('fleet.service.due')
        Service = pool.get('fleet.service')
        Vehicle = pool.get('fleet.vehicle')
        employee, user = create_user('keeper')
        vehicle, = create_vehicles(1, responsible=employee.id)
        self.read(vehicle, 100000, at(6, -60))
        with patch.object(Date, 'today', return_value=day('2026-01-10')):
            plan = self.create_plan(vehicle)
        due, = Due.search([])
        self.read(vehicle, 112000, at(6, -30))
        with patch.object(Date, 'today', return_value=day('2026-03-02')):
            due = Due(due.id)
            self.assertEqual(
                (due.next_km, due.next_date, due.state, due.by),
                (115000, day('2027-01-10'), 'planned', ()))
            self.assertEqual(Vehicle(vehicle.id).service_state, 'planned')
        with patch.object(Date, 'today', return_value=day('2027-01-10')):
            self.assertEqual(Due(due.id).by, ('date',))
            self.assertEqual(Due.search([('state', '=', 'due')]), [due])
            self.assertEqual(
                Vehicle.search([('service_state', '=', 'due')]), [vehicle])
            for _ in range(2):
                Due.warn()
                Due.draw_up([due])
        self.assertEqual(
            [(n.user, n.label) for n in Transaction().user_notifications],
            [(user, "1 service of the fleet is due soon")])
        service, = Service.search([])
        self.assertEqual(service.plans, (plan,))
        self.assertEqual(
            [t.name for t in service.tasks], ["Change oil", "Change filter"])
        service.start, service.end = at(6), at(12)
        service.odometer = 116250
        service.save()
        Service.open([service])
        Service.work([service])
        self.assertEqual(Vehicle(vehicle.id).state, 'workshop')
        Service.do([service])
        self.assertEqual(Vehicle(vehicle.id).state, 'active')
        with patch.object(Date, 'today', return_value=day('2026-03-03')):
            due = Due(due.id)
            self.assertEqual(
                (due.next_km, due.next_date, due.state, due.warned),
                (131250, day('2027-03-02'), 'planned', False))
        self.assertEqual(Vehicle(vehicle.id).odometer, 116250)

    @with_company
    def test_stale_odometers(self):
        "Who was not read for long is found"
        Vehicle = Pool().get('fleet.vehicle')
        read, old, never, draft = create_vehicles(4)
        draft.state = 'draft'
        draft.save()
        today = now()
        self.read(read, 100, today - dt.timedelta(days=2))
        self.read(old, 100, today - dt.timedelta(days=30))
        self.assertEqual(
            Vehicle.search([('stale_odometer', '=', True)]), [old, never])
        self.assertEqual(
            Vehicle.search([('stale_odometer', '=', False)]), [read, draft])
        self.assertTrue(Vehicle(never.id).stale_odometer)

    @with_company
    def test_costs(self):
        "Parts leave the stock, all that it cost is in the ledger"
        pool = Pool()
        Location = pool.get('stock.location')
        Product = pool.get('product.product')
        Service = pool.get('fleet.service')
        Template = pool.get('product.template')
        unit, = pool.get('product.uom').search([('name', '=', "Unit")])
        template, = Template.create([{
                    'name': "Filter", 'type': 'goods',
                    'default_uom': unit.id,
                    'products': [('create', [{
                                    'cost_price': Decimal('12.50')}])]}])
        product, = template.products
        store, = Location.create([{'name': "Store", 'type': 'storage'}])
        vehicle, = create_vehicles(1)
        service = self.create_service(
            vehicle,
            parts=[('create', [{
                            'product': product.id, 'quantity': 2,
                            'location': store.id}])],
            lines=[('create', [{
                            'description': "Wheel alignment",
                            'amount': Decimal(80)}])])
        Service.open([service])
        Service.work([service])
        Service.do([service])
        service = Service(service.id)
        self.assertEqual(service.cost, 105)
        self.assertEqual(Product.products_by_location(
                [store.id], grouping_filter=([product.id],)),
            {(store.id, product.id): -2})
        self.assertRaises(
            StateError, Service.delete, [service])

    @with_company
    def test_occupation(self):
        "A vehicle in service is not free for a trip"
        pool = Pool()
        Service = pool.get('fleet.service')
        Trip = pool.get('fleet.trip')
        vehicle, = create_vehicles(1)
        service = self.create_service(vehicle)
        Service.open([service])
        trip = create_trip(vehicle, create_drivers(1)[0], at(8), at(20))
        self.assertRaises(OverlapError, Trip.plan, [trip])
        Service.cancel([service])
        Trip.plan([trip])
        self.assertEqual(Trip(trip.id).state, 'planned')
        bare, = Service.create([{'vehicle': vehicle.id}])
        self.assertRaises(ServiceError, Service.open, [bare])

    @with_company
    def test_faults(self):
        "What failed keeps the vehicle from driving until it is mended"
        pool = Pool()
        Fault = pool.get('fleet.fault')
        Inspection = pool.get('fleet.inspection')
        Service = pool.get('fleet.service')
        Template = pool.get('fleet.inspection.template')
        Trip = pool.get('fleet.trip')
        template, = Template.create([{
                    'name': "Departure", 'items': "! Brakes\nMirrors\n"}])
        vehicle, = create_vehicles(1)
        inspection = Inspection(vehicle=vehicle, template=template)
        inspection.on_change_template()
        brakes, mirrors = inspection.lines
        self.assertEqual((brakes.blocking, mirrors.blocking), (True, False))
        brakes.result, brakes.note = 'fail', "Worn out"
        inspection.save()
        Inspection.do([inspection])
        self.assertEqual(Inspection(inspection.id).result, 'fail')
        fault, = Fault.search([('vehicle', '=', vehicle.id)])
        trip = create_trip(vehicle, create_drivers(1)[0], at(14), at(20))
        with self.assertRaises(ServiceError) as refusal:
            Trip.plan([trip])
        self.assertIn("Brakes", refusal.exception.message)
        service = self.create_service(vehicle, kind='corrective')
        Fault.write([fault], {'service': service.id})
        Service.open([service])
        Service.work([service])
        Service.do([service])
        self.assertEqual(Fault(fault.id).state, 'mended')
        Trip.plan([trip])
        self.assertEqual(Trip(trip.id).state, 'planned')

    @with_company
    def test_offset(self):
        "A service counts on after the meter was replaced"
        pool = Pool()
        Due = pool.get('fleet.service.due')
        Service = pool.get('fleet.service')
        vehicle, = create_vehicles(1)
        plan = self.create_plan(vehicle)
        pool.get('fleet.meter').create([{
                    'vehicle': vehicle.id, 'offset': 100000}])
        service = self.create_service(
            vehicle, odometer=500, plans=[('add', [plan.id])])
        Service.open([service])
        Service.work([service])
        Service.do([service])
        due, = Due.search([])
        self.assertEqual((due.last_km, due.next_km), (100500, 115500))

    @with_company
    def test_done_early(self):
        "What is done before its time ends when it is done"
        pool = Pool()
        Service = pool.get('fleet.service')
        vehicle, = create_vehicles(1)
        soon = now() + dt.timedelta(days=3)
        service = self.create_service(
            vehicle, odometer=500, start=soon,
            end=soon + dt.timedelta(hours=5))
        Service.open([service])
        Service.work([service])
        Service.do([service])
        service = Service(service.id)
        self.assertLess(service.start, service.end)
        self.assertLessEqual(service.end, now())
        reading, = pool.get('fleet.meter.reading').search([])
        self.assertLessEqual(reading.at, now())
