# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt
from collections import defaultdict
from decimal import Decimal

from sql import Null

from caravan.days import to_local
from trytond.i18n import gettext
from trytond.model import (
    Check, DeactivableMixin, Index, ModelSQL, ModelView, Unique, Workflow,
    fields)
from trytond.modules.currency.fields import Monetary
from trytond.modules.product import price_digits, round_price
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Bool, Eval, If
from trytond.rpc import RPC
from trytond.transaction import Transaction, without_check_access

from .engine.fuel import full_to_full, is_away
from .engine.geo import great_circle
from .exceptions import FuelError, FuelWarning, StateError
from .state import ButtonStateMixin
from .tools import format_datetime, now

FLAGS = [
    ('tank', "Above the Tank"),
    ('fuel', "Other Fuel"),
    ('place', "Away from the Vehicle"),
    ('odometer', "Odometer Does Not Fit"),
    ]
_draft = {
    'readonly': Eval('state') != 'draft',
    }
# What a refuelling may be told or not
_GIVEN = [
    'amount', 'depot', 'driver', 'latitude', 'longitude', 'odometer',
    'product', 'trip', 'unit_price', 'vehicle_latitude', 'vehicle_longitude']
_of_company = [
    ('company', '=', Eval('company', -1)),
    ]


def _degrees(string, name, limit, help):
    return fields.Float(
        string, domain=['OR',
            (name, '=', None),
            [(name, '>=', -limit), (name, '<=', limit)],
            ], states=_draft, help=help)


class FuelCard(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'fleet.fuel.card'
    _rec_name = 'number'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT')
    number = fields.Char("Number", required=True, strip=True)
    provider = fields.Many2One(
        'party.party', "Provider", ondelete='RESTRICT',
        context={
            'company': Eval('company', -1),
            },
        depends={'company'})
    vehicle = fields.Many2One(
        'fleet.vehicle', "Vehicle", ondelete='RESTRICT', domain=_of_company,
        help="What the card fills, empty if it belongs to a driver.")
    driver = fields.Many2One(
        'fleet.driver', "Driver", ondelete='RESTRICT', domain=_of_company)
    valid_to = fields.Date("Valid To")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('number_unique', Unique(t, t.company, t.number),
                'fleet.msg_fuel_card_unique'),
            ]
        cls._order.insert(0, ('number', 'ASC'))

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')


class Refuelling(ButtonStateMixin, ModelSQL, ModelView):
    __name__ = 'fleet.refuelling'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT',
        states={
            'readonly': (Eval('state') != 'draft') | Eval('vehicle', True),
            })
    vehicle = fields.Many2One(
        'fleet.vehicle', "Vehicle", required=True, ondelete='RESTRICT',
        domain=_of_company, states=_draft)
    at = fields.DateTime("At", required=True, states=_draft)
    driver = fields.Many2One(
        'fleet.driver', "Driver", ondelete='RESTRICT', domain=_of_company,
        states=_draft,
        help="Left empty, who drives the vehicle at that moment.")
    trip = fields.Many2One(
        'fleet.trip', "Trip", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ('vehicle', '=', Eval('vehicle', -1)),
            ],
        states=_draft,
        help="Left empty, the trip of the vehicle at that moment.")
    odometer = fields.Integer(
        "Odometer", domain=['OR',
            ('odometer', '=', None),
            ('odometer', '>=', 0),
            ],
        states=_draft,
        help="As the meter shows it. It becomes a reading of the vehicle.")
    product = fields.Many2One(
        'product.product', "Fuel", ondelete='RESTRICT',
        context={
            'company': Eval('company', -1),
            },
        states=_draft, depends={'company'})
    quantity = fields.Float(
        "Quantity", digits=(16, 2), required=True,
        domain=[('quantity', '>', 0)], states=_draft,
        help="In the unit of the fuel.")
    unit_price = fields.Numeric(
        "Unit Price", digits=price_digits, states=_draft)
    amount = Monetary(
        "Amount", currency='currency', digits='currency', states=_draft,
        help="Without the tax that is paid back.")
    currency = fields.Many2One(
        'currency.currency', "Currency", required=True, ondelete='RESTRICT',
        states=_draft)
    source = fields.Selection([
            ('depot', "Own Depot"),
            ('card', "Fuel Card"),
            ('cash', "Cash"),
            ], "Source", required=True, sort=False, states=_draft)
    depot = fields.Many2One(
        'stock.location', "Depot", ondelete='RESTRICT',
        domain=[
            ('type', '=', 'storage'),
            ],
        states={
            'readonly': _draft['readonly'],
            'required': Eval('source') == 'depot',
            'invisible': Eval('source') != 'depot',
            },
        help="The location the fuel was taken from.")
    card = fields.Many2One(
        'fleet.fuel.card', "Card", ondelete='RESTRICT', domain=_of_company,
        states={
            'readonly': _draft['readonly'],
            'invisible': Eval('source') != 'card',
            })
    station = fields.Char("Station", states=_draft)
    latitude = _degrees(
        "Latitude", 'latitude', 90, "Of the station, in degrees.")
    longitude = _degrees(
        "Longitude", 'longitude', 180, "Of the station, in degrees.")
    vehicle_latitude = _degrees(
        "Latitude of Vehicle", 'vehicle_latitude', 90,
        "Where the vehicle was at that moment, if that is known.")
    vehicle_longitude = _degrees(
        "Longitude of Vehicle", 'vehicle_longitude', 180,
        "Where the vehicle was at that moment, if that is known.")
    full = fields.Boolean(
        "Filled Up", states=_draft,
        help="The tank was full afterwards, so that the consumption since "
        "the last full tank is known.")
    external_ref = fields.Char(
        "External Reference", readonly=True,
        help="The key of the refuelling in the file it was loaded from.")
    moves = fields.One2Many(
        'stock.move', 'origin', "Moves", readonly=True)
    flags = fields.MultiSelection(
        FLAGS, "Flags", readonly=True, sort=False,
        help="What somebody should look at.")
    flagged = fields.Function(
        fields.Boolean("Flagged"),
        'on_change_with_flagged', searcher='search_flagged')
    state = fields.Selection([
            ('draft', "Draft"),
            ('confirmed', "Confirmed"),
            ('cancelled', "Cancelled"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('external_ref_unique', Unique(t, t.company, t.external_ref),
                'fleet.msg_refuelling_external_unique'),
            ('quantity_positive', Check(t, t.quantity > 0),
                'fleet.msg_refuelling_quantity'),
            ]
        cls._sql_indexes.update({
                Index(t, (t.vehicle, Index.Equality()),
                    (t.at, Index.Range())),
                Index(t, (t.trip, Index.Equality()),
                    where=t.trip != Null),
                })
        cls._order = [('at', 'DESC'), ('id', 'DESC')]
        cls.__rpc__.update(record=RPC(readonly=False))
        cls._transitions |= {
            ('draft', 'confirmed'),
            ('draft', 'cancelled'),
            ('confirmed', 'cancelled'),
            ('cancelled', 'draft'),
            }
        cls._buttons.update({
                'confirm': {
                    'invisible': Eval('state') != 'draft',
                    'icon': 'tryton-ok',
                    'depends': ['state'],
                    },
                'cancel': {
                    'invisible': Eval('state') == 'cancelled',
                    'icon': 'tryton-cancel',
                    'depends': ['state'],
                    },
                'draft': {
                    'invisible': Eval('state') != 'cancelled',
                    'icon': 'tryton-undo',
                    'depends': ['state'],
                    },
                })

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_currency(cls):
        Company = Pool().get('company.company')
        company = cls.default_company()
        if company is not None and company >= 0:
            return Company(company).currency.id

    @classmethod
    def default_at(cls):
        return now()

    @classmethod
    def default_source(cls):
        return 'card'

    @classmethod
    def default_state(cls):
        return 'draft'

    @fields.depends('vehicle', 'product', '_parent_vehicle.fuel_product')
    def on_change_vehicle(self):
        if self.vehicle and not self.product:
            self.product = self.vehicle.fuel_product

    @fields.depends('card', 'vehicle', 'driver',
        methods=['on_change_vehicle'])
    def on_change_card(self):
        if self.card:
            if self.card.vehicle and not self.vehicle:
                self.vehicle = self.card.vehicle
                self.on_change_vehicle()
            if self.card.driver and not self.driver:
                self.driver = self.card.driver

    @fields.depends('quantity', 'unit_price', 'currency', 'amount')
    def _price(self):
        if self.quantity and self.unit_price is not None and self.currency:
            self.amount = self.currency.round(
                Decimal(str(self.quantity)) * self.unit_price)

    @fields.depends(methods=['_price'])
    def on_change_quantity(self):
        self._price()

    @fields.depends(methods=['_price'])
    def on_change_unit_price(self):
        self._price()

    @fields.depends('quantity', 'amount', 'unit_price')
    def on_change_amount(self):
        if self.quantity and self.amount is not None and (
                self.unit_price is None):
            self.unit_price = round_price(
                self.amount / Decimal(str(self.quantity)))

    @fields.depends('flags')
    def on_change_with_flagged(self, name=None):
        return bool(self.flags)

    @classmethod
    def search_flagged(cls, name, clause):
        _, operator, operand = clause
        any_ = ['OR', *(('flags', 'in', [f]) for f, _ in FLAGS)]
        if bool(operand) == (operator in {'=', 'in'}):
            return any_
        return [('id', 'not in', cls.search(any_, query=True, order=[]))]

    def get_rec_name(self, name):
        return '%s %s' % (
            self.vehicle.rec_name, format_datetime(self.company, self.at))

    @classmethod
    def search_rec_name(cls, name, clause):
        return [('vehicle.rec_name', *clause[1:])]

    @classmethod
    def check_modification(
            cls, mode, refuellings, values=None, external=False):
        super().check_modification(
            mode, refuellings, values=values, external=external)
        for refuelling in refuellings:
            if mode == 'delete' and refuelling.state == 'confirmed':
                raise StateError(gettext(
                        'fleet.msg_refuelling_cancel',
                        refuelling=refuelling.rec_name))
            if (external and mode == 'write'
                    and refuelling.state == 'confirmed'):
                raise StateError(gettext(
                        'fleet.msg_refuelling_cancel',
                        refuelling=refuelling.rec_name))

    @classmethod
    def copy(cls, refuellings, default=None):
        default = default.copy() if default else {}
        for name in ['external_ref', 'moves', 'flags', 'trip']:
            default.setdefault(name)
        return super().copy(refuellings, default=default)

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state') == 'cancelled', 'muted',
                    If(Bool(Eval('flagged')), 'danger',
                        If(Eval('state') == 'draft', 'warning', '')))),
            ]

    @classmethod
    @ModelView.button
    @Workflow.transition('draft')
    def draft(cls, refuellings):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('confirmed')
    def confirm(cls, refuellings):
        """Take the fuel into the tank, or into the costs without a tank.

        Trip, driver, fuel and price that are not given are found.
        """
        with without_check_access():
            cls._prepare(refuellings)
            cls._warn_tank(refuellings)
            cls.save(refuellings)
            cls._enter(refuellings)

    @classmethod
    def _prepare(cls, refuellings):
        "Find what is not given, stored or not"
        cls._find_trips(refuellings)
        for refuelling in refuellings:
            refuelling._complete()

    @classmethod
    def _enter(cls, refuellings):
        "Enter the odometers and the fuel of confirmed refuellings"
        cls._read_odometers(refuellings)
        cls._fill_tanks(refuellings)

    @classmethod
    def record(cls, vlist, dry_run=False):
        """Enter refuellings that have happened, for bulk loading.

        vlist: list of values as for create with an external_ref
        dry_run: only say what would happen
        Return for each of vlist None if it is entered, False if it is there
        already, else why it can't be.  What does not fit is flagged.
        """
        pool = Pool()
        Vehicle = pool.get('fleet.vehicle')
        pool.get('ir.model.access').check(cls.__name__, 'create')
        # Refuses those the user does not see
        Vehicle.read(list({v['vehicle'] for v in vlist}), ['id'])
        company = cls.default_company()
        with without_check_access():
            seen = {r.external_ref for r in cls.search([
                        ('company', '=', company),
                        ('external_ref', 'in', [
                                v['external_ref'] for v in vlist]),
                        ])}
            outcomes, new = [], []
            for values in vlist:
                outcome = None
                if values['external_ref'] in seen:
                    outcome = False
                elif (values.get('unit_price') is None
                        and values.get('amount') is None):
                    outcome = gettext('fleet.msg_refuelling_row_price')
                else:
                    new.append(values)
                    seen.add(values['external_ref'])
                outcomes.append(outcome)
            if new and not dry_run:
                cls.enter(new)
        return outcomes

    @classmethod
    def enter(cls, vlist):
        "Create confirmed refuellings of lists of values"
        defaults = {
            **dict.fromkeys(_GIVEN),
            'company': cls.default_company(),
            'currency': cls.default_currency(),
            'source': 'card',
            }
        refuellings = [
            cls(**{**defaults, **values}, state='confirmed')
            for values in vlist]
        cls._prepare(refuellings)
        cls.save(refuellings)
        cls._enter(refuellings)

    @classmethod
    def _find_trips(cls, refuellings):
        "Set the trip and the driver of the vehicle at that moment"
        pool = Pool()
        Trip = pool.get('fleet.trip')
        Assignment = pool.get('fleet.assignment')
        todo = [r for r in refuellings if not r.trip or not r.driver]
        if not todo:
            return
        vehicles = list({r.vehicle.id for r in todo})
        first, last = min(r.at for r in todo), max(r.at for r in todo)
        trips, assignments = defaultdict(list), defaultdict(list)
        for trip in Trip.search([
                    ('vehicle', 'in', vehicles),
                    ('state', 'in', ['dispatched', 'done', 'closed']),
                    ('departure', '<=', last),
                    ['OR',
                        ('arrival', '=', None),
                        ('arrival', '>=', first),
                        ],
                    ], order=[('departure', 'DESC')]):
            trips[trip.vehicle].append((trip, trip.departure, trip.arrival))
        for row in Assignment.search([
                    ('vehicle', 'in', vehicles),
                    ('role', '=', 'main'),
                    ('start', '<=', last),
                    ]):
            assignments[row.vehicle].append((row, row.start, row.end))

        def at(periods, moment):
            return next((
                    row for row, start, end in periods
                    if start <= moment and (end is None or moment <= end)),
                None)
        for refuelling in todo:
            if not refuelling.trip:
                refuelling.trip = at(
                    trips[refuelling.vehicle], refuelling.at)
            if not refuelling.driver:
                who = refuelling.trip or at(
                    assignments[refuelling.vehicle], refuelling.at)
                refuelling.driver = who.driver if who else None

    def _complete(self):
        "Set the fuel, the price and the flags"
        if not self.product:
            self.product = self.vehicle.fuel_product
        if self.unit_price is None and self.amount is not None:
            self.unit_price = round_price(
                self.amount / Decimal(str(self.quantity)))
        if self.source == 'depot' and self.unit_price is None and (
                self.product):
            self.unit_price = self._cost_of_depot()
        if self.amount is None:
            self._price()
        if self.amount is None:
            raise FuelError(gettext(
                    'fleet.msg_refuelling_no_price',
                    refuelling=self.rec_name))
        flags = []
        capacity = self.vehicle.tank_capacity
        if capacity and self.quantity > capacity:
            flags.append('tank')
        fuel = self.vehicle.fuel_product
        if fuel and self.product and self.product != fuel:
            flags.append('fuel')
        Configuration = Pool().get('fleet.configuration')
        if is_away(self.metres_away, Configuration(1).fuel_metres):
            flags.append('place')
        self.flags = flags

    def _cost_of_depot(self):
        "Return what the stock says a unit costs, in the own currency"
        Currency = Pool().get('currency.currency')
        price = self.product.get_multivalue(
            'cost_price', company=self.company.id)
        if price is not None:
            with Transaction().set_context(date=self.day):
                return round_price(Currency.compute(
                        self.company.currency, price, self.currency,
                        round=False))

    @property
    def metres_away(self):
        "The metres from the station to the vehicle, None if not known"
        station = self.latitude, self.longitude
        vehicle = self.vehicle_latitude, self.vehicle_longitude
        if None not in {*station, *vehicle}:
            return 1000 * great_circle(station, vehicle)

    @classmethod
    def _warn_tank(cls, refuellings):
        Warning = Pool().get('res.user.warning')
        for refuelling in refuellings:
            if 'tank' not in refuelling.flags:
                continue
            key = Warning.format('refuelling_tank', [refuelling])
            if Warning.check(key):
                raise FuelWarning(key, gettext(
                        'fleet.msg_refuelling_tank',
                        quantity=refuelling.quantity,
                        vehicle=refuelling.vehicle.rec_name,
                        capacity=refuelling.vehicle.tank_capacity))

    @classmethod
    def _read_odometers(cls, refuellings):
        "Enter the odometers that fit as readings, flag the others"
        Reading = Pool().get('fleet.meter.reading')
        read = [r for r in refuellings if r.odometer is not None]
        if not read:
            return
        outcomes = Reading.record([{
                    'vehicle': r.vehicle.id, 'kind': 'odometer',
                    'at': r.at, 'value': r.odometer,
                    'driver': r.driver.id if r.driver else None,
                    'source': 'refuelling', 'origin': str(r),
                    } for r in read])
        misfits = [r for r, outcome in zip(read, outcomes) if outcome]
        for refuelling in misfits:
            refuelling.flags = [*(refuelling.flags or []), 'odometer']
        cls.save(misfits)

    @classmethod
    def _fill_tanks(cls, refuellings):
        pool = Pool()
        Location = pool.get('stock.location')
        Move = pool.get('stock.move')
        filled = [r for r in refuellings if r.has_tank]
        if not filled:
            return
        supplier, = Location.search([('type', '=', 'supplier')], limit=1)
        moves = [r.get_move(supplier) for r in filled]
        Move.save(moves)
        Move.do(moves)

    @property
    def has_tank(self):
        "Whether the stock keeps the fuel of the vehicle"
        return bool(self.vehicle.tank and self.product)

    def get_move(self, supplier):
        """Return the stock move into the tank of the vehicle.

        supplier: the location that fuel comes from which is not of a depot
        """
        Move = Pool().get('stock.move')
        source = self.depot if self.source == 'depot' else supplier
        move = Move(
            company=self.company, product=self.product,
            unit=self.product.default_uom, quantity=self.quantity,
            from_location=source, to_location=self.vehicle.tank,
            effective_date=self.day, origin=self)
        if source.type == 'supplier':
            move.unit_price = self.unit_price
            move.currency = self.currency
        return move

    @property
    def day(self):
        return to_local(self.company, self.at).date()

    @classmethod
    @ModelView.button
    @Workflow.transition('cancelled')
    def cancel(cls, refuellings):
        "Take the fuel out again and void the readings"
        pool = Pool()
        Move = pool.get('stock.move')
        Reading = pool.get('fleet.meter.reading')
        with without_check_access():
            Move.cancel([m for r in refuellings for m in r.moves])
            Reading.write(Reading.search([
                        ('origin', 'in', [str(r) for r in refuellings]),
                        ('void', '=', False),
                        ]), {
                    'void': True,
                    'void_reason': gettext('fleet.msg_reading_cancelled'),
                    })
            cls.write(list(refuellings), {'flags': None})


class Vehicle(metaclass=PoolMeta):
    __name__ = 'fleet.vehicle'

    full_consumption = fields.Function(fields.Float(
            "Full to Full", digits=(16, 1),
            states={
                'invisible': ~Eval('powered', True),
                },
            help="Fuel on 100 km between the first and the last full tank of "
            "the last year."), 'get_full_consumption')

    @classmethod
    @without_check_access
    def get_full_consumption(cls, vehicles, name):
        Refuelling = Pool().get('fleet.refuelling')
        fills = defaultdict(list)
        for refuelling in Refuelling.search([
                    ('vehicle', 'in', [v.id for v in vehicles]),
                    ('state', '=', 'confirmed'),
                    ('at', '>=', now() - dt.timedelta(days=365)),
                    ('odometer', '!=', None),
                    ], order=[('odometer', 'ASC'), ('at', 'ASC')]):
            fills[refuelling.vehicle.id].append((
                    refuelling.odometer, Decimal(str(refuelling.quantity)),
                    refuelling.full))
        result = {}
        for vehicle in vehicles:
            litres = full_to_full(fills[vehicle.id])
            result[vehicle.id] = None if litres is None else float(litres)
        return result
