# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from caravan.testing import ModuleTestCase
from trytond.modules.company.tests import CompanyTestMixin


class StockExtTestCase(CompanyTestMixin, ModuleTestCase):
    "Test stock_ext module"
    module = 'stock_ext'
    extras = [
        'account_invoice', 'account_invoice_stock', 'product_attribute',
        'purchase', 'purchase_request', 'sale', 'stock_lot', 'stock_split',
        'stock_supply']


del ModuleTestCase
