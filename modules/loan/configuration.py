# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.model import ModelSingleton, ModelSQL, ModelView, fields
from trytond.modules.company.model import (
    CompanyMultiValueMixin, CompanyValueMixin)
from trytond.pool import Pool
from trytond.pyson import Eval, Id

_sequence = fields.Many2One(
    'ir.sequence', "Loan Sequence", required=True,
    domain=[
        ('company', 'in', [Eval('context', {}).get('company', -1), None]),
        ('sequence_type', '=', Id('loan', 'sequence_type_loan')),
        ],
    help="Used to generate the loan number.")
_journal = fields.Many2One(
    'account.journal', "Loan Journal", required=True,
    help="The journal of the moves that no money flows with.")


class Configuration(
        ModelSingleton, ModelSQL, ModelView, CompanyMultiValueMixin):
    __name__ = 'loan.configuration'

    loan_sequence = fields.MultiValue(_sequence)
    loan_journal = fields.MultiValue(_journal)
    due_soon_days = fields.Integer(
        "Due Soon", required=True, domain=[('due_soon_days', '>=', 0)],
        help="The number of days before the due date on which a loan "
        "starts to show as due soon.")

    @classmethod
    def multivalue_model(cls, field):
        pool = Pool()
        if field == 'loan_sequence':
            return pool.get('loan.configuration.sequence')
        if field == 'loan_journal':
            return pool.get('loan.configuration.journal')
        return super().multivalue_model(field)

    @classmethod
    def default_loan_sequence(cls, **pattern):
        return cls.multivalue_model('loan_sequence').default_loan_sequence()

    @classmethod
    def default_loan_journal(cls, **pattern):
        return cls.multivalue_model('loan_journal').default_loan_journal()

    @classmethod
    def default_due_soon_days(cls):
        return 7


class ConfigurationSequence(ModelSQL, CompanyValueMixin):
    __name__ = 'loan.configuration.sequence'

    loan_sequence = _sequence

    @classmethod
    def default_loan_sequence(cls):
        return Pool().get('ir.model.data').get_id('loan', 'sequence_loan')


class ConfigurationJournal(ModelSQL, CompanyValueMixin):
    __name__ = 'loan.configuration.journal'

    loan_journal = _journal

    @classmethod
    def default_loan_journal(cls):
        return Pool().get('ir.model.data').get_id('loan', 'journal_loan')
