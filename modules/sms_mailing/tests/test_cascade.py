# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Messages after the first, texts to compare."""
import datetime as dt
from decimal import Decimal

from caravan.testing import count_queries
from trytond.modules.sms_mailing import cascade
from trytond.modules.sms_mailing.adapters import (
    ACCEPTED, REJECTED, UNKNOWN, Report, Result)
from trytond.modules.sms_mailing.exceptions import MailingValidationError
from trytond.modules.sms_mailing.sending import Outbox
from trytond.modules.sms_mailing.tests.extras import ExtrasTestCase
from trytond.modules.sms_mailing.tests.fixtures import (
    make_account, make_mailing, make_parties, make_template)
from trytond.pool import Pool
from trytond.transaction import Transaction

HOUR = dt.timedelta(hours=1)


class CascadeTestCase(ExtrasTestCase):
    "Test mailings of several messages and texts"

    def setUp(self):
        super().setUp()
        self.now = dt.datetime.now()
        self.accounts = {'sms': self.account}

    def account_of(self, channel):
        if channel not in self.accounts:
            self.accounts[channel] = make_account(
                self.company, channel=channel, cost=Decimal('0.01'))
        return self.accounts[channel]

    def mailing(self, parties, *channels, **values):
        "Return a prepared mailing with a message an hour by each channel"
        pool = Pool()
        first, *others = [
            make_template(
                f"By {c}", channel=c,
                **({'subject': "Hi"} if c == 'email' else {}))
            for c in channels]
        mailing = make_mailing(
            self.company, self.account_of(channels[0]), first, parties,
            **values)
        pool.get('mailing.mailing.step').create([{
                    'mailing': mailing.id,
                    'sequence': index,
                    'template': template.id,
                    'account': self.account_of(template.channel).id,
                    'wait': HOUR,
                    } for index, template in enumerate(others, 10)])
        mailing = pool.get('mailing.mailing')(mailing.id)
        pool.get('mailing.mailing').prepare([mailing])
        return mailing

    def start(self, mailing):
        Pool().get('mailing.mailing').start([mailing])
        Transaction().tasks.clear()

    def clear(self):
        for cache in Transaction().cache.values():
            cache.clear()

    def messages(self, mailing):
        self.clear()
        return Pool().get('mailing.message').search(
            [('mailing', '=', mailing.id)], order=[('id', 'ASC')])

    def sent(self, mailing):
        "Return {party: channels it was written to by}"
        result = {}
        for message in self.messages(mailing):
            result.setdefault(message.party.name, []).append(message.channel)
        return result

    def submit(self, mailing, **results):
        "Send what waits with the result of each party, accepted by default"
        waiting = [
            m for m in self.messages(mailing) if m.state == 'queued']
        for account in {m.account for m in waiting}:
            names = {
                m.id: m.party.name for m in waiting if m.account == account}
            outbox, ids = Outbox(account), list(names)
            _, outgoing = outbox.claim(ids, outbox.write_out(ids))
            outbox.record(outgoing, [
                    results.get(names[o.id], Result(ACCEPTED))
                    for o in outgoing])

    def people(self, **mechanisms):
        return make_parties(**mechanisms)

    def test_undelivered(self):
        "The next message goes to those whom the one before did not reach"
        Event = Pool().get('mailing.event')
        Mailing = Pool().get('mailing.mailing')
        names = ['Arrived', 'Lost', 'Rejected', 'Silent', 'Replied', 'Unsure']
        parties = self.people(**{
                n: [('mobile', f'+3736900000{i}')]
                for i, n in enumerate(names)})
        mailing = self.mailing(parties, 'viber', 'sms')
        self.start(mailing)
        self.assertEqual(self.sent(mailing), {n: ['viber'] for n in names})
        self.submit(
            mailing, Unsure=Result(UNKNOWN), Rejected=Result(REJECTED),
            Arrived=Result(ACCEPTED, reports=(Report('delivered'),)),
            Lost=Result(ACCEPTED, reports=(Report('undelivered'),)))
        replied, = [
            m for m in self.messages(mailing) if m.party.name == 'Replied']
        Event.add(None, [(replied.id, Report('reply', raw='1'))])
        self.assertEqual(cascade.escalate(self.now), 2)
        self.assertEqual(cascade.escalate(self.now), 0)
        self.assertEqual(cascade.escalate(self.now + 2 * HOUR), 2)
        self.assertEqual(self.sent(mailing), {
                n: ['viber'] if n in {'Arrived', 'Replied'}
                else ['viber', 'sms'] for n in names})
        self.submit(mailing)
        self.assertEqual(cascade.escalate(self.now + 9 * HOUR), 0)
        Mailing.finish()
        self.clear()
        self.assertEqual(mailing.state, 'done')

    def test_awaited(self):
        "A mailing runs as long as a next message may be called for"
        pool = Pool()
        Mailing = pool.get('mailing.mailing')
        ann, = self.people(Ann=[('mobile', '+37369000001')])
        mailing = self.mailing([ann], 'viber', 'sms')
        self.start(mailing)
        self.submit(mailing)
        Mailing.finish()
        self.clear()
        self.assertEqual(mailing.state, 'running')
        Mailing.pause([mailing])
        self.assertEqual(cascade.escalate(self.now + 2 * HOUR), 0)
        Mailing.resume([mailing])
        self.assertEqual(cascade.escalate(self.now + 2 * HOUR), 1)

    def test_too_late(self):
        "After the latest start nothing more is called for"
        pool = Pool()
        Mailing = pool.get('mailing.mailing')
        ann, = self.people(Ann=[('mobile', '+37369000001')])
        mailing = self.mailing(
            [ann], 'viber', 'sms', latest_start=self.now + HOUR)
        self.start(mailing)
        self.submit(mailing)
        self.assertTrue(cascade.is_awaited(mailing))
        self.assertFalse(cascade.is_awaited(mailing, self.now + 2 * HOUR))
        self.assertEqual(cascade.escalate(self.now + 2 * HOUR), 0)
        self.assertEqual(Mailing(mailing.id).state, 'running')

    def test_unread(self):
        "What was delivered but not read may be repeated by voice"
        Step = Pool().get('mailing.mailing.step')
        ann, bob = self.people(
            Ann=[('mobile', '+37369000001')], Bob=[('mobile', '+37369000002')])
        mailing = self.mailing([ann, bob], 'viber', 'voice')
        Step.write([mailing.steps[1]], {'condition': 'unread'})
        self.start(mailing)
        self.submit(mailing, **{
                'Ann': Result(ACCEPTED, reports=(Report('read'),)),
                'Bob': Result(ACCEPTED, reports=(Report('delivered'),))})
        self.assertEqual(cascade.escalate(self.now + 2 * HOUR), 1)
        self.assertEqual(
            self.sent(mailing), {'Ann': ['viber'], 'Bob': ['viber', 'voice']})

    def test_no_address(self):
        "Who has no address of a channel gets the message by the next"
        parties = self.people(
            Both=[('mobile', '+37369000001'), ('email', 'both@example.com')],
            Mobile=[('mobile', '+37369000002')],
            Phone=[('phone', '+37322000003')],
            Mail=[('email', 'mail@example.com')], Nothing=[])
        mailing = self.mailing(parties, 'email', 'sms', 'voice')
        recipients = Pool().get('mailing.recipient').search(
            [('mailing', '=', mailing.id)])
        self.assertEqual(
            {r.party.name: (r.channel, r.reason) for r in recipients}, {
                'Both': ('email', None), 'Mobile': ('sms', None),
                'Phone': ('voice', None), 'Mail': ('email', None),
                'Nothing': ('email', 'no_address')})
        self.start(mailing)
        self.assertEqual(self.sent(mailing), {
                'Both': ['email'], 'Mobile': ['sms'], 'Phone': ['voice'],
                'Mail': ['email']})
        lost = Result(ACCEPTED, reports=(Report('undelivered'),))
        arrived = Result(ACCEPTED, reports=(Report('delivered'),))
        self.submit(mailing, Both=lost, Mail=lost, Mobile=arrived)
        cascade.escalate(self.now)
        self.assertEqual(self.sent(mailing)['Both'], ['email', 'sms'])
        self.assertEqual(self.sent(mailing)['Mail'], ['email'])
        self.submit(mailing, Both=lost)
        cascade.escalate(self.now)
        self.assertEqual(self.sent(mailing)['Both'], ['email', 'sms', 'voice'])
        both = self.messages(mailing)[-1]
        self.assertEqual(both.address, '+37369000001')
        self.assertFalse(cascade.is_awaited(mailing, self.now))

    def test_refused(self):
        "Who refuses in between gets no next message"
        Refusal = Pool().get('mailing.refusal')
        ann, = self.people(Ann=[('mobile', '+37369000001')])
        mailing = self.mailing([ann], 'viber', 'sms')
        self.start(mailing)
        self.submit(mailing, Ann=Result(REJECTED))
        Refusal.create([{'party': ann.id, 'channel': 'sms'}])
        cascade.escalate(self.now)
        self.submit(mailing)
        self.assertEqual(
            [(m.channel, m.state) for m in self.messages(mailing)],
            [('viber', 'failed'), ('sms', 'cancelled')])

    def test_price(self):
        "The price is that of the first messages, at most that of all"
        parties = self.people(
            Ann=[('mobile', '+37369000001')], Bob=[('mobile', '+37369000002')])
        mailing = self.mailing(parties, 'viber', 'sms')
        self.clear()
        self.assertEqual(
            [(p.step, p.first, p.messages, p.cost) for p in mailing.prices], [
                (1, True, 2, Decimal('0.02')), (2, False, 2, Decimal('0.10'))])
        self.assertEqual(mailing.estimated_cost, Decimal('0.02'))
        self.assertEqual(mailing.highest_cost, Decimal('0.12'))

    def test_no_wait(self):
        "A next message that does not say how long to wait is refused"
        pool = Pool()
        Mailing = pool.get('mailing.mailing')
        ann, = self.people(Ann=[('mobile', '+37369000001')])
        mailing = self.mailing([ann], 'viber', 'sms')
        Mailing.draft([mailing])
        pool.get('mailing.mailing.step').write(
            [mailing.steps[1]], {'wait': None})
        with self.assertRaises(MailingValidationError):
            Mailing.prepare([Mailing(mailing.id)])

    def test_variants(self):
        "The group is shared out by weight, each gets the text of the share"
        pool = Pool()
        parties = self.people(**{
                f'P{i}': [('mobile', f'+373690000{i:02}')]
                for i in range(40)})
        other = make_template("Another text, {party.name}")
        mailing = make_mailing(
            self.company, self.account, make_template(), parties,
            variants=[('create', [{
                            'name': "B", 'template': other.id,
                            'weight': 3}])])
        pool.get('mailing.mailing').prepare([mailing])
        self.start(mailing)
        self.submit(mailing, P0=Result(
                ACCEPTED, reports=(Report('delivered'),)))
        texts = [m.text.partition(' ')[0] for m in self.messages(mailing)]
        self.assertEqual(
            {m.text for m in self.messages(mailing) if m.recipient.variant},
            {m.text for m in self.messages(mailing)
                if m.template == other})
        self.assertEqual(len(texts), 40)
        self.assertTrue(24 <= texts.count("Another") <= 36, texts)
        with Transaction().set_context(company=self.company.id):
            rows = pool.get('mailing.reporting.variant').search([])
        self.assertEqual(
            {r.variant.name if r.variant else None: r.sent for r in rows},
            {"B": texts.count("Another"), None: texts.count("Hello")})

    def test_queries(self):
        "A mailing is prepared and queued in few queries"
        pool = Pool()
        Message = pool.get('mailing.message')
        Recipient = pool.get('mailing.recipient')
        ann, = self.people(Ann=[('mobile', '+37369000001')])
        for warm in [False, True]:
            mailing = make_mailing(
                self.company, self.account, make_template(), [ann])
            pool.get('mailing.segment').write(
                list(mailing.segments), {'everybody': True})
            for method in [Recipient.snapshot, Message.enqueue]:
                self.clear()
                mailing = pool.get('mailing.mailing')(mailing.id)
                self.assertTrue(mailing.steps[0].channel)
                self.assertFalse(mailing.segments[0].criteria)
                self.assertTrue(mailing.topic.purpose)
                with self.subTest(method=method), count_queries() as log:
                    self.assertGreater(method(mailing), 0)
                    if warm:
                        self.assertLessEqual(len(log), 8, log)

    def test_variant_channel(self):
        "A variant is of the channel of the first message"
        pool = Pool()
        mailing = make_mailing(
            self.company, self.account, make_template(),
            self.people(Ann=[('mobile', '+37369000001')]),
            variants=[('create', [{
                            'name': "B", 'template': make_template(
                                channel='viber').id}])])
        with self.assertRaises(MailingValidationError):
            pool.get('mailing.mailing').prepare([mailing])

    def test_scanner(self):
        "A program that follows a link has reached nobody"
        pool = Pool()
        Event = pool.get('mailing.event')
        Report_ = pool.get('mailing.mailing', type='report')
        ann, = self.people(Ann=[('mobile', '+37369000001')])
        mailing = self.mailing([ann], 'viber', 'sms')
        self.start(mailing)
        self.submit(mailing, Ann=Result(
                ACCEPTED, reports=(Report('undelivered'),)))
        message, = self.messages(mailing)
        Event.add(None, [(message.id, Report(
                        'click', code='scanner', raw='1'))])
        event, = Event.search([('kind', '=', 'click')])
        self.assertTrue(event.scanner)
        answers = Report_.get_context([mailing], {}, {})['answers'](mailing)
        self.assertNotIn("Click", [label for label, _ in answers])
        self.assertEqual(cascade.escalate(self.now), 1)

    def test_refused_channel(self):
        "A refusal counts for the channel that reaches the person"
        pool = Pool()
        parties = self.people(**{
                n: [('mobile', f'+3736900000{i}')]
                for i, n in enumerate(["Mail", "Mobile", "Consent"])})
        mail, mobile, consent = parties
        pool.get('mailing.refusal').create([
                {'party': mail.id, 'channel': 'email'},
                {'party': mobile.id, 'channel': 'sms'}])
        mailing = self.mailing(parties, 'email', 'sms')

        def reasons():
            return {
                r.party: r.reason
                for r in pool.get('mailing.recipient').search(
                    [('mailing', '=', mailing.id)])}

        self.assertEqual(
            reasons(), {mail: None, mobile: 'refused', consent: None})
        pool.get('mailing.topic').write(
            [mailing.topic], {'consent_required': True})
        pool.get('mailing.consent').create([{
                    'party': party.id, 'channel': channel, 'how': 'paper',
                    'wording': "Yes"}
                for party, channel in [(mail, 'email'), (consent, 'sms')]])
        pool.get('mailing.mailing').draft([mailing])
        pool.get('mailing.mailing').prepare([mailing])
        self.assertEqual(reasons(), {
                mail: 'no_consent', mobile: 'refused', consent: None})


del ExtrasTestCase
