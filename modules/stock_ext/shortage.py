# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from collections import defaultdict
from itertools import groupby

from trytond.i18n import gettext
from trytond.model import ModelView, fields
from trytond.pool import Pool
from trytond.transaction import Transaction

from .exceptions import ShortageError


class Shortage(ModelView):
    __name__ = 'stock.shortage'

    product = fields.Many2One('product.product', "Product", readonly=True)
    location = fields.Many2One(
        'stock.location', "Location", readonly=True,
        help="Where the goods were to be taken from.")
    unit = fields.Many2One('product.uom', "Unit", readonly=True)
    required = fields.Float(
        "Required", digits='unit', readonly=True,
        help="The quantity that the movement asks for.")
    on_hand = fields.Float(
        "On Hand", digits='unit', readonly=True,
        help="The quantity that is there and not assigned to others.")
    missing = fields.Float("Missing", digits='unit', readonly=True)
    elsewhere = fields.Text(
        "Elsewhere", readonly=True,
        help="The other locations where the product lies.")
    substitutes = fields.Text(
        "Instead", readonly=True,
        help="The products on hand that could take its place.")

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree/field[@name="missing"]', 'visual', 'danger'),
            ]

    @classmethod
    def find(cls, moves):
        """Return a shortage for each product that moves can't take.

        moves are stock moves, saved or not; those that are assigned or done
        and those of consumables or from places without stock need nothing.
        The quantities are those that the assignation of moves counts with.
        """
        shortages = []
        moves = sorted(
            filter(cls._needs_stock, moves), key=lambda m: m.company.id)
        for company, company_moves in groupby(moves, lambda m: m.company):
            with cls._set_context(company):
                shortages.extend(cls._find(list(company_moves)))
        return shortages

    @classmethod
    def check(cls, moves):
        "Raise the list of what is missing to do moves"
        if shortages := cls.find(moves):
            raise ShortageError(
                gettext('stock_ext.msg_shortage'),
                '\n'.join(s.text for s in shortages))

    @classmethod
    def _needs_stock(cls, move):
        return (
            move.state in {'staging', 'draft'}
            and move.on_change_with_assignation_required()
            and not move._default_pick_location)

    @classmethod
    def _set_context(cls, company):
        Date = Pool().get('ir.date')
        with Transaction().set_context(company=company.id):
            today = Date.today()
        return Transaction().set_context(
            company=company.id, stock_date_end=today, stock_assign=True)

    @classmethod
    def grouping(cls):
        "The fields of a move that tell one stock from another"
        return ('product',)

    @classmethod
    def _find(cls, moves):
        from_locations = {m.from_location for m in moves}
        places = cls._places(from_locations)
        stock = cls._stock(
            set().union(*places.values()), {m.product.id for m in moves})
        missing = defaultdict(lambda: [0, 0])
        # The move that asks for a lot leaves the others to the rest
        for move in sorted(
                moves, key=lambda m: None in cls._key(m)):
            quantity = move.on_change_with_internal_quantity()
            short = cls._take(
                stock[move.product.id], cls._key(move), quantity,
                places[move.from_location] - {move.to_location.id})
            total = missing[move.product, move.from_location]
            total[0] += quantity
            total[1] += move.product.default_uom.round(short)
        shortages = [
            cls(product=product, location=location,
                unit=product.default_uom,
                required=product.default_uom.round(required),
                on_hand=product.default_uom.round(required - short),
                missing=short)
            for (product, location), (required, short) in missing.items()
            if short > 0]
        if shortages:
            cls._set_elsewhere(
                shortages, set().union(*places.values()))
        return shortages

    @classmethod
    def _key(cls, move):
        return tuple(getattr(move, f, None) for f in cls.grouping())

    @classmethod
    def _places(cls, locations):
        "Return the ids of the places of stock in each of locations"
        Location = Pool().get('stock.location')
        children = Location.search([
                ('parent', 'child_of', [l.id for l in locations]),
                ('type', '!=', 'view'),
                ], order=[])
        return {
            location: {
                c.id for c in children
                if location.left <= c.left and c.right <= location.right}
            for location in locations}

    @classmethod
    def _stock(cls, locations, products):
        "Return [location, key, quantity] per product"
        Product = Pool().get('product.product')
        stock = defaultdict(list)
        for (location, *key), quantity in Product.products_by_location(
                list(locations), grouping=cls.grouping(),
                grouping_filter=(list(products),)).items():
            if quantity > 0:
                stock[key[0]].append([location, key, quantity])
        return stock

    @classmethod
    def _take(cls, stock, key, quantity, places):
        "Take quantity out of stock and return what is missing"
        key = [getattr(k, 'id', k) for k in key]
        for line in stock:
            location, line_key, available = line
            if (location in places
                    and all(k in {None, l} for k, l in zip(key, line_key))):
                taken = min(quantity, available)
                line[2] -= taken
                quantity -= taken
            if quantity <= 0:
                break
        return quantity

    @classmethod
    def _set_elsewhere(cls, shortages, places):
        pool = Pool()
        Location = pool.get('stock.location')
        Product = pool.get('product.product')
        substitutes = cls._substitutes({s.product for s in shortages})
        products = {
            p.id for p in substitutes.keys() | set().union(
                *substitutes.values())}
        locations = Location.search([('type', '=', 'storage')], order=[])
        quantities = defaultdict(dict)
        for (location, product), quantity in Product.products_by_location(
                [l.id for l in locations],
                grouping_filter=(list(products),)).items():
            if quantity > 0:
                quantities[product][Location(location)] = quantity
        for shortage in shortages:
            shortage.elsewhere = shortage._list({
                    l: q for l, q in quantities[shortage.product.id].items()
                    if l.id not in places})
            shortage.substitutes = shortage._list({
                    p: sum(quantities[p.id].values())
                    for p in substitutes[shortage.product]
                    if quantities[p.id]})

    @classmethod
    def _substitutes(cls, products):
        "Return the variants and the replacements of products"
        Product = Pool().get('product.product')
        others = Product.search(['OR',
                ('template', 'in', [p.template.id for p in products]),
                ('replaced_by', 'in', [p.id for p in products]),
                ('replacing', 'in', [p.id for p in products]),
                ])
        return {
            product: [
                o for o in others
                if o != product and (
                    o.template == product.template
                    or o.replaced_by == product
                    or product.replaced_by == o)]
            for product in products}

    def _list(self, quantities, count=5):
        "Return the largest of {record: quantity} as text"
        quantities = sorted(
            quantities.items(), key=lambda i: i[1], reverse=True)[:count]
        return '\n'.join(
            f'{self._name(r)}: {self._format(q)}' for r, q in quantities)

    @classmethod
    def _name(cls, record):
        "Return the name of a location or of a product"
        return record.rec_name

    def _format(self, quantity):
        lang = Pool().get('ir.lang').get()
        return lang.format_number_symbol(
            quantity, self.unit, digits=self.unit.digits)

    @property
    def text(self):
        "The shortage as one line"
        text = gettext('stock_ext.msg_shortage_line',
            product=self.product.rec_name,
            location=self.location.rec_name,
            required=self._format(self.required),
            on_hand=self._format(self.on_hand),
            missing=self._format(self.missing))
        for name, others in [
                ('elsewhere', self.elsewhere),
                ('instead', self.substitutes)]:
            if others:
                text += ' ' + gettext(f'stock_ext.msg_shortage_{name}',
                    others=', '.join(others.splitlines()))
        return text
