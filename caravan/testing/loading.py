# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Load the tests of a module by dotted names.

Discovery from a folder fails for an editable install, where the folder of the
module lies elsewhere than the folder of trytond.
"""
import importlib
import pkgutil
import unittest
from itertools import chain, groupby

__all__ = ['load_module_tests', 'module_tests']


def module_tests(module):
    "Return the dotted names of the test files of a module"
    package = importlib.import_module(f'trytond.modules.{module}.tests')
    return sorted(
        f'{package.__name__}.{info.name}'
        for info in pkgutil.iter_modules(package.__path__)
        if info.name.startswith('test_'))


def load_module_tests(module):
    "Return the load_tests function of a test file that stands for a module"
    def load_tests(loader, tests, pattern):
        tests = chain.from_iterable(
            _flatten(loader.loadTestsFromName(name))
            for name in module_tests(module))
        classes = [list(group) for _, group in groupby(tests, type)]
        return unittest.TestSuite(
            chain.from_iterable(sorted(classes, key=_database)))
    return load_tests


def _flatten(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _flatten(test)
        else:
            yield test


def _database(tests):
    "Let those stand together that want the same database"
    case = type(tests[0])
    modules = getattr(case, 'modules', None) or [
        getattr(case, 'module', None) or '', *(
            getattr(case, 'extras', None) or [])]
    return sorted(modules)
