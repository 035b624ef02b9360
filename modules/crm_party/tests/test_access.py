# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
from decimal import Decimal

from lxml import etree

from trytond.model.exceptions import AccessError
from trytond.model.modelview import AccessButtonError
from trytond.pool import Pool
from trytond.pyson import PYSONDecoder
from trytond.transaction import Transaction

from .common import CrmTestCase

GROUPS = [
    'group_crm', 'group_crm_team', 'group_crm_all', 'group_crm_admin',
    'group_crm_analytics']
# The field by which records of each model are somebody's
OWNERS = {
    'crm.profile': 'manager',
    'crm.activity': 'employee',
    'crm.case': 'employee',
    'crm.lead': 'employee',
    'crm.due': 'employee',
    'crm.plan.done': 'employee',
    'crm.work.sheet': 'employee',
    }
ANALYTICS = {
    'crm.profile', 'crm.activity', 'crm.case', 'crm.lead', 'crm.plan.done'}
# Records without an owner are nobody's secret
OPEN = {'crm.profile', 'crm.activity', 'crm.case', 'crm.lead', 'crm.due'}


class AccessTestCase(CrmTestCase):
    "Test who reads and writes what"

    def setUp(self):
        super().setUp()
        self.users, self.employees = {}, {}
        for name, group, chief in [
                ('celine', 'group_crm_team', None),
                ('anna', 'group_crm', None),
                ('boris', 'group_crm', 'celine'),
                ('dora', 'group_crm_all', None),
                ('emil', 'group_crm_admin', None),
                ('fanny', 'group_crm_analytics', None)]:
            self.users[name], self.employees[name] = self.create_user(
                name, group, supervisor=self.employees.get(chief))
        self.parties = {}
        self.owned = {m: {} for m in OWNERS}
        type_ = self.create('crm.case.type', name="Complaint")
        self.create('crm.work.rate', name="Rate", company=self.company.id,
            amount=Decimal(1))
        for name in ['anna', 'boris', 'celine', 'dora', None]:
            self.create_records(name, type_)
        for sheet in self.get('crm.work.sheet').make(
                self.company, self.today):
            self.own('crm.work.sheet', sheet.employee, sheet)
        for model in ['crm.due', 'crm.plan.done', 'crm.profile']:
            for record in self.get(model).search([]):
                self.own(model, getattr(record, OWNERS[model]), record)

    def own(self, model, employee, record):
        names = {e: n for n, e in self.employees.items()}
        self.owned[model].setdefault(
            names.get(employee), set()).add(record.id)

    def create_records(self, name, type_):
        employee = self.employees.get(name)
        id_ = employee and employee.id
        party = self.create_party(f"Customer of {name}", profile={
                'manager': id_, 'contact_interval': 1,
                'since': self.today - dt.timedelta(days=9)})
        self.parties[name] = party
        for party in [self.create_party(f"Other of {name}"), None]:
            self.own('crm.activity', employee, self.done(
                    party, self.today, employee=id_, done_by=id_))
        self.own('crm.case', employee, self.create('crm.case',
                company=self.company.id, party=self.parties[name].id,
                type=type_.id, subject=f"Case of {name}", employee=id_))
        self.own('crm.lead', employee, self.create('crm.lead',
                company=self.company.id, name=f"Lead of {name}",
                employee=id_))
        table = self.get('crm.profile').__table__()
        Transaction().connection.cursor().execute(*table.update(
                [table.last_contact], [self.today - dt.timedelta(days=5)]))

    def visible(self, user, model):
        "Return who owns what the user may read, None if he may not at all"
        if user == 'fanny':
            return set(self.owned[model]) if model in ANALYTICS else None
        if user in {'dora', 'emil'}:
            return set(self.owned[model])
        names = {'anna': {'anna'}, 'boris': {'boris'},
            'celine': {'celine', 'boris'}}[user]
        return names | ({None} if model in OPEN else set())

    def test_matrix(self):
        "Each user reads his own, his team's or all, twice in a row"
        for _ in range(2):
            for user in self.users:
                for model in OWNERS:
                    with self.subTest(user=user, model=model):
                        self.check_visible(user, model)

    def check_visible(self, user, model):
        owners = self.visible(user, model)
        Model = self.get(model)
        with self.act_as(self.users[user]):
            if owners is None:
                with self.assertRaises(AccessError):
                    Model.search([])
                return
            found = {r.id for r in Model.search([])}
            expected = set().union(*(
                    self.owned[model].get(o, set()) for o in owners))
            self.assertEqual(found, expected)
            Model.export_data(Model.browse(sorted(found)), ['rec_name'])
            hidden = set().union(*self.owned[model].values()) - expected
            if callable(getattr(Model, 'table_query', None)):
                return
            # An export must not show a single one of them
            for record in Model.browse(sorted(hidden)):
                with self.assertRaises(AccessError):
                    Model.read([record.id], ['rec_name'])
                with self.assertRaises(AccessError):
                    Model.export_data([record], ['company'])

    def test_write(self):
        "Parties are seen by all and changed by who is in charge"
        Party = self.get('party.party')
        rights = {
            'anna': {'anna', None}, 'boris': {'boris', None},
            'celine': {'celine', 'boris', None},
            'dora': set(self.parties), 'emil': set(self.parties)}
        for user, owners in rights.items():
            for owner, party in self.parties.items():
                with self.subTest(user=user, owner=owner), \
                        self.act_as(self.users[user]):
                    record = Party(party.id)
                    self.assertTrue(Party.read([party.id], ['name']))
                    if owner in owners:
                        Party.write([record], {'lang': None})
                    else:
                        with self.assertRaises(AccessError):
                            Party.write([record], {'lang': None})

    def test_timeline(self):
        Timeline = self.get('crm.timeline')
        for name in ['anna', 'boris']:
            self.create('ir.note',
                resource=str(self.get('crm.activity').search([
                            ('employee', '=', self.employees[name].id),
                            ('party', '!=', None),
                            ], limit=1)[0]),
                message=f"Secret of {name}")
        for user, seen in [
                ('anna', {'anna'}), ('boris', {'boris'}),
                ('celine', {'boris'}), ('dora', {'anna', 'boris'})]:
            with self.subTest(user=user), self.act_as(self.users[user]):
                texts = {t.summary for t in Timeline.search([])}
                self.assertEqual(
                    {t for t in texts if t and t.startswith("Secret")},
                    {f"Secret of {name}" for name in seen})
        # Neither does code without access checks show more
        with self.act_as(self.users['anna']), \
                Transaction().set_context(_check_access=False):
            texts = {t.summary for t in Timeline.search([])}
            self.assertNotIn("Secret of boris", texts)

    def test_lists(self):
        "Each list opens for each group, or is refused as a whole"
        pool = Pool()
        ModelData = pool.get('ir.model.data')
        Action = pool.get('ir.action.act_window')
        ModelAccess = pool.get('ir.model.access')
        actions = Action.browse([d.db_id for d in ModelData.search([
                        ('module', '=', 'crm_party'),
                        ('model', '=', 'ir.action.act_window'),
                        ])])
        for name, user in self.users.items():
            for action in actions:
                if not action.res_model:
                    continue
                with self.subTest(user=name, action=action.rec_name), \
                        self.act_as(user):
                    if ModelAccess.check(action.res_model,
                            raise_exception=False):
                        self.open_list(action)

    def open_list(self, action):
        Model = self.get(action.res_model)
        context = {
            'context': Transaction().context, 'active_id': -1,
            'active_ids': [-1]}
        decoder = PYSONDecoder(context)
        domain = decoder.decode(action.pyson_domain)
        for view in action.act_window_views:
            if view.view.type != 'tree':
                continue
            records = Model.search(domain)
            arch = Model.fields_view_get(view.view.id)['arch']
            names = {f.get('name') for f in etree.fromstring(
                    arch).iter('field')}
            Model.read([r.id for r in records], sorted(names))

    def test_rule_cache(self):
        "The team is part of the key: a new subordinate is seen at once"
        Activity = self.get('crm.activity')
        with self.act_as(self.users['celine']):
            before = Activity.search([], count=True)
        self.employees['anna'].supervisor = self.employees['boris']
        self.employees['anna'].save()
        with self.act_as(self.users['celine']):
            after = Activity.search([], count=True)
        self.assertEqual(
            after - before, len(self.owned['crm.activity']['anna']))

    def test_buttons(self):
        "Who may not read may not press"
        Activity = self.get('crm.activity')
        Case = self.get('crm.case')
        Handover = self.get('crm.handover')
        Duplicate = self.get('crm.duplicate')
        case, = self.owned['crm.case']['boris']
        done = min(self.owned['crm.activity']['anna'])
        handover = self.create('crm.handover',
            company=self.company.id, employee=self.employees['anna'].id,
            lines=[('create', [{'employee': self.employees['boris'].id}])])
        for user, method, record in [
                ('anna', Case.solve, Case(case)),
                ('anna', Activity.reopen, Activity(done)),
                ('dora', Handover.do, handover),
                ('anna', Handover.undo, handover)]:
            with self.subTest(user=user, method=method.__name__), \
                    self.act_as(self.users[user]), \
                    self.assertRaises((AccessError, AccessButtonError)):
                method([record])
        with self.act_as(self.users['emil']):
            Handover.do([Handover(handover.id)])
            Duplicate.search([])
        with self.act_as(self.users['fanny']), \
                self.assertRaises(AccessError):
            Duplicate.search([])
