# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The database that tests share is as new for each of them."""
from caravan.testing import prepare_database
from trytond.pool import Pool
from trytond.tests import test_tryton
from trytond.transaction import Transaction


def create_party():
    Party = Pool().get('party.party')
    Party.create([{'name': "Party"}])


class DatabasesTestCase(test_tryton.TestCase):
    "Test when a database is taken as it is"

    def setUp(self):
        super().setUp()
        prepare_database(['party'])
        self.addCleanup(test_tryton.drop_db)

    def work(self, end):
        "Create a party, end the transaction, return whether all is new then"
        Party = Pool(test_tryton.DB_NAME).get('party.party')
        with Transaction().start(
                test_tryton.DB_NAME, test_tryton.USER) as transaction:
            create_party()
            getattr(transaction, end)()
        prepare_database(['party'])
        self.assertEqual(self.count(), 0)
        return Pool(test_tryton.DB_NAME).get('party.party') is not Party

    def count(self):
        with Transaction().start(test_tryton.DB_NAME, test_tryton.USER):
            return Pool().get('party.party').search([], count=True)

    def test_rolled_back(self):
        self.assertFalse(self.work('rollback'))

    def test_committed(self):
        self.assertTrue(self.work('commit'))

    def test_dropped(self):
        test_tryton.drop_db()
        prepare_database(['party'])
        self.assertEqual(self.count(), 0)

    def test_setup(self):
        "What a setup brings is there, only for those who asked for it"
        for _ in range(2):
            prepare_database(['party'], create_party)
            self.assertEqual(self.count(), 1)
            prepare_database(['party'])
            self.assertEqual(self.count(), 0)
