# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime
from collections import defaultdict
from decimal import Decimal, InvalidOperation

from trytond.i18n import gettext
from trytond.model import Index, ModelSQL, ModelView, fields
from trytond.model.exceptions import AccessError
from trytond.pool import Pool
from trytond.pyson import Bool, Date, Eval, If
from trytond.tools import grouped_slice

from .code import parse
from .exceptions import ScanError

# What is saved at once: it takes longer than its parts where it is long
SLICE = 200
# The units of the measures that codes hold
_UNITS = {
    'count': 'uom_unit',
    'kg': 'uom_kilogram',
    'l': 'uom_liter',
    'm3': 'uom_cubic_meter',
    'm': 'uom_meter',
    'm2': 'uom_square_meter',
    'lb': 'uom_pound',
    }


def _plain(text):
    """Return the number with a point and nothing between its thousands.

    Of a point and a comma the last one is the decimal mark.
    """
    text = ''.join(text.split()).replace("'", '')
    marks = sorted('.,', key=text.rfind)
    if all(mark in text for mark in marks):
        text = text.replace(marks[0], '')
    return text.replace(',', '.')


class Found:
    "What was found for a code"

    def __init__(self, code):
        self.code = code
        self.product = self.location = self.lot = self.problem = None
        self.candidates, self.lots = [], []

    def choose(self, products, locations):
        """Choose among what is known by the names of the code.

        products are the {name: [product]}, locations the {name: location}.
        What is the code of several products is chosen by a person.
        """
        for name in self.code.names:
            self.candidates = self.candidates or products.get(name, [])
            self.location = self.location or locations.get(name)
        if len(self.candidates) == 1:
            self.product, = self.candidates

    @property
    def known(self):
        "What the code is that of, None when nothing is"
        return self.product or self.location or next(
            iter(self.candidates), None)

    def explain(self, code):
        "Return why code names neither a product nor a place"
        if self.candidates:
            return gettext('stock_ext.msg_scan_several', code=code,
                products=', '.join(p.rec_name for p in self.candidates))
        return gettext(
            f'stock_ext.msg_scan_{self.code.problem or "unknown"}', code=code)

    @property
    def quantity(self):
        """The quantity of one scan in the unit of the product.

        A measure of another kind is that of one piece: a box of bolts weighs
        something.
        """
        pool = Pool()
        ModelData = pool.get('ir.model.data')
        Uom = pool.get('product.uom')
        if not self.product or self.code.quantity is None:
            return 1.
        unit = Uom(ModelData.get_id('product', _UNITS[self.code.measure]))
        default = self.product.default_uom
        if unit.category != default.category:
            return 1.
        return Uom.compute_qty(unit, float(self.code.quantity), default)


class Line(ModelSQL, ModelView):
    __name__ = 'stock.scan.line'

    _states = {
        'readonly': Bool(Eval('done')),
        }

    session = fields.Many2One(
        'stock.scan.session', "Scan", required=True, ondelete='CASCADE')
    row = fields.Integer("Row", readonly=True, help="The line of the file.")
    code = fields.Char("Code", required=True, states=_states)
    product = fields.Many2One(
        'product.product', "Product", ondelete='RESTRICT', states=_states,
        domain=[('type', 'in', ['goods', 'assets'])])
    quantity = fields.Float("Quantity", states=_states)
    unit = fields.Function(
        fields.Many2One('product.uom', "Unit"), 'on_change_with_unit')
    location = fields.Many2One(
        'stock.location', "Location", ondelete='RESTRICT', states=_states)
    to_location = fields.Many2One(
        'stock.location', "To Location", ondelete='RESTRICT', states=_states)
    # Clients do not send what is read-only
    problem = fields.Char(
        "Problem", states=_states,
        help="Why the line waits. Choose the product to go on.")
    expiry = fields.Date(
        "Expiry", states=_states,
        help="The last day the goods are good, as the code tells.")
    done = fields.Boolean("Done", readonly=True)

    del _states

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('session')
        t = cls.__table__()
        cls._sql_indexes.add(
            Index(t, (t.session, Index.Equality())))
        cls._buttons.update({
                'remember': {
                    'invisible': Bool(Eval('done')) | ~Eval('product'),
                    'depends': ['done', 'product'],
                    },
                })

    @classmethod
    def default_done(cls):
        return False

    @classmethod
    def default_quantity(cls):
        return 1

    @classmethod
    def copy(cls, lines, default=None):
        default = default.copy() if default is not None else {}
        default.setdefault('done', False)
        return super().copy(lines, default=default)

    @classmethod
    def check_modification(cls, mode, lines, values=None, external=False):
        super().check_modification(
            mode, lines, values=values, external=external)
        if not external:
            return
        for line in lines:
            if line.done or (mode == 'write' and 'done' in values):
                raise AccessError(gettext(
                        'stock_ext.msg_scan_line_done', row=line.rec_name,
                        session=line.session.rec_name))

    @fields.depends('product')
    def on_change_with_unit(self, name=None):
        return self.product.default_uom if self.product else None

    @fields.depends('product', methods=['quantity_problem'])
    def on_change_product(self):
        if self.product:
            self.problem = self.quantity_problem()

    @fields.depends('product', 'problem', methods=['quantity_problem'])
    def on_change_quantity(self):
        if self.product:
            self.problem = self.quantity_problem()

    @fields.depends(
        'product', 'quantity', 'session', '_parent_session.profile')
    def quantity_problem(self, action=None):
        """Return what is wrong with the quantity of the product, if anything.

        action is that of the profile, the one of the session by default.
        """
        if not action and self.session and self.session.profile:
            action = self.session.profile.action
        quantity, unit = self.quantity, self.product.default_uom
        if quantity is None or not 0 <= quantity < float('inf'):
            return gettext('stock_ext.msg_scan_quantity', quantity=quantity)
        if unit.round(quantity) != quantity:
            return gettext(
                'stock_ext.msg_scan_rounding', quantity=quantity,
                unit=unit.rec_name)
        if action == 'count' and self.product.type != 'goods':
            return gettext(
                'stock_ext.msg_scan_count_type',
                product=self.product.rec_name)
        if action != 'count' and action and not quantity:
            return gettext('stock_ext.msg_scan_zero')

    def get_rec_name(self, name):
        return f'{self.row}: {self.code}' if self.row else self.code

    @classmethod
    def search_rec_name(cls, name, clause):
        return [('code', *clause[1:])]

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('done'), 'muted',
                    If(Bool(Eval('problem')), 'danger', 'success'))),
            ('/tree/field[@name="expiry"]', 'visual',
                If(Bool(Eval('expiry'))
                    & (Eval('expiry', datetime.date.max) < Date()),
                    'danger', '')),
            ]

    @classmethod
    def find(cls, codes):
        "Return {code: Found} for the scanned texts, in a few queries"
        result = {code: Found(parse(code)) for code in codes}
        names = {n for f in result.values() for n in f.code.names}
        products = cls._products(names)
        locations = cls._locations(names)
        for found in result.values():
            found.choose(products, locations)
        cls._find_lots(result.values())
        for code, found in result.items():
            if not found.product and not found.location:
                found.problem = found.explain(code)
        return result

    @classmethod
    def _products(cls, names):
        "Return {name: [product]}, the code of a product before the others"
        pool = Pool()
        Identifier = pool.get('product.identifier')
        Product = pool.get('product.product')
        result = defaultdict(list)
        identifiers = Identifier.search([
                ('code', 'in', list(names)),
                ('product.type', 'in', ['goods', 'assets'])])
        products = Product.search([
                ('code', 'in', list(names)),
                ('type', 'in', ['goods', 'assets'])])
        for identifier in identifiers:
            known = result[identifier.code]
            # The number goes from what is no longer kept to its successor
            if identifier.product.active and identifier.product not in known:
                known.append(identifier.product)
        for product in products:
            result[product.code] = [product]
        return result

    @classmethod
    def _locations(cls, names):
        Location = Pool().get('stock.location')
        return {
            l.code: l for l in Location.search([
                    ('code', 'in', list(names)),
                    ('type', 'in', ['storage', 'lost_found'])])}

    @classmethod
    def _find_lots(cls, founds):
        "Set the lots of what was found where the company uses lots"

    def told(self):
        "Return what the one who scans reads: the product and how much of it"
        if not self.product:
            return self.problem
        lang = Pool().get('ir.lang').get()
        quantity = lang.format_number_symbol(
            self.quantity, self.unit, digits=self.unit.digits)
        return ': '.join(filter(None, [
                    self.product.rec_name, quantity, self.problem]))

    @classmethod
    def prepare(cls, lines):
        "Make what lines need to be carried out"

    @classmethod
    def mark_done(cls, lines):
        "Mark lines as carried out"
        for part in grouped_slice(lines, SLICE):
            cls.write(cls.browse([l.id for l in part]), {'done': True})

    def set_found(self, found, action):
        self.product = found.product
        self.unit = self.on_change_with_unit()
        self.expiry = found.code.expiry
        self.problem = found.problem
        if not self.problem:
            if self.product:
                self.problem = self.quantity_problem(action)
            else:
                self.problem = gettext(
                    'stock_ext.msg_scan_location', code=self.code)

    @classmethod
    def from_row(cls, number, row, found, session):
        "Return the line of a row of a file"
        code = row.get('code') or ''
        line = cls(
            session=session, row=number, code=code or '?', done=False,
            location=session.location, to_location=session.to_location)
        problem = None
        for name in ['location', 'to_location']:
            if row.get(name):
                setattr(line, name, found[row[name]].location)
                if not getattr(line, name):
                    problem = gettext(
                        'stock_ext.msg_scan_no_such_location',
                        code=row[name])
        line.quantity, bad = line._read_quantity(row, found.get(code))
        if code:
            line.set_found(found[code], session.profile.action)
        else:
            line.problem = gettext('stock_ext.msg_scan_no_code')
        line.problem = bad or line.problem or problem
        return line

    def _read_quantity(self, row, found):
        text = row.get('quantity') or ''
        if not text:
            return found.quantity if found else 1, None
        try:
            quantity = Decimal(_plain(text))
            if not quantity.is_finite():
                raise InvalidOperation
        except InvalidOperation:
            return None, gettext('stock_ext.msg_scan_number', text=text)
        return float(quantity), None

    @classmethod
    @ModelView.button
    def remember(cls, lines):
        "Make the codes of lines those of their products"
        Identifier = Pool().get('product.identifier')
        found = cls.find({l.code for l in lines})
        lines = [
            l for l in lines if l.product != found[l.code].product
            and l.product not in found[l.code].candidates]
        for line in lines:
            if known := found[line.code].known:
                raise ScanError(gettext(
                        'stock_ext.msg_scan_known', code=line.code,
                        record=known.rec_name))
            line.problem = line.quantity_problem()
        Identifier.save([
                Identifier(product=l.product, code=found[l.code].code.key)
                for l in {l.code: l for l in lines}.values()])
        cls.save(lines)
