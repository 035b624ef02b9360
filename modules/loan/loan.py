# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from decimal import Decimal
from itertools import groupby

from sql.functions import CharLength

from trytond.i18n import gettext
from trytond.model import (
    ChatMixin, Check, Index, ModelSQL, ModelView, Workflow, fields)
from trytond.model.exceptions import AccessError
from trytond.modules.company.model import (
    employee_field, reset_employee, set_employee)
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Bool, Eval, If
from trytond.rpc import RPC
from trytond.transaction import Transaction, check_access, without_check_access

from .actions import ActionsMixin
from .balance import BalanceMixin
from .exceptions import DecisionError, LimitError, TermsError
from .ledger import LedgerMixin
from .money import MoneyMixin
from .plan import PlanMixin
from .terms import RATE_DIGITS, TermsMixin

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


class Loan(
        Workflow, PlanMixin, MoneyMixin, ActionsMixin, LedgerMixin,
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
            "Effective Rate", digits=RATE_DIGITS,
            help="The annual percentage rate, all fees included."),
        'get_apr')
    refinances = fields.Many2One(
        'loan.loan', "Refinances", readonly=True, ondelete='RESTRICT',
        help="The loan that is paid off when this one is paid out.")
    regulations = fields.Many2Many(
        'loan.loan-loan.regulation', 'loan', 'regulation', "Regulations",
        readonly=True,
        help="The law that the contract was checked against.")
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
                ('submitted', 'approved'),
                ('submitted', 'rejected'),
                ('submitted', 'withdrawn'),
                ('approved', 'rejected'),
                ('approved', 'withdrawn'),
                ('approved', 'active'),
                ('active', 'closed'),
                ('active', 'written_off'),
                ('active', 'refinanced'),
                ('closed', 'active'),
                ('closed', 'refinanced'),
                ))
        cls._buttons.update(cls._setup_buttons())

    @classmethod
    def _setup_buttons(cls):
        return {
            'calculate': {
                'invisible': ~Eval('state').in_(['draft', 'submitted']),
                'icon': 'tryton-refresh',
                'depends': ['state'],
                },
            'draft': {
                'invisible': ~Eval('state').in_(
                    ['submitted', 'cancelled']),
                'icon': If(Eval('state') == 'cancelled',
                    'tryton-undo', 'tryton-back'),
                'depends': ['state'],
                },
            'submit': {
                'invisible': Eval('state') != 'draft',
                'icon': 'tryton-forward',
                'depends': ['state'],
                },
            'approve': {
                'invisible': Eval('state') != 'submitted',
                'icon': 'tryton-ok',
                'depends': ['state'],
                },
            'reject': {
                'invisible': Eval('state') != 'submitted',
                'readonly': ~Eval('reject_reason'),
                'icon': 'tryton-cancel',
                'depends': ['state', 'reject_reason'],
                },
            'withdraw': {
                'invisible': ~Eval('state').in_(
                    ['submitted', 'approved']),
                'icon': 'tryton-cancel',
                'depends': ['state'],
                },
            'cancel': {
                'invisible': Eval('state') != 'draft',
                'icon': 'tryton-cancel',
                'depends': ['state'],
                },
            'call_due': {
                'invisible': Eval('state') != 'active',
                'icon': 'tryton-launch',
                'depends': ['state'],
                },
            'penalise': {
                'invisible': (Eval('state') != 'active') | (
                    Eval('side') == 'borrowed'),
                'icon': 'tryton-warning',
                'depends': ['state', 'side'],
                },
            **{name: {
                    'invisible': ~Eval('state').in_(states),
                    'icon': icon,
                    'depends': ['state'],
                    } for name, states, icon in cls._wizards()},
            }

    @classmethod
    def _wizards(cls):
        "The buttons that open a wizard: (name, states, icon)"
        return [
            ('disburse', ['approved', 'active'], 'tryton-export'),
            ('repay', ['active'], 'tryton-import'),
            ('early_repay', ['active'], 'tryton-forward'),
            ('reschedule', ['active'], 'tryton-history'),
            ('change_rate', ['active'], 'tryton-history'),
            ('refinance', ['active'], 'tryton-copy'),
            ('waive', ['active'], 'tryton-cancel'),
            ('write_off', ['active'], 'tryton-delete'),
            ('recover', ['written_off'], 'tryton-import'),
            ('add_charge', ['active'], 'tryton-add'),
            ('compare_versions', ['active', 'closed'], 'tryton-open'),
            ]

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
            cls._check_frozen(loans, values)

    @classmethod
    def _check_frozen(cls, loans, values):
        "Once submitted the terms are agreed, whatever client writes"
        frozen = set(values) & ({
                'product', 'party', 'amount_requested', 'rate', 'term',
                'steps', 'application_date', *cls.terms_fields()})
        if 'state' in values:
            frozen.add('state')
        for loan in loans:
            if frozen and (loan.state != 'draft' or 'state' in values):
                raise AccessError(gettext(
                        'loan.msg_loan_frozen', loan=loan.rec_name,
                        field=cls.__names__(sorted(frozen)[0])['field']))

    @classmethod
    def copy(cls, loans, default=None):
        default = default.copy() if default is not None else {}
        for name in ['number', 'reference', 'amount_approved',
                'decision_date', 'contract_date', 'first_due_date',
                'maturity_date', 'submitted_by', 'approved_by',
                'rejected_by', 'submitter', 'reject_reason', 'schedules',
                'instalments', 'transactions', 'charges', 'rate_changes',
                'promises', 'regulations', 'refinances']:
            default.setdefault(name, None)
        return super().copy(loans, default=default)

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual', cls.health_visual()),
            ('/form//page[@id="steps"]', 'states', {
                    'invisible': ~Eval('method').in_(['stepped', 'manual']),
                    }),
            ]

    @classmethod
    def set_number(cls, loans):
        Configuration = Pool().get('loan.configuration')
        config = Configuration(1)
        loans = sorted(
            (l for l in loans if not l.number), key=lambda l: l.company.id)
        for company, c_loans in groupby(loans, key=lambda l: l.company):
            c_loans = list(c_loans)
            sequence = config.get_multivalue(
                'loan_sequence', company=company.id)
            for loan, number in zip(
                    c_loans, sequence.get_many(len(c_loans))):
                loan.number = number
        cls.save(loans)

    @classmethod
    @ModelView.button
    def calculate(cls, loans):
        cls.calculate_schedules(loans, gettext('loan.msg_reason_planned'))

    @classmethod
    @ModelView.button
    @Workflow.transition('cancelled')
    def cancel(cls, loans):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('draft')
    @reset_employee('submitted_by')
    def draft(cls, loans):
        cls.write(loans, {'submitter': None, 'amount_approved': None})

    @classmethod
    @ModelView.button
    @Workflow.transition('submitted')
    @set_employee('submitted_by')
    def submit(cls, loans):
        for loan in loans:
            loan.product.check_limits(
                loan, loan.amount_requested, loan.rate, loan.term)
            loan.amount_approved = loan.amount_requested
            loan.submitter = Transaction().user or None
        cls.save(loans)
        cls.set_number(loans)
        cls.calculate_schedules(loans, gettext('loan.msg_reason_planned'))

    @classmethod
    @ModelView.button
    @Workflow.transition('approved')
    @set_employee('approved_by')
    def approve(cls, loans):
        today = Pool().get('ir.date').today()
        for loan in loans:
            loan.check_decision()
            loan.decision_date = today
            loan.contract_date = loan.contract_date or today
        cls.save(loans)
        cls.calculate_schedules(
            loans, gettext('loan.msg_reason_contract'), contract=True)
        cls.check_contracts(loans)

    def check_decision(self):
        "Another person than the submitter decides on large amounts"
        limit = self.product.four_eyes_amount
        user = Transaction().user
        if (limit is not None and self.amount_approved > limit
                and user and self.submitter
                and self.submitter.id == user):
            raise DecisionError(gettext(
                    'loan.msg_loan_four_eyes', loan=self.rec_name,
                    amount=limit))
        self.product.check_limits(
            self, self.amount_approved, self.rate, self.term)

    @classmethod
    def check_contracts(cls, loans):
        "Refuse contracts outside of the law, keep what they were checked by"
        loans = cls.browse(loans)
        for loan in loans:
            regulations = [
                r for r in loan.product.regulations
                if r.valid_on(loan.contract_date)]
            values = loan.regulated_values()
            for regulation in regulations:
                regulation.check_contract(loan, values)
            if loan.product.apr_max is not None and (
                    values['apr_max'] or 0) > loan.product.apr_max:
                raise LimitError(gettext(
                        'loan.msg_loan_limit_apr', loan=loan.rec_name,
                        product=loan.product.rec_name,
                        value=values['apr_max'],
                        limit=loan.product.apr_max))
            loan.regulations = regulations
        cls.save(loans)

    def regulated_values(self):
        "Return what the loan has for each code of a regulation"
        months = {
            'day': Decimal(12) / 365, 'week': Decimal(12) / 52,
            'month': 1, 'year': 12}[self.frequency]
        return {
            'apr_max': self.apr,
            'rate_max': self.rate,
            'amount_max': self.amount_approved,
            'term_max': self.term * self.interval * months,
            'penalty_rate_max': self.penalty_rate,
            }

    @classmethod
    @ModelView.button
    @Workflow.transition('rejected')
    @set_employee('rejected_by')
    def reject(cls, loans):
        today = Pool().get('ir.date').today()
        for loan in loans:
            if not loan.reject_reason:
                raise DecisionError(gettext(
                        'loan.msg_loan_reject_reason', loan=loan.rec_name))
        cls.write(loans, {'decision_date': today})

    @classmethod
    @ModelView.button
    @Workflow.transition('withdrawn')
    def withdraw(cls, loans):
        pass

    @classmethod
    def load_applications(cls, vlist):
        """Create applications and take each to the decision taken on it.

        For scripts: vlist holds values for create, and 'decision': 'approve',
        'reject' (with reject_reason) or None.  Return the ids.
        """
        decisions, values = [], []
        for application in vlist:
            application = dict(application)
            decisions.append(application.pop('decision', None))
            values.append(application)
        for name in set(decisions) - {None}:
            cls.check_button(name)
        with check_access():
            loans = cls.create(values)
        with without_check_access():
            cls.submit(loans)
            for name, decide in [
                    ('approve', cls.approve), ('reject', cls.reject)]:
                decided = [l for l, d in zip(loans, decisions) if d == name]
                if decided:
                    decide(decided)
        return [l.id for l in loans]

    @classmethod
    @Workflow.transition('active')
    def activate(cls, loans):
        pass

    @classmethod
    @Workflow.transition('closed')
    def close(cls, loans):
        pass

    @classmethod
    @Workflow.transition('written_off')
    def written_off(cls, loans):
        pass

    @classmethod
    @Workflow.transition('refinanced')
    def refinanced(cls, loans):
        pass

    @classmethod
    @ModelView.button
    def penalise(cls, loans):
        cls.charge_penalties(loans)

    @classmethod
    @Workflow.transition('active')
    def reopen(cls, loans):
        pass

    @classmethod
    @ModelView.button
    def call_due(cls, loans):
        cls.call(loans)

    @classmethod
    @ModelView.button_action('loan.wizard_disburse')
    def disburse(cls, loans):
        pass

    @classmethod
    @ModelView.button_action('loan.wizard_repay')
    def repay(cls, loans):
        pass

    @classmethod
    @ModelView.button_action('loan.wizard_early_repay')
    def early_repay(cls, loans):
        pass

    @classmethod
    @ModelView.button_action('loan.wizard_reschedule')
    def reschedule(cls, loans):
        pass

    @classmethod
    @ModelView.button_action('loan.wizard_change_rate')
    def change_rate(cls, loans):
        pass

    @classmethod
    @ModelView.button_action('loan.wizard_refinance')
    def refinance(cls, loans):
        pass

    @classmethod
    @ModelView.button_action('loan.wizard_waive')
    def waive(cls, loans):
        pass

    @classmethod
    @ModelView.button_action('loan.wizard_write_off')
    def write_off(cls, loans):
        pass

    @classmethod
    @ModelView.button_action('loan.wizard_recover')
    def recover(cls, loans):
        pass

    @classmethod
    @ModelView.button_action('loan.wizard_add_charge')
    def add_charge(cls, loans):
        pass

    @classmethod
    @ModelView.button_action('loan.wizard_compare_versions')
    def compare_versions(cls, loans):
        pass


class LoanParty(ModelSQL, ModelView):
    __name__ = 'loan.party'

    loan = fields.Many2One(
        'loan.loan', "Loan", required=True, ondelete='CASCADE')
    party = fields.Many2One(
        'party.party', "Party", required=True, ondelete='RESTRICT')
    role = fields.Selection([
            ('co_borrower', "Co-borrower"),
            ('guarantor', "Guarantor"),
            ], "Role", required=True, sort=False)
    role_string = role.translated('role')
    share = fields.Numeric(
        "Share", digits=RATE_DIGITS, required=True,
        domain=[('share', '>', 0), ('share', '<=', 1)],
        help="The part of what is owed that the party answers for.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('loan')

    @classmethod
    def default_share(cls):
        return Decimal(1)


class LoanRegulation(ModelSQL):
    __name__ = 'loan.loan-loan.regulation'

    loan = fields.Many2One(
        'loan.loan', "Loan", required=True, ondelete='CASCADE')
    regulation = fields.Many2One(
        'loan.regulation', "Regulation", required=True, ondelete='RESTRICT')


class RateChange(ModelSQL, ModelView):
    __name__ = 'loan.rate_change'

    loan = fields.Many2One(
        'loan.loan', "Loan", required=True, readonly=True,
        ondelete='CASCADE')
    date = fields.Date("From", required=True, readonly=True)
    rate = fields.Numeric(
        "Rate", digits=RATE_DIGITS, required=True, readonly=True)
    reason = fields.Char("Reason", readonly=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('date', 'DESC'), ('id', 'DESC')]
