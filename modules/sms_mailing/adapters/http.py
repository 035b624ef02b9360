# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Any gateway with an HTTP interface, described by options.

Options of the section:

    url             address that takes a message
    method          POST by default, or GET
    body            what is sent, with {to} {text} {sender} {token} {id}
                    {callback} {coding} {language}; the values are quoted
                    for the kind of the body
    content_type    application/json by default, application/x-www-form-
                    urlencoded or text/plain
    headers         one "Name: value" a line
    success         regular expression that the answer must match
    reference       regular expression whose first group is the reference
    retry           statuses at which nothing was taken, 401, 429 and 503
    secret          key of the callbacks; signature (name of a header) says
                    where the HMAC-SHA256 of the body stands, without it
                    the key is the last part of the address
    report          words of the receipts: kannel, smpp, twilio or infobip
    report_field    name of the field that holds them, status by default
    poll            address that tells the receipts which wait, asked each
                    minute where the gateway can not call back
    poll_list       name of the field with the list of them, by default the
                    answer is the list
    poll_reference  name of the field of each that holds the reference,
                    reference by default
    from_field, text_field, to_field, id_field
                    names of the fields of an incoming message
"""
import hashlib
import hmac
import json
import logging
import re
from urllib.parse import quote, urlencode

from ..engine import address, delivery, gsm
from .base import (
    ACCEPTED, REJECTED, RETRY, UNKNOWN, Adapter, Incoming, Report, Result)
from .transport import Client, Lost, NotSent

__all__ = ['FIELD', 'Http']
logger = logging.getLogger(__name__)

# The receipts of some thousand messages
_MAX_RECEIPTS = 4 * 1024 * 1024
_JSON = 'application/json'
_FORM = 'application/x-www-form-urlencoded'
FIELD = re.compile(
    r'\{(to|text|sender|token|id|callback|coding|language|audio)\}')
_QUOTES = {
    _JSON: lambda value: json.dumps(value)[1:-1],
    _FORM: lambda value: quote(value, safe=''),
    'text/plain': lambda value: value,
    }


class Http(Adapter):
    name = 'http'
    label = "HTTP Gateway"
    channels = frozenset(['sms', 'viber', 'voice'])
    receipts = True

    def __init__(self, settings):
        super().__init__(settings)
        self._client = None

    @property
    def idempotent(self):
        return self.settings.get('idempotent', '').lower() in {'1', 'true'}

    def check(self):
        names = ['url']
        if self.settings.get('method', 'POST').upper() != 'GET':
            names.append('body')
        return [n for n in names if not self.settings.get(n)]

    def submit(self, messages):
        if self._client is None:
            self._client = Client(
                self.settings.get('url'),
                timeout=float(self.settings.get('timeout', 30)),
                connections=self.settings.connections)
        return self._client.map(self._submit, messages)

    def close(self):
        if self._client is not None:
            self._client.close()
            self._client = None

    def _values(self, message):
        return {
            'to': message.address,
            'text': message.text,
            'sender': message.sender or '',
            'token': message.token,
            'id': str(message.id),
            'callback': message.callback or '',
            'language': message.language or '',
            'coding': '2' if message.encoding == gsm.UCS_2 else '0',
            }

    def _fill(self, pattern, message, content_type):
        values = self._values(message)
        encode = _QUOTES.get(content_type, _QUOTES['text/plain'])
        return FIELD.sub(
            lambda m: encode(values[m.group(1)])
            if m.group(1) in values else m.group(), pattern)

    def _headers(self, message, content_type):
        headers = {'Content-Type': f'{content_type}; charset=utf-8'}
        for name, value in self._lines():
            value = self._fill(value, message, 'text/plain')
            headers[name] = re.sub(r'[\r\n]', ' ', value)
        return headers

    def _lines(self):
        "Yield the names and values of the headers"
        for line in self.settings.get('headers', '').splitlines():
            name, colon, value = line.partition(':')
            if colon:
                yield name.strip(), value.strip()

    def _submit(self, message):
        content_type = self.settings.get('content_type', _JSON)
        method = self.settings.get('method', 'POST').upper()
        url = self._client.url
        target = (url.path or '/') + (f'?{url.query}' if url.query else '')
        body = None
        if method == 'GET':
            target = self._fill(target, message, _FORM)
            if not FIELD.search(url.query):
                target += '?' + urlencode(self._values(message))
        else:
            body = self._fill(
                self.settings.get('body'), message, content_type).encode()
        try:
            status, text = self._client.request(
                method, target, body, self._headers(message, content_type))
        except NotSent as exception:
            return Result(RETRY, error=str(exception))
        except Lost as exception:
            return Result(
                RETRY if self.idempotent else UNKNOWN, error=str(exception))
        return self._result(status, text)

    def _result(self, status, text):
        error = text.strip()[:200]
        retry = set(self.settings.get('retry', '401 429 503').split())
        if str(status) in retry:
            return Result(RETRY, code=str(status), error=error)
        if 200 <= status < 300:
            success = self.settings.get('success')
            if success and not re.search(success, text):
                return Result(REJECTED, code=str(status), error=error)
            reference = self.settings.get('reference')
            found = re.search(reference, text) if reference else None
            return Result(ACCEPTED, found.group(1) if found else None)
        if 400 <= status < 500:
            return Result(REJECTED, code=str(status), error=error)
        if self.idempotent:
            return Result(RETRY, code=str(status), error=error)
        return Result(UNKNOWN, code=str(status), error=error)

    def authentic(self, request, secret):
        expected = self.settings.get('secret')
        if not expected:
            return False
        if header := self.settings.get('signature'):
            digest = hmac.new(
                expected.encode(), request.data, hashlib.sha256).hexdigest()
            given = request.headers.get(header, '').rpartition('=')[2]
            return hmac.compare_digest(
                digest.encode(), given.strip().lower().encode())
        return hmac.compare_digest(expected.encode(), secret.encode())

    def _fields(self, request):
        if request.mimetype == _JSON:
            try:
                values = json.loads(request.data)
            except ValueError:
                return {}
            return values if isinstance(values, dict) else {}
        return {**request.args.to_dict(), **request.form.to_dict()}

    def reports(self, request):
        if self.settings.get('signature') and not self.authentic(
                request, ''):
            return []
        return self._reports(self._fields(request))

    def _reports(self, values, reference=None):
        name = self.settings.get('report_field', 'status')
        raw = ' '.join(str(values[n]) for n in [
                name, *self.settings.get('report_code_field', '').split()]
            if values.get(n) is not None)
        if not raw:
            return []
        receipt = delivery.interpret(
            self.settings.get('report', 'smpp'), raw
            if self.settings.get('report', 'smpp') != 'smpp'
            or 'stat:' in raw else f'stat:{raw}')
        return [Report(
                receipt.state, receipt.code, receipt.refusal, raw,
                reference=reference)]

    @property
    def polled(self):
        return bool(self.settings.get('poll'))

    def poll(self):
        client = Client(
            self.settings.get('poll'),
            timeout=float(self.settings.get('timeout', 30)), connections=1,
            size=_MAX_RECEIPTS)
        url = client.url
        target = (url.path or '/') + (f'?{url.query}' if url.query else '')
        try:
            status, text = client.request(
                'GET', target, headers=dict(self._lines()))
        except (NotSent, Lost) as exception:
            logger.warning("account %s can not be asked for receipts: %s",
                self.settings.account, exception)
            return []
        finally:
            client.close()
        if status != 200:
            logger.warning("account %s is asked for receipts, answers %s",
                self.settings.account, status)
            return []
        name = self.settings.get('poll_reference', 'reference')
        return [
            report for values in self._listed(text) if values.get(name)
            for report in self._reports(values, str(values[name]))]

    def _listed(self, text):
        "Return the objects of an answer, none where it is not understood"
        try:
            values = json.loads(text)
        except ValueError:
            values = None
        if (name := self.settings.get('poll_list')) and isinstance(
                values, dict):
            values = values.get(name)
        if not isinstance(values, list):
            logger.warning("account %s is asked for receipts, answers %r",
                self.settings.account, text[:200])
            return []
        return [v for v in values if isinstance(v, dict)]

    def incoming(self, request):
        values = self._fields(request)

        def get(option, default):
            value = values.get(self.settings.get(option, default))
            return None if value is None else str(value)

        sender = get('from_field', 'from')
        if not sender:
            return []
        return [Incoming(
                address.msisdn(sender), get('text_field', 'text') or '',
                get('to_field', 'to'), get('id_field', 'id'))]
