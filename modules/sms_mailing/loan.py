# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt

from trytond.pool import Pool, PoolMeta
from trytond.transaction import Transaction

from .rule import Source


def _outstanding(records):
    "Leave out what is settled meanwhile"
    return [r for r in records if r.outstanding]


class Template(metaclass=PoolMeta):
    __name__ = 'mailing.template'

    @classmethod
    def roots(cls):
        return {
            **super().roots(),
            'loan.loan': {
                'party': ('party', 'party.party'),
                'loan': ('', 'loan.loan'),
                },
            'loan.instalment': {
                'party': ('loan.party', 'party.party'),
                'loan': ('loan', 'loan.loan'),
                'instalment': ('', 'loan.instalment'),
                },
            'loan.charge': {
                'party': ('loan.party', 'party.party'),
                'loan': ('loan', 'loan.loan'),
                'charge': ('', 'loan.charge'),
                },
            }

    @classmethod
    def vocabulary(cls):
        return {
            **super().vocabulary(),
            'loan.loan': {
                'maturity_date': 'maturity_date',
                'number': 'number',
                'product': 'product.name',
                'reason': 'reject_reason',
                'state': 'state',
                },
            'loan.instalment': {
                'amount': 'amount',
                'due_date': 'due_date',
                'number': 'number',
                'outstanding': 'outstanding',
                },
            'loan.charge': {
                'amount': 'amount',
                'date': 'date',
                'due_date': 'due_date',
                'outstanding': 'outstanding',
                },
            }


class Rule(metaclass=PoolMeta):
    __name__ = 'mailing.rule'

    @classmethod
    def sources(cls):
        return {
            **super().sources(),
            'loan.loan': Source(
                'party', 'company', ('decision_date', 'maturity_date'),
                (('side', '=', 'lent'),)),
            'loan.instalment': Source(
                'loan.party', 'loan.company', ('due_date',), (
                    ('loan.side', '=', 'lent'),
                    ('loan.state', '=', 'active'),
                    ('schedule.current_loan', '!=', None)),
                _outstanding),
            'loan.charge': Source(
                'loan.party', 'loan.company', ('date', 'due_date'), (
                    ('loan.side', '=', 'lent'),
                    ('loan.state', '=', 'active'),
                    ('type', '=', 'penalty')),
                _outstanding),
            }


class Criterion(metaclass=PoolMeta):
    __name__ = 'mailing.segment.criterion'

    @classmethod
    def criteria(cls):
        return {
            **super().criteria(),
            'borrower': ("Has an active loan", None),
            'loan_due': ("Has an instalment due within", 'days'),
            'loan_late': ("Behind with a loan for more than", 'days'),
            }

    def _loans(self):
        pool = Pool()
        loan = pool.get('loan.loan').__table__()
        return loan, (
            (loan.state == 'active') & (loan.side == 'lent')
            & (loan.company == Transaction().context.get('company')))

    def _domain_borrower(self):
        loan, where = self._loans()
        return [('id', 'in', loan.select(loan.party, where=where))]

    def _domain_loan_due(self):
        pool = Pool()
        Instalment = pool.get('loan.instalment')
        Schedule = pool.get('loan.schedule')
        today = pool.get('ir.date').today()
        loan, where = self._loans()
        instalment = Instalment.__table__()
        schedule = Schedule.__table__()
        due = instalment.join(
            schedule, condition=instalment.schedule == schedule.id).select(
            schedule.current_loan,
            where=(instalment.due_date >= today)
            & (instalment.due_date
                <= today + dt.timedelta(days=self.days)))
        return [('id', 'in', loan.select(
                    loan.party, where=where & loan.id.in_(due)))]

    def _domain_loan_late(self):
        pool = Pool()
        Loan = pool.get('loan.loan')
        loan = Loan.__table__()
        late = Loan.search([
                ('state', '=', 'active'),
                ('side', '=', 'lent'),
                ('company', '=', Transaction().context.get('company')),
                ('days_late', '>', self.days),
                ], order=[], query=True)
        return [('id', 'in', loan.select(
                    loan.party, where=loan.id.in_(late)))]
