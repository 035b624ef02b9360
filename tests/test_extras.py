# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What our modules extend may be activated after them, one by one."""
from structure import EXTRAS, extends, failures

from caravan.testing import prepare_database
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

    def test_one_by_one(self):
        "The tests of the structure pass after each one"
        for extra in EXTRAS:
            with self.subTest(extra=extra):
                test_tryton.activate_module([extra])
            for module in MODULES:
                if extra in extends(module):
                    for failure in failures(module):
                        with self.subTest(extra=extra, module=module):
                            self.fail(failure)
