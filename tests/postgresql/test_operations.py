# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""An installation of several processes, as the deployment guide shows it."""
import datetime as dt
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import proteus
from proteus.config import set_xmlrpc_session

from caravan.server import Server
from caravan.testing.concurrency import PostgreSQLTestCase
from trytond import config
from trytond.modules.company.tests import create_company
from trytond.pool import Pool
from trytond.tests.test_tryton import DB_NAME

PASSWORD = 'long enough for a test'


class OperationsTestCase(PostgreSQLTestCase):
    "Test servers, worker and cron as processes of their own"
    modules = ['crm_party', 'fleet', 'loan', 'sms_mailing', 'stock_ext']

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        uri = config.get('database', 'uri').rstrip('/')
        cls.servers = [
            Server(
                f'{uri}/{DB_NAME}', Path(folder.name, name),
                sections={'queue': {'worker': 'True'}})
            for name in ['first', 'second']]
        for server in cls.servers:
            cls.addClassCleanup(server.stop)
            server.start()

    def setUp(self):
        super().setUp()

        def prepare():
            pool = Pool()
            User = pool.get('res.user')
            admin, = User.search([('login', '=', 'admin')])
            User.write([admin], {'password': PASSWORD})
            if not pool.get('company.company').search([]):
                create_company()
        self.transact(prepare)

    def command(self, name, *arguments, database=DB_NAME):
        return [
            Path(sys.executable).with_name(name), *arguments,
            '-c', self.servers[0].config_file, '-d', database]

    def run_command(self, name, *arguments, **kwargs):
        return subprocess.run(
            self.command(name, *arguments, **kwargs),
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=300)

    def test_servers(self):
        "What one server writes the other one shows, and goes on alone"
        first, second = self.servers
        with set_xmlrpc_session(
                f'{first.url}{DB_NAME}/rpc/', 'admin', PASSWORD) as session:
            Party = proteus.Model.get('party.party', config=session)
            party = Party(name="Northern Freight")
            party.save()
        first.stop()
        self.addCleanup(first.start)
        with set_xmlrpc_session(
                f'{second.url}{DB_NAME}/rpc/', 'admin', PASSWORD) as session:
            Party = proteus.Model.get('party.party', config=session)
            self.assertEqual(Party(party.id).name, "Northern Freight")

    def test_worker(self):
        "The worker takes what a request has queued"
        def push():
            Party = Pool().get('party.party')
            party, = Party.create([{'name': "Before"}])
            Party.__queue__.write([party], {'name': "After"})
            return party.id
        party = self.transact(push)
        worker = subprocess.Popen(
            self.command('trytond-worker', '-n', '1'),
            start_new_session=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            end = time.monotonic() + 300
            name = "Before"
            while name == "Before" and time.monotonic() < end:
                time.sleep(.2)
                name = self.transact(
                    lambda: Pool().get('party.party')(party).name)
        finally:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
        self.assertEqual(name, "After")

    def test_cron(self):
        "One pass of cron runs each of our jobs without error"
        def late():
            Cron = Pool().get('ir.cron')
            crons = Cron.search([])
            Cron.write(crons, {
                    'next_call': dt.datetime.now() - dt.timedelta(days=1)})
            return len(crons)
        self.assertGreater(self.transact(late), 5)
        check = self.run_command('caravan', 'check')
        self.assertEqual(check.returncode, 1, check.stderr)
        self.assertIn("start trytond-cron", check.stdout)
        result = self.run_command('trytond-cron', '-1', '-v')
        self.assertNotIn('Traceback', result.stderr)
        self.assertEqual(result.returncode, 0, result.stderr)

        def waiting():
            return [
                c.rec_name for c in Pool().get('ir.cron').search([
                        ('next_call', '<', dt.datetime.now())])]
        self.assertEqual(self.transact(waiting), [])

    def test_check(self):
        "caravan check finds nothing to mend"
        self.run_command('trytond-cron', '-1')
        result = self.run_command('caravan', 'check')
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertNotIn('FAILED', result.stdout)

    def test_backup(self):
        "A dump restored into another database holds all and passes the check"
        def create():
            party, = Pool().get('party.party').create([
                    {'name': "In the Dump"}])
            return party.id
        party = self.transact(create)
        self.run_command('trytond-cron', '-1')
        copy = f'{DB_NAME}_copy'
        with tempfile.TemporaryDirectory() as folder:
            dump = Path(folder, 'company.dump')
            self.program('pg_dump', '--format=custom', f'--file={dump}',
                f'--dbname={self.servers[0].uri}{DB_NAME}')
            self.program('psql', f'--dbname={self.servers[0].uri}template1',
                f'--command=CREATE DATABASE {copy} TEMPLATE template0')
            self.addCleanup(
                self.program, 'psql',
                f'--dbname={self.servers[0].uri}template1',
                f'--command=DROP DATABASE {copy} WITH (FORCE)')
            # The comments on the extensions belong to the superuser
            self.program(
                'pg_restore', '--no-comments', '--exit-on-error',
                f'--dbname={self.servers[0].uri}{copy}', dump)
        result = self.run_command('caravan', 'check', database=copy)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        found = self.program(
            'psql', f'--dbname={self.servers[0].uri}{copy}', '-At',
            f'--command=SELECT name FROM party_party WHERE id = {party}')
        self.assertEqual(found.strip(), "In the Dump")

    def program(self, name, *arguments):
        "Run a program of PostgreSQL, return its output"
        return subprocess.run(
            [name, *arguments], check=True, capture_output=True, text=True,
            timeout=300).stdout


del PostgreSQLTestCase
