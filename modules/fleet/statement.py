# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Statements of fuel cards and tolls: files of a provider, row by row."""
import hashlib
from collections import defaultdict
from types import SimpleNamespace

from caravan.days import to_local, to_utc
from caravan.load.convert import Format, decimal
from caravan.tabular import Table, TableError
from trytond.i18n import gettext
from trytond.model import Index, ModelSQL, ModelView, Unique, Workflow, fields
from trytond.modules.currency.fields import Monetary
from trytond.modules.product import price_digits
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval, If
from trytond.transaction import Transaction, without_check_access

from .engine.identity import compact_plate
from .engine.statement import cell, moment
from .exceptions import StateError, StatementError
from .state import ButtonStateMixin

COLUMNS = [
    ('date', "Date"),
    ('time', "Time"),
    ('plate', "Plate"),
    ('card', "Card"),
    ('odometer', "Odometer"),
    ('quantity', "Quantity"),
    ('unit_price', "Unit Price"),
    ('amount', "Amount"),
    ('station', "Station"),
    ('reference', "Reference"),
    ('latitude', "Latitude of Station"),
    ('longitude', "Longitude of Station"),
    ]
_NUMBERS = [
    'odometer', 'quantity', 'unit_price', 'amount', 'latitude', 'longitude']
_draft = {
    'readonly': Eval('state') != 'draft',
    }


class StatementProfile(ModelSQL, ModelView):
    __name__ = 'fleet.statement.profile'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='CASCADE')
    name = fields.Char("Name", required=True)
    provider = fields.Many2One(
        'party.party', "Provider", ondelete='RESTRICT',
        context={
            'company': Eval('company', -1),
            },
        depends={'company'})
    kind = fields.Selection([
            ('fuel', "Fuel"),
            ('toll', "Tolls"),
            ], "Kind", required=True, sort=False)
    currency = fields.Many2One(
        'currency.currency', "Currency", required=True, ondelete='RESTRICT')
    delimiter = fields.Selection([
            (None, "Found"),
            (',', "Comma"),
            (';', "Semicolon"),
            ('\t', "Tab"),
            ('|', "Bar"),
            ], "Delimiter", sort=False)
    encoding = fields.Selection([
            ('utf-8', "UTF-8"),
            ('cp1252', "Western European"),
            ('cp1250', "Central European"),
            ('cp1251', "Cyrillic"),
            ], "Encoding", required=True, sort=False,
        help="Tried when the file is not UTF-8.")
    decimal_mark = fields.Selection([
            ('.', "Point"),
            (',', "Comma"),
            ], "Decimal Mark", required=True, sort=False)
    date_format = fields.Selection([
            ('%Y-%m-%d', "2026-12-31"),
            ('%d.%m.%Y', "31.12.2026"),
            ('%d/%m/%Y', "31/12/2026"),
            ('%m/%d/%Y', "12/31/2026"),
            ('%d-%m-%Y', "31-12-2026"),
            ('%Y%m%d', "20261231"),
            ('%d.%m.%y', "31.12.26"),
            ], "Dates Like", required=True, sort=False,
        help="A time may follow in the same column.")
    columns = fields.One2Many(
        'fleet.statement.column', 'profile', "Columns",
        help="How the provider calls what is needed. Date, a plate or a card "
        "and an amount are the least; fuel needs a quantity too.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('name', 'ASC'))

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_currency(cls):
        Company = Pool().get('company.company')
        company = cls.default_company()
        if company is not None and company >= 0:
            return Company(company).currency.id

    @classmethod
    def default_kind(cls):
        return 'fuel'

    @classmethod
    def default_encoding(cls):
        return 'utf-8'

    @classmethod
    def default_decimal_mark(cls):
        return '.'

    @classmethod
    def default_date_format(cls):
        return '%Y-%m-%d'

    def read_file(self, data, name):
        """Yield (line, text, values or the reason why it has none).

        Raise StatementError where the file as a whole can't be read.
        """
        try:
            table = Table(
                data, name=name, delimiter=self.delimiter,
                fallback=None if self.encoding == 'utf-8' else self.encoding)
        except TableError as error:
            raise StatementError(gettext(
                    'fleet.msg_statement_file', file=name,
                    error=str(error))) from error
        places = {}
        for column in self.columns:
            if column.header not in table.header:
                raise StatementError(gettext(
                        'fleet.msg_statement_column', file=name,
                        column=column.header, profile=self.rec_name,
                        header=', '.join(table.header)))
            places[column.name] = table.header.index(column.header)
        for line, cells in table:
            text = ' | '.join(cell(c) for c in cells)
            if len(cells) != len(table.header):
                yield line, text, gettext(
                    'fleet.msg_statement_cells', cells=len(cells),
                    header=len(table.header))
                continue
            yield line, text, self._parse(
                {n: cells[i] for n, i in places.items()})

    def _parse(self, cells):
        "Return the values of the cells, or a text that says what is wrong"
        format_ = Format(decimal=self.decimal_mark)
        values = {
            n: cell(cells[n]) for n in ['plate', 'card', 'station',
                'reference'] if cells.get(n) not in {'', None}}
        name = 'date'
        try:
            at = moment(
                cells.get('date'), cells.get('time'), self.date_format)
            values['at'] = to_utc(self.company, at)
            for name in _NUMBERS:
                if cells.get(name) not in {'', None}:
                    values[name] = decimal(cells[name], format_)
        except (ValueError, OverflowError) as error:
            return gettext(
                'fleet.msg_statement_cell', column=name,
                cell=cell(cells.get(name)), error=str(error))
        return values


class StatementColumn(ModelSQL, ModelView):
    __name__ = 'fleet.statement.column'
    _rec_name = 'header'

    profile = fields.Many2One(
        'fleet.statement.profile', "Profile", required=True,
        ondelete='CASCADE')
    name = fields.Selection(COLUMNS, "Meaning", required=True, sort=False)
    header = fields.Char(
        "Header", required=True, help="As the first line of the file has it.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('profile')
        t = cls.__table__()
        cls._sql_constraints += [
            ('name_unique', Unique(t, t.profile, t.name),
                'fleet.msg_statement_column_unique'),
            ]


class Statement(ButtonStateMixin, ModelSQL, ModelView):
    __name__ = 'fleet.statement'
    _rec_name = 'file_name'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT',
        states=_draft)
    profile = fields.Many2One(
        'fleet.statement.profile', "Profile", required=True,
        ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ], states=_draft)
    file = fields.Binary(
        "File", filename='file_name', required=True, states=_draft)
    file_name = fields.Char("Name of File", states=_draft)
    digest = fields.Char("Digest", readonly=True)
    lines = fields.One2Many(
        'fleet.statement.line', 'statement', "Lines", states={
            'readonly': Eval('state') == 'draft',
            })
    open_count = fields.Function(fields.Integer(
            "To Look At", help="Lines that found no vehicle or are wrong."),
        'get_open_count')
    state = fields.Selection([
            ('draft', "Draft"),
            ('read', "Read"),
            ('posted', "Posted"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('digest_unique', Unique(t, t.company, t.digest),
                'fleet.msg_statement_twice'),
            ]
        cls._order = [('id', 'DESC')]
        cls._transitions |= {
            ('draft', 'read'),
            ('read', 'draft'),
            ('read', 'posted'),
            ('posted', 'posted'),
            }

        def button(states, icon):
            return {
                'invisible': ~Eval('state').in_(states),
                'icon': f'tryton-{icon}',
                'depends': ['state'],
                }
        cls._buttons.update({
                'read_file': button(['draft'], 'forward'),
                'draft': button(['read'], 'back'),
                'match': button(['read', 'posted'], 'refresh'),
                'post': button(['read', 'posted'], 'ok'),
                })

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_state(cls):
        return 'draft'

    @classmethod
    def get_open_count(cls, statements, name):
        Line = Pool().get('fleet.statement.line')
        result = dict.fromkeys([s.id for s in statements], 0)
        for line in Line.search([
                    ('statement', 'in', list(result)),
                    ('state', 'in', ['unmatched', 'wrong']),
                    ]):
            result[line.statement.id] += 1
        return result

    @classmethod
    def check_modification(cls, mode, statements, values=None,
            external=False):
        super().check_modification(
            mode, statements, values=values, external=external)
        for statement in statements:
            if mode == 'delete' and statement.state == 'posted':
                raise StateError(gettext(
                        'fleet.msg_state_by_button',
                        record=statement.rec_name))

    @classmethod
    def copy(cls, statements, default=None):
        default = default.copy() if default else {}
        for name in ['lines', 'digest']:
            default.setdefault(name)
        return super().copy(statements, default=default)

    @classmethod
    @ModelView.button
    @Workflow.transition('read')
    def read_file(cls, statements):
        "Read the files; the same file is read once"
        Line = Pool().get('fleet.statement.line')
        digests = {
            s: hashlib.sha256(bytes(s.file)).hexdigest() for s in statements}
        twins = cls.search([
                ('company', 'in', [s.company.id for s in statements]),
                ('digest', 'in', list(digests.values())),
                ('id', 'not in', [s.id for s in statements]),
                ], limit=1)
        if twins:
            raise StatementError(gettext(
                    'fleet.msg_statement_known',
                    statement=twins[0].rec_name))
        vlist = []
        for statement in statements:
            statement.digest = digests[statement]
            for line, text, values in statement.profile.read_file(
                    bytes(statement.file), statement.file_name):
                wrong = isinstance(values, str)
                vlist.append({
                        'statement': statement.id, 'line': line,
                        'text': text,
                        'state': 'wrong' if wrong else 'unmatched',
                        **({'message': values} if wrong
                            else Line.parsed(
                                values, statement.profile.currency))})
        cls.save(statements)
        Line.match(Line.create(vlist))

    @classmethod
    @ModelView.button
    @Workflow.transition('draft')
    def draft(cls, statements):
        Line = Pool().get('fleet.statement.line')
        Line.delete([line for s in statements for line in s.lines])
        cls.write(statements, {'digest': None})

    @classmethod
    @ModelView.button
    def match(cls, statements):
        Line = Pool().get('fleet.statement.line')
        Line.match([
                line for s in statements for line in s.lines
                if line.state not in {'posted', 'duplicate'}])

    @classmethod
    @ModelView.button
    @Workflow.transition('posted')
    def post(cls, statements):
        "Post what found its vehicle; the rest stays to be looked at"
        Line = Pool().get('fleet.statement.line')
        lines = [line for s in statements for line in s.lines]
        Line.match([
                line for line in lines
                if line.state not in {'posted', 'duplicate'}])
        Line.post([
                line for line in Line.browse(lines)
                if line.state == 'matched'])


class StatementLine(ModelSQL, ModelView):
    __name__ = 'fleet.statement.line'

    _free = {
        'readonly': Eval('state').in_(['posted', 'duplicate']),
        }

    statement = fields.Many2One(
        'fleet.statement', "Statement", required=True, readonly=True,
        ondelete='CASCADE')
    line = fields.Integer("Line", readonly=True)
    text = fields.Text("Text", readonly=True, help="As the file has it.")
    at = fields.DateTime("At", states=_free)
    plate = fields.Char("Plate", states=_free)
    card = fields.Char("Card", states=_free)
    vehicle = fields.Many2One(
        'fleet.vehicle', "Vehicle", ondelete='RESTRICT', states=_free,
        help="Choose it where neither plate nor card tell it.")
    odometer = fields.Integer("Odometer", states=_free)
    quantity = fields.Float("Quantity", digits=(16, 2), states=_free)
    unit_price = fields.Numeric(
        "Unit Price", digits=price_digits, states=_free)
    currency = fields.Function(fields.Many2One(
            'currency.currency', "Currency"), 'on_change_with_currency')
    amount = Monetary(
        "Amount", currency='currency', digits='currency', states=_free)
    station = fields.Char("Station", states=_free)
    reference = fields.Char("Reference", states=_free)
    latitude = fields.Float("Latitude", states=_free)
    longitude = fields.Float("Longitude", states=_free)
    key = fields.Char("Key", readonly=True)
    message = fields.Char("Message", readonly=True)
    state = fields.Selection([
            ('matched', "Matched"),
            ('unmatched', "Unmatched"),
            ('duplicate', "Duplicate"),
            ('wrong', "Wrong"),
            ('posted', "Posted"),
            ], "State", required=True, readonly=True, sort=False)

    del _free

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('statement')
        t = cls.__table__()
        cls._sql_indexes.update({
                Index(t, (t.key, Index.Equality())),
                Index(
                    t, (t.state, Index.Equality(cardinality='low')),
                    where=t.state.in_(['unmatched', 'wrong'])),
                })
        cls._order = [
            ('statement', 'DESC'), ('line', 'ASC'), ('id', 'ASC')]

    @fields.depends('statement', '_parent_statement.profile')
    def on_change_with_currency(self, name=None):
        if self.statement and self.statement.profile:
            return self.statement.profile.currency

    def get_rec_name(self, name):
        return f'{self.statement.rec_name}: {self.line}'

    @classmethod
    def check_modification(cls, mode, lines, values=None, external=False):
        super().check_modification(
            mode, lines, values=values, external=external)
        if not external or mode == 'create':
            return
        for line in lines:
            if line.state == 'posted' or {'state', 'key'} & (
                    values or {}).keys():
                raise StateError(gettext(
                        'fleet.msg_statement_line_kept', line=line.rec_name))

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state').in_(['unmatched', 'wrong']), 'danger',
                    If(Eval('state') == 'duplicate', 'muted',
                        If(Eval('state') == 'posted', 'success', '')))),
            ]

    @classmethod
    def parsed(cls, values, currency):
        "Return the values of fields of what was read"
        values = values.copy()
        for name in ['quantity', 'latitude', 'longitude']:
            if name in values:
                values[name] = float(values[name])
        if 'quantity' in values:
            values['quantity'] = round(
                values['quantity'], cls.quantity.digits[1])
        if 'odometer' in values:
            values['odometer'] = int(values['odometer'])
        if 'unit_price' in values:
            values['unit_price'] = round(
                values['unit_price'], price_digits[1])
        if 'amount' in values:
            values['amount'] = currency.round(values['amount'])
        return values

    @classmethod
    def match(cls, lines):
        "Find the vehicles, and what was posted or stands there before"
        pool = Pool()
        Card = pool.get('fleet.fuel.card')
        Vehicle = pool.get('fleet.vehicle')
        read = cls.browse(lines)
        lines = [line for line in read if line._check()]
        plates = {
            (v.company, v.plate_compact): v for v in Vehicle.search([
                    ('plate_compact', 'in', list({
                                compact_plate(line.plate)
                                for line in lines if line.plate})),
                    ('active', 'in', [True, False]),
                    ])}
        cards = {
            (c.company, c.number): c for c in Card.search([
                    ('number', 'in', list({
                                line.card for line in lines if line.card})),
                    ('active', 'in', [True, False]),
                    ])}
        for line in lines:
            company = line.statement.company
            if not line.vehicle and line.plate:
                line.vehicle = plates.get(
                    (company, compact_plate(line.plate)))
            card = cards.get((company, line.card))
            if not line.vehicle and card:
                line.vehicle = card.vehicle
            line.key = line._key()
            line.state = 'matched' if line.vehicle else 'unmatched'
            line.message = None if line.vehicle else gettext(
                'fleet.msg_statement_unmatched')
        cls._mark_duplicates(lines)
        cls.save(read)

    def _check(self):
        "Return whether the line can be matched, else mark it as wrong"
        needed = ['at', 'amount']
        if self.statement.profile.kind == 'fuel':
            needed = ['at', 'quantity']
        missing = [n for n in needed if not getattr(self, n)]
        if not missing and self.amount is None and self.unit_price is None:
            missing = ['amount']
        if missing and self.state == 'wrong' and self.message:
            return False
        message = None
        if missing:
            message = gettext(
                'fleet.msg_statement_missing', column=missing[0])
        elif name := self._impossible():
            message = gettext(
                'fleet.msg_statement_impossible', column=name,
                value=getattr(self, name))
        if message:
            self.state, self.message = 'wrong', message
        return not message

    def _impossible(self):
        "Return the name of what no refuelling can have, or None"
        if self.statement.profile.kind != 'fuel':
            return
        for name, low, high in [
                ('quantity', 0, None), ('odometer', 0, None),
                ('latitude', -90, 90), ('longitude', -180, 180)]:
            value = getattr(self, name)
            if value is not None and (
                    value < low or high is not None and value > high):
                return name

    def _key(self):
        """Return what tells the row from all others of the provider.

        Without a reference it is who, when, odometer and how much.
        """
        profile = self.statement.profile
        who = profile.provider.id if profile.provider else profile.id
        if self.reference:
            return f'{profile.kind}/{who}/{self.reference}'
        return '/'.join(map(str, [
                    profile.kind, who,
                    compact_plate(self.plate) or self.card,
                    self.at.isoformat(), self.odometer, self.quantity,
                    self.amount]))

    @classmethod
    def _mark_duplicates(cls, lines):
        table = {}
        for line in cls.search([
                    ('key', 'in', [line.key for line in lines]),
                    ('state', '!=', 'duplicate'),
                    ('id', 'not in', [line.id for line in lines]),
                    ]):
            table[line.statement.company, line.key] = line
        for line in lines:
            first = table.setdefault((line.statement.company, line.key), line)
            if first != line:
                line.state = 'duplicate'
                line.message = gettext(
                    'fleet.msg_statement_duplicate', line=first.rec_name)

    @classmethod
    @without_check_access
    def post(cls, lines):
        by_kind = defaultdict(list)
        for line in lines:
            by_kind[line.statement.profile.kind].append(line)
        cls._post_fuel(by_kind['fuel'])
        cls._post_tolls(by_kind['toll'])
        cls.write(lines, {'state': 'posted', 'message': None})

    @classmethod
    def _post_fuel(cls, lines):
        pool = Pool()
        Card = pool.get('fleet.fuel.card')
        Refuelling = pool.get('fleet.refuelling')
        cards = {
            (c.company, c.number): c.id for c in Card.search([
                    ('number', 'in', [
                            line.card for line in lines if line.card]),
                    ])}
        Refuelling.enter([{
                    'company': line.statement.company.id,
                    'card': cards.get((line.statement.company, line.card)),
                    'vehicle': line.vehicle.id,
                    'currency': line.currency.id,
                    'external_ref': line.key,
                    **{n: getattr(line, n) for n in [
                            'at', 'odometer', 'quantity', 'unit_price',
                            'amount', 'station', 'latitude', 'longitude']},
                    } for line in lines])

    @classmethod
    def _post_tolls(cls, lines):
        pool = Pool()
        Cost = pool.get('fleet.cost')
        Currency = pool.get('currency.currency')
        Fine = pool.get('fleet.fine')
        where = [
            SimpleNamespace(
                vehicle=line.vehicle, at=line.at, trip=None, driver=None)
            for line in lines]
        Fine.find(where)
        vlist = []
        for line, place in zip(lines, where):
            company = line.statement.company
            day = to_local(company, line.at).date()
            with Transaction().set_context(date=day):
                amount = Currency.compute(
                    line.currency, line.amount, company.currency)
            vlist.append({
                    'company': company.id, 'date': day,
                    'vehicle': line.vehicle.id,
                    'trip': place.trip.id if place.trip else None,
                    'driver': place.driver.id if place.driver else None,
                    'category': 'toll', 'description': line.station,
                    'quantity': line.quantity,
                    'amount': amount, 'origin': line,
                    })
        Cost.post(vlist)


class Cost(metaclass=PoolMeta):
    __name__ = 'fleet.cost'

    @classmethod
    def _get_origins(cls):
        return super()._get_origins() + ['fleet.statement.line']
