# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Distances on the globe."""
from math import asin, cos, radians, sin, sqrt

__all__ = ['great_circle']

# Mean radius of the Earth by IUGG, in kilometres
RADIUS = 6371.0088


def great_circle(one, other):
    """Return the kilometres between two points by the haversine formula.

    one, other: (latitude, longitude) in degrees, north and east positive
    """
    lat1, lon1, lat2, lon2 = map(radians, (*one, *other))
    half = (
        sin((lat2 - lat1) / 2) ** 2
        + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2)
    return 2 * RADIUS * asin(sqrt(min(1, half)))
