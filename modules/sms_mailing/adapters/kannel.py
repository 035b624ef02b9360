# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Kannel, the open WAP and SMS gateway, through its smsbox.

Options of the section: url (of sendsms, http://host:13013/cgi-bin/sendsms),
username, password, secret (last part of the address for incoming messages),
timeout, connections.

In the configuration of Kannel the incoming service is

    get-url = "https://host/DB/mailing/in/ACCOUNT/SECRET?from=%p&to=%P&\
text=%b&charset=%C&coding=%c&id=%I"
"""
import hmac
from urllib.parse import quote, unquote_to_bytes, urlencode

from ..engine import address, delivery, gsm
from .base import (
    ACCEPTED, REJECTED, RETRY, UNKNOWN, Adapter, Incoming, Report, Result)
from .transport import Client, Lost, NotSent

__all__ = ['Kannel']

# Delivered, not delivered and refused: one callback for each message
_DLR_MASK = 1 + 2 + 16
_CODINGS = {gsm.GSM_7: '0', gsm.UCS_2: '2'}


class Kannel(Adapter):
    name = 'kannel'
    label = "Kannel"
    channels = frozenset(['sms'])
    receipts = True

    def __init__(self, settings):
        super().__init__(settings)
        self._client = None

    def check(self):
        return [
            n for n in ['url', 'username', 'password']
            if not self.settings.get(n)]

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

    def _target(self, message):
        query = {
            'username': self.settings.get('username'),
            'password': self.settings.get('password'),
            'to': message.address,
            'text': message.text,
            'charset': 'UTF-8',
            'coding': _CODINGS[message.encoding],
            }
        if message.sender:
            query['from'] = message.sender
        if message.callback:
            query['dlr-mask'] = _DLR_MASK
            query['dlr-url'] = f'{message.callback}?type=%d&a=%A'
        path = self._client.url.path or '/cgi-bin/sendsms'
        return f'{path}?{urlencode(query, quote_via=quote)}'

    def _submit(self, message):
        try:
            status, text = self._client.request('GET', self._target(message))
        except NotSent as exception:
            return Result(RETRY, error=str(exception))
        except Lost as exception:
            return Result(UNKNOWN, error=str(exception))
        text = text.strip()[:200]
        if status == 202:
            return Result(ACCEPTED)
        if status in {401, 403, 404, 429, 503}:
            # Nothing was taken; somebody mends the gateway meanwhile
            return Result(RETRY, code=str(status), error=text)
        if 400 <= status < 500:
            return Result(REJECTED, code=str(status), error=text)
        return Result(UNKNOWN, code=str(status), error=text)

    def reports(self, request):
        raw = request.query_string.decode('ascii', 'replace')
        receipt = delivery.kannel(raw)
        return [Report(receipt.state, receipt.code, raw=raw)]

    def authentic(self, request, secret):
        expected = self.settings.get('secret')
        return bool(expected) and hmac.compare_digest(
            expected.encode(), secret.encode())

    def incoming(self, request):
        args = request.args
        if not args.get('from'):
            return []
        return [Incoming(
                address.msisdn(args['from']), _text(request), args.get('to'),
                args.get('id'))]


def _text(request):
    "Return the text of an incoming message, whatever its charset"
    charset = request.args.get('charset', 'UTF-8')
    for part in request.query_string.split(b'&'):
        name, _, value = part.partition(b'=')
        if name == b'text':
            raw = unquote_to_bytes(value.replace(b'+', b' '))
            if request.args.get('coding') == '2' and charset.upper() in {
                    'UTF-16BE', 'UCS-2'}:
                return raw.decode('utf-16-be', 'replace')
            try:
                return raw.decode(charset, 'replace')
            except LookupError:
                return raw.decode('utf-8', 'replace')
    return ''
