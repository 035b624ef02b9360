# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from lxml import etree

from caravan.testing import QueryTestMixin
from trytond.model import ModelView
from trytond.modules.fleet.tests.tools import (
    FleetTestCase, create_drivers, create_vehicles, with_company)
from trytond.pool import Pool

ROWS = 1000
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
        "Create a thousand vehicles, drivers and trips with all they show"
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
        "A thousand rows cost as many queries as three hundred"
        # Up to two hundred the cache of records saves one or two
        for name, records in self.create().items():
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
                self.assertConstantQueries(read, small=300, large=ROWS)
                self.assertEqual(len(read(ROWS)), ROWS)

    @with_company
    def test_columns(self):
        "Each column of each list has a widget that the web client knows"
        for name, Model in Pool().iterobject():
            if name.startswith('fleet.') and issubclass(Model, ModelView):
                for field, type_, widget in columns(Model):
                    with self.subTest(model=name, field=field):
                        self.assertNotIn(widget or type_, _NO_COLUMN)
