# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
from decimal import Decimal

from trytond.modules.currency.tests import add_currency_rate, create_currency
from trytond.modules.fleet.engine.fuel import (
    Norm, Work, burnt, consumption, from_values, full_to_full, is_away, terms)
from trytond.modules.fleet.exceptions import FuelError, FuelWarning, StateError
from trytond.modules.fleet.tests.tools import (
    FleetTestCase, at, create_drivers, create_fuel, create_trip,
    create_vehicles, do, iter_cases, refuel, with_company)
from trytond.pool import Pool


class FuelTestCase(FleetTestCase):
    "Test norms of fuel, refuellings and tanks"

    @with_company
    def test_norms(self):
        "The published norms through trips"
        pool = Pool()
        Surcharge = pool.get('fleet.fuel.surcharge')
        for id_, given, expect in iter_cases(self, 'FN-'):
            vehicle, = create_vehicles(1, kind='truck', prefix=id_)
            trailers = create_vehicles(
                int('G_trailer_t' in given), kind='trailer',
                prefix=f'{id_}T',
                tare_kg=round(1000 * given.get('G_trailer_t', 0)))
            pool.get('fleet.fuel.norm').create([{
                        'vehicle': vehicle.id,
                        'valid_from': dt.date(2026, 1, 1),
                        'distance': Decimal(str(given['Hs'])),
                        'tonne_km': Decimal(str(given.get('Hw', 0))),
                        'trailer': Decimal(str(given.get('Hg', 0))),
                        'heater': Decimal(
                            str(given.get('heater_l_per_h', 0)))}])
            surcharges = Surcharge.create([
                    {'name': f'{p} %', 'percent': Decimal(p)}
                    for p in given['D']])
            trip = create_trip(
                vehicle, create_drivers(1)[0],
                trailers=[('add', [t.id for t in trailers])],
                surcharges=[('add', [s.id for s in surcharges])])
            trip = do(
                trip, km=float(given['S']), tonne_km=float(given.get('W', 0)),
                heater_hours=given.get('heater_h'))
            self.assertEqual(trip.fuel_norm, expect['litres'])
            self.assertAlmostEqual(
                float(sum(t.litres for t in trip.fuel_terms())),
                expect['litres_unrounded'], places=4)

    def test_terms(self):
        "Runs and hours stay out of the bracket of the surcharges"
        norm = from_values(Norm, {
                'distance': 20, 'run': 0.25, 'special': 5, 'idle': 2})
        work = from_values(Work, {
                'km': 100, 'run': 4, 'special': 2, 'idle': 1})
        self.assertEqual(
            [(t.name, t.litres) for t in terms(norm, work, [Decimal(10)])], [
                ('distance', 20), ('surcharge', 2), ('run', 1),
                ('special', 10), ('idle', 2)])
        self.assertEqual(
            consumption(norm, work, [Decimal(10)]), Decimal('35.0'))

    @with_company
    def test_residues(self):
        for id_, given, expect in iter_cases(self, 'FR-'):
            if 'threshold_m' in given:
                self.assertEqual(
                    is_away(given['station_to_vehicle_m'],
                        given['threshold_m']), expect['flag'])
                continue
            vehicle, = create_vehicles(1, prefix=id_)
            trip = create_trip(vehicle, create_drivers(1)[0])
            trip.departure = trip.planned_departure
            trip.state = 'dispatched'
            trip.save()
            for quantity in given['refuelled_l']:
                refuelling = refuel(vehicle, 8, quantity)
                self.assertEqual(refuelling.trip, trip)
                self.assertEqual(refuelling.driver, trip.driver)
            values = {
                'km': 100., 'fuel_open': float(given['opening_l']),
                'fuel_close': float(given['closing_l'])}
            if 'error' in expect:
                with self.assertRaises(FuelError) as refusal:
                    do(trip, **values)
                self.assertIn(trip.number, refusal.exception.message)
            else:
                self.assertEqual(
                    do(trip, **values).fuel_actual, expect['actual_l'])

    def test_full_to_full(self):
        for _, given, expect in iter_cases(self, 'FF-'):
            self.assertEqual(full_to_full([
                        (f['odo'], Decimal(f['l']), f['full'])
                        for f in given['fills']]), expect['l_per_100km'])
        self.assertEqual(full_to_full([
                    (10000, Decimal(60), True), (10400, Decimal(90), False),
                    (11000, Decimal(210), True)]), 30)
        self.assertRaises(ValueError, burnt, Decimal(1), [], Decimal(2))

    @with_company
    def test_norm_of_model(self):
        "The own norm goes before the model's, the later one before the first"
        pool = Pool()
        make, = pool.get('fleet.make').create([{'name': "Make"}])
        model, = pool.get('fleet.model').create([{
                    'make': make.id, 'name': "Model", 'kind': 'tractor'}])
        one, other = create_vehicles(2, model=model.id)
        pool.get('fleet.fuel.norm').create([
                {'model': model.id, 'valid_from': dt.date(2026, 1, 1),
                    'distance': Decimal(30)},
                {'model': model.id, 'valid_from': dt.date(2026, 3, 3),
                    'distance': Decimal(20)},
                {'vehicle': other.id, 'valid_from': dt.date(2026, 1, 1),
                    'distance': Decimal(25)}])
        drivers = create_drivers(2)
        for vehicle, day, litres in [
                (one, 0, 30), (other, 0, 25), (one, 2, 20)]:
            trip = create_trip(
                vehicle, drivers[vehicle == other], at(6, day), at(9, day))
            self.assertEqual(do(trip, km=100.).fuel_norm, litres)

    @with_company
    def test_months(self):
        "A surcharge of the month comes by itself"
        pool = Pool()
        march, july = pool.get('fleet.fuel.surcharge').create([
                {'name': name, 'percent': Decimal(10), 'months': [month]}
                for name, month in [("Winter", '3'), ("Summer", '7')]])
        vehicle, = create_vehicles(1)
        trip = do(create_trip(vehicle, create_drivers(1)[0]), km=10.)
        self.assertEqual(trip.surcharges, ())
        type(trip).add_surcharges([trip])
        self.assertEqual(trip.surcharges, (march,))

    @with_company
    def test_over_norm(self):
        Trip = Pool().get('fleet.trip')
        vehicle, = create_vehicles(1)
        trips = [do(
                create_trip(vehicle, create_drivers(1)[0],
                    at(6, day), at(9, day)),
                km=100., fuel_open=100., fuel_close=close)
            for day, close in [(0, 60.), (1, 70.)]]
        Trip.write(trips, {'fuel_norm': 30.})
        over = trips[0]
        self.assertEqual(Trip(over.id).fuel_deviation, 10)
        self.assertTrue(Trip(over.id).over_norm)
        self.assertEqual(Trip.search([('over_norm', '=', True)]), [over])

    @with_company
    def test_refuelling(self):
        "It becomes a cost and a reading; what does not fit is flagged"
        pool = Pool()
        Cost = pool.get('fleet.cost')
        vehicle, = create_vehicles(1, tank_capacity=400.)
        refuelling = refuel(
            vehicle, 8, 300., odometer=1000,
            latitude=50., longitude=4., vehicle_latitude=50.01,
            vehicle_longitude=4.)
        self.assertEqual(refuelling.flags, ('place',))
        self.assertEqual(refuelling.amount, Decimal('450.00'))
        self.assertEqual(vehicle.odometer, 1000)
        cost, = Cost.search([('origin', '=', str(refuelling))])
        self.assertEqual(
            (cost.category, cost.amount, cost.quantity, cost.vehicle),
            ('fuel', Decimal('450.00'), 300, vehicle))
        self.assertEqual(refuel(vehicle, 9, 10., odometer=900).flags,
            ('odometer',))
        self.assertRaises(FuelWarning, refuel, vehicle, 10, 401.)
        self.assertRaises(StateError, type(refuelling).delete, [refuelling])
        type(refuelling).cancel([refuelling])
        self.assertEqual(sum(
                c.amount for c in Cost.search([
                        ('origin', '=', str(refuelling))])), 0)
        self.assertIsNone(type(vehicle)(vehicle.id).odometer)

    @with_company
    def test_tank(self):
        "Two prices make the cost of a litre, the trip takes it out"
        pool = Pool()
        Cost = pool.get('fleet.cost')
        (_, given, expect), = iter_cases(self, 'CK-02')
        fuel, depot = create_fuel(given['tank_price'])
        vehicle, = create_vehicles(1, fuel_product=fuel.id)
        type(vehicle).make_tank([vehicle])
        litres = {
            'tank': round(1000 * given['tank_share'], 1),
            'pump': round(1000 * given['pump_share'], 1)}
        refuel(
            vehicle, 5, litres['tank'], str(given['tank_price']),
            source='cash')
        refuel(
            vehicle, 5, litres['pump'], str(given['pump_price']),
            source='card')
        vehicle = type(vehicle)(vehicle.id)
        self.assertEqual(vehicle.fuel_residue, 1000)
        self.assertFalse(Cost.search([('vehicle', '=', vehicle.id)]))
        trip = do(
            create_trip(vehicle, create_drivers(1)[0]),
            km=1000., fuel_open=1000., fuel_close=900.)
        cost, = Cost.search([('trip', '=', trip.id)])
        self.assertEqual(cost.quantity, 100)
        self.assertEqual(
            cost.amount, round(Decimal(str(100 * expect['price'])), 2))
        self.assertEqual(type(vehicle)(vehicle.id).fuel_residue, 900)
        self.assertEqual(trip.costs, cost.amount)
        type(trip).reopen([trip])
        self.assertEqual(type(vehicle)(vehicle.id).fuel_residue, 1000)
        self.assertEqual(type(trip)(trip.id).costs, 0)
        self.assertTrue(depot)

    @with_company
    def test_depot(self):
        "The depot loses what the tank gets"
        pool = Pool()
        Product = pool.get('product.product')
        fuel, depot = create_fuel('1.20')
        vehicle, = create_vehicles(1, fuel_product=fuel.id)
        type(vehicle).make_tank([vehicle])
        refuel(
            vehicle, 5, 200., source='depot', depot=depot.id,
            unit_price=None)
        vehicle = type(vehicle)(vehicle.id)
        quantities = Product.products_by_location(
            [depot.id, vehicle.tank.id], grouping_filter=([fuel.id],))
        self.assertEqual(quantities, {
                (depot.id, fuel.id): -200, (vehicle.tank.id, fuel.id): 200})

    @with_company
    def test_depot_currency(self):
        "Fuel of the own depot costs what the stock says"
        vehicle, = create_vehicles(1)
        currency = create_currency('cu2')
        for of, rate in [(currency, 2), (vehicle.company.currency, 1)]:
            add_currency_rate(of, rate, dt.date(2026, 1, 1))
        fuel, depot = create_fuel('1.20')
        refuelling = refuel(
            vehicle, 8, 100, price=0, product=fuel.id, source='depot',
            depot=depot.id, currency=currency.id, unit_price=None)
        self.assertEqual(refuelling.amount, 240)
