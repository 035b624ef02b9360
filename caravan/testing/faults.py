# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Make each SQL statement of a job fail once: nothing may stay half done."""
from contextlib import contextmanager

from trytond import backend
from trytond.tests import test_tryton
from trytond.transaction import Transaction

from .queries import BOOKKEEPING, Cursor, count_queries

__all__ = ['FaultTestMixin', 'Injected', 'fail_at', 'snapshot']

# Written in a transaction of its own, or by whoever looks
_VOLATILE = {'ir_cache', 'ir_session', 'ir_queue', 'res_user_login_attempt'}


class Injected(Exception):
    "The error which the code under test did not expect"


@contextmanager
def fail_at(number, error):
    """Raise error from the statement with this number on.

    Statements are counted from 1 as count_queries counts them.  What follows
    fails too, as in a broken transaction of PostgreSQL: the framework goes on
    after some errors.
    """
    saved, base = vars(Cursor).get('execute'), Cursor.execute
    count = 0

    def execute(self, query, *args, **kwargs):
        nonlocal count
        if not BOOKKEEPING.match(str(query)):
            count += 1
            if count >= number:
                raise error
        return base(self, query, *args, **kwargs)

    Cursor.execute = execute
    try:
        yield
    finally:
        if saved is None:
            del Cursor.execute
        else:
            Cursor.execute = saved


def snapshot(tables=None):
    """Return the rows of the tables, by default of all of the test database.

    Two snapshots are equal if nothing was committed between them.
    """
    with Transaction().start(
            test_tryton.DB_NAME, 0, readonly=True) as transaction:
        cursor = transaction.connection.cursor()
        result = {}
        for table in tables or _tables(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            result[table] = sorted(map(repr, cursor.fetchall()))
        return result


def _tables(cursor):
    if backend.name == 'postgresql':
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    else:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return sorted(
        {name for name, in cursor.fetchall() if not name.startswith('sqlite')}
        - _VOLATILE)


class FaultTestMixin:
    "Assertion that a job is done whole or not at all"

    def assertAtomic(self, job, user=1, context=None, tables=None):
        """Fail if a fault at any SQL statement of job leaves a trace.

        job is called without arguments in a transaction that is committed
        after it, first to count its statements, then once for each statement
        and kind of fault; it must do the same each time.  tables limits what
        is compared, all tables by default.  Returns the number of faults.
        """
        def run():
            with Transaction().start(
                    test_tryton.DB_NAME, user,
                    context=context) as transaction:
                job()
                transaction.commit()

        run()
        with count_queries() as log:
            run()
        for number, statement in enumerate(log, 1):
            for error in [
                    Injected("injected"),
                    backend.DatabaseOperationalError("injected")]:
                self._assert_undone(run, number, error, statement, tables)
        return 2 * len(log)

    def _assert_undone(self, run, number, error, statement, tables):
        before = snapshot(tables)
        with fail_at(number, error):
            try:
                run()
            except type(error):
                raised = True
            else:
                raised = False
        after = snapshot(tables)
        changed = {
            table: sorted(set(after[table]) ^ set(before[table]))[:5]
            for table in before if after[table] != before[table]}
        with self.subTest(fault=number, statement=statement[:200]):
            self.assertFalse(changed, "left behind by the fault")
            self.assertTrue(raised, "the fault was not noticed")
