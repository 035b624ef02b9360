# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from dateutil.relativedelta import relativedelta
from sql import Null

from caravan.days import local_date, timezone
from trytond.i18n import gettext
from trytond.model import Index, ModelSQL, ModelView, Unique, Workflow, fields
from trytond.model.exceptions import AccessError
from trytond.modules.company.model import set_employee
from trytond.pool import Pool
from trytond.pyson import Date as PYSONDate
from trytond.pyson import Eval, If
from trytond.tools import timezone as tz
from trytond.transaction import Transaction

from .exceptions import ActivityDoneError, ActivityResultError
from .profile import ManagedMixin

_states = {
    'readonly': Eval('state') != 'planned',
    }


def _now():
    return dt.datetime.now()


class Activity(ManagedMixin, Workflow, ModelSQL, ModelView):
    __name__ = 'crm.activity'
    __string__ = "Activity"

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT',
        states={
            'readonly': _states['readonly'] | Eval('party'),
            })
    type = fields.Many2One(
        'crm.activity.type', "Type", required=True, ondelete='RESTRICT',
        states=_states)
    subject = fields.Char("Subject", states=_states)
    reference = fields.Char(
        "Reference", readonly=True,
        help="The identifier of the activity in the file or the system it "
        "came from.")
    party = fields.Many2One(
        'party.party', "Party", ondelete='RESTRICT', states=_states,
        context={
            'company': Eval('company', -1),
            },
        depends={'company'},
        help="The customer concerned.\n"
        "Leave empty for a task inside the company.")
    contact = fields.Many2One(
        'party.party', "Contact", ondelete='RESTRICT', states=_states,
        context={
            'company': Eval('company', -1),
            'related_party': Eval('party'),
            'relation_usages': ['crm_contact'],
            },
        depends={'company', 'party'},
        search_context={
            'related_party': Eval('party'),
            'relation_usages': ['crm_contact'],
            },
        help="The person to talk to.")
    employee = fields.Many2One(
        'company.employee', "Employee", ondelete='RESTRICT', states=_states,
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        help="The employee in charge, who is reminded.")
    participants = fields.Many2Many(
        'crm.activity-company.employee', 'activity', 'employee',
        "Participants", states=_states,
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        help="Other employees who take part.")
    date = fields.Date(
        "Date",
        states={
            'readonly': _states['readonly'],
            'required': Eval('state') == 'planned',
            },
        help="The day for which the activity is planned.\n"
        "Empty when it was done without a plan.")
    time = fields.Time(
        "Time", format='%H:%M',
        states={
            'readonly': _states['readonly'],
            'invisible': ~Eval('date'),
            },
        help="Leave empty for the whole day.")
    duration = fields.TimeDelta(
        "Duration", states=_states,
        domain=['OR',
            ('duration', '=', None),
            ('duration', '>=', dt.timedelta()),
            ])
    dtstart = fields.DateTime("Start", readonly=True)
    dtend = fields.DateTime("End", readonly=True)
    priority = fields.Selection([
            ('0', "Low"),
            ('1', "Normal"),
            ('2', "High"),
            ], "Priority", required=True, sort=False, states=_states)
    origin = fields.Reference(
        "Origin", selection='get_origin', states=_states,
        help="The document the activity is about.")
    parent = fields.Many2One(
        'crm.activity', "Previous Step", ondelete='RESTRICT', readonly=True)
    next_steps = fields.One2Many(
        'crm.activity', 'parent', "Next Steps", readonly=True)
    reason = fields.Char(
        "Reason", states=_states,
        help="Why the activity was planned.")
    automatic = fields.Boolean(
        "Automatic", readonly=True,
        help="Planned by a watch rule.")
    due_kind = fields.Char(
        "Contact Now", readonly=True,
        help="The reason in Contact Now from which the activity was planned.")
    description = fields.Text("Description", states=_states)
    reminders = fields.One2Many(
        'crm.activity.reminder', 'activity', "Reminders", states=_states)
    repeat_every = fields.Integer(
        "Repeat Every", states=_states,
        domain=['OR',
            ('repeat_every', '=', None),
            ('repeat_every', '>', 0),
            ],
        help="Plan the activity again when it is done.")
    repeat_unit = fields.Selection([
            (None, ""),
            ('days', "Days"),
            ('weeks', "Weeks"),
            ('months', "Months"),
            ], "Repeat Unit", sort=False,
        states={
            'readonly': _states['readonly'],
            'required': Eval('repeat_every', 0) > 0,
            'invisible': ~Eval('repeat_every'),
            })
    repeat_day = fields.Integer(
        "Repeat on Day", readonly=True,
        help="The day of the month, kept over shorter months.")
    repeat_until = fields.Date(
        "Repeat Until",
        states={
            'readonly': _states['readonly'],
            'invisible': ~Eval('repeat_every'),
            })
    postponed = fields.Integer(
        "Postponed", readonly=True,
        help="How many times the activity was put off.")
    nagged_on = fields.Date("Nagged On", readonly=True)
    result = fields.Many2One(
        'crm.activity.result', "Result", ondelete='RESTRICT',
        domain=['OR',
            ('type', '=', None),
            ('type', '=', Eval('type', -1)),
            ],
        states=_states)
    outcome = fields.Function(
        fields.Selection('get_outcomes', "Outcome"), 'get_outcome',
        searcher='search_outcome')
    note = fields.Text(
        "Note", states=_states,
        help="What came out of it.")
    done_at = fields.Timestamp(
        "Done At",
        states={
            'readonly': True,
            'invisible': Eval('state') != 'done',
            })
    done_on = fields.Date("Done On", readonly=True)
    done_by = fields.Many2One(
        'company.employee', "Done By", ondelete='RESTRICT', readonly=True,
        states={
            'invisible': Eval('state') != 'done',
            })
    color = fields.Function(fields.Char("Colour"), 'get_color')
    when = fields.Function(
        fields.Selection([
                ('overdue', "Overdue"),
                ('today', "Today"),
                ('ahead', "Ahead"),
                ('closed', "Closed"),
                ], "When", sort=False),
        'get_when')
    state = fields.Selection([
            ('planned', "Planned"),
            ('done', "Done"),
            ('cancelled', "Cancelled"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        cls.reference.search_unaccented = False
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('reference_unique', Unique(t, t.company, t.reference),
                'crm_party.msg_activity_reference_unique'),
            ]
        cls._sql_indexes.update({
                Index(t, (t.party, Index.Equality())),
                Index(t,
                    (t.employee, Index.Equality()),
                    (t.date, Index.Range())),
                Index(t, (t.date, Index.Range()),
                    where=t.state == 'planned'),
                Index(t, (t.origin, Index.Equality()),
                    where=t.origin != Null),
                })
        cls._order = [
            ('date', 'ASC NULLS LAST'),
            ('time', 'ASC NULLS FIRST'),
            ('priority', 'DESC'),
            ('id', 'ASC'),
            ]
        cls._transitions |= set((
                ('planned', 'done'),
                ('planned', 'cancelled'),
                ('cancelled', 'planned'),
                ('done', 'planned'),
                ))
        cls._buttons.update({
                name: {
                    'invisible': Eval('state') != state,
                    'icon': icon,
                    'depends': ['state'],
                    } for name, state, icon in [
                        ('do_wizard', 'planned', 'tryton-ok'),
                        ('postpone_wizard', 'planned', 'tryton-date'),
                        ('reassign_wizard', 'planned', 'tryton-switch'),
                        ('cancel', 'planned', 'tryton-cancel'),
                        ('plan', 'cancelled', 'tryton-undo'),
                        ('reopen', 'done', 'tryton-undo'),
                        ]})

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_employee(cls):
        return Transaction().context.get('employee')

    @classmethod
    def default_date(cls):
        return Pool().get('ir.date').today()

    @classmethod
    def default_priority(cls):
        return '1'

    @classmethod
    def default_postponed(cls):
        return 0

    @classmethod
    def default_automatic(cls):
        return False

    @classmethod
    def default_state(cls):
        return 'planned'

    @classmethod
    def default_party(cls):
        pool = Pool()
        Profile = pool.get('crm.profile')
        context = Transaction().context
        model, id_ = context.get('active_model'), context.get('active_id')
        if model == 'party.party':
            return id_
        if model == Profile.__name__ and id_:
            profiles = Profile.search([('id', '=', id_)])
            return profiles[0].party.id if profiles else None

    @fields.depends('type', 'subject', 'duration', 'reminders')
    def on_change_type(self):
        Reminder = Pool().get('crm.activity.reminder')
        if not self.type:
            return
        if not self.subject:
            self.subject = self.type.default_subject
        if not self.duration:
            self.duration = self.type.default_duration
        if not self.reminders:
            self.reminders = [
                Reminder(before=r.before) for r in self.type.reminders]

    @classmethod
    def _get_origin(cls):
        "Return the names of the models an activity can be about"
        return []

    @classmethod
    def get_origin(cls):
        Model = Pool().get('ir.model')
        get_name = Model.get_name
        return [(None, "")] + [(m, get_name(m)) for m in cls._get_origin()]

    @classmethod
    def get_outcomes(cls):
        Result = Pool().get('crm.activity.result')
        field = 'outcome'
        return [(None, "")] + Result.fields_get([field])[field]['selection']

    def get_outcome(self, name):
        return self.result.outcome if self.result else None

    @classmethod
    def search_outcome(cls, name, clause):
        return [('result.' + clause[0], *clause[1:])]

    def get_color(self, name):
        return self.type.color

    @classmethod
    def get_when(cls, activities, name):
        today = Pool().get('ir.date').today()

        def when(activity):
            if activity.state != 'planned' or not activity.date:
                return 'closed'
            if activity.date < today:
                return 'overdue'
            return 'today' if activity.date == today else 'ahead'
        return {a.id: when(a) for a in activities}

    def get_rec_name(self, name):
        items = [self.type.rec_name]
        if self.subject and self.subject != self.type.rec_name:
            items.append(self.subject)
        if self.party:
            items.append(self.party.rec_name)
        return ' - '.join(items)

    @classmethod
    def search_rec_name(cls, name, clause):
        _, operator, operand, *extra = clause
        if operator.startswith('!') or operator.startswith('not '):
            bool_op = 'AND'
        else:
            bool_op = 'OR'
        return [bool_op,
            ('subject', operator, operand, *extra),
            ('party.rec_name', operator, operand, *extra),
            ('type.rec_name', operator, operand, *extra),
            ]

    @classmethod
    def view_attributes(cls):
        today = PYSONDate()
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state') == 'cancelled', 'muted',
                    If(Eval('state') == 'done', 'success',
                        If(Eval('date', today) < today, 'danger',
                            If(Eval('date', today) == today, 'warning',
                                ''))))),
            ]

    def to_utc(self, date, time):
        "Return the UTC datetime of a date and a time of the company"
        return dt.datetime.combine(date, time, tzinfo=timezone(self.company)
            ).astimezone(tz.UTC).replace(tzinfo=None)

    def compute_fields(self, field_names=None):
        values = super().compute_fields(field_names=field_names)
        if (field_names is None
                or field_names & {'date', 'time', 'duration', 'company'}):
            dtstart = dtend = None
            if self.date:
                dtstart = self.to_utc(self.date, self.time or dt.time())
                if self.time and self.duration:
                    dtend = dtstart + self.duration
            if self.dtstart != dtstart:
                values['dtstart'] = dtstart
            if self.dtend != dtend:
                values['dtend'] = dtend
        if field_names is None or field_names & {'done_at', 'company'}:
            done_on = None
            if self.done_at:
                done_on = local_date(self.company, self.done_at)
            if self.done_on != done_on:
                values['done_on'] = done_on
        return values

    @classmethod
    def validate_fields(cls, activities, field_names):
        super().validate_fields(activities, field_names)
        cls.check_result(activities, field_names)

    @classmethod
    def check_result(cls, activities, field_names=None):
        if field_names and not field_names & {'state', 'result', 'type'}:
            return
        for activity in activities:
            if (activity.state == 'done'
                    and activity.type.require_result
                    and not activity.result):
                raise ActivityResultError(gettext(
                        'crm_party.msg_activity_result_required',
                        activity=activity.rec_name,
                        type=activity.type.rec_name))

    @classmethod
    def _done_editable(cls):
        "Return the fields of closed activities users may still change"
        return {'next_steps'}

    @classmethod
    def check_modification(
            cls, mode, activities, values=None, external=False):
        super().check_modification(
            mode, activities, values=values, external=external)
        if mode == 'delete':
            for activity in activities:
                if activity.state != 'cancelled':
                    raise AccessError(gettext(
                            'crm_party.msg_activity_delete_cancel',
                            activity=activity.rec_name))
        elif mode == 'write' and external:
            if not set(values) - cls._done_editable():
                return
            for activity in activities:
                if activity.state != 'planned':
                    raise ActivityDoneError(gettext(
                            'crm_party.msg_activity_write_closed',
                            activity=activity.rec_name))

    @classmethod
    def on_write(cls, activities, values):
        pool = Pool()
        Profile = pool.get('crm.profile')
        functions = super().on_write(activities, values)
        if 'party' in values:
            # The former customers are no longer at hand after the write
            parties = [a.party.id for a in activities if a.party]
            functions.append(lambda: Profile.update_contacts(parties))
        if date := values.get('date'):
            later = [a.id for a in activities
                if a.state == 'planned' and a.date and a.date < date]
            functions.append(lambda: cls._count_postponed(later))
        return functions

    @classmethod
    def _count_postponed(cls, ids):
        if ids:
            table = cls.__table__()
            cursor = Transaction().connection.cursor()
            cursor.execute(*table.update(
                    [table.postponed], [table.postponed + 1],
                    where=fields.SQL_OPERATORS['in'](table.id, ids)))

    @classmethod
    def on_modification(cls, mode, activities, field_names=None):
        pool = Pool()
        Profile = pool.get('crm.profile')
        Reminder = pool.get('crm.activity.reminder')
        super().on_modification(mode, activities, field_names=field_names)
        if mode == 'create':
            cls._ensure_profiles(activities)
        if mode != 'delete' and (
                field_names is None or field_names & {'state', 'type'}):
            Profile.set_customers([
                    (a.company, a.party, a.done_on or a.date)
                    for a in activities if a.party and a.state == 'done'
                    and a.type.channel == 'purchase'])
        if (field_names is None
                or field_names & {'party', 'state', 'done_on', 'date'}):
            parties = [a.party.id for a in activities if a.party]
            if mode == 'delete':
                return
            Profile.update_contacts(parties)
        if mode != 'delete' and (
                field_names is None
                or field_names & {'dtstart', 'employee', 'state'}):
            Reminder.arm([r for a in activities for r in a.reminders])

    @classmethod
    def _ensure_profiles(cls, activities):
        Profile = Pool().get('crm.profile')
        for company in {a.company for a in activities}:
            Profile.ensure(
                [a.party.id for a in activities
                    if a.party and a.company == company],
                company.id)

    @classmethod
    def copy(cls, activities, default=None):
        default = default.copy() if default is not None else {}
        default.setdefault('reference', None)
        default.setdefault('parent', None)
        default.setdefault('next_steps', None)
        default.setdefault('postponed', 0)
        default.setdefault('nagged_on', None)
        default.setdefault('automatic', False)
        default.setdefault('due_kind', None)
        default.setdefault('result', None)
        default.setdefault('note', None)
        default.setdefault('done_at', None)
        default.setdefault('done_by', None)
        return super().copy(activities, default=default)

    @classmethod
    @ModelView.button_action('crm_party.wizard_activity_done')
    def do_wizard(cls, activities):
        pass

    @classmethod
    @ModelView.button_action('crm_party.wizard_activity_postpone')
    def postpone_wizard(cls, activities):
        pass

    @classmethod
    @ModelView.button_action('crm_party.wizard_activity_reassign')
    def reassign_wizard(cls, activities):
        pass

    @classmethod
    @Workflow.transition('done')
    @set_employee('done_by')
    def do(cls, activities):
        """Close activities with the result they have.

        Sets when and by whom unless known, the status of the customer that
        the result asks for and plans the repetitions.
        """
        cls.write([a for a in activities if not a.done_at], {
                'done_at': _now().replace(microsecond=0),
                })
        cls._set_status(activities)
        cls.save(list(filter(None, (a.repeat() for a in activities))))

    @classmethod
    def _set_status(cls, activities):
        Profile = Pool().get('crm.profile')
        profiles = Profile.search([
                ('party', 'in', [
                        a.party.id for a in activities
                        if a.party and a.result and a.result.set_status]),
                ])
        by_party = {(p.party, p.company): p for p in profiles}
        to_save = []
        for activity in activities:
            if activity.result and activity.result.set_status:
                profile = by_party.get((activity.party, activity.company))
                if profile:
                    profile.status = activity.result.set_status
                    to_save.append(profile)
        Profile.save(to_save)

    def repeat(self):
        "Return the next repetition, None when there is none"
        Reminder = Pool().get('crm.activity.reminder')
        if not self.repeat_every or not self.date:
            return None
        # Planned already when it was done before it was reopened
        if any(s.repeat_every and s.state != 'cancelled'
                for s in self.next_steps):
            return None
        date = self._repeat_date()
        if self.repeat_until and date > self.repeat_until:
            return None
        activity = self.next_step(
            self.type, date, time=self.time, employee=self.employee,
            subject=self.subject)
        activity.duration = self.duration
        activity.reminders = [
            Reminder(before=r.before) for r in self.reminders]
        activity.participants = self.participants
        activity.priority = self.priority
        activity.description = self.description
        activity.repeat_every = self.repeat_every
        activity.repeat_unit = self.repeat_unit
        activity.repeat_day = self._repeat_day()
        activity.repeat_until = self.repeat_until
        return activity

    def _repeat_date(self):
        date = self.date + relativedelta(
            **{self.repeat_unit: self.repeat_every})
        if self.repeat_unit == 'months':
            date += relativedelta(day=self._repeat_day())
        return date

    def _repeat_day(self):
        "Return the day of the month that a shorter month has cut"
        if self.date + relativedelta(day=31) == self.date:
            return max(self.repeat_day or 0, self.date.day)
        return self.date.day

    def next_step(self, type, date, time=None, employee=None, subject=None):
        "Return the activity, not saved, that follows this one"
        pool = Pool()
        Reminder = pool.get('crm.activity.reminder')
        return self.__class__(
            company=self.company,
            parent=self,
            type=type,
            party=self.party,
            contact=self.contact,
            employee=employee,
            origin=self.origin,
            subject=subject or type.default_subject,
            date=date,
            time=time,
            duration=type.default_duration,
            reason=gettext('crm_party.msg_activity_reason_next',
                activity=self.rec_name),
            reminders=[Reminder(before=r.before) for r in type.reminders])

    @classmethod
    @ModelView.button
    @Workflow.transition('cancelled')
    def cancel(cls, activities):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('planned')
    def plan(cls, activities):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('planned')
    def reopen(cls, activities):
        today = Pool().get('ir.date').today()
        cls.write(activities, {'done_at': None, 'done_by': None})
        cls.write([a for a in activities if not a.date], {'date': today})


del _states


class ActivityEmployee(ModelSQL):
    __name__ = 'crm.activity-company.employee'
    __string__ = "Activity - Employee"

    activity = fields.Many2One(
        'crm.activity', "Activity", required=True, ondelete='CASCADE')
    employee = fields.Many2One(
        'company.employee', "Employee", required=True, ondelete='CASCADE')
