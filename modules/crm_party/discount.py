# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
from decimal import Decimal

from sql import Literal, Null
from sql.aggregate import Sum

from trytond.i18n import gettext
from trytond.model import DeactivableMixin, ModelSQL, ModelView, Unique, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval
from trytond.transaction import Transaction

from .exceptions import DiscountError
from .kernel import tiers
from .tools import days_between

# The days a new tier is a reason to contact
_FRESH = 7


class DiscountCategory(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'crm.discount.category'
    __string__ = "Discount Category"

    name = fields.Char("Name", required=True)
    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='CASCADE')
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')
    kind = fields.Selection([
            ('fixed', "Fixed"),
            ('accumulating', "Accumulating"),
            ], "Kind", required=True, sort=False,
        help="Fixed: one tier, whatever is bought.\n"
        "Accumulating: the tier depends on the turnover.")
    basis = fields.Selection([
            ('invoiced', "Invoiced"),
            ('paid', "Paid"),
            ], "Basis", required=True, sort=False,
        states={
            'invisible': Eval('kind') != 'accumulating',
            },
        help="The turnover that counts, after discounts and credit notes.")
    period = fields.Selection([
            ('rolling', "Last Days"),
            ('calendar_year', "Calendar Year"),
            ('lifetime', "Lifetime"),
            ], "Period", required=True, sort=False,
        states={
            'invisible': Eval('kind') != 'accumulating',
            })
    days = fields.Integer(
        "Days", required=True,
        domain=[
            ('days', '>', 0),
            ],
        states={
            'invisible': ((Eval('kind') != 'accumulating')
                | (Eval('period') != 'rolling')),
            },
        help="The number of last days whose turnover counts.")
    downgrade = fields.Selection([
            ('never', "Never"),
            ('period_end', "At the End of the Period"),
            ('immediate', "Immediately"),
            ], "Downgrade", required=True, sort=False,
        states={
            'invisible': Eval('kind') != 'accumulating',
            },
        help="When a customer goes down whose turnover reaches his tier no "
        "more.")
    tiers = fields.One2Many('crm.discount.tier', 'category', "Tiers")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('name', 'ASC'))

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_kind(cls):
        return 'accumulating'

    @classmethod
    def default_basis(cls):
        return 'invoiced'

    @classmethod
    def default_period(cls):
        return 'rolling'

    @classmethod
    def default_days(cls):
        return 365

    @classmethod
    def default_downgrade(cls):
        return 'period_end'

    @fields.depends('company')
    def on_change_with_currency(self, name=None):
        return self.company.currency if self.company else None

    @classmethod
    def validate_fields(cls, categories, field_names):
        super().validate_fields(categories, field_names)
        for category in categories:
            if category.kind == 'fixed' and len(category.tiers) > 1:
                raise DiscountError(gettext(
                        'crm_party.msg_discount_fixed_tiers',
                        category=category.rec_name))

    def get_start(self, today):
        "Return the first day whose turnover counts, None for all"
        if self.period == 'rolling':
            return today - dt.timedelta(days=self.days - 1)
        elif self.period == 'calendar_year':
            return today.replace(month=1, day=1)

    def get_valid_until(self, today):
        "Return the last day for which a tier reached today is kept"
        if self.period == 'rolling':
            return today + dt.timedelta(days=self.days)
        elif self.period == 'calendar_year':
            return today.replace(month=12, day=31)

    @classmethod
    def _turnover(cls, start, end, basis):
        """Return the query of what customers have bought from start to end.

        With the columns company, party and amount, None if no module tells.
        start may be None; basis is invoiced or paid.
        """
        return None

    def get_turnovers(self, today):
        "Return {party id: turnover that counts today}"
        query = self._turnover(self.get_start(today), today, self.basis)
        if self.kind == 'fixed' or not query:
            return {}
        cursor = Transaction().connection.cursor()
        cursor.execute(*query.select(
                query.party, Sum(query.amount),
                where=query.company == self.company.id,
                group_by=query.party))
        # SQLite sums as floating point
        return {
            party: self.currency.round(Decimal(str(amount)))
            for party, amount in cursor}


class DiscountTier(ModelSQL, ModelView):
    __name__ = 'crm.discount.tier'
    __string__ = "Discount Tier"

    category = fields.Many2One(
        'crm.discount.category', "Category", required=True,
        ondelete='CASCADE')
    name = fields.Char("Name", required=True)
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')
    threshold = Monetary(
        "From", currency='currency', digits='currency', required=True,
        help="The turnover from which the tier is reached.")
    percent = fields.Numeric(
        "Percent", digits=(3, 2), required=True,
        domain=[
            ('percent', '>=', 0),
            ('percent', '<=', 100),
            ],
        help="The discount on the list price.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('category')
        cls._order = [('threshold', 'ASC'), ('id', 'ASC')]
        t = cls.__table__()
        cls._sql_constraints += [
            ('threshold_unique', Unique(t, t.category, t.threshold),
                'crm_party.msg_discount_tier_threshold_unique'),
            ]

    @classmethod
    def default_threshold(cls):
        return 0

    @classmethod
    def default_percent(cls):
        return 0

    @fields.depends('category', '_parent_category.currency')
    def on_change_with_currency(self, name=None):
        return self.category.currency if self.category else None


class Profile(metaclass=PoolMeta):
    __name__ = 'crm.profile'

    discount_category = fields.Many2One(
        'crm.discount.category', "Discount Category", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ])
    tier = fields.Many2One(
        'crm.discount.tier', "Tier", ondelete='RESTRICT', readonly=True)
    tier_since = fields.Date("Tier Since", readonly=True)
    tier_until = fields.Date(
        "Tier Until", readonly=True,
        help="The day to which the tier is kept for sure.")
    tier_turnover = Monetary(
        "Turnover for Discount", currency='currency', digits='currency',
        readonly=True)
    next_tier = fields.Function(
        fields.Many2One('crm.discount.tier', "Next Tier"), 'get_next_tier')
    next_distance = fields.Function(
        Monetary(
            "To Next Tier", currency='currency', digits='currency',
            help="The turnover that is missing for the next tier."),
        'get_next_tier')

    @classmethod
    def get_next_tier(cls, profiles, names):
        result = {n: dict.fromkeys(map(int, profiles)) for n in names}
        for profile in profiles:
            category = profile.discount_category
            if not category or category.kind == 'fixed':
                continue
            ahead = tiers.distance(
                profile.tier_turnover or 0,
                [(t.threshold, t.id) for t in category.tiers])
            values = dict(zip(['next_distance', 'next_tier'], ahead or []))
            for name in names:
                result[name][profile.id] = values.get(name)
        return result

    def absorb(self, other):
        super().absorb(other)
        if not self.discount_category:
            self.discount_category = other.discount_category

    @classmethod
    def on_modification(cls, mode, profiles, field_names=None):
        super().on_modification(mode, profiles, field_names=field_names)
        if mode == 'create' or (
                mode == 'write' and 'discount_category' in field_names):
            cls.update_tiers([
                    p for p in profiles if p.discount_category or p.tier])

    @classmethod
    def compute(cls):
        super().compute()
        domain = ['OR',
            ('discount_category', '!=', None),
            ('tier', '!=', None),
            ]
        company = Transaction().context.get('company')
        if company is not None:
            domain = [domain, ('company', '=', company)]
        cls.update_tiers(cls.search(domain))

    @classmethod
    def update_tiers(cls, profiles):
        "Give customers the tier their turnover has reached"
        today = Pool().get('ir.date').today()
        categories = {
            p.discount_category for p in profiles if p.discount_category}
        turnovers = {c: c.get_turnovers(today) for c in categories}
        changed, to_save = [], {}
        for profile in profiles:
            category = profile.discount_category
            turnover = None
            if category:
                turnover = turnovers[category].get(profile.party.id, 0)
            values = profile._get_tier(category, turnover, today)
            if profile.tier != values['tier']:
                values['tier_since'] = today
                changed.append(profile)
            for name, value in values.items():
                if getattr(profile, name) != value:
                    setattr(profile, name, value)
                    to_save[profile.id] = profile
        cls.save(list(to_save.values()))
        cls._apply_tiers(changed)

    def _get_tier(self, category, turnover, today):
        "Return the values of the tier that the turnover of a category earns"
        values = dict.fromkeys(['tier', 'tier_until', 'tier_turnover'])
        if not category or not category.tiers:
            return values
        if category.kind == 'fixed':
            return {**values, 'tier': category.tiers[0]}
        reached = tiers.tier(
            turnover, [(t.threshold, t) for t in category.tiers])
        current = self.tier
        if current and current.category != category:
            current = None
        values['tier_turnover'] = turnover
        if tiers.keep(
                current.threshold if current else None,
                reached.threshold if reached else None,
                category.downgrade, today, self.tier_until):
            return {
                **values, 'tier': current, 'tier_until': self.tier_until}
        return {
            **values, 'tier': reached,
            'tier_until': (
                category.get_valid_until(today) if reached else None)}

    @classmethod
    def _apply_tiers(cls, profiles):
        "Let prices follow the tiers of profiles that have changed"


class Due(metaclass=PoolMeta):
    __name__ = 'crm.due'

    @classmethod
    def _get_kinds(cls):
        return super()._get_kinds() + [
            ('tier', gettext('crm_party.msg_due_tier'), None)]

    @classmethod
    def _due_tier(cls):
        "Return the query of those who got another tier and don't know it yet"
        Profile = Pool().get('crm.profile')
        company, today, _ = cls._get_context()
        table = Profile.__table__()
        day = cls.date.sql_cast(Literal(today))
        fresh = cls.date.sql_cast(
            Literal(today - dt.timedelta(days=_FRESH)))
        return [table.select(
                table.id.as_('id'),
                table.party.as_('party'),
                table.company.as_('company'),
                table.manager.as_('employee'),
                table.tier_since.as_('date'),
                days_between(table.tier_since, day).as_('days'),
                Literal(0).as_('interval'),
                where=(table.company == company)
                & (table.tier != Null)
                & (table.status != 'blocked')
                & (table.tier_since > fresh)
                & ((table.last_contact == Null)
                    | (table.last_contact < table.tier_since)))]
