# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""A real server for the tests that need both clients."""
import re

from caravan.server import Server as _Server

__all__ = ['Server']

_TROUBLE = re.compile(
    r'Traceback \(most recent call last\)| (ERROR|CRITICAL) | WARNING ')


class Server(_Server):
    "A trytond whose log is searched for trouble"
    # It ends with the process group of its suite
    own_session = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._seen = 0

    def start(self, timeout=600):
        "Start the server, with patience for a machine that does much else"
        return super().start(timeout)

    def trouble(self):
        """Return the paragraphs of the log, since the last call, that tell of
        an error, a traceback or a warning"""
        text = self.log()
        new, self._seen = text[self._seen:], len(text)
        paragraphs = re.split(r'\n(?=\d+ \d+ \[)', new)
        return [
            p.strip() for p in paragraphs
            if _TROUBLE.search(p) and 'development server' not in p]
