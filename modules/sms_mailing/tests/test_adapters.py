# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Gateways of the tests' own on the loopback, no database."""
import base64
import email
import http.server
import json
import socket
import threading
import unittest
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller

from trytond.modules.sms_mailing.adapters import (
    ACCEPTED, REJECTED, RETRY, UNKNOWN, Http, Kannel, Outgoing, Settings,
    Simulator, Smtp, Voice)
from trytond.modules.sms_mailing.engine import bounce

TOKEN = '0123456789abcdef' * 2


def settings(sender=None, **options):
    return Settings(options.get, 1, sender, 4)


def outgoing(**values):
    return Outgoing(**{
            'id': 7, 'token': TOKEN, 'channel': 'sms',
            'address': '+37369000001', 'sender': '13013', 'text': "Hello",
            'encoding': 'GSM-7',
            'callback': f'http://127.0.0.1/db/mailing/dlr/7/{TOKEN}',
            **values})


def free_port():
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def answer(self):
        length = int(self.headers.get('Content-Length') or 0)
        body = self.rfile.read(length)
        self.server.requests.append(
            (self.command, self.path, dict(self.headers), body))
        status, text = self.server.answers.pop(0)
        if status is None:
            self.connection.close()
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer

    def log_message(self, *args):
        "The tests look at the requests"


@contextmanager
def gateway(*answers):
    "Yield a server that gives the answers one after the other"
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), _Handler)
    server.answers, server.requests = list(answers), []
    server.daemon_threads = True
    server.url = f'http://127.0.0.1:{server.server_port}'
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class KannelTestCase(unittest.TestCase):
    "Test how answers of smsbox are understood"

    def adapter(self, url):
        return Kannel(settings(
                sender='13013', url=f'{url}/cgi-bin/sendsms', username='u&',
                password='p=', timeout='2'))

    def test_submit(self):
        with gateway((202, b'0: Accepted for delivery')) as server:
            result, = self.adapter(server.url).submit([
                    outgoing(text="Привет & 1=1", encoding='UCS-2')])
            _, path, _, _ = server.requests[0]
        self.assertEqual(result.outcome, ACCEPTED)
        query = {k: v for k, (v,) in parse_qs(urlsplit(path).query).items()}
        self.assertEqual(query['text'], "Привет & 1=1")
        self.assertEqual(query['coding'], '2')
        self.assertEqual(query['username'], 'u&')
        self.assertEqual(query['from'], '13013')
        self.assertEqual(query['to'], '+37369000001')
        self.assertEqual(query['dlr-mask'], '19')
        self.assertTrue(
            query['dlr-url'].endswith(f'/7/{TOKEN}?type=%d&a=%A'))

    def test_outcomes(self):
        for answer, outcome in [
                ((202, b'3: Queued for later delivery'), ACCEPTED),
                ((403, b'Authorization failed'), RETRY),
                ((503, b'Temporal failure'), RETRY),
                ((400, b'Bad number'), REJECTED),
                ((500, b'?'), UNKNOWN),
                ((None, b''), UNKNOWN),
                ]:
            with self.subTest(answer=answer), gateway(answer) as server:
                result, = self.adapter(server.url).submit([outgoing()])
                self.assertEqual(result.outcome, outcome)

    def test_down(self):
        "What was surely not sent is tried again"
        result, = self.adapter(f'http://127.0.0.1:{free_port()}').submit(
            [outgoing()])
        self.assertEqual(result.outcome, RETRY)

    def test_many(self):
        "The results stand in the order of the messages"
        answers = [(202, b'0: Accepted')] * 20
        with gateway(*answers) as server:
            results = self.adapter(server.url).submit([
                    outgoing(id=i, address=f'+373690000{i:02}')
                    for i in range(20)])
            self.assertEqual(len(server.requests), 20)
        self.assertEqual([r.outcome for r in results], [ACCEPTED] * 20)

    def test_check(self):
        self.assertEqual(
            Kannel(settings()).check(), ['url', 'username', 'password'])


class HttpTestCase(unittest.TestCase):
    "Test the gateway described by options"

    def test_json(self):
        "A text can not leave its place in the body"
        text = 'He said "hi"\n{token} \\ }'
        with gateway((200, b'{"id": "m-1", "status": "ok"}')) as server:
            result, = Http(settings(
                    url=f'{server.url}/send?key=1',
                    body='{"to": "{to}", "text": "{text}", "ref": "{token}"}',
                    headers='Authorization: Bearer secret\nX-Ref: {id}',
                    success='"ok"', reference='"id": "([^"]+)"',
                    )).submit([outgoing(text=text)])
            method, path, headers, body = server.requests[0]
        self.assertEqual((method, path), ('POST', '/send?key=1'))
        self.assertEqual(json.loads(body), {
                'to': '+37369000001', 'text': text, 'ref': TOKEN})
        self.assertEqual(headers['Authorization'], 'Bearer secret')
        self.assertEqual(headers['X-Ref'], '7')
        self.assertEqual((result.outcome, result.reference), (
                ACCEPTED, 'm-1'))

    def test_form(self):
        with gateway((200, b'OK')) as server:
            Http(settings(
                    url=server.url, body='to={to}&text={text}',
                    content_type='application/x-www-form-urlencoded')
                ).submit([outgoing(text="a&b=c €")])
            body = server.requests[0][3]
        self.assertEqual(
            parse_qs(body.decode()),
            {'to': ['+37369000001'], 'text': ["a&b=c €"]})

    def test_outcomes(self):
        for answer, options, outcome in [
                ((200, b'ERROR 12'), {'success': '^OK'}, REJECTED),
                ((429, b''), {}, RETRY),
                ((401, b''), {}, RETRY),
                ((503, b''), {}, RETRY),
                ((422, b''), {}, REJECTED),
                ((502, b''), {}, UNKNOWN),
                ((502, b''), {'idempotent': 'true'}, RETRY),
                ((None, b''), {}, UNKNOWN),
                ((None, b''), {'idempotent': 'true'}, RETRY),
                ]:
            with self.subTest(answer=answer, options=options), \
                    gateway(answer) as server:
                result, = Http(settings(
                        url=server.url, body='{to}', timeout='2', **options)
                    ).submit([outgoing()])
                self.assertEqual(result.outcome, outcome)

    def poll(self, *answers, **options):
        "Return the Report that a gateway with the answers holds"
        with gateway(*answers) as server:
            adapter = Http(settings(
                    poll=f'{server.url}/reports?n=9', timeout='2',
                    headers='Authorization: Bearer secret',
                    report='infobip', **options))
            self.assertTrue(adapter.polled)
            reports = adapter.poll()
            method, path, headers, _ = server.requests[0]
        self.assertEqual((method, path), ('GET', '/reports?n=9'))
        self.assertEqual(headers['Authorization'], 'Bearer secret')
        return [(r.reference, r.kind) for r in reports]

    def test_poll(self):
        "Receipts are fetched where the gateway can not call back"
        self.assertFalse(Http(settings(url='http://127.0.0.1:9')).polled)
        answer = json.dumps({'results': [
                    {'messageId': 'm-1', 'status': {'groupId': 3}},
                    {'messageId': 'm-2', 'status': {'groupId': 2}},
                    {'status': {'groupId': 3}},
                    'nonsense']}).encode()
        self.assertEqual(
            self.poll((200, answer), poll_list='results',
                poll_reference='messageId'),
            [('m-1', 'delivered'), ('m-2', 'undelivered')])
        many = [
            {'reference': f'm-{n}', 'status': {'groupId': 3}}
            for n in range(5000)]
        self.assertEqual(
            len(self.poll((200, json.dumps(many).encode()))), 5000)
        answer = b'[{"reference": 7, "status": "DELIVERED_TO_HANDSET"}]'
        self.assertEqual(self.poll((200, answer)), [('7', 'delivered')])

    def test_poll_nothing(self):
        "What is not understood is told in the log, nothing is raised"
        for answer in [
                (200, b'<html>'), (200, b'{}'), (503, b'[]'), (None, b'')]:
            with self.subTest(answer=answer), self.assertLogs(
                    'trytond.modules.sms_mailing', 'WARNING'):
                self.assertEqual(self.poll(answer), [])


class VoiceTestCase(unittest.TestCase):
    "Test calls with programs of the test's own"

    def setUp(self):
        super().setUp()
        self.folder = Path(self.enterContext(TemporaryDirectory()))
        self.espeak = self.program(
            'espeak', 'echo "$1 $2 $4 $5 $6 $7" > {folder}/options; '
            'echo "RIFF $(cat)" > "$3"')

    def program(self, name, script):
        path = self.folder / name
        path.write_text(
            '#!/bin/sh\n' + script.format(folder=self.folder) + '\n')
        path.chmod(0o755)
        return str(path)

    def call(self, text="Hello", **options):
        return Voice(settings(espeak=self.espeak, **options)).submit(
            [outgoing(channel='voice', text=text, language='ru_RU')])[0]

    def test_gateway(self):
        "The speech goes along with the request"
        with gateway((200, b'OK')) as server:
            result = self.call(
                text="Оплата завтра", url=server.url,
                body='{"to": "{to}", "wav": "{audio}", "text": "{text}"}')
            body = json.loads(server.requests[0][3])
        self.assertEqual(result.outcome, ACCEPTED)
        self.assertEqual(
            base64.b64decode(body['wav']).decode(), "RIFF Оплата завтра\n")
        self.assertEqual(body['text'], "Оплата завтра")
        self.assertEqual(
            (self.folder / 'options').read_text(),
            "--stdin -w -v ru -s 150\n")

    def test_command(self):
        "How the command ends tells what became of the call"
        for status, outcome, kinds in [
                ('0', ACCEPTED, ['delivered']),
                ('1', ACCEPTED, ['undelivered']),
                ('75', RETRY, []), ('2', REJECTED, [])]:
            with self.subTest(status=status):
                command = self.program(
                    'call', 'cat "$2"; echo "$1 $3"; exit ' + status)
                result = self.call(
                    command=f'{command} {{to}} {{audio}} "a {{token}}"')
                self.assertEqual(result.outcome, outcome)
                self.assertEqual([r.kind for r in result.reports], kinds)
                if not result.reports:
                    continue
                self.assertEqual(
                    result.reports[0].raw,
                    f"RIFF Hello\n+37369000001 a {TOKEN}")

    def test_lost(self):
        "Of a call that does not end nobody knows what became"
        result = self.call(
            command=self.program('call', 'exec sleep 9'), timeout='0.2')
        self.assertEqual(result.outcome, UNKNOWN)
        result = self.call(command=self.program('call', 'kill -9 $$'))
        self.assertEqual(result.outcome, UNKNOWN)

    def test_speechless(self):
        "What could not be spoken was not sent"
        self.espeak = self.program('espeak', 'exit 3')
        for options in [
                {'command': 'true'},
                {'url': 'http://127.0.0.1:9', 'body': '{audio}'}]:
            with self.subTest(options=options):
                result = self.call(**options)
                self.assertEqual(
                    (result.outcome, result.code), (RETRY, 'speech'))
        result = self.call(command=str(self.folder / 'missing'))
        self.assertEqual(result.outcome, RETRY)

    def test_check(self):
        self.assertEqual(
            Voice(settings(espeak='/no/program')).check(),
            ['url', 'body', 'espeak'])
        self.assertEqual(
            Voice(settings(espeak=self.espeak, command='call')).check(), [])


class SimulatorTestCase(unittest.TestCase):
    "Test the outcome by the last digits"

    def test_digits(self):
        for ending, outcome, kinds in [
                ('01', ACCEPTED, ['delivered']),
                ('77', ACCEPTED, ['undelivered']),
                ('88', RETRY, []),
                ('99', REJECTED, []),
                ('66', UNKNOWN, []),
                ('44', ACCEPTED, ['delivered']),
                ]:
            result, = Simulator(settings()).submit(
                [outgoing(address=f'+373690000{ending}')])
            self.assertEqual(result.outcome, outcome)
            self.assertEqual([r.kind for r in result.reports], kinds)


class _Mailbox:
    "A mail server that refuses some"

    def __init__(self):
        self.envelopes = []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith('nobody@'):
            return '550 5.1.1 no such user'
        if address.startswith('policy@'):
            return '550 5.7.1 not from you'
        if address.startswith('closing@'):
            return '421 4.3.2 shutting down'
        if address.startswith('busy@'):
            return '451 4.3.0 later'
        envelope.rcpt_tos.append(address)
        return '250 OK'

    async def handle_DATA(self, server, session, envelope):
        self.envelopes.append((
                envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return '250 OK'


class SmtpTestCase(unittest.TestCase):
    "Test mail against a server in this process"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mailbox = _Mailbox()
        cls.controller = Controller(
            cls.mailbox, hostname='127.0.0.1', port=free_port())
        cls.controller.start()
        cls.addClassCleanup(cls.controller.stop)

    def adapter(self, **options):
        port = options.pop('port', self.controller.port)
        return Smtp(settings(
                sender="News <news@example.com>",
                uri=f'smtp://127.0.0.1:{port}',
                bounce='bounce@example.com', **options))

    def mail(self, **values):
        return outgoing(**{
                'channel': 'email', 'address': 'ann@example.com',
                'subject': "Hi", 'encoding': None,
                'unsubscribe': f'https://x/db/mailing/u/7/{TOKEN}',
                **values})

    def test_mail(self):
        self.mailbox.envelopes.clear()
        result, = self.adapter().submit([self.mail(
                    subject="Grüße", text="Text", html="<p>Text</p>",
                    marketing=True)])
        self.assertEqual(result.outcome, ACCEPTED)
        (sender, recipients, content), = self.mailbox.envelopes
        self.assertEqual(sender, f'bounce+7-{TOKEN}@example.com')
        self.assertEqual(recipients, ['ann@example.com'])
        mail = email.message_from_bytes(
            content, policy=email.policy.default)
        self.assertEqual(mail['Subject'], "Grüße")
        self.assertEqual(mail['Message-ID'], f'<7.{TOKEN}@example.com>')
        self.assertEqual(
            mail['List-Unsubscribe'], f'<https://x/db/mailing/u/7/{TOKEN}>')
        self.assertEqual(
            mail['List-Unsubscribe-Post'], 'List-Unsubscribe=One-Click')
        self.assertEqual(
            [p.get_content_type() for p in mail.iter_parts()],
            ['text/plain', 'text/html'])

    def test_service(self):
        "A service mail is automatic and has no list"
        mail = self.adapter().compose(self.mail())
        self.assertEqual(mail['Auto-Submitted'], 'auto-generated')
        self.assertIsNone(mail['List-Unsubscribe'])

    def test_outcomes(self):
        results = self.adapter().submit([
                self.mail(address=f'{n}@example.com')
                for n in ['nobody', 'policy', 'busy', 'ann']])
        self.assertEqual(
            [(r.outcome, r.refusal) for r in results], [
                (REJECTED, 'bounce'), (REJECTED, None), (RETRY, None),
                (ACCEPTED, None)])

    def test_down(self):
        results = self.adapter(port=free_port()).submit([self.mail()] * 2)
        self.assertEqual([r.outcome for r in results], [RETRY] * 2)

    def test_injection(self):
        "Nothing that people type becomes a header or a recipient"
        self.mailbox.envelopes.clear()
        results = self.adapter().submit([
                self.mail(subject="Hi\r\nBcc: all@example.com\r\n\r\nBody"),
                self.mail(address='ann@example.com\r\nBcc: x@example.com'),
                self.mail(address='ann@example.com, bob@example.com'),
                self.mail(address='<ann@example.com>'),
                self.mail(address='ann@example.com>\nDATA'),
                ])
        self.assertEqual(
            [r.outcome for r in results], [ACCEPTED] + [REJECTED] * 4)
        (_, recipients, content), = self.mailbox.envelopes
        self.assertEqual(recipients, ['ann@example.com'])
        mail = email.message_from_bytes(content)
        self.assertIsNone(mail['Bcc'])
        self.assertEqual(
            mail['Subject'], "Hi Bcc: all@example.com Body")

    def test_hang_up(self):
        "A server that hangs up after an answer is called again"
        results = self.adapter().submit([
                self.mail(address=f'{n}@example.com')
                for n in ['closing', 'ann']])
        self.assertEqual(
            [r.outcome for r in results], [RETRY, ACCEPTED])


class BounceTestCase(unittest.TestCase):
    "Test notifications"

    def test_garbage(self):
        "What is no notification says nothing"
        for raw in [
                b'', b'\x00' * 100, b'To: x\r\n\r\nHello',
                b'Content-Type: multipart/report; boundary="x"\r\n\r\n--x',
                f'To: bounce+7-{TOKEN}@x\r\n\r\nHello'.encode(),
                (b'Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\n'
                    b'Content-Type: message/delivery-status\r\n\r\n'
                    b'Action: failed\r\nStatus: 5.1.1\r\n\r\n--x--'),
                ]:
            self.assertEqual(bounce.parse(raw), [])

    def test_verp(self):
        self.assertEqual(
            bounce.verp('b@example.com', 7, TOKEN),
            f'b+7-{TOKEN}@example.com')
