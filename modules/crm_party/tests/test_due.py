# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
from unittest.mock import patch

from trytond.model.exceptions import AccessError
from trytond.modules.crm_party import watch
from trytond.modules.crm_party.exceptions import SegmentDomainError
from trytond.pool import Pool
from trytond.transaction import Transaction

from .common import CASES, CrmTestCase


def days(number):
    return dt.timedelta(days=number)


class DueTestCase(CrmTestCase):
    "Test whom to contact"

    def at(self, date):
        "Let today be date"
        return patch.object(
            self.get('ir.date'), 'today', return_value=date)

    def configure(self, **values):
        Configuration = self.get('crm.configuration')
        configuration = Configuration(1)
        for name, value in values.items():
            setattr(configuration, name, value)
        configuration.save()

    def due(self, kind):
        Due = self.get('crm.due')
        return {
            d.party.name: d for d in Due.search([('kind', '=', kind)])}

    def test_silence_cases(self):
        cases = CASES['due_contacts']
        self.configure(contact_interval=cases['config_interval'])
        for case in cases['cases']:
            party = self.create_party(case['party'], profile={
                    'contact_interval': case['override'],
                    'since': dt.date.fromisoformat(
                        case.get('created', '2020-01-01')),
                    })
            if case['last']:
                self.done(party, dt.date.fromisoformat(case['last']))
            for interval in case['intervals']:
                self.create('crm.segment',
                    name=f"{case['party']} {interval}", kind='static',
                    company=self.company.id, contact_interval=interval,
                    members=[('add', [party.id])])
        with self.at(dt.date.fromisoformat(cases['today'])):
            due = self.due('silence')
        for case in cases['cases']:
            with self.subTest(**case):
                self.assertEqual(case['party'] in due, case['due'])
                if case['due']:
                    self.assertEqual(
                        due[case['party']].days, case['overdue_days'])

    def test_silence(self):
        "What is planned, blocked or has a rhythm"
        self.configure(contact_interval=10)
        since = {'since': self.today - days(50)}
        planned = self.create_party("Planned", profile=since)
        self.plan(planned, self.today + days(3))
        self.create_party("Blocked", profile={**since, 'status': 'blocked'})
        self.create_party("Open", profile=since)
        regular = self.create_party("Regular", profile=since)
        for number in [140, 110, 80, 50, 20]:
            self.done(regular, self.today - days(number))
        self.get('crm.profile').compute()
        self.assertEqual(regular.crm_profiles[0].rhythm, 30)
        due = self.due('silence')
        self.assertEqual(set(due), {"Open"})
        self.assertEqual(
            due["Open"].reason, "Silent for 50 days, usually 10")
        self.configure(learn_rhythm=False)
        self.assertEqual(set(self.due('silence')), {"Open", "Regular"})

    def test_promise(self):
        party = self.create_party("Waiting", profile={})
        activity = self.plan(
            party, self.today - days(2), type=self.promise.id)
        self.plan(party, self.today - days(2))
        later = self.create_party("Later", profile={})
        self.plan(later, self.today + days(1), type=self.promise.id)
        blocked = self.create_party("Blocked", profile={'status': 'blocked'})
        self.plan(blocked, self.today - days(2), type=self.promise.id)
        due = self.due('promise')
        self.assertEqual(set(due), {"Waiting"})
        self.assertEqual(due["Waiting"].days, 2)
        self.assertEqual(due["Waiting"].origin, activity)

    def test_birthday(self):
        self.configure(birthday_days=0)
        for case in CASES['due_contacts']['birthdays']:
            self.configure(birthday_days=case['lead'])
            with self.subTest(**case):
                self.create_party(str(case), profile={},
                    birth_date=dt.date.fromisoformat(case['born']))
                with self.at(dt.date.fromisoformat(case['today'])):
                    self.assertEqual(
                        str(case) in self.due('birthday'), case['due'])

    def test_plan(self):
        pool = Pool()
        Plan = pool.get('crm.due.plan', type='wizard')
        Session = pool.get('ir.session.wizard')
        self.configure(contact_interval=10)
        party = self.create_party(
            "Open", profile={'since': self.today - days(50)})
        due, = self.due('silence').values()
        user, employee = self.create_user('chief', 'group_crm_all')
        session, = Session.create([{}])
        with self.act_as(user), Transaction().set_context(
                active_model='crm.due', active_id=due.id,
                active_ids=[due.id], _check_access=False):
            plan = Plan(session.id)
            plan.start.type = self.call
            plan.start.date = self.today
            plan.transition_plan()
        activity, = self.get('crm.activity').search([])
        self.assertEqual(activity.party, party)
        self.assertEqual(activity.employee, self.manager)
        self.assertEqual(activity.reason, "Silent for 50 days, usually 10")
        self.assertFalse(self.due('silence'))

    def test_plan_any(self):
        "What is planned from the list leaves it, whatever the reason"
        Due = self.get('crm.due')
        party = self.create_party("Ann", birth_date=self.today.replace(
                year=2000), profile={})
        self.plan(
            party, self.today - days(3), type=self.promise.id,
            subject="Send the offer")
        for kind in ['birthday', 'promise']:
            with self.subTest(kind=kind):
                due, = self.due(kind).values()
                Due.plan([due])
                self.assertFalse(self.due(kind))
                activity, = self.get('crm.activity').search([
                        ('due_kind', '=', kind)])
                self.get('crm.activity').cancel([activity])
                self.assertTrue(self.due(kind))

    def test_plan_button(self):
        "One click plans the contact for today, for who may see it"
        Due = self.get('crm.due')
        self.configure(contact_interval=10)
        self.create_party("Open", profile={'since': self.today - days(50)})
        due, = self.due('silence').values()
        stranger, _ = self.create_user('stranger', 'group_crm')
        with self.act_as(stranger), self.assertRaises(AccessError):
            Due.plan([due])
        user, _ = self.create_user('chief', 'group_crm_all')
        with self.act_as(user):
            self.assertEqual(Due.plan([due]), 'reload')
        activity, = self.get('crm.activity').search([])
        self.assertEqual(
            (activity.type, activity.date, activity.employee),
            (self.call, self.today, self.manager))
        self.assertEqual(activity.reason, "Silent for 50 days, usually 10")
        self.assertFalse(self.due('silence'))

    def test_queries(self):
        self.configure(contact_interval=10)
        Due = self.get('crm.due')
        names = ['party.rec_name', 'employee.rec_name', 'reason', 'days']

        def read(number):
            dues = Due.search([], limit=number)
            return Due.read([d.id for d in dues], names)
        self.create_customers(30, since=self.today - days(50))
        self.assertConstantQueries(read, large=30)


class WatchTestCase(CrmTestCase):
    "Test watch rules"

    def setUp(self):
        super().setUp()
        self.party = self.create_party("Open", profile={
                'since': self.today - days(50), 'contact_interval': 10})

    def rule(self, **values):
        return self.create('crm.watch.rule', **{
                'name': "Rule",
                'company': self.company.id,
                'kind': 'silence',
                'type': self.call.id,
                **values})

    def run_rules(self):
        Activity = self.get('crm.activity')
        before = set(Activity.search([]))
        self.get('crm.watch.rule').run()
        return sorted(
            set(Activity.search([])) - before, key=lambda a: a.id)

    def test_run(self):
        "An occasion is planned once"
        self.rule()
        activity, = self.run_rules()
        self.assertEqual(activity.party, self.party)
        self.assertEqual(activity.employee, self.manager)
        self.assertEqual(activity.date, self.today)
        self.assertTrue(activity.automatic)
        self.assertEqual(activity.reason, "Silent for 50 days, usually 10")
        self.assertFalse(self.run_rules())
        self.get('crm.activity').cancel([activity])
        self.assertFalse(self.run_rules())

    def test_again(self):
        "A new silence is a new occasion"
        self.rule()
        activity, = self.run_rules()
        activity.done_at = dt.datetime.combine(
            self.today - days(20), dt.time(12))
        activity.save()
        self.get('crm.activity').do([activity])
        self.assertEqual(len(self.run_rules()), 1)

    def test_two_rules(self):
        "Two rules that see the same silence plan one activity"
        self.rule()
        self.rule(name="Other", days=10)
        self.assertEqual(len(self.run_rules()), 1)
        self.assertFalse(self.run_rules())

    def test_days(self):
        self.rule(days=41)
        self.assertFalse(self.run_rules())

    def test_maximum_and_turn(self):
        for number in range(5):
            self.create_party(f"More {number}", profile={
                    'since': self.today - days(50), 'contact_interval': 10})
        _, first = self.create_user('first', 'group_crm')
        _, second = self.create_user('second', 'group_crm')
        self.rule(assign='turn', maximum=2,
            employees=[('add', [first.id, second.id])])
        activities = self.run_rules()
        self.assertEqual(
            sorted(a.employee.id for a in activities),
            sorted([first.id, second.id] * 2))
        self.assertEqual(len(self.run_rules()), 2)
        Notification = self.get('res.notification')
        self.assertEqual(
            sorted(n.user.login for n in Notification.search([])),
            ['first', 'first', 'second', 'second'])

    def test_backlog(self):
        "Who was hit before does not stand in the way of the others"
        for number in range(3):
            self.create_party(f"More {number}", profile={
                    'since': self.today - days(20 + number),
                    'contact_interval': 10})
        self.rule()
        with patch.object(watch, '_BATCH', 2):
            for expected in [2, 2, 0]:
                activities = self.run_rules()
                self.assertEqual(len(activities), expected)
                # Cancelled, the customers are silent again
                self.get('crm.activity').cancel(activities)

    def test_segment(self):
        Segment = self.get('crm.segment')
        segment, = Segment.create([{
                    'name': "Large",
                    'company': self.company.id,
                    'domain': '[["name", "like", "Large%"]]',
                    }])
        self.rule(kind='segment', segment=segment.id)
        self.assertFalse(self.run_rules())
        self.create_party("Large One", profile={})
        self.assertEqual(len(self.run_rules()), 1)
        self.assertFalse(self.run_rules())
        self.assertEqual(Segment(segment.id).size, 1)
        Segment.snapshot()
        Segment.snapshot()
        snapshot, = Segment(segment.id).snapshots
        self.assertEqual((snapshot.date, snapshot.size), (self.today, 1))

    def test_segment_domain(self):
        for domain in ['[["nose", "=", 1]]', '[', '{"a": 1}', '7']:
            with self.subTest(domain), self.assertRaises(SegmentDomainError):
                self.create('crm.segment',
                    name="Bad", company=self.company.id, domain=domain)
