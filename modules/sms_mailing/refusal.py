# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt

from sql import Literal, Null, Window
from sql.conditionals import Coalesce
from sql.functions import RowNumber

from trytond.i18n import gettext
from trytond.model import Check, Index, ModelSQL, ModelView, fields
from trytond.pool import Pool
from trytond.pyson import Eval
from trytond.transaction import Transaction

from .account import CHANNELS
from .engine import address as addresses
from .exceptions import AppendOnlyError
from .export import InertExportMixin
from .snapshot import refusal_clause

# What a report of a gateway means for the future
_FROM_REPORT = {
    'stop': ('stop', 'marketing'),
    'bad_number': ('bad_number', 'everything'),
    'bounce': ('bounce', 'everything'),
    'complaint': ('complaint', 'marketing'),
    }

_SAVED = Eval('id', -1) >= 0
# What may change of a refusal: its end
_CHANGED = {'until', 'comment'}
# What is refused when a consent is withdrawn
_WITHDRAWN = {'marketing': 'marketing', 'service': 'everything'}


class Refusal(InertExportMixin, ModelSQL, ModelView):
    __name__ = 'mailing.refusal'

    party = fields.Many2One(
        'party.party', "Party", ondelete='CASCADE',
        states={
            'required': ~Eval('address') & ~Eval('digest'),
            'readonly': _SAVED,
            })
    address = fields.Char(
        "Address",
        states={
            'required': ~Eval('party') & ~Eval('digest'),
            'readonly': _SAVED,
            },
        help="The number or mailbox that is not to be used, "
        "whoever it belongs to.")
    digest = fields.Char(
        "Digest", readonly=True,
        states={
            'invisible': ~Eval('digest'),
            },
        help="What is kept of the address after its person was erased.")
    channel = fields.Selection(
        [(None, "All channels")] + CHANNELS, "Channel", sort=False,
        states={
            'readonly': _SAVED,
            },
        help="Leave empty for all channels.")
    scope = fields.Selection([
            ('marketing', "Marketing"),
            ('topic', "Topic"),
            ('everything', "Everything"),
            ], "Scope", required=True, sort=False,
        states={
            'readonly': _SAVED,
            },
        help="What the person does not want.")
    topic = fields.Many2One(
        'mailing.topic', "Topic", ondelete='CASCADE',
        states={
            'required': Eval('scope') == 'topic',
            'invisible': Eval('scope') != 'topic',
            'readonly': _SAVED,
            })
    reason = fields.Selection([
            ('said', "Said so"),
            ('stop', "Answered STOP"),
            ('doubt', "Perhaps STOP"),
            ('link', "Unsubscribe link"),
            ('bounce', "Bounce"),
            ('complaint', "Complaint"),
            ('bad_number', "Bad number"),
            ('import', "Import"),
            ], "Reason", required=True, sort=False,
        states={
            'readonly': _SAVED,
            })
    since = fields.Date(
        "Since", required=True,
        states={
            'readonly': _SAVED,
            })
    until = fields.Date(
        "Until",
        domain=['OR',
            ('until', '=', None),
            ('until', '>=', Eval('since', dt.date.min)),
            ],
        help="The last day of the refusal.\nLeave empty for ever.")
    message = fields.Many2One(
        'mailing.message', "Message", readonly=True, ondelete='SET NULL',
        help="The message that was answered.")
    comment = fields.Text("Comment")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('someone', Check(t, (t.party != Null) | (t.address != Null)
                    | (t.digest != Null)),
                'sms_mailing.msg_refusal_someone'),
            ]
        cls._sql_indexes.update({
                Index(t, (t.party, Index.Equality())),
                Index(t, (t.address, Index.Equality())),
                Index(
                    t, (t.digest, Index.Equality()),
                    where=t.digest != Null),
                })
        cls._order = [('since', 'DESC'), ('id', 'DESC')]

    @classmethod
    def default_scope(cls):
        return 'marketing'

    @classmethod
    def default_reason(cls):
        return 'said'

    @classmethod
    def default_since(cls):
        return Pool().get('ir.date').today()

    @classmethod
    def default_party(cls):
        return Transaction().context.get('party')

    def get_rec_name(self, name):
        who = self.party.rec_name if self.party else self.address
        return gettext(
            'sms_mailing.msg_refusal_rec_name',
            who=who or '…', reason=self.reason_string,
            since=Pool().get('ir.lang').get().strftime(self.since))

    reason_string = reason.translated('reason')

    @classmethod
    def search_rec_name(cls, name, clause):
        _, operator, operand, *extra = clause
        if operator.startswith('!') or operator.startswith('not '):
            bool_op = 'AND'
        else:
            bool_op = 'OR'
        return [bool_op,
            ('address', operator, operand, *extra),
            ('party.rec_name', operator, operand, *extra),
            ]

    @classmethod
    def preprocess_values(cls, mode, values):
        values = super().preprocess_values(mode, values)
        if values.get('address'):
            channel = 'email' if '@' in values['address'] else 'sms'
            values['address'] = addresses.normalise(
                channel, values['address'])
        return values

    @classmethod
    def check_modification(cls, mode, refusals, values=None, external=False):
        super().check_modification(
            mode, refusals, values=values, external=external)
        if mode == 'write' and external and set(values) - _CHANGED:
            for refusal in refusals:
                raise AppendOnlyError(gettext(
                        'sms_mailing.msg_refusal_append',
                        refusal=refusal.rec_name))

    @classmethod
    def of(cls, vlist):
        "Return the refusals that concern messages, given as values"
        today = Pool().get('ir.date').today()
        scopes = {'everything'}
        if any(v['purpose'] == 'marketing' for v in vlist):
            scopes.add('marketing')
        refusals = cls.search([
                ['OR',
                    ('address', 'in', [v['address'] for v in vlist]),
                    ('party', 'in', [v['party'] for v in vlist]),
                    ],
                ['OR',
                    ('scope', 'in', list(scopes)),
                    ('topic', 'in', [v['topic'] for v in vlist]),
                    ],
                ['OR',
                    ('channel', '=', None),
                    ('channel', 'in', [v['channel'] for v in vlist]),
                    ],
                ('since', '<=', today),
                ['OR', ('until', '=', None), ('until', '>=', today)],
                ])
        return refusals

    @classmethod
    def forbidden(cls, messages, date):
        "Return the ids of the messages, of ids, that a refusal forbids"
        pool = Pool()
        message = pool.get('mailing.message').__table__()
        refusal = cls.__table__()
        cursor = Transaction().connection.cursor()
        of_messages = fields.SQL_OPERATORS['in'](message.id, messages)
        cursor.execute(*message.join(
                refusal, condition=(refusal.party == message.party)
                | (refusal.address == message.address)).select(
                message.id,
                where=of_messages & refusal_clause(
                    refusal, message.channel, message.purpose,
                    message.topic, date)))
        result = {i for i, in cursor}
        return result | cls._forbidden_digests(messages, date)

    @classmethod
    def _forbidden_digests(cls, messages, date):
        pool = Pool()
        message = pool.get('mailing.message').__table__()
        refusal = cls.__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*message.select(
                message.id, message.address,
                where=fields.SQL_OPERATORS['in'](message.id, messages)))
        by_digest = {}
        for id_, address in cursor:
            by_digest.setdefault(addresses.digest(address), []).append(id_)
        cursor.execute(*refusal.join(
                message, condition=fields.SQL_OPERATORS['in'](
                    message.id, messages)).select(
                refusal.digest, message.id,
                where=fields.SQL_OPERATORS['in'](
                    refusal.digest, list(by_digest))
                & refusal_clause(
                    refusal, message.channel, message.purpose,
                    message.topic, date)))
        return {
            id_ for digest, id_ in cursor if id_ in by_digest[digest]}

    @classmethod
    def from_reports(cls, reports):
        "Record what reports, pairs of a message's id and a Report, tell"
        pool = Pool()
        Message = pool.get('mailing.message')
        if not reports:
            return
        messages = Message.browse([m for m, _ in reports])
        cls.refuse([{
                    'address': message.address,
                    'party': (
                        message.party.id
                        if message.party and report.refusal == 'stop'
                        else None),
                    'channel': message.channel,
                    'scope': _FROM_REPORT[report.refusal][1],
                    'reason': _FROM_REPORT[report.refusal][0],
                    'message': message.id,
                    } for message, (_, report) in zip(messages, reports)])

    @classmethod
    def refuse(cls, vlist):
        """Create the refusals of vlist that are not there yet

        Returns all of them, those that were there included.  A doubt, which
        a person may settle, does not stand for a refusal.
        """
        def key(values):
            return tuple(
                values.get(n) for n in [
                    'party', 'address', 'channel', 'scope', 'topic'])

        def find(values):
            found = known.get(key(values))
            if (found and found.reason == 'doubt'
                    and values['reason'] != 'doubt'):
                return None
            return found

        vlist = [cls.preprocess_values('create', dict(v)) for v in vlist]
        known = {}
        refusals = cls.search([
                ['OR',
                    ('address', 'in', [
                            v['address'] for v in vlist
                            if v.get('address')]),
                    ('party', 'in', [
                            v['party'] for v in vlist
                            if v.get('party')]),
                    ],
                ('until', '=', None),
                ])
        for refusal in sorted(refusals, key=lambda r: r.reason != 'doubt'):
            known[(
                    refusal.party.id if refusal.party else None,
                    refusal.address, refusal.channel, refusal.scope,
                    refusal.topic.id if refusal.topic else None)] = refusal
        new = {key(v): v for v in vlist if not find(v)}
        known.update(zip(new, cls.create(list(new.values()))))
        return [known[key(v)] for v in vlist]

    @classmethod
    def revoke(cls, domain):
        "End the refusals of domain that the person may take back"
        today = Pool().get('ir.date').today()
        refusals = cls.search([
                domain,
                ('reason', 'in', [
                        'said', 'stop', 'doubt', 'link', 'import']),
                ['OR', ('until', '=', None), ('until', '>=', today)],
                ])
        yesterday = today - dt.timedelta(days=1)
        for refusal in refusals:
            refusal.until = max(yesterday, refusal.since)
        cls.save(refusals)
        return refusals


class Consent(InertExportMixin, ModelSQL, ModelView):
    __name__ = 'mailing.consent'

    party = fields.Many2One(
        'party.party', "Party", required=True, ondelete='CASCADE')
    address = fields.Char("Address")
    channel = fields.Selection(
        [(None, "All channels")] + CHANNELS, "Channel", sort=False)
    purpose = fields.Selection([
            ('marketing', "Marketing"),
            ('service', "Service"),
            ], "Purpose", required=True, sort=False)
    action = fields.Selection([
            ('granted', "Granted"),
            ('withdrawn', "Withdrawn"),
            ], "Action", required=True, sort=False)
    how = fields.Selection([
            ('paper', "On paper"),
            ('spoken', "Spoken"),
            ('web', "Web form"),
            ('message', "Message"),
            ('import', "Import"),
            ], "How", required=True, sort=False)
    wording = fields.Text(
        "Wording", required=True,
        help="The exact sentence that the person agreed to or answered.")
    at = fields.DateTime("At", required=True)
    user = fields.Many2One(
        'res.user', "User", readonly=True, ondelete='RESTRICT',
        help="Who wrote it down.")
    remote_address = fields.Char("Remote Address", readonly=True)
    user_agent = fields.Char("User Agent", readonly=True)
    reference = fields.Char(
        "Reference", help="Where the proof is: a contract, a form.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_indexes.add(
            Index(
                t, (t.party, Index.Equality()),
                (t.purpose, Index.Equality(cardinality='low')),
                (t.at, Index.Range(order='DESC'))))
        cls._order = [('at', 'DESC'), ('id', 'DESC')]

    @classmethod
    def default_at(cls):
        return dt.datetime.now().replace(microsecond=0)

    @classmethod
    def default_user(cls):
        return Transaction().user or None

    @classmethod
    def default_purpose(cls):
        return 'marketing'

    @classmethod
    def default_action(cls):
        return 'granted'

    @classmethod
    def default_how(cls):
        return 'paper'

    @classmethod
    def check_modification(cls, mode, consents, values=None, external=False):
        super().check_modification(
            mode, consents, values=values, external=external)
        if mode in {'write', 'delete'}:
            for consent in consents:
                raise AppendOnlyError(gettext(
                        'sms_mailing.msg_consent_append',
                        consent=consent.rec_name))
        elif external:
            for consent in consents:
                if not consent.user or (
                        consent.user.id != Transaction().user):
                    raise AppendOnlyError(gettext(
                            'sms_mailing.msg_consent_user',
                            consent=consent.rec_name))

    @classmethod
    def lacking(cls, messages):
        """Return the ids of the messages, of ids, that may not leave

        They are marketing, their topic asks for a consent and the last word
        is none.
        """
        if not messages:
            return set()
        pool = Pool()
        message = pool.get('mailing.message').__table__()
        topic = pool.get('mailing.topic').__table__()
        consent = cls.__table__()
        words = (message
            .join(topic, condition=message.topic == topic.id)
            .left_join(consent, condition=(consent.party == message.party)
                & (consent.purpose == message.purpose)
                & ((consent.channel == Null)
                    | (consent.channel == message.channel)))
            .select(
                message.id, consent.action,
                RowNumber(window=Window(
                        [message.id],
                        order_by=[consent.at.desc, consent.id.desc])).as_(
                    'rank'),
                where=fields.SQL_OPERATORS['in'](message.id, messages)
                & (topic.consent_required == Literal(True))))
        cursor = Transaction().connection.cursor()
        cursor.execute(*words.select(
                words.id, where=(words.rank == 1)
                & (Coalesce(words.action, '') != 'granted')))
        return {i for i, in cursor}

    @classmethod
    def on_modification(cls, mode, consents, field_names=None):
        super().on_modification(mode, consents, field_names=field_names)
        if mode == 'create':
            cls._refuse([c for c in consents if c.action == 'withdrawn'])

    @classmethod
    def _refuse(cls, consents):
        "Who takes a consent back is not written to"
        pool = Pool()
        Refusal = pool.get('mailing.refusal')
        if not consents:
            return
        known = {
            (r.party.id, r.channel, r.scope) for r in Refusal.search([
                    ('party', 'in', [c.party.id for c in consents]),
                    ('reason', '!=', 'doubt'),
                    ('until', '=', None),
                    ])}
        values = []
        for consent in consents:
            scope = _WITHDRAWN[consent.purpose]
            if known.isdisjoint({
                        (consent.party.id, channel, s)
                        for channel in [None, consent.channel]
                        for s in [scope, 'everything']}):
                values.append({
                        'party': consent.party.id,
                        'channel': consent.channel,
                        'scope': scope,
                        'reason': 'said',
                        'comment': consent.wording,
                        })
        Refusal.refuse(values)

    def get_rec_name(self, name):
        return f'{self.party.rec_name} {self.action_string}'

    action_string = action.translated('action')
