# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Shipments that are received or picked with a scanner."""
from collections import defaultdict
from decimal import Decimal

from trytond.i18n import gettext
from trytond.model import ModelView, fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Bool, Eval, If, PYSONEncoder
from trytond.transaction import check_access
from trytond.wizard import StateAction, Wizard

from .allocation import share_out
from .exceptions import ScanError, ScanShortWarning

# The states in which the goods can still be picked
_PICKED = ['draft', 'waiting', 'assigned']


class _Scanned:
    "A shipment whose moves become what was scanned"
    __slots__ = ()
    # Whether what nobody had planned can be added
    scan_adds = False

    @property
    def scan_action(self):
        "The action of the profiles that fit, None when it is too late"
        return 'receive' if self.state == 'draft' else None

    @property
    def scan_planned(self):
        "The moves that tell what should be scanned"
        return self.incoming_moves

    @property
    def scan_moves(self):
        "The moves whose quantities become those scanned"
        return self.scan_planned

    @classmethod
    def prepare_scanned(cls, shipments):
        "Bring shipments where their scan_moves can be changed"

    @classmethod
    def finish_scanned(cls, shipments):
        "Carry out what was scanned"
        cls.receive(shipments)


class _Arriving(_Scanned):
    "Goods from outside, which come as they come"
    __slots__ = ()
    scan_adds = True

    def scan_new_move(self, product):
        "Return a move of a product that nobody had planned"
        move = Pool().get('stock.move')(
            shipment=self, company=self.company, product=product,
            unit=product.default_uom, state='draft',
            from_location=self.scan_from_location,
            to_location=self.warehouse_input)
        if move.on_change_with_unit_price_required():
            # What leaves the cost price as it is
            move.unit_price = product.cost_price or Decimal(0)
            move.currency = self.company.currency
        return move


class ShipmentIn(_Arriving, metaclass=PoolMeta):
    __name__ = 'stock.shipment.in'

    @property
    def scan_from_location(self):
        return self.supplier_location


class ShipmentInReturn(_Scanned, metaclass=PoolMeta):
    __name__ = 'stock.shipment.in.return'

    @property
    def scan_action(self):
        return 'pick' if self.state in _PICKED else None

    @property
    def scan_planned(self):
        return self.moves

    @classmethod
    def prepare_scanned(cls, shipments):
        cls.wait([s for s in shipments if s.state != 'waiting'])

    @classmethod
    def finish_scanned(cls, shipments):
        cls.deliver_now(shipments)


class ShipmentOutReturn(_Arriving, metaclass=PoolMeta):
    __name__ = 'stock.shipment.out.return'

    @property
    def scan_from_location(self):
        return self.customer_location


class ShipmentOut(_Scanned, metaclass=PoolMeta):
    __name__ = 'stock.shipment.out'

    @property
    def scan_action(self):
        return 'pick' if self.state in _PICKED else None

    @property
    def scan_planned(self):
        return self.outgoing_moves

    @property
    def scan_moves(self):
        return self.assign_moves

    @classmethod
    def prepare_scanned(cls, shipments):
        cls.wait(shipments)

    @classmethod
    def finish_scanned(cls, shipments):
        cls.assign_now(shipments)
        cls.pick([
                s for s in cls.browse(shipments)
                if s.warehouse_storage != s.warehouse_output])


class ShipmentInternal(_Scanned, metaclass=PoolMeta):
    __name__ = 'stock.shipment.internal'

    @property
    def scan_action(self):
        if self.state == 'shipped':
            return 'receive'
        return 'pick' if self.state in {'request', *_PICKED} else None

    @property
    def scan_planned(self):
        if self.state == 'shipped':
            return self.incoming_moves
        return self.outgoing_moves

    @classmethod
    def prepare_scanned(cls, shipments):
        cls.draft([s for s in shipments if s.state == 'request'])
        cls.wait([
                s for s in cls.browse(shipments) if s.state != 'shipped'])

    @classmethod
    def finish_scanned(cls, shipments):
        cls.do([s for s in shipments if s.state == 'shipped'])
        cls.carry_out([s for s in shipments if s.state != 'shipped'])


class Session(metaclass=PoolMeta):
    __name__ = 'stock.scan.session'

    shipment = fields.Reference(
        "Shipment", selection='get_shipments',
        domain={
            'stock.shipment.in': [
                ('company', '=', Eval('company', -1)),
                If(Eval('state') == 'draft', ('state', '=', 'draft'), ()),
                ],
            'stock.shipment.out.return': [
                ('company', '=', Eval('company', -1)),
                If(Eval('state') == 'draft', ('state', '=', 'draft'), ()),
                ],
            'stock.shipment.in.return': [
                ('company', '=', Eval('company', -1)),
                If(Eval('state') == 'draft', ('state', 'in', _PICKED), ()),
                ],
            'stock.shipment.out': [
                ('company', '=', Eval('company', -1)),
                If(Eval('state') == 'draft', ('state', 'in', _PICKED), ()),
                ],
            'stock.shipment.internal': [
                ('company', '=', Eval('company', -1)),
                If(Eval('state') == 'draft',
                    If(Eval('action') == 'receive',
                        ('state', '=', 'shipped'),
                        ('state', 'in', ['request', *_PICKED])), ()),
                ],
            },
        states={
            'readonly': Eval('state') != 'draft',
            'invisible': ~Eval('action').in_(['pick', 'receive']),
            },
        help="What is picked or received: "
        "its quantities become those that are scanned.")
    to_scan = fields.Function(
        fields.Text(
            "Still to Scan",
            states={
                'invisible': ~Eval('shipment') | (Eval('state') != 'draft'),
                },
            help="What differs from the shipment."),
        'on_change_with_to_scan')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        # The shipment knows its locations
        cls.location.states['invisible'] = Bool(Eval('shipment'))
        cls.to_location.states['invisible'] |= Bool(Eval('shipment'))

    @fields.depends('shipment')
    def on_change_profile(self):
        if not self.shipment:
            super().on_change_profile()

    @fields.depends('profile')
    def get_shipments(self):
        get_name = Pool().get('ir.model').get_name
        action = self.profile.action if self.profile else None
        models = {
            'receive': [
                'stock.shipment.in', 'stock.shipment.out.return',
                'stock.shipment.internal'],
            'pick': [
                'stock.shipment.out', 'stock.shipment.in.return',
                'stock.shipment.internal'],
            }.get(action, [])
        return [(None, ''), *((m, get_name(m)) for m in models)]

    @fields.depends('shipment', 'lines', 'state')
    def on_change_with_to_scan(self, name=None):
        if self.shipment and self.shipment.id >= 0 and self.state == 'draft':
            differences = list(self._differences())
            return '\n'.join(differences) if differences else gettext(
                'stock_ext.msg_scan_all')

    @fields.depends('shipment', 'lines')
    def _differences(self):
        "Yield what is missing and what is too much, product by product"
        planned, scanned = defaultdict(float), defaultdict(float)
        for move in self.shipment.scan_planned:
            if move.state != 'cancelled':
                planned[move.product] += move.internal_quantity
        for line in self.lines or []:
            if line.product and not line.done:
                scanned[line.product] += line.quantity or 0
        for product in sorted(
                planned.keys() | scanned.keys(), key=lambda p: p.rec_name):
            missing = product.default_uom.round(
                planned[product] - scanned[product])
            if missing:
                yield self._difference(
                    product, product.rec_name, missing, planned[product])

    def _difference(self, product, name, missing, planned):
        "Return what tells of a quantity missing, too much below zero"
        lang = Pool().get('ir.lang').get()
        unit = product.default_uom
        quantity, planned = [
            lang.format_number_symbol(abs(q), unit, digits=unit.digits)
            for q in [missing, planned]]
        message = 'missing' if missing > 0 else 'over'
        return gettext(
            f'stock_ext.msg_scan_{message}', product=name,
            quantity=quantity, planned=planned)

    @fields.depends('shipment', methods=['on_change_with_to_scan'])
    def on_scan_code(self, code):
        super().on_scan_code(code)
        self.to_scan = self.on_change_with_to_scan()

    @classmethod
    @ModelView.button
    def process(cls, sessions):
        Line = Pool().get('stock.scan.line')
        matched = [s for s in sessions if s.shipment]
        super().process([s for s in sessions if not s.shipment])
        cls.check_shipments(matched)
        Line.prepare([l for s in matched for l in s.lines])
        with check_access():
            cls._process_shipments(matched)
        Line.mark_done([l for s in matched for l in s.lines])
        cls.finish(matched)

    @classmethod
    def check_shipments(cls, sessions):
        "Check that each has a shipment of its own that takes all its lines"
        seen = set()
        for session in sessions:
            if session.shipment in seen:
                raise ScanError(gettext(
                        'stock_ext.msg_scan_shipment_twice',
                        session=session.rec_name,
                        shipment=session.shipment.rec_name))
            seen.add(session.shipment)
            session.check_shipment()

    def check_shipment(self):
        "Check that all of the lines can be taken for the shipment"
        if not self.lines:
            raise ScanError(gettext(
                    'stock_ext.msg_scan_nothing', session=self.rec_name))
        if self.shipment.scan_action != self.profile.action:
            raise ScanError(gettext(
                    'stock_ext.msg_scan_shipment_state',
                    session=self.rec_name, shipment=self.shipment.rec_name,
                    profile=self.profile.rec_name))
        self._refuse(self._line_problems())

    def _line_problems(self):
        "Yield what is wrong with the lines, also where nobody says so"
        for line in self.lines:
            if line.product:
                problem = line.problem or line.quantity_problem(
                    self.profile.action)
            else:
                problem = line.problem or gettext(
                    'stock_ext.msg_scan_unknown', code=line.code)
            if problem:
                yield gettext('stock_ext.msg_scan_row', row=line.rec_name,
                    problem=problem)

    def _refuse(self, problems):
        if problems := list(problems):
            raise ScanError(
                gettext('stock_ext.msg_scan_shipment',
                    session=self.rec_name, shipment=self.shipment.rec_name),
                '\n'.join(problems))

    @classmethod
    def _process_shipments(cls, sessions):
        Move = Pool().get('stock.move')
        for Shipment, shipments in cls._shipments(sessions):
            Shipment.prepare_scanned(shipments)
        cls._warn_short(cls.browse(sessions))
        to_save, to_delete = [], []
        for session in cls.browse(sessions):
            session._set_moves(to_save, to_delete)
        Move.save(to_save)
        Move.delete(to_delete)
        for Shipment, shipments in cls._shipments(sessions):
            Shipment.finish_scanned(shipments)

    @classmethod
    def _shipments(cls, sessions):
        "Return the shipments as they are now by their model"
        shipments = defaultdict(list)
        for session in cls.browse(sessions):
            shipments[session.shipment.__class__].append(session.shipment)
        return shipments.items()

    @classmethod
    def _warn_short(cls, sessions):
        "Warn once of all that was not scanned"
        Warning = Pool().get('res.user.warning')
        short = {
            s: list(s._differences()) for s in sessions}
        short = {s: d for s, d in short.items() if d}
        if not short:
            return
        name = Warning.format('scan_short', list(short))
        if Warning.check(name):
            raise ScanShortWarning(
                name,
                gettext('stock_ext.msg_scan_short',
                    shipment=', '.join(
                        s.shipment.rec_name for s in short)),
                '\n'.join(d for ds in short.values() for d in ds))

    def _set_moves(self, to_save, to_delete):
        "Add the moves that differ from what was scanned"
        names = Pool().get('stock.shortage').grouping()
        moves = [m for m in self.shipment.scan_moves if m.state == 'draft']
        scanned = defaultdict(float)
        for line in self.lines:
            scanned[tuple(getattr(line, n, None) for n in names)] += (
                line.quantity)
        shares, over = share_out([
                (m, tuple(getattr(m, n, None) for n in names),
                    m.internal_quantity)
                for m in moves], scanned)
        planned = defaultdict(float)
        for move in moves:
            planned[move.product] += move.internal_quantity
        self._refuse(
            self._difference(
                key[0], ' '.join(k.rec_name for k in key if k), -quantity,
                planned[key[0]])
            for key, quantity in over.items()
            if not self._may_add(key[0], planned, shares))
        self._keep_rest({
                m: rest for m in moves
                for rest in [m.product.default_uom.round(
                        m.internal_quantity - sum(q for _, q in shares[m]))]
                if rest > 0})
        for key, quantity in over.items():
            self._add(moves, shares, key, quantity)
        for move in moves:
            if not shares[move]:
                to_delete.append(move)
            for copy, (key, quantity) in enumerate(shares[move]):
                changed = move if not copy else self._copy_move(move)
                if self._set_move(changed, dict(zip(names, key)), quantity):
                    to_save.append(changed)

    def _keep_rest(self, rest):
        """Keep what was not scanned for later, nothing without stock_split.

        rest are the quantities of moves in the units of their products.
        """

    def _may_add(self, product, planned, shares):
        """Test if more of product than planned can be added.

        What stands in the place of something planned, as another lot does,
        is not more.
        """
        shared = sum(
            q for m, parts in shares.items() if m.product == product
            for _, q in parts)
        return self.shipment.scan_adds and not product.default_uom.round(
            planned[product] - shared)

    def _add(self, moves, shares, key, quantity):
        "Add what is more than planned to the shares of a move, maybe new"
        move = next((m for m in moves if m.product == key[0]), None)
        if not move:
            move = self.shipment.scan_new_move(key[0])
            moves.append(move)
            shares[move] = []
        for i, (other, taken) in enumerate(shares[move]):
            if other == key:
                shares[move][i] = key, taken + quantity
                break
        else:
            shares[move].append((key, quantity))

    def _set_move(self, move, values, quantity):
        "Set what was scanned and return if the move changed"
        Uom = Pool().get('product.uom')
        values = {n: v for n, v in values.items() if v is not None}
        if getattr(move, 'internal_quantity', None) != quantity:
            values['quantity'] = Uom.compute_qty(
                move.product.default_uom, quantity, move.unit)
        values = {
            n: v for n, v in values.items() if getattr(move, n, None) != v}
        for name, value in values.items():
            setattr(move, name, value)
        return bool(values)

    def _copy_move(self, move):
        "Return a new move for another stock of what the move plans"
        names = [
            'from_location', 'to_location', 'product', 'unit', 'company',
            'planned_date', 'origin', 'shipment', 'unit_price', 'currency',
            'state']
        return move.__class__(
            **{n: getattr(move, n, None) for n in names})


class ScanShipment(Wizard):
    __name__ = 'stock.scan.shipment'
    start_state = 'open_'

    open_ = StateAction('stock_ext.act_scan_session_new')

    def do_open_(self, action):
        pool = Pool()
        Profile = pool.get('stock.scan.profile')
        Session = pool.get('stock.scan.session')
        if not self.record.scan_action:
            raise ScanError(gettext(
                    'stock_ext.msg_scan_shipment_late',
                    shipment=self.record.rec_name))
        with check_access():
            sessions = Session.search([
                    ('shipment', '=', str(self.record)),
                    ('state', '=', 'draft'),
                    ], limit=1)
            profiles = Profile.search(
                [('action', '=', self.record.scan_action)], limit=1)
        action['pyson_context'] = PYSONEncoder().encode({
                'default_shipment': str(self.record),
                'default_profile': profiles[0].id if profiles else None,
                })
        return action, {'res_id': [s.id for s in sessions]} if sessions else {}
