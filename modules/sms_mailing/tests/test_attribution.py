# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What mailings have earned."""
import datetime as dt
from decimal import Decimal

from caravan.testing import count_queries
from trytond.modules.sms_mailing.tests.extras import ExtrasTestCase
from trytond.modules.sms_mailing.tests.fixtures import (
    make_mailing, make_parties, make_template)
from trytond.pool import Pool
from trytond.transaction import Transaction

DAY = dt.date(2026, 3, 2)


class AttributionTestCase(ExtrasTestCase):
    "Test the orders after mailings"

    def setUp(self):
        super().setUp()
        self.ann, self.bob = make_parties(
            Ann=[('mobile', '+37369000001')], Bob=[])
        self.template = make_template()

    def mailing(self, **values):
        return make_mailing(
            self.company, self.account, self.template, [self.ann], **values)

    def send(self, mailing, day, state='delivered'):
        "Write to Ann at noon of a day after the first"
        Pool().get('mailing.message').create([{
                    'company': self.company.id, 'mailing': mailing.id,
                    'party': self.ann.id, 'channel': 'sms',
                    'account': self.account.id,
                    'topic': self.template.topic.id,
                    'purpose': 'marketing', 'address': '+37369000001',
                    'state': state, 'sent_at': dt.datetime.combine(
                        DAY + dt.timedelta(days=day), dt.time(12)),
                    }])

    def sell(self, party, day, amount, state='confirmed', **values):
        pool = Pool()
        Sale = pool.get('sale.sale')
        address, = pool.get('party.address').create([{'party': party.id}])
        sale, = Sale.create([{
                    'company': self.company.id, 'party': party.id,
                    'invoice_address': address.id,
                    'shipment_address': address.id,
                    'currency': self.company.currency.id,
                    'sale_date': DAY + dt.timedelta(days=day),
                    'number': f'S{day}', **values}])
        Sale.write([sale], {
                'untaxed_amount_cache': Decimal(amount),
                'tax_amount_cache': Decimal(0),
                'total_amount_cache': Decimal(amount), 'state': state})
        return sale

    def earned(self, *mailings):
        for cache in Transaction().cache.values():
            cache.clear()
        return [
            (m.orders, m.revenue)
            for m in Pool().get('mailing.mailing').browse(mailings)]

    def test_days(self):
        "Orders count from the day of the message for so many days"
        mailing = self.mailing(attribution_days=5)
        self.send(mailing, 1)
        self.sell(self.ann, 0, '1.00')
        self.sell(self.ann, 1, '10.10')
        self.sell(self.ann, 6, '20.20', 'done')
        self.sell(self.ann, 7, '40.00')
        self.sell(self.ann, 2, '80.00', 'draft')
        self.sell(self.bob, 2, '160.00')
        self.assertEqual(self.earned(mailing), [(2, Decimal('30.30'))])

    def test_last(self):
        "An order is earned once, by the last mailing that arrived"
        first, second, third = (self.mailing() for _ in range(3))
        self.send(first, 0)
        self.send(second, 3)
        self.send(third, 4, 'undelivered')
        sale = self.sell(self.ann, 5, '100.00')
        self.assertEqual(self.earned(first, second, third), [
                (0, Decimal(0)), (1, Decimal(100)), (0, Decimal(0))])
        Attribution = Pool().get('mailing.attribution')
        line, = Attribution.search([('mailing', '=', second.id)])
        self.assertEqual(
            (line.sale, line.party, line.days, line.amount),
            (sale, self.ann, 2, Decimal(100)))

    def test_currency(self):
        "Amounts are in the currency of the company at the day of the order"
        Currency = Pool().get('currency.currency')
        company, = Currency.browse([self.company.currency.id])
        other, = Currency.create([{
                    'name': "Other", 'code': 'OTH', 'symbol': 'O'}])
        Currency.write([company], {'rates': [('create', [
                            {'date': dt.date(2026, 1, 1), 'rate': 1}])]})
        Currency.write([other], {'rates': [('create', [
                            {'date': dt.date(2026, 1, 1), 'rate': 2},
                            {'date': DAY, 'rate': 4}])]})
        mailing = self.mailing()
        self.send(mailing, 0)
        self.sell(self.ann, 0, '100.00', currency=other.id)
        self.assertEqual(self.earned(mailing), [(1, Decimal(25))])

    def test_queries(self):
        "What a list of mailings has earned is one query"
        Mailing = Pool().get('mailing.mailing')
        mailings = [self.mailing() for _ in range(10)]
        with count_queries() as log:
            Mailing.get_earnings(mailings, ['orders', 'revenue'])
        self.assertLessEqual(
            len([q for q in log if 'sale_sale' in q]), 1)


del ExtrasTestCase
