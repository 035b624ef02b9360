# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from caravan.testing import ModuleTestCase
from trytond.modules.company.tests import (
    CompanyTestMixin, PartyCompanyCheckEraseMixin)
from trytond.modules.party.tests import PartyCheckReplaceMixin


class FleetTestCase(
        PartyCompanyCheckEraseMixin, PartyCheckReplaceMixin,
        CompanyTestMixin, ModuleTestCase):
    "Test fleet module"
    module = 'fleet'
    extras = [
        'account_asset', 'account_invoice', 'account_product', 'carrier',
        'product_price_list', 'sale', 'sale_price_list', 'stock_shipment_cost']


del ModuleTestCase
