# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What lists, graphs and the board tell about all loans."""
import datetime as dt

from dateutil.relativedelta import relativedelta
from sql import Literal, Null, Union, Window
from sql.aggregate import Avg, Count, Min, Sum
from sql.conditionals import Case, Coalesce, NullIf
from sql.functions import DateTrunc, Round

from trytond import backend
from trytond.model import ModelSQL, ModelView, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Eval, If
from trytond.transaction import Transaction

from .terms import SIDES
from .tools import days_between

_APPROVED = ['approved', 'active', 'closed', 'written_off', 'refinanced']


def _money(string, help=''):
    return Monetary(string, currency='currency', digits='currency', help=help)


def _rate(string, help=''):
    return fields.Numeric(string, digits=(16, 4), help=help)


class Context(ModelView):
    __name__ = 'loan.reporting.context'

    company = fields.Many2One('company.company', "Company", required=True)
    from_date = fields.Date("From Date",
        domain=[
            If(Eval('to_date') & Eval('from_date'),
                ('from_date', '<=', Eval('to_date')),
                ()),
            ])
    to_date = fields.Date("To Date",
        domain=[
            If(Eval('from_date') & Eval('to_date'),
                ('to_date', '>=', Eval('from_date')),
                ()),
            ])

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_from_date(cls):
        context = Transaction().context
        if 'from_date' in context:
            return context['from_date']
        return Pool().get('ir.date').today() - relativedelta(years=1)

    @classmethod
    def default_to_date(cls):
        return Transaction().context.get('to_date')


class Abstract(ModelSQL, ModelView):
    "What is told for a company and a currency"

    company = fields.Many2One('company.company', "Company")
    currency = fields.Many2One('currency.currency', "Currency")

    @classmethod
    def _amount(cls, name, expression):
        "Return the column of an amount"
        return getattr(cls, name).sql_cast(
            Round(Coalesce(expression, 0), 6)).as_(name)

    @classmethod
    def _part(cls, name, part, whole):
        "Return the column of the part of a whole, empty without one"
        # Integers are divided without a rest by SQLite, only numerics are
        # rounded by PostgreSQL
        cast = getattr(cls, name).sql_cast
        if backend.name == 'sqlite':
            part = part * 1.0
        return cast(Round(cast(part) / NullIf(whole, 0), 4)).as_(name)

    @classmethod
    def _month(cls, date):
        # Grouped by its name, which no column of the tables must have
        return cls.date.sql_cast(DateTrunc('month', date)).as_('date')

    @classmethod
    def _within(cls, loan, date=None):
        "Return the condition of the context"
        context = Transaction().context
        where = loan.company == context.get('company', -1)
        if date is not None:
            if from_date := context.get('from_date'):
                where &= date >= from_date
            if to_date := context.get('to_date'):
                where &= date <= to_date
        return where

    @classmethod
    def _positions(cls):
        """Return (loan, position, late) of the loans, to be joined.

        loan is the table, position what is outstanding, late since when.
        """
        Loan = Pool().get('loan.loan')
        loan, inner = Loan.__table__(), Loan.__table__()
        position = Loan.outstanding_query(
            inner.company == Transaction().context.get('company', -1), inner)
        late = Loan.late_query()
        return loan, position, late

    @classmethod
    def _at_risk(cls, position, late, days):
        "Return the principal of loans late for days or more"
        since = Pool().get('ir.date').today() - dt.timedelta(days=days)
        return Sum(Case((
                    (late.since <= since) & (position.state == 'active'),
                    position.outstanding), else_=0))


# Applications

class Application(Abstract):
    "The applications by what became of them"

    applications = fields.Integer("Applications")
    pending = fields.Integer("Pending")
    approved = fields.Integer("Approved")
    rejected = fields.Integer("Rejected")
    withdrawn = fields.Integer("Withdrawn")
    requested = _money("Requested")
    granted = _money("Granted", "What was approved.")
    approval_rate = _rate(
        "Approval Rate", "The part of the decisions that approved.")
    decision_days = fields.Numeric(
        "Days to Decision", digits=(16, 1),
        help="From the application to the decision, on average.")

    @classmethod
    def table_query(cls):
        loan = Pool().get('loan.loan').__table__()
        return loan.select(
            *cls._columns(loan), *cls._by(loan),
            where=cls._within(loan, loan.application_date)
            & ~loan.state.in_(['draft', 'cancelled']),
            group_by=[loan.company, loan.currency, *cls._by(loan)])

    @classmethod
    def _columns(cls, loan):
        def of(*states):
            return Count(Literal(1), filter_=loan.state.in_(states))
        approved, rejected = of(*_APPROVED), of('rejected')
        days = cls.decision_days.sql_cast(
            days_between(loan.application_date, loan.decision_date))
        return [
            Min(loan.id).as_('id'),
            loan.company.as_('company'),
            loan.currency.as_('currency'),
            Count(Literal(1)).as_('applications'),
            of('submitted').as_('pending'),
            approved.as_('approved'),
            rejected.as_('rejected'),
            of('withdrawn').as_('withdrawn'),
            cls._amount('requested', Sum(loan.amount_requested)),
            cls._amount('granted', Sum(Case((
                            loan.state.in_(_APPROVED), loan.amount_approved),
                        else_=0))),
            cls._part('approval_rate', approved, approved + rejected),
            cls.decision_days.sql_cast(Round(Avg(days), 1)).as_(
                'decision_days'),
            ]

    @classmethod
    def _by(cls, loan):
        return []


class ApplicationMonth(Application):
    __name__ = 'loan.reporting.application.month'

    date = fields.Date("Month")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('date', 'DESC'))

    @classmethod
    def _by(cls, loan):
        return [cls._month(loan.application_date)]


class ApplicationProduct(Application):
    __name__ = 'loan.reporting.application.product'

    product = fields.Many2One(
        'loan.product', "Product", ondelete='CASCADE')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('product', 'ASC'))

    @classmethod
    def _by(cls, loan):
        return [loan.product.as_('product')]


class Officer(Application):
    __name__ = 'loan.reporting.officer'

    officer = fields.Many2One('company.employee', "Officer")
    outstanding = _money("Outstanding")
    overdue = _money("Overdue")
    par_30 = _rate(
        "At Risk", "The part of what is outstanding that belongs to loans "
        "more than 30 days late.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('officer', 'ASC'))

    @classmethod
    def table_query(cls):
        loan, position, late = cls._positions()
        outstanding = Sum(Case((
                    position.state == 'active', position.outstanding),
                else_=0))
        return (loan
            .join(position, condition=position.loan == loan.id)
            .join(late, 'LEFT', condition=(late.loan == loan.id)
                & (position.state == 'active'))
            .select(
                *cls._columns(loan), loan.officer.as_('officer'),
                cls._amount('outstanding', outstanding),
                cls._amount('overdue', Sum(late.overdue)),
                cls._part(
                    'par_30', cls._at_risk(position, late, 31), outstanding),
                where=cls._within(loan, loan.application_date)
                & ~loan.state.in_(['draft', 'cancelled'])
                & (loan.officer != Null),
                group_by=[loan.company, loan.currency, loan.officer]))


# The loans that run

class Portfolio(Abstract):
    __name__ = 'loan.reporting.portfolio'

    side = fields.Selection(SIDES, "Side")
    product = fields.Many2One('loan.product', "Product")
    loans = fields.Integer("Loans")
    outstanding = _money("Outstanding")
    short_term = _money(
        "Short Term", "The principal that falls due within twelve months.")
    long_term = _money("Long Term")
    overdue = _money("Overdue")
    par_1 = _money(
        "Late", "The principal of loans that are late at all.")
    par_30 = _money(
        "Late over 30", "The principal of loans more than 30 days late.")
    par_60 = _money(
        "Late over 60", "The principal of loans more than 60 days late.")
    par_90 = _money(
        "Late over 90", "The principal of loans more than 90 days late.")
    par_30_rate = _rate(
        "At Risk", "The part of what is outstanding that belongs to loans "
        "more than 30 days late.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('side', 'DESC'), ('product', 'ASC'), ('id', 'ASC')]

    @classmethod
    def table_query(cls):
        loan, position, late = cls._positions()
        later = cls._later()
        outstanding = Sum(position.outstanding)
        long_term = Sum(Coalesce(later.principal, 0))
        risks = [
            cls._amount(name, cls._at_risk(position, late, days))
            for name, days in [
                ('par_1', 1), ('par_30', 31), ('par_60', 61),
                ('par_90', 91)]]
        return (loan
            .join(position, condition=position.loan == loan.id)
            .join(late, 'LEFT', condition=late.loan == loan.id)
            .join(later, 'LEFT', condition=later.loan == loan.id)
            .select(
                Min(loan.id).as_('id'),
                loan.company.as_('company'),
                loan.currency.as_('currency'),
                loan.side.as_('side'),
                loan.product.as_('product'),
                Count(Literal(1)).as_('loans'),
                cls._amount('outstanding', outstanding),
                cls._amount('short_term', outstanding - long_term),
                cls._amount('long_term', long_term),
                cls._amount('overdue', Sum(late.overdue)),
                *risks,
                cls._part(
                    'par_30_rate', cls._at_risk(position, late, 31),
                    outstanding),
                where=cls._within(loan) & (loan.state == 'active'),
                group_by=[
                    loan.company, loan.currency, loan.side, loan.product]))

    @classmethod
    def _later(cls):
        "Return the query of what falls due after twelve months"
        pool = Pool()
        row = pool.get('loan.instalment').__table__()
        schedule = pool.get('loan.schedule').__table__()
        part = pool.get('loan.transaction.allocation').__table__()
        limit = pool.get('ir.date').today() + relativedelta(months=12)
        paid = part.select(
            Coalesce(Sum(part.amount), 0),
            where=(part.loan == row.loan) & (part.number == row.number)
            & (part.component == 'principal') & (part.kind != 'call'))
        return row.join(
            schedule, condition=row.schedule == schedule.id).select(
            row.loan, Sum(row.principal - paid).as_('principal'),
            where=(schedule.current_loan != Null) & (row.due_date > limit),
            group_by=row.loan)


class Vintage(Abstract):
    __name__ = 'loan.reporting.vintage'

    date = fields.Date("Paid Out in")
    side = fields.Selection(SIDES, "Side")
    loans = fields.Integer("Loans")
    lent = _money("Paid Out")
    outstanding = _money("Outstanding")
    par_30 = _money(
        "Late over 30", "The principal of loans more than 30 days late.")
    written_off = _money("Written off")
    loss_rate = _rate(
        "Bad Part", "The part of what was paid out that is written off or "
        "more than 30 days late.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('date', 'DESC'))

    @classmethod
    def table_query(cls):
        t = Pool().get('loan.transaction').__table__()
        loan, position, late = cls._positions()
        lent = t.select(
            t.loan, Sum(t.amount).as_('amount'),
            Min(t.value_date).as_('paid_out'),
            where=t.type == 'disbursement', group_by=t.loan,
            having=Sum(t.amount) > 0)
        total = Sum(lent.amount)
        risk = cls._at_risk(position, late, 31)
        lost = Sum(position.written_off)
        month = cls._month(lent.paid_out)
        return (loan
            .join(position, condition=position.loan == loan.id)
            .join(lent, condition=lent.loan == loan.id)
            .join(late, 'LEFT', condition=late.loan == loan.id)
            .select(
                Min(loan.id).as_('id'),
                loan.company.as_('company'),
                loan.currency.as_('currency'),
                loan.side.as_('side'), month,
                Count(Literal(1)).as_('loans'),
                cls._amount('lent', total),
                cls._amount('outstanding', Sum(position.outstanding)),
                cls._amount('par_30', risk),
                cls._amount('written_off', lost),
                cls._part('loss_rate', risk + lost, total),
                where=cls._within(loan, lent.paid_out),
                group_by=[loan.company, loan.currency, loan.side, month]))


class Collection(Abstract):
    __name__ = 'loan.reporting.collection'

    date = fields.Date("Due in")
    side = fields.Selection(SIDES, "Side")
    instalments = fields.Integer("Instalments")
    expected = _money("Expected")
    collected = _money("Collected")
    missing = _money("Missing")
    collection_rate = _rate("Collected Part")
    deviation = fields.Numeric(
        "Days Late", digits=(16, 1),
        help="How late the money came, on average of the amounts; below "
        "zero when it came early.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('date', 'DESC'))

    @classmethod
    def table_query(cls):
        pool = Pool()
        loan = pool.get('loan.loan').__table__()
        schedule = pool.get('loan.schedule').__table__()
        row = pool.get('loan.instalment').__table__()
        paid = cls._paid()
        today = pool.get('ir.date').today()
        expected, collected = Sum(row.amount), Sum(Coalesce(paid.amount, 0))
        month = cls._month(row.due_date)
        return (row
            .join(schedule, condition=row.schedule == schedule.id)
            .join(loan, condition=schedule.current_loan == loan.id)
            .join(paid, 'LEFT', condition=(paid.loan == row.loan)
                & (paid.number == row.number))
            .select(
                Min(row.id).as_('id'),
                loan.company.as_('company'),
                loan.currency.as_('currency'),
                loan.side.as_('side'), month,
                Count(Literal(1)).as_('instalments'),
                cls._amount('expected', expected),
                cls._amount('collected', collected),
                cls._amount('missing', expected - collected),
                cls._part('collection_rate', collected, expected),
                cls.deviation.sql_cast(Round(
                        Sum(paid.weighted) / NullIf(collected, 0), 1)).as_(
                    'deviation'),
                where=cls._within(loan, row.due_date)
                & (row.due_date <= today)
                & loan.state.in_([
                        'active', 'closed', 'refinanced', 'written_off']),
                group_by=[loan.company, loan.currency, loan.side, month]))

    @classmethod
    def _paid(cls):
        "Return the query of what came in: loan, number, amount, weighted"
        pool = Pool()
        t = pool.get('loan.transaction').__table__()
        part = pool.get('loan.transaction.allocation').__table__()
        row = pool.get('loan.instalment').__table__()
        schedule = pool.get('loan.schedule').__table__()
        days = days_between(row.due_date, t.value_date)
        return (part
            .join(t, condition=part.transaction == t.id)
            .join(schedule, condition=schedule.current_loan == part.loan)
            .join(row, condition=(row.schedule == schedule.id)
                & (row.number == part.number))
            .select(
                part.loan, part.number, Sum(part.amount).as_('amount'),
                Sum(part.amount * days).as_('weighted'),
                where=(part.kind != 'call')
                & t.type.in_(['repayment', 'early']),
                group_by=[part.loan, part.number]))


class Liquidity(Abstract):
    __name__ = 'loan.reporting.liquidity'

    date = fields.Date("Due in")
    incoming = _money("Incoming", "What borrowers have to pay.")
    outgoing = _money("Outgoing", "What the company has to pay to lenders.")
    net = _money("Net")
    cumulated = _money("Cumulated", "The net of this month and those before.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('date', 'ASC'))

    @classmethod
    def table_query(cls):
        Loan = Pool().get('loan.loan')
        loan = Loan.__table__()
        open_ = Loan.open_rows_query()
        today = Pool().get('ir.date').today()
        # What is late is expected now
        due = Case((open_.due_date < today, today), else_=open_.due_date)
        month = cls.date.sql_cast(DateTrunc('month', cls.date.sql_cast(due)))
        rows = open_.join(loan, condition=open_.loan == loan.id).select(
            open_.loan, loan.company, loan.currency, month.as_('date'),
            Case((loan.side == 'lent', open_.open), else_=0).as_('incoming'),
            Case((loan.side == 'lent', 0), else_=open_.open).as_('outgoing'),
            where=cls._within(loan) & (loan.state == 'active')
            & (open_.open > 0))
        incoming, outgoing = Sum(rows.incoming), Sum(rows.outgoing)
        months = rows.select(
            Min(rows.loan).as_('loan'), rows.company, rows.currency,
            rows.date, incoming.as_('incoming'), outgoing.as_('outgoing'),
            group_by=[rows.company, rows.currency, rows.date])
        net = months.incoming - months.outgoing
        number = cls._number(months)
        return months.select(
            number.as_('id'),
            months.company.as_('company'),
            months.currency.as_('currency'),
            months.date.as_('date'),
            cls._amount('incoming', months.incoming),
            cls._amount('outgoing', months.outgoing),
            cls._amount('net', net),
            cls._amount('cumulated', Sum(net, window=Window(
                        [months.company, months.currency],
                        order_by=[months.date]))))

    @classmethod
    def _number(cls, months):
        # The same loan may be the first one of many months
        return Count(Literal(1), window=Window(
                [], order_by=[months.date, months.currency]))


class Profit(Abstract):
    __name__ = 'loan.reporting.profit'

    date = fields.Date("Month")
    side = fields.Selection(SIDES, "Side")
    product = fields.Many2One('loan.product', "Product")
    interest = _money("Interest")
    fee = _money("Fees")
    penalty = _money("Penalties")
    recovery = _money("Recovered")
    exchange = _money(
        "Exchange", "What the index currency made of the amounts.")
    loss = _money("Lost", "What was waived or written off.")
    total = _money("Profit")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('date', 'DESC'))

    @classmethod
    def table_query(cls):
        loan = Pool().get('loan.loan').__table__()
        source = Union(*cls._sources(), all_=True)
        month = cls._month(source.day)
        # What the company pays itself is no profit
        amount = Case(
            (loan.side == 'lent', source.amount), else_=-source.amount)

        def of(kind):
            return Sum(Case((source.kind == kind, amount), else_=0))
        return source.join(loan, condition=source.loan == loan.id).select(
            Min(source.id).as_('id'),
            loan.company.as_('company'),
            loan.currency.as_('currency'),
            loan.side.as_('side'),
            loan.product.as_('product'), month,
            *[cls._amount(kind, of(kind)) for kind in [
                    'interest', 'fee', 'penalty', 'recovery', 'exchange']],
            cls._amount('loss', -of('loss')),
            cls._amount('total', Sum(amount)),
            where=cls._within(loan, source.day),
            group_by=[
                loan.company, loan.currency, loan.side, loan.product, month])

    @classmethod
    def _sources(cls):
        "Return the queries: id, loan, day, kind, amount"
        pool = Pool()
        t = pool.get('loan.transaction').__table__()
        part = pool.get('loan.transaction.allocation').__table__()
        accrual = pool.get('loan.accrual').__table__()
        loan = pool.get('loan.loan').__table__()
        accrues = Coalesce(loan.accrues, Literal(False)) == Literal(True)
        # Numbers apart for the rows of each source
        called = (part
            .join(t, condition=part.transaction == t.id)
            .join(loan, condition=part.loan == loan.id)
            .select(
                (part.id * 5).as_('id'), part.loan, t.value_date.as_('day'),
                part.component.as_('kind'), part.amount,
                where=part.component.in_(['interest', 'fee', 'penalty'])
                & part.kind.in_(['call', 'advance'])
                & ((t.type != 'index') | (part.kind != 'call'))
                & ((part.component != 'interest') | ~accrues)))
        earned = accrual.select(
            (accrual.id * 5 + 1).as_('id'), accrual.loan,
            accrual.date_to.as_('day'), Literal('interest').as_('kind'),
            accrual.amount, where=accrual.move != Null)
        others = pool.get('loan.transaction').__table__()
        kind = Case(
            (others.type == 'recovery', 'recovery'),
            (others.type == 'index', 'exchange'), else_='loss')
        lost = others.type.in_(['waiver', 'write_off'])
        amount = Case((lost, -others.amount), else_=others.amount)
        booked = others.select(
            (others.id * 5 + 2).as_('id'), others.loan,
            others.value_date.as_('day'), kind.as_('kind'),
            amount.as_('amount'),
            where=lost | others.type.in_(['recovery', 'index']))
        kept = [
            pool.get('loan.transaction').__table__() for _ in range(2)]
        return [called, earned, booked, *(
                table.select(
                    (table.id * 5 + number).as_('id'), table.loan,
                    table.value_date.as_('day'), Literal(name).as_('kind'),
                    column.as_('amount'), where=Coalesce(column, 0) != 0)
                for number, (table, name, column) in enumerate([
                        (kept[0], 'fee', kept[0].deducted_fee),
                        (kept[1], 'interest', kept[1].deducted_interest)],
                    start=3))]
