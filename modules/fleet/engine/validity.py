# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Steps at which the person in charge of a paper is warned."""
import datetime as dt

__all__ = ['first_gap', 'parse_steps', 'warning_step']

EXPIRED = -1


def parse_steps(text):
    """Return the days of "60, 30, 14, 7" in descending order.

    Raise ValueError if a part is not a whole number of days from 0 to 3650.
    """
    steps = {int(part) for part in (text or '').split(',') if part.strip()}
    if any(not 0 <= step <= 3650 for step in steps):
        raise ValueError(text)
    return sorted(steps, reverse=True)


def warning_step(valid_to, steps, today):
    """Return the smallest step that has been reached, EXPIRED or None.

    A step is reached when at most so many days remain, so that a day on
    which nobody ran the check is caught up by the next one.  The last day
    of validity counts as valid.
    """
    if valid_to is None:
        return None
    remaining = valid_to - today
    if remaining < dt.timedelta():
        return EXPIRED
    return min((s for s in steps if s >= remaining.days), default=None)


def first_gap(periods, since, until):
    """Return the first day from since to until that no period holds, or None.

    periods: list of (first day, last day), None for no limit
    """
    day = since
    for start, end in sorted(periods, key=lambda p: p[0] or dt.date.min):
        if start and start > day:
            break
        if end is None:
            return None
        day = max(day, end + dt.timedelta(days=1))
    return day if day <= until else None
