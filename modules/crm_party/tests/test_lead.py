# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from trytond.modules.crm_party.exceptions import LeadConversionError
from trytond.pool import Pool
from trytond.transaction import Transaction

from .common import CrmTestCase


class LeadTestCase(CrmTestCase):
    "Test leads"

    def setUp(self):
        super().setUp()
        self.form = self.create('crm.lead.form',
            name="Website", company=self.company.id, rate=3,
            employee=self.manager.id, consent_text="Call me")

    def receive(self, visitor='192.0.2.1', **data):
        return self.form.receive(data, visitor)

    def test_receive(self):
        lead = self.receive(
            name=" Jane Doe ", email='jane@example.com', phone='12',
            message="Hello\x00\x1b<script>alert(1)</script>", consent='on')
        self.assertEqual(lead.state, 'new')
        self.assertEqual(lead.name, "Jane Doe")
        self.assertEqual(lead.employee, self.manager)
        self.assertEqual(lead.message, "Hello<script>alert(1)</script>")
        self.assertTrue(lead.consent)
        self.assertEqual(lead.consent_text, "Call me")
        self.assertNotIn('192', lead.visitor)

    def test_repeated(self):
        lead = self.receive(name="Jane")
        for _ in range(9):
            self.assertEqual(self.receive(name="Jane"), lead)
        self.assertEqual(self.get('crm.lead')(lead.id).repeated, 9)

    def test_consent_later(self):
        "Who agrees the second time has agreed"
        self.receive(name="Jane")
        self.assertTrue(self.receive(name="Jane", consent='on').consent)

    def test_rate(self):
        leads = [self.receive(name=f"Jane {i}") for i in range(5)]
        self.assertEqual([bool(x) for x in leads], [True] * 3 + [False] * 2)
        self.assertTrue(self.receive(name="Other", visitor='192.0.2.2'))

    def test_trap(self):
        lead = self.receive(name="Robot", website='http://spam.example')
        self.assertEqual(lead.state, 'rejected')

    def test_known(self):
        "A known sender is stored, only employees see that he is known"
        party = self.create_party("Romashka", profile={})
        self.create('party.contact_mechanism',
            party=party.id, type='email', value='info@example.com')
        lead = self.receive(name="Jane", email='INFO@example.com')
        self.assertEqual(lead.state, 'new')
        self.assertIn("Anna", lead.duplicate)

    def convert(self, lead, **values):
        pool = Pool()
        Convert = pool.get('crm.lead.convert', type='wizard')
        Session = pool.get('ir.session.wizard')
        session, = Session.create([{}])
        with Transaction().set_context(
                active_model='crm.lead', active_id=lead.id,
                active_ids=[lead.id]):
            convert = Convert(session.id)
            for name, value in values.items():
                setattr(convert.start, name, value)
            _, data = convert.do_convert({'views': [1, 2]})
        return self.get('party.party')(*data['res_id'])

    def test_convert(self):
        lead = self.receive(
            company_name="Blue Harbor", email='a@example.com', phone='12',
            message="Call me")
        party = self.convert(
            lead, party=None, type=self.call, date=self.today)
        lead = self.get('crm.lead')(lead.id)
        self.assertEqual(lead.state, 'converted')
        self.assertEqual(lead.party, party)
        self.assertEqual(
            {(m.type, m.value) for m in party.contact_mechanisms},
            {('email', 'a@example.com'), ('other', '12')})
        profile, = party.crm_profiles
        self.assertEqual(profile.manager, self.manager)
        activity, = self.get('crm.activity').search([])
        self.assertEqual(activity.description, "Call me")
        self.assertEqual(activity.employee, self.manager)

    def test_convert_known(self):
        party = self.create_party("Known")
        lead = self.receive(name="Known")
        self.assertEqual(
            self.convert(lead, party=party, type=None, date=None), party)
        event, = self.get('crm.timeline').search([
                ('party', '=', party.id)])
        self.assertEqual(event.origin, self.get('crm.lead')(lead.id))
        self.assertEqual(event.summary, "Known")

    def test_convert_twice(self):
        "A lead becomes one party"
        lead = self.receive(name="Jane")
        values = {'party': None, 'type': None, 'date': None}
        party = self.convert(lead, **values)
        with self.assertRaises(LeadConversionError):
            self.convert(lead, **values)
        self.assertEqual(self.get('crm.lead')(lead.id).party, party)

    def test_erase(self):
        "Who is erased is gone from his leads and cases too"
        lead = self.receive(
            name="Jane", company_name="Doe Ltd", phone='12',
            email='jane@example.com', message="Call me")
        party = self.convert(lead, party=None, type=None, date=None)
        case = self.create('crm.case',
            company=self.company.id, party=party.id, subject="Late",
            type=self.create('crm.case.type', name="Complaint").id,
            description="Jane waited", solution="Sorry, Jane")
        self.erase(party)
        lead = self.get('crm.lead')(lead.id)
        case = self.get('crm.case')(case.id)
        self.assertEqual([
                lead.name, lead.company_name, lead.phone, lead.email,
                lead.message, case.description, case.solution], [None] * 7)

    def test_convert_email(self):
        "What is no e-mail does not keep the lead from becoming a party"
        party = self.convert(
            self.receive(name="Jane", email='jane at example'),
            party=None, type=None, date=None)
        mechanism, = party.contact_mechanisms
        self.assertEqual(
            (mechanism.type, mechanism.value), ('other', 'jane at example'))

    def test_convert_nameless(self):
        with self.assertRaises(LeadConversionError):
            self.convert(self.receive(email='a@example.com'),
                party=None, type=None, date=None)


class CaseTestCase(CrmTestCase):
    "Test cases"

    def test_deadline(self):
        Case = self.get('crm.case')
        type_ = self.create('crm.case.type',
            name="Complaint", high=dt.timedelta(hours=4))
        party = self.create_party("Customer")
        opened = dt.datetime(2026, 3, 1, 10)
        cases = Case.create([{
                    'company': self.company.id,
                    'party': party.id,
                    'type': type_.id,
                    'subject': "Broken pallet",
                    'priority': priority,
                    'opened_at': opened,
                    } for priority in ['1', '2']])
        self.assertEqual(
            [c.deadline for c in cases], [None, dt.datetime(2026, 3, 1, 14)])
        self.assertEqual([c.on_time for c in cases], [None, 'no'])
        self.assertEqual(len({c.number for c in cases}), 2)
        Case.open(cases)
        Case.solve(cases)
        self.assertTrue(all(c.solved_at for c in cases))
        Case.open(cases)
        self.assertFalse(any(c.solved_at for c in cases))
        kinds = {t.kind for t in self.get('crm.timeline').search([
                    ('party', '=', party.id)])}
        self.assertEqual(kinds, {'case'})

    def test_activities(self):
        "The form of an activity shows its case"
        view = self.get('crm.activity').fields_view_get(view_type='form')
        self.assertIn('case', set(view['fields']))

    def test_due(self):
        "Whose case must be solved by today is to be contacted"
        Due = self.get('crm.due')
        self.company.timezone = 'Asia/Almaty'
        self.company.save()
        type_ = self.create('crm.case.type', name="Complaint")
        noon = dt.datetime.combine(self.today, dt.time(12))
        for name, deadline, state in [
                ("Late", noon - dt.timedelta(days=2), 'waiting'),
                # It was today's first hours there already
                ("Night", noon - dt.timedelta(hours=16), 'open'),
                ("Tonight", noon + dt.timedelta(hours=6), 'new'),
                ("Tomorrow", noon + dt.timedelta(hours=8), 'new'),
                ("Solved", noon - dt.timedelta(days=2), 'solved'),
                ("Any Time", None, 'open')]:
            self.create('crm.case',
                company=self.company.id, type=type_.id, subject=name,
                party=self.create_party(name).id, deadline=deadline,
                employee=self.manager.id, state=state)
        due = {
            d.party.name: d for d in Due.search([('kind', '=', 'case')])}
        self.assertEqual(
            {n: d.days for n, d in due.items()},
            {"Late": 2, "Night": 0, "Tonight": 0})
        self.assertEqual(due["Late"].origin.subject, "Late")
        self.assertEqual(due["Late"].employee, self.manager)
        self.assertIn("to be solved by", due["Late"].reason)
