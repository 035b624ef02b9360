# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Which of the planned moves what was scanned belongs to, in pure Python."""

__all__ = ['DIGITS', 'share_out']

# Quantities are floats: what is smaller is their noise
DIGITS = 6


def share_out(planned, scanned):
    """Share out what was scanned among what was planned.

    planned -- an iterable of (name, key, quantity).  The key is a tuple of
        what tells one stock from another, for example product and lot, with
        None for what is left open
    scanned -- {key: quantity}, None in a key for what was not scanned

    The plans that leave less open are filled first, with what was scanned
    the most exactly.  The quantities are in one unit for each product.

    Return {name: [(key, quantity)]} with each name, and {key: quantity} of
    what is more than planned.
    """
    left = dict(scanned)
    shares = {}
    for name, wanted, quantity in sorted(planned, key=lambda p: _open(p[1])):
        shares[name] = []
        for key in sorted(left, key=_open):
            taken = min(quantity, left[key]) if _fits(key, wanted) else 0
            if taken > 0:
                shares[name].append((key, taken))
                left[key] = round(left[key] - taken, DIGITS)
                quantity = round(quantity - taken, DIGITS)
    return shares, {k: q for k, q in left.items() if q > 0}


def _open(key):
    return sum(1 for part in key if part is None)


def _fits(key, wanted):
    return all(
        a == b or a is None or b is None for a, b in zip(key, wanted))
