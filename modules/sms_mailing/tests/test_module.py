# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from caravan.testing import ModuleTestCase, QueryTestMixin
from trytond.modules.company.tests import (
    CompanyTestMixin, PartyCompanyCheckEraseMixin)
from trytond.modules.party.tests import PartyCheckReplaceMixin


class SmsMailingTestCase(
        PartyCompanyCheckEraseMixin, PartyCheckReplaceMixin,
        CompanyTestMixin, QueryTestMixin, ModuleTestCase):
    "Test sms_mailing module"
    module = 'sms_mailing'
    extras = ['account_invoice', 'crm_party', 'fleet', 'loan', 'sale']


del ModuleTestCase
