# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt

from sql import Conflict
from sql.aggregate import Max
from sql.functions import CurrentTimestamp

from trytond.cache import Cache
from trytond.i18n import gettext
from trytond.model import Index, ModelSQL, ModelView, Unique, fields
from trytond.pool import Pool
from trytond.pyson import Eval, If
from trytond.transaction import Transaction

from .account import CHANNELS
from .adapters import Report
from .engine import address as addresses
from .engine import keyword
from .exceptions import ArchiveError
from .export import InertExportMixin

_TEXT = 2000
# Nobody answers a message in one of these states
_UNSENT = ['queued', 'held', 'cancelled', 'simulated']
# What may be answered by itself
_ANSWERED = {keyword.STOP, keyword.START, keyword.HELP}


class Keyword(InertExportMixin, ModelSQL, ModelView):
    __name__ = 'mailing.keyword'
    _rec_name = 'word'

    word = fields.Char(
        "Word", required=True,
        help="A whole answer; case, accents and punctuation do not matter.")
    action = fields.Selection([
            (keyword.STOP, "Stop"),
            (keyword.START, "Start again"),
            (keyword.HELP, "Help"),
            ], "Action", required=True, sort=False)
    language = fields.Many2One(
        'ir.lang', "Language", ondelete='SET NULL')
    answer = fields.Text(
        "Answer",
        help="What is written back, once a day to the same address.\n"
        "Leave empty to write nothing.")
    normalised = fields.Char("Normalised", required=True, readonly=True)

    _words_cache = Cache('mailing.keyword.words', context=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('normalised_unique', Unique(t, t.normalised),
                'sms_mailing.msg_keyword_unique'),
            ]
        cls._order = [('action', 'ASC'), ('word', 'ASC'), ('id', None)]

    @classmethod
    def preprocess_values(cls, mode, values):
        values = super().preprocess_values(mode, values)
        if values.get('word'):
            values['normalised'] = keyword.normalise(values['word'])
        return values

    @classmethod
    def on_modification(cls, mode, records, field_names=None):
        super().on_modification(mode, records, field_names=field_names)
        cls._words_cache.clear()

    @classmethod
    def answers(cls):
        "Return {folded word: answer} of the words that have one"
        return {
            keyword.fold(k.word): k.answer
            for k in cls.search([('answer', '!=', None)]) if k.answer}

    @classmethod
    def words(cls):
        "Return {normalised word: action}"
        words = cls._words_cache.get(None)
        if words is None:
            words = {k.normalised: k.action for k in cls.search([])}
            words = cls._words_cache.set(None, words)
        return words


class Inbound(InertExportMixin, ModelSQL, ModelView):
    __name__ = 'mailing.inbound'
    _rec_name = 'text'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='CASCADE')
    account = fields.Many2One(
        'mailing.account', "Account", required=True, ondelete='RESTRICT')
    channel = fields.Selection(CHANNELS, "Channel", required=True, sort=False)
    address = fields.Char("From", required=True)
    party = fields.Many2One(
        'party.party', "Party", ondelete='SET NULL',
        context={
            'company': Eval('company', -1),
            },
        depends={'company'})
    recipient = fields.Char("To")
    text = fields.Text("Text")
    at = fields.Timestamp("At", required=True)
    message = fields.Many2One(
        'mailing.message', "In Reply to", ondelete='SET NULL',
        help="The last message that went to the address.")
    keyword = fields.Selection([
            (None, ""),
            (keyword.STOP, "Stop"),
            (keyword.START, "Start again"),
            (keyword.HELP, "Help"),
            (keyword.MAYBE, "Perhaps stop"),
            ], "Understood as", sort=False)
    result = fields.Char("Result")
    reference = fields.Char("Reference", required=True)
    state = fields.Selection([
            ('new', "New"),
            ('handled', "Handled"),
            ], "State", required=True, sort=False)
    handled_by = fields.Many2One(
        'res.user', "Handled by", ondelete='RESTRICT')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('reference_unique', Unique(t, t.account, t.reference),
                'sms_mailing.msg_inbound_unique'),
            ]
        cls._sql_indexes.update({
                Index(t, (t.party, Index.Equality()), (t.at, Index.Range())),
                Index(
                    t, (t.state, Index.Equality(cardinality='low')),
                    where=t.state == 'new'),
                })
        cls._order = [('id', 'DESC')]
        cls._buttons.update({
                'handle': {
                    'invisible': Eval('state') != 'new',
                    'icon': 'tryton-ok',
                    'depends': ['state'],
                    },
                'refuse': {
                    'invisible': (
                        (Eval('state') != 'new')
                        | (Eval('keyword') == keyword.STOP)),
                    'icon': 'tryton-remove',
                    'depends': ['state', 'keyword'],
                    },
                })

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state') == 'handled', 'muted',
                    If(Eval('keyword') == keyword.MAYBE, 'warning', ''))),
            ]

    @classmethod
    def check_modification(cls, mode, records, values=None, external=False):
        super().check_modification(
            mode, records, values=values, external=external)
        if external and mode in {'write', 'delete'}:
            for record in records:
                raise ArchiveError(gettext(
                        'sms_mailing.msg_inbound_archived',
                        inbound=record.rec_name))

    @classmethod
    def receive(cls, account, incoming):
        """Take in texts that came to an account, return the new records

        incoming are Incoming of the adapters.  A text that came before, by
        its reference, is left out.
        """
        pool = Pool()
        Account = pool.get('mailing.account')
        if not incoming:
            return []
        account = Account(account)
        words = pool.get('mailing.keyword').words()
        known = cls._insert(account, incoming)
        records = cls.browse(known)
        messages = cls._answered(account, {r.address for r in records})
        for record in records:
            record.message = messages.get(record.address)
            record.party = (
                record.message.party if record.message
                else cls._find_party(account, record.address))
            record.keyword = keyword.classify(record.text, words)
        cls._obey(records)
        cls._answer(records)
        cls.save(records)
        return records

    @classmethod
    def _insert(cls, account, incoming):
        "Write the rows, return the ids of those that are new"
        table = cls.__table__()
        transaction = Transaction()
        cursor = transaction.connection.cursor()
        now = dt.datetime.now()
        references = [
            i.reference or f'{i.sender}:{now.isoformat()}:{n}'
            for n, i in enumerate(incoming)]
        same = (table.account == account.id) & fields.SQL_OPERATORS['in'](
            table.reference, references)
        cursor.execute(*table.select(table.reference, where=same))
        known = {r for r, in cursor}
        rows = [[
                transaction.user, CurrentTimestamp(), account.company.id,
                account.id, account.channel,
                addresses.normalise(account.channel, i.sender) or '?',
                i.recipient, (i.text or '')[:_TEXT], now, reference, 'new']
            for i, reference in zip(incoming, references)
            if reference not in known]
        if not rows:
            return []
        cursor.execute(*table.insert([
                    table.create_uid, table.create_date, table.company,
                    table.account, table.channel, table.address,
                    table.recipient, table.text, table.at, table.reference,
                    table.state],
                rows, on_conflict=Conflict(table)))
        cursor.execute(*table.select(
                table.id, table.reference, where=same,
                order_by=[table.id.asc]))
        return [i for i, r in cursor if r not in known]

    @classmethod
    def _answered(cls, account, senders):
        "Return {address: the last message that went there}"
        pool = Pool()
        Message = pool.get('mailing.message')
        message = Message.__table__()
        last = message.select(
            Max(message.id),
            where=fields.SQL_OPERATORS['in'](message.address, list(senders))
            & (message.channel == account.channel)
            & (message.company == account.company.id)
            & ~message.state.in_(_UNSENT),
            group_by=[message.address])
        return {
            m.address: m for m in Message.search([('id', 'in', last)])}

    @classmethod
    def _find_party(cls, account, sender):
        pool = Pool()
        Mechanism = pool.get('party.contact_mechanism')
        mechanisms = Mechanism.search([
                ('value_compact', '=', sender),
                ], limit=2)
        parties = {m.party for m in mechanisms}
        return parties.pop() if len(parties) == 1 else None

    @classmethod
    def _obey(cls, records):
        "Do what the keywords ask for"
        pool = Pool()
        Event = pool.get('mailing.event')
        for record in records:
            if record.keyword == keyword.STOP:
                record.result = gettext('sms_mailing.msg_inbound_stopped')
            elif record.keyword == keyword.MAYBE:
                record.result = gettext('sms_mailing.msg_inbound_doubt')
            elif record.keyword == keyword.START:
                record.result = gettext('sms_mailing.msg_inbound_started')
            if record.keyword in {keyword.STOP, keyword.START}:
                record.state = 'handled'
        cls._stop([r for r in records if r.keyword == keyword.STOP])
        cls._stop(
            [r for r in records if r.keyword == keyword.MAYBE], 'doubt')
        if started := [r for r in records if r.keyword == keyword.START]:
            cls._start(started)
        Event.add(None, [(r.message.id, Report(
                        'call' if r.channel == 'voice' else 'reply',
                        raw=r.reference))
                for r in records if r.message])

    @classmethod
    def _answer(cls, records):
        "Write back what the keywords say, once a day to each address"
        pool = Pool()
        Keyword = pool.get('mailing.keyword')
        Message = pool.get('mailing.message')
        Topic = pool.get('mailing.topic')
        asked = [r for r in records if r.keyword in _ANSWERED]
        answers = Keyword.answers() if asked else {}
        vlist = {}
        for record in asked:
            word = keyword.fold(record.text)
            topic = (
                record.message.topic.id if record.message
                else Topic.personal())
            if word not in answers or not topic:
                continue
            record.state = 'handled'
            key = f'answer:{record.account.id}:{record.at.date()}:{word}:' \
                f'{record.address}'
            vlist[key] = {
                'company': record.company.id,
                'party': record.party.id if record.party else None,
                'channel': record.channel,
                'account': record.account.id,
                'topic': topic,
                'purpose': 'personal',
                'address': record.address,
                'text': answers[word],
                'dedup_key': key,
                }
        for message in Message.search([('dedup_key', 'in', list(vlist))]):
            del vlist[message.dedup_key]
        Message.ring_messages(Message.create(list(vlist.values())))

    @classmethod
    def _stop(cls, records, reason='stop'):
        "Refuse marketing at the addresses of records, for their parties too"
        pool = Pool()
        Consent = pool.get('mailing.consent')
        Refusal = pool.get('mailing.refusal')
        if not records:
            return
        Refusal.refuse([{
                    'address': r.address,
                    'party': r.party.id if r.party else None,
                    'channel': None if r.party else r.channel,
                    'scope': 'marketing',
                    'reason': reason,
                    'message': r.message.id if r.message else None,
                    'comment': r.text,
                    } for r in records])
        if reason == 'stop':
            Consent.create([
                    cls._consent(r, 'withdrawn')
                    for r in records if r.party])

    @classmethod
    def _start(cls, records):
        pool = Pool()
        Consent = pool.get('mailing.consent')
        Refusal = pool.get('mailing.refusal')
        Refusal.revoke(['OR',
                ('address', 'in', [r.address for r in records]),
                ('party', 'in', [r.party.id for r in records if r.party]),
                ])
        Consent.create([
                cls._consent(r, 'granted') for r in records if r.party])

    @staticmethod
    def _consent(record, action):
        return {
            'party': record.party.id,
            'address': record.address,
            'channel': record.channel if action == 'granted' else None,
            'purpose': 'marketing',
            'action': action,
            'how': 'message',
            'wording': record.text or '-',
            'user': None,
            'reference': record.reference,
            }

    @classmethod
    @ModelView.button
    def handle(cls, records):
        pool = Pool()
        Refusal = pool.get('mailing.refusal')
        if doubts := {
                r.address for r in records if r.keyword == keyword.MAYBE}:
            unread = cls.search([
                    ('keyword', '=', keyword.MAYBE),
                    ('state', '=', 'new'),
                    ('address', 'in', list(doubts)),
                    ('id', 'not in', [r.id for r in records]),
                    ])
            Refusal.revoke([
                    ('reason', '=', 'doubt'),
                    ('address', 'in', list(
                            doubts - {r.address for r in unread})),
                    ])
        cls.write(records, {
                'state': 'handled',
                'handled_by': Transaction().user,
                })

    @classmethod
    @ModelView.button
    def refuse(cls, records):
        cls.handle(records)
        cls._stop(records)
