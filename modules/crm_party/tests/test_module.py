# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from caravan.testing import ModuleTestCase


class CrmPartyTestCase(ModuleTestCase):
    "Test crm_party module"
    module = 'crm_party'


del ModuleTestCase
