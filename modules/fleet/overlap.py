# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Rows that compete for one thing must not overlap.

PostgreSQL keeps the rule by an exclusion constraint.  On every database the
rows are also compared set by set, so that the message names the other row and
SQLite, which has no ranges, keeps the same rule.
"""
from collections import defaultdict
from dataclasses import dataclass
from functools import reduce
from operator import and_

from sql import Column, For, Literal, Null
from sql.operators import Equal

from caravan.i18n import gettext
from trytond import backend
from trytond.model import Exclude, Index, fields
from trytond.sql.operators import RangeOverlap
from trytond.transaction import Transaction, without_check_access

from .exceptions import OverlapError, RangeError
from .tools import format_datetime, format_period

__all__ = ['NoOverlap', 'NoOverlapMixin', 'Rising']


@dataclass(frozen=True)
class NoOverlap:
    """The rule that the rows of one key do not overlap.

    name: of the constraint
    key: name of the Many2One field that the rows compete for
    start, end: names of the fields of the half-open range, end may be empty
    range_: class of trytond.sql.functions for the range
    message: id of the sentence of the constraint
    named: id of the sentence with key, other and period
    live: (field name, values) of the rows that count, None for all
    bounded: rows without start or end do not count, as odometers not read
    """
    name: str
    key: str
    start: str
    end: str
    range_: type
    message: str
    named: str
    live: tuple = None
    bounded: bool = False

    @property
    def field_names(self):
        names = {self.key, self.start, self.end}
        return names | {self.live[0]} if self.live else names

    def where(self, table):
        "Return the expression of the rows that count, None for all"
        where = []
        if self.live:
            name, values = self.live
            where.append(Column(table, name).in_(list(values)))
        if self.bounded:
            start, end = Column(table, self.start), Column(table, self.end)
            where.append((start != Null) & (end != Null) & (end > start))
        return reduce(and_, where) if where else None

    def constraint(self, table):
        range_ = self.range_(
            Column(table, self.start), Column(table, self.end), '[)')
        return Exclude(
            table, (Column(table, self.key), Equal), (range_, RangeOverlap),
            where=self.where(table))


@dataclass(frozen=True)
class Rising:
    """The rule that one value is above another.

    key: name of the Many2One field that the message names
    start, end: names of the fields of the values
    message: id of the sentence with key, start and end
    equal: whether both may be the same
    """
    key: str
    start: str
    end: str
    message: str
    equal: bool = False


class _ForNoKeyUpdate(For):
    "A lock of rows that lets others add rows that refer to them"
    __slots__ = ()

    def __str__(self):
        return 'FOR NO KEY UPDATE'


class NoOverlapMixin:
    __slots__ = ()
    _no_overlap = []
    _rising = []

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        for rule in cls._no_overlap:
            cls._sql_indexes.add(Index(
                    table,
                    (Column(table, rule.key), Index.Equality()),
                    (Column(table, rule.start), Index.Range()),
                    (Column(table, rule.end), Index.Range())))
            if backend.name == 'postgresql':
                cls._sql_constraints.append((
                        rule.name, rule.constraint(table), rule.message))

    @classmethod
    def _before_create(cls, vlist):
        vlist = super()._before_create(vlist)
        cls.check_rising(vlist)
        if backend.name == 'postgresql':
            cls.check_values_overlap(vlist)
        return vlist

    @classmethod
    def check_modification(cls, mode, records, values=None, external=False):
        super().check_modification(
            mode, records, values=values, external=external)
        if mode != 'write':
            return
        names = {n for r in cls._no_overlap for n in r.field_names}
        names |= {n for r in cls._rising for n in [r.key, r.start, r.end]}
        if names & values.keys():
            merged = [
                {n: values.get(n, getattr(r, n)) for n in names}
                for r in records]
            cls.check_rising(merged)
            if backend.name == 'postgresql':
                cls.check_values_overlap(merged, ignore=records)

    @classmethod
    def validate_fields(cls, records, field_names):
        super().validate_fields(records, field_names)
        cls.check_overlap(records, field_names)

    @classmethod
    def check_overlap(cls, records, field_names=None):
        "Compare the stored records with all rows, one query a rule"
        for rule in cls._no_overlap:
            if field_names and not (field_names & rule.field_names):
                continue
            pair = cls._find_overlap(rule, records)
            if pair:
                record, other = cls.browse(pair)
                cls._raise_overlap(rule, getattr(record, rule.key), other)

    @classmethod
    def _find_overlap(cls, rule, records):
        cursor = Transaction().connection.cursor()
        table, other = cls.__table__(), cls.__table__()

        def before(start, end):
            end = Column(end, rule.end)
            return (end == Null) | (Column(start, rule.start) < end)
        join = table.join(other, condition=(
                (Column(table, rule.key) == Column(other, rule.key))
                & (table.id != other.id)
                & before(table, other) & before(other, table)))
        cursor.execute(*join.select(
                table.id, other.id,
                where=fields.SQL_OPERATORS['in'](
                    table.id, list(map(int, records)))
                & (rule.where(table) or Literal(True))
                & (rule.where(other) or Literal(True)),
                limit=1))
        return cursor.fetchone()

    @classmethod
    @without_check_access
    def check_rising(cls, vlist):
        """Compare the ends of values that are not stored yet.

        Said before the domains and the database, which do not name the record.
        """
        for rule in cls._rising:
            for values in vlist:
                key, start, end = (
                    values.get(n) for n in [rule.key, rule.start, rule.end])
                if None in {key, start, end} or start < end or (
                        rule.equal and start == end):
                    continue
                key = cls._fields[rule.key].get_target()(int(key))
                if cls._fields[rule.start]._type == 'datetime':
                    start, end = (
                        format_datetime(key.company, at)
                        for at in [start, end])
                raise RangeError(gettext(
                        rule.message, key=key.rec_name, start=start, end=end))

    @classmethod
    @without_check_access
    def check_values_overlap(cls, vlist, ignore=()):
        """Compare values that are not stored yet with the rows.

        Said before the statement, because after the refusal of PostgreSQL
        nothing can be read to name the other row.
        """
        rules = [(r, cls._wanted_ranges(r, vlist)) for r in cls._no_overlap]
        for rule, wanted in rules:
            cls._wait_for_turn(rule, wanted)
        for rule, wanted in rules:
            if not wanted:
                continue
            domain = [(rule.key, 'in', list(wanted)), ['OR',
                    (rule.end, '=', None),
                    (rule.end, '>', min(
                            s for r in wanted.values() for s, _ in r)),
                    ]]
            if rule.live:
                domain.append((rule.live[0], 'in', list(rule.live[1])))
            if ignore:
                domain.append(('id', 'not in', list(map(int, ignore))))
            for row in cls.search(domain, order=[]):
                key = getattr(row, rule.key)
                start, end = getattr(row, rule.start), getattr(row, rule.end)
                if rule.bounded and (
                        start is None or end is None or end <= start):
                    continue
                if any((end is None or s < end) and (e is None or start < e)
                        for s, e in wanted[key.id]):
                    cls._raise_overlap(rule, key, row)

    @classmethod
    def _wait_for_turn(cls, rule, ids):
        """Wait for the others who add rows for the keys with ids.

        Those who insert at once under an exclusion constraint wait for one
        another until PostgreSQL ends that after a second.
        """
        transaction = Transaction()
        if not ids or not transaction.database.has_select_for():
            return
        table = cls._fields[rule.key].get_target().__table__()
        transaction.connection.cursor().execute(*table.select(
                table.id,
                where=fields.SQL_OPERATORS['in'](table.id, list(ids)),
                order_by=[table.id.asc], for_=_ForNoKeyUpdate('UPDATE')))

    @classmethod
    def _wanted_ranges(cls, rule, vlist):
        wanted = defaultdict(list)
        for values in vlist:
            if rule.live:
                name, live = rule.live
                default = getattr(cls, f'default_{name}', lambda: None)
                if values.get(name, default()) not in live:
                    continue
            key, start = values.get(rule.key), values.get(rule.start)
            end = values.get(rule.end)
            if key is None or start is None or (
                    rule.bounded and (end is None or end <= start)):
                continue
            wanted[int(key)].append((start, end))
        return wanted

    @classmethod
    def _raise_overlap(cls, rule, key, other):
        raise OverlapError(gettext(
                rule.named,
                key=key.rec_name,
                other=cls._overlap_name(other),
                period=cls._overlap_period(rule, other)))

    @classmethod
    def _overlap_name(cls, record):
        return record.rec_name

    @classmethod
    def _overlap_period(cls, rule, record):
        return format_period(
            record.company, getattr(record, rule.start),
            getattr(record, rule.end))
