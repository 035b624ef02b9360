# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt

from caravan.testing import ModuleTestCase, QueryTestMixin
from trytond.model import ModelSingleton, ModelSQL, ModelView
from trytond.modules.company.tests import (
    CompanyTestMixin, PartyCompanyCheckEraseMixin, create_company, set_company)
from trytond.modules.party.tests import PartyCheckReplaceMixin
from trytond.modules.sms_mailing.adapters import Incoming
from trytond.modules.sms_mailing.export import InertExportMixin
from trytond.modules.sms_mailing.tests.fixtures import (
    make_account, make_parties, make_template)
from trytond.pool import Pool
from trytond.tests.test_tryton import with_transaction


class SmsMailingTestCase(
        PartyCompanyCheckEraseMixin, PartyCheckReplaceMixin,
        CompanyTestMixin, QueryTestMixin, ModuleTestCase):
    "Test sms_mailing module"
    module = 'sms_mailing'
    extras = ['account_invoice', 'crm_party', 'fleet', 'loan', 'sale']

    @with_transaction()
    def test_rule_sources(self):
        "What rules watch can be searched and written about"
        pool = Pool()
        Rule = pool.get('mailing.rule')
        Template = pool.get('mailing.template')
        sources = Rule.sources()
        company = create_company()
        self.assertTrue(sources)
        for model, source in sources.items():
            with self.subTest(model=model):
                self.assertIn('party', Template.roots()[model])
                domain = [*source.domain, *(
                        (name, '=', dt.date(2026, 1, 1))
                        for name in source.dates)]
                rule = Rule(model=model, condition=None)
                self.assertEqual(rule._records(source, company, domain), [])

    @with_transaction()
    def test_criteria(self):
        "Each criterion of a segment has a domain on parties"
        pool = Pool()
        Criterion = pool.get('mailing.segment.criterion')
        for name in Criterion.criteria():
            with self.subTest(criterion=name):
                self.assertTrue(hasattr(Criterion, f'_domain_{name}'))

    @with_transaction()
    def test_exports(self):
        "No export of the mailings carries a formula"
        pool = Pool()
        for name, Model in pool.iterobject():
            if (name.startswith('mailing.')
                    and issubclass(Model, ModelSQL)
                    and issubclass(Model, ModelView)
                    and not issubclass(Model, ModelSingleton)):
                with self.subTest(model=name):
                    self.assertTrue(issubclass(Model, InertExportMixin))

    @with_transaction()
    def test_export_reply(self):
        "A reply that looks like a formula is exported as text"
        Inbound = Pool().get('mailing.inbound')
        company = create_company()
        with set_company(company):
            account = make_account(company)
            Inbound.receive(account.id, [
                    Incoming('+37369000001', '=HYPERLINK("http://x")'),
                    Incoming('+37369000002', '@SUM(1)'),
                    Incoming('+37369000003', 'Hello = world'),
                    ])
            rows = Inbound.export_data_domain(
                [], ['address', 'text', 'account/name'],
                order=[('id', 'ASC')], header=True)
        self.assertEqual(rows, [
                ['From', 'Text', 'Account/Name'],
                ['+37369000001', """'=HYPERLINK("http://x")""", 'Account'],
                ['+37369000002', "'@SUM(1)", 'Account'],
                ['+37369000003', 'Hello = world', 'Account'],
                ])

    @with_transaction()
    def test_tokens(self):
        "Messages written together have tokens and keys of their own"
        Message = Pool().get('mailing.message')
        account = make_account(create_company())
        template = make_template()
        messages = Message.create([{
                    'company': account.company.id, 'channel': 'sms',
                    'account': account.id, 'topic': template.topic.id,
                    'purpose': 'personal', 'address': f'+3736900000{i}',
                    } for i in range(3)])
        for name in ['token', 'dedup_key']:
            self.assertEqual(len({getattr(m, name) for m in messages}), 3)
            self.assertTrue(all(
                    len(getattr(m, name)) >= 32 for m in messages))

    def talk(self):
        "Return a party we wrote to twice, once in a dry run, who answered"
        pool = Pool()
        Inbound = pool.get('mailing.inbound')
        Message = pool.get('mailing.message')
        account = make_account(create_company())
        party, other = make_parties(
            Ann=[('mobile', '+37369000001')], Bob=[])
        template = make_template()
        Message.create([{
                    'company': account.company.id, 'party': party.id,
                    'channel': 'sms', 'account': account.id,
                    'topic': template.topic.id, 'purpose': 'marketing',
                    'address': '+37369000001', 'text': text, 'state': state,
                    'sent_at': dt.datetime(2026, 3, 2, 9),
                    } for text, state in [
                    ("Hello Ann", 'delivered'), ("Never", 'simulated')]])
        Inbound.receive(
            account.id, [Incoming('+37369000001', "Who are you?")])
        return party, account.company

    @with_transaction()
    def test_conversation(self):
        "What was said both ways, the last on top, in two queries"
        Conversation = Pool().get('mailing.conversation')
        party, company = self.talk()
        with set_company(company):
            lines = Conversation.search([('party', '=', party.id)])
            self.assertEqual(
                [(c.direction, c.text, c.status) for c in lines], [
                    ('in', "Who are you?", 'new'),
                    ('out', "Hello Ann", 'delivered')])
            self.assertEqual(
                {c.origin.__name__ for c in lines},
                {'mailing.inbound', 'mailing.message'})
            with self.assertQueries(2):
                Conversation.search_read(
                    [('party', '=', party.id)],
                    fields_names=['at', 'text', 'status'])

    @with_transaction()
    def test_timeline(self):
        "Messages and replies stand in the timeline of the customer"
        Timeline = Pool().get('crm.timeline')
        party, company = self.talk()
        with set_company(company):
            lines = Timeline.search([('party', '=', party.id)])
            self.assertEqual(
                [(c.kind, c.summary, c.status) for c in lines], [
                    ('reply', "Who are you?", 'new'),
                    ('message', "Hello Ann", 'delivered')])


del ModuleTestCase
