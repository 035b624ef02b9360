# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import tempfile
import unittest
from pathlib import Path

from proteus import Model

from caravan.load.refusals import Refusals
from caravan.testing import activate_modules
from trytond.modules.company.tests.tools import create_company
from trytond.tests.test_tryton import drop_db

REFUSALS = """\
address,party,channel,scope,topic,reason,since,until
+373 69 00-00-01,,sms,,,,2026-01-01,
ANN@Example.com,P1,,everything,,said,,
+37369000001,,,,,,,
69000003,,,,,,,
not@mail,,,,,,,
+37369000004,P9,,,,,,
+37369000005,,pigeon,,,,,
+37369000006,,,topic,,,,
+37369000007,,,topic,Payments,,,
+37369000008,,,topic,Weather,,,
+37369000009,,,,,,2026-02-01,2026-01-01
"""


class RefusalsTestCase(unittest.TestCase):
    "Test the loader of refusals"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.config = activate_modules('sms_mailing', create_company)
        cls.addClassCleanup(drop_db)
        Party = Model.get('party.party')
        Party(name="Ann", code='P1').save()

    def load(self, **kwargs):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, 'refusals.csv')
            path.write_text(REFUSALS)
            result = Refusals(self.config, **kwargs).load(
                path, progress=False)
            rejects = Path(f'{path}.rejects.csv').read_text().splitlines()
        return result, rejects[1:]

    def test_load(self):
        "Good rows come in once, bad ones keep their reason"
        Refusal = Model.get('mailing.refusal')
        result, rejects = self.load(dry_run=True)
        self.assertEqual(result, (3, 0, 8))
        self.assertFalse(Refusal.find([]))

        result, rejects = self.load()
        self.assertEqual(result, (3, 0, 8))
        self.assertEqual(
            [line.split(',')[:2] for line in rejects], [
                ['5', 'address'], ['6', 'address'], ['8', 'channel'],
                ['4', 'address'], ['7', 'party'], ['9', 'topic'],
                ['11', 'topic'], ['12', 'until']],
            rejects)
        refusals = {r.address: r for r in Refusal.find([])}
        self.assertEqual(set(refusals), {
                '+37369000001', 'ann@example.com', '+37369000007'})
        refusal = refusals['ann@example.com']
        self.assertEqual(refusal.party.code, 'P1')
        self.assertEqual(
            (refusal.scope, refusal.reason), ('everything', 'said'))
        self.assertEqual(refusals['+37369000007'].topic.name, "Payments")

        result, rejects = self.load()
        self.assertEqual(result[:2], (0, 3))
