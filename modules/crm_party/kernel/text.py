# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What the bytes of a text are.

Pure functions over bytes: no database, no Pool.
"""
import re

__all__ = ['likely_encoding']

_HIGH = re.compile(rb'[\x80-\xff]+')


def likely_encoding(content):
    """Return the Windows code page a text probably has: cp1251 or cp1252.

    content is bytes that are not UTF-8.  Cyrillic words are made of letters
    beyond ASCII, Western ones have one here and there.
    """
    lengths = [len(run) for run in _HIGH.findall(content)]
    in_words = sum(n for n in lengths if n > 2)
    return 'cp1251' if 2 * in_words > sum(lengths) else 'cp1252'
