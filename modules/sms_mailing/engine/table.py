# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Texts in tables that a spreadsheet opens."""
import re

__all__ = ['inert']

# What a spreadsheet takes for the begin of a formula (OWASP, CSV injection);
# the last two are the full-width forms that some take for the plain ones
_BEGIN = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
# A number or a phone number calculates nothing but itself
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?")


def inert(value):
    """Return value so that no spreadsheet takes it for a formula.

    A text that begins like a formula gets an apostrophe in front, which
    spreadsheets read as "what follows is text".  Numbers, also those that
    are written as text, dates and None stay as they are.

    >>> inert("=1+1"), inert("+37369000001"), inert(-5)
    ("'=1+1", '+37369000001', -5)
    """
    if (isinstance(value, str) and _BEGIN.match(value)
            and not _NUMBER.fullmatch(value)):
        return f"'{value}"
    return value
