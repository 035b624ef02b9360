# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Ground for the tests of the suite: databases, query counts, servers.

Installed with the suite so that the tests of a module run from a wheel.  What
needs trytond is imported when it is asked for: trytond takes its backend from
the environment at its first import.
"""
from importlib import import_module

_NAMES = {
    'ModuleTestCase': 'databases',
    'QueryTestMixin': 'queries',
    'activate_modules': 'databases',
    'count_queries': 'queries',
    'examples': 'databases',
    'load_module_tests': 'loading',
    'prepare_database': 'databases',
    'set_up_chart': 'chart',
    'unvalidated': 'databases',
    }

__all__ = list(_NAMES)


def __getattr__(name):
    try:
        module = _NAMES[name]
    except KeyError:
        raise AttributeError(name) from None
    return getattr(import_module(f'{__name__}.{module}'), name)
