# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from caravan.i18n import gettext
from trytond.model import (
    DeactivableMixin, Index, ModelSQL, ModelView, Unique, fields)

from .exceptions import RateError
from .terms import RATE_DIGITS


class RateIndex(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'loan.rate_index'

    name = fields.Char("Name", required=True)
    values = fields.One2Many(
        'loan.rate_index.value', 'index', "Values",
        help="The rate from each date on.")

    def value_on(self, date):
        "Return the rate in force on date"
        values = [v for v in self.values if v.date <= date]
        if not values:
            raise RateError(gettext(
                    'loan.msg_rate_index_no_value',
                    index=self.rec_name, date=date))
        return max(values, key=lambda v: v.date).rate


class RateIndexValue(ModelSQL, ModelView):
    __name__ = 'loan.rate_index.value'

    index = fields.Many2One(
        'loan.rate_index', "Index", required=True, ondelete='CASCADE')
    date = fields.Date("From", required=True)
    rate = fields.Numeric(
        "Rate", digits=RATE_DIGITS, required=True,
        help="The annual rate from this date on.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('index')
        t = cls.__table__()
        cls._order = [('date', 'DESC'), ('id', 'DESC')]
        cls._sql_constraints += [
            ('date_unique', Unique(t, t.index, t.date),
                'loan.msg_rate_index_date_unique'),
            ]
        cls._sql_indexes.add(
            Index(t, (t.index, Index.Range()), (t.date, Index.Range())))


class RateChange(ModelSQL, ModelView):
    __name__ = 'loan.rate_change'

    loan = fields.Many2One(
        'loan.loan', "Loan", required=True, readonly=True,
        ondelete='CASCADE')
    date = fields.Date("From", required=True, readonly=True)
    rate = fields.Numeric(
        "Rate", digits=RATE_DIGITS, required=True, readonly=True,
        domain=[('rate', '>=', 0), ('rate', '<=', 10)])
    reason = fields.Char("Reason", readonly=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('date', 'DESC'), ('id', 'DESC')]
