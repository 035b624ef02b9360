# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.i18n import gettext
from trytond.model import Index, ModelSQL, ModelView, fields
from trytond.pyson import Bool, Eval, If

from .exceptions import LimitError
from .tools import percent


class Regulation(ModelSQL, ModelView):
    __name__ = 'loan.regulation'
    _rec_name = 'citation'

    code = fields.Selection([
            ('apr_max', "Highest effective rate"),
            ('rate_max', "Highest nominal rate"),
            ('amount_max', "Highest amount"),
            ('term_max', "Longest term in months"),
            ('penalty_rate_max', "Highest penalty rate"),
            ], "Code", required=True, sort=False,
        help="What the law limits.")
    value = fields.Numeric(
        "Value", required=True,
        help="The limit: a fraction for rates (0.25 is 25 %), an amount or "
        "a number of months.")
    unit = fields.Char(
        "Unit", help="How the value reads in the law, e.g. % a year.")
    valid_from = fields.Date("Valid from", required=True)
    valid_to = fields.Date(
        "Valid to",
        domain=[If(Bool(Eval('valid_to')),
                ('valid_to', '>=', Eval('valid_from', None)), ())])
    citation = fields.Char(
        "Citation", required=True,
        help="Where it stands, e.g. the law and the paragraph.")
    text = fields.Text("Text", help="The words of the law.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._order = [('code', 'ASC'), ('valid_from', 'DESC'), ('id', 'DESC')]
        cls._sql_indexes.add(
            Index(t, (t.code, Index.Equality()),
                (t.valid_from, Index.Range())))

    def valid_on(self, date):
        return self.valid_from <= date and (
            not self.valid_to or date <= self.valid_to)

    def check_contract(self, loan, values):
        """Refuse a loan whose values are above the limit.

        values are what the loan has for each code.
        """
        value = values[self.code]
        if value is not None and value > self.value:
            raise LimitError(gettext(
                    'loan.msg_loan_regulation',
                    loan=loan.rec_name, regulation=self.rec_name,
                    value=self._told(value), limit=self._told(self.value)))

    def _told(self, value):
        "Return a value of the code in words"
        if self.code in {'apr_max', 'rate_max', 'penalty_rate_max'}:
            return percent(value) + ' %'
        return format(value.normalize(), 'f')


class LoanRegulation(ModelSQL):
    __name__ = 'loan.loan-loan.regulation'

    loan = fields.Many2One(
        'loan.loan', "Loan", required=True, ondelete='CASCADE')
    regulation = fields.Many2One(
        'loan.regulation', "Regulation", required=True, ondelete='RESTRICT')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('loan')
