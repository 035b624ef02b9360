# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""How often a customer comes or is talked to.

Pure functions over dates: no database, no Pool.
"""
import datetime as dt
from statistics import median

__all__ = ['anniversary', 'rhythm', 'silence']

ENOUGH = 3


def rhythm(dates, enough=ENOUGH):
    """Return the usual number of days between dates, None if unknown.

    The median of the gaps between distinct days: one long holiday does not
    move it.  At least enough gaps are needed; never less than a day.
    """
    days = sorted(set(dates))
    gaps = [(b - a).days for a, b in zip(days, days[1:])]
    if len(gaps) < enough:
        return None
    return max(1, round(median(gaps)))


def silence(today, last, since, interval):
    """Return the days by which a contact is overdue, None when it is not.

    last is the day of the last contact, since the day the customer is known
    from (counted when there never was a contact), interval the days that may
    pass between contacts: 0 or None means never.  0 means due today.
    """
    start = last or since
    if not interval or not start:
        return None
    overdue = (today - start).days - interval
    return overdue if overdue >= 0 else None


def anniversary(born, today, lead=0):
    """Return the next anniversary of born within lead days, None if none.

    29 February is kept on the 28th in years that have no 29th.
    """
    for year in [today.year, today.year + 1]:
        try:
            date = born.replace(year=year)
        except ValueError:
            date = dt.date(year, 2, 28)
        if today <= date <= today + dt.timedelta(days=lead):
            return date
    return None
