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

    def sell(
            self, party, day, amount, state='confirmed', line=None, **values):
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
        if line:
            product, quantity, unit = line
            pool.get('sale.line').create([{
                        'sale': sale.id, 'type': 'line',
                        'product': product.id, 'quantity': quantity,
                        'unit_price': Decimal(1),
                        'unit': (unit or product.default_uom).id}])
        Sale.write([sale], {
                'untaxed_amount_cache': Decimal(amount),
                'tax_amount_cache': Decimal(0),
                'total_amount_cache': Decimal(amount), 'state': state})
        return sale

    @staticmethod
    def clear():
        for cache in Transaction().cache.values():
            cache.clear()

    def earned(self, *mailings):
        self.clear()
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

    def product(self, cost):
        pool = Pool()
        unit, = pool.get('product.uom').search([('name', '=', "Unit")])
        template, = pool.get('product.template').create([{
                    'name': "Pallet", 'type': 'goods',
                    'default_uom': unit.id, 'salable': True,
                    'sale_uom': unit.id,
                    'products': [('create', [{}])]}])
        product, = template.products
        pool.get('product.cost_price').create([{
                    'product': product.id, 'company': self.company.id,
                    'cost_price': Decimal(cost)}])
        return product

    def test_profit(self):
        "Goods count at the cost of their moves, else at their cost price"
        pool = Pool()
        Mailing = pool.get('mailing.mailing')
        Message = pool.get('mailing.message')
        Move = pool.get('stock.move')
        Uom = pool.get('product.uom')
        mailing = self.mailing()
        self.send(mailing, 0)
        message, = Message.search([('mailing', '=', mailing.id)])
        Message.write([message], {'cost': Decimal('0.50')})
        product = self.product('3.00')
        dozen, = Uom.create([{
                    'name': "Dozen", 'symbol': "dz", 'factor': 12,
                    'rate': round(1 / 12, 12), 'rounding': 1,
                    'category': product.default_uom.category.id}])
        sale = self.sell(
            self.ann, 1, '100.00', line=(product, 1, dozen))
        self.assertEqual(
            Mailing(mailing.id).profit, Decimal('63.50'))
        other = self.sell(self.ann, 2, '20.00', line=(product, 2, None))
        table = Move.__table__()
        transaction = Transaction()
        location, = pool.get('stock.location').search(
            [('type', '=', 'storage')], limit=1)
        lost, = pool.get('stock.location').search(
            [('type', '=', 'lost_found')], limit=1)
        transaction.connection.cursor().execute(*table.insert(
                [
                    table.product, table.quantity, table.internal_quantity,
                    table.unit, table.from_location, table.to_location,
                    table.state, table.cost_price, table.origin,
                    table.company, table.effective_date],
                [[
                        product.id, 2, 2, product.default_uom.id,
                        location.id, lost.id, 'done', Decimal('4.00'),
                        str(other.lines[0]), self.company.id, DAY]]))
        self.clear()
        self.assertEqual(
            Mailing(mailing.id).profit, Decimal('75.50'))
        Attribution = pool.get('mailing.attribution')
        self.assertEqual(
            {a.sale: a.margin for a in Attribution.search([])},
            {sale: Decimal(64), other: Decimal(12)})

    def test_hold_out(self):
        "What comes beyond what comes without the mailing"
        pool = Pool()
        Mailing = pool.get('mailing.mailing')
        Recipient = pool.get('mailing.recipient')
        parties = make_parties(**{f'P{i}': [] for i in range(6)})
        mailing = self.mailing(hold_out=30, attribution_days=10)
        table = Recipient.__table__()
        Transaction().connection.cursor().execute(*table.insert(
                [table.mailing, table.party, table.channel, table.state,
                    table.reason],
                [[mailing.id, p.id, 'sms', 'included', None]
                    for p in parties[:4]]
                + [[mailing.id, p.id, 'sms', 'excluded', 'hold_out']
                    for p in parties[4:]]))
        Mailing.write([mailing], {
                'started_at': dt.datetime.combine(DAY, dt.time(9))})
        self.clear()
        for party, day, amount in [
                (0, 1, 100), (0, 2, 50), (1, 3, 30), (2, 11, 900),
                (4, 4, 20)]:
            self.sell(parties[party], day, amount)
        mailing = Mailing(mailing.id)
        self.assertEqual(
            (mailing.order_rate, mailing.hold_out_rate), (0.5, 0.5))
        self.assertEqual(mailing.extra_revenue, Decimal(140))
        self.assertEqual(mailing.extra_profit, Decimal(140))

    def test_no_hold_out(self):
        "Without a hold-out group there is nothing to compare with"
        mailing = self.mailing()
        self.assertIsNone(mailing.order_rate)
        self.assertIsNone(mailing.extra_revenue)

    def test_queries(self):
        "What a list of mailings has earned is one query"
        Mailing = Pool().get('mailing.mailing')
        mailings = [self.mailing() for _ in range(10)]
        with count_queries() as log:
            Mailing.get_earnings(mailings, ['orders', 'revenue'])
        self.assertLessEqual(
            len([q for q in log if 'sale_sale' in q]), 1)


del ExtrasTestCase
