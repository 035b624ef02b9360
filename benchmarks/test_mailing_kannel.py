# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Messages through a real Kannel against the smsbox alone.

    python -m caravan.testing.cluster -m unittest \\
        benchmarks/test_mailing_kannel.py

Two workers send, a trytond takes the receipts; the same number of messages
goes to the smsbox by plain HTTP in the same run.  MAILING_MESSAGES in the
environment takes another number than 1,000.
"""
import os
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from caravan.server import Server, free_port
from caravan.testing.concurrency import PostgreSQLTestCase
from caravan.testing.environment import require
from caravan.testing.kannel import Kannel, find_programs
from trytond import config
from trytond.modules.company.tests import create_company
from trytond.modules.sms_mailing.adapters.transport import Client
from trytond.modules.sms_mailing.tests.fixtures import (
    make_account, make_mailing, make_template)
from trytond.pool import Pool
from trytond.tests.test_tryton import DB_NAME
from trytond.transaction import Transaction

MESSAGES = int(os.environ.get('MAILING_MESSAGES', 1000))
WORKERS = 2


class KannelRateTestCase(PostgreSQLTestCase):
    "Measure how many messages leave and come back as receipts"
    modules = ['sms_mailing']

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        require(find_programs(), "needs kannel and kannel-extras")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        port = free_port()
        cls.kannel = Kannel(Path(folder.name, 'kannel'))
        options = {**cls.kannel.options, 'connections': '16'}
        for section, values in [
                ('sms_mailing_kannel', options),
                ('sms_mailing', {'url': f'http://127.0.0.1:{port}'})]:
            if not config.has_section(section):
                config.add_section(section)
            for option, value in values.items():
                config.set(section, option, value)
        cls.mailing = cls.transact(cls, cls.prepare)
        uri = config.get('database', 'uri').rstrip('/')
        server = Server(
            f'{uri}/{DB_NAME}', Path(folder.name, 'trytond'), port=port,
            sections={'sms_mailing_kannel': options},
            environ={'PYTHONOPTIMIZE': '1'})
        cls.addClassCleanup(server.stop)
        server.start()
        cls.kannel.configure()
        cls.addClassCleanup(cls.kannel.stop)
        cls.kannel.start()

    @classmethod
    def prepare(cls):
        pool = Pool()
        company = create_company()
        parties = pool.get('party.party').create([{
                    'name': f"Person {i}",
                    'code': f'R{i}',
                    'contact_mechanisms': [('create', [{
                                    'type': 'mobile',
                                    'value': f'+37369{i:06}',
                                    }])],
                    } for i in range(MESSAGES)])
        with Transaction().set_context(company=company.id):
            account = make_account(
                company, adapter='kannel', section='kannel')
            mailing = make_mailing(
                company, account, make_template(), parties)
            Mailing = pool.get('mailing.mailing')
            Mailing.prepare([mailing])
            Mailing.start([Mailing(mailing.id)])
            Transaction().tasks.clear()
        return mailing.id

    def raw(self):
        "Return the messages a second of the smsbox alone"
        options = self.kannel.options
        client = Client(options['url'], connections=16)
        path = urlsplit(options['url']).path

        def submit(i):
            return client.request('GET', f'{path}?' + urlencode({
                        'username': options['username'],
                        'password': options['password'],
                        'to': f'+37368{i:06}', 'text': f"Hello {i}"}))[0]
        start = time.perf_counter()
        self.assertEqual(
            set(client.map(submit, range(MESSAGES))), {202})
        duration = time.perf_counter() - start
        client.close()
        return MESSAGES / duration

    def ids(self):
        return self.transact(lambda: [m.id for m in Pool().get(
                    'mailing.message').search([
                        ('mailing', '=', self.mailing)])])

    def send(self, ids):
        def send():
            Message = Pool().get('mailing.message')
            Message.send(Message.browse(ids))
        self.transact(send)

    def worker(self, ids):
        pid = os.fork()
        if not pid:
            try:
                self.send(ids)
            finally:
                os._exit(0)
        return pid

    def delivered(self):
        def count():
            pool = Pool()
            pool.get('mailing.event').fold()
            return pool.get('mailing.message').search([
                    ('mailing', '=', self.mailing),
                    ('state', '=', 'delivered')], count=True)
        return self.transact(count)

    def test_rate(self):
        raw = self.raw()
        ids = self.ids()
        start = time.perf_counter()
        for pid in [self.worker(ids[i::WORKERS]) for i in range(WORKERS)]:
            os.waitpid(pid, 0)
        sent = time.perf_counter() - start
        while (self.delivered() < MESSAGES
                and time.perf_counter() - start < 120):
            time.sleep(0.1)
        done = time.perf_counter() - start
        self.assertEqual(self.delivered(), MESSAGES)
        print(
            f"smsbox alone {raw:.0f}/s, sent {MESSAGES / sent:.0f}/s "
            f"(ratio {MESSAGES / sent / raw:.2f}), receipts folded "
            f"{MESSAGES / done:.0f}/s (ratio {MESSAGES / done / raw:.2f})")
        rate = MESSAGES / done
        self.assertTrue(rate >= 200 or rate >= 0.5 * raw)


del PostgreSQLTestCase
