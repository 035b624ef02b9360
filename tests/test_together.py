# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Each module works alone, with each other one and with all of Tryton."""
import itertools
import logging
import unittest

from structure import EXTRAS, Structure, extends

from caravan.testing import prepare_database
from caravan.testing.keys import MODULES
from trytond.pool import Pool
from trytond.tests import test_tryton
from trytond.tests.test_tryton import with_transaction
from trytond.transaction import Transaction


def _case(module, others, label):
    name = f'{module}_{label}'
    return type(name, (Structure,), {
            'module': module,
            'modules': sorted({module, *others}),
            '__module__': __name__,
            '__qualname__': name,
            })


def _cases():
    for module in MODULES:
        yield _case(module, [], 'alone')
    for pair in itertools.combinations(MODULES, 2):
        linked = [
            (m, o) for m, o in itertools.permutations(pair)
            if o in extends(m)]
        for module, other in linked or [pair]:
            yield _case(module, [other], f'with_{other}')
    for module in MODULES:
        yield _case(module, [*MODULES, *EXTRAS], 'with_all')


class UpdateTestCase(test_tryton.TestCase):
    "Test the update of all modules"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        prepare_database(sorted({*MODULES, *EXTRAS}))
        cls.addClassCleanup(test_tryton.drop_db)

    @with_transaction()
    def _data(self):
        "Return which records of ours exist"
        cursor = Transaction().connection.cursor()
        data = Pool().get('ir.model.data').__table__()
        cursor.execute(*data.select(
                data.module, data.fs_id, data.model, data.db_id,
                where=data.module.in_(MODULES)))
        return set(cursor.fetchall())

    def test_update(self):
        "A second update changes nothing and warns of nothing"
        before = self._data()
        with self.assertNoLogs('trytond', logging.WARNING):
            Pool(test_tryton.DB_NAME).init(update=MODULES)
        self.assertEqual(self._data(), before)


def load_tests(loader, tests, pattern):
    suite = unittest.TestSuite()
    for case in [*_cases(), UpdateTestCase]:
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite
