# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
import json
from collections import defaultdict

from sql import Cast, Literal, Null, Window
from sql.aggregate import Count
from sql.conditionals import Case, Coalesce
from sql.functions import RowNumber
from sql.operators import Concat, Mod

from trytond.i18n import gettext, ngettext
from trytond.model import (
    Index, ModelSQL, ModelView, Workflow, fields, sequence_ordered)
from trytond.model.exceptions import AccessError
from trytond.pool import Pool
from trytond.pyson import Bool, Eval, If
from trytond.transaction import Transaction, without_check_access

from .exceptions import HandoverError
from .reminder import notify
from .tools import forget

_states = {
    'readonly': Eval('state') != 'draft',
    }


class Handover(Workflow, ModelSQL, ModelView):
    __name__ = 'crm.handover'
    __string__ = "Hand-over"

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT',
        states={
            'readonly': _states['readonly'] | Eval('lines', [0]),
            })
    employee = fields.Many2One(
        'company.employee', "From", required=True, ondelete='RESTRICT',
        states=_states,
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        help="The employee who hands over.")
    lines = fields.One2Many(
        'crm.handover.line', 'handover', "To", states=_states,
        help="Who takes over: customers of a segment go to its line, all "
        "others in turn to the lines without one.")
    customers = fields.Boolean("Customers", states=_states)
    activities = fields.Boolean(
        "Planned Activities", states=_states,
        help="Activities go where their customer goes.")
    leads = fields.Boolean("Open Leads", states=_states)
    cases = fields.Boolean("Open Cases", states=_states)
    customer_count = fields.Function(
        fields.Integer("Number of Customers"), 'get_counts')
    activity_count = fields.Function(
        fields.Integer("Number of Activities"), 'get_counts')
    lead_count = fields.Function(
        fields.Integer("Number of Leads"), 'get_counts')
    case_count = fields.Function(
        fields.Integer("Number of Cases"), 'get_counts')
    assignments = fields.One2Many(
        'crm.assignment', 'handover', "Log", readonly=True)
    done_at = fields.Timestamp("Done At", readonly=True)
    done_by = fields.Many2One(
        'res.user', "Done By", ondelete='RESTRICT', readonly=True)
    undone_at = fields.Timestamp(
        "Undone At", readonly=True,
        states={
            'invisible': Eval('state') != 'undone',
            })
    state = fields.Selection([
            ('draft', "Draft"),
            ('done', "Done"),
            ('undone', "Undone"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('id', 'DESC')]
        cls._transitions |= set((
                ('draft', 'done'),
                ('done', 'undone'),
                ))
        cls._buttons.update({
                'do': {
                    'invisible': Eval('state') != 'draft',
                    'readonly': ~Bool(Eval('lines', [])),
                    'icon': 'tryton-switch',
                    'depends': ['state', 'lines'],
                    },
                'undo': {
                    'invisible': Eval('state') != 'done',
                    'icon': 'tryton-undo',
                    'depends': ['state'],
                    },
                })

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_customers(cls):
        return True

    @classmethod
    def default_activities(cls):
        return True

    @classmethod
    def default_leads(cls):
        return True

    @classmethod
    def default_cases(cls):
        return True

    @classmethod
    def default_state(cls):
        return 'draft'

    def get_rec_name(self, name):
        return ' - '.join(filter(None, [
                    self.employee.rec_name,
                    ', '.join(l.employee.rec_name for l in self.lines)]))

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual', If(Eval('state') == 'undone', 'muted', '')),
            ]

    @classmethod
    def check_modification(cls, mode, handovers, values=None, external=False):
        super().check_modification(
            mode, handovers, values=values, external=external)
        if mode == 'delete' or (mode == 'write' and external):
            for handover in handovers:
                if handover.state != 'draft':
                    raise AccessError(gettext(
                            'crm_party.msg_handover_modify_draft',
                            handover=handover.rec_name))

    @classmethod
    def copy(cls, handovers, default=None):
        default = default.copy() if default is not None else {}
        for name in ['assignments', 'done_at', 'done_by', 'undone_at']:
            default.setdefault(name, None)
        return super().copy(handovers, default=default)

    @classmethod
    def _get_handed(cls):
        """Return what is handed over

        A list of name of the field to choose it, name of the model, name of
        the field with the employee, name of the field with the party or
        None, states that are open or None.  The customers come first: the
        rest follows them.
        """
        return [
            ('customers', 'crm.profile', 'manager', 'party', None),
            ('activities', 'crm.activity', 'employee', 'party', ['planned']),
            ('leads', 'crm.lead', 'employee', None, ['new', 'working']),
            ('cases', 'crm.case', 'employee', 'party',
                ['new', 'open', 'waiting']),
            ]

    @classmethod
    @without_check_access
    def get_counts(cls, handovers, names):
        result = {n: dict.fromkeys(map(int, handovers), 0) for n in names}
        # A hand-over has a few kinds of things, one query counts each
        cursor = Transaction().connection.cursor()
        done = cls._count_done(handovers)
        count_names = cls._count_names()
        for choice, model, *_ in cls._get_handed():
            name = count_names[choice]
            if name not in names:
                continue
            for handover in handovers:
                if handover.state != 'draft':
                    count = done[handover.id, model]
                elif getattr(handover, choice):
                    query = handover._get_rows(model)
                    cursor.execute(*query.select(Count()))
                    count, = cursor.fetchone()
                else:
                    count = 0
                result[name][handover.id] = count
        return result

    @classmethod
    def _count_names(cls):
        "Return {field to choose what is handed over: field with its number}"
        return {
            'customers': 'customer_count', 'activities': 'activity_count',
            'leads': 'lead_count', 'cases': 'case_count'}

    @classmethod
    def _count_done(cls, handovers):
        "Return {(handover id, model): number of records handed over}"
        Assignment = Pool().get('crm.assignment')
        table = Assignment.__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*table.select(
                table.handover, table.model, Count(),
                where=fields.SQL_OPERATORS['in'](
                    table.handover, [h.id for h in handovers]),
                group_by=[table.handover, table.model]))
        counts = defaultdict(int)
        counts.update({(h, m): n for h, m, n in cursor})
        return counts

    def _get_rows(self, model):
        "Return the query of id and party of what the employee has of a model"
        handed = {h[1]: h for h in self._get_handed()}
        _, _, employee, party, states = handed[model]
        table = Pool().get(model).__table__()
        where = ((table.company == self.company.id)
            & (getattr(table, employee) == self.employee.id))
        if states:
            where &= table.state.in_(states)
        return table.select(
            table.id.as_('id'),
            (getattr(table, party) if party
                else Cast(Null, 'INTEGER')).as_('party'),
            where=where)

    def _get_targets(self):
        "Return the query of the profiles and who takes each over"
        rows = self._get_rows('crm.profile')
        segments = [
            (rows.party.in_(line.segment.get_parties()), line.employee.id)
            for line in self.lines if line.segment]
        chosen = Case(*segments) if segments else Cast(Null, 'INTEGER')
        rows = rows.select(
            rows.id.as_('id'), rows.party.as_('party'),
            chosen.as_('employee'))
        turn = [l.employee.id for l in self.lines if not l.segment]
        turn = turn or [self.lines[0].employee.id]
        number = RowNumber(
            window=Window([rows.employee], order_by=[rows.id]))
        position = Mod(number - 1, len(turn))
        return rows.select(
            rows.id.as_('id'),
            rows.party.as_('party'),
            Coalesce(rows.employee, Case(
                    *((position == i, e) for i, e in enumerate(turn)))
                ).as_('employee'))

    def _log_customers(self):
        query = self._get_targets()
        self._insert('crm.profile', query.select(query.id, query.employee))

    def _log_others(self, model):
        "Log what follows the customers, or goes to the first line"
        pool = Pool()
        assignment = pool.get('crm.assignment').__table__()
        profile = pool.get('crm.profile').__table__()
        rows = self._get_rows(model)
        customers = (assignment
            .join(profile, condition=assignment.record_id == profile.id)
            .select(
                profile.party.as_('party'),
                assignment.employee_to.as_('employee'),
                where=(assignment.handover == self.id)
                & (assignment.model == 'crm.profile')))
        self._insert(model, rows
            .join(customers, 'LEFT', condition=rows.party == customers.party)
            .select(
                rows.id, Coalesce(
                    customers.employee, self.lines[0].employee.id)))

    def _insert(self, model, query):
        "Log the rows of id and employee that query gives"
        table = Pool().get('crm.assignment').__table__()
        id_, employee = query.columns
        query.columns = [
            Literal(self.id), Literal(model), id_,
            Concat(Literal(f'{model},'), Cast(id_, 'VARCHAR')),
            Literal(self.employee.id), employee]
        cursor = Transaction().connection.cursor()
        cursor.execute(*table.insert([
                    table.handover, table.model, table.record_id,
                    table.record, table.employee_from, table.employee_to],
                query))

    def _apply(self, undo=False):
        "Write the employees of the log to what was handed over, or back"
        pool = Pool()
        cursor = Transaction().connection.cursor()
        log = pool.get('crm.assignment').__table__()
        employees = {l.employee.id for l in self.lines}
        for choice, model, employee, _, states in self._get_handed():
            for to in employees if getattr(self, choice) else []:
                table = pool.get(model).__table__()
                column = getattr(table, employee)
                old, new = self.employee.id, to
                if undo:
                    old, new = new, old
                where = (column == old) & table.id.in_(log.select(
                        log.record_id,
                        where=(log.handover == self.id)
                        & (log.model == model)
                        & (log.employee_to == to)))
                if states:
                    where &= table.state.in_(states)
                cursor.execute(*table.update([column], [new], where=where))
            forget(model)
        self._remind(employees | {self.employee.id})

    @staticmethod
    def _remind(employees):
        "Remind employees (ids) of what others were reminded of before"
        Reminder = Pool().get('crm.activity.reminder')
        Reminder.arm(Reminder.search([
                    ('activity.employee', 'in', list(employees)),
                    ('activity.state', '=', 'planned'),
                    ('remind_at', '!=', None),
                    ('sent_at', '!=', None),
                    ]))

    @classmethod
    @ModelView.button
    @Workflow.transition('done')
    def do(cls, handovers):
        cls.lock(handovers)
        for handover in handovers:
            if not handover.lines:
                raise HandoverError(gettext(
                        'crm_party.msg_handover_no_line',
                        handover=handover.rec_name))
            if handover.customers:
                handover._log_customers()
            for choice, model, *_ in cls._get_handed()[1:]:
                if getattr(handover, choice):
                    handover._log_others(model)
            handover._apply()
        cls.write(handovers, {
                'done_at': dt.datetime.now(),
                'done_by': Transaction().user or None,
                })
        cls._tell(handovers)

    @classmethod
    def _tell(cls, handovers):
        "Notify those who take over"
        pool = Pool()
        Activity = pool.get('crm.activity')
        log = pool.get('crm.assignment').__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*log.select(
                log.employee_to, log.record_id,
                where=fields.SQL_OPERATORS['in'](
                    log.handover, [h.id for h in handovers])
                & (log.model == 'crm.profile')))
        taken = defaultdict(list)
        for employee, profile in cursor:
            taken[employee].append(profile)
        users = Activity.get_users(
            {l.employee for h in handovers for l in h.lines})
        notify([{
                    'user': user,
                    'label': ngettext(
                        'crm_party.msg_handover_taken',
                        len(taken[employee.id]),
                        number=len(taken[employee.id])),
                    'icon': 'tryton-switch',
                    'model': 'crm.profile',
                    'records': json.dumps(taken[employee.id]),
                    } for employee, ids in users.items() for user in ids
                if taken[employee.id]])

    @classmethod
    @ModelView.button
    @Workflow.transition('undone')
    def undo(cls, handovers):
        """Give back what nobody has changed since

        What was closed, or went on to somebody else, stays where it is.
        """
        cls.lock(handovers)
        for handover in handovers:
            handover._apply(undo=True)
        cls.write(handovers, {'undone_at': dt.datetime.now()})


del _states


class HandoverLine(sequence_ordered(), ModelSQL, ModelView):
    __name__ = 'crm.handover.line'
    __string__ = "Hand-over Line"

    handover = fields.Many2One(
        'crm.handover', "Hand-over", required=True, ondelete='CASCADE')
    company = fields.Function(
        fields.Many2One('company.company', "Company"),
        'on_change_with_company')
    employee = fields.Many2One(
        'company.employee', "To", required=True, ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ('id', '!=', Eval('_parent_handover', {}).get('employee', -1)),
            ])
    segment = fields.Many2One(
        'crm.segment', "Segment", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        help="The customers who go to the employee.\n"
        "Leave empty for those of no other line, in turn.")
    customers = fields.Function(
        fields.Integer(
            "Customers",
            help="How many customers the employee gets."),
        'get_customers')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('handover')

    @fields.depends('handover', '_parent_handover.company')
    def on_change_with_company(self, name=None):
        return self.handover.company if self.handover else None

    @classmethod
    @without_check_access
    def get_customers(cls, lines, name):
        pool = Pool()
        Assignment = pool.get('crm.assignment')
        cursor = Transaction().connection.cursor()
        counts = {}
        # One query for each hand-over, of which a form shows one
        for handover in {l.handover for l in lines}:
            if handover.state == 'draft':
                query = handover._get_targets()
                cursor.execute(*query.select(
                        query.employee, Count(), group_by=query.employee))
            else:
                log = Assignment.__table__()
                cursor.execute(*log.select(
                        log.employee_to, Count(),
                        where=(log.handover == handover.id)
                        & (log.model == 'crm.profile'),
                        group_by=log.employee_to))
            for employee, count in cursor:
                counts[handover.id, employee] = count
        return {
            l.id: counts.get((l.handover.id, l.employee.id), 0)
            for l in lines}


class Assignment(ModelSQL, ModelView):
    __name__ = 'crm.assignment'
    __string__ = "Assignment"

    handover = fields.Many2One(
        'crm.handover', "Hand-over", required=True, ondelete='RESTRICT',
        readonly=True)
    model = fields.Char("Model", required=True, readonly=True)
    record_id = fields.Integer("Record ID", required=True, readonly=True)
    record = fields.Reference(
        "Record", selection='get_models', readonly=True)
    employee_from = fields.Many2One(
        'company.employee', "From", required=True, ondelete='RESTRICT',
        readonly=True)
    employee_to = fields.Many2One(
        'company.employee', "To", required=True, ondelete='RESTRICT',
        readonly=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('handover')
        t = cls.__table__()
        cls._sql_indexes.update({
                Index(t,
                    (t.handover, Index.Equality()),
                    (t.model, Index.Equality())),
                Index(t,
                    (t.model, Index.Equality()),
                    (t.record_id, Index.Equality())),
                })

    @classmethod
    def get_models(cls):
        pool = Pool()
        get_name = pool.get('ir.model').get_name
        Handover = pool.get('crm.handover')
        return [(None, "")] + [
            (h[1], get_name(h[1])) for h in Handover._get_handed()]
