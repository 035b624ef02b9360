# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.model import DeactivableMixin, ModelSQL, ModelView, Unique, fields
from trytond.pyson import Eval

KINDS = [
    ('tractor', "Tractor"),
    ('truck', "Truck"),
    ('van', "Van"),
    ('car', "Car"),
    ('bus', "Bus"),
    ('special', "Special Vehicle"),
    ('semitrailer', "Semi-trailer"),
    ('trailer', "Trailer"),
    ('dolly', "Dolly"),
    ]
TRAILER_KINDS = ['semitrailer', 'trailer', 'dolly']
_powered = {
    'invisible': Eval('kind').in_(TRAILER_KINDS),
    }


class SpecificationMixin:
    "What a model and each of its vehicles have in common"
    __slots__ = ()

    kind = fields.Selection(
        KINDS, "Kind", required=True, sort=False,
        help="Tractors, trucks and other powered vehicles are booked as "
        "vehicles, trailers are coupled to them.")
    kind_string = kind.translated('kind')
    axles = fields.Integer("Axles", domain=['OR',
            ('axles', '=', None),
            ('axles', '>', 0),
            ])
    tare_kg = fields.Integer(
        "Tare (kg)", help="The weight of the empty vehicle in kilograms.")
    gross_kg = fields.Integer(
        "Gross Weight (kg)",
        help="The greatest allowed weight of the laden vehicle "
        "in kilograms.")
    payload_kg = fields.Integer(
        "Payload (kg)", help="The greatest load in kilograms.")
    volume_m3 = fields.Float(
        "Volume (m³)", digits=(16, 2),
        help="The volume of the load in cubic metres.")
    pallets = fields.Integer(
        "Pallets", help="The number of pallet places.")
    power_kw = fields.Integer(
        "Power (kW)", states=_powered, help="Of the engine in kilowatts.")
    emission_class = fields.Selection([
            (None, ""),
            ('euro_0', "Euro 0"),
            ('euro_1', "Euro I"),
            ('euro_2', "Euro II"),
            ('euro_3', "Euro III"),
            ('euro_4', "Euro IV"),
            ('euro_5', "Euro V"),
            ('eev', "EEV"),
            ('euro_6', "Euro VI"),
            ('euro_7', "Euro VII"),
            ('zero', "Zero Emission"),
            ], "Emission Class", sort=False, states=_powered)
    fuel_product = fields.Many2One(
        'product.product', "Fuel", ondelete='RESTRICT', states=_powered)
    tank_capacity = fields.Float(
        "Tank Capacity", digits=(16, 1), states=_powered,
        help="In the unit of the fuel.")
    max_speed = fields.Integer(
        "Maximum Speed (km/h)", help="In kilometres per hour.")

    @classmethod
    def specification_fields(cls):
        "Return the names of the fields a vehicle takes over from its model"
        return [
            'axles', 'tare_kg', 'gross_kg', 'payload_kg', 'volume_m3',
            'pallets', 'power_kw', 'emission_class', 'fuel_product',
            'tank_capacity', 'max_speed']

    @classmethod
    def default_kind(cls):
        return 'tractor'


class Make(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'fleet.make'

    name = fields.Char("Name", required=True)
    models = fields.One2Many('fleet.model', 'make', "Models")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('name_unique', Unique(t, t.name), 'fleet.msg_make_unique'),
            ]
        cls._order.insert(0, ('name', 'ASC'))


class Model(SpecificationMixin, DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'fleet.model'

    make = fields.Many2One(
        'fleet.make', "Make", required=True, ondelete='RESTRICT')
    name = fields.Char("Name", required=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('name_unique', Unique(t, t.make, t.name),
                'fleet.msg_model_unique'),
            ]
        cls._order = [('make.name', 'ASC'), ('name', 'ASC'), ('id', 'ASC')]

    def get_rec_name(self, name):
        return f'{self.make.rec_name} {self.name}'

    @classmethod
    def search_rec_name(cls, name, clause):
        _, operator, operand, *extra = clause
        bool_op = 'AND' if operator.startswith(('!', 'not ')) else 'OR'
        return [bool_op,
            ('name', operator, operand, *extra),
            ('make.name', operator, operand, *extra),
            ]
