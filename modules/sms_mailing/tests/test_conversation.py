# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What was said with a person, both ways."""
import datetime as dt

from caravan.testing import QueryTestMixin
from trytond.modules.sms_mailing.adapters import Incoming
from trytond.modules.sms_mailing.tests.extras import ExtrasTestCase
from trytond.modules.sms_mailing.tests.fixtures import (
    make_parties, make_template)
from trytond.pool import Pool


class ConversationTestCase(QueryTestMixin, ExtrasTestCase):
    "Test messages and replies"

    def write(self, messages):
        Message = Pool().get('mailing.message')
        topic = make_template().topic
        return Message.create([{
                    'company': self.company.id, 'channel': 'sms',
                    'account': self.account.id, 'topic': topic.id,
                    'purpose': topic.purpose,
                    'address': '+37369000001', **message,
                    } for message in messages])

    def answer(self, *texts):
        Inbound = Pool().get('mailing.inbound')
        Inbound.receive(self.account.id, [
                Incoming(f'+3736900000{i}', text)
                for i, text in enumerate(texts, 1)])

    def talk(self):
        "Return a party we wrote to, who answered"
        party, = make_parties(Ann=[('mobile', '+37369000001')])
        self.write([{
                    'party': party.id, 'text': text, 'state': state,
                    'sent_at': dt.datetime(2026, 3, 2, 9),
                    } for text, state in [
                    ("Hello Ann", 'delivered'), ("Never", 'simulated')]])
        self.answer("Who are you?")
        return party

    def test_conversation(self):
        "What was said both ways, the last on top, in two queries"
        Conversation = Pool().get('mailing.conversation')
        domain = [('party', '=', self.talk().id)]
        lines = Conversation.search(domain)
        self.assertEqual(
            [(c.direction, c.text, c.status) for c in lines], [
                ('in', "Who are you?", 'new'),
                ('out', "Hello Ann", 'delivered')])
        self.assertEqual(
            [c.origin.__name__ for c in lines],
            ['mailing.inbound', 'mailing.message'])
        with self.assertQueries(2):
            Conversation.search_read(
                domain, fields_names=['at', 'text', 'status'])

    def test_timeline(self):
        "Messages and replies stand in the timeline of the customer"
        Timeline = Pool().get('crm.timeline')
        lines = Timeline.search([('party', '=', self.talk().id)])
        self.assertEqual(
            [(c.kind, c.summary, c.status) for c in lines], [
                ('reply', "Who are you?", 'new'),
                ('message', "Hello Ann", 'delivered')])

    def test_export(self):
        "A reply that looks like a formula is exported as text"
        Inbound = Pool().get('mailing.inbound')
        self.answer('=HYPERLINK("http://x")', '@SUM(1)', 'Hello = world')
        self.assertEqual(Inbound.export_data_domain(
                [], ['address', 'text', 'account/name'],
                order=[('id', 'ASC')], header=True), [
                ['From', 'Text', 'Account/Name'],
                ['+37369000001', """'=HYPERLINK("http://x")""", 'Account'],
                ['+37369000002', "'@SUM(1)", 'Account'],
                ['+37369000003', 'Hello = world', 'Account'],
                ])

    def test_tokens(self):
        "Messages written together have tokens and keys of their own"
        messages = self.write([{}, {}, {}])
        for name in ['token', 'dedup_key']:
            values = {getattr(m, name) for m in messages}
            self.assertEqual(len(values), 3)
            self.assertTrue(all(len(v) >= 32 for v in values))

    def test_reply(self):
        "A reply answers the last message that left"
        self.talk()
        inbound, = Pool().get('mailing.inbound').search([])
        self.assertEqual(inbound.message.text, "Hello Ann")
        self.assertEqual(inbound.party.name, "Ann")


del ExtrasTestCase
