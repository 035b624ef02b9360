# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from decimal import Decimal

from sql import Null
from sql.aggregate import Count

from caravan.days import to_local
from trytond.i18n import gettext
from trytond.model import (
    ChatMixin, Check, Index, ModelSQL, ModelView, Unique, Workflow, fields,
    sequence_ordered)
from trytond.modules.company.model import (
    employee_field, reset_employee, set_employee)
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Eval, If
from trytond.rpc import RPC
from trytond.sql.functions import NumRange
from trytond.transaction import Transaction, without_check_access

from .booking import BookingOriginMixin
from .configuration import NumberedMixin
from .engine.haul import Leg, capacity_share, peak, work
from .exceptions import PlanError, StateError
from .overlap import NoOverlap, NoOverlapMixin, Rising
from .planning import PlanningMixin
from .state import ButtonStateMixin
from .tools import Rates, format_datetime, now

DONE = ('done', 'closed')
_planning = {
    'readonly': ~Eval('state').in_(['draft', 'planned']),
    }
_running = {
    'readonly': ~Eval('state').in_(['draft', 'planned', 'dispatched']),
    }


def _measure(string, name, help=''):
    return fields.Float(
        string, digits=(16, 1), states=_running, help=help,
        domain=['OR', (name, '=', None), (name, '>=', 0)])


# What a trip that is done says for ever
_FACTS = {
    'company', 'vehicle', 'driver', 'second_driver', 'trailers', 'orders',
    'departure', 'arrival', 'odometer_start', 'odometer_end', 'km',
    'loaded_km', 'tonne_km', 'stops', 'surcharges', 'loaded_runs',
    'special_hours', 'heater_hours', 'idle_hours', 'fuel_open', 'fuel_close',
    'fuel_norm', 'plan_revenue', 'plan_fuel', 'plan_fuel_price',
    'plan_tolls', 'plan_pay'}


class Trip(
        PlanningMixin, BookingOriginMixin, NoOverlapMixin, NumberedMixin,
        ButtonStateMixin, ModelSQL, ModelView, ChatMixin):
    __name__ = 'fleet.trip'
    _rec_name = 'number'
    _number_sequence = 'trip_sequence'
    _no_overlap = [
        NoOverlap(
            'odometer_overlap', 'vehicle', 'odometer_start', 'odometer_end',
            NumRange, 'fleet.msg_trip_odometer_overlap',
            'fleet.msg_trip_odometer_overlap_other', ('state', DONE),
            bounded=True),
        ]
    _rising = [
        Rising(
            'vehicle', 'planned_departure', 'planned_arrival',
            'fleet.msg_trip_arrives_early'),
        Rising(
            'vehicle', 'departure', 'arrival',
            'fleet.msg_trip_arrives_early'),
        Rising(
            'vehicle', 'odometer_start', 'odometer_end',
            'fleet.msg_trip_odometer_backwards', equal=True),
        ]
    _booking_fields = {
        'vehicle', 'driver', 'second_driver', 'trailers', 'state',
        'planned_departure', 'planned_arrival', 'departure', 'arrival'}

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT',
        states={
            'readonly': (Eval('state') != 'draft') | Eval('vehicle', True),
            })
    number = fields.Char("Number", readonly=True)
    external_ref = fields.Char(
        "External Reference", readonly=True,
        help="The key of the trip in the file it was loaded from.")
    vehicle = fields.Many2One(
        'fleet.vehicle', "Vehicle", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ('powered', '=', True),
            If(Eval('state') == 'draft', ('state', '=', 'active'), ()),
            ],
        states={
            'readonly': _planning['readonly'],
            'required': ~Eval('state').in_(['draft', 'cancelled']),
            })
    ownership = fields.Function(fields.Selection(
            'get_ownerships', "Ownership"), 'on_change_with_ownership')
    driver = fields.Many2One(
        'fleet.driver', "Driver", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            If(Eval('state') == 'draft', ('state', '=', 'active'), ()),
            ],
        states={
            'readonly': _planning['readonly'],
            'required': (
                ~Eval('state').in_(['draft', 'cancelled'])
                & (Eval('ownership') != 'partner')),
            },
        help="May stay empty for the vehicle of a carrier, which comes with "
        "its own driver.")
    second_driver = fields.Many2One(
        'fleet.driver', "Second Driver", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ('id', '!=', Eval('driver', -1)),
            ],
        states=_planning)
    trailers = fields.Many2Many(
        'fleet.trip.trailer', 'trip', 'trailer', "Trailers",
        domain=[
            ('company', '=', Eval('company', -1)),
            ('powered', '=', False),
            If(Eval('state') == 'draft', ('state', '=', 'active'), ()),
            ],
        states=_planning)
    orders = fields.Many2Many(
        'fleet.trip-fleet.order', 'trip', 'order', "Orders",
        domain=[
            ('company', '=', Eval('company', -1)),
            If(Eval('state') == 'draft',
                ('state', 'in', ['confirmed', 'in_transit']), ()),
            ],
        states=_planning)
    stops = fields.One2Many(
        'fleet.trip.stop', 'trip', "Stops", states=_running)
    route = fields.Function(fields.Char(
            "Route", help="The first and the last stop."), 'get_route')
    planned_departure = fields.DateTime(
        "Planned Departure", states={
            'readonly': _planning['readonly'],
            'required': Eval('state').in_(['planned', 'dispatched']),
            })
    planned_arrival = fields.DateTime(
        "Planned Arrival", domain=['OR',
            ('planned_arrival', '=', None),
            ('planned_departure', '=', None),
            ('planned_arrival', '>', Eval('planned_departure')),
            ],
        states={
            'readonly': _running['readonly'],
            'required': Eval('state').in_(['planned', 'dispatched']),
            })
    departure = fields.DateTime(
        "Departure", states={
            'readonly': _running['readonly'],
            'required': Eval('state').in_(list(DONE)),
            })
    arrival = fields.DateTime(
        "Arrival", domain=['OR',
            ('arrival', '=', None),
            ('departure', '=', None),
            ('arrival', '>', Eval('departure')),
            ],
        states={
            'readonly': _running['readonly'],
            'required': Eval('state').in_(list(DONE)),
            })
    odometer_start = fields.Integer(
        "Odometer at Start", states=_running)
    odometer_end = fields.Integer(
        "Odometer at End", domain=['OR',
            ('odometer_end', '=', None),
            ('odometer_start', '=', None),
            ('odometer_end', '>=', Eval('odometer_start', 0)),
            ],
        states=_running)
    km = _measure("km", 'km', "The driven distance.")
    loaded_km = _measure("Loaded km", 'loaded_km')
    empty_km = fields.Function(
        fields.Float("Empty km", digits=(16, 1)), 'on_change_with_empty_km')
    tonne_km = _measure(
        "Tonne-kilometres", 'tonne_km', "The sum of load times distance.")
    fuel_open = _measure(
        "Fuel at Start", 'fuel_open', "In the tank at departure.")
    fuel_close = _measure(
        "Fuel at End", 'fuel_close', "In the tank at arrival.")
    load_share = fields.Function(fields.Float(
            "Load (%)", digits=(16, 1),
            help="The greatest load in percent of the payload of vehicle "
            "and trailers."), 'on_change_with_load_share')
    volume_share = fields.Function(fields.Float(
            "Volume (%)", digits=(16, 1),
            help="The greatest volume of cargo in percent of the space of "
            "vehicle and trailers."), 'on_change_with_volume_share')
    currency = fields.Function(fields.Many2One(
            'currency.currency', "Currency"), 'on_change_with_currency')
    revenue = fields.Function(Monetary(
            "Revenue", currency='currency', digits='currency',
            help="The prices of the orders, shared among their trips."),
        'get_revenue')
    late = fields.Function(fields.Boolean(
            "Late", help="Under way after the planned arrival."),
        'get_late', searcher='search_late')
    notes = fields.Text("Notes")
    planned_by = employee_field(
        "Planned By", states=['planned', 'dispatched', *DONE])
    dispatched_by = employee_field(
        "Dispatched By", states=['dispatched', *DONE])
    completed_by = employee_field("Completed By", states=list(DONE))
    state = fields.Selection([
            ('draft', "Draft"),
            ('planned', "Planned"),
            ('dispatched', "Under Way"),
            ('done', "Done"),
            ('closed', "Closed"),
            ('cancelled', "Cancelled"),
            ], "State", required=True, readonly=True, sort=False)
    state_string = state.translated('state')

    @classmethod
    def __setup__(cls):
        cls.number.search_unaccented = False
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('external_ref_unique', Unique(t, t.company, t.external_ref),
                'fleet.msg_trip_external_unique'),
            ('arrival_after_departure', Check(t,
                    (t.arrival == Null) | (t.arrival > t.departure)),
                'fleet.msg_trip_zero_length'),
            ('odometer_rises', Check(t,
                    (t.odometer_end == Null)
                    | (t.odometer_end >= t.odometer_start)),
                'fleet.msg_trip_odometer_falls'),
            ]
        cls._sql_indexes.update({
                Index(t, (t.driver, Index.Equality()),
                    (t.state, Index.Equality(cardinality='low'))),
                Index(t, (t.second_driver, Index.Equality())),
                Index(t, (t.planned_departure, Index.Range())),
                Index(
                    t, (t.state, Index.Equality(cardinality='low')),
                    where=t.state.in_(['draft', 'planned', 'dispatched'])),
                })
        cls._order = [
            ('planned_departure', 'DESC NULLS FIRST'), ('id', 'DESC')]
        cls._transitions |= {
            ('draft', 'planned'),
            ('planned', 'draft'),
            ('planned', 'dispatched'),
            ('dispatched', 'planned'),
            ('dispatched', 'done'),
            ('done', 'dispatched'),
            ('done', 'closed'),
            ('draft', 'cancelled'),
            ('planned', 'cancelled'),
            ('dispatched', 'cancelled'),
            ('cancelled', 'draft'),
            }
        cls.__rpc__.update(record=RPC(readonly=False, result=list))
        cls._setup_buttons()

    @classmethod
    def _setup_buttons(cls):
        cls._buttons.update({
                'cancel': {
                    'invisible': ~Eval('state').in_(
                        ['draft', 'planned', 'dispatched']),
                    'icon': 'tryton-cancel',
                    'depends': ['state'],
                    },
                'draft': {
                    'invisible': ~Eval('state').in_(['planned', 'cancelled']),
                    'icon': If(Eval('state') == 'cancelled',
                        'tryton-undo', 'tryton-back'),
                    'depends': ['state'],
                    },
                'collect_stops': {
                    'invisible': Eval('state') != 'draft',
                    'readonly': ~Eval('orders', []),
                    'icon': 'tryton-refresh',
                    'depends': ['state', 'orders'],
                    },
                'plan': {
                    'invisible': Eval('state') != 'draft',
                    'icon': 'tryton-forward',
                    'depends': ['state'],
                    },
                'dispatch': {
                    'invisible': Eval('state') != 'planned',
                    'icon': 'tryton-forward',
                    'depends': ['state'],
                    },
                'recall': {
                    'invisible': Eval('state') != 'dispatched',
                    'icon': 'tryton-back',
                    'depends': ['state'],
                    },
                'complete': {
                    'invisible': Eval('state') != 'dispatched',
                    'icon': 'tryton-ok',
                    'depends': ['state'],
                    },
                'reopen': {
                    'invisible': Eval('state') != 'done',
                    'icon': 'tryton-back',
                    'depends': ['state'],
                    },
                'close': {
                    'invisible': Eval('state') != 'done',
                    'icon': 'tryton-archive',
                    'depends': ['state'],
                    },
                })

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_state(cls):
        return 'draft'

    @classmethod
    def get_ownerships(cls):
        Vehicle = Pool().get('fleet.vehicle')
        return Vehicle.fields_get(['ownership'])['ownership']['selection']

    @fields.depends('vehicle', '_parent_vehicle.ownership')
    def on_change_with_ownership(self, name=None):
        return self.vehicle.ownership if self.vehicle else 'own'

    @fields.depends('company')
    def on_change_with_currency(self, name=None):
        return self.company.currency if self.company else None

    @fields.depends('vehicle', 'driver', 'trailers', 'planned_departure')
    def on_change_vehicle(self):
        pool = Pool()
        Assignment = pool.get('fleet.assignment')
        Coupling = pool.get('fleet.vehicle.coupling')
        if not self.vehicle:
            return
        if not self.driver:
            self.driver = Assignment.current(
                [self.vehicle]).get(self.vehicle.id)
        if not self.trailers:
            self.trailers = Coupling.coupled(
                [self.vehicle], self.planned_departure or now()
                ).get(self.vehicle, [])

    @fields.depends('km', 'loaded_km')
    def on_change_with_empty_km(self, name=None):
        if self.km is not None and self.loaded_km is not None:
            return round(self.km - self.loaded_km, 1)

    @fields.depends('stops', 'vehicle', 'trailers')
    def on_change_with_load_share(self, name=None):
        return capacity_share(peak(self._legs()), self._capacity('payload_kg'))

    @fields.depends('stops', 'vehicle', 'trailers')
    def on_change_with_volume_share(self, name=None):
        volumes = [
            s.volume_m3 for s in self.stops or []
            if not getattr(s, 'skipped', False)]
        return capacity_share(
            peak([Leg(0, max(v, 0), max(-v, 0)) for v in volumes]),
            self._capacity('volume_m3'))

    def _legs(self):
        return [
            Leg(s.km_from_previous or 0, s.in_kg or 0, s.out_kg or 0)
            for s in self.stops or [] if not getattr(s, 'skipped', False)]

    def _capacity(self, name):
        "Return a capacity of vehicle and trailers, 0 if unknown"
        vehicles = [self.vehicle, *(self.trailers or [])]
        return sum(getattr(v, name) or 0 for v in vehicles if v)

    @classmethod
    def get_route(cls, trips, name):
        Stop = Pool().get('fleet.trip.stop')
        return Stop.routes('trip', trips)

    @classmethod
    def get_revenue(cls, trips, name):
        pool = Pool()
        Currency = pool.get('currency.currency')
        today = pool.get('ir.date').today()
        trip = cls.__table__()
        order = pool.get('fleet.order').__table__()
        relation = pool.get('fleet.trip-fleet.order').__table__()
        other = pool.get('fleet.trip-fleet.order').__table__()
        cursor = Transaction().connection.cursor()
        shares = (other
            .join(trip, condition=(other.trip == trip.id)
                & (trip.state != 'cancelled'))
            .select(
                other.order, Count(other.trip).as_('trips'),
                group_by=other.order))
        cursor.execute(*relation
            .join(order, condition=relation.order == order.id)
            .join(shares, condition=shares.order == order.id)
            .select(
                relation.trip, order.currency, order.amount, shares.trips,
                where=fields.SQL_OPERATORS['in'](
                    relation.trip, list(map(int, trips)))
                & (order.amount != Null)))
        rows = cursor.fetchall()
        result = {t.id: Decimal(0) for t in trips}
        own = {
            t.id: (t.currency, to_local(t.company, t.arrival).date()
                if t.arrival else today) for t in trips}
        rates = Rates(list(
                {c for _, c, _, _ in rows} | {c.id for c, _ in own.values()}))
        for id_, currency, amount, count in rows:
            result[id_] += rates.compute(
                Currency(currency), Decimal(str(amount)) / count, *own[id_])
        return result

    @classmethod
    def get_late(cls, trips, name):
        late = {t.id for t in cls.search([
                    ('id', 'in', [t.id for t in trips]),
                    ('late', '=', True),
                    ])}
        return {t.id: t.id in late for t in trips}

    @classmethod
    def search_late(cls, name, clause):
        _, operator, operand = clause
        if bool(operand) == (operator in {'=', 'in'}):
            return [
                ('state', '=', 'dispatched'),
                ('planned_arrival', '<', now()),
                ]
        return ['OR',
            ('state', '!=', 'dispatched'),
            ('planned_arrival', '>=', now()),
            ('planned_arrival', '=', None),
            ]

    def get_rec_name(self, name):
        return ' '.join(filter(None, [
                    self.number or f'({self.id})',
                    f'[{self.external_ref}]' if self.external_ref else None]))

    @classmethod
    def search_rec_name(cls, name, clause):
        _, operator, operand, *extra = clause
        bool_op = 'AND' if operator.startswith(('!', 'not ')) else 'OR'
        return [bool_op,
            ('number', operator, operand, *extra),
            ('external_ref', operator, operand, *extra),
            ]

    @classmethod
    def _overlap_period(cls, rule, record):
        return '%s – %s km' % (record.odometer_start, record.odometer_end)

    def _get_bookings(self):
        if self.state == 'draft':
            return []
        start = self.departure or self.planned_departure
        end = self.arrival or self.planned_arrival
        if not start or self.state == 'cancelled':
            return []
        common = {
            'company': self.company.id,
            'start': start,
            'end': end,
            'kind': 'trip',
            'state': 'tentative' if self.state == 'planned' else 'firm',
            }
        bookings = [dict(
                common, vehicle=self.vehicle.id,
                driver=self.driver.id if self.driver else None)]
        if self.second_driver:
            bookings.append(dict(common, driver=self.second_driver.id))
        bookings += [dict(common, vehicle=t.id) for t in self.trailers]
        return bookings

    @classmethod
    def check_modification(cls, mode, trips, values=None, external=False):
        super().check_modification(
            mode, trips, values=values, external=external)
        for trip in trips:
            if mode == 'delete' and trip.state not in {'draft', 'cancelled'}:
                raise StateError(gettext(
                        'fleet.msg_trip_delete_cancel', trip=trip.rec_name))
        if external and mode == 'write' and _FACTS & values.keys():
            cls.check_not_done(trips)

    @classmethod
    def check_not_done(cls, trips):
        "Refuse to change what done trips tell"
        for trip in trips:
            if trip.state in DONE:
                raise StateError(gettext(
                        'fleet.msg_trip_done', trip=trip.rec_name))

    @classmethod
    def copy(cls, trips, default=None):
        default = default.copy() if default else {}
        for name in [
                'number', 'external_ref', 'departure', 'arrival',
                'odometer_start', 'odometer_end', 'km', 'loaded_km',
                'tonne_km', 'fuel_open', 'fuel_close', 'orders', 'stops',
                'planned_by', 'dispatched_by', 'completed_by']:
            default.setdefault(name)
        return super().copy(trips, default=default)

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state') == 'cancelled', 'muted',
                    If(Eval('late', False), 'danger',
                        If(Eval('state') == 'dispatched', 'warning',
                            If(Eval('state').in_(list(DONE)), 'success',
                                ''))))),
            ('/tree/field[@name="load_share"]', 'visual',
                If(Eval('load_share', 0) > 100, 'danger', '')),
            ]

    @classmethod
    @ModelView.button
    @Workflow.transition('cancelled')
    def cancel(cls, trips):
        cls._return_orders(trips)

    @classmethod
    @ModelView.button
    @Workflow.transition('draft')
    @reset_employee('planned_by', 'dispatched_by')
    def draft(cls, trips):
        # Those that had left before they were cancelled leave anew
        cls.write(
            [t for t in trips if t.state == 'cancelled'],
            {'departure': None, 'arrival': None})

    @classmethod
    @ModelView.button
    def collect_stops(cls, trips):
        "Add the stops of the orders that the trips do not have yet"
        Stop = Pool().get('fleet.trip.stop')
        stops = []
        for trip in trips:
            known = {s.order_stop for s in trip.stops}
            sequence = max((s.sequence or 0 for s in trip.stops), default=0)
            for order in trip.orders:
                for stop in order.stops:
                    if stop not in known:
                        sequence += 10
                        stops.append(Stop.from_order(trip, stop, sequence))
        Stop.save(stops)

    @classmethod
    @ModelView.button
    @Workflow.transition('planned')
    @set_employee('planned_by')
    def plan(cls, trips):
        cls.check_complete(trips)
        cls.check_orders(trips)
        cls.check_documents(trips)
        cls.check_capacity(trips)

    @classmethod
    @ModelView.button
    @Workflow.transition('dispatched')
    @set_employee('dispatched_by')
    def dispatch(cls, trips):
        Order = Pool().get('fleet.order')
        cls.check_complete(trips)
        cls.check_documents(trips)
        start = now()
        for trip in trips:
            if not trip.departure:
                trip.departure = start
            if trip.departure >= trip.planned_arrival:
                raise PlanError(gettext(
                        'fleet.msg_trip_departure_late',
                        trip=trip.rec_name,
                        arrival=format_datetime(
                            trip.company, trip.planned_arrival)))
        cls.save(trips)
        Order.carry([
                o for t in trips for o in t.orders
                if o.state == 'confirmed'])

    @classmethod
    @ModelView.button
    @Workflow.transition('planned')
    @reset_employee('dispatched_by')
    def recall(cls, trips):
        cls.write(trips, {'departure': None})
        cls._return_orders(trips)

    @classmethod
    @without_check_access
    def _return_orders(cls, trips):
        "Orders that no other trip carries wait again"
        Order = Pool().get('fleet.order')
        orders = Order.browse({
                o for t in trips for o in t.orders
                if o.state == 'in_transit' and not any(
                    other.state == 'dispatched' for other in o.trips
                    if other not in trips)})
        Order.wait(orders)

    @classmethod
    @ModelView.button_action('fleet.wizard_trip_complete')
    def complete(cls, trips):
        pass

    @classmethod
    @Workflow.transition('done')
    @set_employee('completed_by')
    def do(cls, trips):
        """Finish trips that have their real times.

        Distances that are not given follow from odometer and stops.
        """
        for trip in trips:
            trip._set_work()
        cls.check_odometer(trips)
        cls.save(trips)
        cls._deliver_orders(trips)

    def _set_work(self):
        km = self.km
        if km is None and None not in {
                self.odometer_start, self.odometer_end}:
            km = self.odometer_end - self.odometer_start
        km, loaded, tonne_km = work(self._legs(), km)
        if self.km is None:
            self.km = round(km, 1)
        if self.loaded_km is None:
            self.loaded_km = round(loaded, 1)
        if self.tonne_km is None:
            self.tonne_km = round(tonne_km, 1)

    @classmethod
    def check_odometer(cls, trips):
        "Name the trip that already drove these kilometres"
        cls.check_values_overlap([{
                    'vehicle': t.vehicle.id,
                    'odometer_start': t.odometer_start,
                    'odometer_end': t.odometer_end,
                    'state': 'done',
                    } for t in trips], ignore=trips)

    @classmethod
    @without_check_access
    def _deliver_orders(cls, trips):
        Order = Pool().get('fleet.order')
        orders = []
        for order in {o for t in trips for o in t.orders}:
            if order.state not in {'confirmed', 'in_transit'} or any(
                    t.state in {'draft', 'planned', 'dispatched'}
                    for t in order.trips if t not in trips):
                continue
            order.delivered_at = max(
                t._unloaded_at(order) for t in trips if order in t.orders)
            orders.append(order)
        Order.save(orders)
        Order.deliver(orders)

    def _unloaded_at(self, order):
        return max((
                s.departed or s.arrived or self.arrival for s in self.stops
                if s.order == order and s.kind == 'unload'),
            default=self.arrival)

    @classmethod
    @ModelView.button
    @Workflow.transition('dispatched')
    @reset_employee('completed_by')
    def reopen(cls, trips):
        Order = Pool().get('fleet.order')
        cls.write(trips, {'loaded_km': None, 'tonne_km': None})
        Order.undeliver([
                o for t in trips for o in t.orders
                if o.state == 'delivered'])

    @classmethod
    @ModelView.button
    @Workflow.transition('closed')
    def close(cls, trips):
        pass

    @classmethod
    def record(cls, vlist):
        """Write down trips that have already happened, for bulk loading.

        vlist: list of values of trips as for create; `orders` and `stops`
            are lists of plain values; the state is `done`, or `dispatched`
            for a trip without arrival
        Return the list of ids.  The rights to create trips and orders are
        asked for; bookings and odometers are checked as for any trip.
        """
        pool = Pool()
        Order = pool.get('fleet.order')
        ModelAccess = pool.get('ir.model.access')
        for Model in [cls, Order]:
            ModelAccess.check(Model.__name__, 'create')
        with without_check_access():
            orders = iter(Order.create([
                        dict(order, state=(
                                'delivered' if values.get('arrival')
                                else 'in_transit'))
                        for values in vlist
                        for order in values.get('orders', [])]))
            trips = cls.create([
                    cls._recorded(values, [
                            next(orders).id
                            for _ in values.get('orders', [])])
                    for values in vlist])
        ids = [t.id for t in trips]
        # Refuses those of companies the user does not see
        cls.read(ids, ['id'])
        return ids

    @classmethod
    def _recorded(cls, values, orders):
        stops = values.get('stops', [])
        if len(orders) == 1:
            order, = orders
            stops = [
                dict(stop, order=order)
                if stop['kind'] in {'load', 'unload'} else stop
                for stop in stops]
        return dict(
            values,
            orders=[('add', orders)],
            stops=[('create', stops)],
            state='done' if values.get('arrival') else 'dispatched')


class TripOrder(ModelSQL):
    __name__ = 'fleet.trip-fleet.order'

    trip = fields.Many2One(
        'fleet.trip', "Trip", required=True, ondelete='CASCADE')
    order = fields.Many2One(
        'fleet.order', "Order", required=True, ondelete='RESTRICT')


class TripTrailer(sequence_ordered(), ModelSQL, ModelView):
    __name__ = 'fleet.trip.trailer'

    trip = fields.Many2One(
        'fleet.trip', "Trip", required=True, ondelete='CASCADE')
    trailer = fields.Many2One(
        'fleet.vehicle', "Trailer", required=True, ondelete='RESTRICT',
        domain=[
            ('powered', '=', False),
            ])

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('trip')
