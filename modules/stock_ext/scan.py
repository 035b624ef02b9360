# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import hashlib
from collections import defaultdict

from sql import Literal
from sql.aggregate import Count
from sql.conditionals import Coalesce

from caravan.i18n import gettext
from trytond.model import Index, ModelSQL, ModelView, Unique, Workflow, fields
from trytond.pool import Pool
from trytond.pyson import Eval, If
from trytond.tools import grouped_slice
from trytond.transaction import Transaction, check_access
from trytond.wizard import Button, StateAction, StateView, Wizard

from .allocation import DIGITS
from .exceptions import ScanError
from .scan_line import SLICE


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

    @classmethod
    def search_rec_name(cls, name, clause):
        _, operator, operand, *extra = clause
        bool_op = (
            'AND' if operator.startswith('!') or operator.startswith('not ')
            else 'OR')
        return [bool_op,
            ('profile.rec_name', operator, operand, *extra),
            ('file_name', operator, operand, *extra),
            ]

    def get_message(self, name):
        return ''

    @classmethod
    def get_unknown(cls, sessions, name):
        Line = Pool().get('stock.scan.line')
        line = Line.__table__()
        result = {s.id: 0 for s in sessions}
        cursor = Transaction().connection.cursor()
        cursor.execute(*line.select(
                line.session, Count(line.id),
                where=fields.SQL_OPERATORS['in'](line.session, list(result))
                & (Coalesce(line.problem, '') != '')
                & ~Coalesce(line.done, Literal(False)),
                group_by=line.session))
        result.update(cursor)
        return result

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
                if any(l.done for l in session.lines):
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
                line.quantity = round(
                    (line.quantity or 0) + found.quantity, DIGITS)
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
        session.save()
        lines = [
            Line.from_row(number, row, found, session)
            for number, row in rows]
        for part in grouped_slice(lines, SLICE):
            Line.save(list(part))
        return cls(session.id)

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
        for session in sessions:
            if any(l.done for l in session.lines):
                raise ScanError(gettext(
                        'stock_ext.msg_scan_cancel_done',
                        session=session.rec_name))
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
        Line.mark_done([l for lines in ready.values() for l in lines])
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
        if not lines and not (
                self.lines and all(l.done for l in self.lines)):
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
        for part in grouped_slice(counted, SLICE):
            InventoryLine.save(list(part))
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
        """Return the movements of lines, as draw_up of shipments takes them.

        A long file makes several.
        """
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
                        } for (product, lot), quantity in part],
                }
            for (from_, to), goods in moves.items()
            for part in grouped_slice(goods.items(), SLICE)]


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
