# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Papers of vehicles and drivers."""
from trytond.modules.fleet.engine.identity import compact_plate

from .engine import Column, Loader, date, text


class Documents(Loader):
    "papers of vehicles and drivers"
    model = 'fleet.document'
    modules = ['fleet']
    columns = [
        Column('type', text, required=True,
            help="the name of a document type"),
        Column('vehicle', text, help="the plate, or else the driver"),
        Column('driver', text, help="the name of the driver's party"),
        Column('number', text),
        Column('issuer', text),
        Column('issued_on', date),
        Column('valid_from', date),
        Column('valid_to', date),
        ]

    def values(self, rows):
        company = [('company', '=', self.context['company'])]
        types = {
            (t['name'], t['applies_to'] == 'driver'): t['id']
            for t in self.get('fleet.document.type')._proxy.search_read(
                [('name', 'in', [r['type'] for r in rows])], 0, None, None,
                ['name', 'applies_to'], self.context)}
        vehicles = self.find('fleet.vehicle', 'plate_compact', [
                compact_plate(r['vehicle']) for r in rows if r['vehicle']],
            company)
        drivers = {
            d['party.']['name']: d['id']
            for d in self.get('fleet.driver')._proxy.search_read([
                    *company,
                    ('party.name', 'in', [
                            r['driver'] for r in rows if r['driver']]),
                    ], 0, None, None, ['party.name'], self.context)}
        known = self._known(rows, vehicles, drivers)
        result = []
        for row in rows:
            values = self._values(row, types, vehicles, drivers)
            if not values:
                continue
            if _key(values) in known:
                self.doubles += 1
            else:
                known.add(_key(values))
                result.append((row, values))
        return result

    def _values(self, row, types, vehicles, drivers):
        if bool(row['vehicle']) == bool(row['driver']):
            self.reject(row, 'vehicle', "name either a vehicle or a driver")
            return None
        vehicle = vehicles.get(compact_plate(row['vehicle']))
        driver = drivers.get(row['driver'])
        type_ = types.get((row['type'], bool(row['driver'])))
        for column, id_ in [
                ('vehicle', vehicle), ('driver', driver), ('type', type_)]:
            if row[column] and not id_:
                self.reject(
                    row, column, f"there is no {column} \"{row[column]}\": "
                    "create it or correct the name")
                return None
        return {
            'company': self.context['company'],
            'type': type_,
            'vehicle': vehicle,
            'driver': driver,
            **{n: row[n] for n in [
                    'number', 'issuer', 'issued_on', 'valid_from',
                    'valid_to']},
            }

    def _known(self, rows, vehicles, drivers):
        "Return the keys of the documents of these vehicles and drivers"
        documents = self.get('fleet.document')._proxy.search_read([
                ['OR',
                    ('vehicle', 'in', list(vehicles.values())),
                    ('driver', 'in', list(drivers.values())),
                    ],
                ], 0, None, None,
            ['type', 'vehicle', 'driver', 'number', 'valid_to'],
            self.context)
        return {_key(d) for d in documents}


def _key(values):
    return tuple(
        values[n] for n in ['type', 'vehicle', 'driver', 'number', 'valid_to'])
