# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.model import ModelSQL, ModelView, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Bool, Eval, If


class Collateral(ModelSQL, ModelView):
    __name__ = 'loan.collateral'
    _rec_name = 'description'

    loan = fields.Many2One(
        'loan.loan', "Loan", required=True, ondelete='CASCADE')
    type = fields.Selection([
            ('vehicle', "Vehicle"),
            ('property', "Property"),
            ('savings', "Savings"),
            ('goods', "Goods"),
            ('other', "Other"),
            ], "Type", required=True, sort=False)
    description = fields.Char("Description", required=True)
    owner = fields.Many2One(
        'party.party', "Owner", ondelete='RESTRICT',
        help="Leave empty when it belongs to the borrower.")
    value = Monetary(
        "Value", currency='currency', digits='currency',
        domain=['OR', ('value', '=', None), ('value', '>=', 0)])
    valued_on = fields.Date("Valued on")
    released_on = fields.Date(
        "Released on",
        domain=[If(Bool(Eval('released_on')) & Bool(Eval('valued_on')),
                ('released_on', '>=', Eval('valued_on', None)), ())])
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('loan')

    @fields.depends('loan', '_parent_loan.currency')
    def on_change_with_currency(self, name=None):
        return self.loan.currency if self.loan else None


class Promise(ModelSQL, ModelView):
    __name__ = 'loan.promise'

    loan = fields.Many2One(
        'loan.loan', "Loan", required=True, ondelete='CASCADE')
    made_on = fields.Date("Made on", required=True)
    date = fields.Date(
        "Promised for", required=True,
        domain=[If(Bool(Eval('date')) & Bool(Eval('made_on')),
                ('date', '>=', Eval('made_on', None)), ())],
        help="Reminders are silent until this day.")
    amount = Monetary(
        "Amount", currency='currency', digits='currency', required=True,
        domain=[('amount', '>', 0)])
    note = fields.Char("Note")
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')
    state = fields.Function(fields.Selection([
                ('open', "Open"),
                ('kept', "Kept"),
                ('broken', "Broken"),
                ], "State", sort=False), 'get_state')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('loan')
        cls._order = [('date', 'DESC'), ('id', 'DESC')]

    @classmethod
    def default_made_on(cls):
        return Pool().get('ir.date').today()

    @fields.depends('loan', '_parent_loan.currency')
    def on_change_with_currency(self, name=None):
        return self.loan.currency if self.loan else None

    @classmethod
    def get_state(cls, promises, name):
        pool = Pool()
        Transaction_ = pool.get('loan.transaction')
        today = pool.get('ir.date').today()
        payments = Transaction_.search([
                ('loan', 'in', list({p.loan.id for p in promises})),
                ('type', 'in', ['repayment', 'early']),
                ])
        states = {}
        for promise in promises:
            paid = sum(
                t.amount for t in payments if t.loan == promise.loan
                and promise.made_on <= t.value_date <= promise.date)
            if paid >= promise.amount:
                states[promise.id] = 'kept'
            else:
                states[promise.id] = (
                    'open' if promise.date >= today else 'broken')
        return states

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual', If(
                    Eval('state') == 'broken', 'danger',
                    If(Eval('state') == 'kept', 'success', ''))),
            ]
