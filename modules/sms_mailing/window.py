# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""When people may be written to, in the time zone they live in."""
from trytond.model import fields
from trytond.pool import Pool
from trytond.tools import timezone as tz
from trytond.transaction import Transaction

from .engine.window import Window

__all__ = ['WindowMixin', 'windows_of']

_HELP = (
    "The hours in which people may be written to, in their time zone or else "
    "the company's.\nLeave empty for all.")


class WindowMixin:
    __slots__ = ()

    window_from = fields.Time("From", format='%H:%M', help=_HELP)
    window_to = fields.Time("To", format='%H:%M', help=_HELP)
    weekdays = fields.MultiSelection([
            ('0', "Monday"),
            ('1', "Tuesday"),
            ('2', "Wednesday"),
            ('3', "Thursday"),
            ('4', "Friday"),
            ('5', "Saturday"),
            ('6', "Sunday"),
            ], "Weekdays", sort=False,
        help="The days on which people may be written to.\n"
        "Leave empty for all.")

    def window(self, timezone):
        "Return the Window in a time zone, None when it is always open"
        if self.window_from or self.window_to or self.weekdays:
            return Window(
                self.window_from, self.window_to,
                {int(d) for d in self.weekdays or []},
                tz.get_tzinfo(timezone or 'UTC'))


def windows_of(rows):
    """Return {id: Window} of the messages that may not leave at any time.

    rows have the ids of a message, its mailing, rule, party and company.
    """
    limited = {n: _limited(rows, n) for n in ['mailing', 'rule']}
    windows = {}
    if not any(limited.values()):
        return windows
    zones = _zones(rows)
    for name, limits in limited.items():
        for row in rows:
            if limit := limits.get(getattr(row, name)):
                windows[row.id] = limit.window(zones[row.id])
    return windows


def _limited(rows, name):
    "Return {id: record} of the mailings or rules that are not always open"
    Model = Pool().get(f'mailing.{name}')
    ids = {getattr(r, name) for r in rows} - {None}
    return {m.id: m for m in Model.browse(list(ids)) if m.window('UTC')}


def _zones(rows):
    "Return {id: name of the time zone} of the people of messages"
    pool = Pool()
    Company = pool.get('company.company')
    party = pool.get('party.party').__table__()
    cursor = Transaction().connection.cursor()
    cursor.execute(*party.select(
            party.id, party.timezone,
            where=fields.SQL_OPERATORS['in'](
                party.id, list({r.party for r in rows} - {None}))))
    people = dict(cursor)
    companies = {
        c.id: c.timezone
        for c in Company.browse(list({r.company for r in rows}))}
    return {
        r.id: people.get(r.party) or companies[r.company] for r in rows}
