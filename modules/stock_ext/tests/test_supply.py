# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from trytond.modules.stock_ext.exceptions import CoverRequestError
from trytond.modules.stock_ext.tests.common import (
    EXTRAS, StockTestCase, create_product, move)
from trytond.pool import Pool
from trytond.transaction import Transaction

TODAY = dt.date.today()


class SupplyTestCase(StockTestCase):
    "Test what runs out where purchases are requested"
    modules = ['stock_ext', *EXTRAS]

    def setUp(self):
        super().setUp()
        self.Cover = Pool().get('stock.cover')
        self.warehouse = self.store.warehouse

    def point(self, product, minimum, target):
        OrderPoint = Pool().get('stock.order_point')
        point, = OrderPoint.create([{
                    'product': product.id,
                    'location': self.warehouse.id,
                    'type': 'purchase',
                    'min_quantity': minimum,
                    'target_quantity': target,
                    'company': self.company.id,
                    }])
        return point

    def cover(self, product):
        cover, = self.Cover.search([('product', '=', product.id)])
        return cover

    def buyable(self, name):
        product = create_product(name)
        template = product.template
        template.purchasable = True
        template.purchase_uom = product.default_uom
        template.save()
        return product

    def test_minimum(self):
        "The order point gives the minimum, also of what never moved"
        never, low, high = [
            self.buyable(n) for n in ["Never", "Low", "High"]]
        self.supply({low: 4, high: 9})
        for product in [never, low, high]:
            self.point(product, 5, 20)
        for product, level, target, reason in [
                (never, 'out', 20, "Nothing is left, the minimum is 5 u"),
                (low, 'running_out', 16,
                    "The forecast of 4 u is below the minimum of 5 u"),
                (high, 'ok', 0, "")]:
            with self.subTest(product=product.rec_name):
                cover = self.cover(product)
                self.assertEqual(cover.minimum, 5)
                self.assertEqual(cover.level, level)
                self.assertEqual(cover.target, target)
                self.assertEqual(cover.reason.replace('\xa0', ' '), reason)

    def test_lead_time(self):
        "The lead time is that of the supplier"
        pool = Pool()
        Party = pool.get('party.party')
        Supplier = pool.get('purchase.product_supplier')
        product = self.buyable("Bolt")
        self.supply({product: 5})
        self.assertEqual(self.cover(product).lead_days, 7)
        party, = Party.create([{'name': "Supplier"}])
        Supplier.create([{
                    'template': product.template.id,
                    'party': party.id,
                    'company': self.company.id,
                    'currency': self.company.currency.id,
                    'lead_time': dt.timedelta(days=21),
                    }])
        Transaction().cache.clear()
        self.assertEqual(self.cover(product).lead_days, 21)

    def test_request(self):
        "What runs out is requested once"
        Request = Pool().get('purchase.request')
        pointed, used, enough = [
            self.buyable(n) for n in ["Pointed", "Used", "Enough"]]
        self.supply({pointed: 4, used: 92, enough: 50})
        point = self.point(pointed, 5, 20)
        move(self.shelf, self.customer, {used: 91})
        covers = self.Cover.search([])
        requests = self.Cover.request(covers)
        self.assertEqual({
                (r.product, r.quantity, r.warehouse) for r in requests}, {
                (pointed, 16, self.warehouse),
                (used, 97, self.warehouse)})
        self.assertIn(point, [r.origin for r in requests])
        self.assertFalse(self.Cover.request(covers))
        self.assertEqual(Request.search([], count=True), 2)
        # What is written into a purchase is on its way
        Line = Pool().get('purchase.line')
        Purchase = Pool().get('purchase.purchase')
        purchase = Purchase(party=self.party, warehouse=self.warehouse)
        purchase.lines = [
            Line(product=r.product, quantity=r.quantity, unit=r.unit,
                unit_price=1) for r in requests]
        purchase.save()
        for request, line in zip(requests, purchase.lines):
            request.purchase_line = line
        Request.save(requests)
        Request.update_state(requests)
        self.assertEqual({r.state for r in requests}, {'purchased'})
        self.assertFalse(self.Cover.request(covers))

    def test_request_stays(self):
        "The nightly supply keeps what a person requested"
        Request = Pool().get('purchase.request')
        product = self.buyable("Bolt")
        self.supply({product: 92})
        move(self.shelf, self.customer, {product: 91})
        request, = self.Cover.request([self.cover(product)])
        Request.generate_requests()
        self.assertEqual(Request.search([]), [request])

    def test_request_wizard(self):
        "The lines selected are requested, then told that they are"
        Wizard = Pool().get('stock.cover.request', type='wizard')
        product = self.buyable("Bolt")
        self.supply({product: 4})
        self.point(product, 5, 20)
        cover = self.cover(product)

        def request():
            session, _, _ = Wizard.create()
            with Transaction().set_context(
                    active_model='stock.cover', active_id=cover.id,
                    active_ids=[cover.id]):
                return Wizard.execute(session, {}, 'open_')
        (_, data), = request()['actions']
        Request = Pool().get('purchase.request')
        self.assertEqual(
            [(r.product, r.quantity)
                for r in Request.browse(data['res_id'])], [(product, 16)])
        with self.assertRaisesRegex(CoverRequestError, "nothing to request"):
            request()
