# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from caravan.testing import ModuleTestCase, QueryTestMixin
from trytond.modules.company.tests import (
    CompanyTestMixin, PartyCompanyCheckEraseMixin)
from trytond.modules.party.tests import PartyCheckReplaceMixin


class CrmPartyTestCase(
        PartyCompanyCheckEraseMixin, PartyCheckReplaceMixin, CompanyTestMixin,
        QueryTestMixin, ModuleTestCase):
    "Test crm_party module"
    module = 'crm_party'
    extras = [
        'account_invoice', 'fleet', 'loan', 'product', 'sale',
        'sale_opportunity', 'sale_price_list', 'stock']


del ModuleTestCase
