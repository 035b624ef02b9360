# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from collections import defaultdict
from decimal import Decimal

from sql import Cast, Null
from sql.operators import Concat

from trytond.i18n import gettext
from trytond.model import Index, ModelSQL, ModelView, Unique, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Bool, Eval

from . import engine
from .exceptions import TransactionAccessError
from .posting import PostingMixin

TYPES = [
    ('disbursement', "Disbursement"),
    ('demand', "Demand"),
    ('repayment', "Repayment"),
    ('early', "Early payment"),
    ('fee', "Fee"),
    ('penalty', "Penalty"),
    ('waiver', "Waiver"),
    ('write_off', "Write-off"),
    ('recovery', "Recovery"),
    ('reage', "Re-aged"),
    ('index', "Exchange difference"),
    ]


# What is undone by its mirror; the rest is undone by what it led to
REVERSIBLE = [
    'disbursement', 'repayment', 'early', 'fee', 'penalty', 'waiver',
    'write_off', 'recovery']


class LoanTransaction(PostingMixin, ModelSQL, ModelView):
    __name__ = 'loan.transaction'
    __string__ = "Loan Transaction"

    loan = fields.Many2One(
        'loan.loan', "Loan", required=True, readonly=True,
        ondelete='RESTRICT')
    type = fields.Selection(
        TYPES, "Type", required=True, readonly=True, sort=False)
    type_string = type.translated('type')
    value_date = fields.Date(
        "Value Date", required=True, readonly=True,
        help="The day from which the amount counts.")
    booking_date = fields.Date(
        "Booking Date", required=True, readonly=True,
        help="The day on which the amount is in the books.")
    amount = Monetary(
        "Amount", currency='currency', digits='currency', required=True,
        readonly=True)
    deducted_fee = Monetary(
        "Fee Kept Back", currency='currency', digits='currency',
        readonly=True)
    deducted_interest = Monetary(
        "Interest Kept Back", currency='currency', digits='currency',
        readonly=True)
    number_called = fields.Integer(
        "Instalment Called", readonly=True,
        help="The number of the instalment that became due.")
    key = fields.Char(
        "Key", readonly=True,
        help="What identifies the payment outside (a bank reference): the "
        "same key is never booked twice.")
    description = fields.Char("Description", readonly=True)
    strategy = fields.Selection(
        [(None, "")] + list(engine.STRATEGIES.items()), "Strategy",
        readonly=True, sort=False)
    payment_method = fields.Many2One(
        'loan.payment.method', "Payment Method", readonly=True,
        ondelete='RESTRICT')
    reverses = fields.Many2One(
        'loan.transaction', "Reverses", readonly=True, ondelete='RESTRICT')
    reversed_by = fields.One2Many(
        'loan.transaction', 'reverses', "Reversed By", readonly=True)
    index_of = fields.Many2One(
        'loan.transaction', "Difference of", readonly=True,
        ondelete='RESTRICT',
        help="The transaction whose rate the exchange difference is of.")
    move = fields.Many2One(
        'account.move', "Move", readonly=True, ondelete='RESTRICT')
    allocations = fields.One2Many(
        'loan.transaction.allocation', 'transaction', "Allocations",
        readonly=True)
    employee = fields.Many2One(
        'company.employee', "Employee", readonly=True, ondelete='RESTRICT')
    company = fields.Function(
        fields.Many2One('company.company', "Company"),
        'on_change_with_company', searcher='search_company')
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._order = [('value_date', 'DESC'), ('id', 'DESC')]
        cls._sql_constraints += [
            ('key_unique', Unique(t, t.key),
                'loan.msg_transaction_key_unique'),
            ('reverses_unique', Unique(t, t.reverses),
                'loan.msg_transaction_reverses_unique'),
            ]
        cls._sql_indexes.update({
                Index(t, (t.loan, Index.Equality()),
                    (t.value_date, Index.Range())),
                Index(t, (t.move, Index.Equality())),
                Index(t, (t.index_of, Index.Equality())),
                })
        cls._buttons.update({
                'reverse': {
                    'invisible': (
                        Bool(Eval('reverses'))
                        | Bool(Eval('reversed_by', []))
                        | ~Eval('type').in_(REVERSIBLE)),
                    'icon': 'tryton-undo',
                    'depends': ['reverses', 'reversed_by', 'type'],
                    },
                })

    @fields.depends('loan', '_parent_loan.company')
    def on_change_with_company(self, name=None):
        return self.loan.company if self.loan else None

    @classmethod
    def search_company(cls, name, clause):
        return [('loan.' + clause[0], *clause[1:])]

    @fields.depends('loan', '_parent_loan.currency')
    def on_change_with_currency(self, name=None):
        return self.loan.currency if self.loan else None

    def get_rec_name(self, name):
        type_ = dict(TYPES)[self.type]
        return f'{self.loan.rec_name} - {type_}'

    @classmethod
    def search_rec_name(cls, name, clause):
        return [('loan.rec_name', *clause[1:])]

    @classmethod
    def check_modification(
            cls, mode, transactions, values=None, external=False):
        super().check_modification(
            mode, transactions, values=values, external=external)
        if mode == 'delete' or external:
            raise TransactionAccessError(gettext(
                    'loan.msg_transaction_readonly'))

    @classmethod
    def copy(cls, transactions, default=None):
        if transactions:
            raise TransactionAccessError(gettext(
                    'loan.msg_transaction_copy'))
        return []

    @property
    def live(self):
        "Whether it neither reverses nor is reversed"
        return not self.reverses and not self.reversed_by

    @staticmethod
    def origin_of(table):
        "Return the SQL expression of the origin of the moves of table"
        return Concat('loan.transaction,', Cast(table.id, 'VARCHAR'))

    def net(self):
        "Return {(key, component, kind): amount} of the allocations"
        result = defaultdict(Decimal)
        for allocation in self.allocations:
            result[allocation.key, allocation.component,
                allocation.kind] += allocation.amount
        return result

    @classmethod
    @ModelView.button
    def reverse(cls, transactions):
        Loan = Pool().get('loan.loan')
        Loan.reverse_transactions(transactions)


class Allocation(ModelSQL, ModelView):
    __name__ = 'loan.transaction.allocation'

    transaction = fields.Many2One(
        'loan.transaction', "Transaction", required=True, readonly=True,
        ondelete='CASCADE')
    loan = fields.Many2One(
        'loan.loan', "Loan", required=True, readonly=True,
        ondelete='RESTRICT')
    kind = fields.Selection([
            ('call', "Called"),
            ('settle', "Settled"),
            ('advance', "In advance"),
            ], "Kind", required=True, readonly=True, sort=False,
        help="Called raises what is due, settled lowers it, in advance "
        "lowers what is still to come.")
    component = fields.Selection(
        list(engine.COMPONENTS.items()), "Component", required=True,
        readonly=True, sort=False)
    amount = Monetary(
        "Amount", currency='currency', digits='currency', required=True,
        readonly=True)
    component_string = component.translated('component')
    number = fields.Integer(
        "Instalment Number", readonly=True,
        help="The number that the instalment has in every version.")
    schedule = fields.Many2One(
        'loan.schedule', "Schedule", readonly=True, ondelete='RESTRICT')
    charge = fields.Many2One(
        'loan.charge', "Charge", readonly=True, ondelete='RESTRICT')
    line = fields.Many2One(
        'account.move.line', "Move Line", readonly=True,
        ondelete='RESTRICT')
    replayed_for = fields.Many2One(
        'loan.transaction', "Replayed For", readonly=True,
        ondelete='RESTRICT',
        help="The back-dated transaction that this row was booked for.")
    planned_by = fields.Many2One(
        'loan.schedule', "Planned By", readonly=True, ondelete='RESTRICT',
        help="The version that took money in advance as paid early.")
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._order = [('transaction', 'DESC'), ('id', 'ASC')]
        cls._sql_indexes.update({
                Index(t, (t.transaction, Index.Equality())),
                Index(t, (t.loan, Index.Equality()),
                    (t.number, Index.Range())),
                Index(t, (t.charge, Index.Equality())),
                Index(t, (t.line, Index.Equality())),
                Index(
                    t, (t.planned_by, Index.Equality()),
                    where=t.planned_by != Null),
                })

    @fields.depends('loan', '_parent_loan.currency')
    def on_change_with_currency(self, name=None):
        return self.loan.currency if self.loan else None

    @property
    def due_date_used(self):
        "The date on which what it is allocated to is due"
        if self.charge:
            return self.charge.due_date
        row = self.loan.rows_by_number.get(self.number)
        return row.due_date if row else self.transaction.value_date

    @property
    def key(self):
        "What is allocated to: an instalment number or a charge"
        return ('charge', self.charge.id) if self.charge else (
            'number', self.number)

    @classmethod
    def check_modification(
            cls, mode, allocations, values=None, external=False):
        super().check_modification(
            mode, allocations, values=values, external=external)
        if mode == 'delete' or external:
            raise TransactionAccessError(gettext(
                    'loan.msg_transaction_readonly'))
