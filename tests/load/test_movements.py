# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import tempfile
import time
import unittest
from pathlib import Path

from proteus import Model

from caravan.load.movements import Movements
from caravan.testing import activate_modules
from trytond.modules.company.tests.tools import create_company
from trytond.modules.stock_ext.tests.tools import (
    create_employee, create_locations, create_product, supply)
from trytond.tests.test_tryton import drop_db


class MovementsTestCase(unittest.TestCase):
    "Test the loader of movements"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.config = activate_modules(['stock_ext'], create_company)
        cls.addClassCleanup(drop_db)
        cls.store, cls.shelf, cls.workshop, _ = create_locations()
        cls.filter = create_product("Filter", 'FILTER')
        cls.oil = create_product("Oil", 'OIL', unit="Liter")
        supply(cls.shelf, {cls.filter: 10000, cls.oil: 1000})
        create_employee("Bob")

    def load(self, rows, **kwargs):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, 'movements.csv')
            path.write_text(
                'reference,basis,product,quantity,unit,from_location,'
                'to_location,document,requested_by\n' + rows)
            rejects = Path(folder, 'rejects.csv')
            result = Movements(self.config, **kwargs).load(
                path, rejects=rejects, progress=False)
            return result, rejects.read_text() if rejects.exists() else ''

    def test_load(self):
        "Movements are done, doubles known and bad rows told"
        rows = (
            'A1,ISSUE,FILTER,2,,STO,WORKSHOP,,Bob\n'
            'A2,TRANSFER,OIL,1.5,l,SHELF-A,WORKSHOP,,\n'
            'A3,ISSUE,FILTER,-2,,STO,WORKSHOP,,\n'
            'A4,ISSUE,NOTHING,2,,STO,WORKSHOP,,\n'
            'A5,ISSUE,OIL,9999,,STO,WORKSHOP,,\n'
            'A6,ISSUE,OIL,1,kg,STO,WORKSHOP,,\n'
            'A7,FOUND,OIL,1,,,STO,,\n'
            'A8,FOUND,OIL,1,,,STO,Recount of May,\n'
            'A9,ISSUE,FILTER,0.5,,STO,WORKSHOP,,\n')
        result, rejects = self.load(rows)
        self.assertEqual(result, (3, 0, 6))
        for text in [
                'must be more than zero', 'product with the code ""NOTHING""',
                'missing', 'not measured in Kilogram', 'needs a document',
                'finer than 1.0 Unit']:
            self.assertIn(text, rejects)
        Shipment = Model.get('stock.shipment.internal')
        shipments = Shipment.find([('reference', 'in', ['A1', 'A2', 'A8'])])
        self.assertEqual({s.state for s in shipments}, {'done'})
        result, _ = self.load(rows)
        self.assertEqual(result, (0, 3, 6))

    def test_dry_run(self):
        "A dry run moves nothing"
        result, _ = self.load(
            'D1,ISSUE,FILTER,2,,STO,WORKSHOP,,\n', dry_run=True)
        self.assertEqual(result, (1, 0, 0))
        Shipment = Model.get('stock.shipment.internal')
        self.assertFalse(Shipment.find([('reference', '=', 'D1')]))

    def test_speed(self):
        "The bulk is at least five times faster than one by one"
        Shipment = Model.get('stock.shipment.internal')
        Basis = Model.get('stock.basis')
        basis, = Basis.find([('code', '=', 'ISSUE')])

        def one_by_one(count):
            for _ in range(count):
                shipment = Shipment()
                shipment.basis = basis
                shipment.from_location = self.store
                shipment.to_location = self.workshop
                move = shipment.moves.new()
                move.product = self.filter
                move.quantity = 1
                move.from_location = self.store
                move.to_location = self.workshop
                shipment.save()
                shipment.click('wait')
                shipment.click('assign_try')
                shipment.click('do')

        def bulk(count):
            self.load(''.join(
                    f'S{i},ISSUE,FILTER,1,,STO,WORKSHOP,,\n'
                    for i in range(count)))

        one_by_one(2)
        start = time.process_time()
        one_by_one(10)
        single = (time.process_time() - start) / 10
        start = time.process_time()
        bulk(200)
        many = (time.process_time() - start) / 200
        self.assertGreater(
            single / many, 5, f"{single * 1000:.1f} and {many * 1000:.1f} ms")
