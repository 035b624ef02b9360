# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Mail through the server that trytond uses, or one of its own.

Options of the section (email where the account names none): uri, from, bounce
(mailbox that gets the notifications, with address extension by plus), secret
(last part of the address at which notifications are handed in).
"""
import hmac
import re
import smtplib
from email.message import EmailMessage
from email.utils import formataddr, formatdate, parseaddr

from trytond.sendmail import get_smtp_server

from ..engine import address, bounce
from ..engine.template import single_line
from .base import ACCEPTED, REJECTED, RETRY, UNKNOWN, Adapter, Report, Result

__all__ = ['Smtp']

_STATUS = re.compile(r'\b5\.\d{1,3}\.\d{1,3}\b')


class Smtp(Adapter):
    name = 'smtp'
    label = "Mail Server"
    channels = frozenset(['email'])
    receipts = True

    def check(self):
        missing = [] if self.settings.get('uri') else ['uri']
        if not self.sender:
            missing.append('from')
        return missing

    @property
    def sender(self):
        return self.settings.sender or self.settings.get('from')

    def submit(self, messages):
        results, server = [], None
        try:
            for message in messages:
                if server is None:
                    server, error = self._connect()
                if server is None:
                    results.append(Result(RETRY, error=error))
                    continue
                result = self._send(server, message)
                results.append(result)
                # smtplib lets go of a server that hung up
                if result.outcome == UNKNOWN or server.sock is None:
                    server = None
        finally:
            if server is not None:
                server.close()
        return results

    def _connect(self):
        try:
            return get_smtp_server(
                self.settings.get('uri'), strict=True), None
        except (OSError, smtplib.SMTPException) as exception:
            return None, str(exception)[:200]

    def compose(self, message):
        "Return the EmailMessage of an Outgoing"
        name, mailbox = parseaddr(self.sender)
        domain = mailbox.rpartition('@')[2]
        mail = EmailMessage()
        mail['From'] = formataddr((single_line(name), mailbox))
        mail['To'] = message.address
        mail['Subject'] = single_line(message.subject or '')
        mail['Date'] = formatdate()
        mail['Message-ID'] = bounce.message_id(
            message.id, message.token, domain)
        if message.marketing:
            mail['Precedence'] = 'bulk'
            if message.unsubscribe:
                mail['List-Unsubscribe'] = f'<{message.unsubscribe}>'
                mail['List-Unsubscribe-Post'] = 'List-Unsubscribe=One-Click'
        else:
            mail['Auto-Submitted'] = 'auto-generated'
        mail.set_content(message.text)
        if message.html:
            mail.add_alternative(message.html, subtype='html')
        return mail

    def _return_path(self, message):
        if mailbox := self.settings.get('bounce'):
            return bounce.verp(mailbox, message.id, message.token)
        return parseaddr(self.sender)[1]

    def _send(self, server, message):
        if not address.is_email(message.address):
            return Result(
                REJECTED, code='bad_address', error="not an address")
        try:
            server.send_message(
                self.compose(message), self._return_path(message),
                [_ascii(message.address)])
        except smtplib.SMTPRecipientsRefused as exception:
            code, text = next(iter(exception.recipients.values()))
            return self._refused(code, text, 'bounce')
        except smtplib.SMTPNotSupportedError as exception:
            return Result(
                REJECTED, code='bad_address', error=str(exception)[:200])
        except smtplib.SMTPResponseException as exception:
            return self._refused(exception.smtp_code, exception.smtp_error)
        except UnicodeError as exception:
            return Result(
                REJECTED, code='bad_address', error=str(exception)[:200])
        except (OSError, smtplib.SMTPException) as exception:
            return Result(UNKNOWN, error=str(exception)[:200])
        return Result(ACCEPTED)

    @staticmethod
    def _refused(code, text, refusal=None):
        if isinstance(text, bytes):
            text = text.decode('utf-8', 'replace')
        text = text[:200]
        if 400 <= code < 500:
            return Result(RETRY, code=str(code), error=text)
        status = _STATUS.search(text)
        hard = (
            status.group() in bounce.HARD if status else code in {550, 553})
        return Result(
            REJECTED, code=str(code), error=text,
            refusal=refusal if hard else None)

    def authentic(self, request, secret):
        expected = self.settings.get('secret')
        return bool(expected) and hmac.compare_digest(
            expected.encode(), secret.encode())

    def reports(self, request):
        return [Report(
                b.state, b.code, 'bounce' if b.hard else None,
                raw=f'{b.state} {b.code or ""}'.strip(), id=b.id,
                token=b.token) for b in bounce.parse(request.data)]


def _ascii(mailbox):
    "Return a mailbox with its domain in the form of DNS"
    local, _, domain = mailbox.rpartition('@')
    return f'{local}@{domain.encode("idna").decode()}'
