# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The criteria of segments, those of other modules included."""
import datetime as dt
from decimal import Decimal

from caravan.testing import unvalidated
from trytond.modules.fleet.tests.tools import (
    create_drivers, create_order, create_vehicles)
from trytond.modules.sms_mailing.tests.extras import ExtrasTestCase
from trytond.modules.sms_mailing.tests.fixtures import make_parties
from trytond.pool import Pool
from trytond.transaction import Transaction


class SegmentTestCase(ExtrasTestCase):
    "Test who meets a criterion"

    def setUp(self):
        super().setUp()
        self.ann, self.bob = make_parties(
            Ann=[('mobile', '+37369000001')], Bob=[])

    def members(self, criterion, **values):
        "Return the parties of a segment with one criterion"
        pool = Pool()
        segment, = pool.get('mailing.segment').create([{
                    'name': criterion,
                    'criteria': [('create', [
                                {'criterion': criterion, **values}])],
                    }])
        return pool.get('party.party').search(segment.party_domain())

    def test_all(self):
        "Each criterion and its opposite share out the parties"
        pool = Pool()
        Criterion = pool.get('mailing.segment.criterion')
        Party = pool.get('party.party')
        category, = pool.get('party.category').create([{'name': "Best"}])
        language, = pool.get('ir.lang').search([('code', '=', 'en')])
        country, = pool.get('country.country').create([{'name': "Moldova"}])
        values = {
            'category': category.id, 'language': language.id,
            'country': country.id, 'text': "Chisinau", 'days': 30,
            'amount': Decimal(1)}
        everybody = Party.search([], count=True)
        for name, (_, kind) in Criterion.criteria().items():
            if kind == 'crm_segment':
                continue
            with self.subTest(criterion=name):
                used = {n: v for n, v in values.items()
                    if n == kind or n in (kind or '').split('_')}
                self.assertTrue(used or not kind)
                inside = self.members(name, **used)
                outside = self.members(name, negate=True, **used)
                self.assertFalse(set(inside) & set(outside))
                self.assertEqual(len(inside) + len(outside), everybody)

    def test_sale(self):
        "Who ordered lately"
        pool = Pool()
        Sale = pool.get('sale.sale')
        today = pool.get('ir.date').today()
        for party, days in [(self.ann, 5), (self.bob, 50)]:
            address, = pool.get('party.address').create(
                [{'party': party.id}])
            sale, = Sale.create([{
                        'company': self.company.id, 'party': party.id,
                        'invoice_address': address.id,
                        'shipment_address': address.id,
                        'currency': self.company.currency.id,
                        'sale_date': today - dt.timedelta(days=days)}])
            self.assertNotIn(party, self.members('ordered', days=30))
            Sale.write([sale], {'state': 'processing'})
        self.assertEqual(self.members('ordered', days=30), [self.ann])
        self.assertNotIn(
            self.ann, self.members('ordered', days=30, negate=True))

    def test_fleet(self):
        "Drivers, owners of vehicles, who orders transport"
        pool = Pool()
        driver, other = create_drivers(2)
        vehicle, = create_vehicles(1)
        now = dt.datetime.now()
        pool.get('fleet.assignment').create([{
                    'vehicle': vehicle.id, 'driver': driver.id,
                    'start': now - dt.timedelta(days=2)}])
        self.assertEqual(
            set(self.members('driver')), {driver.party, other.party})
        self.assertEqual(self.members('vehicle_driver'), [driver.party])
        self.assertEqual(self.members('vehicle_owner'), [])
        pool.get('fleet.vehicle').write([vehicle], {
                'ownership': 'partner', 'owner': self.bob.id,
                'state': 'active'})
        self.assertEqual(self.members('vehicle_owner'), [self.bob])
        order = create_order(party=self.ann)
        today = pool.get('ir.date').today()
        pool.get('fleet.order').write([order], {
                'order_date': today - dt.timedelta(days=3),
                'state': 'confirmed'})
        self.assertEqual(self.members('transport', days=5), [self.ann])
        self.assertEqual(self.members('transport', days=1), [])

    @unvalidated()
    def invoice(self, party, amount, currency):
        pool = Pool()
        Invoice = pool.get('account.invoice')
        type_, = pool.get('account.account.type').create([{
                    'name': "Receivable", 'company': self.company.id,
                    'statement': 'balance', 'receivable': True}])
        account, = pool.get('account.account').create([{
                    'name': "Receivable", 'company': self.company.id,
                    'type': type_.id, 'party_required': True}])
        address, = pool.get('party.address').create([{'party': party.id}])
        invoice, = Invoice.create([{
                    'company': self.company.id, 'type': 'out',
                    'party': party.id, 'invoice_address': address.id,
                    'currency': currency.id, 'account': account.id,
                    'invoice_date': pool.get('ir.date').today()}])
        table = Invoice.__table__()
        Transaction().connection.cursor().execute(*table.update(
                [table.state, table.untaxed_amount_cache],
                ['posted', Decimal(amount)], where=table.id == invoice.id))

    def test_turnover(self):
        "Turnover counts in the currency of the company"
        Currency = Pool().get('currency.currency')
        ours = Currency(self.company.currency.id)
        other, = Currency.create([{
                    'name': "Other", 'code': 'OTH', 'symbol': 'O'}])
        for currency, rate in [(ours, 1), (other, 20)]:
            Currency.write([currency], {'rates': [('create', [
                                {'date': dt.date(2026, 1, 1),
                                    'rate': rate}])]})
        self.invoice(self.ann, '60.00', ours)
        self.invoice(self.ann, '800.00', other)
        self.invoice(self.bob, '1000.00', other)
        self.assertEqual(
            self.members('turnover', days=5, amount=Decimal(100)), [self.ann])
