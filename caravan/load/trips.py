# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Trips that have been driven, with what they need."""
import datetime as dt
import re
from collections import defaultdict
from zoneinfo import ZoneInfo

from trytond.modules.fleet.engine.identity import compact_plate

from ..connection import message
from .engine import Column, Loader, datetime, decimal, refusals, text

_LIVE = ['tentative', 'firm']
_UNKNOWN = {'unknown', 'unknow', 'n/a', 'na', '-', ''}
# Spreadsheets write an empty date as 1899 or 1900
_LONGEST = dt.timedelta(days=366)
# (latitude, longitude) of both ends
_POINTS = [
    (f'{end}_lat', f'{end}_lon') for end in ['origin', 'destination']]


class Trips(Loader):
    "driven trips, with the vehicles, drivers and customers they name"
    model = 'fleet.trip'
    modules = ['fleet']
    key = 'booking'
    columns = [
        Column('booking', text, required=True,
            help="the key of the trip"),
        Column('vehicle', text, required=True,
            help="the plate; an unknown vehicle is created"),
        Column('vehicle_type', text,
            help='a text such as "24 FT Truck 21MT", for new vehicles'),
        Column('trip_start', datetime, required=True,
            help="the departure, in the time zone of the company"),
        Column('trip_end', datetime, help="the arrival"),
        Column('planned_eta', datetime, help="the planned arrival"),
        Column('actual_eta', datetime,
            help="the arrival where trip_end is empty"),
        Column('booking_date', datetime, help="the date of the order"),
        Column('distance_km', decimal, help="the driven distance"),
        Column('driver', text, help="an unknown driver is created"),
        Column('customer', text, required=True,
            help="an unknown customer is created"),
        Column('customer_code', text, help="the code of the party"),
        Column('supplier', text,
            help="the carrier that owns the vehicle, for new vehicles"),
        Column('origin', text, help="the place of loading"),
        Column('origin_lat', decimal), Column('origin_lon', decimal),
        Column('destination', text, help="the place of unloading"),
        Column('destination_lat', decimal),
        Column('destination_lon', decimal),
        Column('material', text, help="the nature of the goods"),
        ]

    def begin(self):
        company, = self.get('company.company')._proxy.read(
            [self.context['company']], ['timezone', 'currency'], self.context)
        self.timezone = company['timezone'] or 'UTC'
        self._currency = company['currency']
        self._made = defaultdict(dict)
        self._refused = {}
        # Of a dry run, which leaves no bookings to compare with
        self._planned = defaultdict(list)

    def known(self, keys):
        return set(self.find('fleet.trip', 'external_ref', keys))

    def values(self, rows):
        rows = [r for r in rows if self._check(r)]
        vehicles = self._vehicles(rows)
        rows = self._having(rows, 'fleet.vehicle', vehicles, {
                'vehicle': lambda r: compact_plate(r['vehicle'])})
        drivers = self._drivers(rows)
        rows = self._having(rows, 'fleet.driver', drivers, {
                'driver': lambda r: _name(r['driver'])})
        rows = self._without_clashes(rows, vehicles, drivers)
        customers = self._customers(rows)
        rows = self._having(
            rows, 'party.party', customers, {'customer': _customer})
        places = self._places(rows, customers)
        rows = self._having(rows, 'party.address', places, {
                end: lambda r, end=end: r[end] and (
                    customers[_customer(r)], r[end])
                for end in ['origin', 'destination']})
        return [
            (row, self._trip(row, vehicles, drivers, customers, places))
            for row in rows]

    def create(self, values):
        self.get('fleet.trip')._proxy.record(values, self.context)

    # Checks

    def _check(self, row):
        "Return whether the row makes sense by itself"
        if not compact_plate(row['vehicle']):
            self.reject(row, 'vehicle', f"\"{row['vehicle']}\" is no plate")
        elif (row['distance_km'] or 0) < 0:
            self.reject(
                row, 'distance_km', "is below zero: enter the driven km")
        elif not self._end(row):
            self.reject(
                row, 'trip_end', "the trip has neither an end nor a planned "
                "arrival: enter one of them")
        elif self._end(row) <= row['trip_start']:
            column = 'trip_end' if self._arrival(row) else 'planned_eta'
            self.reject(
                row, column, f"the trip ends at {self._local(self._end(row))}"
                f", not after its start at {self._local(row['trip_start'])}: "
                "correct one of them")
        elif self._end(row) - row['trip_start'] > _LONGEST:
            days = (self._end(row) - row['trip_start']).days
            self.reject(
                row, 'trip_start', f"the trip takes {days} days from its "
                f"start at {self._local(row['trip_start'])} to its end at "
                f"{self._local(self._end(row))}: correct one of them")
        else:
            return self._check_points(row)
        return False

    def _check_points(self, row):
        "Return whether the coordinates are on the globe"
        for columns in _POINTS:
            for column, limit, name in zip(
                    columns, [90, 180], ["latitude", "longitude"]):
                if abs(row[column] or 0) > limit:
                    self.reject(
                        row, column, f"{row[column]} is no {name} from "
                        f"-{limit} to {limit}: enter degrees, perhaps "
                        "latitude and longitude are swapped")
                    return False
        return True

    def _arrival(self, row):
        return row['trip_end'] or row['actual_eta']

    def _end(self, row):
        return self._arrival(row) or row['planned_eta']

    def _without_clashes(self, rows, vehicles, drivers):
        "Leave out the rows whose vehicle or driver is elsewhere then"
        taken = self._bookings(rows, vehicles, drivers)
        clashes, result = [], []
        for row in rows:
            start, end = row['trip_start'], self._end(row)
            used = [
                ('vehicle', vehicles[compact_plate(row['vehicle'])]),
                ('driver', drivers.get(_name(row['driver'])))]
            for used_ in used:
                clash = next((
                        (s, e, origin) for s, e, origin in taken[used_]
                        if used_[1] and s < end and (e is None or start < e)),
                    None)
                if clash:
                    clashes.append((row, used_[0], clash))
                    break
            else:
                for used_ in used:
                    taken[used_].append((start, end, row['booking']))
                result.append(row)
        self._reject_clashes(clashes)
        return result

    def _bookings(self, rows, vehicles, drivers):
        "Return {('vehicle' or 'driver', id): [(start, end, origin)]}"
        if self.dry_run:
            taken = self._planned
        else:
            taken = defaultdict(list)
        if not rows:
            return taken
        for booking in self.get('fleet.booking')._proxy.search_read([
                    ('state', 'in', _LIVE),
                    ('start', '<', max(self._end(r) for r in rows)),
                    ['OR',
                        ('end', '=', None),
                        ('end', '>', min(r['trip_start'] for r in rows)),
                        ],
                    ['OR',
                        ('vehicle', 'in', list(vehicles.values())),
                        ('driver', 'in', list(drivers.values())),
                        ],
                    ], 0, None, None,
                ['vehicle', 'driver', 'start', 'end', 'origin'],
                self.context):
            for name in ['vehicle', 'driver']:
                taken[name, booking[name]].append((
                        booking['start'], booking['end'],
                        booking['origin'] or ''))
        return taken

    def _reject_clashes(self, clashes):
        trips = {
            int(origin.split(',')[1]) for _, _, (_, _, origin) in clashes
            if origin.startswith('fleet.trip,')}
        names = {
            f"fleet.trip,{t['id']}": t['rec_name']
            for t in self.get('fleet.trip')._proxy.read(
                list(trips), ['rec_name'], self.context)} if trips else {}
        for row, column, (start, end, origin) in clashes:
            end = self._local(end) if end else "further notice"
            self.reject(
                row, column, f"{column} {row[column]} is already booked for "
                f"{names.get(origin, origin) or 'other work'} from "
                f"{self._local(start)} to {end}: correct the times or the "
                f"{column}")

    # What the rows need

    def _make(self, model, values):
        """Return {key: id} of the records made from {key: values}.

        What is refused is left out, its reason is kept.  A dry run makes
        nothing but gives a key always the same id, so that rows which share a
        new record are seen to clash.
        """
        if not values:
            return {}
        if self.dry_run:
            made = self._made[model]
            return {k: made.setdefault(k, -len(made) - 1) for k in values}
        try:
            ids = self.get(model)._proxy.create(
                list(values.values()), self.context)
        except refusals() as error:
            if len(values) == 1:
                key, = values
                self._refused[model, key] = message(error)
                return {}
            items = list(values.items())
            middle = len(items) // 2
            return (
                self._make(model, dict(items[:middle]))
                | self._make(model, dict(items[middle:])))
        return dict(zip(values, ids))

    def _having(self, rows, model, found, keys):
        """Return the rows whose records of a model there are, reject others.

        found: {key: id}
        keys: {name of column: function that gives the key of a row, or None}
        """
        result = []
        for row in rows:
            for column, get in keys.items():
                key = get(row)
                if key and not found.get(key):
                    self.reject(row, column, self._refused.get(
                            (model, key), f"{row[column]} was refused"))
                    break
            else:
                result.append(row)
        return result

    def _vehicles(self, rows):
        "Return {compact plate: id}"
        company = [('company', '=', self.context['company'])]
        by_plate = {compact_plate(r['vehicle']): r for r in rows}
        found = self.find(
            'fleet.vehicle', 'plate_compact', by_plate, company)
        missing = [
            (p, r) for p, r in by_plate.items() if p not in found]
        owners = self._parties(
            {_name(r['supplier']) for _, r in missing} - {None})
        return found | self._make('fleet.vehicle', {
                plate: self._vehicle(row, owners) for plate, row in missing})

    def _vehicle(self, row, owners):
        type_ = row['vehicle_type'] or ''
        tonnes = re.search(r'(?<!\d)(\d{1,3}(?:\.\d+)?)\s*MT\b', type_)
        payload = round(float(tonnes.group(1)) * 1000) if tonnes else None
        return {
            'company': self.context['company'],
            'plate': row['vehicle'],
            'kind': 'tractor' if 'trailer' in type_.lower() else 'truck',
            'payload_kg': payload,
            'ownership': 'partner' if row['supplier'] else 'own',
            'owner': owners.get(_name(row['supplier'])),
            'notes': type_ or None,
            'state': 'active',
            }

    def _parties(self, names, codes=None):
        "Return {name: id}, codes are those of new parties"
        found = self.find('party.party', 'name', names)
        missing = sorted(set(names) - set(found))
        codes = codes or {}
        return found | self._make('party.party', {
                name: {
                    'name': name,
                    'code': codes.get(name),
                    } if codes.get(name) else {'name': name}
                for name in missing})

    def _drivers(self, rows):
        "Return {name: id}"
        names = {_name(r['driver']) for r in rows} - {None}
        parties = self._parties(names)
        found = self.find(
            'fleet.driver', 'party', parties.values(),
            [('company', '=', self.context['company'])])
        missing = [n for n, party in parties.items() if party not in found]
        made = self._make('fleet.driver', {
                name: {
                    'company': self.context['company'],
                    'party': parties[name],
                    } for name in missing})
        return {
            n: found[p] for n, p in parties.items() if p in found} | made

    def _customers(self, rows):
        """Return {(code, name): id}.

        A customer is known by its code, else by its name; one code is one
        customer, also where the rows spell its name in several ways.
        """
        by_code = self.find(
            'party.party', 'code',
            {r['customer_code'] for r in rows if r['customer_code']})
        names = {}
        for row in rows:
            code, name = _customer(row)
            if code not in by_code:
                names.setdefault(code or name, name)
        codes = {n: k for k, n in names.items() if k != n}
        parties = self._parties(set(names.values()), codes)
        result = {}
        for code, name in map(_customer, rows):
            known = names.get(code or name)
            result[code, name] = by_code.get(code) or parties.get(known)
            reason = self._refused.get(('party.party', known))
            if reason:
                self._refused['party.party', (code, name)] = reason
        return result

    def _places(self, rows, customers):
        "Return {(id of customer, place): id of address}"
        wanted = {}
        for row in rows:
            for end in ['origin', 'destination']:
                if row[end]:
                    point = row[f'{end}_lat'], row[f'{end}_lon']
                    # Half of a point is none
                    wanted.setdefault(
                        (customers[_customer(row)], row[end]),
                        (None, None) if None in point else point)
        found = {
            (a['party'], a['city']): a['id']
            for a in self.get('party.address')._proxy.search_read([
                    ('party', 'in', list({p for p, _ in wanted})),
                    ('city', 'in', list({c for _, c in wanted})),
                    ], 0, None, None, ['party', 'city'], self.context)}
        missing = [k for k in wanted if k not in found]
        return found | self._make('party.address', {
                (party, city): {
                    'party': party,
                    'city': city,
                    'latitude': _float(wanted[party, city][0]),
                    'longitude': _float(wanted[party, city][1]),
                    } for party, city in missing})

    def _trip(self, row, vehicles, drivers, customers, places):
        customer = customers[_customer(row)]
        start, arrival = row['trip_start'], self._arrival(row)
        planned = row['planned_eta']
        km = _float(row['distance_km'], 1)
        return {
            'company': self.context['company'],
            'external_ref': row['booking'],
            'vehicle': vehicles[compact_plate(row['vehicle'])],
            'driver': drivers.get(_name(row['driver'])),
            'planned_departure': start,
            'planned_arrival': (
                planned if planned and planned > start else None),
            'departure': start,
            'arrival': arrival,
            'km': km,
            'loaded_km': km,
            'stops': [
                dict(stop, arrived=at, departed=at, km_from_previous=way)
                for stop, at, way in zip(
                    self._stops(row, customer, places),
                    [start, arrival], [None, km])],
            'orders': [{
                    'company': self.context['company'],
                    'external_ref': row['booking'],
                    'party': customer,
                    'currency': self._currency,
                    'order_date': self._local(
                        row['booking_date'] or row['trip_start']).date(),
                    'km': km,
                    'pickup_at': start,
                    'deliver_by': (
                        planned if planned and planned > start else None),
                    'delivered_at': arrival,
                    'stops': [
                        ('create', self._stops(row, customer, places))],
                    'cargo': [('create', [{
                                    'description': row['material'],
                                    }] if row['material'] else [])],
                    }],
            }

    def _stops(self, row, customer, places):
        return [{
                'kind': kind,
                'sequence': sequence,
                'address': places[customer, row[end]],
                } for sequence, (kind, end) in enumerate([
                    ('load', 'origin'), ('unload', 'destination')], 1)
            if row[end]]

    # Time

    def _local(self, at):
        return at.replace(tzinfo=ZoneInfo('UTC')).astimezone(
            ZoneInfo(self.timezone)).replace(tzinfo=None)


def _name(name):
    "Return a name, None where the file says that it is not known"
    return None if (name or '').strip().lower() in _UNKNOWN else name


def _customer(row):
    return row['customer_code'], row['customer']


def _float(value, digits=None):
    if value is not None:
        return round(float(value), digits) if digits else float(value)
