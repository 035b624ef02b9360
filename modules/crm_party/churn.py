# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from dateutil.relativedelta import relativedelta
from sql import Cast, Literal, Null, Select, Union, Window
from sql.aggregate import Count, Min, Sum
from sql.conditionals import Coalesce
from sql.functions import Extract, Lag, Lead

from trytond.model import ModelSQL, ModelView, fields
from trytond.pool import Pool
from trytond.pyson import Eval, If
from trytond.transaction import Transaction

from .analysis import CustomerAbstract
from .kernel.worth import churn_rates
from .tools import add_days, days_between
from .turnover import turnover

_KINDS = [
    ('new', "New"),
    ('won_back', "Won Back"),
    ('lost', "Lost"),
    ]


class _ContextMixin:
    "Reads the context of the analysis"
    __slots__ = ()

    @classmethod
    def get_period(cls):
        """Return the first and the last day, from the context.

        The last twelve months by default.
        """
        Date = Pool().get('ir.date')
        context = Transaction().context
        end = context.get('to_date') or Date.today()
        start = context.get('from_date') or (
            end.replace(day=1) - relativedelta(months=11))
        return start, end

    @classmethod
    def get_lost_days(cls):
        "Return the days without a purchase after which a customer is lost"
        Configuration = Pool().get('crm.configuration')
        context = Transaction().context
        return (context.get('lost_days')
            or Configuration(1).get_multivalue(
                'lost_days', company=context.get('company')))


class ChurnEvent(_ContextMixin, CustomerAbstract):
    __name__ = 'crm.churn.event'
    __string__ = "Customer Won or Lost"

    date = fields.Date("Date")
    month = fields.Many2One('crm.churn', "Month")
    kind = fields.Selection(_KINDS, "Kind", sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('date', 'DESC'), ('id', 'DESC')]

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual', If(Eval('kind') == 'lost', 'danger',
                    If(Eval('kind') == 'won_back', 'success', ''))),
            ]

    @classmethod
    def table_query(cls):
        Profile = Pool().get('crm.profile')
        context = Transaction().context
        _, end = cls.get_period()
        days = cls.get_lost_days()
        purchases = cls._get_purchases(end)
        profile = Profile.__table__()
        last = cls.date.sql_cast(Literal(end))
        late = days_between(purchases.date, purchases.next) >= days
        gone = add_days(purchases.date, Literal(days))
        parts = [
            ('new', purchases.date, purchases.previous == Null),
            ('won_back', purchases.date,
                days_between(purchases.previous, purchases.date) >= days),
            ('lost', gone,
                ((purchases.next == Null) | late) & (gone <= last)),
            ]
        events = Union(*(
                purchases.select(
                    (purchases.id * len(parts) + i).as_('id'),
                    purchases.company.as_('company'),
                    purchases.party.as_('party'),
                    cls.date.sql_cast(date).as_('date'),
                    Literal(kind).as_('kind'),
                    where=where)
                for i, (kind, date, where) in enumerate(parts)), all_=True)
        where = Literal(True)
        for name in ['manager', 'branch']:
            if context.get(name):
                where &= getattr(profile, name) == context[name]
        return events.join(profile, 'LEFT',
            condition=(profile.party == events.party)
            & (profile.company == events.company)
            ).select(
            events.id.as_('id'),
            events.company.as_('company'),
            events.party.as_('party'),
            profile.manager.as_('manager'),
            profile.branch.as_('branch'),
            events.date.as_('date'),
            Cast(Extract('YEAR', events.date) * 100
                + Extract('MONTH', events.date), 'INTEGER').as_('month'),
            events.kind.as_('kind'),
            where=where)

    @classmethod
    def _get_purchases(cls, end):
        "Return the query of the days with purchases and their neighbours"
        documents = turnover(end=end)
        days = documents.select(
            documents.company, documents.party, documents.date,
            cls.id.sql_cast(Min(documents.id)).as_('id'),
            where=documents.amount > 0,
            group_by=[documents.company, documents.party, documents.date])
        window = Window(
            [days.company, days.party], order_by=[days.date.asc])
        return days.select(
            days.id, days.company, days.party, days.date,
            Lag(days.date, window=window).as_('previous'),
            Lead(days.date, window=window).as_('next'))


class Churn(_ContextMixin, ModelSQL, ModelView):
    __name__ = 'crm.churn'
    __string__ = "Churn"

    company = fields.Many2One('company.company', "Company")
    month = fields.Date("Month", help="The first day of the month.")
    start = fields.Integer(
        "At Start", help="The customers at the start of the month.")
    new = fields.Integer(
        "New", help="Customers who bought for the first time.")
    won_back = fields.Integer(
        "Won Back", help="Lost customers who bought again.")
    lost = fields.Integer(
        "Lost", help="Customers who have not bought for too long.")
    end = fields.Integer(
        "At End",
        help="Start, new and won back less lost.")
    rate = fields.Function(
        fields.Float(
            "Churn", digits=(1, 4),
            help="Lost of those at the start, empty without any."),
        'get_rates')
    yearly_rate = fields.Function(
        fields.Float(
            "Churn in a Year", digits=(1, 4),
            help="What the rate of the month means when it lasts a year."),
        'get_rates')
    lifetime = fields.Function(
        fields.Float(
            "Lifetime", digits=(16, 1),
            help="The months a customer stays at the rate of the month."),
        'get_rates')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('month', 'DESC'), ('id', 'DESC')]

    @classmethod
    def get_rec_name(cls, records, name):
        pool = Pool()
        lang = pool.get('ir.lang').get()
        return {r.id: lang.strftime(r.month, '%B %Y') for r in records}

    @classmethod
    def table_query(cls):
        Event = Pool().get('crm.churn.event')
        event = Event.__table__()
        counts = event.select(
            event.month,
            *(Count(filter_=event.kind == kind).as_(kind)
                for kind, _ in _KINDS),
            where=event.company == Transaction().context.get('company', -1),
            group_by=event.month)
        months = cls._get_months()
        return months.join(counts, 'LEFT',
            condition=counts.month <= months.id
            ).select(*cls._get_columns(months, counts),
            # The months of each company have the same ids
            where=Literal(bool(Transaction().context.get('company'))),
            group_by=[months.id, months.date])

    @classmethod
    def _get_columns(cls, months, counts):
        here = counts.month == months.id
        before = counts.month < months.id

        def total(column, when):
            return Coalesce(Sum(column, filter_=when), 0)
        net = counts.new + counts.won_back - counts.lost
        company = Transaction().context.get('company', -1)
        return [
            months.id.as_('id'),
            cls.company.sql_cast(Literal(company)).as_('company'),
            months.date.as_('month'),
            cls.start.sql_cast(total(net, before)).as_('start'),
            *(cls.new.sql_cast(total(getattr(counts, kind), here)).as_(kind)
                for kind, _ in _KINDS),
            cls.end.sql_cast(total(net, here | before)).as_('end'),
            ]

    @classmethod
    def _get_months(cls):
        "Return the query of the months, also of those without events"
        start, end = cls.get_period()
        month = start.replace(day=1)
        queries = []
        while month <= end:
            queries.append(Select([
                        Literal(month.year * 100 + month.month).as_('id'),
                        cls.month.sql_cast(Literal(month)).as_('date')]))
            month += relativedelta(months=1)
        return Union(*queries, all_=True)

    @classmethod
    def get_rates(cls, records, names):
        result = {n: {} for n in names}
        for record in records:
            values = dict(zip(
                    ['rate', 'yearly_rate', 'lifetime'],
                    churn_rates(record.start, record.lost)))
            for name in names:
                value = values[name]
                if value is not None:
                    value = round(value, cls._fields[name].digits[1])
                result[name][record.id] = value
        return result


class ChurnContext(ModelView):
    __name__ = 'crm.churn.context'
    __string__ = "Churn Context"

    from_date = fields.Date(
        "From Date",
        domain=[
            If(Eval('to_date') & Eval('from_date'),
                ('from_date', '<=', Eval('to_date', None)),
                ()),
            ])
    to_date = fields.Date(
        "To Date",
        domain=[
            If(Eval('from_date') & Eval('to_date'),
                ('to_date', '>=', Eval('from_date', None)),
                ()),
            ])
    lost_days = fields.Integer(
        "Lost After",
        domain=['OR',
            ('lost_days', '=', None),
            ('lost_days', '>', 0),
            ],
        help="The days without a purchase after which a customer is lost.")
    manager = fields.Many2One('company.employee', "Manager")
    branch = fields.Many2One('crm.branch', "Branch")

    @classmethod
    def default_from_date(cls):
        return cls.default_to_date().replace(day=1) - relativedelta(months=11)

    @classmethod
    def default_to_date(cls):
        return Pool().get('ir.date').today()

    @classmethod
    def default_lost_days(cls):
        Configuration = Pool().get('crm.configuration')
        return Configuration(1).get_multivalue(
            'lost_days', company=Transaction().context.get('company'))
