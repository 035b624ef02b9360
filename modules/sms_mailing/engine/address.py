# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Addresses: numbers in E.164, mailboxes fit for a header."""
import hashlib
import re
import unicodedata

__all__ = [
    'digest', 'is_email', 'is_number', 'is_valid', 'msisdn', 'normalise']

# ITU-T E.164: fifteen digits at most, no country code begins with 0
_NUMBER = re.compile(r'\+[1-9][0-9]{6,14}\Z')
_FILLER = re.compile(r'[\s().\-/\u00a0\u00b7\u2010-\u2015]+')
# A number that may be dialled from abroad, the trunk prefix in brackets
_TRUNK = re.compile(r'(?<=[0-9])\s*\(0\)')
_MSISDN = re.compile(r'[1-9][0-9]{6,14}\Z')
# A useful subset of RFC 5321: no quoted local part, no comment, no address
# literal, nothing that could end a header
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]{1,64}"
    r"@(?=.{1,253}\Z)"
    r"(?:[^\W_](?:[\w\-]{0,61}[^\W_])?\.)+[^\W_](?:[\w\-]{0,61}[^\W_])?\Z")


def is_number(value):
    "Return whether value is a number in E.164 with its plus"
    return bool(value and _NUMBER.match(value))


def is_email(value):
    "Return whether value can stand as a mailbox in a header"
    return bool(value and _EMAIL.match(value))


def is_valid(channel, value):
    "Return whether value is an address of channel"
    return (is_email if channel == 'email' else is_number)(value)


def normalise(channel, value):
    """Return value as it is compared and sent, None for an empty one.

    A mailbox in lower case; a number without fillers, its international
    prefix 00 turned into a plus and a trunk prefix in brackets left out:

    >>> normalise('sms', 'tel:+44 (0)20 7946-0958')
    '+442079460958'

    The result may still be no valid address: ask `is_valid`.
    """
    value = (value or '').strip()
    if channel == 'email':
        return value.lower() or None
    value = unicodedata.normalize('NFKC', value).removeprefix('tel:').strip()
    if value.startswith(('+', '00')):
        value = _TRUNK.sub('', value)
    value = _FILLER.sub('', value)
    if value.startswith('00'):
        value = '+' + value[2:]
    return value or None


def msisdn(value):
    """Return the sender that a gateway names, a number with its plus.

    Gateways write numbers in international form with or without the plus, or
    with a space, which a bare plus means in a query.  Short codes and names
    stay as they are.

    >>> msisdn('37369000001'), msisdn('13013'), msisdn('Bank')
    ('+37369000001', '13013', 'Bank')
    """
    value = value.strip()
    return f'+{value}' if _MSISDN.match(value) else value


def digest(value):
    """Return what stays of a refused address after its person is erased.

    A number has little entropy: the digest spares the eye, it is no secret.
    """
    return hashlib.blake2b(
        value.encode(), digest_size=16, person=b'caravan refusal').hexdigest()
