# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from sql.functions import CharLength

from trytond.i18n import gettext
from trytond.model import (
    ChatMixin, Check, Index, ModelSQL, ModelView, Workflow, fields)
from trytond.model.exceptions import AccessError
from trytond.modules.company.model import employee_field
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Bool, Eval, If
from trytond.rpc import RPC
from trytond.transaction import Transaction

from . import engine
from .actions import ActionsMixin
from .balance import BalanceMixin
from .buttons import ButtonsMixin
from .decision import DecisionMixin
from .exceptions import TermsError
from .index import IndexMixin
from .ledger import LedgerMixin
from .money import MoneyMixin
from .plan import PlanMixin
from .replay import ReplayMixin
from .run import RunMixin
from .terms import APR_DIGITS, RATE_DIGITS, TermsMixin

STATES = [
    ('draft', "Draft"),
    ('submitted', "Submitted"),
    ('approved', "Approved"),
    ('active', "Active"),
    ('closed', "Closed"),
    ('rejected', "Rejected"),
    ('withdrawn', "Withdrawn"),
    ('cancelled', "Cancelled"),
    ('written_off', "Written off"),
    ('refinanced', "Refinanced"),
    ]
_draft = {
    'readonly': Eval('state') != 'draft',
    }
# The states in which a client may write what is not agreed on in the draft
_WRITABLE = {
    'amount_approved': {'submitted'},
    'reject_reason': {'submitted'},
    'contract_date': {'approved'},
    'first_due_date': {'draft', 'submitted'},
    'disbursement_date': {'draft', 'submitted', 'approved'},
    'co_parties': {'draft', 'submitted', 'approved'},
    }


class Loan(
        Workflow, DecisionMixin, ButtonsMixin, PlanMixin, MoneyMixin,
        ReplayMixin, ActionsMixin, LedgerMixin, RunMixin, IndexMixin,
        BalanceMixin, TermsMixin, ModelSQL, ModelView, ChatMixin):
    __name__ = 'loan.loan'
    __string__ = "Loan"
    _rec_name = 'number'

    number = fields.Char(
        "Number", readonly=True,
        help="The main identification of the loan.")
    reference = fields.Char(
        "Reference",
        help="The identification of the application or contract elsewhere.")
    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT',
        states={
            'readonly': (Eval('state') != 'draft') | Eval('party', True),
            })
    party = fields.Many2One(
        'party.party', "Party", required=True, ondelete='RESTRICT',
        states=_draft,
        context={
            'company': Eval('company', -1),
            },
        depends={'company'},
        help="The borrower of a loan given, the lender of a loan received.")
    product = fields.Many2One(
        'loan.product', "Product", required=True, ondelete='RESTRICT',
        states=_draft,
        context={
            'company': Eval('company', -1),
            },
        depends={'company'},
        help="Where the terms of the loan come from.")
    co_parties = fields.One2Many(
        'loan.party', 'loan', "Co-parties",
        states={
            'readonly': ~Eval('state').in_(
                ['draft', 'submitted', 'approved']),
            },
        help="Who else answers for the loan.")
    purpose = fields.Char("Purpose", help="What the money is for.")
    description = fields.Text("Notes")
    amount_requested = Monetary(
        "Amount Requested", currency='currency', digits='currency',
        required=True, states=_draft)
    amount_approved = Monetary(
        "Amount Approved", currency='currency', digits='currency',
        states={
            'readonly': Eval('state') != 'submitted',
            'invisible': Eval('state') == 'draft',
            'required': Eval('state').in_(
                ['approved', 'active', 'closed']),
            },
        help="What may be paid out; the amount requested unless changed.")
    rate = fields.Numeric(
        "Rate", digits=RATE_DIGITS, required=True, states=_draft,
        help="The annual rate.")
    term = fields.Integer(
        "Instalments", required=True,
        domain=[('term', '>=', 1), ('term', '<=', 1200)],
        states=_draft, help="The number of instalments.")
    instalment_wanted = Monetary(
        "Instalment Wanted", currency='currency', digits='currency',
        domain=['OR',
            ('instalment_wanted', '=', None),
            ('instalment_wanted', '>', 0),
            ],
        states={
            'readonly': Eval('state') != 'draft',
            'invisible': Eval('method') != 'annuity',
            },
        help="An instalment agreed on, the last one takes the rest.\n"
        "Leave empty to compute it from the number of instalments.")
    steps = fields.One2Many(
        'loan.step', 'loan', "Steps",
        states={
            'invisible': ~Eval('method').in_(['stepped', 'manual']),
            'readonly': Eval('state') != 'draft',
            },
        help="The runs of instalments that are alike, in their order.\n"
        "By hand, the payment of a step is the principal of each of its "
        "instalments.")
    application_date = fields.Date(
        "Application Date", required=True, states=_draft)
    decision_date = fields.Date("Decision Date", readonly=True)
    contract_date = fields.Date(
        "Contract Date",
        states={
            'readonly': Eval('state') != 'approved',
            'invisible': Eval('state').in_(['draft', 'submitted']),
            })
    disbursement_date = fields.Date(
        "Payout Date", required=True,
        states={
            'readonly': ~Eval('state').in_(
                ['draft', 'submitted', 'approved']),
            },
        help="The day on which the money is, or is planned to be, paid out.")
    first_due_date = fields.Date(
        "First Due Date",
        domain=[If(Bool(Eval('first_due_date')),
                ('first_due_date', '>', Eval('disbursement_date', None)),
                ())],
        states={
            'readonly': ~Eval('state').in_(['draft', 'submitted']),
            },
        help="Leave empty for one interval after the money is paid out.")
    maturity_date = fields.Date("Maturity Date", readonly=True)
    officer = employee_field("Officer", states=['closed', 'cancelled'])
    submitted_by = employee_field("Submitted By", states=[
            s for s, _ in STATES if s != 'draft'])
    approved_by = employee_field("Approved By", states=[
            s for s, _ in STATES if s != 'draft'])
    rejected_by = employee_field("Rejected By", states=[
            s for s, _ in STATES if s != 'draft'])
    submitter = fields.Many2One(
        'res.user', "Submitter", readonly=True, ondelete='RESTRICT')
    reject_reason = fields.Char(
        "Reason of Rejection",
        states={
            'readonly': Eval('state') != 'submitted',
            'invisible': ~Eval('state').in_(['submitted', 'rejected']),
            'required': Eval('state') == 'rejected',
            })
    schedules = fields.One2Many(
        'loan.schedule', 'loan', "Schedule Versions", readonly=True)
    schedule = fields.Function(
        fields.Many2One('loan.schedule', "Schedule"), 'get_schedule')
    instalments = fields.One2Many(
        'loan.instalment', 'loan', "Instalments", readonly=True,
        filter=[('schedule.current', '=', True)],
        help="The instalments of the current schedule.")
    transactions = fields.One2Many(
        'loan.transaction', 'loan', "Transactions", readonly=True)
    charges = fields.One2Many(
        'loan.charge', 'loan', "Charges", readonly=True)
    rate_changes = fields.One2Many(
        'loan.rate_change', 'loan', "Rate Changes", readonly=True)
    collaterals = fields.One2Many(
        'loan.collateral', 'loan', "Collateral")
    promises = fields.One2Many('loan.promise', 'loan', "Promises")
    apr = fields.Function(fields.Numeric(
            "Effective Rate", digits=APR_DIGITS,
            help="The annual percentage rate, all fees included."),
        'get_apr')
    refinances = fields.Many2One(
        'loan.loan', "Refinances", readonly=True, ondelete='RESTRICT',
        help="The loan that is paid off when this one is paid out.")
    regulations = fields.Many2Many(
        'loan.loan-loan.regulation', 'loan', 'regulation', "Regulations",
        readonly=True,
        help="The law that the contract was checked against.")
    accrues = fields.Boolean(
        "Accrues Interest", readonly=True,
        help="Whether its interest is booked as it is earned, not when it "
        "falls due; the product says so on the day of the payout.")
    accruals = fields.One2Many(
        'loan.accrual', 'loan', "Accruals", readonly=True)
    provisions = fields.One2Many(
        'loan.provision', 'loan', "Provisions", readonly=True)
    state = fields.Selection(
        STATES, "State", readonly=True, required=True, sort=False)

    @classmethod
    def __setup__(cls):
        cls.number.search_unaccented = False
        cls.reference.search_unaccented = False
        super().__setup__()
        cls.__rpc__.update({
                'book_payments': RPC(readonly=False),
                'book_payouts': RPC(readonly=False),
                'load_applications': RPC(readonly=False),
                })
        t = cls.__table__()
        for name in cls.terms_fields():
            field = getattr(cls, name)
            field.states = {**field.states, 'readonly': (
                    Eval('state') != 'draft')}
        cls.currency.states['readonly'] = (
            cls.currency.states['readonly'] | Bool(Eval('product')))
        cls.side.states['readonly'] = (
            cls.side.states['readonly'] | Bool(Eval('product')))
        cls._order = [('application_date', 'DESC'), ('id', 'DESC')]
        # SQLite keeps numbers as text: reckoning makes them comparable
        cls._sql_constraints += [
            ('amount_positive', Check(t, t.amount_requested * 1 > 0),
                'loan.msg_loan_amount_positive'),
            ('rate_min', Check(t, t.rate * 1 >= 0),
                'loan.msg_loan_rate_possible'),
            ('rate_max', Check(t, t.rate * 1 <= 10),
                'loan.msg_loan_rate_possible'),
            ]
        cls._sql_indexes.update({
                Index(t, (t.number, Index.Similarity())),
                Index(t, (t.reference, Index.Similarity())),
                Index(t, (t.party, Index.Equality())),
                Index(t, (t.application_date, Index.Range())),
                Index(
                    t, (t.state, Index.Equality(cardinality='low')),
                    where=t.state.in_(
                        ['draft', 'submitted', 'approved', 'active'])),
                })
        cls._transitions |= set((
                ('draft', 'submitted'),
                ('draft', 'cancelled'),
                ('cancelled', 'draft'),
                ('submitted', 'draft'),
                ('approved', 'draft'),
                ('submitted', 'approved'),
                ('submitted', 'rejected'),
                ('submitted', 'withdrawn'),
                ('approved', 'rejected'),
                ('approved', 'withdrawn'),
                ('approved', 'active'),
                ('active', 'approved'),
                ('active', 'closed'),
                ('active', 'written_off'),
                ('active', 'refinanced'),
                ('closed', 'active'),
                ('closed', 'refinanced'),
                ('written_off', 'active'),
                ))
        cls._buttons.update(cls._setup_buttons())

    @classmethod
    def order_number(cls, tables):
        table, _ = tables[None]
        return [CharLength(table.number), table.number]

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_side(cls):
        return Transaction().context.get('loan_side', 'lent')

    @classmethod
    def default_application_date(cls):
        return Pool().get('ir.date').today()

    @classmethod
    def default_disbursement_date(cls):
        return Pool().get('ir.date').today()

    @classmethod
    def default_officer(cls):
        return Transaction().context.get('employee')

    @classmethod
    def default_state(cls):
        return 'draft'

    @fields.depends(
        'product', 'application_date', 'rate', 'steps',
        methods=['copy_terms'])
    def on_change_product(self):
        if not self.product:
            return
        Step = Pool().get('loan.step')
        self.copy_terms()
        date = self.application_date or Pool().get('ir.date').today()
        self.rate = self.product.rate_on(date)
        self.term = self.product.term
        self.steps = [
            Step(**step.copied()) for step in self.product.steps]

    @fields.depends(
        'instalment_wanted', 'amount_requested', 'rate', 'frequency',
        'interval', 'method', 'term', 'number')
    def on_change_instalment_wanted(self):
        "So many instalments it takes"
        if (self.method != 'annuity' or self.rate is None
                or not self.instalment_wanted or not self.amount_requested):
            return
        days, basis = engine.nominal_fraction(
            '30_360_period', self.frequency, self.interval, True)
        try:
            self.term = engine.number_of_payments(
                self.amount_requested, self.rate * days / basis,
                self.instalment_wanted)
        except ValueError as exception:
            raise TermsError(gettext(
                    'loan.msg_loan_terms', loan=self.number or '',
                    reason=str(exception))) from exception

    @fields.depends('product')
    def copy_terms(self):
        for name in self.terms_fields():
            setattr(self, name, getattr(self.product, name))

    @classmethod
    def get_schedule(cls, loans, name):
        Schedule = Pool().get('loan.schedule')
        schedule = Schedule.__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*schedule.select(
                schedule.current_loan, schedule.id,
                where=fields.SQL_OPERATORS['in'](
                    schedule.current_loan, list(map(int, loans)))))
        return {**dict.fromkeys(map(int, loans)), **dict(cursor)}

    def get_apr(self, name):
        return self.schedule.apr if self.schedule else None

    def get_rec_name(self, name):
        items = [self.number or f'({self.id})']
        if self.reference:
            items.append(f'[{self.reference}]')
        items.append(self.party.rec_name)
        return ' '.join(items)

    @classmethod
    def search_rec_name(cls, name, clause):
        _, operator, operand, *extra = clause
        bool_op = 'AND' if operator.startswith(('!', 'not ')) else 'OR'
        return [bool_op,
            ('number', operator, operand, *extra),
            ('reference', operator, operand, *extra),
            ('party.rec_name', operator, operand, *extra),
            ]

    @property
    def account_due_used(self):
        "The account that instalments are due on"
        account = self.product.get_multivalue(
            'account_due', company=self.company.id)
        if account:
            return account
        with Transaction().set_context(company=self.company.id):
            if self.side == 'lent':
                return self.party.account_receivable_used
            return self.party.account_payable_used

    @classmethod
    def preprocess_values(cls, mode, values):
        values = super().preprocess_values(mode, values)
        if mode == 'create' and values.get('product'):
            cls._fill_terms(values)
        return values

    @classmethod
    def _fill_terms(cls, values):
        "What is not given comes from the product"
        pool = Pool()
        product = pool.get('loan.product')(values['product'])
        for name in cls.terms_fields():
            if values.get(name) is None:
                value = getattr(product, name)
                values[name] = getattr(value, 'id', value)
        if values.get('rate') is None:
            values['rate'] = product.rate_on(
                values.get('application_date')
                or pool.get('ir.date').today())
        if values.get('term') is None:
            values['term'] = product.term
        if product.steps and 'steps' not in values:
            values['steps'] = [
                ('create', [step.copied() for step in product.steps])]

    @classmethod
    def validate_fields(cls, loans, field_names):
        super().validate_fields(loans, field_names)
        cls.check_product(loans, field_names)

    @classmethod
    def check_product(cls, loans, field_names=None):
        if field_names and not (
                field_names & {'product', 'side', 'currency'}):
            return
        for loan in loans:
            if (loan.side, loan.currency) != (
                    loan.product.side, loan.product.currency):
                raise TermsError(gettext(
                        'loan.msg_loan_product',
                        loan=loan.rec_name, product=loan.product.rec_name))

    @classmethod
    def check_modification(cls, mode, loans, values=None, external=False):
        super().check_modification(
            mode, loans, values=values, external=external)
        if mode == 'delete':
            for loan in loans:
                if loan.state not in {'draft', 'cancelled'}:
                    raise AccessError(gettext(
                            'loan.msg_loan_delete', loan=loan.rec_name))
        elif mode == 'write' and external:
            for name in sorted(values):
                cls.check_writable(loans, name)
        elif mode == 'create' and external:
            for loan in loans:
                if loan.state != 'draft' or loan.refinances:
                    raise AccessError(gettext(
                            'loan.msg_loan_create', loan=loan.rec_name))

    @classmethod
    def check_writable(cls, loans, name):
        "Refuse a change of what is agreed or only the actions change"
        states = _WRITABLE.get(name)
        if name in {
                'company', 'product', 'party', 'amount_requested', 'rate',
                'term', 'steps', 'application_date', 'instalment_wanted',
                'submitted_by', 'approved_by', 'rejected_by',
                *cls.terms_fields()}:
            states = {'draft'}
        elif cls._fields[name].readonly:
            states = set()
        if states is None:
            return
        for loan in loans:
            if loan.state not in states:
                raise AccessError(gettext(
                        'loan.msg_loan_frozen', loan=loan.rec_name,
                        field=cls.__names__(name)['field']))

    @classmethod
    def copy(cls, loans, default=None):
        default = default.copy() if default is not None else {}
        for name in ['number', 'reference', 'amount_approved',
                'decision_date', 'contract_date', 'first_due_date',
                'maturity_date', 'submitted_by', 'approved_by',
                'rejected_by', 'submitter', 'reject_reason', 'schedules',
                'instalments', 'transactions', 'charges', 'rate_changes',
                'promises', 'regulations', 'refinances', 'accrues', 'accruals',
                'index_rate',
                'provisions']:
            default.setdefault(name, None)
        today = Pool().get('ir.date').today()
        for name in ['application_date', 'disbursement_date']:
            default.setdefault(name, today)
        return super().copy(loans, default=default)

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual', cls.health_visual()),
            ('/form//page[@id="steps"]', 'states', {
                    'invisible': ~Eval('method').in_(['stepped', 'manual']),
                    }),
            ]
