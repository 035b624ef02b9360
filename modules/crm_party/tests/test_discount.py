# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
from decimal import Decimal
from unittest.mock import patch

from caravan.testing import set_up_chart
from trytond.model.exceptions import AccessError
from trytond.modules.crm_party.exceptions import DiscountError
from trytond.transaction import Transaction

from .common import CASES, EXTRAS, CrmTestCase, set_up


def date(text):
    return dt.date.fromisoformat(text)


class DiscountTestCase(CrmTestCase):
    "Test discounts"
    modules = ['crm_party', *EXTRAS]
    set_ups = [set_up, set_up_chart]

    def setUp(self):
        super().setUp()
        self.party = self.create_party("Buyer", profile={})
        self.bought = {}
        self.enterContext(patch.object(
                self.get('crm.discount.category'), 'get_turnovers',
                lambda category, today: self.bought))

    def category(self, **values):
        return self.create('crm.discount.category', **{
                'name': "Card",
                'company': self.company.id,
                'tiers': [('create', [{
                                'name': tier['name'],
                                'threshold': Decimal(tier['from']),
                                'percent': Decimal(tier['percent']),
                                } for tier in CASES['discount_tiers'][
                                'tiers']])],
                **values})

    def buy(self, turnover, today='2026-07-01'):
        "Let the customer have that turnover, return his profile"
        self.bought[self.party.id] = Decimal(turnover)
        with self.at(today):
            self.get('crm.profile').compute()
        return self.profile

    @property
    def profile(self):
        profile, = self.get('party.party')(self.party.id).crm_profiles
        return profile

    def at(self, today):
        return patch.object(
            self.get('ir.date'), 'today', return_value=date(today))

    def set_category(self, category):
        profile = self.profile
        profile.discount_category = category
        profile.save()

    def test_tiers(self):
        self.set_category(self.category(downgrade='immediate'))
        for case in CASES['discount_tiers']['cases']:
            profile = self.buy(case['turnover'])
            with self.subTest(**case):
                self.assertEqual(
                    profile.tier and profile.tier.name, case['tier'])
                self.assertEqual(
                    profile.tier_turnover, Decimal(case['turnover']))
        profile = self.buy('999.99')
        self.assertEqual(
            (profile.next_tier.name, profile.next_distance),
            ("silver", Decimal('0.01')))
        profile = self.buy('20000')
        self.assertIsNone(profile.next_tier)

    def test_downgrade(self):
        for case in CASES['discount_tiers']['downgrade']:
            category = self.category(
                downgrade=case['policy'], period='calendar_year')
            thresholds = {t.name: t.threshold for t in category.tiers}
            self.set_category(category)
            profile = self.buy(thresholds[case['current']], '2026-06-01')
            self.assertEqual(profile.tier.name, case['current'])
            self.assertEqual(profile.tier_until, date('2026-12-31'))
            profile = self.buy(
                thresholds[case['computed']],
                case.get('today', '2026-07-01'))
            with self.subTest(**case):
                self.assertEqual(profile.tier.name, case['result'])

    def test_fixed(self):
        category = self.category(kind='fixed', tiers=[('create', [
                        {'name': "Pensioner", 'threshold': 0,
                            'percent': Decimal(5)}])])
        self.set_category(category)
        # Without waiting for the night
        self.assertEqual(self.profile.tier.name, "Pensioner")
        with self.assertRaises(DiscountError):
            self.create('crm.discount.tier',
                category=category.id, name="Other", threshold=1, percent=1)
            self.get('crm.discount.category').write([category], {
                    'name': "Pensioners"})

    def test_prices(self):
        "The tier sets the price list, the one of before comes back"
        PriceList = self.get('product.price_list')
        before, = PriceList.create([{
                    'name': "Before", 'company': self.company.id,
                    'unit': 'product_default', 'price': 'list_price',
                    'lines': [('create', [{'formula': 'unit_price'}])]}])
        self.party.sale_price_list = before
        self.party.save()
        self.set_category(self.category(downgrade='immediate'))

        def price_list():
            return self.get('party.party')(self.party.id).sale_price_list
        self.buy('5000')
        gold = price_list()
        self.assertEqual(gold.name, "Card gold")
        case, = CASES['discount_tiers']['price']
        line, = gold.lines
        price = line.get_unit_price(
            names={'unit_price': Decimal(case['list'])}, functions={})
        self.assertEqual(
            round(price, case['digits']), Decimal(case['unit_price']))
        self.buy('1000')
        self.assertEqual(price_list().name, "Card silver")
        tier = self.profile.tier
        Tier = self.get('crm.discount.tier')
        Tier.write([tier], {'name': "argent"})
        Tier.write([tier], {'percent': Decimal(4)})
        line, = price_list().lines
        self.assertEqual(
            line.get_unit_price(
                names={'unit_price': Decimal(100)}, functions={}),
            Decimal('96'))
        # What somebody has changed by hand stays
        line.formula = 'unit_price * 0.5'
        line.save()
        Tier.write([tier], {'percent': Decimal(3)})
        line, = price_list().lines
        self.assertEqual(line.formula, 'unit_price * 0.5')
        # Another list of the tier is that of its customers
        Tier.write([tier], {'price_list': before.id})
        self.assertEqual(price_list(), before)
        self.buy('6000')
        self.assertEqual(price_list(), gold)
        self.set_category(None)
        self.assertEqual(price_list(), before)
        self.assertIsNone(self.profile.tier)

    def test_due(self):
        "A new tier is good news to tell"
        self.set_category(self.category())
        self.buy('5000', '2026-07-01')
        Due = self.get('crm.due')
        for today, number in [('2026-07-02', 1), ('2026-07-08', 0)]:
            with self.subTest(today), self.at(today):
                self.assertEqual(
                    Due.search([('kind', '=', 'tier')], count=True), number)
        self.done(self.party, date('2026-07-01'))
        with self.at('2026-07-02'):
            self.assertFalse(Due.search([('kind', '=', 'tier')]))

    def test_access(self):
        "Not everybody grants discounts"
        category = self.category()
        user, employee = self.create_user('clerk', 'group_crm')
        chief, _ = self.create_user('chief', 'group_crm_all')
        profile = self.profile
        profile.manager = employee
        profile.save()
        Profile = self.get('crm.profile')
        with self.act_as(user):
            Profile.write([profile], {'note': "Wants a discount"})
            with self.assertRaises(AccessError):
                Profile.write([profile], {'discount_category': category.id})
        with self.act_as(chief):
            Profile.write([profile], {'discount_category': category.id})

    def test_card(self):
        "The number on a card finds the customer"
        self.create('party.identifier',
            party=self.party.id, type='crm_card', code='4006381333931')
        self.assertEqual(
            self.get('party.party').search(
                [('rec_name', '=', '4006381333931')]), [self.party])


class SimulationTestCase(CrmTestCase):
    "Test what discounts would have cost"
    modules = ['crm_party', *EXTRAS]
    set_ups = [set_up, set_up_chart]

    def buy(self, name, *documents):
        "Insert invoices (state, date, amount) of a customer"
        party = self.create_party(name, profile={})
        account, = self.get('account.account').search([
                ('type.receivable', '=', True),
                ('company', '=', self.company.id)], limit=1)
        for state, day, amount in documents:
            invoice = self.create('account.invoice',
                company=self.company.id, type='out', party=party.id,
                invoice_address=self.create(
                    'party.address', party=party.id).id,
                currency=self.company.currency.id, account=account.id,
                journal=self.journal.id, invoice_date=day)
            self.set(invoice, state=state,
                untaxed_amount_cache=Decimal(amount),
                total_amount_cache=Decimal(amount))
        return party

    def set(self, record, **values):
        table = record.__table__()
        Transaction().connection.cursor().execute(*table.update(
                [getattr(table, name) for name in values],
                list(values.values()), where=table.id == record.id))

    def test_turnover(self):
        "What counts, by basis and period, and what it would have cost"
        self.journal, = self.get('account.journal').search(
            [('type', '=', 'revenue')], limit=1)
        today = date('2026-07-01')
        old, new = date('2025-06-01'), date('2026-03-01')
        last = date('2025-12-01')
        one = self.buy("One",
            ('posted', old, '50000'), ('posted', new, '6000'),
            ('paid', last, '500'), ('paid', new, '-100'),
            ('draft', new, '9000'), ('cancelled', new, '9000'))
        self.buy("Two", ('paid', new, '1000'))
        categories = {}
        for basis, period, amount in [
                ('invoiced', 'rolling', '6400'), ('paid', 'rolling', '400'),
                ('invoiced', 'calendar_year', '5900'),
                ('invoiced', 'lifetime', '56400')]:
            category = self.create('crm.discount.category',
                name=f"{basis} {period}", company=self.company.id,
                basis=basis, period=period,
                tiers=[('create', [
                            {'name': "Low", 'threshold': 0, 'percent': 1},
                            {'name': "High", 'threshold': 5000,
                                'percent': Decimal('7.5')}])])
            categories[basis, period] = category
            with self.subTest(basis=basis, period=period):
                self.assertEqual(
                    category.get_turnovers(today).get(one.id),
                    Decimal(amount))
        with patch.object(
                self.get('ir.date'), 'today', return_value=today):
            rows = self.get('crm.discount.simulation').search([
                    ('category', '=', categories['invoiced', 'rolling'].id)])
        self.assertEqual(
            [(r.tier.name, r.customers, r.turnover, r.discount)
                for r in rows], [
                ("Low", 1, Decimal('1000.00'), Decimal('10.00')),
                ("High", 1, Decimal('6400.00'), Decimal('480.00'))])
