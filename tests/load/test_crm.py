# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
import tempfile
import unittest
from decimal import Decimal
from pathlib import Path

from proteus import Model

from caravan.load.activities import Activities
from caravan.load.parties import Parties
from caravan.load.purchases import Purchases
from caravan.testing import activate_modules
from trytond.modules.account.tests.tools import create_chart, create_fiscalyear
from trytond.modules.account_invoice.tests.tools import (
    set_fiscalyear_invoice_sequences)
from trytond.modules.company.tests.tools import create_company
from trytond.modules.crm_party.tests.tools import create_types
from trytond.tests.test_tryton import drop_db

PARTIES = """\
code,name,kind,phone,email,country,category,manager,status,source
P1,Blue Harbor LLC,organisation,+49 30 1234567,a@example.com,,Fish;Ice,,,Fair
P2,Jane Doe,person,,jane@example.com,,,,prospect,
P3,Nobody,robot,,,,,,,
P4,Lost,,,,,,Unknown,,
P5,Bad Phone,,12,,,,,,
P6,Bad Mail,,,not-an-address,,,,,
"""
ACTIVITIES = """\
reference,type,party,date,done_at,subject,result
A1,Visit,P1,2026-03-01,2026-03-02T10:00:00,First visit,
A2,Call,P1,2026-04-01,,Second call,
A3,Dance,P1,2026-04-01,,,
A4,Call,P9,2026-04-01,,,
A5,Call,P1,,,,
A6,Call,P1,2026-04-01,2026-04-01T09:00:00,No result,
"""
PURCHASES = """\
customer,date,quantity,amount
C1,{0}-01-05,1,10.50
C1,{0}-01-05,1,10.50
C1,{0}-01-15,2,20.00
C1,{0}-01-25,2,20.00
C1,{0}-02-04,2,20.00
C2,1990-01-01,1,5.00
"""


class LoadCase(unittest.TestCase):
    extras = []
    setup = []

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.config = activate_modules(
            ['crm_party', *cls.extras], create_company, create_types,
            *cls.setup)
        cls.addClassCleanup(drop_db)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / 'rows.csv'

    def load(self, Loader, text, **kwargs):
        self.path.write_text(text)
        loader = Loader(self.config, **kwargs)
        result = loader.load(self.path, progress=False)
        rejects = Path(f'{self.path}.rejects.csv')
        return result, (
            rejects.read_text().splitlines()[1:] if rejects.exists() else [])

    def learn(self):
        Cron = Model.get('ir.cron')
        cron, = Cron.find([('method', '=', 'crm.profile|compute')])
        cron.click('run_once')


class CrmTestCase(LoadCase):
    "Test the loaders of customers and activities"

    def test_1_parties(self):
        result, rejects = self.load(Parties, PARTIES, dry_run=True)
        self.assertEqual(result[0], 3)
        result, rejects = self.load(Parties, PARTIES)
        self.assertEqual(result, (2, 0, 4))
        for code, words in [
                ('P3', "neither person nor organisation"),
                ('P4', "there is no employee"),
                ('P5', "phone number"),
                ('P6', "mail")]:
            with self.subTest(code):
                line, = [r for r in rejects if f',{code},' in r]
                self.assertIn(words, line)
        Party = Model.get('party.party')
        party, = Party.find([('code', '=', 'P1')])
        self.assertEqual(party.name_key, 'blue harbor')
        self.assertEqual(
            sorted(c.name for c in party.categories), ['Fish', 'Ice'])
        profile, = party.crm_profiles
        self.assertEqual(profile.status, 'customer')
        self.assertEqual(profile.source.name, 'Fair')
        self.assertEqual(self.load(Parties, PARTIES)[0], (0, 2, 4))

    def test_2_activities(self):
        result, rejects = self.load(Activities, ACTIVITIES)
        self.assertEqual(result, (2, 0, 4))
        for reference, words in [
                ('A3', "no activity type"),
                ('A4', "no party with the code"),
                ('A5', "neither a date"),
                ('A6', "choose a result")]:
            with self.subTest(reference):
                line, = [r for r in rejects if f',{reference},' in r]
                self.assertIn(words, line)
        Party = Model.get('party.party')
        party, = Party.find([('code', '=', 'P1')])
        profile, = party.crm_profiles
        self.assertEqual(profile.last_contact, dt.date(2026, 3, 2))
        self.assertEqual(profile.next_contact, dt.date(2026, 4, 1))
        self.assertEqual(self.load(Activities, ACTIVITIES)[0], (0, 2, 4))

    def test_3_purchases(self):
        "Without invoices purchases are activities that teach the rhythm"
        text = PURCHASES.format(2025)
        self.assertEqual(self.load(Purchases, text)[0], (6, 0, 0))
        self.assertEqual(self.load(Purchases, text)[0], (0, 6, 0))
        Profile = Model.get('crm.profile')
        self.learn()
        profile, = Profile.find([('party.code', '=', 'C1')])
        self.assertEqual(profile.last_contact, dt.date(2025, 2, 4))
        self.assertEqual(profile.rhythm, 10)


def create_accounts(config=None):
    "Create a chart of accounts and the fiscal year of today"
    create_chart(config=config)
    fiscalyear = set_fiscalyear_invoice_sequences(
        create_fiscalyear(
            today=(dt.date(2025, 1, 1), dt.date(2025, 12, 31)),
            config=config), config=config)
    fiscalyear.save()
    fiscalyear.click('create_period')


class InvoiceTestCase(LoadCase):
    "Test the loader of purchases with invoices"
    extras = ['account_invoice']
    setup = [create_accounts]

    def test_purchases(self):
        text = PURCHASES.format(2025)
        result, rejects = self.load(Purchases, text)
        self.assertEqual(result, (5, 0, 1))
        self.assertIn("no open fiscal year for 1990-01-01", rejects[0])
        Invoice = Model.get('account.invoice')
        invoices = Invoice.find([])
        self.assertEqual({i.state for i in invoices}, {'posted'})
        self.assertEqual(
            sum(i.total_amount for i in invoices), Decimal('81.00'))
        Profile = Model.get('crm.profile')
        self.learn()
        profile, = Profile.find([('party.code', '=', 'C1')])
        self.assertEqual(profile.status, 'customer')
        self.assertEqual(profile.rhythm, 10)
        self.assertEqual(self.load(Purchases, text)[0], (0, 5, 1))
        # What is loaded later may be of an earlier day
        self.assertEqual(
            self.load(Purchases, (
                    'customer,date,amount\n'
                    'C9,2025-01-02,7.00\nC9,2025-01-01,3.00\n'))[0],
            (2, 0, 0))
        self.assertEqual(
            {i.state for i in Invoice.find([])}, {'posted'})
        self.assertEqual(
            {i.number for i in Invoice.find([('party.code', '=', 'C9')])},
            {'C9/2025-01-02/1', 'C9/2025-01-01/1'})
        self.assertFalse(any(i.invoice_report_cache for i in Invoice.find()))
        Timeline = Model.get('crm.timeline')
        events = Timeline.find([
                ('party.code', '=', 'C1'), ('kind', '=', 'invoice')])
        self.assertEqual(len(events), 5)
        self.assertEqual(
            sum(e.amount for e in events), Decimal('81.00'))


del LoadCase
