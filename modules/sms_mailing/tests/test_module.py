# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt

from caravan.testing import ModuleTestCase, QueryTestMixin
from trytond.model import ModelSingleton, ModelSQL, ModelView
from trytond.modules.company.tests import (
    CompanyTestMixin, PartyCompanyCheckEraseMixin, create_company)
from trytond.modules.party.tests import PartyCheckReplaceMixin
from trytond.modules.sms_mailing.engine import delivery, keyword
from trytond.modules.sms_mailing.export import InertExportMixin
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
    def test_keywords(self):
        "The keywords that are there at the begin are those of the engine"
        Keyword = Pool().get('mailing.keyword')
        self.assertEqual(
            Keyword.words(), {
                keyword.normalise(word): action
                for action, languages in keyword.WORDS.items()
                for words in languages.values() for word in words})

    @with_transaction()
    def test_send_message(self):
        "Send Message is offered wherever there is somebody to write to"
        pool = Pool()
        Keyword = pool.get('ir.action.keyword')
        Wizard = pool.get('ir.action.wizard')
        wizards = Wizard.search([('wiz_name', '=', 'mailing.send')])
        offered = {
            str(k.model).partition(',')[0] for k in Keyword.search([
                    ('keyword', '=', 'form_action'),
                    ('action', 'in', [w.action.id for w in wizards])])}
        self.assertLessEqual({
                'party.party', 'account.invoice', 'sale.sale', 'loan.loan',
                'fleet.vehicle', 'fleet.driver', 'fleet.order',
                'crm.contract'}, offered)
        Template = pool.get('mailing.template')
        self.assertLessEqual(offered, set(Template.roots()))

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
    def test_receipts(self):
        "Whatever a gateway may say is a kind of event"
        Event = Pool().get('mailing.event')
        kinds = {k for k, _ in Event.kind.selection}
        for provider in [delivery._KANNEL, delivery._SMPP, delivery._TWILIO,
                delivery._INFOBIP]:
            self.assertLessEqual(set(provider.values()), kinds)


del ModuleTestCase
