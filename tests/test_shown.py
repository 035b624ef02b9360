# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What a form shows is what the record holds.

A client rounds a number to its digits and cuts a time to its format.  Where
the record holds more, the form counts as changed once it is left, and the
client asks to save what nobody has typed.
"""
import datetime as dt

from access import own

from caravan.testing import demo
from caravan.testing.keys import MODULES
from trytond.model import ModelSingleton, ModelSQL, ModelView
from trytond.pool import Pool
from trytond.pyson import PYSONDecoder, PYSONEncoder
from trytond.tests import test_tryton
from trytond.tests.test_tryton import with_transaction
from trytond.transaction import Transaction

RECORDS = 40


class _Fields:
    "The fields of a record for the expression of its digits"

    def __init__(self, record):
        self.record = record

    def get(self, name, default=None):
        value = getattr(self.record, name, default)
        return getattr(value, 'id', value)


def digits(record, field):
    "Return the number of decimals the client shows, None for all of them"
    if isinstance(field.digits, str):
        unit = getattr(record, field.digits)
        return unit.digits if unit else None
    if not field.digits:
        return None
    decimals = field.digits[1]
    return PYSONDecoder({
            name: _Fields(record).get(name)
            for name in type(record)._fields
            if name in field.display_depends
            }).decode(PYSONEncoder().encode(decimals))


def shown(record, name):
    "Return the value as the client gives it back"
    field, value = record._fields[name], getattr(record, name)
    if value is None:
        return value
    if field._type in {'float', 'numeric'}:
        decimals = digits(record, field)
        if decimals is not None:
            value = round(value, decimals)
    elif field._type == 'time' and '%S' not in str(field.format):
        value = value.replace(second=0)
    elif field._type == 'timedelta':
        value = dt.timedelta(seconds=round(value.total_seconds()))
    return value


class ShownTestCase(test_tryton.TestCase):
    "Test the values of the demo company"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        demo.restore()
        cls.addClassCleanup(test_tryton.drop_db)

    def models(self):
        "Yield the models of the suite whose records have a form"
        names = set().union(*(own(module, 'model') for module in MODULES))
        for name in sorted(names):
            model = Pool().get(name)
            if (issubclass(model, ModelSQL) and issubclass(model, ModelView)
                    and not issubclass(model, ModelSingleton)):
                yield model

    @with_transaction(context={'_check_access': False})
    def test_values(self):
        pool = Pool()
        company, = pool.get('company.company').search([])
        checked = 0
        with Transaction().set_context(company=company.id):
            for model in self.models():
                names = [
                    n for n in model.fields_view_get(
                        view_type='form')['fields'] if n in model._fields
                    and model._fields[n]._type in {
                        'float', 'numeric', 'time', 'timedelta'}]
                records = model.search([], limit=RECORDS)
                for name in names:
                    checked += len(records)
                    with self.subTest(model=model.__name__, field=name):
                        self.assertEqual(
                            [getattr(r, name) for r in records],
                            [shown(r, name) for r in records])
        self.assertGreater(checked, 1000)
