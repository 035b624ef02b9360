# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
import math
from collections import defaultdict

from sql import Literal, Null, Union
from sql.functions import CharLength
from sql.operators import Exists, Mod

from trytond.i18n import gettext
from trytond.model import (
    Check, Index, ModelSQL, ModelView, Unique, Workflow, fields)
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval, If
from trytond.tools import grouped_slice
from trytond.transaction import Transaction, without_check_access
from trytond.wizard import (
    Button, StateAction, StateTransition, StateView, Wizard)

from .exceptions import DuplicateWarning
from .kernel.names import name_key, numbers, ratio, score
from .kernel.pairs import alike, same

REASONS = [
    ('identifier', "Identifier"),
    ('email', "E-mail"),
    ('phone', "Phone"),
    ('name', "Name"),
    ('postal_code', "Postal Code"),
    ('date', "Birth Date"),
    ]
_PHONES = ['phone', 'mobile', 'fax']
# Name, postal code and date: what is alike below the first needs the others
_ALONE, _TOGETHER = 0.9, 0.8


class _Similar(Mod):
    "The operator % of pg_trgm between texts"
    __slots__ = ()


class Duplicate(Workflow, ModelSQL, ModelView):
    __name__ = 'crm.duplicate'
    __string__ = "Duplicate"

    party1 = fields.Many2One(
        'party.party', "Party", required=True, readonly=True,
        ondelete='CASCADE')
    party2 = fields.Many2One(
        'party.party', "Other Party", required=True, readonly=True,
        ondelete='CASCADE')
    score = fields.Float(
        "Score", digits=(1, 2), required=True, readonly=True,
        help="How likely both are one party, from 0 to 1.")
    reasons = fields.MultiSelection(
        REASONS, "Reasons", readonly=True, sort=False,
        help="What both parties have in common.")
    decided_by = fields.Many2One(
        'res.user', "Decided By", readonly=True, ondelete='SET NULL')
    decided_at = fields.Timestamp("Decided At", readonly=True)
    state = fields.Selection([
            ('open', "Open"),
            ('merged', "Merged"),
            ('not_duplicate', "Not a Duplicate"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('parties_unique', Unique(t, t.party1, t.party2),
                'crm_party.msg_duplicate_unique'),
            ('parties_ordered', Check(t, t.party1 < t.party2),
                'crm_party.msg_duplicate_ordered'),
            ]
        cls._sql_indexes.update({
                Index(t, (t.party2, Index.Equality())),
                Index(t, (t.state, Index.Equality(cardinality='low'))),
                })
        cls._order = [('score', 'DESC'), ('id', 'ASC')]
        cls._transitions |= set((
                ('open', 'not_duplicate'),
                ('open', 'merged'),
                ('not_duplicate', 'open'),
                ))
        cls._buttons.update({
                'merge_wizard': {
                    'invisible': Eval('state') != 'open',
                    'icon': 'tryton-link',
                    'depends': ['state'],
                    },
                'refuse': {
                    'invisible': Eval('state') != 'open',
                    'icon': 'tryton-cancel',
                    'depends': ['state'],
                    },
                'reopen': {
                    'invisible': Eval('state') != 'not_duplicate',
                    'icon': 'tryton-undo',
                    'depends': ['state'],
                    },
                })

    @classmethod
    def default_state(cls):
        return 'open'

    def get_rec_name(self, name):
        return f'{self.party1.rec_name} = {self.party2.rec_name}'

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual', If(Eval('state') != 'open', 'muted',
                    If(Eval('score', 0) >= 0.9, 'warning', ''))),
            ]

    @classmethod
    @ModelView.button
    @Workflow.transition('not_duplicate')
    def refuse(cls, duplicates):
        cls._decide(duplicates)

    @classmethod
    @ModelView.button
    @Workflow.transition('open')
    def reopen(cls, duplicates):
        cls.write(duplicates, {'decided_by': None, 'decided_at': None})

    @classmethod
    @Workflow.transition('merged')
    def merged(cls, duplicates):
        cls._decide(duplicates)

    @classmethod
    def _decide(cls, duplicates):
        cls.write(duplicates, {
                'decided_by': Transaction().user or None,
                'decided_at': dt.datetime.now(),
                })

    @classmethod
    def settle(cls, source, destination):
        "Close the pairs of a party that another one has replaced"
        duplicates = cls.search([
                ('state', '=', 'open'),
                ['OR',
                    ('party1', '=', source.id),
                    ('party2', '=', source.id),
                    ],
                ])
        pair = {source, destination}
        merged = [d for d in duplicates if {d.party1, d.party2} == pair]
        cls.merged(merged)
        cls.delete([d for d in duplicates if d not in merged])

    @classmethod
    @ModelView.button_action('crm_party.wizard_duplicate_merge')
    def merge_wizard(cls, duplicates):
        pass

    @classmethod
    @without_check_access
    def scan(cls):
        """Compare all active parties, keep the pairs that may be one.

        Pairs that were decided stay as they are, open ones that are no
        longer alike go.
        """
        pool = Pool()
        Configuration = pool.get('crm.configuration')
        minimum = Configuration(1).duplicate_score
        found = {
            pair: values for pair, values in cls._compare().items()
            if values['score'] >= minimum}
        cursor = Transaction().connection.cursor()
        table = cls.__table__()
        cursor.execute(*table.select(
                table.id, table.party1, table.party2, table.state))
        gone = []
        for id_, party1, party2, state in cursor:
            if found.pop((party1, party2), None) is None and state == 'open':
                gone.append(id_)
        for ids in grouped_slice(gone, 500):
            cursor.execute(*table.delete(where=table.id.in_(list(ids))))
        for pairs in grouped_slice(sorted(found), 500):
            cls.create([{
                        'party1': party1,
                        'party2': party2,
                        **found[party1, party2],
                        } for party1, party2 in pairs])

    @classmethod
    def _compare(cls):
        "Return {(party1, party2): score and reasons}"
        parties, codes, mechanisms, places = cls._read_parties()
        reasons = defaultdict(dict)
        for reason, values in [
                ('identifier', codes),
                ('email', [(p, v) for p, t, v in mechanisms if t == 'email']),
                ('phone', [(p, v) for p, t, v in mechanisms if t != 'email']),
                ]:
            for pair in same(values):
                reasons[pair][reason] = True
        names = {id_: name for id_, name, _ in parties}
        born = {id_: date for id_, _, date in parties if date}
        for party1, party2, near in alike(names, _ALONE):
            reasons[party1, party2]['name'] = near
        for block in [
                {id_: [date] for id_, date in born.items()}, places]:
            names_ = {id_: names[id_] for id_ in block if id_ in names}
            for party1, party2, near in alike(names_, _TOGETHER, block):
                reasons[party1, party2]['name'] = near
        result = {}
        for (party1, party2), found in reasons.items():
            found['postal_code'] = bool(
                places[party1] & places[party2])
            found['date'] = (
                party1 in born and born[party1] == born.get(party2))
            result[party1, party2] = {
                'score': round(score(**found), 2),
                'reasons': [r for r, _ in REASONS if found.get(r)],
                }
        return result

    @classmethod
    def _read_parties(cls):
        "Return what parties are compared by, a query each"
        pool = Pool()
        Address = pool.get('party.address')
        Identifier = pool.get('party.identifier')
        Mechanism = pool.get('party.contact_mechanism')
        Party = pool.get('party.party')
        cursor = Transaction().connection.cursor()
        party = Party.__table__()
        address = Address.__table__()
        identifier = Identifier.__table__()
        mechanism = Mechanism.__table__()
        active = party.select(party.id, where=party.active == Literal(True))

        def fetch(table, *columns, where=Literal(True)):
            cursor.execute(*table.select(*columns, where=where
                    & (table.active == Literal(True))
                    & table.party.in_(active)))
            return cursor.fetchall()
        cursor.execute(*party.select(
                party.id, party.name_key, party.birth_date,
                where=party.active == Literal(True)))
        parties = cursor.fetchall()
        codes = fetch(
            identifier, identifier.party, identifier.code_compact)
        mechanisms = fetch(
            mechanism, mechanism.party, mechanism.type,
            mechanism.value_compact,
            where=mechanism.type.in_(['email', *_PHONES]))
        places = defaultdict(set)
        for id_, postal_code in fetch(
                address, address.party, address.postal_code,
                where=address.postal_code != Null):
            places[id_].add(postal_code)
        return parties, codes, mechanisms, places


class Party(metaclass=PoolMeta):
    __name__ = 'party.party'

    @classmethod
    def check_modification(cls, mode, parties, values=None, external=False):
        super().check_modification(
            mode, parties, values=values, external=external)
        # Jobs that bring many parties at once look for doubles on their own
        if mode == 'create' and external and len(parties) == 1:
            parties[0].warn_duplicates()

    def warn_duplicates(self):
        "Raise a warning if the party is probably known"
        Warning = Pool().get('res.user.warning')
        found = self.find_duplicates()
        if not found:
            return
        key = 'crm_duplicate,' + ','.join(
            str(f['party']) for f in sorted(found, key=lambda f: f['party']))
        if Warning.check(key):
            raise DuplicateWarning(
                key, self.describe_duplicates(self.name, found))

    @fields.depends(methods=['find_duplicates'])
    def on_change_notify(self):
        notifications = super().on_change_notify()
        if found := self.find_duplicates():
            notifications.append(
                ('warning', self.describe_duplicates(self.name, found)))
        return notifications

    @classmethod
    def describe_duplicates(cls, name, found):
        """Return the sentence that tells who is in charge.

        name is what the user entered, found as of search_duplicates.
        """
        best = max(found, key=lambda f: f['score'])
        labels = dict(REASONS)
        return gettext('crm_party.msg_party_duplicate',
            party=name or '',
            reasons=', '.join(labels[r].lower() for r in best['reasons']),
            manager=best['manager']
            or gettext('crm_party.msg_party_duplicate_nobody'))

    @fields.depends(
        'id', 'name', 'birth_date', 'identifiers', 'contact_mechanisms',
        'addresses')
    def find_duplicates(self):
        "Return what other parties are probably this one"
        def values(records, name):
            return list(filter(
                    None, (getattr(r, name, None) for r in records or [])))
        mechanisms = [
            m for m in self.contact_mechanisms or []
            if getattr(m, 'type', None) and getattr(m, 'value', None)]
        return self.search_duplicates(
            name=self.name,
            birth_date=self.birth_date,
            codes=values(self.identifiers, 'code')
            + values(self.identifiers, 'code_compact'),
            emails=[m.value for m in mechanisms if m.type == 'email'],
            phones=[m.format_value_compact(m.value, m.type)
                for m in mechanisms if m.type in _PHONES],
            postal_codes=values(self.addresses, 'postal_code'),
            exclude=self.id)

    @classmethod
    def search_duplicates(
            cls, name=None, birth_date=None, codes=(), emails=(), phones=(),
            postal_codes=(), exclude=None):
        """Return the parties that are probably one with what is given.

        codes are of identifiers, phones compact as contact mechanisms store
        them, exclude the id of a party to leave out.  A list of dictionaries
        with the id of the party, the score, the reasons and the name of the
        manager.  One query that sees through record rules: show nothing of
        it but who is in charge.
        """
        Configuration = Pool().get('crm.configuration')
        key = name_key(name)
        # Who is near by name alone, and who is with another sign
        threshold = _TOGETHER if birth_date or postal_codes else _ALONE
        hits = cls._duplicate_hits(key, threshold, codes, emails, phones)
        if not hits:
            return []
        cursor = Transaction().connection.cursor()
        cursor.execute(*cls._duplicate_query(
                hits, birth_date, postal_codes, exclude))
        found = defaultdict(dict)
        managers = {}
        for party, reason, other, date, place, manager in cursor:
            value = True
            if reason == 'name':
                if numbers(key) != numbers(other):
                    continue
                if (value := ratio(key, other)) < threshold:
                    continue
            managers[party] = manager
            found[party][reason] = value
            found[party].update(date=bool(date), postal_code=bool(place))
        minimum = Configuration(1).duplicate_score
        return [{
                'party': party,
                'score': score(**values),
                'reasons': [r for r, _ in REASONS if values.get(r)],
                'manager': managers[party],
                } for party, values in found.items()
            if score(**values) >= minimum]

    @classmethod
    def _duplicate_hits(cls, key, threshold, codes, emails, phones):
        "Return the selects of party and reason, one for each reason"
        pool = Pool()
        identifier = pool.get('party.identifier').__table__()
        mechanism = pool.get('party.contact_mechanism').__table__()
        party = cls.__table__()
        hits = []

        def add(reason, column, where):
            hits.append(column.table.select(
                    column.as_('party'), Literal(reason).as_('reason'),
                    where=where))
        if key:
            add('name', party.id, cls._near_names(party, key, threshold))
        if codes:
            add('identifier', identifier.party,
                identifier.code_compact.in_(list(codes))
                & (identifier.active == Literal(True)))
        for reason, types, values in [
                ('email', ['email'], emails), ('phone', _PHONES, phones)]:
            if values:
                add(reason, mechanism.party,
                    mechanism.type.in_(types)
                    & mechanism.value_compact.in_(list(values))
                    & (mechanism.active == Literal(True)))
        return hits

    @classmethod
    def _near_names(cls, party, key, threshold):
        """Return the condition that the names of parties may be near a key.

        Names of a ratio above threshold are as long, and on PostgreSQL the
        index of their trigrams tells which may be.
        """
        database = Transaction().database
        length = CharLength(party.name_key)
        longest = (2 - threshold) / threshold
        where = (
            (length >= math.floor(len(key) / longest))
            & (length <= math.ceil(len(key) * longest)))
        if database.has_similarity():
            where &= _Similar(party.name_key, key)
        return where

    @classmethod
    def _duplicate_query(cls, hits, birth_date, postal_codes, exclude):
        pool = Pool()
        address = pool.get('party.address').__table__()
        employee = pool.get('company.employee').__table__()
        profile = pool.get('crm.profile').__table__()
        party = cls.__table__()
        manager = cls.__table__()
        hit = Union(*hits, all_=True)
        born = place = Literal(False)
        if birth_date:
            born = party.birth_date == birth_date
        if postal_codes:
            place = Exists(address.select(Literal(1),
                    where=(address.party == party.id)
                    & address.postal_code.in_(list(postal_codes))))
        where = party.active == Literal(True)
        if exclude is not None and exclude >= 0:
            where &= party.id != exclude
        company = Transaction().context.get('company')
        return (hit
            .join(party, condition=hit.party == party.id)
            .join(profile, 'LEFT', condition=(profile.party == party.id)
                & (profile.company == company))
            .join(employee, 'LEFT', condition=profile.manager == employee.id)
            .join(manager, 'LEFT', condition=employee.party == manager.id)
            .select(
                party.id, hit.reason, party.name_key, born.as_('born'),
                place.as_('place'), manager.name, where=where))


class _NotifyMixin:
    __slots__ = ()

    def _notify_known(self, **values):
        "Yield the warning that another party has the values"
        Party = Pool().get('party.party')
        exclude = self.party.id if self.party else None
        if found := Party.search_duplicates(exclude=exclude, **values):
            name, = values[next(iter(values))]
            yield 'warning', Party.describe_duplicates(name, found)


class ContactMechanism(_NotifyMixin, metaclass=PoolMeta):
    __name__ = 'party.contact_mechanism'

    @fields.depends('party', 'value', 'type', methods=['format_value_compact'])
    def _notify_duplicate(self):
        if self.value and self.type in ['email', *_PHONES]:
            value = self.format_value_compact(self.value, self.type)
            kind = 'emails' if self.type == 'email' else 'phones'
            yield from self._notify_known(**{kind: [value]})


class Identifier(_NotifyMixin, metaclass=PoolMeta):
    __name__ = 'party.identifier'

    @fields.depends('party', 'code', methods=['on_change_with_code'])
    def _notify_duplicate(self):
        if self.code:
            yield from self._notify_known(codes=[self.code])


class DuplicateMergeAsk(ModelView):
    __name__ = 'crm.duplicate.merge.ask'
    __string__ = "Merge Duplicate"

    party1 = fields.Many2One('party.party', "Party", readonly=True)
    party2 = fields.Many2One('party.party', "Other Party", readonly=True)
    keep = fields.Many2One(
        'party.party', "Keep", required=True,
        domain=[
            ('id', 'in', [Eval('party1', -1), Eval('party2', -1)]),
            ],
        help="The party that takes everything over.\n"
        "The other one is archived.")


class DuplicateMerge(Wizard):
    __name__ = 'crm.duplicate.merge'

    start_state = 'ask'
    ask = StateView('crm.duplicate.merge.ask',
        'crm_party.duplicate_merge_ask_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Merge", 'merge', 'tryton-ok', default=True),
            ])
    merge = StateTransition()

    def default_ask(self, field_names):
        return {
            'party1': self.record.party1.id,
            'party2': self.record.party2.id,
            'keep': self.record.party1.id,
            }

    def transition_merge(self):
        pool = Pool()
        Replace = pool.get('party.replace', type='wizard')
        Session = pool.get('ir.session.wizard')
        keep = self.ask.keep
        source, = {self.record.party1, self.record.party2} - {keep}
        session, = Session.create([{}])
        replace = Replace(session.id)
        replace.ask.source = source
        replace.ask.destination = keep
        replace.transition_replace()
        Session.delete([session])
        return 'end'


class DuplicateScan(Wizard):
    __name__ = 'crm.duplicate.scan'

    start_state = 'open'
    open = StateAction('crm_party.act_duplicate_form')

    def do_open(self, action):
        Duplicate = Pool().get('crm.duplicate')
        Duplicate.scan()
        return action, {}
