# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from trytond.model import ModelSingleton, ModelSQL, ModelView, fields
from trytond.modules.company.model import (
    CompanyMultiValueMixin, CompanyValueMixin)
from trytond.pool import Pool
from trytond.pyson import Id

_contact_interval = fields.Integer(
    "Contact Interval",
    domain=['OR',
        ('contact_interval', '=', None),
        ('contact_interval', '>=', 0),
        ],
    help="The days that may pass without a contact for customers who have "
    "no interval or rhythm of their own.\n"
    "Leave empty to watch only the others.")
_learn_rhythm = fields.Boolean(
    "Learn Rhythm",
    help="Watch customers by the rhythm learned from their history when they "
    "have no interval of their own.")
_day_start = fields.Time(
    "Start of Day", format='%H:%M',
    help="The time from which reminders of whole-day activities are "
    "counted back.")

_birthday_days = fields.Integer(
    "Birthday Days",
    domain=[
        ('birthday_days', '>=', 0),
        ('birthday_days', '<=', 60),
        ],
    help="The days before a birthday from which it is a reason to contact.")
_offer_days = fields.Integer(
    "Offer Days",
    domain=[
        ('offer_days', '>=', 0),
        ],
    help="The days after which an unanswered offer is a reason to contact.")
_FIELDS = [
    'contact_interval', 'learn_rhythm', 'day_start', 'birthday_days',
    'offer_days']


class Configuration(
        ModelSingleton, ModelSQL, ModelView, CompanyMultiValueMixin):
    __name__ = 'crm.configuration'
    __string__ = "CRM Configuration"

    contact_interval = fields.MultiValue(_contact_interval)
    learn_rhythm = fields.MultiValue(_learn_rhythm)
    day_start = fields.MultiValue(_day_start)
    birthday_days = fields.MultiValue(_birthday_days)
    offer_days = fields.MultiValue(_offer_days)
    case_sequence = fields.Many2One(
        'ir.sequence', "Case Sequence", required=True, ondelete='RESTRICT',
        domain=[
            ('sequence_type', '=', Id('crm_party', 'sequence_type_case')),
            ],
        help="Used to number the cases.")
    duplicate_score = fields.Float(
        "Duplicate Score", digits=(1, 2), required=True,
        domain=[
            ('duplicate_score', '>', 0),
            ('duplicate_score', '<=', 1),
            ],
        help="The score from which two parties are shown as probably one.\n"
        "The same identifier counts 1, an e-mail 0.95, a phone 0.9, a name "
        "0.6, a postal code or birth date 0.2 with it.")

    @classmethod
    def multivalue_model(cls, field):
        if field in _FIELDS:
            return Pool().get('crm.configuration.contact')
        return super().multivalue_model(field)

    @classmethod
    def default_learn_rhythm(cls, **pattern):
        return cls.multivalue_model('learn_rhythm').default_learn_rhythm()

    @classmethod
    def default_case_sequence(cls):
        ModelData = Pool().get('ir.model.data')
        try:
            return ModelData.get_id('crm_party', 'sequence_case')
        except KeyError:
            return None

    @classmethod
    def default_duplicate_score(cls):
        return 0.55

    @classmethod
    def default_day_start(cls, **pattern):
        return cls.multivalue_model('day_start').default_day_start()

    @classmethod
    def default_birthday_days(cls, **pattern):
        return cls.multivalue_model('birthday_days').default_birthday_days()

    @classmethod
    def default_offer_days(cls, **pattern):
        return cls.multivalue_model('offer_days').default_offer_days()


class ConfigurationContact(ModelSQL, CompanyValueMixin):
    __name__ = 'crm.configuration.contact'
    __string__ = "CRM Contact Configuration"

    contact_interval = _contact_interval
    learn_rhythm = _learn_rhythm
    day_start = _day_start
    birthday_days = _birthday_days
    offer_days = _offer_days

    @classmethod
    def default_learn_rhythm(cls):
        return True

    @classmethod
    def default_day_start(cls):
        return dt.time(9)

    @classmethod
    def default_birthday_days(cls):
        return 3

    @classmethod
    def default_offer_days(cls):
        return 3
