# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt
from decimal import Decimal

from sql import Null

from caravan.days import to_local
from trytond.i18n import gettext
from trytond.model import (
    Check, Index, ModelSQL, ModelView, Workflow, fields, sequence_ordered)
from trytond.modules.currency.fields import Monetary
from trytond.modules.product import price_digits
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Bool, Eval, If
from trytond.transaction import Transaction, without_check_access

from .booking import BookingOriginMixin
from .configuration import NumberedMixin
from .cost import CATEGORIES
from .exceptions import ServiceError, StateError
from .state import ButtonStateMixin
from .tools import now

_open = {
    'readonly': ~Eval('state').in_(['draft', 'open', 'working']),
    }
_line = {
    'readonly': ~Eval('service_state').in_(['draft', 'open', 'working']),
    }


class Service(
        BookingOriginMixin, NumberedMixin, ButtonStateMixin, ModelSQL,
        ModelView):
    __name__ = 'fleet.service'
    _rec_name = 'number'
    _number_sequence = 'service_sequence'
    _booking_fields = {'vehicle', 'start', 'end', 'state'}

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT',
        states={
            'readonly': (Eval('state') != 'draft') | Eval('vehicle', True),
            })
    number = fields.Char("Number", readonly=True)
    vehicle = fields.Many2One(
        'fleet.vehicle', "Vehicle", required=True, ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        states={
            'readonly': Eval('state') != 'draft',
            })
    kind = fields.Selection([
            ('preventive', "Preventive"),
            ('corrective', "Corrective"),
            ('accident', "After an Accident"),
            ('tyre', "Tyres"),
            ], "Kind", required=True, sort=False, states=_open)
    kind_string = kind.translated('kind')
    workshop = fields.Many2One(
        'party.party', "Workshop", ondelete='RESTRICT', states=_open,
        context={
            'company': Eval('company', -1),
            },
        depends={'company'}, help="Empty for the own workshop.")
    start = fields.DateTime(
        "Start", states={
            'readonly': _open['readonly'],
            'required': Eval('state').in_(['open', 'working', 'done']),
            })
    end = fields.DateTime(
        "End", domain=['OR',
            ('end', '=', None),
            ('start', '=', None),
            ('end', '>', Eval('start')),
            ],
        states={
            'readonly': _open['readonly'],
            'required': Eval('state').in_(['open', 'working', 'done']),
            },
        help="When the vehicle may be used again.")
    odometer = fields.Integer(
        "Odometer", domain=['OR',
            ('odometer', '=', None),
            ('odometer', '>=', 0),
            ],
        states=_open,
        help="As the meter shows it. It becomes a reading of the vehicle.")
    plans = fields.Many2Many(
        'fleet.service-fleet.service.plan', 'service', 'plan', "Plans",
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        states=_open, help="What is due again from this service on.")
    tasks = fields.One2Many(
        'fleet.service.task', 'service', "Tasks", states=_open)
    parts = fields.One2Many(
        'fleet.service.part', 'service', "Parts", states=_open)
    lines = fields.One2Many(
        'fleet.service.line', 'service', "External Lines", states=_open,
        help="What others ask for: work, parts, towing.")
    faults = fields.One2Many(
        'fleet.fault', 'service', "Faults",
        domain=[
            ('vehicle', '=', Eval('vehicle', -1)),
            ],
        add_remove=[
            ('state', '=', 'open'),
            ],
        states=_open, help="They are mended when the service is done.")
    currency = fields.Function(fields.Many2One(
            'currency.currency', "Currency"), 'on_change_with_currency')
    cost = fields.Function(Monetary(
            "Cost", currency='currency', digits='currency',
            help="By the ledger of costs, once the service is done."),
        'get_cost')
    notes = fields.Text("Notes")
    state = fields.Selection([
            ('draft', "Draft"),
            ('open', "Open"),
            ('working', "In Workshop"),
            ('done', "Done"),
            ('cancelled', "Cancelled"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        cls.number.search_unaccented = False
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('end_after_start', Check(t,
                    (t.end == Null) | (t.start == Null) | (t.end > t.start)),
                'fleet.msg_service_zero_length'),
            ]
        cls._sql_indexes.update({
                Index(t, (t.vehicle, Index.Equality()),
                    (t.start, Index.Range())),
                Index(
                    t, (t.state, Index.Equality(cardinality='low')),
                    where=t.state.in_(['draft', 'open', 'working'])),
                })
        cls._order = [('start', 'DESC NULLS FIRST'), ('id', 'DESC')]
        cls._transitions |= {
            ('draft', 'open'),
            ('draft', 'cancelled'),
            ('open', 'working'),
            ('open', 'draft'),
            ('open', 'cancelled'),
            ('working', 'open'),
            ('working', 'done'),
            ('cancelled', 'draft'),
            }

        def button(states, icon):
            return {
                'invisible': ~Eval('state').in_(states),
                'icon': f'tryton-{icon}',
                'depends': ['state'],
                }
        cls._buttons.update({
                'cancel': button(['draft', 'open'], 'cancel'),
                'draft': button(['open', 'cancelled'], 'back'),
                'open': button(['draft'], 'forward'),
                'work': button(['open'], 'forward'),
                'interrupt': button(['working'], 'back'),
                'do': button(['working'], 'ok'),
                })

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_kind(cls):
        return 'preventive'

    @classmethod
    def default_state(cls):
        return 'draft'

    @fields.depends('company')
    def on_change_with_currency(self, name=None):
        return self.company.currency if self.company else None

    @fields.depends('plans', 'tasks')
    def on_change_plans(self):
        "Bring in the tasks of the plans"
        Task = Pool().get('fleet.service.task')
        known = {t.name for t in self.tasks or []}
        self.tasks = [*(self.tasks or []), *(
                Task(name=name, done=False) for plan in self.plans or []
                for name in plan.task_names if name not in known)]

    @classmethod
    def get_cost(cls, services, name):
        Cost = Pool().get('fleet.cost')
        if not Cost.may_read():
            return dict.fromkeys([s.id for s in services])
        sums = Cost.sums('origin', list(map(str, services)))
        return {
            s.id: s.currency.round(sums.get(str(s), Decimal(0)))
            for s in services}

    def get_rec_name(self, name):
        return f'{self.number} {self.vehicle.rec_name}'

    @classmethod
    def search_rec_name(cls, name, clause):
        _, operator, operand, *extra = clause
        bool_op = 'AND' if operator.startswith(('!', 'not ')) else 'OR'
        return [bool_op,
            ('number', operator, operand, *extra),
            ('vehicle.rec_name', operator, operand, *extra),
            ]

    def _get_bookings(self):
        if self.state not in {'open', 'working', 'done'}:
            return []
        return [{
                'company': self.company.id,
                'vehicle': self.vehicle.id,
                'start': self.start,
                'end': self.end,
                'kind': 'service',
                'state': 'tentative' if self.state == 'open' else 'firm',
                }]

    @classmethod
    def check_modification(cls, mode, services, values=None, external=False):
        super().check_modification(
            mode, services, values=values, external=external)
        for service in services:
            if mode == 'delete' and service.state not in {
                    'draft', 'cancelled'}:
                raise StateError(gettext(
                        'fleet.msg_service_delete',
                        service=service.rec_name))
            if external and mode == 'write' and service.state == 'done':
                raise StateError(gettext(
                        'fleet.msg_service_done', service=service.rec_name))

    @classmethod
    def copy(cls, services, default=None):
        default = default.copy() if default else {}
        for name in ['number', 'start', 'end', 'odometer', 'faults']:
            default.setdefault(name)
        return super().copy(services, default=default)

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state') == 'cancelled', 'muted',
                    If(Eval('state') == 'working', 'warning',
                        If(Eval('state') == 'done', 'success', '')))),
            ]

    @classmethod
    @ModelView.button
    @Workflow.transition('cancelled')
    def cancel(cls, services):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('draft')
    def draft(cls, services):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('open')
    def open(cls, services):
        for service in services:
            if not service.start or not service.end:
                raise ServiceError(gettext(
                        'fleet.msg_service_no_time',
                        service=service.rec_name))

    @classmethod
    @ModelView.button
    @Workflow.transition('working')
    @without_check_access
    def work(cls, services):
        "Bring the vehicles to the workshop"
        Vehicle = Pool().get('fleet.vehicle')
        Vehicle.workshop([
                s.vehicle for s in services if s.vehicle.state == 'active'])

    @classmethod
    @ModelView.button
    @Workflow.transition('open')
    def interrupt(cls, services):
        cls._release(services)

    @classmethod
    @without_check_access
    def _release(cls, services):
        "Give back the vehicles that no other service keeps"
        Vehicle = Pool().get('fleet.vehicle')
        kept = {s.vehicle for s in cls.search([
                    ('vehicle', 'in', [s.vehicle.id for s in services]),
                    ('state', '=', 'working'),
                    ('id', 'not in', [s.id for s in services]),
                    ])}
        Vehicle.activate(list({
                    s.vehicle for s in services
                    if s.vehicle.state == 'workshop'
                    and s.vehicle not in kept}))

    @classmethod
    @ModelView.button
    @Workflow.transition('done')
    @without_check_access
    def do(cls, services):
        "Take the parts from stock, enter costs and odometer, mend the faults"
        pool = Pool()
        Cost = pool.get('fleet.cost')
        Due = pool.get('fleet.service.due')
        Fault = pool.get('fleet.fault')
        Part = pool.get('fleet.service.part')
        services = cls.browse(services)
        at = now()
        for service in services:
            if service.end > at:
                service.end = at
                service.start = min(
                    service.start, at - dt.timedelta(minutes=1))
        cls.save(services)
        cls._read_odometers(services)
        Part.take([p for s in services for p in s.parts])
        Cost.post([v for s in services for v in s._costs()])
        Due.reset(services)
        Fault.mend([f for s in services for f in s.faults])
        cls._release(services)

    @classmethod
    def _read_odometers(cls, services):
        Reading = Pool().get('fleet.meter.reading')
        read = [s for s in services if s.odometer is not None]
        if not read:
            return
        for service, outcome in zip(read, Reading.record([{
                            'vehicle': s.vehicle.id, 'kind': 'odometer',
                            'at': s.end, 'value': s.odometer,
                            'source': 'service', 'origin': str(s),
                            } for s in read])):
            if outcome:
                raise ServiceError(outcome)

    @property
    def day(self):
        "The day of the company on which the service ended"
        return to_local(self.company, self.end).date()

    def _costs(self):
        "Yield the values of the costs of the service"
        common = {
            'company': self.company.id,
            'date': self.day,
            'vehicle': self.vehicle.id,
            'origin': self,
            }
        for part in self.parts:
            yield dict(
                common, category='parts', part=f'part {part.id}',
                description=part.product.rec_name, quantity=part.quantity,
                amount=self.currency.round(part.cost))
        for line in self.lines:
            yield dict(
                common, category=line.category, part=f'line {line.id}',
                description=line.description, amount=line.amount)


class ServicePlanRelation(ModelSQL):
    __name__ = 'fleet.service-fleet.service.plan'

    service = fields.Many2One(
        'fleet.service', "Service", required=True, ondelete='CASCADE')
    plan = fields.Many2One(
        'fleet.service.plan', "Plan", required=True, ondelete='RESTRICT')


class _ServiceLineMixin(sequence_ordered()):
    __slots__ = ()

    service = fields.Many2One(
        'fleet.service', "Service", required=True, ondelete='CASCADE')
    service_state = fields.Function(fields.Selection(
            'get_service_states', "Service State"),
        'on_change_with_service_state')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('service')

    @classmethod
    def get_service_states(cls):
        Service = Pool().get('fleet.service')
        return Service.fields_get(['state'])['state']['selection']

    @fields.depends('service', '_parent_service.state')
    def on_change_with_service_state(self, name=None):
        return self.service.state if self.service else 'draft'

    @classmethod
    def check_modification(cls, mode, lines, values=None, external=False):
        super().check_modification(
            mode, lines, values=values, external=external)
        if not external:
            return
        for line in lines:
            if line.service.state == 'done':
                raise StateError(gettext(
                        'fleet.msg_service_done',
                        service=line.service.rec_name))


class ServiceTask(_ServiceLineMixin, ModelSQL, ModelView):
    __name__ = 'fleet.service.task'

    name = fields.Char("Task", required=True, states=_line)
    employee = fields.Many2One(
        'company.employee', "Mechanic", ondelete='RESTRICT', states=_line)
    hours = fields.Float("Hours", digits=(16, 2), states=_line)
    done = fields.Boolean("Done", states=_line)


class ServicePart(_ServiceLineMixin, ModelSQL, ModelView):
    __name__ = 'fleet.service.part'

    product = fields.Many2One(
        'product.product', "Product", required=True, ondelete='RESTRICT',
        domain=[
            ('type', '=', 'goods'),
            ], states=_line)
    quantity = fields.Float(
        "Quantity", digits='unit', required=True,
        domain=[('quantity', '>', 0)], states=_line)
    unit = fields.Function(fields.Many2One(
            'product.uom', "Unit"), 'on_change_with_unit')
    location = fields.Many2One(
        'stock.location', "From", required=True, ondelete='RESTRICT',
        domain=[
            ('type', '=', 'storage'),
            ],
        states=_line, help="Where the part is taken from.")
    cost_price = fields.Numeric(
        "Cost Price", digits=price_digits, readonly=True)
    moves = fields.One2Many(
        'stock.move', 'origin', "Moves", readonly=True)

    @fields.depends('product')
    def on_change_with_unit(self, name=None):
        return self.product.default_uom if self.product else None

    @property
    def cost(self):
        return Decimal(str(self.quantity)) * (self.cost_price or 0)

    @classmethod
    def take(cls, parts):
        "Move parts from the stock to where used goods go"
        pool = Pool()
        Configuration = pool.get('fleet.configuration')
        Move = pool.get('stock.move')
        if not parts:
            return
        destination = Configuration(1).get_fuel_location()
        moves = [Move(
                company=p.service.company, product=p.product, unit=p.unit,
                quantity=p.quantity, from_location=p.location,
                to_location=destination, effective_date=p.service.day,
                origin=p) for p in parts]
        Move.save(moves)
        Move.do(moves)
        for part, move in zip(parts, Move.browse(moves)):
            part.cost_price = move.cost_price
            if part.cost_price is None:
                part.cost_price = part.product.get_multivalue(
                    'cost_price', company=part.service.company.id)
        cls.save(parts)

    @classmethod
    def copy(cls, parts, default=None):
        default = default.copy() if default else {}
        for name in ['cost_price', 'moves']:
            default.setdefault(name)
        return super().copy(parts, default=default)


class ServiceLine(_ServiceLineMixin, ModelSQL, ModelView):
    __name__ = 'fleet.service.line'

    description = fields.Char("Description", required=True, states=_line)
    category = fields.Selection([
            (c, s) for c, s in CATEGORIES
            if c in {'repair', 'parts', 'tyre', 'accident', 'other'}],
        "Category", required=True, sort=False, states=_line)
    currency = fields.Function(fields.Many2One(
            'currency.currency', "Currency"), 'on_change_with_currency')
    amount = Monetary(
        "Amount", currency='currency', digits='currency', required=True,
        states=_line, help="Without the tax that is paid back.")

    @classmethod
    def default_category(cls):
        return 'repair'

    @fields.depends('service', '_parent_service.currency')
    def on_change_with_currency(self, name=None):
        return self.service.currency if self.service else None


class Booking(metaclass=PoolMeta):
    __name__ = 'fleet.booking'

    @classmethod
    def _get_origins(cls):
        return super()._get_origins() + ['fleet.service']


class Move(metaclass=PoolMeta):
    __name__ = 'stock.move'

    @classmethod
    def _get_origin(cls):
        return super()._get_origin() + ['fleet.service.part']


class Cost(metaclass=PoolMeta):
    __name__ = 'fleet.cost'

    @classmethod
    def _get_origins(cls):
        return super()._get_origins() + ['fleet.service']


class Fault(ButtonStateMixin, ModelSQL, ModelView):
    __name__ = 'fleet.fault'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT')
    vehicle = fields.Many2One(
        'fleet.vehicle', "Vehicle", required=True, ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ])
    at = fields.DateTime("Found At", required=True)
    driver = fields.Many2One(
        'fleet.driver', "Driver", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ])
    description = fields.Text("Description", required=True)
    blocking = fields.Boolean(
        "Must Not Drive",
        help="No trip is planned with the vehicle until it is mended.")
    service = fields.Many2One(
        'fleet.service', "Service", ondelete='SET NULL',
        domain=[
            ('vehicle', '=', Eval('vehicle', -1)),
            ])
    state = fields.Selection([
            ('open', "Open"),
            ('mended', "Mended"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_indexes.add(Index(
                t, (t.vehicle, Index.Equality()),
                where=t.state == 'open'))
        cls._order = [('at', 'DESC'), ('id', 'DESC')]
        cls._transitions |= {('open', 'mended'), ('mended', 'open')}
        cls._buttons.update({
                'mend': {
                    'invisible': Eval('state') != 'open',
                    'icon': 'tryton-ok',
                    'depends': ['state'],
                    },
                'reopen': {
                    'invisible': Eval('state') != 'mended',
                    'icon': 'tryton-undo',
                    'depends': ['state'],
                    },
                })

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_at(cls):
        return now()

    @classmethod
    def default_state(cls):
        return 'open'

    def get_rec_name(self, name):
        return '%s: %s' % (
            self.vehicle.rec_name, self.description.partition('\n')[0])

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state') == 'mended', 'muted',
                    If(Bool(Eval('blocking')), 'danger', 'warning'))),
            ]

    @classmethod
    @ModelView.button
    @Workflow.transition('mended')
    def mend(cls, faults):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('open')
    def reopen(cls, faults):
        pass


class Trip(metaclass=PoolMeta):
    __name__ = 'fleet.trip'

    @classmethod
    def plan(cls, trips):
        cls.check_faults(trips)
        super().plan(trips)

    @classmethod
    def dispatch(cls, trips):
        cls.check_faults(trips)
        super().dispatch(trips)

    @classmethod
    @without_check_access
    def check_faults(cls, trips):
        "Refuse vehicles and trailers that must not drive"
        Fault = Pool().get('fleet.fault')
        users = {
            vehicle.id: trip for trip in trips
            for vehicle in [trip.vehicle, *trip.trailers] if vehicle}
        faults = Fault.search([
                ('vehicle', 'in', list(users)),
                ('state', '=', 'open'),
                ('blocking', '=', True),
                ], limit=1)
        if faults:
            fault, = faults
            raise ServiceError(gettext(
                    'fleet.msg_trip_fault',
                    trip=users[fault.vehicle.id].rec_name,
                    fault=fault.rec_name))
