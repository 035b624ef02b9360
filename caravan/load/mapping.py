# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The mapping file: how a foreign file names and writes what we load.

::

    [columns]               # our column = "column of the file"
    booking = "Booking No"

    [constants]             # the same value for each row
    kind = "truck"

    [values.state]          # words of the file = ours
    "Delivered" = "done"

    [format]
    date = "%d.%m.%Y"
    datetime = "%d.%m.%Y %H:%M"
    decimal = ","
    timezone = "Asia/Kolkata"
    encoding = "cp1251"
    delimiter = ";"
    sheet = "Trips"
"""
import tomllib
import zoneinfo
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import Failure
from .convert import Format

__all__ = ['Mapping']

_FILE = {'encoding', 'delimiter', 'sheet'}
_FORMAT = set(Format.__dataclass_fields__)


@dataclass
class Mapping:
    "What a mapping file says, nothing by default"
    columns: dict = field(default_factory=dict)
    constants: dict = field(default_factory=dict)
    values: dict = field(default_factory=dict)
    format: Format = Format()
    file: dict = field(default_factory=dict)

    @classmethod
    def read(cls, path):
        """Return the mapping of the TOML file at path.

        Raise Failure where the file can't be read or says what we don't know.
        """
        try:
            data = tomllib.loads(Path(path).read_text(encoding='utf-8'))
        except OSError as error:
            raise Failure(
                f"The mapping {path} can't be read: {error.strerror}."
                ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise Failure(
                f"The mapping {path} is not TOML: {error}.") from error
        format_ = data.pop('format', {})
        unknown = (
            data.keys() - {'columns', 'constants', 'values'}
            | {f'format.{k}' for k in format_.keys() - _FILE - _FORMAT})
        if unknown:
            raise Failure(
                f"The mapping {path} has an unknown part "
                f"\"{sorted(unknown)[0]}\".")
        if (zone := format_.get('timezone', 'UTC')) not in (
                zoneinfo.available_timezones()):
            raise Failure(
                f"The mapping {path} has an unknown time zone \"{zone}\".")
        return cls(
            format=Format(**{
                    k: v for k, v in format_.items() if k in _FORMAT}),
            file={k: v for k, v in format_.items() if k in _FILE},
            **data)

    def check(self, columns):
        "Raise Failure where the mapping names a column that we don't load"
        for part in ['columns', 'constants', 'values']:
            for name in getattr(self, part):
                if name not in columns:
                    raise Failure(
                        f"The mapping names \"{name}\" under [{part}], which "
                        f"is none of: {', '.join(columns)}.")
