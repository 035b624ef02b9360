# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Claim, call, record: how a message leaves exactly once.

The row is the truth.  It is claimed in a short transaction of its own before
the gateway is called, and the result is written in another.  Whatever dies
in between leaves a row that says `sending`: the sweeper makes it `unknown`,
which a receipt or a person settles, and nobody sends it again by itself.
"""
import datetime as dt
import logging
import os
import random
import socket
import time
from collections import namedtuple
from decimal import Decimal

from sql import Null, Values, With
from sql.aggregate import Sum
from sql.conditionals import Case, Coalesce
from sql.functions import CurrentTimestamp, Function

import trytond.config as config
from trytond import backend
from trytond.model import fields
from trytond.pool import Pool
from trytond.transaction import Transaction

from .adapters import (
    ACCEPTED, REJECTED, RETRY, UNKNOWN, Outgoing, Report, Result)
from .engine import address, gsm
from .engine.template import MissingValue
from .engine.window import next_opening
from .rendering import with_picture
from .window import windows_of

__all__ = [
    'Outbox', 'backoff', 'expire', 'is_paid', 'is_released', 'is_sent',
    'random_token', 'short', 'sweep', 'typed', 'update_values']

logger = logging.getLogger(__name__)
MAX_ATTEMPTS = 8
LONGEST_BACKOFF = dt.timedelta(hours=1)
# What a worker holds at once where the gateway knows a message again
CHUNK = 50
# How many texts are written out ahead of the claims
WRITTEN = 200
# A claim of this age belongs to a worker that is no more
STALE = dt.timedelta(minutes=5)

_STATES = {
    ACCEPTED: 'sent', RETRY: 'queued', REJECTED: 'failed',
    UNKNOWN: 'unknown'}
_COLUMNS = [
    'id', 'mailing', 'rule', 'recipient', 'party', 'origin', 'channel',
    'template',
    'purpose', 'topic', 'address', 'language', 'subject', 'text', 'html',
    'parts', 'token', 'attempts', 'expires_at', 'simulate', 'company']
_Row = namedtuple('_Row', _COLUMNS)


class _GenRandomUuid(Function):
    __slots__ = ()
    _function = 'GEN_RANDOM_UUID'


class _Hex(Function):
    __slots__ = ()
    _function = 'HEX'


class _RandomBlob(Function):
    __slots__ = ()
    _function = 'RANDOMBLOB'


def random_token():
    "Return the SQL expression of 128 random bits as text"
    if backend.name == 'sqlite':
        return _Hex(_RandomBlob(16))
    return fields.Char("Token").sql_cast(_GenRandomUuid())


def typed(field, expression):
    """Return expression with the SQL type of field.

    PostgreSQL must be told the type of a parameter in a list of values;
    SQLite keeps that of the value, a cast would cut it.
    """
    if backend.name == 'sqlite':
        return expression
    return field.sql_cast(expression)


def backoff(attempts, random=random.random):
    "Return how long to wait after so many attempts, jitter included"
    seconds = 2 ** min(attempts, 12) * (5 + 5 * random())
    return min(dt.timedelta(seconds=seconds), LONGEST_BACKOFF)


def short(function, *args):
    """Run function in a transaction of its own, again when it collides.

    On SQLite there is one connection: call it with nothing pending.
    """
    retry = config.getint('database', 'retry')
    for count in range(retry, -1, -1):
        try:
            with Transaction().new_transaction() as transaction:
                result = function(*args)
                transaction.commit()
                return result
        except backend.DatabaseOperationalError:
            if not count:
                raise
            time.sleep(random.uniform(0.01, 0.05 * (retry - count + 1)))


def update_values(Model, rows, columns, merge=None):
    """Write different values to many rows in one statement.

    rows are lists of values, the id first and then one for each of columns.
    merge maps the name of a column to the function of the new value and that
    of the row before, as expressions, which returns what to write.
    """
    if not rows:
        return
    table = Model.__table__()
    names = ['id', *columns]
    new = With(*names, query=Values(rows))
    values = []
    for name in columns:
        value = typed(Model._fields[name], getattr(new, name))
        if merge and name in merge:
            value = merge[name](value, getattr(table, name))
        values.append(value)
    cursor = Transaction().connection.cursor()
    cursor.execute(*table.update(
            [getattr(table, n) for n in columns], values,
            from_=[new], with_=[new],
            where=table.id == typed(Model._fields['id'], new.id)))


def is_sent(message):
    """Return the condition that a gateway accepted a message

    What waited for too long expires as well, it was never sent.
    """
    return (
        message.state.in_(['sent', 'delivered', 'read', 'undelivered'])
        | ((message.state == 'expired') & (message.sent_at != Null)))


def is_paid(message):
    "Return the condition that a message left or may have left"
    return is_sent(message) | message.state.in_(['sending', 'unknown'])


def is_released(message):
    "Return the condition that no mailing holds a message back"
    mailing = Pool().get('mailing.mailing').__table__()
    return (message.mailing == Null) | message.mailing.in_(mailing.select(
            mailing.id, where=mailing.state == 'running'))


class Outbox:
    "The messages of one account on their way out"

    def __init__(self, account):
        self.account = account.id
        self.worker = f'{socket.gethostname()}:{os.getpid()}'

    def run(self, ids):
        "Send what is due of ids, chunk by chunk"
        ids = list(ids)
        self.adapter, self.rate = short(self._settings)
        try:
            for i in range(0, len(ids), WRITTEN):
                self._run(ids[i:i + WRITTEN])
        finally:
            self.adapter.close()

    def _run(self, ids):
        contents = short(self.write_out, ids)
        size = self._chunk()
        for i in range(0, len(ids), size):
            begin, messages = short(self.claim, ids[i:i + size], contents)
            if messages:
                self._wait(begin)
                results = self.call(messages)
                short(self.record, messages, results)

    def write_out(self, ids):
        "Return {id: Content or MissingValue} of those of ids that are due"
        Message = Pool().get('mailing.message')
        return Message.contents(self._due(ids, dt.datetime.now()))

    def _chunk(self):
        """Return how many messages to claim at once

        As many become uncertain when the worker dies: few where the gateway
        can not tell a repetition, and no more than leave within a second.
        """
        size = CHUNK
        if not self.adapter.idempotent:
            size = 2 * self.adapter.settings.connections
        return max(min(size, self.rate or size), 1)

    @staticmethod
    def _wait(begin):
        delay = (begin - dt.datetime.now()).total_seconds()
        if delay > 0:
            time.sleep(delay)

    # Claim

    def claim(self, ids, contents):
        """Return when to send and the Outgoing of the rows that are ours now

        contents are those of `write_out`; what has none waits.
        """
        pool = Pool()
        Account = pool.get('mailing.account')
        now = dt.datetime.now()
        account = Account(self.account)
        rows = self._due([i for i in ids if i in contents], now, lock=True)
        rows = self._drop(rows, contents, now)
        rows = self._defer(rows, now)
        rows = self._afford(account, rows, contents)
        if not rows:
            return now, []
        begin = account.take_slots(len(rows), now)
        self._mark(account, rows, contents, now)
        languages = self._languages()
        watched = (
            self._of_templates(rows, 'count_opens')
            if account.channel == 'email' else {})
        return begin, [
            self._outgoing(
                account, r, contents[r.id], languages.get(r.language),
                watched.get(r.template))
            for r in rows
            if not self._is_dry(account, r)]

    def _due(self, ids, now, lock=False):
        "Return the rows of ids that may leave now"
        pool = Pool()
        Message = pool.get('mailing.message')
        transaction = Transaction()
        message = Message.__table__()
        query = message.select(
            *(getattr(message, n) for n in _COLUMNS),
            where=fields.SQL_OPERATORS['in'](message.id, ids)
            & (message.account == self.account)
            & (message.state == 'queued')
            & (Coalesce(message.not_before, now) <= now)
            & is_released(message),
            order_by=[message.id.asc])
        if lock and transaction.database.has_select_for():
            For = transaction.database.get_select_for_skip_locked()
            query.for_ = For('UPDATE')
        cursor = transaction.connection.cursor()
        cursor.execute(*query)
        return [_Row(*r) for r in cursor]

    def _drop(self, rows, contents, now):
        "Leave out what must not leave any more"
        pool = Pool()
        Consent = pool.get('mailing.consent')
        Refusal = pool.get('mailing.refusal')
        Rule = pool.get('mailing.rule')
        if not rows:
            return rows
        refused = Refusal.forbidden([r.id for r in rows], now.date())
        lacking = Consent.lacking(
            [r.id for r in rows if r.purpose == 'marketing'])
        settled = Rule.settled(rows)
        limits = self._of_templates(rows, 'max_parts')
        kept, dropped = [], []
        for row in rows:
            if row.id in refused:
                stop = 'cancelled', 'refused', None
            elif row.id in lacking:
                stop = 'cancelled', 'no_consent', None
            elif row.id in settled:
                stop = 'cancelled', 'settled', None
            else:
                stop = self._stop(
                    row, contents[row.id], limits.get(row.template), now)
            if stop:
                dropped.append([row.id, *stop, now])
            else:
                kept.append(row)
        self._update(dropped, ['state', 'error_code', 'error', 'final_at'])
        return kept

    @staticmethod
    def _of_templates(rows, name):
        "Return {template: value of the field of that name}"
        template = Pool().get('mailing.template').__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*template.select(
                template.id, getattr(template, name),
                where=fields.SQL_OPERATORS['in'](
                    template.id, list({r.template for r in rows}))))
        return dict(cursor)

    @staticmethod
    def _stop(row, content, max_parts, now):
        "Return the state, code and error that end a row, None if it may leave"
        if row.expires_at and row.expires_at < now:
            return 'expired', None, None
        if not address.is_valid(row.channel, row.address):
            return 'failed', 'bad_address', None
        if isinstance(content, MissingValue):
            return 'cancelled', 'missing', ', '.join(content.names)
        if content.parts > (max_parts or gsm.MAX_PARTS):
            return 'cancelled', 'too_long', None

    def _defer(self, rows, now):
        "Leave out what falls into quiet hours, for the next opening"
        windows = windows_of(rows)
        kept, deferred = [], []
        for row in rows:
            opening = next_opening(windows.get(row.id), now)
            if opening > now:
                deferred.append([row.id, opening])
            else:
                kept.append(row)
        self._update(deferred, ['not_before'])
        return kept

    def _afford(self, account, rows, contents):
        "Leave out what would cost more than allowed, pause its mailing"
        pool = Pool()
        Mailing = pool.get('mailing.mailing')
        Message = pool.get('mailing.message')
        mailing, message = Mailing.__table__(), Message.__table__()
        cursor = Transaction().connection.cursor()
        for id_ in {r.mailing for r in rows if r.mailing}:
            # The touch lets no other worker count at the same time
            cursor.execute(*mailing.update(
                    [mailing.write_date], [CurrentTimestamp()],
                    where=(mailing.id == id_) & (mailing.max_cost != Null)))
            if not cursor.rowcount:
                continue
            cursor.execute(*message.select(
                    Sum(message.cost), where=(message.mailing == id_)
                    & is_paid(message)))
            spent, = cursor.fetchone()
            limit, kept = Mailing(id_), []
            spent = Decimal(str(spent or 0))
            for row in rows:
                if row.mailing == id_:
                    spent += account.price(
                        contents[row.id].parts, limit.currency) or 0
                    if spent > limit.max_cost:
                        continue
                kept.append(row)
            if len(kept) < len(rows):
                Mailing.hold(limit, 'max_cost')
            rows = kept
        return rows

    def _mark(self, account, rows, contents, now):
        pool = Pool()
        Company = pool.get('company.company')
        companies = {r.company for r in rows}
        currencies = {
            c.id: c.currency for c in Company.browse(list(companies))}
        values = []
        for row in rows:
            content = contents[row.id]
            dry = self._is_dry(account, row)
            values.append([
                    row.id, 'simulated' if dry else 'sending',
                    now, self.worker, row.attempts + 1,
                    content.subject, content.text, content.html,
                    content.encoding, content.parts,
                    account.price(content.parts, currencies[row.company]),
                    now if dry else None])
        self._update(values, [
                'state', 'claimed_at', 'claimed_by', 'attempts', 'subject',
                'text', 'html', 'encoding', 'parts', 'cost', 'final_at'])

    @staticmethod
    def _is_dry(account, row):
        return account.is_dry_run or row.simulate

    @staticmethod
    def _update(rows, columns, **kwargs):
        pool = Pool()
        update_values(pool.get('mailing.message'), rows, columns, **kwargs)

    @staticmethod
    def _languages():
        "Return {id: code}"
        lang = Pool().get('ir.lang').__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*lang.select(lang.id, lang.code))
        return dict(cursor)

    def _outgoing(self, account, row, content, language, watched):
        pool = Pool()
        Message = pool.get('mailing.message')
        html = content.html
        if html and watched:
            # Not in the archive: who reads there does not open the mail
            html = with_picture(html, Message.url('o', row.id, row.token))
        return Outgoing(
            id=row.id, token=row.token, channel=row.channel,
            address=row.address, sender=account.sender,
            subject=content.subject, text=content.text, html=html,
            encoding=content.encoding, language=language,
            marketing=row.purpose == 'marketing',
            callback=Message.url('dlr', row.id, row.token),
            unsubscribe=Message.url('u', row.id, row.token))

    # Call

    def call(self, messages):
        "Hand messages to the gateway, outside of any transaction"
        try:
            return self.adapter.submit(messages)
        except Exception as exception:
            logger.exception("account %s: submit failed", self.account)
            return [
                Result(UNKNOWN, error=type(exception).__name__)
                for _ in messages]

    def _settings(self):
        "Return the adapter and the rate of the account"
        pool = Pool()
        Account = pool.get('mailing.account')
        account = Account(self.account)
        return account.get_adapter(), account.rate

    # Record

    def record(self, messages, results):
        "Write the results, never backwards"
        pool = Pool()
        Event = pool.get('mailing.event')
        Inbound = pool.get('mailing.inbound')
        Message = pool.get('mailing.message')
        now = dt.datetime.now()
        attempts = Message.attempts_of([
                m.id for m, r in zip(messages, results)
                if r.outcome == RETRY])
        values, reports, incoming = [], [], []
        for message, result in zip(messages, results):
            values.append(self._row(
                    message, result, attempts.get(message.id, 1), now))
            reports.extend((message.id, r) for r in result.reports)
            incoming.extend(result.incoming)
            if result.outcome == REJECTED and result.code:
                reports.append((message.id, Report(
                            'failed', result.code,
                            refusal=result.refusal,
                            raw=result.error)))
        self._update(values, [
                'state', 'provider_ref', 'error_code', 'error', 'not_before',
                'sent_at', 'final_at'], merge={
                'state': _forward, 'sent_at': Coalesce, 'final_at': Coalesce})
        if reports:
            Event.add(self.account, reports)
            Event.fold([m.id for m in messages])
        Inbound.receive(self.account, incoming)

    @staticmethod
    def _row(message, result, attempts, now):
        state, not_before, final_at = _STATES[result.outcome], None, None
        if state == 'queued':
            if attempts >= MAX_ATTEMPTS:
                state, final_at = 'failed', now
            else:
                not_before = now + backoff(attempts)
        elif state == 'failed':
            final_at = now
        return [
            message.id, state, result.reference, result.code, result.error,
            not_before, now if state == 'sent' else None, final_at]


def _forward(new, old):
    "A receipt may have come before the result"
    return Case((old.in_(['sending', 'unknown']), new), else_=old)


def sweep(now=None):
    "Make the claims of dead workers unknown, return how many"
    pool = Pool()
    message = pool.get('mailing.message').__table__()
    now = now or dt.datetime.now()
    cursor = Transaction().connection.cursor()
    cursor.execute(*message.update(
            [message.state, message.error_code],
            ['unknown', 'worker_lost'],
            where=(message.state == 'sending')
            & (message.claimed_at < now - STALE)))
    return cursor.rowcount


def expire(now=None):
    "Close the messages whose time is over, return how many"
    pool = Pool()
    message = pool.get('mailing.message').__table__()
    now = now or dt.datetime.now()
    cursor = Transaction().connection.cursor()
    cursor.execute(*message.update(
            [message.state, message.final_at], ['expired', now],
            where=message.state.in_(['queued', 'held'])
            & (message.expires_at != Null)
            & (message.expires_at < now)))
    return cursor.rowcount
