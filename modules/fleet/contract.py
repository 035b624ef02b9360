# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt

from sql import Null

from trytond.model import Check, DeactivableMixin, ModelSQL, ModelView, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Eval
from trytond.transaction import Transaction

from .engine.contract import FREQUENCIES, month_cost


class Contract(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'fleet.contract'
    _rec_name = 'reference'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT')
    reference = fields.Char(
        "Reference", required=True, help="The number of the policy or lease.")
    category = fields.Selection([
            ('insurance', "Insurance"),
            ('lease', "Lease"),
            ('tax', "Taxes"),
            ('toll', "Tolls"),
            ('parking', "Parking"),
            ('other', "Other"),
            ], "Category", required=True, sort=False)
    party = fields.Many2One(
        'party.party', "Party", ondelete='RESTRICT',
        context={
            'company': Eval('company', -1),
            },
        depends={'company'})
    vehicle = fields.Many2One(
        'fleet.vehicle', "Vehicle", required=True, ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ])
    start = fields.Date("From", required=True)
    end = fields.Date(
        "To", domain=['OR',
            ('end', '=', None),
            ('end', '>=', Eval('start', dt.date.min)),
            ],
        help="The last day, empty until further notice.")
    frequency = fields.Selection(
        FREQUENCIES, "Frequency", required=True, sort=False,
        help="A month that the contract does not fill costs the share of "
        "its days.")
    currency = fields.Function(fields.Many2One(
            'currency.currency', "Currency"), 'on_change_with_currency')
    amount = Monetary(
        "Amount", currency='currency', digits='currency', required=True,
        domain=[('amount', '>=', 0)],
        help="For each period of the frequency, in the currency of the "
        "company.")
    costs = fields.One2Many(
        'fleet.cost', 'origin', "Costs", readonly=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('end_after_start', Check(t, (t.end == Null) | (t.end >= t.start)),
                'fleet.msg_contract_ends_early'),
            ]
        cls._order = [('start', 'DESC'), ('id', 'DESC')]

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_category(cls):
        return 'insurance'

    @classmethod
    def default_frequency(cls):
        return 'month'

    @fields.depends('company')
    def on_change_with_currency(self, name=None):
        return self.company.currency if self.company else None

    @classmethod
    def copy(cls, contracts, default=None):
        default = default.copy() if default else {}
        default.setdefault('costs')
        return super().copy(contracts, default=default)

    @classmethod
    def post(cls, date=None):
        """Enter the costs of the months that have ended before a date.

        date: today by default.  Months that were missed are caught up.
        """
        pool = Pool()
        Cost = pool.get('fleet.cost')
        Date = pool.get('ir.date')
        first = (date or Date.today()).replace(day=1)
        contracts = cls.search([('start', '<', first)])
        # Whatever vehicle and category they were entered for
        entered = {
            (c.origin, c.date.replace(day=1)) for c in Cost.search([
                    ('origin', 'in', list(map(str, contracts))),
                    ('origin_key', '!=', None),
                    ], order=[])}
        Cost.post([
                contract._cost(month)
                for contract in contracts
                for month in contract._months(first)
                if (contract, month) not in entered])

    def _months(self, until):
        "Yield the first days of the months that the contract touches"
        month = self.start.replace(day=1)
        while month < until and (self.end is None or month <= self.end):
            yield month
            month = (month + dt.timedelta(days=31)).replace(day=1)

    def _cost(self, month):
        last = (month + dt.timedelta(days=31)).replace(day=1)
        last -= dt.timedelta(days=1)
        amount = month_cost(
            self.amount, self.frequency, self.start, self.end, month)
        return {
            'company': self.company.id,
            'date': min(last, self.end or last),
            'vehicle': self.vehicle.id,
            'category': self.category,
            'description': self.reference,
            'amount': self.currency.round(amount),
            'origin': self,
            'part': month.strftime('%Y-%m'),
            }
