# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The one statement that decides who is written to, and why not.

Each person of the target group becomes one row, included or excluded with
the first reason that applies.  The reasons stand in the order in which a
person would ask: was I left out by hand, had I an address, did I refuse ...
"""
import datetime as dt

from sql import Conflict, Literal, Null, Union, Window
from sql.aggregate import Count, Max, Min
from sql.conditionals import Case, Coalesce, NullIf
from sql.functions import (
    CharLength, CurrentTimestamp, Function, Lower, Mod, RowNumber, Substring,
    Trim)
from sql.operators import Concat

from trytond.model import fields
from trytond.pool import Pool
from trytond.transaction import Transaction

from .segment import MECHANISMS

__all__ = [
    'REASONS', 'RECENT', 'first_addresses', 'insert_recipients',
    'party_languages', 'refusal_clause']

REASONS = [
    (None, ""),
    ('by_hand', "By hand"),
    ('no_address', "No address"),
    ('bad_address', "Bad address"),
    ('no_account', "No account for the number"),
    ('refused', "Refused"),
    ('suppressed', "Suppressed"),
    ('no_consent', "No consent"),
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
# Primes spread neighbouring ids over the hundred
_SPREAD, _SHIFT = 7919, 104729


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


def _is_valid(channel, address):
    "Return the condition that an address can be written to"
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


def _contacts(channel):
    "Return the query of the first address of each party"
    mechanism = Pool().get('party.contact_mechanism').__table__()
    address = _address(channel, mechanism)
    ranked = mechanism.select(
        mechanism.party,
        mechanism.id.as_('mechanism'),
        address.as_('address'),
        RowNumber(window=Window(
                [mechanism.party],
                order_by=[
                    mechanism.sequence.asc.nulls_first,
                    mechanism.id.asc])).as_('rank'),
        where=mechanism.type.in_(MECHANISMS[channel])
        & (mechanism.active == Literal(True)))
    return ranked.select(
        ranked.party, ranked.mechanism, ranked.address,
        where=ranked.rank == 1)


def refusal_clause(refusal, channel, purpose, topic, date):
    """Return the condition that a refusal forbids a message.

    channel, purpose and topic may be values or columns of the message.
    """
    return (
        ((refusal.channel == Null) | (refusal.channel == channel))
        & ((refusal.scope == 'everything')
            | ((refusal.scope == 'marketing') & (
                    Literal(purpose) == 'marketing'
                    if isinstance(purpose, str) else purpose == 'marketing'))
            | ((refusal.scope == 'topic') & (refusal.topic == topic)))
        & (refusal.since <= date)
        & ((refusal.until == Null) | (refusal.until >= date)))


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


def _written(since):
    "Return the messages to people and the condition of those since a moment"
    message = Pool().get('mailing.message').__table__()
    return message, (
        (message.create_date >= since) & ~message.state.in_(_NOT_WRITTEN)
        & (message.party != Null))


def _history(since):
    "Return the query of how many messages each party got since a moment"
    message, where = _written(since)
    return message.select(
        message.party, Count(Literal(1)).as_('count'),
        where=where, group_by=[message.party])


def _like(mailing, now):
    """Return the query of the last like message of each party

    It is about the topic or of a template that says nearly the same; guarded
    counts those about the topic within its guard.
    """
    guard = mailing.topic.repeat_guard or dt.timedelta()
    message, where = _written(now - max(guard, RECENT))
    same_topic = message.topic == mailing.topic.id
    templates = [t.id for t in mailing.steps[0].template.alike()]
    return message.select(
        message.party,
        Max(message.id).as_('message'),
        Count(Literal(1), filter_=(
                same_topic & (message.create_date >= now - guard))).as_(
            'guarded'),
        where=where & (same_topic | message.template.in_(templates)),
        group_by=[message.party])


def _languages(company):
    lang = Pool().get('party.party.lang').__table__()
    return lang.select(
        lang.party, Max(lang.lang).as_('lang'),
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


def _unserved(mailing, address):
    "Return the when of the numbers that no account serves"
    routes = mailing.steps[0].routes()
    if routes.complete:
        return []
    return [(routes.column(address) == Null, 'no_account')]


def _reasons(mailing, channel, now):
    "Return the joined tables, the whens of the reasons and their sources"
    pool = Pool()
    ByHand = pool.get('mailing.mailing-excluded-party')
    Recipient = pool.get('mailing.recipient')
    party, where = _audience(mailing)
    contact = _contacts(channel)
    by_party = _refusals(mailing, channel, 'party', now.date())
    by_address = _refusals(mailing, channel, 'address', now.date())
    by_hand = ByHand.__table__()
    like = _like(mailing, now)
    from_ = (party
        .left_join(like, condition=like.party == party.id)
        .left_join(contact, condition=contact.party == party.id)
        .left_join(by_party, condition=by_party.party == party.id)
        .left_join(
            by_address, condition=by_address.address == contact.address)
        .left_join(by_hand, condition=(by_hand.party == party.id)
            & (by_hand.mailing == mailing.id)))
    said = Coalesce(by_party.said, 0) + Coalesce(by_address.said, 0)
    refusal = Coalesce(by_party.refusal, by_address.refusal)
    whens = [
        (by_hand.id != Null, 'by_hand'),
        (contact.address == Null, 'no_address'),
        (~_is_valid(channel, contact.address), 'bad_address'),
        *_unserved(mailing, contact.address),
        ((refusal != Null) & (said > 0), 'refused'),
        *((party.id.in_(q), 'refused')
            for q in Recipient.refusing_parties(mailing)),
        (refusal != Null, 'suppressed'),
        ]
    if mailing.topic.consent_required and mailing.purpose == 'marketing':
        consent = _consents(mailing, channel)
        from_ = from_.left_join(
            consent, condition=consent.party == party.id)
        whens.append((
                Coalesce(consent.action, '') != 'granted', 'no_consent'))
    if mailing.frequency_cap and mailing.purpose == 'marketing':
        history = _history(now - dt.timedelta(mailing.frequency_days))
        from_ = from_.left_join(
            history, condition=history.party == party.id)
        whens.append((
                Coalesce(history.count, 0) >= mailing.frequency_cap, 'cap'))
    if mailing.topic.repeat_guard:
        whens.append((Coalesce(like.guarded, 0) > 0, 'repeated'))
    if mailing.hold_out:
        whens.append((
                Mod(party.id * _SPREAD + mailing.id * _SHIFT, 100)
                < mailing.hold_out, 'hold_out'))
    return party, where, from_, contact, whens, refusal, like.message


def _people(mailing, channel, now):
    "Return the query of the target group with the reason of each person"
    party, where, from_, contact, whens, refusal, previous = _reasons(
        mailing, channel, now)
    language = _languages(mailing.company.id)
    category = _categories()
    from_ = (from_
        .left_join(language, condition=language.party == party.id)
        .left_join(category, condition=category.party == party.id))
    return from_.select(
        party.id.as_('party'),
        contact.mechanism.as_('mechanism'),
        contact.address.as_('address'),
        language.lang.as_('language'),
        category.category.as_('category'),
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
    channel = mailing.steps[0].channel
    people = _people(mailing, channel, now)
    # Of those who share an address and have no other reason, one is written
    turn = RowNumber(window=Window(
            [people.address, people.reason],
            order_by=[people.party.asc]))
    turns = people.select(
        people.party, people.mechanism, people.address, people.language,
        people.category, people.refusal, people.previous,
        Case(
            ((people.reason == Null) & (turn > 1), 'duplicate'),
            else_=people.reason).as_('reason'))
    table = Recipient.__table__()
    columns = [
        table.create_uid, table.create_date, table.mailing, table.channel,
        table.party, table.contact_mechanism, table.address, table.language,
        table.category, table.refusal, table.previous, table.reason,
        table.state]
    query = turns.select(
        Literal(transaction.user), CurrentTimestamp(), Literal(mailing.id),
        Literal(channel), turns.party, turns.mechanism, turns.address,
        turns.language, turns.category, turns.refusal, turns.previous,
        turns.reason,
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
    query = _contacts(channel)
    cursor = Transaction().connection.cursor()
    cursor.execute(*query.select(
            query.party, query.address,
            where=fields.SQL_OPERATORS['in'](query.party, parties)
            & _is_valid(channel, query.address)))
    return dict(cursor)


def party_languages(company, parties):
    "Return {party: language} as ids"
    query = _languages(company)
    cursor = Transaction().connection.cursor()
    cursor.execute(*query.select(
            query.party, query.lang,
            where=fields.SQL_OPERATORS['in'](query.party, parties)))
    return dict(cursor)
