# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""A user of a second company sees nothing of the first one.

The first one is the demo company, which has records in most models.
"""
from access import declared, own

from caravan.testing import demo
from caravan.testing.keys import MODULES
from caravan.testing.rpc import Session
from trytond.model import ModelSingleton, ModelSQL, ModelView
from trytond.model.exceptions import AccessError
from trytond.pool import Pool
from trytond.tests import test_tryton
from trytond.tests.test_tryton import with_transaction
from trytond.transaction import Transaction

LOGIN = 'stranger'


class CompaniesTestCase(test_tryton.TestCase):
    "Test the separation of companies"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        demo.restore()
        cls.addClassCleanup(test_tryton.drop_db)
        cls._make_stranger()
        cls.session = Session(LOGIN)

    @classmethod
    @with_transaction(user=0)
    def _make_stranger(cls):
        "Make a user of another company who has all rights"
        pool = Pool()
        Company = pool.get('company.company')
        first, = Company.search([])
        party, = pool.get('party.party').create([{'name': "Other Company"}])
        company, = Company.create([{
                    'party': party.id,
                    'currency': first.currency.id,
                    'timezone': first.timezone,
                    }])
        pool.get('res.user').create([{
                    'name': "Stranger",
                    'login': LOGIN,
                    'companies': [('add', [company.id])],
                    'company': company.id,
                    'groups': [('add', [
                                g.id for g in
                                pool.get('res.group').search([])])],
                    }])
        Transaction().commit()

    @with_transaction(user=0)
    def _rows(self, Model):
        "Return ids of records of the first company, those of all left out"
        domain = []
        company = Model._fields.get('company')
        if company and company.searchable(Model):
            domain = [('company', '!=', None)]
        return [r.id for r in Model.search(domain, limit=100)]

    def _models(self):
        "Yield the models which clients can read and companies do not share"
        for module in MODULES:
            shared = declared(module).get('shared', [])
            for name in own(module, 'model'):
                Model = Pool(test_tryton.DB_NAME).get(name)
                if (issubclass(Model, ModelSQL)
                        and issubclass(Model, ModelView)
                        and not issubclass(Model, ModelSingleton)
                        and name not in shared):
                    yield name, Model

    def test_search(self):
        "The records of the first company are not found"
        tested = set()
        for name, Model in self._models():
            ids = self._rows(Model)
            if ids:
                tested.add(name)
            with self.subTest(model=name):
                self.assertEqual(
                    self.session.model(
                        name, 'search_count', [('id', 'in', ids)]), 0)
        self.assertTrue(tested)

    def test_read(self):
        "The records of the first company cannot be read by their ids"
        for name, Model in self._models():
            if ids := self._rows(Model):
                with self.subTest(model=name):
                    with self.assertRaises(AccessError):
                        self.session.model(name, 'read', ids, ['id'])

    def test_shared(self):
        "What is declared as shared has no company"
        for module in MODULES:
            for name in declared(module).get('shared', []):
                Model = Pool(test_tryton.DB_NAME).get(name)
                with self.subTest(model=name):
                    self.assertNotIn('company', Model._fields)
