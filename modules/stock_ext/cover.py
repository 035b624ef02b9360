# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt
from collections import defaultdict

from sql import Cast, Literal, Null, Union, Window
from sql.aggregate import Max, Sum
from sql.conditionals import Case, Coalesce
from sql.functions import Floor, Function, Round

from caravan.days import day_start
from trytond import backend
from trytond.i18n import gettext
from trytond.model import ModelSQL, ModelView, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval, If
from trytond.transaction import Transaction

from .context import ContextValue
from .quantity import rounded

_MAX_WEEKS = 520
# Pareto: the few products that make most of the value, then the next
A_SHARE, B_SHARE = .8, .95
# Variation of the weekly consumption up to which it counts as steady, uneven
X_VARIATION, Y_VARIATION = .5, 1


class _JulianDay(Function):
    __slots__ = ()
    _function = 'JULIANDAY'


def week(date, start):
    "Return the SQL for the number of weeks from start to date"
    if backend.name == 'sqlite':
        return Floor((_JulianDay(date) - _JulianDay(start)) / 7)
    return (date - start) / 7


class CoverContext(ContextValue, ModelView):
    __name__ = 'stock.cover.context'

    company = fields.Many2One('company.company', "Company", required=True)
    cover_warehouse = fields.Many2One(
        'stock.location', "Warehouse", domain=[('type', '=', 'warehouse')],
        help="Leave empty for all.")
    cover_weeks = fields.Integer(
        "Weeks", required=True,
        domain=[('cover_weeks', '>=', 1), ('cover_weeks', '<=', _MAX_WEEKS)],
        help="The number of past weeks that the consumption is taken from.")
    cover_lead_days = fields.Integer(
        "Lead Days", required=True, domain=[('cover_lead_days', '>=', 0)],
        help="The days until goods arrive, for products without a lead time "
        "of their own.")
    cover_surplus_days = fields.Integer(
        "Surplus Days", required=True,
        domain=[('cover_surplus_days', '>=', 1)],
        help="Stock for more days is a surplus.")

    @classmethod
    def value(cls, name):
        value = super().value(name)
        if name == 'cover_weeks':
            # What a script asks for has not passed the domain
            value = min(max(value, 1), _MAX_WEEKS)
        return value

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_cover_weeks(cls):
        return 13

    @classmethod
    def default_cover_lead_days(cls):
        return 7

    @classmethod
    def default_cover_surplus_days(cls):
        return 180


class Cover(ModelSQL, ModelView):
    __name__ = 'stock.cover'

    company = fields.Many2One('company.company', "Company")
    product = fields.Many2One(
        'product.product', "Product",
        context={
            'company': Eval('company', -1),
            },
        depends=['company'])
    warehouse = fields.Many2One('stock.location', "Warehouse")
    unit = fields.Function(
        fields.Many2One('product.uom', "Unit"), 'on_change_with_unit')
    quantity = fields.Float(
        "Quantity", digits='unit', help="What is in the warehouse today.")
    forecast_quantity = fields.Float(
        "Forecast", digits='unit',
        help="What will be there when all planned moves are done.")
    minimum = fields.Float(
        "Minimum", digits='unit',
        help="The quantity of the order point below which to buy.")
    daily_consumption = fields.Float(
        "Per Day",
        help="What leaves the warehouse on an average day: deliveries, "
        "issues, production and transfers, less what came back.")
    cover_days = fields.Float(
        "Days of Cover", digits=(None, 1),
        help="How long the stock lasts at the daily consumption.")
    lead_days = fields.Float(
        "Lead Days", digits=(None, 1),
        help="How long new goods take to arrive.")
    level = fields.Selection([
            ('out', "Out of Stock"),
            ('running_out', "Running Out"),
            ('ok', "OK"),
            ('surplus', "Surplus"),
            ('dead', "Dead"),
            ], "Level", sort=False,
        help_selection={
            'out': "Nothing is left of what is used or has a minimum.",
            'running_out': "The stock ends before new goods can arrive, "
            "or falls below the minimum.",
            'surplus': "The stock lasts longer than wanted.",
            'dead': "Nothing moved in all the weeks.",
            })
    level_string = level.translated('level')
    reason = fields.Function(
        fields.Char("Reason", help="Why the product is on this level."),
        'get_reason')
    last_date = fields.Date("Last Move")
    value = Monetary(
        "Value", currency='currency', digits='currency',
        help="The quantity at the cost price of today.")
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')
    abc = fields.Selection([
            ('a', "A"),
            ('b', "B"),
            ('c', "C"),
            ], "ABC", sort=False,
        help_selection={
            'a': "Makes the first 80 % of the value consumed.",
            'b': "Makes the next 15 %.",
            'c': "Makes the rest.",
            })
    xyz = fields.Selection([
            ('x', "X"),
            ('y', "Y"),
            ('z', "Z"),
            ], "XYZ", sort=False,
        help_selection={
            'x': "Is consumed steadily from week to week.",
            'y': "Is consumed unevenly.",
            'z': "Is consumed now and then.",
            })

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [
            ('cover_days', 'ASC NULLS LAST'), ('id', 'ASC')]

    @fields.depends('product')
    def on_change_with_unit(self, name=None):
        return self.product.default_uom if self.product else None

    @fields.depends('company')
    def on_change_with_currency(self, name=None):
        return self.company.currency if self.company else None

    @classmethod
    def get_reason(cls, covers, name):
        lang = Pool().get('ir.lang').get()
        return {c.id: c._reason(lang) for c in covers}

    def _reason(self, lang):
        def number(quantity, digits=0):
            return lang.format_number(quantity, digits=digits)

        def in_unit(quantity):
            return lang.format_number_symbol(
                quantity, self.unit, digits=self.unit.digits)
        if not (reason := self._which_reason()):
            return ''
        used = self.daily_consumption > 0
        return gettext(
            f'stock_ext.msg_cover_reason_{reason}',
            days=used and number(
                max(self.forecast_quantity, 0) / self.daily_consumption),
            lead=number(self.lead_days),
            daily=number(self.daily_consumption, 2),
            forecast=in_unit(self.forecast_quantity),
            minimum=in_unit(self.minimum),
            date=lang.strftime(self.last_date) if self.last_date else '')

    def _which_reason(self):
        used = self.daily_consumption > 0
        if self.level == 'out':
            return 'out_used' if used else 'out'
        elif self.level == 'running_out':
            lasts = self.daily_consumption * self.lead_days
            if used and self.forecast_quantity < lasts:
                return 'late'
            return 'minimum'
        elif self.level in {'surplus', 'dead'}:
            return self.level

    def get_rec_name(self, name):
        return f'{self.product.rec_name} @ {self.warehouse.rec_name}'

    @classmethod
    def search_rec_name(cls, name, clause):
        return [('product.rec_name', *clause[1:])]

    @classmethod
    def view_attributes(cls):
        colour = If(Eval('level') == 'out', 'danger',
            If(Eval('level') == 'running_out', 'warning',
                If(Eval('level') == 'dead', 'muted',
                    If(Eval('level') == 'ok', 'success', ''))))
        return super().view_attributes() + [
            ('/tree/field[@name="level"]', 'visual', colour),
            ('/tree/field[@name="cover_days"]', 'visual', colour),
            ]

    # The query: flows of the moves, summed per week, summed in all

    @classmethod
    def table_query(cls):
        flow = Union(*cls._flows(), all_=True)
        weekly = flow.select(
            flow.product, flow.warehouse, flow.week,
            Sum(flow.quantity).as_('quantity'),
            Sum(flow.forecast_quantity).as_('forecast_quantity'),
            Sum(flow.consumption).as_('consumption'),
            Max(flow.date).as_('last_date'),
            group_by=[flow.product, flow.warehouse, flow.week])
        total = weekly.select(
            weekly.product, weekly.warehouse,
            Sum(weekly.quantity).as_('quantity'),
            Sum(weekly.forecast_quantity).as_('forecast_quantity'),
            Sum(weekly.consumption).as_('consumption'),
            Sum(weekly.consumption * weekly.consumption).as_('squares'),
            Max(weekly.last_date).as_('last_date'),
            group_by=[weekly.product, weekly.warehouse])
        return cls._rate(total)

    @classmethod
    def _today(cls):
        return Pool().get('ir.date').today()

    @classmethod
    def _start(cls):
        "Return the first day of the weeks that are looked at"
        weeks = Pool().get('stock.cover.context').value('cover_weeks')
        return cls._today() - dt.timedelta(days=7 * weeks - 1)

    @classmethod
    def _places(cls):
        "Return the query of the warehouse of each location"
        Location = Pool().get('stock.location')
        location = Location.__table__()
        warehouse = Location.__table__()
        where = warehouse.type == 'warehouse'
        if only := Transaction().context.get('cover_warehouse'):
            where &= warehouse.id == only
        return location.join(warehouse,
            condition=(location.left >= warehouse.left)
            & (location.right <= warehouse.right)
            ).select(
                location.id.as_('location'),
                warehouse.id.as_('warehouse'),
                where=where)

    @classmethod
    def _flows(cls):
        "Yield the queries whose union is summed"
        yield cls._flow('to_location', 'from_location', 1)
        yield cls._flow('from_location', 'to_location', -1)

    @classmethod
    def _flow(cls, place, other, sign):
        """Return the query of what passes the border of warehouses.

        place is the column of the location in the warehouse, other that of
        the location outside of it, sign 1 for what comes in.
        """
        pool = Pool()
        Move = pool.get('stock.move')
        Location = pool.get('stock.location')
        today = cls._today()
        move = Move.__table__()
        inside, outside = cls._places(), cls._places()
        location = Location.__table__()
        quantity = move.internal_quantity * sign
        date = Coalesce(move.effective_date, move.planned_date)
        done = (move.state == 'done') & (date <= today)
        planned = (
            move.state.in_(['done', 'assigned', 'draft'])
            & ((move.state == 'assigned')
                | (Coalesce(date, dt.date.max) >= today)))
        used = done & (date >= cls._start()) & cls._is_used(
            move, location, sign)
        return (move
            .join(inside, condition=getattr(move, place) == inside.location)
            .join(location, condition=getattr(move, other) == location.id)
            .join(outside, 'LEFT',
                condition=(getattr(move, other) == outside.location)
                & (outside.warehouse == inside.warehouse))
            .select(
                move.product.as_('product'),
                inside.warehouse.as_('warehouse'),
                Case((used, week(date, cls._start())), else_=Null
                    ).as_('week'),
                Case((done, quantity), else_=0).as_('quantity'),
                Case((done | planned, quantity), else_=0
                    ).as_('forecast_quantity'),
                Case((used, -quantity), else_=0).as_('consumption'),
                Case((done, date), else_=Null).as_('date'),
                where=(outside.location == Null)
                & (done | planned)
                & (move.company == Transaction().context.get('company', -1))))

    @classmethod
    def _is_used(cls, move, location, sign):
        "Return the clause of the moves that use goods, or bring them back"
        if sign > 0:
            return location.type.in_(['customer', 'production'])
        return (
            location.type.in_(
                ['customer', 'production', 'storage', 'lost_found', 'rental'])
            & ~Coalesce(move.origin, '').like('stock.inventory.line,%'))

    @classmethod
    def _rate(cls, total):
        "Return the query of the columns of the model"
        pool = Pool()
        CostPrice = pool.get('product.cost_price')
        Context = pool.get('stock.cover.context')
        company = Transaction().context.get('company', -1)
        weeks = Context.value('cover_weeks')
        cost = CostPrice.__table__()
        price = Coalesce(Cast(cost.cost_price, cls.quantity._sql_type), 0)
        value = total.consumption * price
        partition = [total.warehouse]
        mean = total.consumption / weeks
        variance = total.squares / weeks - mean * mean
        daily = total.consumption / (7 * weeks)
        from_item, minimum, lead_days = cls._joins(
            total.join(cost, 'LEFT',
                condition=(cost.product == total.product)
                & (cost.company == company)),
            total)
        rated = from_item.select(
            cls._number(total).as_('id'),
            Literal(company).as_('company'),
            total.product.as_('product'),
            total.warehouse.as_('warehouse'),
            rounded(total.quantity).as_('quantity'),
            rounded(total.forecast_quantity).as_('forecast_quantity'),
            Coalesce(minimum, 0).as_('minimum'),
            daily.as_('daily_consumption'),
            rounded(
                Coalesce(lead_days, Context.value('cover_lead_days')), 1
                ).as_('lead_days'),
            total.last_date.as_('last_date'),
            (total.quantity * price).as_('value'),
            value.as_('consumed'),
            Sum(value, window=Window(
                    partition, order_by=[value.desc, total.product.asc])
                ).as_('cumulated'),
            Sum(value, window=Window(partition)).as_('all'),
            mean.as_('mean'), variance.as_('variance'))
        return rated.select(*cls._columns(rated), where=cls._where(rated))

    @classmethod
    def _number(cls, total):
        "Return the SQL of a number that stays that of product and warehouse"
        Location = Pool().get('stock.location')
        location = Location.__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*location.select(
                location.id, where=location.type == 'warehouse',
                order_by=[location.id]))
        warehouses = [id for id, in cursor]
        step = 1 << len(warehouses).bit_length()
        ranks = [(total.warehouse == w, i) for i, w in enumerate(warehouses)]
        return total.product * step + Case(*ranks, else_=0)

    @classmethod
    def _joins(cls, from_item, total):
        "Return the from item with the SQL of the minimum and the lead days"
        return from_item, Literal(0), Null

    @classmethod
    def _where(cls, rated):
        return (
            (rated.quantity != 0) | (rated.mean > 0) | (rated.minimum > 0)
            | (rated.forecast_quantity < 0))

    @classmethod
    def _columns(cls, rated):
        cover = Case(
            (rated.quantity <= 0, 0),
            (rated.daily_consumption > 0,
                rated.quantity / rated.daily_consumption),
            else_=Null)
        for name in ['id', 'company', 'product', 'warehouse', 'quantity',
                'forecast_quantity', 'minimum', 'lead_days', 'last_date']:
            yield getattr(rated, name).as_(name)
        yield rounded(rated.daily_consumption).as_('daily_consumption')
        yield rounded(cover, 1).as_('cover_days')
        yield cls.value.sql_cast(
            Round(Cast(rated.value, 'NUMERIC'), cls._currency_digits())
            ).as_('value')
        yield cls._level(rated, cover).as_('level')
        before = rated.cumulated - rated.consumed
        square = rated.mean * rated.mean
        yield Case(
            (rated.mean <= 0, 'c'),
            (before < rated.all * A_SHARE, 'a'),
            (before < rated.all * B_SHARE, 'b'),
            else_='c').as_('abc')
        yield Case(
            (rated.mean <= 0, 'z'),
            (rated.variance <= square * X_VARIATION ** 2, 'x'),
            (rated.variance <= square * Y_VARIATION ** 2, 'y'),
            else_='z').as_('xyz')

    @classmethod
    def _currency_digits(cls):
        Company = Pool().get('company.company')
        company = Transaction().context.get('company', -1)
        return Company(company).currency.digits if company >= 0 else 0

    @classmethod
    def _level(cls, rated, cover):
        Context = Pool().get('stock.cover.context')
        used = rated.daily_consumption > 0
        return Case(
            (rated.quantity <= 0, 'out'),
            (used & (rated.forecast_quantity
                    < rated.daily_consumption * rated.lead_days),
                'running_out'),
            (rated.forecast_quantity < rated.minimum, 'running_out'),
            (~used & (Coalesce(rated.last_date, dt.date.min)
                    < cls._start()), 'dead'),
            (used & (cover > Context.value('cover_surplus_days')),
                'surplus'),
            else_='ok')

    # The notice

    @classmethod
    def notify(cls, date=None):
        """Tell the custodians what is out or runs out, each by one notice.

        Who has been told since the beginning of date, today by default, is
        not told again.
        """
        pool = Pool()
        Location = pool.get('stock.location')
        User = pool.get('res.user')
        date = date or cls._today()
        covers = cls.search([('level', 'in', ['out', 'running_out'])])
        warehouses = {c.warehouse for c in covers}
        places = {
            w: [w, w.storage_location] for w in warehouses}
        custodians = Location.custodians(
            {p for ps in places.values() for p in ps})
        by_employee = defaultdict(list)
        for cover in covers:
            employee = next((
                    custodians[p.id] for p in places[cover.warehouse]
                    if custodians[p.id]), None)
            if employee:
                by_employee[employee].append(cover)
        users = User.search(
            [('employees', 'in', [e.id for e in by_employee])])
        told = cls._told(users, date)
        for user in users:
            records = [
                c for e in user.employees for c in by_employee.get(e, [])]
            if user.id not in told and records:
                cls.notify_user(
                    records, 'tryton-warning',
                    gettext('stock_ext.msg_cover_notice',
                        number=len(records)),
                    '; '.join(
                        f'{c.product.rec_name}: {c.reason}'
                        for c in records[:3]),
                    user=user)

    @classmethod
    def _told(cls, users, date):
        "Return the ids of the users who were told since the start of date"
        pool = Pool()
        Company = pool.get('company.company')
        Notification = pool.get('res.notification')
        company = Transaction().context.get('company')
        company = (
            Company(company) if company is not None and company >= 0
            else None)
        notifications = Notification.search([
                ('user', 'in', [u.id for u in users]),
                ('model', '=', cls.__name__),
                ('create_date', '>=', day_start(company, date)),
                ])
        return {n.user.id for n in notifications}


class Cron(metaclass=PoolMeta):
    __name__ = 'ir.cron'

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.method.selection.append(
            ('stock.cover|notify', "Notify What Runs Out"))
