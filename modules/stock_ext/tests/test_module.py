# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.modules.company.tests import CompanyTestMixin

from caravan.testing import ModuleTestCase


class StockExtTestCase(CompanyTestMixin, ModuleTestCase):
    "Test stock_ext module"
    module = 'stock_ext'


del ModuleTestCase
