# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.model import fields
from trytond.pool import PoolMeta
from trytond.pyson import Eval


class Loan(metaclass=PoolMeta):
    __name__ = 'loan.loan'

    bank_account = fields.Many2One(
        'bank.account', "Bank Account", ondelete='RESTRICT',
        domain=[
            ('owners', '=', Eval('party', -1)),
            ],
        help="The account of the party that the money is paid to and "
        "instalments come from.\n"
        "The contract names it.")

    @classmethod
    def copy(cls, loans, default=None):
        default = default.copy() if default is not None else {}
        default.setdefault('bank_account', None)
        return super().copy(loans, default=default)


class ContractReport(metaclass=PoolMeta):
    __name__ = 'loan.contract.report'

    @classmethod
    def bank_account(cls, loan):
        account = loan.bank_account
        return account.rec_name if account else super().bank_account(loan)
