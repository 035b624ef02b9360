# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""A message by hand: who gets it, what it costs, what it says."""
from decimal import Decimal

from trytond.modules.company.tests import create_company
from trytond.modules.sms_mailing.exceptions import SendError
from trytond.modules.sms_mailing.tests.extras import ExtrasTestCase
from trytond.modules.sms_mailing.tests.fixtures import (
    make_account, make_parties, make_template)
from trytond.pool import Pool
from trytond.transaction import Transaction


class SendTestCase(ExtrasTestCase):
    "Test Send Message"

    def setUp(self):
        super().setUp()
        self.parties = make_parties(
            Gina=[], Ann=[('mobile', '+37369000001')],
            Bob=[('mobile', '+33100000001')])

    def wizard(self, parties, **values):
        "Return the wizard as it stands when its form is filled in"
        pool = Pool()
        Send = pool.get('mailing.send', type='wizard')
        session, _, _ = Send.create()
        context = {
            'active_model': 'party.party', 'active_id': parties[0].id,
            'active_ids': list(map(int, parties))}
        self.enterContext(Transaction().set_context(context))
        wizard = Send(session)
        Start = pool.get('mailing.send.start')
        start = Start(
            channel='sms', topic=Start.default_topic(), template=None,
            account=None, subject=None, text=None,
            **wizard.default_start([]))
        for name, value in values.items():
            setattr(start, name, value)
        start.on_change_channel()
        start.example = start.on_change_with_example()
        wizard.start = start
        return wizard

    def test_left_out(self):
        "Who can't be reached is named, the others are counted and priced"
        start = self.wizard(
            self.parties, text="Hello {party.name}").start
        self.assertEqual(start.on_change_with_count(), 2)
        self.assertEqual(start.on_change_with_left_out(), "Gina")
        self.assertEqual(start.on_change_with_preview(), "Hello Ann")
        start.count = 2
        self.assertEqual(start.on_change_with_price(), Decimal('0.10'))
        self.assertEqual(start.currency, self.company.currency)

    def test_unknown(self):
        "A field that nobody knows is named at once"
        start = self.wizard(self.parties, text="Hello {party.nick}").start
        self.assertIn("party.nick", start.on_change_with_preview())
        self.assertIsNone(start.on_change_with_parts())

    def test_link(self):
        "Each message gets a link of its own"
        template = make_template(
            "Hello {party.name}: {link}", link='https://example.org/a')
        wizard = self.wizard(
            self.parties, template=template, text=template.text)
        self.assertIn("Hello Ann: http", wizard.start.on_change_with_preview())
        wizard.transition_send()
        Transaction().tasks.clear()
        links = Pool().get('mailing.link').search(
            [('message', 'in', [m.id for m in wizard.sent])])
        self.assertEqual(
            {f'Hello {l.message.party.name}: {l.url(l.code)}' for l in links},
            {m.text for m in wizard.sent})
        self.assertEqual(len(links), 2)

    def test_too_long(self):
        "A template's limit holds for a message by hand"
        template = make_template("Hello", max_parts=1)
        wizard = self.wizard(
            self.parties, template=template, text="x" * 161)
        with self.assertRaises(SendError):
            wizard.transition_send()

    def test_prefixes(self):
        "Each number leaves by the account that serves it"
        other = make_account(self.company, prefixes="+33")
        Pool().get('mailing.account').write(
            [self.account], {'prefixes': "+373"})
        wizard = self.wizard(self.parties, text="Hello")
        wizard.transition_send()
        Transaction().tasks.clear()
        self.assertEqual(
            {m.party.name: m.account for m in wizard.sent},
            {"Ann": self.account, "Bob": other})

    def test_company(self):
        "Nobody writes in the name of another company"
        other = create_company("Other", currency=self.company.currency)
        wizard = self.wizard(
            self.parties, text="Hello", account=make_account(other))
        with self.assertRaises(SendError):
            wizard.transition_send()
