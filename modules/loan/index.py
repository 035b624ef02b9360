# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Loans agreed on in one currency and paid in another.

The plan and the sub-ledger are in the currency that is paid, at the rate of
the payout.  What a later rate makes of an amount is booked besides it, as gain
or loss of exchange, when the amount falls due or when it is paid.
"""
from decimal import Decimal

from trytond.i18n import gettext
from trytond.model import Model, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Eval
from trytond.transaction import Transaction

from . import engine
from .exceptions import PostingError

ZERO = Decimal(0)


class IndexMixin(Model):
    __slots__ = ()

    index_rate = fields.Numeric(
        "Rate at Payout", readonly=True,
        states={
            'invisible': ~Eval('index_currency'),
            },
        help="What a unit of the index currency was worth on the day of the "
        "first payout; the amounts of the plan are told at it.")
    index_outstanding = fields.Function(Monetary(
            "Outstanding in Index Currency", currency='index_currency',
            digits='index_currency',
            states={
                'invisible': ~Eval('index_currency'),
                }),
        'get_index_outstanding')

    @classmethod
    def get_index_outstanding(cls, loans, name):
        principal = cls.get_principal(loans, name)
        return {l.id: l.in_index(principal[l.id]) for l in loans}

    def in_index(self, amount):
        "Return an amount of the plan in the index currency, None without one"
        if not self.index_currency or not self.index_rate:
            return None
        return self.index_currency.round(amount / self.index_rate)

    def index_rate_on(self, date):
        "Return what a unit of the index currency is worth on date"
        Currency = Pool().get('currency.currency')
        with Transaction().set_context(date=date):
            return Currency.compute(
                self.index_currency, Decimal(1), self.currency, round=False)

    def index_factor(self, date):
        "Return what an amount of the plan is to be multiplied with on date"
        if not self.index_currency or not self.index_rate:
            return Decimal(1)
        return self.index_rate_on(date) / self.index_rate

    def indexed(self, amount, date):
        "Return what an amount of the plan comes to at the rate of date"
        return engine.round_to(
            amount * self.index_factor(date), self.unit, self.rounding)

    def check_index_order(self):
        "Refuse what is older than what was booked at rates of its own"
        if self.index_currency:
            raise PostingError(gettext(
                    'loan.msg_loan_index_order', loan=self.rec_name))

    # What is booked

    @classmethod
    def index_demands(cls, demands):
        "Bring what fell due to the rate of its day"
        transactions = []
        for demand in demands:
            loan = demand.loan
            if not loan.index_currency or loan.index_rule != 'due':
                continue
            amount = loan.indexed(
                demand.amount, demand.value_date) - demand.amount
            parts = [
                (a.key, a.component, a.amount, 'settle')
                for a in demand.allocations]
            transactions.append(loan._index(
                    demand.value_date, amount, parts, demand.number_called,
                    demand))
        cls._book_index(transactions)

    def index_payment(self, date, amount, totals):
        """Bring to the rate of date what amount paid on it will settle.

        Return the loan as it is then, and the transaction that has to name
        the payment as its cause, None when the rate is the same.  totals are
        changed accordingly.
        """
        if not self.index_currency:
            return self, None
        parts, rest = self._distributed(date, amount, totals)
        money = rest + sum((
                part for key, _, part, kind in parts if key[0] == 'number'
                and (kind == 'advance' or self.index_rule == 'payment')),
            ZERO)
        difference = money - engine.round_to(
            money / self.index_factor(date), self.unit, self.rounding)
        parts, _ = self._distributed(date, max(-difference, ZERO), totals)
        transaction = self._index(date, difference, parts)
        if not transaction:
            return self, None
        for allocation in transaction.allocations:
            total = totals[allocation.key, allocation.component]
            total[allocation.kind] += allocation.amount
        self._book_index([transaction])
        return self.__class__(self.id), transaction

    def index_early(self, date, amount, strategy):
        "As index_payment, for amount that is paid early"
        if not self.index_currency:
            return self, None
        quote = self.pay_off_quote(date)
        if amount == quote.total:
            difference = amount - self.planned_pay_off(date).total
        else:
            money = amount - self.at_par(date)
            difference = money - engine.round_to(
                money / self.index_factor(date), self.unit, self.rounding)
        parts = []
        if difference < 0:
            due = min(-difference, self.due_on(date))
            parts = [p for p in self._distributed(date, due)[0] if due]
            if rest := -difference - due:
                parts.append((('number', None), 'principal', rest, 'advance'))
        transaction = self._index(date, difference, parts)
        if not transaction:
            return self, None
        transaction.strategy = strategy
        self._book_index([transaction])
        return self.__class__(self.id), transaction

    def money_due(self, date):
        "Return what pays all that is due on date"
        par = self.at_par(date)
        return par + self.indexed(self.due_on(date) - par, date)

    def at_par(self, date):
        "Return what is due on date and follows the rate no more"
        return sum((
                i.amount for i in self.open_items() if i.due <= date
                and (self.index_rule == 'due' or i.key[0] == 'charge')), ZERO)

    def _distributed(self, date, amount, totals=None):
        "Return (parts, rest) of amount, totals stay as they are"
        totals = _copied(self.totals() if totals is None else totals)
        return engine.distribute(
            amount, date, self.dues(totals), totals,
            order=self.waterfall.order, direction=self.waterfall.direction,
            future=self.waterfall.future, unit=self.unit)

    def _index(self, date, amount, parts, number=None, cause=None):
        """Return the transaction, not saved, that books a difference.

        amount is what is to be paid more, or less below zero; then parts,
        (key, component, amount, kind), are what need not be paid.
        """
        if not amount:
            return None
        if amount > 0:
            Charge = Pool().get('loan.charge')
            charge = Charge(
                loan=self, type='index', number=number, date=date,
                due_date=date, amount=amount, description=gettext(
                    'loan.msg_description_index',
                    currency=self.index_currency.rec_name),
                explanation=gettext(
                    'loan.msg_explanation_index',
                    before=self.index_rate, after=self.index_rate_on(date)))
            charge.save()
            parts = [(('charge', charge.id), 'fee', amount, 'call')]
        else:
            parts = list(_first(parts, -amount))
        return self._new(
            self, 'index', date, amount, index_of=cause,
            description=gettext(
                'loan.msg_description_index',
                currency=self.index_currency.rec_name),
            allocations=self._allocations(parts))

    @classmethod
    def _book_index(cls, transactions):
        LoanTransaction = Pool().get('loan.transaction')
        transactions = [t for t in transactions if t]
        if transactions:
            LoanTransaction.save(transactions)
            LoanTransaction.post_moves(transactions)

    @classmethod
    def name_cause(cls, pairs):
        "Let the first transactions of pairs name the second as their cause"
        LoanTransaction = Pool().get('loan.transaction')
        pairs = [(index, cause) for index, cause in pairs if index]
        for index, cause in pairs:
            index.index_of = cause
        LoanTransaction.save([index for index, _ in pairs])

    @classmethod
    def reverse_index(cls, loan, cause):
        "Undo the differences that a transaction led to"
        LoanTransaction = Pool().get('loan.transaction')
        for transaction in LoanTransaction.search([
                    ('index_of', '=', cause.id),
                    ]):
            if transaction.live:
                loan._save_mirror(transaction)


def _copied(totals):
    "Return totals that may be changed"
    copy = engine.new_totals()
    for what, kinds in totals.items():
        copy[what].update(kinds)
    return copy


def _first(parts, amount):
    "Yield as much of parts as amount, the principal first"
    for key, component, part, kind in sorted(
            parts, key=lambda p: p[1] != 'principal'):
        if taken := min(part, amount):
            amount -= taken
            yield key, component, taken, kind
