# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The waterfall: which instalment and component a payment settles."""
from collections import namedtuple
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby

from .rounding import CENT, round_to

COMPONENTS = {
    'penalty': "Penalty",
    'fee': "Fee",
    'interest': "Interest",
    'principal': "Principal",
    }
TIMINGS = {
    'past_due': "Past due",
    'due': "Due",
    'advance': "In advance",
    }
DIRECTIONS = {
    'horizontal': "Instalment by instalment",
    'vertical': "Component by component",
    }
FUTURES = {
    'next': "Next instalment",
    'last': "Last instalment",
    'reamortize': "All instalments alike",
    'none': "Kept as credit",
    }
DEFAULT_ORDER = tuple(
    (timing, component) for timing in TIMINGS for component in COMPONENTS)

Part = namedtuple('Part', ['key', 'component', 'amount', 'timing'])


@dataclass(slots=True)
class Item:
    """An amount that can be paid.

    key is anything hashable that names the instalment or charge, due its due
    date, component a key of COMPONENTS, amount a Decimal still open.
    """
    key: object
    due: date
    component: str
    amount: Decimal


def allocate(amount, items, on, order=DEFAULT_ORDER, direction='horizontal',
        future='next', unit=CENT, rounding='half_even'):
    """Return (Parts, what is left over) of a payment of amount.

    items     Items still open, in any order
    on        value date of the payment: an item due before it is past due, on
              it due, after it in advance
    order     pairs (timing, component), a timing or component that is not
              named is not paid
    direction horizontal finishes an instalment before the next one, vertical
              a component in all of them before the next component
    future    which instalment money in advance goes to: the next, the last,
              all alike ('reamortize'), or none
    unit, rounding  of the equal shares

    The sum of the Parts plus the rest is always amount.  Raises ValueError for
    a negative amount.
    """
    if amount < 0:
        raise ValueError("a payment cannot be negative")
    left = {id(item): item.amount for item in items if item.amount > 0}
    ordered = sorted(
        (i for i in items if i.amount > 0), key=lambda i: (i.due, str(i.key)))
    parts = []
    for timing, pairs in groupby(order, key=lambda pair: pair[0]):
        components = [component for _, component in pairs]
        chosen = [i for i in ordered if _timing(i, on) == timing]
        if timing == 'advance':
            if future == 'none':
                continue
            if future == 'last':
                chosen = sorted(
                    chosen, key=lambda i: (i.due, str(i.key)), reverse=True)
            elif future == 'reamortize':
                amount = _alike(
                    amount, chosen, components, left, parts, unit, rounding)
                continue
        for item in _sequence(chosen, components, direction):
            amount = _pay(amount, item, left, parts, timing)
    return parts, amount


def _timing(item, on):
    if item.due < on:
        return 'past_due'
    return 'due' if item.due == on else 'advance'


def _sequence(items, components, direction):
    rank = {component: i for i, component in enumerate(components)}
    items = [i for i in items if i.component in rank]
    if direction == 'vertical':
        return sorted(items, key=lambda i: rank[i.component])
    return [
        item for _, group in groupby(items, key=lambda i: (i.due, i.key))
        for item in sorted(group, key=lambda i: rank[i.component])]


def _pay(amount, item, left, parts, timing):
    paid = min(amount, left[id(item)])
    if paid > 0:
        left[id(item)] -= paid
        parts.append(Part(item.key, item.component, paid, timing))
    return amount - paid


def _alike(amount, items, components, left, parts, unit, rounding):
    "Give each instalment the same share, the last one takes the rest"
    while amount > 0:
        keys = []
        for item in items:
            if item.component in components and left[id(item)] > 0 and (
                    item.key not in keys):
                keys.append(item.key)
        if not keys:
            break
        share = max(round_to(amount / len(keys), unit, rounding), unit)
        for number, key in enumerate(keys, 1):
            part = amount if number == len(keys) else min(share, amount)
            rest = part
            chosen = [i for i in items if i.key == key]
            for item in _sequence(chosen, components, 'horizontal'):
                rest = _pay(rest, item, left, parts, 'advance')
            amount -= part - rest
    return amount


def bucket(amounts, ranges, on):
    """Return {name: sum} of open amounts by their age in days.

    amounts are (due date, open amount), ranges (name, first day, last day or
    None).  An amount not yet due belongs to no range.
    """
    result = {}
    for due, amount in amounts:
        age = (on - due).days
        for name, first, last in ranges:
            if first <= age and (last is None or age <= last):
                result[name] = result.get(name, 0) + amount
                break
    return result
