# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt
import json
import secrets
from collections import namedtuple
from itertools import groupby

from trytond.i18n import gettext
from trytond.model import ModelView, fields
from trytond.pool import Pool
from trytond.pyson import Eval
from trytond.transaction import Transaction
from trytond.wizard import (
    Button, StateAction, StateTransition, StateView, Wizard)

from .account import CHANNELS
from .engine.likeness import alike
from .engine.template import MissingValue
from .engine.template import Template as Text
from .engine.template import TemplateError
from .exceptions import (
    RefusalWarning, RepeatedTopicWarning, SendError, TemplateTextError)
from .preview import PreviewMixin
from .rendering import compose, follow
from .snapshot import RECENT, first_addresses, party_languages

_NAMES = 10
_LIMIT = 1000

_Reach = namedtuple(
    '_Reach', ['parties', 'addresses', 'languages', 'accounts', 'records'])
_Reach.__doc__ = """Who can be written to about records.

parties maps the id of a record to its party, addresses and languages that of
a party to its address and the id of its language, accounts an address to its
account; records are those that can be written about.
"""


def _reach(model, records, channel, account):
    "Return the Reach of records by a channel, the account where it serves"
    pool = Pool()
    Account = pool.get('mailing.account')
    Template = pool.get('mailing.template')
    path, _ = Template.roots()[model]['party']
    parties = {
        r.id: party for r in records if (party := follow(r, path))}
    ids = [p.id for p in parties.values()]
    addresses = first_addresses(channel, ids)
    languages = party_languages(account.company.id, ids)
    routes = Account.routes(channel, account.company.id, account)
    accounts = {a: routes[a] for a in addresses.values()}
    return _Reach(parties, addresses, languages, accounts, [
            r for r in records if r.id in parties
            and accounts.get(addresses.get(parties[r.id].id))])


class SendStart(PreviewMixin, ModelView):
    __name__ = 'mailing.send.start'

    model = fields.Char("Model", readonly=True)
    records = fields.Char("Records", readonly=True)
    example = fields.Integer("Example", readonly=True)
    count = fields.Integer(
        "Messages", readonly=True,
        help="How many of the records have somebody who can be reached.")
    left_out = fields.Char(
        "Left Out", readonly=True,
        states={
            'invisible': ~Eval('left_out'),
            },
        help="Who has no address of the channel.")
    channel = fields.Selection(CHANNELS, "Channel", required=True, sort=False)
    template = fields.Many2One(
        'mailing.template', "Template",
        domain=[
            ('channel', '=', Eval('channel')),
            ('model', '=', Eval('model')),
            ],
        help="Fills in the text, which you may change.")
    topic = fields.Many2One(
        'mailing.topic', "Topic", required=True,
        help="Decides what refusals count.")
    account = fields.Many2One(
        'mailing.account', "Account", required=True,
        domain=[
            ('channel', '=', Eval('channel')),
            ('company', '=', Eval('context', {}).get('company', -1)),
            ])
    subject = fields.Char(
        "Subject",
        states={
            'invisible': Eval('channel') != 'email',
            'required': Eval('channel') == 'email',
            })
    text = fields.Text(
        "Text", required=True,
        help="The fields of the templates work here too: {party.name}.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.preview.help = "As the first of them will read it."
        cls.price.help = "The price of the messages to all of them."

    @classmethod
    def default_channel(cls):
        return 'sms'

    @classmethod
    def default_topic(cls):
        pool = Pool()
        Topic = pool.get('mailing.topic')
        return Topic.personal()

    @fields.depends(
        'channel', 'account', 'template', methods=['on_change_with_currency'])
    def on_change_channel(self):
        pool = Pool()
        Account = pool.get('mailing.account')
        company = Transaction().context.get('company')
        if self.template and self.template.channel != self.channel:
            self.template = None
        if not self.account or self.account.channel != self.channel:
            self.account = (
                Account.find(self.channel, company) if company else None)
        self.currency = self.on_change_with_currency()

    @fields.depends(
        'model', 'records', 'channel', 'account', '_parent_account.company')
    def _reached(self):
        "Return the Reach of the records and those who are left out"
        if not (self.model and self.channel and self.account):
            return None, []
        records = Pool().get(self.model).browse(
            json.loads(self.records or '[]'))
        reach = _reach(self.model, records, self.channel, self.account)
        reached = set(reach.records)
        return reach, [r for r in records if r not in reached]

    @fields.depends(methods=['_reached'])
    def on_change_with_count(self):
        reach, _ = self._reached()
        return len(reach.records) if reach else None

    @fields.depends('records', methods=['_reached'])
    def on_change_with_example(self):
        reach, _ = self._reached()
        if reach and reach.records:
            return reach.records[0].id
        return next(iter(json.loads(self.records or '[]')), None)

    @fields.depends(methods=['_reached'])
    def on_change_with_left_out(self):
        reach, left_out = self._reached()
        names = [
            (reach.parties.get(r.id) or r).rec_name
            for r in left_out[:_NAMES]]
        if len(left_out) > _NAMES:
            names.append('…')
        return ', '.join(names)

    @fields.depends('template', 'topic', 'subject', 'text')
    def on_change_template(self):
        if self.template:
            self.topic = self.template.topic
            self.subject = self.template.subject
            self.text = self.template.text

    @fields.depends(
        'model', 'channel', 'subject', 'text', 'template',
        '_parent_template.spelling', '_parent_template.link')
    def compose(self, record, company, lang=None, specials=None):
        """Return the Content about a record

        specials are the addresses that only a message has, samples of them by
        default.  Raises MissingValue and TemplateError.
        """
        pool = Pool()
        Message = pool.get('mailing.message')
        Template = pool.get('mailing.template')
        return compose(
            self.channel, (Text(self.subject), Text(self.text), None), {
                **Template.values(self.model, record, company),
                **(specials or Message.sample_specials(self.template))},
            Template.formatter(lang),
            self.template.spelling if self.template else 'sanitise')

    @fields.depends(
        'channel', 'example', 'model', 'subject', 'text', methods=['compose'])
    def _preview(self):
        pool = Pool()
        Company = pool.get('company.company')
        Template = pool.get('mailing.template')
        company = Transaction().context.get('company')
        if not (self.text and self.model and self.example and company):
            return None, ''
        record = pool.get(self.model)(self.example)
        try:
            texts = [Text(self.subject), Text(self.text)]
            if unknown := Template.unknown(texts, self.model, self.channel):
                return None, gettext(
                    'sms_mailing.msg_template_field_unknown',
                    names=', '.join(unknown))
            return self.compose(record, Company(company)), ''
        except TemplateError as error:
            return None, Template.explain('text', error)
        except MissingValue as missing:
            return None, gettext(
                'sms_mailing.msg_template_missing',
                names=', '.join(missing.names))

    @fields.depends('account')
    def _account(self):
        return self.account

    @fields.depends('count')
    def on_change_with_price(self, name=None):
        price = super().on_change_with_price(name=name)
        return price * (self.count or 0) if price is not None else None


class Send(Wizard):
    __name__ = 'mailing.send'

    start = StateView(
        'mailing.send.start', 'sms_mailing.send_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Send", 'send', 'tryton-ok', default=True),
            ])
    send = StateTransition()
    open_ = StateAction('sms_mailing.act_message_form')

    def default_start(self, names):
        if not self.records:
            raise SendError(gettext('sms_mailing.msg_send_nothing'))
        if len(self.records) > _LIMIT:
            raise SendError(gettext(
                    'sms_mailing.msg_send_many', limit=_LIMIT))
        return {
            'model': self.model.__name__,
            'records': json.dumps([r.id for r in self.records]),
            }

    def transition_send(self):
        pool = Pool()
        Message = pool.get('mailing.message')
        company = self.start.account.company
        if company.id != Transaction().context.get('company'):
            raise SendError(gettext(
                    'sms_mailing.msg_send_company',
                    account=self.start.account.rec_name,
                    company=company.rec_name))
        reach = _reach(
            self.model.__name__, self.records, self.start.channel,
            self.start.account)
        if not reach.records:
            raise SendError(gettext('sms_mailing.msg_send_nobody'))
        messages = [self._message(r, reach) for r in reach.records]
        self._warn(messages)
        self.sent = Message.create(messages)
        self._write_specials(reach.records)
        Message.ring_messages(self.sent)
        return 'open_'

    def _write_specials(self, records):
        "Give each message the addresses of its own that its text names"
        pool = Pool()
        Link = pool.get('mailing.link')
        Message = pool.get('mailing.message')
        start = self.start
        names = Text(start.subject).names | Text(start.text).names
        if not names & {'link', 'unsubscribe'}:
            return
        target = start.template.link if start.template else None
        links = Link.make({m.id: target for m in self.sent if target})
        for message, record in zip(self.sent, records):
            content = start.compose(
                record, message.company, message.language, {
                    'unsubscribe': Message.url('u', message.id, message.token),
                    'link': links.get(message.id)})
            message.subject, message.text = content.subject, content.text
        Message.save(self.sent)

    def do_open_(self, action):
        return action, {'res_id': [m.id for m in self.sent]}

    def _message(self, record, reach):
        "Return the values of the message about a record"
        pool = Pool()
        Lang = pool.get('ir.lang')
        Template = pool.get('mailing.template')
        start = self.start
        company, party = start.account.company, reach.parties[record.id]
        address = reach.addresses[party.id]
        lang = reach.languages.get(party.id)
        try:
            content = start.compose(
                record, company, Lang(lang) if lang else None)
        except TemplateError as error:
            raise TemplateTextError(
                Template.explain('text', error)) from error
        except MissingValue as missing:
            raise SendError(gettext(
                    'sms_mailing.msg_send_missing', record=record.rec_name,
                    names=', '.join(missing.names))) from missing
        if start.template and start.template.max_parts and (
                content.parts > start.template.max_parts):
            raise SendError(gettext(
                    'sms_mailing.msg_send_too_long', record=record.rec_name,
                    parts=content.parts, maximum=start.template.max_parts))
        return {
            'company': company.id,
            'party': party.id,
            'origin': str(record),
            'channel': start.channel,
            'account': reach.accounts[address].id,
            'template': start.template.id if start.template else None,
            'topic': start.topic.id,
            'purpose': start.topic.purpose,
            'address': address,
            'language': lang,
            'subject': content.subject,
            'text': content.text,
            'parts': content.parts,
            'dedup_key': f'send:{secrets.token_hex(16)}',
            }

    def _warn(self, messages):
        "Ask before what was refused or written before is sent"
        pool = Pool()
        Refusal = pool.get('mailing.refusal')
        Warning_ = pool.get('res.user.warning')
        key = Warning_.format('mailing_send', self.records)
        refused, repeated = f'{key}.refused', f'{key}.repeated'
        if refusals := Refusal.of(messages):
            if Warning_.check(refused):
                raise RefusalWarning(refused, gettext(
                        'sms_mailing.msg_send_refused',
                        refusals='\n'.join(
                            r.rec_name for r in refusals[:_NAMES])))
        if earlier := self._earlier(messages):
            if Warning_.check(repeated):
                raise RepeatedTopicWarning(repeated, gettext(
                        'sms_mailing.msg_send_repeated',
                        messages='\n'.join(
                            m.rec_name for m in earlier[:_NAMES])))

    def _earlier(self, messages):
        "Return recent messages on the same topic or with a like text"
        pool = Pool()
        Message = pool.get('mailing.message')
        new = {m['party']: m for m in messages}
        guard = self.start.topic.repeat_guard or dt.timedelta()
        now = dt.datetime.now()
        recent = Message.search([
                ('party', 'in', list(new)),
                ('company', '=', self.start.account.company.id),
                ('create_date', '>=', now - max(guard, RECENT)),
                ('state', 'not in', ['cancelled', 'failed', 'simulated']),
                ], order=[('party', 'ASC'), ('id', 'DESC')], limit=_LIMIT)
        result = []
        for party, group in groupby(recent, key=lambda m: m.party.id):
            for message in group:
                same_topic = (
                    message.topic == self.start.topic
                    and message.create_date >= now - guard)
                if same_topic or alike(message.text, new[party]['text']):
                    result.append(message)
                    break
        return result
