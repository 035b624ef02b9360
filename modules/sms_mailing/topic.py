# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt

from trytond.model import DeactivableMixin, ModelSQL, ModelView, Unique, fields
from trytond.pool import Pool
from trytond.pyson import Eval

from .export import InertExportMixin

PURPOSES = [
    ('marketing', "Marketing"),
    ('service', "Service"),
    ('personal', "Personal"),
    ]


class Topic(InertExportMixin, DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'mailing.topic'

    name = fields.Char(
        "Name", required=True, translate=True,
        help="What the messages are about, as the customer would say it.")
    purpose = fields.Selection(
        PURPOSES, "Purpose", required=True, sort=False,
        help="Marketing stops at any refusal; service messages reach "
        "everyone who did not refuse everything.")
    consent_required = fields.Boolean(
        "Consent Required",
        states={
            'invisible': Eval('purpose') != 'marketing',
            },
        help="Write only to people whose consent is on file.")
    repeat_guard = fields.TimeDelta(
        "Repeat Guard",
        domain=['OR',
            ('repeat_guard', '=', None),
            ('repeat_guard', '>=', dt.timedelta()),
            ],
        help="Leave out who was written to about this topic within "
        "this time.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('name_unique', Unique(t, t.name),
                'sms_mailing.msg_topic_name_unique'),
            ]
        cls._order.insert(0, ('name', 'ASC'))

    @classmethod
    def default_purpose(cls):
        return 'marketing'

    @classmethod
    def personal(cls):
        "Return the id of the topic of single messages, None without one"
        pool = Pool()
        ModelData = pool.get('ir.model.data')
        try:
            return ModelData.get_id('sms_mailing', 'topic_personal')
        except KeyError:
            return None
