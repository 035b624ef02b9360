# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
from collections import defaultdict
from decimal import Decimal

from dateutil.relativedelta import relativedelta
from sql import Cast, Literal, Null
from sql.aggregate import Count, Sum
from sql.operators import Concat

from caravan.report import Report
from trytond import backend
from trytond.i18n import gettext
from trytond.model import (
    DeactivableMixin, Index, ModelSQL, ModelView, Unique, Workflow, fields,
    sequence_ordered)
from trytond.model.exceptions import AccessError
from trytond.modules.company import CompanyReport
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Eval
from trytond.tools import sqlite_apply_types
from trytond.transaction import Transaction
from trytond.wizard import Button, StateAction, StateView, Wizard


class WorkRate(
        sequence_ordered(), DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'crm.work.rate'
    __string__ = "Work Rate"

    name = fields.Char("Name", required=True, translate=True)
    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='CASCADE')
    kind = fields.Selection(
        'get_kinds', "Kind", required=True,
        help="The recorded work that is paid.")
    activity_type = fields.Many2One(
        'crm.activity.type', "Activity Type", ondelete='RESTRICT',
        states={
            'invisible': Eval('kind') != 'activity',
            },
        help="Leave empty for all of them.")
    result = fields.Many2One(
        'crm.activity.result', "Result", ondelete='RESTRICT',
        domain=['OR',
            ('type', '=', None),
            ('type', '=', Eval('activity_type', -1)),
            ],
        states={
            'invisible': Eval('kind') != 'activity',
            },
        help="Leave empty for any of them.")
    case_type = fields.Many2One(
        'crm.case.type', "Case Type", ondelete='RESTRICT',
        states={
            'invisible': Eval('kind') != 'case',
            },
        help="Leave empty for all of them.")
    employee = fields.Many2One(
        'company.employee', "Employee", ondelete='CASCADE',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        help="Leave empty for everybody who has no rate of his own.")
    start_date = fields.Date("Start Date")
    end_date = fields.Date(
        "End Date",
        domain=['OR',
            ('end_date', '=', None),
            ('start_date', '=', None),
            ('end_date', '>=', Eval('start_date', None)),
            ])
    amount = Monetary(
        "Amount", currency='currency', digits='currency', required=True,
        help="What is paid for a piece.")
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_kind(cls):
        return 'activity'

    @classmethod
    def get_kinds(cls):
        get_name = Pool().get('ir.model').get_name
        return [
            (kind, get_name(model)) for kind, model in cls._get_works()]

    @classmethod
    def _get_works(cls):
        """Return the kinds of recorded work as list of (kind, model)

        The method _work_<kind> returns the query of what is done of a kind.
        """
        return [('activity', 'crm.activity'), ('case', 'crm.case')]

    @fields.depends('company')
    def on_change_with_currency(self, name=None):
        return self.company.currency if self.company else None

    def get_work(self):
        "Return model and query of id, employee and date of the work paid"
        model = dict(self._get_works())[self.kind]
        query = getattr(self, f'_work_{self.kind}')()
        columns = dict(zip(['id', 'employee', 'date'], query.columns))
        where = columns['employee'].expression != Null
        if self.employee:
            where &= columns['employee'].expression == self.employee.id
        date = columns['date'].expression
        if self.start_date:
            where &= date >= self.start_date
        if self.end_date:
            where &= date <= self.end_date
        query.where &= where
        return model, query

    def _work_activity(self):
        table = Pool().get('crm.activity').__table__()
        where = (
            (table.company == self.company.id) & (table.state == 'done'))
        if self.activity_type:
            where &= table.type == self.activity_type.id
        if self.result:
            where &= table.result == self.result.id
        return table.select(
            table.id.as_('id'),
            table.done_by.as_('employee'),
            table.done_on.as_('date'),
            where=where)

    def _work_case(self):
        table = Pool().get('crm.case').__table__()
        where = ((table.company == self.company.id)
            & table.state.in_(['solved', 'closed']))
        if self.case_type:
            where &= table.type == self.case_type.id
        return table.select(
            table.id.as_('id'),
            table.solved_by.as_('employee'),
            table.solved_on.as_('date'),
            where=where)


class WorkSheet(Workflow, ModelSQL, ModelView):
    __name__ = 'crm.work.sheet'
    __string__ = "Work Sheet"

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT',
        readonly=True)
    employee = fields.Many2One(
        'company.employee', "Employee", required=True, ondelete='RESTRICT',
        readonly=True)
    month = fields.Date(
        "Month", required=True, readonly=True,
        help="The first day of the month.")
    entries = fields.One2Many(
        'crm.work.entry', 'sheet', "Entries", readonly=True)
    pieces = fields.Function(fields.Integer("Pieces"), 'get_totals')
    amount = fields.Function(Monetary(
            "Amount", currency='currency', digits='currency'), 'get_totals')
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')
    state = fields.Selection([
            ('draft', "Draft"),
            ('closed', "Closed"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('month_unique', Unique(t, t.employee, t.month),
                'crm_party.msg_work_sheet_month_unique'),
            ]
        cls._order = [
            ('month', 'DESC'), ('employee', 'ASC'), ('id', 'ASC')]
        cls._transitions |= set((
                ('draft', 'closed'),
                ('closed', 'draft'),
                ))
        cls._buttons.update({
                'compute': {
                    'invisible': Eval('state') != 'draft',
                    'icon': 'tryton-refresh',
                    'depends': ['state'],
                    },
                'close': {
                    'invisible': Eval('state') != 'draft',
                    'icon': 'tryton-ok',
                    'depends': ['state'],
                    },
                'reopen': {
                    'invisible': Eval('state') != 'closed',
                    'icon': 'tryton-undo',
                    'depends': ['state'],
                    },
                })

    @classmethod
    def default_state(cls):
        return 'draft'

    @fields.depends('company')
    def on_change_with_currency(self, name=None):
        return self.company.currency if self.company else None

    def get_rec_name(self, name):
        return f'{self.employee.rec_name} {self.month:%Y-%m}'

    @classmethod
    def search_rec_name(cls, name, clause):
        return [('employee.rec_name', *clause[1:])]

    @classmethod
    def get_totals(cls, sheets, names):
        Entry = Pool().get('crm.work.entry')
        table = Entry.__table__()
        cursor = Transaction().connection.cursor()
        query = table.select(
            table.sheet, Count().as_('pieces'),
            Sum(table.amount).as_('amount'),
            where=fields.SQL_OPERATORS['in'](
                table.sheet, [s.id for s in sheets]),
            group_by=table.sheet)
        if backend.name == 'sqlite':
            sqlite_apply_types(query, [None, None, 'NUMERIC'])
        cursor.execute(*query)
        totals = {
            sheet: (pieces, amount) for sheet, pieces, amount in cursor}
        result = {'pieces': {}, 'amount': {}}
        for sheet in sheets:
            pieces, amount = totals.get(sheet.id, (0, Decimal(0)))
            result['pieces'][sheet.id] = pieces
            result['amount'][sheet.id] = sheet.currency.round(amount)
        return {n: result[n] for n in names}

    @classmethod
    def check_modification(cls, mode, sheets, values=None, external=False):
        super().check_modification(
            mode, sheets, values=values, external=external)
        if mode == 'delete':
            for sheet in sheets:
                if sheet.state == 'closed':
                    raise AccessError(gettext(
                            'crm_party.msg_work_sheet_delete_closed',
                            sheet=sheet.rec_name))

    @classmethod
    def make(cls, company, month):
        """Return the sheets of a month, made anew from the recorded work

        company is a record, month any day of it.  Closed sheets stay.
        """
        Rate = Pool().get('crm.work.rate')
        month = month.replace(day=1)
        cursor = Transaction().connection.cursor()
        employees = set()
        for rate in Rate.search([('company', '=', company.id)]):
            _, query = rate.get_work()
            cursor.execute(*query.select(
                    query.employee,
                    where=(query.date >= month)
                    & (query.date < month + relativedelta(months=1)),
                    group_by=query.employee))
            employees.update(e for e, in cursor)
        sheets = cls.search([
                ('company', '=', company.id),
                ('month', '=', month),
                ])
        employees -= {s.employee.id for s in sheets}
        sheets += cls.create([{
                    'company': company.id,
                    'employee': employee,
                    'month': month,
                    } for employee in sorted(employees)])
        cls.compute([s for s in sheets if s.state == 'draft'])
        return sheets

    @classmethod
    @ModelView.button
    def compute(cls, sheets):
        "Enter the recorded work of the month anew"
        pool = Pool()
        Entry = pool.get('crm.work.entry')
        Rate = pool.get('crm.work.rate')
        sheets = [s for s in sheets if s.state == 'draft']
        Entry.delete([e for s in sheets for e in s.entries])
        # A rate for an employee comes before those for everybody
        rates = sorted(
            Rate.search([
                    ('company', 'in', [s.company.id for s in sheets])]),
            key=lambda r: r.employee is None)
        for rate in rates:
            Entry.enter(rate, sheets)

    @classmethod
    @ModelView.button
    @Workflow.transition('closed')
    def close(cls, sheets):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('draft')
    def reopen(cls, sheets):
        pass


class WorkEntry(ModelSQL, ModelView):
    __name__ = 'crm.work.entry'
    __string__ = "Work Entry"

    sheet = fields.Many2One(
        'crm.work.sheet', "Sheet", required=True, ondelete='CASCADE',
        readonly=True)
    rate = fields.Many2One(
        'crm.work.rate', "Rate", required=True, ondelete='RESTRICT',
        readonly=True)
    date = fields.Date("Date", required=True, readonly=True)
    record = fields.Reference(
        "Work", selection='get_models', required=True, readonly=True)
    amount = Monetary(
        "Amount", currency='currency', digits='currency', required=True,
        readonly=True)
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"), 'get_currency')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('sheet')
        t = cls.__table__()
        cls._sql_constraints += [
            ('record_unique', Unique(t, t.record),
                'crm_party.msg_work_entry_record_unique'),
            ]
        cls._sql_indexes.add(Index(t, (t.sheet, Index.Equality())))
        cls._order = [('date', 'ASC'), ('id', 'ASC')]

    @classmethod
    def get_models(cls):
        pool = Pool()
        get_name = pool.get('ir.model').get_name
        Rate = pool.get('crm.work.rate')
        return [(None, "")] + [
            (model, get_name(model)) for _, model in Rate._get_works()]

    def get_currency(self, name):
        return self.sheet.currency.id

    @classmethod
    def enter(cls, rate, sheets):
        "Enter the work that the rate pays and no other rate has paid"
        Sheet = Pool().get('crm.work.sheet')
        cursor = Transaction().connection.cursor()
        table = cls.__table__()
        other = cls.__table__()
        sheet = Sheet.__table__()
        model, work = rate.get_work()
        record = Concat(Literal(f'{model},'), Cast(work.id, 'VARCHAR'))
        ids = [s.id for s in sheets if s.company == rate.company]
        months = {s.month for s in sheets}
        if not ids:
            return
        query = (work
            .join(sheet, condition=sheet.employee == work.employee)
            .select(
                sheet.id, Literal(rate.id), work.date, record,
                Literal(rate.amount),
                where=fields.SQL_OPERATORS['in'](sheet.id, ids)
                & _in_month(work.date, sheet.month, months)
                & ~record.in_(other.select(other.record))))
        cursor.execute(*table.insert([
                    table.sheet, table.rate, table.date, table.record,
                    table.amount], query))


def _in_month(date, month, months):
    "Return the SQL condition that a date is in a month of months"
    condition = Literal(False)
    for first in months:
        condition |= (month == first) & (date >= first) & (
            date < first + relativedelta(months=1))
    return condition


class WorkSheetMakeStart(ModelView):
    __name__ = 'crm.work.sheet.make.start'
    __string__ = "Make Work Sheets"

    company = fields.Many2One('company.company', "Company", required=True)
    month = fields.Date(
        "Month", required=True, help="Any day of the month.")

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_month(cls):
        today = Pool().get('ir.date').today()
        return today.replace(day=1) - dt.timedelta(days=1)


class WorkSheetMake(Wizard):
    __name__ = 'crm.work.sheet.make'

    start = StateView('crm.work.sheet.make.start',
        'crm_party.work_sheet_make_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Make", 'make', 'tryton-ok', default=True),
            ])
    make = StateAction('crm_party.act_work_sheet_form')

    def do_make(self, action):
        Sheet = Pool().get('crm.work.sheet')
        sheets = Sheet.make(self.start.company, self.start.month)
        return action, {'res_id': [s.id for s in sheets]}


class WorkSheetReport(Report, CompanyReport):
    __name__ = 'crm.work.sheet'

    @classmethod
    def get_context(cls, sheets, header, data):
        context = super().get_context(sheets, header, data)
        context['sums'] = cls.sums
        return context

    @classmethod
    def sums(cls, sheet):
        "Return (rate, number of pieces, amount) of each rate"
        pieces = defaultdict(list)
        for entry in sheet.entries:
            pieces[entry.rate].append(entry.amount)
        return [
            (rate, len(amounts), sum(amounts))
            for rate, amounts in sorted(
                pieces.items(), key=lambda i: i[0].rec_name)]
