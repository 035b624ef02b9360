# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The recipients of a mailing against the same rows by a plain INSERT.

    python -m caravan.testing.cluster -m unittest \\
        benchmarks/test_mailing_prepare.py

100,000 people with 5,000 refusals, 1,000 shared numbers and 20,000 earlier
messages; MAILING_PEOPLE in the environment takes another number.
"""
import os
import resource
import time
from statistics import median

from caravan.testing.concurrency import PostgreSQLTestCase
from caravan.testing.queries import count_queries
from trytond.modules.company.tests import create_company
from trytond.modules.sms_mailing.tests.fixtures import (
    make_account, make_template)
from trytond.pool import Pool
from trytond.transaction import Transaction

PEOPLE = int(os.environ.get('MAILING_PEOPLE', 100_000))
RUNS = 3

PARTIES = """
INSERT INTO party_party (name, code, active, create_date)
SELECT 'Person ' || i, 'B' || i, true, now()
FROM generate_series(1, %(people)s) AS i
"""
MOBILES = """
INSERT INTO party_contact_mechanism
    (party, type, value, value_compact, active, create_date)
SELECT id, 'mobile', '+37369' || n, '+37369' || n, true, now()
FROM (SELECT id, CASE WHEN id %% 100 = 0 THEN 1000000 ELSE
        1000000 + row_number() OVER (ORDER BY id) END AS n
    FROM party_party WHERE code LIKE 'B%%') AS p
"""
REFUSALS = """
INSERT INTO mailing_refusal (party, scope, reason, since, create_date)
SELECT id, 'marketing', 'said', current_date - 10, now()
FROM party_party WHERE code LIKE 'B%%' AND id %% 20 = 1
"""
HISTORY = """
INSERT INTO mailing_message
    (company, party, account, channel, topic, purpose, address, token,
        dedup_key, state, create_date, attempts)
SELECT %(company)s, id, %(account)s, 'sms', %(topic)s, 'marketing', '+1', 't',
    'history:' || id, 'delivered', now() - interval '3 days', 1
FROM party_party WHERE code LIKE 'B%%' AND id %% 5 = 2
"""
PLAIN_RECIPIENTS = """
INSERT INTO mailing_recipient
    (create_uid, create_date, mailing, channel, party, contact_mechanism,
        address, state)
SELECT 0, now(), %(mailing)s, 'sms', p.id, m.id, m.value_compact, 'included'
FROM party_party AS p
LEFT JOIN party_contact_mechanism AS m ON m.party = p.id
WHERE p.active
"""
PLAIN_MESSAGES = """
INSERT INTO mailing_message
    (create_uid, create_date, company, mailing, step, channel, account,
        template, topic, purpose, state, attempts, simulate, party, recipient,
        address, token, dedup_key)
SELECT 0, now(), %(company)s, %(mailing)s, 0, 'sms', %(account)s, %(template)s,
    %(topic)s, 'marketing', 'queued', 0, false, r.party, r.id, r.address,
    gen_random_uuid()::varchar, 'plain:' || %(run)s || ':' || r.party
FROM mailing_recipient AS r
WHERE r.mailing = %(mailing)s AND r.address IS NOT NULL
"""


class PrepareTestCase(PostgreSQLTestCase):
    "Measure what is done to all people at once"
    modules = ['sms_mailing']

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.values = cls.transact(cls, cls.prepare)

    @classmethod
    def prepare(cls):
        pool = Pool()
        company = create_company()
        with Transaction().set_context(company=company.id):
            account = make_account(company)
            template = make_template()
            segment, = pool.get('mailing.segment').create([
                    {'name': "All", 'everybody': True}])
            mailings = pool.get('mailing.mailing').create([{
                        'name': f"Mailing {i}",
                        'company': company.id,
                        'topic': template.topic.id,
                        'segments': [('add', [segment.id])],
                        'frequency_cap': 50,
                        'frequency_days': 7,
                        'steps': [('create', [{
                                        'template': template.id,
                                        'account': account.id,
                                        }])],
                        } for i in range(2 * RUNS)])
        values = {
            'people': PEOPLE, 'company': company.id, 'account': account.id,
            'template': template.id, 'topic': template.topic.id,
            'mailings': list(map(int, mailings))}
        cursor = Transaction().connection.cursor()
        for statement in [PARTIES, MOBILES, REFUSALS, HISTORY]:
            cursor.execute(statement, values)
        Transaction().connection.commit()
        cursor.execute('ANALYZE')
        return values

    def measure(self, function, *args):
        """Return what function returns, its seconds and its queries

        args are made before the clock runs, as a button has read its record.
        """
        def run():
            with Transaction().set_context(company=self.values['company']):
                values = [a() for a in args]
                with count_queries() as queries:
                    start = time.perf_counter()
                    result = function(*values)
                    return (
                        result, time.perf_counter() - start, len(queries))
        return self.transact(run)

    def execute(self, statement, **values):
        def run():
            cursor = Transaction().connection.cursor()
            cursor.execute(statement, {**self.values, **values})
            return cursor.rowcount
        return self.measure(run)

    def ours(self, id_, method):
        "Measure a method on a mailing that the user has opened"
        def read():
            mailing = Pool().get('mailing.mailing')(id_)
            self.assertTrue(mailing.steps[0].channel)
            self.assertFalse(mailing.segments[0].criteria)
            self.assertTrue(mailing.topic.purpose)
            return mailing

        def run(mailing):
            pool = Pool()
            return {
                'snapshot': pool.get('mailing.recipient').snapshot,
                'enqueue': pool.get('mailing.message').enqueue,
                }[method](mailing)
        return self.measure(run, read)

    def test_prepare(self):
        "Snapshot with reasons and queue: at most three times the plain rows"
        mailings = self.values['mailings']
        seconds = {}
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for run in range(RUNS):
            plain, ours = mailings[2 * run:2 * run + 2]
            for name, measured in [
                    ('plain recipients', self.execute(
                            PLAIN_RECIPIENTS, mailing=plain)),
                    ('recipients', self.ours(ours, 'snapshot')),
                    ('plain messages', self.execute(
                            PLAIN_MESSAGES, mailing=plain, run=run)),
                    ('messages', self.ours(ours, 'enqueue')),
                    ]:
                rows, duration, queries = measured
                seconds.setdefault(name, []).append(duration)
                if not name.startswith('plain'):
                    self.assertLessEqual(queries, 8)
                    self.assertGreater(rows, 0.5 * PEOPLE)
            again, _, _ = self.ours(ours, 'snapshot')
            self.assertEqual(again, 0)
            again, _, _ = self.ours(ours, 'enqueue')
            self.assertEqual(again, 0)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
        ratios = {}
        for name in ['recipients', 'messages']:
            mine, plain = (
                median(seconds[n]) for n in [name, f'plain {name}'])
            ratios[name] = mine / plain
            print(
                f"{name}: {mine:.2f} s, plain {plain:.2f} s, "
                f"ratio {mine / plain:.2f}")
        print(f"memory grown by {grown / 1024:.0f} MB")
        self.assertLess(grown, 100 * 1024)
        for name, ratio in ratios.items():
            # Twice the goal leaves room for the noise of the machine
            self.assertLess(ratio, 6, name)


del PostgreSQLTestCase
