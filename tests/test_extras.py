# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What our modules extend may be activated after them."""
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

    def test_step_by_step(self):
        "The structure holds as each module gets what it extends"
        done = set()
        for module in MODULES:
            extras = [
                e for e in EXTRAS if e in extends(module) and e not in done]
            done.update(extras)
            with self.subTest(module=module):
                test_tryton.activate_module(extras)
            for other in MODULES:
                if extends(other) & set(extras):
                    for failure in failures(other):
                        with self.subTest(extras=extras, module=other):
                            self.fail(failure)
