# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
import time

from lxml import etree
from sql import Literal
from sql.functions import CurrentTimestamp

from caravan.testing import count_queries
from trytond.pool import Pool
from trytond.pyson import PYSONDecoder
from trytond.tools import grouped_slice
from trytond.transaction import Transaction

from .common import CrmTestCase

SIZE = 10000


class SizeTestCase(CrmTestCase):
    "Test what a large number of customers costs"

    def setUp(self):
        super().setUp()
        self.user, self.leaver = self.create_user('leaver', 'group_crm')

    def create_customers(self, number, prefix="Customer"):
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

    def measure(self, function):
        "Return the seconds of processor and the queries that function takes"
        start = time.process_time()
        with count_queries() as log:
            function()
        return time.process_time() - start, len(log)

    def test_handover(self):
        "10,000 customers change hands, and back, by some statements"
        pool = Pool()
        Handover = pool.get('crm.handover')
        Profile = pool.get('crm.profile')
        Activity = pool.get('crm.activity')
        employees = [
            self.create_user(login, 'group_crm')[1]
            for login in ['first', 'second']]
        self.create_customers(SIZE)
        handover = self.create('crm.handover',
            company=self.company.id, employee=self.leaver.id,
            lines=[('create', [{'employee': e.id} for e in employees])])

        def count(Model, field, employee):
            return Model.search([(field, '=', employee.id)], count=True)
        seconds, queries = {}, {}
        seconds['preview'], queries['preview'] = self.measure(
            lambda: Handover.read(
                [handover.id], ['customer_count', 'activity_count']))
        self.assertEqual(handover.customer_count, SIZE)
        self.assertEqual(handover.activity_count, SIZE / 10)
        seconds['do'], queries['do'] = self.measure(
            lambda: Handover.do([handover]))
        for employee in employees:
            self.assertEqual(count(Profile, 'manager', employee), SIZE / 2)
        self.assertEqual(count(Activity, 'employee', self.leaver), 0)
        self.assertEqual(
            self.get('crm.assignment').search([], count=True), SIZE * 1.1)
        seconds['undo'], queries['undo'] = self.measure(
            lambda: Handover.undo([handover]))
        self.assertEqual(count(Profile, 'manager', self.leaver), SIZE)
        self.assertEqual(
            count(Activity, 'employee', self.leaver), SIZE / 10)
        self.assertLess(sum(seconds.values()), 10, seconds)
        self.assertLess(sum(queries.values()), 100, queries)

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
        "My Day costs as many queries for 10,000 customers as for 100"
        counts = {}
        for number in [100, SIZE]:
            self.create_customers(number, f"Customer{number}")
            with self.act_as(self.user):
                self.open_day()
                Transaction().cache.clear()
                seconds, counts[number] = self.measure(self.open_day)
                activities, contacts, _ = self.open_day()
        self.assertEqual(activities, (SIZE + 100) / 10)
        self.assertGreaterEqual(contacts, SIZE * .9)
        self.assertEqual(counts[100], counts[SIZE])
        self.assertLess(seconds, 5)

    def test_lists(self):
        "The lists of 1,000 customers and 1,000 activities"
        self.create_customers(SIZE)
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
                self.assertConstantQueries(read, small=500, large=1000)
