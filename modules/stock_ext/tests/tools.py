# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Things that the scenarios of stock_ext need, made through proteus."""
from decimal import Decimal

from proteus import Model

__all__ = [
    'create_employee', 'create_locations', 'create_product', 'create_user',
    'supply']


def create_employee(name, config=None):
    "Return a new employee of the company of config"
    Party = Model.get('party.party', config=config)
    Employee = Model.get('company.employee', config=config)
    party = Party(name=name)
    party.save()
    employee = Employee(party=party)
    employee.save()
    return employee


def create_user(login, groups, employee=None, config=None):
    """Return a new user of the company.

    groups are the names of its groups.
    """
    Company = Model.get('company.company', config=config)
    Group = Model.get('res.group', config=config)
    User = Model.get('res.user', config=config)
    company, = Company.find([], limit=1)
    user = User(name=login.title(), login=login)
    user.companies.append(company)
    user.company = company
    for group in Group.find([('name', 'in', groups)]):
        user.groups.append(group)
    if employee:
        user.employees.append(employee.__class__(employee.id))
        user.employee = employee
    user.save()
    return user


def create_locations(config=None):
    "Return the store, a shelf in it, a workshop and what is lost or used"
    Location = Model.get('stock.location', config=config)
    store, = Location.find([('code', '=', 'STO')])
    shelf = Location(
        name="Shelf A", code='SHELF-A', type='storage', parent=store)
    workshop = Location(name="Workshop", code='WORKSHOP', type='storage')
    Location.save([shelf, workshop])
    lost, = Location.find([('type', '=', 'lost_found')])
    return store, shelf, workshop, lost


def create_product(name, code=None, unit="Unit", cost=1, config=None):
    "Return a new product of goods"
    Template = Model.get('product.template', config=config)
    Uom = Model.get('product.uom', config=config)
    unit, = Uom.find([('name', '=', unit)])
    template = Template(name=name, type='goods', default_uom=unit)
    template.list_price = Decimal(2) * cost
    template.code = code
    product, = template.products
    product.cost_price = Decimal(cost)
    template.save()
    product, = template.products
    return product


def supply(location, quantities, date=None, config=None):
    "Bring quantities {product: quantity} into location at date"
    Location = Model.get('stock.location', config=config)
    Move = Model.get('stock.move', config=config)
    supplier, = Location.find([('type', '=', 'supplier')], limit=1)
    moves = []
    for product, quantity in quantities.items():
        move = Move(
            product=product, quantity=quantity,
            from_location=supplier, to_location=location,
            unit_price=product.cost_price)
        move.currency = move.company.currency
        move.effective_date = date
        moves.append(move)
    Move.save(moves)
    Move.click(moves, 'do')
