# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Ground for the tests of the suite: databases, query counts, servers.

Installed with the suite so that the tests of a module run from a wheel.
"""
from .databases import ModuleTestCase, activate_modules
from .queries import QueryTestMixin, count_queries

__all__ = [
    'ModuleTestCase', 'QueryTestMixin', 'activate_modules', 'count_queries']
