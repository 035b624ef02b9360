# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.model import fields

__all__ = ['Moment']


class Moment(fields.Timestamp):
    "A timestamp that people see without the fractions of seconds"
    format = '%H:%M:%S'
