# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from decimal import Decimal

from trytond.i18n import gettext
from trytond.model import fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval
from trytond.tools.decimal_ import DecimalNull as Null
from trytond.transaction import Transaction

from .exceptions import TariffError

# What formulas call the quantities of a transport order
NAMES = {
    'km': 'km',
    'tonne_km': 'tonne_km',
    'kg': 'kg',
    'tonnes': 'tonne',
    'm3': 'm3',
    'pallets': 'pallet',
    'stops': 'stop',
    }


def _of_known(function):
    "Return the function of known values, nothing if one is not known"
    def wrapper(*values):
        if any(isinstance(v, Null) for v in values):
            return Null()
        return function(*values)
    return wrapper


class PriceList(metaclass=PoolMeta):
    __name__ = 'product.price_list'

    def get_context_formula(self, product, quantity, uom, pattern=None):
        """Add the quantities of the transport order of the context.

        Formulas are tried without an order when they are entered, then each
        quantity is 0.
        """
        context = super().get_context_formula(
            product, quantity, uom, pattern=pattern)
        quantities = Transaction().context.get('transport_quantities')
        for name, key in NAMES.items():
            if quantities is None:
                value = Decimal(0)
            elif quantities.get(key) is None:
                value = Null()
            else:
                value = Decimal(str(quantities[key]))
            context['names'][name] = value
        context.setdefault('functions', {}).update(
            max=_of_known(max), min=_of_known(min))
        return context


class PriceListLine(metaclass=PoolMeta):
    __name__ = 'product.price_list.line'

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.formula.help += (
            "\n- km, tonne_km, kg, tonnes, m3, pallets, stops: of the "
            "transport order"
            "\n- max(), min(): the greatest, the smallest of values")


class Order(metaclass=PoolMeta):
    __name__ = 'fleet.order'

    price_list = fields.Many2One(
        'product.price_list', "Price List", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        states={
            'readonly': Eval('state') != 'draft',
            },
        help="How the price is computed instead of by the tariff. Its "
        "formulas may name km, tonnes, stops and the like.")

    @classmethod
    def _setup_buttons(cls):
        super()._setup_buttons()
        button = cls._buttons['compute_price']
        button['readonly'] &= ~Eval('price_list')
        button['depends'] = [*button['depends'], 'price_list']

    def get_price(self):
        Currency = Pool().get('currency.currency')
        if not self.price_list:
            return super().get_price()
        product = self.priced_product
        with Transaction().set_context(
                transport_quantities=self.price_quantities()):
            amount = self.price_list.compute(
                product, 1, product.default_uom if product else None)
        if amount is None:
            raise TariffError(gettext(
                    'fleet.msg_price_list_no_price',
                    price_list=self.price_list.rec_name,
                    order=self.rec_name))
        return Currency.compute(
            self.price_list.company.currency, amount, self.currency)

    @property
    def priced_product(self):
        "The product that price lists may name"


class ProductOrder(metaclass=PoolMeta):
    __name__ = 'fleet.order'

    @property
    def priced_product(self):
        Configuration = Pool().get('fleet.configuration')
        return Configuration(1).transport_product


class PartyOrder(metaclass=PoolMeta):
    __name__ = 'fleet.order'

    @fields.depends('party', 'company', 'tariff')
    def on_change_party(self):
        SaleConfiguration = Pool().get('sale.configuration')
        super().on_change_party()
        self.price_list = None
        if not self.party or not self.company or (
                self.tariff and self.tariff.party):
            return
        pattern = {'company': self.company.id}
        own = self.party.get_multivalue('sale_price_list', **pattern)
        usual = SaleConfiguration(1).get_multivalue(
            'sale_price_list', **pattern)
        if own != usual:
            self.price_list, self.tariff = own, None
