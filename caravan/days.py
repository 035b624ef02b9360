# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Days and hours of a company; times are kept in UTC without a zone."""
import datetime as dt
from functools import lru_cache

from sql.conditionals import Case
from sql.functions import Function

from trytond import backend
from trytond.tools import timezone as tz

__all__ = [
    'day_start', 'local_date', 'local_day', 'timezone', 'to_local', 'to_utc',
    'utc_offsets']

_DAY = dt.timedelta(days=1)
# What is older is of no report
_FIRST = dt.datetime(2000, 1, 1)


class _Date(Function):
    __slots__ = ()
    _function = 'DATE'


def timezone(company):
    "Return the time zone of a company (a record or None), UTC by default"
    name = company.timezone if company else None
    return tz.get_tzinfo(name) if name else tz.UTC


def to_local(company, at):
    "Return the naive UTC time at as naive time of the company"
    return at.replace(tzinfo=tz.UTC).astimezone(
        timezone(company)).replace(tzinfo=None)


def to_utc(company, at):
    "Return the naive time of the company at as naive UTC time"
    return at.replace(tzinfo=timezone(company)).astimezone(
        tz.UTC).replace(tzinfo=None)


def day_start(company, date):
    "Return the naive UTC time at which a date of the company begins"
    return to_utc(company, dt.datetime.combine(date, dt.time()))


def local_date(company, at):
    "Return the date that a company has at the naive UTC time at"
    return to_local(company, at).date()


@lru_cache(maxsize=64)
def utc_offsets(zone, start, end):
    """Return ((UTC time since which it counts, offset of local time), ...).

    zone: a time zone
    start, end: naive UTC times between which the offsets are looked for
    The first one has no begin.
    """
    def offset(at):
        return at.replace(tzinfo=tz.UTC).astimezone(zone).utcoffset()
    quarter = dt.timedelta(minutes=15)
    result = [(None, offset(start))]
    while start < end:
        since, last = start, result[-1][1]
        start += _DAY
        if offset(start) != last:
            while offset(since) == last:
                since += quarter
            result.append((since, offset(since)))
    return tuple(result)


def local_day(field, column, company):
    """Return the SQL expression of the day a company has at a UTC time.

    field: the date field that it becomes
    column: the SQL expression of the time
    company: a record or None
    SQLite knows no time zones: there the offsets of this century are told.
    """
    zone = timezone(company)
    if zone is tz.UTC:
        return field.sql_cast(column)
    if backend.name != 'sqlite':
        return field.sql_cast(column, timezone=company.timezone)
    today = dt.datetime.combine(dt.date.today(), dt.time())
    days = [
        (since, _Date(column, f'{offset.total_seconds():+.0f} seconds'))
        for since, offset in utc_offsets(zone, _FIRST, today + 366 * _DAY)]
    # Most rows are young
    *whens, (_, first) = reversed(days)
    if not whens:
        return field.sql_cast(first)
    return field.sql_cast(Case(
            *((column >= since, day) for since, day in whens), else_=first))
