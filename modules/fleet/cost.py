# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from decimal import Decimal

from sql import Column, Null
from sql.aggregate import Sum

from trytond.i18n import gettext
from trytond.model import Index, ModelSQL, ModelView, Unique, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Bool, Eval, If
from trytond.transaction import Transaction, check_access, without_check_access

from .exceptions import StateError

CATEGORIES = [
    ('fuel', "Fuel"),
    ('toll', "Tolls"),
    ('parking', "Parking"),
    ('pay', "Pay"),
    ('allowance', "Per Diem"),
    ('carrier', "Hired Carrier"),
    ('repair', "Repairs"),
    ('parts', "Parts"),
    ('tyre', "Tyres"),
    ('insurance', "Insurance"),
    ('tax', "Taxes"),
    ('lease', "Lease"),
    ('depreciation', "Depreciation"),
    ('fine', "Fines"),
    ('accident', "Accidents"),
    ('other', "Other"),
    ]
# What costs as much whether the vehicle drives or not
FIXED = ['insurance', 'tax', 'lease', 'depreciation']


class Cost(ModelSQL, ModelView):
    __name__ = 'fleet.cost'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT')
    date = fields.Date("Date", required=True)
    vehicle = fields.Many2One(
        'fleet.vehicle', "Vehicle", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        states={
            'required': ~Eval('trip') & ~Eval('driver'),
            })
    trip = fields.Many2One(
        'fleet.trip', "Trip", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            If(Bool(Eval('vehicle')), [
                    'OR',
                    ('vehicle', '=', Eval('vehicle', -1)),
                    ('trailers', '=', Eval('vehicle', -1)),
                    ], ()),
            ])
    driver = fields.Many2One(
        'fleet.driver', "Driver", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ])
    category = fields.Selection(
        CATEGORIES, "Category", required=True, sort=False)
    category_string = category.translated('category')
    description = fields.Char("Description")
    quantity = fields.Float(
        "Quantity", digits=(16, 2),
        help="Litres of fuel, hours of work and the like.")
    currency = fields.Function(fields.Many2One(
            'currency.currency', "Currency"), 'on_change_with_currency')
    amount = Monetary(
        "Amount", currency='currency', digits='currency', required=True,
        help="In the currency of the company, without the tax that is paid "
        "back.")
    origin = fields.Reference(
        "Origin", 'get_origins', readonly=True,
        help="What the cost comes from, empty if it was entered here.")
    origin_key = fields.Char(
        "Origin Key", readonly=True,
        help="Keeps an origin from being posted twice.")
    reverses = fields.Many2One(
        'fleet.cost', "Reverses", readonly=True, ondelete='RESTRICT')
    reversals = fields.One2Many(
        'fleet.cost', 'reverses', "Reversed By", readonly=True)

    @classmethod
    def __setup__(cls):
        cls.origin_key.search_unaccented = False
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('origin_unique', Unique(t, t.company, t.origin_key),
                'fleet.msg_cost_origin_unique'),
            ('reverses_unique', Unique(t, t.reverses),
                'fleet.msg_cost_reversed_once'),
            ]
        cls._sql_indexes.update({
                Index(t, (t.vehicle, Index.Equality()),
                    (t.date, Index.Range())),
                Index(t, (t.trip, Index.Equality()), where=t.trip != Null),
                Index(t, (t.date, Index.Range(order='DESC'))),
                Index(t, (t.origin, Index.Equality()),
                    where=t.origin != Null),
                })
        cls._order = [('date', 'DESC'), ('id', 'DESC')]
        cls._buttons.update({
                'reverse': {
                    'invisible': (
                        Bool(Eval('origin')) | Bool(Eval('reverses'))
                        | Bool(Eval('reversals', []))),
                    'icon': 'tryton-undo',
                    'depends': ['origin', 'reverses', 'reversals'],
                    },
                })

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_date(cls):
        return Pool().get('ir.date').today()

    @classmethod
    def default_category(cls):
        return 'other'

    @fields.depends('company')
    def on_change_with_currency(self, name=None):
        return self.company.currency if self.company else None

    @fields.depends('trip', 'vehicle', 'driver', '_parent_trip.vehicle',
        '_parent_trip.driver')
    def on_change_trip(self):
        if self.trip:
            self.vehicle = self.vehicle or self.trip.vehicle
            self.driver = self.driver or self.trip.driver

    @classmethod
    def _get_origins(cls):
        "Return the names of the models whose records cost something"
        return ['fleet.trip', 'fleet.refuelling', 'fleet.contract']

    @classmethod
    def get_origins(cls):
        IrModel = Pool().get('ir.model')
        get_name = IrModel.get_name
        return [(None, '')] + [(m, get_name(m)) for m in cls._get_origins()]

    def get_rec_name(self, name):
        return '%s %s' % (self.category_string, self.date)

    @classmethod
    def check_modification(cls, mode, costs, values=None, external=False):
        super().check_modification(
            mode, costs, values=values, external=external)
        if not external:
            return
        for cost in costs:
            if mode != 'create':
                raise StateError(gettext(
                        'fleet.msg_cost_kept', cost=cost.rec_name,
                        amount=cost.amount))
            if cost.origin or cost.origin_key or cost.reverses:
                raise StateError(gettext(
                        'fleet.msg_cost_of_origin', cost=cost.rec_name,
                        amount=cost.amount))

    @classmethod
    def copy(cls, costs, default=None):
        default = default.copy() if default else {}
        for name in ['origin', 'origin_key', 'reverses', 'reversals']:
            default.setdefault(name)
        return super().copy(costs, default=default)

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Bool(Eval('reverses')) | Bool(Eval('reversals', [])),
                    'muted', '')),
            ]

    @classmethod
    def may_read(cls):
        "Return whether the user sees costs and what is reckoned from them"
        ModelAccess = Pool().get('ir.model.access')
        # Function fields are computed without the checks
        with check_access():
            return ModelAccess.check(
                cls.__name__, 'read', raise_exception=False)

    @classmethod
    def sums(cls, name, values):
        "Return {value: sum of amounts} of the costs by a column"
        table = cls.__table__()
        column = Column(table, name)
        cursor = Transaction().connection.cursor()
        cursor.execute(*table.select(
                column, Sum(table.amount),
                where=fields.SQL_OPERATORS['in'](column, values),
                group_by=column))
        return {value: Decimal(str(amount)) for value, amount in cursor}

    @classmethod
    @ModelView.button
    def reverse(cls, costs):
        "Take back what was entered by hand"
        with without_check_access():
            cls._reverse([
                    c for c in cls.browse(costs)
                    if not c.origin and not c.reverses and not c.reversals])

    @classmethod
    def _reverse(cls, costs):
        "Enter the opposite of costs on the same day"
        cls.write(costs, {'origin_key': None})
        cls.create([{
                    **{n: getattr(c, n) and getattr(c, n).id
                        for n in ['company', 'vehicle', 'trip', 'driver']},
                    'date': c.date, 'category': c.category,
                    'description': c.description,
                    'quantity': -c.quantity if c.quantity else None,
                    'amount': -c.amount,
                    'origin': str(c.origin) if c.origin else None,
                    'reverses': c.id,
                    } for c in costs])

    @classmethod
    @without_check_access
    def post(cls, vlist):
        """Enter the costs of origins, those that are there already not again.

        vlist: list of values with the record as origin; an amount of None
            or 0 costs nothing; part, which is not stored, tells the costs of
            one origin, category, vehicle and trip apart
        """
        wanted = {}
        for values in vlist:
            if not values.get('amount'):
                continue
            values = values.copy()
            origin = values['origin'] = str(values['origin'])
            key = '/'.join(str(values.get(n) or '') for n in [
                    'category', 'vehicle', 'trip', 'driver'])
            part = values.pop('part', '')
            values['origin_key'] = f'{origin}/{key}/{part}'
            wanted[values['company'], values['origin_key']] = values
        if not wanted:
            return
        known = {
            (c.company.id, c.origin_key) for c in cls.search([
                    ('origin_key', 'in', [k for _, k in wanted]),
                    ])}
        cls.create([v for k, v in wanted.items() if k not in known])

    @classmethod
    @without_check_access
    def take_back(cls, origins):
        "Reverse the costs of origins that happened otherwise"
        cls._reverse(cls.search([
                    ('origin', 'in', [str(o) for o in origins]),
                    ('origin_key', '!=', None),
                    ]))


class Trip(metaclass=PoolMeta):
    __name__ = 'fleet.trip'

    cost_lines = fields.One2Many(
        'fleet.cost', 'trip', "Costs", readonly=True)
    costs = fields.Function(Monetary(
            "Costs", currency='currency', digits='currency',
            help="By the ledger of costs."), 'get_costs')
    profit = fields.Function(Monetary(
            "Profit", currency='currency', digits='currency',
            help="The revenue less the costs."), 'get_costs')

    @classmethod
    def get_costs(cls, trips, names):
        Cost = Pool().get('fleet.cost')
        if not Cost.may_read():
            return {n: dict.fromkeys([t.id for t in trips]) for n in names}
        sums = Cost.sums('trip', list(map(int, trips)))
        costs = {
            t.id: t.currency.round(sums.get(t.id, Decimal(0))) for t in trips}
        result = {'costs': costs}
        if 'profit' in names:
            revenue = cls.get_revenue(trips, 'revenue')
            result['profit'] = {
                t.id: t.currency.round(revenue[t.id]) - costs[t.id]
                for t in trips}
        return {n: result[n] for n in names}

    @classmethod
    def copy(cls, trips, default=None):
        default = default.copy() if default else {}
        default.setdefault('cost_lines')
        return super().copy(trips, default=default)

    @classmethod
    def reopen(cls, trips):
        Cost = Pool().get('fleet.cost')
        super().reopen(trips)
        Cost.take_back(trips)


class Refuelling(metaclass=PoolMeta):
    __name__ = 'fleet.refuelling'

    @classmethod
    def _enter(cls, refuellings):
        super()._enter(refuellings)
        cls._post_costs(refuellings)

    @classmethod
    def _post_costs(cls, refuellings):
        "Fuel without a tank in stock costs when it is bought"
        pool = Pool()
        Cost = pool.get('fleet.cost')
        Currency = pool.get('currency.currency')
        vlist = []
        for refuelling in refuellings:
            if refuelling.has_tank:
                continue
            with Transaction().set_context(date=refuelling.day):
                amount = Currency.compute(
                    refuelling.currency, refuelling.amount,
                    refuelling.company.currency)
            vlist.append({
                    'company': refuelling.company.id,
                    'date': refuelling.day,
                    'vehicle': refuelling.vehicle.id,
                    'trip': refuelling.trip.id if refuelling.trip else None,
                    'driver': (
                        refuelling.driver.id if refuelling.driver else None),
                    'category': 'fuel',
                    'description': refuelling.station,
                    'quantity': refuelling.quantity,
                    'amount': amount,
                    'origin': refuelling,
                    })
        Cost.post(vlist)

    @classmethod
    def cancel(cls, refuellings):
        Cost = Pool().get('fleet.cost')
        super().cancel(refuellings)
        Cost.take_back(refuellings)
