# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from caravan.i18n import gettext
from trytond.model import ModelView, fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Bool, Eval, If
from trytond.rpc import RPC
from trytond.transaction import Transaction, check_access
from trytond.wizard import Button, StateTransition, StateView, Wizard

from .basis import FROM_TYPES, TO_TYPES
from .exceptions import MovementError
from .report import PrintMixin

# The assignation compares each move with each quantity on hand
SLICE = 200


class ShipmentInternal(metaclass=PoolMeta):
    __name__ = 'stock.shipment.internal'

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__rpc__['draw_up'] = RPC(readonly=False)

    @classmethod
    def draw_up(cls, movements):
        """Make movements of goods and do those that need no approval.

        movements is a list of dictionaries with the keys:
            basis, requested_by, from_location, to_location: the ids of
                records; the locations default to those of the basis
            basis_text: the document or the reason
            reference: the key of the movement outside of Tryton
            date: when the goods moved, or left for another warehouse,
                today by default
            company: the id of the company, that of the context by default
            moves: a list of dictionaries with product and unit (ids, the
                default unit of the product when missing), quantity, and the
                other fields of stock.move that tell one stock from another

        Return the list of the ids of the shipments in the same order.
        Movements that bring goods into stock are done before the others.
        All or nothing: MovementError tells each row that can't be drawn up,
        ShortageError what is not on hand.
        """
        # Saving checks no rights
        Pool().get('ir.model.access').check(cls.__name__, 'create')
        shipments = [cls._draw_up(m) for m in cls._browse(movements)]
        cls._check_draw_up(shipments)
        cls.lock_stock(m.product for s in shipments for m in s.moves)
        cls.save(shipments)
        ids = [s.id for s in shipments]
        incoming = [
            s for s in shipments if s.from_location.type == 'lost_found']
        outgoing = [
            s for s in shipments if s.from_location.type != 'lost_found']
        for group in [incoming, outgoing]:
            for part in cls._parts(group):
                cls.carry_out(cls.browse(part))
        return ids

    @classmethod
    def _parts(cls, shipments):
        "Yield as many of shipments at once as have SLICE moves together"
        part, count = [], 0
        for shipment in shipments:
            if part and count + len(shipment.moves) > SLICE:
                yield part
                part, count = [], 0
            part.append(shipment)
            count += len(shipment.moves)
        if part:
            yield part

    @classmethod
    def _browse(cls, movements):
        "Return movements with records in the place of their ids"
        movements = [
            {**m, 'moves': [dict(v) for v in m['moves']]} for m in movements]
        cls._instantiate(cls, movements)
        cls._instantiate(
            Pool().get('stock.move'), [v for m in movements
                for v in m['moves']])
        return movements

    @classmethod
    def _instantiate(cls, Model, values):
        "Replace the ids of values with records read together"
        names = {n for v in values for n in v if n in Model._fields}
        for name in names:
            field = Model._fields[name]
            if not isinstance(field, fields.Many2One):
                continue
            Target = field.get_target()
            # A read takes what follows in order, so keep the order of use
            ids = dict.fromkeys(
                v[name] for v in values if v.get(name) is not None)
            records = {r.id: r for r in Target.browse(list(ids))}
            for value in values:
                value[name] = records.get(value.get(name))

    @classmethod
    def _draw_up(cls, movement):
        pool = Pool()
        Company = pool.get('company.company')
        Move = pool.get('stock.move')
        basis = movement.get('basis')
        shipment = cls(
            state='draft',
            company=movement.get('company')
            or Company(Transaction().context['company']),
            basis=basis,
            basis_text=movement.get('basis_text') or None,
            requested_by=movement.get('requested_by'),
            reference=movement.get('reference'),
            from_location=movement.get('from_location')
            or (basis and basis.from_location),
            to_location=movement.get('to_location')
            or (basis and basis.to_location),
            planned_date=movement.get('date'),
            planned_start_date=movement.get('date'))
        # What leaves for another warehouse arrives when that receives it
        in_transit = bool(shipment.on_change_with_transit_location())
        shipment.effective_date = None if in_transit else movement.get('date')
        shipment.effective_start_date = (
            movement.get('date') if in_transit else None)
        shipment.moves = [
            Move(
                state='draft',
                company=shipment.company,
                from_location=shipment.from_location,
                to_location=shipment.to_location,
                planned_date=movement.get('date'),
                **{**v,
                    'unit': v.get('unit')
                    or (v.get('product') and v['product'].default_uom),
                    })
            for v in movement['moves']]
        return shipment

    @classmethod
    def _check_draw_up(cls, shipments):
        "Raise the list of what is wrong in shipments, row by row"
        problems = []
        closed = cls._closed_dates({s.company for s in shipments})
        for i, shipment in enumerate(shipments, 1):
            several = len(shipments) > 1
            for problem in shipment._draw_up_problems(closed):
                problems.append(
                    gettext('stock_ext.msg_draw_up_row', row=i,
                        problem=problem) if several else problem)
            for j, move in enumerate(shipment.moves, 1):
                row = f'{i}.{j}' if several else j
                problems.extend(
                    gettext('stock_ext.msg_draw_up_row', row=row, problem=p)
                    for p in move.draw_up_problems())
        if problems:
            raise MovementError(
                gettext('stock_ext.msg_draw_up'), '\n'.join(problems))

    @classmethod
    def _closed_dates(cls, companies):
        "Return the end of the last closed period and today per company"
        pool = Pool()
        Date = pool.get('ir.date')
        Period = pool.get('stock.period')
        closed = {}
        for period in Period.search([
                    ('company', 'in', [c.id for c in companies]),
                    ('state', '=', 'closed'),
                    ], order=[('date', 'ASC')]):
            closed[period.company] = period
        dates = {}
        for company in companies:
            with Transaction().set_context(company=company.id):
                dates[company] = (closed.get(company), Date.today())
        return dates

    def _draw_up_problems(self, closed):
        if not self.moves:
            yield gettext('stock_ext.msg_draw_up_no_moves')
        yield from self._draw_up_basis_problems()
        period, today = closed[self.company]
        date = self.effective_start_date or self.effective_date or today
        if date > today:
            yield gettext('stock_ext.msg_draw_up_future', date=date)
        if period and date <= period.date:
            yield gettext('stock_ext.msg_draw_up_period',
                date=date, period=period.rec_name)

    def _draw_up_basis_problems(self):
        if not self.basis:
            yield gettext('stock_ext.msg_draw_up_no_basis')
        elif not self.basis.active:
            yield gettext('stock_ext.msg_draw_up_inactive_basis',
                basis=self.basis.rec_name)
        if self.requested_by and self.requested_by.company != self.company:
            yield gettext('stock_ext.msg_draw_up_employee',
                employee=self.requested_by.rec_name,
                company=self.company.rec_name)
        if not self.from_location:
            yield gettext('stock_ext.msg_draw_up_no_from_location')
        if not self.to_location:
            yield gettext('stock_ext.msg_draw_up_no_to_location')
        if not (self.basis and self.from_location and self.to_location):
            return
        if self.basis.needs_document and not self.basis_text:
            yield gettext('stock_ext.msg_draw_up_no_document',
                basis=self.basis.rec_name)
        if self.from_location == self.to_location:
            yield gettext('stock_ext.msg_draw_up_same_location',
                location=self.from_location.rec_name)
        elif not self.basis.allows(self.from_location, self.to_location):
            yield gettext('stock_ext.msg_draw_up_locations',
                basis=self.basis.rec_name,
                kind=self.basis.kind_string,
                from_location=self.from_location.rec_name,
                to_location=self.to_location.rec_name)

    def balance_lines(self):
        """Yield what is now in the two locations, a line per product.

        Locations that hold no stock of their own have no balance.
        """
        pool = Pool()
        Lang = pool.get('ir.lang')
        Product = pool.get('product.product')
        lang = Lang.get()
        products = {m.product for m in self.moves}
        locations = [
            l for l in [self.from_location, self.to_location]
            if l.type in {'storage', 'view'}]
        with Transaction().set_context(
                company=self.company.id, stock_date_end=None):
            quantities = Product.products_by_location(
                [l.id for l in locations], with_childs=True,
                grouping_filter=([p.id for p in products],))
        for product in sorted(products, key=lambda p: p.rec_name):
            unit = product.default_uom
            yield product.rec_name + ': ' + ', '.join(
                f'{l.rec_name} ' + lang.format_number_symbol(
                    quantities.get((l.id, product.id), 0), unit,
                    digits=unit.digits)
                for l in locations)

    @classmethod
    def carry_out(cls, shipments):
        """Assign the drafts shipments and do those that need no approval.

        Between two warehouses the goods are sent, the other side receives
        them.  ShortageError is raised when something is not on hand.
        """
        cls.assign_now(shipments)
        allowed = [
            s for s in cls.browse(shipments) if not s.waits_for_approval]
        cls.send_now(allowed)
        cls.do([s for s in allowed if not s.transit_location])


class Move(metaclass=PoolMeta):
    __name__ = 'stock.move'

    def draw_up_problems(self):
        "Yield what is wrong with the product, the quantity and the unit"
        if not self.product:
            yield gettext('stock_ext.msg_draw_up_no_product')
            return
        product = self.product.rec_name
        if self.product.type not in self.get_product_types():
            yield gettext('stock_ext.msg_draw_up_service', product=product)
        if not self.product.active:
            yield gettext('stock_ext.msg_draw_up_inactive', product=product)
        if self.unit.category != self.product.default_uom.category:
            yield gettext('stock_ext.msg_draw_up_unit',
                product=product, unit=self.unit.rec_name,
                default_unit=self.product.default_uom.rec_name)
        quantity = getattr(self, 'quantity', None)
        if not quantity or not 0 < quantity < float('inf'):
            yield gettext('stock_ext.msg_draw_up_quantity',
                product=product, quantity=quantity or 0)
        elif self.unit.round(quantity) != quantity:
            yield gettext('stock_ext.msg_draw_up_rounding',
                product=product, quantity=quantity, unit=self.unit.rec_name,
                rounding=self.unit.rounding)


class DrawUp(PrintMixin, Wizard):
    __name__ = 'stock.movement.draw_up'

    start = StateView(
        'stock.movement.draw_up.start',
        'stock_ext.movement_draw_up_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Add Another", 'add', 'tryton-add'),
            Button("Draw Up", 'draw_up', 'tryton-ok', default=True),
            ])
    add = StateTransition()
    draw_up = StateTransition()
    short = StateView(
        'stock.movement.draw_up.short',
        'stock_ext.movement_draw_up_short_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Change", 'start', 'tryton-back', default=True),
            ])
    result = StateView(
        'stock.movement.draw_up.result',
        'stock_ext.movement_draw_up_result_view_form', [
            Button("Close", 'end', 'tryton-close', default=True),
            Button("Next Movement", 'again', 'tryton-forward'),
            ])
    again = StateTransition()

    def default_start(self, fields):
        if getattr(self.start, 'basis', None):
            return self._kept_start()
        values = {}
        if self.model and self.model.__name__ == 'product.product':
            values['product'] = self.record.id
            values['unit'] = self.record.default_uom.id
        elif self.model and self.model.__name__ == 'stock.location':
            values['from_location'] = self.record.id
        return values

    def _kept_start(self):
        "Return what was filled in, to go on with the next product"
        values = self.start.movement
        del values['moves']
        values['lines'] = [l._default_values for l in self.start.lines]
        return values

    def transition_add(self):
        self.start.add_line()
        return 'start'

    def transition_draw_up(self):
        pool = Pool()
        Shipment = pool.get('stock.shipment.internal')
        Shortage = pool.get('stock.shortage')
        self.start.add_line()
        with check_access():
            movement = self.start.movement
            shipment = Shipment._draw_up(Shipment._browse([movement])[0])
            Shipment._check_draw_up([shipment])
            if shortages := Shortage.find(shipment.moves):
                self.short.shortages = shortages
                return 'short'
            self.result.shipment, = Shipment.draw_up([movement])
        return self.paper(self.start.basis)

    def default_short(self, fields):
        return {
            'shortages': [
                s._default_values for s in self.short.shortages],
            }

    def _do_print(self, action):
        return action, {'ids': [self.result.shipment.id]}
    do_issue_note = do_transfer_note = do_write_off_act = _do_print

    def _transition_print(self):
        return 'result'
    transition_issue_note = _transition_print
    transition_transfer_note = _transition_print
    transition_write_off_act = _transition_print

    def default_result(self, fields):
        return {'shipment': self.result.shipment.id}

    def transition_again(self):
        self.start.lines = []
        return 'start'


class DrawUpStart(ModelView):
    __name__ = 'stock.movement.draw_up.start'

    company = fields.Many2One('company.company', "Company", required=True)
    basis = fields.Many2One(
        'stock.basis', "Basis", required=True, help="Why the goods move.")
    basis_kind = fields.Function(
        fields.Char("Kind of Basis"), 'on_change_with_basis_kind')
    basis_text = fields.Char(
        "Document or Reason",
        states={
            'required': Bool(Eval('needs_document')),
            },
        help="The number and date of the document, "
        "or the reason in plain words.")
    needs_document = fields.Function(
        fields.Boolean("Needs Document"), 'on_change_with_needs_document')
    requested_by = fields.Many2One(
        'company.employee', "For Whom",
        domain=[('company', '=', Eval('company', -1))],
        help="Who asked for the goods.")
    date = fields.Date(
        "Date", required=True, help="When the goods move.")
    from_location = fields.Many2One(
        'stock.location', "From", required=True,
        domain=[
            If(Eval('basis_kind') == kind,
                ('type', 'in', sorted(types)), ())
            for kind, types in FROM_TYPES.items()],
        help="Where the goods are taken from.")
    to_location = fields.Many2One(
        'stock.location', "To", required=True,
        domain=[
            If(Eval('basis_kind') == kind,
                ('type', 'in', sorted(types)), ())
            for kind, types in TO_TYPES.items()],
        help="Where the goods go.")
    product = fields.Many2One(
        'product.product', "Product",
        states={
            'required': ~Eval('lines', [0]),
            },
        domain=[('type', 'in', ['goods', 'assets'])],
        context={
            'company': Eval('company', -1),
            'locations': [Eval('from_location', -1)],
            'stock_date_end': Eval('date', None),
            },
        depends=['company', 'from_location', 'date'])
    quantity = fields.Float(
        "Quantity", digits='unit',
        states={
            'required': Bool(Eval('product')),
            })
    unit = fields.Many2One(
        'product.uom', "Unit",
        domain=[
            If(Eval('unit_category'),
                ('category', '=', Eval('unit_category', -1)), ()),
            ],
        states={
            'required': Bool(Eval('product')),
            })
    unit_category = fields.Function(
        fields.Many2One('product.uom.category', "Category of Unit"),
        'on_change_with_unit_category')
    on_hand = fields.Function(
        fields.Float(
            "On Hand", digits='unit',
            help="What lies where the goods are taken from."),
        'on_change_with_on_hand')
    lines = fields.One2Many(
        'stock.movement.draw_up.line', None, "Also",
        help="The other products of the same movement.")

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_date(cls):
        return Pool().get('ir.date').today()

    @classmethod
    def default_requested_by(cls):
        return Transaction().context.get('employee')

    @fields.depends('basis', 'from_location', 'to_location')
    def on_change_basis(self):
        if self.basis:
            self.from_location = (
                self.basis.from_location or self._allowed(
                    self.from_location, FROM_TYPES))
            self.to_location = (
                self.basis.to_location or self._allowed(
                    self.to_location, TO_TYPES))

    @fields.depends('basis')
    def _allowed(self, location, types):
        if location and location.type in types[self.basis.kind]:
            return location

    @fields.depends('basis')
    def on_change_with_basis_kind(self, name=None):
        return self.basis.kind if self.basis else None

    @fields.depends('basis')
    def on_change_with_needs_document(self, name=None):
        return bool(self.basis and self.basis.needs_document)

    @fields.depends('product', 'unit')
    def on_change_product(self):
        if self.product:
            category = self.product.default_uom.category
            if not self.unit or self.unit.category != category:
                self.unit = self.product.default_uom

    @fields.depends('product')
    def on_change_with_unit_category(self, name=None):
        return self.product.default_uom.category if self.product else None

    @fields.depends('product', 'unit', 'from_location', 'date', 'company')
    def on_change_with_on_hand(self, name=None):
        pool = Pool()
        Product = pool.get('product.product')
        Uom = pool.get('product.uom')
        if (not self.product or not self.unit or not self.from_location
                or self.from_location.type not in {'storage', 'view'}):
            return
        with Transaction().set_context(
                company=self.company.id if self.company else None,
                stock_date_end=self.date):
            quantity = sum(Product.products_by_location(
                    [self.from_location.id], with_childs=True,
                    grouping_filter=([self.product.id],)).values())
        if self.unit.category == self.product.default_uom.category:
            return Uom.compute_qty(
                self.product.default_uom, quantity, self.unit)

    def add_line(self):
        "Move the product of the form to the lines"
        Line = Pool().get('stock.movement.draw_up.line')
        lines = list(getattr(self, 'lines', None) or [])
        if self.product:
            lines.append(Line(**{
                        name: getattr(self, name, None)
                        for name in Line.stock_fields()}))
        for name in Line.stock_fields():
            setattr(self, name, None)
        self.lines = lines

    @property
    def movement(self):
        "The movement as ShipmentInternal.draw_up takes it"
        movement = {
            name: getattr(getattr(self, name), 'id', None)
            for name in ['company', 'basis', 'requested_by', 'from_location',
                'to_location']}
        movement['basis_text'] = self.basis_text
        movement['date'] = self.date
        movement['moves'] = [
            {name: getattr(value, 'id', value)
                for name in line.stock_fields()
                for value in [getattr(line, name, None)]}
            for line in self.lines]
        return movement


class DrawUpLine(ModelView):
    __name__ = 'stock.movement.draw_up.line'

    product = fields.Many2One(
        'product.product', "Product", required=True,
        domain=[('type', 'in', ['goods', 'assets'])])
    quantity = fields.Float("Quantity", digits='unit', required=True)
    unit = fields.Many2One('product.uom', "Unit", required=True)

    @classmethod
    def stock_fields(cls):
        "The names of the fields shared with the form and with the move"
        return ['product', 'quantity', 'unit']

    @fields.depends('product', 'unit')
    def on_change_product(self):
        if self.product:
            category = self.product.default_uom.category
            if not self.unit or self.unit.category != category:
                self.unit = self.product.default_uom


class DrawUpShort(ModelView):
    __name__ = 'stock.movement.draw_up.short'

    shortages = fields.One2Many(
        'stock.shortage', None, "Not on Hand", readonly=True,
        help="Nothing has been moved: change the quantities, "
        "the location or the product.")


class DrawUpResult(ModelView):
    __name__ = 'stock.movement.draw_up.result'

    shipment = fields.Many2One(
        'stock.shipment.internal', "Movement", readonly=True)
    state = fields.Function(
        fields.Char("State"), 'on_change_with_state')
    balance = fields.Function(
        fields.Text(
            "New Balance", help="What is left where the goods come from, "
            "and what is there now where they go."),
        'on_change_with_balance')

    @fields.depends('shipment')
    def on_change_with_state(self, name=None):
        return self.shipment.state_string if self.shipment else None

    @fields.depends('shipment')
    def on_change_with_balance(self, name=None):
        if self.shipment:
            return '\n'.join(self.shipment.balance_lines())
