# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Prices and pay by distance, weight, stops and the like."""
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

__all__ = ['Rule', 'amount']


@dataclass(frozen=True)
class Rule:
    """What a range of a quantity costs.

    basis: name of the quantity
    rate: amount for one unit, or percent where percent is set
    start, end: range of the quantity, end excluded, None without end
    fixed: amount added once when the range applies
    """
    basis: str
    rate: Decimal
    start: Decimal = Decimal(0)
    end: Decimal = None
    fixed: Decimal = Decimal(0)
    percent: bool = False

    def price(self, quantity):
        rate = self.rate / 100 if self.percent else self.rate
        return rate * quantity + self.fixed


def amount(rules, quantities, graduated=False, minimum=Decimal(0)):
    """Return the unrounded amount of quantities.

    rules: list of Rule; the quantities of several bases add up
    quantities: {basis: Decimal}
    graduated: each part of a quantity costs what its own range says, else
        the range the quantity falls into counts for all of it
    Return None if no rule applies.
    """
    by_basis = defaultdict(list)
    for rule in rules:
        by_basis[rule.basis].append(rule)
    prices = []
    for basis, ranges in by_basis.items():
        quantity = quantities.get(basis)
        if quantity is None:
            continue
        for rule in ranges:
            if graduated:
                end = quantity if rule.end is None else min(
                    rule.end, quantity)
                if end > rule.start:
                    prices.append(rule.price(end - rule.start))
            elif rule.start <= quantity and (
                    rule.end is None or quantity < rule.end):
                prices.append(rule.price(quantity))
    if not prices:
        return None
    return max(sum(prices), minimum)
