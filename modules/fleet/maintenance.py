# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt
from collections import defaultdict

from sql import Null
from sql.aggregate import Max, Min

from trytond.i18n import ngettext
from trytond.model import (
    Check, DeactivableMixin, ModelSQL, ModelView, Unique, fields)
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Bool, Eval, If
from trytond.transaction import Transaction, without_check_access

from .engine.service import Point, due_by, following, forecast
from .tools import now

# Average use is taken from the readings of so many days
_DAYS = 90


class ServicePlan(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'fleet.service.plan'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT')
    name = fields.Char("Name", required=True)
    model = fields.Many2One(
        'fleet.model', "Model", ondelete='CASCADE',
        states={
            'required': ~Eval('vehicle'),
            'readonly': Bool(Eval('vehicle')),
            },
        help="All its vehicles are serviced by the plan.")
    vehicle = fields.Many2One(
        'fleet.vehicle', "Vehicle", ondelete='CASCADE',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        states={
            'readonly': Bool(Eval('model')),
            })
    interval_km = fields.Integer(
        "Every km", domain=['OR',
            ('interval_km', '=', None),
            ('interval_km', '>', 0),
            ],
        help="The service is due by what comes first: kilometres, months or "
        "engine hours.")
    interval_months = fields.Integer(
        "Every Months", domain=['OR',
            ('interval_months', '=', None),
            ('interval_months', '>', 0),
            ])
    interval_hours = fields.Integer(
        "Every Engine Hours", domain=['OR',
            ('interval_hours', '=', None),
            ('interval_hours', '>', 0),
            ])
    warn_km = fields.Integer(
        "Warn before km", required=True, domain=[('warn_km', '>=', 0)])
    warn_days = fields.Integer(
        "Warn before Days", required=True, domain=[('warn_days', '>=', 0)])
    warn_hours = fields.Integer(
        "Warn before Hours", required=True, domain=[('warn_hours', '>=', 0)])
    tasks = fields.Text(
        "Tasks", help="One on each line; they come into the services.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('owner', Check(t, (
                        (t.model != Null) & (t.vehicle == Null))
                    | ((t.model == Null) & (t.vehicle != Null))),
                'fleet.msg_service_plan_owner'),
            ('interval', Check(t,
                    (t.interval_km != Null) | (t.interval_months != Null)
                    | (t.interval_hours != Null)),
                'fleet.msg_service_plan_interval'),
            ]
        cls._order.insert(0, ('name', 'ASC'))

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_warn_km(cls):
        return 1500

    @classmethod
    def default_warn_days(cls):
        return 14

    @classmethod
    def default_warn_hours(cls):
        return 50

    @property
    def task_names(self):
        return list(filter(None, map(
                    str.strip, (self.tasks or '').splitlines())))

    @property
    def interval(self):
        return Point(
            self.interval_km, self.interval_months, self.interval_hours)

    @property
    def ahead(self):
        return Point(self.warn_km, self.warn_days, self.warn_hours)

    @classmethod
    def on_modification(cls, mode, plans, field_names=None):
        super().on_modification(mode, plans, field_names=field_names)
        Due = Pool().get('fleet.service.due')
        if mode in {'create', 'write'}:
            Due.refresh(plans)


class ServiceDue(ModelSQL, ModelView):
    __name__ = 'fleet.service.due'

    company = fields.Many2One(
        'company.company', "Company", required=True, readonly=True,
        ondelete='CASCADE')
    vehicle = fields.Many2One(
        'fleet.vehicle', "Vehicle", required=True, readonly=True,
        ondelete='CASCADE')
    plan = fields.Many2One(
        'fleet.service.plan', "Plan", required=True, readonly=True,
        ondelete='CASCADE')
    last_date = fields.Date(
        "Last On", help="When it was done last, or began to count.")
    last_km = fields.Integer("Last at km")
    last_hours = fields.Integer("Last at Hours")
    next_date = fields.Function(fields.Date("Next On"), 'get_next')
    next_km = fields.Function(fields.Integer("Next at km"), 'get_next')
    next_hours = fields.Function(fields.Integer("Next at Hours"), 'get_next')
    forecast = fields.Function(
        fields.Date(
            "Forecast", help="The day it will be due by the average use of "
            "the last three months."),
        'get_next')
    by = fields.Function(fields.MultiSelection([
                ('km', "km"),
                ('date', "Date"),
                ('hours', "Hours"),
                ], "Due By", sort=False), 'get_next')
    state = fields.Function(fields.Selection([
                ('planned', "Planned"),
                ('soon', "Soon"),
                ('due', "Due"),
                ], "State", sort=False), 'get_next', searcher='search_state')
    service = fields.Function(fields.Many2One(
            'fleet.service', "Service",
            help="The one under way that will do it."), 'get_service')
    warned = fields.Boolean(
        "Warned", readonly=True,
        help="Whether the person in charge was told that it is due soon.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('plan_unique', Unique(t, t.vehicle, t.plan),
                'fleet.msg_service_due_unique'),
            ]
        cls._buttons.update({
                'draw_up': {
                    'invisible': (
                        Bool(Eval('service')) | (Eval('state') == 'planned')),
                    'icon': 'tryton-forward',
                    'depends': ['service', 'state'],
                    },
                })

    @classmethod
    def default_warned(cls):
        return False

    def get_rec_name(self, name):
        return f'{self.vehicle.rec_name}: {self.plan.rec_name}'

    @classmethod
    def _now(cls, dues):
        "Return {vehicle: Point} of now and of an average day"
        pool = Pool()
        Meter = pool.get('fleet.meter')
        today = pool.get('ir.date').today()
        meters = Meter.search([
                ('vehicle', 'in', list({d.vehicle.id for d in dues})),
                ], order=[])
        last = Meter.last([m.id for m in meters])
        use = Meter.average_use([m.id for m in meters], _DAYS)
        now = defaultdict(lambda: Point(None, today, None))
        per_day = defaultdict(lambda: Point(None, None, None))
        for meter in meters:
            name = 'km' if meter.kind == 'odometer' else 'hours'
            value, _ = last.get(meter.id, (None, None))
            if value is not None:
                now[meter.vehicle] = now[meter.vehicle]._replace(
                    **{name: value + meter.offset})
                per_day[meter.vehicle] = per_day[meter.vehicle]._replace(
                    **{name: use.get(meter.id)})
        return now, per_day

    @classmethod
    def get_next(cls, dues, names):
        now, per_day = cls._now(dues)
        result = {n: {} for n in names}
        for due in dues:
            next_ = following(
                Point(due.last_km, due.last_date, due.last_hours),
                due.plan.interval)
            at = now[due.vehicle]
            by = due_by(next_, at)
            soon = due_by(next_, at, due.plan.ahead)
            values = {
                'next_km': next_.km, 'next_date': next_.date,
                'next_hours': next_.hours, 'by': by,
                'forecast': forecast(next_, at, per_day[due.vehicle]),
                'state': 'due' if by else 'soon' if soon else 'planned',
                }
            for name in names:
                result[name][due.id] = values[name]
        return result

    @classmethod
    def search_state(cls, name, clause):
        _, operator, operand = clause
        if operator in {'=', '!='}:
            operand = [operand]
        positive = operator in {'=', 'in'}
        # As many as there are vehicles and plans
        dues = cls.search([('vehicle.state', 'in', ['active', 'workshop'])])
        states = cls.get_next(dues, ['state'])['state']
        return [('id', 'in', [
                    d.id for d in dues
                    if (states[d.id] in operand) == positive])]

    @classmethod
    def get_service(cls, dues, name):
        Service = Pool().get('fleet.service')
        services = {}
        for service in Service.search([
                    ('vehicle', 'in', list({d.vehicle.id for d in dues})),
                    ('state', 'in', ['draft', 'open', 'working']),
                    ], order=[('id', 'DESC')]):
            for plan in service.plans:
                services[service.vehicle, plan] = service.id
        return {d.id: services.get((d.vehicle, d.plan)) for d in dues}

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state') == 'due', 'danger',
                    If(Eval('state') == 'soon', 'warning', ''))),
            ]

    @classmethod
    @without_check_access
    def refresh(cls, plans=None):
        """Make what plans ask of vehicles that joined since.

        plans: all by default
        They count from the last service, else from today's odometer.
        """
        pool = Pool()
        Date = pool.get('ir.date')
        Plan = pool.get('fleet.service.plan')
        Vehicle = pool.get('fleet.vehicle')
        plans = Plan.search([]) if plans is None else Plan.browse(plans)
        if not plans:
            return
        known = {(d.vehicle, d.plan) for d in cls.search([
                    ('plan', 'in', [p.id for p in plans])])}
        vehicles = defaultdict(list)
        for vehicle in Vehicle.search([
                    ('state', '!=', 'sold'),
                    ['OR',
                        ('id', 'in', [
                                p.vehicle.id for p in plans if p.vehicle]),
                        ('model', 'in', [
                                p.model.id for p in plans if p.model]),
                        ]]):
            vehicles[vehicle].append(vehicle)
            vehicles[vehicle.company, vehicle.model].append(vehicle)
        today = Date.today()
        new = [
            (vehicle, plan) for plan in plans
            for vehicle in vehicles[
                plan.vehicle or (plan.company, plan.model)]
            if (vehicle, plan) not in known]
        odometers = Vehicle.get_odometer(
            list({v for v, _ in new}), ['odometer'])['odometer']
        cls.create([{
                    'company': plan.company.id,
                    'vehicle': vehicle.id,
                    'plan': plan.id,
                    'last_date': today,
                    'last_km': odometers[vehicle.id] or 0,
                    'last_hours': 0 if plan.interval_hours else None,
                    } for vehicle, plan in new])

    @classmethod
    def reset(cls, services):
        "Let the plans of services count from them on"
        Meter = Pool().get('fleet.meter')
        dues = {(d.vehicle, d.plan): d for d in cls.search([
                    ('vehicle', 'in', list({s.vehicle.id for s in services})),
                    ])}
        now, _ = cls._now(list(dues.values()))
        offsets = {m.vehicle: m.offset for m in Meter.search([
                    ('vehicle', 'in', [s.vehicle.id for s in services]),
                    ('kind', '=', 'odometer'),
                    ])}
        changed = []
        for service in services:
            for plan in service.plans:
                due = dues.get((service.vehicle, plan))
                if not due:
                    continue
                at = now[service.vehicle]
                due.last_date = service.day
                due.last_km = at.km
                if service.odometer is not None:
                    due.last_km = service.odometer + offsets.get(
                        service.vehicle, 0)
                due.last_hours = at.hours
                due.warned = False
                changed.append(due)
        cls.save(changed)

    @classmethod
    @ModelView.button
    def draw_up(cls, dues):
        """Draw up a service for each vehicle with all that is due.

        What another service will do already is left out.
        """
        Service = Pool().get('fleet.service')
        by_vehicle = defaultdict(list)
        under_way = cls.get_service(dues, 'service')
        for due in dues:
            if not under_way[due.id]:
                by_vehicle[due.vehicle].append(due.plan)
        Service.create([{
                    'company': vehicle.company.id,
                    'vehicle': vehicle.id,
                    'kind': 'preventive',
                    'plans': [('add', [p.id for p in plans])],
                    'tasks': [('create', [
                                {'name': n} for p in plans
                                for n in p.task_names])],
                    } for vehicle, plans in by_vehicle.items()])

    @classmethod
    def warn(cls):
        "Tell each person in charge once which services are due soon"
        pool = Pool()
        User = pool.get('res.user')
        cls.refresh()
        dues = cls.search([
                ('state', 'in', ['soon', 'due']),
                ('warned', '!=', True),
                ('vehicle.responsible', '!=', None),
                ])
        by_employee = defaultdict(list)
        for due in dues:
            by_employee[due.vehicle.responsible].append(due)
        users = defaultdict(list)
        for user in User.search([
                    ('employees', 'in', [e.id for e in by_employee]),
                    ]):
            for employee in user.employees:
                users[employee].append(user)
        for employee, own in by_employee.items():
            for user in users[employee]:
                cls.notify_user(
                    own, 'tryton-settings',
                    ngettext(
                        'fleet.msg_service_notice', len(own),
                        count=len(own)),
                    description='\n'.join(d.rec_name for d in own),
                    user=user.id)
        cls.write([
                d for e, own in by_employee.items() if users[e]
                for d in own], {'warned': True})


class Meter(metaclass=PoolMeta):
    __name__ = 'fleet.meter'

    @classmethod
    def average_use(cls, ids, days):
        "Return {id of meter: what it counts in an average day}"
        Reading = Pool().get('fleet.meter.reading')
        reading = Reading.__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*reading.select(
                reading.meter, Min(reading.value), Max(reading.value),
                Min(reading.at), Max(reading.at),
                where=fields.SQL_OPERATORS['in'](reading.meter, ids)
                & Reading._counts(reading)
                & (reading.at >= now() - dt.timedelta(days=days)),
                group_by=reading.meter))
        format_ = Reading.at.sql_format
        result = {}
        for id_, low, high, first, last in cursor:
            length = (format_(last) - format_(first)) / dt.timedelta(days=1)
            if length >= 1:
                result[id_] = (high - low) / length
        return result


class Vehicle(metaclass=PoolMeta):
    __name__ = 'fleet.vehicle'

    service_state = fields.Function(fields.Selection([
                (None, ""),
                ('planned', "Planned"),
                ('soon', "Soon"),
                ('due', "Due"),
                ], "Service", sort=False,
            help="The most urgent of the services of the vehicle."),
        'get_service_state', searcher='search_service_state')
    services_due = fields.One2Many(
        'fleet.service.due', 'vehicle', "Services Due", readonly=True)

    stale_odometer = fields.Function(fields.Boolean(
            "Stale Odometer",
            help="In use, but not read for longer than the configuration "
            "says."), 'get_stale_odometer', searcher='search_stale_odometer')

    @classmethod
    def get_stale_odometer(cls, vehicles, name):
        stale = {v.id for v in cls.search([
                    ('id', 'in', [v.id for v in vehicles]),
                    (name, '=', True),
                    ])}
        return {v.id: v.id in stale for v in vehicles}

    @classmethod
    def search_stale_odometer(cls, name, clause):
        pool = Pool()
        Configuration = pool.get('fleet.configuration')
        Reading = pool.get('fleet.meter.reading')
        meter = pool.get('fleet.meter').__table__()
        reading = Reading.__table__()
        since = now() - dt.timedelta(days=Configuration(1).stale_days)
        fresh = meter.join(reading, condition=reading.meter == meter.id
            ).select(
                meter.vehicle,
                where=(meter.kind == 'odometer') & (reading.at >= since)
                & Reading._counts(reading))
        _, operator, operand = clause
        if bool(operand) == (operator in {'=', 'in'}):
            return [
                ('powered', '=', True),
                ('state', 'in', ['active', 'workshop']),
                ('id', 'not in', fresh),
                ]
        return ['OR',
            ('powered', '=', False),
            ('state', 'not in', ['active', 'workshop']),
            ('id', 'in', fresh),
            ]

    @classmethod
    @without_check_access
    def get_service_state(cls, vehicles, name):
        Due = Pool().get('fleet.service.due')
        dues = Due.search([
                ('vehicle', 'in', [v.id for v in vehicles])], order=[])
        states = Due.get_next(dues, ['state'])['state']
        ranks = [None, 'planned', 'soon', 'due']
        result = dict.fromkeys([v.id for v in vehicles])
        for due in dues:
            id_ = due.vehicle.id
            result[id_] = max(result[id_], states[due.id], key=ranks.index)
        return result

    @classmethod
    def search_service_state(cls, name, clause):
        _, operator, operand = clause
        if operator in {'=', '!='}:
            operand = [operand]
        vehicles = cls.search([('services_due', '!=', None)])
        states = cls.get_service_state(vehicles, name)
        found = [v.id for v in vehicles if states[v.id] in operand]
        if None in operand:
            domain = ['OR', ('id', 'in', found), ('services_due', '=', None)]
        else:
            domain = [('id', 'in', found)]
        if operator in {'=', 'in'}:
            return domain
        return [('id', 'not in', cls.search(domain, query=True, order=[]))]

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree/field[@name="service_state"]', 'visual',
                If(Eval('service_state') == 'due', 'danger',
                    If(Eval('service_state') == 'soon', 'warning', ''))),
            ]

    @classmethod
    def copy(cls, vehicles, default=None):
        default = default.copy() if default else {}
        default.setdefault('services_due')
        return super().copy(vehicles, default=default)
