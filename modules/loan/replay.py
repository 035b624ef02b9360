# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Events of the past: back-dated payments and plans, reversals.

What came later is allocated again, in its order, by further rows of the same
transactions, so that the loan ends where it would be had all been booked in
the order of its dates.  Nothing is changed or deleted.
"""
from collections import namedtuple
from decimal import Decimal

from caravan.i18n import gettext
from trytond.model import Model
from trytond.pool import Pool

from . import engine
from .exceptions import PostingError
from .transaction import REVERSIBLE

ZERO = Decimal(0)


# What was taken back: payments, the allocations that take them back, and the
# date until which instalments were called
Taken = namedtuple('Taken', ['payments', 'released', 'until'])


def last_date(demands):
    "Return the last date on which one of demands called, None without any"
    return max((t.value_date for t in demands), default=None)


class ReplayMixin(Model):
    __slots__ = ()

    def insert_payment(self, transaction):
        "Book a payment before those that are booked already"
        LoanTransaction = Pool().get('loan.transaction')
        later = self.later_payments(transaction.value_date)
        totals = self.totals_without(later)
        parts = self.distribute(
            transaction.value_date, transaction.amount, totals)
        self._check_plan_made(transaction.value_date, parts)
        transaction.allocations = self._allocations(parts)
        transaction.save()
        LoanTransaction.post_moves([transaction])
        self.replay(later, totals, transaction)

    def _check_plan_made(self, date, parts):
        "Refuse money in advance that a later plan should have known"
        made = [s.valid_from for s in self.schedules if s.valid_from > date]
        if made and any(kind == 'advance' for *_, kind in parts):
            raise PostingError(gettext(
                    'loan.msg_loan_replay_plan', loan=self.rec_name,
                    date=date, made=max(made)))

    def later_payments(self, date, after=None):
        """Return the payments of a later day, in their order.

        With after, a transaction, also those of its day that came after it.
        Refuse when a plan was made on the balance since.
        """
        limit = (date, after.id if after else float('inf'))
        later = sorted((
                t for t in self.transactions if t.live
                and t.type in {'repayment', 'waiver', 'early'}
                and (t.value_date, t.id) > limit),
            key=lambda t: (t.value_date, t.id))
        for transaction in later:
            if transaction.type == 'early':
                raise PostingError(gettext(
                        'loan.msg_loan_replay_early', loan=self.rec_name,
                        date=date, early=transaction.value_date))
        return [t for t in later if t.type == 'repayment']

    def totals_without(self, payments):
        "Return the totals as if payments had not been allocated"
        totals = self.totals()
        engine.take_back([payment.net() for payment in payments], totals)
        return totals

    def replay(self, payments, totals, cause, released=()):
        """Allocate payments once more, in order, because of cause.

        The rows of the former allocation are taken back by rows of the same
        transaction, or were by those released; one move books what differs.
        """
        changes = []
        for payment in payments:
            parts = self.distribute(
                payment.value_date, payment.amount, totals)
            changes.extend(
                (payment, key, component, amount, kind)
                for (key, component, kind), amount in engine.changes(
                    payment.net(), parts).items())
        allocations = [*released, *self._replayed(cause, changes)]
        if allocations:
            LoanTransaction = Pool().get('loan.transaction')
            LoanTransaction.post_replay(cause, allocations)

    def _replayed(self, cause, changes):
        """Save changes of what payments are allocated to, return them.

        changes are tuples: payment, key, component, amount, kind.
        """
        Allocation = Pool().get('loan.transaction.allocation')
        allocations = [
            allocation for payment, *part in changes
            for allocation in self._allocations(
                [part], transaction=payment, replayed_for=cause)]
        Allocation.save(allocations)
        return allocations

    # Plans of the past

    @classmethod
    def rewind(cls, loan, date):
        """Take back what was called and paid on loan after date.

        Return loan and what forward needs once the plan is made anew.
        """
        later = loan.later_payments(date)
        demands = [
            t for t in loan.transactions
            if t.live and t.type == 'demand' and t.value_date > date]
        if not (later or demands):
            return loan, Taken([], [], None)
        loan.check_index_order()
        mirrors = loan.uncall(demands)
        loan, = cls.browse([loan])
        cause = (mirrors or later)[0]
        released = [
            *loan.release(later, cause),
            *loan.unsettle(demands, date, cause)]
        loan, = cls.browse([loan])
        return loan, Taken(later, released, last_date(demands))

    @classmethod
    def forward(cls, loan, taken, cause):
        "Call loan again and allocate the payments taken back"
        LoanTransaction = Pool().get('loan.transaction')
        loan, = cls.browse([loan])
        if taken.until:
            cls._call({loan: taken.until})
            loan, = cls.browse([loan])
        if taken.payments or taken.released:
            payments = LoanTransaction.browse(taken.payments)
            cause = cause or [
                *payments, *(a.transaction for a in taken.released)][0]
            loan.replay(payments, loan.totals(), cause, taken.released)
        cls.close_paid([loan])

    def uncall(self, demands):
        "Take demands back by their mirrors, return these"
        LoanTransaction = Pool().get('loan.transaction')
        mirrors = [self._mirror(demand) for demand in demands]
        LoanTransaction.save(mirrors)
        LoanTransaction.post_moves(mirrors)
        return mirrors

    def release(self, payments, cause):
        """Take back what payments are allocated to, because of cause.

        Return the allocations, to be posted with those that replace them.
        """
        return self._replayed(cause, [
                (payment, key, component, -amount, kind)
                for payment in payments
                for (key, component, kind), amount in payment.net().items()
                if amount])

    def unsettle(self, demands, date, cause):
        """Let what was paid until date for demands taken back be in advance.

        Return the allocations, to be posted with those that replace them.
        """
        called = {
            (key, component) for demand in demands
            for key, component, _ in demand.net()}
        return self._replayed(cause, [
                (payment, key, component, sign * amount, kind)
                for payment in self.transactions
                if payment.live and payment.type in {'repayment', 'early'}
                and payment.value_date <= date
                for (key, component, paid), amount in payment.net().items()
                if paid == 'settle' and amount
                and (key, component) in called
                for sign, kind in [(-1, 'settle'), (1, 'advance')]])

    # Reversals

    @classmethod
    def reverse_transactions(cls, transactions):
        "Undo transactions by their mirrors, the latest first"
        loans = list({t.loan for t in transactions})
        cls.lock(loans)
        for transaction in sorted(
                transactions, key=lambda t: (t.value_date, t.id),
                reverse=True):
            cls._reverse(transaction)
        if loans:
            cls.call(cls.browse(loans))

    @classmethod
    def _reverse(cls, transaction):
        loan = transaction.loan
        if not transaction.live:
            raise PostingError(gettext(
                    'loan.msg_transaction_reversed',
                    transaction=transaction.rec_name))
        if transaction.type not in REVERSIBLE:
            raise PostingError(gettext(
                    'loan.msg_transaction_irreversible',
                    transaction=transaction.rec_name))
        if transaction.type == 'write_off':
            cls._reverse_write_off(loan, transaction)
        elif transaction.type == 'disbursement' or (
                transaction in {s.transaction for s in loan.schedules}):
            cls._reverse_plan(loan, transaction)
        else:
            cls._reverse_payment(loan, transaction)
        cls.reverse_index(loan, transaction)

    def _mirror(self, transaction):
        "Return the transaction that undoes another one"
        return self._new(
            self, transaction.type, transaction.value_date,
            -transaction.amount, reverses=transaction,
            payment_method=transaction.payment_method,
            number_called=transaction.number_called,
            deducted_fee=-(transaction.deducted_fee or ZERO),
            deducted_interest=-(transaction.deducted_interest or ZERO),
            booking_date=Pool().get('ir.date').today(),
            description=gettext(
                'loan.msg_description_reversal',
                transaction=transaction.description or ''),
            allocations=self._allocations([
                    (key, component, -amount, kind)
                    for (key, component, kind), amount
                    in transaction.net().items() if amount]))

    def _save_mirror(self, transaction):
        LoanTransaction = Pool().get('loan.transaction')
        mirror = self._mirror(transaction)
        mirror.save()
        LoanTransaction.post_moves([mirror])
        return mirror

    @classmethod
    def _reverse_payment(cls, loan, transaction):
        if (('number', None), 'principal', 'advance') in transaction.net():
            cls._reverse_planned(loan, transaction)
            return
        later = loan.later_payments(transaction.value_date, transaction)
        if later:
            loan.check_index_order()
        totals = loan.totals_without([transaction, *later])
        mirror = loan._save_mirror(transaction)
        loan.replay(later, totals, mirror)
        if loan.state == 'closed':
            cls.reopen([loan])

    @classmethod
    def _reverse_planned(cls, loan, transaction):
        "Undo a payment that the plan took as paid early"
        date = transaction.value_date
        loan, taken = cls.rewind(loan, date)
        mirror = loan._save_mirror(transaction)
        if loan.state == 'closed':
            cls.reopen([loan])
        loan, = cls.browse([loan])
        loan.replan(date, mirror.description, transaction=mirror)
        cls.forward(loan, taken, mirror)

    @classmethod
    def _reverse_write_off(cls, loan, transaction):
        if any(t.type == 'recovery' and t.live for t in loan.transactions):
            raise PostingError(gettext(
                    'loan.msg_loan_reverse_recovery', loan=loan.rec_name))
        loan._save_mirror(transaction)
        cls.reopen([loan])

    @classmethod
    def _reverse_plan(cls, loan, transaction):
        "Undo what made a plan: the version before it is current again"
        first = loan._first_payout(transaction)
        if not first and loan.schedule.transaction != transaction:
            raise PostingError(gettext(
                    'loan.msg_loan_reverse_plan', loan=loan.rec_name,
                    reason=loan.schedule.reason))
        later = loan.later_payments(transaction.value_date, transaction)
        demands = [
            t for t in loan.transactions if t.live and t.type == 'demand'
            and t.value_date >= transaction.value_date]
        if demands:
            loan.check_index_order()
        mirror = loan._save_mirror(transaction)
        loan.uncall(demands)
        taken = Taken(
            later, loan.release(later, mirror), last_date(demands))
        loan, = cls.browse([loan])
        if first:
            cls.unpay([loan])
            return
        loan.restore_version(transaction)
        if loan.state == 'closed':
            cls.reopen([loan])
        cls.forward(loan, taken, mirror)

    def _first_payout(self, transaction):
        """Whether transaction is the payout that made the loan active.

        Refuse when something was paid since, or it paid another loan off.
        """
        if transaction.type != 'disbursement':
            return False
        live = [
            t for t in self.transactions
            if t.live and t.type != 'demand' and t != transaction]
        if self.refinances or (
                live and transaction == min(
                    (t for t in self.transactions
                        if t.live and t.type == 'disbursement'),
                    key=lambda t: (t.value_date, t.id))):
            raise PostingError(gettext(
                    'loan.msg_loan_reverse_payout', loan=self.rec_name))
        return not live

    def restore_version(self, transaction):
        "Make a version like the one before those that transaction made"
        undone = [s for s in self.schedules if s.transaction == transaction]
        before = min(s.version for s in undone) - 1
        former, = [s for s in self.schedules if s.version == before]
        self.new_version(
            list(former.instalments), [], transaction.value_date,
            gettext('loan.msg_reason_restored', version=former.version),
            former.apr, former.upfront_interest,
            transaction=former.transaction)
        self._unplan_advances(undone)

    def _unplan_advances(self, schedules):
        "Let what schedules took as paid early be paid in advance again"
        Allocation = Pool().get('loan.transaction.allocation')
        self.move_advances([
                allocation for planned in Allocation.search([
                        ('planned_by', 'in', [s.id for s in schedules])])
                if planned.transaction.live
                for allocation in self._allocations([(
                            planned.key, planned.component, -planned.amount,
                            planned.kind)],
                    transaction=planned.transaction)])
