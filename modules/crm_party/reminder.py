# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
import json
from collections import defaultdict
from itertools import chain

from sql import Null

from caravan.i18n import gettext
from trytond.i18n import ngettext
from trytond.model import Index, ModelSQL, ModelView, fields
from trytond.pool import Pool, PoolMeta
from trytond.transaction import Transaction, without_check_access

# How long after its start an activity is still worth a reminder
GRACE = dt.timedelta(days=1)


def _now():
    return dt.datetime.now()


class ActivityReminder(ModelSQL, ModelView):
    __name__ = 'crm.activity.reminder'
    __string__ = "Activity Reminder"

    activity = fields.Many2One(
        'crm.activity', "Activity", required=True, ondelete='CASCADE')
    employee = fields.Function(
        fields.Many2One('company.employee', "Employee"),
        'get_employee', searcher='search_employee')
    before = fields.TimeDelta(
        "Before", required=True,
        domain=[
            ('before', '>=', dt.timedelta()),
            ],
        help="The time between the reminder and the start.")
    remind_at = fields.DateTime(
        "Remind At", readonly=True,
        help="When the employee in charge is reminded.\n"
        "Empty when the start is over.")
    sent_at = fields.Timestamp("Sent At", readonly=True)
    sent_to = fields.Many2One(
        'company.employee', "Sent To", ondelete='SET NULL', readonly=True)
    undelivered = fields.Boolean(
        "Undelivered", readonly=True,
        help="The employee has no user that could be reminded.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('activity')
        t = cls.__table__()
        cls._sql_indexes.update({
                Index(t, (t.activity, Index.Equality())),
                Index(t, (t.remind_at, Index.Range()),
                    where=t.sent_at == Null),
                })
        cls._order.insert(0, ('remind_at', 'ASC'))

    def get_employee(self, name):
        return self.activity.employee.id if self.activity.employee else None

    @classmethod
    def search_employee(cls, name, clause):
        return [('activity.' + clause[0], *clause[1:])]

    @classmethod
    def on_modification(cls, mode, reminders, field_names=None):
        super().on_modification(mode, reminders, field_names=field_names)
        if mode == 'create' or (
                mode == 'write' and 'before' in (field_names or [])):
            cls.arm(reminders)

    @classmethod
    def copy(cls, reminders, default=None):
        default = default.copy() if default is not None else {}
        for name in ['remind_at', 'sent_at', 'sent_to']:
            default.setdefault(name, None)
        default.setdefault('undelivered', False)
        return super().copy(reminders, default=default)

    @classmethod
    def arm(cls, reminders):
        """Set when reminders fire; what is due already fires at once.

        A new time or a new employee in charge makes a sent reminder fire
        again, an activity that has started or is closed never fires.
        """
        now = _now()
        to_write, due = [], []
        for reminder in reminders:
            remind_at = reminder._get_remind_at(now)
            values = {}
            if remind_at != reminder.remind_at:
                values['remind_at'] = remind_at
            if reminder.sent_at and remind_at and (
                    values or reminder.sent_to != reminder.activity.employee):
                values['sent_at'] = values['sent_to'] = None
            if values:
                to_write.extend(([reminder], values))
            if (remind_at and remind_at <= now
                    and not (reminder.sent_at and 'sent_at' not in values)):
                due.append(reminder.id)
        if to_write:
            cls.write(*to_write)
        cls._send(cls.browse(due))

    def _get_remind_at(self, now):
        "Return the UTC datetime of the reminder, None when there is none"
        activity = self.activity
        if activity.state != 'planned' or not activity.date:
            return None
        if activity.time:
            start = ends = activity.to_utc(activity.date, activity.time)
        else:
            start = activity.to_utc(activity.date, self._get_day_start())
            ends = activity.to_utc(
                activity.date + dt.timedelta(days=1), dt.time())
        if ends <= now and self.sent_at is None:
            return None
        return start - self.before

    def _get_day_start(self):
        Configuration = Pool().get('crm.configuration')
        return Configuration(1).get_multivalue(
            'day_start', company=self.activity.company.id) or dt.time()

    @classmethod
    @without_check_access
    def send(cls):
        "Send the reminders that are due"
        now = _now()
        domain = [
            ('sent_at', '=', None),
            ('remind_at', '<=', now),
            ('activity.state', '=', 'planned'),
            ('activity.dtstart', '>=', now - GRACE),
            ]
        company = Transaction().context.get('company')
        if company is not None:
            domain.append(('activity.company', '=', company))
        cls._send(cls.search(domain))

    @classmethod
    def _send(cls, reminders):
        "Notify the employees in charge"
        Activity = Pool().get('crm.activity')
        if not reminders:
            return
        users = Activity.get_users({
                r.activity.employee for r in reminders
                if r.activity.employee})
        notifications, lost = [], defaultdict(list)
        to_write = []
        now = _now()
        for reminder in reminders:
            activity = reminder.activity
            employee = activity.employee
            to_write.extend(([reminder], {
                        'sent_at': now,
                        'sent_to': employee.id if employee else None,
                        'undelivered': not users[employee],
                        }))
            for user in users[employee]:
                notifications.append(reminder._get_notification(user))
            if not users[employee]:
                lost[employee].append(activity)
        notifications.extend(cls._get_lost(lost))
        cls.write(*to_write)
        notify(notifications)

    def _get_notification(self, user):
        # Names stay in the record: what is sent over the bus is not guarded
        # by the rules of the record
        activity = self.activity
        if activity.time:
            label = gettext('crm_party.msg_reminder_time',
                type=activity.type.rec_name,
                date=activity.date,
                time=activity.time.strftime('%H:%M'))
        else:
            label = gettext('crm_party.msg_reminder_day',
                type=activity.type.rec_name,
                date=activity.date)
        return {
            'user': user,
            'label': label,
            'icon': 'tryton-date',
            'model': activity.__name__,
            'records': json.dumps([activity.id]),
            }

    @classmethod
    def _get_lost(cls, lost):
        "Return what tells the administrators who could not be reminded"
        Activity = Pool().get('crm.activity')
        if not lost:
            return []
        administrators = Activity.get_administrators()
        result = []
        for employee, activities in lost.items():
            if employee:
                label = gettext('crm_party.msg_reminder_no_user',
                    employee=employee.rec_name)
            else:
                label = gettext('crm_party.msg_reminder_no_employee')
            for user in administrators:
                result.append({
                        'user': user,
                        'label': label,
                        'icon': 'tryton-warning',
                        'model': Activity.__name__,
                        'records': json.dumps([a.id for a in activities]),
                        })
        return result


class Activity(metaclass=PoolMeta):
    __name__ = 'crm.activity'

    @classmethod
    def get_users(cls, employees):
        """Return the ids of the active users of each employee.

        employees are records; the result answers [] for unknown ones.
        """
        UserEmployee = Pool().get('res.user-company.employee')
        users = defaultdict(list)
        links = UserEmployee.search([
                ('employee', 'in', [e.id for e in employees]),
                ('user.active', '=', True),
                ])
        for link in links:
            users[link.employee].append(link.user.id)
        return users

    @classmethod
    def get_administrators(cls):
        "Return the ids of the active users of the administration group"
        pool = Pool()
        ModelData = pool.get('ir.model.data')
        UserGroup = pool.get('res.user-res.group')
        group = ModelData.get_id('crm_party', 'group_crm_admin')
        return sorted({u.user.id for u in UserGroup.search([
                        ('group', '=', group),
                        ('user.active', '=', True),
                        ])})

    @classmethod
    @without_check_access
    def nag(cls, date=None):
        """Remind each employee once a day of what waits for a result.

        date is the day of the company, today by default.
        """
        pool = Pool()
        Date = pool.get('ir.date')
        Reminder = pool.get('crm.activity.reminder')
        if date is None:
            date = Date.today()
        domain = [
            ('state', '=', 'planned'),
            ('date', '<', date),
            ['OR',
                ('nagged_on', '=', None),
                ('nagged_on', '<', date),
                ],
            ]
        company = Transaction().context.get('company')
        if company is not None:
            domain.append(('company', '=', company))
        by_employee = defaultdict(list)
        for activity in cls.search(domain):
            by_employee[activity.employee].append(activity)
        users = cls.get_users(set(filter(None, by_employee)))
        lost = {e: a for e, a in by_employee.items() if not users[e]}
        notifications = Reminder._get_lost(lost)
        for employee, activities in by_employee.items():
            ids = [a.id for a in activities]
            label = ngettext('crm_party.msg_activity_nag', len(ids),
                number=len(ids))
            notifications.extend({
                    'user': user,
                    'label': label,
                    'icon': 'tryton-warning',
                    'model': cls.__name__,
                    'records': json.dumps(ids),
                    } for user in users[employee])
        cls._set_nagged(
            [a.id for a in chain.from_iterable(by_employee.values())], date)
        notify(notifications)

    @classmethod
    def _set_nagged(cls, ids, date):
        if ids:
            table = cls.__table__()
            cursor = Transaction().connection.cursor()
            cursor.execute(*table.update(
                    [table.nagged_on], [date],
                    where=fields.SQL_OPERATORS['in'](table.id, ids)))


def notify(notifications):
    Notification = Pool().get('res.notification')
    with Transaction().set_user(0):
        Notification.create(notifications)
