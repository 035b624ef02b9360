# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Count the SQL statements of a block, on SQLite and PostgreSQL alike."""
import re
from collections import Counter
from contextlib import contextmanager

from trytond import backend
from trytond.transaction import Transaction

if backend.name == 'postgresql':
    from trytond.backend.postgresql.database import LoggingCursor as Cursor
else:
    from trytond.backend.sqlite.database import SQLiteCursor as Cursor

__all__ = ['QueryTestMixin', 'count_queries']

# What the framework says for itself, not for the code under test
BOOKKEEPING = re.compile(
    r'\s*($|SAVEPOINT|RELEASE|ROLLBACK|BEGIN|COMMIT|SET |LISTEN|PRAGMA'
    r'|SELECT pg_notify|(SELECT|INSERT|UPDATE) .*"ir_cache")', re.I | re.S)
_PLACEHOLDERS = re.compile(r'\((?:\s*(?:%s|\?)\s*,?)+\)')


class Statements(list):
    "The statements of a block in order"

    def worst(self, count=5):
        "Return the most repeated shapes: an N+1 stands on top"
        shapes = Counter(_PLACEHOLDERS.sub('(..)', s) for s in self)
        return '\n'.join(
            f'{n} x {shape[:500]}' for shape, n in shapes.most_common(count))


@contextmanager
def count_queries():
    "Yield the list that receives each statement executed in the block"
    log = Statements()
    saved = {}

    def watch(name):
        base = getattr(Cursor, name)

        def call(self, query, *args, **kwargs):
            if not BOOKKEEPING.match(str(query)):
                log.append(str(query))
            return base(self, query, *args, **kwargs)
        return call

    for name in ['execute', 'executemany', 'copy']:
        if hasattr(Cursor, name):
            saved[name] = vars(Cursor).get(name)
            setattr(Cursor, name, watch(name))
    try:
        yield log
    finally:
        for name, function in saved.items():
            if function is None:
                delattr(Cursor, name)
            else:
                setattr(Cursor, name, function)


class QueryTestMixin:
    "Assertions on the number of SQL statements"

    @contextmanager
    def assertQueries(self, maximum):
        "Fail if the block executes more than maximum statements"
        with count_queries() as log:
            yield log
        self.assertLessEqual(
            len(log), maximum,
            f"{len(log)} queries, {maximum} allowed\n{log.worst()}")

    def assertConstantQueries(self, function, small=10, large=100, slack=0):
        """Fail if function(large) needs more queries than function(small).

        function takes the number of records to work on; a first call warms
        the caches that live longer than a transaction.
        """
        function(small)
        counts = []
        for size in [small, large]:
            for cache in Transaction().cache.values():
                cache.clear()
            with count_queries() as log:
                function(size)
            counts.append(len(log))
        self.assertLessEqual(
            counts[1], counts[0] + slack,
            f"queries grow with the records: {counts}\n{log.worst()}")
        return counts
