# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The ready rules of the modules that are there."""
import datetime as dt
import itertools

from caravan.testing import count_queries
from trytond.modules.company.tests import create_employee
from trytond.modules.fleet.tests.tools import (
    create_drivers, create_order, create_vehicles)
from trytond.modules.sms_mailing.sending import Outbox
from trytond.modules.sms_mailing.tests.extras import ExtrasTestCase
from trytond.modules.sms_mailing.tests.fixtures import make_parties
from trytond.pool import Pool
from trytond.transaction import Transaction


class RulesTestCase(ExtrasTestCase):
    "Test the ready rules"

    def rule(self, name, since):
        "Return a ready rule as it was in force since a date"
        pool = Pool()
        Rule = pool.get('mailing.rule')
        ModelData = pool.get('ir.model.data')
        rule = Rule(ModelData.get_id('sms_mailing', f'rule_{name}'))
        self.assertTrue(rule.simulate)
        rule.since = since
        rule.save()
        return rule

    def scan(self, rule, *dates):
        "Scan on each of dates twice, return the messages as they read"
        pool = Pool()
        Message = pool.get('mailing.message')
        Rule = pool.get('mailing.rule')
        for date in dates:
            Rule.scan(date)
            Rule.scan(date)
        messages = Message.search(
            [('rule', '=', rule.id)], order=[('id', 'ASC')])
        # Without the commits of a worker
        outbox, ids = Outbox(self.account), [m.id for m in messages]
        outbox.claim(ids, outbox.write_out(ids))
        for cache in Transaction().cache.values():
            cache.clear()
        return [
            (m.party.name, m.text, m.state)
            for m in Message.browse([m.id for m in messages])]

    def give_mobile(self, *parties):
        Mechanism = Pool().get('party.contact_mechanism')
        Mechanism.create([{
                    'party': p.id, 'type': 'mobile',
                    'value': f'+3736900{p.id:04}'} for p in parties])

    def create_document(self, name, valid_to, **values):
        pool = Pool()
        Type = pool.get('fleet.document.type')
        type_, = Type.create([{
                    'name': name,
                    'applies_to': (
                        'driver' if 'driver' in values else 'vehicle'),
                    'warning_steps': '30, 14, 7'}])
        document, = pool.get('fleet.document').create([{
                    'type': type_.id, 'number': "N1", 'valid_to': valid_to,
                    **values}])
        return document

    def test_driver_document(self):
        "The driver is told of a paper that expires, once for each step"
        driver, = create_drivers(1)
        self.give_mobile(driver.party)
        end = dt.date(2026, 3, 31)
        document = self.create_document("Licence", end, driver=driver.id)
        rule = self.rule('document_expiring', dt.date(2026, 1, 1))
        other = self.rule('vehicle_document_expiring', dt.date(2026, 1, 1))
        messages = self.scan(
            rule, end - dt.timedelta(31), end - dt.timedelta(30),
            end - dt.timedelta(29), end - dt.timedelta(14))
        self.assertEqual(messages, 2 * [(
                    "Driver 0000",
                    "Driver, your Licence N1 expires on 03/31/2026. "
                    "Please renew it in time. Dunder Mifflin",
                    'simulated')])
        self.assertEqual(self.scan(other), [])
        document.replaced_by = self.create_document(
            "New Licence", None, driver=driver.id)
        document.save()
        self.assertEqual(
            len(self.scan(rule, end - dt.timedelta(7))), 2)

    def test_contract(self):
        "The customer is told once that a contract ends, if it is not renewed"
        pool = Pool()
        Contract = pool.get('crm.contract')
        ann, bob = make_parties(
            **{"Ann Lee": [('mobile', '+37369000001')],
                "Bob": [('mobile', '+37369000002')]})
        end = dt.date(2026, 3, 31)
        Contract.create([{
                    'company': self.company.id,
                    'currency': self.company.currency.id,
                    'party': party.id, 'number': "C1", 'end': end,
                    'start': dt.date(2026, 1, 1), 'state': 'active',
                    'direction': direction,
                    'renewal': renewal, 'renewal_months': 12,
                    } for party, direction, renewal in [
                    (ann, 'customer', 'none'),
                    (ann, 'supplier', 'none'),
                    (bob, 'customer', 'automatic')]])
        rule = self.rule('contract_end', dt.date(2026, 1, 1))
        days = [dt.timedelta(days) for days in [31, 30, 29]]
        self.assertEqual(self.scan(rule, *(end - d for d in days)), [(
                    "Ann Lee",
                    "Ann Lee, your contract C1 ends on 03/31/2026. "
                    "Dunder Mifflin",
                    'simulated')])

    def test_vehicle_document(self):
        "Who is in charge is told of the papers of a vehicle"
        employee = create_employee(self.company, "Ann Lee")
        self.give_mobile(employee.party)
        kept, other = create_vehicles(2)
        kept.responsible = employee
        kept.save()
        end = dt.date(2026, 3, 31)
        self.create_document("Insurance", end, vehicle=kept.id)
        self.create_document("Inspection", end, vehicle=other.id)
        rule = self.rule('vehicle_document_expiring', dt.date(2026, 1, 1))
        (name, text, state), = self.scan(rule, end - dt.timedelta(7))
        self.assertEqual((name, state), ("Ann Lee", 'simulated'))
        self.assertEqual(
            text, f"Ann, Insurance N1 of {kept.rec_name} expires on "
            "03/31/2026. Dunder Mifflin")

    def test_transport_order(self):
        "The customer follows the order, each step is told once"
        pool = Pool()
        Order = pool.get('fleet.order')
        order = create_order()
        self.give_mobile(order.party)
        confirmed = self.rule('order_confirmed', dt.date(2020, 1, 1))
        delivered = self.rule('order_delivered', dt.date(2020, 1, 1))
        self.assertEqual(self.scan(confirmed, None), [])
        for state in ['confirmed', 'in_transit', 'delivered', 'invoiced']:
            Order.write([order], {'state': state, 'number': 'T1'})
            sent = len(self.scan(confirmed, None)), len(
                self.scan(delivered))
            self.assertEqual(
                sent, (1, int(state in {'delivered', 'invoiced'})), state)
        (_, text, _), = self.scan(delivered)
        self.assertEqual(
            text, "Your transport order T1 was delivered. Thank you! "
            "Dunder Mifflin")

    def test_birthday(self):
        "Once a year, a leap day in February too; refusals count"
        pool = Pool()
        Party = pool.get('party.party')
        Refusal = pool.get('mailing.refusal')
        ann, bob, carl, firm = make_parties(**{
                n: [('mobile', f'+3736900000{i}')]
                for i, n in enumerate(["Ann", "Bob", "Carl", "Firm"])})
        for party, born in [
                (ann, dt.date(2000, 2, 29)), (bob, dt.date(1980, 2, 28)),
                (carl, dt.date(1990, 2, 28)), (firm, dt.date(1990, 2, 28))]:
            Party.write([party], {'birth_date': born})
        Party.write([firm], {'crm_kind': 'organisation'})
        Refusal.create([{'party': carl.id}])
        rule = self.rule('birthday', dt.date(2026, 1, 1))
        self.assertEqual(self.scan(rule, dt.date(2026, 2, 27)), [])
        greeting = "Happy birthday, %s! All the best from Dunder Mifflin."
        self.assertEqual(
            self.scan(rule, dt.date(2026, 2, 28), dt.date(2026, 3, 1)), [
                ("Ann", greeting % "Ann", 'simulated'),
                ("Bob", greeting % "Bob", 'simulated'),
                ("Carl", None, 'cancelled')])
        names = [n for n, _, _ in self.scan(
                rule, dt.date(2028, 2, 28), dt.date(2028, 2, 29))[3:]]
        self.assertEqual(names, ["Bob", "Carl", "Ann"])

    def test_sale(self):
        "An order is confirmed and completed, each is told once"
        pool = Pool()
        Sale = pool.get('sale.sale')
        party, = make_parties(Ann=[('mobile', '+37369000001')])
        address, = pool.get('party.address').create([{'party': party.id}])
        sale, = Sale.create([{
                    'company': self.company.id, 'party': party.id,
                    'invoice_address': address.id,
                    'shipment_address': address.id,
                    'currency': self.company.currency.id}])
        confirmed = self.rule('sale_confirmed', dt.date(2020, 1, 1))
        done = self.rule('sale_done', dt.date(2020, 1, 1))
        self.assertEqual(self.scan(confirmed, None), [])
        Sale.write([sale], {
                'state': 'confirmed', 'number': 'S1',
                'sale_date': dt.date(2026, 3, 2)})
        (_, text, state), = self.scan(confirmed, None)
        self.assertEqual(state, 'simulated')
        self.assertEqual(
            text, "Thank you, Ann: your order S1 of usd0.00 is confirmed. "
            "Dunder Mifflin")
        Sale.write([sale], {'state': 'done'})
        self.assertEqual(len(self.scan(confirmed, None)), 1)
        (_, text, _), = self.scan(done)
        self.assertEqual(
            text, "Your order S1 is completed. Thank you! Dunder Mifflin")

    def test_queries(self):
        "A scan costs the same for few records and many"
        Message = Pool().get('mailing.message')
        Party = Pool().get('party.party')
        rule = self.rule('birthday', dt.date(2026, 1, 1))

        days = itertools.count(10)

        def scan(count):
            day = next(days)
            parties = make_parties(**{
                    f'P{day}-{i}': [('mobile', f'+37369{day}{i:04}')]
                    for i in range(count)})
            Party.write(parties, {'birth_date': dt.date(1990, 5, day)})
            with count_queries() as log:
                rule._scan([rule], dt.date(2026, 5, day))
            self.assertEqual(Message.search([
                        ('party', 'in', [p.id for p in parties]),
                        ], count=True), count)
            return len(log)

        scan(1)
        self.assertEqual(scan(2), scan(30))

    def test_deleted(self):
        "What was deleted is not written about, the others are"
        pool = Pool()
        Message = pool.get('mailing.message')
        Rule = pool.get('mailing.rule')
        Sale = pool.get('sale.sale')
        party, = make_parties(Ann=[('mobile', '+37369000001')])
        address, = pool.get('party.address').create([{'party': party.id}])
        sales = Sale.create([{
                    'company': self.company.id, 'party': party.id,
                    'invoice_address': address.id,
                    'shipment_address': address.id,
                    'currency': self.company.currency.id}] * 2)
        rule = self.rule('sale_done', dt.date(2020, 1, 1))
        Sale.write(sales, {
                'state': 'done', 'number': 'S1',
                'sale_date': dt.date(2026, 3, 2)})
        Rule.scan()
        messages = Message.search(
            [('rule', '=', rule.id)], order=[('id', 'ASC')])
        Sale.write(sales[:1], {'state': 'cancelled'})
        Sale.delete(sales[:1])
        outbox, ids = Outbox(self.account), [m.id for m in messages]
        outbox.claim(ids, outbox.write_out(ids))
        for cache in Transaction().cache.values():
            cache.clear()
        self.assertEqual(
            [(m.state, m.error_code) for m in messages],
            [('cancelled', 'settled'), ('simulated', None)])


del ExtrasTestCase
