# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from lxml import etree
from sql import Literal
from sql.functions import CurrentTimestamp

from caravan.testing import count_queries
from trytond.pool import Pool
from trytond.pyson import PYSONDecoder
from trytond.tools import grouped_slice
from trytond.transaction import Transaction

from .common import CrmTestCase

# The numbers of a large company are tried by benchmarks/test_crm_party.py
SIZE = 1000


class SizeTestCase(CrmTestCase):
    "Test what a large number of customers costs"
    size = SIZE

    def setUp(self):
        super().setUp()
        self.user, self.leaver = self.create_user('leaver', 'group_crm')

    def create_rows(self, number, prefix="Customer"):
        "Create silent customers of the leaver with SQL, some with a plan"
        pool = Pool()
        party = pool.get('party.party').__table__()
        profile = pool.get('crm.profile').__table__()
        activity = pool.get('crm.activity').__table__()
        cursor = Transaction().connection.cursor()
        names = [f'{prefix} {i}' for i in range(number)]
        for sub_names in grouped_slice(names, 5000):
            cursor.execute(*party.insert(
                    [party.name, party.name_key, party.code, party.active],
                    [[n, n.lower(), n, True] for n in sub_names]))
        cursor.execute(*profile.insert(
                [profile.party, profile.company, profile.manager,
                    profile.status, profile.since, profile.contact_interval,
                    profile.refuses_marketing],
                party.select(
                    party.id, Literal(self.company.id),
                    Literal(self.leaver.id), Literal('customer'),
                    Literal(self.today - dt.timedelta(days=40)), Literal(30),
                    Literal(False),
                    where=party.name.like(f'{prefix} %'))))
        cursor.execute(*activity.insert(
                [activity.company, activity.type, activity.party,
                    activity.employee, activity.date, activity.priority,
                    activity.state, activity.postponed,
                    activity.create_date],
                party.select(
                    Literal(self.company.id), Literal(self.call.id), party.id,
                    Literal(self.leaver.id), Literal(self.today),
                    Literal('1'), Literal('planned'), Literal(0),
                    CurrentTimestamp(),
                    where=party.name.like(f'{prefix} %5'))))
        return number

    def measure(self, name, function):
        "Return the queries that function takes"
        with count_queries() as log:
            function()
        return len(log)

    def test_handover(self):
        "Many customers change hands, and back, by some statements"
        pool = Pool()
        Handover = pool.get('crm.handover')
        Profile = pool.get('crm.profile')
        Activity = pool.get('crm.activity')
        employees = [
            self.create_user(login, 'group_crm')[1]
            for login in ['first', 'second']]
        self.create_rows(self.size)
        handover = self.create('crm.handover',
            company=self.company.id, employee=self.leaver.id,
            lines=[('create', [{'employee': e.id} for e in employees])])

        def count(Model, field, employee):
            return Model.search([(field, '=', employee.id)], count=True)
        queries = self.measure(
            "preview", lambda: Handover.read(
                [handover.id], ['customer_count', 'activity_count']))
        self.assertEqual(handover.customer_count, self.size)
        self.assertEqual(handover.activity_count, self.size / 10)
        queries += self.measure(
            "hand-over", lambda: Handover.do([handover]))
        for employee in employees:
            self.assertEqual(
                count(Profile, 'manager', employee), self.size / 2)
        self.assertEqual(count(Activity, 'employee', self.leaver), 0)
        self.assertEqual(
            self.get('crm.assignment').search([], count=True), self.size * 1.1)
        queries += self.measure(
            "undo", lambda: Handover.undo([handover]))
        self.assertEqual(count(Profile, 'manager', self.leaver), self.size)
        self.assertEqual(
            count(Activity, 'employee', self.leaver), self.size / 10)
        self.assertLess(queries, 100)

    def open_day(self):
        "Read the lists of My Day as the client shows them"
        pool = Pool()
        ModelData = pool.get('ir.model.data')
        Action = pool.get('ir.action.act_window')
        decoder = PYSONDecoder({'context': Transaction().context})
        counts = []
        for name in ['act_day_activity', 'act_due_mine', 'act_day_lead']:
            action = Action(ModelData.get_id('crm_party', name))
            Model = pool.get(action.res_model)
            domain = [
                decoder.decode(action.pyson_domain), *(
                    decoder.decode(d.domain)
                    for d in action.act_window_domains[:1] if d.domain)]
            view = next(v.view for v in action.act_window_views
                if v.view.type == 'tree')
            arch = Model.fields_view_get(view.id)['arch']
            names = {
                f.get('name') for f in etree.fromstring(arch).iter('field')}
            records = Model.search(domain, limit=action.limit or 1000)
            Model.read([r.id for r in records], sorted(names))
            counts.append(Model.search_count(domain))
        return counts

    def test_day(self):
        "My Day costs as many queries for many customers as for 100"
        counts = {}
        for number in [100, self.size]:
            self.create_rows(number, f"Customer{number}")
            with self.act_as(self.user):
                self.open_day()
                Transaction().cache.clear()
                counts[number] = self.measure("My Day", self.open_day)
                activities, contacts, _ = self.open_day()
        self.assertEqual(activities, (self.size + 100) / 10)
        self.assertGreaterEqual(contacts, self.size * .9)
        self.assertEqual(counts[100], counts[self.size])

    def test_lists(self):
        "The lists of customers and activities"
        self.create_rows(self.size)
        Party = self.get('party.party')
        for Model, names in [
                (Party, ['name', 'crm_manager.rec_name', 'crm_status',
                        'crm_last_contact', 'crm_next_contact']),
                (self.get('crm.profile'), [
                        'party.rec_name', 'manager.rec_name', 'status',
                        'last_contact', 'next_contact', 'rhythm']),
                (self.get('crm.activity'), [
                        'party.rec_name', 'type.rec_name',
                        'employee.rec_name', 'outcome', 'when', 'color'])]:
            def read(number):
                with self.act_as(self.user):
                    records = Model.search([], limit=number)
                    self.assertEqual(len(records), number)
                    Model.read([r.id for r in records], names)
            with self.subTest(Model.__name__):
                self.assertConstantQueries(
                    read, small=self.size // 20, large=self.size // 10)
