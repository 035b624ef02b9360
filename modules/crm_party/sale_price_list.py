# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.model import fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval


class DiscountTier(metaclass=PoolMeta):
    __name__ = 'crm.discount.tier'

    price_list = fields.Many2One(
        'product.price_list', "Price List", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        help="The prices of the customers of the tier.\n"
        "Leave empty to have one made of the percent.")
    company = fields.Function(
        fields.Many2One('company.company', "Company"),
        'on_change_with_company')

    made_price_list = fields.Many2One(
        'product.price_list', "Price List Made", ondelete='SET NULL',
        readonly=True,
        help="The price list that was made of the percent.")

    @fields.depends('category', '_parent_category.company')
    def on_change_with_company(self, name=None):
        return self.category.company if self.category else None

    @classmethod
    def ensure_price_lists(cls, tiers):
        "Make the price lists of tiers that have none, of their percent"
        PriceList = Pool().get('product.price_list')
        without = [t for t in tiers if not t.price_list]
        lists = PriceList.create([{
                    'name': f'{t.category.name} {t.name}',
                    'company': t.category.company.id,
                    'unit': 'product_default',
                    'price': 'list_price',
                    'lines': [('create', [{
                                    'formula': t.formula,
                                    }])],
                    } for t in without])
        for tier, price_list in zip(without, lists):
            tier.price_list = tier.made_price_list = price_list
        cls.save(without)

    @property
    def formula(self):
        "The formula of the prices less the percent"
        return f'unit_price * {(1 - self.percent / 100).normalize():f}'

    @property
    def follows(self):
        "Whether the price list is the one made, as it was made"
        return (self.price_list
            and self.price_list == self.made_price_list
            and [l.formula for l in self.price_list.lines] == [self.formula])

    @classmethod
    def on_write(cls, tiers, values):
        """Let the price list that was made follow the percent

        One that somebody chose or changed stays as it is, and one that
        takes the place of another is that of the customers of the tier.
        """
        functions = super().on_write(tiers, values)
        if 'percent' in values:
            following = [t.id for t in tiers if t.follows]
            functions.append(lambda: cls._set_formulas(following))
        if 'price_list' in values and (
                replaced := [t.id for t in tiers if t.price_list]):
            functions.append(lambda: cls._set_price_lists(replaced))
        return functions

    @classmethod
    def _set_formulas(cls, ids):
        Line = Pool().get('product.price_list.line')
        lines = []
        for tier in cls.browse(ids):
            line, = tier.price_list.lines
            line.formula = tier.formula
            lines.append(line)
        Line.save(lines)

    @classmethod
    def _set_price_lists(cls, ids):
        Profile = Pool().get('crm.profile')
        Profile._apply_tiers(Profile.search([('tier', 'in', ids)]))

    @classmethod
    def copy(cls, tiers, default=None):
        default = default.copy() if default is not None else {}
        default.setdefault('made_price_list', None)
        return super().copy(tiers, default=default)


class Profile(metaclass=PoolMeta):
    __name__ = 'crm.profile'

    previous_price_list = fields.Many2One(
        'product.price_list', "Price List before the Discount",
        ondelete='SET NULL', readonly=True)
    has_tier_prices = fields.Boolean("Has Prices of the Tier", readonly=True)

    @classmethod
    def default_has_tier_prices(cls):
        return False

    @classmethod
    def _apply_tiers(cls, profiles):
        """Set the price lists of the tiers on the parties

        The one of before is remembered and comes back with the last tier.
        """
        pool = Pool()
        PriceList = pool.get('party.party.sale_price_list')
        Tier = pool.get('crm.discount.tier')
        super()._apply_tiers(profiles)
        Tier.ensure_price_lists(list({p.tier for p in profiles if p.tier}))
        values = cls._get_price_lists(profiles)
        for profile in profiles:
            value = values[profile.party, profile.company]
            if profile.tier:
                if not profile.has_tier_prices:
                    profile.previous_price_list = value.sale_price_list
                value.sale_price_list = Tier(profile.tier.id).price_list
            elif profile.has_tier_prices:
                value.sale_price_list = profile.previous_price_list
                profile.previous_price_list = None
            profile.has_tier_prices = bool(profile.tier)
        cls.save(profiles)
        PriceList.save(list(values.values()))

    @classmethod
    def _get_price_lists(cls, profiles):
        "Return {(party, company): what holds the price list}"
        PriceList = Pool().get('party.party.sale_price_list')
        values = {
            (v.party, v.company): v for v in PriceList.search([
                    ('party', 'in', [p.party.id for p in profiles]),
                    ('company', 'in', [p.company.id for p in profiles]),
                    ])}
        for profile in profiles:
            key = profile.party, profile.company
            if key not in values:
                values[key] = PriceList(
                    party=profile.party, company=profile.company,
                    sale_price_list=None)
        return values
