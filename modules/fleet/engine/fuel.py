# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What a vehicle should burn and what it burnt.

Quantities are Decimal in the unit of the fuel, called litres here.
"""
from collections import namedtuple
from dataclasses import dataclass, fields
from decimal import ROUND_HALF_UP, Decimal

__all__ = [
    'Norm', 'Term', 'Work', 'burnt', 'consumption', 'from_values',
    'full_to_full', 'is_away', 'terms']

_ZERO = Decimal(0)
_TENTH = Decimal('0.1')


@dataclass(frozen=True)
class Norm:
    """What a vehicle may burn, in litres.

    distance: on 100 km, Hs
    tonne_km: on 100 tonne-kilometres, Hw
    trailer: on 100 km for each tonne of the trailers, Hg
    run: for each run with load of a tipper, Hz
    special, heater, idle: in an hour of special work, of the heater and of
        the engine running at a stand
    """
    distance: Decimal
    tonne_km: Decimal = _ZERO
    trailer: Decimal = _ZERO
    run: Decimal = _ZERO
    special: Decimal = _ZERO
    heater: Decimal = _ZERO
    idle: Decimal = _ZERO


@dataclass(frozen=True)
class Work:
    """What a vehicle did.

    km, tonne_km: kilometres and the sum of load times distance
    trailer: tonnes the trailers weigh
    run: number of runs with load
    special, heater, idle: hours
    """
    km: Decimal
    tonne_km: Decimal = _ZERO
    trailer: Decimal = _ZERO
    run: Decimal = _ZERO
    special: Decimal = _ZERO
    heater: Decimal = _ZERO
    idle: Decimal = _ZERO


Term = namedtuple('Term', ['name', 'factor', 'quantity', 'litres'])
Term.__doc__ = """A part of a norm.

name: as in Norm, or 'surcharge'
factor: of the norm, the sum of percents for 'surcharge'
quantity: what the factor is multiplied by, for 'surcharge' the litres
"""


def terms(norm, work, surcharges=()):
    """Yield the terms that make the norm, not rounded.

    surcharges: signed percents; they add up, and raise what distance, load
        and trailers take but not the terms by run and hour
    Source: Q = 0.01 (Hsan S + Hw W)(1 + 0.01 D), Hsan = Hs + Hg Gtr, of the
    methodical recommendations AM-23-r of 14 March 2008.
    """
    bracket = _ZERO
    for name, quantity in [
            ('distance', work.km), ('trailer', work.km * work.trailer),
            ('tonne_km', work.tonne_km)]:
        factor = getattr(norm, name)
        litres = factor * quantity / 100
        bracket += litres
        if litres:
            yield Term(name, factor, quantity, litres)
    percent = sum(surcharges, _ZERO)
    if percent:
        yield Term('surcharge', percent, bracket, bracket * percent / 100)
    for name in ['run', 'special', 'heater', 'idle']:
        factor, quantity = getattr(norm, name), getattr(work, name)
        if factor and quantity:
            yield Term(name, factor, quantity, factor * quantity)


def consumption(norm, work, surcharges=()):
    "Return the litres of the norm, rounded once to a tenth"
    return _tenth(sum(
            (t.litres for t in terms(norm, work, surcharges)), _ZERO))


def _tenth(litres):
    return litres.quantize(_TENTH, ROUND_HALF_UP)


def burnt(opening, refuelled, closing):
    """Return the litres burnt between two readings of a tank.

    refuelled: list of litres
    Raise ValueError where the tank holds more than it can.
    """
    result = opening + sum(refuelled, _ZERO) - closing
    if result < 0:
        raise ValueError("closing above opening plus refuelled")
    return result


def full_to_full(fills):
    """Return the litres on 100 km between the first and last full fill.

    fills: list of (odometer, litres, full) by odometer
    What was filled up to the first full one was burnt before it.  None
    where fewer than two are full or no distance lies between.
    """
    full = [i for i, (_, _, is_full) in enumerate(fills) if is_full]
    if len(full) < 2:
        return None
    first, last = full[0], full[-1]
    km = fills[last][0] - fills[first][0]
    if km <= 0:
        return None
    litres = sum((f[1] for f in fills[first + 1:last + 1]), _ZERO)
    return _tenth(litres * 100 / km)


def is_away(metres, threshold):
    """Return whether a station is too far from where the vehicle was.

    metres: between both, None if one place is not known
    """
    return metres is not None and metres > threshold


def from_values(cls, values):
    "Return a Norm or Work of the numbers that are known of {name: number}"
    return cls(**{
            f.name: Decimal(str(values[f.name])) for f in fields(cls)
            if values.get(f.name) is not None})
