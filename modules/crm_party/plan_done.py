# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from sql import Literal, Null
from sql.aggregate import Count

from trytond.model import ModelSQL, ModelView, fields
from trytond.pool import Pool
from trytond.pyson import Eval, If
from trytond.transaction import Transaction

_COUNTS = [
    'planned', 'done_on_time', 'done_late', 'open_overdue', 'cancelled',
    'unplanned_done']


class PlanDone(ModelSQL, ModelView):
    __name__ = 'crm.plan.done'
    __string__ = "Plan and Done"

    company = fields.Many2One('company.company', "Company")
    employee = fields.Many2One('company.employee', "Employee")
    planned = fields.Integer(
        "Planned", help="Activities for a day of the period, not cancelled.")
    done_on_time = fields.Integer("Done on Time")
    done_late = fields.Integer("Done Late")
    open_overdue = fields.Integer("Overdue")
    cancelled = fields.Integer("Cancelled")
    unplanned_done = fields.Integer(
        "Unplanned", help="Activities done without a plan.")
    completion = fields.Function(
        fields.Float(
            "Completion", digits=(1, 4),
            help="Done of planned, empty when nothing was planned."),
        'get_rates')
    on_time = fields.Function(
        fields.Float(
            "On Time", digits=(1, 4),
            help="Done on time of planned, empty when nothing was planned."),
        'get_rates')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('employee', 'ASC'), ('id', 'ASC')]

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree/field[@name="open_overdue"]', 'visual',
                If(Eval('open_overdue', 0) > 0, 'danger', '')),
            ]

    @classmethod
    def table_query(cls):
        pool = Pool()
        Activity = pool.get('crm.activity')
        Date = pool.get('ir.date')
        context = Transaction().context
        table = Activity.__table__()
        today = Date.today()
        start = context.get('from_date') or today.replace(day=1)
        end = context.get('to_date') or today
        due = (table.date >= start) & (table.date <= end)
        done = due & (table.state == 'done')
        filters = {
            'planned': due & table.state.in_(['planned', 'done']),
            'done_on_time': done & (table.done_on <= table.date),
            'done_late': done & (table.done_on > table.date),
            'open_overdue':
            due & (table.state == 'planned') & (table.date < today),
            'cancelled': due & (table.state == 'cancelled'),
            'unplanned_done': (
                (table.date == Null) & (table.state == 'done')
                & (table.done_on >= start) & (table.done_on <= end)),
            }
        any_ = Literal(False)
        for condition in filters.values():
            any_ |= condition
        return table.select(
            table.employee.as_('id'),
            table.company.as_('company'),
            table.employee.as_('employee'),
            *(Count(filter_=filters[name]).as_(name) for name in _COUNTS),
            where=any_ & (table.employee != Null),
            group_by=[table.employee, table.company])

    @classmethod
    def get_rates(cls, records, names):
        def rate(record, name):
            if not record.planned:
                return None
            done = record.done_on_time
            if name == 'completion':
                done += record.done_late
            return round(done / record.planned, 4)
        return {n: {r.id: rate(r, n) for r in records} for n in names}


class PlanDoneContext(ModelView):
    __name__ = 'crm.plan.done.context'
    __string__ = "Plan and Done Context"

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

    @classmethod
    def default_from_date(cls):
        return Pool().get('ir.date').today().replace(day=1)

    @classmethod
    def default_to_date(cls):
        return Pool().get('ir.date').today()
