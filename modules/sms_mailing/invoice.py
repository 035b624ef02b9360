# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt

from sql import Literal
from sql.aggregate import Sum
from sql.functions import Round

from trytond.pool import Pool, PoolMeta

from .rates import convert, numeric
from .rule import Source


def _open(lines):
    "Leave out what is paid meanwhile"
    return [line for line in lines if not line.reconciliation]


class Template(metaclass=PoolMeta):
    __name__ = 'mailing.template'

    @classmethod
    def roots(cls):
        return {
            **super().roots(),
            'account.invoice': {
                'party': ('party', 'party.party'),
                'invoice': ('', 'account.invoice'),
                },
            'account.move.line': {
                'party': ('party', 'party.party'),
                'due': ('', 'account.move.line'),
                'invoice': ('move.origin', 'account.invoice'),
                },
            }

    @classmethod
    def vocabulary(cls):
        return {
            **super().vocabulary(),
            'account.invoice': {
                'number': 'number',
                'date': 'invoice_date',
                'reference': 'reference',
                'total_amount': 'total_amount',
                'amount_to_pay': 'amount_to_pay',
                },
            'account.move.line': {
                'date': 'maturity_date',
                'amount': 'amount',
                },
            }


class Rule(metaclass=PoolMeta):
    __name__ = 'mailing.rule'

    @classmethod
    def sources(cls):
        return {
            **super().sources(),
            'account.invoice': Source(
                'party', 'company', ('invoice_date',),
                (('type', '=', 'out'), ('state', 'in', ['posted', 'paid']))),
            'account.move.line': Source(
                'party', 'company', ('maturity_date',), (
                    ('account.type.receivable', '=', True),
                    ('move.state', '=', 'posted'),
                    ('move.origin', 'like', 'account.invoice,%'),
                    ('debit', '>', 0),
                    ('reconciliation', '=', None)),
                _open),
            }


class Criterion(metaclass=PoolMeta):
    __name__ = 'mailing.segment.criterion'

    @classmethod
    def criteria(cls):
        return {
            **super().criteria(),
            'invoiced': ("Invoiced within", 'days'),
            'turnover': ("Turnover of at least", 'amount_days'),
            'overdue': ("Owes, overdue for", 'days'),
            'debt': ("Owes at least", 'amount'),
            }

    def _domain_invoiced(self):
        invoice = self._invoices()
        return [('id', 'in', invoice.select(
                    invoice.party, where=self._invoiced(invoice)))]

    def _domain_turnover(self):
        invoice = self._invoices()
        from_, amount = convert(
            invoice, invoice.untaxed_amount_cache, invoice.invoice_date)
        total = Round(Sum(amount), 2)
        return [('id', 'in', from_.select(
                    invoice.party, where=self._invoiced(invoice),
                    group_by=[invoice.party],
                    having=total >= numeric(Literal(self.amount))))]

    @staticmethod
    def _invoices():
        return Pool().get('account.invoice').__table__()

    def _invoiced(self, invoice):
        today = Pool().get('ir.date').today()
        return (
            (invoice.type == 'out')
            & invoice.state.in_(['posted', 'paid'])
            & (invoice.company == self._company)
            & (invoice.invoice_date >= today - dt.timedelta(self.days)))

    def _domain_debt(self):
        return [('receivable', '>=', self.amount)]

    def _domain_overdue(self):
        pool = Pool()
        Line = pool.get('account.move.line')
        line = Line.__table__()
        today = pool.get('ir.date').today()
        due = Line.search([
                ('account.type.receivable', '=', True),
                ('account.company', '=', self._company),
                ('move.state', '=', 'posted'),
                ('reconciliation', '=', None),
                ('debit', '>', 0),
                ('maturity_date', '<', today - dt.timedelta(self.days)),
                ], order=[], query=True)
        return [('id', 'in', line.select(
                    line.party, where=line.id.in_(due)))]
