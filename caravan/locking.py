# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Locks that hold for what was added beside the locked record.

A transaction of trytond sees the database as it was at its first statement
(REPEATABLE READ).  Where that statement takes the lock of a record, another
transaction may commit between the two: the lock is got, but not seen is what
the other has added under the same lock.  PostgreSQL refuses the lock of a row
that was changed in between, so whoever adds under a lock changes the row.
"""
from trytond.model import fields
from trytond.transaction import Transaction

__all__ = ['touch']


def touch(Model, records):
    """Let the next that locks records see what this transaction adds.

    Model is a ModelSQL, records are its locked records or their ids.  Who has
    waited with an older view starts again, as the dispatcher and the worker do
    after a DatabaseOperationalError.
    """
    if not records:
        return
    table = Model.__table__()
    Transaction().connection.cursor().execute(*table.update(
            [table.id], [table.id],
            where=fields.SQL_OPERATORS['in'](
                table.id, list(map(int, records)))))
