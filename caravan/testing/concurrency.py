# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Tests of what happens when many work at once, on PostgreSQL."""
import random
import threading
import time
from contextlib import contextmanager
from unittest.mock import patch

from trytond import backend
from trytond.tests import test_tryton
from trytond.transaction import Transaction, TransactionError

from .databases import prepare_database
from .environment import require
from .rpc import Session

__all__ = ['PostgreSQLTestCase', 'before_lock', 'together', 'transact']


def transact(function, user=0, context=None, retry=10):
    """Return function() of a transaction of its own, committed.

    An operational error of the database, as two writers on one row, starts it
    again up to retry times with a growing pause, as the dispatcher does.
    """
    extras, count = {}, 0
    while True:
        try:
            with Transaction().start(
                    test_tryton.DB_NAME, user, context=context,
                    **extras) as transaction:
                try:
                    result = function()
                    transaction.commit()
                    return result
                except TransactionError as exception:
                    transaction.rollback()
                    transaction.tasks.clear()
                    exception.fix(extras)
        except backend.DatabaseOperationalError:
            count += 1
            if count > retry:
                raise
            time.sleep(random.uniform(0, .02 * 2 ** min(count, 5)))


def together(*functions, timeout=300):
    """Call the functions at the same moment, each in a thread.

    Returns what each returned or the exception it raised, in their order.
    """
    barrier = threading.Barrier(len(functions))
    results = [TimeoutError(f"not done in {timeout} s")] * len(functions)

    def run(index, function):
        barrier.wait()
        try:
            results[index] = function()
        except Exception as exception:
            results[index] = exception

    threads = [
        threading.Thread(target=run, args=item, daemon=True)
        for item in enumerate(functions)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + timeout
    for thread in threads:
        thread.join(max(0, end - time.monotonic()))
    return results


@contextmanager
def before_lock(table, function):
    """Call function once just before records of table are locked.

    The transaction that locks them has its snapshot already and does not see
    what function commits, in a thread of its own: what happens by chance when
    the one that is waited for ends in that moment.  Yields the list of what
    function returned.
    """
    results = []
    lock_records = backend.Database.lock_records

    def lock(connection, locked, ids):
        if locked == table and not results:
            connection.cursor().execute('SELECT 1')
            results.append(None)
            results[:] = together(function)
        lock_records(connection, locked, ids)

    with patch.object(backend.Database, 'lock_records', staticmethod(lock)):
        yield results


class PostgreSQLTestCase(test_tryton.TestCase):
    """Test case on a database with modules activated, committed to for real.

    The database is made anew for each class, the tests of a class share it.
    """
    modules = []

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        require(
            backend.name == 'postgresql',
            "needs PostgreSQL: python -m caravan.testing.cluster -m unittest "
            + cls.__module__)
        prepare_database(cls.modules)
        cls.addClassCleanup(test_tryton.drop_db)

    def session(self, login='admin'):
        "Return a session for calls as a client makes them"
        return Session(login)

    def transact(self, function, user=1, **kwargs):
        "Return function() of a committed transaction"
        return transact(function, user=user, **kwargs)

    def together(self, *functions):
        "Return the results of functions called at the same moment"
        return together(*functions)

    def assertNoError(self, results):
        "Fail if one of the results of together is an exception"
        for result in results:
            if isinstance(result, Exception):
                raise result
