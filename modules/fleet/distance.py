# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt
from collections import defaultdict
from statistics import median

from sql import Null, Window
from sql.conditionals import Coalesce
from sql.functions import Lag

from trytond.i18n import gettext
from trytond.model import ModelSQL, ModelView, Unique, fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval
from trytond.transaction import Transaction

from .engine.geo import great_circle
from .engine.route import ENGINES, Problem, solve
from .exceptions import EngineError
from .tools import whole_minute


class Distance(ModelSQL, ModelView):
    __name__ = 'fleet.distance'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='CASCADE')
    from_address = fields.Many2One(
        'party.address', "From", required=True, ondelete='CASCADE')
    to_address = fields.Many2One(
        'party.address', "To", required=True, ondelete='CASCADE',
        domain=[
            ('id', '!=', Eval('from_address', -1)),
            ])
    km = fields.Float(
        "km", required=True, digits=(16, 1), domain=[('km', '>=', 0)])
    hours = fields.Float(
        "Hours", digits=(16, 2), domain=['OR',
            ('hours', '=', None),
            ('hours', '>=', 0),
            ], help="From departure to arrival, rests included.")
    source = fields.Selection([
            ('manual', "Manual"),
            ('trips', "Own Trips"),
            ], "Source", required=True, sort=False,
        help="A distance that was entered is not changed by trips.")
    trips = fields.Integer(
        "Trips", readonly=True, help="How many trips measured it.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('way_unique',
                Unique(t, t.company, t.from_address, t.to_address),
                'fleet.msg_distance_unique'),
            ]
        cls._order = [('from_address', 'ASC'), ('id', 'ASC')]

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_source(cls):
        return 'manual'

    def get_rec_name(self, name):
        return f'{self.from_address.rec_name} – {self.to_address.rec_name}'

    @classmethod
    def learn(cls):
        """Take the medians of the done trips into the table.

        A way of a trip counts if its km are known.  What was entered by hand
        stays.
        """
        ways = cls._driven()
        known = {
            (d.company.id, d.from_address.id, d.to_address.id): d
            for d in cls.search([
                    ('from_address', 'in', list({w[1] for w in ways})),
                    ])} if ways else {}
        create, write = [], []
        for key, measures in ways.items():
            distance = known.get(key)
            hours = [h for _, h in measures if h is not None]
            values = {
                'km': round(median(km for km, _ in measures), 1),
                'hours': round(median(hours), 2) if hours else None,
                'trips': len(measures),
                }
            if not distance:
                create.append(dict(
                        values, source='trips', **dict(zip(
                                ['company', 'from_address', 'to_address'],
                                key))))
            elif distance.source == 'trips' and any(
                    getattr(distance, n) != v for n, v in values.items()):
                write.extend([[distance], values])
        if create:
            cls.create(create)
        if write:
            cls.write(*write)

    @classmethod
    def _driven(cls):
        "Return {(company, from, to): [(km, hours)]} of the done trips"
        pool = Pool()
        trip = pool.get('fleet.trip').__table__()
        stop = pool.get('fleet.trip.stop').__table__()
        cursor = Transaction().connection.cursor()
        window = Window([stop.trip], order_by=[stop.sequence, stop.id])
        query = stop.join(trip, condition=stop.trip == trip.id).select(
            trip.company,
            Lag(stop.address, window=window).as_('from_address'),
            stop.address.as_('to_address'),
            stop.km_from_previous.as_('km'),
            Lag(stop.departed, window=window).as_('departed'),
            stop.skipped,
            Lag(stop.skipped, window=window).as_('skipped_before'),
            stop.arrived,
            where=trip.state.in_(['done', 'closed']))
        cursor.execute(*query.select(
                query.company, query.from_address, query.to_address,
                query.km, query.departed, query.arrived,
                where=(query.from_address != Null)
                & (query.to_address != query.from_address)
                & (query.km > 0)
                & ~Coalesce(query.skipped, False)
                & ~Coalesce(query.skipped_before, False)))
        as_datetime = pool.get('fleet.trip.stop').arrived.sql_format
        ways = defaultdict(list)
        for *key, km, departed, arrived in cursor:
            hours = None
            if departed and arrived:
                hours = (
                    as_datetime(arrived) - as_datetime(departed)
                    ) / dt.timedelta(hours=1)
            ways[tuple(key)].append(
                (km, hours if hours and hours > 0 else None))
        return ways

    @classmethod
    def table(cls, company, addresses):
        """Return {(from, to): km or None} for all pairs of addresses.

        The own table first, also in the other direction, then the great
        circle with the detour factor where both carry coordinates.
        """
        pool = Pool()
        detour = pool.get('fleet.configuration')(1).detour
        addresses = list(dict.fromkeys(addresses))
        ids = [a.id for a in addresses]
        known = {
            (d.from_address, d.to_address): d.km for d in cls.search([
                    ('company', '=', company.id),
                    ('from_address', 'in', ids),
                    ('to_address', 'in', ids),
                    ])}

        def km(one, other):
            if one == other:
                return 0
            for key in [(one, other), (other, one)]:
                if key in known:
                    return known[key]
            points = [(a.latitude, a.longitude) for a in (one, other)]
            if None not in points[0] + points[1]:
                return round(detour * great_circle(*points), 1)
        return {(a, b): km(a, b) for a in addresses for b in addresses}


class Trip(metaclass=PoolMeta):
    __name__ = 'fleet.trip'

    @classmethod
    def _setup_buttons(cls):
        super()._setup_buttons()
        cls._buttons.update({
                'propose_route': {
                    'invisible': ~Eval('state').in_(['draft', 'planned']),
                    'readonly': ~Eval('stops', []),
                    'icon': 'tryton-launch',
                    'depends': ['state', 'stops'],
                    },
                })

    @classmethod
    @ModelView.button
    def propose_route(cls, trips):
        "Bring the stops into a short order, with km and planned times"
        pool = Pool()
        Distance = pool.get('fleet.distance')
        Stop = pool.get('fleet.trip.stop')
        changed = []
        for company in {t.company for t in trips}:
            of_company = [t for t in trips if t.company == company]
            km = Distance.table(company, [
                    s.address for t in of_company for s in t.stops
                    if s.address])
            for trip in of_company:
                changed += trip._routed(km)
        Stop.save(changed)

    def _routed(self, km):
        "Return the stops in the order of a short way"
        stops = [s for s in self.stops if s.address]
        missing = [
            (a, b) for a in stops for b in stops
            if km[a.address, b.address] is None]
        if missing:
            one, other = missing[0]
            raise EngineError(gettext(
                    'fleet.msg_distance_missing',
                    trip=self.rec_name, one=one.place, other=other.place))
        configuration = Pool().get('fleet.configuration')(1)
        engine = configuration.route_engine
        if engine not in ENGINES:
            # It was uninstalled
            engine = configuration.default_route_engine()
        way = [stops[i] for i in solve(self._problem(stops, km), engine)]
        rest = [s for s in self.stops if s not in stops]
        at, previous = self.planned_departure, None
        for index, stop in enumerate(way + rest, 1):
            stop.sequence = index
            if stop in rest:
                continue
            stop.km_from_previous = (
                km[previous.address, stop.address] if previous else None)
            if at:
                at += dt.timedelta(hours=(
                        (stop.km_from_previous or 0)
                        / configuration.average_speed))
                at = whole_minute(max(at, stop.window_from or at))
                stop.planned = at
                at += dt.timedelta(minutes=configuration.stop_minutes)
            previous = stop
        return way + rest

    def _problem(self, stops, km):
        loads = [
            i for i, s in enumerate(stops) if s.kind == 'load']
        return Problem(
            matrix=[[km[a.address, b.address] for b in stops] for a in stops],
            pairs=[
                (i, j) for i in loads for j, s in enumerate(stops)
                if s.kind == 'unload' and s.order == stops[i].order],
            loads=[(s.in_kg or 0) - (s.out_kg or 0) for s in stops],
            capacity=self._capacity('payload_kg') or None)
