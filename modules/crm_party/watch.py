# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import json
from collections import Counter, defaultdict
from itertools import islice

from trytond.i18n import ngettext
from trytond.model import (
    DeactivableMixin, Index, ModelSQL, ModelView, Unique, fields)
from trytond.pool import Pool
from trytond.pyson import Eval
from trytond.tools import grouped_slice
from trytond.transaction import Transaction, without_check_access

from .reminder import notify

# The most occasions that a rule takes up a day, the others wait
_BATCH = 1000


class WatchRule(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'crm.watch.rule'
    __string__ = "Watch Rule"

    name = fields.Char("Name", required=True, translate=True)
    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='CASCADE')
    kind = fields.Selection(
        'get_kinds', "Kind", required=True, sort=False,
        help="What is watched.")
    segment = fields.Many2One(
        'crm.segment', "Segment", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        states={
            'required': Eval('kind') == 'segment',
            },
        help="Watch only the parties of the segment.")
    days = fields.Integer(
        "Days",
        domain=['OR',
            ('days', '=', None),
            ('days', '>=', 0),
            ],
        states={
            'invisible': Eval('kind') == 'segment',
            },
        help="Plan only what is late by so many days.")
    type = fields.Many2One(
        'crm.activity.type', "Type", required=True, ondelete='RESTRICT',
        help="The activity that is planned.")
    assign = fields.Selection([
            ('manager', "Manager"),
            ('employee', "Employee"),
            ('turn', "In Turn"),
            ], "Assign To", required=True, sort=False,
        help="Who gets the activities.")
    employees = fields.Many2Many(
        'crm.watch.rule-company.employee', 'rule', 'employee', "Employees",
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        states={
            'required': Eval('assign') != 'manager',
            },
        help="Who gets activities, or those of customers without a manager.")
    maximum = fields.Integer(
        "Maximum",
        domain=['OR',
            ('maximum', '=', None),
            ('maximum', '>', 0),
            ],
        help="The most activities an employee gets a day.")
    hits = fields.One2Many('crm.watch.hit', 'rule', "Hits", readonly=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('name', 'ASC'))

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_assign(cls):
        return 'manager'

    @classmethod
    def get_kinds(cls):
        pool = Pool()
        Due = pool.get('crm.due')
        Segment = pool.get('crm.segment')
        return Due.get_kinds() + [
            ('segment', pool.get('ir.model').get_name(Segment.__name__))]

    @classmethod
    @without_check_access
    def run(cls, date=None):
        """Plan the activities that the rules of the company ask for

        Harmless to run twice: each occasion is a hit that happens once.
        date is the day planned for, today by default.
        """
        pool = Pool()
        Activity = pool.get('crm.activity')
        Date = pool.get('ir.date')
        Hit = pool.get('crm.watch.hit')
        if date is None:
            date = Date.today()
        rules = cls.search([
                ('company', '=', Transaction().context.get('company')),
                ])
        hits, activities, taken = [], [], set()
        for rule in rules:
            # What one rule plans needs no second activity by another
            occasions = (
                o for o in rule._get_occasions()
                if (rule.kind, o['party'], o['key']) not in taken)
            for occasion, employee in islice(
                    rule._choose(occasions), _BATCH):
                taken.add((rule.kind, occasion['party'], occasion['key']))
                hits.append({
                        'rule': rule.id,
                        'party': occasion['party'],
                        'key': occasion['key'],
                        })
                activities.append(
                    rule._get_activity(date, occasion, employee))
        Activity.save(activities)
        Hit.create([
                {**hit, 'activity': activity.id}
                for hit, activity in zip(hits, activities)])
        cls._tell(activities)

    @classmethod
    def _tell(cls, activities):
        "Notify employees of what was planned for them"
        Activity = Pool().get('crm.activity')
        planned = defaultdict(list)
        for activity in activities:
            if activity.employee:
                planned[activity.employee].append(activity.id)
        users = Activity.get_users(set(planned))
        notify([{
                    'user': user,
                    'label': ngettext(
                        'crm_party.msg_watch_planned', len(ids),
                        number=len(ids)),
                    'icon': 'tryton-date',
                    'model': Activity.__name__,
                    'records': json.dumps(ids),
                    } for employee, ids in planned.items()
                for user in users[employee]])

    def _get_occasions(self):
        """Yield what the rule hits and has not hit before

        Dictionaries with the ids of the party and of the employee in charge,
        the key, the reason and the origin, the latest first.
        """
        Hit = Pool().get('crm.watch.hit')
        if self.kind == 'segment':
            occasions = self._get_entries()
        else:
            occasions = self._get_due()
        table = Hit.__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*table.select(
                table.party, table.key, where=table.rule == self.id))
        known = set(cursor)
        return (o for o in occasions if (o['party'], o['key']) not in known)

    def _get_due(self):
        Due = Pool().get('crm.due')
        domain = [
            ('kind', '=', self.kind),
            ('company', '=', self.company.id),
            ('days', '>=', self.days or 0),
            ]
        if self.segment:
            domain.append(('party', 'in', self.segment.get_parties()))
        for dues in grouped_slice(Due.search(domain), 500):
            for due in dues:
                yield {
                    'party': due.party.id,
                    'employee': due.employee.id if due.employee else None,
                    'key': due.key,
                    'reason': due.reason,
                    'origin': str(due.origin) if due.origin else None,
                    }

    def _get_entries(self):
        "Return the parties of the segment as occasions"
        Profile = Pool().get('crm.profile')
        parties = self.segment.get_parties()
        profile = Profile.__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*parties
            .join(profile, 'LEFT',
                condition=(profile.party == parties.id)
                & (profile.company == self.company.id))
            .select(parties.id, profile.manager))
        return [{
                'party': party,
                'employee': manager,
                'key': '',
                'reason': self.segment.rec_name,
                'origin': None,
                } for party, manager in cursor]

    def _choose(self, occasions):
        "Yield the occasions with who gets them, within the maximum"
        counts = Counter()
        turn = self._get_turn()
        for occasion in occasions:
            employee = occasion['employee']
            if self.assign != 'manager' or not employee:
                employee = next(turn)
            if self.maximum and counts[employee] >= self.maximum:
                continue
            counts[employee] += 1
            yield occasion, employee

    def _get_turn(self):
        "Yield the ids of the employees for ever, after the last of before"
        Hit = Pool().get('crm.watch.hit')
        employees = [e.id for e in self.employees]
        if self.assign == 'employee':
            employees = employees[:1]
        count = Hit.search_count([('rule', '=', self.id)])
        while True:
            yield employees[count % len(employees)] if employees else None
            count += 1

    def _get_activity(self, date, occasion, employee):
        pool = Pool()
        Activity = pool.get('crm.activity')
        Reminder = pool.get('crm.activity.reminder')
        return Activity(
            company=self.company,
            type=self.type,
            subject=self.type.default_subject,
            party=occasion['party'],
            employee=employee,
            date=date,
            duration=self.type.default_duration,
            reason=occasion['reason'],
            origin=occasion['origin'],
            automatic=True,
            reminders=[Reminder(before=r.before) for r in self.type.reminders])


class WatchRuleEmployee(ModelSQL):
    __name__ = 'crm.watch.rule-company.employee'
    __string__ = "Watch Rule - Employee"

    rule = fields.Many2One(
        'crm.watch.rule', "Rule", required=True, ondelete='CASCADE')
    employee = fields.Many2One(
        'company.employee', "Employee", required=True, ondelete='CASCADE')


class WatchHit(ModelSQL, ModelView):
    __name__ = 'crm.watch.hit'
    __string__ = "Watch Hit"

    rule = fields.Many2One(
        'crm.watch.rule', "Rule", required=True, ondelete='CASCADE')
    party = fields.Many2One(
        'party.party', "Party", required=True, ondelete='CASCADE')
    key = fields.Char("Key")
    activity = fields.Many2One(
        'crm.activity', "Activity", ondelete='SET NULL')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('rule')
        t = cls.__table__()
        cls._sql_constraints += [
            ('key_unique', Unique(t, t.rule, t.party, t.key),
                'crm_party.msg_watch_hit_unique'),
            ]
        cls._sql_indexes.add(Index(t, (t.party, Index.Equality())))
