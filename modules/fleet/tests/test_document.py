# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from caravan.testing import QueryTestMixin, unvalidated
from trytond.modules.fleet.exceptions import (
    DocumentError, StateError, WarningStepsError)
from trytond.modules.fleet.tests.tools import (
    FleetTestCase, create_drivers, create_trip, create_user, create_vehicles,
    with_company)
from trytond.pool import Pool
from trytond.tools import grouped_slice
from trytond.transaction import Transaction

TODAY = dt.date(2026, 3, 2)


class DocumentTestCase(QueryTestMixin, FleetTestCase):
    "Test documents"

    def create_type(self, **values):
        Type = Pool().get('fleet.document.type')
        type_, = Type.create([{
                    'name': "Inspection", 'applies_to': 'vehicle',
                    'warning_steps': '30, 14, 7', **values}])
        return type_

    def create_documents(self, type_, days, vehicle=None, **values):
        "Create a document for each number of days it lasts from today"
        Document = Pool().get('fleet.document')
        vehicle = vehicle or create_vehicles(1)[0]
        documents = []
        for sub_days in grouped_slice(days, 200):
            documents += Document.create([{
                        'type': type_.id, 'vehicle': vehicle.id,
                        'valid_to': TODAY + dt.timedelta(days=d), **values,
                        } for d in sub_days])
        return documents

    def notifications(self):
        "Return the notifications of this transaction by user"
        result = {}
        for notification in Transaction().user_notifications:
            result.setdefault(notification.user, []).append(notification)
        return result

    @with_company
    def test_state(self):
        "The state is searched as it is computed"
        pool = Pool()
        Document = pool.get('fleet.document')
        today = pool.get('ir.date').today()
        type_ = self.create_type()
        vehicle, = create_vehicles(1)
        documents = Document.create([{
                    'type': type_.id, 'vehicle': vehicle.id,
                    'valid_to': today + dt.timedelta(days=d) if (
                        d is not None) else None,
                    } for d in [-1, 0, 30, 31, None]])
        states = ['expired', 'due', 'due', 'valid', 'valid']
        self.assertEqual([d.state for d in documents], states)
        for state in set(states):
            with self.subTest(state=state):
                self.assertEqual(
                    set(Document.search([('state', '=', state)])),
                    {d for d, s in zip(documents, states) if s == state})
        documents[0].replaced_by = documents[4]
        documents[0].save()
        self.assertEqual(Document(documents[0].id).state, 'replaced')
        # Other steps move the day of the first warning
        type_.warning_steps = "60"
        type_.save()
        self.assertEqual(Document(documents[3].id).state, 'due')
        with self.assertRaises(WarningStepsError):
            type_.warning_steps = "soon"
            type_.save()

    @with_company
    def test_warn_once(self):
        "Each step warns once, missed days are caught up"
        Notice = Pool().get('fleet.document.notice')
        employee, user = create_user("anna")
        other, boss = create_user("boss")
        vehicle, = create_vehicles(1, responsible=employee.id)
        type_ = self.create_type()
        one, two, expired = self.create_documents(
            type_, [29, 40, -2], vehicle)
        own, = self.create_documents(
            type_, [10], vehicle, responsible=other.id)
        Notice.send(TODAY)
        notifications = self.notifications()
        self.assertEqual(set(notifications), {user, boss})
        notification, = notifications[user]
        self.assertEqual(
            notification.label, "2 papers of the fleet need attention")
        self.assertEqual(notification.description, "1 expired, 1 due")
        self.assertEqual(
            {(n.document, n.user, n.step) for n in Notice.search([])},
            {(one, user, 30), (expired, user, -1), (own, boss, 14)})

        Transaction().user_notifications.clear()
        Notice.send(TODAY)
        Notice.send(TODAY + dt.timedelta(days=2))
        self.assertFalse(self.notifications())
        Notice.send(TODAY + dt.timedelta(days=24))
        self.assertEqual(
            {(n.document, n.step) for n in Notice.search([
                        ('date', '>', TODAY)])},
            {(one, 7), (two, 30), (own, -1)})

    @with_company
    def test_warn_queries(self):
        "A thousand documents cost as many queries as ten"
        Notice = Pool().get('fleet.document.notice')
        employee, user = create_user("anna")
        vehicle, = create_vehicles(1, responsible=employee.id)
        type_ = self.create_type()

        def warn(size):
            with unvalidated():
                self.create_documents(type_, [5] * size, vehicle)
            with self.assertQueries(20):
                Notice.send(TODAY)
        for size in [10, 1000]:
            warn(size)
            notification, = self.notifications()[user]
            self.assertIn(str(size), notification.label)
            Transaction().user_notifications.clear()

    @with_company
    def test_override(self):
        "The papers of a trip pass with a reason that stays"
        pool = Pool()
        Trip = pool.get('fleet.trip')
        Override = pool.get('fleet.trip.override')
        Wizard = pool.get('fleet.trip.override', type='wizard')
        type_ = self.create_type(required=True, blocking=True)
        vehicle, = create_vehicles(1)
        driver, = create_drivers(1)
        trip = create_trip(vehicle, driver)
        with self.assertRaises(DocumentError):
            Trip.plan([trip])
        with Transaction().set_context(
                active_model='fleet.trip', active_id=trip.id,
                active_ids=[trip.id]):
            session, _, _ = Wizard.create()
            Wizard.execute(session, {
                    'start': {'reason': "Renewal is at the office"},
                    }, 'override')
        trip = Trip(trip.id)
        Trip.plan([trip])
        self.assertEqual(trip.state, 'planned')
        override, = trip.overrides
        self.assertEqual(override.vehicle, vehicle)
        with self.assertRaises(StateError):
            Override.write([override], {'reason': "Other"})
        # It covers this want, not the next one
        self.create_documents(type_, [-1], vehicle)
        self.assertEqual(Trip.document_problems([Trip(trip.id)])[trip][0][:2],
            (vehicle, type_))

    @with_company
    def test_renew(self):
        "The new document replaces the old one"
        pool = Pool()
        Wizard = pool.get('fleet.document.renew', type='wizard')
        today = pool.get('ir.date').today()
        type_ = self.create_type(validity=12)
        vehicle, = create_vehicles(1)
        old, = pool.get('fleet.document').create([{
                    'type': type_.id, 'vehicle': vehicle.id,
                    'number': "A1", 'valid_to': today}])
        with Transaction().set_context(
                active_model='fleet.document', active_id=old.id,
                active_ids=[old.id]):
            session, state, _ = Wizard.create()
            result = Wizard.execute(session, {}, state)
            defaults = result['view']['defaults']
            self.assertEqual(
                defaults['valid_from'], today + dt.timedelta(days=1))
            Wizard.execute(session, {
                    'start': {
                        **{k: v for k, v in defaults.items() if '.' not in k},
                        'number': "A2"}}, 'renew')
        old = type(old)(old.id)
        self.assertEqual(old.state, 'replaced')
        self.assertEqual(old.replaced_by.number, "A2")
        self.assertEqual(vehicle.document_state, 'valid')
        self.assertGreater(
            old.replaced_by.valid_to, today + dt.timedelta(days=364))

    @with_company
    def test_validity(self):
        "The last day of a number of months, also from a leap day on"
        for months, start, end in [
                (12, (2026, 3, 2), (2027, 3, 1)),
                (12, (2024, 2, 29), (2025, 2, 28)),
                (12, (2023, 3, 1), (2024, 2, 29)),
                (1, (2026, 1, 31), (2026, 2, 28))]:
            type_ = Pool().get('fleet.document.type')(validity=months)
            with self.subTest(months=months, start=start):
                self.assertEqual(
                    type_.end_of_validity(dt.date(*start)), dt.date(*end))
