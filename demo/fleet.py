# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""A haulier with thirty tractors, its papers, orders and trips."""
import datetime as dt
import string
from decimal import Decimal

from trytond.modules.fleet.engine.geo import great_circle

USERS = [
    ('dispatcher', "Dora Dispatch", ['fleet.group_fleet_dispatcher']),
    ('mechanic', "Max Mechanic", ['fleet.group_fleet_mechanic']),
    ('fleetadmin', "Frieda Fleet", [
            'fleet.group_fleet_admin', 'fleet.group_fleet_accountant',
            'fleet.group_fleet_override']),
    ('director', "Diane Marchand", [
            'fleet.group_fleet_admin', 'fleet.group_fleet_accountant']),
    ]

PLACES = [
    ("Antwerpen", 'BE', 51.2211, 4.3997), ("Liège", 'BE', 50.6326, 5.5797),
    ("Gent", 'BE', 51.0543, 3.7174), ("Rotterdam", 'NL', 51.9244, 4.4777),
    ("Eindhoven", 'NL', 51.4416, 5.4697), ("Köln", 'DE', 50.9375, 6.9603),
    ("Dortmund", 'DE', 51.5136, 7.4653), ("Hamburg", 'DE', 53.5511, 9.9937),
    ("Bremen", 'DE', 53.0793, 8.8017), ("Frankfurt", 'DE', 50.1109, 8.6821),
    ("Stuttgart", 'DE', 48.7758, 9.1829), ("München", 'DE', 48.1351, 11.5820),
    ("Lille", 'FR', 50.6292, 3.0573), ("Paris", 'FR', 48.8566, 2.3522),
    ("Lyon", 'FR', 45.7640, 4.8357), ("Metz", 'FR', 49.1193, 6.1757),
    ("Luxembourg", 'LU', 49.6116, 6.1319), ("Basel", 'CH', 47.5596, 7.5886),
    ("Milano", 'IT', 45.4642, 9.1900), ("Praha", 'CZ', 50.0755, 14.4378),
    ]
MAKES = {
    "MAN": [("TGX 18.470", 'tractor', 346)],
    "Volvo": [("FH 460", 'tractor', 338), ("FM 330", 'truck', 243)],
    "DAF": [("XG 480", 'tractor', 355)],
    "Scania": [("R 450", 'tractor', 331), ("P 280", 'truck', 206)],
    "Schmitz Cargobull": [("S.CS Universal", 'semitrailer', None)],
    "Krone": [("Cool Liner", 'semitrailer', None)],
    }
SPECIFICATIONS = {
    'tractor': {
        'axles': 2, 'tare_kg': 7600, 'gross_kg': 18000, 'tank_capacity': 800,
        'emission_class': 'euro_6', 'max_speed': 90},
    'truck': {
        'axles': 2, 'tare_kg': 8900, 'gross_kg': 18000, 'payload_kg': 9100,
        'volume_m3': 42, 'pallets': 18, 'tank_capacity': 400,
        'emission_class': 'euro_6', 'max_speed': 90},
    'semitrailer': {
        'axles': 3, 'tare_kg': 6300, 'gross_kg': 39000, 'payload_kg': 25000,
        'volume_m3': 90, 'pallets': 33, 'max_speed': 90},
    }
DOCUMENT_TYPES = [
    ("Periodic Inspection", 'vehicle', True, True, 12),
    ("Liability Insurance", 'vehicle', True, True, 12),
    ("Tachograph Calibration", 'vehicle', True, False, 24),
    ("Periodic Inspection", 'trailer', True, True, 12),
    ("ATP Certificate", 'trailer', False, True, 36),
    ("Driving Licence", 'driver', True, True, 60),
    ("Driver Qualification (CPC)", 'driver', True, True, 60),
    ("Tachograph Card", 'driver', True, True, 60),
    ("Medical Certificate", 'driver', True, False, 24),
    ("ADR Certificate", 'driver', False, False, 60),
    ]
DRIVERS = [
    "Adam Novak", "Bram de Wit", "Carlos Vega", "Dimitri Popov",
    "Emil Larsen", "Fabien Morel", "Goran Horvat", "Hans Weber",
    "Ivan Petrov", "Jan Kowalski", "Karel Dvorak", "Luca Ferri",
    "Marek Zielinski", "Nils Berg", "Otto Braun", "Pavel Svoboda",
    "Quentin Roy", "Rik Janssens", "Stefan Ionescu", "Tomas Urban",
    "Umut Kaya", "Viktor Nagy", "Wim Peeters", "Xavier Dubois",
    "Yannick Leroy", "Zoltan Kiss", "Anna Lindqvist", "Beata Mazur",
    "Chiara Riva", "Dorien Maes", "Erik Holm", "Franz Huber",
    ]
GOODS = [
    ("Machine parts", "Pallets"), ("Beverages", "Pallets"),
    ("Paper rolls", "Rolls"), ("Furniture", "Boxes"),
    ("Steel coils", "Coils"), ("Tiles", "Pallets"),
    ("Household appliances", "Boxes"), ("Fertiliser", "Big bags"),
    ]


def _hours(hours):
    "Return a time to the quarter of an hour, as people plan"
    return dt.timedelta(minutes=15 * round(hours * 4))


def fill(demo):
    Fleet(demo).fill()


class Fleet:
    "The fleet of the demo company"

    def __init__(self, demo):
        self.demo = demo
        self.random = demo.random
        # Somebody looks at any hour: who is late is late by the clock
        clock = dt.datetime.now(dt.UTC).time()
        self.now = dt.datetime.combine(
            demo.today, clock.replace(minute=0, second=0, microsecond=0))

    def create(self, model, vlist):
        return self.demo.get(model)._proxy.create(
            vlist, self.demo.context)

    def fill(self):
        for step in self.demo.progress([
                    self.configuration,
                    self.vehicles,
                    self.drivers,
                    self.documents,
                    self.places,
                    self.past,
                    self.fuel,
                    self.money,
                    self.workshop,
                    self.present,
                    self.future,
                    ], "Fleet"):
            step()

    def configuration(self):
        configuration = self.demo.get('fleet.configuration')(1)
        configuration.transport_product = self.demo.products['CARRIAGE']
        configuration.save()

    def vehicles(self):
        makes = dict(zip(MAKES, self.create(
                    'fleet.make', [{'name': n} for n in MAKES])))
        models = [
            {'make': makes[make], 'name': name, 'kind': kind,
                'power_kw': power, **SPECIFICATIONS[kind]}
            for make, list_ in MAKES.items() for name, kind, power in list_]
        self.models = self.create('fleet.model', models)
        models = list(zip(self.models, models))
        kinds = ['tractor'] * 24 + ['truck'] * 6 + ['semitrailer'] * 26
        vlist = [self._vehicle(i, kind, models)
            for i, kind in enumerate(kinds)]
        self.kinds = dict(zip(self.create('fleet.vehicle', vlist), kinds))
        self.powered = [v for v, k in self.kinds.items() if k != 'semitrailer']
        self.trailers = [
            v for v, k in self.kinds.items() if k == 'semitrailer']
        self.drawn = dict(zip(
                [v for v in self.powered if self.kinds[v] == 'tractor'],
                self.trailers))
        self.create('fleet.vehicle.coupling', [{
                    'tractor': tractor, 'trailer': trailer,
                    'start': self.now - dt.timedelta(days=90),
                    } for tractor, trailer in self.drawn.items()])

    def _vehicle(self, index, kind, models):
        model, values = self.random.choice([
                (i, m) for i, m in models if m['kind'] == kind])
        letters = ''.join(self.random.sample(string.ascii_uppercase, 3))
        copied = {
            k: v for k, v in values.items() if k not in {'make', 'name'}}
        return {
            **copied,
            'model': model,
            'plate': f'{1 + index % 9}-{letters}-{100 + 7 * index}',
            'year': self.demo.today.year - self.random.randint(1, 8),
            'responsible': self.random.choice(self.demo.employees).id,
            'fuel_product': (
                None if kind == 'semitrailer'
                else self.demo.products['DIESEL'].id),
            'state': 'workshop' if index == 3 else 'active',
            }

    def drivers(self):
        codes = [
            ('C', "Trucks"), ('CE', "Trucks with trailer"),
            ('D', "Buses")]
        categories = self.demo.get('fleet.licence.category').find([])
        ids = {c.code: c.id for c in categories}
        new = [(c, n) for c, n in codes if c not in ids]
        ids.update(zip([c for c, _ in new], self.create(
                    'fleet.licence.category',
                    [{'code': c, 'name': n} for c, n in new])))
        parties = self.create(
            'party.party', [{'name': name} for name in DRIVERS])
        self.driver_ids = self.create('fleet.driver', [{
                    'party': party,
                    'experience_since': self.demo.today - dt.timedelta(
                        days=self.random.randint(700, 9000)),
                    'responsible': self.random.choice(
                        self.demo.employees).id,
                    'licence_categories': [
                        ('add', [ids['C'], ids['CE']])],
                    } for party in parties])
        self.pairs = list(zip(self.powered, self.driver_ids))
        self.create('fleet.assignment', [{
                    'vehicle': vehicle, 'driver': driver,
                    'start': self.now - dt.timedelta(days=120),
                    } for vehicle, driver in self.pairs])

    def documents(self):
        types = self.create('fleet.document.type', [{
                    'name': name, 'applies_to': applies,
                    'required': required, 'blocking': blocking,
                    'validity': months,
                    } for name, applies, required, blocking, months
                in DOCUMENT_TYPES])
        owners = {
            'vehicle': [('vehicle', v) for v in self.powered],
            'trailer': [('vehicle', v) for v in self.trailers],
            'driver': [('driver', d) for d in self.driver_ids],
            }
        vlist = []
        for type_, (_, applies, required, blocking, months) in zip(
                types, DOCUMENT_TYPES):
            for index, (field, owner) in enumerate(owners[applies]):
                if not required and index % 3:
                    continue
                vlist.append({
                        'type': type_, field: owner,
                        'number': f'{self.random.randint(10**6, 10**7)}',
                        'valid_from': self.demo.today - dt.timedelta(
                            days=30 * months // 2),
                        'valid_to': self._end(index, months, blocking),
                        })
        # One is missing, so that the list of missing papers shows it
        del vlist[5]
        self.create('fleet.document', vlist)

    def _end(self, index, months, blocking):
        "Some papers end soon, few that do not block have ended"
        days = self.random.randint(70, 20 * months + 75)
        if index % 9 == 4:
            days = self.random.choice([12, 20, 28, 45])
        elif index % 13 == 7 and not blocking:
            days = -self.random.randint(1, 20)
        return self.demo.today + dt.timedelta(days=days)

    def places(self):
        customers = self.random.sample(
            list(self.demo.parties), min(12, len(self.demo.parties)))
        self.addresses = []
        countries = {c: r.id for c, r in self.demo.countries.items()}
        vlist = [{
                'party': party.id, 'city': city,
                'country': countries.get(country),
                'latitude': lat, 'longitude': lon,
                } for party in customers
            for city, country, lat, lon in self.random.sample(PLACES, 5)]
        for id_, values in zip(self.create('party.address', vlist), vlist):
            self.addresses.append((id_, values))

    def _ends(self):
        "Return two addresses of one customer"
        load, values = self.random.choice(self.addresses)
        unload = self.random.choice([
                a for a, v in self.addresses
                if v['party'] == values['party'] and a != load])
        others = dict(self.addresses)
        km = round(1.3 * great_circle(
                (values['latitude'], values['longitude']),
                (others[unload]['latitude'], others[unload]['longitude'])), 1)
        return values['party'], load, unload, max(km, 40.)

    def _order(self, start, km, party, load, unload, vehicle=None):
        kg = self.random.randint(20, 90) * 100
        if vehicle is None or self.kinds[vehicle] == 'tractor':
            kg += 14000
        description, packing = self.random.choice(GOODS)
        deliver_by = start + _hours(4 + km / 45)
        return {
            'party': party,
            'reference': f'PO{self.random.randint(10000, 99999)}',
            'order_date': (start - dt.timedelta(days=3)).date(),
            'pickup_at': start,
            'deliver_by': deliver_by,
            'km': km,
            'amount': Decimal(round(180 + km * 1.35)),
            'stops': [('create', [
                        {'kind': 'load', 'sequence': 1, 'address': load,
                            'window_from': start,
                            'window_to': start + _hours(2)},
                        {'kind': 'unload', 'sequence': 2,
                            'address': unload,
                            'window_from': deliver_by - _hours(3),
                            'window_to': deliver_by},
                        ])],
            'cargo': [('create', [{
                            'description': description,
                            'packing': packing,
                            'packages': self.random.randint(4, 33),
                            'gross_kg': float(kg),
                            'volume_m3': float(self.random.randint(20, 80)),
                            }])],
            }

    def _trip(self, vehicle, driver, start, done):
        party, load, unload, km = self._ends()
        order = self._order(start, km, party, load, unload, vehicle)
        kg = order['cargo'][0][1][0]['gross_kg']
        end = start + _hours(3 + km / 55)
        arrival = end + dt.timedelta(minutes=self.random.randint(-60, 90))
        if done:
            order['delivered_at'] = arrival
        trip = {
            'vehicle': vehicle, 'driver': driver,
            'planned_departure': start, 'planned_arrival': end,
            'departure': start, 'orders': [order],
            'stops': [{
                    'kind': 'load', 'sequence': 1, 'address': load,
                    'in_kg': kg, 'arrived': start,
                    'departed': start + dt.timedelta(hours=1),
                    }, {
                    'kind': 'unload', 'sequence': 2, 'address': unload,
                    'out_kg': kg, 'km_from_previous': km,
                    'planned': end,
                    **({'arrived': arrival, 'departed': arrival}
                        if done else {}),
                    }],
            }
        if vehicle in self.drawn:
            trip['trailers'] = [('add', [self.drawn[vehicle]])]
        if done:
            trip.update(
                arrival=arrival, km=km, loaded_km=km,
                tonne_km=round(km * kg / 1000, 1),
                odometer_start=self.odometers[vehicle],
                odometer_end=self.odometers[vehicle] + round(km))
            self.odometers[vehicle] += round(km) + self.random.randint(5, 60)
        return trip

    def past(self):
        self.odometers = {
            v: self.random.randint(40, 600) * 1000 for v in self.powered}
        trips = []
        for day in range(45, 1, -2):
            start = self.now - dt.timedelta(days=day, hours=3)
            trips += [
                self._trip(vehicle, driver, start, True)
                for vehicle, driver in self.random.sample(self.pairs, 12)]
        self.done = list(zip(self._record(trips), trips))

    def fuel(self):
        "Norms, cards and what the trips of the past filled in"
        kinds = [
            kind for list_ in MAKES.values() for _, kind, _ in list_]
        self.create('fleet.fuel.norm', [{
                    'model': model, 'distance': Decimal(base),
                    'tonne_km': Decimal('0.4'), 'trailer': Decimal('0.4'),
                    'idle': Decimal('2.5'),
                    'valid_from': self.demo.today - dt.timedelta(days=365),
                    } for model, kind in zip(self.models, kinds)
                for base in [{'tractor': 20, 'truck': 18}.get(kind)] if base])
        self.create('fleet.fuel.surcharge', [
                {'name': name, 'percent': Decimal(percent),
                    'ground': ground, 'months': months}
                for name, percent, ground, months in [
                    ("Winter", 8, "House rule 4", ['12', '1', '2']),
                    ("Mountains", 5, "House rule 5", None),
                    ("Country roads", -5, "House rule 6", None)]])
        self.cards = dict(zip(self.powered, self.create('fleet.fuel.card', [
                        {'number': f'7002 {i:04}', 'vehicle': vehicle}
                        for i, vehicle in enumerate(self.powered)])))
        Refuelling = self.demo.get('fleet.refuelling')
        Refuelling._proxy.record([
                self._refuelling(i, id_, trip)
                for i, (id_, trip) in enumerate(self.done)],
            False, self.demo.context)
        last = self.done[-1][1]
        self.create('fleet.refuelling', [{
                    'vehicle': last['vehicle'], 'at': last['arrival'],
                    'quantity': 120., 'source': 'cash',
                    'unit_price': Decimal('1.4900')}])

    def _refuelling(self, index, id_, trip):
        "Return what a trip filled in, a few times more than it should"
        litres = trip['km'] * (.27 + .05 * self.random.random())
        if index % 23 == 7:
            litres *= 1.4
        return {
            'vehicle': trip['vehicle'], 'driver': trip['driver'],
            'trip': id_, 'card': self.cards[trip['vehicle']],
            'at': trip['departure'] + dt.timedelta(hours=2),
            'quantity': round(litres, 2),
            'unit_price': Decimal(self.random.randint(1340, 1560)) / 1000,
            'station': self.random.choice(PLACES)[0],
            'full': True,
            'external_ref': f'F{index:05}',
            }

    def money(self):
        "Tariffs, contracts, tolls and fines"
        today = self.demo.today
        self.create('fleet.tariff', [{
                    'name': name, 'category': category,
                    'minimum': Decimal(minimum),
                    'rules': [('create', [
                                {'basis': basis, 'rate': Decimal(rate)}
                                for basis, rate in rules])],
                    } for name, category, minimum, rules in [
                    ("General cargo", 'customer', 180, [
                            ('km', '1.4500'), ('stop', '25.0000')]),
                    ("Drivers", 'driver', 0, [
                            ('hour', '14.5000'), ('stop', '6.0000')])]])
        self.create('fleet.contract', [{
                    'reference': f'{category[:3].upper()}-{vehicle:04}',
                    'category': category, 'vehicle': vehicle,
                    'frequency': frequency, 'amount': Decimal(amount),
                    'start': today - dt.timedelta(days=80),
                    } for vehicle in self.powered
                for category, frequency, amount in [
                    ('insurance', 'year', 3100), ('lease', 'month', 1250)]])
        cron, = self.demo.get('ir.cron').find([
                ('method', '=', 'fleet.contract|post')])
        cron.click('run_once')
        self.create('fleet.cost', [{
                    'date': trip['arrival'].date(), 'trip': id_,
                    'vehicle': trip['vehicle'], 'driver': trip['driver'],
                    'category': category, 'amount': amount,
                    } for index, (id_, trip) in enumerate(self.done)
                for category, amount in [
                    ('toll', Decimal(round(trip['km'] * 19)) / 100),
                    *([('parking', Decimal(18))] if index % 3 == 0 else [])]])
        self.create('fleet.fine', [{
                    'vehicle': trip['vehicle'],
                    'number': f'AB{7001 + i}', 'place': PLACES[i][0],
                    'at': trip['departure'] + dt.timedelta(hours=1),
                    'amount': Decimal(amount), 'charged_to': charged,
                    } for i, ((_, trip), amount, charged) in enumerate(zip(
                        self.done[-3:], [75, 40, 120],
                        ['driver', 'company', 'company']))])

    def workshop(self):
        "Service plans, one vehicle in the workshop, faults and tyres"
        kinds = [
            kind for list_ in MAKES.values() for _, kind, _ in list_]
        self.create('fleet.service.plan', [{
                    'name': "Service A", 'model': model,
                    'interval_km': 60000, 'interval_months': 12,
                    'tasks': "Change oil and filters\nCheck brakes",
                    } for model, kind in zip(self.models, kinds)
                if kind != 'semitrailer'])
        Due = self.demo.get('fleet.service.due')
        for index, due in enumerate(Due.find([], limit=12)):
            due.last_km = max(
                0, self.odometers[due.vehicle.id] - 5000 * index - 6000)
            due.last_date = self.demo.today - dt.timedelta(
                days=60 + 30 * index)
            due.save()
        Service = self.demo.get('fleet.service')
        services = self.create('fleet.service', [{
                    'vehicle': self.powered[3], 'kind': 'corrective',
                    'start': self.now - dt.timedelta(days=1),
                    'end': self.now + dt.timedelta(days=1),
                    'tasks': [('create', [{'name': "Repair the gearbox"}])],
                    'lines': [('create', [{
                                    'description': "Gearbox specialist",
                                    'amount': Decimal(640)}])],
                    }])
        for button in ['open', 'work']:
            getattr(Service._proxy, button)(services, self.demo.context)
        self.create('fleet.fault', [{
                    'vehicle': self.powered[index], 'description': text,
                    'at': self.now - dt.timedelta(days=index),
                    } for index, text in [
                    (1, "Left mirror cracked"), (3, "Gearbox grinds"),
                    (5, "Heater blows cold")]])
        self.create('fleet.inspection.template', [{
                    'name': "Before departure",
                    'items': "! Brakes\n! Tyres\nLights\nMirrors\n"
                    "Load securing"}])
        self.create('fleet.tyre', [{
                    'serial': f'MX{4400 + i}', 'size': "315/70 R 22.5",
                    'dot': f'{10 + i}24', 'price': Decimal(410),
                    'mounts': [('create', [{
                                    'vehicle': vehicle,
                                    'position': position,
                                    'start': self.demo.today
                                    - dt.timedelta(days=40),
                                    'odometer_on':
                                    self.odometers[vehicle] - 9000,
                                    }])],
                    'checks': [('create', [{
                                    'date': self.demo.today,
                                    'tread': 11.5 - i / 2,
                                    'pressure': 8.5}])],
                    } for i, (vehicle, position) in enumerate(
                    (v, p) for v in self.powered[:2]
                    for p in ["1L", "1R", "2LO", "2LI", "2RI", "2RO"])])

    def present(self):
        "Some vehicles are under way, one of them is late"
        trips = [
            self._trip(
                vehicle, driver, self.now - dt.timedelta(hours=3), False)
            for vehicle, driver in self._ready()[:8]]
        trips[0]['planned_arrival'] = self.now - dt.timedelta(hours=1)
        self._record(trips)

    def _ready(self):
        return [p for p in self.pairs if p[0] != self.powered[3]]

    def _record(self, trips):
        Trip = self.demo.get('fleet.trip')
        ids = []
        for index in range(0, len(trips), 100):
            ids += Trip._proxy.record(
                trips[index:index + 100], self.demo.context)
        return ids

    def future(self):
        "Orders for the next days, a few of them on planned trips"
        Order = self.demo.get('fleet.order')
        Trip = self.demo.get('fleet.trip')
        context = self.demo.context
        orders = []
        for index in range(18):
            party, load, unload, km = self._ends()
            start = self.now + dt.timedelta(
                days=1 + index // 6, hours=index % 6 - 2)
            orders.append((self._order(start, km, party, load, unload), start))
        ids = self.create('fleet.order', [o for o, _ in orders])
        Order._proxy.confirm(ids[:15], context)
        trips = self.create('fleet.trip', [{
                    'vehicle': vehicle, 'driver': driver,
                    'trailers': [('add', [self.drawn[vehicle]])],
                    'orders': [('add', [order])],
                    'planned_departure': start,
                    'planned_arrival': values['deliver_by'],
                    } for (vehicle, driver), order, (values, start)
                in zip(self._ready()[9:14], ids, orders)])
        Trip._proxy.collect_stops(trips, context)
        Trip._proxy.plan(trips, context)
        self.create('fleet.booking', [{
                    'driver': self.driver_ids[-1], 'kind': 'leave',
                    'description': "Holiday",
                    'start': self.now - dt.timedelta(days=2),
                    'end': self.now + dt.timedelta(days=9),
                    }])
