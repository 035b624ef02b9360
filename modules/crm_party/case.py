# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from sql import Literal

from caravan.days import local_date, local_day, timezone
from trytond.i18n import gettext
from trytond.model import (
    DeactivableMixin, Index, ModelSQL, ModelView, Workflow, fields)
from trytond.modules.company.model import employee_field, set_employee
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval, If
from trytond.tools import timezone as tz
from trytond.transaction import Transaction

from .activity_type import CHANNELS
from .profile import ManagedMixin
from .tools import days_between

_OPEN = ['new', 'open', 'waiting']


class CaseType(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'crm.case.type'
    __string__ = "Case Type"

    name = fields.Char("Name", required=True, translate=True)
    low, normal, high = (
        fields.TimeDelta(label,
            domain=['OR',
                (name, '=', None),
                (name, '>', dt.timedelta()),
                ],
            help="The time within which cases of the priority are solved.")
        for name, label in [
            ('low', "Low"), ('normal', "Normal"), ('high', "High")])

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('name', 'ASC'))

    def get_delay(self, priority):
        "Return the time to solve a case of the priority, None if any"
        return getattr(self, {'0': 'low', '1': 'normal', '2': 'high'}[
                priority])


_states = {
    'readonly': Eval('state').in_(['closed', 'cancelled']),
    }


class Case(ManagedMixin, Workflow, ModelSQL, ModelView):
    __name__ = 'crm.case'
    __string__ = "Case"
    _rec_name = 'number'

    number = fields.Char("Number", readonly=True)
    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT',
        states={
            'readonly': Eval('id', -1) >= 0,
            })
    party = fields.Many2One(
        'party.party', "Party", required=True, ondelete='RESTRICT',
        states=_states,
        context={
            'company': Eval('company', -1),
            },
        depends={'company'})
    contact = fields.Many2One(
        'party.party', "Contact", ondelete='RESTRICT', states=_states,
        context={
            'company': Eval('company', -1),
            },
        search_context={
            'related_party': Eval('party'),
            },
        depends={'company'},
        help="The person who turned to us.")
    type = fields.Many2One(
        'crm.case.type', "Type", required=True, ondelete='RESTRICT',
        states=_states)
    subject = fields.Char("Subject", required=True, states=_states)
    description = fields.Text("Description", states=_states)
    channel = fields.Selection(
        CHANNELS, "Channel", required=True, sort=False, states=_states,
        help="The way the case reached us.")
    priority = fields.Selection([
            ('0', "Low"),
            ('1', "Normal"),
            ('2', "High"),
            ], "Priority", required=True, sort=False, states=_states)
    employee = fields.Many2One(
        'company.employee', "Employee", ondelete='RESTRICT', states=_states,
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        help="The employee in charge.")
    opened_at = fields.Timestamp("Opened At", required=True, readonly=True)
    deadline = fields.DateTime(
        "Deadline", states=_states,
        help="When the case must be solved.\n"
        "Leave empty for the time of the type and the priority.")
    solved_at = fields.Timestamp("Solved At", readonly=True)
    solved_on = fields.Date("Solved On", readonly=True)
    solved_by = employee_field(
        "Solved By", states=['new', 'open', 'waiting', 'solved', 'closed',
            'cancelled'])
    on_time = fields.Function(
        fields.Selection([
                (None, ""),
                ('yes', "On Time"),
                ('no', "Late"),
                ], "Deadline Kept", sort=False),
        'get_on_time')
    satisfaction = fields.Selection([
            (None, ""),
            ('1', "Very Bad"),
            ('2', "Bad"),
            ('3', "Fair"),
            ('4', "Good"),
            ('5', "Very Good"),
            ], "Satisfaction", sort=False,
        states={
            'readonly': ~Eval('state').in_(['solved', 'closed']),
            },
        help="What the customer thinks of the solution.")
    solution = fields.Text("Solution", states=_states)
    origin = fields.Reference(
        "Origin", selection='get_origin', states=_states,
        help="The document the case is about.")
    activities = fields.One2Many(
        'crm.activity', 'case', "Activities",
        domain=[
            ('company', '=', Eval('company', -1)),
            ])
    state = fields.Selection([
            ('new', "New"),
            ('open', "Open"),
            ('waiting', "Waiting"),
            ('solved', "Solved"),
            ('closed', "Closed"),
            ('cancelled', "Cancelled"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        cls.number.search_unaccented = False
        super().__setup__()
        t = cls.__table__()
        cls._sql_indexes.update({
                Index(t, (t.party, Index.Equality())),
                Index(t,
                    (t.state, Index.Equality(cardinality='low')),
                    where=t.state.in_(_OPEN)),
                })
        cls._order = [('deadline', 'ASC NULLS LAST'), ('id', 'DESC')]
        cls._transitions |= set((
                ('new', 'open'),
                ('new', 'solved'),
                ('new', 'cancelled'),
                ('open', 'waiting'),
                ('open', 'solved'),
                ('open', 'cancelled'),
                ('waiting', 'open'),
                ('waiting', 'solved'),
                ('waiting', 'cancelled'),
                ('solved', 'open'),
                ('solved', 'closed'),
                ))
        cls._buttons.update({
                name: {
                    'invisible': ~Eval('state').in_(states),
                    'icon': icon,
                    'depends': ['state'],
                    } for name, states, icon in [
                        ('open', ['new', 'waiting', 'solved'],
                            'tryton-forward'),
                        ('wait', ['open'], 'tryton-date'),
                        ('solve', _OPEN, 'tryton-ok'),
                        ('close', ['solved'], 'tryton-archive'),
                        ('cancel', _OPEN, 'tryton-cancel'),
                        ]})

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_employee(cls):
        return Transaction().context.get('employee')

    @classmethod
    def default_channel(cls):
        return 'call'

    @classmethod
    def default_priority(cls):
        return '1'

    @classmethod
    def default_opened_at(cls):
        return dt.datetime.now()

    @classmethod
    def default_state(cls):
        return 'new'

    @classmethod
    def get_origin(cls):
        Activity = Pool().get('crm.activity')
        return Activity.get_origin()

    @classmethod
    def get_on_time(cls, cases, name):
        now = dt.datetime.now()

        def on_time(case):
            if not case.deadline or case.state == 'cancelled':
                return None
            end = case.solved_at or now
            if end > case.deadline:
                return 'no'
            return 'yes' if case.solved_at else None
        return {c.id: on_time(c) for c in cases}

    def get_rec_name(self, name):
        return f'{self.number} {self.subject}'

    @classmethod
    def search_rec_name(cls, name, clause):
        _, operator, operand, *extra = clause
        if operator.startswith('!') or operator.startswith('not '):
            bool_op = 'AND'
        else:
            bool_op = 'OR'
        return [bool_op,
            ('number', operator, operand, *extra),
            ('subject', operator, operand, *extra),
            ('party.rec_name', operator, operand, *extra),
            ]

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state') == 'cancelled', 'muted',
                    If(Eval('on_time') == 'no', 'danger',
                        If(Eval('state').in_(['solved', 'closed']),
                            'success', '')))),
            ]

    @classmethod
    def preprocess_values(cls, mode, values):
        Configuration = Pool().get('crm.configuration')
        values = super().preprocess_values(mode, values)
        if mode == 'create' and not values.get('number'):
            if sequence := Configuration(1).case_sequence:
                values['number'] = sequence.get()
        return values

    def compute_fields(self, field_names=None):
        values = super().compute_fields(field_names=field_names)
        if (not self.deadline
                and (field_names is None
                    or field_names & {'type', 'priority', 'deadline'})):
            if delay := self.type.get_delay(self.priority):
                values['deadline'] = (
                    self.opened_at + delay).replace(microsecond=0)
        if field_names is None or field_names & {'solved_at', 'company'}:
            solved_on = None
            if self.solved_at:
                solved_on = local_date(self.company, self.solved_at)
            if self.solved_on != solved_on:
                values['solved_on'] = solved_on
        return values

    @classmethod
    def copy(cls, cases, default=None):
        default = default.copy() if default is not None else {}
        for name in [
                'number', 'deadline', 'solved_at', 'solved_by',
                'satisfaction', 'solution', 'activities']:
            default.setdefault(name, None)
        default.setdefault('opened_at', dt.datetime.now())
        return super().copy(cases, default=default)

    @classmethod
    @ModelView.button
    @Workflow.transition('open')
    def open(cls, cases):
        cls.write([c for c in cases if c.solved_at], {
                'solved_at': None,
                'solved_by': None,
                })

    @classmethod
    @ModelView.button
    @Workflow.transition('waiting')
    def wait(cls, cases):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('solved')
    @set_employee('solved_by')
    def solve(cls, cases):
        cls.write(cases, {'solved_at': dt.datetime.now()})

    @classmethod
    @ModelView.button
    @Workflow.transition('closed')
    def close(cls, cases):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('cancelled')
    def cancel(cls, cases):
        pass


del _states


class Activity(metaclass=PoolMeta):
    __name__ = 'crm.activity'

    case = fields.Many2One(
        'crm.case', "Case", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            If(Eval('party'), ('party', '=', Eval('party', -1)), ()),
            ],
        states={
            'readonly': Eval('state') != 'planned',
            })

    @fields.depends('case', 'party', '_parent_case.party')
    def on_change_case(self):
        if self.case and not self.party:
            self.party = self.case.party

    def next_step(self, *args, **kwargs):
        activity = super().next_step(*args, **kwargs)
        activity.case = self.case
        return activity


class Due(metaclass=PoolMeta):
    __name__ = 'crm.due'

    @classmethod
    def _get_kinds(cls):
        return super()._get_kinds() + [
            ('case', gettext('crm_party.msg_due_case'), 'crm.case')]

    @classmethod
    def _due_case(cls):
        "Return the query of the open cases to be solved by today"
        pool = Pool()
        Case = pool.get('crm.case')
        Company = pool.get('company.company')
        company, today, _ = cls._get_context()
        table = Case.__table__()
        record = Company(company) if company >= 0 else None
        end = dt.datetime.combine(
            today + dt.timedelta(days=1), dt.time(), tzinfo=timezone(record)
            ).astimezone(tz.UTC).replace(tzinfo=None)
        date = local_day(cls.date, table.deadline, record)
        return [table.select(
                table.id.as_('id'),
                table.party.as_('party'),
                table.company.as_('company'),
                table.employee.as_('employee'),
                date.as_('date'),
                days_between(
                    date, cls.date.sql_cast(Literal(today))).as_('days'),
                Literal(0).as_('interval'),
                where=(table.company == company)
                & table.state.in_(_OPEN)
                & (table.deadline < end))]


class Timeline(metaclass=PoolMeta):
    __name__ = 'crm.timeline'

    @classmethod
    def _get_kinds(cls):
        return super()._get_kinds() + [('case', 'crm.case')]

    @classmethod
    def _get_resources(cls):
        return super()._get_resources() + [('crm.case', 'party', 'company')]

    @classmethod
    def _timeline_case(cls):
        Case = Pool().get('crm.case')
        table = Case.__table__()
        return [table.select(
                table.id.as_('id'),
                table.party.as_('party'),
                table.company.as_('company'),
                cls.date.sql_cast(table.opened_at).as_('date'),
                table.opened_at.as_('at'),
                table.subject.as_('summary'),
                table.employee.as_('employee'),
                table.state.as_('status'),
                where=cls._readable(table, Case))]
