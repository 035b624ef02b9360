# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt
import hashlib

from sql import Conflict, Literal
from sql.aggregate import Max
from sql.conditionals import Case, Coalesce
from sql.functions import CurrentTimestamp

from trytond.i18n import gettext
from trytond.model import Index, ModelSQL, ModelView, Unique, fields
from trytond.pool import Pool
from trytond.transaction import Transaction

from .adapters import Report
from .engine.delivery import FINAL, RANK
from .exceptions import AppendOnlyError
from .export import InertExportMixin

_SLICE = 5000
_RAW = 2000
# States that tell that a message has left
_LEFT = ['sent', 'expired', 'undelivered', 'delivered', 'read']
# Things that happen to a message besides its delivery, more than once
_REPEATED = {'click', 'open', 'reply', 'call'}
# Those of them that programs do as well
_SEEN = {'click', 'open'}
# What their code says then
SCANNER = 'scanner'
# Nobody reads and clicks that fast
_SCANNER_DELAY = dt.timedelta(seconds=2)
_SCANNERS = (
    'bot', 'crawl', 'spider', 'preview', 'scan', 'proofpoint', 'barracuda',
    'mimecast', 'facebookexternalhit', 'curl', 'python', 'wget')


class Event(InertExportMixin, ModelSQL, ModelView):
    __name__ = 'mailing.event'

    message = fields.Many2One(
        'mailing.message', "Message", required=True, ondelete='RESTRICT')
    account = fields.Many2One(
        'mailing.account', "Account", ondelete='RESTRICT')
    kind = fields.Selection([
            ('sent', "Accepted"),
            ('delivered', "Delivered"),
            ('read', "Read"),
            ('undelivered', "Undelivered"),
            ('expired', "Expired"),
            ('failed', "Failed"),
            ('unknown', "Uncertain"),
            ('click', "Click"),
            ('open', "Open"),
            ('reply', "Reply"),
            ('call', "Call"),
            ('unsubscribe', "Unsubscribe"),
            ('complaint', "Complaint"),
            ], "Kind", required=True, sort=False)
    at = fields.Timestamp("At", required=True)
    code = fields.Char("Code")
    raw = fields.Text("Received", help="What the gateway said.")
    scanner = fields.Boolean(
        "Scanner",
        help="A program followed the link or opened the mail, not the "
        "person.")
    fingerprint = fields.Char("Fingerprint", required=True)
    folded = fields.Boolean(
        "Taken In", help="The state of the message reflects the event.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('message')
        t = cls.__table__()
        cls._sql_constraints += [
            ('fingerprint_unique', Unique(t, t.fingerprint),
                'sms_mailing.msg_event_unique'),
            ]
        cls._sql_indexes.update({
                Index(t, (t.message, Index.Equality())),
                Index(
                    t, (t.id, Index.Range()),
                    where=t.folded == Literal(False)),
                })
        cls._order = [('id', 'DESC')]

    @classmethod
    def default_folded(cls):
        return False

    @classmethod
    def check_modification(cls, mode, events, values=None, external=False):
        super().check_modification(
            mode, events, values=values, external=external)
        if mode in {'write', 'delete'}:
            raise AppendOnlyError(gettext('sms_mailing.msg_event_append'))

    @staticmethod
    def fingerprint_of(message, report, at):
        "Return what makes a repeated report recognisable"
        parts = [str(message), report.kind, report.code or '']
        if report.kind in _REPEATED:
            parts.append(report.raw or at.isoformat())
        return hashlib.sha256('\0'.join(parts).encode()).hexdigest()

    @classmethod
    def add(cls, account, reports, now=None):
        """Append reports, pairs of a message's id and a Report

        A report that is already there is left out.  Returns how many were
        written; a refusal that a report tells is recorded as well.
        """
        pool = Pool()
        Refusal = pool.get('mailing.refusal')
        if not reports:
            return 0
        now = now or dt.datetime.now()
        transaction = Transaction()
        table = cls.__table__()
        rows = [[
                transaction.user, CurrentTimestamp(), message, account,
                report.kind, now, report.code, (report.raw or '')[:_RAW],
                report.kind in _SEEN and report.code == SCANNER,
                cls.fingerprint_of(message, report, now), False]
            for message, report in reports]
        cursor = transaction.connection.cursor()
        cursor.execute(*table.insert(
                [
                    table.create_uid, table.create_date, table.message,
                    table.account, table.kind, table.at, table.code,
                    table.raw, table.scanner, table.fingerprint,
                    table.folded],
                rows, on_conflict=Conflict(table)))
        count = cursor.rowcount
        Refusal.from_reports([(m, r) for m, r in reports if r.refusal])
        return count

    @classmethod
    def take(cls, account, reports):
        """Append reports that name their messages by the reference

        What the account does not know is left out.
        """
        pool = Pool()
        message = pool.get('mailing.message').__table__()
        references = {r.reference for r in reports}
        cursor = Transaction().connection.cursor()
        cursor.execute(*message.select(
                message.provider_ref, message.id,
                where=(message.account == account)
                & fields.SQL_OPERATORS['in'](
                    message.provider_ref, list(references))))
        ids = dict(cursor)
        return cls.add(account, [
                (ids[r.reference], r) for r in reports
                if r.reference in ids])

    @classmethod
    def seen(cls, message, kind, user_agent, method):
        """Append that a message was opened or its link followed

        Returns whether a person did it: programs do it at once, by name or
        without asking for the contents.
        """
        now = dt.datetime.now()
        scanner = (
            method == 'HEAD'
            or any(s in (user_agent or '').lower() for s in _SCANNERS)
            or (message.sent_at is not None
                and now - message.sent_at < _SCANNER_DELAY))
        cls.add(message.account.id, [(message.id, Report(
                        kind, code=SCANNER if scanner else None,
                        raw=f'{now.isoformat()} {user_agent or ""}'))])
        return not scanner

    @classmethod
    def fold(cls, messages=None):
        """Bring the states of messages up to the events, never backwards

        All messages by default.  Returns how many events were taken in.
        """
        pool = Pool()
        Message = pool.get('mailing.message')
        transaction = Transaction()
        cursor = transaction.connection.cursor()
        event, message = cls.__table__(), Message.__table__()
        where = event.folded == Literal(False)
        if messages is not None:
            where &= fields.SQL_OPERATORS['in'](
                event.message, list(map(int, messages)))
        query = event.select(
            event.id, where=where, order_by=[event.id.asc], limit=_SLICE)
        if transaction.database.has_select_for():
            For = transaction.database.get_select_for_skip_locked()
            query.for_ = For('UPDATE')
        cursor.execute(*query)
        ids = [i for i, in cursor]
        if not ids:
            return 0
        rank = Max(_rank(event.kind))
        new = event.select(
            event.message.as_('message'), rank.as_('rank'),
            Max(event.at).as_('at'),
            where=fields.SQL_OPERATORS['in'](event.id, ids)
            & event.kind.in_(list(RANK)),
            group_by=[event.message])
        state = Case(*((new.rank == r, s) for s, r in RANK.items() if r))
        final = [r for s, r in RANK.items() if s in FINAL]
        cursor.execute(*message.update(
                [message.state, message.final_at, message.sent_at],
                [
                    state,
                    Case((new.rank.in_(final), new.at), else_=None),
                    Case((new.rank.in_([RANK[s] for s in _LEFT]), Coalesce(
                                message.sent_at, message.claimed_at)),
                        else_=message.sent_at)],
                from_=[new],
                where=(message.id == new.message)
                & (_rank(message.state) < new.rank)))
        cursor.execute(*event.update(
                [event.folded], [True],
                where=fields.SQL_OPERATORS['in'](event.id, ids)))
        for cache in transaction.cache.values():
            cache.clear()
        return len(ids)


def _rank(column):
    "Return the rank of a state; one that can't change outranks all"
    whens = [(column == s, r) for s, r in RANK.items()]
    return Case(*whens, else_=max(RANK.values()) + 1)
