# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What a loan owes today, for many loans at once."""
import datetime as dt
from decimal import Decimal

from sql import Literal, Null, Window
from sql.aggregate import Max, Min, Sum
from sql.conditionals import Case, Coalesce
from sql.functions import Round, RowNumber

from trytond.model import Model, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Eval, If
from trytond.tools import sqlite_apply_types
from trytond.transaction import Transaction

HEALTHS = [
    (None, ""),
    ('on_schedule', "On schedule"),
    ('due_soon', "Due soon"),
    ('due', "Due today"),
    ('late_1', "Late 1-30 days"),
    ('late_31', "Late 31-60 days"),
    ('late_61', "Late 61-90 days"),
    ('late_91', "Late more than 90 days"),
    ('penalty', "Penalty open"),
    ('written_off', "Written off"),
    ]
LATE = [name for name, _ in HEALTHS if name and name.startswith('late')]


def _money(string, help=''):
    return Monetary(string, currency='currency', digits='currency', help=help)


class BalanceMixin(Model):
    __slots__ = ()

    amount_disbursed = fields.Function(
        _money("Paid Out"), 'get_disbursed')
    principal_outstanding = fields.Function(
        _money("Principal Outstanding", "What was paid out and not paid "
            "back."), 'get_principal', searcher='search_principal')
    amount_due = fields.Function(
        _money("Due", "What has fallen due until today and is open."),
        'get_open')
    amount_overdue = fields.Function(
        _money("Overdue", "What fell due before today and is open."),
        'get_open')
    amount_paid = fields.Function(_money("Paid"), 'get_paid_amount')
    penalty_due = fields.Function(_money("Penalties Open"), 'get_charges')
    charge_due = fields.Function(
        _money("Charges Open", "The fees and penalties that are open."),
        'get_charges')
    next_due_date = fields.Function(
        fields.Date("Next Payment"), 'get_next',
        searcher='search_next_due_date')
    next_amount = fields.Function(_money("Next Amount"), 'get_next')
    days_late = fields.Function(
        fields.Integer("Days Late"), 'get_open',
        searcher='search_days_late')
    health = fields.Function(fields.Selection(
            HEALTHS, "Health", sort=False,
            help="How the loan stands today."),
        'get_health', searcher='search_health')

    # Queries

    @classmethod
    def open_rows_query(cls, where=None):
        """Return the query of the open rows of current schedules.

        Its columns: loan, number, due_date, open.
        """
        pool = Pool()
        Instalment = pool.get('loan.instalment')
        Schedule = pool.get('loan.schedule')
        row = Instalment.__table__()
        schedule = Schedule.__table__()
        paid = Instalment.settled_query(row)
        condition = schedule.current_loan != Null
        if where is not None:
            condition &= where(row)
        rows = row.join(schedule, condition=row.schedule == schedule.id
            ).select(
            row.loan, row.number, row.due_date,
            Round(row.amount - paid, 6).as_('open'),
            where=condition)
        return rows

    @classmethod
    def charges_query(cls, loans=None):
        "Return the query of open charges: loan, due_date, type, open"
        pool = Pool()
        Allocation = pool.get('loan.transaction.allocation')
        Charge = pool.get('loan.charge')
        part, charge = Allocation.__table__(), Charge.__table__()
        signed = Case((part.kind == 'call', part.amount), else_=-part.amount)
        where = Literal(True)
        if loans is not None:
            where = fields.SQL_OPERATORS['in'](charge.loan, loans)
        return charge.join(part, condition=part.charge == charge.id).select(
            charge.loan, charge.due_date.as_('due_date'), charge.type,
            Round(Sum(signed), 6).as_('open'),
            where=where,
            group_by=[charge.id, charge.loan, charge.due_date, charge.type])

    @classmethod
    def _execute(cls, query, types):
        cursor = Transaction().connection.cursor()
        sqlite_apply_types(query, types)
        cursor.execute(*query)
        return list(cursor)

    @classmethod
    def _today(cls):
        return Pool().get('ir.date').today()

    @classmethod
    def _active(cls, loans):
        return [l.id for l in loans if l.state == 'active']

    @classmethod
    def _zero(cls, loans, names):
        return {n: {l.id: Decimal(0) for l in loans} for n in names}

    # Getters

    @classmethod
    def get_disbursed(cls, loans, name):
        Transaction_ = Pool().get('loan.transaction')
        t = Transaction_.__table__()
        query = t.select(
            t.loan, Sum(t.amount).as_('amount'),
            where=(t.type == 'disbursement')
            & fields.SQL_OPERATORS['in'](t.loan, list(map(int, loans))),
            group_by=t.loan)
        totals = dict(cls._execute(query, [None, 'NUMERIC']))
        return {
            l.id: l.currency.round(totals.get(l.id) or Decimal(0))
            for l in loans}

    @classmethod
    def principal_query(cls):
        "Return the query of what was paid back: loan, amount"
        Allocation = Pool().get('loan.transaction.allocation')
        part = Allocation.__table__()
        return part, part.select(
            part.loan, Sum(part.amount).as_('amount'),
            where=(part.component == 'principal') & (part.kind != 'call'),
            group_by=part.loan)

    @classmethod
    def get_principal(cls, loans, name):
        part, query = cls.principal_query()
        query.where &= fields.SQL_OPERATORS['in'](
            part.loan, list(map(int, loans)))
        paid = dict(cls._execute(query, [None, 'NUMERIC']))
        lent = cls.get_disbursed(loans, name)
        return {
            l.id: l.currency.round(
                lent[l.id] - (paid.get(l.id) or Decimal(0)))
            for l in loans}

    @classmethod
    def search_principal(cls, name, clause):
        _, operator, operand = clause
        Operator = fields.SQL_OPERATORS[operator]
        field = cls.principal_outstanding._field
        pool = Pool()
        t = pool.get('loan.transaction').__table__()
        lent = t.select(
            t.loan, Sum(t.amount).as_('amount'),
            where=t.type == 'disbursement', group_by=t.loan)
        _, paid = cls.principal_query()
        loan = cls.__table__()
        left = Round(
            Coalesce(lent.amount, 0) - Coalesce(paid.amount, 0), 6)
        query = loan.join(
            lent, 'LEFT', condition=lent.loan == loan.id
            ).join(paid, 'LEFT', condition=paid.loan == loan.id
            ).select(loan.id, where=Operator(
                field._domain_column(operator, left),
                field._domain_value(operator, operand)))
        return [('id', 'in', query)]

    @classmethod
    def outstanding_query(cls, where, loan):
        """Return the query of what is lent where the table loan fits.

        Its columns: loan, state, outstanding, written_off; the last is the
        principal that was written off.
        """
        pool = Pool()
        t = pool.get('loan.transaction').__table__()
        lent = t.select(
            t.loan, Sum(t.amount).as_('amount'),
            where=t.type == 'disbursement', group_by=t.loan)
        _, paid = cls.principal_query()
        loss = pool.get('loan.transaction').__table__()
        part = pool.get('loan.transaction.allocation').__table__()
        lost = part.join(loss, condition=part.transaction == loss.id).select(
            part.loan, Sum(part.amount).as_('amount'),
            where=(loss.type == 'write_off')
            & (part.component == 'principal'),
            group_by=part.loan)
        return (loan
            .join(lent, 'LEFT', condition=lent.loan == loan.id)
            .join(paid, 'LEFT', condition=paid.loan == loan.id)
            .join(lost, 'LEFT', condition=lost.loan == loan.id)
            .select(
                loan.id.as_('loan'), loan.state.as_('state'),
                Round(Coalesce(lent.amount, 0) - Coalesce(paid.amount, 0), 6
                    ).as_('outstanding'),
                Coalesce(lost.amount, 0).as_('written_off'),
                where=where))

    @classmethod
    def get_paid_amount(cls, loans, name):
        t = Pool().get('loan.transaction').__table__()
        query = t.select(
            t.loan, Sum(t.amount).as_('amount'),
            where=t.type.in_(['repayment', 'early', 'recovery'])
            & fields.SQL_OPERATORS['in'](t.loan, list(map(int, loans))),
            group_by=t.loan)
        totals = dict(cls._execute(query, [None, 'NUMERIC']))
        return {
            l.id: l.currency.round(totals.get(l.id) or Decimal(0))
            for l in loans}

    @classmethod
    def get_charges(cls, loans, names):
        result = cls._zero(loans, names)
        query = cls.charges_query(list(map(int, loans)))
        for loan, _, type_, amount in cls._execute(
                query, [None, 'DATE', None, 'NUMERIC']):
            if 'charge_due' in result:
                result['charge_due'][loan] += amount
            if 'penalty_due' in result and type_ == 'penalty':
                result['penalty_due'][loan] += amount
        return {
            n: {l.id: l.currency.round(result[n][l.id]) for l in loans}
            for n in names}

    @classmethod
    def late_query(cls, where=None):
        "Return the query: loan, since, due, overdue of rows fallen due"
        today = cls._today()
        open_ = cls.open_rows_query(where)
        return open_.select(
            open_.loan, Min(
                open_.due_date, filter_=open_.due_date < today).as_('since'),
            Sum(open_.open).as_('due'),
            Sum(open_.open, filter_=open_.due_date < today).as_('overdue'),
            where=(open_.open > 0) & (open_.due_date <= today),
            group_by=open_.loan)

    @classmethod
    def get_open(cls, loans, names):
        result = cls._zero(loans, names)
        if 'days_late' in result:
            result['days_late'] = {l.id: None for l in loans}
        active = cls._active(loans)
        if not active:
            return result
        today = cls._today()
        query = cls.late_query(
            lambda row: fields.SQL_OPERATORS['in'](row.loan, active))
        currencies = {l.id: l.currency for l in loans}
        for loan, since, due, overdue in cls._execute(
                query, [None, 'DATE', 'NUMERIC', 'NUMERIC']):
            values = {
                'amount_due': currencies[loan].round(due),
                'amount_overdue': currencies[loan].round(
                    overdue or Decimal(0)),
                'days_late': (today - _date(since)).days if since else None,
                }
            for name in names:
                result[name][loan] = values[name]
        cls._add_charges(active, result, today, currencies)
        return result

    @classmethod
    def _add_charges(cls, active, result, today, currencies):
        for loan, due_date, _, amount in cls._execute(
                cls.charges_query(active), [None, 'DATE', None, 'NUMERIC']):
            due_date = _date(due_date)
            for name, counts in [
                    ('amount_due', due_date <= today),
                    ('amount_overdue', due_date < today)]:
                if name in result and counts:
                    result[name][loan] = currencies[loan].round(
                        result[name][loan] + amount)

    @classmethod
    def get_next(cls, loans, names):
        result = {n: {l.id: None for l in loans} for n in names}
        active = cls._active(loans)
        if not active:
            return result
        today = cls._today()
        open_ = cls.open_rows_query(lambda row: (
                fields.SQL_OPERATORS['in'](row.loan, active)
                & (row.due_date >= today)))
        ranked = open_.select(
            open_.loan, open_.due_date, open_.open,
            RowNumber(window=Window(
                    [open_.loan], order_by=[open_.due_date, open_.number])
                ).as_('rank'),
            where=open_.open > 0)
        query = ranked.select(
            ranked.loan, ranked.due_date.as_('due_date'),
            ranked.open.as_('open'), where=ranked.rank == 1)
        currencies = {l.id: l.currency for l in loans}
        for loan, date, amount in cls._execute(
                query, [None, 'DATE', 'NUMERIC']):
            if 'next_due_date' in result:
                result['next_due_date'][loan] = _date(date)
            if 'next_amount' in result:
                result['next_amount'][loan] = currencies[loan].round(amount)
        return result

    @classmethod
    def search_next_due_date(cls, name, clause):
        _, operator, operand = clause
        Operator = fields.SQL_OPERATORS[operator]
        today = cls._today()
        open_ = cls.open_rows_query(lambda row: row.due_date >= today)
        query = open_.select(
            open_.loan, where=open_.open > 0, group_by=open_.loan)
        if operand is None:
            return cls._found(query, operator == '!=')
        query.having = Operator(Min(open_.due_date), operand)
        return cls._found(query)

    @classmethod
    def _found(cls, query, found=True):
        "Return the domain of the running loans of query, or of all others"
        if found:
            return [('id', 'in', query), ('state', '=', 'active')]
        return ['OR', ('id', 'not in', query), ('state', '!=', 'active')]

    @classmethod
    def search_days_late(cls, name, clause):
        _, operator, operand = clause
        late = cls.late_query()
        query = late.select(late.loan, where=late.since != Null)
        if operand is None:
            return cls._found(query, operator == '!=')

        def since(days):
            return cls._today() - dt.timedelta(days=days)
        mirror = {'>': '<', '>=': '<=', '<': '>', '<=': '>='}
        Operator = fields.SQL_OPERATORS[mirror.get(operator, operator)]
        query.where &= Operator(late.since, (
                [since(days) for days in operand if days is not None]
                if operator in {'in', 'not in'} else since(operand)))
        return cls._found(query)

    @classmethod
    def health_query(cls, loans=None):
        "Return the query: loan, health"
        Configuration = Pool().get('loan.configuration')
        today = cls._today()
        soon = today + dt.timedelta(days=Configuration(1).due_soon_days or 0)
        open_ = cls.open_rows_query(
            None if loans is None else lambda row:
            fields.SQL_OPERATORS['in'](row.loan, loans))
        first = open_.select(
            open_.loan, Min(open_.due_date).as_('due'),
            where=open_.open > 0, group_by=open_.loan)
        charges = cls.charges_query(loans)
        penalty = charges.select(
            charges.loan, Max(charges.open).as_('open'),
            where=(charges.type == 'penalty') & (charges.open > 0),
            group_by=charges.loan)
        loan = cls.__table__()

        def before(days):
            return today - dt.timedelta(days=days)

        health = Case(
            (loan.state == 'written_off', 'written_off'),
            (loan.state != 'active', Null),
            (first.due < before(90), 'late_91'),
            (first.due < before(60), 'late_61'),
            (first.due < before(30), 'late_31'),
            (first.due < today, 'late_1'),
            (penalty.open != Null, 'penalty'),
            (first.due == today, 'due'),
            (first.due <= soon, 'due_soon'),
            else_='on_schedule')
        query = loan.join(
            first, 'LEFT', condition=first.loan == loan.id
            ).join(penalty, 'LEFT', condition=penalty.loan == loan.id
            ).select(loan.id.as_('loan'), health.as_('health'))
        if loans is not None:
            query.where = fields.SQL_OPERATORS['in'](loan.id, loans)
        return query

    @classmethod
    def get_health(cls, loans, name):
        health = dict.fromkeys(map(int, loans))
        if any(l.state in {'active', 'written_off'} for l in loans):
            health.update(cls._execute(
                    cls.health_query(list(health)), [None, None]))
        return health

    @classmethod
    def search_health(cls, name, clause):
        _, operator, operand = clause
        query = cls.health_query()
        if operand is None:
            null = query.health == Null
            where = null if operator == '=' else ~null
        else:
            where = fields.SQL_OPERATORS[operator](query.health, operand)
        return [('id', 'in', query.select(query.loan, where=where))]

    @classmethod
    def health_visual(cls):
        return If(Eval('health').in_(LATE + ['written_off']), 'danger',
            If(Eval('health').in_(['due', 'due_soon', 'penalty']), 'warning',
                If(Eval('health') == 'on_schedule', 'success',
                    If(Eval('state').in_([
                                'rejected', 'withdrawn', 'cancelled',
                                'closed', 'refinanced']), 'muted', ''))))


def _date(value):
    return dt.date.fromisoformat(value) if isinstance(value, str) else value
