# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from trytond.i18n import gettext
from trytond.model import ModelView, fields
from trytond.pool import Pool
from trytond.pyson import Bool, Eval
from trytond.transaction import check_access, without_check_access
from trytond.wizard import Button, StateTransition, StateView, Wizard

from .exceptions import NextStepError


class _ActivityWizard(Wizard):
    "Base of wizards on activities that their user may write"

    @property
    def activities(self):
        Activity = Pool().get('crm.activity')
        ids = [a.id for a in self.records]
        with check_access():
            activities = Activity.search([
                    ('id', 'in', ids),
                    ('state', '=', 'planned'),
                    ])
        with without_check_access():
            return Activity.browse(activities)

    def write(self, values):
        "Write on the activities with the rights of the user"
        Activity = Pool().get('crm.activity')
        with check_access():
            Activity.write(self.activities, values)


class ActivityDoneStart(ModelView):
    __name__ = 'crm.activity.done.start'
    __string__ = "Close Activity"

    activity = fields.Many2One(
        'crm.activity', "Activity", readonly=True,
        states={
            'invisible': ~Eval('activity'),
            })
    company = fields.Many2One('company.company', "Company", readonly=True)
    type = fields.Many2One('crm.activity.type', "Type", readonly=True)
    require_result = fields.Boolean("Require Result", readonly=True)
    result = fields.Many2One(
        'crm.activity.result', "Result",
        domain=['OR',
            ('type', '=', None),
            ('type', '=', Eval('type', -1)),
            ],
        states={
            'required': Bool(Eval('require_result')),
            },
        help="What came out of it.")
    note = fields.Text("Note")
    next_type = fields.Many2One(
        'crm.activity.type', "Next Step",
        help="Leave empty to plan nothing.")
    next_date = fields.Date(
        "Date",
        states={
            'invisible': ~Eval('next_type'),
            'required': Bool(Eval('next_type')),
            })
    next_time = fields.Time(
        "Time", format='%H:%M',
        states={
            'invisible': ~Eval('next_type'),
            },
        help="Leave empty for the whole day.")
    next_employee = fields.Many2One(
        'company.employee', "Employee",
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        states={
            'invisible': ~Eval('next_type'),
            })
    next_subject = fields.Char(
        "Subject",
        states={
            'invisible': ~Eval('next_type'),
            })

    @fields.depends('result', 'next_type', 'next_date', 'next_subject')
    def on_change_result(self):
        Date = Pool().get('ir.date')
        if self.result and self.result.next_type:
            self.next_type = self.result.next_type
            self.next_date = self.result.get_next_date(Date.today())
            self.next_subject = self.next_type.default_subject

    @fields.depends('next_type', 'next_date', 'next_subject')
    def on_change_next_type(self):
        Date = Pool().get('ir.date')
        if self.next_type and not self.next_date:
            self.next_date = Date.today() + dt.timedelta(
                days=self.next_type.default_delay or 0)
        if self.next_type and not self.next_subject:
            self.next_subject = self.next_type.default_subject


class ActivityDone(_ActivityWizard):
    __name__ = 'crm.activity.done'

    start = StateView('crm.activity.done.start',
        'crm_party.activity_done_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Done", 'done', 'tryton-ok', default=True),
            ])
    done = StateTransition()

    def default_start(self, field_names):
        activities = self.activities
        types = {a.type for a in activities}
        employees = {a.employee for a in activities}
        values = {
            'require_result': any(t.require_result for t in types),
            }
        if activities:
            values['company'] = activities[0].company.id
        if len(activities) == 1:
            activity, = activities
            values['activity'] = activity.id
            values['note'] = activity.note
        if len(types) == 1:
            values['type'] = types.pop().id
        if len(employees) == 1 and (employee := employees.pop()):
            values['next_employee'] = employee.id
        return values

    def transition_done(self):
        Activity = Pool().get('crm.activity')
        activities = self.activities
        if self.start.next_type and not self.start.next_date:
            raise NextStepError(
                gettext('crm_party.msg_activity_next_step_date'))
        values = {}
        if self.start.result:
            values['result'] = self.start.result.id
        if self.start.note:
            values['note'] = self.start.note
        self.write(values)
        Activity.do(activities)
        if self.start.next_type:
            with check_access():
                Activity.save([self._next_step(a) for a in activities])
        return 'end'

    def _next_step(self, activity):
        start = self.start
        return activity.next_step(
            start.next_type, start.next_date, time=start.next_time,
            employee=start.next_employee or activity.employee,
            subject=start.next_subject)


class ActivityPostponeStart(ModelView):
    __name__ = 'crm.activity.postpone.start'
    __string__ = "Postpone Activity"

    date = fields.Date("Date", required=True)
    time = fields.Time(
        "Time", format='%H:%M', help="Leave empty for the whole day.")


class ActivityPostpone(_ActivityWizard):
    __name__ = 'crm.activity.postpone'

    start = StateView('crm.activity.postpone.start',
        'crm_party.activity_postpone_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Postpone", 'postpone', 'tryton-ok', default=True),
            ])
    postpone = StateTransition()

    def default_start(self, field_names):
        Date = Pool().get('ir.date')
        values = {'date': Date.today() + dt.timedelta(days=1)}
        activities = self.activities
        if len(activities) == 1:
            values['time'] = activities[0].time
        return values

    def transition_postpone(self):
        self.write({
                'date': self.start.date,
                'time': self.start.time,
                })
        return 'end'


class ActivityReassignStart(ModelView):
    __name__ = 'crm.activity.reassign.start'
    __string__ = "Reassign Activity"

    company = fields.Many2One('company.company', "Company", readonly=True)
    employee = fields.Many2One(
        'company.employee', "Employee", required=True,
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        help="The employee who takes over.")


class ActivityReassign(_ActivityWizard):
    __name__ = 'crm.activity.reassign'

    start = StateView('crm.activity.reassign.start',
        'crm_party.activity_reassign_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Reassign", 'reassign', 'tryton-ok', default=True),
            ])
    reassign = StateTransition()

    def default_start(self, field_names):
        activities = self.activities
        if activities:
            return {'company': activities[0].company.id}
        return {}

    def transition_reassign(self):
        # Afterwards the record may belong to somebody out of reach: the
        # rights are checked on what it is before
        pool = Pool()
        Activity = pool.get('crm.activity')
        ModelAccess = pool.get('ir.model.access')
        Rule = pool.get('ir.rule')
        activities = self.activities
        with check_access():
            ModelAccess.check(Activity.__name__, 'write')
            Rule.check(
                Activity.__name__, [a.id for a in activities], mode='write')
        Activity.write(activities, {'employee': self.start.employee.id})
        return 'end'
