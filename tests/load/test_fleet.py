# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import csv
import datetime as dt
import tempfile
import time
import unittest
from pathlib import Path

from proteus import Model

from caravan.load.documents import Documents
from caravan.load.drivers import Drivers
from caravan.load.mapping import Format, Mapping
from caravan.load.readings import Readings
from caravan.load.refuellings import Refuellings
from caravan.load.trips import Trips
from caravan.load.vehicles import Vehicles
from caravan.testing import activate_modules
from trytond.exceptions import UserError
from trytond.modules.company.tests.tools import create_company
from trytond.tests.test_tryton import drop_db

HEADER = [
    'booking', 'vehicle', 'vehicle_type', 'trip_start', 'trip_end',
    'planned_eta', 'driver', 'customer', 'customer_code', 'supplier',
    'origin', 'origin_lat', 'origin_lon', 'destination', 'distance_km',
    'material']


def row(booking, vehicle='KA 01 1234', start='2026-03-02 06:00:00',
        end='2026-03-02 18:00:00', eta='2026-03-02 17:00:00', driver='',
        km='120'):
    return [
        booking, vehicle, '24 FT Truck 21MT', start, end, eta, driver,
        'Acme', 'ACME', 'Swift Carriers', 'Port', '12.5', '79.75', 'Plant',
        km, 'Starter motors']


class _Refusing:
    "A model whose server takes no vehicle with the plate REFUSED 1"

    def __init__(self, model):
        self._proxy = self
        self._model = model._proxy

    def __getattr__(self, name):
        return getattr(self._model, name)

    def create(self, values, context):
        if any(v.get('plate') == 'REFUSED 1' for v in values):
            raise UserError("no such plate")
        return self._model.create(values, context)


class FleetLoadTestCase(unittest.TestCase):
    "Test the loaders of the fleet"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.config = activate_modules(['fleet'], create_company)
        cls.addClassCleanup(drop_db)

    def load(self, Loader, header, rows, size=200, mapping=None, **kwargs):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, 'rows.csv')
            with path.open('w', newline='') as file:
                csv.writer(file).writerows([header, *rows])
            rejects = Path(folder, 'rejects.csv')
            loader = Loader(self.config, **kwargs)
            loader.size = size
            result = loader.load(
                path, mapping=mapping, rejects=rejects, progress=False)
            return result, rejects.read_text() if rejects.exists() else ''

    def test_trips(self):
        "Trips come in with all they name, what can't be is told"
        rows = [
            row('A1', driver='Raj'),
            row('A2', 'ka-01-1234', '2026-03-02 18:00:00',
                '2026-03-03 06:00:00', ''),
            row('A1', 'KA 05 1'),
            row('A3', start='2026-03-02 12:00:00',
                end='2026-03-02 20:00:00'),
            row('A4', 'KA 02 2', '2026-03-02 08:00:00', driver='Raj'),
            row('A5', 'KA 03 3', end='2026-03-01 18:00:00'),
            row('A6', 'KA 03 3', end='', eta='2026-03-04 10:00:00'),
            row('A7', 'KA 04 4', end='', eta=''),
            row('A8', 'KA 04 4', km='-1'),
            row('A9', '--'),
            ]
        dry, planned = self.load(
            Trips, HEADER, rows, dry_run=True, size=2)
        self.assertFalse(Model.get('fleet.vehicle').find([
                    ('plate', 'in', [r[1] for r in rows])]))
        result, rejects = self.load(Trips, HEADER, rows)
        self.assertEqual(dry, result)
        self.assertEqual(
            {line.split(',')[0] for line in planned.splitlines()},
            {line.split(',')[0] for line in rejects.splitlines()})
        self.assertEqual(result, (3, 0, 7))
        for text in [
                '"A1"" stands twice', 'vehicle KA 01 1234 is already booked '
                'for A1 from 2026-03-02 06:00:00 to 2026-03-02 18:00:00',
                'driver Raj is already booked', 'ends at 2026-03-01 18:00:00',
                'neither an end nor a planned arrival', 'is below zero',
                'is no plate']:
            with self.subTest(text=text):
                self.assertIn(text, rejects)

        Trip = Model.get('fleet.trip')
        trip, = Trip.find([('external_ref', '=', 'A1')])
        self.assertEqual(trip.state, 'done')
        self.assertEqual(trip.vehicle.payload_kg, 21000)
        self.assertEqual(trip.vehicle.owner.name, 'Swift Carriers')
        self.assertEqual(trip.driver.party.name, 'Raj')
        self.assertEqual(trip.route, 'Port → Plant')
        order, = trip.orders
        self.assertEqual(order.party.code, 'ACME')
        self.assertEqual(order.state, 'delivered')
        self.assertEqual(order.stops[0].address.latitude, 12.5)
        self.assertEqual(order.cargo[0].description, 'Starter motors')
        open_, = Trip.find([('state', '=', 'dispatched')])
        self.assertEqual(open_.external_ref, 'A6')
        self.assertEqual(len(Model.get('fleet.booking').find([])), 3)
        # Nothing new comes in twice
        self.assertEqual(self.load(Trips, HEADER, rows)[0], (0, 3, 7))

    def test_trips_of_bad_parts(self):
        "What a row names and can't be made rejects that row only"
        header = HEADER + ['destination_lat', 'destination_lon']

        def line(booking, day, lat='12.5', lon='79.75', code='BAD',
                name='Bad', place='Yard', start='06', end='18'):
            values = dict(zip(HEADER, row(
                        booking, f'BAD {booking}', f'2026-03-{day} {start}:00',
                        f'2026-03-{day} {end}:00', '')))
            values.update(
                customer=name, customer_code=code, origin=f'{place} {booking}')
            return [*values.values(), lat, lon]
        rows = [
            line('C1', 10, lat='120.5'),
            line('C2', 10, lon='-181'),
            # Latitude alone is no place
            line('C3', 10, lon=''),
            # One customer written in two ways, two codes of one customer
            line('C4', 10, code='TWO', name='Two Ltd'),
            line('C5', 10, code='TWO', name='TWO ltd'),
            line('C6', 10, code='THREE', name='Two Ltd'),
            # Years of a spreadsheet's empty date
            line('C7', 10)[:3] + ['1899-12-30 03:21:00'] + line('C7', 10)[4:],
            line('C8', 10)[:3] + ['0001-01-01 00:00:00+14:00']
            + line('C8', 10)[4:],
            ]
        dry, _ = self.load(Trips, header, rows, dry_run=True)
        result, rejects = self.load(Trips, header, rows)
        self.assertEqual(result, (4, 0, 4), rejects)
        self.assertEqual(dry, result)
        for text in [
                "120.5 is no latitude", "-181 is no longitude", "swapped",
                "the trip takes 46091 days", "is out of the calendar"]:
            self.assertIn(text, rejects)
        Party = Model.get('party.party')
        self.assertEqual(len(Party.find([('name', 'ilike', 'two ltd')])), 1)

    def test_trips_refused(self):
        "What only the server refuses rejects the rows that need it"
        class Refusing(Trips):
            def get(self, name):
                return _Refusing(super().get(name))
        rows = [
            row(f'E{i}', f'REFUSED {i % 3}', f'2026-05-{i + 1:02} 06:00:00',
                f'2026-05-{i + 1:02} 18:00:00', '') for i in range(6)]
        result, rejects = self.load(Refusing, HEADER, rows)
        self.assertEqual(result, (4, 0, 2))
        self.assertIn("E1,", rejects)
        self.assertIn("E4,", rejects)
        self.assertEqual(rejects.count("no such plate"), 2)

    def test_zones(self):
        "Times are those of the company where the file names no zone"
        Company = Model.get('company.company')
        company, = Company.find([])
        company.timezone = 'Asia/Kolkata'
        company.save()
        Trip = Model.get('fleet.trip')
        for booking, start, zone, hour in [
                ('Z1', '2026-03-20 06:00:00', None, 0.5),
                ('Z2', '2026-03-20 06:00:00', 'Europe/Paris', 5),
                ('Z3', '2026-03-20 06:00:00+02:00', None, 4)]:
            mapping = Mapping(format=Format(timezone=zone))
            rows = [row(
                    booking, f'ZONE {booking}', start, '2026-03-21 06:00:00',
                    '')]
            result, rejects = self.load(Trips, HEADER, rows, mapping=mapping)
            self.assertEqual(result, (1, 0, 0), rejects)
            trip, = Trip.find([('external_ref', '=', booking)])
            with self.subTest(booking=booking):
                self.assertEqual(
                    trip.departure,
                    dt.datetime(2026, 3, 20) + dt.timedelta(hours=hour))
        company.timezone = None
        company.save()

    def test_readings(self):
        "Readings come in once, what does not fit is told"
        Vehicle = Model.get('fleet.vehicle')
        for plate in ['R 1', 'R 2']:
            Vehicle(plate=plate, kind='truck').save()
        header = ['vehicle', 'at', 'value', 'kind', 'driver']
        rows = [
            ['R-1', '2026-03-05 08:00:00', '2000', '', ''],
            ['R-1', '2026-03-01 08:00:00', '1000', '', ''],
            ['R-1', '2026-03-03 08:00:00', '2100', '', ''],
            ['R-1', '2026-03-03 09:00:00', '1500', '', ''],
            ['R-1', '2026-03-03 09:00:00', '1500', '', ''],
            ['R-1', '2026-03-03 09:00:00', '20', 'hours', ''],
            ['R-2', '2026-03-03 09:00:00', '-1', '', ''],
            ['R-2', '2026-03-03 09:00:00', '1.5', '', ''],
            ['R-2', '2026-03-03 09:00:00', 'full', '', ''],
            ['R-2', '2026-03-03 09:00:00', '5', 'rings', ''],
            ['R-2', '2026-03-03 09:00:00', '5', '', 'Nobody'],
            ['R-3', '2026-03-03 09:00:00', '5', '', ''],
            ]
        dry, _ = self.load(Readings, header, rows, dry_run=True)
        self.assertFalse(Model.get('fleet.meter').find([]))
        result, rejects = self.load(Readings, header, rows)
        self.assertEqual(dry, result)
        self.assertEqual(result, (4, 1, 7), rejects)
        for text in [
                'does not fit the reading', '-1 is not from 0',
                'not a number', 'not a whole number',
                'none of odometer', 'no driver ""Nobody""',
                'no vehicle ""R-3""']:
            self.assertIn(text, rejects)
        self.assertEqual(
            self.load(Readings, header, rows)[0], (0, 5, 7))
        vehicle, = Vehicle.find([('plate', '=', 'R 1')])
        self.assertEqual(vehicle.odometer, 2000)

    def test_refuellings(self):
        "Refuellings come in once, what can't be is told"
        Vehicle = Model.get('fleet.vehicle')
        Vehicle(plate='F 1', kind='truck').save()
        header = [
            'vehicle', 'at', 'quantity', 'unit_price', 'odometer', 'card',
            'reference']
        rows = [
            ['f-1', '02.03.2026 08:00', '300,50', '1,182', '123 456', '', ''],
            ['F 1', '02.03.2026 08:00', '300,5', '1,182', '123456', '', ''],
            ['F 1', '03.03.2026 08:00', '100', '1,2', '', '', 'X1'],
            ['F 1', '03.03.2026 09:00', '100', '1,2', '', '', 'X1'],
            ['F 1', '03.03.2026 09:00', '0', '1,2', '', '', ''],
            ['F 1', '03.03.2026 09:00', '5', '', '', '', ''],
            ['F 1', '03.03.2026 09:00', '5', '1', '', '99', ''],
            ['F 2', '03.03.2026 09:00', '5', '1', '', '', ''],
            ]
        mapping = Mapping(format=Format(
                datetime='%d.%m.%Y %H:%M', decimal=','))
        dry, _ = self.load(
            Refuellings, header, rows, mapping=mapping, dry_run=True)
        self.assertFalse(Model.get('fleet.refuelling').find([]))
        result, rejects = self.load(
            Refuellings, header, rows, mapping=mapping)
        self.assertEqual(dry, result)
        self.assertEqual(result, (2, 2, 4), rejects)
        for text in [
                'is not above 0', 'neither a unit price nor an amount',
                'no fuel card ""99""', 'no vehicle ""F 2""']:
            self.assertIn(text, rejects)
        vehicle, = Vehicle.find([('plate', '=', 'F 1')])
        self.assertEqual(vehicle.odometer, 123456)
        self.assertEqual(
            self.load(Refuellings, header, rows, mapping=mapping)[0],
            (0, 4, 4))

    def test_trips_are_fast(self):
        "Ten times the speed of saving them one by one"
        start = dt.datetime(2026, 4, 1)
        # Each driver rests long enough between his trips
        rows = [
            row(f'B{i}', f'MH 12 {i:04}', start + dt.timedelta(hours=i),
                start + dt.timedelta(hours=i + 5), '', f'Driver {i // 2 % 70}')
            for i in range(300)]
        begin = time.process_time()
        result, rejects = self.load(Trips, HEADER, rows[:200:2])
        bulk = (time.process_time() - begin) / 100
        self.assertEqual(result, (100, 0, 0), rejects)

        count = 10
        begin = time.process_time()
        for values in rows[201:201 + 2 * count:2]:
            self._save(dict(zip(HEADER, values)))
        single = (time.process_time() - begin) / count
        self.assertGreater(single / bulk, 10)

    def _save(self, values):
        "Save a row as a script without the loader does"
        Party = Model.get('party.party')
        Vehicle = Model.get('fleet.vehicle')
        Driver = Model.get('fleet.driver')
        Order = Model.get('fleet.order')
        Trip = Model.get('fleet.trip')
        customer, = Party.find([('code', '=', 'ACME')])
        load, unload = self._addresses(customer)
        owner, = Party.find([('name', '=', 'Swift Carriers')])
        vehicle = Vehicle(
            plate=values['vehicle'], kind='truck', payload_kg=21000,
            ownership='partner', owner=owner)
        vehicle.save()
        vehicle.click('activate')
        drivers = Driver.find([('party.name', '=', values['driver'])])
        order = Order(
            party=customer, external_ref=values['booking'],
            pickup_at=values['trip_start'], km=120.)
        for kind, address in [('load', load), ('unload', unload)]:
            stop = order.stops.new()
            stop.kind, stop.address = kind, address
        order.cargo.new().description = values['material']
        order.save()
        order.click('confirm')
        trip = Trip(
            external_ref=values['booking'], vehicle=vehicle,
            driver=drivers[0], planned_departure=values['trip_start'],
            planned_arrival=values['trip_end'],
            departure=values['trip_start'])
        trip.orders.append(order)
        trip.save()
        trip.click('collect_stops')
        trip.click('plan')
        trip.click('dispatch')
        complete = trip.click('complete')
        complete.form.arrival = values['trip_end']
        complete.form.km = 120.
        complete.execute('complete')

    def _addresses(self, party):
        addresses = {a.city: a for a in party.addresses}
        return addresses['Port'], addresses['Plant']

    def test_vehicles(self):
        "Vehicles come in with make and model, a plate once"
        header = ['plate', 'kind', 'make', 'model', 'payload_kg', 'vin']
        rows = [
            ['1-ABC-234', 'tractor', 'Volvo', 'FH', '', '1G4AH59H45G118341'],
            ['1-ABC-235', 'Truck', 'Volvo', 'FM', '9000', ''],
            ['1-ABC-236', 'ship', '', '', '', ''],
            ['1-ABC-237', 'truck', '', '', '', '1M8GDM9AXKPO42788'],
            ]
        result, rejects = self.load(Vehicles, header, rows)
        self.assertEqual(result, (2, 0, 2))
        self.assertIn('is none of tractor', rejects)
        self.assertIn('contains ""O""', rejects)
        rows[0][0] = '1 ABC 234'
        self.assertEqual(
            self.load(Vehicles, header, rows[:2])[0], (0, 2, 0))
        vehicle, = Model.get('fleet.vehicle').find(
            [('plate', '=', '1-ABC-235')])
        self.assertEqual(vehicle.model.rec_name, 'Volvo FM')

    def test_drivers_and_documents(self):
        Category = Model.get('fleet.licence.category')
        Category(code='CE').save()
        header = ['name', 'licence_categories', 'experience_since']
        rows = [
            ['Eva', 'CE', '2010-05-01'], ['Tom', 'XX', ''], ['Uwe', '', '']]
        result, rejects = self.load(Drivers, header, rows)
        self.assertEqual(result, (2, 0, 1))
        self.assertIn('no licence category', rejects)
        self.assertEqual(
            self.load(Drivers, header, rows)[0], (0, 2, 1))

        Type = Model.get('fleet.document.type')
        Type(name="Licence", applies_to='driver').save()
        header = ['type', 'driver', 'vehicle', 'number', 'valid_to']
        rows = [
            ['Licence', 'Eva', '', '17', '2030-01-31'],
            ['Licence', 'Eva', '', '17', '2030-01-31'],
            ['Licence', 'Nobody', '', '18', ''],
            ['Passport', 'Eva', '', '19', ''],
            ['Licence', 'Eva', 'KA 01', '20', ''],
            ]
        result, rejects = self.load(Documents, header, rows)
        self.assertEqual(result, (1, 1, 3))
        for text in [
                'no driver ""Nobody""', 'no type ""Passport""',
                'either a vehicle or a driver']:
            self.assertIn(text, rejects)
