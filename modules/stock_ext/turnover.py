# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt
from collections import defaultdict
from decimal import Decimal

from sql import Literal, Null, Union, Window
from sql.aggregate import Min, Sum
from sql.conditionals import Case, Coalesce

from caravan.report import Report
from trytond.i18n import gettext
from trytond.model import ModelSQL, ModelView, fields
from trytond.modules.company import CompanyReport
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Eval, If
from trytond.transaction import Transaction, check_access
from trytond.wizard import Button, StateReport, StateView, Wizard

from .context import ContextValue
from .exceptions import TurnoverError
from .quantity import rounded


class StockContext(ContextValue, ModelView):
    "The place and the days that are looked at"
    __name__ = 'stock.turnover.context'

    company = fields.Many2One('company.company', "Company", required=True)
    custody = fields.Many2One(
        'stock.location.custodian', "Custodian",
        domain=[('company', '=', Eval('company', -1))],
        help="Fills in the place and the days of the custodian.")
    location = fields.Many2One(
        'stock.location', "Location",
        help="The place with all that is below it.\n"
        "Leave empty for all places that hold goods.")
    from_date = fields.Date(
        "From", required=True,
        domain=[
            If(Eval('to_date') & Eval('from_date'),
                ('from_date', '<=', Eval('to_date')), ()),
            ])
    to_date = fields.Date("To", required=True)
    by_location = fields.Boolean(
        "By Location",
        help="Check to tell the places below the location apart.\n"
        "Moves between them then count as in and as out.")
    product = fields.Many2One(
        'product.product', "Product",
        context={
            'company': Eval('company', -1),
            },
        depends=['company'],
        help="Leave empty for all.")
    category = fields.Many2One(
        'product.category', "Category",
        context={
            'company': Eval('company', -1),
            },
        depends=['company'],
        help="Only its products and those of the categories below it.")

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_location(cls):
        Location = Pool().get('stock.location')
        context = Transaction().context
        if context.get('all_places'):
            return None
        location = (
            context.get('location') or Location.get_default_warehouse())
        if not location:
            warehouses = Location.search(
                [('type', '=', 'warehouse')], order=[('id', 'ASC')], limit=1)
            location = warehouses[0].id if warehouses else None
        return location

    @classmethod
    def default_from_date(cls):
        return cls.default_to_date().replace(day=1)

    @classmethod
    def default_to_date(cls):
        return Pool().get('ir.date').today()

    @classmethod
    def default_by_location(cls):
        return bool(Transaction().context.get('by_location'))

    @classmethod
    def default_product(cls):
        return Transaction().context.get('product')

    @classmethod
    def value(cls, name):
        context = Transaction().context
        if name == 'location' and name in context:
            # Empty means all places, not the default one
            return context[name]
        return super().value(name)

    @fields.depends('custody', 'to_date')
    def on_change_custody(self):
        if self.custody:
            self.location = self.custody.location
            self.from_date = self.custody.from_date
            self.to_date = min(
                self.custody.to_date or dt.date.max, self.default_to_date())

    @property
    def values(self):
        "The context that gives the rows of this place and these days"
        return {
            'company': self.company.id,
            'location': self.location.id if self.location else None,
            'from_date': self.from_date,
            'to_date': self.to_date,
            'by_location': bool(self.by_location),
            'product': self.product.id if self.product else None,
            'category': self.category.id if self.category else None,
            }


class _Crossing(ModelSQL, ModelView):
    "Moves that were done over the border of a place"

    company = fields.Many2One('company.company', "Company")
    product = fields.Many2One(
        'product.product', "Product",
        context={
            'company': Eval('company', -1),
            },
        depends=['company'])
    unit = fields.Function(
        fields.Many2One('product.uom', "Unit"), 'on_change_with_unit')
    location = fields.Many2One('stock.location', "Location")

    @fields.depends('product')
    def on_change_with_unit(self, name=None):
        return self.product.default_uom if self.product else None

    @classmethod
    def search_rec_name(cls, name, clause):
        return [('product.rec_name', *clause[1:])]

    @classmethod
    def _keys(cls):
        "The names of the columns that tell one stock from another"
        return ['product']

    @classmethod
    def _crossings(cls):
        return Union(
            cls._side('to_location', 'from_location', 1),
            cls._side('from_location', 'to_location', -1), all_=True)

    @classmethod
    def _side(cls, place, other, sign):
        pool = Pool()
        Location = pool.get('stock.location')
        Move = pool.get('stock.move')
        value = pool.get('stock.turnover.context').value
        move = Move.__table__()
        inside = Location.__table__()
        outside = Location.__table__()
        top = value('location')
        where = (
            cls._inside(inside, top)
            & (move.state == 'done')
            & (move.company == (value('company') or -1))
            & (move.internal_quantity != 0)
            & (move.effective_date <= cls._days()[1]))
        location = getattr(move, place)
        if not value('by_location'):
            where &= ~cls._inside(outside, top)
            location = cls.location.sql_cast(
                Null if top is None else Literal(top))
        if product := value('product'):
            where &= move.product == product
        if category := value('category'):
            where &= move.product.in_(cls._of_category(category))
        return (move
            .join(inside, condition=getattr(move, place) == inside.id)
            .join(outside, condition=getattr(move, other) == outside.id)
            .select(
                move.id.as_('move'),
                move.effective_date.as_('date'),
                location.as_('location'),
                getattr(move, other).as_('other_location'),
                (move.internal_quantity * sign).as_('quantity'),
                *(getattr(move, k).as_(k) for k in cls._keys()),
                where=where))

    @classmethod
    def _inside(cls, location, top):
        "Return the clause of the locations in top, of all stock without it"
        if top is None:
            return location.type == 'storage'
        top = Pool().get('stock.location')(top)
        return (location.left >= top.left) & (location.right <= top.right)

    @classmethod
    def _of_category(cls, category):
        Product = Pool().get('product.product')
        return Product.search([
                ('categories_all', 'child_of', [category], 'parent'),
                ['OR', ('active', '=', True), ('active', '=', False)],
                ], query=True, order=[])

    @classmethod
    def _days(cls):
        Context = Pool().get('stock.turnover.context')
        return Context.value('from_date'), Context.value('to_date')


class Turnover(_Crossing):
    __name__ = 'stock.turnover'

    opening = fields.Float(
        "Opening", digits='unit', help="What was there before the first day.")
    input = fields.Float("In", digits='unit')
    output = fields.Float("Out", digits='unit')
    closing = fields.Float(
        "Closing", digits='unit', help="What was there after the last day.")
    categories = fields.Function(
        fields.Char("Categories", help="The categories of the product."),
        'on_change_with_categories')
    cost_price = fields.Function(
        fields.Numeric("Cost Price"), 'on_change_with_cost_price')
    value = fields.Function(
        Monetary(
            "Value", currency='currency', digits='currency',
            help="The closing quantity at the cost price of today."),
        'on_change_with_value')
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [
            ('location', 'ASC'), ('product', 'ASC'), ('id', 'ASC')]

    @classmethod
    def table_query(cls):
        crossing = cls._crossings()
        from_date, _ = cls._days()
        before = crossing.date < from_date
        during = crossing.date >= from_date
        keys = [getattr(crossing, k) for k in ['location', *cls._keys()]]
        return crossing.select(
            # A move is in two rows at most, once in and once out
            Min(crossing.move * 2 + Case(
                    (crossing.quantity > 0, 1), else_=0)).as_('id'),
            Literal(Transaction().context.get('company', -1)).as_('company'),
            crossing.location.as_('location'),
            *(getattr(crossing, k).as_(k) for k in cls._keys()),
            *(cls._sum(crossing.quantity, filter_).as_(name)
                for name, filter_ in [
                    ('opening', before),
                    ('input', during & (crossing.quantity > 0)),
                    ('closing', before | during)]),
            cls._sum(
                -crossing.quantity, during & (crossing.quantity < 0)
                ).as_('output'),
            group_by=keys)

    @classmethod
    def _sum(cls, quantity, filter_):
        return rounded(Coalesce(Sum(quantity, filter_=filter_), 0))

    @fields.depends('product')
    def on_change_with_categories(self, name=None):
        if self.product:
            return ', '.join(c.rec_name for c in self.product.categories)

    @fields.depends('product')
    def on_change_with_cost_price(self, name=None):
        return self.product.cost_price if self.product else None

    @fields.depends('product', 'closing', 'company')
    def on_change_with_value(self, name=None):
        if (self.product and self.product.cost_price is not None
                and self.company):
            return self.company.currency.round(
                Decimal(str(self.closing)) * self.product.cost_price)

    @fields.depends('company')
    def on_change_with_currency(self, name=None):
        return self.company.currency if self.company else None


class Card(_Crossing):
    __name__ = 'stock.card'

    date = fields.Date("Date")
    move = fields.Many2One('stock.move', "Move")
    document = fields.Function(
        fields.Char("Document"), 'on_change_with_document')
    other_location = fields.Many2One(
        'stock.location', "From or To",
        help="Where the goods came from or went to.")
    input = fields.Float("In", digits='unit')
    output = fields.Float("Out", digits='unit')
    balance = fields.Float(
        "Balance", digits='unit', help="What was there after the move.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('date', 'ASC'), ('id', 'ASC')]

    @classmethod
    def table_query(cls):
        crossing = cls._crossings()
        number = crossing.move * 2 + Case((crossing.quantity > 0, 1), else_=0)
        keys = [getattr(crossing, k) for k in ['location', *cls._keys()]]
        balance = Sum(crossing.quantity, window=Window(
                keys, order_by=[crossing.date.asc, number.asc]))
        card = crossing.select(
            number.as_('id'),
            Literal(Transaction().context.get('company', -1)).as_('company'),
            crossing.date.as_('date'),
            crossing.move.as_('move'),
            crossing.location.as_('location'),
            crossing.other_location.as_('other_location'),
            *(getattr(crossing, k).as_(k) for k in cls._keys()),
            Case((crossing.quantity > 0, crossing.quantity),
                else_=Null).as_('input'),
            Case((crossing.quantity < 0, -crossing.quantity),
                else_=Null).as_('output'),
            rounded(balance).as_('balance'))
        columns = [
            'id', 'company', 'date', 'move', 'location', 'other_location',
            *cls._keys(), 'input', 'output', 'balance']
        return card.select(
            *(getattr(card, c).as_(c) for c in columns),
            where=card.date >= cls._days()[0])

    @fields.depends('move')
    def on_change_with_document(self, name=None):
        if self.move:
            document = self.move.shipment or self.move.origin
            return document.rec_name if document else self.move.rec_name

    @property
    def opening(self):
        "What was there before the move"
        return self.unit.round(
            self.balance - (self.input or 0) + (self.output or 0))


class PrintTurnover(Wizard):
    __name__ = 'stock.turnover.print'

    start = StateView(
        'stock.turnover.context', 'stock_ext.turnover_context_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Turnover Sheet", 'turnover', 'tryton-print',
                default=True),
            Button("Stock Cards", 'card', 'tryton-print'),
            Button("Residues", 'residue', 'tryton-print'),
            ])
    turnover = StateReport('stock.turnover')
    residue = StateReport('stock.turnover.residue')
    card = StateReport('stock.card')

    def default_start(self, fields):
        if not self.model:
            return {}
        values = {}
        if self.model.__name__ == 'stock.location':
            values['location'] = self.record.id
        elif self.model.__name__ == 'product.product':
            values['product'] = self.record.id
        elif self.model.__name__ == 'stock.location.custodian':
            start = self.start.__class__(custody=self.record)
            start.on_change_custody()
            values.update(
                custody=self.record.id, location=start.location.id,
                from_date=start.from_date, to_date=start.to_date)
        return values

    def _do(self, action, name):
        Model = Pool().get(name)
        with Transaction().set_context(self.start.values), check_access():
            records = Model.search([])
        if not records:
            raise TurnoverError(gettext('stock_ext.msg_turnover_nothing'))
        return action, {
            'ids': [r.id for r in records],
            'context': self.start.values,
            }

    def do_turnover(self, action):
        return self._do(action, 'stock.turnover')

    def do_residue(self, action):
        self.start.by_location = True
        return self._do(action, 'stock.turnover')

    def do_card(self, action):
        return self._do(action, 'stock.card')


class _PlaceReport(Report, CompanyReport):
    "Report of rows that exist only in the context of a place"

    @classmethod
    def execute(cls, ids, data):
        with Transaction().set_context(data.get('context') or {}):
            return super().execute(ids, data)

    @classmethod
    def get_context(cls, records, header, data):
        pool = Pool()
        Company = pool.get('company.company')
        Location = pool.get('stock.location')
        context = super().get_context(records, header, data)
        value = pool.get('stock.turnover.context').value
        location = value('location')
        location = Location(location) if location is not None else None
        context['place'] = location.rec_name if location else gettext(
            'stock_ext.msg_turnover_all_places')
        context['stock_suffix'] = cls.stock_suffix
        context['company'] = Company(value('company'))
        context['from_date'] = value('from_date')
        context['to_date'] = value('to_date')
        with Transaction().set_context(company=context['company'].id):
            context['custodian'] = location and Location.custodians(
                [location], context['to_date'])[location.id]
        return context

    @classmethod
    def stock_suffix(cls, record):
        "Return what tells the stock from others of the product"
        names = record.__class__._keys()[1:]
        parts = [getattr(record, n) for n in names]
        return ''.join(f' / {p.rec_name}' for p in parts if p)


class TurnoverReport(_PlaceReport):
    __name__ = 'stock.turnover'

    @classmethod
    def get_context(cls, records, header, data):
        context = super().get_context(records, header, data)
        context['total'] = sum(
            (r.value or 0 for r in records), Decimal(0))
        return context


class ResidueReport(_PlaceReport):
    __name__ = 'stock.turnover.residue'

    @classmethod
    def get_context(cls, records, header, data):
        context = super().get_context(records, header, data)
        groups = defaultdict(list)
        for record in records:
            if record.closing:
                groups[cls.category(record.product)].append(record)
        context['groups'] = [
            (category, sorted(groups[category], key=cls._key),
                cls.total(groups[category]))
            for category in sorted(groups)]
        context['total'] = cls.total(records)
        return context

    @classmethod
    def category(cls, product):
        "Return the name of the first category of product"
        for category in product.categories:
            return category.rec_name
        return gettext('stock_ext.msg_turnover_no_category')

    @classmethod
    def _key(cls, record):
        return (
            record.location.name if record.location else '',
            record.product.rec_name, record.id)

    @classmethod
    def total(cls, records):
        return sum((r.value or 0 for r in records), Decimal(0))


class CardReport(_PlaceReport):
    __name__ = 'stock.card'

    @classmethod
    def get_context(cls, records, header, data):
        context = super().get_context(records, header, data)
        cards = {}
        for record in records:
            key = tuple(
                getattr(record, k)
                for k in ['location', *Pool().get('stock.card')._keys()])
            cards.setdefault(key, []).append(record)
        context['cards'] = list(cards.values())
        return context
