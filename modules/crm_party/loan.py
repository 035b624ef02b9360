# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from sql import Null
from sql.conditionals import Case, Coalesce
from sql.operators import Concat

from trytond.pool import Pool, PoolMeta

# What moves money or what is owed, and not only the books
_EVENTS = [
    'disbursement', 'repayment', 'early', 'fee', 'penalty', 'waiver',
    'write_off', 'recovery', 'reage']


class Activity(metaclass=PoolMeta):
    __name__ = 'crm.activity'

    @classmethod
    def _get_origin(cls):
        return super()._get_origin() + ['loan.loan']


class Timeline(metaclass=PoolMeta):
    __name__ = 'crm.timeline'

    @classmethod
    def _get_kinds(cls):
        return super()._get_kinds() + [
            ('loan', 'loan.loan'),
            ('loan_transaction', 'loan.transaction'),
            ]

    @classmethod
    def _get_resources(cls):
        return super()._get_resources() + [('loan.loan', 'party', 'company')]

    @classmethod
    def _timeline_loan(cls):
        Loan = Pool().get('loan.loan')
        table = Loan.__table__()
        return [table.select(
                table.id.as_('id'),
                table.party.as_('party'),
                table.company.as_('company'),
                table.application_date.as_('date'),
                Concat(
                    Coalesce(table.number, ''),
                    Coalesce(Concat(' ', table.purpose), '')
                    ).as_('summary'),
                Coalesce(
                    table.amount_approved, table.amount_requested
                    ).as_('amount'),
                table.currency.as_('currency'),
                table.officer.as_('employee'),
                table.state.as_('status'),
                where=cls._readable(table, Loan))]

    @classmethod
    def _timeline_loan_transaction(cls):
        pool = Pool()
        Loan = pool.get('loan.loan')
        Transaction = pool.get('loan.transaction')
        table = Transaction.__table__()
        loan = Loan.__table__()
        types = dict(Transaction.fields_get(['type'])['type']['selection'])
        label = Case(*((table.type == t, types[t]) for t in _EVENTS))
        return [table
            .join(loan, condition=table.loan == loan.id)
            .select(
                table.id.as_('id'),
                loan.party.as_('party'),
                loan.company.as_('company'),
                table.value_date.as_('date'),
                Concat(
                    Concat(Coalesce(loan.number, ''), ': '), label
                    ).as_('summary'),
                table.amount.as_('amount'),
                loan.currency.as_('currency'),
                table.employee.as_('employee'),
                where=table.type.in_(_EVENTS)
                & cls._readable(table, Transaction)
                & cls._readable(loan, Loan))]


class WorkRate(metaclass=PoolMeta):
    __name__ = 'crm.work.rate'

    @classmethod
    def _get_works(cls):
        return super()._get_works() + [
            ('loan', 'loan.loan'),
            ('repayment', 'loan.transaction'),
            ]

    def _work_loan(self):
        "Return the query of the loans paid out, of their officers"
        table = Pool().get('loan.loan').__table__()
        return table.select(
            table.id.as_('id'),
            table.officer.as_('employee'),
            table.disbursement_date.as_('date'),
            where=(table.company == self.company.id)
            & table.state.in_(['active', 'closed']))

    def _work_repayment(self):
        "Return the query of the payments taken and not undone"
        pool = Pool()
        table = pool.get('loan.transaction').__table__()
        reverse = pool.get('loan.transaction').__table__()
        loan = pool.get('loan.loan').__table__()
        return (table
            .join(loan, condition=table.loan == loan.id)
            .join(reverse, 'LEFT', condition=reverse.reverses == table.id)
            .select(
                table.id.as_('id'),
                table.employee.as_('employee'),
                table.booking_date.as_('date'),
                where=(loan.company == self.company.id)
                & (table.type == 'repayment')
                & (table.reverses == Null)
                & (reverse.id == Null)))
