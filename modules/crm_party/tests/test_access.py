# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
from decimal import Decimal
from unittest.mock import patch

from caravan.testing import unvalidated
from trytond.model.exceptions import AccessError
from trytond.model.modelview import AccessButtonError
from trytond.modules.company.tests import set_company
from trytond.pool import Pool
from trytond.transaction import Transaction

from .common import CrmTestCase, create_user, set_up

GROUPS = [
    'group_crm', 'group_crm_team', 'group_crm_all', 'group_crm_admin',
    'group_crm_analytics']
# The field by which records of each model are somebody's
OWNERS = {
    'crm.profile': 'manager',
    'crm.activity': 'employee',
    'crm.case': 'employee',
    'crm.contract': 'manager',
    'crm.lead': 'employee',
    'crm.due': 'employee',
    'crm.plan.done': 'employee',
    'crm.work.sheet': 'employee',
    }
ANALYTICS = {
    'crm.profile', 'crm.activity', 'crm.case', 'crm.contract', 'crm.lead',
    'crm.plan.done'}
# Records without an owner are nobody's secret
OPEN = {
    'crm.profile', 'crm.activity', 'crm.case', 'crm.contract', 'crm.lead',
    'crm.due'}
NAMES = ['anna', 'boris', 'celine', 'dora', None]
# Group and chief of each user
USERS = {
    'celine': ('group_crm_team', None),
    'anna': ('group_crm', None),
    'boris': ('group_crm', 'celine'),
    'dora': ('group_crm_all', None),
    'emil': ('group_crm_admin', None),
    'fanny': ('group_crm_analytics', None),
    }
# The database is kept for other days
TODAY = dt.date(2026, 3, 20)


def set_up_owners():
    "Create users of each group and what belongs to them"
    pool = Pool()
    company, = pool.get('company.company').search([])
    employees = {}
    for name, (group, chief) in USERS.items():
        _, employees[name] = create_user(
            company, name, group, supervisor=employees.get(chief))
    with set_company(company), unvalidated(), \
            patch.object(pool.get('ir.date'), 'today', return_value=TODAY):
        _create_records(company, employees)
        pool.get('crm.work.sheet').make(company, TODAY)


def _create_records(company, employees):
    pool = Pool()
    Activity = pool.get('crm.activity')
    Party = pool.get('party.party')
    type_, = pool.get('crm.case.type').create([{'name': "Complaint"}])
    pool.get('crm.work.rate').create([{
                'name': "Rate", 'company': company.id, 'amount': Decimal(1)}])
    call, = pool.get('crm.activity.type').search([('name', '=', "Call")])
    ids = [employees[n].id if n else None for n in NAMES]
    parties = Party.create([{
                'name': f"Customer of {name}",
                'crm_profiles': [('create', [{
                                'company': company.id, 'manager': id_,
                                'contact_interval': 1,
                                'since': TODAY - dt.timedelta(days=9)}])],
                } for name, id_ in zip(NAMES, ids)])
    others = Party.create([{'name': f"Other of {name}"} for name in NAMES])
    common = [{'company': company.id, 'employee': id_} for id_ in ids]
    Activity.create([{
                **values, 'type': call.id, 'party': party, 'date': TODAY,
                'state': 'done', 'done_by': values['employee'],
                'done_at': dt.datetime.combine(TODAY, dt.time(12)),
                } for values, other in zip(common, others)
            for party in [other.id, None]])
    pool.get('crm.case').create([{
                **values, 'party': party.id, 'type': type_.id,
                'subject': f"Case of {name}",
                } for values, name, party in zip(common, NAMES, parties)])
    pool.get('crm.contract').create([{
                'company': company.id, 'manager': id_, 'party': party.id,
                'currency': company.currency.id, 'start': TODAY,
                } for id_, party in zip(ids, parties)])
    pool.get('crm.lead').create([
            {**values, 'name': f"Lead of {name}"}
            for values, name in zip(common, NAMES)])
    table = pool.get('crm.profile').__table__()
    Transaction().connection.cursor().execute(*table.update(
            [table.last_contact], [TODAY - dt.timedelta(days=5)]))


class AccessTestCase(CrmTestCase):
    "Test who reads and writes what"
    set_ups = [set_up, set_up_owners]

    def setUp(self):
        super().setUp()
        self.enterContext(patch.object(
                self.get('ir.date'), 'today', return_value=TODAY))
        self.users = {
            u.login: u for u in self.get('res.user').search([
                    ('login', 'in', list(USERS))])}
        self.employees = {n: u.employee for n, u in self.users.items()}
        self.parties = {}
        for name in NAMES:
            self.parties[name], = self.get('party.party').search([
                    ('name', '=', f"Customer of {name}")])
        self.owned = {m: {} for m in OWNERS}
        names = {e: n for n, e in self.employees.items()}
        for model, field in OWNERS.items():
            for record in self.get(model).search([]):
                owner = names.get(getattr(record, field))
                self.owned[model].setdefault(owner, set()).add(record.id)

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
