# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Read a table, convert it, and save it through proteus slice by slice."""
import csv
import itertools
import xmlrpc.client
from collections import namedtuple
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable

from proteus import Model
from tqdm import tqdm

from trytond.exceptions import ConcurrencyException, UserError, UserWarning

from ..connection import message
from ..errors import Failure
from ..tabular import Table, TableError, guarded
from .convert import boolean, date, datetime, decimal, integer, text
from .mapping import Mapping

__all__ = [
    'Column', 'Loader', 'Row', 'boolean', 'date', 'datetime', 'decimal',
    'integer', 'refusals', 'text']


def refusals():
    "Return what the server raises when it does not take rows"
    # The backend may be imported only once the configuration is read
    from trytond.backend import DatabaseOperationalError
    return (
        ConcurrencyException, UserError, UserWarning, xmlrpc.client.Fault,
        DatabaseOperationalError)


@dataclass(frozen=True)
class Column:
    """A column that a loader takes.

    convert turns a cell into a value (see convert.py).  Where required, the
    file must have the column and each row a value.  default is the value of
    an empty cell.
    """
    name: str
    convert: Callable = text
    required: bool = False
    default: object = None
    help: str = ''


class Row(namedtuple('Row', ['line', 'values', 'cells'])):
    """A row of the file: its line, {column: value} and its original cells.

    row['column'] is the value of a column, None where the cell is empty.
    """
    __slots__ = ()

    def __getitem__(self, key):
        if isinstance(key, str):
            return self.values[key]
        return super().__getitem__(key)


class Rejects:
    "The file that keeps each rejected row with its reason"

    def __init__(self, path, header):
        self.path = path
        self.header = header
        self.count = 0
        self._file = None

    def add(self, line, column, reason, cells):
        if self._file is None:
            self._file = self._open()
            self._writer = csv.writer(self._file)
            self._writer.writerow(['row', 'column', 'reason', *self.header])
        self._writer.writerow(
            [line, column, reason, *(guarded(c) for c in cells)])
        self.count += 1

    def _open(self):
        try:
            return self.path.open('w', encoding='utf-8', newline='')
        except OSError:
            # The folder of the data may be read-only
            self.path = Path(self.path.name)
            return self.path.open('w', encoding='utf-8', newline='')

    def close(self):
        if self._file is not None:
            self._file.close()
        elif self.path.exists():
            self.path.unlink()


class Loader:
    """Base of the loaders: what a kind of row needs is overridden.

    model -- name of the model that a row becomes
    modules -- names of the modules that must be active
    columns -- list of Column
    key -- name of the column that identifies a row outside of Tryton
    size -- number of rows saved by one call
    timezone -- name of the zone of times where the mapping names none
    """
    model = None
    modules = []
    columns = []
    key = None
    size = 200
    timezone = None

    def __init__(self, config, dry_run=False, company=None):
        self.config = config
        self.dry_run = dry_run
        self.company = company
        self.context = config.context
        self._rejects = None

    # What loaders override

    def begin(self):
        "Look up once what every slice needs"

    def known(self, keys):
        "Return the set of those keys that the database has already"
        return set()

    def values(self, rows):
        """Return the list of (row, values to create) for the rows of a slice.

        Rows that can't be saved go to self.reject() and are left out.  With
        self.dry_run nothing may be written.
        """
        return [(row, dict(row.values)) for row in rows]

    def create(self, values):
        "Save the list of values by one call"
        self.get(self.model)._proxy.create(values, self.context)

    # What loaders use

    def get(self, name):
        "Return the proteus class of the model called name"
        return Model.get(name, config=self.config)

    def find(self, model, field, values, domain=None, context=None):
        """Return {value: id} of the records whose field is one of values.

        One query for the whole set.
        """
        values = list(set(values))
        if not values:
            return {}
        records = self.get(model)._proxy.search_read(
            [(field, 'in', values), *(domain or [])], 0, None, None,
            [field], {**self.context, **(context or {})})
        return {r[field]: r['id'] for r in records}

    def reject(self, row, column, reason):
        "Put the row into the file of rejects"
        self._rejects.add(row.line, column or '', reason, row.cells)

    # The engine

    def check(self):
        "Raise Failure unless the database can take this kind of rows"
        active = {m['name'] for m in self.get('ir.module')._proxy.search_read(
                [('name', 'in', self.modules), ('state', '=', 'activated')],
                0, None, None, ['name'], self.context)}
        if missing := sorted(set(self.modules) - active):
            raise Failure(
                f"The module {missing[0]} is not active in this database.")
        self._set_company()

    def _set_company(self):
        domain = [('party.name', '=', self.company)] if self.company else []
        companies = self.get('company.company')._proxy.search_read(
            domain, 0, None, None, ['rec_name'], self.context)
        if self.company and not companies:
            raise Failure(f"There is no company \"{self.company}\".")
        if not companies:
            raise Failure("The database has no company yet: make one first.")
        ids = [c['id'] for c in companies]
        if self.company or self.context.get('company') not in ids:
            if len(ids) > 1:
                raise Failure(
                    "Name the company with --company: "
                    + ', '.join(c['rec_name'] for c in companies) + '.')
            self.context['company'] = ids[0]

    def load(self, path, mapping=None, rejects=None, progress=True):
        """Load the file at path; return (number loaded, known, rejected).

        mapping is a Mapping, rejects the path of the file for rejected rows
        (default: path + '.rejects.csv').  Raise Failure before anything is
        written where the file as a whole can't be used.
        """
        mapping = mapping or Mapping()
        mapping.check([c.name for c in self.columns])
        try:
            table = Table(path, **mapping.file)
        except TableError as error:
            raise Failure(str(error)) from error
        positions = self._positions(table, mapping)
        self.check()
        self._rejects = Rejects(
            Path(rejects or f'{path}.rejects.csv'), table.header)
        self.loaded = self.doubles = 0
        self._seen = set()
        try:
            self.begin()
            mapping = replace(mapping, format=replace(
                    mapping.format,
                    timezone=mapping.format.timezone or self.timezone))
            with tqdm(total=len(table), unit=' rows', disable=not progress,
                    desc=self.__class__.__name__) as bar:
                rows = self._parse(table, positions, mapping, bar)
                while slice_ := list(itertools.islice(rows, self.size)):
                    self._load_slice(slice_)
        finally:
            self._rejects.close()
        return self.loaded, self.doubles, self._rejects.count

    @property
    def rejects_path(self):
        return self._rejects.path

    def _positions(self, table, mapping):
        "Return {column name: index of the cell}"
        positions = {}
        for column in self.columns:
            name = mapping.columns.get(column.name, column.name)
            if name in table.header:
                positions[column.name] = table.header.index(name)
            elif (column.name in mapping.columns
                    or (column.required
                        and column.name not in mapping.constants)):
                raise Failure(
                    f"{table.name} has no column \"{name}\"; it has: "
                    + ', '.join(table.header) + '.')
        return positions

    def _parse(self, table, positions, mapping, bar):
        "Yield the rows that can be read"
        for line, cells in table:
            bar.update()
            if len(cells) != len(table.header):
                self._rejects.add(
                    line, '', f"has {len(cells)} cells where the header has "
                    f"{len(table.header)}", cells)
                continue
            row = Row(line, {}, cells)
            for column in self.columns:
                try:
                    row.values[column.name] = self._convert(
                        column, cells, positions, mapping)
                except ValueError as error:
                    self.reject(row, column.name, str(error))
                    break
            else:
                yield row

    def _convert(self, column, cells, positions, mapping):
        cell = mapping.constants.get(column.name, '')
        if column.name in positions:
            cell = cells[positions[column.name]]
            cell = cell if cell not in {'', None} else (
                mapping.constants.get(column.name, ''))
            cell = mapping.values.get(column.name, {}).get(cell, cell)
        if cell in {'', None}:
            if column.required:
                raise ValueError("is empty")
            return column.default
        try:
            return column.convert(cell, mapping.format)
        except ValueError as error:
            raise ValueError(f"\"{cell}\" {error}") from None

    def _load_slice(self, rows):
        rows = self._new_rows(rows)
        values = self.values(rows) if rows else []
        if self.dry_run:
            self.loaded += len(values)
        elif values:
            self._create(values)

    def _new_rows(self, rows):
        "Leave out the rows that were loaded before or stand twice"
        if not self.key:
            return rows
        known = self.known([r[self.key] for r in rows])
        result = []
        for row in rows:
            key = row[self.key]
            if key in self._seen:
                self.reject(
                    row, self.key, f"\"{key}\" stands twice in the file")
            elif key in known:
                self.doubles += 1
            else:
                result.append(row)
            self._seen.add(key)
        return result

    def _create(self, values):
        "Save the values; halve a refused slice until the bad row stands alone"
        try:
            self.create([v for _, v in values])
        except refusals() as error:
            if len(values) == 1:
                (row, _), = values
                self.reject(row, '', message(error))
                return
            middle = len(values) // 2
            self._create(values[:middle])
            self._create(values[middle:])
        else:
            self.loaded += len(values)


class RecordLoader(Loader):
    """Loader whose model enters the rows itself and answers for each of them.

    Its method record(values, dry_run) returns for each row None where it is
    new, False where it was there already, else the reason why not.
    """
    #: Name of the column that the reasons of the model speak of
    refused = ''

    def _load_slice(self, rows):
        values = self.values(rows)
        if not values:
            return
        outcomes = self.get(self.model)._proxy.record(
            [v for _, v in values], self.dry_run, self.context)
        for (row, _), outcome in zip(values, outcomes):
            if outcome is None:
                self.loaded += 1
            elif not outcome:
                self.doubles += 1
            else:
                self.reject(row, self.refused, outcome)
