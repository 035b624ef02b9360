# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from trytond.model import (
    DeactivableMixin, ModelSQL, ModelView, fields, sequence_ordered)
from trytond.pool import Pool

CHANNELS = [
    ('call', "Call"),
    ('letter', "Letter"),
    ('meeting', "Meeting"),
    ('email', "E-mail"),
    ('message', "Message"),
    ('visit', "Visit"),
    ('offer', "Offer"),
    ('document', "Document"),
    ('purchase', "Purchase"),
    ('task', "Task"),
    ('other', "Other"),
    ]


class ActivityType(
        sequence_ordered(), DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'crm.activity.type'
    __string__ = "Activity Type"

    name = fields.Char("Name", required=True, translate=True)
    channel = fields.Selection(
        CHANNELS, "Channel", required=True, sort=False,
        help="The way the customer is reached.")
    counts_as_contact = fields.Boolean(
        "Counts as Contact",
        help="Done activities of the type end the silence of the customer.")
    is_promise = fields.Boolean(
        "Is a Promise",
        help="We owe the customer the activity.")
    require_result = fields.Boolean(
        "Require Result",
        help="Activities can only be done with a result.")
    default_subject = fields.Char("Default Subject", translate=True)
    default_duration = fields.TimeDelta("Default Duration")
    default_delay = fields.Integer(
        "Default Delay",
        domain=['OR',
            ('default_delay', '=', None),
            ('default_delay', '>=', 0),
            ],
        help="The days after which the activity is planned as next step.")
    reminders = fields.One2Many(
        'crm.activity.type.reminder', 'type', "Reminders",
        help="The reminders new activities get.")
    color = fields.Char(
        "Colour",
        help="The background in the calendar, for example #90caf9.")
    results = fields.One2Many('crm.activity.result', 'type', "Results")

    @classmethod
    def default_channel(cls):
        return 'call'

    @classmethod
    def default_counts_as_contact(cls):
        return True

    @classmethod
    def default_is_promise(cls):
        return False

    @classmethod
    def default_require_result(cls):
        return False


class ActivityTypeReminder(ModelSQL, ModelView):
    __name__ = 'crm.activity.type.reminder'
    __string__ = "Activity Type Reminder"

    type = fields.Many2One(
        'crm.activity.type', "Type", required=True, ondelete='CASCADE')
    before = fields.TimeDelta(
        "Before", required=True,
        domain=[
            ('before', '>=', dt.timedelta()),
            ],
        help="The time between the reminder and the start.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('type')
        cls._order.insert(0, ('before', 'DESC'))


class ActivityResult(
        sequence_ordered(), DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'crm.activity.result'
    __string__ = "Activity Result"

    name = fields.Char("Name", required=True, translate=True)
    type = fields.Many2One(
        'crm.activity.type', "Type", ondelete='CASCADE',
        help="The type of activities that can have the result.\n"
        "Leave empty for all of them.")
    outcome = fields.Selection([
            ('success', "Success"),
            ('neutral', "Neutral"),
            ('failure', "Failure"),
            ], "Outcome", required=True, sort=False)
    next_type = fields.Many2One(
        'crm.activity.type', "Next Type", ondelete='SET NULL',
        help="The type of activity that is proposed as next step.")
    next_delay = fields.Integer(
        "Next Delay",
        domain=['OR',
            ('next_delay', '=', None),
            ('next_delay', '>=', 0),
            ],
        help="The days after which the next step is planned.\n"
        "Leave empty for the delay of the type.")
    set_status = fields.Selection('get_statuses', "Set Status",
        help="The status that the customer gets.")

    @classmethod
    def default_outcome(cls):
        return 'neutral'

    @classmethod
    def get_statuses(cls):
        Profile = Pool().get('crm.profile')
        field = 'status'
        return [(None, "")] + Profile.fields_get([field])[field]['selection']

    def get_next_date(self, date):
        "Return the date of the next step after date"
        delay = self.next_delay
        if delay is None and self.next_type:
            delay = self.next_type.default_delay
        return date + dt.timedelta(days=delay or 0)
