# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from decimal import Decimal

from sql.aggregate import Sum

from trytond.i18n import gettext
from trytond.model import Index, ModelSQL, ModelView, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Eval, If
from trytond.tools import sqlite_apply_types
from trytond.transaction import Transaction

from .exceptions import TransactionAccessError


class Charge(ModelSQL, ModelView):
    __name__ = 'loan.charge'

    loan = fields.Many2One(
        'loan.loan', "Loan", required=True, readonly=True,
        ondelete='CASCADE')
    type = fields.Selection([
            ('fee', "Fee"),
            ('penalty', "Penalty"),
            ('index', "Exchange difference"),
            ], "Type", required=True, readonly=True)
    description = fields.Char("Description", readonly=True)
    number = fields.Integer(
        "Instalment", readonly=True,
        help="The number of the instalment that was late.")
    date = fields.Date("Date", required=True, readonly=True)
    due_date = fields.Date("Due", required=True, readonly=True)
    amount = Monetary(
        "Amount", currency='currency', digits='currency', required=True,
        readonly=True, domain=[('amount', '>', 0)])
    explanation = fields.Text("Explanation", readonly=True)
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')
    outstanding = fields.Function(Monetary(
            "Outstanding", currency='currency', digits='currency'),
        'get_outstanding')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._order = [('date', 'DESC'), ('id', 'DESC')]
        cls._sql_indexes.add(Index(t, (t.loan, Index.Equality())))

    @fields.depends('loan', '_parent_loan.currency')
    def on_change_with_currency(self, name=None):
        return self.loan.currency if self.loan else None

    @property
    def component(self):
        "The component that it is paid as"
        return 'penalty' if self.type == 'penalty' else 'fee'

    def get_rec_name(self, name):
        return self.description or str(self.id)

    @classmethod
    def get_outstanding(cls, charges, name):
        Allocation = Pool().get('loan.transaction.allocation')
        part = Allocation.__table__()
        cursor = Transaction().connection.cursor()
        query = part.select(
            part.charge, part.kind, Sum(part.amount).as_('amount'),
            where=fields.SQL_OPERATORS['in'](
                part.charge, list(map(int, charges))),
            group_by=[part.charge, part.kind])
        sqlite_apply_types(query, [None, None, 'NUMERIC'])
        cursor.execute(*query)
        open_ = {c.id: Decimal(0) for c in charges}
        for charge, kind, amount in cursor:
            open_[charge] += amount if kind == 'call' else -amount
        return {c.id: c.currency.round(open_[c.id]) for c in charges}

    @classmethod
    def check_modification(cls, mode, charges, values=None, external=False):
        super().check_modification(
            mode, charges, values=values, external=external)
        if external or mode == 'delete':
            raise TransactionAccessError(gettext(
                    'loan.msg_charge_readonly'))

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('outstanding', 0) == 0, 'muted', 'danger')),
            ]
