# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Accounts by number, limits of texts, prices, what became of messages."""
import datetime as dt
from decimal import Decimal
from unittest.mock import patch

from trytond.modules.company.tests import create_company
from trytond.modules.currency.exceptions import RateError
from trytond.modules.sms_mailing import sending
from trytond.modules.sms_mailing.adapters import (
    ACCEPTED, REJECTED, UNKNOWN, Incoming, Outgoing, Report, Result)
from trytond.modules.sms_mailing.exceptions import (
    AccountValidationError, AppendOnlyError, ApprovalError, ArchiveError,
    EmptyAudienceError, MailingValidationError, SendError, TemplateTextError)
from trytond.modules.sms_mailing.rendering import Content
from trytond.modules.sms_mailing.sending import Outbox
from trytond.modules.sms_mailing.tests.extras import ExtrasTestCase
from trytond.modules.sms_mailing.tests.fixtures import (
    make_account, make_mailing, make_parties, make_template)
from trytond.pool import Pool
from trytond.transaction import Transaction


class MailingTestCase(ExtrasTestCase):
    "Test a mailing from its preparation to its end"

    def people(self, *numbers):
        return make_parties(**{
                f'Person{i}': [('mobile', n)]
                for i, n in enumerate(numbers)})

    def prepared(self, parties, text="Hello {party.name}", **values):
        mailing = make_mailing(
            self.company, values.pop('account', self.account),
            make_template(text, **values), parties)
        Pool().get('mailing.mailing').prepare([mailing])
        return mailing

    def started(self, parties, **values):
        "Return the messages of a mailing that nobody has sent yet"
        pool = Pool()
        mailing = self.prepared(parties, **values)
        pool.get('mailing.mailing').start([mailing])
        Transaction().tasks.clear()
        return pool.get('mailing.message').search(
            [('mailing', '=', mailing.id)], order=[('id', 'ASC')])

    def recipients(self, mailing):
        Recipient = Pool().get('mailing.recipient')
        return Recipient.search(
            [('mailing', '=', mailing.id)], order=[('id', 'ASC')])

    def prices(self, mailing):
        self.clear()
        return [
            (p.parts, p.messages, p.cost)
            for p in Pool().get('mailing.mailing')(mailing.id).prices]

    def clear(self):
        for cache in Transaction().cache.values():
            cache.clear()

    def fresh(self, messages):
        "Return the messages as another transaction sees them"
        self.clear()
        return Pool().get('mailing.message').browse(list(map(int, messages)))

    def states(self, messages):
        return [(m.state, m.error_code) for m in self.fresh(messages)]

    def claim(self, messages):
        outbox, ids = Outbox(self.account), list(map(int, messages))
        _, outgoing = outbox.claim(ids, outbox.write_out(ids))
        return outbox, outgoing

    def test_prefixes(self):
        "A number leaves by the account that serves it"
        Account = Pool().get('mailing.account')
        moldova = make_account(
            self.company, prefixes="+373", cost=Decimal('0.01'))
        orange = make_account(
            self.company, prefixes="+373690, +373780", cost=Decimal('0.02'))
        routes = Account.routes('sms', self.company.id)
        self.assertEqual(
            [routes[n] for n in ['+37369000001', '+37360000001', '+4072']],
            [orange, moldova, self.account])
        messages = self.started(
            self.people('+37369000001', '+37360000001', '+40720000001'),
            account=moldova)
        self.assertEqual(
            [m.account for m in messages], [moldova, moldova, self.account])
        self.assertEqual(
            self.prices(messages[0].mailing), [(1, 3, Decimal('0.07'))])

    def test_unserved(self):
        "Who no account serves is left out with the reason"
        Account = Pool().get('mailing.account')
        Account.write([self.account], {'prefixes': "+373, +40"})
        mailing = self.prepared(self.people('+37369000001', '+33100000001'))
        self.assertEqual(
            {r.address: r.reason for r in self.recipients(mailing)},
            {'+37369000001': None, '+33100000001': 'no_account'})

    def test_prefix_wrong(self):
        "A prefix that no number begins with is refused"
        for prefixes in ["373", "+373;+40", "+3x"]:
            with self.subTest(prefixes=prefixes), \
                    self.assertRaises(AccountValidationError):
                make_account(self.company, prefixes=prefixes)

    def test_rule_prefixes(self):
        "Notices choose the account by the number too"
        pool = Pool()
        Rule = pool.get('mailing.rule')
        ann, bob = self.people('+37369000001', '+33100000001')
        moldova = make_account(self.company, prefixes="+373")
        pool.get('mailing.account').write(
            [self.account], {'prefixes': "+40"})
        today = pool.get('ir.date').today()
        pool.get('party.party').write(
            [ann, bob], {'birth_date': today.replace(year=1990, day=1)})
        rule = Rule(pool.get('ir.model.data').get_id(
                'sms_mailing', 'rule_birthday'))
        Rule.write([rule], {'since': today.replace(day=1)})
        Rule.scan(today.replace(day=1))
        messages = pool.get('mailing.message').search(
            [('rule', '=', rule.id)], order=[('party', 'ASC')])
        self.assertEqual(
            [(m.party, m.state, m.error_code) for m in messages], [
                (ann, 'queued', None), (bob, 'cancelled', 'no_account')])
        self.assertEqual(messages[0].account, moldova)

    def test_maximum_parts(self):
        "A text that grew longer than its template allows does not leave"
        messages = self.started(
            self.people('+37369000001'), max_parts=1, text="{party.name}")
        Pool().get('party.party').write(
            [messages[0].party], {'name': 'x' * 200})
        _, outgoing = self.claim(messages)
        self.assertEqual(outgoing, [])
        self.assertEqual(
            self.states(messages), [('cancelled', 'too_long')])

    def test_price_follows(self):
        "The price follows who is left out by hand"
        Recipient = Pool().get('mailing.recipient')
        mailing = self.prepared(self.people('+37369000001', '+37369000002'))
        self.assertEqual(self.prices(mailing), [(1, 2, Decimal('0.10'))])
        first, _ = self.recipients(mailing)
        Recipient.exclude([first])
        self.assertEqual(self.prices(mailing), [(1, 1, Decimal('0.05'))])
        Recipient.include([first])
        self.assertEqual(self.prices(mailing), [(1, 2, Decimal('0.10'))])

    def test_estimate_waiting(self):
        "The cron works out what no worker did, the start what is left"
        Mailing = Pool().get('mailing.mailing')
        mailing = self.prepared(self.people('+37369000001'))
        other = self.prepared(
            self.people('+37369000002'), text="From {party.city}[{today}]x")
        for record in [mailing, other]:
            Mailing.write([record], {'estimated': False})
        Mailing.estimate_waiting(dt.datetime(2000, 1, 1))
        self.clear()
        self.assertFalse(Mailing(mailing.id).estimated)
        Mailing.estimate_waiting()
        self.clear()
        self.assertTrue(Mailing(mailing.id).estimated)
        Mailing.write([other], {'estimated': False})
        with self.assertRaises(EmptyAudienceError):
            Mailing.start([Mailing(other.id)])

    def test_consent_withdrawn(self):
        "Who takes the consent back is not written to, whatever the topic"
        pool = Pool()
        Refusal = pool.get('mailing.refusal')
        ann, bob = self.people('+37369000001', '+37369000002')
        for _ in range(2):
            pool.get('mailing.consent').create([{
                        'party': ann.id, 'action': 'withdrawn',
                        'how': 'paper', 'wording': "No more offers"}])
        refusal, = Refusal.search([])
        self.assertEqual(
            (refusal.party, refusal.scope, refusal.channel),
            (ann, 'marketing', None))
        mailing = self.prepared([ann, bob])
        self.assertEqual(
            {r.party: r.reason for r in self.recipients(mailing)},
            {ann: 'refused', bob: None})

    def test_receipt_before_result(self):
        "A result that is lost takes nothing from an earlier receipt"
        Event = Pool().get('mailing.event')
        messages = self.started(self.people('+37369000001'))
        outbox, outgoing = self.claim(messages)
        Event.add(self.account.id, [(messages[0].id, Report('delivered'))])
        Event.fold()
        outbox.record(outgoing, [Result(UNKNOWN, error="timed out")])
        self.assertEqual(self.states(messages), [('delivered', None)])
        self.assertTrue(messages[0].sent_at)
        self.assertTrue(messages[0].final_at)

    def test_receipt_settles(self):
        "What a receipt settles left when it was claimed"
        pool = Pool()
        Event = pool.get('mailing.event')
        messages = self.started(self.people('+37369000001', '+37369000002'))
        outbox, outgoing = self.claim(messages)
        outbox.record(outgoing, [Result(UNKNOWN)] * 2)
        first, second = messages
        self.clear()
        self.assertIsNone(first.sent_at)
        Event.add(self.account.id, [(first.id, Report('delivered'))])
        Event.fold()
        pool.get('mailing.message').mark_sent([second])
        self.assertEqual(
            self.states(messages), [('delivered', None), ('sent', None)])
        self.assertEqual(first.sent_at, first.claimed_at)
        self.assertEqual(second.sent_at, second.claimed_at)

    def test_send_again(self):
        "What failed is sent again, but not after its mailing was cancelled"
        pool = Pool()
        Mailing = pool.get('mailing.mailing')
        Message = pool.get('mailing.message')
        messages = self.started(self.people('+37369000001'))
        outbox, outgoing = self.claim(messages)
        self.assertIsInstance(outgoing[0], Outgoing)
        outbox.record(outgoing, [Result(UNKNOWN)])
        Message.send_again(self.fresh(messages))
        Transaction().tasks.clear()
        self.assertEqual(self.states(messages), [('queued', None)])
        outbox, outgoing = self.claim(messages)
        outbox.record(outgoing, [Result(UNKNOWN)])
        Mailing.cancel([Mailing(messages[0].mailing.id)])
        with self.assertRaises(SendError):
            Message.send_again(self.fresh(messages))

    def test_held(self):
        "What a person holds back neither leaves nor ends its mailing"
        pool = Pool()
        Mailing = pool.get('mailing.mailing')
        Message = pool.get('mailing.message')
        messages = self.started(self.people('+37369000001', '+37369000002'))
        first, second = messages
        Message.hold([first])
        outbox, outgoing = self.claim(messages)
        self.assertEqual([o.id for o in outgoing], [second.id])
        outbox.record(outgoing, [Result(ACCEPTED)])
        Mailing.finish()
        # What is away can not be held any more
        Message.hold(self.fresh(messages))
        self.assertEqual(
            self.states(messages), [('held', None), ('sent', None)])
        self.assertEqual(Mailing(first.mailing.id).state, 'running')
        Message.release(self.fresh(messages))
        Transaction().tasks.clear()
        outbox, outgoing = self.claim(messages)
        outbox.record(outgoing, [Result(ACCEPTED)])
        self.assertEqual(
            self.states(messages), [('sent', None), ('sent', None)])

    def test_answers(self):
        "Opens and calls are counted once a message, programs are not"
        pool = Pool()
        ByMailing = pool.get('mailing.reporting.mailing')
        Event = pool.get('mailing.event')
        Message = pool.get('mailing.message')
        messages = self.started(self.people('+37369000001', '+37369000002'))
        Message.called(messages)
        Message.called(messages)
        self.assertFalse(Event.search([]))
        outbox, outgoing = self.claim(messages)
        outbox.record(outgoing, [Result(ACCEPTED)] * 2)
        first, second = self.fresh(messages)
        Message.called([first])
        Message.called([first])
        for raw, code in [('1', None), ('2', None), ('3', 'scanner')]:
            Event.add(self.account.id, [
                    (first.id, Report('open', code, raw=raw))])
        Event.add(self.account.id, [
                (second.id, Report('open', 'scanner', raw='1'))])
        line, = ByMailing.search([('mailing', '=', first.mailing.id)])
        self.assertEqual(
            (line.calls, line.opens, line.clicks, line.replies), (1, 1, 0, 0))

    def test_polled(self):
        "Fetched receipts find their messages by the reference"
        pool = Pool()
        Event = pool.get('mailing.event')
        messages = self.started(self.people('+37369000001', '+37369000002'))
        outbox, outgoing = self.claim(messages)
        outbox.record(outgoing, [
                Result(ACCEPTED, 'one'), Result(ACCEPTED, 'two')])
        reports = [
            Report('delivered', reference='two', raw='2'),
            Report('delivered', reference='unknown', raw='3')]
        for count in [1, 0]:
            self.assertEqual(Event.take(self.account.id, reports), count)
        Event.fold()
        self.assertEqual(
            self.states(messages), [('sent', None), ('delivered', None)])

    def test_picture(self):
        "Only a mail whose opens are counted asks for the picture"
        message, = self.started(self.people('+37369000001'))
        outbox = Outbox(self.account)
        row, = outbox._due([message.id], dt.datetime.now())
        for html, watched, found in [
                ('<body><p>Hello</p></body>', True, True),
                ('<p>Hello</p>', True, True),
                ('<p>Hello</p>', False, False),
                (None, True, False)]:
            with self.subTest(html=html, watched=watched):
                outgoing = outbox._outgoing(
                    self.account, row, Content("Hi", "Hello", html, None, 1),
                    'en', watched)
                self.assertEqual(
                    f'/mailing/o/{row.id}/{row.token}"'
                    in (outgoing.html or ''), found)
                if html and '</body>' in html:
                    self.assertTrue(outgoing.html.endswith('</body>'))

    def test_accepted(self):
        messages = self.started(self.people('+37369000001'))
        outbox, outgoing = self.claim(messages)
        outbox.record(outgoing, [Result(ACCEPTED, 'reference')])
        self.assertEqual(self.states(messages), [('sent', None)])
        self.assertEqual(messages[0].provider_ref, 'reference')

    def test_repeated(self):
        "Who got a like message lately is shown, within the guard left out"
        pool = Pool()
        Topic = pool.get('mailing.topic')
        ann, bob = self.people('+37369000001', '+37369000002')
        text = "Dear {party.name}, our prices are lower this week."
        first, = self.started([ann], text=text)
        outbox, outgoing = self.claim([first])
        outbox.record(outgoing, [Result(ACCEPTED)])
        other, = Topic.create([{'name': "Other", 'purpose': 'marketing'}])
        for topic, like, previous in [
                (first.topic.id, "Something else", first),
                (other.id, text.replace("week", "month"), first),
                (other.id, "Something else", None)]:
            with self.subTest(topic=topic, text=like):
                mailing = self.prepared([ann, bob], text=like, topic=topic)
                self.clear()
                self.assertEqual(
                    {r.party: r.previous for r in self.recipients(mailing)},
                    {ann: previous, bob: None})
                self.assertEqual(mailing.repeated, 1 if previous else 0)
        Topic.write([first.topic], {'repeat_guard': dt.timedelta(days=1)})
        mailing = self.prepared([ann, bob], text="Once more")
        self.assertEqual(
            {r.party: r.reason for r in self.recipients(mailing)},
            {ann: 'repeated', bob: None})

    def assertRefused(self, error, function, *args):
        "Assert that a user's request is refused"
        self.clear()
        with Transaction().set_context(_check_access=True), \
                self.assertRaises(error):
            function(*args)

    def test_fixed(self):
        "What was prepared is what was approved is what leaves"
        pool = Pool()
        Mailing = pool.get('mailing.mailing')
        Step = pool.get('mailing.mailing.step')
        Template = pool.get('mailing.template')
        mailing = self.prepared(self.people('+37369000001'))
        step, = mailing.steps
        other = make_template("Another text")
        for function, *args in [
                (Mailing.write, [mailing], {'hold_out': 50}),
                (Mailing.write, [mailing], {'state': 'approved'}),
                (Step.write, [step], {'template': other.id}),
                (Step.delete, [step]),
                (Step.create, [{
                            'mailing': mailing.id, 'template': other.id,
                            'account': self.account.id}]),
                (Mailing.create, [{
                            'name': "Approved", 'company': self.company.id,
                            'topic': mailing.topic.id,
                            'segments': [('add', [mailing.segments[0].id])],
                            'steps': [('create', [{
                                            'template': other.id,
                                            'account': self.account.id}])],
                            'state': 'approved'}]),
                ]:
            with self.subTest(function=function, args=args):
                self.assertRefused(MailingValidationError, function, *args)
        self.assertRefused(
            TemplateTextError, Template.write, [step.template],
            {'text': "Something else"})
        Template.write([step.template], {'name': "Another name"})
        Mailing.draft([Mailing(mailing.id)])
        self.clear()
        with Transaction().set_context(_check_access=True):
            Template.write([step.template], {'text': "Something else"})
            Step.write([step], {'template': other.id})
        Mailing.cancel([Mailing(mailing.id)])
        with Transaction().set_context(_check_access=True):
            Mailing.delete([Mailing(mailing.id)])

    def test_merge(self):
        "Who refused still does as the party that he is merged into"
        pool = Pool()
        Refusal = pool.get('mailing.refusal')
        Replace = pool.get('party.replace', type='wizard')
        ann, same = pool.get('party.party').create([{'name': "Ann"}] * 2)
        for party in [ann, same]:
            Refusal.create([{'party': party.id, 'reason': 'stop'}])
        session_id, _, _ = Replace.create()
        replace = Replace(session_id)
        replace.ask.source, replace.ask.destination = ann, same
        replace.transition_replace()
        self.assertEqual(
            [r.party for r in Refusal.search([])], [same, same])

    def test_refusal_stays(self):
        "A refusal may be ended, not turned into something else"
        Refusal = Pool().get('mailing.refusal')
        ann, = self.people('+37369000001')
        refusal, = Refusal.create([{'party': ann.id, 'reason': 'stop'}])
        for values in [
                {'scope': 'topic'}, {'reason': 'said'}, {'party': None}]:
            with self.subTest(values=values):
                self.assertRefused(
                    AppendOnlyError, Refusal.write, [refusal], values)
        with Transaction().set_context(_check_access=True):
            Refusal.write([refusal], {'until': refusal.since})

    def test_rates(self):
        "Two of three that left arrived"
        pool = Pool()
        messages = self.started(self.people(
                '+37369000001', '+37369000002', '+37369000003'))
        outbox, outgoing = self.claim(messages)
        outbox.record(outgoing, [
                Result(ACCEPTED, reports=(Report(kind),))
                for kind in ['delivered', 'undelivered', 'delivered']])
        self.clear()
        mailing = messages[0].mailing
        self.assertEqual((mailing.sent, mailing.delivered), (3, 2))
        self.assertEqual(mailing.delivery_rate, 0.6667)
        for name in ['period', 'mailing', 'category']:
            with self.subTest(name=name), Transaction().set_context(
                    company=self.company.id, period='month'):
                row, = pool.get(f'mailing.reporting.{name}').search([])
                self.assertEqual(
                    (row.sent, row.delivered, row.delivery_rate),
                    (3, 2, 0.6667))

    def test_paused(self):
        "What waits for a person keeps nobody else waiting"
        pool = Pool()
        Message = pool.get('mailing.message')
        waiting, = self.started(self.people('+37369000001'))
        pool.get('mailing.mailing').pause([waiting.mailing])
        other, = self.started(self.people('+37369000002'))
        self.assertEqual(Message._due(limit=1), [other.id])

    def test_raise_cost(self):
        "What the maximum cost stopped goes on once it is raised"
        Mailing = Pool().get('mailing.mailing')
        messages = self.started(self.people('+37369000001', '+37369000002'))
        mailing = messages[0].mailing
        Mailing.write([mailing], {'max_cost': Decimal('0.05')})
        _, outgoing = self.claim(messages)
        self.clear()
        self.assertEqual((len(outgoing), mailing.state), (1, 'paused'))
        self.assertRefused(
            MailingValidationError, Mailing.write, [mailing],
            {'max_cost': Decimal(1), 'hold_out': 5})
        Mailing.write([mailing], {'approver': Transaction().user})
        self.assertRefused(
            ApprovalError, Mailing.write, [mailing], {'max_cost': Decimal(1)})
        Mailing.write([mailing], {'approver': None})
        with Transaction().set_context(_check_access=True):
            Mailing.write([mailing], {'max_cost': Decimal(1)})
        Mailing.resume([mailing])
        Transaction().tasks.clear()
        _, outgoing = self.claim(messages)
        self.assertEqual(len(outgoing), 1)

    def test_doubt(self):
        "A doubt that is settled takes nothing from what was said"
        pool = Pool()
        Inbound = pool.get('mailing.inbound')
        Refusal = pool.get('mailing.refusal')
        ann, bob = self.people('+37369000001', '+37369000002')
        profile, = pool.get('crm.profile').create([
                {'party': bob.id, 'refuses_marketing': True}])
        doubts = Inbound.receive(self.account.id, [
                Incoming(f'+3736900000{i}', "stop please") for i in [1, 2]])
        self.assertEqual({d.keyword for d in doubts}, {'maybe'})
        Inbound.receive(
            self.account.id, [Incoming('+37369000001', "STOP")])
        Inbound.handle(doubts)
        self.clear()
        self.assertEqual(
            [(r.party, r.reason) for r in Refusal.search(
                    [('until', '=', None)])], [(ann, 'stop')])
        self.assertTrue(profile.refuses_marketing)

    def test_merge_recipients(self):
        "Two who are the same person stand once in a mailing they were in"
        pool = Pool()
        Recipient = pool.get('mailing.recipient')
        Replace = pool.get('party.replace', type='wizard')
        for number, excluded in [('+37369000002', 0), ('+37369000001', 1)]:
            ann, same = parties = self.people('+37369000001', number)
            pool.get('party.party').write(parties, {'name': "Ann"})
            messages = self.started(parties)
            mailing = messages[0].mailing
            if excluded:
                self.assertEqual(
                    [r.reason for r in self.recipients(mailing)],
                    [None, 'duplicate'])
            with self.subTest(excluded=excluded):
                session_id, _, _ = Replace.create()
                replace = Replace(session_id)
                replace.ask.source, replace.ask.destination = ann, same
                replace.transition_replace()
                self.clear()
                recipient, = Recipient.search([('mailing', '=', mailing.id)])
                self.assertEqual(
                    (recipient.party, recipient.state), (same, 'included'))
                self.assertEqual(
                    {(m.party, m.recipient) for m in messages},
                    {(same, recipient)})

    def test_trouble(self):
        "An account in trouble keeps no other from sending"
        Message = Pool().get('mailing.message')
        other = make_account(self.company, prefixes="+40")
        messages = self.started(
            self.people('+37369000001', '+40720000001'), account=other)
        self.assertEqual({m.account for m in messages}, {self.account, other})
        with patch.object(sending, 'short'), \
                patch.object(Outbox, 'run', side_effect=[
                        RateError("no rate"), None]) as run, \
                self.assertLogs(
                    'trytond.modules.sms_mailing', 'ERROR') as logs:
            Message.send(messages)
        self.assertEqual(run.call_count, 2)
        self.assertIn(self.account.name, logs.output[0])

    def test_rate(self):
        "An account is priced in a currency that can be converted"
        pool = Pool()
        Currency = pool.get('currency.currency')
        ours = Currency(self.company.currency.id)
        other, = Currency.create([{
                    'name': "Other", 'code': 'OTH', 'symbol': 'O'}])
        with self.assertRaises(RateError):
            make_account(self.company, currency=other.id)
        for currency, rate in [(ours, 1), (other, 3)]:
            Currency.write([currency], {'rates': [('create', [
                                {'date': dt.date(2026, 1, 1),
                                    'rate': rate}])]})
        self.clear()
        account = make_account(
            self.company, currency=other.id, channel='viber')
        self.assertEqual(account.price(1, ours), Decimal('0.016667'))

    def test_left(self):
        "What never left was not sent and costs nothing"
        pool = Pool()
        Message = pool.get('mailing.message')
        messages = self.started(self.people(
                '+37369000001', '+37369000002', '+37369000003',
                '+37369000004'))
        outbox, outgoing = self.claim(messages[:3])
        outbox.record(outgoing, [
                Result(ACCEPTED), Result(REJECTED), Result(UNKNOWN)])
        now = dt.datetime.now()
        Message.write(messages[3:], {'expires_at': now})
        sending.expire(now + dt.timedelta(days=1))
        self.clear()
        mailing = messages[0].mailing
        self.assertEqual(
            (mailing.sent, mailing.undelivered, mailing.failed,
                mailing.unknown), (1, 1, 1, 1))
        self.assertEqual((mailing.parts, mailing.cost), (2, Decimal('0.10')))
        row, = pool.get('mailing.reporting.mailing').search(
            [('mailing', '=', mailing.id)])
        self.assertEqual(
            (row.sent, row.parts, row.cost), (1, 2, Decimal('0.10')))

    def test_other_company(self):
        "What another company writes is no matter of ours"
        pool = Pool()
        Mailing = pool.get('mailing.mailing')
        ann, = self.people('+37369000001')
        template = make_template()
        other = create_company("Other", currency=self.company.currency)
        pool.get('mailing.message').create([{
                    'company': other.id, 'party': ann.id, 'channel': 'sms',
                    'account': make_account(other).id,
                    'topic': template.topic.id, 'purpose': 'marketing',
                    'address': '+37369000001', 'state': 'sent',
                    'sent_at': dt.datetime.now()}])
        segment, = pool.get('mailing.segment').create([{
                    'name': "Written to", 'criteria': [('create', [
                                {'criterion': 'written', 'days': 5}])]}])
        self.assertEqual(segment.count, 0)
        mailing = make_mailing(
            self.company, self.account, template, [ann],
            frequency_cap=1, frequency_days=30)
        Mailing.prepare([mailing])
        self.assertEqual(
            [(r.reason, r.previous) for r in self.recipients(mailing)],
            [(None, None)])

    def test_include(self):
        "By hand nobody is included who can't be written to, or is already"
        pool = Pool()
        Mailing = pool.get('mailing.mailing')
        Recipient = pool.get('mailing.recipient')
        ann, bob, carl = self.people(*['+37369000001'] * 2, '+37369000003')
        mailing = self.prepared([ann, bob, carl])

        def recipients():
            return sorted(
                self.recipients(mailing), key=lambda r: r.party.id)

        first, _, third = recipients()
        Recipient.exclude([first, third])
        Mailing.draft([mailing])
        pool.get('party.contact_mechanism').delete(
            list(carl.contact_mechanisms))
        Mailing.prepare([Mailing(mailing.id)])
        self.assertEqual(
            [r.reason for r in recipients()],
            ['by_hand', None, 'no_address'])
        Recipient.include(recipients())
        self.clear()
        self.assertEqual(
            [r.reason for r in recipients()],
            ['duplicate', None, 'no_address'])

    def test_consent_required(self):
        "Whoever writes: no offers without the consent that the topic needs"
        pool = Pool()
        Consent = pool.get('mailing.consent')
        numbers = [f'+3736900000{i}' for i in range(4)]
        parties = self.people(*numbers)
        topic, = pool.get('mailing.topic').create([{
                    'name': "Consent", 'purpose': 'marketing',
                    'consent_required': True}])
        Consent.create([{
                    'party': party.id, 'channel': channel, 'how': 'paper',
                    'wording': "Yes", 'at': dt.datetime(2026, 1, day),
                    'purpose': purpose}
                for party, channel, day, purpose in [
                    (parties[0], None, 1, 'marketing'),
                    (parties[1], 'email', 1, 'marketing'),
                    (parties[2], 'sms', 1, 'service')]])
        messages = pool.get('mailing.message').create([{
                    'company': self.company.id, 'party': party.id,
                    'channel': 'sms', 'account': self.account.id,
                    'topic': topic.id, 'purpose': purpose, 'text': "Hello",
                    'address': number}
                for party, number, purpose in zip(
                    [*parties, parties[3]], [*numbers, numbers[3]],
                    4 * ['marketing'] + ['personal'])])
        self.claim(messages)
        self.assertEqual(
            [m.error_code for m in self.fresh(messages)],
            [None, 'no_consent', 'no_consent', 'no_consent', None])

    def test_refused_today(self):
        "Who refuses today does so wherever it is today already"
        pool = Pool()
        ann, = self.people('+37369000001')
        message, = self.started([ann])
        pool.get('mailing.refusal').create([{
                    'party': ann.id, 'scope': 'everything',
                    'since': dt.date.today() + dt.timedelta(days=1)}])
        self.claim([message])
        self.assertEqual(self.states([message]), [('cancelled', 'refused')])

    def test_forged(self):
        "Neither the price nor the messages of what is prepared are forged"
        pool = Pool()
        Price = pool.get('mailing.mailing.price')
        Step = pool.get('mailing.mailing.step')
        mailing = self.prepared(self.people('+37369000001'))
        draft = make_mailing(
            self.company, self.account, make_template("Else"), [])
        price, = mailing.prices
        self.assertRefused(ArchiveError, Price.write, [price], {'cost': 0})
        self.assertRefused(ArchiveError, Price.delete, [price])
        self.assertRefused(
            MailingValidationError, Step.write, list(draft.steps),
            {'mailing': mailing.id})

    def test_consent_user(self):
        "Nobody writes down a consent in the name of another"
        Consent = Pool().get('mailing.consent')
        ann, = self.people('+37369000001')
        values = {'party': ann.id, 'how': 'paper', 'wording': "Yes"}
        for user in [0, None]:
            self.assertRefused(
                AppendOnlyError, Consent.create, [{**values, 'user': user}])
        with Transaction().set_context(_check_access=True):
            consent, = Consent.create([values])
        self.assertEqual(consent.user.id, Transaction().user)

    def test_language(self):
        "The language that a company knows comes before that of all"
        pool = Pool()
        ann, = self.people('+37369000001')
        languages = pool.get('ir.lang').search(
            [('code', 'in', ['en', 'fr'])], order=[('id', 'ASC')])
        pool.get('party.party.lang').create([
                {'party': ann.id, 'lang': lang.id, 'company': company}
                for lang, company in zip(
                    languages, [self.company.id, None])])
        recipient, = self.recipients(self.prepared([ann]))
        self.assertEqual(recipient.language, languages[0])

    def test_print(self):
        "Who reads the printed report can't act for the person of the text"
        pool = Pool()
        Link = pool.get('mailing.link')
        Report_ = pool.get('mailing.mailing', type='report')
        messages = self.started(
            self.people('+37369000001'), text="See {link}",
            link='https://example.org/a')
        self.claim(messages)
        link, = Link.search([('message', '=', messages[0].id)])
        self.clear()
        self.assertIn(link.code, messages[0].text)
        mailing = messages[0].mailing
        text = Report_.get_context([mailing], {}, {})['text_of'](mailing)
        self.assertNotIn(link.code, ' '.join(text.lines))

    def test_doubts(self):
        "No marketing until all doubtful answers have been read"
        pool = Pool()
        Inbound = pool.get('mailing.inbound')
        Refusal = pool.get('mailing.refusal')
        self.people('+37369000001')
        first, second = Inbound.receive(self.account.id, [
                Incoming('+37369000001', text)
                for text in ["stop please", "unsubcribe"]])
        for record, count in [(first, 1), (second, 0)]:
            Inbound.handle([record])
            self.clear()
            self.assertEqual(
                Refusal.search([('until', '=', None)], count=True), count)
