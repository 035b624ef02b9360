# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The messages after the first: whom they reach when the one before did not.

A person has at most one message of each step.  The next one leaves when the
gateway tells that the last did not arrive, or when nothing tells within the
wait that it did.  Who answered, clicked or refused was reached.
"""
import datetime as dt

from sql import Literal, Null
from sql.conditionals import Coalesce
from sql.operators import Exists

from trytond.pool import Pool
from trytond.transaction import Transaction

from .segment import MECHANISMS
from .snapshot import contacts, is_valid

__all__ = ['escalate', 'is_awaited']

# The last message will never arrive
_LOST = ['failed', 'undelivered', 'expired']
# It may still, until the wait is over
_OPEN = {'undelivered': ['sent', 'unknown'],
    'unread': ['sent', 'unknown', 'delivered']}
# What a person does who was reached
_REACHED = ['reply', 'click', 'open', 'call', 'unsubscribe', 'complaint']


def escalate(now=None):
    "Write the next messages of all that run, return how many"
    pool = Pool()
    Message = pool.get('mailing.message')
    now = now or dt.datetime.now()
    count = 0
    for mailing in _running():
        if _is_over(mailing, now):
            continue
        for index, target in _pairs(mailing):
            from_, recipient, address, where = _called(
                mailing, index, target, now)
            count += Message.insert(
                mailing, target, from_, recipient, address, where)
    return count


def is_awaited(mailing, now=None):
    "Return whether a next message of a mailing may still be called for"
    now = now or dt.datetime.now()
    if _is_over(mailing, now):
        return False
    cursor = Transaction().connection.cursor()
    for index, target in _pairs(mailing):
        from_, recipient, _, where = _called(mailing, index, target)
        cursor.execute(*from_.select(recipient.id, where=where, limit=1))
        if cursor.fetchone():
            return True
    return False


def _running():
    pool = Pool()
    Mailing = pool.get('mailing.mailing')
    step = pool.get('mailing.mailing.step').__table__()
    return [
        m for m in Mailing.search([
                ('state', '=', 'running'),
                ('id', 'in', step.select(step.mailing)),
                ])
        if len(m.steps) > 1]


def _is_over(mailing, now):
    return bool(mailing.latest_start and mailing.latest_start < now)


def _pairs(mailing):
    "Return the pairs of the last and the next step that there may be"
    steps = range(len(mailing.steps))
    return [(i, j) for i in steps for j in steps if i < j]


def _called(mailing, index, target, now=None):
    """Return who is called for after the message of step index.

    The result is the joined tables, the recipient among them, the expression
    of the address and the condition.  Who has no address of a step between
    the two is passed on; now is None for whom time may still call for.
    """
    pool = Pool()
    Message = pool.get('mailing.message')
    message, later = Message.__table__(), Message.__table__()
    event = pool.get('mailing.event').__table__()
    recipient = pool.get('mailing.recipient').__table__()
    step = mailing.steps[target]
    due = message.state.in_(_OPEN[step.condition or 'undelivered'])
    if now is not None:
        due &= Coalesce(
            message.sent_at, message.claimed_at) <= now - step.wait
    from_ = message.join(
        recipient, condition=message.recipient == recipient.id)
    where = (
        (message.mailing == mailing.id) & (message.step == index)
        & (message.state.in_(_LOST) | due)
        & ~Exists(later.select(Literal(1), where=(
                    later.recipient == recipient.id) & (later.step > index)))
        & ~Exists(event.select(Literal(1), where=(
                    event.message == message.id)
                & event.kind.in_(_REACHED)
                & (Coalesce(event.scanner, False) == Literal(False)))))
    from_, address = _reach(from_, recipient, mailing, step)
    where &= (address != Null) & is_valid(step.channel, address)
    for between in mailing.steps[index + 1:target]:
        from_, other = _reach(from_, recipient, mailing, between)
        where &= (other == Null) | ~is_valid(between.channel, other)
    return from_, recipient, address, where


def _reach(from_, recipient, mailing, step):
    "Return the joined tables and the address of recipients for a step"
    known = {c for c, m in MECHANISMS.items() if m == MECHANISMS[step.channel]}
    if known.issuperset(s.channel for s in mailing.steps):
        return from_, recipient.address
    table = Pool().get('mailing.recipient').__table__()
    contact = contacts(step.channel, table.select(
            table.party, where=table.mailing == mailing.id))
    return from_.left_join(
        contact, condition=contact.party == recipient.party), contact.address
