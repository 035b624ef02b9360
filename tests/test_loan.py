# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from caravan.testing import load_module_tests

load_tests = load_module_tests('loan')
