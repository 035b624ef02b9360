# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Arithmetic of the fleet: plain functions over plain values.

Nothing here knows the pool or the database.
"""
