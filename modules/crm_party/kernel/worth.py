# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What customers are worth by what they have bought.

Pure functions over numbers: no database, no Pool.
"""
__all__ = ['SEGMENTS', 'churn_rates', 'segment']


# What fits first decides; values or SQL expressions of r, f and f + m
SEGMENTS = {
    'champion': lambda r, f, s: (r >= 4) & (s >= 8),
    'loyal': lambda r, f, s: (r >= 3) & (s >= 7),
    'cannot_lose': lambda r, f, s: (r <= 2) & (s >= 8),
    'at_risk': lambda r, f, s: (r <= 2) & (s >= 5),
    'new': lambda r, f, s: (r >= 4) & (f == 1) & (s < 4),
    'potential': lambda r, f, s: (r >= 3) & (s >= 4),
    'promising': lambda r, f, s: r >= 3,
    'about_to_sleep': lambda r, f, s: r == 2,
    'hibernating': lambda r, f, s: r <= 1,
    }


def segment(r, f, m):
    """Return the name of the segment of a customer with RFM scores.

    r, f, m are the scores of recency, frequency and monetary value from 1
    (worst) to 5, or None for who has not bought: he is in no segment.
    """
    if None in {r, f, m}:
        return None
    return next(
        name for name, fits in SEGMENTS.items() if fits(r, f, f + m))


def churn_rates(start, lost):
    """Return what the customers lost in a month mean.

    start is the number of customers at the start of the month, lost of those
    who left in it.  A tuple of the rate of churn, of that in a year and of
    the months a customer stays (geometric, 1 / rate); what can't be told is
    None.
    """
    if not start:
        return None, None, None
    rate = lost / start
    # Those won in the month may leave in it
    yearly = 1 - (1 - min(rate, 1)) ** 12
    return rate, yearly, (1 / rate if rate else None)
