# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The ground of the concurrency tests tells the truth."""
import threading

from caravan.testing import prepare_database
from caravan.testing.concurrency import PostgreSQLTestCase
from caravan.testing.rpc import HTTPFault
from trytond.model.exceptions import AccessError
from trytond.pool import Pool
from trytond.tests.test_tryton import DB_NAME
from trytond.transaction import Transaction


class GroundTestCase(PostgreSQLTestCase):
    "Test the ground of concurrency tests"
    modules = ['party']

    def _party(self, name):
        def create():
            party, = Pool().get('party.party').create([{'name': name}])
            return party.id
        return self.transact(create)

    def test_extensions(self):
        "The extensions of a company's database are there"
        def extensions():
            cursor = Transaction().connection.cursor()
            cursor.execute("SELECT extname FROM pg_extension")
            return {name for name, in cursor}
        self.assertLessEqual(
            {'btree_gist', 'pg_trgm', 'unaccent'}, self.transact(extensions))

    def test_database(self):
        "What was committed is gone once a database is asked for again"
        def count():
            return Pool().get('party.party').search([], count=True)
        prepare_database(self.modules)
        before = Pool(DB_NAME).get('party.party')
        with Transaction().start(DB_NAME, 1) as transaction:
            Pool().get('party.party').create([{'name': "Party"}])
            transaction.rollback()
        prepare_database(self.modules)
        self.assertIs(Pool(DB_NAME).get('party.party'), before)
        self._party("Party")
        self.assertEqual(self.transact(count), 1)
        prepare_database(self.modules)
        self.assertEqual(self.transact(count), 0)

    def test_lost_update_is_retried(self):
        "Two transactions which read and write one row both count"
        party = self._party("0")
        both_have_read = threading.Barrier(2)
        tries = []

        def increment():
            tries.append(1)
            record = Pool().get('party.party')(party)
            number = int(record.name)
            if len(tries) <= 2:
                both_have_read.wait(60)
            record.name = str(number + 1)
            record.save()

        self.assertNoError(self.together(
                lambda: self.transact(increment),
                lambda: self.transact(increment)))
        self.assertEqual(
            self.transact(lambda: Pool().get('party.party')(party).name), "2")
        self.assertEqual(len(tries), 3)

    def test_sessions_together(self):
        "Many clients write one record at once through the dispatcher"
        party = self._party("Before")
        sessions = [self.session() for _ in range(4)]

        def write(session, name):
            return lambda: session.model(
                'party.party', 'write', [party], {'name': name})
        names = [f"After {i}" for i in range(len(sessions))]
        self.assertNoError(self.together(*map(write, sessions, names)))
        record, = sessions[0].model('party.party', 'read', [party], ['name'])
        self.assertIn(record['name'], names)

    def test_session_rights(self):
        "A session has the rights of its user, errors keep their class"
        self.transact(lambda: Pool().get('res.user').create([
                    {'name': "Nobody", 'login': 'nobody'}]))
        nobody = self.session('nobody')
        with self.assertRaises(AccessError):
            nobody.model('res.group', 'create', [{'name': "Mine"}])
        with self.assertRaises(HTTPFault) as caught:
            nobody.model('res.group', '__setup__')
        self.assertEqual(caught.exception.status, 403)


del PostgreSQLTestCase
