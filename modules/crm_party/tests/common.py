# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Things that the tests of crm_party need, made inside of a transaction."""
import datetime as dt
import io
import json
from pathlib import Path
from unittest.mock import patch
from zipfile import ZipFile

from lxml import etree

from caravan.testing import QueryTestMixin, prepare_database, unvalidated
from trytond.modules.company.tests import (
    create_company, create_employee, set_company)
from trytond.modules.crm_party import activity, reminder
from trytond.modules.crm_party.tests import test_module
from trytond.pool import Pool
from trytond.pyson import PYSONDecoder
from trytond.tests import test_tryton
from trytond.transaction import Transaction

__all__ = ['CASES', 'EXTRAS', 'CrmTestCase', 'create_user', 'set_up']

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


def create_user(company, login, *groups, supervisor=None):
    "Return a new user in the groups of the module, and his employee"
    pool = Pool()
    ModelData = pool.get('ir.model.data')
    User = pool.get('res.user')
    with unvalidated():
        employee = create_employee(company, login.title())
        employee.supervisor = supervisor
        employee.save()
        user, = User.create([{
                    'login': login,
                    'name': login.title(),
                    'groups': [('add', [
                                ModelData.get_id('crm_party', g)
                                for g in groups])],
                    'companies': [('add', [company.id])],
                    'company': company.id,
                    'employees': [('add', [employee.id])],
                    'employee': employee.id,
                    }])
    return user, employee


class CrmTestCase(QueryTestMixin, test_tryton.TestCase):
    "Test in a company with a manager and some types of activities"
    modules = ['crm_party']
    # What each test of the class finds
    set_ups = [set_up]
    locks = ['crm_configuration']

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        prepare_database(cls.modules, *cls.set_ups)

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
        self.manager, = self.get('company.employee').search(
            [], order=[('id', 'ASC')], limit=1)
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
        return create_user(self.company, login, *groups, supervisor=supervisor)

    def create_customers(self, number, name="Customer", **profile):
        "Create customers of whom only the number matters"
        with unvalidated():
            return self.get('party.party').create([{
                        'name': f"{name} {i}",
                        'crm_profiles': [('create', [{
                                        'company': self.company.id,
                                        'manager': self.manager.id,
                                        **profile,
                                        }])],
                        } for i in range(number)])

    def merge(self, source, destination):
        "Let a party replace another one"
        pool = Pool()
        Replace = pool.get('party.replace', type='wizard')
        session, = pool.get('ir.session.wizard').create([{}])
        replace = Replace(session.id)
        replace.ask.source = source
        replace.ask.destination = destination
        with Transaction().set_context(_skip_warnings=True):
            replace.transition_replace()

    def erase(self, party):
        "Erase what is known of a party"
        pool = Pool()
        Erase = pool.get('party.erase', type='wizard')
        session, = pool.get('ir.session.wizard').create([{}])
        party.active = False
        party.save()
        erase = Erase(session.id)
        erase.ask.party = party
        erase.transition_erase()
        for cache in Transaction().cache.values():
            cache.clear()

    def open_list(self, action):
        "Read the lists of a window action as the client does"
        Model = self.get(action.res_model)
        context = {
            'context': Transaction().context, 'active_id': -1,
            'active_ids': [-1]}
        decoder = PYSONDecoder(context)
        domain = decoder.decode(action.pyson_domain)
        for view in action.act_window_views:
            if view.view.type != 'tree':
                continue
            records = Model.search(domain)
            arch = Model.fields_view_get(view.view.id)['arch']
            names = {f.get('name') for f in etree.fromstring(
                    arch).iter('field')}
            Model.read([r.id for r in records], sorted(names))

    def render(self, Report, ids):
        "Return (text, name) of a report, left as it was before LibreOffice"
        def convert(report, data, **kwargs):
            return report.template_extension, data
        with patch.object(Report, 'convert', convert):
            _, content, _, name = Report.execute(ids, {})
        with ZipFile(io.BytesIO(content)) as document:
            return document.read('content.xml').decode(), name

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
