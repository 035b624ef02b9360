# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Turn cells into values: every converter takes (cell, Format).

A cell is what caravan.tabular gives: str from text files, also float, bool,
date or datetime from sheets.  ValueError says in the user's words what is
wrong with the cell.
"""
import datetime as dt
import math
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

__all__ = [
    'Format', 'boolean', 'date', 'datetime', 'decimal', 'integer', 'text']

_TRUE = {'1', 'true', 'yes', 'y', 'x', 'on'}
_FALSE = {'0', 'false', 'no', 'n', 'off'}
_SPACES = str.maketrans('', '', ' \u00a0\u202f\'')


@dataclass(frozen=True)
class Format:
    """How the file writes dates, times and numbers.

    date and datetime are strptime patterns, ISO 8601 by default; decimal is
    the decimal mark; timezone is the IANA name of the zone of its times, UTC
    or what the loader says by default, stored times are UTC.
    """
    date: str | None = None
    datetime: str | None = None
    decimal: str = '.'
    timezone: str | None = None


def text(cell, format):
    "Return the cell as str; whole numbers of sheets lose their '.0'"
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell)


def decimal(cell, format):
    "Return the cell as Decimal"
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        if not math.isfinite(cell):
            raise ValueError("is not a number")
        return Decimal(repr(cell))
    digits = str(cell).translate(_SPACES)
    if format.decimal == ',':
        digits = digits.replace('.', '').replace(',', '.')
    else:
        digits = digits.replace(',', '')
    try:
        value = Decimal(digits)
    except InvalidOperation:
        raise ValueError("is not a number") from None
    if not value.is_finite():
        raise ValueError("is not a number")
    return value


def integer(cell, format):
    "Return the cell as int"
    value = decimal(cell, format)
    if value != value.to_integral_value():
        raise ValueError("is not a whole number")
    return int(value)


def boolean(cell, format):
    "Return the cell as bool"
    if isinstance(cell, bool):
        return cell
    word = text(cell, format).lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("is neither yes nor no")


def date(cell, format):
    "Return the cell as datetime.date"
    if isinstance(cell, dt.datetime):
        return cell.date()
    if isinstance(cell, dt.date):
        return cell
    try:
        if format.date:
            return dt.datetime.strptime(str(cell), format.date).date()
        return dt.date.fromisoformat(str(cell))
    except ValueError:
        raise ValueError(
            f"is not a date like {format.date or '2026-12-31'}") from None


def datetime(cell, format):
    "Return the cell as naive datetime.datetime in UTC without microseconds"
    if isinstance(cell, dt.datetime):
        value = cell
    elif isinstance(cell, dt.date):
        value = dt.datetime.combine(cell, dt.time())
    else:
        try:
            if format.datetime:
                value = dt.datetime.strptime(str(cell), format.datetime)
            else:
                value = dt.datetime.fromisoformat(str(cell))
        except ValueError:
            raise ValueError(
                "is not a time like "
                + (format.datetime or '2026-12-31 23:59:00')) from None
    if value.tzinfo is None:
        value = value.replace(tzinfo=ZoneInfo(format.timezone or 'UTC'))
    try:
        value = value.astimezone(dt.timezone.utc)
    except OverflowError:
        raise ValueError("is out of the calendar") from None
    return value.replace(tzinfo=None, microsecond=0)
