# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from decimal import Decimal

from trytond.i18n import gettext
from trytond.model import ModelSQL, ModelView, fields
from trytond.modules.currency.fields import Monetary
from trytond.modules.party.exceptions import EraseError
from trytond.pool import Pool, PoolMeta

from .terms import RATE_DIGITS


class Replace(metaclass=PoolMeta):
    __name__ = 'party.replace'

    @classmethod
    def fields_to_replace(cls):
        return super().fields_to_replace() + [
            ('loan.loan', 'party'),
            ('loan.party', 'party'),
            ('loan.collateral', 'owner'),
            ]


class Erase(metaclass=PoolMeta):
    __name__ = 'party.erase'

    def check_erase_company(self, party, company):
        Loan = Pool().get('loan.loan')
        super().check_erase_company(party, company)

        loans = Loan.search([
                ['OR',
                    ('party', '=', party.id),
                    ('co_parties.party', '=', party.id),
                    ],
                ('company', '=', company.id),
                ('state', 'not in', [
                        'closed', 'rejected', 'withdrawn', 'cancelled',
                        'refinanced']),
                ])
        if loans:
            raise EraseError(
                gettext('loan.msg_erase_party_open_loan',
                    party=party.rec_name,
                    company=company.rec_name))


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
    covered = fields.Function(Monetary(
            "Answers for", currency='currency', digits='currency',
            help="Their share of the principal outstanding."),
        'get_covered')
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('loan')

    @classmethod
    def check_modification(cls, mode, co_parties, values=None, external=False):
        super().check_modification(
            mode, co_parties, values=values, external=external)
        if external:
            Loan = Pool().get('loan.loan')
            loans = {c.loan for c in co_parties}
            if values and values.get('loan'):
                loans.add(Loan(values['loan']))
            Loan.check_writable(loans, 'co_parties')

    @classmethod
    def default_share(cls):
        return Decimal(1)

    @fields.depends('loan', '_parent_loan.currency')
    def on_change_with_currency(self, name=None):
        return self.loan.currency if self.loan else None

    @classmethod
    def get_covered(cls, co_parties, name):
        Loan = Pool().get('loan.loan')
        loans = list({c.loan for c in co_parties})
        principal = Loan.get_principal(loans, name)
        return {
            c.id: c.loan.currency.round(principal[c.loan.id] * c.share)
            for c in co_parties}
