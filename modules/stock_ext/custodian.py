# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from types import SimpleNamespace

from sql.conditionals import Coalesce
from sql.operators import Equal

from caravan.i18n import gettext
from caravan.report import Report
from trytond.model import Exclude, Index, ModelSQL, ModelView, fields
from trytond.modules.company import CompanyReport
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval, If
from trytond.sql.functions import DateRange
from trytond.sql.operators import RangeOverlap
from trytond.transaction import Transaction, check_access, inactive_records
from trytond.wizard import (
    Button, StateReport, StateTransition, StateView, Wizard)

from .exceptions import CustodianError


class Custodian(ModelSQL, ModelView):
    __name__ = 'stock.location.custodian'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='CASCADE')
    location = fields.Many2One(
        'stock.location', "Location", required=True, ondelete='CASCADE',
        domain=[('type', 'in', ['warehouse', 'storage', 'view'])],
        help="The place with all that is below it.")
    employee = fields.Many2One(
        'company.employee', "Custodian", required=True, ondelete='RESTRICT',
        domain=[('company', '=', Eval('company', -1))],
        help="Who answers for the goods.")
    from_date = fields.Date(
        "From", required=True,
        domain=[
            If(Eval('to_date'), ('from_date', '<=', Eval('to_date')), ()),
            ],
        help="The first day the employee answers for the goods.")
    to_date = fields.Date(
        "To", help="The last day the employee answers for the goods.")
    inventories = fields.One2Many(
        'stock.inventory', 'custodian', "Stocktakes", readonly=True,
        help="The counts made when the goods were taken over.")
    counted = fields.Function(
        fields.Boolean(
            "Counted", help="All that was taken over has been counted."),
        'get_counted')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('no_overlap', Exclude(t,
                    (t.company, Equal),
                    (t.location, Equal),
                    (DateRange(
                            t.from_date,
                            Coalesce(t.to_date, dt.date.max), '[]'),
                        RangeOverlap)),
                'stock_ext.msg_custodian_overlap'),
            ]
        cls._sql_indexes.update({
                Index(t,
                    (t.location, Index.Equality()),
                    (t.from_date, Index.Range())),
                Index(t, (t.employee, Index.Equality())),
                })
        cls._order = [
            ('location', 'ASC'), ('from_date', 'DESC'), ('id', 'DESC')]

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_from_date(cls):
        return Pool().get('ir.date').today()

    def get_rec_name(self, name):
        return f'{self.employee.rec_name} @ {self.location.rec_name}'

    @classmethod
    def search_rec_name(cls, name, clause):
        _, operator, operand, *extra = clause
        bool_op = (
            'AND' if operator.startswith('!') or operator.startswith('not ')
            else 'OR')
        return [bool_op,
            ('employee.rec_name', operator, operand, *extra),
            ('location.rec_name', operator, operand, *extra),
            ]

    @classmethod
    def get_counted(cls, custodians, name):
        return {
            c.id: all(i.state != 'draft' for i in c.inventories)
            for c in custodians}

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(~Eval('counted', True), 'warning',
                    If(Eval('to_date'), 'muted', ''))),
            ]

    @classmethod
    def copy(cls, custodians, default=None):
        default = default.copy() if default is not None else {}
        default.setdefault('inventories')
        return super().copy(custodians, default=default)

    @classmethod
    def on_modification(cls, mode, custodians, field_names=None):
        super().on_modification(mode, custodians, field_names=field_names)
        if mode == 'create':
            cls.ask_stocktakes(custodians)

    @classmethod
    def ask_stocktakes(cls, custodians):
        """Draft the stocktakes of the places that change hands.

        Those who are the first of their place, or belong to the past, take
        nothing over.
        """
        pool = Pool()
        Date = pool.get('ir.date')
        Inventory = pool.get('stock.inventory')
        inventories = []
        for custodian in cls._successors(custodians):
            with Transaction().set_context(company=custodian.company.id):
                if custodian.to_date and custodian.to_date < Date.today():
                    continue
            inventories.extend(
                Inventory(
                    company=custodian.company, location=location,
                    date=custodian.from_date, custodian=custodian)
                for location in custodian.stocked_locations())
        Inventory.save(inventories)
        Inventory.complete_lines(inventories)

    @classmethod
    def _successors(cls, custodians):
        return [c for c in custodians if c.predecessor]

    def answers_for(self, location, date):
        "Test if location is in the place of the custodian at date"
        return (
            self.location.left <= location.left
            and location.right <= self.location.right
            and self.from_date <= date <= (self.to_date or dt.date.max))

    def stocked_locations(self):
        "Return the places taken over that hold goods"
        locations = self._locations()
        quantities = self._quantities(locations, self.from_date)
        return [l for l in locations if quantities[l.id]]

    def _locations(self):
        """Return the places below the location that hold goods of their own.

        Those that somebody else answers for are left out.
        """
        Location = Pool().get('stock.location')
        others = self.search([
                ('company', '=', self.company.id),
                ('location', 'child_of', [self.location.id], 'parent'),
                ('location', '!=', self.location.id),
                ('from_date', '<=', self.from_date),
                ['OR',
                    ('to_date', '=', None),
                    ('to_date', '>=', self.from_date),
                    ],
                ], order=[])
        return [
            l for l in Location.search([
                    ('parent', 'child_of', [self.location.id]),
                    ('type', '=', 'storage'),
                    ])
            if not any(
                o.location.left <= l.left and l.right <= o.location.right
                for o in others)]

    def _quantities(self, locations, date):
        "Return {location: {product: quantity}} at the end of date"
        Product = Pool().get('product.product')
        result = defaultdict(dict)
        with Transaction().set_context(
                company=self.company.id, stock_date_end=date):
            quantities = Product.products_by_location(
                [l.id for l in locations])
        for (location, product), quantity in quantities.items():
            if quantity:
                result[location][product] = quantity
        return result

    @property
    def predecessor(self):
        """The employee who hands the goods over, None at the beginning.

        Where the place had no custodian of its own, the one of the place
        above.
        """
        Location = Pool().get('stock.location')
        previous = self.search([
                ('company', '=', self.company.id),
                ('location', '=', self.location.id),
                ('from_date', '<', self.from_date),
                ], order=[('from_date', 'DESC')], limit=1)
        if previous:
            return previous[0].employee
        with Transaction().set_context(company=self.company.id):
            above = Location.custodians(
                [self.location], self.from_date - dt.timedelta(days=1)
                )[self.location.id]
        return above if above != self.employee else None

    def _counted(self):
        "Return {(id of location, id of product): quantity of all its lots}"
        counted = defaultdict(float)
        for inventory in self.inventories:
            if inventory.state == 'cancelled':
                continue
            for line in inventory.lines:
                quantity = line.quantity
                if quantity is None and inventory.state == 'done':
                    kept = inventory.empty_quantity == 'keep'
                    quantity = line.expected_quantity if kept else 0
                if quantity is not None:
                    counted[inventory.location.id, line.product.id] += (
                        quantity)
        return counted

    def handed_over(self):
        """Return the goods of the act, a line per location and product.

        The counted quantity is that of the stocktake, None before it.  What
        was counted and not in the books is told too.
        """
        Product = Pool().get('product.product')
        counted = self._counted()
        locations = self._locations()
        quantities = self._quantities(
            locations, self.from_date - dt.timedelta(days=1))
        for (location, product), quantity in counted.items():
            if quantity:
                quantities[location].setdefault(product, 0)
        with Transaction().set_context(company=self.company.id):
            products = {
                p.id: p for p in Product.browse(list(dict.fromkeys(
                            p for l in locations for p in quantities[l.id])))}
        return [
            SimpleNamespace(
                location=location, product=products[product],
                unit=products[product].default_uom, quantity=quantity,
                counted=counted.get((location.id, product)),
                value=self.company.currency.round(
                    (products[product].cost_price or Decimal(0))
                    * Decimal(str(quantity))))
            for location in locations
            for product, quantity in sorted(
                quantities[location.id].items(),
                key=lambda i: products[i[0]].rec_name)]


class Inventory(metaclass=PoolMeta):
    __name__ = 'stock.inventory'

    custodian = fields.Many2One(
        'stock.location.custodian', "Hand-over", ondelete='SET NULL',
        readonly=True,
        help="The change of custodian that asked for the count.")

    @classmethod
    def copy(cls, inventories, default=None):
        default = default.copy() if default is not None else {}
        default.setdefault('custodian')
        return super().copy(inventories, default=default)


class Location(metaclass=PoolMeta):
    __name__ = 'stock.location'

    custodian = fields.Function(
        fields.Many2One(
            'company.employee', "Custodian",
            help="Who answers for the goods today."),
        'get_custodian', searcher='search_custodian')
    tank = fields.Boolean(
        "Tank",
        states={
            'invisible': Eval('type') != 'storage',
            },
        help="Check for the tank of a depot or of a vehicle, "
        "to tell its fuel from other goods.")

    @classmethod
    def get_custodian(cls, locations, name):
        return {
            location: employee and employee.id
            for location, employee in cls.custodians(locations).items()}

    @classmethod
    def search_custodian(cls, name, clause):
        Employee = Pool().get('company.employee')
        _, operator, operand, *extra = clause
        nested = clause[0][len(name):]
        field = nested[1:] or (
            'rec_name' if isinstance(operand, str) else 'id')
        with inactive_records():
            custodians = cls.custodians(cls.search([], order=[]))
        employees = {e for e in custodians.values() if e}
        matching = set(Employee.search([
                    ('id', 'in', [e.id for e in employees]),
                    (field, operator, operand, *extra)],
                order=[]))
        if not nested and operator in {'=', '!='} and operand is None:
            matching = employees if operator == '!=' else {None}
        elif not nested and operator in {'!=', 'not in'}:
            matching.add(None)
        return [('id', 'in', [
                    l for l, e in custodians.items() if e in matching])]

    @classmethod
    def custodians(cls, locations, date=None):
        """Return {id of location: employee} of who answers for them at date.

        The custodian of a place is that of the nearest place above it that
        has one, None when there is none.
        """
        date = date or Pool().get('ir.date').today()
        employees = cls.custodians_on([(l, date) for l in locations])
        return {l.id: e for (l, _), e in employees.items()}

    @classmethod
    def custodians_on(cls, places):
        """Return {place: employee} of who answers for places.

        places is a list of pairs of a location and a date.
        """
        Custodian = Pool().get('stock.location.custodian')
        if not places:
            return {}
        dates = [d for _, d in places]
        custodians = sorted(
            Custodian.search([
                    ('company', '=', Transaction().context.get('company')),
                    ('from_date', '<=', max(dates)),
                    ['OR',
                        ('to_date', '=', None),
                        ('to_date', '>=', min(dates)),
                        ],
                    ], order=[]),
            key=lambda c: c.location.left, reverse=True)
        return {
            (location, date): next((
                    c.employee for c in custodians
                    if c.answers_for(location, date)), None)
            for location, date in places}


class ShipmentInternal(metaclass=PoolMeta):
    __name__ = 'stock.shipment.internal'

    from_custodian = fields.Function(
        fields.Many2One(
            'company.employee', "From Custodian",
            help="Who answers for the goods where they come from."),
        'get_custodians')
    to_custodian = fields.Function(
        fields.Many2One(
            'company.employee', "To Custodian",
            help="Who answers for the goods where they go."),
        'get_custodians')

    @classmethod
    def get_custodians(cls, shipments, names):
        pool = Pool()
        Date = pool.get('ir.date')
        Location = pool.get('stock.location')
        result = {name: {} for name in names}
        asked = defaultdict(dict)
        for shipment in shipments:
            date = shipment.effective_date or shipment.planned_date
            for name in names:
                location = getattr(
                    shipment, name.replace('custodian', 'location'))
                asked[shipment.company][name, shipment.id] = location, date
        for company, places in asked.items():
            with Transaction().set_context(company=company.id):
                today = Date.today()
                employees = Location.custodians_on(
                    [(l, d or today) for l, d in places.values()])
            for (name, shipment), (location, date) in places.items():
                employee = employees[location, date or today]
                result[name][shipment] = employee and employee.id
        return result


class HandOver(Wizard):
    __name__ = 'stock.location.hand_over'

    start = StateView(
        'stock.location.hand_over.start',
        'stock_ext.location_hand_over_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Hand Over", 'hand_over', 'tryton-ok', default=True),
            ])
    hand_over = StateTransition()
    print_ = StateReport('stock.location.custodian.act')

    def default_start(self, fields):
        if self.model and self.model.__name__ == 'stock.location':
            return {'location': self.record.id}
        elif self.model:
            return {'location': self.record.location.id}
        return {}

    def transition_hand_over(self):
        with check_access():
            self.start.custodian = self.start.hand_over()
        return 'print_'

    def do_print_(self, action):
        return action, {'ids': [self.start.custodian.id]}


class HandOverStart(ModelView):
    __name__ = 'stock.location.hand_over.start'

    company = fields.Many2One('company.company', "Company", required=True)
    location = fields.Many2One(
        'stock.location', "Location", required=True,
        domain=[('type', 'in', ['warehouse', 'storage', 'view'])])
    employee = fields.Many2One(
        'company.employee', "New Custodian", required=True,
        domain=[('company', '=', Eval('company', -1))],
        help="Who takes the goods over.")
    date = fields.Date(
        "Date", required=True,
        help="The first day the new custodian answers for the goods.")
    custodian = fields.Many2One(
        'stock.location.custodian', "Hand-over", readonly=True)

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_date(cls):
        return Pool().get('ir.date').today()

    def hand_over(self):
        "End the custody of the place and return that of the new custodian"
        Custodian = Pool().get('stock.location.custodian')
        current = Custodian.search([
                ('company', '=', self.company.id),
                ('location', '=', self.location.id),
                ['OR', ('to_date', '=', None), ('to_date', '>=', self.date)],
                ])
        for custodian in current:
            if (custodian.from_date >= self.date
                    or custodian.employee == self.employee):
                raise CustodianError(gettext(
                        'stock_ext.msg_hand_over',
                        custodian=custodian.rec_name,
                        date=custodian.from_date))
            custodian.to_date = self.date - dt.timedelta(days=1)
        Custodian.save(current)
        custodian, = Custodian.create([{
                    'company': self.company.id,
                    'location': self.location.id,
                    'employee': self.employee.id,
                    'from_date': self.date,
                    }])
        return custodian


class CustodianAct(Report, CompanyReport):
    __name__ = 'stock.location.custodian.act'
