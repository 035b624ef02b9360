# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What the world may say without an account, and what it may not."""
import datetime as dt
import hashlib
import hmac
import json
from email.message import EmailMessage
from io import BytesIO

from PIL import Image

from caravan.testing.databases import prepare_database
from trytond import config
from trytond.modules.company.tests import create_company, set_company
from trytond.modules.sms_mailing.adapters import Incoming
from trytond.modules.sms_mailing.tests.fixtures import (
    make_account, make_parties, make_template)
from trytond.pool import Pool
from trytond.tests.test_tryton import DB_NAME, RouteTestCase
from trytond.transaction import Transaction


class RoutesTestCase(RouteTestCase):
    "Test routes"
    module = 'sms_mailing'

    @classmethod
    def setUpClass(cls):
        prepare_database([cls.module])
        super().setUpClass()

    @classmethod
    def setUpDatabase(cls):
        pool = Pool()
        Message = pool.get('mailing.message')
        company = create_company()
        for name, options in {
                'kannel': {
                    'url': 'http://127.0.0.1:9/', 'username': 'u',
                    'password': 'p', 'secret': 'kannel-secret'},
                'plain': {
                    'url': 'http://127.0.0.1:9/', 'body': '{}',
                    'secret': 'http-secret', 'signature': 'X-Signature',
                    'report': 'twilio', 'report_field': 'MessageStatus',
                    'report_code_field': 'ErrorCode'},
                'mail': {
                    'uri': 'smtp://127.0.0.1:9', 'from': 'us@example.com',
                    'secret': 'mail-secret'},
                }.items():
            config.add_section(f'sms_mailing_{name}')
            for option, value in options.items():
                config.set(f'sms_mailing_{name}', option, value)
        with set_company(company):
            kannel = make_account(
                company, adapter='kannel', section='kannel')
            plain = make_account(company, adapter='http', section='plain')
            mail = make_account(
                company, adapter='smtp', section='mail', channel='email')
            ann, = make_parties(Ann=[('mobile', '+37369000001')])
            template = make_template()
            cls.messages = {}
            for account in [kannel, plain, mail]:
                message, = Message.create([{
                            'party': ann.id,
                            'channel': account.channel,
                            'account': account.id,
                            'template': template.id,
                            'topic': template.topic.id,
                            'purpose': 'marketing',
                            'address': (
                                'ann@example.com'
                                if account.channel == 'email'
                                else '+37369000001'),
                            'text': "Hello",
                            'state': 'sent',
                            'sent_at': dt.datetime(2026, 1, 1),
                            }])
                cls.messages[account.adapter] = (
                    message.id, message.token, account.id)
            cls.party = ann.id

    def setUp(self):
        super().setUp()
        self.addCleanup(self.forget)

    def forget(self):
        "Bring the messages back to where they began"
        with Transaction().start(DB_NAME, 0) as transaction:
            pool = Pool()
            cursor = transaction.connection.cursor()
            for name in ['mailing.event', 'mailing.refusal',
                    'mailing.inbound', 'mailing.consent', 'mailing.link']:
                cursor.execute(*pool.get(name).__table__().delete())
            message = pool.get('mailing.message').__table__()
            cursor.execute(*message.update([message.state], ['sent']))

    def path(self, kind, adapter='kannel', token=None):
        id_, own, _ = self.messages[adapter]
        return f'/{DB_NAME}/mailing/{kind}/{id_}/{token or own}'

    def rows(self, model, *names):
        with Transaction().start(DB_NAME, 0, readonly=True):
            Model = Pool().get(model)
            return [
                tuple(getattr(r, n) for n in names)
                for r in Model.search([], order=[('id', 'ASC')])]

    def state(self, adapter='kannel'):
        with Transaction().start(DB_NAME, 0):
            pool = Pool()
            pool.get('mailing.event').fold()
            return pool.get('mailing.message')(
                self.messages[adapter][0]).state

    def test_receipts(self):
        "Receipts in any order, again and again, count once"
        client = self.client()
        for query in ['type=1&a=DELIVRD', 'type=8&a=ACK/', 'type=1&a=DELIVRD',
                'type=2']:
            response = client.get(self.path('dlr') + '?' + query)
            self.assertEqual(response.status_code, 200)
            self.assertEqual(response.data, b'')
        self.assertEqual(
            self.rows('mailing.event', 'kind'),
            [('delivered',), ('sent',), ('undelivered',)])
        self.assertEqual(self.state(), 'delivered')

    def test_forged(self):
        "Forged, unknown and oversized callbacks leave no trace"
        client = self.client()
        for path in [
                self.path('dlr', token='0' * 32),
                self.path('dlr', token='x'),
                f'/{DB_NAME}/mailing/dlr/999999/{"0" * 32}',
                ]:
            response = client.get(path + '?type=1')
            self.assertEqual(response.status_code, 200)
            self.assertEqual(response.data, b'')
        for path in [
                f'/{DB_NAME}/mailing/dlr/x/y', f'/{DB_NAME}/mailing/dlr/-1/y',
                '/nothing/mailing/dlr/1/y']:
            self.assertIn(client.get(path).status_code, {404, 405}, path)
        self.assertEqual(
            client.post(self.path('dlr'), data=b'x' * 70000).status_code, 413)
        self.assertEqual(client.post(
                self.path('dlr'), data=b'x',
                headers={'Content-Encoding': 'gzip'}).status_code, 415)
        self.assertEqual(client.delete(self.path('dlr')).status_code, 405)
        self.assertEqual(self.rows('mailing.event', 'kind'), [])
        self.assertEqual(self.state(), 'sent')

    def test_signature(self):
        "A receipt in JSON must be signed where the gateway signs"
        client = self.client()
        body = json.dumps({
                'MessageStatus': 'failed', 'ErrorCode': 21610}).encode()
        for signature in ['', 'sha256=' + '0' * 64]:
            client.post(
                self.path('dlr', 'http'), data=body,
                headers={'X-Signature': signature},
                content_type='application/json')
        self.assertEqual(self.rows('mailing.event', 'kind'), [])
        signature = hmac.new(
            b'http-secret', body, hashlib.sha256).hexdigest()
        client.post(
            self.path('dlr', 'http'), data=body,
            headers={'X-Signature': f'sha256={signature}'},
            content_type='application/json')
        self.assertEqual(
            self.rows('mailing.event', 'kind', 'code'),
            [('failed', '21610')])
        self.assertEqual(
            self.rows('mailing.refusal', 'address', 'reason', 'scope'),
            [('+37369000001', 'stop', 'marketing')])

    def incoming(self, secret='kannel-secret', **args):
        account = self.messages['kannel'][2]
        return self.client().get(
            f'/{DB_NAME}/mailing/in/{account}/{secret}',
            query_string={'charset': 'UTF-8', 'coding': '0', **args})

    def test_incoming(self):
        "STOP is obeyed at once, START takes it back, a repeat counts once"
        self.incoming(**{'from': '+37369000001', 'text': "Stop!", 'id': 'a'})
        self.incoming(**{'from': '+37369000001', 'text': "Stop!", 'id': 'a'})
        self.assertEqual(
            self.rows('mailing.inbound', 'keyword', 'state', 'text'),
            [('stop', 'handled', "Stop!")])
        (refusal, until), = self.rows('mailing.refusal', 'reason', 'until')
        self.assertEqual((refusal, until), ('stop', None))
        self.assertEqual(
            self.rows('mailing.consent', 'action', 'wording'),
            [('withdrawn', "Stop!")])
        self.incoming(**{'from': '+37369000001', 'text': "Старт", 'id': 'b'})
        (_, until), = self.rows('mailing.refusal', 'reason', 'until')
        self.assertIsNotNone(until)
        self.incoming(**{
                'from': '+37369000001', 'text': "stop please", 'id': 'c'})
        self.assertEqual(
            self.rows('mailing.inbound', 'keyword', 'state')[-1],
            ('maybe', 'new'))
        self.assertEqual(
            self.rows('mailing.refusal', 'reason')[-1], ('doubt',))

    def test_answer(self):
        "What a keyword answers is written back once a day"
        with Transaction().start(DB_NAME, 0) as transaction:
            Keyword = Pool().get('mailing.keyword')
            word, = Keyword.search([('word', '=', "HELP")])
            Keyword.write([word], {'answer': "Call 022 123 456"})
            transaction.commit()
        for id_, text in enumerate(["Help", "help!", "h e l p", "info"]):
            self.incoming(**{
                    'from': '37369000001', 'text': text, 'id': str(id_)})
        self.assertEqual(
            self.rows('mailing.inbound', 'keyword', 'state'),
            [('help', 'handled')] * 3 + [('help', 'new')])
        with Transaction().start(DB_NAME, 0) as transaction:
            pool = Pool()
            Message = pool.get('mailing.message')
            message, = Message.search([('text', '=', "Call 022 123 456")])
            self.assertEqual(
                (message.address, message.party.id, message.purpose,
                    message.state),
                ('+37369000001', self.party, 'personal', 'queued'))
            table = Message.__table__()
            transaction.connection.cursor().execute(
                *table.delete(where=table.id == message.id))
            pool.get('mailing.keyword').write(
                [pool.get('mailing.keyword')(word.id)], {'answer': None})
            transaction.commit()

    def test_incoming_charset(self):
        "A text comes in the alphabet of the gateway"
        account = self.messages['kannel'][2]
        text = ''.join(
            f'%{b:02X}' for b in "СТОП".encode('utf-16-be'))
        self.client().get(
            f'/{DB_NAME}/mailing/in/{account}/kannel-secret?from=37369000001'
            f'&charset=UTF-16BE&coding=2&id=u&text={text}')
        self.assertEqual(
            self.rows('mailing.inbound', 'address', 'text', 'keyword'),
            [('+37369000001', "СТОП", 'stop')])

    def test_incoming_forged(self):
        for secret in ['wrong', 'kannel-secre', 'http-secret']:
            with self.assertLogs('trytond.modules.sms_mailing', 'WARNING'):
                response = self.incoming(
                    secret, **{'from': '+37369000001', 'text': "STOP"})
            self.assertEqual(response.status_code, 200)
        self.assertEqual(self.rows('mailing.inbound', 'id'), [])
        self.assertEqual(self.rows('mailing.refusal', 'id'), [])

    def test_unsubscribe(self):
        "Only POST acts, once, on a page that says nothing of the person"
        client = self.client()
        page = client.get(self.path('u'))
        self.assertEqual(page.status_code, 200)
        self.assertIn(b'<form method="post">', page.data)
        self.assertNotIn(b'37369000001', page.data)
        self.assertEqual(client.head(self.path('u')).status_code, 200)
        self.assertEqual(self.rows('mailing.refusal', 'id'), [])
        for _ in range(2):
            response = client.post(
                self.path('u'), data={'List-Unsubscribe': 'One-Click'})
            self.assertEqual(response.status_code, 200)
        self.assertEqual(
            self.rows('mailing.refusal', 'scope', 'reason'),
            [('marketing', 'link')])
        self.assertEqual(
            self.rows('mailing.consent', 'action', 'how'),
            [('withdrawn', 'web')])
        forged = client.post(self.path('u', token='0' * 32))
        self.assertEqual(forged.data, response.data)
        self.assertEqual(len(self.rows('mailing.refusal', 'id')), 1)

    def test_link(self):
        "A click is counted, that of a program apart"
        with Transaction().start(DB_NAME, 0):
            Link = Pool().get('mailing.link')
            id_ = self.messages['kannel'][0]
            url, = Link.make({id_: 'https://example.com/x?a=1'}).values()
            self.assertEqual(Link.make({id_: 'https://else'}), {id_: url})
        path = '/' + url.split('/', 3)[3]
        client = self.client()
        response = client.get(path, headers={'User-Agent': 'Mozilla/5.0'})
        self.assertEqual(response.status_code, 302)
        self.assertEqual(
            response.headers['Location'], 'https://example.com/x?a=1')
        self.assertEqual(response.headers['Cache-Control'], 'no-store')
        client.get(path, headers={'User-Agent': 'Some Bot'})
        client.head(path)
        self.assertEqual(self.rows('mailing.link', 'clicks'), [(1,)])
        self.assertEqual(
            [c for c, in self.rows('mailing.event', 'code')],
            [None, 'scanner', 'scanner'])
        self.assertEqual(
            client.get(f'/{DB_NAME}/mailing/l/unknown').status_code, 404)

    def test_opened(self):
        "A mail that is opened is counted, what programs do apart"
        client = self.client()
        path = self.path('o', 'smtp')
        response = client.get(path, headers={'User-Agent': 'Mozilla/5.0'})
        self.assertEqual(response.mimetype, 'image/gif')
        self.assertEqual(response.headers['Cache-Control'], 'no-store')
        self.assertEqual(Image.open(BytesIO(response.data)).size, (1, 1))
        client.get(path, headers={'User-Agent': 'Preview Bot'})
        forged = client.get(self.path('o', 'smtp', token='0' * 32))
        self.assertEqual(forged.data, response.data)
        self.assertEqual(
            self.rows('mailing.event', 'kind', 'scanner'),
            [('open', False), ('open', True)])
        self.assertEqual(self.state('smtp'), 'sent')

    def test_called_back(self):
        "Who calls a voice account answers the call of before"
        with Transaction().start(DB_NAME, 0):
            pool = Pool()
            Account = pool.get('mailing.account')
            Inbound = pool.get('mailing.inbound')
            Message = pool.get('mailing.message')
            message = Message(self.messages['http'][0])
            account, = Account.copy([message.account], default={
                    'channel': 'voice'})
            self.addCleanup(self.drop_voice, account.id)
            Message.create([{
                        'party': self.party, 'channel': 'voice',
                        'account': account.id, 'topic': message.topic.id,
                        'company': account.company.id,
                        'purpose': 'service', 'address': '+37369000001',
                        'text': "Hello", 'state': 'delivered',
                        'dedup_key': 'voice'}])
            Inbound.receive(account.id, [Incoming('+37369000001', "")])
        self.assertEqual(self.rows('mailing.event', 'kind'), [('call',)])

    def drop_voice(self, account):
        with Transaction().start(DB_NAME, 0) as transaction:
            pool = Pool()
            cursor = transaction.connection.cursor()
            for name in ['mailing.inbound', 'mailing.event']:
                cursor.execute(*pool.get(name).__table__().delete())
            message = pool.get('mailing.message').__table__()
            cursor.execute(*message.delete(
                    where=message.account == account))
            pool.get('mailing.account').delete([
                    pool.get('mailing.account')(account)])

    def bounce(self, status, action='failed', secret='mail-secret'):
        id_, token, account = self.messages['smtp']
        original = EmailMessage()
        original['Message-ID'] = f'<{id_}.{token}@example.com>'
        original.set_content("Hello")
        mail = (
            f'To: bounce+{id_}-{token}@example.com\r\n'
            'MIME-Version: 1.0\r\n'
            'Content-Type: multipart/report; report-type=delivery-status; '
            'boundary="x"\r\n\r\n'
            '--x\r\n\r\nSorry\r\n'
            '--x\r\nContent-Type: message/delivery-status\r\n\r\n'
            'Reporting-MTA: dns; mx.example.com\r\n\r\n'
            'Final-Recipient: rfc822; ann@example.com\r\n'
            f'Action: {action}\r\nStatus: {status}\r\n\r\n'
            '--x\r\nContent-Type: message/rfc822\r\n\r\n'
            f'{original}\r\n--x--\r\n')
        return self.client().post(
            f'/{DB_NAME}/mailing/bounce/{account}/{secret}',
            data=mail.encode(), content_type='message/rfc822')

    def test_bounce(self):
        "A dead mailbox is not written to again, a full one is"
        self.bounce('4.2.2', 'delayed')
        self.assertEqual(self.state('smtp'), 'sent')
        self.bounce('5.2.2')
        self.assertEqual(self.state('smtp'), 'undelivered')
        self.assertEqual(self.rows('mailing.refusal', 'id'), [])
        self.bounce('5.1.1')
        self.bounce('5.1.1')
        self.assertEqual(
            self.rows('mailing.refusal', 'address', 'reason', 'scope'),
            [('ann@example.com', 'bounce', 'everything')])

    def test_bounce_forged(self):
        with self.assertLogs('trytond.modules.sms_mailing', 'WARNING'):
            self.bounce('5.1.1', secret='wrong')
        self.assertEqual(self.rows('mailing.event', 'id'), [])
        self.assertEqual(self.rows('mailing.refusal', 'id'), [])

    def test_endless(self):
        "A number that no record can have is answered as any unknown one"
        for path in [f'dlr/{10 ** 20}/x', f'u/{10 ** 20}/x',
                f'in/{10 ** 20}/x']:
            with self.subTest(path=path):
                response = self.client().get(f'/{DB_NAME}/mailing/{path}')
                self.assertEqual(response.status_code, 200)


del RouteTestCase
