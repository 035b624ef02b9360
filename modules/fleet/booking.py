# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from sql import Column, Null
from sql.conditionals import Case
from sql.operators import Concat

from trytond.i18n import gettext
from trytond.model import Check, Index, ModelSQL, ModelView, fields
from trytond.pool import Pool
from trytond.pyson import Bool, Eval, If
from trytond.sql.functions import TSRange
from trytond.transaction import Transaction

from .exceptions import PlanError, StateError
from .overlap import NoOverlap, NoOverlapMixin, Rising
from .tools import now

LIVE = ('tentative', 'firm')
KINDS = [
    ('trip', "Trip"),
    ('service', "Service"),
    ('leave', "Leave"),
    ('reserved', "Reserved"),
    ('other', "Other"),
    ]
# Kinds that people write themselves; the others follow their origin
OWN_KINDS = ['leave', 'reserved', 'other']


class Booking(NoOverlapMixin, ModelSQL, ModelView):
    __name__ = 'fleet.booking'

    _no_overlap = [
        NoOverlap(
            'vehicle_overlap', 'vehicle', 'start', 'end', TSRange,
            'fleet.msg_booking_vehicle_overlap',
            'fleet.msg_booking_vehicle_overlap_other', ('state', LIVE)),
        NoOverlap(
            'driver_overlap', 'driver', 'start', 'end', TSRange,
            'fleet.msg_booking_driver_overlap',
            'fleet.msg_booking_driver_overlap_other', ('state', LIVE)),
        ]
    _rising = [
        Rising('vehicle', 'start', 'end', 'fleet.msg_booking_ends_early'),
        Rising('driver', 'start', 'end', 'fleet.msg_booking_ends_early'),
        ]
    _states = {
        'readonly': ~Eval('kind').in_(OWN_KINDS),
        }

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT',
        states=_states)
    kind = fields.Selection(
        KINDS, "Kind", required=True, sort=False,
        domain=[If(Bool(Eval('origin')),
                (), ('kind', 'in', OWN_KINDS))],
        states=_states)
    kind_string = kind.translated('kind')
    vehicle = fields.Many2One(
        'fleet.vehicle', "Vehicle", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        states={
            'readonly': _states['readonly'],
            'required': ~Eval('driver'),
            },
        help="The vehicle or trailer that is occupied.")
    driver = fields.Many2One(
        'fleet.driver', "Driver", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        states={
            'readonly': _states['readonly'],
            'required': ~Eval('vehicle'),
            })
    start = fields.DateTime("Start", required=True, states=_states)
    end = fields.DateTime(
        "End", states=_states,
        domain=['OR',
            ('end', '=', None),
            ('end', '>', Eval('start')),
            ],
        help="The first moment that is free again. "
        "An empty end keeps the vehicle or driver until further notice.")
    description = fields.Char("Description", states=_states)
    origin = fields.Reference(
        "Origin", 'get_origins', readonly=True,
        help="What the vehicle or driver is needed for.")
    state = fields.Selection([
            ('tentative', "Tentative"),
            ('firm', "Firm"),
            ('cancelled', "Cancelled"),
            ], "State", required=True, sort=False, states=_states)
    reason = fields.Function(fields.Char(
            "Reason", help="What it is for, as calendars show it."),
        'get_reason')
    occupied = fields.Function(fields.Char(
            "Occupied", help="What is occupied, as calendars show it."),
        'get_occupied')
    color = fields.Function(fields.Char("Color"), 'on_change_with_color')

    del _states

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('occupied', Check(t, (t.vehicle != Null) | (t.driver != Null)),
                'fleet.msg_booking_nothing'),
            ('end_after_start', Check(t, (t.end == Null) | (t.end > t.start)),
                'fleet.msg_booking_zero_length'),
            ]
        cls._sql_indexes.update({
                Index(t, (t.origin, Index.Equality())),
                Index(t, (t.start, Index.Range()), (t.end, Index.Range())),
                })
        cls._order = [('start', 'DESC'), ('id', 'DESC')]

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_kind(cls):
        return 'reserved'

    @classmethod
    def default_state(cls):
        return 'firm'

    @classmethod
    def _get_origins(cls):
        "Return the names of the models that book"
        return ['fleet.trip']

    @classmethod
    def get_origins(cls):
        IrModel = Pool().get('ir.model')
        get_name = IrModel.get_name
        return [(None, '')] + [(m, get_name(m)) for m in cls._get_origins()]

    @fields.depends('kind', 'state')
    def on_change_with_color(self, name=None):
        if self.state == 'cancelled':
            return '#c8c8c8'
        if self.kind == 'trip':
            return '#2f7ed8' if self.state == 'firm' else '#f0ad4e'
        return {
            'service': '#c0392b',
            'leave': '#7f8c8d',
            'reserved': '#27ae60',
            }.get(self.kind, '#8e44ad')

    def get_reason(self, name):
        return self._reason

    def get_occupied(self, name):
        names = [r.rec_name for r in [self.vehicle, self.driver] if r]
        if self.kind != 'trip':
            names.append(self._reason)
        return ' '.join(names)

    def get_rec_name(self, name):
        who = [r.rec_name for r in [self.vehicle, self.driver] if r]
        return '%s (%s)' % (self._reason, ', '.join(who))

    @property
    def _reason(self):
        if self.origin:
            return '%s %s' % (
                self.origin.__names__()['model'], self.origin.rec_name)
        return self.description or self.kind_string

    @classmethod
    def _overlap_name(cls, record):
        return record._reason

    @classmethod
    def check_modification(cls, mode, bookings, values=None, external=False):
        super().check_modification(
            mode, bookings, values=values, external=external)
        if not external:
            return
        for booking in bookings:
            if booking.kind not in OWN_KINDS:
                raise StateError(gettext(
                        'fleet.msg_booking_of_origin',
                        booking=booking.rec_name))

    @classmethod
    def copy(cls, bookings, default=None):
        default = default.copy() if default else {}
        default.setdefault('origin')
        default.setdefault('kind', 'reserved')
        default.setdefault('state', 'cancelled')
        return super().copy(bookings, default=default)

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state') == 'cancelled', 'muted',
                    If(Eval('state') == 'tentative', 'warning', ''))),
            ]

    @classmethod
    def at(cls, name, ids, when):
        """Return the bookings that occupy at a moment.

        name: 'vehicle' or 'driver'
        ids: of the vehicles or drivers
        when: UTC datetime
        The result maps id to (vehicle, driver, kind, end).
        """
        table = cls.__table__()
        cursor = Transaction().connection.cursor()
        column = Column(table, name)
        over = Case((table.end > when, table.end))
        cursor.execute(*table.select(
                column, table.vehicle, table.driver, table.kind, over,
                where=fields.SQL_OPERATORS['in'](column, ids)
                & cls.occupying(table, when),
                order_by=[table.start]))
        return {row[0]: row[1:] for row in cursor}

    @classmethod
    def occupying(cls, table, when):
        """Return the expression of the bookings that occupy at a moment.

        A trip that is late occupies until it has arrived.
        """
        trip = Pool().get('fleet.trip').__table__()
        late = trip.select(
            Concat('fleet.trip,', trip.id),
            where=(trip.state == 'dispatched')
            & (trip.planned_arrival <= when))
        return (
            table.state.in_(LIVE) & (table.start <= when)
            & ((table.end == Null) | (table.end > when)
                | table.origin.in_(late)))


class BookingOriginMixin:
    """Records that occupy vehicles and drivers.

    The bookings follow the record: whoever changes it changes them, and
    nobody else writes them.
    """
    __slots__ = ()
    _booking_fields = set()

    def _get_bookings(self):
        "Return the values of the bookings that the record needs"
        return []

    @classmethod
    def on_modification(cls, mode, records, field_names=None):
        super().on_modification(mode, records, field_names=field_names)
        if mode == 'create' or (
                mode == 'write'
                and (not field_names or field_names & cls._booking_fields)):
            cls.sync_bookings(records)

    @classmethod
    def on_delete(cls, records):
        Booking = Pool().get('fleet.booking')
        callbacks = super().on_delete(records)
        Booking.delete(Booking.search([
                    ('origin', 'in', [str(r) for r in records]),
                    ]))
        return callbacks

    @classmethod
    def sync_bookings(cls, records):
        """Make the bookings of records what they ask for.

        Changed rows are written anew, so that a clash is named before the
        database refuses it.
        """
        Booking = Pool().get('fleet.booking')
        names = ['vehicle', 'driver', 'start', 'end', 'kind', 'state']
        wanted = {
            tuple([str(record), *map(values.get, names)]): values
            for record in records
            for values in record._get_bookings()}
        stale = []
        for booking in Booking.search([
                    ('origin', 'in', [str(r) for r in records]),
                    ], order=[]):
            key = (
                str(booking.origin),
                booking.vehicle.id if booking.vehicle else None,
                booking.driver.id if booking.driver else None,
                *(getattr(booking, n) for n in names[2:]))
            if not wanted.pop(key, None):
                stale.append(booking)
        if stale:
            Booking.delete(stale)
        if wanted:
            Booking.create([
                    dict(values, origin=key[0])
                    for key, values in wanted.items()])


class OccupiedMixin:
    "Vehicles and drivers, which bookings occupy"
    __slots__ = ()
    _occupied_by = None

    occupation = fields.Function(fields.Selection([
                (None, ""),
                ('free', "Free"),
                *KINDS,
                ], "Now", sort=False,
            help="What occupies it at this moment by the bookings. "
            "Empty for what is out of use."),
        'get_occupation', searcher='search_occupation')
    free_from = fields.Function(
        fields.DateTime(
            "Free From", help="The end of the booking of this moment."),
        'get_occupation')

    @classmethod
    def get_occupation(cls, records, names):
        Booking = Pool().get('fleet.booking')
        bookings = Booking.at(
            cls._occupied_by, list(map(int, records)), now())
        result = {n: {r.id: None for r in records} for n in names}
        for record in records:
            *_, kind, end = bookings.get(record.id, (
                    'free' if record.state == 'active' else None, None))
            for name, value in [('occupation', kind), ('free_from', end)]:
                if name in result:
                    result[name][record.id] = value
        return cls._as_datetime(result, 'free_from')

    @classmethod
    def _as_datetime(cls, result, name):
        "SQLite gives computed columns back as text"
        field = cls._fields[name]
        for id_, value in result.get(name, {}).items():
            if isinstance(value, str):
                result[name][id_] = field.sql_format(value)
        return result

    @classmethod
    def search_occupation(cls, name, clause):
        Booking = Pool().get('fleet.booking')
        _, operator, operand = clause
        table = Booking.__table__()
        column = Column(table, cls._occupied_by)
        live = Booking.occupying(table, now()) & (column != Null)
        if operator in {'=', '!='}:
            operand = [operand]
        idle = ('id', 'not in', table.select(column, where=live))
        kinds = [k for k in operand if k and k != 'free']
        domain = ['OR']
        if kinds:
            domain.append(('id', 'in', table.select(
                        column, where=live & table.kind.in_(kinds))))
        if 'free' in operand:
            domain.append([('state', '=', 'active'), idle])
        if None in operand:
            domain.append([('state', '!=', 'active'), idle])
        if operator in {'=', 'in'}:
            return domain if len(domain) > 1 else [('id', '=', -1)]
        others = [
            k for k in [None, 'free', *dict(KINDS)] if k not in operand]
        return [(name, 'in', others)]

    @classmethod
    def occupation_visual(cls):
        return If(Eval('occupation') == 'free', 'success',
            If(Eval('occupation') == 'service', 'warning', ''))

    @classmethod
    def current_bookings(cls, records, name):
        "Return what name of the bookings of this moment holds, by record"
        Booking = Pool().get('fleet.booking')
        index = ['vehicle', 'driver'].index(name)
        return {
            id_: row[index] for id_, row in Booking.at(
                cls._occupied_by, list(map(int, records)), now()).items()
            if row[index]}

    @classmethod
    def _check_no_bookings(cls, records):
        "Refuse to take out of use what is booked from now on"
        Booking = Pool().get('fleet.booking')
        bookings = Booking.search([
                (cls._occupied_by, 'in', [r.id for r in records]),
                ('state', 'in', list(LIVE)),
                ['OR',
                    ('end', '=', None),
                    ('end', '>', now()),
                    ],
                ], limit=1)
        if bookings:
            booking, = bookings
            raise PlanError(gettext(
                    'fleet.msg_still_booked',
                    record=getattr(booking, cls._occupied_by).rec_name,
                    booking=booking._reason))

    @classmethod
    def free_between(cls, start, end):
        """Return the domain of the records free in the period.

        start, end: UTC datetimes, end excluded
        """
        Booking = Pool().get('fleet.booking')
        table = Booking.__table__()
        column = Column(table, cls._occupied_by)
        return [('id', 'not in', table.select(
                    column,
                    where=table.state.in_(LIVE) & (column != Null)
                    & (table.start < end)
                    & ((table.end == Null) | (table.end > start))))]
