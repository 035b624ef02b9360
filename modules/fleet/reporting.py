# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt
from collections import defaultdict

from dateutil.relativedelta import relativedelta
from sql import Literal, Null, NullsFirst, NullsLast, Union, Window, With
from sql.aggregate import Count, Max, Min, Sum
from sql.conditionals import Case, Coalesce, NullIf
from sql.functions import DateTrunc, Round, RowNumber

from caravan.days import day_start, local_day
from trytond.i18n import lazy_gettext
from trytond.model import ModelSQL, ModelView, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Eval, If
from trytond.transaction import Transaction, without_check_access

from .booking import LIVE
from .cost import CATEGORIES
from .tools import now
from .trip import DONE

# What the branches of the facts give
_SUMS = ['trips', 'km', 'empty_km', 'norm', 'litres', 'revenue', 'cost']


class ReportingContext(ModelView):
    __name__ = 'fleet.reporting.context'

    company = fields.Many2One('company.company', "Company", required=True)
    from_date = fields.Date("From Date", domain=[
            If(Eval('to_date') & Eval('from_date'),
                ('from_date', '<=', Eval('to_date')), ()),
            ])
    to_date = fields.Date("To Date", domain=[
            If(Eval('from_date') & Eval('to_date'),
                ('to_date', '>=', Eval('from_date')), ()),
            ],
        help="Trips count on the day they arrive.")
    period = fields.Selection([
            ('year', "Year"),
            ('month', "Month"),
            ('day', "Day"),
            ], "Period", required=True, sort=False)

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_from_date(cls):
        today = Pool().get('ir.date').today()
        return Transaction().context.get(
            'from_date', today - relativedelta(years=1))

    @classmethod
    def default_to_date(cls):
        return Transaction().context.get(
            'to_date', Pool().get('ir.date').today())

    @classmethod
    def default_period(cls):
        return Transaction().context.get('period', 'month')


class Facts:
    """The facts of a report: what trips did, earned and cost.

    Each branch is grouped by the keys of the report first, so that the union
    is small however many rows there are.
    """

    def __init__(self, report):
        self.report = report
        self.keys = report._keys
        pool = Pool()
        Company = pool.get('company.company')
        company = Transaction().context.get('company')
        self.company = Company(company) if company is not None else None
        self.Cost = pool.get('fleet.cost')
        self.Trip = pool.get('fleet.trip')
        self.relation = pool.get('fleet.trip-fleet.order').__table__()
        self.order = pool.get('fleet.order').__table__()

    def day(self, at):
        "Return the day of the company of a UTC time"
        return local_day(self.Cost.date, at, self.company)

    def where(self, company, date):
        context = Transaction().context
        where = company == context.get('company')
        if context.get('from_date'):
            where &= date >= context['from_date']
        if context.get('to_date'):
            where &= date <= context['to_date']
        return where

    def _shares(self):
        "Return a query of the number of orders of each trip"
        relation = Pool().get('fleet.trip-fleet.order').__table__()
        return relation.select(
            relation.trip, Count(relation.order).as_('orders'),
            group_by=relation.trip)

    def _first_orders(self):
        "Return a query of the first order of each trip and customer"
        pool = Pool()
        relation = pool.get('fleet.trip-fleet.order').__table__()
        order = pool.get('fleet.order').__table__()
        return relation.join(
            order, condition=relation.order == order.id).select(
                relation.trip, Min(relation.order).as_('order'),
                group_by=[relation.trip, order.party])

    def _by_order(self, from_, trip_id):
        "Return from_ with the orders of the trip, and the part of each"
        if 'customer' not in self.keys:
            return from_, Literal(1)
        shares = self._shares()
        from_ = (from_
            .join(shares, 'LEFT', condition=shares.trip == trip_id)
            .join(self.relation, 'LEFT',
                condition=self.relation.trip == trip_id)
            .join(self.order, 'LEFT',
                condition=self.relation.order == self.order.id))
        return from_, Literal(1.0) / Coalesce(shares.orders, 1)

    def _city(self, trip_id, first):
        "Return the city of the first or last stop"
        pool = Pool()
        stop = pool.get('fleet.trip.stop').__table__()
        address = pool.get('party.address').__table__()
        sequence = (
            NullsFirst(stop.sequence.asc) if first
            else NullsLast(stop.sequence.desc))
        id_ = stop.id.asc if first else stop.id.desc
        return stop.join(
            address, condition=stop.address == address.id).select(
            address.city, where=stop.trip == trip_id,
            order_by=[sequence, id_], limit=1)

    def _key(self, name, trip, cost=None):
        date = self.day(trip.arrival) if cost is None else cost.date
        row = trip if cost is None else cost
        if name == 'customer':
            return self.order.party
        if name == 'category':
            return row.category
        if name == 'period':
            return self.Cost.date.sql_cast(DateTrunc(
                    Transaction().context.get('period', 'month'), date))
        if name in {'from_city', 'to_city'}:
            return self._city(trip.id, name == 'from_city')
        return getattr(row, name)

    def _select(self, from_, company, keys, where, **sums):
        inner = from_.select(
            company.as_('company'),
            *(k.as_(n) for n, k in zip(self.keys, keys)),
            *((sums.get(n) or Literal(0)).as_(n) for n in _SUMS),
            where=where)
        names = [getattr(inner, n) for n in self.keys]
        return inner.select(
            inner.company.as_('company'),
            *(n.as_(k) for k, n in zip(self.keys, names)),
            *(Sum(getattr(inner, n)).as_(n) for n in _SUMS),
            group_by=[inner.company, *names])

    def trips(self):
        trip = self.Trip.__table__()
        from_, part = self._by_order(trip, trip.id)
        trips = Literal(1)
        if 'customer' in self.keys:
            # Each trip once, however many of its orders are the customer's
            first = self._first_orders()
            from_ = from_.join(first, 'LEFT', condition=(
                    (first.trip == trip.id)
                    & (first.order == self.order.id)))
            trips = Case((first.order != Null, 1), else_=0)
        return self._select(
            from_, trip.company,
            [self._key(k, trip) for k in self.keys],
            self.where(trip.company, self.day(trip.arrival))
            & trip.state.in_(list(DONE)),
            trips=trips, km=trip.km * part,
            empty_km=(trip.km - trip.loaded_km) * part,
            norm=trip.fuel_norm * part)

    def costs(self):
        cost = self.Cost.__table__()
        trip = self.Trip.__table__()
        from_, part = cost, Literal(1)
        where = self.where(cost.company, cost.date)
        if set(self.keys) & {'customer', 'from_city', 'to_city'}:
            from_ = cost.join(trip, condition=cost.trip == trip.id)
        if 'customer' in self.keys:
            from_, part = self._by_order(from_, trip.id)
        fuel = Case((cost.category == 'fuel', cost.quantity), else_=0)
        return self._select(
            from_, cost.company,
            [self._key(k, trip, cost) for k in self.keys], where,
            litres=fuel * part, cost=cost.amount * part)

    def revenues(self):
        "Return what the orders of the trips earned, shared among their trips"
        pool = Pool()
        Currency = pool.get('currency.currency')
        company = pool.get('company.company').__table__()
        trip, other = self.Trip.__table__(), self.Trip.__table__()
        relation = pool.get('fleet.trip-fleet.order').__table__()
        shares = (relation
            .join(other, condition=(relation.trip == other.id)
                & (other.state != 'cancelled'))
            .select(
                relation.order, Count(relation.trip).as_('trips'),
                group_by=relation.order))
        rates = [
            With(query=Currency.currency_rate_sql()) for _ in range(2)]
        date = self.day(trip.arrival)

        def of_day(rate, currency):
            return (
                (rate.currency == currency) & (rate.start_date <= date)
                & ((rate.end_date == Null) | (rate.end_date > date)))
        self.withs = rates
        from_, to = rates
        query = (self.relation
            .join(trip, condition=self.relation.trip == trip.id)
            .join(company, condition=trip.company == company.id)
            .join(self.order, condition=self.relation.order == self.order.id)
            .join(shares, condition=shares.order == self.order.id)
            .join(from_, 'LEFT', condition=of_day(from_, self.order.currency))
            .join(to, 'LEFT', condition=of_day(to, company.currency)))
        rate = Case(
            (self.order.currency == company.currency, 1),
            else_=to.rate / from_.rate)
        return self._select(
            query, trip.company,
            [self._key(k, trip) for k in self.keys],
            self.where(trip.company, date) & trip.state.in_(list(DONE))
            & (self.order.amount != Null),
            revenue=self.order.amount * rate / shares.trips)

    def query(self):
        if 'category' in self.keys:
            self.withs = []
            return self.costs()
        return Union(
            self.trips(), self.costs(), self.revenues(), all_=True)


def _msg(name):
    return lazy_gettext(f'fleet.msg_reporting_{name}')


class _ReportingMixin(ModelSQL, ModelView):
    __slots__ = ()
    _keys = []
    _row_id = None

    company = fields.Many2One('company.company', _msg('company'))
    currency = fields.Many2One('currency.currency', _msg('currency'))
    cost = Monetary(_msg('cost'), currency='currency', digits='currency')
    litres = fields.Float(_msg('litres'), digits=(16, 1))

    @classmethod
    def table_query(cls):
        pool = Pool()
        company = pool.get('company.company').__table__()
        currency = pool.get('currency.currency').__table__()
        source = Facts(cls)
        facts = source.query()
        sums = {n: Sum(getattr(facts, n)) for n in _SUMS}
        keys = [getattr(facts, k) for k in cls._keys]
        where = keys[0] != Null
        id_ = RowNumber(window=Window([], order_by=[k.asc for k in keys]))
        if cls._row_id:
            id_ = getattr(facts, cls._row_id)
        return (facts
            .join(company, condition=facts.company == company.id)
            .join(currency, condition=company.currency == currency.id)
            .select(
                id_.as_('id'), facts.company.as_('company'),
                *(k.as_('date' if n == 'period' else n)
                    for k, n in zip(keys, cls._keys)),
                Max(currency.id).as_('currency'),
                *(c.as_(n) for n, c in cls._measures(
                        sums, Max(currency.digits)).items()),
                where=where,
                group_by=[facts.company, *keys], with_=source.withs))

    @classmethod
    def _measures(cls, sums, digits):
        return {
            'cost': Round(cls.cost.sql_cast(sums['cost']), digits),
            'litres': cls._tenth('litres', sums['litres']),
            }

    @classmethod
    def _tenth(cls, name, value):
        "Return the column of a float rounded as it is shown"
        # PostgreSQL rounds numerics only
        return getattr(cls, name).sql_cast(
            Round(cls.cost.sql_cast(value), 1))

    def get_rec_name(self, name):
        return ''


class _TripReportingMixin(_ReportingMixin):
    __slots__ = ()

    trips = fields.Integer(_msg('trips'))
    km = fields.Float(_msg('km'), digits=(16, 1))
    empty_share = fields.Float(
        _msg('empty_share'), digits=(16, 1), help=_msg('empty_share_help'))
    consumption = fields.Float(
        _msg('consumption'), digits=(16, 1), help=_msg('consumption_help'))
    over_norm = fields.Float(
        _msg('over_norm'), digits=(16, 1), help=_msg('over_norm_help'))
    revenue = Monetary(
        _msg('revenue'), currency='currency', digits='currency')
    profit = Monetary(_msg('profit'), currency='currency', digits='currency')
    cost_per_km = fields.Numeric(
        _msg('cost_per_km'), digits=(16, 3), help=_msg('cost_per_km_help'))

    @classmethod
    def _measures(cls, sums, digits):
        # No kilometres, no share of them
        km = NullIf(sums['km'], 0)
        revenue = Round(cls.revenue.sql_cast(sums['revenue']), digits)
        measures = super()._measures(sums, digits)
        return {
            **measures,
            'trips': sums['trips'],
            'km': cls._tenth('km', sums['km']),
            'empty_share': cls._tenth(
                'empty_share', sums['empty_km'] * 100.0 / km),
            'consumption': cls._tenth(
                'consumption', sums['litres'] * 100.0 / km),
            'over_norm': cls._tenth('over_norm', Case(
                    (sums['norm'] > 0, sums['litres'] - sums['norm']))),
            'revenue': revenue,
            'profit': revenue - measures['cost'],
            'cost_per_km': Round(
                cls.cost_per_km.sql_cast(sums['cost'] * 1.0 / km), 3),
            }

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree/field[@name="profit"]', 'visual',
                If(Eval('profit', 0) < 0, 'danger', '')),
            ('/tree/field[@name="over_norm"]', 'visual',
                If(Eval('over_norm', 0) > 0, 'warning', '')),
            ]


class _TimeSeriesMixin:
    __slots__ = ()

    date = fields.Date(_msg('date'))

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('date', 'ASC'), ('id', 'ASC')]


class _VehicleMixin(_TripReportingMixin):
    __slots__ = ()
    _keys = ['vehicle']
    _row_id = 'vehicle'

    vehicle = fields.Many2One('fleet.vehicle', _msg('vehicle'))


class _DriverMixin(_TripReportingMixin):
    __slots__ = ()
    _keys = ['driver']
    _row_id = 'driver'

    driver = fields.Many2One('fleet.driver', _msg('driver'))


class _CustomerMixin(_TripReportingMixin):
    __slots__ = ()
    _keys = ['customer']
    _row_id = 'customer'

    customer = fields.Many2One(
        'party.party', _msg('customer'),
        context={
            'company': Eval('company', -1),
            },
        depends={'company'})


class _RouteMixin(_TripReportingMixin):
    __slots__ = ()
    _keys = ['from_city', 'to_city']

    from_city = fields.Char(_msg('from_city'))
    to_city = fields.Char(_msg('to_city'))


class _CategoryMixin(_ReportingMixin):
    __slots__ = ()
    _keys = ['category']

    category = fields.Selection(CATEGORIES, _msg('category'), sort=False)


class ReportingVehicle(_VehicleMixin):
    __name__ = 'fleet.reporting.vehicle'

    workshop_days = fields.Function(fields.Float(
            _msg('workshop_days'), digits=(16, 1),
            help=_msg('workshop_days_help')), 'get_days')
    utilisation = fields.Function(fields.Float(
            _msg('utilisation'), digits=(16, 1),
            help=_msg('utilisation_help')), 'get_days')

    @classmethod
    @without_check_access
    def get_days(cls, records, names):
        """Return the days in the workshop and the part of the time on trips.

        By the bookings in the period of the context, up to now.
        """
        pool = Pool()
        Booking = pool.get('fleet.booking')
        Company = pool.get('company.company')
        context = Transaction().context
        company = Company(context['company'])
        today = pool.get('ir.date').today()
        to_date = min(context.get('to_date') or today, today)
        from_date = context.get('from_date') or (
            to_date - dt.timedelta(days=365))
        start, end = (
            day_start(company, day)
            for day in [from_date, to_date + dt.timedelta(days=1)])
        end = min(end, now())
        if end <= start:
            return {n: dict.fromkeys([r.id for r in records], 0.)
                for n in names}
        spent = defaultdict(lambda: defaultdict(dt.timedelta))
        for booking in Booking.search([
                    ('vehicle', 'in', [r.vehicle.id for r in records]),
                    ('state', 'in', list(LIVE)),
                    ('kind', 'in', ['trip', 'service']),
                    ('start', '<', end),
                    ['OR', ('end', '=', None), ('end', '>', start)],
                    ], order=[]):
            spent[booking.vehicle][booking.kind] += (
                min(booking.end or end, end) - max(booking.start, start))
        day = dt.timedelta(days=1)
        result = {
            'workshop_days': {
                r.id: round(spent[r.vehicle]['service'] / day, 1)
                for r in records},
            'utilisation': {
                r.id: round(100 * spent[r.vehicle]['trip'] / (end - start), 1)
                for r in records},
            }
        return {n: result[n] for n in names}


class ReportingVehicleTimeSeries(_TimeSeriesMixin, _VehicleMixin):
    __name__ = 'fleet.reporting.vehicle.time_series'
    _keys = ['vehicle', 'period']
    _row_id = None


class ReportingDriver(_DriverMixin):
    __name__ = 'fleet.reporting.driver'


class ReportingDriverTimeSeries(_TimeSeriesMixin, _DriverMixin):
    __name__ = 'fleet.reporting.driver.time_series'
    _keys = ['driver', 'period']
    _row_id = None


class ReportingCustomer(_CustomerMixin):
    __name__ = 'fleet.reporting.customer'


class ReportingCustomerTimeSeries(_TimeSeriesMixin, _CustomerMixin):
    __name__ = 'fleet.reporting.customer.time_series'
    _keys = ['customer', 'period']
    _row_id = None


class ReportingRoute(_RouteMixin):
    __name__ = 'fleet.reporting.route'


class ReportingRouteTimeSeries(_TimeSeriesMixin, _RouteMixin):
    __name__ = 'fleet.reporting.route.time_series'
    _keys = ['from_city', 'to_city', 'period']


class ReportingCategory(_CategoryMixin):
    __name__ = 'fleet.reporting.category'


class ReportingCategoryTimeSeries(_TimeSeriesMixin, _CategoryMixin):
    __name__ = 'fleet.reporting.category.time_series'
    _keys = ['category', 'period']
