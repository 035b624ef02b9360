# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Several people and workers take care of the same customers at once."""
import datetime as dt

from caravan.testing.concurrency import PostgreSQLTestCase
from trytond.modules.company.tests import create_company, create_employee
from trytond.pool import Pool
from trytond.transaction import Transaction


class CrmPartyTestCase(PostgreSQLTestCase):
    "Test hand-overs, first activities and reminders at the same moment"
    modules = ['crm_party']

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company, cls.type, cls.employees = cls._commit(cls, cls._setup)

    def _commit(self, function):
        context = {}
        if getattr(self, 'company', None):
            context = {'company': self.company}
        return PostgreSQLTestCase.transact(self, function, context=context)

    @staticmethod
    def _setup():
        pool = Pool()
        company = create_company()
        type_, = pool.get('crm.activity.type').create([{'name': "Call"}])
        employees = [
            create_employee(company, name).id
            for name in ["Leaver", "First", "Second"]]
        user, = pool.get('res.user').create([{
                    'login': 'first', 'name': "First",
                    'companies': [('add', [company.id])],
                    'company': company.id,
                    'employees': [('add', [employees[1]])],
                    }])
        return company.id, type_.id, employees

    def _create_customers(self, number):
        leaver = self.employees[0]
        return self._commit(lambda: [p.id for p in Pool().get(
                        'party.party').create([{
                            'name': f"Customer {i}",
                            'crm_profiles': [('create', [{
                                            'company': self.company,
                                            'manager': leaver,
                                            }])],
                            } for i in range(number)])])

    def _create_handover(self, *employees):
        return self._commit(lambda: Pool().get('crm.handover').create([{
                        'company': self.company,
                        'employee': self.employees[0],
                        'lines': [('create', [
                                    {'employee': e} for e in employees])],
                        }])[0].id)

    def _do(self, handover):
        def do():
            Handover = Pool().get('crm.handover')
            Handover.do([Handover(handover)])
        return lambda: self._commit(do)

    def _count_log(self, *handovers):
        return self._commit(lambda: Pool().get('crm.assignment').search_count(
                [('handover', 'in', handovers)]))

    def _managers(self, parties):
        return self._commit(lambda: [
                p.manager.id for p in Pool().get('crm.profile').search(
                    [('party', 'in', parties)])])

    def test_handover_twice(self):
        "Two administrators who press Do at once hand over once"
        parties = self._create_customers(200)
        first, second = self.employees[1:]
        handover = self._create_handover(first, second)
        self.assertNoError(self.together(*[self._do(handover)] * 3))
        self.assertEqual(self._count_log(handover), 200)
        managers = self._managers(parties)
        self.assertEqual(managers.count(first), 100)
        self.assertEqual(managers.count(second), 100)

    def test_two_handovers(self):
        "Each customer goes with one of two hand-overs of one leaver"
        parties = self._create_customers(200)
        first, second = self.employees[1:]
        handovers = [
            self._create_handover(first), self._create_handover(second)]
        self.assertNoError(self.together(*map(self._do, handovers)))
        self.assertEqual(self._count_log(*handovers), 200)
        managers = self._managers(parties)
        self.assertEqual(len(managers), 200)
        self.assertEqual(len(set(managers)), 1)
        self.assertNotIn(self.employees[0], managers)

    def _plan(self, party, **values):
        return self._commit(lambda: Pool().get('crm.activity').create([{
                        'company': self.company,
                        'type': self.type,
                        'party': party,
                        'employee': self.employees[1],
                        'date': dt.date.today() + dt.timedelta(days=1),
                        **values}])[0].id)

    def test_first_activities(self):
        "Four first activities of a customer make one profile"
        party = self._commit(lambda: Pool().get('party.party').create(
                [{'name': "New"}])[0].id)
        results = self.together(*[lambda: self._plan(party)] * 4)
        self.assertNoError(results)
        self.assertEqual(len(set(results)), 4)
        self.assertEqual(
            self._commit(lambda: Pool().get('crm.profile').search_count(
                    [('party', '=', party)])), 1)

    def test_reminders(self):
        "Two workers send each reminder once"
        activity = self._plan(None, reminders=[
                ('create', [{'before': dt.timedelta(hours=1)}])])

        def due():
            Reminder = Pool().get('crm.activity.reminder')
            table = Reminder.__table__()
            Transaction().connection.cursor().execute(*table.update(
                    [table.remind_at],
                    [dt.datetime.now() - dt.timedelta(minutes=1)],
                    where=table.activity == activity))
        self._commit(due)

        def send():
            Pool().get('crm.activity.reminder').send()
        self.assertNoError(self.together(
                *[lambda: self._commit(send)] * 3))
        self.assertEqual(
            self._commit(lambda: Pool().get('res.notification').search_count(
                    [('records', '=', f'[{activity}]')])), 1)
