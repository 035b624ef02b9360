# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import io
from unittest.mock import patch

from PIL import Image

from trytond.modules.crm_party.exceptions import DuplicateWarning
from trytond.pool import Pool
from trytond.tools import grouped_slice
from trytond.transaction import Transaction

from .common import CASES, CrmTestCase


class DuplicateTestCase(CrmTestCase):
    "Test duplicates"

    def create_contact(self, party, type, value):
        return self.create('party.contact_mechanism',
            party=party.id, type=type, value=value)

    def create_parties(self, names):
        "Return {name: party}"
        parties = self.get('party.party').create(
            [{'name': n} for n in sorted(names)])
        return {p.name: p for p in parties}

    def test_entry(self):
        "A clerk can't enter a customer twice and learns who is in charge"
        Party = self.get('party.party')
        romashka = self.create_party("ООО Ромашка", profile={})
        self.create_contact(romashka, 'mobile', '+77011234567')
        user, _ = self.create_user('clerk', 'group_crm')
        with self.act_as(user):
            with self.assertRaises(DuplicateWarning) as caught:
                Party.create([{'name': "Romashka LLC"}])
        self.assertIn("Anna", caught.exception.message)
        self.assertNotIn("Ромашка", caught.exception.message)
        with self.act_as(user):
            with self.assertRaises(DuplicateWarning):
                Party.create([{
                            'name': "Somebody",
                            'contact_mechanisms': [('create', [{
                                            'type': 'phone',
                                            'value': '+7 701 123 45 67',
                                            }])],
                            }])
            Party.create([{'name': "Somebody Else"}])
            # A job brings many and looks on its own
            Party.create([{'name': "Romashka"}, {'name': "Other"}])

    def test_entry_near(self):
        "A name with a slip of the pen is found, one with another number not"
        Party = self.get('party.party')
        self.create_party("Blue Harbor Logistics LLC", profile={})
        self.create_party("Ivanov Ivan", profile={},
            addresses=[('create', [{'postal_code': '050000'}])])
        self.create_party("City Taxi 1")

        def known(name, **values):
            return [
                (f['score'], f['reasons'])
                for f in Party.search_duplicates(name=name, **values)]
        (score, reasons), = known("Blu Harbour Logistics Ltd.")
        self.assertAlmostEqual(score, 0.57, 2)
        self.assertEqual(reasons, ['name'])
        self.assertFalse(known("Green Harbor Logistics"))
        self.assertFalse(known("City Taxi 2"))
        self.assertFalse(known("Иванова Иванна"))
        self.assertEqual(
            known("Иванова Иванна", postal_codes=['050000'])[0][1],
            ['name', 'postal_code'])

    def test_entry_cases(self):
        "The check at entry warns as the rule of the cases does"
        Party = self.get('party.party')
        warn_at = CASES['dedupe_score']['warn_at']
        parties = self.create_parties({c['a'] for c in CASES['dedupe_pairs']})
        for case in CASES['dedupe_pairs']:
            if any(c.isdigit() for c in case['a'] + case['b']):
                continue
            party = parties[case['a']]
            score = 0.6 * case['rf_token_sort'] / 100
            with self.subTest(a=case['a'], b=case['b']):
                found = [f['party'] for f in Party.search_duplicates(
                        name=case['b'])]
                self.assertEqual(party.id in found, score >= warn_at)

    def test_entry_hidden(self):
        "The check sees what a record rule hides"
        Party = self.get('party.party')
        group = self.create('ir.rule.group',
            name="Strict", model='party.party', global_p=True)
        hidden = self.create_party("Hidden Treasure", profile={})
        self.create('ir.rule', rule_group=group.id,
            domain='[["id", "!=", %d]]' % hidden.id)
        user, _ = self.create_user('clerk', 'group_crm')
        with self.act_as(user):
            self.assertFalse(Party.search([('id', '=', hidden.id)]))
            party = Party(name="Hidden Treasure")
            (kind, message), = party.on_change_notify()
        self.assertEqual(kind, 'warning')
        self.assertIn("Anna", message)

    def test_entry_queries(self):
        Party = self.get('party.party')
        self.create_party("Blue Harbor", profile={})
        Party.search_duplicates(name="Blue Harbor")
        with self.assertQueries(1):
            found = Party.search_duplicates(
                name="Blue Harbor", codes=['1'], emails=['a@example.com'],
                phones=['+77011234567'], postal_codes=['1000'])
        self.assertEqual([f['manager'] for f in found], ["Anna"])

    def test_phones(self):
        Mechanism = self.get('party.contact_mechanism')
        Country = self.get('country.country')
        countries = {None: None}
        for case in CASES['phones']['cases']:
            code = case['country']
            if code not in countries:
                countries[code], = Country.create(
                    [{'name': code, 'code': code}])
            party = self.create_party(addresses=[('create', [{
                                'country': countries[code]}])])
            with self.subTest(**case):
                mechanism = Mechanism(
                    party=party, type='phone', value=case['raw'])
                self.assertEqual(
                    bool(mechanism._parse_phonenumber(case['raw'])),
                    case['valid'])
                if case['valid']:
                    mechanism.save()
                    self.assertEqual(
                        mechanism.value_compact, case['e164'])

    def scan(self):
        Duplicate = self.get('crm.duplicate')
        Duplicate.scan()
        return {
            (d.party1.name, d.party2.name): d for d in Duplicate.search([])}

    def test_scan(self):
        a = self.create_party("Müller GmbH")
        b = self.create_party("Muller")
        c = self.create_party("Somebody")
        self.create_party("City Taxi 1")
        self.create_party("City Taxi 2")
        self.create_contact(b, 'email', 'info@example.com')
        self.create_contact(c, 'email', 'info@example.com')
        found = self.scan()
        self.assertEqual(set(found), {
                ("Müller GmbH", "Muller"), ("Muller", "Somebody")})
        self.assertEqual(found["Müller GmbH", "Muller"].score, 0.6)
        self.assertEqual(found["Muller", "Somebody"].score, 0.95)
        self.assertEqual(found["Muller", "Somebody"].reasons, ('email',))

        found["Müller GmbH", "Muller"].refuse(
            [found["Müller GmbH", "Muller"]])
        c.contact_mechanisms[0].active = False
        c.contact_mechanisms[0].save()
        found = self.scan()
        duplicate, = found.values()
        self.assertEqual(duplicate.state, 'not_duplicate')
        self.assertEqual(duplicate.party1, a)

    def test_scan_cases(self):
        "The scan finds what the rule of the cases finds"
        rule = CASES['dedupe_score']
        parties = self.create_parties({
                c[name] for c in CASES['dedupe_pairs'] for name in 'ab'})
        self.get('crm.duplicate').scan()
        found = {
            frozenset([d.party1.id, d.party2.id])
            for d in self.get('crm.duplicate').search([])}
        for case in CASES['dedupe_pairs']:
            name = case['rf_token_sort'] / 100
            expected = name >= 0.9 and 0.6 * name >= rule['warn_at'] - 0.01
            if any(c.isdigit() for c in case['a'] + case['b']):
                expected = False
            pair = frozenset(parties[case[name]].id for name in 'ab')
            with self.subTest(a=case['a'], b=case['b']):
                if 0.6 * name >= rule['warn_at']:
                    self.assertEqual(pair in found, expected)
                else:
                    self.assertNotIn(pair, found)

    def test_scan_many(self):
        "Many parties are compared in few queries, at entry in one"
        Party = self.get('party.party')
        names = self.create_names(1000)
        with patch.object(self.get('crm.duplicate'), 'create') as create, \
                self.assertQueries(20):
            self.get('crm.duplicate').scan()
        self.assertTrue(create.called)
        with self.assertQueries(1):
            self.assertEqual(Party.search_duplicates(name="Kara Miten"), [])
        with self.assertQueries(1):
            self.assertTrue(Party.search_duplicates(name=names[100] + "x"))

    def create_names(self, number):
        "Create parties with SQL, return their names"
        syllables = "ka ro mi ta len sor bri del no va qu es tor".split()
        names = [
            ' '.join([a + b, c + d])
            for a in syllables for b in syllables[:8]
            for c in syllables for d in syllables[:8]][:number]
        cursor = Transaction().connection.cursor()
        table = self.get('party.party').__table__()
        for sub_names in grouped_slice(list(enumerate(names)), 5000):
            cursor.execute(*table.insert(
                    [table.name, table.name_key, table.code, table.active],
                    [[n, n, f'S{i}', True] for i, n in sub_names]))
        return names


class MergeTestCase(CrmTestCase):
    "Test merging"

    def test_merge(self):
        "Everything goes over, colliding rows too"
        pool = Pool()
        Category = pool.get('party.category')
        shared, own = Category.create([{'name': "A"}, {'name': "B"}])
        source = self.create_party("Old", profile={
                'manager': None, 'status': 'customer', 'note': "Likes tea",
                },
            categories=[('add', [shared.id, own.id])],
            birth_date=self.today)
        destination = self.create_party(
            "New", profile={'status': 'prospect'},
            categories=[('add', [shared.id])])
        third = self.create_party("Third")
        type_ = self.create('party.relation.type', name="Friend")
        Relation = pool.get('party.relation')
        Relation.create([
                {'from_': source.id, 'to': third.id, 'type': type_.id},
                {'from_': destination.id, 'to': third.id, 'type': type_.id},
                {'from_': source.id, 'to': destination.id, 'type': type_.id},
                ])
        for model in ['ir.note', 'ir.attachment']:
            self.create(model, resource=str(source),
                **{'message' if model == 'ir.note' else 'name': "Text"})
        activity = self.done(source, self.today)
        planned = self.plan(destination)

        self.merge(source, destination)
        source, destination, third = pool.get('party.party').browse(
            [source.id, destination.id, third.id])
        self.assertFalse(source.active)
        self.assertEqual(source.replaced_by, destination)
        self.assertEqual(set(destination.categories), {shared, own})
        self.assertEqual(destination.birth_date, self.today)
        profile, = destination.crm_profiles
        self.assertEqual(profile.manager, self.manager)
        self.assertEqual(profile.status, 'customer')
        self.assertEqual(profile.note, "Likes tea")
        self.assertEqual(profile.last_contact, self.today)
        self.assertEqual(profile.next_contact, planned.date)
        self.assertEqual(
            pool.get('crm.activity')(activity.id).party, destination)
        relation, = Relation.search([])
        self.assertEqual(
            (relation.from_, relation.to), (destination, third))
        for model in ['ir.note', 'ir.attachment']:
            record, = pool.get(model).search([])
            self.assertEqual(record.resource, destination)

    def test_merge_page(self):
        "What was attached to the page of the customer goes over too"
        source = self.create_party("Old", profile={})
        destination = self.create_party("New", profile={})
        note = self.create('ir.note',
            resource=str(source.crm_profiles[0]), message="Likes tea")
        self.merge(source, destination)
        profile, = self.get('party.party')(destination.id).crm_profiles
        self.assertEqual(self.get('ir.note')(note.id).resource, profile)
        summaries = {
            e.summary for e in self.get('crm.timeline').search([
                    ('party', '=', destination.id)])}
        self.assertIn("Likes tea", summaries)

    def test_merge_photo(self):
        "A photo takes the place of a drawn initial only"
        Party = self.get('party.party')
        image = io.BytesIO()
        Image.new('RGB', (200, 200), 'red').save(image, format='jpeg')
        for name, avatars in [("New", [False, True]), ("Old", [True, True])]:
            parties = [self.create_party("Old"), self.create_party("New")]
            for party, photo in zip(parties, reversed(avatars)):
                if photo:
                    party.avatar = image.getvalue()
                    party.save()
            source, destination = parties
            expected = (source if not avatars[0] else destination).avatars[0]
            with self.subTest(name):
                self.merge(source, destination)
                avatar, = Party(destination.id).avatars
                self.assertEqual(avatar, expected)

    def test_merge_duplicate(self):
        pool = Pool()
        Duplicate = pool.get('crm.duplicate')
        Merge = pool.get('crm.duplicate.merge', type='wizard')
        Session = pool.get('ir.session.wizard')
        parties = [self.create_party("Twin") for _ in range(3)]
        Duplicate.scan()
        self.assertEqual(Duplicate.search([], count=True), 3)
        duplicate, = Duplicate.search([
                ('party1', '=', parties[0].id),
                ('party2', '=', parties[1].id),
                ])
        session, = Session.create([{}])
        with Transaction().set_context(
                active_model='crm.duplicate', active_id=duplicate.id,
                active_ids=[duplicate.id]):
            merge = Merge(session.id)
            merge.ask.keep = parties[0]
            merge.transition_merge()
        states = {
            (d.party1.id, d.party2.id): d.state for d in Duplicate.search([])}
        self.assertEqual(states, {
                (parties[0].id, parties[1].id): 'merged',
                (parties[0].id, parties[2].id): 'open',
                })
