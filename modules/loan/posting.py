# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The moves of a transaction: which accounts an amount goes to.

What is lent is posted as written here; what is borrowed is the mirror.
"""
from collections import defaultdict
from decimal import Decimal
from itertools import groupby

from trytond.i18n import gettext
from trytond.model import Model
from trytond.modules.account.exceptions import PeriodNotFoundError
from trytond.pool import Pool
from trytond.transaction import Transaction

from .exceptions import PostingError

INCOME = {
    'interest': 'account_interest',
    'fee': 'account_fee',
    'penalty': 'account_penalty',
    }


class PostingMixin(Model):
    __slots__ = ()

    @classmethod
    def post_moves(cls, transactions):
        "Create and post the moves of transactions, reconcile what is paid"
        Move = Pool().get('account.move')
        moves, links = [], []
        for transaction in transactions:
            lines, allocations = transaction._lines(transaction.entries())
            if lines:
                transaction.move = transaction._move(lines)
                moves.append(transaction.move)
                links.append(allocations)
        if not moves:
            return
        Move.save(moves)
        cls.save(transactions)
        cls._link(moves, links)
        Move.post(moves)
        cls.reconcile(transactions)

    @classmethod
    def post_together(cls, transactions):
        "Create and post one move for all transactions of a product and day"
        Move = Pool().get('account.move')

        def together(transaction):
            loan = transaction.loan
            return loan.company.id, loan.product.id, transaction.booking_date

        moves, links = [], []
        for _, group in groupby(
                sorted(transactions, key=together), key=together):
            group, lines, linked = list(group), [], []
            for transaction in group:
                more, allocations = transaction._lines(transaction.entries())
                lines.extend(more)
                linked.extend(allocations)
            move = group[0]._move(lines)
            move.origin = product = group[0].loan.product
            move.description = gettext(
                'loan.msg_description_penalties', product=product.rec_name)
            for transaction in group:
                transaction.move = move
            moves.append(move)
            links.append(linked)
        Move.save(moves)
        cls.save(transactions)
        cls._link(moves, links)
        Move.post(moves)
        cls.reconcile(transactions)

    @classmethod
    def _link(cls, moves, links):
        "Tell the allocations of each move the line they are booked by"
        pool = Pool()
        Move = pool.get('account.move')
        Allocation = pool.get('loan.transaction.allocation')
        allocations = []
        for move, linked in zip(Move.browse(moves), links):
            lines = sorted(move.lines, key=lambda line: line.id)
            for line, allocation in zip(lines, linked):
                if allocation:
                    allocation.line = line
                    allocations.append(allocation)
        Allocation.save(allocations)

    def entries(self):
        "Return what is posted: (debit, account, allocation) of the lender"
        return getattr(self, '_entries_' + self.type)()

    def _lines(self, entries):
        "Return the lines, and the allocation that each is the booking of"
        lines, links = [], []
        for amount, account, allocation in entries:
            if amount:
                lines.append(self._line(amount, account, allocation))
                links.append(
                    allocation if account == 'account_due' else None)
        return lines, links

    def _move(self, lines, date=None):
        pool = Pool()
        Move = pool.get('account.move')
        Configuration = pool.get('loan.configuration')
        date = date or self.booking_date
        company = self.loan.company
        if self.loan.currency != company.currency:
            self._balance(lines)
        journal = self.payment_method.journal if self.payment_method else (
            Configuration(1).get_multivalue(
                'loan_journal', company=company.id))
        if not journal:
            raise PostingError(gettext('loan.msg_journal_missing'))
        return Move(
            company=company, journal=journal, date=date,
            period=self._period(company, date), origin=self, lines=lines,
            description=self.description)

    @classmethod
    def _period(cls, company, date):
        Period = Pool().get('account.period')
        return Period.find(company, date=date)

    @classmethod
    def open_date(cls, company, date):
        "Return date, or today where the books of date are closed"
        pool = Pool()
        Period = pool.get('account.period')
        Date = pool.get('ir.date')
        try:
            Period.find(company, date=date)
        except PeriodNotFoundError:
            with Transaction().set_context(company=company.id):
                return Date.today()
        return date

    def _line(self, amount, account, allocation):
        "Return the line that debits amount, seen from the lender"
        pool = Pool()
        Line = pool.get('account.move.line')
        Currency = pool.get('currency.currency')
        loan, company = self.loan, self.loan.company
        if loan.side == 'borrowed':
            amount = -amount
        line = Line(debit=Decimal(0), credit=Decimal(0))
        line.account = self._account(account)
        if loan.currency != company.currency:
            with Transaction().set_context(date=self.booking_date):
                value = Currency.compute(
                    loan.currency, amount, company.currency)
            line.second_currency = loan.currency
            line.amount_second_currency = amount
        else:
            value = amount
        line.debit, line.credit = max(value, 0), max(-value, 0)
        if line.account.party_required:
            line.party = loan.party
        if account == 'account_due':
            line.maturity_date = allocation.due_date_used
        line.description = self.line_description(allocation)
        return line

    @staticmethod
    def _balance(lines):
        "Let the last line take the rounding of the exchange rate"
        difference = sum(line.debit - line.credit for line in lines)
        if difference:
            line = lines[-1]
            value = line.debit - line.credit - difference
            line.debit, line.credit = max(value, 0), max(-value, 0)

    def line_description(self, allocation):
        if not allocation:
            return None
        component = allocation.component_string
        if allocation.charge:
            return allocation.charge.description or component
        if allocation.number is None:
            return component
        return gettext(
            'loan.msg_line_description',
            component=component, number=allocation.number)

    def _account(self, name):
        if name == 'cash':
            return self.payment_method.account
        loan = self.loan
        if name == 'account_due':
            return loan.account_due_used
        if name.startswith('exchange'):
            gain = (name == 'exchange_gain') == (loan.side == 'lent')
            return loan.product.exchange_account(loan.company, gain)
        return loan.product.account_used(name, loan.company)

    # What each type posts: (debit, account, allocation) of the lender

    def _entries_disbursement(self):
        fee = self.deducted_fee or Decimal(0)
        interest = self.deducted_interest or Decimal(0)
        yield self.amount, 'account_principal', None
        yield -fee, 'account_fee', None
        yield -interest, 'account_interest', None
        yield -(self.amount - fee - interest), 'cash', None

    def _entries_demand(self):
        for allocation in self.allocations:
            yield allocation.amount, 'account_due', allocation
        totals = defaultdict(Decimal)
        for allocation in self.allocations:
            totals[allocation.component] += allocation.amount
        for component, amount in totals.items():
            yield -amount, self._earned(component), None

    def _earned(self, component):
        "Return the account that what is called of component comes from"
        if component == 'interest' and self.loan.accrues:
            return 'account_accrued'
        return INCOME.get(component, 'account_principal')

    _entries_fee = _entries_penalty = _entries_reage = _entries_demand

    def _settled(self, allocations=None):
        for allocation in (
                self.allocations if allocations is None else allocations):
            if allocation.kind == 'settle':
                yield -allocation.amount, 'account_due', allocation
            else:
                yield (-allocation.amount,
                    self._earned(allocation.component), allocation)

    def _entries_repayment(self):
        yield self.amount, 'cash', None
        yield from self._settled()

    _entries_early = _entries_repayment

    def _entries_waiver(self):
        yield self.amount, 'account_waiver', None
        yield from self._settled()

    def _entries_write_off(self):
        totals = defaultdict(Decimal)
        for allocation in self.allocations:
            totals[allocation.component] += allocation.amount
        for component, amount in totals.items():
            yield amount, INCOME.get(component, 'account_write_off'), None
        yield from self._settled()

    def _entries_index(self):
        for allocation in self.allocations:
            amount = allocation.amount
            if allocation.kind == 'call':
                yield amount, 'account_due', allocation
                yield -amount, 'exchange_gain', None
            else:
                yield amount, 'exchange_loss', None
                yield from self._settled([allocation])

    def _entries_recovery(self):
        yield self.amount, 'cash', None
        yield -self.amount, 'account_recovery', None

    @classmethod
    def post_replay(cls, cause, allocations):
        "Post what the new allocations of past payments change"
        Move = Pool().get('account.move')
        lines, links = cause._lines(cause._settled(allocations))
        move = cause._move(
            lines, cls.open_date(cause.loan.company, cause.booking_date))
        move.save()
        cls._link([move], [links])
        Move.post([move])
        cls.reconcile(
            list({a.transaction for a in allocations} | {cause}))

    # Reconciliation

    @classmethod
    def reconcile(cls, transactions):
        "Reconcile the lines of what the transactions leave settled"
        pool = Pool()
        Allocation = pool.get('loan.transaction.allocation')
        Line = pool.get('account.move.line')
        loans = {t.loan.id for t in transactions}
        keys = {
            (t.loan.id, a.key, a.component)
            for t in transactions for a in t.allocations}
        groups = defaultdict(set)
        for allocation in Allocation.search([
                    ('loan', 'in', list(loans)),
                    ('line', '!=', None),
                    ]):
            key = (
                allocation.loan.id, allocation.key, allocation.component)
            if key in keys:
                groups[key].add(allocation.line)
        to_reconcile = []
        for lines in groups.values():
            open_ = [line for line in lines if not line.reconciliation]
            if len(open_) > 1 and not cls._difference(open_):
                to_reconcile.append(open_)
        if to_reconcile:
            Line.reconcile(*to_reconcile)

    @staticmethod
    def _difference(lines):
        if lines[0].second_currency:
            return sum(line.amount_second_currency for line in lines)
        return sum(line.debit - line.credit for line in lines)
