# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from decimal import Decimal

from sql import Null

from trytond.i18n import gettext
from trytond.model import (
    Check, DeactivableMixin, ModelSQL, ModelView, fields, sequence_ordered)
from trytond.modules.currency.fields import Monetary
from trytond.modules.product import price_digits
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval
from trytond.transaction import Transaction

from .engine.tariff import Rule, amount
from .exceptions import TariffError

BASES = [
    ('km', "km"),
    ('loaded_km', "Loaded km"),
    ('tonne_km', "Tonne-kilometre"),
    ('kg', "Kilogram"),
    ('tonne', "Tonne"),
    ('m3', "Cubic Metre"),
    ('pallet', "Pallet"),
    ('stop', "Stop"),
    ('hour', "Hour"),
    ('trip', "Trip"),
    ('revenue', "Percent of Revenue"),
    ]


def load_quantities(cargo):
    "Return {basis: quantity, None if unknown} of what lines of cargo weigh"
    def total(name):
        known = [v for v in (getattr(c, name) for c in cargo) if v is not None]
        return sum(known) if known else None
    kg = total('gross_kg')
    return {
        'kg': kg,
        'tonne': kg / 1000 if kg is not None else None,
        'm3': total('volume_m3'),
        'pallet': total('pallets'),
        }


class Tariff(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'fleet.tariff'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT')
    name = fields.Char("Name", required=True)
    category = fields.Selection([
            ('customer', "Customer"),
            ('supplier', "Hired Carrier"),
            ('driver', "Driver"),
            ], "Category", required=True, sort=False,
        help="Whether it tells a price, the cost of a hired carrier or the "
        "pay of a driver.")
    party = fields.Many2One(
        'party.party', "Party", ondelete='CASCADE',
        context={
            'company': Eval('company', -1),
            },
        depends={'company'},
        help="Empty for all that have no tariff of their own.")
    currency = fields.Many2One(
        'currency.currency', "Currency", required=True, ondelete='RESTRICT')
    graduated = fields.Boolean(
        "Graduated",
        help="Each part of a quantity costs what its own range says. "
        "Otherwise the range of the whole quantity counts for all of it.")
    minimum = Monetary(
        "Minimum", currency='currency', digits='currency', required=True)
    rules = fields.One2Many('fleet.tariff.rule', 'tariff', "Rules")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('name', 'ASC'), ('id', 'ASC')]

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_category(cls):
        return 'customer'

    @classmethod
    def default_currency(cls):
        Company = Pool().get('company.company')
        company = cls.default_company()
        if company is not None and company >= 0:
            return Company(company).currency.id

    @classmethod
    def default_graduated(cls):
        return False

    @classmethod
    def default_minimum(cls):
        return Decimal(0)

    @classmethod
    def of_party(cls, category, party, company):
        "Return the tariff of a party, or the one for all, or None"
        tariffs = cls.search([
                ('category', '=', category),
                ('company', '=', company.id),
                ('party', 'in', [party.id, None]),
                ], order=[('id', 'ASC')])
        tariffs.sort(key=lambda t: t.party is None)
        return tariffs[0] if tariffs else None

    def compute(self, quantities):
        """Return the amount of quantities rounded by the currency, or None.

        quantities: {basis: number}, unknown ones left out or None
        """
        result = amount(
            [r.rule for r in self.rules],
            {k: Decimal(str(v)) for k, v in quantities.items()
                if v is not None},
            graduated=self.graduated, minimum=self.minimum)
        if result is not None:
            return self.currency.round(result)


class TariffRule(sequence_ordered(), ModelSQL, ModelView):
    __name__ = 'fleet.tariff.rule'

    tariff = fields.Many2One(
        'fleet.tariff', "Tariff", required=True, ondelete='CASCADE')
    basis = fields.Selection(BASES, "Basis", required=True, sort=False)
    basis_string = basis.translated('basis')
    start = fields.Numeric(
        "From", required=True, domain=[('start', '>=', 0)])
    end = fields.Numeric(
        "To", domain=['OR',
            ('end', '=', None),
            ('end', '>', Eval('start', 0)),
            ],
        help="The range ends before this quantity, empty without end.")
    rate = fields.Numeric(
        "Rate", required=True, digits=price_digits,
        help="The amount for one unit, or the percentage.")
    currency = fields.Function(fields.Many2One(
            'currency.currency', "Currency"), 'on_change_with_currency')
    fixed = Monetary(
        "Fixed", currency='currency', digits='currency', required=True,
        help="Added once when the range applies.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('tariff')
        t = cls.__table__()
        cls._sql_constraints += [
            ('end_after_start', Check(t, (t.end == Null) | (t.end > t.start)),
                'fleet.msg_tariff_rule_range'),
            ]

    @classmethod
    def default_start(cls):
        return Decimal(0)

    @classmethod
    def default_fixed(cls):
        return Decimal(0)

    @fields.depends('tariff', '_parent_tariff.currency')
    def on_change_with_currency(self, name=None):
        return self.tariff.currency if self.tariff else None

    @property
    def rule(self):
        "The rule as the arithmetic takes it"
        return Rule(
            self.basis, self.rate, self.start, self.end, self.fixed,
            percent=self.basis == 'revenue')

    def get_rec_name(self, name):
        return f'{self.tariff.rec_name}: {self.basis} {self.start}'


class Order(metaclass=PoolMeta):
    __name__ = 'fleet.order'

    tariff = fields.Many2One(
        'fleet.tariff', "Tariff", ondelete='RESTRICT',
        domain=[
            ('category', '=', 'customer'),
            ('company', '=', Eval('company', -1)),
            ('party', 'in', [Eval('party', -1), None]),
            ],
        states={
            'readonly': Eval('state') != 'draft',
            },
        help="How the price is computed, empty to enter it.")

    @classmethod
    def _setup_buttons(cls):
        super()._setup_buttons()
        cls._buttons.update({
                'compute_price': {
                    'invisible': ~Eval('state').in_(['draft', 'quoted']),
                    'readonly': ~Eval('tariff'),
                    'icon': 'tryton-refresh',
                    'depends': ['state', 'tariff'],
                    },
                })

    @fields.depends('party', 'company', 'tariff')
    def on_change_party(self):
        Tariff = Pool().get('fleet.tariff')
        if self.party and self.company:
            self.tariff = Tariff.of_party(
                'customer', self.party, self.company)

    def price_quantities(self):
        "Return {basis: quantity} of what the tariff may count"
        quantities = load_quantities(self.cargo or [])
        tonnes = quantities['tonne']
        return {
            'km': self.km,
            'loaded_km': self.km,
            'tonne_km': (
                self.km * tonnes if self.km and tonnes is not None else None),
            **quantities,
            'stop': len(self.stops or []),
            'trip': 1,
            }

    @classmethod
    @ModelView.button
    def compute_price(cls, orders):
        cls._set_km([o for o in orders if o.km is None])
        for order in orders:
            order.amount = order.get_price()
        cls.save(orders)

    def get_price(self):
        """Return the price in the currency of the order.

        Raise TariffError if nothing tells the price.
        """
        Currency = Pool().get('currency.currency')
        if not self.tariff:
            raise TariffError(gettext(
                    'fleet.msg_order_no_tariff', order=self.rec_name))
        amount = self.tariff.compute(self.price_quantities())
        if amount is None:
            raise TariffError(gettext(
                    'fleet.msg_tariff_no_rule',
                    tariff=self.tariff.rec_name, order=self.rec_name))
        return Currency.compute(self.tariff.currency, amount, self.currency)

    @classmethod
    def _set_km(cls, orders):
        "Estimate the km along the stops"
        Distance = Pool().get('fleet.distance')
        for company in {o.company for o in orders}:
            table = Distance.table(company, [
                    s.address for o in orders for s in o.stops])
            for order in orders:
                addresses = [s.address for s in order.stops]
                legs = [table[w] for w in zip(addresses, addresses[1:])]
                if legs and None not in legs:
                    order.km = round(sum(legs), 1)
