# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Things that the tests of stock_ext need, made inside of a transaction."""
import html
import io
import re
import zipfile
from decimal import Decimal
from functools import cached_property
from unittest.mock import patch

from caravan.testing import QueryTestMixin, prepare_database, unvalidated
from trytond.modules.company.tests import create_company, set_company
from trytond.modules.stock_ext.tests import test_module
from trytond.pool import Pool
from trytond.tests import test_tryton
from trytond.transaction import Transaction

__all__ = [
    'EXTRAS', 'StockTestCase', 'create_employee', 'create_lot',
    'create_product', 'create_products', 'locate', 'move']

# All that the module extends
EXTRAS = test_module.StockExtTestCase.extras


class StockTestCase(QueryTestMixin, test_tryton.TestCase):
    "Test in a company with a store, a shelf in it and a workshop"
    modules = ['stock_ext']

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        prepare_database(cls.modules, set_up)

    def setUp(self):
        super().setUp()
        transaction = self.enterContext(Transaction().start(
                test_tryton.DB_NAME, test_tryton.USER,
                context=test_tryton.CONTEXT,
                _lock_tables=['product_product', 'stock_move']))
        self.addCleanup(transaction.rollback)
        self.company, = Pool().get('company.company').search([])
        self.enterContext(set_company(self.company))
        self.store = locate('STO')
        self.supplier = locate('SUP')
        self.customer = locate('CUS')
        self.lost = locate()
        self.shelf = locate('SHELF')
        self.workshop = locate('WORKSHOP')

    @cached_property
    def party(self):
        Party = Pool().get('party.party')
        party, = Party.create([{
                    'name': "Party", 'addresses': [('create', [{}])]}])
        return party

    @unvalidated()
    def shipment(self, name, moves, from_, to, quantities, **values):
        """Return a new shipment.

        quantities are the (product, quantity, values of the move), moves
        the name of the field that they go into.
        """
        Shipment = Pool().get(name)
        price = {}
        if {from_.type, to.type} & {'supplier', 'customer'}:
            price = {'unit_price': 3, 'currency': self.company.currency.id}
        shipment, = Shipment.create([{'company': self.company.id, **values}])
        Shipment.write([shipment], {moves: [('create', [{
                                'product': product.id,
                                'unit': product.default_uom.id,
                                'quantity': quantity,
                                'from_location': from_.id,
                                'to_location': to.id,
                                **price,
                                **(others[0] if others else {}),
                                } for product, quantity, *others
                            in quantities])]})
        return Shipment(shipment.id)

    def supplier_shipment(self, *quantities, **values):
        warehouse = self.store.warehouse
        return self.shipment(
            'stock.shipment.in', 'incoming_moves', self.supplier,
            warehouse.input_location, quantities,
            supplier=self.party.id, warehouse=warehouse.id,
            warehouse_input=warehouse.input_location.id,
            warehouse_storage=self.store.id, **values)

    def supplier_return(self, *quantities, **values):
        return self.shipment(
            'stock.shipment.in.return', 'moves', self.store, self.supplier,
            quantities, supplier=self.party.id,
            from_location=self.store.id, to_location=self.supplier.id,
            delivery_address=self.party.addresses[0].id, **values)

    def customer_shipment(self, *quantities, **values):
        warehouse = self.store.warehouse
        return self.shipment(
            'stock.shipment.out', 'outgoing_moves',
            warehouse.output_location, self.customer, quantities,
            customer=self.party.id, warehouse=warehouse.id,
            warehouse_output=warehouse.output_location.id,
            warehouse_storage=self.store.id,
            delivery_address=self.party.addresses[0].id, **values)

    def customer_return(self, *quantities, **values):
        warehouse = self.store.warehouse
        return self.shipment(
            'stock.shipment.out.return', 'incoming_moves', self.customer,
            warehouse.input_location, quantities,
            customer=self.party.id, warehouse=warehouse.id,
            warehouse_input=warehouse.input_location.id,
            warehouse_storage=self.store.id,
            contact_address=self.party.addresses[0].id, **values)

    def internal_shipment(self, to_location, *quantities, **values):
        return self.shipment(
            'stock.shipment.internal', 'moves', self.store, to_location,
            quantities, from_location=self.store.id,
            to_location=to_location.id, state='draft', **values)

    def basis(self, code):
        Basis = Pool().get('stock.basis')
        basis, = Basis.search([('code', '=', code)])
        return basis

    def supply(self, quantities, location=None, date=None):
        "Bring quantities {product: quantity} into location, the shelf"
        return move(self.supplier, location or self.shelf, quantities, date)

    def print_(self, name, records, **data):
        "Return the text of the report of records before its conversion"
        Report = Pool().get(name, type='report')
        with patch('caravan.report.converter', return_value=None):
            type_, content, _, _ = Report.execute(
                [r.id for r in records], data)
        self.assertEqual(type_, 'odt')
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            text = archive.read('content.xml').decode()
        return html.unescape(re.sub(r'<[^>]+>', ' ', text))

    def on_hand(self, product, location):
        "Return the quantity that core counts in location"
        Product = Pool().get('product.product')
        return Product.products_by_location(
            [location.id], with_childs=True,
            grouping_filter=([product.id],)).get(
                (location.id, product.id), 0)


def set_up():
    "Create what each test finds"
    create_company()
    locate(name="Shelf", code='SHELF', parent=locate('STO').id)
    locate(name="Workshop", code='WORKSHOP')


def locate(code=None, **values):
    """Return the location with code, or a new one with values.

    Without values and code, that of what is lost and found.
    """
    Location = Pool().get('stock.location')
    if values:
        location, = Location.create([
                {'type': 'storage', 'code': code, **values}])
    elif code:
        location, = Location.search([('code', '=', code)])
    else:
        location, = Location.search([('type', '=', 'lost_found')])
    return location


def create_product(name, unit="Unit", cost=1, **values):
    "Return a new product of goods"
    product, = create_products(name, unit=unit, cost=cost, **values)
    return product


# What the tests start from is valid, that is proved elsewhere

@unvalidated()
def create_products(*names, unit="Unit", cost=1, **values):
    "Return new products of goods, all with the same values"
    pool = Pool()
    Template = pool.get('product.template')
    Uom = pool.get('product.uom')
    unit, = Uom.search([('name', '=', unit)])
    product = {}
    if values.get('type') != 'service':
        product['cost_price'] = Decimal(cost)
    templates = Template.create([{
                'name': name,
                'type': 'goods',
                'default_uom': unit.id,
                'products': [('create', [product])],
                **values,
                } for name in names])
    return [p for t in templates for p in t.products]


@unvalidated()
def create_lot(product, number):
    Lot = Pool().get('stock.lot')
    lot, = Lot.create([{'product': product.id, 'number': number}])
    return lot


@unvalidated()
def create_employee(name):
    "Return a new employee of the company of the context"
    pool = Pool()
    Employee = pool.get('company.employee')
    Party = pool.get('party.party')
    party, = Party.create([{'name': name}])
    employee, = Employee.create([{
                'party': party.id,
                'company': Transaction().context['company'],
                }])
    return employee


@unvalidated()
def move(from_location, to_location, quantities, *dates, **values):
    """Move quantities {product: quantity} and return the moves.

    They are done on each of dates, today without one.
    """
    Move = Pool().get('stock.move')
    moves = []
    for date in dates or [None]:
        for product, quantity in quantities.items():
            record = Move(**{
                    'product': product,
                    'unit': product.default_uom,
                    'quantity': quantity,
                    'from_location': from_location,
                    'to_location': to_location,
                    'effective_date': date,
                    'company': Transaction().context['company'],
                    **values})
            if record.on_change_with_unit_price_required():
                record.unit_price = product.cost_price
                record.currency = record.company.currency
            moves.append(record)
    Move.save(moves)
    with Transaction().set_context(_skip_warnings=True):
        Move.do(moves)
    return moves
