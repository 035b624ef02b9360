# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import hashlib
from collections import defaultdict
from decimal import Decimal, InvalidOperation

from caravan.tabular import Table, TableError
from trytond.i18n import gettext
from trytond.model import (
    DeactivableMixin, Index, ModelSQL, ModelView, Unique, Workflow, fields,
    sequence_ordered)
from trytond.pool import Pool
from trytond.pyson import Bool, Eval, If
from trytond.transaction import Transaction, check_access
from trytond.wizard import Button, StateAction, StateView, Wizard

from .code import parse
from .exceptions import ScanError

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
        help="Where the goods are. "
        "The code of another location changes it while scanning.")
    to_location = fields.Many2One(
        'stock.location', "To Location", ondelete='RESTRICT',
        domain=[('type', 'in', ['storage', 'lost_found'])],
        states={
            'readonly': _states['readonly'],
            'invisible': Eval('action') == 'count',
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
        quantity = float(found.quantity or 1)
        lines = list(self.lines or [])
        for line in lines:
            if (line.code == code and line.location == self.location
                    and not line.done):
                line.quantity = (line.quantity or 0) + quantity
                break
        else:
            line = Line(
                code=code, quantity=quantity, location=self.location,
                to_location=self.to_location, done=False)
            line.set_found(found)
            lines.append(line)
        self.lines = lines
        self.message = '%s: %s' % (
            line.product.rec_name if line.product else line.problem,
            line.quantity)

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
        Inventory = pool.get('stock.inventory')
        Shipment = pool.get('stock.shipment.internal')
        ready, inventories, movements = [], [], []
        for session in sessions:
            lines = [
                l for l in session.lines
                if l.product and not l.problem and not l.done]
            ready.extend(lines)
            session.check_ready(lines)
            if session.profile.action == 'count':
                inventories.extend(session.inventories(lines))
            else:
                movements.extend(session.movements(lines))
        Inventory.save(inventories)
        if movements:
            Shipment.draw_up(movements)
        Line.write(ready, {'done': True})
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
        if not lines:
            raise ScanError(gettext(
                    'stock_ext.msg_scan_nothing', session=self.rec_name))

    def inventories(self, lines):
        "Return the inventories that lines count"
        pool = Pool()
        Inventory = pool.get('stock.inventory')
        InventoryLine = pool.get('stock.inventory.line')
        grouping = Inventory.grouping()
        counts = defaultdict(lambda: defaultdict(float))
        for line in lines:
            key = tuple(getattr(line, n, None) for n in grouping)
            counts[line.location][key] += line.quantity
        return [
            Inventory(
                company=self.company, location=location, date=self.date,
                lines=[
                    InventoryLine(
                        quantity=quantity, **dict(zip(grouping, key)))
                    for key, quantity in keys.items()])
            for location, keys in counts.items()]

    def movements(self, lines):
        "Return the movements of lines as ShipmentInternal.draw_up takes them"
        basis = self.profile.basis
        moves = defaultdict(list)
        for line in lines:
            from_, to = line.location, line.to_location or self.to_location
            if self.profile.action == 'receive':
                from_, to = basis.from_location, line.location
            moves[from_, to].append({
                    'quantity': line.quantity,
                    **{n: getattr(line, n).id for n in ['product', 'lot']
                        if getattr(line, n, None)}})
        return [{
                'company': self.company.id,
                'basis': basis.id,
                'basis_text': self.rec_name,
                'requested_by': self.employee and self.employee.id,
                'from_location': from_ and from_.id,
                'to_location': to and to.id,
                'date': self.date,
                'moves': values,
                } for (from_, to), values in moves.items()]


class Found:
    "What was found for a code"

    def __init__(self, code):
        self.code = code
        self.product = self.location = self.lot = self.problem = None
        self.lots = []

    @property
    def quantity(self):
        return self.code.quantity


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

    @fields.depends('product', 'quantity', 'location')
    def on_change_product(self):
        if self.product:
            self.problem = self._quantity_problem()

    @fields.depends('product', 'quantity', 'problem')
    def on_change_quantity(self):
        if self.product:
            self.problem = self._quantity_problem()

    @fields.depends('product', 'quantity')
    def _quantity_problem(self):
        if self.quantity is None or self.quantity < 0:
            return gettext(
                'stock_ext.msg_scan_quantity', quantity=self.quantity)
        if self.product.default_uom.round(self.quantity) != self.quantity:
            return gettext(
                'stock_ext.msg_scan_rounding', quantity=self.quantity,
                unit=self.product.default_uom.rec_name)

    def get_rec_name(self, name):
        return f'{self.row}: {self.code}' if self.row else self.code

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('done'), 'muted',
                    If(Bool(Eval('problem')), 'danger', 'success'))),
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

    def set_found(self, found):
        self.product = found.product
        self.problem = found.problem
        if not self.problem:
            if self.product:
                self.problem = self._quantity_problem()
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
            line.set_found(found[code])
        else:
            line.problem = gettext('stock_ext.msg_scan_no_code')
        line.problem = bad or line.problem or problem
        return line

    def _read_quantity(self, row, found):
        text = row.get('quantity') or ''
        if not text:
            return float(found.quantity or 1) if found else 1, None
        try:
            quantity = Decimal(text.replace(' ', '').replace(',', '.'))
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
