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
_analysis_days = fields.Integer(
    "Analysis Days", required=True,
    domain=[
        ('analysis_days', '>=', 0),
        ],
    help="The days of which the turnover and the scores of customers are "
    "computed, 0 for the whole history.")
_lost_days = fields.Integer(
    "Lost After", required=True,
    domain=[
        ('lost_days', '>', 0),
        ],
    help="The days without a purchase after which a customer is lost.")
_contract_days = fields.Integer(
    "Contract Days",
    domain=[
        ('contract_days', '>=', 0),
        ],
    help="The days before the notice date or the end of a contract from "
    "which it is a reason to contact.")
_FIELDS = [
    'contact_interval', 'learn_rhythm', 'day_start', 'birthday_days',
    'offer_days', 'analysis_days', 'lost_days', 'contract_days']


class Configuration(
        ModelSingleton, ModelSQL, ModelView, CompanyMultiValueMixin):
    __name__ = 'crm.configuration'
    __string__ = "CRM Configuration"

    contact_interval = fields.MultiValue(_contact_interval)
    learn_rhythm = fields.MultiValue(_learn_rhythm)
    day_start = fields.MultiValue(_day_start)
    birthday_days = fields.MultiValue(_birthday_days)
    offer_days = fields.MultiValue(_offer_days)
    analysis_days = fields.MultiValue(_analysis_days)
    lost_days = fields.MultiValue(_lost_days)
    contract_days = fields.MultiValue(_contract_days)
    contract_sequence = fields.Many2One(
        'ir.sequence', "Contract Sequence", required=True,
        ondelete='RESTRICT',
        domain=[
            ('sequence_type', '=', Id('crm_party', 'sequence_type_contract')),
            ],
        help="Used to number the contracts.")
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

    strict = fields.Boolean(
        "Strict",
        help="Hide the customers in charge of others, with all documents "
        "that show them, from users of the groups own and team.")

    @classmethod
    def default_strict(cls):
        return False

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
    def default_contract_sequence(cls):
        ModelData = Pool().get('ir.model.data')
        try:
            return ModelData.get_id('crm_party', 'sequence_contract')
        except KeyError:
            return None

    @classmethod
    def default_contract_days(cls, **pattern):
        return cls.multivalue_model('contract_days').default_contract_days()

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

    @classmethod
    def default_analysis_days(cls, **pattern):
        return cls.multivalue_model('analysis_days').default_analysis_days()

    @classmethod
    def default_lost_days(cls, **pattern):
        return cls.multivalue_model('lost_days').default_lost_days()


class ConfigurationContact(ModelSQL, CompanyValueMixin):
    __name__ = 'crm.configuration.contact'
    __string__ = "CRM Contact Configuration"

    contact_interval = _contact_interval
    learn_rhythm = _learn_rhythm
    day_start = _day_start
    birthday_days = _birthday_days
    offer_days = _offer_days
    analysis_days = _analysis_days
    lost_days = _lost_days
    contract_days = _contract_days

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

    @classmethod
    def default_analysis_days(cls):
        return 365

    @classmethod
    def default_lost_days(cls):
        return 90

    @classmethod
    def default_contract_days(cls):
        return 30
