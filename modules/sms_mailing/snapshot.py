# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The one statement that decides who is written to, and why not.

Each person of the target group becomes one row, included or excluded with
the first reason that applies.  What nobody may overrule comes first: had I
an address, did I refuse ... then what the people of the house decided.
"""
import datetime as dt
from collections import namedtuple

from sql import Conflict, Literal, Null, Union, Window
from sql.aggregate import Count, Max, Min
from sql.conditionals import Case, Coalesce, NullIf
from sql.functions import (
    CharLength, CurrentTimestamp, Function, Lower, Mod, RowNumber, Substring,
    Trim)
from sql.operators import Concat, Or

from trytond.model import fields
from trytond.pool import Pool
from trytond.transaction import Transaction

from .course import first_steps, shares, templates
from .segment import MECHANISMS

__all__ = [
    'REASONS', 'RECENT', 'contacts', 'first_addresses', 'insert_recipients',
    'is_valid', 'party_languages', 'refusal_clause']

REASONS = [
    (None, ""),
    ('no_address', "No address"),
    ('bad_address', "Bad address"),
    ('no_account', "No account for the number"),
    ('refused', "Refused"),
    ('suppressed', "Suppressed"),
    ('no_consent', "No consent"),
    ('by_hand', "By hand"),
    ('cap', "Written to too often"),
    ('repeated', "Repeated topic"),
    ('hold_out', "Hold-out group"),
    ('duplicate', "Duplicate address"),
    ('missing', "Missing value"),
    ('too_long', "Too long"),
    ]
# How long people remember a message
RECENT = dt.timedelta(days=30)
# A refusal for these reasons is no decision of the person
SUPPRESSIONS = ['bounce', 'complaint', 'bad_number']
# A message in one of these states was not written to anybody
_NOT_WRITTEN = ['cancelled', 'expired', 'failed', 'simulated']
# Primes spread neighbouring ids, small enough for the integers of PostgreSQL
_SPREAD, _SHIFT, _RANGE = 7919, 104729, 99991

_Contact = namedtuple(
    '_Contact', ['channel', 'mechanism', 'address', 'valid'])


class Replace(Function):
    __slots__ = ()
    _function = 'REPLACE'


def _address(channel, mechanism):
    "Return the expression of a normalised address"
    if channel == 'email':
        return Lower(Trim(mechanism.value))
    number = Coalesce(NullIf(mechanism.value_compact, ''), mechanism.value)
    for filler in [' ', '-', '(', ')', '.', '/', '\u00a0']:
        number = Replace(number, filler, '')
    return Case(
        (number.like('00%'), Concat('+', Substring(number, 3))), else_=number)


def is_valid(channel, address):
    "Return the condition that an address of channel can be written to"
    if channel == 'email':
        return (
            address.like('%_@_%._%')
            & ~address.like('%@%@%')
            & ~address.like('% %'))
    return (
        address.like('+%')
        & ~address.like('+0%')
        & (CharLength(address) >= 8)
        & (CharLength(address) <= 16)
        & (Trim(Substring(address, 2), 'BOTH', '0123456789') == ''))


def contacts(channel, parties=None):
    """Return the query of the first address of each party

    parties is the query of those asked for, all by default.
    """
    mechanism = Pool().get('party.contact_mechanism').__table__()
    address = _address(channel, mechanism)
    where = (
        mechanism.type.in_(MECHANISMS[channel])
        & (mechanism.active == Literal(True)))
    if parties is not None:
        where &= mechanism.party.in_(parties)
    ranked = mechanism.select(
        mechanism.party,
        mechanism.id.as_('mechanism'),
        address.as_('address'),
        RowNumber(window=Window(
                [mechanism.party],
                order_by=[
                    mechanism.sequence.asc.nulls_first,
                    mechanism.id.asc])).as_('rank'),
        where=where)
    return ranked.select(
        ranked.party, ranked.mechanism, ranked.address,
        where=ranked.rank == 1)


def refusal_clause(refusal, channel, purpose, topic, date):
    """Return the condition that a refusal forbids a message.

    channel, purpose and topic may be values or columns of the message, date
    is that of UTC.
    """
    # The day began elsewhere before
    latest = date + dt.timedelta(days=1)
    return (
        ((refusal.channel == Null) | (refusal.channel == channel))
        & ((refusal.scope == 'everything')
            | ((refusal.scope == 'marketing') & (
                    Literal(purpose) == 'marketing'
                    if isinstance(purpose, str) else purpose == 'marketing'))
            | ((refusal.scope == 'topic') & (refusal.topic == topic)))
        & (refusal.since <= latest)
        & ((refusal.until == Null) | (refusal.until >= date)))


def _join_refusals(mailing, from_, party, contact, date):
    """Return the joined tables, the refusal of a person and if it was said

    That of the channel which reaches the person counts.
    """
    refusals, said = [], []
    for _, step in first_steps(mailing):
        for key, value in [
                ('party', party.id), ('address', contact.address)]:
            found = _refusals(mailing, step.channel, key, date)
            from_ = from_.left_join(found, condition=(
                    getattr(found, key) == value)
                & (contact.channel == step.channel))
            refusals.append(found.refusal)
            said.append(Coalesce(found.said, 0) > 0)
    return from_, Coalesce(*refusals), Or(said)


def _join_consents(mailing, from_, party, contact):
    "Return the joined tables and the last word by the channel of a person"
    actions = []
    for _, step in first_steps(mailing):
        found = _consents(mailing, step.channel)
        from_ = from_.left_join(found, condition=(found.party == party.id)
            & (contact.channel == step.channel))
        actions.append(found.action)
    return from_, Coalesce(*actions, '')


def _refusals(mailing, channel, key, date):
    "Return the query of the refusals that matter by party or address"
    refusal = Pool().get('mailing.refusal').__table__()
    column = getattr(refusal, key)
    return refusal.select(
        column,
        Min(refusal.id).as_('refusal'),
        Count(
            Literal(1),
            filter_=~refusal.reason.in_(SUPPRESSIONS)).as_('said'),
        where=(column != Null) & refusal_clause(
            refusal, channel, mailing.purpose, mailing.topic.id, date),
        group_by=[column])


def _consents(mailing, channel):
    "Return the query of the last word of each party on being written to"
    consent = Pool().get('mailing.consent').__table__()
    ranked = consent.select(
        consent.party,
        consent.action,
        RowNumber(window=Window(
                [consent.party],
                order_by=[consent.at.desc, consent.id.desc])).as_('rank'),
        where=((consent.channel == Null) | (consent.channel == channel))
        & (consent.purpose == mailing.purpose))
    return ranked.select(
        ranked.party, ranked.action, where=ranked.rank == 1)


def _written(mailing, since):
    "Return the messages of the company and the condition of those since"
    message = Pool().get('mailing.message').__table__()
    return message, (
        (message.create_date >= since) & ~message.state.in_(_NOT_WRITTEN)
        & (message.company == mailing.company.id)
        & (message.party != Null))


def _history(mailing, since):
    "Return the query of how many messages each party got since a moment"
    message, where = _written(mailing, since)
    return message.select(
        message.party, Count(Literal(1)).as_('count'),
        where=where, group_by=[message.party])


def _like(mailing, now):
    """Return the query of the last like message of each party

    It is about the topic or of a template that says nearly the same; guarded
    counts those about the topic within its guard.
    """
    guard = mailing.topic.repeat_guard or dt.timedelta()
    message, where = _written(mailing, now - max(guard, RECENT))
    same_topic = message.topic == mailing.topic.id
    like = list({
            t.id for template in templates(mailing)
            for t in template.alike()})
    return message.select(
        message.party,
        Max(message.id).as_('message'),
        Count(Literal(1), filter_=(
                same_topic & (message.create_date >= now - guard))).as_(
            'guarded'),
        where=where & (same_topic | message.template.in_(like)),
        group_by=[message.party])


def _languages(company):
    lang = Pool().get('party.party.lang').__table__()
    return lang.select(
        lang.party,
        Coalesce(
            Max(lang.lang, filter_=lang.company == company),
            Max(lang.lang)).as_('lang'),
        where=(lang.company == Null) | (lang.company == company),
        group_by=[lang.party])


def _categories():
    relation = Pool().get('party.party-party.category').__table__()
    return relation.select(
        relation.party, Min(relation.category).as_('category'),
        group_by=[relation.party])


def _audience(mailing):
    "Return the condition that a party belongs to the target group"
    party = Pool().get('party.party').__table__()
    queries = [s.query() for s in mailing.segments]
    where = party.id.in_(
        Union(*queries) if len(queries) > 1 else queries[0])
    for segment in mailing.excluded_segments:
        where &= ~party.id.in_(segment.query())
    return party, where


def _unserved(mailing, contact):
    "Return the whens of the numbers that no account serves"
    return [
        ((contact.channel == step.channel)
            & (routes.column(contact.address) == Null), 'no_account')
        for _, step in first_steps(mailing)
        if not (routes := step.routes()).complete]


def _lot(party, salt, count):
    "Return the expression of a lot below count, the same each time"
    return Mod(Mod(
            Mod(party, _RANGE) * _SPREAD + salt * _SHIFT % _RANGE,
            _RANGE), count)


def _variant(mailing, party):
    "Return the expression of the id of the variant that a party gets"
    if not mailing.variants:
        return Null
    parts = shares(mailing)
    total = sum(weight for _, weight in parts)
    lot, whens, upper = _lot(party, mailing.id + 1, total), [], 0
    for variant, weight in parts:
        upper += weight
        whens.append((lot < upper, variant.id if variant else Null))
    return Case(*whens, else_=Null)


def _reach(mailing, party):
    """Return what joins party to the first channel that reaches it

    The result is the joined tables and the expressions of channel, contact
    mechanism, address and whether the address can be written to.
    """
    channels = list(dict.fromkeys(s.channel for s in mailing.steps))
    from_, found = party, []
    for channel in channels:
        contact = contacts(channel)
        from_ = from_.left_join(contact, condition=contact.party == party.id)
        found.append((channel, contact))
    channel, contact = found[0]
    if len(found) == 1:
        return from_, _Contact(
            Literal(channel), contact.mechanism, contact.address,
            is_valid(channel, contact.address))
    valid = [
        (c.address != Null) & is_valid(n, c.address) for n, c in found]

    def choose(values, otherwise):
        return Case(*zip(valid, values), else_=otherwise)

    addresses = [c.address for _, c in found]
    return from_, _Contact(
        choose([n for n, _ in found], channel),
        choose([c.mechanism for _, c in found], contact.mechanism),
        choose(addresses, Coalesce(*addresses)), Or(valid))


def _reasons(mailing, now):
    "Return the joined tables, the whens of the reasons and their sources"
    pool = Pool()
    ByHand = pool.get('mailing.mailing-excluded-party')
    Recipient = pool.get('mailing.recipient')
    party, where = _audience(mailing)
    from_, contact = _reach(mailing, party)
    from_, refusal, said = _join_refusals(
        mailing, from_, party, contact, now.date())
    by_hand = ByHand.__table__()
    like = _like(mailing, now)
    from_ = (from_
        .left_join(like, condition=like.party == party.id)
        .left_join(by_hand, condition=(by_hand.party == party.id)
            & (by_hand.mailing == mailing.id)))
    whens = [
        (contact.address == Null, 'no_address'),
        (~contact.valid, 'bad_address'),
        *_unserved(mailing, contact),
        (said, 'refused'),
        *((party.id.in_(q), 'refused')
            for q in Recipient.refusing_parties(mailing)),
        (refusal != Null, 'suppressed'),
        ]
    if mailing.topic.consent_required and mailing.purpose == 'marketing':
        from_, action = _join_consents(mailing, from_, party, contact)
        whens.append((action != 'granted', 'no_consent'))
    whens.append((by_hand.id != Null, 'by_hand'))
    if mailing.frequency_cap and mailing.purpose == 'marketing':
        history = _history(
            mailing, now - dt.timedelta(mailing.frequency_days))
        from_ = from_.left_join(
            history, condition=history.party == party.id)
        whens.append((
                Coalesce(history.count, 0) >= mailing.frequency_cap, 'cap'))
    if mailing.topic.repeat_guard:
        whens.append((Coalesce(like.guarded, 0) > 0, 'repeated'))
    if mailing.hold_out:
        whens.append((
                _lot(party.id, mailing.id, 100) < mailing.hold_out,
                'hold_out'))
    return party, where, from_, contact, whens, refusal, like.message


def _people(mailing, now):
    "Return the query of the target group with the reason of each person"
    Recipient = Pool().get('mailing.recipient')
    party, where, from_, contact, whens, refusal, previous = _reasons(
        mailing, now)
    language = _languages(mailing.company.id)
    category = _categories()
    from_ = (from_
        .left_join(language, condition=language.party == party.id)
        .left_join(category, condition=category.party == party.id))
    return from_.select(
        party.id.as_('party'),
        contact.channel.as_('channel'),
        contact.mechanism.as_('mechanism'),
        contact.address.as_('address'),
        language.lang.as_('language'),
        category.category.as_('category'),
        Recipient.variant.sql_cast(_variant(mailing, party.id)).as_(
            'variant'),
        Case(*whens, else_=Null).as_('reason'),
        refusal.as_('refusal'),
        previous.as_('previous'),
        where=where)


def insert_recipients(mailing, now=None):
    """Write the rows of the recipients of a mailing in one statement.

    Rows that are already there stay as they are: run again, nothing is
    added.  Returns the number of rows written.
    """
    pool = Pool()
    Recipient = pool.get('mailing.recipient')
    transaction = Transaction()
    now = now or dt.datetime.now()
    people = _people(mailing, now)
    # Of those who share an address and have no other reason, one is written
    turn = RowNumber(window=Window(
            [people.address, people.reason],
            order_by=[people.party.asc]))
    turns = people.select(
        people.party, people.channel, people.mechanism, people.address,
        people.language, people.category, people.variant, people.refusal,
        people.previous,
        Case(
            ((people.reason == Null) & (turn > 1), 'duplicate'),
            else_=people.reason).as_('reason'))
    table = Recipient.__table__()
    columns = [
        table.create_uid, table.create_date, table.mailing, table.channel,
        table.party, table.contact_mechanism, table.address, table.language,
        table.category, table.variant, table.refusal, table.previous,
        table.reason, table.state]
    query = turns.select(
        Literal(transaction.user), CurrentTimestamp(), Literal(mailing.id),
        turns.channel, turns.party, turns.mechanism, turns.address,
        turns.language, turns.category, turns.variant, turns.refusal,
        turns.previous, turns.reason,
        Case((turns.reason == Null, 'included'), else_='excluded'),
        where=Literal(True))
    cursor = transaction.connection.cursor()
    cursor.execute(*table.insert(
            columns, query, on_conflict=Conflict(table)))
    for cache in transaction.cache.values():
        cache.clear()
    return cursor.rowcount


def first_addresses(channel, parties):
    "Return {party: address} of those of parties who can be written to"
    party = Pool().get('party.party').__table__()
    query = contacts(channel, party.select(
            party.id, where=fields.SQL_OPERATORS['in'](party.id, parties)))
    cursor = Transaction().connection.cursor()
    cursor.execute(*query.select(
            query.party, query.address,
            where=is_valid(channel, query.address)))
    return dict(cursor)


def party_languages(company, parties):
    "Return {party: language} as ids"
    query = _languages(company)
    cursor = Transaction().connection.cursor()
    cursor.execute(*query.select(
            query.party, query.lang,
            where=fields.SQL_OPERATORS['in'](query.party, parties)))
    return dict(cursor)
