# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from sql import Column

from trytond.i18n import gettext
from trytond.ir.avatar import generate
from trytond.modules.party.exceptions import EraseError
from trytond.pool import Pool, PoolMeta
from trytond.transaction import Transaction

from .tools import forget

# Of the initials that party_avatar draws
AVATAR_SIZE = 200


class Replace(metaclass=PoolMeta):
    __name__ = 'party.replace'

    @classmethod
    def fields_to_replace(cls):
        return super().fields_to_replace() + [
            ('crm.activity', 'party'),
            ('crm.activity', 'contact'),
            ('crm.case', 'contact'),
            ('crm.case', 'party'),
            ('crm.contract', 'contact'),
            ('crm.contract', 'party'),
            ('crm.import.line', 'party'),
            ('crm.lead', 'party'),
            ('crm.profile', 'party'),
            ('crm.segment-party.party', 'party'),
            ('crm.watch.hit', 'party'),
            ('party.party-party.category', 'party'),
            ('party.relation', 'from_'),
            ('party.relation', 'to'),
            ]

    @classmethod
    def _unique_rows(cls):
        """Return what makes a row of a party unique beside the party.

        A list of model, party field and the other fields: the rows of the
        source that the destination has too are dropped, the database would
        refuse them.
        """
        return [
            ('crm.profile', 'party', ['company']),
            ('crm.segment-party.party', 'party', ['segment']),
            ('crm.watch.hit', 'party', ['rule', 'key']),
            ('party.party-party.category', 'party', ['category']),
            ('party.relation', 'from_', ['to', 'type']),
            ('party.relation', 'to', ['from_', 'type']),
            ]

    @classmethod
    def _resources(cls):
        "Return the models whose resource follows the party"
        return ['ir.attachment', 'ir.note', 'ir.email']

    def transition_replace(self):
        pool = Pool()
        Duplicate = pool.get('crm.duplicate')
        Profile = pool.get('crm.profile')
        source, destination = self.ask.source, self.ask.destination
        self._fill_empty(source, destination)
        self._drop_doubles(source, destination)
        result = super().transition_replace()
        self._move_resources(source, destination)
        self._move_photo(source, destination)
        self._drop_self_relations(destination)
        Duplicate.settle(source, destination)
        forget('party.party', *(m for m, _ in self.fields_to_replace()))
        Profile.update_contacts([destination.id])
        return result

    def _fill_empty(self, source, destination):
        "Give the destination what only the source knows"
        changed = False
        for name in ['crm_kind', 'birth_date']:
            if getattr(destination, name) is None and getattr(source, name):
                setattr(destination, name, getattr(source, name))
                changed = True
        if source.crm_attributes:
            destination.crm_attributes = {
                **source.crm_attributes, **(destination.crm_attributes or {})}
            changed = True
        if changed:
            destination.save()
        self._fill_profiles(source, destination)

    def _fill_profiles(self, source, destination):
        Profile = Pool().get('crm.profile')
        profiles = Profile.search([
                ('party', 'in', [source.id, destination.id]),
                ])
        kept = {p.company: p for p in profiles if p.party == destination}
        to_save = []
        for profile in profiles:
            if profile.party == source and profile.company in kept:
                target = kept[profile.company]
                target.absorb(profile)
                to_save.append(target)
                self._move_resources(profile, target)
        Profile.save(to_save)

    def _drop_doubles(self, source, destination):
        pool = Pool()
        cursor = Transaction().connection.cursor()
        for name, party, others in self._unique_rows():
            table = pool.get(name).__table__()
            double = pool.get(name).__table__()
            same = Column(double, party) == destination.id
            old = pool.get(name).__table__()
            for other in others:
                same &= Column(double, other) == Column(old, other)
            cursor.execute(*table.delete(
                    where=table.id.in_(old
                        .join(double, condition=same)
                        .select(
                            old.id,
                            where=Column(old, party) == source.id))))

    def _move_resources(self, source, destination):
        "Let notes and the like of a record belong to another one"
        pool = Pool()
        cursor = Transaction().connection.cursor()
        for name in self._resources():
            table = pool.get(name).__table__()
            cursor.execute(*table.update(
                    [table.resource], [str(destination)],
                    where=table.resource == str(source)))

    def _move_photo(self, source, destination):
        "Give the destination the photo of the source if it has none"
        Avatar = Pool().get('ir.avatar')
        if not _has_photo(source) or _has_photo(destination):
            return
        Avatar.delete(destination.avatars)
        for avatar in source.avatars:
            avatar.resource = destination
        Avatar.save(source.avatars)

    def _drop_self_relations(self, destination):
        Relation = Pool().get('party.relation')
        table = Relation.__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*table.delete(
                where=(table.from_ == destination.id)
                & (table.to == destination.id)))


def _has_photo(party):
    "Return whether the avatar of a party is more than its drawn initial"
    for avatar in party.avatars:
        image = avatar.image
        if image and image != generate(AVATAR_SIZE, party.name):
            return True
    return False


class Erase(metaclass=PoolMeta):
    __name__ = 'party.erase'

    def check_erase_company(self, party, company):
        pool = Pool()
        Activity = pool.get('crm.activity')
        Contract = pool.get('crm.contract')
        super().check_erase_company(party, company)
        activities = Activity.search([
                ['OR',
                    ('party', '=', party.id),
                    ('contact', '=', party.id),
                    ],
                ('company', '=', company.id),
                ('state', '=', 'planned'),
                ], limit=1)
        if activities:
            activity, = activities
            raise EraseError(gettext(
                    'crm_party.msg_erase_party_planned_activity',
                    party=party.rec_name,
                    activity=activity.rec_name))
        contracts = Contract.search([
                ('party', '=', party.id),
                ('company', '=', company.id),
                ('state', 'in', ['draft', 'active', 'suspended']),
                ], limit=1)
        if contracts:
            contract, = contracts
            raise EraseError(gettext(
                    'crm_party.msg_erase_party_open_contract',
                    party=party.rec_name,
                    contract=contract.rec_name))

    def to_erase(self, party_id):
        pool = Pool()
        Activity = pool.get('crm.activity')
        Case = pool.get('crm.case')
        ImportLine = pool.get('crm.import.line')
        Lead = pool.get('crm.lead')
        Party = pool.get('party.party')
        Profile = pool.get('crm.profile')
        return super().to_erase(party_id) + [
            (Party, [('id', '=', party_id)], False,
                ['name_key', 'name_words', 'birth_date',
                    'crm_attributes'],
                [None] * 4),
            (Profile, [('party', '=', party_id)], True,
                ['lost_reason', 'note'],
                [None] * 2),
            (Activity, [
                    ['OR',
                        ('party', '=', party_id),
                        ('contact', '=', party_id),
                        ],
                    ], True,
                ['subject', 'reason', 'description', 'note'],
                [None] * 4),
            (Case, [
                    ['OR',
                        ('party', '=', party_id),
                        ('contact', '=', party_id),
                        ],
                    ], True,
                ['description', 'solution'],
                [None] * 2),
            (Lead, [('party', '=', party_id)], True,
                ['name', 'company_name', 'phone', 'email', 'message'],
                [None] * 5),
            (ImportLine, [('party', '=', party_id)], False,
                ['name', 'cells', 'values', 'before'],
                [None] * 4),
            ]
