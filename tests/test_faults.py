# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The injection of faults finds what is half done."""
import unittest

from caravan.testing import prepare_database
from caravan.testing.faults import FaultTestMixin, snapshot
from trytond.pool import Pool
from trytond.tests import test_tryton
from trytond.transaction import Transaction

TABLES = ['party_party', 'party_address']


def create():
    Pool().get('party.party').create([{
                'name': "Party",
                'addresses': [('create', [{'city': "Town"}])],
                }])


def create_half():
    "Commit in the midst of the work"
    party, = Pool().get('party.party').create([{'name': "Party"}])
    Transaction().commit()
    Pool().get('party.address').create([{'party': party.id}])


class FaultsTestCase(FaultTestMixin, test_tryton.TestCase):
    "Test the injection of faults"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        prepare_database(['party'])
        cls.addClassCleanup(test_tryton.drop_db)

    def test_whole(self):
        "A job in one transaction leaves nothing behind"
        before = snapshot()
        self.assertGreater(self.assertAtomic(create), 4)
        self.assertNotEqual(snapshot(), before)

    def test_half(self):
        "A job which commits on its way is caught"
        class Case(FaultTestMixin, unittest.TestCase):
            def runTest(self):
                self.assertAtomic(create_half, tables=TABLES)

        result = unittest.TestResult()
        Case().run(result)
        self.assertFalse(result.wasSuccessful())
        self.assertIn("left behind by the fault", result.failures[0][1])
