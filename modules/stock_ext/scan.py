# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime
import hashlib
from collections import defaultdict
from decimal import Decimal, InvalidOperation

from caravan.tabular import Table, TableError
from trytond.i18n import gettext
from trytond.model import (
    DeactivableMixin, Index, ModelSQL, ModelView, Unique, Workflow, fields,
    sequence_ordered)
from trytond.pool import Pool
from trytond.pyson import Bool, Date, Eval, If
from trytond.transaction import Transaction, check_access
from trytond.wizard import Button, StateAction, StateView, Wizard

from .code import parse
from .exceptions import ScanError

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
FIELDS = [
    ('code', "Code"),
    ('quantity', "Quantity"),
    ('location', "Location"),
    ('to_location', "To Location"),
    ('lot', "Lot"),
    ('ignore', "Ignore"),
    ]


class Profile(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'stock.scan.profile'

    name = fields.Char("Name", required=True, translate=True)
    action = fields.Selection([
            ('count', "Count"),
            ('pick', "Pick"),
            ('receive', "Receive"),
            ('move', "Move"),
            ], "Action", required=True, sort=False,
        help_selection={
            'count': "Fills an inventory of each location.",
            'pick': "Takes the goods out of the location.",
            'receive': "Brings the goods into the location.",
            'move': "Brings the goods from one location to another.",
            })
    basis = fields.Many2One(
        'stock.basis', "Basis", ondelete='RESTRICT',
        domain=[
            If(Eval('action') == 'pick',
                ('kind', 'in', ['issue', 'write_off']), ()),
            If(Eval('action') == 'receive',
                ('kind', 'in', ['return', 'found']), ()),
            If(Eval('action') == 'move', ('kind', '=', 'transfer'), ()),
            ],
        states={
            'required': Eval('action') != 'count',
            'invisible': Eval('action') == 'count',
            },
        help="Why the goods move.")
    separator = fields.Selection([
            (None, "Guess"),
            (',', "Comma"),
            (';', "Semicolon"),
            ('\t', "Tab"),
            ('|', "Bar"),
            ], "Separator", sort=False, translate=False)
    encoding = fields.Char(
        "Other Encoding",
        help="The encoding of files that are not UTF-8, for example cp1251.")
    header = fields.Boolean(
        "Header", help="Check if the first line names the columns.")
    columns = fields.One2Many(
        'stock.scan.profile.column', 'profile', "Columns",
        help="What the columns of the file hold, from left to right.")

    @classmethod
    def default_columns(cls):
        return [{'field': 'code'}, {'field': 'quantity'}]

    @classmethod
    def default_encoding(cls):
        return 'cp1251'

    def rows(self, content, name):
        "Yield (line number, {field: text}) of the rows of a file"
        try:
            table = Table(
                content, name=name, delimiter=self.separator or None,
                fallback=self.encoding or None, header=bool(self.header))
        except TableError as error:
            raise ScanError(str(error)) from error
        names = [c.field for c in self.columns]
        for line, cells in table:
            yield line, {
                n: _text(c) for n, c in zip(names, cells) if n != 'ignore'}


def _text(cell):
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell).strip()


class ProfileColumn(sequence_ordered(), ModelSQL, ModelView):
    __name__ = 'stock.scan.profile.column'

    profile = fields.Many2One(
        'stock.scan.profile', "Profile", required=True, ondelete='CASCADE')
    field = fields.Selection(FIELDS, "Column", required=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('profile')


class Session(Workflow, ModelSQL, ModelView):
    __name__ = 'stock.scan.session'

    _states = {
        'readonly': Eval('state') != 'draft',
        }

    company = fields.Many2One(
        'company.company', "Company", required=True, states=_states)
    profile = fields.Many2One(
        'stock.scan.profile', "Profile", required=True, ondelete='RESTRICT',
        states=_states)
    action = fields.Function(
        fields.Char("Action"), 'on_change_with_action')
    location = fields.Many2One(
        'stock.location', "Location", ondelete='RESTRICT', states=_states,
        domain=[('type', 'in', ['storage', 'lost_found'])],
        help="Where the goods are, or where they are received.\n"
        "The code of another location changes it while scanning.")
    to_location = fields.Many2One(
        'stock.location', "To Location", ondelete='RESTRICT',
        domain=[('type', 'in', ['storage', 'lost_found'])],
        states={
            'readonly': _states['readonly'],
            'invisible': Eval('action').in_(['count', 'receive']),
            },
        help="Where the goods go, that of the basis by default.")
    date = fields.Date("Date", required=True, states=_states)
    employee = fields.Many2One(
        'company.employee', "Employee", ondelete='RESTRICT', states=_states,
        domain=[('company', '=', Eval('company', -1))],
        help="Who holds the scanner.")
    file_name = fields.Char("File", readonly=True)
    digest = fields.Char("Digest", readonly=True)
    lines = fields.One2Many(
        'stock.scan.line', 'session', "Lines", states=_states)
    message = fields.Function(
        fields.Char("Last Scan", readonly=True), 'get_message')
    unknown = fields.Function(
        fields.Integer(
            "Unknown", help="The number of lines nothing was found for."),
        'get_unknown')
    state = fields.Selection([
            ('draft', "Draft"),
            ('done', "Done"),
            ('cancelled', "Cancelled"),
            ], "State", readonly=True, sort=False)

    del _states

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('digest_unique', Unique(t, t.company, t.digest),
                'stock_ext.msg_scan_file_twice'),
            ]
        cls._sql_indexes.add(
            Index(t, (t.state, Index.Equality(cardinality='low')),
                where=t.state == 'draft'))
        cls._order = [('date', 'DESC'), ('id', 'DESC')]
        cls._transitions |= {('draft', 'done'), ('draft', 'cancelled')}
        cls._buttons.update({
                'process': {
                    'invisible': Eval('state') != 'draft',
                    'depends': ['state'],
                    },
                'cancel': {
                    'invisible': Eval('state') != 'draft',
                    'depends': ['state'],
                    },
                })

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_employee(cls):
        return Transaction().context.get('employee')

    @classmethod
    def default_date(cls):
        return Pool().get('ir.date').today()

    @classmethod
    def default_state(cls):
        return 'draft'

    @fields.depends('profile')
    def on_change_with_action(self, name=None):
        return self.profile.action if self.profile else None

    @fields.depends('profile', 'location', 'to_location')
    def on_change_profile(self):
        if self.profile and self.profile.basis:
            basis = self.profile.basis
            if self.profile.action == 'receive':
                self.location = self.location or basis.to_location
            else:
                self.location = self.location or basis.from_location
                self.to_location = self.to_location or basis.to_location

    def get_rec_name(self, name):
        name = f'{self.profile.rec_name} {self.date}'
        return f'{name} ({self.file_name})' if self.file_name else name

    def get_message(self, name):
        return ''

    @classmethod
    def get_unknown(cls, sessions, name):
        return {
            s.id: sum(1 for l in s.lines if l.problem and not l.done)
            for s in sessions}

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state') == 'cancelled', 'muted',
                    If(Eval('unknown', 0) > 0, 'warning', ''))),
            ('/form', 'scan_code_states', {
                    'invisible': Eval('state') != 'draft',
                    }),
            ]

    @classmethod
    def copy(cls, sessions, default=None):
        default = default.copy() if default is not None else {}
        default.setdefault('digest')
        default.setdefault('file_name')
        return super().copy(sessions, default=default)

    @classmethod
    def check_modification(cls, mode, sessions, values=None, external=False):
        super().check_modification(
            mode, sessions, values=values, external=external)
        if mode == 'delete':
            for session in sessions:
                if session.state == 'done':
                    raise ScanError(gettext(
                            'stock_ext.msg_scan_delete_done',
                            session=session.rec_name))

    @fields.depends('lines', 'location', 'to_location', 'profile', 'state')
    def on_scan_code(self, code):
        "Add what the code names, one more for what stands there already"
        pool = Pool()
        Line = pool.get('stock.scan.line')
        if self.state != 'draft' or not code.strip():
            return
        found = Line.find([code])[code]
        if found.location and not found.product:
            self.location = found.location
            self.message = found.location.rec_name
            return
        lines = list(self.lines or [])
        for line in lines:
            if (line.code == code and line.location == self.location
                    and line.to_location == self.to_location
                    and not line.done):
                line.quantity = (line.quantity or 0) + found.quantity
                break
        else:
            line = Line(
                code=code, quantity=found.quantity, location=self.location,
                to_location=self.to_location, done=False)
            line.set_found(found, self.profile and self.profile.action)
            lines.append(line)
        self.lines = lines
        self.unknown = sum(1 for l in lines if l.problem and not l.done)
        self.message = line.told()

    @classmethod
    def import_file(cls, profile, content, name, location=None):
        """Return a new session with a line for each row of the file.

        content is the bytes of the file, name its name.  ScanError tells a
        file that can't be read, holds nothing or was imported before.
        """
        Line = Pool().get('stock.scan.line')
        digest = hashlib.sha256(content).hexdigest()
        cls._check_digest(digest, name)
        rows = list(profile.rows(content, name))
        if not rows:
            raise ScanError(gettext('stock_ext.msg_scan_empty', file=name))
        session = cls(
            profile=profile, file_name=name, digest=digest, location=location)
        session.company = cls.default_company()
        session.employee = cls.default_employee()
        session.on_change_profile()
        codes = {
            row.get(n) for _, row in rows
            for n in ['code', 'location', 'to_location', 'lot']
            if row.get(n)}
        found = Line.find(codes)
        session.lines = [
            Line.from_row(number, row, found, session)
            for number, row in rows]
        session.save()
        return session

    @classmethod
    def _check_digest(cls, digest, name):
        sessions = cls.search([
                ('company', '=', cls.default_company()),
                ('digest', '=', digest),
                ], limit=1)
        if sessions:
            session, = sessions
            raise ScanError(gettext(
                    'stock_ext.msg_scan_file_again', file=name,
                    session=session.rec_name,
                    date=session.create_date.date(),
                    user=session.create_uid.rec_name))

    @classmethod
    @ModelView.button
    @Workflow.transition('cancelled')
    def cancel(cls, sessions):
        # The file may be imported again
        cls.write(sessions, {'digest': None})

    @classmethod
    @ModelView.button
    def process(cls, sessions):
        """Turn the lines into inventories and movements.

        Lines with a problem wait: their session stays a draft.
        """
        pool = Pool()
        Line = pool.get('stock.scan.line')
        Shipment = pool.get('stock.shipment.internal')
        ready, movements = {}, []
        for session in sessions:
            ready[session] = [
                l for l in session.lines
                if l.product and not l.problem and not l.done]
            session.check_ready(ready[session])
        Line.prepare([l for lines in ready.values() for l in lines])
        cls.fill_inventories({
                s: lines for s, lines in ready.items()
                if s.profile.action == 'count'})
        for session, lines in ready.items():
            if session.profile.action != 'count':
                movements.extend(session.movements(lines))
        if movements:
            Shipment.draw_up(movements)
        Line.write([l for ls in ready.values() for l in ls], {'done': True})
        cls.finish([
                s for s in cls.browse(sessions)
                if all(l.done for l in s.lines)])

    @classmethod
    @Workflow.transition('done')
    def finish(cls, sessions):
        "All lines of the sessions have been processed"

    def check_ready(self, lines):
        for line in lines:
            if not line.location and (
                    self.profile.action != 'receive' or not line.to_location):
                raise ScanError(gettext(
                        'stock_ext.msg_scan_no_location', row=line.rec_name,
                        session=self.rec_name))
            if problem := line.quantity_problem(self.profile.action):
                raise ScanError(gettext(
                        'stock_ext.msg_scan_row', row=line.rec_name,
                        problem=problem))
        if not lines:
            raise ScanError(gettext(
                    'stock_ext.msg_scan_nothing', session=self.rec_name))

    @classmethod
    def fill_inventories(cls, sessions):
        """Write what was counted into inventories.

        sessions are the lines of each session.  The stocktake that is open
        for the place is filled, that of a change of custodian or one of the
        same day, else a new one is made.  What several have counted in one
        place adds up.
        """
        pool = Pool()
        Inventory = pool.get('stock.inventory')
        InventoryLine = pool.get('stock.inventory.line')
        grouping = Inventory.grouping()
        inventories = cls._open_inventories({
                (s.company, s.date, l.location)
                for s, lines in sessions.items() for l in lines})
        counts = defaultdict(lambda: defaultdict(float))
        for session, lines in sessions.items():
            for line in lines:
                inventory = inventories[
                    session.company, session.date, line.location]
                key = tuple(getattr(line, n, None) for n in grouping)
                counts[inventory][key] += line.quantity
        counted = []
        for inventory, quantities in counts.items():
            lines = {
                tuple(getattr(l, n, None) for n in grouping): l
                for l in inventory.lines}
            for key, quantity in quantities.items():
                line = lines.get(key) or InventoryLine(
                    inventory=inventory, quantity=None,
                    **dict(zip(grouping, key)))
                line.quantity = line.product.default_uom.round(
                    (line.quantity or 0) + quantity)
                counted.append(line)
        InventoryLine.save(counted)
        Inventory.complete_lines(list(counts), fill=False)

    @classmethod
    def _open_inventories(cls, places):
        "Return {(company, date, location): inventory to fill}"
        Inventory = Pool().get('stock.inventory')
        drafts = Inventory.search([
                ('state', '=', 'draft'),
                ('location', 'in', [l.id for _, _, l in places]),
                ], order=[('date', 'ASC'), ('id', 'ASC')])
        result, new = {}, []
        for place in places:
            company, date, location = place
            fits = [
                d for d in drafts
                if d.company == company and d.location == location
                and (d.date == date or (d.custodian and d.date <= date))]
            if fits:
                result[place] = fits[-1]
            else:
                result[place] = Inventory(
                    company=company, location=location, date=date)
                new.append(result[place])
        Inventory.save(new)
        return result

    def movements(self, lines):
        "Return the movements of lines as ShipmentInternal.draw_up takes them"
        basis = self.profile.basis
        moves = defaultdict(lambda: defaultdict(float))
        for line in lines:
            from_, to = line.location, line.to_location or self.to_location
            if self.profile.action == 'receive':
                from_, to = basis.from_location, (
                    line.to_location or line.location)
            # What was scanned piece by piece is one line of the paper
            moves[from_, to][line.product, getattr(line, 'lot', None)] += (
                line.quantity)
        return [{
                'company': self.company.id,
                'basis': basis.id,
                'basis_text': self.rec_name,
                'requested_by': self.employee and self.employee.id,
                'from_location': from_ and from_.id,
                'to_location': to and to.id,
                'date': self.date,
                'moves': [{
                        'product': product.id,
                        'quantity': product.default_uom.round(quantity),
                        **({'lot': lot.id} if lot else {}),
                        } for (product, lot), quantity in goods.items()],
                } for (from_, to), goods in moves.items()]


class Found:
    "What was found for a code"

    def __init__(self, code):
        self.code = code
        self.product = self.location = self.lot = self.problem = None
        self.lots = []

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
            for name in found.code.names:
                found.product = found.product or products.get(name)
                found.location = found.location or locations.get(name)
        cls._find_lots(result.values())
        for code, found in result.items():
            if not found.product and not found.location:
                problem = found.code.problem or 'unknown'
                found.problem = gettext(
                    f'stock_ext.msg_scan_{problem}', code=code)
        return result

    @classmethod
    def _products(cls, names):
        pool = Pool()
        Identifier = pool.get('product.identifier')
        Product = pool.get('product.product')
        result = {}
        identifiers = Identifier.search([
                ('code', 'in', list(names)),
                ('product.type', 'in', ['goods', 'assets'])])
        products = Product.search([
                ('code', 'in', list(names)),
                ('type', 'in', ['goods', 'assets'])])
        for identifier in identifiers:
            result[identifier.code] = identifier.product
        for product in products:
            result[product.code] = product
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
            row=number, code=code or '?', done=False,
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
            quantity = Decimal(''.join(text.split()).replace(',', '.'))
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
        known = cls.find({l.code for l in lines})
        Identifier.save([
                Identifier(product=l.product, code=l.code)
                for l in {l.code: l for l in lines}.values()
                if known[l.code].product != l.product])
        cls.write([l for l in lines if l.problem], {'problem': None})


class Import(Wizard):
    __name__ = 'stock.scan.import'

    start = StateView(
        'stock.scan.import.start', 'stock_ext.scan_import_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Import", 'import_', 'tryton-ok', default=True),
            ])
    import_ = StateAction('stock_ext.act_scan_session_form')

    def do_import_(self, action):
        Session = Pool().get('stock.scan.session')
        with check_access():
            session = Session.import_file(
                self.start.profile, bytes(self.start.file),
                self.start.file_name or '', self.start.location)
        action['views'].reverse()
        return action, {'res_id': [session.id]}


class ImportStart(ModelView):
    __name__ = 'stock.scan.import.start'

    profile = fields.Many2One('stock.scan.profile', "Profile", required=True)
    file = fields.Binary("File", filename='file_name', required=True)
    file_name = fields.Char("File Name")
    location = fields.Many2One(
        'stock.location', "Location",
        domain=[('type', 'in', ['storage', 'lost_found'])],
        help="Where the goods are, for files that do not tell.")
