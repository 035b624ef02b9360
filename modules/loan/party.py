# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.i18n import gettext
from trytond.modules.party.exceptions import EraseError
from trytond.pool import Pool, PoolMeta


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
