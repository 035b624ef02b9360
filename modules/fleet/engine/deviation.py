# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Why a trip earned less than it was planned to."""
from collections import namedtuple
from decimal import Decimal

__all__ = ['PARTS', 'Outcome', 'deviation']

PARTS = [
    'revenue', 'fuel_price', 'over_norm', 'extra_km', 'tolls', 'waiting',
    'pay', 'other']

Outcome = namedtuple('Outcome', [
        'revenue', 'litres', 'norm', 'fuel', 'tolls', 'hours', 'pay',
        'other'])
Outcome.__doc__ = """What a trip was planned to take, or took.

revenue, fuel, tolls, pay, other: amounts
litres: of fuel, norm: those that the norm gives the kilometres
hours: from departure to arrival
"""


def deviation(plan, real, hour_rate=Decimal(0)):
    """Return {part: amount} of what made the profit other than planned.

    plan, real: Outcome of Decimal
    hour_rate: what an hour of the driver costs by the tariff
    Below zero is what took profit.  The parts add up to the difference of
    the profits: fuel is split into its price, at the litres burnt, the litres
    over the norm and those for more kilometres, at the planned price; pay
    into the hours waited and the rest.
    """
    planned = plan.fuel / plan.litres if plan.litres else None
    if planned is None:
        planned = real.fuel / real.litres if real.litres else Decimal(0)
    waiting = (real.hours - plan.hours) * hour_rate
    return {
        'revenue': real.revenue - plan.revenue,
        'fuel_price': planned * real.litres - real.fuel,
        'over_norm': planned * (real.norm - real.litres),
        'extra_km': plan.fuel - planned * real.norm,
        'tolls': plan.tolls - real.tolls,
        'waiting': -waiting,
        'pay': plan.pay - real.pay + waiting,
        'other': plan.other - real.other,
        }
