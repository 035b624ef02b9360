# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from decimal import Decimal

from sql import Null
from sql.aggregate import Sum
from sql.conditionals import Coalesce

from caravan.days import to_local
from trytond.i18n import gettext
from trytond.model import (
    Check, DeactivableMixin, ModelSQL, ModelView, Unique, fields)
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Bool, Eval, If
from trytond.transaction import Transaction, without_check_access

from .engine.fuel import Norm, Work, burnt, consumption, from_values, terms
from .engine.haul import work
from .exceptions import FuelError
from .trip import DONE

FACTORS = [
    'distance', 'tonne_km', 'trailer', 'run', 'special', 'heater', 'idle']


def _factor(string, name, help=''):
    return fields.Numeric(
        string, digits=(16, 2), help=help,
        domain=['OR', (name, '=', None), (name, '>=', 0)])


def _work(Field, string, help, **kwargs):
    return Field(
        string, help=help,
        states={
            'readonly': ~Eval('state').in_(
                ['draft', 'planned', 'dispatched']),
            }, **kwargs)


class FuelNorm(ModelSQL, ModelView):
    __name__ = 'fleet.fuel.norm'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='CASCADE')
    model = fields.Many2One(
        'fleet.model', "Model", ondelete='CASCADE',
        states={
            'required': ~Eval('vehicle'),
            'readonly': Bool(Eval('vehicle')),
            },
        help="Its vehicles have this norm unless they have one of their own.")
    vehicle = fields.Many2One(
        'fleet.vehicle', "Vehicle", ondelete='CASCADE',
        domain=[
            ('company', '=', Eval('company', -1)),
            ('powered', '=', True),
            ],
        states={
            'readonly': Bool(Eval('model')),
            })
    valid_from = fields.Date(
        "Valid From", required=True,
        help="The norm counts for trips that depart on this day or later, "
        "until another one begins.")
    distance = fields.Numeric(
        "On 100 km", digits=(16, 2), required=True,
        domain=[('distance', '>=', 0)],
        help="In the unit of the fuel, without load.")
    tonne_km = _factor(
        "On 100 Tonne-kilometres", 'tonne_km',
        help="What the load takes: usually 1.3 for diesel, 2.0 for petrol.")
    trailer = _factor(
        "On 100 km per Tonne of Trailers", 'trailer',
        help="What the weight of the empty trailers takes.")
    run = _factor(
        "Per Loaded Run", 'run', help="What a tipper takes to unload.")
    special = _factor("Per Hour of Special Work", 'special')
    heater = _factor("Per Hour of the Heater", 'heater')
    idle = _factor("Per Hour of Idling", 'idle')
    ground = fields.Char(
        "Ground", help="The rule or the test run that the norm follows.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('owner', Check(t, (
                        (t.model != Null) & (t.vehicle == Null))
                    | ((t.model == Null) & (t.vehicle != Null))),
                'fleet.msg_fuel_norm_owner'),
            ('model_unique', Unique(t, t.company, t.model, t.valid_from),
                'fleet.msg_fuel_norm_unique'),
            ('vehicle_unique', Unique(t, t.company, t.vehicle, t.valid_from),
                'fleet.msg_fuel_norm_unique'),
            ]
        cls._order = [('valid_from', 'DESC'), ('id', 'DESC')]

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_valid_from(cls):
        return Pool().get('ir.date').today()

    def get_rec_name(self, name):
        owner = self.vehicle or self.model
        return f'{owner.rec_name} {self.valid_from}'

    @property
    def norm(self):
        "The norm as the arithmetic takes it"
        return from_values(Norm, {n: getattr(self, n) for n in FACTORS})

    @classmethod
    def of(cls, trips):
        "Return {trip: norm} of the norms in force at the departures"
        vehicles = {t.vehicle for t in trips if t.vehicle}
        by_owner = {}
        for norm in cls.search([
                    ('company', 'in', list({t.company.id for t in trips})),
                    ['OR',
                        ('vehicle', 'in', [v.id for v in vehicles]),
                        ('model', 'in', [
                                v.model.id for v in vehicles if v.model]),
                        ],
                    ], order=[('valid_from', 'DESC')]):
            by_owner.setdefault(
                (norm.company, norm.vehicle or norm.model), []).append(norm)
        result = {}
        for trip in trips:
            day = trip.fuel_day
            if not trip.vehicle or not day:
                continue
            for owner in filter(None, [trip.vehicle, trip.vehicle.model]):
                norm = next((
                        n for n in by_owner.get((trip.company, owner), [])
                        if n.valid_from <= day), None)
                if norm:
                    result[trip] = norm
                    break
        return result


class FuelSurcharge(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'fleet.fuel.surcharge'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='CASCADE')
    name = fields.Char("Name", required=True, translate=True)
    percent = fields.Numeric(
        "Percent", digits=(5, 2), required=True,
        domain=[('percent', '>=', -100)],
        help="Below zero for what saves fuel. The surcharges of a trip are "
        "added up.")
    ground = fields.Char(
        "Ground", help="The clause or the order that allows it.")
    months = fields.MultiSelection(
        'get_months', "Months", sort=False,
        help="A trip that departs in one of them has the surcharge from the "
        "moment it is planned. Leave it empty to choose it by hand.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('name', 'ASC'))

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def get_months(cls):
        Month = Pool().get('ir.calendar.month')
        return [
            (str(m.index), m.name)
            for m in Month.search([], order=[('index', 'ASC')])]


class TripSurcharge(ModelSQL):
    __name__ = 'fleet.trip-fleet.fuel.surcharge'

    trip = fields.Many2One(
        'fleet.trip', "Trip", required=True, ondelete='CASCADE')
    surcharge = fields.Many2One(
        'fleet.fuel.surcharge', "Surcharge", required=True,
        ondelete='RESTRICT')


class Trip(metaclass=PoolMeta):
    __name__ = 'fleet.trip'

    surcharges = fields.Many2Many(
        'fleet.trip-fleet.fuel.surcharge', 'trip', 'surcharge',
        "Fuel Surcharges",
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        states={
            'readonly': ~Eval('state').in_(
                ['draft', 'planned', 'dispatched']),
            },
        help="They raise or lower the norm of fuel.")
    loaded_runs = _work(
        fields.Integer, "Loaded Runs", "How often a tipper was unloaded.")
    special_hours = _work(
        fields.Float, "Special Work (h)", "Hours of the body at work.",
        digits=(16, 1))
    heater_hours = _work(
        fields.Float, "Heater (h)", "Hours of the heater.", digits=(16, 1))
    idle_hours = _work(
        fields.Float, "Idling (h)", "Hours of the engine at a stand.",
        digits=(16, 1))
    fuel_norm = fields.Float(
        "Fuel by Norm", digits=(16, 1), readonly=True,
        help="What the trip may take, reckoned when it is planned and again "
        "when it is done.")
    refuelled = fields.Function(fields.Float(
            "Refuelled", digits=(16, 1),
            help="By the confirmed refuellings of the trip."), 'get_fuel')
    fuel_actual = fields.Function(fields.Float(
            "Fuel Burnt", digits=(16, 1),
            help="What was in the tank at the start and refuelled, less what "
            "was left."), 'get_fuel')
    fuel_deviation = fields.Function(fields.Float(
            "Over Norm", digits=(16, 1),
            help="What was burnt less the norm."), 'get_fuel')
    over_norm = fields.Function(fields.Boolean(
            "Burnt Too Much",
            help="More over the norm than the configuration tolerates."),
        'get_fuel', searcher='search_over_norm')

    @classmethod
    def _fuel_query(cls):
        "Return a query of id, refuelled and actual of the trips"
        trip = cls.__table__()
        refuelling = Pool().get('fleet.refuelling').__table__()
        filled = refuelling.select(
            refuelling.trip, Sum(refuelling.quantity).as_('quantity'),
            where=(refuelling.state == 'confirmed')
            & (refuelling.trip != Null),
            group_by=refuelling.trip)
        refuelled = Coalesce(filled.quantity, 0)
        return trip.join(
            filled, 'LEFT', condition=filled.trip == trip.id
            ).select(
                trip.id, trip.fuel_norm, refuelled.as_('refuelled'),
                (trip.fuel_open + refuelled - trip.fuel_close).as_('actual'))

    @classmethod
    def get_fuel(cls, trips, names):
        query = cls._fuel_query()
        cursor = Transaction().connection.cursor()
        cursor.execute(*query.select(
                query.id, query.fuel_norm, query.refuelled, query.actual,
                where=fields.SQL_OPERATORS['in'](
                    query.id, list(map(int, trips)))))
        tolerance = cls._fuel_tolerance()
        result = {n: {} for n in names}
        for id_, norm, refuelled, actual in cursor:
            known = norm is not None and actual is not None
            values = {
                'refuelled': round(refuelled, 1),
                'fuel_actual': (
                    round(actual, 1) if actual is not None else None),
                'fuel_deviation': (
                    round(actual - norm, 1) if known else None),
                'over_norm': known and actual > norm * tolerance,
                }
            for name in names:
                result[name][id_] = values[name]
        return result

    @classmethod
    def _fuel_tolerance(cls):
        Configuration = Pool().get('fleet.configuration')
        return 1 + Configuration(1).fuel_tolerance / 100

    @classmethod
    def search_over_norm(cls, name, clause):
        _, operator, operand = clause
        query = cls._fuel_query()
        over = query.select(
            query.id,
            where=query.actual > query.fuel_norm * cls._fuel_tolerance())
        is_ = bool(operand) == (operator in {'=', 'in'})
        return [('id', 'in' if is_ else 'not in', over)]

    def fuel_before(self):
        "Return what the trip before left and was refuelled since, or None"
        pool = Pool()
        Trip = pool.get('fleet.trip')
        Refuelling = pool.get('fleet.refuelling')
        if not self.departure:
            return None
        before = Trip.search([
                ('vehicle', '=', self.vehicle.id),
                ('state', 'in', list(DONE)),
                ('arrival', '<=', self.departure),
                ], order=[('arrival', 'DESC')], limit=1)
        if not before or before[0].fuel_close is None:
            return None
        return before[0].fuel_close + sum(
            r.quantity for r in Refuelling.search([
                    ('vehicle', '=', self.vehicle.id),
                    ('state', '=', 'confirmed'),
                    ('trip', '=', None),
                    ('at', '>=', before[0].arrival),
                    ('at', '<', self.departure),
                    ]))

    @property
    def fuel_day(self):
        "The day of the company whose norm and surcharges count, or None"
        at = self.departure or self.planned_departure
        return to_local(self.company, at).date() if at else None

    def _work(self):
        "Return the work by which the norm is reckoned, or None"
        km, tonne_km = self.km, self.tonne_km
        if km is None:
            legs = self._legs()
            km, _, tonne_km = work(legs, None) if legs else (None,) * 3
        if not km:
            return None
        return from_values(Work, {
                'km': km,
                'tonne_km': tonne_km,
                'trailer': sum(t.tare_kg or 0 for t in self.trailers) / 1000,
                'run': self.loaded_runs,
                'special': self.special_hours,
                'heater': self.heater_hours,
                'idle': self.idle_hours,
                })

    def fuel_terms(self):
        "Return the terms of the norm of fuel, empty where there is none"
        FuelNorm = Pool().get('fleet.fuel.norm')
        norm, done = FuelNorm.of([self]).get(self), self._work()
        if not norm or not done:
            return []
        return list(terms(
                norm.norm, done, [s.percent for s in self.surcharges]))

    @classmethod
    def set_fuel_norm(cls, trips):
        FuelNorm = Pool().get('fleet.fuel.norm')
        norms = FuelNorm.of(trips)
        changed = []
        for trip in trips:
            norm, done = norms.get(trip), trip._work()
            litres = None
            if norm and done:
                litres = float(consumption(
                        norm.norm, done, [s.percent for s in trip.surcharges]))
            if litres != trip.fuel_norm:
                trip.fuel_norm = litres
                changed.append(trip)
        cls.save(changed)

    @classmethod
    def add_surcharges(cls, trips):
        "Add the surcharges of the months in which the trips depart"
        Surcharge = Pool().get('fleet.fuel.surcharge')
        surcharges = [s for s in Surcharge.search([
                    ('company', 'in', list({t.company.id for t in trips})),
                    ]) if s.months]
        changed = []
        for trip in trips:
            month = str(trip.fuel_day.month) if trip.fuel_day else None
            new = [
                s for s in surcharges
                if s.company == trip.company and month in s.months
                and s not in trip.surcharges]
            if new:
                trip.surcharges = [*trip.surcharges, *new]
                changed.append(trip)
        cls.save(changed)

    @classmethod
    def plan(cls, trips):
        super().plan(trips)
        cls.add_surcharges(trips)
        cls.set_fuel_norm(trips)

    @classmethod
    def do(cls, trips):
        cls.check_fuel(trips)
        super().do(trips)
        cls.set_fuel_norm(trips)

    @classmethod
    def record(cls, vlist):
        ids = super().record(vlist)
        with without_check_access():
            trips = [t for t in cls.browse(ids) if t.state in DONE]
            cls.add_surcharges(trips)
            cls.set_fuel_norm(trips)
        return ids

    @classmethod
    def check_fuel(cls, trips):
        "Refuse a tank that holds more than it can"
        refuelled = cls.get_fuel(trips, ['refuelled'])['refuelled']
        for trip in trips:
            if trip.fuel_close is None:
                continue
            capacity = trip.vehicle.tank_capacity
            if capacity and trip.fuel_close > capacity:
                raise FuelError(gettext(
                        'fleet.msg_fuel_above_tank',
                        vehicle=trip.vehicle.rec_name,
                        quantity=trip.fuel_close, capacity=capacity))
            if trip.fuel_open is None:
                continue
            amounts = [
                Decimal(str(n)) for n in [
                    trip.fuel_open, refuelled[trip.id], trip.fuel_close]]
            try:
                burnt(amounts[0], amounts[1:2], amounts[2])
            except ValueError:
                raise FuelError(gettext(
                        'fleet.msg_fuel_gained',
                        trip=trip.rec_name, vehicle=trip.vehicle.rec_name,
                        close=amounts[2], open=amounts[0],
                        refuelled=amounts[1])) from None

    @classmethod
    def copy(cls, trips, default=None):
        default = default.copy() if default else {}
        for name in [
                'fuel_norm', 'loaded_runs', 'special_hours', 'heater_hours',
                'idle_hours', 'surcharges']:
            default.setdefault(name)
        return super().copy(trips, default=default)

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree/field[@name="fuel_deviation"]', 'visual',
                If(Eval('over_norm', False), 'danger', '')),
            ]
