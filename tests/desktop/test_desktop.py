# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import unittest

from caravan.testing import demo
from caravan.testing.desktop import Desktop, missing
from caravan.testing.environment import require

# The records that each module is about
_MODELS = {
    'crm_party': 'crm.activity',
    'fleet': 'fleet.vehicle',
    'loan': 'loan.loan',
    'sms_mailing': 'mailing.mailing',
    'stock_ext': 'stock.shipment.internal',
    }


class DesktopTestCase(unittest.TestCase):
    "The desktop client shows the main records of each module"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lacks = missing()
        require(not lacks, f"the desktop client lacks {lacks}")
        cls.server = demo.server()
        cls.desktop = cls.enterClassContext(
            Desktop(cls.server, 'admin', demo.PASSWORD))

    def test_modules(self):
        self.server.trouble()
        for module, model in _MODELS.items():
            with self.subTest(module=module):
                self.desktop.open(model)
                self.desktop.screenshot(f'desktop-{module}')
                self.desktop.form()
                self.desktop.screenshot(f'desktop-{module}-form')
                self.desktop.close()
                self.assertEqual(self.desktop.trouble(), '')
                self.assertEqual(self.server.trouble(), [])
