# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from caravan.testing import unvalidated
from trytond.model.exceptions import AccessError
from trytond.modules.crm_party.exceptions import ActivityResultError
from trytond.transaction import Transaction

from .common import CrmTestCase


def days(number):
    return dt.timedelta(days=number)


class ReminderTestCase(CrmTestCase):
    "Test reminders"

    def setUp(self):
        super().setUp()
        self.user, self.employee = self.create_user('clerk', 'group_crm')
        self.party = self.create_party("Customer", profile={})

    def plan_call(self, date, time=None, before=dt.timedelta(hours=1),
            **values):
        return self.plan(self.party, date, time=time, **{
                'employee': self.employee.id,
                'reminders': [('create', [{'before': before}])],
                **values})

    @property
    def sent(self):
        "The number of notifications of each user"
        return [
            n.user.login for n in self.get('res.notification').search([])]

    def send(self, now=None):
        self.now = now or self.now
        self.get('crm.activity.reminder').send()

    def test_once(self):
        self.plan_call(self.today, dt.time(14))
        self.send()
        self.assertEqual(self.sent, [])
        self.send(self.now + dt.timedelta(hours=3))
        self.send(self.now + dt.timedelta(minutes=5))
        self.assertEqual(self.sent, ['clerk'])

    def test_past_but_ahead(self):
        self.plan_call(self.today, dt.time(10, 30))
        self.assertEqual(self.sent, ['clerk'])
        self.send()
        self.assertEqual(self.sent, ['clerk'])

    def test_over(self):
        "What has started is not worth a reminder"
        self.plan_call(self.today, dt.time(9))
        self.plan_call(self.today - days(1))
        self.send()
        self.assertEqual(self.sent, [])

    def test_at_start(self):
        self.plan_call(self.today, dt.time(11), before=dt.timedelta())
        self.send(self.now + dt.timedelta(minutes=63))
        self.assertEqual(self.sent, ['clerk'])

    def test_rescheduled(self):
        activity = self.plan_call(self.today, dt.time(10, 30))
        activity.time = dt.time(16)
        activity.save()
        self.send()
        self.assertEqual(self.sent, ['clerk'])
        self.send(self.now + dt.timedelta(hours=6))
        self.assertEqual(self.sent, ['clerk', 'clerk'])

    def test_cancelled(self):
        Activity = self.get('crm.activity')
        cancelled = self.plan_call(self.today, dt.time(14))
        done = self.plan_call(self.today, dt.time(14))
        Activity.cancel([cancelled])
        Activity.do([done])
        self.send(self.now + dt.timedelta(hours=3, minutes=30))
        self.assertEqual(self.sent, [])

    def test_reassigned(self):
        "The new employee in charge is reminded too"
        _, employee = self.create_user('deputy', 'group_crm')
        activity = self.plan_call(self.today, dt.time(10, 30))
        activity.employee = employee
        activity.save()
        self.assertEqual(sorted(self.sent), ['clerk', 'deputy'])

    def test_whole_day(self):
        self.plan_call(self.today + days(1))
        tomorrow = dt.datetime.combine(self.today + days(1), dt.time(7, 59))
        self.send(tomorrow)
        self.assertEqual(self.sent, [])
        self.send(tomorrow + dt.timedelta(minutes=1))
        self.assertEqual(self.sent, ['clerk'])

    def test_timezone(self):
        self.company.timezone = 'Asia/Almaty'
        self.company.save()
        activity = self.plan_call(self.today, dt.time(16))
        self.assertEqual(
            activity.dtstart, dt.datetime.combine(self.today, dt.time(11)))
        self.assertEqual(self.sent, ['clerk'])

    def test_without_user(self):
        "Administrators learn who can't be reminded"
        self.create_user('chief', 'group_crm_admin')
        activity = self.plan_call(
            self.today, dt.time(10, 30), employee=self.manager.id)
        self.assertIn('chief', self.sent)
        self.assertNotIn('clerk', self.sent)
        self.assertTrue(activity.reminders[0].undelivered)
        label = self.get('res.notification').search([])[0].label
        self.assertIn("Anna", label)

    def test_nag_without_user(self):
        "What nobody is reminded of is told to the administrators each day"
        Activity = self.get('crm.activity')
        self.create_user('chief', 'group_crm_admin')
        self.plan(self.party, self.today - days(1))
        self.plan(self.party, self.today - days(1), employee=None)
        Activity.nag()
        Activity.nag()
        self.assertEqual(self.sent.count('chief'), 2)
        self.assertIn("Anna", ' '.join(n.label for n in self.get(
                    'res.notification').search([])))

    def test_no_names(self):
        "What goes over the bus names nobody"
        self.plan_call(self.today, dt.time(10, 30), subject="Secret")
        notification, = self.get('res.notification').search([])
        text = f'{notification.label} {notification.description}'
        self.assertNotIn("Customer", text)
        self.assertNotIn("Secret", text)

    def test_nag(self):
        Activity = self.get('crm.activity')
        activities = [
            self.plan_call(self.today - days(n)) for n in [1, 2]]
        Activity.nag()
        Activity.nag()
        self.assertEqual(self.sent, ['clerk'])
        Activity.nag(self.today + days(1))
        self.assertEqual(self.sent, ['clerk'] * 2)
        Activity.do(Activity.browse(activities))
        Activity.nag(self.today + days(2))
        self.assertEqual(self.sent, ['clerk'] * 2)


class ActivityTestCase(CrmTestCase):
    "Test activities"

    def test_contacts(self):
        party = self.create_party("Customer", profile={})
        profile, = party.crm_profiles

        def contacts():
            record = self.get('crm.profile')(profile.id)
            return record.last_contact, record.next_contact
        self.assertEqual(contacts(), (None, None))
        activity = self.plan(party, self.today + days(2))
        self.assertEqual(contacts(), (None, self.today + days(2)))
        self.done(party, self.today - days(9))
        self.done(party, self.today - days(1), type=self.promise.id)
        self.assertEqual(
            contacts(), (self.today - days(9), self.today + days(2)))
        other = self.create_party("Other", profile={})
        activity.party = other
        activity.save()
        self.assertEqual(contacts(), (self.today - days(9), None))
        self.assertEqual(
            other.crm_profiles[0].next_contact, self.today + days(2))

    def test_profile_made(self):
        party = self.create_party("New")
        self.plan(party)
        profile, = self.get('party.party')(party.id).crm_profiles
        self.assertIsNone(profile.manager)
        self.assertEqual(profile.status, 'prospect')

    def test_purchase(self):
        "Who has bought is a customer"
        purchase = self.create('crm.activity.type',
            name="Purchase", channel='purchase')
        parties = {
            status: self.create_party(status, profile={'status': status})
            for status in ['prospect', 'blocked']}
        for name, days in [('back', 0), ('late', 1)]:
            parties[name] = self.create_party(name, profile={
                    'status': 'former',
                    'lost_on': self.today + dt.timedelta(days=days)})
        for party in [*parties.values(), self.create_party('new')]:
            parties[party.name] = party
            activity = self.plan(party, type=purchase.id)
            self.get('crm.activity').do([activity])
        self.assertEqual({
                name: self.get('party.party')(p.id).crm_profiles[0].status
                for name, p in parties.items()}, {
                'prospect': 'customer', 'new': 'customer',
                'blocked': 'blocked', 'back': 'customer', 'late': 'former'})

    def test_delete(self):
        Activity = self.get('crm.activity')
        party = self.create_party()
        planned = self.plan(party)
        done = self.done(party, self.today)
        for activity in [planned, done]:
            with self.assertRaises(AccessError):
                Activity.delete([activity])
        Activity.cancel([planned])
        Activity.delete([planned])

    def test_result(self):
        self.call.require_result = True
        self.call.save()
        activity = self.plan(self.create_party())
        with self.assertRaises(ActivityResultError):
            self.get('crm.activity').do([activity])

    def test_repeat(self):
        Activity = self.get('crm.activity')
        activity = self.plan(
            self.create_party(), dt.date(2026, 1, 31), repeat_every=1,
            repeat_unit='months', repeat_until=dt.date(2026, 3, 15))
        Activity.do([activity])
        second, = Activity.search([('state', '=', 'planned')])
        self.assertEqual(second.date, dt.date(2026, 2, 28))
        Activity.do([second])
        Activity.search([('state', '=', 'planned')])
        self.assertEqual(
            [a.date for a in Activity.search([('state', '=', 'planned')])],
            [])

    def test_repeat_day(self):
        "A short month does not move the months after it, a person does"
        Activity = self.get('crm.activity')
        activity = self.plan(
            self.create_party(), dt.date(2026, 1, 31), repeat_every=1,
            repeat_unit='months')

        def again(activity):
            Activity.do([activity])
            activity, = Activity.search([('state', '=', 'planned')])
            return activity

        for date in ['2026-02-28', '2026-03-31', '2026-04-30']:
            activity = again(activity)
            self.assertEqual(str(activity.date), date)
        Activity.write([activity], {'date': dt.date(2026, 5, 4)})
        activity = again(Activity(activity.id))
        self.assertEqual(str(activity.date), '2026-06-04')

    def test_repeat_same(self):
        "The repetition is as the activity was, and comes once"
        Activity = self.get('crm.activity')
        hour = dt.timedelta(hours=1)
        activity = self.plan(
            self.create_party(), repeat_every=1, repeat_unit='weeks',
            duration=hour, reminders=[('create', [{'before': hour}])])
        Activity.do([activity])
        second, = Activity(activity.id).next_steps
        self.assertEqual(second.duration, hour)
        self.assertEqual([r.before for r in second.reminders], [hour])
        Activity.reopen([Activity(activity.id)])
        Activity.do([Activity(activity.id)])
        self.assertEqual(Activity(activity.id).next_steps, (second,))

    def test_archived_user(self):
        "Activities of a user who has left stay"
        user, employee = self.create_user('leaver', 'group_crm')
        party = self.create_party()
        self.plan(party, employee=employee.id)
        self.done(party, self.today, employee=employee.id)
        user.active = False
        user.save()
        self.assertEqual(
            self.get('crm.activity').search([], count=True), 2)

    def test_queries(self):
        "Lists of parties and of activities"
        Party = self.get('party.party')
        Activity = self.get('crm.activity')
        Timeline = self.get('crm.timeline')
        parties = self.create_customers(30)
        with unvalidated():
            Activity.create([{
                        'company': self.company.id,
                        'type': self.call.id,
                        'party': party.id,
                        'employee': self.manager.id,
                        'date': self.today,
                        } for party in parties])
        user, _ = self.create_user('chief', 'group_crm_all')
        for Model, names in [
                (Party, ['name', 'crm_manager.rec_name', 'crm_status',
                        'crm_last_contact', 'crm_next_contact']),
                (Activity, ['party.rec_name', 'type.rec_name',
                        'employee.rec_name', 'result.rec_name', 'outcome',
                        'when', 'color', 'state']),
                (Timeline, ['party.rec_name', 'summary', 'kind',
                        'employee.rec_name', 'origin.rec_name'])]:
            def read(number):
                with self.act_as(user):
                    records = Model.search([], limit=number)
                    Model.read([r.id for r in records], names)
            with self.subTest(Model.__name__):
                # The name of an activity takes that of its type and party
                self.assertConstantQueries(
                    read, large=30, slack=2 if Model is Timeline else 0)


class CustomerPageTestCase(CrmTestCase):
    "Test what the page of a customer shows"

    def setUp(self):
        super().setUp()
        self.party = self.create_party("Customer", profile={},
            contact_mechanisms=[('create', [
                        {'type': 'mobile', 'value': '+33 6 00 00 00 01'},
                        {'type': 'email', 'value': 'c@example.com'}])])
        self.profile, = self.party.crm_profiles

    def read(self, *names):
        Profile = self.get('crm.profile')
        return Profile.read([self.profile.id], list(names))[0]

    def test_timeline(self):
        "Each sees of the customer what he may see elsewhere"
        other = self.create_party("Other", profile={})
        call = self.done(self.party, self.today)
        self.done(other, self.today)
        Timeline = self.get('crm.timeline')

        def origins():
            return [
                e.origin for e in Timeline.browse(
                    self.read('timeline')['timeline'])]
        self.assertEqual(origins(), [call])
        note = self.create('ir.note',
            resource=str(self.party), message="Likes tea")
        before = self.done(self.party, self.today - dt.timedelta(days=5))
        self.assertEqual(set(origins()[:2]), {call, note})
        self.assertEqual(origins()[2:], [before])
        stranger, _ = self.create_user('stranger', 'group_crm')
        with self.act_as(stranger):
            self.assertFalse(
                self.get('crm.profile').search([('party', '=', self.party)]))
        analyst, _ = self.create_user('analyst', 'group_crm_analytics')
        with self.act_as(analyst):
            self.assertFalse(self.read('timeline')['timeline'])

    def test_mechanisms(self):
        values = self.read('phone', 'mobile', 'email')
        self.assertEqual(values['mobile'], '+33 6 00 00 00 01')
        self.assertEqual(values['email'], 'c@example.com')
        self.assertFalse(values['phone'])

    def test_computed(self):
        "What is computed of a customer is not entered by anybody"
        Profile = self.get('crm.profile')
        user, _ = self.create_user('chief', 'group_crm_all')
        with self.act_as(user):
            Profile.write([self.profile], {'note': "Likes tea"})
            for values in [
                    {'last_contact': self.today}, {'abc': 'a'},
                    {'tier_until': self.today}]:
                with self.subTest(**values), \
                        self.assertRaises(AccessError):
                    Profile.write([self.profile], values)

    def test_new_activity(self):
        "What is entered from the page is about the customer"
        Activity = self.get('crm.activity')
        with Transaction().set_context(
                active_model='crm.profile', active_id=self.profile.id):
            self.assertEqual(
                Activity.default_get(['party'])['party'], self.party.id)

    def test_queries(self):
        Profile = self.get('crm.profile')
        parties = self.create_customers(30)
        for party in parties[::6]:
            self.done(party, self.today)

        def read(number):
            profiles = Profile.search([], limit=number)
            Profile.read([p.id for p in profiles], ['timeline', 'mobile'])
        self.assertConstantQueries(read, large=30)
