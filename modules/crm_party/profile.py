# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from collections import defaultdict

from sql import Literal, Null, Union
from sql.aggregate import Max, Min

from trytond import backend
from trytond.i18n import gettext
from trytond.model import (
    DeactivableMixin, Index, ModelSQL, ModelView, Unique, fields)
from trytond.model.exceptions import AccessError, SQLConstraintError
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Eval, If
from trytond.tools import grouped_slice, sqlite_apply_types
from trytond.transaction import Transaction, check_access

from .kernel.rhythm import rhythm
from .tools import forget

SLICE = 500
SEGMENTS = [
    (None, ""),
    ('champion', "Champion"),
    ('loyal', "Loyal"),
    ('cannot_lose', "Can't Lose"),
    ('at_risk', "At Risk"),
    ('new', "New"),
    ('potential', "Potential"),
    ('promising', "Promising"),
    ('about_to_sleep', "About to Sleep"),
    ('hibernating', "Hibernating"),
    ]
ABC = [
    (None, ""),
    ('a', "A"),
    ('b', "B"),
    ('c', "C"),
    ]


class Source(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'crm.source'
    __string__ = "Customer Source"

    name = fields.Char(
        "Name", required=True, translate=True,
        help="How customers came to us.")


class Branch(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'crm.branch'
    __string__ = "Branch"

    name = fields.Char("Name", required=True)
    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='CASCADE',
        help="The company the branch belongs to.")

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')


class ManagedMixin:
    """Tells who is in charge of the party of a record in its company

    Record rules use the field: a domain with "where" is not understood by
    the check of exports, which would let everything through.
    """
    __slots__ = ()

    party_manager = fields.Function(
        fields.Many2One('company.employee', "Manager of Customer"),
        'get_party_manager', searcher='search_party_manager')

    @classmethod
    def _join_profile(cls):
        Profile = Pool().get('crm.profile')
        table = cls.__table__()
        profile = Profile.__table__()
        return table, profile, table.join(profile, 'LEFT',
            condition=(table.party == profile.party)
            & (table.company == profile.company))

    @classmethod
    def get_party_manager(cls, records, name):
        table, profile, joined = cls._join_profile()
        cursor = Transaction().connection.cursor()
        cursor.execute(*joined.select(
                table.id, profile.manager,
                where=fields.SQL_OPERATORS['in'](
                    table.id, [r.id for r in records])))
        return dict(cursor.fetchall())

    @classmethod
    def search_party_manager(cls, name, clause):
        table, profile, joined = cls._join_profile()
        _, operator, value = clause
        Operator = fields.SQL_OPERATORS[operator]
        return [('id', 'in', joined.select(
                    table.id, where=Operator(profile.manager, value)))]


class Profile(ModelSQL, ModelView):
    __name__ = 'crm.profile'
    __string__ = "Customer Profile"

    party = fields.Many2One(
        'party.party', "Party", required=True, ondelete='CASCADE',
        context={
            'company': Eval('company', -1),
            },
        depends={'company'})
    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='CASCADE')
    manager = fields.Many2One(
        'company.employee', "Manager", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        help="The employee in charge of the customer.")
    branch = fields.Many2One(
        'crm.branch', "Branch", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ])
    status = fields.Selection([
            ('prospect', "Prospect"),
            ('customer', "Customer"),
            ('former', "Former Customer"),
            ('blocked', "Blocked"),
            ], "Status", required=True, sort=False,
        help="Blocked parties are never proposed for a contact.")
    source = fields.Many2One(
        'crm.source', "Source", ondelete='RESTRICT',
        help="How the customer came to us.")
    since = fields.Date(
        "Since", required=True,
        help="The day from which we know the customer.")
    contact_interval = fields.Integer(
        "Contact Interval",
        domain=['OR',
            ('contact_interval', '=', None),
            ('contact_interval', '>=', 0),
            ],
        help="The days that may pass without a contact.\n"
        "0 for never, leave empty for the rhythm of the customer.")
    rhythm = fields.Integer(
        "Rhythm", readonly=True,
        help="The usual number of days between contacts and purchases, "
        "learned from the history.")
    last_contact = fields.Date(
        "Last Contact", readonly=True,
        help="The day of the last done contact or purchase.")
    next_contact = fields.Date(
        "Next Contact", readonly=True,
        help="The day of the next planned activity.")
    refuses_marketing = fields.Boolean(
        "Refuses Marketing",
        help="The party must not receive advertisement.")
    lost_on = fields.Date(
        "Lost On",
        states={
            'invisible': Eval('status') != 'former',
            },
        help="The day from which the party is no longer a customer.")
    lost_reason = fields.Text(
        "Reason for Loss",
        states={
            'invisible': Eval('status') != 'former',
            })
    note = fields.Text("Note")
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')
    turnover = Monetary(
        "Turnover", currency='currency', digits='currency', readonly=True,
        help="What was invoiced in the period of the analysis, without taxes "
        "and less credit notes.")
    r, f, m = (
        fields.Integer(
            label, readonly=True,
            help="Score from 1 (worst) to 5 of the %s." % what)
        for label, what in [
            ("R", "days since the last purchase"),
            ("F", "number of days with a purchase"),
            ("M", "turnover")])
    rfm_segment = fields.Selection(
        SEGMENTS, "Segment", readonly=True, sort=False,
        help="What the customer is by recency, frequency and turnover.")
    abc = fields.Selection(
        ABC, "ABC", readonly=True, sort=False,
        help="A: the customers who bring the first 80 % of the turnover, "
        "B: up to 95 %, C: the rest.")
    p_alive = fields.Float(
        "Probably a Customer", digits=(1, 4), readonly=True,
        help="How likely the customer still buys.\n"
        "Known where at least 200 customers bought twice.")
    expected_value = Monetary(
        "Expected Value", currency='currency', digits='currency',
        readonly=True,
        help="The turnover expected of the customer in the next 12 months.\n"
        "Known where at least 200 customers bought twice.")
    phone, mobile, email = (
        fields.Function(fields.Char(label), 'get_mechanisms')
        for label in ["Phone", "Mobile", "E-mail"])
    timeline = fields.Function(
        fields.Many2Many('crm.timeline', None, None, "Timeline"),
        'get_timeline')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('party_company_unique', Unique(t, t.party, t.company),
                'crm_party.msg_profile_party_company_unique'),
            ]
        cls._sql_indexes.update({
                Index(t,
                    (t.company, Index.Equality()),
                    (t.manager, Index.Equality())),
                Index(t,
                    (t.company, Index.Equality()),
                    (t.last_contact, Index.Range())),
                })
        cls._order.insert(0, ('party', 'ASC'))

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_manager(cls):
        return Transaction().context.get('employee')

    @classmethod
    def default_status(cls):
        return 'prospect'

    @classmethod
    def default_since(cls):
        return Pool().get('ir.date').today()

    @classmethod
    def default_refuses_marketing(cls):
        return False

    @fields.depends('company')
    def on_change_with_currency(self, name=None):
        return self.company.currency if self.company else None

    def get_rec_name(self, name):
        return self.party.rec_name

    @classmethod
    def search_rec_name(cls, name, clause):
        return [('party.rec_name', *clause[1:])]

    @classmethod
    def get_mechanisms(cls, profiles, names):
        return {
            n: {p.id: getattr(p.party, n) for p in profiles} for n in names}

    @classmethod
    def get_timeline(cls, profiles, name):
        "Return the events of the parties that the user may read"
        pool = Pool()
        ModelAccess = pool.get('ir.model.access')
        Timeline = pool.get('crm.timeline')
        events = defaultdict(list)
        with check_access():
            if ModelAccess.check(
                    Timeline.__name__, 'read', raise_exception=False):
                for event in Timeline.search([
                            ('party', 'in', [p.party.id for p in profiles]),
                            ]):
                    events[event.party].append(event)
        return {
            p.id: [e.id for e in events[p.party]
                if e.company in {None, p.company}]
            for p in profiles}

    @fields.depends('status', 'lost_on')
    def on_change_status(self):
        if self.status == 'former' and not self.lost_on:
            self.lost_on = Pool().get('ir.date').today()

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual', If(Eval('status') == 'blocked', 'danger',
                    If(Eval('status') == 'former', 'muted', ''))),
            ]

    @classmethod
    def check_modification(cls, mode, profiles, values=None, external=False):
        super().check_modification(
            mode, profiles, values=values, external=external)
        if mode == 'write' and external:
            for name in values:
                field = cls._fields[name]
                if field.readonly and not isinstance(field, fields.Function):
                    raise AccessError(gettext(
                            'crm_party.msg_profile_computed',
                            profile=profiles[0].rec_name,
                            **cls.__names__(name)))

    @classmethod
    def on_modification(cls, mode, profiles, field_names=None):
        super().on_modification(mode, profiles, field_names=field_names)
        if mode == 'create':
            cls.update_contacts([p.party.id for p in profiles])

    @classmethod
    def ensure(cls, parties, company, values=None):
        """Create the missing profiles of parties in a company.

        parties and company are ids, values what new profiles get beside the
        defaults.  New profiles have no manager unless values name one.
        """
        with Transaction().set_user(0, set_context=True), \
                Transaction().set_context(company=company):
            known = set()
            for ids in grouped_slice(set(parties), SLICE):
                known.update(p.party.id for p in cls.search([
                            ('party', 'in', list(ids)),
                            ('company', '=', company),
                            ]))
            missing = sorted(set(parties) - known)
            try:
                cls.create([{
                            'party': party,
                            'company': company,
                            'manager': None,
                            **(values or {}),
                            } for party in missing])
            except SQLConstraintError as exception:
                # Somebody else has just done it: the dispatcher starts the
                # transaction again, which then sees the profile
                raise backend.DatabaseOperationalError(
                    exception.message) from exception

    @classmethod
    def set_customers(cls, purchases):
        """Make those who have bought customers.

        purchases is a list of (company, party, day or None for today);
        missing profiles are created.  Who was lost comes back by a purchase
        since then: what is entered late of the time before changes nothing.
        """
        today = Pool().get('ir.date').today()
        last = defaultdict(dict)
        for company, party, date in purchases:
            days, date = last[company.id], date or today
            days[party.id] = max(date, days.get(party.id, date))
        for company, days in last.items():
            cls.ensure(list(days), company, {'status': 'customer'})
        profiles = cls.search([
                ('party', 'in', list({p.id for _, p, _ in purchases})),
                ('company', 'in', list(last)),
                ('status', 'in', ['prospect', 'former']),
                ])
        cls.write([
                p for p in profiles
                if (day := last[p.company.id].get(p.party.id))
                and (p.status == 'prospect'
                    or p.lost_on and p.lost_on <= day)], {
                'status': 'customer',
                'lost_on': None,
                'lost_reason': None,
                })

    def absorb(self, other):
        "Take from another profile of the same company what is empty here"
        for name in [
                'manager', 'branch', 'source', 'contact_interval', 'lost_on',
                'lost_reason', 'note']:
            if getattr(self, name) is None:
                setattr(self, name, getattr(other, name))
        self.since = min(self.since, other.since)
        self.refuses_marketing |= other.refuses_marketing
        order = ['former', 'prospect', 'customer', 'blocked']
        self.status = max(self.status, other.status, key=order.index)

    @classmethod
    def _contact_queries(cls):
        """Return the selects of what counts as a contact.

        Each has the columns party, company and date.  Modules that know
        other contacts (invoices, trips ...) add theirs.
        """
        pool = Pool()
        Activity = pool.get('crm.activity')
        Type = pool.get('crm.activity.type')
        activity = Activity.__table__()
        type_ = Type.__table__()
        return [activity
            .join(type_, condition=activity.type == type_.id)
            .select(
                activity.party.as_('party'),
                activity.company.as_('company'),
                activity.done_on.as_('date'),
                where=(activity.state == 'done')
                & type_.counts_as_contact
                & (activity.party != Null)
                & (activity.done_on != Null))]

    @classmethod
    def _contacts(cls, parties=None):
        "Return the query of all contacts, of parties (ids) if given"
        queries = cls._contact_queries()
        if parties is not None:
            for query in queries:
                query.where &= fields.SQL_OPERATORS['in'](
                    query.columns[0].expression, parties)
        return Union(*queries, all_=True)

    @classmethod
    def update_contacts(cls, parties):
        "Store the last and the next contact of parties (ids)"
        pool = Pool()
        Activity = pool.get('crm.activity')
        if not (parties := sorted(set(filter(None, parties)))):
            return
        transaction = Transaction()
        cursor = transaction.connection.cursor()
        activity = Activity.__table__()
        contacts = cls._contacts(parties)
        last = contacts.select(
            contacts.party, contacts.company, Max(contacts.date).as_('date'),
            group_by=[contacts.party, contacts.company])
        next_ = activity.select(
            activity.party, activity.company, Min(activity.date).as_('date'),
            where=fields.SQL_OPERATORS['in'](activity.party, parties)
            & (activity.state == 'planned'),
            group_by=[activity.party, activity.company])
        table = cls.__table__()

        def date(query):
            return query.select(query.date,
                where=(query.party == table.party)
                & (query.company == table.company))
        cursor.execute(*table.update(
                [table.last_contact, table.next_contact],
                [date(last), date(next_)],
                where=fields.SQL_OPERATORS['in'](table.party, parties)))
        forget(cls.__name__)

    @classmethod
    def compute(cls):
        "Learn the rhythm of each customer and store the contacts anew"
        company = Transaction().context.get('company')
        cursor = Transaction().connection.cursor()
        table = cls.__table__()
        where = Literal(True)
        if company is not None:
            where = table.company == company
        cursor.execute(*table.select(table.party, where=where))
        parties = [p for p, in cursor]
        for sub_parties in grouped_slice(parties, 10 * SLICE):
            sub_parties = list(sub_parties)
            cls.update_contacts(sub_parties)
            cls._learn(sub_parties)

    @classmethod
    def _learn(cls, parties):
        "Store the rhythm of parties (ids)"
        cursor = Transaction().connection.cursor()
        table = cls.__table__()
        contacts = cls._contacts(parties)
        query = contacts.select(
            contacts.party, contacts.company, contacts.date.as_('date'))
        if backend.name == 'sqlite':
            sqlite_apply_types(query, [None, None, 'DATE'])
        cursor.execute(*query)
        dates = defaultdict(set)
        for party, company, date in cursor:
            dates[party, company].add(date)
        by_rhythm = defaultdict(list)
        cursor.execute(*table.select(
                table.id, table.party, table.company, table.rhythm,
                where=fields.SQL_OPERATORS['in'](table.party, parties)))
        for id_, party, company, old in cursor:
            new = rhythm(dates[party, company])
            if new != old:
                by_rhythm[new].append(id_)
        for days, ids in by_rhythm.items():
            cursor.execute(*table.update(
                    [table.rhythm], [days],
                    where=fields.SQL_OPERATORS['in'](table.id, ids)))
        forget(cls.__name__)
