# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Which discount a turnover earns.

Pure functions over amounts and dates: no database, no Pool.
"""
from decimal import Decimal

__all__ = ['best', 'distance', 'keep', 'tier']


def tier(turnover, tiers):
    """Return the key of the highest tier that a turnover reaches, or None.

    tiers is an iterable of (amount from which, key).
    """
    reached = [(start, key) for start, key in tiers if start <= turnover]
    return max(reached, key=lambda t: t[0])[1] if reached else None


def distance(turnover, tiers):
    """Return (amount that is missing, key) of the next tier, or None.

    tiers as for tier.
    """
    ahead = [(start, key) for start, key in tiers if start > turnover]
    if not ahead:
        return None
    start, key = min(ahead, key=lambda t: t[0])
    return start - turnover, key


def keep(current, computed, policy, today, valid_until=None):
    """Return whether a customer keeps his tier although another is computed.

    current and computed are the amounts from which the tiers start, None for
    no tier; policy is never (down), period_end (down after valid_until) or
    immediate.
    """
    if current is None or (computed is not None and computed >= current):
        return False
    return policy == 'never' or (
        policy == 'period_end' and bool(valid_until) and today <= valid_until)


def best(percents, policy='best'):
    """Return the percent of several discounts.

    policy best takes the highest, cumulate one after the other: 7 and 5
    give 11.65.
    """
    percents = [Decimal(p) for p in percents]
    if policy == 'best':
        return max(percents, default=Decimal(0))
    rest = Decimal(1)
    for percent in percents:
        rest *= 1 - percent / 100
    return 100 * (1 - rest)
