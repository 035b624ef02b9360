# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Run trytond with connections to SQLite that are kept.

    python -m caravan.serve OPTION...

The options are those of trytond.  SQLite reads the whole schema at the first
statement of a connection, which takes longer than many a request where some
hundred models are: here a thread uses its connections again.
"""
import threading

import trytond.commandline as commandline
import trytond.config as config
from trytond import cli

__all__ = ['keep_connections']


def keep_connections(Database):
    "Let the threads keep the connections of Database, that of SQLite"
    connect, put_connection = Database.connect, Database.put_connection
    local = threading.local()

    def kept(name):
        return vars(local).setdefault(name, [])

    def connect_again(self):
        if self._conn is None and kept(self.name):
            self._conn = kept(self.name).pop()
        return connect(self)

    def keep_connection(self, connection=None):
        put_connection(self, connection)
        # What is in memory has but one
        if self._conn is not None and self.name != ':memory:':
            kept(self.name).append(self._conn)
            self._conn = None

    Database.connect = connect_again
    Database.put_connection = keep_connection


def main():
    options = commandline.get_parser_daemon().parse_args()
    # The backend is chosen when it is imported
    config.update_etc(options.configfile)
    from trytond.backend.sqlite.database import Database
    keep_connections(Database)
    cli.main()


if __name__ == '__main__':
    main()
