# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Read vCards (2.1, 3.0 and 4.0, RFC 6350) into flat rows.

Pure functions over text: no database, no Pool.
"""
import datetime as dt
import quopri
import re

from .text import likely_encoding

__all__ = ['FIELDS', 'read']

FIELDS = [
    'name', 'kind', 'phone', 'mobile', 'email', 'website', 'street',
    'postal_code', 'city', 'country', 'birth_date', 'note']
_ESCAPED = re.compile(r'\\([,;:nN\\])')
_SPLIT = re.compile(r'(?<!\\);')


def read(content):
    """Yield (number of the card, {field: text or date}) of each card.

    content is the bytes of the file; what is not UTF-8 is taken for a
    Windows code page.  Only the first value of each kind is kept.
    """
    try:
        text = content.decode('utf-8-sig')
    except UnicodeDecodeError:
        text = content.decode(likely_encoding(content), errors='replace')
    number, card = 0, None
    for line in _unfold(text):
        name, parameters, value = _parse(line)
        if (name, value.upper()) == ('BEGIN', 'VCARD'):
            number += 1
            card = {}
        elif (name, value.upper()) == ('END', 'VCARD'):
            if card is not None:
                yield number, _finish(card)
            card = None
        elif card is not None:
            for field, text in _convert(name, parameters, value):
                if text:
                    card.setdefault(field, text)


def _unfold(text):
    "Yield the logical lines"
    lines = []
    for line in text.splitlines():
        if lines and line[:1] in {' ', '\t'}:
            lines[-1] += line[1:]
        elif (lines and lines[-1].endswith('=')
                and 'QUOTED-PRINTABLE' in lines[-1].upper()):
            lines[-1] = lines[-1][:-1] + line
        else:
            lines.append(line)
    return lines


def _parse(line):
    "Return name, upper case parameters and the decoded value of a line"
    head, _, value = line.partition(':')
    name, *parameters = head.upper().split(';')
    if any('QUOTED-PRINTABLE' in p for p in parameters):
        value = quopri.decodestring(value).decode('utf-8', errors='replace')
    return name.rpartition('.')[2].strip(), parameters, value.strip()


def _convert(name, parameters, value):
    "Yield (field, value) of a property"
    if name == 'FN':
        yield 'name', _text(value)
    elif name == 'N':
        family, given, *_ = [*_parts(value), '', '']
        yield 'n', f'{given} {family}'.strip()
    elif name == 'ORG':
        yield 'org', _parts(value)[0]
    elif name == 'TEL':
        types = ' '.join(parameters)
        number = value.removeprefix('tel:')
        yield ('mobile' if 'CELL' in types else 'phone'), number
    elif name == 'EMAIL':
        yield 'email', value
    elif name == 'URL':
        yield 'website', _text(value)
    elif name == 'ADR':
        parts = [*_parts(value), *[''] * 7]
        yield from zip(
            ['street', 'city', 'postal_code', 'country'],
            [parts[2], parts[3], parts[5], parts[6]])
    elif name == 'BDAY':
        yield 'birth_date', _date(value)
    elif name == 'NOTE':
        yield 'note', _text(value)


def _finish(card):
    name = card.pop('n', None)
    organisation = card.pop('org', None)
    card['kind'] = 'person'
    if organisation and card.get('name') in {None, organisation}:
        card['kind'] = 'organisation'
    card.setdefault('name', name or organisation or '')
    return card


def _text(value):
    return _ESCAPED.sub(
        lambda m: '\n' if m.group(1) in 'nN' else m.group(1), value)


def _parts(value):
    return [_text(p).strip() for p in _SPLIT.split(value)]


def _date(value):
    "Return a date, the text itself when it can't be read"
    digits = value[:10].replace('-', '')[:8]
    try:
        return dt.datetime.strptime(digits, '%Y%m%d').date()
    except ValueError:
        return value
