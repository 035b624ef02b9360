# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.i18n import gettext
from trytond.model import Index, ModelSQL, ModelView, fields

from .exceptions import TransactionAccessError


class DailyAbstract(ModelSQL, ModelView):
    """A row that the daily run adds to a loan, booked by a move.

    Rows are added by SQL and stay as they are.
    """
    #: Name of the field that has the day
    _day = 'date'

    loan = fields.Many2One(
        'loan.loan', "Loan", required=True, readonly=True,
        ondelete='RESTRICT')
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._order = [(cls._day, 'DESC'), ('id', 'DESC')]
        cls._sql_indexes.update({
                Index(t, (t.loan, Index.Equality()),
                    (getattr(t, cls._day), Index.Range())),
                Index(t, (t.move, Index.Equality())),
                })

    @fields.depends('loan', '_parent_loan.currency')
    def on_change_with_currency(self, name=None):
        return self.loan.currency if self.loan else None

    def get_rec_name(self, name):
        return f'{self.loan.rec_name} - {getattr(self, self._day)}'

    @classmethod
    def check_modification(cls, mode, rows, values=None, external=False):
        super().check_modification(
            mode, rows, values=values, external=external)
        if external or mode == 'delete':
            raise TransactionAccessError(gettext(
                    'loan.msg_daily_readonly', model=cls.__names__()['model']))
