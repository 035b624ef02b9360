# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Texts that say nearly the same."""
import difflib

__all__ = ['alike']

# How much of two texts must be the same
_ALIKE = 0.9


def alike(first, second):
    """Return whether a person who got one text has seen the other.

    >>> alike("Dear Ann, come in", "Dear Ann, come in!")
    True
    """
    if not first or not second:
        return False
    matcher = difflib.SequenceMatcher(None, first, second, autojunk=False)
    return (
        matcher.real_quick_ratio() >= _ALIKE
        and matcher.quick_ratio() >= _ALIKE
        and matcher.ratio() >= _ALIKE)
