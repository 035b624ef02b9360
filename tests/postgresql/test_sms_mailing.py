# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Mailings among workers that die, users in a hurry and a real gateway."""
import datetime as dt
import http.server
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

from caravan.server import Server, free_port
from caravan.testing.cluster import Cluster
from caravan.testing.concurrency import PostgreSQLTestCase
from caravan.testing.environment import require
from caravan.testing.kannel import Kannel, find_programs
from trytond import backend, config
from trytond.modules.company.tests import create_company
from trytond.modules.sms_mailing import sending
from trytond.modules.sms_mailing.tests.fixtures import (
    make_account, make_mailing, make_template)
from trytond.pool import Pool
from trytond.tests.test_tryton import DB_NAME
from trytond.transaction import Transaction

SEED = 20261121
# Names the folder of the cluster that may crash
OWN_CLUSTER = 'CARAVAN_OWN_CLUSTER'


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        with self.server.lock:
            self.server.tokens[body.decode()] += 1
        time.sleep(self.server.delay)
        try:
            self.send_response(200)
            self.send_header('Content-Length', '0')
            self.end_headers()
        except OSError:
            # The worker that asked is dead
            self.close_connection = True

    def log_message(self, *args):
        "The tests count the tokens"


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        "A connection that breaks is part of the test"


@contextmanager
def gateway(delay=0.01):
    "Yield a gateway that counts each token it gets"
    server = _Server(('127.0.0.1', 0), _Handler)
    server.tokens, server.lock = Counter(), threading.Lock()
    server.delay = delay
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def set_section(name, **options):
    if not config.has_section(name):
        config.add_section(name)
    for option, value in options.items():
        config.set(name, option, str(value))


class MailingCase(PostgreSQLTestCase):
    modules = ['sms_mailing']

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.random = random.Random(SEED)

        def prepare():
            company = create_company()
            parties = Pool().get('party.party').create([{
                        'name': f"Person {i}",
                        'code': f'T{i}',
                        'contact_mechanisms': [('create', [{
                                        'type': 'mobile',
                                        'value': f'+3736900{i:04}',
                                        }])],
                        } for i in range(cls.people)])
            return company.id, list(map(int, parties))
        cls.company, cls.parties = cls.transact(cls, prepare)

    def mailing(self, adapter, section, count, text="Hello {party.name}"):
        "Return the id of a prepared mailing to count people"
        def make():
            pool = Pool()
            company = pool.get('company.company')(self.company)
            with Transaction().set_context(company=self.company):
                accounts = pool.get('mailing.account').search([
                        ('section', '=', section)])
                account = accounts[0] if accounts else make_account(
                    company, adapter=adapter, section=section)
                template = make_template(text)
                mailing = make_mailing(
                    company, account, template, self.parties[:count])
                pool.get('mailing.mailing').prepare([mailing])
                return mailing.id
        return self.transact(make)

    def start(self, mailing):
        def start():
            Mailing = Pool().get('mailing.mailing')
            Mailing.start([Mailing(mailing)])
            # The tests send for themselves
            Transaction().tasks.clear()
        self.transact(start)

    def ids(self, mailing, *states):
        def search():
            domain = [('mailing', '=', mailing)]
            if states:
                domain.append(('state', 'in', states))
            return [m.id for m in Pool().get('mailing.message').search(
                    domain, order=[('id', 'ASC')])]
        return self.transact(search)

    def states(self, mailing):
        def count():
            return Counter(m.state for m in Pool().get(
                    'mailing.message').search([('mailing', '=', mailing)]))
        return dict(self.transact(count))

    def send(self, ids):
        def send():
            Message = Pool().get('mailing.message')
            Message.send(Message.browse(ids))
        self.transact(send)

    def worker(self, ids):
        "Send ids in a process of its own, return its number"
        pid = os.fork()
        if not pid:
            try:
                self.send(ids)
            except backend.DatabaseOperationalError:
                os._exit(3)
            finally:
                os._exit(0)
        return pid

    def sweep(self):
        "Let time pass for the claims of the dead"
        def sweep():
            sending.sweep(dt.datetime.now() + 2 * sending.STALE)
        self.transact(sweep)

    def tokens(self, mailing, *states):
        def read():
            return {m.token for m in Pool().get('mailing.message').search([
                        ('mailing', '=', mailing),
                        ('state', 'in', states)])}
        return self.transact(read)

    def assertHonest(self, mailing, server, count):
        "Nobody was written to twice, nobody forgotten, no state lies"
        sent = self.tokens(mailing, 'sent')
        unknown = self.tokens(mailing, 'unknown')
        self.assertEqual(len(sent) + len(unknown), count)
        self.assertEqual(
            {t: n for t, n in server.tokens.items() if n > 1}, {},
            "sent twice")
        self.assertLessEqual(sent, set(server.tokens), "never left")
        self.assertLessEqual(set(server.tokens), sent | unknown)
        return len(unknown)


class FaultTestCase(MailingCase):
    "Test mailings while processes and connections die"
    people = 500

    def account_section(self, server, name):
        set_section(
            f'sms_mailing_{name}',
            url=f'http://127.0.0.1:{server.server_port}/', body='{token}',
            content_type='text/plain', timeout='5')

    def test_kill_worker(self):
        "kill -9 of the worker at 50 moments of a mailing of 500"
        kills = 0
        with gateway(0.02) as server:
            self.account_section(server, 'kill')
            mailing = self.mailing('http', 'kill', 500)
            self.start(mailing)
            while ids := self.ids(mailing, 'queued'):
                pid = self.worker(ids)
                if kills < 50:
                    time.sleep(self.random.uniform(0.01, 0.12))
                    os.kill(pid, signal.SIGKILL)
                    kills += 1
                os.waitpid(pid, 0)
            self.sweep()
            unknown = self.assertHonest(mailing, server, 500)
        self.assertEqual(kills, 50)
        # Each kill leaves what the worker held and no more
        self.assertLessEqual(unknown, 50 * 8)
        self.assertGreater(len(self.tokens(mailing, 'sent')), 50)

    def test_connections_cut(self):
        "The database drops all connections in between"
        def cut():
            cursor = Transaction().connection.cursor()
            cursor.execute(
                'SELECT pg_terminate_backend(pid) FROM pg_stat_activity '
                'WHERE datname = current_database() '
                'AND pid <> pg_backend_pid()')
        with gateway(0.01) as server:
            self.account_section(server, 'cut')
            mailing = self.mailing('http', 'cut', 200)
            self.start(mailing)
            for _ in range(5):
                pid = self.worker(self.ids(mailing, 'queued'))
                time.sleep(self.random.uniform(0.1, 0.3))
                self.transact(cut)
                os.waitpid(pid, 0)
            while ids := self.ids(mailing, 'queued'):
                os.waitpid(self.worker(ids), 0)
            self.sweep()
            self.assertHonest(mailing, server, 200)

    def test_two_workers(self):
        "Workers that are given the same messages share them"
        with gateway(0.005) as server:
            self.account_section(server, 'two')
            mailing = self.mailing('http', 'two', 200)
            self.start(mailing)
            ids = self.ids(mailing)
            for pid in [self.worker(ids) for _ in range(3)]:
                os.waitpid(pid, 0)
            self.assertEqual(self.assertHonest(mailing, server, 200), 0)

    def test_two_users(self):
        "Two users start the same mailing at once: sent once"
        def start():
            self.start(mailing)
            self.send(self.ids(mailing))
        with gateway(0.002) as server:
            self.account_section(server, 'users')
            mailing = self.mailing('http', 'users', 100)
            self.assertNoError(self.together(start, start))
            self.start(mailing)
            self.send(self.ids(mailing))
            self.assertEqual(self.assertHonest(mailing, server, 100), 0)
            self.assertEqual(sum(server.tokens.values()), 100)

    def test_maximum_cost(self):
        "The money is not overspent, whoever spends it"
        def limit():
            Mailing = Pool().get('mailing.mailing')
            Mailing.write([Mailing(mailing)], {'max_cost': 2})
        with gateway(0.002) as server:
            self.account_section(server, 'cost')
            mailing = self.mailing('http', 'cost', 100)
            self.transact(limit)
            self.start(mailing)
            ids = self.ids(mailing)
            for pid in [self.worker(ids) for _ in range(2)]:
                os.waitpid(pid, 0)
            self.assertEqual(sum(server.tokens.values()), 40)
        self.assertEqual(
            self.transact(
                lambda: Pool().get('mailing.mailing')(mailing).state),
            'paused')


class CrashCase(MailingCase):
    "The server of the database dies; run on a cluster of its own"
    people = 500

    def test_crash(self):
        "Nobody is written to twice, nobody is forgotten"
        cluster, crashes = Cluster(os.environ[OWN_CLUSTER]), 0
        with gateway(0.05) as server:
            set_section(
                'sms_mailing_crash',
                url=f'http://127.0.0.1:{server.server_port}/',
                body='{token}', content_type='text/plain', timeout='5')
            mailing = self.mailing('http', 'crash', 500)
            self.start(mailing)
            while ids := self.ids(mailing, 'queued'):
                pid = self.worker(ids[:100])
                time.sleep(self.random.uniform(0.1, 0.3))
                cluster.crash()
                crashes += 1
                os.waitpid(pid, 0)
            self.sweep()
            self.assertHonest(mailing, server, 500)
        self.assertGreaterEqual(crashes, 5)


class CrashTestCase(unittest.TestCase):
    "Test mailings while the server of the database dies"

    def test_crash(self):
        require(
            backend.name == 'postgresql',
            "needs PostgreSQL: python -m caravan.testing.cluster")
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            path = Path(folder, 'cluster')
            with Cluster(path) as cluster:
                result = subprocess.run(
                    [sys.executable, '-m', 'unittest', Path(__file__).name],
                    cwd=Path(__file__).parent, text=True,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                    env={
                        **os.environ, **cluster.environment('test_crash'),
                        OWN_CLUSTER: str(path),
                        # As by default: the clusters of the tests may
                        # forget what they were told last
                        'PGOPTIONS': '-c synchronous_commit=on'})
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertIn("Ran 1 test", result.stdout)


class KannelTestCase(MailingCase):
    "Test a real gateway: submit, receipts, replies, down and back"
    people = 60

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        require(find_programs(), "needs kannel and kannel-extras")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        port = free_port()

        def account():
            company = Pool().get('company.company')(cls.company)
            set_section('sms_mailing_kannel', url='http://127.0.0.1:9/',
                username='-', password='-')
            return make_account(
                company, adapter='kannel', section='kannel',
                sender='13013').id
        cls.account = cls.transact(cls, account)
        url = f'http://127.0.0.1:{port}'
        cls.kannel = Kannel(
            Path(folder.name, 'kannel'),
            f'{url}/{DB_NAME}/mailing/in/{cls.account}/in-secret')
        options = {**cls.kannel.options, 'secret': 'in-secret'}
        set_section('sms_mailing_kannel', **options)
        set_section('sms_mailing', url=url)
        uri = config.get('database', 'uri').rstrip('/')
        cls.server = Server(
            f'{uri}/{DB_NAME}', Path(folder.name, 'trytond'), port=port,
            sections={'sms_mailing_kannel': options})
        cls.addClassCleanup(cls.server.stop)
        cls.server.start()
        cls.kannel.configure()
        cls.addClassCleanup(cls.kannel.stop)
        cls.kannel.start()

    def fold(self):
        self.transact(lambda: Pool().get('mailing.event').fold())

    def wait(self, condition, timeout=20):
        "Fold receipts until condition() holds"
        end = time.monotonic() + timeout
        while not condition() and time.monotonic() < end:
            time.sleep(0.2)
            self.fold()

    def texts(self):
        return Counter(text for _, _, text in self.kannel.received())

    def test_1_delivery(self):
        "Long and Unicode texts arrive once, receipts come back"
        for text in ["Plain {party.name}", "Привет, {party.name}",
                "Long {party.name} " + "x" * 300]:
            mailing = self.mailing('kannel', 'kannel', 20, text)
            self.start(mailing)
            self.send(self.ids(mailing))
            self.wait(lambda: self.states(mailing) == {'delivered': 20})
            self.assertEqual(self.states(mailing), {'delivered': 20})
        texts = self.texts()
        for i in range(20):
            self.assertEqual(texts[f"Plain Person {i}"], 1)
            self.assertEqual(texts[f"Привет, Person {i}"], 1)

    def test_2_stop(self):
        "STOP on the phone is a refusal at once"
        self.kannel.incoming('+37369000003', 'STOP')

        def replies():
            return self.transact(lambda: [
                    (i.address, i.keyword, i.state)
                    for i in Pool().get('mailing.inbound').search([])])
        self.wait(replies)
        self.assertEqual(replies(), [('+37369000003', 'stop', 'handled')])
        mailing = self.mailing('kannel', 'kannel', 10)

        def reasons():
            return [
                (r.party.name, r.reason)
                for r in Pool().get('mailing.recipient').search([
                        ('mailing', '=', mailing),
                        ('state', '=', 'excluded')])]
        self.assertEqual(
            self.transact(reasons), [("Person 3", 'refused')])

    def test_3_down_and_back(self):
        "The gateway is away and comes back: nothing lost, nothing doubled"
        mailing = self.mailing('kannel', 'kannel', 40, "Again {party.name}")
        self.start(mailing)
        ids = self.ids(mailing)
        count = len(ids)
        self.assertGreater(count, 30)
        self.send(ids[:10])
        self.kannel.kill()
        self.send(ids)
        states = self.states(mailing)
        self.assertEqual(states['queued'], count - 10)
        self.kannel.start()

        def due():
            Message = Pool().get('mailing.message')
            Message.write(Message.search([
                        ('mailing', '=', mailing),
                        ('state', '=', 'queued')]), {'not_before': None})
        self.transact(due)
        self.send(ids)
        self.wait(lambda: self.states(mailing) == {'delivered': count})
        self.assertEqual(
            set(self.states(mailing)) - {'sent', 'delivered'}, set())
        texts = self.texts()
        again = {t: n for t, n in texts.items() if t.startswith("Again")}
        self.assertEqual(set(again.values()), {1})
        self.assertEqual(len(again), count)


del PostgreSQLTestCase
del MailingCase
if OWN_CLUSTER in os.environ:
    del CrashTestCase, FaultTestCase, KannelTestCase
else:
    del CrashCase
