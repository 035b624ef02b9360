# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Bulk loading through proteus: one module per kind of row.

``caravan load KIND FILE`` finds the loader in the module of that name.
"""
