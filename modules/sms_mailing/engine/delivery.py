# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""States of a message and what the reports of gateways make of them.

Receipts come late, twice and in any order.  A message therefore takes the
state of highest rank among all that was reported: the result does not depend
on the order, and nothing goes backwards.
"""
import re
from collections import namedtuple
from urllib.parse import parse_qs

__all__ = [
    'FINAL', 'OPEN', 'RANK', 'STATES', 'Receipt', 'fold', 'infobip',
    'interpret', 'kannel', 'smpp', 'twilio']

# A handset that shows the message outweighs a network that gave up on it
RANK = {
    'queued': 0,
    'held': 0,
    'sending': 1,
    'unknown': 2,
    'sent': 3,
    'failed': 4,
    'expired': 5,
    'undelivered': 6,
    'delivered': 7,
    'read': 8,
    }
STATES = [*RANK, 'cancelled', 'simulated']
FINAL = {
    'failed', 'expired', 'undelivered', 'delivered', 'read', 'cancelled',
    'simulated'}
OPEN = set(STATES) - FINAL

Receipt = namedtuple(
    'Receipt', ['state', 'final', 'refusal', 'code'],
    defaults=[None, None])
Receipt.__doc__ = """What a gateway reports about a message.

state is one of STATES; final tells that the gateway has no more to say;
refusal is None, 'stop' (the person opted out at the gateway) or 'bad_number';
code is the error code of the gateway, for the eye.
"""


def _receipt(state, refusal=None, code=None):
    return Receipt(state, state in FINAL, refusal, code)


def fold(states, current=None):
    """Return the state that a message has after the reported states.

    current is the state before; unknown words are ignored.
    """
    known = [s for s in [current, *states] if s in RANK]
    return max(known, key=RANK.__getitem__, default=current)


# Bits of dlr-mask and %d in the user guide of Kannel 1.4.5
_KANNEL = {
    1: 'delivered', 2: 'undelivered', 4: 'sent', 8: 'sent', 16: 'failed',
    32: 'sent'}


def kannel(raw):
    "Return the Receipt of a dlr-url query: type=16&a=NACK/REJECTED"
    query = parse_qs(raw)
    try:
        state = _KANNEL.get(int(query['type'][0]), 'unknown')
    except (KeyError, ValueError):
        state = 'unknown'
    answer = query.get('a', [''])[0]
    code = answer if answer.startswith('NACK') else None
    return _receipt(state, code=code)


# SMPP 3.4, table 5-6, with the words that operators use besides
_SMPP = {
    'ENROUTE': 'sent', 'SCHEDUL': 'sent', 'SCHEDULED': 'sent',
    'BUFFRED': 'sent', 'BUFFERED': 'sent', 'ACCEPTD': 'sent',
    'ACCEPTED': 'sent', 'SENT': 'sent',
    'DELIVRD': 'delivered', 'DELIVERED': 'delivered', 'SEEN': 'read',
    'READ': 'read',
    'EXPIRED': 'expired',
    'DELETED': 'undelivered', 'UNDELIV': 'undelivered',
    'UNDELIVERABLE': 'undelivered', 'FAILED': 'undelivered',
    'SKIPPED': 'undelivered',
    'REJECTD': 'failed', 'REJECTED': 'failed',
    'UNKNOWN': 'unknown',
    }
_STAT = re.compile(r'\bstat:\s*(\w+)', re.I)
_ERR = re.compile(r'\berr:\s*(\w+)', re.I)


def smpp(raw):
    "Return the Receipt of a short message of SMPP 3.4, appendix B"
    stat = _STAT.search(raw)
    state = _SMPP.get(stat.group(1).upper() if stat else '', 'unknown')
    err = _ERR.search(raw)
    code = err.group(1) if err and err.group(1).strip('0') else None
    return _receipt(state, code=code)


_TWILIO = {
    'accepted': 'sent', 'scheduled': 'sent', 'queued': 'sent',
    'sending': 'sent', 'sent': 'sent', 'receiving': 'sent',
    'delivered': 'delivered', 'read': 'read', 'undelivered': 'undelivered',
    'failed': 'failed', 'canceled': 'failed',
    }
_TWILIO_REFUSALS = {
    '21610': 'stop', '21211': 'bad_number', '21614': 'bad_number',
    '30005': 'bad_number', '30006': 'bad_number'}


def twilio(raw):
    "Return the Receipt of MessageStatus, with its ErrorCode if any"
    words = re.findall(r'\w+', raw)
    state = _TWILIO.get(words[0].lower() if words else '', 'unknown')
    code = next((w for w in words[1:] if w.isdigit()), None)
    return _receipt(state, _TWILIO_REFUSALS.get(code), code)


# Message status codes: the group decides, but an operator is not a handset
_INFOBIP_WORDS = [
    'ACCEPTED', 'PENDING', 'UNDELIVERABLE', 'DELIVERED', 'EXPIRED',
    'REJECTED']
_INFOBIP = {
    0: 'sent', 1: 'sent', 2: 'undelivered', 3: 'delivered', 4: 'expired',
    5: 'failed'}


_INFOBIP_GROUP = re.compile(r'groupId\D*(\d+)|(\d+)', re.I)
_INFOBIP_WORD = re.compile('(?<![A-Z])(%s)' % '|'.join(_INFOBIP_WORDS))


def infobip(raw):
    "Return the Receipt of a status: groupId 3 DELIVERED_TO_HANDSET"
    words = raw.upper()
    numbers = sorted(
        _INFOBIP_GROUP.findall(raw), key=lambda n: not n[0])
    if re.search(r'\b(SEEN|READ)\b', words):
        return _receipt('read')
    if 'DELIVERED_TO_OPERATOR' in words:
        group = 1
    elif numbers:
        group = int(numbers[0][0] or numbers[0][1])
    else:
        word = _INFOBIP_WORD.search(words)
        group = _INFOBIP_WORDS.index(word.group(1)) if word else -1
    return _receipt(_INFOBIP.get(group, 'unknown'))


_PROVIDERS = {
    'kannel': kannel, 'smpp': smpp, 'twilio': twilio, 'infobip': infobip}


def interpret(provider, raw):
    """Return the Receipt that raw means in the words of provider.

    provider is kannel, smpp, twilio or infobip; ValueError for another.
    """
    if provider not in _PROVIDERS:
        raise ValueError(f"no such provider: {provider}")
    return _PROVIDERS[provider](raw)
