# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from caravan.testing import count_queries
from trytond.model.exceptions import AccessError

from .common import CrmTestCase


class HandoverTestCase(CrmTestCase):
    "Test hand-over"

    def setUp(self):
        super().setUp()
        _, self.leaver = self.create_user('leaver', 'group_crm')
        _, self.first = self.create_user('first', 'group_crm')
        _, self.second = self.create_user('second', 'group_crm')

    def create_customers(self, number, prefix="Customer"):
        return super().create_customers(
            number, prefix, manager=self.leaver.id)

    def handover(self, *lines, **values):
        return self.create('crm.handover',
            company=self.company.id, employee=self.leaver.id,
            lines=[('create', [
                        {'employee': e.id, 'segment': s and s.id}
                        for e, s in lines])],
            **values)

    def managers(self):
        "Return {name of the customer: manager}"
        return {
            p.party.name: p.manager for p in self.get('crm.profile').search([])
            if p.manager}

    def test_do_and_undo(self):
        Handover = self.get('crm.handover')
        Activity = self.get('crm.activity')
        customers = self.create_customers(6)
        large = self.create_customers(2, "Large")
        segment = self.create('crm.segment',
            name="Large", company=self.company.id,
            domain='[["name", "like", "Large%"]]')
        own = self.create_party("Of Anna", profile={})
        planned = self.plan(large[0], employee=self.leaver.id)
        done = self.done(large[0], self.today, employee=self.leaver.id)
        foreign = self.plan(own, employee=self.leaver.id)
        type_ = self.create('crm.case.type', name="Complaint")
        case = self.create('crm.case',
            company=self.company.id, party=large[1].id, type=type_.id,
            subject="Late", employee=self.leaver.id)
        handover = self.handover(
            (self.first, None), (self.second, None), (self.manager, segment))
        before = self.managers()
        self.assertEqual(handover.customer_count, 8)
        self.assertEqual(handover.activity_count, 2)
        self.assertEqual(handover.case_count, 1)
        self.assertEqual([l.customers for l in handover.lines], [3, 3, 2])

        Handover.do([handover])
        handover = Handover(handover.id)
        after = self.managers()
        self.assertEqual(
            [list(after.values()).count(e) for e in [
                    self.leaver, self.first, self.second, self.manager]],
            [0, 3, 3, 3])
        self.assertEqual(after["Large 0"], self.manager)

        def employee(record):
            return self.get(record.__name__)(record.id).employee
        self.assertEqual(employee(planned), self.manager)
        self.assertEqual(employee(done), self.leaver)
        self.assertEqual(employee(foreign), self.first)
        self.assertEqual(employee(case), self.manager)
        self.assertEqual(handover.customer_count, 8)
        self.assertEqual([l.customers for l in handover.lines], [3, 3, 2])
        self.assertEqual(len(handover.assignments), 11)
        self.assertEqual(
            {n.user.login: n.label for n in
                self.get('res.notification').search([])},
            {'first': "3 customers were handed over to you",
                'second': "3 customers were handed over to you"})

        # What is closed or reassigned since stays
        Activity.do([Activity(planned.id)])
        profile, = customers[0].crm_profiles
        profile.manager = self.manager
        profile.save()
        Handover.undo([handover])
        self.assertEqual(
            self.managers(), {**before, "Customer 0": self.manager})
        self.assertEqual(employee(planned), self.manager)
        self.assertEqual(employee(foreign), self.leaver)
        with self.assertRaises(AccessError):
            Handover.delete([handover])

    def test_reminders(self):
        "Who takes over is reminded of what is still ahead"
        party, = self.create_customers(1)
        activity = self.plan(
            party, self.today + dt.timedelta(days=1),
            employee=self.leaver.id,
            reminders=[('create', [{'before': dt.timedelta(days=2)}])])
        reminder, = activity.reminders
        Reminder = self.get('crm.activity.reminder')
        self.assertEqual(Reminder(reminder.id).sent_to, self.leaver)
        self.get('crm.handover').do([self.handover((self.first, None))])
        self.assertEqual(Reminder(reminder.id).sent_to, self.first)

    def test_choice(self):
        Handover = self.get('crm.handover')
        party, = self.create_customers(1)
        activity = self.plan(party, employee=self.leaver.id)
        handover = self.handover((self.first, None), customers=False)
        self.assertEqual(handover.customer_count, 0)
        Handover.do([handover])
        self.assertEqual(set(self.managers().values()), {self.leaver})
        self.assertEqual(
            self.get('crm.activity')(activity.id).employee, self.first)

    def test_queries(self):
        "The number of customers does not matter"
        Handover = self.get('crm.handover')

        counts = []
        for number in [2, 30]:
            self.create_customers(number, f"Customer {number}")
            handover = self.handover((self.first, None), (self.second, None))
            with count_queries() as log:
                Handover.do([handover])
                Handover.undo([handover])
            counts.append(len(log))
        self.assertLessEqual(counts[1], counts[0])
