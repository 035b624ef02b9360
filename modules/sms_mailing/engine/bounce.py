# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What a delivery status notification (RFC 3464) says.

The envelope of each message has a return path of its own (VERP):
bounce+<id>-<token>@domain.  A notification is matched by the address that it
came to, then by the Message-ID of the message that it gives back.
"""
import re
from collections import namedtuple
from email import message_from_bytes, policy

__all__ = ['HARD', 'Bounce', 'message_id', 'parse', 'verp']

Bounce = namedtuple('Bounce', ['id', 'token', 'state', 'hard', 'code'])
Bounce.__doc__ = """What happened to one message.

id and token name it; state is delivered, sent (on its way or delayed) or
undelivered; hard tells that the mailbox does not exist; code is the status of
RFC 3463.
"""

_NAME = re.compile(r'(\d{1,18})[-.]([0-9A-Fa-f]{32})')
# RFC 3463: nobody is there, or never will be
HARD = {'5.1.1', '5.1.2', '5.1.3', '5.1.6', '5.1.10', '5.2.1'}
_ACTIONS = {
    'failed': 'undelivered', 'delayed': 'sent', 'delivered': 'delivered',
    'relayed': 'sent', 'expanded': 'sent'}


def verp(mailbox, id_, token):
    """Return the return path of a message.

    >>> verp('bounce@example.org', 7, 'ab')
    'bounce+7-ab@example.org'
    """
    local, _, domain = mailbox.rpartition('@')
    return f'{local}+{id_}-{token}@{domain}'


def message_id(id_, token, domain):
    "Return the Message-ID that names a message"
    return f'<{id_}.{token}@{domain}>'


def _name(message):
    "Return id and token of the message that a notification is about"
    for header in ['X-Original-To', 'Delivered-To', 'To']:
        if found := _NAME.search(str(message.get(header, ''))):
            return found
    for part in message.walk():
        for header in ['Message-ID', 'References', 'In-Reply-To']:
            if part is message and header == 'Message-ID':
                continue
            if found := _NAME.search(str(part.get(header, ''))):
                return found


def _statuses(message):
    "Yield action and status of each recipient"
    for part in message.walk():
        if part.get_content_type() == 'message/delivery-status':
            for block in part.get_payload():
                if block.get('Action'):
                    yield (
                        str(block['Action']).strip().lower(),
                        str(block.get('Status', '')).strip())


def parse(raw):
    """Return the Bounces of a notification, a raw message in bytes.

    An empty list for anything else, whoever wrote it.
    """
    try:
        message = message_from_bytes(raw, policy=policy.compat32)
        name = _name(message)
        statuses = list(_statuses(message))
    except (AttributeError, LookupError, TypeError, ValueError):
        return []
    if not name:
        return []
    bounces = []
    for action, status in statuses:
        status = re.match(r'[245]\.\d{1,3}\.\d{1,3}', status)
        status = status.group() if status else None
        state = _ACTIONS.get(action)
        if state:
            bounces.append(Bounce(
                    int(name.group(1)), name.group(2), state,
                    state == 'undelivered' and status in HARD, status))
    return bounces
