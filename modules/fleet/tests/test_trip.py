# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from caravan.testing import QueryTestMixin
from trytond.model.exceptions import AccessError
from trytond.model.modelsql import SQLConstraintError
from trytond.model.modelstorage import DomainValidationError
from trytond.modules.company.tests import create_company
from trytond.modules.fleet.exceptions import (
    CapacityWarning, DocumentError, OverlapError, PlanError, PlateError,
    RangeError, StateError, UNNumberError, VINError)
from trytond.modules.fleet.tests.tools import (
    FleetTestCase, at, create_drivers, create_order, create_trip, create_user,
    create_vehicles, do, with_company)
from trytond.modules.fleet.tools import now
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
        for number in ['12', 'abcd']:
            cargo.un_number = number
            with self.assertRaises(UNNumberError) as refusal:
                cargo.save()
            self.assertIn(number, refusal.exception.message)

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
        with self.assertQueries(200 + 30):
            Booking.create([{
                        'vehicle': vehicle.id,
                        'start': at(h), 'end': at(h + 1),
                        } for h in range(200)])
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
            drive(30, 1299, 1300)
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
    def test_documents_in_turn(self):
        "A paper serves until the one that replaces it begins"
        pool = Pool()
        Trip = pool.get('fleet.trip')
        Type = pool.get('fleet.document.type')
        Document = pool.get('fleet.document')
        driver, = create_drivers(1)
        type_, = Type.create([{
                    'name': "Inspection", 'applies_to': 'vehicle',
                    'required': True, 'blocking': True}])

        def day(number):
            return at(0, day=number).date()
        for plate, renewed, text in [
                # Renewed early, the old one still serves
                ('A', 6, None),
                ('B', 4, None),
                # Days without one
                ('C', 8, "valid from 03/10/2026"),
                # Not begun yet when the trip leaves
                ('D', None, "valid from 03/08/2026")]:
            vehicle, = create_vehicles(1, prefix=plate)
            if renewed:
                old, new = Document.create([{
                            'type': type_.id, 'vehicle': vehicle.id,
                            'valid_from': start, 'valid_to': end}
                        for start, end in [
                            (None, day(5)), (day(renewed), None)]])
                Document.write([old], {'replaced_by': new.id})
            else:
                Document.create([{
                            'type': type_.id, 'vehicle': vehicle.id,
                            'valid_from': day(6)}])
            # The driver is free again for the next one
            trip = create_trip(vehicle, driver, at(6, day=4), at(12, day=7))
            with self.subTest(plate=plate):
                if text:
                    with self.assertRaises(DocumentError) as refusal:
                        Trip.plan([trip])
                    self.assertIn(text, refusal.exception.description)
                else:
                    Trip.plan([trip])
                    Trip.cancel([trip])

    @with_company
    def test_bad_input(self):
        "The message names the record and says what to do"
        pool = Pool()
        Vehicle = pool.get('fleet.vehicle')
        Booking = pool.get('fleet.booking')
        Coupling = pool.get('fleet.vehicle.coupling')
        vehicle, = create_vehicles(1, vin='1G4AH59H4')
        other, = create_vehicles(1, prefix='W')
        trailer, = create_vehicles(1, kind='semitrailer', prefix='T')
        driver, = create_drivers(1)
        trip = create_trip(vehicle, driver)
        leave, = Booking.create([{
                    'driver': driver.id, 'kind': 'leave',
                    'start': at(6), 'end': at(12)}])
        Coupling.create([{
                    'tractor': vehicle.id, 'trailer': trailer.id,
                    'start': at(6)}])

        def refuse(function, error, *texts):
            with self.subTest(texts=texts):
                with self.assertRaises(error) as refusal:
                    function()
                for text in texts:
                    self.assertIn(text, refusal.exception.message)
        for values in [
                {'start': at(6), 'end': at(6)},
                {'start': at(6), 'end': at(5)}]:
            refuse(lambda: Booking.create(
                    [dict(values, vehicle=vehicle.id)]),
                RangeError, vehicle.plate, "not after its start")
        refuse(lambda: Booking.write([leave], {'end': at(6)}),
            RangeError, driver.rec_name)
        refuse(lambda: type(trip).write([trip], {
                    'departure': at(6), 'arrival': at(5)}),
            RangeError, vehicle.plate, "not after its departure")
        refuse(lambda: type(trip).write([trip], {
                    'odometer_start': 50, 'odometer_end': 40}),
            RangeError, vehicle.plate, "from 50 back to 40")
        refuse(lambda: Vehicle.create([{
                        'kind': 'truck', 'plate': 'v-0000'}]),
            PlateError, vehicle.number, 'v-0000')
        refuse(lambda: Vehicle.write([other], {'plate': 'V0000'}),
            PlateError, vehicle.number, vehicle.plate)
        refuse(lambda: Vehicle.write([other], {'vin': '1g4ah59h4'}),
            VINError, vehicle.number)
        refuse(lambda: Vehicle.write([other], {'vin': '1M8GDM9AXKPO42788'}),
            VINError, other.plate, '"O"')
        refuse(lambda: Vehicle.write([other], {'vin': 'X' * 18}),
            VINError, other.plate, "18 characters")
        refuse(lambda: Coupling.create([{
                        'tractor': other.id, 'trailer': trailer.id,
                        'start': at(8)}]),
            OverlapError, trailer.plate, vehicle.plate, "Uncouple")
        # The vehicle itself is no other
        Vehicle.write([vehicle], {'plate': 'V-0000', 'vin': '1G4AH59H4'})

    @with_company
    def test_moved_booking(self):
        "The message names the other when a booking is moved onto it"
        Booking = Pool().get('fleet.booking')
        driver, = create_drivers(1)
        one, two = Booking.create([{
                    'driver': driver.id, 'kind': 'leave',
                    'description': text, 'start': at(6, day=day),
                    'end': at(12, day=day)}
                for day, text in enumerate(["Holiday", "Doctor"])])
        with self.assertRaises(OverlapError) as refusal:
            Booking.write([two], {'start': at(11)})
        self.assertIn("Holiday", refusal.exception.message)
        Booking.write([two], {'start': at(12)})

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
        vehicles = create_vehicles(40)
        drivers = create_drivers(40)
        Document.create([{
                    'type': type_.id, 'vehicle': v.id,
                    'valid_to': dt.date.today() + dt.timedelta(days=3 * i)}
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
        self.assertConstantQueries(read, small=10, large=40)
        first, *_, last = read(40)
        self.assertEqual(first['occupation'], 'free')
        self.assertEqual(last['occupation'], 'trip')
        self.assertEqual(
            last['current_driver.']['rec_name'], drivers[38].rec_name)
        self.assertEqual(first['document_state'], 'due')
        self.assertEqual(last['document_state'], 'missing')
        for state, count in [('due', 21), ('valid', 18), ('missing', 1)]:
            with self.subTest(state=state):
                self.assertEqual(
                    Vehicle.search([('document_state', '=', state)],
                        count=True), count)
        self.assertEqual(
            Vehicle.search([('occupation', '=', 'free')]), vehicles[:1])
        self.assertEqual(
            Vehicle.search([('occupation', '!=', 'trip')]), vehicles[:1])

    @with_company
    def test_planned_anew(self):
        "A trip that left and was cancelled is planned for another day"
        Trip = Pool().get('fleet.trip')
        Booking = Pool().get('fleet.booking')
        vehicle, = create_vehicles(1)
        trip = create_trip(vehicle, create_drivers(1)[0])
        Trip.plan([trip])
        trip.departure = at(6)
        trip.save()
        Trip.dispatch([trip])
        Trip.cancel([trip])
        Trip.draft([trip])
        Trip.write([trip], {
                'planned_departure': at(6, 3), 'planned_arrival': at(12, 3)})
        Trip.plan([trip])
        self.assertEqual(
            {b.start for b in Booking.search([])}, {at(6, 3)})
        self.assertIsNone(trip.dispatched_by)

    @with_company
    def test_order_withdrawn(self):
        "An order that is cancelled meanwhile is on no trip that is planned"
        Trip = Pool().get('fleet.trip')
        order = create_order()
        type(order).confirm([order])
        trip = create_trip(
            create_vehicles(1)[0], create_drivers(1)[0],
            orders=[('add', [order.id])])
        type(order).cancel([order])
        with self.assertRaises(PlanError) as refusal:
            Trip.plan([trip])
        for record in [order, trip]:
            self.assertIn(record.number, refusal.exception.message)

    @with_company
    def test_state_by_button(self):
        "Clients bring no record into a state but by its buttons"
        pool = Pool()
        vehicle, = create_vehicles(1)
        driver, = create_drivers(1)
        order = create_order()
        of_vehicle = {'vehicle': vehicle.id}
        created = [
            ('fleet.trip', {'state': 'cancelled'}),
            ('fleet.order', {'party': order.party.id, 'state': 'confirmed'}),
            ('fleet.service', {**of_vehicle, 'state': 'cancelled'}),
            ('fleet.refuelling', {
                    **of_vehicle, 'quantity': 1, 'state': 'confirmed'}),
            ('fleet.fine', {
                    **of_vehicle, 'amount': 1, 'state': 'confirmed'}),
            ('fleet.inspection', {**of_vehicle, 'state': 'done'}),
            ('fleet.fault', {
                    **of_vehicle, 'description': "-", 'state': 'mended'}),
            ('fleet.pay.sheet', {'driver': driver.id, 'state': 'paid'})]
        with Transaction().set_context(_check_access=True):
            for name, values in created:
                with self.subTest(model=name), self.assertRaises(StateError):
                    pool.get(name).create([values])
            for record, state in [(vehicle, 'sold'), (driver, 'left')]:
                with self.subTest(record=record), \
                        self.assertRaises(StateError):
                    type(record).write([record], {'state': state})

    @with_company
    def test_done_stays(self):
        "What a done trip burnt and carried is corrected after it is reopened"
        trip = create_trip(
            create_vehicles(1)[0], create_drivers(1)[0],
            stops=[('create', [{'kind': 'rest'}])])
        trip = do(trip, km=10.)
        stop, = trip.stops
        with Transaction().set_context(_check_access=True):
            for record, values in [
                    (trip, {'fuel_close': 5}), (trip, {'fuel_norm': 5}),
                    (stop, {'in_kg': 5})]:
                with self.subTest(record=record, values=values), \
                        self.assertRaises(StateError):
                    type(record).write([record], values)
            type(trip).write([trip], {'notes': "Late"})

    @with_company
    def test_complete_km(self):
        "The kilometres follow the odometer at both ends"
        Start = Pool().get('fleet.trip.complete.start')
        start = Start(odometer_start=1000, odometer_end=1500, km=500.)
        start.odometer_start = 1200
        start.on_change_odometer_start()
        self.assertEqual(start.km, 300)

    @with_company
    def test_record_elsewhere(self):
        "Trips are loaded into the companies of the user"
        pool = Pool()
        Trip = pool.get('fleet.trip')
        User = pool.get('res.user')
        other = create_company("Elsewhere")
        vehicle, = create_vehicles(1, company=other.id)
        driver, = create_drivers(1, company=other.id)
        _, user = create_user('loader')
        User.write([user], {'groups': [('add', [
                            pool.get('ir.model.data').get_id(
                                'fleet', 'group_fleet_dispatcher')])]})
        values = {
            'company': other.id, 'vehicle': vehicle.id, 'driver': driver.id,
            'planned_departure': at(6), 'planned_arrival': at(7),
            'departure': at(6), 'arrival': at(7), 'km': 5.}
        with Transaction().set_user(user.id), Transaction().set_context(
                User.get_preferences(context_only=True),
                _check_access=True):
            self.assertRaises(AccessError, Trip.record, [values])

    @with_company
    def test_late_is_busy(self):
        "Who is late from a trip is not free yet"
        pool = Pool()
        Trip = pool.get('fleet.trip')
        Vehicle = pool.get('fleet.vehicle')
        vehicle, = create_vehicles(1)
        start = now() - dt.timedelta(days=2)
        trip = create_trip(
            vehicle, create_drivers(1)[0], start,
            start + dt.timedelta(hours=6))
        Trip.plan([trip])
        trip.departure = start
        trip.save()
        Trip.dispatch([trip])
        vehicle = Vehicle(vehicle.id)
        self.assertEqual(
            (vehicle.occupation, vehicle.free_from), ('trip', None))
        self.assertEqual(vehicle.current_driver, trip.driver)
        for state, found in [('free', []), ('trip', [vehicle])]:
            self.assertEqual(
                Vehicle.search([('occupation', '=', state)]), found)

    @with_company
    def test_negative(self):
        "Nobody drives less than no kilometre"
        trip = create_trip(create_vehicles(1)[0])
        for name in ['km', 'loaded_km', 'fuel_close']:
            with self.subTest(name=name), \
                    self.assertRaises(DomainValidationError):
                type(trip).write([trip], {name: -1.})
