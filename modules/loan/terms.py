# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The terms of a loan as fields, the same on the product and on the loan."""
from decimal import Decimal

from trytond.model import Model, fields
from trytond.modules.currency.fields import Monetary
from trytond.pyson import Eval

from . import engine

SIDES = [
    ('lent', "Given"),
    ('borrowed', "Received"),
    ]
INDEX_RULES = [
    ('due', "On the due date"),
    ('payment', "On the day of the payment"),
    ]
RATE_DIGITS = (16, 8)
# An effective rate is told to a ten-thousandth of a percent
APR_DIGITS = (16, 6)
_not_annuity = ~Eval('method').in_(['annuity', 'stepped'])


def _selection(names, only=None):
    "Return the selection of a table of the engine"
    return [(k, v) for k, v in names.items() if not only or k in only]


class TermsMixin(Model):
    __slots__ = ()

    side = fields.Selection(
        SIDES, "Side", required=True,
        help="Whether the company gives the loan or receives it.")
    method = fields.Selection(
        _selection(engine.METHODS), "Method", required=True, sort=False,
        help="How the loan is repaid.")
    method_string = method.translated('method')
    currency = fields.Many2One(
        'currency.currency', "Currency", required=True, ondelete='RESTRICT')
    index_currency = fields.Many2One(
        'currency.currency', "Index Currency", ondelete='RESTRICT',
        domain=[('id', '!=', Eval('currency', -1))],
        help="The currency that the amounts follow: the loan is agreed on in "
        "it and paid in the other.\nLeave empty for a loan without index.")
    index_rule = fields.Selection(
        INDEX_RULES, "Index Rate", required=True, sort=False,
        states={
            'invisible': ~Eval('index_currency'),
            },
        help="Which day's rate an instalment is paid at.\n"
        "What is paid before it is due takes the rate of the payment.")
    day_count = fields.Selection(
        _selection(engine.DAY_COUNTS), "Day Count", required=True,
        sort=False,
        help="How the part of the year that bears interest is counted.\n"
        "By period, each period bears its nominal length (a month is 1/12) "
        "whatever its days; the others count days.")
    day_count_string = day_count.translated('day_count')
    frequency = fields.Selection(
        _selection(engine.FREQUENCIES), "Frequency", required=True,
        sort=False, help="The unit of time between two instalments.")
    frequency_string = frequency.translated('frequency')
    interval = fields.Integer(
        "Interval", required=True, domain=[('interval', '>=', 1)],
        help="How many units of time lie between two instalments.")
    month_end = fields.Boolean(
        "Month Ends Stick",
        help="Due dates of a loan whose first one is the last day of a month "
        "stay on last days.\n"
        "Otherwise they keep the number of the day (30 April, 30 May).")
    first_period = fields.Selection(
        _selection(engine.FIRST_PERIODS), "Broken First Period",
        required=True, sort=False,
        help="What happens with the interest of the days before the first "
        "regular period.")
    shift = fields.Selection(
        _selection(engine.SHIFTS), "Due on a Holiday", required=True,
        sort=False,
        help="Where a due date that is no working day moves.")
    interest_follows = fields.Boolean(
        "Interest Follows the Shift",
        help="Interest runs to the day the due date was moved to.\n"
        "Otherwise it runs to the nominal date.")
    rounding = fields.Selection([
            ('half_up', "Half up (commercial)"),
            ('half_even', "Half to even (banker's)"),
            ('up', "Up"),
            ('down', "Down"),
            ], "Rounding", required=True, sort=False,
        help="How amounts are rounded to the smallest unit.")
    amount_multiple = fields.Numeric(
        "Amounts in Multiples of",
        domain=['OR',
            ('amount_multiple', '=', None),
            ('amount_multiple', '>', 0),
            ],
        help="Round each principal and interest to a multiple of this.\n"
        "Leave empty for the smallest unit of the currency.")
    instalment_multiple = fields.Numeric(
        "Instalment in Multiples of",
        domain=['OR',
            ('instalment_multiple', '=', None),
            ('instalment_multiple', '>', 0),
            ],
        help="Round the level instalment to a multiple of this.\n"
        "Leave empty for the smallest unit of the currency.")
    instalment_rounding = fields.Selection([
            (None, ""),
            ('half_up', "Half up (commercial)"),
            ('half_even', "Half to even (banker's)"),
            ('up', "Up"),
            ('down', "Down"),
            ], "Rounding of the Instalment", sort=False,
        help="Leave empty to round the instalment as the other amounts.")
    annuity_basis = fields.Selection(
        _selection(engine.BASES), "Annuity Reckons With", required=True,
        sort=False, states={'invisible': _not_annuity},
        help="The length of the periods from which the level instalment is "
        "computed; the interest always follows the day count.")
    remainder = fields.Selection(
        _selection(engine.REMAINDERS, ['last', 'smooth', 'level']),
        "Rounding Remainder", required=True, sort=False,
        help="Where the cents that rounding leaves at the end go.")
    interest_rounding = fields.Selection([
            ('period', "Once a period"),
            ('segment', "Each part of a period"),
            ], "Interest Rounded", required=True, sort=False,
        help="Whether the interest of a period that a tranche, an early "
        "payment or a new rate divides is rounded as a whole.")
    instalment_base = fields.Selection([
            ('disbursed', "What was paid out"),
            ('approved', "The amount approved"),
            ], "Instalment Computed On", required=True, sort=False,
        help="For loans that are paid out in tranches.")
    grace_principal = fields.Integer(
        "Instalments Without Principal", required=True,
        domain=[('grace_principal', '>=', 0)],
        help="The first instalments are interest only.")
    grace_interest = fields.Integer(
        "Instalments With Interest Put Off", required=True,
        domain=[('grace_interest', '>=', 0)],
        help="The interest of the first instalments is due with the one "
        "that follows them.")
    grace_free = fields.Integer(
        "Instalments Without Interest", required=True,
        domain=[('grace_free', '>=', 0)],
        help="The first periods bear no interest.")
    capitalised = fields.Integer(
        "Instalments Capitalised", required=True,
        domain=[('capitalised', '>=', 0)],
        help="The interest of the first periods is added to the principal.")
    residual_rate = fields.Numeric(
        "Balloon", digits=RATE_DIGITS, required=True,
        domain=[
            ('residual_rate', '>=', 0),
            ('residual_rate', '<', 1),
            ],
        help="The part of the amount left to the last instalment.")
    fee_rate = fields.Numeric(
        "Fee of Each Instalment", digits=RATE_DIGITS, required=True,
        domain=[('fee_rate', '>=', 0)],
        help="The part of the instalment that is charged on top of it.")
    fee_amount = Monetary(
        "Fixed Fee of Each Instalment", currency='currency',
        digits='currency', required=True, domain=[('fee_amount', '>=', 0)])
    upfront_fee_rate = fields.Numeric(
        "Fee at Disbursement", digits=RATE_DIGITS, required=True,
        domain=[
            ('upfront_fee_rate', '>=', 0),
            ('upfront_fee_rate', '<', 1),
            ],
        help="The part of the amount kept back when it is paid out.")
    upfront_fee_amount = Monetary(
        "Fixed Fee at Disbursement", currency='currency', digits='currency',
        required=True, domain=[('upfront_fee_amount', '>=', 0)])
    early_strategy = fields.Selection(
        _selection(engine.STRATEGIES), "Early Payment Means", required=True,
        sort=False,
        help="What an early payment changes unless agreed otherwise.\n"
        "Next instalments eaten: the plan stays, and the principal of the "
        "next instalments counts as paid.")
    early_strategy_string = early_strategy.translated('early_strategy')
    early_first = fields.Selection(
        _selection(engine.EARLY_FIRST), "Early Payment Pays First",
        required=True, sort=False,
        help="The principal: the running instalment stays due on its date.\n"
        "The running instalment: the money pays its interest and principal "
        "before its date, what is more lowers the principal.")
    early_rest = fields.Selection(
        _selection(engine.RESTS), "Interest When Paid Early", required=True,
        sort=False,
        help="How far interest runs when the loan is paid off, or an "
        "instalment is paid, before the period ends.")
    early_rest_string = early_rest.translated('early_rest')
    waterfall = fields.Many2One(
        'loan.waterfall', "Waterfall", required=True, ondelete='RESTRICT',
        help="The order in which a payment settles what is open.")
    penalty_rate = fields.Numeric(
        "Penalty Rate", digits=RATE_DIGITS, required=True,
        domain=[('penalty_rate', '>=', 0)],
        help="The annual rate charged on what is overdue.")
    penalty_per_day = Monetary(
        "Penalty per Day", currency='currency', digits='currency',
        required=True, domain=[('penalty_per_day', '>=', 0)])
    penalty_fixed = fields.Numeric(
        "Late Fee", digits=RATE_DIGITS, required=True,
        domain=[('penalty_fixed', '>=', 0)],
        help="The part of what is overdue charged once.")
    penalty_grace = fields.Integer(
        "Days of Grace", required=True, domain=[('penalty_grace', '>=', 0)],
        help="No penalty is charged for an instalment paid so many days "
        "late; later, each day counts.")
    penalty_base = fields.Selection([
            ('principal', "Principal"),
            ('instalment', "Whole instalment"),
            ], "Penalty On", required=True, sort=False)
    penalty_cap = fields.Numeric(
        "Penalty at Most", digits=RATE_DIGITS,
        domain=['OR',
            ('penalty_cap', '=', None),
            ('penalty_cap', '>', 0),
            ],
        help="The part of the overdue amount that the penalty of an "
        "instalment may reach.\nLeave empty for no limit.")
    apr_method = fields.Selection([
            ('eu', "European Union, by days"),
            ('eu_periods', "European Union, by equal periods"),
            ('us', "United States, Regulation Z"),
            ], "Effective Rate", required=True, sort=False,
        help="The equation of the annual percentage rate of the contract.\n"
        "By days, each day is 1/365 of a year.\n"
        "By equal periods, a month is 1/12 and a week 1/52 of a year and only "
        "the days left over are counted.")
    apr_method_string = apr_method.translated('apr_method')

    @classmethod
    def terms_fields(cls):
        "Return the names of the fields that a loan copies from its product"
        return [
            n for n in dir(TermsMixin) if n != 'id'
            and isinstance(getattr(TermsMixin, n), fields.Field)]

    def engine_terms(self, number, rate, amount, unit, steps=()):
        """Return the Terms of the engine.

        number counts the instalments, rate is an annual fraction, amount the
        principal (in the currency of the terms) and unit its smallest amount;
        steps are Steps of the engine.
        """
        unit = self.amount_multiple or unit
        residual = engine.round_to(
            amount * self.residual_rate, unit, self.rounding)
        return engine.Terms(
            rate, number, self.method, self.day_count, self.frequency,
            self.interval, unit, self.rounding, self.instalment_multiple,
            self.instalment_rounding, self.annuity_basis, self.remainder,
            self.interest_rounding == 'segment', self.grace_principal,
            self.grace_interest, self.grace_free, self.capitalised, residual,
            base=amount if self.instalment_base == 'approved' else None,
            steps=tuple(steps), fee_rate=self.fee_rate,
            fee_amount=self.fee_amount)

    def upfront_fee(self, amount, unit):
        "Return the fee kept back of amount when it is paid out"
        fee = amount * self.upfront_fee_rate + self.upfront_fee_amount
        return engine.round_to(fee, unit, self.rounding)


DEFAULTS = {
    'side': 'lent',
    'method': 'annuity',
    'index_rule': 'due',
    'day_count': '30_360_period',
    'frequency': 'month',
    'interval': 1,
    'first_period': 'exact',
    'shift': 'same',
    'interest_follows': False,
    'rounding': 'half_up',
    'annuity_basis': 'exact',
    'remainder': 'last',
    'interest_rounding': 'period',
    'instalment_base': 'disbursed',
    'grace_principal': 0,
    'grace_interest': 0,
    'grace_free': 0,
    'capitalised': 0,
    'residual_rate': Decimal(0),
    'fee_rate': Decimal(0),
    'fee_amount': Decimal(0),
    'upfront_fee_rate': Decimal(0),
    'upfront_fee_amount': Decimal(0),
    'early_strategy': 'term',
    'early_first': 'principal',
    'early_rest': 'day',
    'penalty_rate': Decimal(0),
    'penalty_per_day': Decimal(0),
    'penalty_fixed': Decimal(0),
    'penalty_grace': 0,
    'penalty_base': 'instalment',
    'apr_method': 'eu',
    }
