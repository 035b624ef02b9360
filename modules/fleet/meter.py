# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from bisect import bisect_left, bisect_right
from collections import defaultdict

from sql import Column, Literal, Window
from sql.aggregate import Max, Min
from sql.conditionals import Coalesce
from sql.functions import RowNumber

from trytond.i18n import gettext
from trytond.model import Check, Index, ModelSQL, ModelView, Unique, fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Bool, Eval, If
from trytond.rpc import RPC
from trytond.transaction import Transaction, without_check_access
from trytond.wizard import Button, StateTransition, StateView, Wizard

from .engine.meter import is_implausible, longest_rising, misfit
from .exceptions import ReadingError, ReadingWarning, StateError
from .tools import format_datetime, now

# What the engine can't pass
_HOURS_PER_DAY = 24
_FACTS = {'meter', 'at', 'value', 'driver', 'source', 'origin'}


class Meter(ModelSQL, ModelView):
    __name__ = 'fleet.meter'

    vehicle = fields.Many2One(
        'fleet.vehicle', "Vehicle", required=True, ondelete='CASCADE')
    company = fields.Function(fields.Many2One(
            'company.company', "Company"),
        'on_change_with_company', searcher='search_company')
    kind = fields.Selection([
            ('odometer', "Odometer"),
            ('hours', "Engine Hours"),
            ], "Kind", required=True, sort=False)
    offset = fields.Integer(
        "Offset", required=True,
        help="What the meters before had counted when this one, starting "
        "again, was built in.")
    readings = fields.One2Many('fleet.meter.reading', 'meter', "Readings")
    value = fields.Function(fields.Integer(
            "Value", help="By the last reading, with the offset."),
        'get_last')
    read_at = fields.Function(
        fields.DateTime("Read At"), 'get_last')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('kind_unique', Unique(t, t.vehicle, t.kind),
                'fleet.msg_meter_unique'),
            ]

    @classmethod
    def default_kind(cls):
        return 'odometer'

    @classmethod
    def default_offset(cls):
        return 0

    @fields.depends('vehicle', '_parent_vehicle.company')
    def on_change_with_company(self, name=None):
        return self.vehicle.company if self.vehicle else None

    @classmethod
    def search_company(cls, name, clause):
        return [('vehicle.' + clause[0], *clause[1:])]

    @classmethod
    def get_last(cls, meters, names):
        last = cls.last(list(map(int, meters)))
        result = {n: {m.id: None for m in meters} for n in names}
        for meter in meters:
            value, at = last.get(meter.id, (None, None))
            if value is not None and 'value' in result:
                result['value'][meter.id] = value + meter.offset
            if 'read_at' in result:
                result['read_at'][meter.id] = at
        return result

    @classmethod
    def last(cls, ids):
        """Return {id of meter: (value, time)} of the last readings.

        Void and flagged ones do not count.
        """
        Reading = Pool().get('fleet.meter.reading')
        reading = Reading.__table__()
        cursor = Transaction().connection.cursor()
        query = reading.select(
            reading.meter, reading.value, reading.at,
            RowNumber(window=Window(
                    [reading.meter],
                    order_by=[reading.at.desc, reading.id.desc])).as_('rank'),
            where=fields.SQL_OPERATORS['in'](reading.meter, ids)
            & (reading.void == Literal(False))
            & (reading.flagged == Literal(False)))
        cursor.execute(*query.select(
                query.meter, query.value, query.at, where=query.rank == 1))
        format_ = Reading.at.sql_format
        return {m: (value, format_(at)) for m, value, at in cursor}

    @classmethod
    def of(cls, vehicles, kind='odometer'):
        "Return {vehicle: meter}, creating those that are missing"
        meters = {m.vehicle: m for m in cls.search([
                    ('vehicle', 'in', [v.id for v in vehicles]),
                    ('kind', '=', kind),
                    ])}
        missing = [v for v in dict.fromkeys(vehicles) if v not in meters]
        if missing:
            meters.update(zip(missing, cls.create([
                            {'vehicle': v.id, 'kind': kind}
                            for v in missing])))
        return meters

    @classmethod
    def daily_maximum(cls):
        "Return {kind: what a meter can count in a day}"
        Configuration = Pool().get('fleet.configuration')
        return {
            'odometer': Configuration(1).max_km_per_day,
            'hours': _HOURS_PER_DAY,
            }

    def get_rec_name(self, name):
        return f'{self.vehicle.rec_name} ({self.kind})'


class MeterReading(ModelSQL, ModelView):
    __name__ = 'fleet.meter.reading'

    meter = fields.Many2One(
        'fleet.meter', "Meter", required=True, ondelete='CASCADE',
        states={
            'readonly': Eval('id', 0) > 0,
            })
    company = fields.Function(fields.Many2One(
            'company.company', "Company"),
        'on_change_with_company', searcher='search_company')
    at = fields.DateTime(
        "Read At", required=True,
        states={
            'readonly': Eval('id', 0) > 0,
            })
    value = fields.Integer(
        "Value", required=True, domain=[('value', '>=', 0)],
        states={
            'readonly': Eval('id', 0) > 0,
            },
        help="As the meter shows it.")
    driver = fields.Many2One(
        'fleet.driver', "Driver", ondelete='RESTRICT',
        states={
            'readonly': Eval('id', 0) > 0,
            })
    source = fields.Selection([
            ('manual', "Manual"),
            ('trip', "Trip"),
            ('refuelling', "Refuelling"),
            ('service', "Service"),
            ('telematics', "Telematics"),
            ('import', "Import"),
            ], "Source", required=True, readonly=True, sort=False)
    origin = fields.Reference("Origin", 'get_origins', readonly=True)
    flagged = fields.Boolean(
        "Implausible", readonly=True,
        help="More than the vehicle can drive in the time since the reading "
        "before. It does not count until it is confirmed.")
    void = fields.Boolean("Void", readonly=True)
    void_reason = fields.Char(
        "Void Reason", readonly=True,
        states={
            'required': Bool(Eval('void')),
            'invisible': ~Eval('void'),
            })

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('value_positive', Check(t, t.value >= 0),
                'fleet.msg_reading_negative'),
            ]
        cls._sql_indexes.update({
                Index(
                    t, (t.meter, Index.Equality()),
                    (t.at, Index.Range(order='DESC'))),
                Index(t, (t.origin, Index.Equality())),
                })
        cls._order = [('at', 'DESC'), ('id', 'DESC')]
        cls._buttons.update({
                'confirm': {
                    'invisible': ~Eval('flagged') | Eval('void'),
                    'icon': 'tryton-ok',
                    'depends': ['flagged', 'void'],
                    },
                'annul': {
                    'invisible': Bool(Eval('void')),
                    'icon': 'tryton-cancel',
                    'depends': ['void'],
                    },
                })
        cls.__rpc__.update(record=RPC(readonly=False))

    @classmethod
    def default_at(cls):
        return now()

    @classmethod
    def default_source(cls):
        return 'manual'

    @classmethod
    def default_flagged(cls):
        return False

    @classmethod
    def default_void(cls):
        return False

    @fields.depends('meter', '_parent_meter.company')
    def on_change_with_company(self, name=None):
        return self.meter.company if self.meter else None

    @classmethod
    def search_company(cls, name, clause):
        return [('meter.vehicle.' + clause[0], *clause[1:])]

    @classmethod
    def _get_origins(cls):
        return ['fleet.trip', 'fleet.refuelling', 'fleet.service']

    @classmethod
    def get_origins(cls):
        get_name = Pool().get('ir.model').get_name
        return [(None, '')] + [(m, get_name(m)) for m in cls._get_origins()]

    def get_rec_name(self, name):
        return '%s: %s' % (
            self.meter.vehicle.rec_name,
            '%s (%s)' % (self.value, format_datetime(self.company, self.at)))

    @classmethod
    def validate_fields(cls, readings, field_names):
        super().validate_fields(readings, field_names)
        if not field_names or field_names & {
                'meter', 'at', 'value', 'void', 'flagged'}:
            cls.check_neighbours(readings)

    @classmethod
    def check_neighbours(cls, readings):
        """Compare readings with those just before and after them in time.

        The vehicles are locked, so that two readings entered at once see
        each other.
        """
        pool = Pool()
        Vehicle = pool.get('fleet.vehicle')
        readings = [r for r in readings if not r.void and not r.flagged]
        if not readings:
            return
        Vehicle.lock(list({r.meter.vehicle for r in readings}))
        for id_, *neighbours in cls._neighbours(readings):
            reading = cls(id_)
            other = misfit(reading.value, neighbours[0], neighbours[2])
            if other is None:
                continue
            at = neighbours[1 if other == neighbours[0] else 3]
            raise ReadingError(cls._describe_misfit(
                    reading.meter.vehicle, reading.at, reading.value,
                    cls.at.sql_format(at), other))

    @classmethod
    def _describe_misfit(cls, vehicle, at, value, other_at, other):
        return gettext(
            'fleet.msg_reading_misfit',
            vehicle=vehicle.rec_name, value=value,
            at=format_datetime(vehicle.company, at), other=other,
            other_at=format_datetime(vehicle.company, other_at))

    @classmethod
    def _neighbours(cls, readings):
        """Return rows (id, value and time before, value and time after).

        Void and flagged readings are no neighbours.
        """
        table = cls.__table__()
        cursor = Transaction().connection.cursor()

        def nearest(name, earlier):
            other = cls.__table__()
            at, value = other.at, other.value
            return other.select(
                Column(other, name),
                where=(other.meter == table.meter) & cls._counts(other)
                & ((at < table.at) if earlier else (at > table.at)),
                order_by=(
                    [at.desc, value.desc] if earlier else [at.asc, value.asc]),
                limit=1)
        cursor.execute(*table.select(
                table.id,
                nearest('value', True), nearest('at', True),
                nearest('value', False), nearest('at', False),
                where=fields.SQL_OPERATORS['in'](
                    table.id, [r.id for r in readings])))
        return cursor.fetchall()

    @classmethod
    def _counts(cls, table):
        "Return the expression of the readings that count"
        return (
            (table.void == Literal(False))
            & (table.flagged == Literal(False)))

    @classmethod
    def _before_create(cls, vlist):
        vlist = super()._before_create(vlist)
        cls._flag(vlist)
        return vlist

    @classmethod
    def _flag(cls, vlist):
        "Flag the values that rise faster than a vehicle can drive"
        pool = Pool()
        Meter = pool.get('fleet.meter')
        Warning = pool.get('res.user.warning')
        ids = list({v['meter'] for v in vlist})
        last = Meter.last(ids)
        by_kind = Meter.daily_maximum()
        maximum = {m.id: by_kind[m.kind] for m in Meter.browse(ids)}
        for values in sorted(vlist, key=lambda v: v.get('at') or now()):
            at = values.get('at') or now()
            value, read_at = last.get(values['meter'], (None, None))
            if value is not None and read_at <= at and is_implausible(
                    values['value'], at, value, read_at,
                    maximum[values['meter']]):
                values['flagged'] = True
            elif value is None or values['value'] >= value:
                last[values['meter']] = (values['value'], at)
        flagged = [v for v in vlist if v.get('flagged')]
        if flagged and Transaction().check_access:
            key = 'reading.%s.%s' % (flagged[0]['meter'], flagged[0]['value'])
            if Warning.check(key):
                raise ReadingWarning(key, gettext(
                        'fleet.msg_reading_implausible',
                        value=flagged[0]['value'],
                        maximum=maximum[flagged[0]['meter']]))

    @classmethod
    def check_modification(cls, mode, readings, values=None, external=False):
        super().check_modification(
            mode, readings, values=values, external=external)
        if mode == 'delete' or (
                mode == 'write' and _FACTS & (values or {}).keys()):
            for reading in readings:
                raise StateError(gettext(
                        'fleet.msg_reading_kept', reading=reading.rec_name))

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('void', False), 'muted',
                    If(Eval('flagged', False), 'warning', ''))),
            ]

    @classmethod
    def record(cls, vlist, dry_run=False):
        """Enter readings of many vehicles, for bulk loading.

        vlist: list of values with the ids of vehicle and driver, kind of the
            meter, at (UTC), value and source
        dry_run: only say what would happen
        Return for each of vlist None if it is entered, False if it is there
        already, else why it does not fit.  One that nobody can have driven
        is entered but does not count until it is confirmed.
        """
        pool = Pool()
        Vehicle = pool.get('fleet.vehicle')
        pool.get('ir.model.access').check(cls.__name__, 'create')
        ids = list({v['vehicle'] for v in vlist})
        # Refuses those the user does not see
        Vehicle.read(ids, ['id'])
        with without_check_access():
            vehicles = {v.id: v for v in Vehicle.browse(ids)}
            if not dry_run:
                Vehicle.lock(list(vehicles.values()))
            outcomes, new = cls._review(vlist, vehicles)
            if new and not dry_run:
                cls._enter(new, vehicles)
        return outcomes

    @classmethod
    def _review(cls, vlist, vehicles):
        "Return the outcomes of record and the values that are new"
        series, known = cls._series(
            list(vehicles), min(v['at'] for v in vlist),
            max(v['at'] for v in vlist))
        by_meter = defaultdict(list)
        for index, values in enumerate(vlist):
            by_meter[values['vehicle'], values['kind']].append(
                (values['at'], values['value'], index))
        maximum = Pool().get('fleet.meter').daily_maximum()
        outcomes, new = [None] * len(vlist), []
        for (vehicle, kind), rows in by_meter.items():
            accepted, rest = cls._accept(
                rows, series[vehicle, kind], known[vehicle, kind],
                maximum[kind])
            new += [
                dict(vlist[index], flagged=flagged)
                for index, flagged in accepted]
            for index, clash in rest:
                values = vlist[index]
                outcomes[index] = clash and cls._describe_misfit(
                    vehicles[vehicle], values['at'], values['value'], *clash)
        return outcomes, new

    @classmethod
    def _accept(cls, rows, series, known, maximum):
        """Return what to do with the readings of one meter.

        rows: list of (at, value, index)
        series: sorted list of (at, value) that count
        known: set of (at, value) that are entered already
        maximum: what the meter can count in a day
        The result is a list of (index, flagged) of those to enter, and one
        of (index, (at, value) of the other reading it does not fit), False
        where it is known already.
        """
        rest, fitting = [], []
        for at, value, index in sorted(rows):
            if (at, value) in known:
                rest.append((index, False))
            elif clash := cls._clash(at, value, series):
                rest.append((index, clash))
            else:
                known.add((at, value))
                fitting.append((at, value, index))
        chosen = [
            fitting[i] for i in longest_rising([v for _, v, _ in fitting])]
        series = sorted(series + [(at, value) for at, value, _ in chosen])
        rest += [
            (index, cls._clash(at, value, series))
            for at, value, index in fitting
            if (at, value, index) not in chosen]
        accepted = []
        for at, value, index in chosen:
            before = bisect_left(series, (at,))
            flagged = before > 0 and is_implausible(
                value, at, *reversed(series[before - 1]), maximum)
            if flagged:
                series.remove((at, value))
            accepted.append((index, flagged))
        return accepted, rest

    @classmethod
    def _clash(cls, at, value, series):
        "Return the (at, value) of series that a reading does not fit, or None"
        before = bisect_left(series, (at,))
        after = bisect_right(series, (at, float('inf')))
        previous = series[before - 1] if before else (None, None)
        following = series[after] if after < len(series) else (None, None)
        other = misfit(value, previous[1], following[1])
        if other is not None:
            return previous if other == previous[1] else following

    @classmethod
    def _series(cls, vehicles, start, end):
        """Return {(vehicle, kind): [(at, value)]}, and {...: set} of all.

        vehicles: list of ids
        The lists hold those that count, from the one before start to the one
        after end; the sets those not confirmed yet too.
        """
        meter = Pool().get('fleet.meter').__table__()
        table, bounds = cls.__table__(), cls.__table__()
        cursor = Transaction().connection.cursor()

        def bound(aggregate, outside):
            return bounds.select(
                aggregate(bounds.at),
                where=(bounds.meter == meter.id) & cls._counts(bounds)
                & outside)
        lower = bound(Max, bounds.at < start)
        upper = bound(Min, bounds.at > end)
        cursor.execute(*table
            .join(meter, condition=table.meter == meter.id)
            .select(
                meter.vehicle, meter.kind, table.at, table.value,
                table.flagged,
                where=fields.SQL_OPERATORS['in'](meter.vehicle, vehicles)
                & (table.void == Literal(False))
                & (table.at >= Coalesce(lower, start))
                & (table.at <= Coalesce(upper, end)),
                order_by=[table.at, table.value]))
        series, known = defaultdict(list), defaultdict(set)
        for vehicle, kind, at, value, flagged in cursor:
            reading = cls.at.sql_format(at), value
            known[vehicle, kind].add(reading)
            if not flagged:
                series[vehicle, kind].append(reading)
        return series, known

    @classmethod
    def _enter(cls, vlist, vehicles):
        Meter = Pool().get('fleet.meter')
        meters = {
            kind: Meter.of([
                    vehicles[v['vehicle']] for v in vlist
                    if v['kind'] == kind], kind)
            for kind in {v['kind'] for v in vlist}}
        cls.create([{
                    'meter': meters[v['kind']][vehicles[v['vehicle']]].id,
                    **{n: v.get(n) for n in [
                            'at', 'value', 'driver', 'source', 'origin',
                            'flagged']},
                    } for v in vlist])

    @classmethod
    @ModelView.button
    def confirm(cls, readings):
        cls.write([r for r in readings if r.flagged], {'flagged': False})

    @classmethod
    @ModelView.button_action('fleet.wizard_reading_void')
    def annul(cls, readings):
        pass


class ReadingVoidStart(ModelView):
    __name__ = 'fleet.meter.reading.void.start'

    reason = fields.Char("Reason", required=True)


class ReadingVoid(Wizard):
    __name__ = 'fleet.meter.reading.void'

    start = StateView(
        'fleet.meter.reading.void.start',
        'fleet.meter_reading_void_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Void", 'annul', 'tryton-ok', default=True),
            ])
    annul = StateTransition()

    def transition_annul(self):
        self.model.write(self.records, {
                'void': True,
                'void_reason': self.start.reason,
                })
        return 'end'


class Vehicle(metaclass=PoolMeta):
    __name__ = 'fleet.vehicle'

    meters = fields.One2Many('fleet.meter', 'vehicle', "Meters")
    odometer = fields.Function(fields.Integer(
            "Odometer", help="By the last reading that counts."),
        'get_odometer')
    odometer_at = fields.Function(
        fields.DateTime("Odometer Read At"), 'get_odometer')

    @classmethod
    def get_odometer(cls, vehicles, names):
        Meter = Pool().get('fleet.meter')
        meter = Meter.__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*meter.select(
                meter.id, meter.vehicle, meter.offset,
                where=fields.SQL_OPERATORS['in'](
                    meter.vehicle, list(map(int, vehicles)))
                & (meter.kind == 'odometer')))
        meters = cursor.fetchall()
        last = Meter.last([id_ for id_, _, _ in meters])
        result = {n: {v.id: None for v in vehicles} for n in names}
        for id_, vehicle, offset in meters:
            value, at = last.get(id_, (None, None))
            if value is None:
                continue
            for name, fact in [
                    ('odometer', value + offset), ('odometer_at', at)]:
                if name in result:
                    result[name][vehicle] = fact
        return result

    @classmethod
    def copy(cls, vehicles, default=None):
        default = default.copy() if default else {}
        default.setdefault('meters')
        return super().copy(vehicles, default=default)


class Trip(metaclass=PoolMeta):
    __name__ = 'fleet.trip'

    @classmethod
    def do(cls, trips):
        super().do(trips)
        cls.read_odometers(trips)

    @classmethod
    def read_odometers(cls, trips):
        "Enter the odometers of done trips as readings"
        pool = Pool()
        Meter = pool.get('fleet.meter')
        Reading = pool.get('fleet.meter.reading')
        trips = [t for t in trips if t.odometer_end is not None]
        if not trips:
            return
        meters = Meter.of([t.vehicle for t in trips])
        known = {
            (r.origin, r.value) for r in Reading.search([
                    ('origin', 'in', [str(t) for t in trips]),
                    ('void', '=', False),
                    ])}
        Reading.create([{
                    'meter': meters[t.vehicle].id,
                    'at': at,
                    'value': value - meters[t.vehicle].offset,
                    'driver': t.driver.id if t.driver else None,
                    'source': 'trip',
                    'origin': str(t),
                    } for t in trips for at, value in [
                    (t.departure, t.odometer_start),
                    (t.arrival, t.odometer_end)]
                if value is not None and (t, value) not in known])

    @classmethod
    def record(cls, vlist):
        ids = super().record(vlist)
        cls.read_odometers([
                t for t in cls.browse(ids) if t.state == 'done'])
        return ids

    @classmethod
    def reopen(cls, trips):
        Reading = Pool().get('fleet.meter.reading')
        super().reopen(trips)
        Reading.write(Reading.search([
                    ('origin', 'in', [str(t) for t in trips]),
                    ('void', '=', False),
                    ]), {
                'void': True,
                'void_reason': gettext('fleet.msg_reading_reopened'),
                })
