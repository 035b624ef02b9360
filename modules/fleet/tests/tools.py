# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Records that the tests of fleet need."""
import datetime as dt
import functools
import json
from decimal import Decimal
from pathlib import Path

from caravan.testing import prepare_database, set_up_chart
from trytond.modules.company.tests import create_company, set_company
from trytond.modules.fleet.tests import test_module
from trytond.pool import Pool
from trytond.tests.test_tryton import TestCase, with_transaction
from trytond.transaction import Transaction

__all__ = [
    'ExtrasTestCase', 'FleetTestCase', 'at', 'create_drivers', 'create_fuel',
    'create_order',
    'create_transport_product', 'create_trip', 'create_user',
    'create_vehicles', 'do', 'iter_cases', 'refuel', 'with_company']

DAY = dt.datetime(2026, 3, 2)


class FleetTestCase(TestCase):
    "Tests on a database with a company and fleet alone"
    modules = ['fleet']
    set_ups = [create_company]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        prepare_database(cls.modules, *cls.set_ups)


class ExtrasTestCase(FleetTestCase):
    "Tests on a database with all that fleet extends and accounts"
    modules = ['fleet', *test_module.FleetTestCase.extras]
    set_ups = [create_company, set_up_chart]


def with_company(function):
    "Run a test in a transaction with the company"
    @functools.wraps(function)
    @with_transaction()
    def test(self):
        company, = Pool().get('company.company').search([])
        with set_company(company):
            return function(self)
    return test


def at(hour, day=0):
    "Return the UTC time of an hour some days after 2 March 2026"
    return DAY + dt.timedelta(days=day, hours=hour)


def create_user(login):
    "Return an employee and the user they log in as"
    pool = Pool()
    Party = pool.get('party.party')
    Employee = pool.get('company.employee')
    User = pool.get('res.user')
    party, = Party.create([{'name': login}])
    company = Transaction().context['company']
    employee, = Employee.create([
            {'party': party.id, 'company': company}])
    user, = User.create([{
                'name': login, 'login': login,
                'companies': [('add', [company])], 'company': company,
                'employees': [('add', [employee.id])],
                'employee': employee.id}])
    return employee, user


def create_vehicles(count, kind='tractor', prefix='V', **values):
    "Create vehicles in use"
    Vehicle = Pool().get('fleet.vehicle')
    return Vehicle.create([{
                'kind': kind,
                'plate': f'{prefix} {i:04}',
                'state': 'active',
                **values,
                } for i in range(count)])


def create_drivers(count, prefix="Driver", **values):
    pool = Pool()
    Party = pool.get('party.party')
    Driver = pool.get('fleet.driver')
    parties = Party.create([
            {'name': f'{prefix} {i:04}'} for i in range(count)])
    return Driver.create([{'party': p.id, **values} for p in parties])


def create_order(places=2, kg=1000, **values):
    "Create an order from the first of some places to the others"
    pool = Pool()
    Party = pool.get('party.party')
    Order = pool.get('fleet.order')
    party, = Party.create([{
                'name': "Customer",
                'addresses': [('create', [
                            {'city': f'Place {i}'} for i in range(places)])],
                }])
    load, *unload = party.addresses
    order, = Order.create([{
                'party': party.id,
                'stops': [('create', [
                            {'kind': 'load', 'address': load.id}, *(
                                {'kind': 'unload', 'address': a.id}
                                for a in unload)])],
                'cargo': [('create', [
                            {'description': "Goods", 'gross_kg': kg}])],
                **values,
                }])
    return order


def create_transport_product(**values):
    "Create the transport service, return the account of revenue"
    pool = Pool()
    Account = pool.get('account.account')
    Category = pool.get('product.category')
    Template = pool.get('product.template')
    Unit = pool.get('product.uom')
    revenue, = Account.search([
            ('type.revenue', '=', True), ('closed', '=', False)], limit=1)
    category, = Category.create([{
                'name': "Transport", 'accounting': True,
                'account_revenue': revenue.id}])
    unit, = Unit.search([('name', '=', "Unit")])
    template, = Template.create([{
                'name': "Transport", 'type': 'service',
                'default_uom': unit.id,
                'account_category': category.id,
                'products': [('create', [{}])],
                **values}])
    Configuration = pool.get('fleet.configuration')
    configuration = Configuration(1)
    configuration.transport_product, = template.products
    configuration.save()
    return revenue


def create_trip(vehicle, driver=None, start=None, end=None, **values):
    Trip = Pool().get('fleet.trip')
    trip, = Trip.create([{
                'vehicle': vehicle.id,
                'driver': driver.id if driver else None,
                'planned_departure': start or at(6),
                'planned_arrival': end or at(12),
                **values,
                }])
    return trip


def iter_cases(test, *prefixes):
    """Yield (id, given, expect) of the published cases, each in a sub-test.

    prefixes: what the ids start with
    """
    path = Path(__file__).with_name('fleet_cases.json')
    cases = [
        c for c in json.loads(path.read_text())['cases']
        if c['id'].startswith(prefixes)]
    test.assertTrue(cases)
    for case in cases:
        with test.subTest(case=case['id'], source=case['source']):
            yield case['id'], case['given'], case['expect']


def create_fuel(price):
    "Create a fuel at a price and a depot"
    pool = Pool()
    Location = pool.get('stock.location')
    Template = pool.get('product.template')
    Unit = pool.get('product.uom')
    litre, = Unit.search([('symbol', '=', 'l')])
    template, = Template.create([{
                'name': "Diesel", 'type': 'goods',
                'default_uom': litre.id,
                'cost_price_method': 'average',
                'products': [('create', [
                            {'cost_price': Decimal(str(price))}])]}])
    depot, = Location.create([{'name': "Depot", 'type': 'storage'}])
    return template.products[0], depot


def do(trip, **values):
    "Finish a trip"
    Trip = type(trip)
    trip.departure = trip.departure or trip.planned_departure
    trip.arrival = trip.planned_arrival
    for name, value in values.items():
        setattr(trip, name, value)
    trip.state = 'dispatched'
    trip.save()
    Trip.do([trip])
    return Trip(trip.id)


def refuel(vehicle, hour, quantity, price='1.50', **values):
    Refuelling = Pool().get('fleet.refuelling')
    refuelling, = Refuelling.create([{
                'vehicle': vehicle.id, 'at': at(hour), 'quantity': quantity,
                'unit_price': Decimal(price), **values}])
    Refuelling.confirm([refuelling])
    return Refuelling(refuelling.id)
