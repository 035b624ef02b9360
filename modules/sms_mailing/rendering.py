# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""From a template and a record to the text that leaves.

Only the names of the vocabulary of a model can be read, and what is read is
turned into a plain value before the text sees it.
"""
import datetime as dt
from collections import namedtuple

from trytond.model import Model, fields
from trytond.modules.currency.fields import Monetary

from .engine import gsm
from .engine.template import Amount, Formatter, escape_html, single_line

__all__ = [
    'Content', 'LangFormatter', 'compose', 'follow', 'read_value',
    'read_values', 'with_picture']

Content = namedtuple(
    'Content', ['subject', 'text', 'html', 'encoding', 'parts'])
Content.__doc__ = """What is sent to one person.

encoding is one of engine.gsm for an SMS, else None; parts is what is paid
for: the parts of an SMS, 1 for the other channels.
"""


class LangFormatter(Formatter):
    "Spell values as an ir.lang does"

    def __init__(self, lang):
        self.lang = lang

    def date(self, value):
        return self.lang.strftime(value, self.lang.date)

    def number(self, value, digits=None):
        return self.lang.format_number(value, digits)

    def money(self, value, currency):
        return self.lang.currency(value, currency, grouping=True)


def follow(record, path):
    "Return the record at the end of a path of fields, None if it breaks"
    for name in filter(None, path.split('.')):
        record = getattr(record, name)
        if record is None:
            return None
    return record


def read_value(record, path, timezone=None):
    """Return the plain value at a dotted path of fields of record.

    Money comes as Amount, a relation as its name, a choice as its label, a
    moment in the time zone if one is given; None stands for anything missing.
    """
    parents, _, name = path.rpartition('.')
    record = follow(record, parents)
    if record is None:
        return None
    value = getattr(record, name)
    field = record._fields[name]
    if isinstance(field, fields.Function):
        field = field._field
    if value is None:
        return None
    if isinstance(field, Monetary):
        return Amount(value, getattr(record, field.currency))
    if isinstance(value, Model):
        return value.rec_name
    if isinstance(field, fields.Selection):
        return field.get_selection_string(
            field.get_selection(type(record), name, record), value)
    if isinstance(value, dt.datetime) and timezone:
        return value.replace(tzinfo=dt.timezone.utc).astimezone(timezone)
    return value


def read_values(record, sources, timezone=None):
    """Return {name: plain value} for sources {name: path or function}.

    A function gets the record and returns a plain value.
    """
    return {
        name: source(record) if callable(source)
        else read_value(record, source, timezone)
        for name, source in sources.items()}


def compose(
        channel, texts, values, formatter=None, spelling=None,
        footer=None):
    """Return the Content of a message.

    texts is the tuple of the engine's Template for subject, text and html,
    any of them None; spelling is None, 'sanitise' or 'transliterate' and
    applies to SMS; footer is appended to the text of a mail.
    Raises MissingValue.
    """
    subject, text, html = texts
    text = text.render(values, formatter) if text else ''
    if channel == 'email':
        return Content(
            single_line(subject.render(values, formatter))
            if subject else None,
            text + (footer or ''),
            html.render(values, formatter, escape_html) if html else None,
            None, 1)
    if spelling:
        text = {
            'sanitise': gsm.sanitise,
            'transliterate': gsm.transliterate,
            }[spelling](text)
    if channel == 'sms':
        count = gsm.count(text)
        return Content(None, text, None, count.encoding, count.parts)
    return Content(None, text, None, None, 1)


def with_picture(html, url):
    "Return html that asks for url when it is opened"
    picture = f'<img src="{escape_html(url)}" width="1" height="1" alt="">'
    body, end, rest = html.rpartition('</body>')
    return f'{body}{picture}{end}{rest}' if end else html + picture
