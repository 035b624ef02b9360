# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from sql import Literal, Union

from trytond.i18n import gettext
from trytond.model import fields
from trytond.modules.company.company import TIMEZONES
from trytond.modules.party.exceptions import EraseError
from trytond.pool import Pool, PoolMeta
from trytond.transaction import Transaction

from .engine.address import digest

_WITH_PARTY = [
    'mailing.recipient', 'mailing.message', 'mailing.inbound',
    'mailing.refusal', 'mailing.consent', 'mailing.segment-party',
    'mailing.segment-excluded-party', 'mailing.mailing-excluded-party']


class Party(metaclass=PoolMeta):
    __name__ = 'party.party'

    timezone = fields.Selection(
        TIMEZONES, "Time Zone", translate=False,
        help="Where the party lives, for the hours in which it may be "
        "written to.\nLeave empty for the time zone of the company.")
    mailing_refusals = fields.One2Many(
        'mailing.refusal', 'party', "Refusals",
        help="What the party does not want to be written about.")
    mailing_consents = fields.One2Many(
        'mailing.consent', 'party', "Consents", readonly=True)
    mailing_inbound = fields.One2Many(
        'mailing.inbound', 'party', "Replies", readonly=True)
    mailing_segments = fields.Function(
        fields.Many2Many('mailing.segment', None, None, "Segments"),
        'get_mailing_segments', searcher='search_mailing_segments')

    @classmethod
    def get_mailing_segments(cls, parties, name):
        pool = Pool()
        Segment = pool.get('mailing.segment')
        ids = list(map(int, parties))
        result = {i: [] for i in ids}
        queries = []
        for segment in Segment.search([]):
            members = segment.query()
            queries.append(members.select(
                    members.id, Literal(segment.id),
                    where=fields.SQL_OPERATORS['in'](members.id, ids)))
        if queries:
            cursor = Transaction().connection.cursor()
            cursor.execute(*Union(*queries, all_=True))
            for party, segment in cursor:
                result[party].append(segment)
        return result

    @classmethod
    def search_mailing_segments(cls, name, clause):
        pool = Pool()
        Segment = pool.get('mailing.segment')
        _, operator, operand, *_ = clause
        if operator in {'=', '!='} and isinstance(operand, int):
            domain = [('id', '=', operand)]
        elif operator in {'in', 'not in'}:
            domain = [('id', 'in', operand)]
        else:
            domain = [('rec_name', operator.removeprefix('not '), operand)]
        domain = [s.party_domain() for s in Segment.search(domain)]
        domain = ['OR', *domain] if domain else [('id', '=', None)]
        if operator.startswith(('!', 'not ')):
            query = cls.search(domain, order=[], query=True)
            return [('id', 'not in', query)]
        return domain

    @classmethod
    def copy(cls, parties, default=None):
        default = default.copy() if default else {}
        default.setdefault('mailing_refusals', None)
        default.setdefault('mailing_consents', None)
        default.setdefault('mailing_inbound', None)
        return super().copy(parties, default=default)


class Replace(metaclass=PoolMeta):
    __name__ = 'party.replace'

    @classmethod
    def fields_to_replace(cls):
        return super().fields_to_replace() + [
            (model, 'party') for model in _WITH_PARTY]

    def transition_replace(self):
        self._join_recipients(self.ask.source, self.ask.destination)
        return super().transition_replace()

    @staticmethod
    def _join_recipients(source, destination):
        "Of two rows of a mailing the one that was written to stays"
        pool = Pool()
        Message = pool.get('mailing.message')
        Recipient = pool.get('mailing.recipient')
        theirs = {
            r.mailing: r for r in Recipient.search([
                    ('party', '=', destination.id)])}
        messages, dropped = [], []
        for recipient in Recipient.search([
                    ('party', '=', source.id),
                    ('mailing', 'in', [m.id for m in theirs]),
                    ]):
            kept = theirs[recipient.mailing]
            if recipient.state == 'included' and kept.state == 'excluded':
                kept, recipient = recipient, kept
            for message in recipient.messages:
                message.recipient = kept
                messages.append(message)
            dropped.append(recipient)
        Message.save(messages)
        Recipient.delete(dropped)


class Erase(metaclass=PoolMeta):
    __name__ = 'party.erase'

    def check_erase_company(self, party, company):
        pool = Pool()
        Message = pool.get('mailing.message')
        super().check_erase_company(party, company)
        if Message.search([
                    ('party', '=', party.id),
                    ('company', '=', company.id),
                    ('state', 'in', ['queued', 'sending', 'held']),
                    ], limit=1):
            raise EraseError(gettext(
                    'sms_mailing.msg_erase_party_waiting_message',
                    party=party.rec_name,
                    company=company.rec_name))

    def to_erase(self, party_id):
        pool = Pool()
        Consent = pool.get('mailing.consent')
        Inbound = pool.get('mailing.inbound')
        Message = pool.get('mailing.message')
        Recipient = pool.get('mailing.recipient')
        Refusal = pool.get('mailing.refusal')
        self._keep_digests(party_id)
        return super().to_erase(party_id) + [
            (Message, [('party', '=', party_id)], True,
                ['address', 'subject', 'text', 'html', 'error'],
                ['-', None, None, None, None]),
            (Inbound, [('party', '=', party_id)], True,
                ['address', 'text', 'recipient'], ['-', None, None]),
            (Recipient, [('party', '=', party_id)], True,
                ['address', 'missing'], [None, None]),
            (Refusal, [('party', '=', party_id)], True,
                ['address', 'comment'], [None, None]),
            (Consent, [('party', '=', party_id)], True,
                ['address', 'wording', 'remote_address', 'user_agent',
                    'reference'],
                [None, '-', None, None, None]),
            ]

    def _keep_digests(self, party_id):
        "The erased person stays unwritten to: keep digests of the addresses"
        pool = Pool()
        Message = pool.get('mailing.message')
        Refusal = pool.get('mailing.refusal')
        refusals = Refusal.search([('party', '=', party_id)])
        by_address = Refusal.search([
                ('address', 'in', [
                        m.address for m in Message.search([
                                ('party', '=', party_id)])]),
                ])
        addresses = {
            r.address for r in refusals + by_address if r.address}
        if refusals:
            addresses |= {
                m.address for m in Message.search([
                        ('party', '=', party_id)])}
        if addresses:
            Refusal.create([{
                        'digest': digest(a),
                        'scope': 'everything',
                        'reason': 'said',
                        } for a in sorted(addresses)])
        Refusal.write(by_address, {'address': None, 'comment': None})
