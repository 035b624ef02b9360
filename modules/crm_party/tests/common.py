# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Things that the tests of crm_party need, made inside of a transaction."""
import datetime as dt
import json
from pathlib import Path
from unittest.mock import patch

from caravan.testing import QueryTestMixin, prepare_database
from trytond.modules.company.tests import (
    create_company, create_employee, set_company)
from trytond.modules.crm_party import activity, reminder
from trytond.modules.crm_party.tests import test_module
from trytond.pool import Pool
from trytond.tests import test_tryton
from trytond.transaction import Transaction

__all__ = ['CASES', 'EXTRAS', 'CrmTestCase']

CASES = json.loads(Path(__file__).with_name('cases.json').read_text())
# All that the module extends
EXTRAS = test_module.CrmPartyTestCase.extras


def set_up():
    "Create what each test finds"
    create_employee(create_company(), "Anna")
    Pool().get('crm.activity.type').create([
            {'name': "Call"},
            {'name': "Promise", 'is_promise': True,
                'counts_as_contact': False}])


class CrmTestCase(QueryTestMixin, test_tryton.TestCase):
    "Test in a company with a manager and some types of activities"
    modules = ['crm_party']
    locks = ['crm_configuration']

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        prepare_database(cls.modules, set_up)

    def setUp(self):
        super().setUp()
        transaction = self.enterContext(Transaction().start(
                test_tryton.DB_NAME, test_tryton.USER,
                context=test_tryton.CONTEXT,
                _lock_tables=self.locks))
        self.addCleanup(transaction.rollback)
        self.addCleanup(Transaction().cache.clear)
        self.company, = self.get('company.company').search([])
        self.enterContext(set_company(self.company))
        self.manager, = self.get('company.employee').search([])
        # Whatever the hour, and over midnight, a test has one day
        self.today = dt.date.today()
        self.enterContext(patch.object(
                self.get('ir.date'), 'today', return_value=self.today))
        self.now = dt.datetime.combine(self.today, dt.time(10))
        for module in [activity, reminder]:
            self.enterContext(patch.object(module, '_now', lambda: self.now))
        self.call, self.promise = [
            self.get('crm.activity.type').search([('name', '=', name)])[0]
            for name in ["Call", "Promise"]]

    def get(self, name):
        return Pool().get(name)

    def create(self, model, /, **values):
        record, = self.get(model).create([values])
        return record

    def create_party(self, name="Customer", profile=None, **values):
        "Create a party with a profile of those values if any are given"
        if profile is not None:
            values['crm_profiles'] = [('create', [{
                            'company': self.company.id,
                            'manager': self.manager.id,
                            **profile}])]
        return self.create('party.party', name=name, **values)

    def plan(self, party, date=None, **values):
        "Plan a call with party"
        return self.create('crm.activity', **{
                'company': self.company.id,
                'type': self.call.id,
                'party': party and party.id,
                'employee': self.manager.id,
                'date': date or self.today,
                **values})

    def done(self, party, date, **values):
        "Create a call that was done on date at noon"
        return self.plan(
            party, date, state='done',
            done_at=dt.datetime.combine(date, dt.time(12)), **values)

    def create_user(self, login, *groups, supervisor=None):
        "Return a new user in the groups of the module, and his employee"
        ModelData = self.get('ir.model.data')
        employee = create_employee(self.company, login.title())
        if supervisor:
            employee.supervisor = supervisor
            employee.save()
        user = self.create('res.user',
            login=login, name=login.title(),
            groups=[('add', [
                        ModelData.get_id('crm_party', g) for g in groups])],
            companies=[('add', [self.company.id])],
            company=self.company.id,
            employees=[('add', [employee.id])],
            employee=employee.id)
        return user, employee

    def act_as(self, user):
        "Return the context in which user calls the server"
        transaction = Transaction()
        with transaction.set_user(user.id):
            preferences = self.get('res.user').get_preferences(
                context_only=True)
        return _As(user, {**preferences, '_check_access': True})


class _As:
    def __init__(self, user, context):
        self.user = user
        self.context = context

    def __enter__(self):
        transaction = Transaction()
        self._managers = [
            transaction.set_user(self.user.id),
            transaction.set_context(**self.context)]
        for manager in self._managers:
            manager.__enter__()

    def __exit__(self, *args):
        for manager in reversed(self._managers):
            manager.__exit__(*args)
