# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
import json
from collections import defaultdict

from sql import Column
from sql.aggregate import Count

from trytond.i18n import gettext
from trytond.model import ModelSQL, ModelView, fields
from trytond.pool import Pool
from trytond.pyson import Eval, If
from trytond.transaction import Transaction

_PARTY = {'name': 'name', 'kind': 'crm_kind', 'birth_date': 'birth_date'}
_PROFILE = {
    'manager': 'manager', 'status': 'status', 'source': 'source',
    'note': 'note'}
_ADDRESS = {
    'street': 'street_unstructured', 'postal_code': 'postal_code',
    'city': 'city', 'country': 'country'}
# What an update adds to a party and an undo takes away
_ADDED = {
    'contact_mechanisms': 'party.contact_mechanism',
    'identifiers': 'party.identifier',
    'addresses': 'party.address',
    'crm_profiles': 'crm.profile',
    }


class ImportLine(ModelSQL, ModelView):
    __name__ = 'crm.import.line'
    __string__ = "Import Row"

    import_ = fields.Many2One(
        'crm.import', "Import", required=True, ondelete='CASCADE',
        readonly=True)
    number = fields.Integer("Row", required=True, readonly=True)
    name = fields.Char("Name", readonly=True)
    cells = fields.Text("Cells", readonly=True)
    values = fields.Text("Values", readonly=True)
    before = fields.Text("Before", readonly=True)
    action = fields.Selection([
            ('create', "Create"),
            ('update', "Update"),
            ('duplicate', "Duplicate"),
            ('error', "Error"),
            ], "Action", required=True, readonly=True, sort=False)
    column = fields.Char("Column", readonly=True)
    reason = fields.Char("Reason", readonly=True)
    party = fields.Many2One(
        'party.party', "Party", readonly=True, ondelete='SET NULL')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('import_')
        cls._order = [('number', 'ASC'), ('id', 'ASC')]

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('action') == 'error', 'danger',
                    If(Eval('action') == 'duplicate', 'warning', ''))),
            ]

    @classmethod
    def count(cls, imports):
        "Return {(import id, action): number of lines}"
        table = cls.__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*table.select(
                table.import_, table.action, Count(),
                where=fields.SQL_OPERATORS['in'](
                    table.import_, [i.id for i in imports]),
                group_by=[table.import_, table.action]))
        counts = defaultdict(int)
        counts.update({(i, action): n for i, action, n in cursor})
        return counts

    @classmethod
    def bring(cls, import_, lines):
        "Create and update the parties of lines"
        Party = Pool().get('party.party')
        create = [line for line in lines if line.action == 'create']
        parties = Party.create(
            [line._get_party(import_) for line in create])
        for line, party in zip(create, parties):
            line.party = party
            line.before = json.dumps({'created': party.id})
        cls.save(create)
        cls._update(
            import_, [line for line in lines if line.action == 'update'])

    def _get_party(self, import_):
        "Return the values of a new party"
        values = json.loads(self.values)
        result = {
            party: values[name] for name, party in _PARTY.items()
            if name in values}
        if 'code' in values:
            result['code'] = values['code']
        if 'category' in values:
            result['categories'] = [('add', [values['category']])]
        address = self._get_address(values)
        result['addresses'] = [('create', [address])] if address else []
        result['contact_mechanisms'] = [('create', values['mechanisms'])]
        if 'identifier' in values:
            result['identifiers'] = [
                ('create', [{'code': values['identifier']}])]
        result['crm_profiles'] = [('create', [{
                        'company': import_.company.id,
                        'manager': None,
                        **self._get_profile(values)}])]
        return result

    @staticmethod
    def _get_address(values):
        return {
            field: values[name] for name, field in _ADDRESS.items()
            if name in values}

    @staticmethod
    def _get_profile(values):
        return {
            field: values[name] for name, field in _PROFILE.items()
            if name in values}

    @classmethod
    def _update(cls, import_, lines):
        pool = Pool()
        Party = pool.get('party.party')
        Profile = pool.get('crm.profile')
        parties, profiles, before, known = [], [], [], []
        for line in lines:
            profile = next((
                    p for p in line.party.crm_profiles
                    if p.company == import_.company), None)
            known.append(line._get_added())
            values, changes = line._get_changes(import_, profile)
            before.append(line._remember(values, profile, changes))
            if values:
                parties.extend(([line.party], values))
            if changes:
                profiles.extend(([profile], changes))
        if parties:
            Party.write(*parties)
        if profiles:
            Profile.write(*profiles)
        to_save = []
        for line, old, ids in zip(cls.browse(lines), before, known):
            old['added'] = {
                name: sorted(new - ids[name])
                for name, new in line._get_added().items()}
            line.before = json.dumps(old)
            to_save.append(line)
        cls.save(to_save)

    def _get_added(self):
        "Return the ids of what the party has of the things an update adds"
        return {
            name: {r.id for r in getattr(self.party, name)}
            for name in [*_ADDED, 'categories']}

    def _remember(self, values, profile, changes):
        "Return what an undo needs to know: what is changed from and to what"
        def changed(record, values):
            return {
                name: [_plain(getattr(record, name)), value]
                for name, value in values.items()
                if not isinstance(value, list)}
        return {
            'party': changed(self.party, values),
            'profile': [profile.id, changed(profile, changes)]
            if changes else None,
            }

    def _get_changes(self, import_, profile):
        """Return what the row changes of the party and of its profile.

        Lists are only added to.
        """
        values = json.loads(self.values)
        party = self.party
        changes = {
            field: values[name] for name, field in _PARTY.items()
            if name in values and values[name] != _plain(
                getattr(party, field))}
        category = values.get('category')
        if category and category not in {c.id for c in party.categories}:
            changes['categories'] = [('add', [category])]
        known = {m.value_compact or m.value for m in party.contact_mechanisms}
        mechanisms = [
            m for m in values['mechanisms'] if m['value_compact'] not in known]
        if mechanisms:
            changes['contact_mechanisms'] = [('create', mechanisms)]
        codes = {i.code_compact for i in party.identifiers}
        if 'identifier' in values and values['identifier'] not in codes:
            changes['identifiers'] = [
                ('create', [{'code': values['identifier']}])]
        address = self._get_address(values)
        if address and not any(
                all(_plain(getattr(a, f)) == v for f, v in address.items())
                for a in party.addresses):
            changes['addresses'] = [('create', [address])]
        profile_values = self._get_profile(values)
        if profile:
            return changes, {
                name: value for name, value in profile_values.items()
                if value != _plain(getattr(profile, name))}
        if profile_values:
            changes['crm_profiles'] = [('create', [{
                            'company': import_.company.id,
                            'manager': None,
                            **profile_values}])]
        return changes, {}

    @classmethod
    def restore(cls, lines):
        """Put the updated parties back as they were.

        What somebody has changed since stays as he wants it.
        """
        pool = Pool()
        Party = pool.get('party.party')
        Profile = pool.get('crm.profile')
        parties, profiles = [], []
        added = defaultdict(list)
        for line in lines:
            before = json.loads(line.before)
            party = line.party
            for name in _ADDED:
                added[name].extend(
                    r for r in getattr(party, name)
                    if r.id in before['added'][name])
            values = _unchanged(party, before['party'])
            values['categories'] = [('remove', before['added']['categories'])]
            parties.extend(([party], values))
            if before['profile']:
                id_, changes = before['profile']
                profile = next(
                    (p for p in party.crm_profiles if p.id == id_), None)
                if profile and (values := _unchanged(profile, changes)):
                    profiles.extend(([profile], values))
        # The four kinds of things that an update adds
        for name, model in _ADDED.items():
            pool.get(model).delete(added[name])
        if parties:
            Party.write(*parties)
        if profiles:
            Profile.write(*profiles)

    @classmethod
    def remove(cls, lines):
        """Delete the created parties, archive those that are in use since

        What was merged since is archived, the party that took it over stays.
        """
        Party = Pool().get('party.party')
        own = [line for line in lines if line._is_created()]
        used = cls._find_used([line.party.id for line in own])
        kept = [line.party for line in own if line.party.id in used]
        deleted = [line.party for line in own if line.party.id not in used]
        for line in lines:
            if line.party not in deleted:
                line.reason = gettext('crm_party.msg_import_in_use')
        cls.save(lines)
        Party.write(kept, {'active': False})
        Party.delete(deleted)

    def _is_created(self):
        "Return whether the party came in by the row, not by a merge since"
        before = json.loads(self.before or '{}')
        return before.get('created', self.party.id) == self.party.id

    @classmethod
    def _find_used(cls, parties):
        "Return the ids of the parties that records of others point to"
        pool = Pool()
        Replace = pool.get('party.replace', type='wizard')
        own = {
            *_ADDED.values(), cls.__name__, 'party.party-party.category'}
        cursor = Transaction().connection.cursor()
        used = set()
        for model, name in Replace.fields_to_replace():
            Model = pool.get(model)
            field = getattr(Model, name)
            if model in own or field._type == 'reference':
                continue
            table = Model.__table__()
            column = Column(table, name)
            cursor.execute(*table.select(
                    column,
                    where=fields.SQL_OPERATORS['in'](column, parties)))
            used.update(id_ for id_, in cursor)
        by_resource = {f'party.party,{id_}': id_ for id_ in parties}
        for model in Replace._resources():
            table = pool.get(model).__table__()
            cursor.execute(*table.select(
                    table.resource,
                    where=fields.SQL_OPERATORS['in'](
                        table.resource, list(by_resource))))
            used.update(by_resource[resource] for resource, in cursor)
        return used


def _plain(value):
    "Return the value of a field as JSON has it"
    if isinstance(value, dt.date):
        return value.isoformat()
    return getattr(value, 'id', value)


def _unchanged(record, changes):
    "Return the former values of the fields that still have the new ones"
    return {
        name: old for name, (old, new) in changes.items()
        if _plain(getattr(record, name)) == new}
