# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The tests of the structure of a module, on any set of other modules."""
import unittest

from caravan.testing import ModuleTestCase, prepare_database
from caravan.testing.keys import MODULES
from trytond.modules import get_module_info

__all__ = ['EXTRAS', 'Structure', 'extends', 'failures']


def extends(module):
    "Return the modules which this one extends when they are there"
    return set(get_module_info(module).get('extras_depend', []))


def _core_extras():
    "Return the modules of the core that ours extend, dependencies first"
    todo, result = sorted(set().union(*map(extends, MODULES))), []

    def add(module):
        for other in get_module_info(module).get('depends', []):
            if other in todo:
                add(other)
        if module not in result:
            result.append(module)

    for module in todo:
        if module not in MODULES:
            add(module)
    return result


EXTRAS = _core_extras()


class Structure(ModuleTestCase):
    "Tests of a module with any others activated"
    modules = []

    @classmethod
    def setUpClass(cls):
        prepare_database(cls.modules)

    def assertFalse(self, value, msg=None):
        # Views of what is not there are not used
        if msg not in {"unused view files", "unused icon files"}:
            super().assertFalse(value, msg)


class _Running(Structure):
    "Tests of a module on the database as it is"

    @classmethod
    def setUpClass(cls):
        "Leave the database as it is"


def failures(module):
    "Return the failures of the tests of a module on the current database"
    case = type('Case', (_Running,), {'module': module})
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    return [text for _, text in result.failures + result.errors]
