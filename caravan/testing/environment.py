# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What a machine may lack: a skip by hand, a failure with REQUIRE_ALL=1."""
import os
import unittest

__all__ = ['require', 'require_all']


def require_all():
    "Return True if nothing may be skipped, as on the integration machine"
    return os.environ.get('REQUIRE_ALL') == '1'


def require(found, missing):
    """Skip the test, or fail with REQUIRE_ALL=1, unless found is true.

    missing says what is not there and how to get it.  Returns found.
    """
    if found:
        return found
    if require_all():
        raise AssertionError(f"REQUIRE_ALL=1: {missing}")
    raise unittest.SkipTest(missing)
