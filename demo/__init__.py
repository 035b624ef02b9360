# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The demo company: a living database made by the suite itself.

build makes it: the company in company and people and goods, then for each
module of the suite the file of its name, with fill(demo) for its data and
USERS for who works with it.  Everything goes through proteus.
"""
