# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.i18n import gettext
from trytond.model import ModelView, fields
from trytond.pool import Pool
from trytond.pyson import Eval
from trytond.transaction import Transaction
from trytond.wizard import (
    Button, StateAction, StateTransition, StateView, Wizard)

from .account import CHANNELS
from .engine import address as addresses
from .engine.template import MissingValue
from .exceptions import SendError


class TrialStart(ModelView):
    __name__ = 'mailing.mailing.trial.start'

    channel = fields.Selection(
        CHANNELS, "Channel", readonly=True, sort=False)
    address = fields.Char(
        "To", required=True,
        help="Your own number or mailbox.")
    parties = fields.Many2Many(
        'party.party', None, None, "Parties", readonly=True)
    party = fields.Many2One(
        'party.party', "As Written to", required=True,
        domain=[
            ('id', 'in', Eval('parties', [])),
            ],
        help="Whose fields fill the text.")


class Trial(Wizard):
    __name__ = 'mailing.mailing.trial'

    start = StateView(
        'mailing.mailing.trial.start', 'sms_mailing.trial_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Send", 'send', 'tryton-ok', default=True),
            ])
    send = StateTransition()
    open_ = StateAction('sms_mailing.act_message_form')

    def default_start(self, names):
        pool = Pool()
        Party = pool.get('party.party')
        Recipient = pool.get('mailing.recipient')
        User = pool.get('res.user')
        if not self.record.steps:
            raise SendError(gettext(
                    'sms_mailing.msg_trial_no_message',
                    mailing=self.record.rec_name))
        recipients = Recipient.search([
                ('mailing', '=', self.record.id),
                ('state', '=', 'included'),
                ], limit=20)
        parties = [r.party for r in recipients] or Party.search([], limit=20)
        channel = self.record.steps[0].channel
        return {
            'channel': channel,
            'address': (
                User(Transaction().user).email
                if channel == 'email' else None),
            'parties': [p.id for p in parties],
            'party': parties[0].id if parties else None,
            }

    def transition_send(self):
        pool = Pool()
        Message = pool.get('mailing.message')
        Template = pool.get('mailing.template')
        mailing, party = self.record, self.start.party
        step = mailing.steps[0]
        address = addresses.normalise(step.channel, self.start.address)
        if not addresses.is_valid(step.channel, address):
            raise SendError(gettext(
                    'sms_mailing.msg_trial_address',
                    address=self.start.address))
        content = Template.write_out(
            step.template, mailing.company,
            [(0, party.id, party.lang.id if party.lang else None)],
            {0: Message.sample_specials(step.template)})[0]
        if isinstance(content, MissingValue):
            raise SendError(gettext(
                    'sms_mailing.msg_send_missing', record=party.rec_name,
                    names=', '.join(content.names)))
        self.sent = Message.create([{
                    'company': mailing.company.id,
                    'origin': None,
                    'channel': step.channel,
                    'account': step.account.id,
                    'template': step.template.id,
                    'topic': mailing.topic.id,
                    'purpose': 'personal',
                    'address': address,
                    'subject': content.subject,
                    'text': content.text,
                    'html': content.html,
                    'parts': content.parts,
                    }])
        Message.ring_messages(self.sent)
        return 'open_'

    def do_open_(self, action):
        return action, {'res_id': [m.id for m in self.sent]}
