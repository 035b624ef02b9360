# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""How an amount came about, as plain data that a view or print can show."""


def explain(row):
    """Return the list of steps that lead to the amounts of a Row.

    Each step is a dict of JSON values, with a 'kind':
    interest   from, to, balance, rate, days, basis, amount (unrounded)
    rounding   from (unrounded sum), to (what the period bears)
    carry      amount brought from earlier periods
    defer      amount put off to a later instalment
    plug       amount that only keeps the last instalment level
    instalment amount of the level instalment that the principal follows from
    ahead      amount paid ahead that takes the place of principal
    principal  amount = instalment - interest, or the balance that is left
    over       amount of interest carried to the next instalment
    fee        amount
    """
    steps = [_segment(segment) for segment in row.segments]
    if row.segments:
        raw = sum(segment.interest for segment in row.segments)
        steps.append({
                'kind': 'rounding', 'from': _short(raw),
                'to': str(row.borne)})
    for kind, amount in [
            ('carry', row.carried), ('defer', row.deferred),
            ('plug', row.plug), ('instalment', row.instalment),
            ('ahead', row.eaten), ('principal', row.principal),
            ('over', row.carry), ('fee', row.fee)]:
        if amount:
            steps.append({'kind': kind, 'amount': str(amount)})
    return steps


def _segment(segment):
    return {
        'kind': 'interest',
        'from': segment.start.isoformat(),
        'to': segment.end.isoformat(),
        'balance': str(segment.balance),
        'rate': str(segment.rate),
        'days': segment.days,
        'basis': segment.basis,
        'amount': _short(segment.interest),
        }


def _short(amount):
    return f'{amount:.6f}'
