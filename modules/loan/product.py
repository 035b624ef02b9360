# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.i18n import gettext
from trytond.model import (
    DeactivableMixin, ModelSQL, ModelView, fields, sequence_ordered)
from trytond.modules.company.model import (
    CompanyMultiValueMixin, CompanyValueMixin)
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Bool, Eval, If
from trytond.transaction import Transaction

from . import engine
from .books import BooksMixin
from .exceptions import LimitError, PostingError
from .terms import DEFAULTS, RATE_DIGITS, TermsMixin
from .tools import percent


def _account(string, types, help):
    return fields.Many2One(
        'account.account', string, ondelete='RESTRICT',
        domain=[
            ('closed', '!=', True),
            ('type', '!=', None),
            ('company', '=', Eval('context', {}).get('company', -1)),
            *types,
            ],
        states={
            'invisible': ~Eval('context', {}).get('company'),
            }, help=help)


_profit = [('type.statement', '=', 'income')]
_balance = [('type.statement', '=', 'balance')]
_accounts = {
    'account_principal': _account(
        "Principal", [*_balance, ('party_required', '=', False)],
        "The principal that is not due yet."),
    'account_due': _account(
        "Due", [
            ('party_required', '=', True),
            ['OR', ('type.receivable', '=', True),
                ('type.payable', '=', True)]],
        "What has fallen due and is to be paid.\n"
        "Leave empty to use the account of the party."),
    'account_short_term': _account(
        "Short Term", [*_balance, ('party_required', '=', False)],
        "The principal that falls due within twelve months, brought up to "
        "date at the end of each month.\n"
        "Leave empty to keep all of it on the account of the principal."),
    'account_accrued': _account(
        "Accrued Interest", [*_balance, ('party_required', '=', False)],
        "The interest that is earned each day and not due yet.\n"
        "Leave empty to book interest when it falls due."),
    'account_interest': _account("Interest", _profit, "The interest."),
    'account_fee': _account("Fees", _profit, "The fees."),
    'account_penalty': _account("Penalties", _profit, "The penalties."),
    'account_waiver': _account(
        "Waivers", _profit, "What is waived of interest, fees and "
        "penalties."),
    'account_write_off': _account(
        "Write-Off", [],
        "What is written off: an expense or the allowance made before."),
    'account_recovery': _account(
        "Recovery", _profit, "What is paid after the loan was written off."),
    'account_provision': _account(
        "Provisions", [*_balance, ('party_required', '=', False)],
        "What is set aside for loans that may not be paid back.\n"
        "Leave empty to book no provisions."),
    'account_impairment': _account(
        "Provision Expense", _profit, "What provisions cost."),
    }


class Product(
        DeactivableMixin, CompanyMultiValueMixin, BooksMixin, TermsMixin,
        ModelSQL, ModelView):
    __name__ = 'loan.product'

    name = fields.Char("Name", required=True, translate=True)
    code = fields.Char("Code")
    rate = fields.Numeric(
        "Rate", digits=RATE_DIGITS,
        domain=[If(Bool(Eval('rate')), [
                    ('rate', '>=', 0),
                    ('rate', '<=', 10),
                    ], [])],
        states={
            'required': ~Eval('rate_index'),
            'invisible': Bool(Eval('rate_index')),
            },
        help="The annual rate.")
    rate_index = fields.Many2One(
        'loan.rate_index', "Rate Index", ondelete='RESTRICT',
        help="The rate of a new loan is the value of the index on the day "
        "of the application plus the margin.")
    margin = fields.Numeric(
        "Margin", digits=RATE_DIGITS,
        states={
            'required': Bool(Eval('rate_index')),
            'invisible': ~Eval('rate_index'),
            })
    term = fields.Integer(
        "Usual Term", required=True, domain=[('term', '>=', 1)],
        help="The number of instalments of a new loan.")
    steps = fields.One2Many(
        'loan.step', 'product', "Steps",
        states={
            'invisible': Eval('method') != 'stepped',
            },
        help="The runs of instalments that are alike, in their order.")
    amount_min = Monetary(
        "Amount from", currency='currency', digits='currency')
    amount_max = Monetary(
        "Amount to", currency='currency', digits='currency')
    term_min = fields.Integer("Term from")
    term_max = fields.Integer("Term to")
    rate_min = fields.Numeric("Rate from", digits=RATE_DIGITS)
    rate_max = fields.Numeric("Rate to", digits=RATE_DIGITS)
    apr_max = fields.Numeric(
        "Effective Rate to", digits=RATE_DIGITS,
        help="A contract whose effective rate is higher is refused.")
    four_eyes_amount = Monetary(
        "Second Person above", currency='currency', digits='currency',
        help="Loans above this amount are approved by another person than "
        "the one who submitted them.\nLeave empty to never ask for it.")
    regulations = fields.Many2Many(
        'loan.product-loan.regulation', 'product', 'regulation',
        "Regulations",
        help="The law that contracts of this product are checked against.")
    documents = fields.Many2Many(
        'loan.product-ir.action.report', 'product', 'report', "Documents",
        domain=[('model', '=', 'loan.loan')],
        help="What *Documents of the Loan* prints at once.")
    accounts = fields.One2Many(
        'loan.product.account', 'product', "Accounts")
    account_principal = fields.MultiValue(_accounts['account_principal'])
    account_due = fields.MultiValue(_accounts['account_due'])
    account_short_term = fields.MultiValue(_accounts['account_short_term'])
    account_accrued = fields.MultiValue(_accounts['account_accrued'])
    account_interest = fields.MultiValue(_accounts['account_interest'])
    account_fee = fields.MultiValue(_accounts['account_fee'])
    account_penalty = fields.MultiValue(_accounts['account_penalty'])
    account_waiver = fields.MultiValue(_accounts['account_waiver'])
    account_write_off = fields.MultiValue(_accounts['account_write_off'])
    account_recovery = fields.MultiValue(_accounts['account_recovery'])
    account_provision = fields.MultiValue(_accounts['account_provision'])
    account_impairment = fields.MultiValue(_accounts['account_impairment'])

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('name', 'ASC'), ('id', 'ASC')]

    @classmethod
    def multivalue_model(cls, field):
        if field in _accounts:
            return Pool().get('loan.product.account')
        return super().multivalue_model(field)

    @classmethod
    def default_get(
            cls, fields_names=None, with_rec_name=True,
            with_default=True):
        values = super().default_get(
            fields_names, with_rec_name=with_rec_name,
            with_default=with_default)
        if with_default:
            for name, value in DEFAULTS.items():
                if not fields_names or name in fields_names:
                    values.setdefault(name, value)
        return values

    @classmethod
    def default_month_end(cls):
        return True

    @classmethod
    def default_term(cls):
        return 12

    @classmethod
    def default_currency(cls):
        Company = Pool().get('company.company')
        company = Transaction().context.get('company')
        if company is not None and company >= 0:
            return Company(company).currency.id

    @classmethod
    def default_documents(cls):
        ModelData = Pool().get('ir.model.data')
        return [
            ModelData.get_id('loan', name)
            for name in ['report_contract', 'report_guarantee']]

    @classmethod
    def default_waterfall(cls):
        return Pool().get('ir.model.data').get_id(
            'loan', 'waterfall_standard')

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/form//label[@id="rate_percent"]', 'states', {
                    'invisible': Bool(Eval('rate_index')),
                    }),
            ('/form//label[@id="margin_percent"]', 'states', {
                    'invisible': ~Eval('rate_index'),
                    }),
            ]

    def rate_on(self, date):
        "Return the annual rate of a loan asked for on date"
        if self.rate_index:
            return self.rate_index.value_on(date) + self.margin
        return self.rate

    def account_used(self, name, company):
        "Return the account called name, complain when it is missing"
        account = self.get_multivalue(name, company=company.id)
        if not account:
            field = self.__class__.fields_get([name])[name]
            raise PostingError(gettext(
                    'loan.msg_product_account_missing',
                    product=self.rec_name,
                    account=field['string'],
                    company=company.rec_name))
        return account

    def check_limits(self, loan, amount, rate, term):
        "Refuse an amount, a rate or a term outside of the limits"
        for value, low, high, what in [
                (amount, self.amount_min, self.amount_max, 'amount'),
                (rate, self.rate_min, self.rate_max, 'rate'),
                (term, self.term_min, self.term_max, 'term')]:
            if low is not None and value < low or (
                    high is not None and value > high):
                told = percent if what == 'rate' else str
                raise LimitError(gettext(
                        f'loan.msg_loan_limit_{what}',
                        loan=loan.rec_name, product=self.rec_name,
                        value=told(value),
                        low='-' if low is None else told(low),
                        high='-' if high is None else told(high)))


class ProductAccount(ModelSQL, CompanyValueMixin):
    __name__ = 'loan.product.account'

    product = fields.Many2One(
        'loan.product', "Product", required=True, ondelete='CASCADE',
        context={
            'company': Eval('company', -1),
            },
        depends={'company'})
    account_principal = _accounts['account_principal']
    account_due = _accounts['account_due']
    account_short_term = _accounts['account_short_term']
    account_accrued = _accounts['account_accrued']
    account_interest = _accounts['account_interest']
    account_fee = _accounts['account_fee']
    account_penalty = _accounts['account_penalty']
    account_waiver = _accounts['account_waiver']
    account_write_off = _accounts['account_write_off']
    account_recovery = _accounts['account_recovery']
    account_provision = _accounts['account_provision']
    account_impairment = _accounts['account_impairment']

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('product')


class ProductRegulation(ModelSQL):
    __name__ = 'loan.product-loan.regulation'

    product = fields.Many2One(
        'loan.product', "Product", required=True, ondelete='CASCADE')
    regulation = fields.Many2One(
        'loan.regulation', "Regulation", required=True, ondelete='RESTRICT')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('product')


class Step(sequence_ordered(), ModelSQL, ModelView):
    __name__ = 'loan.step'

    product = fields.Many2One(
        'loan.product', "Product", ondelete='CASCADE')
    loan = fields.Many2One('loan.loan', "Loan", ondelete='CASCADE')
    number = fields.Integer(
        "Instalments", required=True, domain=[('number', '>=', 1)])
    rate = fields.Numeric(
        "Rate", digits=RATE_DIGITS,
        domain=['OR', ('rate', '=', None), ('rate', '>=', 0)],
        help="The annual rate of these instalments.\n"
        "Leave empty for the rate of the loan.")
    payment = fields.Numeric(
        "Payment",
        domain=['OR', ('payment', '=', None), ('payment', '>', 0)],
        states={
            'readonly': Eval('deferral') != 'none',
            },
        help="The amount of each of these instalments.\n"
        "Leave empty to compute it.")
    deferral = fields.Selection(
        list(engine.DEFERRALS.items()), "Deferral", required=True,
        sort=False, help="What of these instalments is paid.")
    balance = fields.Numeric(
        "Opening Balance",
        domain=['OR', ('balance', '=', None), ('balance', '>', 0)],
        help="The principal that was agreed on for the start of the step.\n"
        "Leave empty for what the steps before leave.")

    @classmethod
    def default_deferral(cls):
        return 'none'

    @classmethod
    def check_modification(cls, mode, steps, values=None, external=False):
        super().check_modification(
            mode, steps, values=values, external=external)
        if not external:
            return
        pool = Pool()
        Loan = pool.get('loan.loan')
        if any(step.product for step in steps):
            pool.get('ir.model.access').check('loan.product', 'write')
        loans = {step.loan for step in steps if step.loan}
        if values and values.get('loan'):
            loans.add(Loan(values['loan']))
        Loan.check_writable(loans, 'steps')

    def for_engine(self):
        return engine.Step(
            self.number, self.rate, self.payment, self.deferral,
            self.balance)

    def copied(self):
        "Return the values of the same step"
        return {
            'sequence': self.sequence,
            'number': self.number,
            'rate': self.rate,
            'payment': self.payment,
            'deferral': self.deferral,
            'balance': self.balance,
            }
