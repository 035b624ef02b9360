# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Load and work of a trip from its stops."""
from dataclasses import dataclass

__all__ = ['Leg', 'capacity_share', 'loads', 'peak', 'work']


@dataclass(frozen=True)
class Leg:
    """One stop with the way to it.

    km: from the stop before, 0 for the first one
    in_kg, out_kg: loaded and unloaded there
    """
    km: float = 0
    in_kg: float = 0
    out_kg: float = 0


def loads(legs):
    """Return the load in kg on arrival at each stop and after the last one.

    At a stop the unloading comes before the loading.
    """
    load, result = 0, [0]
    for leg in legs:
        load += leg.in_kg - leg.out_kg
        result.append(load)
    return result


def peak(legs):
    "Return the greatest load in kg between two stops"
    return max(loads(legs), default=0)


def work(legs, km=None):
    """Return (km, loaded km, tonne-kilometres) of a trip.

    km: the distance the odometer measured; the planned legs are stretched to
        it, so that detours count for the load that made them
    """
    planned = sum(leg.km for leg in legs)
    loaded = sum(
        leg.km for leg, load in zip(legs, loads(legs)) if load > 0)
    tonne_km = sum(
        leg.km * load / 1000 for leg, load in zip(legs, loads(legs))
        if load > 0)
    factor = km / planned if km is not None and planned else 1
    return (
        planned if km is None else km, loaded * factor, tonne_km * factor)


def capacity_share(load, capacity):
    """Return the percentage of a capacity that a load takes, or None.

    An unknown capacity makes no statement: neither fits nor too much.
    """
    if not capacity:
        return None
    return round(100 * load / capacity, 1)
