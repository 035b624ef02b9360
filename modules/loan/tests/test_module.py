# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from caravan.testing import ModuleTestCase


class LoanTestCase(ModuleTestCase):
    "Test loan module"
    module = 'loan'
    extras = [
        'account_invoice', 'account_payment', 'account_product',
        'account_statement', 'bank', 'product']


del ModuleTestCase
