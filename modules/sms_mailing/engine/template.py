# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The language of message texts: values only.

    Dear {party.name|default:"client"}[, call {employee.name}], {amount|money}
    is due on {invoice.date|date}.

A field stands in braces, filters follow after bars.  A part in brackets is
left out when a field in it is empty.  Doubled braces and brackets stand for
themselves.  A text can name fields and filters, nothing else: there is no
expression, no attribute, no call, no loop, so that its author reaches only
the values that the program hands over.
"""
import datetime as dt
import re
from collections import namedtuple
from decimal import Decimal
from html import escape as escape_html

__all__ = [
    'FILTERS', 'Amount', 'Formatter', 'MissingValue', 'Template',
    'TemplateError', 'escape_html', 'single_line']

MAX_LENGTH = 100_000
MAX_FIELDS = 500

Amount = namedtuple('Amount', ['value', 'currency'])
Amount.__doc__ = "Money: value is a Decimal, currency what a Formatter takes"

_Field = namedtuple('_Field', ['name', 'filters'])
_NAME = r'[a-z][a-z0-9]*(?:_[a-z0-9]+)*'
_DOTTED = rf'{_NAME}(?:\.{_NAME}){{0,4}}'
_FILTER = r'\s*\|\s*([a-z]+)(?:\s*:\s*("[^"]*"|[0-9]{1,4}))?'
_FIELD_AT = re.compile(
    rf'\{{\s*({_DOTTED})((?:{_FILTER})*)\s*\}}')
_FILTER_AT = re.compile(_FILTER)
_MARK = re.compile(r'\{\{|\}\}|\[\[|\]\]|[{}\[\]]')


class TemplateError(ValueError):
    """A text that can not be understood.

    code is syntax, filter, nested, bracket, block or size; fragment is the
    place in the text, for the eye.
    """

    def __init__(self, code, fragment):
        super().__init__(f"{code}: {fragment}")
        self.code = code
        self.fragment = fragment


class MissingValue(ValueError):
    "A required field is empty; names lists all of them"

    def __init__(self, names):
        super().__init__(', '.join(names))
        self.names = names


class Formatter:
    """Spell values without any language: ISO dates, plain numbers.

    A caller that knows the language of the reader overrides the methods.
    """

    def date(self, value):
        return value.strftime('%Y-%m-%d')

    def time(self, value):
        return value.strftime('%H:%M')

    def number(self, value, digits=None):
        return str(value if digits is None else round(value, digits))

    def money(self, value, currency):
        return f"{round(value, 2)} {currency}"

    def spell(self, value):
        "Return value in the way of its type"
        if isinstance(value, Amount):
            return self.money(*value)
        if isinstance(value, dt.datetime):
            return f"{self.date(value)} {self.time(value)}"
        if isinstance(value, dt.date):
            return self.date(value)
        if isinstance(value, dt.time):
            return self.time(value)
        if isinstance(value, (Decimal, float)):
            return self.number(value)
        return str(value)


def _date(value, argument, formatter):
    if isinstance(value, (dt.date, dt.datetime)):
        return formatter.date(value)
    return formatter.spell(value)


def _time(value, argument, formatter):
    if isinstance(value, (dt.time, dt.datetime)):
        return formatter.time(value)
    return formatter.spell(value)


def _number(value, argument, formatter):
    if isinstance(value, Amount):
        value = value.value
    if isinstance(value, (int, float, Decimal)):
        digits = None if argument is None else min(int(argument), 8)
        return formatter.number(value, digits)
    return formatter.spell(value)


def _money(value, argument, formatter):
    return formatter.spell(value)


def _text(function):
    def filter_(value, argument, formatter):
        return function(formatter.spell(value))
    return filter_


def _first(text):
    words = text.split()
    return words[0] if words else ''


def _cut(value, argument, formatter):
    return formatter.spell(value)[:int(argument)].rstrip()


FILTERS = {
    'cut': _cut,
    'date': _date,
    'default': None,
    'first': _text(_first),
    'lower': _text(str.lower),
    'money': _money,
    'number': _number,
    'time': _time,
    'title': _text(str.title),
    'upper': _text(str.upper),
    }
# Kind of the argument: text, integer, or None where there is none
_ARGUMENTS = {'default': str, 'cut': int, 'number': int}
_OPTIONAL = {'number'}


def single_line(text):
    "Return text fit for a header: every control character is a space"
    return ' '.join(re.sub(r'[\x00-\x1f\x7f\x85\u2028\u2029]', ' ', text)
        .split())


def _filters(source, fragment):
    result = []
    for name, argument in _FILTER_AT.findall(source):
        kind = _ARGUMENTS.get(name)
        if name not in FILTERS:
            raise TemplateError('filter', fragment)
        if not argument:
            if kind and name not in _OPTIONAL:
                raise TemplateError('filter', fragment)
            value = None
        elif argument[0] == '"':
            value = argument[1:-1]
        else:
            value = int(argument)
        if value is not None and (kind is None or type(value) is not kind):
            raise TemplateError('filter', fragment)
        result.append((name, value))
    return tuple(result)


class Template:
    """A text understood once, to be rendered for many people.

    names is the set of the fields in it; required is the tuple of those that
    have no default and stand outside of optional parts.  Raises TemplateError.
    """

    def __init__(self, text):
        text = text or ''
        if len(text) > MAX_LENGTH:
            raise TemplateError('size', text[:20])
        # strings, fields, and lists of both for optional parts
        self._parts = self._parse(text)
        fields = [f for part in self._parts for f in (
                part if isinstance(part, list) else [part])
            if isinstance(f, _Field)]
        if len(fields) > MAX_FIELDS:
            raise TemplateError('size', text[:20])
        self.names = {f.name for f in fields}
        self.required = tuple(dict.fromkeys(
                f.name for f in self._parts if isinstance(f, _Field)
                and not any(n == 'default' and v for n, v in f.filters)))

    @staticmethod
    def _parse(text):
        parts, block, position = [], None, 0
        current = parts
        while mark := _MARK.search(text, position):
            if mark.start() > position:
                current.append(text[position:mark.start()])
            sign, position = mark.group(), mark.end()
            fragment = text[mark.start():mark.start() + 40]
            if len(sign) == 2:
                current.append(sign[0])
            elif sign == '{':
                field = _FIELD_AT.match(text, mark.start())
                if not field:
                    raise TemplateError('syntax', fragment)
                current.append(_Field(
                        field.group(1),
                        _filters(field.group(2), field.group())))
                position = field.end()
            elif sign == '[' and block is None:
                block = current = []
            elif sign == ']' and block is not None:
                if not any(isinstance(p, _Field) for p in block):
                    raise TemplateError('block', fragment)
                parts.append(block)
                block, current = None, parts
            else:
                code = 'nested' if sign == '[' else 'bracket'
                raise TemplateError(code, fragment)
        if block is not None:
            raise TemplateError('bracket', text[-40:])
        parts.append(text[position:])
        return parts

    @staticmethod
    def _field(field, values, formatter):
        "Return the text of a field, None when there is none"
        value = values.get(field.name)
        if isinstance(value, str):
            value = value.strip()
        for name, argument in field.filters:
            empty = value is None or value == ''
            if name == 'default':
                if empty:
                    value = argument
            elif not empty:
                value = FILTERS[name](value, argument, formatter)
        if value is None or value == '':
            return None
        return formatter.spell(value)

    def render(self, values, formatter=None, escape=None):
        """Return the text for values, a mapping of field name to value.

        escape is applied to each value, never to the text around.  Raises
        MissingValue when a required field is empty.
        """
        formatter = formatter or Formatter()
        escape = escape or (lambda value: value)
        missing, result = [], []
        for part in self._parts:
            if isinstance(part, str):
                result.append(part)
            elif isinstance(part, list):
                result.append(self._block(part, values, formatter, escape))
            else:
                text = self._field(part, values, formatter)
                if text is None:
                    missing.append(part.name)
                else:
                    result.append(escape(text))
        if missing:
            raise MissingValue(list(dict.fromkeys(missing)))
        return ''.join(result)

    def _block(self, block, values, formatter, escape):
        result = []
        for part in block:
            if isinstance(part, _Field):
                text = self._field(part, values, formatter)
                if text is None:
                    return ''
                part = escape(text)
            result.append(part)
        return ''.join(result)
