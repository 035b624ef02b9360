# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Products, warehouses and what lies in them."""
from decimal import Decimal

__all__ = ['fill']

# code, name, type, unit, list price, cost price, quantity on hand
_PRODUCTS = [
    ('CARRIAGE', "Carriage of goods", 'service', 'unit', '480', '310', 0),
    ('WAITING', "Waiting time", 'service', 'hour', '55', '38', 0),
    ('REPAIR', "Repair in a workshop", 'service', 'hour', '78', '52', 0),
    ('TOLL', "Motorway toll", 'service', 'unit', '1', '1', 0),
    ('DIESEL', "Diesel", 'goods', 'liter', '1.62', '1.34', 18000),
    ('ADBLUE', "AdBlue", 'goods', 'liter', '0.95', '0.61', 2400),
    ('OIL', "Motor oil 10W-40", 'goods', 'liter', '9.80', '6.10', 420),
    ('TYRE', "Tyre 315/80 R22.5", 'goods', 'unit', '520', '385', 46),
    ('FILTER', "Oil filter", 'goods', 'unit', '38', '21', 60),
    ('PALLET', "Pallet 80 × 120", 'goods', 'unit', '14', '8.20', 640),
    ('CEMENT', "Cement, bag of 25 kg", 'goods', 'unit', '9.40', '5.90', 1200),
    ('TIMBER', "Timber, beam 3 m", 'goods', 'unit', '24', '15', 380),
    ('PAPER', "Paper, box of 5 reams", 'goods', 'unit', '32', '21', 90),
    ('GLOVES', "Working gloves", 'goods', 'unit', '6.50', '3.10', 300),
    ('JACKET', "High visibility jacket", 'goods', 'unit', '39', '22', 85),
    ]


def fill(demo):
    "Make the products, a second warehouse and the stock on hand"
    category = _make_category(demo)
    for row in demo.progress(_PRODUCTS, "Products"):
        demo.products[row[0]] = _make_product(demo, category, *row[:6])
    Location = demo.get('stock.location')
    demo.warehouse, = Location.find([('type', '=', 'warehouse')], limit=1)
    demo.warehouses = [demo.warehouse, _make_warehouse(demo)]
    _make_stock(demo)


def _make_category(demo):
    category = demo.get('product.category')(name="Goods and services")
    category.accounting = True
    category.account_revenue = demo.accounts['revenue']
    category.account_expense = demo.accounts['expense']
    category.save()
    return category


def _make_product(demo, category, code, name, type, unit, price, cost):
    Uom = demo.get('product.uom')
    template = demo.get('product.template')(name=name)
    template.type = type
    template.default_uom = Uom(demo.xml_id(f'product.uom_{unit}'))
    template.list_price = Decimal(price)
    template.account_category = category
    template.salable = True
    template.purchasable = True
    product, = template.products
    product.suffix_code = code
    product.cost_price = Decimal(cost)
    template.save()
    product, = template.products
    return product


def _make_warehouse(demo):
    Location = demo.get('stock.location')
    parts = {
        'input': Location(name="South input", type='storage'),
        'output': Location(name="South output", type='storage'),
        'storage': Location(name="South storage", type='storage'),
        }
    Location.save(list(parts.values()))
    warehouse = Location(
        name="South depot", type='warehouse', code='SOUTH',
        **{f'{name}_location': part for name, part in parts.items()})
    warehouse.save()
    return warehouse


def _make_stock(demo):
    Inventory = demo.get('stock.inventory')
    inventory = Inventory(
        location=demo.warehouse.storage_location, date=demo.on(-30))
    for code, _, type, _, _, _, quantity in _PRODUCTS:
        if type == 'goods':
            line = inventory.lines.new()
            line.product = demo.products[code]
            line.quantity = quantity
    inventory.save()
    inventory.click('confirm')
