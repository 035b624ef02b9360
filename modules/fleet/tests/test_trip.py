# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from caravan.testing import QueryTestMixin
from trytond.model.modelsql import SQLConstraintError
from trytond.modules.fleet.exceptions import (
    CapacityWarning, DocumentError, OverlapError, PlanError, StateError)
from trytond.modules.fleet.tests.tools import (
    FleetTestCase, at, create_drivers, create_order, create_trip,
    create_vehicles, with_company)
from trytond.pool import Pool
from trytond.transaction import Transaction


class TripTestCase(QueryTestMixin, FleetTestCase):
    "Test trips and bookings"

    @with_company
    def test_life(self):
        "A trip is planned, dispatched and done, its order with it"
        Trip = Pool().get('fleet.trip')
        Order = Pool().get('fleet.order')
        vehicle, = create_vehicles(1, payload_kg=2000)
        driver, = create_drivers(1)
        order = create_order(kg=1000)
        Order.confirm([order])
        trip = create_trip(vehicle, driver, orders=[('add', [order.id])])

        Trip.collect_stops([trip])
        self.assertEqual([s.in_kg for s in trip.stops], [1000, None])
        self.assertEqual(trip.load_share, 50)
        Trip.collect_stops([trip])
        self.assertEqual(len(trip.stops), 2)

        Trip.plan([trip])
        trip.departure = at(6)
        trip.save()
        Trip.dispatch([trip])
        self.assertEqual(order.state, 'in_transit')

        trip.stops[1].km_from_previous = 80.
        trip.stops = trip.stops
        trip.arrival = at(11)
        trip.odometer_start, trip.odometer_end = 1000, 1100
        Trip.do([trip])
        self.assertEqual(trip.state, 'done')
        self.assertEqual(
            [trip.km, trip.loaded_km, trip.tonne_km], [100, 100, 100])
        self.assertEqual(order.state, 'delivered')
        self.assertEqual(order.delivered_at, at(11))
        self.assertEqual(driver.trips_done, 1)
        self.assertEqual(driver.km_done, 100)
        Trip.reopen([trip])
        self.assertEqual(order.state, 'in_transit')

    @with_company
    def test_un_number(self):
        "Clients send an empty text for cargo that is not dangerous"
        order = create_order()
        cargo, = order.cargo
        cargo.un_number = ''
        cargo.save()
        self.assertIsNone(cargo.un_number)
        cargo.un_number = ' 1203 '
        cargo.save()
        self.assertEqual(cargo.un_number, '1203')
        cargo.un_number = '12'
        self.assertRaises(SQLConstraintError, cargo.save)

    @with_company
    def test_bookings_follow(self):
        "The bookings are what the trip needs, in every state"
        pool = Pool()
        Trip = pool.get('fleet.trip')
        Booking = pool.get('fleet.booking')
        vehicle, = create_vehicles(1)
        trailer, = create_vehicles(1, kind='semitrailer', prefix='T')
        driver, second = create_drivers(2)
        trip = create_trip(
            vehicle, driver, second_driver=second.id,
            trailers=[('add', [trailer.id])])
        self.assertFalse(Booking.search([]))

        def bookings():
            return {
                (b.vehicle, b.driver, b.start, b.end, b.state)
                for b in Booking.search([])}
        Trip.plan([trip])
        self.assertEqual(bookings(), {
                (vehicle, driver, at(6), at(12), 'tentative'),
                (None, second, at(6), at(12), 'tentative'),
                (trailer, None, at(6), at(12), 'tentative'),
                })
        Trip.write([trip], {
                'planned_arrival': at(13), 'second_driver': None})
        self.assertEqual(bookings(), {
                (vehicle, driver, at(6), at(13), 'tentative'),
                (trailer, None, at(6), at(13), 'tentative'),
                })
        Trip.cancel([trip])
        self.assertEqual(bookings(), set())

    @with_company
    def test_overlap(self):
        "The message names the other trip, touching trips are no clash"
        Trip = Pool().get('fleet.trip')
        one, two = create_vehicles(2)
        first, second = create_drivers(2)
        trip = create_trip(one, first)
        Trip.plan([trip])
        Trip.plan([create_trip(one, first, at(12), at(18))])
        for vehicle, driver in [(one, second), (two, first)]:
            with self.subTest(vehicle=vehicle.plate):
                with self.assertRaises(OverlapError) as refusal:
                    Trip.plan([create_trip(vehicle, driver, at(11), at(13))])
                self.assertIn(trip.number, refusal.exception.message)
        # A draft occupies nothing
        create_trip(one, first, at(11), at(13))

    @with_company
    def test_overlap_within_batch(self):
        Booking = Pool().get('fleet.booking')
        vehicle, = create_vehicles(1)
        # PostgreSQL refuses the second row before the check sees the batch
        with self.assertRaises((OverlapError, SQLConstraintError)):
            Booking.create([{
                        'vehicle': vehicle.id,
                        'start': at(h), 'end': at(h + 2),
                        } for h in [6, 7]])

    @with_company
    def test_many_bookings(self):
        "Batches above the limits of SQLite are checked"
        Booking = Pool().get('fleet.booking')
        vehicle, = create_vehicles(1)
        with self.assertQueries(500 + 30):
            Booking.create([{
                        'vehicle': vehicle.id,
                        'start': at(h), 'end': at(h + 1),
                        } for h in range(500)])
        with self.assertRaises(OverlapError):
            Booking.create([{
                        'vehicle': vehicle.id, 'start': at(100)}])

    @with_company
    def test_odometer_overlap(self):
        "No kilometre is driven twice"
        Trip = Pool().get('fleet.trip')
        vehicle, = create_vehicles(1)
        driver, = create_drivers(1)

        def drive(hour, start, end):
            trip = create_trip(vehicle, driver, at(hour), at(hour + 5))
            Trip.plan([trip])
            trip.departure = at(hour)
            trip.save()
            Trip.dispatch([trip])
            trip.arrival = at(hour + 5)
            trip.odometer_start, trip.odometer_end = start, end
            Trip.do([trip])
            return trip
        first = drive(6, 1000, 1300)
        drive(12, 1300, 1500)
        with self.assertRaises(OverlapError) as refusal:
            drive(30, 1299, 1400)
        self.assertIn(first.number, refusal.exception.message)

    @with_company
    def test_documents_block(self):
        "Papers must last to the end of the trip"
        pool = Pool()
        Trip = pool.get('fleet.trip')
        Type = pool.get('fleet.document.type')
        Document = pool.get('fleet.document')
        vehicle, = create_vehicles(1)
        driver, = create_drivers(1)
        type_, = Type.create([{
                    'name': "Inspection", 'applies_to': 'vehicle',
                    'required': True, 'blocking': True}])
        trip = create_trip(vehicle, driver, at(6), at(12, day=3))
        with self.assertRaises(DocumentError) as refusal:
            Trip.plan([trip])
        self.assertIn("Inspection", refusal.exception.description)
        self.assertEqual(vehicle.document_state, 'missing')
        document, = Document.create([{
                    'type': type_.id, 'vehicle': vehicle.id,
                    'valid_to': at(0, day=2).date()}])
        with self.assertRaises(DocumentError):
            Trip.plan([trip])
        document.valid_to = at(0, day=3).date()
        document.save()
        Trip.plan([trip])
        self.assertEqual(trip.state, 'planned')

    @with_company
    def test_refusals(self):
        "Each refusal says what to do"
        Trip = Pool().get('fleet.trip')
        vehicle, = create_vehicles(1, payload_kg=500)
        driver, = create_drivers(1)
        with self.assertRaises(PlanError):
            Trip.plan([create_trip(vehicle)])
        order = create_order(kg=501)
        type(order).confirm([order])
        trip = create_trip(vehicle, driver, orders=[('add', [order.id])])
        Trip.collect_stops([trip])
        with self.assertRaises(CapacityWarning):
            Trip.plan([trip])
        vehicle.state = 'workshop'
        vehicle.save()
        with self.assertRaises(PlanError):
            Trip.plan([trip])
        Trip.cancel([trip])
        with self.assertRaises(StateError), Transaction().set_context(
                _check_access=True):
            Trip.write([trip], {'state': 'done'})

    @with_company
    def test_vehicle_list_queries(self):
        "The list of vehicles costs a fixed number of queries"
        pool = Pool()
        Vehicle = pool.get('fleet.vehicle')
        Document = pool.get('fleet.document')
        Type = pool.get('fleet.document.type')
        Trip = pool.get('fleet.trip')
        type_, = Type.create([{
                    'name': "Inspection", 'applies_to': 'vehicle',
                    'required': True}])
        vehicles = create_vehicles(100)
        drivers = create_drivers(100)
        Document.create([{
                    'type': type_.id, 'vehicle': v.id,
                    'valid_to': dt.date.today() + dt.timedelta(days=i)}
                for i, v in enumerate(vehicles[:-1])])
        when = dt.datetime.now().replace(microsecond=0)
        trips = Trip.create([{
                    'vehicle': v.id, 'driver': d.id,
                    'planned_departure': when - dt.timedelta(hours=1),
                    'planned_arrival': when + dt.timedelta(days=1)}
                for v, d in zip(vehicles[1:], drivers)])
        Trip.plan(trips)

        def read(size):
            return Vehicle.search_read(
                [('id', 'in', [v.id for v in vehicles[:size]])],
                fields_names=[
                    'plate', 'kind', 'model.rec_name', 'ownership',
                    'occupation', 'free_from', 'document_state',
                    'current_driver.rec_name', 'state'])
        self.assertConstantQueries(read)
        first, *_, last = read(100)
        self.assertEqual(first['occupation'], 'free')
        self.assertEqual(last['occupation'], 'trip')
        self.assertEqual(
            last['current_driver.']['rec_name'], drivers[98].rec_name)
        self.assertEqual(first['document_state'], 'due')
        self.assertEqual(last['document_state'], 'missing')
        for state, count in [('due', 61), ('valid', 38), ('missing', 1)]:
            with self.subTest(state=state):
                self.assertEqual(
                    Vehicle.search([('document_state', '=', state)],
                        count=True), count)
        self.assertEqual(
            Vehicle.search([('occupation', '=', 'free')]), vehicles[:1])
        self.assertEqual(
            Vehicle.search([('occupation', '!=', 'trip')]), vehicles[:1])
