# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.model import DeactivableMixin, ModelSQL, ModelView, fields
from trytond.pyson import Eval
from trytond.transaction import Transaction


class PaymentMethod(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'loan.payment.method'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT')
    name = fields.Char("Name", required=True, translate=True)
    journal = fields.Many2One(
        'account.journal', "Journal", required=True, ondelete='RESTRICT')
    account = fields.Many2One(
        'account.account', "Account", required=True, ondelete='RESTRICT',
        domain=[
            ('type', '!=', None),
            ('closed', '!=', True),
            ('party_required', '=', False),
            ('company', '=', Eval('company', -1)),
            ],
        help="The account of the bank, the till or the clearing that the "
        "money goes through.")

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')
