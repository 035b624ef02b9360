# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt
import logging
import secrets
from collections import namedtuple
from contextlib import suppress
from functools import partial
from urllib.parse import quote

from sql import Conflict, Literal, Null
from sql.conditionals import Coalesce
from sql.functions import CurrentTimestamp
from sql.operators import Concat

import trytond.config as config
from trytond import backend
from trytond.i18n import gettext
from trytond.model import Index, ModelSQL, ModelView, Unique, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Eval, If
from trytond.tools import grouped_slice
from trytond.transaction import Transaction
from trytond.url import http_host

from . import cascade, course, sending
from .account import CHANNELS
from .adapters import Report
from .engine import gsm
from .engine.template import MissingValue
from .exceptions import ArchiveError, SendError
from .export import InertExportMixin
from .rendering import Content
from .topic import PURPOSES

logger = logging.getLogger(__name__)
# What a user's request sends by itself when there is no worker
AT_ONCE = 200
# What a task of a worker and a run of the cron take at most
TASK_SIZE = 500
CRON_SIZE = 2000
# A task of the queue that is lost is rung again after this time
RING_AGAIN = dt.timedelta(minutes=15)

_ARCHIVED = {
    'subject', 'text', 'html', 'address', 'party', 'token', 'dedup_key',
    'account', 'channel', 'template', 'topic', 'sent_at', 'provider_ref',
    'parts', 'cost', 'attempts', 'claimed_at', 'final_at'}
# What a person may have answered
_LEFT = ['sent', 'delivered', 'read', 'unknown']

_Known = namedtuple(
    '_Known', ['id', 'token', 'account', 'adapter', 'section', 'language'])


class Message(InertExportMixin, ModelSQL, ModelView):
    __name__ = 'mailing.message'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT')
    party = fields.Many2One(
        'party.party', "Party", ondelete='RESTRICT',
        context={
            'company': Eval('company', -1),
            },
        depends={'company'})
    mailing = fields.Many2One(
        'mailing.mailing', "Mailing", ondelete='RESTRICT',
        states={
            'invisible': ~Eval('mailing'),
            })
    recipient = fields.Many2One(
        'mailing.recipient', "Recipient", ondelete='SET NULL')
    rule = fields.Many2One(
        'mailing.rule', "Rule", ondelete='RESTRICT',
        states={
            'invisible': ~Eval('rule'),
            })
    origin = fields.Reference(
        "Origin", selection='get_origins',
        help="The record that the message tells about.")
    step = fields.Integer(
        "Step", help="The place of the message in the cascade, from 0.")
    channel = fields.Selection(CHANNELS, "Channel", required=True, sort=False)
    account = fields.Many2One(
        'mailing.account', "Account", required=True, ondelete='RESTRICT')
    template = fields.Many2One(
        'mailing.template', "Template", ondelete='RESTRICT')
    topic = fields.Many2One(
        'mailing.topic', "Topic", required=True, ondelete='RESTRICT')
    purpose = fields.Selection(
        PURPOSES, "Purpose", required=True, sort=False)
    address = fields.Char("Address", required=True)
    language = fields.Many2One('ir.lang', "Language", ondelete='SET NULL')
    subject = fields.Char(
        "Subject",
        states={
            'invisible': Eval('channel') != 'email',
            })
    text = fields.Text(
        "Text", help="The text as it left; empty while it waits.")
    html = fields.Text(
        "HTML",
        states={
            'invisible': ~Eval('html'),
            })
    encoding = fields.Char(
        "Encoding",
        states={
            'invisible': Eval('channel') != 'sms',
            })
    parts = fields.Integer("Parts")
    cost = Monetary("Cost", currency='currency', digits=(None, 6))
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"), 'get_currency')
    token = fields.Char("Token", required=True)
    dedup_key = fields.Char(
        "Key", required=True,
        help="Two messages with the same key are never written.")
    simulate = fields.Boolean(
        "Dry Run", help="The message is written and counted only.")
    not_before = fields.Timestamp("Not Before")
    expires_at = fields.Timestamp("Not After")
    rung_at = fields.Timestamp("Rung at")
    state = fields.Selection([
            ('queued', "Queued"),
            ('sending', "Sending"),
            ('sent', "Sent"),
            ('delivered', "Delivered"),
            ('read', "Read"),
            ('undelivered', "Undelivered"),
            ('expired', "Expired"),
            ('failed', "Failed"),
            ('unknown', "Uncertain"),
            ('held', "Held"),
            ('cancelled', "Cancelled"),
            ('simulated', "Simulated"),
            ], "State", required=True, sort=False)
    attempts = fields.Integer("Attempts")
    claimed_at = fields.Timestamp("Claimed at")
    claimed_by = fields.Char("Claimed by")
    provider_ref = fields.Char("Reference of the Gateway")
    error_code = fields.Char(
        "Error Code",
        states={
            'invisible': ~Eval('error_code'),
            })
    error = fields.Char(
        "Error",
        states={
            'invisible': ~Eval('error'),
            })
    sent_at = fields.Timestamp("Sent at")
    final_at = fields.Timestamp(
        "Final at", help="When the last word on the message came.")
    events = fields.One2Many(
        'mailing.event', 'message', "Events", readonly=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('dedup_key_unique', Unique(t, t.dedup_key),
                'sms_mailing.msg_message_key_unique'),
            ]
        cls._sql_indexes.update({
                Index(
                    t, (t.account, Index.Equality()),
                    (t.not_before, Index.Range(nulls_first=True)),
                    where=t.state == 'queued'),
                Index(
                    t, (t.claimed_at, Index.Range()),
                    where=t.state == 'sending'),
                Index(
                    t, (t.mailing, Index.Equality()),
                    (t.state, Index.Equality(cardinality='low'))),
                Index(
                    t, (t.party, Index.Equality()),
                    (t.create_date, Index.Range())),
                Index(t, (t.address, Index.Equality())),
                Index(
                    t, (t.provider_ref, Index.Equality()),
                    where=t.provider_ref != Null),
                Index(t, (t.recipient, Index.Equality())),
                })
        cls._order = [('id', 'DESC')]
        cls._buttons.update({
                'send_again': {
                    'invisible': ~Eval('state').in_(['unknown', 'failed']),
                    'icon': 'tryton-refresh',
                    'depends': ['state'],
                    },
                'mark_sent': {
                    'invisible': Eval('state') != 'unknown',
                    'icon': 'tryton-ok',
                    'depends': ['state'],
                    },
                'called': {
                    'invisible': ~Eval('state').in_(_LEFT),
                    'icon': 'tryton-chat',
                    'depends': ['state'],
                    },
                'hold': {
                    'invisible': Eval('state') != 'queued',
                    'icon': 'tryton-archive',
                    'depends': ['state'],
                    },
                'release': {
                    'invisible': Eval('state') != 'held',
                    'icon': 'tryton-unarchive',
                    'depends': ['state'],
                    },
                'cancel': {
                    'invisible': ~Eval('state').in_(['queued', 'held']),
                    'icon': 'tryton-cancel',
                    'depends': ['state'],
                    },
                })

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_state(cls):
        return 'queued'

    @classmethod
    def default_attempts(cls):
        return 0

    @classmethod
    def default_step(cls):
        return 0

    @classmethod
    def preprocess_values(cls, mode, values):
        values = super().preprocess_values(mode, values)
        if mode == 'create':
            # A default would be the same for all that are created together
            values.setdefault('token', secrets.token_hex(16))
            values.setdefault(
                'dedup_key', f'message:{secrets.token_hex(16)}')
        return values

    @classmethod
    def get_origins(cls):
        pool = Pool()
        Template = pool.get('mailing.template')
        return Template.get_readable_models()

    @classmethod
    def get_currency(cls, messages, name):
        return {m.id: m.company.currency.id for m in messages}

    def get_rec_name(self, name):
        text = (self.text or '').strip().partition('\n')[0]
        items = [self.address, self.subject or text[:40]]
        return ' '.join(filter(None, items))

    @classmethod
    def search_rec_name(cls, name, clause):
        _, operator, operand, *extra = clause
        if operator.startswith('!') or operator.startswith('not '):
            bool_op = 'AND'
        else:
            bool_op = 'OR'
        return [bool_op,
            ('address', operator, operand, *extra),
            ('subject', operator, operand, *extra),
            ('text', operator, operand, *extra),
            ]

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state').in_(['failed', 'undelivered']), 'danger',
                    If(Eval('state').in_(['unknown', 'held', 'expired']),
                        'warning',
                        If(Eval('state').in_(['cancelled', 'simulated']),
                            'muted',
                            If(Eval('state').in_(['delivered', 'read']),
                                'success', ''))))),
            ]

    @classmethod
    def check_modification(cls, mode, messages, values=None, external=False):
        super().check_modification(
            mode, messages, values=values, external=external)
        if mode == 'delete' or (
                mode == 'write' and external and _ARCHIVED & set(values)):
            for message in messages:
                raise ArchiveError(gettext(
                        'sms_mailing.msg_message_archived',
                        message=message.rec_name))

    @classmethod
    def copy(cls, messages, default=None):
        if messages:
            raise ArchiveError(gettext('sms_mailing.msg_message_copy'))
        return []

    # To the gateway

    @classmethod
    def url(cls, kind, id_, token):
        """Return the address outside at which a message is spoken about

        kind is dlr for receipts, u for the refusal and o for the picture that
        tells that a mail is opened.
        """
        return cls.base_url(f'{kind}/{id_}/{token}')

    @classmethod
    def base_url(cls, path):
        "Return the address outside of a path of our routes"
        base = config.get('sms_mailing', 'url', default='') or http_host()
        database = quote(Transaction().database.name)
        return f'{base}/{database}/mailing/{path}'

    @classmethod
    def by_id(cls, id_):
        "Return what the routes need of a message, None if there is none"
        pool = Pool()
        message = cls.__table__()
        account = pool.get('mailing.account').__table__()
        lang = pool.get('ir.lang').__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*message
            .join(account, condition=account.id == message.account)
            .join(
                lang, type_='LEFT', condition=lang.id == message.language)
            .select(
                message.id, message.token, message.account, account.adapter,
                account.section, lang.code, where=message.id == id_))
        row = cursor.fetchone()
        return _Known(*row) if row else None

    @classmethod
    def unsubscribe(cls, id_, remote_address=None, user_agent=None):
        "The person of a message refuses marketing by its link"
        pool = Pool()
        Consent = pool.get('mailing.consent')
        Event = pool.get('mailing.event')
        Refusal = pool.get('mailing.refusal')
        message = cls(id_)
        Refusal.refuse([{
                    'address': message.address,
                    'party': message.party.id if message.party else None,
                    'scope': 'marketing',
                    'reason': 'link',
                    'message': id_,
                    }])
        added = Event.add(
            message.account.id, [(id_, Report('unsubscribe'))])
        if added and message.party:
            Consent.create([{
                        'party': message.party.id,
                        'address': message.address,
                        'purpose': 'marketing',
                        'action': 'withdrawn',
                        'how': 'web',
                        'wording': gettext(
                            'sms_mailing.msg_unsubscribe_ask'),
                        'user': None,
                        'remote_address': remote_address,
                        'user_agent': (user_agent or '')[:200],
                        }])

    @classmethod
    def enqueue(cls, mailing):
        """Write the first messages of a mailing, one statement a channel

        Messages that are already there stay as they are.
        """
        pool = Pool()
        Recipient = pool.get('mailing.recipient')
        count = 0
        for index, step in course.first_steps(mailing):
            recipient = Recipient.__table__()
            count += cls.insert(
                mailing, index, recipient, recipient, recipient.address,
                (recipient.mailing == mailing.id)
                & (recipient.state == 'included')
                & (recipient.channel == step.channel),
                not_before=mailing.scheduled_at)
        return count

    @classmethod
    def insert(
            cls, mailing, index, from_, recipient, address, where,
            not_before=None):
        """Write the messages of a step of a mailing in one statement

        from_ are the joined tables, recipient that of the recipients, address
        the expression of where the messages go.
        """
        transaction = Transaction()
        table, step = cls.__table__(), mailing.steps[index]
        constants = {
            'create_uid': transaction.user,
            'company': mailing.company.id,
            'mailing': mailing.id,
            'step': index,
            'channel': step.channel,
            'topic': mailing.topic.id,
            'purpose': mailing.purpose,
            'not_before': not_before,
            'expires_at': mailing.latest_start,
            'state': 'queued',
            'attempts': 0,
            'simulate': False,
            }
        columns = {
            'create_date': CurrentTimestamp(),
            'party': recipient.party,
            'recipient': recipient.id,
            'account': cls.account.sql_cast(
                step.routes().column(address, step.account.id)),
            'template': cls.template.sql_cast(
                course.template_column(mailing, index, recipient.variant)),
            'address': address,
            'language': recipient.language,
            'token': sending.random_token(),
            'dedup_key': Concat(
                f'mailing:{mailing.id}:{index}:',
                cls.dedup_key.sql_cast(recipient.party)),
            }
        columns.update(
            (n, sending.typed(cls._fields[n], Literal(v)))
            for n, v in constants.items())
        cursor = transaction.connection.cursor()
        cursor.execute(*table.insert(
                [getattr(table, n) for n in columns],
                from_.select(
                    *columns.values(), where=where,
                    order_by=[recipient.id]),
                on_conflict=Conflict(table)))
        return cursor.rowcount

    @classmethod
    def _due(cls, limit=None, mailings=None, rung_before=None):
        """Return the ids of the messages that may leave now

        Those of mailings are asked for while these begin to run.
        """
        table = cls.__table__()
        now = dt.datetime.now()
        where = (table.state == 'queued') & (
            Coalesce(table.not_before, now) <= now)
        if mailings is not None:
            where &= fields.SQL_OPERATORS['in'](
                table.mailing, list(map(int, mailings)))
        else:
            where &= sending.is_released(table)
        if rung_before is not None:
            where &= (table.rung_at == Null) | (table.rung_at < rung_before)
        cursor = Transaction().connection.cursor()
        cursor.execute(*table.select(
                table.id, where=where, order_by=[table.id.asc],
                limit=limit))
        return [i for i, in cursor]

    @classmethod
    def ring(cls, mailings):
        """Tell the workers that messages of mailings wait

        Without a worker a small mailing is sent after the request, what is
        more is left to the cron.
        """
        if cls.has_worker():
            cls._push(cls._due(mailings=mailings))
        else:
            ids = cls._due(mailings=mailings, limit=AT_ONCE + 1)
            if 0 < len(ids) <= AT_ONCE:
                cls.__queue__.send(ids)

    @classmethod
    def ring_messages(cls, messages):
        "Tell the workers that messages wait; send a few at once without one"
        ids = list(map(int, messages))
        if cls.has_worker():
            cls._push(ids)
        elif 0 < len(ids) <= AT_ONCE:
            cls.__queue__.send(ids)

    @staticmethod
    def has_worker():
        "Return whether tasks are done by workers"
        return config.getboolean('queue', 'worker', default=False)

    @classmethod
    def _push(cls, ids):
        if not ids:
            return
        table = cls.__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*table.update(
                [table.rung_at], [dt.datetime.now()],
                where=fields.SQL_OPERATORS['in'](table.id, ids)))
        with Transaction().set_context(
                queue_name='mailing', queue_batch=TASK_SIZE):
            cls.__queue__.send(ids)

    @classmethod
    def send(cls, messages):
        "Send what is due of messages; harmless to repeat"
        pool = Pool()
        Account = pool.get('mailing.account')
        Mailing = pool.get('mailing.mailing')
        table = cls.__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*table.select(
                table.id, table.account,
                where=fields.SQL_OPERATORS['in'](
                    table.id, list(map(int, messages)))
                & (table.state == 'queued'),
                order_by=[table.id.asc]))
        by_account = {}
        for id_, account in cursor:
            by_account.setdefault(account, []).append(id_)
        for account in Account.browse(list(by_account)):
            try:
                sending.Outbox(account).run(by_account[account.id])
            except backend.DatabaseOperationalError:
                raise
            except Exception:
                # What is wrong with one must not silence the others
                logger.exception("account %s can not send", account.rec_name)
        sending.short(Mailing.finish)

    @classmethod
    def dispatch(cls):
        """Do what time brings: receipts, lost claims, expiry, sending

        Run by the cron each minute; every part is harmless to repeat.
        """
        pool = Pool()
        Event = pool.get('mailing.event')
        Mailing = pool.get('mailing.mailing')
        cls._poll()
        while sending.short(Event.fold):
            pass
        for part in [sending.sweep, sending.expire, cascade.escalate]:
            sending.short(part)
        # A task of the queue that works on them is not disturbed
        estimate = partial(Mailing.estimate_waiting, (
                dt.datetime.now() - RING_AGAIN if cls.has_worker() else None))
        with suppress(backend.DatabaseOperationalError):
            sending.short(estimate)
        if cls.has_worker():
            cls._push(cls._due(
                    limit=100 * TASK_SIZE,
                    rung_before=dt.datetime.now() - RING_AGAIN))
        else:
            for ids in grouped_slice(cls._due(limit=CRON_SIZE), TASK_SIZE):
                cls.send(list(ids))
        sending.short(Mailing.finish)

    @staticmethod
    def _poll():
        "Take in the receipts of gateways that can not call back"
        pool = Pool()
        Account = pool.get('mailing.account')
        Event = pool.get('mailing.event')
        for account, adapter in sending.short(Account.polled).items():
            try:
                reports = adapter.poll()
            except Exception:
                # What is wrong with one must not silence the others
                logger.exception("account %s can not be asked", account)
            else:
                if reports:
                    sending.short(Event.take, account, reports)

    @classmethod
    def contents(cls, rows):
        "Return {id: Content or MissingValue} of the texts of rows"
        pool = Pool()
        Company = pool.get('company.company')
        Link = pool.get('mailing.link')
        Template = pool.get('mailing.template')
        contents, groups = {}, {}
        for row in rows:
            if row.text is not None:
                contents[row.id] = cls._content(row)
            else:
                groups.setdefault(
                    (row.template, row.company), []).append(row)
        for (template, company), group in groups.items():
            template = Template(template)
            there = cls._there(template.model, map(cls._about, group))
            contents.update(
                (r.id, MissingValue([template.model])) for r in group
                if cls._about(r) not in there)
            group = [r for r in group if r.id not in contents]
            links = Link.make(
                {r.id: template.link for r in group} if template.link
                else {})
            contents.update(Template.write_out(
                    template, Company(company),
                    [(r.id, cls._about(r), r.language) for r in group],
                    {r.id: {
                            'unsubscribe': cls.url('u', r.id, r.token),
                            'link': links.get(r.id),
                            } for r in group}))
        return contents

    @staticmethod
    def _about(row):
        return int(row.origin.partition(',')[2]) if row.origin else row.party

    @staticmethod
    def _there(model, ids):
        "Return those of ids that nobody has deleted meanwhile"
        table = Pool().get(model).__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*table.select(
                table.id,
                where=fields.SQL_OPERATORS['in'](table.id, list(ids))))
        return {i for i, in cursor}

    @staticmethod
    def _content(row):
        encoding, parts = None, 1
        if row.channel == 'sms':
            count = gsm.count(row.text)
            encoding, parts = count.encoding, count.parts
        return Content(row.subject, row.text, row.html, encoding, parts)

    @classmethod
    def sample_specials(cls, template):
        "Return what stands for the addresses that only a message has"
        pool = Pool()
        Link = pool.get('mailing.link')
        return {
            'unsubscribe': cls.url('u', 10 ** 6, '0' * 32),
            'link': Link.sample() if template and template.link else None,
            }

    @classmethod
    def write_out(cls, template, company, rows):
        """Yield (id, parts or problem) of the texts of recipients

        rows are (id, party, language); a problem is a reason for exclusion
        and the names that are missing.
        """
        pool = Pool()
        Template = pool.get('mailing.template')
        extra = cls.sample_specials(template)
        contents = Template.write_out(
            template, company, rows, {id_: extra for id_, *_ in rows})
        for id_, content in contents.items():
            if isinstance(content, MissingValue):
                yield id_, ('missing', ', '.join(content.names))
            elif content.parts > (template.max_parts or gsm.MAX_PARTS):
                yield id_, ('too_long', None)
            else:
                yield id_, content.parts

    @classmethod
    def attempts_of(cls, ids):
        "Return {id: attempts}"
        if not ids:
            return {}
        table = cls.__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*table.select(
                table.id, table.attempts,
                where=fields.SQL_OPERATORS['in'](table.id, ids)))
        return dict(cursor)

    # By hand

    @classmethod
    def cancel_waiting(cls, mailings):
        "Cancel what has not left of mailings"
        table = cls.__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*table.update(
                [table.state, table.final_at],
                ['cancelled', dt.datetime.now()],
                where=fields.SQL_OPERATORS['in'](
                    table.mailing, list(map(int, mailings)))
                & table.state.in_(['queued', 'held'])))

    @classmethod
    @ModelView.button
    def send_again(cls, messages):
        pool = Pool()
        Mailing = pool.get('mailing.mailing')
        messages = [m for m in messages if m.state in {'unknown', 'failed'}]
        mailings = {m.mailing for m in messages if m.mailing}
        for mailing in mailings:
            if mailing.state == 'cancelled':
                raise SendError(gettext(
                        'sms_mailing.msg_message_mailing_cancelled',
                        mailing=mailing.rec_name))
        cls.write(messages, {
                'state': 'queued',
                'attempts': 0,
                'not_before': None,
                'final_at': None,
                })
        Mailing.reopen([m for m in mailings if m.state == 'done'])
        cls.ring_messages(messages)

    @classmethod
    @ModelView.button
    def mark_sent(cls, messages):
        "Settle what is uncertain: it left when it was claimed"
        messages = [m for m in messages if m.state == 'unknown']
        for message in messages:
            message.state = 'sent'
            message.sent_at = message.claimed_at
        cls.save(messages)

    @classmethod
    @ModelView.button
    def called(cls, messages):
        "The person has called because of the message"
        pool = Pool()
        Event = pool.get('mailing.event')
        User = pool.get('res.user')
        user = User(Transaction().user).rec_name
        now = dt.datetime.now()
        Event.add(None, [
                (m.id, Report('call', raw=f'{now.isoformat()} {user}'))
                for m in messages if m.state in _LEFT], now)

    @classmethod
    @ModelView.button
    def hold(cls, messages):
        "Keep back what waits until a person lets it go"
        cls._change(messages, 'queued', 'held')

    @classmethod
    @ModelView.button
    def release(cls, messages):
        cls.ring_messages(cls._change(messages, 'held', 'queued'))

    @classmethod
    def _change(cls, messages, from_, to):
        "Change what is in a state and return it; a worker may be faster"
        table = cls.__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*table.update(
                [table.state, table.write_uid, table.write_date],
                [to, Transaction().user, CurrentTimestamp()],
                where=fields.SQL_OPERATORS['in'](
                    table.id, list(map(int, messages)))
                & (table.state == from_)))
        return [m for m in cls.browse(messages) if m.state == to]

    @classmethod
    @ModelView.button
    def cancel(cls, messages):
        cls.write([m for m in messages if m.state in {'queued', 'held'}], {
                'state': 'cancelled',
                'final_at': dt.datetime.now(),
                })
