# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from decimal import Decimal

from sql import Null

from trytond.i18n import gettext
from trytond.model import (
    Check, Index, ModelSQL, ModelView, Unique, Workflow, fields)
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Bool, Eval, If
from trytond.sql.functions import DateRange
from trytond.transaction import Transaction, without_check_access

from .exceptions import RangeError
from .overlap import NoOverlap, NoOverlapMixin
from .state import ButtonStateMixin


class Tyre(ButtonStateMixin, ModelSQL, ModelView):
    __name__ = 'fleet.tyre'
    _rec_name = 'serial'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT')
    serial = fields.Char("Serial Number", required=True, strip=True)
    product = fields.Many2One(
        'product.product', "Product", ondelete='RESTRICT',
        context={
            'company': Eval('company', -1),
            },
        depends={'company'})
    size = fields.Char("Size", help="Such as 315/70 R 22.5.")
    dot = fields.Char(
        "DOT", help="Week and year of manufacture, such as 2325.")
    bought_on = fields.Date("Bought On")
    currency = fields.Function(fields.Many2One(
            'currency.currency', "Currency"), 'on_change_with_currency')
    price = Monetary(
        "Price", currency='currency', digits='currency',
        help="What the tyre and its retreading have cost. It enters the "
        "costs of the first vehicle it is mounted on.")
    mounts = fields.One2Many('fleet.tyre.mount', 'tyre', "Mounts")
    checks = fields.One2Many('fleet.tyre.check', 'tyre', "Checks")
    vehicle = fields.Function(fields.Many2One(
            'fleet.vehicle', "Vehicle"), 'get_mounted')
    position = fields.Function(fields.Char("Position"), 'get_mounted')
    km = fields.Function(fields.Integer(
            "km", help="On all vehicles so far."), 'get_km')
    cost_per_km = fields.Function(fields.Numeric(
            "Cost per km", digits=(16, 4),
            help="Empty before the first kilometre."), 'get_km')
    tread = fields.Function(fields.Float(
            "Tread (mm)", digits=(16, 1), help="By the last check."),
        'get_tread')
    state = fields.Selection([
            ('active', "In Use"),
            ('scrapped', "Scrapped"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('serial_unique', Unique(t, t.company, t.serial),
                'fleet.msg_tyre_unique'),
            ]
        cls._transitions |= {('active', 'scrapped'), ('scrapped', 'active')}
        cls._buttons.update({
                'scrap': {
                    'invisible': Eval('state') != 'active',
                    'icon': 'tryton-archive',
                    'depends': ['state'],
                    },
                'reuse': {
                    'invisible': Eval('state') != 'scrapped',
                    'icon': 'tryton-undo',
                    'depends': ['state'],
                    },
                })

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_state(cls):
        return 'active'

    @fields.depends('company')
    def on_change_with_currency(self, name=None):
        return self.company.currency if self.company else None

    @classmethod
    def get_mounted(cls, tyres, names):
        Mount = Pool().get('fleet.tyre.mount')
        result = {n: dict.fromkeys([t.id for t in tyres]) for n in names}
        for mount in Mount.search([
                    ('tyre', 'in', [t.id for t in tyres]),
                    ('end', '=', None),
                    ]):
            if 'vehicle' in names:
                result['vehicle'][mount.tyre.id] = mount.vehicle.id
            if 'position' in names:
                result['position'][mount.tyre.id] = mount.position
        return result

    @classmethod
    def get_km(cls, tyres, names):
        Mount = Pool().get('fleet.tyre.mount')
        km = dict.fromkeys([t.id for t in tyres], 0)
        for mount in Mount.search([('tyre', 'in', list(km))]):
            km[mount.tyre.id] += mount.km or 0
        result = {'km': km, 'cost_per_km': {
                t.id: (
                    (t.price / km[t.id]).quantize(Decimal('0.0001'))
                    if km[t.id] and t.price is not None else None)
                for t in tyres}}
        return {n: result[n] for n in names}

    @classmethod
    def get_tread(cls, tyres, name):
        Check = Pool().get('fleet.tyre.check')
        result = dict.fromkeys([t.id for t in tyres])
        for check in Check.search([
                    ('tyre', 'in', list(result)),
                    ('tread', '!=', None),
                    ], order=[('date', 'ASC'), ('id', 'ASC')]):
            result[check.tyre.id] = check.tread
        return result

    @classmethod
    def on_modification(cls, mode, tyres, field_names=None):
        pool = Pool()
        Cost = pool.get('fleet.cost')
        Mount = pool.get('fleet.tyre.mount')
        super().on_modification(mode, tyres, field_names=field_names)
        if mode == 'write' and 'price' in (field_names or set()):
            Cost.take_back(tyres)
            Mount._post_costs([
                    min(t.mounts, key=lambda m: m.start)
                    for t in tyres if t.mounts])

    @classmethod
    def copy(cls, tyres, default=None):
        default = default.copy() if default else {}
        for name in ['mounts', 'checks']:
            default.setdefault(name)
        default.setdefault('serial', lambda data: data['serial'] + " (copy)")
        return super().copy(tyres, default=default)

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state') == 'scrapped', 'muted', '')),
            ]

    @classmethod
    @ModelView.button
    @Workflow.transition('scrapped')
    def scrap(cls, tyres):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('active')
    def reuse(cls, tyres):
        pass


class TyreMount(NoOverlapMixin, ModelSQL, ModelView):
    __name__ = 'fleet.tyre.mount'

    _no_overlap = [
        NoOverlap(
            'tyre_overlap', 'tyre', 'start', 'end', DateRange,
            'fleet.msg_tyre_overlap', 'fleet.msg_tyre_overlap_other'),
        ]

    company = fields.Function(fields.Many2One(
            'company.company', "Company"),
        'on_change_with_company', searcher='search_company')
    tyre = fields.Many2One(
        'fleet.tyre', "Tyre", required=True, ondelete='CASCADE')
    vehicle = fields.Many2One(
        'fleet.vehicle', "Vehicle", required=True, ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ])
    position = fields.Char(
        "Position", required=True, strip=True,
        help="Axle, side and inner or outer wheel, such as 2LO.")
    start = fields.Date("Mounted On", required=True)
    end = fields.Date(
        "Taken Off", domain=['OR',
            ('end', '=', None),
            ('end', '>', Eval('start')),
            ])
    odometer_on = fields.Integer(
        "Odometer On", required=True,
        help="Of the vehicle when it was mounted; for a trailer without a "
        "meter the kilometres by its axle hub.")
    odometer_off = fields.Integer(
        "Odometer Off", domain=['OR',
            ('odometer_off', '=', None),
            ('odometer_off', '>=', Eval('odometer_on', 0)),
            ],
        states={
            'required': Bool(Eval('end')),
            })
    km = fields.Function(fields.Integer(
            "km", help="Up to the last reading while it is mounted."),
        'get_km')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('tyre')
        t = cls.__table__()
        cls._sql_constraints += [
            ('end_after_start', Check(t, (t.end == Null) | (t.end > t.start)),
                'fleet.msg_tyre_zero_length'),
            ]
        cls._sql_indexes.add(Index(t, (t.vehicle, Index.Equality())))
        cls._order = [('start', 'DESC'), ('id', 'DESC')]

    @classmethod
    def default_start(cls):
        return Pool().get('ir.date').today()

    @fields.depends('tyre', '_parent_tyre.company')
    def on_change_with_company(self, name=None):
        return self.tyre.company if self.tyre else None

    @classmethod
    def search_company(cls, name, clause):
        return [('tyre.' + clause[0], *clause[1:])]

    @fields.depends('vehicle', 'odometer_on')
    def on_change_vehicle(self):
        if self.vehicle and self.odometer_on is None:
            self.odometer_on = self.vehicle.odometer

    @classmethod
    def get_km(cls, mounts, name):
        Vehicle = Pool().get('fleet.vehicle')
        running = list({
                m.vehicle for m in mounts if m.odometer_off is None})
        odometers = Vehicle.get_odometer(running, ['odometer'])['odometer']
        result = {}
        for mount in mounts:
            off = mount.odometer_off
            if off is None:
                off = odometers[mount.vehicle.id]
            result[mount.id] = None if off is None else max(
                off - mount.odometer_on, 0)
        return result

    def get_rec_name(self, name):
        return f'{self.tyre.rec_name}: {self.vehicle.rec_name}'

    @classmethod
    def _overlap_name(cls, mount):
        return f'{mount.vehicle.rec_name} {mount.position}'

    @classmethod
    def _overlap_period(cls, rule, mount):
        return '%s – %s' % (mount.start, mount.end or '…')

    @classmethod
    def validate_fields(cls, mounts, field_names):
        super().validate_fields(mounts, field_names)
        cls.check_position(mounts)

    @classmethod
    def check_position(cls, mounts):
        "Refuse a place where another tyre is"
        others = cls.search([
                ('vehicle', 'in', list({m.vehicle.id for m in mounts})),
                ])
        for mount in mounts:
            for other in others:
                if (other != mount and other.vehicle == mount.vehicle
                        and other.position == mount.position
                        and (other.end is None or other.end > mount.start)
                        and (mount.end is None or mount.end > other.start)):
                    raise RangeError(gettext(
                            'fleet.msg_tyre_position',
                            vehicle=mount.vehicle.rec_name,
                            position=mount.position, tyre=other.tyre.rec_name))

    @classmethod
    def on_modification(cls, mode, mounts, field_names=None):
        super().on_modification(mode, mounts, field_names=field_names)
        if mode == 'create':
            cls._post_costs(mounts)

    @classmethod
    @without_check_access
    def _post_costs(cls, mounts):
        "A tyre costs the vehicle that wears it first"
        Cost = Pool().get('fleet.cost')
        known = {c.origin for c in Cost.search([
                    ('origin', 'in', [str(m.tyre) for m in mounts]),
                    ('origin_key', '!=', None),
                    ])}
        Cost.post([{
                    'company': m.company.id, 'date': m.start,
                    'vehicle': m.vehicle.id, 'category': 'tyre',
                    'description': m.tyre.rec_name, 'quantity': 1,
                    'amount': m.tyre.price, 'origin': m.tyre,
                    } for m in mounts if m.tyre not in known])


class TyreCheck(ModelSQL, ModelView):
    __name__ = 'fleet.tyre.check'

    tyre = fields.Many2One(
        'fleet.tyre', "Tyre", required=True, ondelete='CASCADE')
    date = fields.Date("Date", required=True)
    tread = fields.Float(
        "Tread (mm)", digits=(16, 1), domain=['OR',
            ('tread', '=', None),
            ('tread', '>=', 0),
            ])
    pressure = fields.Float(
        "Pressure (bar)", digits=(16, 1), domain=['OR',
            ('pressure', '=', None),
            ('pressure', '>=', 0),
            ])

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('tyre')
        cls._order = [('date', 'DESC'), ('id', 'DESC')]

    @classmethod
    def default_date(cls):
        return Pool().get('ir.date').today()


class Cost(metaclass=PoolMeta):
    __name__ = 'fleet.cost'

    @classmethod
    def _get_origins(cls):
        return super()._get_origins() + ['fleet.tyre']
