# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Find the names that are alike among many, without comparing all pairs.

Pure functions over text: no database, no Pool.
"""
import math
from collections import defaultdict
from functools import cache

from .names import common_length, numbers, sorted_key

__all__ = ['alike', 'same']

_EPSILON = 1e-9


def same(values, crowd=20):
    """Return the pairs of ids that share a value, as set of (low, high).

    values is an iterable of (id, value).  A value that more than crowd ids
    have (a switchboard, a placeholder) pairs nobody.
    """
    groups = defaultdict(set)
    for id_, value in values:
        if value:
            groups[value].add(id_)
    pairs = set()
    for ids in groups.values():
        if 1 < len(ids) <= crowd:
            ids = sorted(ids)
            pairs.update(
                (a, b) for i, a in enumerate(ids) for b in ids[i + 1:])
    return pairs


def alike(keys, threshold, blocks=None):
    """Yield (low id, high id, ratio) of keys alike by threshold or more.

    keys is {id: key} (see names.name_key), ratio as of names.ratio.  blocks
    is {id: values}: only ids with a common value are compared.  Names with
    different numbers are never alike.

    Cut into one more part than edits are allowed, a key has at least one
    part untouched in each key that is alike (Li, Deng, Wang and Feng,
    "Pass-Join", 2011): the parts are looked up instead of all pairs.
    """
    words = {i: sorted_key(k) for i, k in keys.items() if k}
    signatures = {i: _signature(w) for i, w in words.items()}
    index = defaultdict(list)
    for id_ in sorted(words, key=lambda i: (len(words[i]), i)):
        key = words[id_]
        digits = numbers(key)
        others = set()
        for block in blocks.get(id_, []) if blocks else [None]:
            for length in range(
                    math.ceil(
                        len(key) * threshold / (2 - threshold) - _EPSILON),
                    len(key) + 1):
                for part in _windows(key, length, threshold):
                    others.update(
                        index.get((block, digits, length, *part), []))
            for part in _parts(key, threshold):
                index[block, digits, len(key), *part].append(id_)
        for other in others:
            ratio = _ratio(
                key, words[other], signatures[id_] ^ signatures[other],
                threshold)
            if ratio >= threshold:
                yield min(id_, other), max(id_, other), ratio


def _ratio(a, b, difference, threshold):
    "Return the ratio of sorted keys, 0 if it is below the threshold for sure"
    if a == b:
        return 1.0
    total = len(a) + len(b)
    # An edit changes at most three pairs of letters
    if difference.bit_count() > 3 * (1 - threshold) * total + _EPSILON:
        return 0.0
    return 2 * common_length(a, b) / total


@cache
def _cuts(length, threshold):
    """Return (number of edits allowed, [(position, length) of each part]).

    For a key of the length and any longer one.
    """
    edits = int((1 - threshold) * 2 * length / threshold + _EPSILON)
    count = min(edits + 1, length)
    size, longer = divmod(length, count)
    parts, position = [], 0
    for i in range(count):
        part = size + (i >= count - longer)
        parts.append((position, part))
        position += part
    return edits, parts


def _parts(key, threshold):
    "Yield (number, text) of each part of a key"
    _, parts = _cuts(len(key), threshold)
    for i, (position, size) in enumerate(parts):
        yield i, key[position:position + size]


def _windows(key, length, threshold):
    "Yield (number, text) where the parts of keys of the length may lie"
    edits, parts = _cuts(length, threshold)
    longer = len(key) - length
    for i, (position, size) in enumerate(parts):
        first = max(0, position - (edits - longer) // 2)
        last = min(len(key) - size, position + (edits + longer) // 2)
        for start in range(first, last + 1):
            yield i, key[start:start + size]


def _signature(key):
    "Return the pairs of letters of a key as the bits of a number"
    result = 0
    for a, b in zip(key, key[1:]):
        result |= 1 << (ord(a) * 31 + ord(b)) % 509
    return result
