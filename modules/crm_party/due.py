# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from sql import Cast, Literal, Null, Union
from sql.aggregate import Min
from sql.conditionals import Case, Coalesce
from sql.functions import Extract
from sql.operators import Concat

from caravan.i18n import gettext
from trytond.model import ModelSQL, ModelView, fields
from trytond.pool import Pool
from trytond.pyson import Eval, If
from trytond.transaction import Transaction, check_access
from trytond.wizard import Button, StateTransition, StateView, Wizard

from .exceptions import DuePlanError
from .kernel.rhythm import anniversary
from .tools import add_days, days_between

_COLUMNS = ['id', 'party', 'company', 'employee', 'date', 'days', 'interval']


class Due(ModelSQL, ModelView):
    __name__ = 'crm.due'
    __string__ = "Contact Now"

    party = fields.Many2One(
        'party.party', "Party",
        context={
            'company': Eval('company', -1),
            },
        depends={'company'})
    company = fields.Many2One('company.company', "Company")
    employee = fields.Many2One(
        'company.employee', "Employee",
        help="The employee in charge.")
    kind = fields.Selection('get_kinds', "Kind")
    date = fields.Date(
        "Date",
        help="The day the reason begins with: of the last contact, the "
        "promise, the offer ...")
    days = fields.Integer(
        "Days", help="The days by which the contact is late.")
    interval = fields.Integer("Interval")
    origin = fields.Reference("Origin", selection='get_origin')
    reason = fields.Function(fields.Char("Reason"), 'get_reason')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('days', 'DESC'), ('id', 'ASC')]
        cls._buttons.update({
                'plan': {
                    'icon': 'tryton-date',
                    },
                })

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('days', 0) > 30, 'danger',
                    If(Eval('days', 0) > 0, 'warning', ''))),
            ]

    @classmethod
    def _get_kinds(cls):
        """Return the reasons for contacts as list of (kind, label, model).

        The queries of a kind are made by the method _due_<kind>, model is
        the name of the model of the origin or None.  The order is part of
        the identifiers of the rows.
        """
        return [
            ('silence', gettext('crm_party.msg_due_silence'), None),
            ('promise', gettext('crm_party.msg_due_promise'), 'crm.activity'),
            ('birthday', gettext('crm_party.msg_due_birthday'), None),
            ]

    @classmethod
    def get_kinds(cls):
        return [(kind, label) for kind, label, _ in cls._get_kinds()]

    @classmethod
    def get_origin(cls):
        get_name = Pool().get('ir.model').get_name
        return [(None, "")] + [
            (model, get_name(model))
            for model in sorted({m for _, _, m in cls._get_kinds() if m})]

    @classmethod
    def get_reason(cls, records, name):
        return {r.id: r.describe() for r in records}

    def describe(self):
        "Return why the party should be contacted"
        return gettext(f'crm_party.msg_due_{self.kind}_reason',
            days=self.days,
            late=(self.days or 0) + (self.interval or 0),
            interval=self.interval,
            date=self.date)

    @property
    def key(self):
        "What tells one occasion from the next of the same kind"
        return f'{self.origin or ""}/{self.date}'

    @classmethod
    @ModelView.button
    def plan(cls, dues):
        "Plan the first type of contact for today"
        pool = Pool()
        Date = pool.get('ir.date')
        Start = pool.get('crm.due.plan.start')
        Type = pool.get('crm.activity.type')
        if not (type_ := Start.default_type()):
            raise DuePlanError(gettext('crm_party.msg_due_plan_no_type'))
        cls.plan_contacts(dues, Type(type_), Date.today())
        # Whom a contact is planned with is gone from the list
        return 'reload'

    @classmethod
    def plan_contacts(cls, dues, type, date):
        "Create an activity of the type on date for each, as the user may"
        Activity = Pool().get('crm.activity')
        employee = Transaction().context.get('employee')

        def parent(due):
            "Return the activity that is the reason"
            return due.origin if isinstance(due.origin, Activity) else None

        def origin(due):
            return parent(due).origin if parent(due) else due.origin

        with check_access():
            Activity.create([{
                        'company': due.company.id,
                        'type': type.id,
                        'party': due.party.id,
                        'employee': (
                            due.employee.id if due.employee else employee),
                        'date': date,
                        'subject': type.default_subject,
                        'duration': type.default_duration,
                        'reason': due.reason,
                        'due_kind': due.kind,
                        'parent': parent(due) and parent(due).id,
                        'origin': origin(due) and str(origin(due)),
                        'reminders': [('create', [
                                    {'before': r.before}
                                    for r in type.reminders])],
                        } for due in dues])

    @classmethod
    def table_query(cls):
        ModelAccess = Pool().get('ir.model.access')
        kinds = cls._get_kinds()
        queries = []
        with check_access():
            for position, (kind, _, model) in enumerate(kinds):
                if model and not ModelAccess.check(
                        model, 'read', raise_exception=False):
                    continue
                for query in getattr(cls, f'_due_{kind}')():
                    queries.append(cls._get_part(
                            query, kind, model, position, len(kinds)))
        return Union(*queries, all_=True)

    @classmethod
    def _get_part(cls, query, kind, model, position, length):
        def column(name, expression):
            return cls._fields[name].sql_cast(expression).as_(name)
        pool = Pool()
        activity = pool.get('crm.activity').__table__()
        profile = pool.get('crm.profile').__table__()
        origin = Null
        if model:
            origin = Concat(Literal(f'{model},'), Cast(query.id, 'VARCHAR'))
        blocked = profile.select(
            profile.party,
            where=(profile.company
                == Transaction().context.get('company', -1))
            & (profile.status == 'blocked'))
        # What is planned from the list has left it
        occasion, about = query.party, activity.party
        if model == 'crm.activity':
            occasion, about = query.id, activity.parent
        elif model:
            occasion, about = origin, activity.origin
        planned = activity.select(
            about,
            where=(activity.state == 'planned')
            & (activity.due_kind == kind) & (about != Null)
            & (activity.company
                == Transaction().context.get('company', -1)))
        return query.select(
            (query.id * length + position).as_('id'),
            *(column(n, getattr(query, n)) for n in _COLUMNS[1:]),
            column('kind', Literal(kind)),
            column('origin', origin),
            where=~query.party.in_(blocked) & ~occasion.in_(planned))

    @classmethod
    def _get_context(cls):
        "Return the id of the company, its today and its configuration"
        pool = Pool()
        Configuration = pool.get('crm.configuration')
        Date = pool.get('ir.date')
        company = Transaction().context.get('company')
        if company is None:
            company = -1
        return company, Date.today(), Configuration(1)

    @classmethod
    def _due_silence(cls):
        pool = Pool()
        Profile = pool.get('crm.profile')
        company, today, configuration = cls._get_context()
        table = Profile.__table__()
        interval, joined = cls._join_interval(table, company, configuration)
        start = Coalesce(table.last_contact, table.since)
        return [joined.select(
                table.id.as_('id'),
                table.party.as_('party'),
                table.company.as_('company'),
                table.manager.as_('employee'),
                start.as_('date'),
                (days_between(start, cls.date.sql_cast(Literal(today)))
                    - interval).as_('days'),
                interval.as_('interval'),
                where=(table.company == company)
                & table.status.in_(['prospect', 'customer'])
                & (table.next_contact == Null)
                & (interval > 0)
                & (add_days(start, interval)
                    <= cls.date.sql_cast(Literal(today))))]

    @classmethod
    def _join_interval(cls, profile, company, configuration):
        """Return the days that may pass without contact and the join for it

        The customer's own interval, else the smallest of his segments, else
        his rhythm, else what is configured.
        """
        Segment = Pool().get('crm.segment')
        values = [profile.contact_interval]
        joined = profile
        if intervals := Segment.get_intervals(company):
            smallest = intervals.select(
                intervals.party.as_('party'),
                Min(intervals.interval).as_('interval'),
                group_by=intervals.party)
            joined = profile.join(smallest, 'LEFT',
                condition=smallest.party == profile.party)
            values.append(smallest.interval)
        if configuration.get_multivalue('learn_rhythm', company=company):
            values.append(profile.rhythm)
        values.append(Literal(configuration.get_multivalue(
                    'contact_interval', company=company) or 0))
        if joined is profile:
            return Coalesce(*values), _Alone(profile)
        return Coalesce(*values), joined

    @classmethod
    def _due_promise(cls):
        pool = Pool()
        Activity = pool.get('crm.activity')
        Type = pool.get('crm.activity.type')
        company, today, _ = cls._get_context()
        table = Activity.__table__()
        type_ = Type.__table__()
        day = cls.date.sql_cast(Literal(today))
        return [table
            .join(type_, condition=table.type == type_.id)
            .select(
                table.id.as_('id'),
                table.party.as_('party'),
                table.company.as_('company'),
                table.employee.as_('employee'),
                table.date.as_('date'),
                days_between(table.date, day).as_('days'),
                Literal(0).as_('interval'),
                where=(table.company == company)
                & (table.state == 'planned')
                & type_.is_promise
                & (table.party != Null)
                & (table.date <= day))]

    @classmethod
    def _due_birthday(cls):
        pool = Pool()
        Party = pool.get('party.party')
        Profile = pool.get('crm.profile')
        company, today, configuration = cls._get_context()
        lead = configuration.get_multivalue('birthday_days', company=company)
        table = Profile.__table__()
        party = Party.__table__()
        born = (
            Extract('MONTH', party.birth_date) * 100
            + Extract('DAY', party.birth_date))
        days = _birthdays(today, lead or 0)
        date = Case(
            *((born == number, cls.date.sql_cast(Literal(date)))
                for number, date in days.items()))
        return [table
            .join(party, condition=table.party == party.id)
            .select(
                table.id.as_('id'),
                table.party.as_('party'),
                table.company.as_('company'),
                table.manager.as_('employee'),
                date.as_('date'),
                Literal(0).as_('days'),
                Literal(0).as_('interval'),
                where=(table.company == company)
                & table.status.in_(['prospect', 'customer'])
                & (party.birth_date != Null)
                & born.in_(list(days)))]


class _Alone:
    "Selects from a table as a join would"

    def __init__(self, table):
        self._table = table

    def select(self, *args, **kwargs):
        return self._table.select(*args, **kwargs)


def _birthdays(today, lead):
    """Return the birthdays celebrated within lead days.

    {month * 100 + day of birth: day of this celebration}, of both kinds of
    years.
    """
    result = {}
    for day in range(366):
        born = dt.date(2000, 1, 1) + dt.timedelta(days=day)
        if date := anniversary(born, today, lead):
            result[born.month * 100 + born.day] = date
    return result


class DuePlanStart(ModelView):
    __name__ = 'crm.due.plan.start'
    __string__ = "Plan Contact"

    type = fields.Many2One(
        'crm.activity.type', "Type", required=True,
        help="The activity that is planned for each party.")
    date = fields.Date("Date", required=True)

    @classmethod
    def default_date(cls):
        return Pool().get('ir.date').today()

    @classmethod
    def default_type(cls):
        Type = Pool().get('crm.activity.type')
        types = Type.search([
                ('counts_as_contact', '=', True),
                ('channel', '!=', 'purchase'),
                ], limit=1)
        return types[0].id if types else None


class DuePlan(Wizard):
    __name__ = 'crm.due.plan'

    start = StateView('crm.due.plan.start',
        'crm_party.due_plan_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Plan", 'plan', 'tryton-ok', default=True),
            ])
    plan = StateTransition()

    def transition_plan(self):
        Due = Pool().get('crm.due')
        ids = [r.id for r in self.records]
        with check_access():
            dues = Due.search([('id', 'in', ids)])
        Due.plan_contacts(dues, self.start.type, self.start.date)
        return 'end'

    def end(self):
        return 'reload'
