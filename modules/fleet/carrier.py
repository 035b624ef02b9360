# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.model import fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval
from trytond.transaction import Transaction


def _tariff(string, category, help):
    return fields.Many2One(
        'fleet.tariff', string, ondelete='RESTRICT',
        domain=[
            ('category', '=', category),
            ],
        states={
            'invisible': Eval('carrier_cost_method') != 'fleet',
            },
        help=help)


class Carrier(metaclass=PoolMeta):
    __name__ = 'carrier'

    cost_tariff = _tariff(
        "Cost Tariff", 'supplier', "What the carrier asks for.")
    sale_tariff = _tariff(
        "Sale Tariff", 'customer', "What customers pay for the carriage.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.carrier_cost_method.selection.append(('fleet', "Fleet Tariff"))

    def _tariff_price(self, tariff):
        "Return the amount by a tariff and the id of its currency"
        quantities = Transaction().context.get('transport_quantities')
        if tariff and quantities:
            amount = tariff.compute(quantities)
            if amount is not None:
                return amount, tariff.currency.id
        return None, None

    def get_sale_price(self):
        if self.carrier_cost_method == 'fleet':
            return self._tariff_price(self.sale_tariff)
        return super().get_sale_price()

    def get_purchase_price(self):
        if self.carrier_cost_method == 'fleet':
            return self._tariff_price(self.cost_tariff)
        return super().get_purchase_price()


class Order(metaclass=PoolMeta):
    __name__ = 'fleet.order'

    carrier = fields.Many2One(
        'carrier', "Hired Carrier", ondelete='RESTRICT',
        states={
            'readonly': Eval('state').in_(
                ['delivered', 'invoiced', 'cancelled']),
            },
        help="Who carries instead of the own fleet.")
    carrier_cost = Monetary(
        "Carrier's Price", currency='currency', digits='currency',
        states={
            'readonly': ~Eval('carrier') | Eval('state').in_(
                ['invoiced', 'cancelled']),
            },
        help="What the hired carrier asks for, by its cost method.")

    @fields.depends(
        'carrier', 'currency', 'company', 'km', 'stops', 'cargo')
    def on_change_carrier(self):
        Currency = Pool().get('currency.currency')
        self.carrier_cost = None
        if not self.carrier or not self.currency:
            return
        with Transaction().set_context(
                company=self.company.id if self.company else None,
                transport_quantities=self.price_quantities()):
            carrier = self.carrier.__class__(self.carrier.id)
            cost, currency = carrier.get_purchase_price()
        if cost is not None:
            self.carrier_cost = self.currency.round(Currency.compute(
                    Currency(currency), cost, self.currency))


class ShipmentOut(metaclass=PoolMeta):
    __name__ = 'stock.shipment.out'

    @fields.depends('company', 'warehouse', 'delivery_address')
    def _get_carrier_context(self):
        "Add the way from the warehouse to the customer"
        Distance = Pool().get('fleet.distance')
        context = super()._get_carrier_context()
        quantities = {'stop': 1, 'trip': 1}
        way = (
            self.warehouse.address if self.warehouse else None,
            self.delivery_address)
        if self.company and all(way):
            quantities['km'] = Distance.table(self.company, way)[way]
        return dict(context, transport_quantities=quantities)
