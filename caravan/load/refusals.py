# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import re

from .engine import Column, Loader, date, text

_CHANNELS = {'sms', 'email', 'viber', 'voice'}
_SCOPES = {'marketing', 'topic', 'everything'}
_REASONS = {
    'said', 'stop', 'link', 'bounce', 'complaint', 'bad_number', 'import'}
_NUMBER = re.compile(r'\+[1-9][0-9]{6,14}\Z')
_EMAIL = re.compile(r'[^@\s]+@[^@\s]+\.[^@\s]+\Z')
_FILLER = re.compile(r'[\s().\-/\u00a0]+')


def address(cell, format):
    "Return a number in international form or a mailbox in lower case"
    value = text(cell, format).strip()
    if '@' in value:
        value = value.lower()
        if not _EMAIL.match(value):
            raise ValueError("is not an e-mail address")
        return value
    value = _FILLER.sub('', value)
    if value.startswith('00'):
        value = '+' + value[2:]
    if not _NUMBER.match(value):
        raise ValueError("is not a number in international form: +44...")
    return value


def one_of(choices):
    "Return a converter that takes only choices"
    def convert(cell, format):
        value = text(cell, format).strip().lower()
        if value not in choices:
            raise ValueError(f"is none of {', '.join(sorted(choices))}")
        return value
    return convert


class Refusals(Loader):
    "Numbers and mailboxes that must not be written to"
    model = 'mailing.refusal'
    modules = ['sms_mailing']
    key = 'address'
    columns = [
        Column('address', address, required=True,
            help="Number in international form, or e-mail"),
        Column('party', text, help="Code of the party who refuses"),
        Column('channel', one_of(_CHANNELS),
            help="sms, email, viber or voice; empty for all"),
        Column('scope', one_of(_SCOPES), default='marketing',
            help="marketing, topic or everything"),
        Column('topic', text, help="Name of the topic where scope is topic"),
        Column('reason', one_of(_REASONS), default='import',
            help="said, stop, link, bounce, complaint, bad_number, import"),
        Column('since', date, help="First day, today by default"),
        Column('until', date, help="Last day, empty for ever"),
        Column('comment', text),
        ]

    def known(self, keys):
        return set(self.find('mailing.refusal', 'address', keys))

    def values(self, rows):
        self.parties = self.find(
            'party.party', 'code', [r['party'] for r in rows if r['party']])
        self.topics = self.find(
            'mailing.topic', 'name', [r['topic'] for r in rows if r['topic']])
        return [
            (r, self._get_values(r)) for r in rows if not self._is_bad(r)]

    def _is_bad(self, row):
        for column, known, what in [
                ('party', self.parties, "party with the code"),
                ('topic', self.topics, "topic")]:
            if row[column] and row[column] not in known:
                self.reject(
                    row, column, f"there is no {what} \"{row[column]}\"")
                return True
        if row['scope'] == 'topic' and not row['topic']:
            self.reject(row, 'topic', "is empty though the scope is topic")
            return True
        if row['since'] and row['until'] and row['until'] < row['since']:
            self.reject(row, 'until', "is before since")
            return True
        return False

    def _get_values(self, row):
        values = {
            'address': row['address'],
            'party': self.parties.get(row['party']),
            'channel': row['channel'],
            'scope': row['scope'],
            'topic': self.topics.get(row['topic']),
            'reason': row['reason'],
            'until': row['until'],
            'comment': row['comment'],
            }
        if row['since']:
            values['since'] = row['since']
        return values
