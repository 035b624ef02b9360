# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""All texts of a mailing written out: what they cost, what is missing."""
from collections import Counter, defaultdict, namedtuple

from trytond.pool import Pool
from trytond.tools import grouped_slice
from trytond.transaction import Transaction

from .course import first_steps, template_of

__all__ = ['Priced', 'write_out']

_SLICE = 200

_Row = namedtuple(
    '_Row', ['id', 'party', 'language', 'address', 'channel', 'variant'])
Priced = namedtuple('Priced', ['step', 'first', 'parts', 'account'])
Priced.__doc__ = """What texts of the same price have in common.

step is the place of the message in the cascade, from 0; first tells that it
leaves at the start, the others do only when the one before did not arrive.
"""


def write_out(mailing):
    """Return the count of texts by Priced, the ids of recipients by problem.

    A problem is a reason for exclusion and the names that are missing; it
    counts in the first message of a person.
    """
    rows = _rows(mailing)
    counts, problems = Counter(), defaultdict(list)
    begins = {step.channel: index for index, step in first_steps(mailing)}
    for index, step in enumerate(mailing.steps):
        routes = step.routes()
        for group in _groups(step, index, rows, begins):
            for slice_ in grouped_slice(group, _SLICE):
                _price(
                    step, index, list(slice_), routes, begins, counts,
                    problems)
    return counts, problems


def _rows(mailing):
    recipient = Pool().get('mailing.recipient').__table__()
    cursor = Transaction().connection.cursor()
    cursor.execute(*recipient.select(
            *(getattr(recipient, n) for n in _Row._fields),
            where=(recipient.mailing == mailing.id)
            & (recipient.state == 'included'),
            order_by=[recipient.id]))
    return [_Row(*r) for r in cursor]


def _groups(step, index, rows, begins):
    "Return the rows that a step may write to, those of a template together"
    groups = defaultdict(list)
    for row in rows:
        if begins[row.channel] <= index:
            groups[row.variant if not index else None].append(row)
    return list(groups.values())


def _price(step, index, rows, routes, begins, counts, problems):
    "Count the texts of rows, which have the template in common"
    Message = Pool().get('mailing.message')
    template = template_of(step.mailing, index, rows[0].variant)
    by_id = {r.id: r for r in rows}
    outcomes = Message.write_out(
        template, step.mailing.company,
        [(r.id, r.party, r.language) for r in rows])
    for id_, outcome in outcomes:
        row = by_id[id_]
        first = begins[row.channel] == index
        if isinstance(outcome, int):
            account = step.account
            if 'email' not in {step.channel, row.channel}:
                account = routes[row.address] or account
            counts[Priced(index, first, outcome, account)] += 1
        elif first:
            problems[outcome].append(id_)
