# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What our modules extend may be activated after them."""
from structure import EXTRAS, failures

from caravan.testing import prepare_database, unvalidated
from caravan.testing.keys import MODULES
from trytond.tests import test_tryton


class ExtrasTestCase(test_tryton.TestCase):
    "Test the activation of what our modules extend"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        prepare_database(sorted(MODULES))
        # What follows is not to be kept
        kept, test_tryton.DB_CACHE = test_tryton.DB_CACHE, None
        cls.addClassCleanup(setattr, test_tryton, 'DB_CACHE', kept)
        cls.addClassCleanup(test_tryton.drop_db)

    def test_after(self):
        "The structure holds once all that they extend comes after them"
        # Other suites validate their records
        with unvalidated():
            test_tryton.activate_module(EXTRAS)
        for module in MODULES:
            for failure in failures(module):
                with self.subTest(module=module):
                    self.fail(failure)
