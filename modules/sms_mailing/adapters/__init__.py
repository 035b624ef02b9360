# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Ways to the outside, one class each behind one interface.

An adapter knows neither the pool nor the database: it gets the settings of
its section of the configuration file and plain values.
"""
from .base import (
    ACCEPTED, REJECTED, RETRY, UNKNOWN, Adapter, Incoming, Outgoing, Report,
    Result, Settings)
from .http import Http
from .kannel import Kannel
from .simulator import Simulator
from .smtp import Smtp
from .voice import Voice

__all__ = [
    'ACCEPTED', 'ADAPTERS', 'Adapter', 'Http', 'Incoming', 'Kannel',
    'Outgoing', 'REJECTED', 'RETRY', 'Report', 'Result', 'Settings',
    'Simulator', 'Smtp', 'UNKNOWN', 'Voice']

ADAPTERS = {a.name: a for a in [Simulator, Smtp, Kannel, Http, Voice]}
