# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Each group may do what tests/access.toml of its module says, no more."""
from access import NOBODY, Matrix, declared, dump
from structure import EXTRAS

from caravan.testing import prepare_database
from caravan.testing.keys import MODULES
from trytond.tests import test_tryton


class AccessTestCase(test_tryton.TestCase):
    "Test the rights of the groups"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        prepare_database(sorted({*MODULES, *EXTRAS}))
        cls.addClassCleanup(test_tryton.drop_db)
        matrix = Matrix()
        cls.observed = {m: matrix.observe(m) for m in MODULES}

    def _objects(self):
        for module, sections in self.observed.items():
            for section, objects in sections.items():
                for name, who in objects.items():
                    yield module, section, name, who

    def test_nobody(self):
        "A user of no group may do nothing"
        for module, section, name, who in self._objects():
            with self.subTest(module=module, section=section, name=name):
                self.assertNotIn(NOBODY, who)

    def test_matrix(self):
        "The rights are those that are declared"
        for module, section, name, who in self._objects():
            expected = declared(module).get(section, {}).get(name, {})
            if isinstance(who, list):
                who, expected = sorted(who), sorted(expected)
            with self.subTest(module=module, section=section, name=name):
                self.assertEqual(
                    who, expected,
                    "\nnow it is\n" + dump(
                        {'model': {}, 'button': {}, 'wizard': {},
                            'report': {}, section: {name: who}}))

    def test_declared(self):
        "What is declared exists"
        for module in MODULES:
            for section, objects in declared(module).items():
                if section == 'shared':
                    continue
                with self.subTest(module=module, section=section):
                    self.assertEqual(
                        set(objects) - set(self.observed[module][section]),
                        set())
