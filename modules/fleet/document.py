# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt

from dateutil.relativedelta import relativedelta
from sql import Column, Literal, Null
from sql.conditionals import Case
from sql.operators import Exists

from trytond.i18n import gettext
from trytond.model import (
    Check, DeactivableMixin, Index, ModelSQL, ModelView, Unique, fields)
from trytond.pool import Pool
from trytond.pyson import Eval, If
from trytond.transaction import Transaction, without_check_access

from .engine.validity import first_gap, parse_steps
from .exceptions import WarningStepsError
from .model import TRAILER_KINDS

STATES = [
    ('valid', "Valid"),
    ('due', "Due"),
    ('expired', "Expired"),
    ('replaced', "Replaced"),
    ]


class DocumentType(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'fleet.document.type'

    name = fields.Char("Name", required=True, translate=True)
    applies_to = fields.Selection([
            ('vehicle', "Powered Vehicles"),
            ('trailer', "Trailers"),
            ('driver', "Drivers"),
            ], "Applies To", required=True, sort=False)
    required = fields.Boolean(
        "Required",
        help="Every one needs such a document: a missing one is listed.")
    blocking = fields.Boolean(
        "Blocking",
        help="No trip is planned that ends after the document does, nor "
        "without the document if it is required.")
    validity = fields.Integer(
        "Validity (months)", domain=['OR',
            ('validity', '=', None),
            ('validity', '>', 0),
            ],
        help="The usual number of months, proposed on renewal.")
    warning_steps = fields.Char(
        "Warning Steps", required=True,
        help="How many days before the end the person in charge is warned, "
        "each step once, such as 60, 30, 14, 7.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('name_unique', Unique(t, t.applies_to, t.name),
                'fleet.msg_document_type_unique'),
            ]
        cls._order = [
            ('applies_to', 'ASC'), ('name', 'ASC'), ('id', 'ASC')]

    @classmethod
    def default_warning_steps(cls):
        return '60, 30, 14, 7'

    @property
    def steps(self):
        "The warning steps in days, the longest first"
        return parse_steps(self.warning_steps)

    def end_of_validity(self, start):
        "Return the last day of a document valid from start, or None"
        if self.validity:
            end = start + relativedelta(months=self.validity)
            # A month without that day has its last day in full
            return end - dt.timedelta(days=int(end.day == start.day))

    @classmethod
    def validate_fields(cls, types, field_names):
        super().validate_fields(types, field_names)
        cls.check_warning_steps(types, field_names)

    @classmethod
    def check_warning_steps(cls, types, field_names=None):
        if field_names and 'warning_steps' not in field_names:
            return
        for type_ in types:
            try:
                parse_steps(type_.warning_steps)
            except ValueError as exception:
                raise WarningStepsError(gettext(
                        'fleet.msg_document_type_steps',
                        type=type_.rec_name,
                        steps=type_.warning_steps)) from exception

    @classmethod
    def on_modification(cls, mode, types, field_names=None):
        Document = Pool().get('fleet.document')
        super().on_modification(mode, types, field_names=field_names)
        if mode == 'write' and 'warning_steps' in (field_names or []):
            Document.set_due_on(Document.search([
                        ('type', 'in', [t.id for t in types]),
                        ]))


class Document(ModelSQL, ModelView):
    __name__ = 'fleet.document'
    _rec_name = 'number'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT')
    applies_to = fields.Function(fields.Selection([
                ('vehicle', "Powered Vehicles"),
                ('trailer', "Trailers"),
                ('driver', "Drivers"),
                ], "Applies To"), 'on_change_with_applies_to')
    type = fields.Many2One(
        'fleet.document.type', "Type", required=True, ondelete='RESTRICT')
    vehicle = fields.Many2One(
        'fleet.vehicle', "Vehicle", ondelete='CASCADE',
        domain=[
            ('company', '=', Eval('company', -1)),
            If(Eval('applies_to') == 'trailer',
                ('powered', '=', False),
                ('powered', '=', True)),
            ],
        states={
            'required': ~Eval('driver'),
            'invisible': Eval('applies_to') == 'driver',
            })
    driver = fields.Many2One(
        'fleet.driver', "Driver", ondelete='CASCADE',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        states={
            'required': ~Eval('vehicle'),
            'invisible': Eval('applies_to') != 'driver',
            })
    number = fields.Char("Number")
    issuer = fields.Char("Issuer", help="The authority or insurer.")
    issued_on = fields.Date("Issued On")
    valid_from = fields.Date("Valid From")
    valid_to = fields.Date(
        "Valid To", domain=['OR',
            ('valid_to', '=', None),
            ('valid_from', '=', None),
            ('valid_to', '>=', Eval('valid_from')),
            ],
        help="The last day of validity. Empty if it does not expire.")
    due_on = fields.Date(
        "Due On", readonly=True,
        help="The day of the first warning.")
    responsible = fields.Many2One(
        'company.employee', "Responsible", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        help="Who is warned. Empty for the person in charge of the vehicle "
        "or driver.")
    replaced_by = fields.Many2One(
        'fleet.document', "Replaced By", readonly=True, ondelete='RESTRICT')
    state = fields.Function(fields.Selection(STATES, "State", sort=False))
    state_string = state.translated('state')
    color = fields.Function(fields.Char("Color"), 'on_change_with_color')
    notices = fields.One2Many(
        'fleet.document.notice', 'document', "Notices", readonly=True,
        help="The warnings that were sent.")
    notes = fields.Text("Notes")

    @classmethod
    def __setup__(cls):
        cls.number.search_unaccented = False
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('one_owner', Check(t,
                    (t.vehicle == Null) != (t.driver == Null)),
                'fleet.msg_document_owner'),
            ]
        open_ = t.replaced_by == Null
        cls._sql_indexes.update({
                Index(t, (t.valid_to, Index.Range()), where=open_),
                Index(t, (t.due_on, Index.Range()), where=open_),
                Index(t, (t.vehicle, Index.Equality())),
                Index(t, (t.driver, Index.Equality())),
                })
        cls._order = [('valid_to', 'ASC NULLS LAST'), ('id', 'ASC')]
        cls._buttons.update({
                'renew': {
                    'invisible': Eval('state') == 'replaced',
                    'icon': 'tryton-refresh',
                    'depends': ['state'],
                    },
                })

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @fields.depends(
        'type', '_parent_type.applies_to',
        'vehicle', '_parent_vehicle.kind', 'driver', '_parent_driver.id')
    def on_change_with_applies_to(self, name=None):
        if self.type:
            return self.type.applies_to
        if self.driver:
            return 'driver'
        if self.vehicle:
            return 'trailer' if (
                self.vehicle.kind in TRAILER_KINDS) else 'vehicle'

    @fields.depends(
        'type', '_parent_type.validity', 'valid_from', 'valid_to')
    def on_change_valid_from(self):
        if (self.type and self.type.validity and self.valid_from
                and not self.valid_to):
            self.valid_to = self.type.end_of_validity(self.valid_from)

    @fields.depends('state')
    def on_change_with_color(self, name=None):
        return {
            'valid': '#27ae60',
            'due': '#f0ad4e',
            'expired': '#c0392b',
            }.get(self.state, '#c8c8c8')

    @classmethod
    def column_state(cls, tables):
        table, _ = tables[None]
        return cls.state_sql(table, cls._today())

    @classmethod
    def state_sql(cls, table, today):
        "Return the SQL expression of the state of table on the day today"
        return Case(
            (table.replaced_by != Null, Literal('replaced')),
            (table.valid_to < today, Literal('expired')),
            (table.due_on <= today, Literal('due')),
            else_=Literal('valid'))

    @classmethod
    def _today(cls):
        return Pool().get('ir.date').today()

    def get_rec_name(self, name):
        owner = self.vehicle or self.driver
        return ' '.join(filter(None, [
                    self.type.rec_name, self.number,
                    f'[{owner.rec_name}]' if owner else None]))

    @classmethod
    def search_rec_name(cls, name, clause):
        _, operator, operand, *extra = clause
        bool_op = 'AND' if operator.startswith(('!', 'not ')) else 'OR'
        return [bool_op,
            ('number', operator, operand, *extra),
            ('type.name', operator, operand, *extra),
            ('vehicle.rec_name', operator, operand, *extra),
            ('driver.rec_name', operator, operand, *extra),
            ]

    @classmethod
    def on_modification(cls, mode, documents, field_names=None):
        super().on_modification(mode, documents, field_names=field_names)
        if mode == 'create' or (
                mode == 'write'
                and (field_names or set()) & {'type', 'valid_to'}):
            cls.set_due_on(documents)

    @classmethod
    def set_due_on(cls, documents):
        changed = []
        for document in documents:
            steps = document.type.steps
            due_on = None
            if document.valid_to:
                due_on = document.valid_to - dt.timedelta(
                    days=steps[0] if steps else 0)
            if document.due_on != due_on:
                document.due_on = due_on
                changed.append(document)
        if changed:
            cls.save(changed)

    @classmethod
    def copy(cls, documents, default=None):
        default = default.copy() if default else {}
        default.setdefault('replaced_by')
        default.setdefault('notices')
        return super().copy(documents, default=default)

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state') == 'replaced', 'muted', '')),
            ('/tree/field[@name="state"]', 'visual',
                If(Eval('state') == 'expired', 'danger',
                    If(Eval('state') == 'due', 'warning',
                        If(Eval('state') == 'valid', 'success', '')))),
            ]

    @classmethod
    @ModelView.button_action('fleet.wizard_document_renew')
    def renew(cls, documents):
        pass

    @classmethod
    @without_check_access
    def problems(cls, uses):
        """Return what forbids to use vehicles and drivers.

        uses: list of (vehicle or driver, first day, last day)
        The result holds for each of uses a list of (document type, document
        that ends too early or begins too late, None if there is none).
        """
        Type = Pool().get('fleet.document.type')
        types = Type.search([('blocking', '=', True)])
        documents = cls._of_owners({o for o, _, _ in uses}, types)
        return [[
                (type_, problem)
                for type_ in types if type_.applies_to == owner.document_kind
                for problem in cls._gaps(
                    documents.get((owner, type_), []), type_, since, until)]
            for owner, since, until in uses]

    @classmethod
    def _of_owners(cls, owners, types):
        "Return the documents by (vehicle or driver, type), by their end"
        result = {}
        domain = ['OR'] + [
            (name, 'in', [
                    o.id for o in owners if o.__name__ == f'fleet.{name}'])
            for name in ['vehicle', 'driver']]
        for document in cls.search([
                    ('type', 'in', [t.id for t in types]), domain,
                    ], order=[('valid_to', 'ASC NULLS LAST'), ('id', 'ASC')]):
            result.setdefault((
                    document.vehicle or document.driver, document.type),
                []).append(document)
        return result

    @classmethod
    def _gaps(cls, documents, type_, since, until):
        "Yield what leaves a day without a document of the type, or None"
        periods = [d.period for d in documents if d.period]
        day = first_gap(periods, since, until)
        if not day:
            return
        current = [d for d in documents if not d.replaced_by]
        later = [d for d in current if d.valid_from and d.valid_from > day]
        ended = [d for d in current if d.valid_to and d.valid_to < day]
        if later and (type_.required or len(documents) > len(later)):
            yield min(later, key=lambda d: d.valid_from)
        elif ended:
            yield ended[-1]
        elif type_.required and not later:
            yield None

    @property
    def period(self):
        """The first and last day on which the document serves.

        One that is replaced serves until the other begins, None if that is
        not known.
        """
        if not self.replaced_by:
            return self.valid_from, self.valid_to
        begin = self.replaced_by.valid_from
        if begin:
            last = begin - dt.timedelta(days=1)
            return self.valid_from, min(self.valid_to or last, last)


class DocumentedMixin:
    "Vehicles and drivers, which carry documents"
    __slots__ = ()

    document_state = fields.Function(fields.Selection([
                (None, ""),
                ('valid', "Valid"),
                ('due', "Due"),
                ('expired', "Expired"),
                ('missing', "Missing"),
                ], "Documents", sort=False,
            help="The worst state of the documents in force: a required "
            "one is missing, one has expired or one is due."),
        'get_document_state', searcher='search_document_state')

    @classmethod
    def get_document_state(cls, records, name):
        pool = Pool()
        Document = pool.get('fleet.document')
        Missing = pool.get('fleet.document.missing')
        owner = cls.__name__.split('.')[-1]
        cursor = Transaction().connection.cursor()
        ids = list(map(int, records))
        result = dict.fromkeys(ids)

        table = Document.__table__()
        column = Column(table, owner)
        state = Document.state_sql(table, Document._today())
        query = table.select(
            column.as_('owner'), state.as_('state'),
            where=fields.SQL_OPERATORS['in'](column, ids)
            & (table.replaced_by == Null))
        cursor.execute(*query.select(
                query.owner, query.state,
                group_by=[query.owner, query.state]))
        ranks = [None, 'valid', 'due', 'expired', 'missing']
        for id_, state in cursor:
            result[id_] = max(result[id_], state, key=ranks.index)

        missing = Missing.__table__()
        column = Column(missing, owner)
        cursor.execute(*missing.select(
                column, where=fields.SQL_OPERATORS['in'](column, ids),
                group_by=column))
        for id_, in cursor:
            result[id_] = 'missing'
        return result

    @classmethod
    def search_document_state(cls, name, clause):
        pool = Pool()
        Document = pool.get('fleet.document')
        Missing = pool.get('fleet.document.missing')
        owner = cls.__name__.split('.')[-1]
        _, operator, operand = clause
        states = operand if operator in {'in', 'not in'} else [operand]
        not_ = operator in {'!=', 'not in'}
        missing = Missing.__table__()
        document = Document.__table__()
        state = Document.state_sql(document, Document._today())

        def owners(*states):
            column = Column(document, owner)
            return document.select(
                column, where=(column != Null) & state.in_(list(states)))
        column = Column(missing, owner)
        clauses = {
            'missing': [('id', 'in', missing.select(
                        column, where=column != Null))],
            'expired': [('id', 'in', owners('expired'))],
            'due': [('id', 'in', owners('due'))],
            'valid': [('id', 'in', owners('valid'))],
            None: [],
            }
        ranks = ['missing', 'expired', 'due', 'valid', None]
        domain = ['OR']
        for state_ in states:
            better = [clauses[r][0] for r in ranks[:ranks.index(state_)]]
            domain.append([*clauses[state_], *(
                        (n, 'not in', q) for n, _, q in better)])
        if not_:
            others = [r for r in ranks if r not in states]
            return [(name, 'in', others)]
        return domain

    @classmethod
    def document_visual(cls):
        return If(Eval('document_state').in_(['expired', 'missing']),
            'danger',
            If(Eval('document_state') == 'due', 'warning',
                If(Eval('document_state') == 'valid', 'success', '')))


class DocumentMissing(ModelSQL, ModelView):
    __name__ = 'fleet.document.missing'

    company = fields.Many2One('company.company', "Company")
    type = fields.Many2One('fleet.document.type', "Type")
    vehicle = fields.Many2One('fleet.vehicle', "Vehicle")
    driver = fields.Many2One('fleet.driver', "Driver")
    responsible = fields.Many2One('company.employee', "Responsible")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('type', 'ASC'), ('id', 'ASC')]

    @classmethod
    def table_query(cls):
        return cls._query('vehicle') | cls._query('driver')

    @classmethod
    def _query(cls, owner):
        pool = Pool()
        Document = pool.get('fleet.document')
        type_ = pool.get('fleet.document.type').__table__()
        table = pool.get(f'fleet.{owner}').__table__()
        document = Document.__table__()
        if owner == 'vehicle':
            trailer = table.kind.in_(TRAILER_KINDS)
            applies = table.state.in_(['active', 'workshop']) & (
                (trailer & (type_.applies_to == 'trailer'))
                | (~trailer & (type_.applies_to == 'vehicle')))
        else:
            applies = (
                (table.state == 'active') & (type_.applies_to == 'driver'))
        has_one = document.select(
            Literal(1),
            where=(Column(document, owner) == table.id)
            & (document.type == type_.id)
            & (document.replaced_by == Null))
        none = cls.vehicle.sql_cast(Literal(None))
        # Two ids make one: types are few and never above a thousand
        id_ = (table.id * 1000 + type_.id) * 2 + int(owner == 'driver')
        return table.join(type_, condition=applies).select(
            id_.as_('id'),
            table.company.as_('company'),
            type_.id.as_('type'),
            (table.id if owner == 'vehicle' else none).as_('vehicle'),
            (table.id if owner == 'driver' else none).as_('driver'),
            table.responsible.as_('responsible'),
            where=type_.required & type_.active & ~Exists(has_one))

    def get_rec_name(self, name):
        owner = self.vehicle or self.driver
        return f'{self.type.rec_name} [{owner.rec_name}]'
