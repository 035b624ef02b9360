# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from lxml import etree

from caravan.testing import QueryTestMixin, unvalidated
from trytond.model import ModelView
from trytond.modules.fleet.tests.tools import (
    FleetTestCase, at, create_drivers, create_order, create_trip,
    create_vehicles, with_company)
from trytond.modules.fleet.week import DAYS
from trytond.pool import Pool
from trytond.transaction import Transaction

ROWS = 500
# What the columns of the web client can show without a widget of their own
_NO_COLUMN = {'datetime', 'timestamp'}


def columns(Model):
    "Yield (name, type, widget) of the columns of the list of a model"
    view = Model.fields_view_get(view_type='tree')
    for node in etree.fromstring(view['arch']).iter('field'):
        name = node.get('name')
        yield name, view['fields'][name]['type'], node.get('widget')


class ListsTestCase(QueryTestMixin, FleetTestCase):
    "Test the lists that people open first, as the clients read them"

    def create(self):
        "Create vehicles, drivers and trips with all they show"
        pool = Pool()
        Type = pool.get('fleet.document.type')
        vehicles = create_vehicles(ROWS)
        drivers = create_drivers(ROWS)
        types = Type.create([{
                    'name': name, 'applies_to': name, 'required': True}
                for name in ['vehicle', 'driver']])
        today = dt.date.today()
        pool.get('fleet.document').create([{
                    'type': type_.id, field: owner.id,
                    'valid_to': today + dt.timedelta(days=i % 90)}
                for type_, field, owners in zip(
                    types, ['vehicle', 'driver'], [vehicles, drivers])
                for i, owner in enumerate(owners)])
        when = dt.datetime.now().replace(microsecond=0)
        party, = pool.get('party.party').create([{
                    'name': "Customer", 'addresses': [('create', [
                                {'city': "Gent"}, {'city': "Köln"}])]}])
        stops = [('create', [
                    {'kind': 'other', 'address': a.id, 'sequence': i}
                    for i, a in enumerate(party.addresses)])]
        trips = pool.get('fleet.trip').create([{
                    'vehicle': v.id, 'driver': d.id,
                    'planned_departure': when - dt.timedelta(hours=5),
                    'departure': when - dt.timedelta(hours=5),
                    'planned_arrival': when + dt.timedelta(hours=i % 9 - 4),
                    'km': 100. + i, 'stops': stops, 'state': 'dispatched'}
                for i, (v, d) in enumerate(zip(vehicles, drivers))])
        return {'vehicle': vehicles, 'driver': drivers, 'trip': trips}

    @with_company
    def test_queries(self):
        "Five hundred rows cost as many queries as two hundred and fifty"
        # Up to two hundred the cache of records saves one or two
        with unvalidated():
            created = self.create()
        for name, records in created.items():
            Model = Pool().get(f'fleet.{name}')
            names = {n for n, _, _ in columns(Model)}
            names |= {
                f'{n}.rec_name' for n, type_, _ in columns(Model)
                if type_ == 'many2one'}
            ids = [r.id for r in records]

            def read(size):
                return Model.search_read(
                    [('id', 'in', ids[:size])], fields_names=list(names))
            with self.subTest(model=name):
                self.assertConstantQueries(read, small=250, large=ROWS)
                self.assertEqual(len(read(ROWS)), ROWS)

    @with_company
    def test_columns(self):
        "Each column of each list has a widget that the web client knows"
        for name, Model in Pool().iterobject():
            if name.startswith('fleet.') and issubclass(Model, ModelView):
                for field, type_, widget in columns(Model):
                    with self.subTest(model=name, field=field):
                        self.assertNotIn(widget or type_, _NO_COLUMN)


class NowTestCase(QueryTestMixin, FleetTestCase):
    "Test what is shown of this moment"

    @with_company
    def test_occupation(self):
        "What is out of use is not free"
        Vehicle = Pool().get('fleet.vehicle')
        free, workshop, draft = create_vehicles(3)
        workshop.state, draft.state = 'workshop', 'draft'
        Vehicle.save([workshop, draft])
        vehicles = [free, workshop, draft]
        self.assertEqual(
            [Vehicle(v.id).occupation for v in vehicles], ['free', None, None])
        for operator, operand, found in [
                ('=', 'free', [free]),
                ('!=', 'free', [workshop, draft]),
                ('=', None, [workshop, draft]),
                ('in', ['free', 'trip'], [free]),
                ('=', 'trip', [])]:
            with self.subTest(operator=operator, operand=operand):
                self.assertEqual(
                    Vehicle.search([('occupation', operator, operand)]),
                    found)

    @with_company
    def test_coupled(self):
        "Tractor and trailer know each other while they are coupled"
        Coupling = Pool().get('fleet.vehicle.coupling')
        Vehicle = Pool().get('fleet.vehicle')
        tractors = create_vehicles(20)
        trailers = create_vehicles(20, kind='semitrailer', prefix='T')
        Coupling.create([{
                    'tractor': tractor.id, 'trailer': trailer.id,
                    'start': at(0), 'end': end}
                for tractor, trailer, end in zip(
                    tractors, trailers, [at(1)] + [None] * 19)])
        ended, running, *_ = zip(tractors, trailers)
        self.assertEqual([v.coupled_to for v in ended], [None, None])
        self.assertEqual(
            [v.coupled_to for v in running], list(reversed(running)))

        def read(size):
            Vehicle.read([t.id for t in tractors[:size]], ['coupled_to'])
        self.assertConstantQueries(read, small=5, large=20)


class WeekTestCase(QueryTestMixin, FleetTestCase):
    "Test the week of vehicles and drivers"

    @with_company
    def test_week(self):
        "Each day tells in words and colour what occupies"
        pool = Pool()
        Booking = pool.get('fleet.booking')
        one, two, three, four = create_vehicles(4)
        driver, other = create_drivers(2)
        order = create_order()
        type(order).confirm([order])
        trip = create_trip(
            one, driver, at(6, day=1), at(0, day=3),
            orders=[('add', [order.id])])
        Trip = type(trip)
        Trip.collect_stops([trip])
        Trip.plan([trip])
        Booking.create([
                {'vehicle': two.id, 'start': at(6), 'end': at(8, day=1),
                    'description': "Fair"},
                {'vehicle': two.id, 'start': at(9, day=1)}])
        Booking.create([{
                    'vehicle': three.id, 'kind': 'service',
                    'origin': str(create_trip(four)),
                    'start': at(-200), 'end': at(7)}])
        four.state = 'workshop'
        four.save()

        def week(record, day):
            with Transaction().set_context(week_of=at(0, day=day).date()):
                record = type(record)(record.id)
                return [
                    (getattr(record, d), getattr(record, f'{d}_colour'))
                    for d in DAYS]
        free, route = ('', 'free'), "Place 0 → Place 1"
        # The end at midnight is free again
        for day in [0, 6]:
            self.assertEqual(
                week(one, day), [free] + [(route, 'tentative')] * 2
                + [free] * 4)
        self.assertEqual(week(driver, 0)[1], (route, 'tentative'))
        self.assertEqual(week(other, 0), [free] * 7)
        self.assertEqual(week(one, 7), [free] * 7)
        Trip.write([trip], {'departure': at(6, day=1)})
        Trip.dispatch([trip])
        self.assertEqual(week(one, 0)[1], (route, 'firm'))
        self.assertEqual(
            week(two, 0)[:3], [
                ("Fair", 'other'), ("Fair, Reserved", 'other'),
                ("Reserved", 'other')])
        self.assertEqual(week(two, 70)[6], ("Reserved", 'other'))
        self.assertEqual(week(three, 0)[:2], [("Service", 'service'), free])
        today = Pool().get('ir.date').today()
        for day in [today, today + dt.timedelta(days=7)]:
            self.assertEqual(
                week(four, (day - at(0).date()).days)[6],
                ("In Workshop", 'service'))

    @with_company
    def test_queries(self):
        "The week of many costs as many queries as that of few"
        with unvalidated():
            vehicles, drivers = create_vehicles(30), create_drivers(30)
            Pool().get('fleet.trip').create([{
                        'vehicle': v.id, 'driver': d.id, 'state': 'planned',
                        'planned_departure': at(6), 'planned_arrival': at(9)}
                    for v, d in zip(vehicles, drivers)])
        names = DAYS + [f'{d}_colour' for d in DAYS]
        for records in [vehicles, drivers]:
            def read(size):
                with Transaction().set_context(week_of=at(0).date()):
                    type(records[0]).read(
                        [r.id for r in records[:size]], names)
            self.assertConstantQueries(read, small=5, large=30)
