# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Cells of the files of fuel cards and tolls."""
import datetime as dt

__all__ = ['cell', 'moment']

_TIMES = ['%H:%M:%S', '%H:%M', '%H.%M', '%H%M', '%I:%M %p', '%I:%M:%S %p']


def cell(value):
    "Return a cell as text, whole numbers of sheets without their zero"
    if value is None:
        return ''
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def moment(date, time, format):
    """Return the naive datetime of the cells of a date and a time.

    date: str, date or datetime of a sheet; a time may follow the date
    time: str or datetime.time of a column of its own, empty if there is none
    format: strptime pattern of the date
    Raise ValueError for what is no date or no time.
    """
    if isinstance(date, dt.datetime):
        day, rest = date.date(), date.time()
    elif isinstance(date, dt.date):
        day, rest = date, None
    else:
        text, _, rest = cell(date).replace('T', ' ').partition(' ')
        day = dt.datetime.strptime(text, format).date()
    if time not in {'', None}:
        rest = time
    if isinstance(rest, dt.datetime):
        rest = rest.time()
    if not isinstance(rest, dt.time):
        rest = _time(cell(rest))
    return dt.datetime.combine(day, rest.replace(microsecond=0))


def _time(text):
    if not text:
        return dt.time()
    for pattern in _TIMES:
        try:
            return dt.datetime.strptime(text, pattern).time()
        except ValueError as error:
            problem = error
    raise problem
