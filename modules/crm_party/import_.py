# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
import io
import json
from collections import defaultdict

from sql import Literal

from caravan.tabular import Table, TableError, write_csv
from trytond.i18n import gettext
from trytond.model import (
    ModelSQL, ModelView, Unique, Workflow, fields, sequence_ordered)
from trytond.model.exceptions import AccessError
from trytond.pool import Pool
from trytond.pyson import Eval
from trytond.tools import grouped_slice
from trytond.transaction import Transaction

from .exceptions import ImportFileError
from .import_row import FIELDS, NAMES, Dialler, Row, find, guess
from .kernel import vcard
from .kernel.text import likely_encoding

SLICE = 500


class ImportMapping(ModelSQL, ModelView):
    __name__ = 'crm.import.mapping'
    __string__ = "Import Mapping"

    name = fields.Char("Name", required=True)
    columns = fields.One2Many(
        'crm.import.mapping.column', 'mapping', "Columns")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('name', 'ASC'))

    @property
    def fields_by_name(self):
        return {c.name: c.field for c in self.columns}


class ImportMappingColumn(sequence_ordered(), ModelSQL, ModelView):
    __name__ = 'crm.import.mapping.column'
    __string__ = "Import Mapping Column"

    mapping = fields.Many2One(
        'crm.import.mapping', "Mapping", required=True, ondelete='CASCADE')
    name = fields.Char("Column", required=True)
    field = fields.Selection(FIELDS, "Field", sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('mapping')
        t = cls.__table__()
        cls._sql_constraints += [
            ('name_unique', Unique(t, t.mapping, t.name),
                'crm_party.msg_import_mapping_column_unique'),
            ]


_states = {
    'readonly': ~Eval('state').in_(['draft', 'preview']),
    }


class Import(Workflow, ModelSQL, ModelView):
    __name__ = 'crm.import'
    __string__ = "Import of Customers"
    _rec_name = 'file_name'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='CASCADE',
        states=_states)
    file = fields.Binary(
        "File", filename='file_name', required=True, states=_states,
        help="A table (XLSX, ODS, CSV) or vCards (VCF).")
    file_name = fields.Char("File Name", required=True, states=_states)
    encoding = fields.Selection([
            (None, "Automatic"),
            ('utf-8', "UTF-8"),
            ('utf-16', "UTF-16"),
            ('cp1250', "Windows Central European"),
            ('cp1251', "Windows Cyrillic"),
            ('cp1252', "Windows Western"),
            ], "Encoding", sort=False, states=_states,
        help="Of text files.  Automatic is Unicode, else Windows Cyrillic or "
        "Western.")
    date_format = fields.Char(
        "Date Format", states=_states,
        help="How the file writes dates, for example %m/%d/%Y.\n"
        "Leave empty for 2026-12-31 and 31.12.2026.")
    key = fields.Selection([
            (None, "Nothing"),
            ('code', "Code"),
            ('identifier', "Identifier"),
            ('email', "E-mail"),
            ], "Update by", sort=False, states=_states,
        help="Rows whose value is known update their party, others create "
        "one.")
    duplicates = fields.Selection([
            ('skip', "Leave Out"),
            ('create', "Create Anyway"),
            ], "Duplicates", required=True, sort=False, states=_states,
        help="What to do with rows of parties that are probably known.")
    mapping = fields.Many2One(
        'crm.import.mapping', "Mapping", ondelete='SET NULL', states=_states,
        help="What the columns of files of the same sender are.")
    columns = fields.One2Many(
        'crm.import.column', 'import_', "Columns", states=_states)
    lines = fields.One2Many(
        'crm.import.line', 'import_', "Rows", readonly=True)
    create_count, update_count, duplicate_count, error_count = (
        fields.Function(fields.Integer(label), 'get_counts')
        for label in [
            "To Create", "To Update", "Duplicates Found", "Errors"])
    errors = fields.Function(
        fields.Binary("Error Sheet", filename='errors_name'), 'get_errors')
    errors_name = fields.Function(fields.Char("Errors"), 'get_errors_name')
    done_at = fields.Timestamp("Done At", readonly=True)
    state = fields.Selection([
            ('draft', "Draft"),
            ('preview', "Preview"),
            ('done', "Done"),
            ('undone', "Undone"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('id', 'DESC')]
        cls._transitions |= set((
                ('draft', 'preview'),
                ('preview', 'preview'),
                ('preview', 'done'),
                ('done', 'undone'),
                ))
        cls._buttons.update({
                name: {
                    'invisible': ~Eval('state').in_(states),
                    'icon': icon,
                    'depends': ['state'],
                    } for name, states, icon in [
                        ('read_columns', ['draft', 'preview'],
                            'tryton-refresh'),
                        ('save_mapping', ['preview', 'done'], 'tryton-save'),
                        ('preview', ['draft', 'preview'], 'tryton-search'),
                        ('do', ['preview'], 'tryton-import'),
                        ('undo', ['done'], 'tryton-undo'),
                        ]})

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_duplicates(cls):
        return 'skip'

    @classmethod
    def default_state(cls):
        return 'draft'

    @classmethod
    def get_counts(cls, imports, names):
        Line = Pool().get('crm.import.line')
        counts = Line.count(imports)
        return {name: {
                i.id: counts[i.id, name.removesuffix('_count')]
                for i in imports} for name in names}

    def get_errors(self, name):
        rows = [["row", "column", "reason", *(c.name for c in self.columns)]]
        for line in self.lines:
            if line.action in {'error', 'duplicate'}:
                cells = json.loads(line.cells)
                rows.append(
                    [line.number, line.column, line.reason, *cells])
        if len(rows) == 1:
            return None
        file = io.StringIO(newline='')
        write_csv(file, rows)
        return fields.Binary.cast(file.getvalue().encode('utf-8-sig'))

    def get_errors_name(self, name):
        return f'{self.file_name}.errors.csv'

    @classmethod
    def check_modification(cls, mode, imports, values=None, external=False):
        super().check_modification(
            mode, imports, values=values, external=external)
        if mode == 'delete':
            for import_ in imports:
                if import_.state == 'done':
                    raise AccessError(gettext(
                            'crm_party.msg_import_delete_done',
                            import_=import_.rec_name))

    @classmethod
    def copy(cls, imports, default=None):
        default = default.copy() if default is not None else {}
        for name in ['columns', 'lines', 'done_at']:
            default.setdefault(name, None)
        return super().copy(imports, default=default)

    # Columns

    def _open(self):
        "Return the names of the columns and an iterable of number and cells"
        content = bytes(self.file or b'')
        if self.file_name.lower().endswith(('.vcf', '.vcard')):
            return vcard.FIELDS, [
                (number, [card.get(f) for f in vcard.FIELDS])
                for number, card in vcard.read(content)]
        try:
            table = Table(
                content, name=self.file_name, encoding=self.encoding,
                fallback=likely_encoding(content))
        except TableError as error:
            raise ImportFileError(gettext(
                    'crm_party.msg_import_file',
                    file=self.file_name,
                    error=error)) from error
        return table.header, table

    @classmethod
    @ModelView.button
    def read_columns(cls, imports):
        "Take the columns of the files, guess what they are"
        ImportColumn = Pool().get('crm.import.column')
        ImportColumn.delete([c for i in imports for c in i.columns])
        columns = []
        for import_ in imports:
            names, _ = import_._open()
            known = import_._find_mapping(names)
            columns.extend({
                    'import_': import_.id,
                    'name': name,
                    'field': known.get(name, guess(name)),
                    } for name in names)
        ImportColumn.create(columns)

    def _find_mapping(self, names):
        "Return {column: field} of the mapping chosen, else of one that fits"
        Mapping = Pool().get('crm.import.mapping')
        if self.mapping:
            return self.mapping.fields_by_name
        for mapping in Mapping.search([('columns.name', 'in', names)]):
            if set(mapping.fields_by_name) == set(names):
                return mapping.fields_by_name
        return {}

    @classmethod
    @ModelView.button
    def save_mapping(cls, imports):
        "Remember what the columns are for the next file"
        pool = Pool()
        Mapping = pool.get('crm.import.mapping')
        MappingColumn = pool.get('crm.import.mapping.column')
        MappingColumn.delete([
                c for i in imports if i.mapping for c in i.mapping.columns])
        for import_ in imports:
            mapping = import_.mapping or Mapping(name=import_.file_name)
            mapping.columns = [
                MappingColumn(name=c.name, field=c.field)
                for c in import_.columns]
            import_.mapping = mapping
        Mapping.save([i.mapping for i in imports])
        cls.save(imports)

    # Preview

    @classmethod
    @ModelView.button
    @Workflow.transition('preview')
    def preview(cls, imports):
        "Check each row and show what would happen"
        Line = Pool().get('crm.import.line')
        cls.read_columns([i for i in imports if not i.columns])
        imports = cls.browse(imports)
        Line.delete([line for i in imports for line in i.lines])
        lines = []
        for import_ in imports:
            lines.extend(import_._get_lines())
        for sub_lines in grouped_slice(lines, SLICE):
            Line.create(list(sub_lines))

    def _get_lines(self):
        "Return the values of the lines"
        names, rows = self._open()
        by_name = {c.name: c.field for c in self.columns}
        chosen = [by_name.get(name) for name in names]
        if not NAMES & set(chosen):
            raise ImportFileError(gettext(
                    'crm_party.msg_import_no_name', file=self.file_name))
        lines = []
        for sub_rows in grouped_slice(list(rows), SLICE):
            parsed = [
                Row(self, number, cells, chosen) for number, cells
                in sub_rows]
            self._match(parsed)
            lines.extend(row.get_line() for row in parsed)
        self._mark_twice(lines)
        return lines

    @staticmethod
    def _mark_twice(lines):
        "Rows of the same are one party: keep the first"
        seen = {}
        for line in lines:
            if line['action'] not in {'create', 'update'}:
                continue
            same = line.pop('same')
            if known := [seen[key] for key in same if key in seen]:
                line.update(
                    action='duplicate',
                    reason=gettext('crm_party.msg_import_twice',
                        row=min(known)))
            else:
                seen.update(dict.fromkeys(same, line['number']))
        for line in lines:
            line.pop('same', None)

    def _match(self, rows):
        "Look up for all rows what they refer to"
        pool = Pool()
        Profile = pool.get('crm.profile')
        lookups = {
            'category': find('party.category', ['name'], rows, 'category'),
            'country': find(
                'country.country', ['code', 'name'], rows, 'country'),
            'manager': find(
                'company.employee', ['party.name'], rows, 'manager',
                [('company', '=', self.company.id)]),
            'source': find('crm.source', ['name'], rows, 'source'),
            }
        statuses = {}
        for key, label in Profile.status.selection:
            statuses[key] = statuses[label.lower()] = key
        dialler = Dialler(self.company)
        for row in rows:
            row.check(lookups, statuses, dialler)
        known = self._find_known(rows)
        for row in rows:
            if self.key:
                row.party = known[self.key].get(row.key_value)
        for row in rows:
            if not row.party and self.duplicates == 'skip':
                row.duplicate = next(filter(None, (
                            known[reason].get(value)
                            for reason, value in row.marks)), None)
        managers = {p.party.id: p.manager.rec_name for p in Profile.search([
                    ('party', 'in', [r.duplicate for r in rows]),
                    ('company', '=', self.company.id),
                    ('manager', '!=', None),
                    ])}
        for row in rows:
            row.manager = managers.get(row.duplicate)
            taken = known['code'].get(row.values.get('code'))
            if taken and not row.duplicate and row.party != taken:
                row.refuse_code()

    def _find_known(self, rows):
        """Return {reason: {value: party id}} of what the parties have

        With the rights of nobody: nobody enters what others have.
        """
        pool = Pool()
        party = pool.get('party.party').__table__()
        identifier = pool.get('party.identifier').__table__()
        mechanism = pool.get('party.contact_mechanism').__table__()
        cursor = Transaction().connection.cursor()
        values = defaultdict(set)
        for row in rows:
            for reason, value in row.marks:
                values[reason].add(value)
        known = defaultdict(dict)
        for reason, column, id_ in [
                ('code', party.code, party.id),
                ('name', party.name_words, party.id),
                ('identifier', identifier.code_compact, identifier.party),
                ('email', mechanism.value_compact, mechanism.party),
                ('phone', mechanism.value_compact, mechanism.party)]:
            where = fields.SQL_OPERATORS['in'](column, list(values[reason]))
            if reason != 'code':
                # The code of an archived party is still taken
                where &= column.table.active == Literal(True)
            cursor.execute(*column.table.select(column, id_, where=where))
            known[reason].update(cursor)
        return known

    # Import

    @classmethod
    @ModelView.button
    @Workflow.transition('done')
    def do(cls, imports):
        pool = Pool()
        Line = pool.get('crm.import.line')
        cls.lock(imports)
        for import_ in imports:
            lines = [
                line for line in import_.lines
                if line.action in {'create', 'update'}]
            for sub_lines in grouped_slice(lines, SLICE):
                Line.bring(import_, list(sub_lines))
        cls.write(imports, {'done_at': dt.datetime.now()})

    @classmethod
    @ModelView.button
    @Workflow.transition('undone')
    def undo(cls, imports):
        "Remove what came in and put back what it has replaced"
        Line = Pool().get('crm.import.line')
        cls.lock(imports)
        lines = [line for i in imports for line in i.lines if line.party]
        # What an erased party was like is not known any more
        Line.restore([
                line for line in lines
                if line.action == 'update' and line.before])
        Line.remove([line for line in lines if line.action == 'create'])


del _states


class ImportColumn(sequence_ordered(), ModelSQL, ModelView):
    __name__ = 'crm.import.column'
    __string__ = "Import Column"

    import_ = fields.Many2One(
        'crm.import', "Import", required=True, ondelete='CASCADE')
    name = fields.Char("Column", required=True, readonly=True)
    field = fields.Selection(
        FIELDS, "Field", sort=False,
        help="What the column is.\nLeave empty to ignore it.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('import_')
