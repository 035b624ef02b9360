# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.model import ModelSQL, ModelView, Unique, fields
from trytond.transaction import Transaction


class Holiday(ModelSQL, ModelView):
    __name__ = 'loan.holiday'
    _rec_name = 'name'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='CASCADE')
    date = fields.Date("Date", required=True)
    name = fields.Char("Name")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._order = [('date', 'DESC'), ('id', 'DESC')]
        cls._sql_constraints += [
            ('date_unique', Unique(t, t.company, t.date),
                'loan.msg_holiday_unique'),
            ]

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def of(cls, company):
        "Return the set of dates that are holidays for company"
        return frozenset(
            h.date for h in cls.search([('company', '=', company.id)]))
