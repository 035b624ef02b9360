# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import json
from datetime import date
from decimal import Decimal

from sql.aggregate import Sum
from sql.conditionals import Case, Coalesce
from sql.functions import CurrentTimestamp, Round

from trytond.i18n import gettext
from trytond.model import Index, ModelSQL, ModelView, Unique, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Eval, If
from trytond.tools import grouped_slice, sqlite_apply_types
from trytond.transaction import Transaction

from .exceptions import ScheduleAccessError
from .terms import APR_DIGITS

_EXPLANATIONS = {
    'interest': 'loan.msg_explanation_interest',
    'rounding': 'loan.msg_explanation_rounding',
    'carry': 'loan.msg_explanation_carry',
    'defer': 'loan.msg_explanation_defer',
    'plug': 'loan.msg_explanation_plug',
    'instalment': 'loan.msg_explanation_instalment',
    'ahead': 'loan.msg_explanation_ahead',
    'principal': 'loan.msg_explanation_principal',
    'over': 'loan.msg_explanation_over',
    'fee': 'loan.msg_explanation_fee',
    }
_NOT_PAID_OUT = {
    'draft', 'submitted', 'approved', 'rejected', 'withdrawn', 'cancelled'}
# What a row is copied with into the next version
ROW_FIELDS = [
    'number', 'interest_from', 'interest_to', 'due_date', 'opening',
    'disbursed', 'prepaid', 'principal', 'interest', 'fee', 'amount',
    'closing', 'level', 'pending', 'credit', 'carry', 'explanation_data']


class Schedule(ModelSQL, ModelView):
    __name__ = 'loan.schedule'

    loan = fields.Many2One(
        'loan.loan', "Loan", required=True, readonly=True,
        ondelete='CASCADE')
    version = fields.Integer("Version", required=True, readonly=True)
    reason = fields.Char(
        "Reason", readonly=True, help="Why this version was made.")
    valid_from = fields.Date("Valid from", required=True, readonly=True)
    approved_by = fields.Many2One(
        'company.employee', "Approved By", readonly=True,
        ondelete='RESTRICT')
    transaction = fields.Many2One(
        'loan.transaction', "Made By", readonly=True, ondelete='RESTRICT',
        help="The transaction that changed the plan; reversing it brings the "
        "version before back.")
    # A column that can be unique on every database
    current_loan = fields.Many2One(
        'loan.loan', "Current for Loan", readonly=True, ondelete='CASCADE')
    current = fields.Function(
        fields.Boolean("Current"), 'on_change_with_current',
        searcher='search_current')
    apr = fields.Numeric(
        "Effective Rate", digits=APR_DIGITS, readonly=True,
        help="The annual percentage rate by the method of the loan.")
    upfront_interest = Monetary(
        "Interest Kept Back", currency='currency', digits='currency',
        readonly=True)
    instalments = fields.One2Many(
        'loan.instalment', 'schedule', "Instalments", readonly=True)
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')
    principal = fields.Function(Monetary(
            "Principal", currency='currency', digits='currency'),
        'get_total')
    interest = fields.Function(Monetary(
            "Interest", currency='currency', digits='currency'),
        'get_total')
    fee = fields.Function(Monetary(
            "Fees", currency='currency', digits='currency'),
        'get_total')
    amount = fields.Function(Monetary(
            "Total", currency='currency', digits='currency'),
        'get_total')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._order = [
            ('loan', 'DESC'), ('version', 'DESC'), ('id', 'DESC')]
        cls._sql_constraints += [
            ('version_unique', Unique(t, t.loan, t.version),
                'loan.msg_schedule_version_unique'),
            ('current_unique', Unique(t, t.current_loan),
                'loan.msg_schedule_current_unique'),
            ]
        cls._sql_indexes.add(Index(t, (t.loan, Index.Equality())))

    @fields.depends('current_loan')
    def on_change_with_current(self, name=None):
        return bool(self.current_loan)

    @classmethod
    def search_current(cls, name, clause):
        _, operator, operand = clause
        current = bool(operand) == (operator == '=')
        return [('current_loan', '!=' if current else '=', None)]

    @fields.depends('loan', '_parent_loan.currency')
    def on_change_with_currency(self, name=None):
        return self.loan.currency if self.loan else None

    @classmethod
    def get_total(cls, schedules, names):
        Instalment = Pool().get('loan.instalment')
        row = Instalment.__table__()
        cursor = Transaction().connection.cursor()
        result = {n: {s.id: Decimal(0) for s in schedules} for n in names}
        query = row.select(
            row.schedule, *[Sum(getattr(row, n)).as_(n) for n in names],
            where=fields.SQL_OPERATORS['in'](
                row.schedule, list(map(int, schedules))),
            group_by=row.schedule)
        sqlite_apply_types(query, [None] + ['NUMERIC'] * len(names))
        cursor.execute(*query)
        currencies = {s.id: s.loan.currency for s in schedules}
        for schedule, *totals in cursor:
            for name, total in zip(names, totals):
                result[name][schedule] = currencies[schedule].round(total)
        return result

    def get_rec_name(self, name):
        return gettext(
            'loan.msg_schedule_rec_name',
            loan=self.loan.rec_name, version=self.version)

    @classmethod
    def check_modification(
            cls, mode, schedules, values=None, external=False):
        super().check_modification(
            mode, schedules, values=values, external=external)
        if mode == 'write' and external:
            raise ScheduleAccessError(gettext(
                    'loan.msg_schedule_readonly',
                    schedule=schedules[0].rec_name))
        if mode == 'delete':
            for schedule in schedules:
                if schedule.loan.state not in {'draft', 'submitted'}:
                    raise ScheduleAccessError(gettext(
                            'loan.msg_schedule_delete',
                            schedule=schedule.rec_name))


class Instalment(ModelSQL, ModelView):
    __name__ = 'loan.instalment'

    schedule = fields.Many2One(
        'loan.schedule', "Schedule", required=True, readonly=True,
        ondelete='CASCADE')
    loan = fields.Many2One(
        'loan.loan', "Loan", required=True, readonly=True,
        ondelete='CASCADE')
    number = fields.Integer("Number", required=True, readonly=True)
    interest_from = fields.Date("From", required=True, readonly=True)
    interest_to = fields.Date("To", required=True, readonly=True)
    due_date = fields.Date("Due", required=True, readonly=True)
    opening = Monetary(
        "Opening", currency='currency', digits='currency', readonly=True)
    disbursed = Monetary(
        "Paid Out", currency='currency', digits='currency', readonly=True)
    prepaid = Monetary(
        "Paid Early", currency='currency', digits='currency', readonly=True)
    principal = Monetary(
        "Principal", currency='currency', digits='currency', readonly=True)
    interest = Monetary(
        "Interest", currency='currency', digits='currency', readonly=True)
    fee = Monetary(
        "Fee", currency='currency', digits='currency', readonly=True)
    amount = Monetary(
        "Amount", currency='currency', digits='currency', readonly=True)
    closing = Monetary(
        "Closing", currency='currency', digits='currency', readonly=True,
        help="The principal left after this instalment.")
    level = fields.Numeric("Level Instalment", readonly=True)
    pending = Monetary(
        "Interest Put Off", currency='currency', digits='currency',
        readonly=True,
        help="The interest put off so far, due after the grace.")
    credit = Monetary(
        "Paid Ahead", currency='currency', digits='currency', readonly=True,
        help="The money paid early that the next instalments use up.")
    carry = Monetary(
        "Interest Carried Over", currency='currency', digits='currency',
        readonly=True,
        help="The interest from an early payment to the end of the period, "
        "part of the next instalment.")
    explanation_data = fields.Text("Explanation Data", readonly=True)
    explanation = fields.Function(
        fields.Text("Explanation",
            help="How the amounts of this instalment came about."),
        'get_explanation')
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')
    paid = fields.Function(Monetary(
            "Paid", currency='currency', digits='currency',
            help="What was paid, waived or written off."),
        'get_paid')
    outstanding = fields.Function(Monetary(
            "Outstanding", currency='currency', digits='currency'),
        'get_paid', searcher='search_outstanding')
    index_currency = fields.Function(
        fields.Many2One('currency.currency', "Index Currency"),
        'on_change_with_index_currency')
    index_amount = fields.Function(Monetary(
            "In Index Currency", currency='index_currency',
            digits='index_currency',
            states={
                'invisible': ~Eval('index_currency'),
                },
            help="The amount at the rate of the payout."),
        'on_change_with_index_amount')
    amount_now = fields.Function(Monetary(
            "At Today's Rate", currency='currency', digits='currency',
            states={
                'invisible': ~Eval('index_currency'),
                },
            help="What the instalment comes to at the rate of today."),
        'get_amount_now')
    calendar_color = fields.Function(
        fields.Char("Colour"), 'on_change_with_calendar_color')
    state = fields.Function(fields.Selection([
                ('planned', "Planned"),
                ('due', "Due"),
                ('late', "Late"),
                ('paid', "Paid"),
                ], "State", sort=False), 'get_state')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._order = [
            ('schedule', 'DESC'), ('number', 'ASC'), ('id', 'ASC')]
        cls._sql_indexes.update({
                Index(t, (t.schedule, Index.Equality()),
                    (t.number, Index.Range())),
                Index(t, (t.loan, Index.Equality())),
                Index(t, (t.due_date, Index.Range())),
                })

    @fields.depends('loan', '_parent_loan.currency')
    def on_change_with_currency(self, name=None):
        return self.loan.currency if self.loan else None

    @fields.depends('loan', '_parent_loan.index_currency')
    def on_change_with_index_currency(self, name=None):
        return self.loan.index_currency if self.loan else None

    @fields.depends(
        'loan', 'amount', '_parent_loan.index_currency',
        '_parent_loan.index_rate')
    def on_change_with_index_amount(self, name=None):
        if self.loan and self.amount is not None:
            return self.loan.in_index(self.amount)

    @classmethod
    def get_amount_now(cls, instalments, name):
        today = Pool().get('ir.date').today()
        factors = {
            loan: loan.index_factor(today)
            for loan in {i.loan for i in instalments}}
        return {
            i.id: i.currency.round(i.amount * factors[i.loan])
            for i in instalments}

    def get_rec_name(self, name):
        return gettext(
            'loan.msg_instalment_rec_name',
            loan=self.loan.rec_name, number=self.number)

    @classmethod
    def settled_query(cls, row):
        "Return the query of what settled each row of the table row"
        Allocation = Pool().get('loan.transaction.allocation')
        part = Allocation.__table__()
        return part.select(
            Coalesce(Sum(part.amount), 0),
            where=(part.loan == row.loan) & (part.number == row.number)
            & (part.kind != 'call'))

    @classmethod
    def get_paid(cls, instalments, names):
        row = cls.__table__()
        cursor = Transaction().connection.cursor()
        query = row.select(
            row.id, cls.settled_query(row).as_('paid'),
            where=fields.SQL_OPERATORS['in'](
                row.id, list(map(int, instalments))))
        sqlite_apply_types(query, [None, 'NUMERIC'])
        cursor.execute(*query)
        paid = dict(cursor)
        result = {n: {} for n in names}
        for instalment in instalments:
            settled = instalment.currency.round(
                paid.get(instalment.id) or Decimal(0))
            if 'paid' in result:
                result['paid'][instalment.id] = settled
            if 'outstanding' in result:
                result['outstanding'][instalment.id] = max(
                    instalment.amount - settled, Decimal(0))
        return result

    @classmethod
    def search_outstanding(cls, name, clause):
        _, operator, operand = clause
        Operator = fields.SQL_OPERATORS[operator]
        field = cls.outstanding._field
        row = cls.__table__()
        left = Round(row.amount - cls.settled_query(row), 6)
        left = Case((left < 0, 0), else_=left)
        query = row.select(row.id, where=Operator(
                field._domain_column(operator, left),
                field._domain_value(operator, operand)))
        return [('id', 'in', query)]

    @classmethod
    def get_state(cls, instalments, name):
        today = Pool().get('ir.date').today()
        states = {}
        for instalment in instalments:
            if instalment.loan.state in _NOT_PAID_OUT or (
                    instalment.outstanding and instalment.due_date > today):
                state = 'planned'
            elif not instalment.outstanding:
                state = 'paid'
            else:
                state = 'due' if instalment.due_date == today else 'late'
            states[instalment.id] = state
        return states

    @fields.depends('state')
    def on_change_with_calendar_color(self, name=None):
        return {
            'late': '#a40000', 'due': '#ce5c00', 'paid': '#888a85',
            'planned': '#3465a4'}.get(self.state)

    @classmethod
    def get_explanation(cls, instalments, name):
        Lang = Pool().get('ir.lang')
        lang = Lang.get()
        return {
            i.id: '\n'.join(i.explanation_lines(lang)) for i in instalments}

    def explanation_lines(self, lang):
        "Return the steps of the explanation in words"
        return [
            self._explained(step, lang)
            for step in json.loads(self.explanation_data or '[]')]

    def _explained(self, step, lang):
        currency, values = self.currency, {}

        def money(name, digits=None):
            return lang.currency(
                Decimal(step[name]), currency, digits=digits,
                grouping=True)

        for name in {'amount', 'balance', 'to'} & set(step):
            if step['kind'] == 'interest' and name == 'to':
                continue
            values[name] = money(
                name, 6 if name == 'amount' and step['kind'] == 'interest'
                else None)
        if step['kind'] == 'interest':
            values.update({
                    'from_': lang.strftime(date.fromisoformat(step['from'])),
                    'to': lang.strftime(date.fromisoformat(step['to'])),
                    'rate': lang.format_number(
                        Decimal(step['rate']) * 100, 4),
                    'days': step['days'],
                    'basis': step['basis'],
                    })
        elif step['kind'] == 'rounding':
            values['from_'] = money('from', 6)
        return gettext(_EXPLANATIONS[step['kind']], **values)

    @classmethod
    def insert(cls, values):
        """Insert rows that the engine made, by SQL.

        They are complete and right by construction, and there are many:
        neither defaults nor validations have anything to add.
        """
        if not values:
            return
        row = cls.__table__()
        cursor = Transaction().connection.cursor()
        names = ['schedule', 'loan', *ROW_FIELDS]
        columns = [getattr(row, name) for name in names]
        columns += [row.create_uid, row.create_date]
        user = Transaction().user
        for part in grouped_slice(values, 1000):
            cursor.execute(*row.insert(columns, [
                        [cls._sql_value(name, v.get(name)) for name in names]
                        + [user, CurrentTimestamp()] for v in part]))

    @classmethod
    def _sql_value(cls, name, value):
        return cls._fields[name].sql_format(value)

    @classmethod
    def check_modification(
            cls, mode, instalments, values=None, external=False):
        super().check_modification(
            mode, instalments, values=values, external=external)
        if external and mode in {'write', 'create', 'delete'}:
            raise ScheduleAccessError(gettext(
                    'loan.msg_instalment_readonly'))

    def copied(self):
        "Return the values of the same row in another version"
        return {name: getattr(self, name) for name in ROW_FIELDS}

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual', If(
                    Eval('state') == 'late', 'danger',
                    If(Eval('state') == 'due', 'warning',
                        If(Eval('state') == 'paid', 'muted', '')))),
            ]
