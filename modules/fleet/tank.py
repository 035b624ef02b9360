# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from decimal import Decimal

from trytond.i18n import gettext
from trytond.model import ModelView, fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Bool, Eval
from trytond.transaction import without_check_access

from .exceptions import FuelError


class Configuration(metaclass=PoolMeta):
    __name__ = 'fleet.configuration'

    fuel_tolerance = fields.Float(
        "Tolerated over Norm (%)", digits=(16, 1), required=True,
        domain=[('fuel_tolerance', '>=', 0)],
        help="A trip that burnt more is shown in red.")
    fuel_metres = fields.Integer(
        "Metres to the Station", required=True,
        domain=[('fuel_metres', '>=', 0)],
        help="A refuelling is flagged when the vehicle was farther from the "
        "station.")
    stale_days = fields.Integer(
        "Odometer Stale After Days", required=True,
        domain=[('stale_days', '>', 0)],
        help="A vehicle without a reading for longer is listed, for services "
        "and costs depend on it.")
    tank_parent = fields.Many2One(
        'stock.location', "Tanks In", ondelete='RESTRICT',
        domain=[
            ('type', 'in', ['view', 'storage']),
            ],
        help="The location that holds the tanks of the vehicles.")
    fuel_location = fields.Many2One(
        'stock.location', "Burnt Fuel", ondelete='RESTRICT',
        domain=[
            ('type', '=', 'lost_found'),
            ],
        help="Where the fuel of done trips goes.")

    @classmethod
    def default_fuel_tolerance(cls):
        return 5

    @classmethod
    def default_fuel_metres(cls):
        return 400

    @classmethod
    def default_stale_days(cls):
        return 14

    def get_fuel_location(self):
        "Return where burnt fuel goes, FuelError if there is no such place"
        Location = Pool().get('stock.location')
        if self.fuel_location:
            return self.fuel_location
        locations = Location.search([
                ('type', '=', 'lost_found'),
                ], limit=1, order=[('id', 'ASC')])
        if not locations:
            raise FuelError(gettext('fleet.msg_fuel_no_location'))
        return locations[0]


class Vehicle(metaclass=PoolMeta):
    __name__ = 'fleet.vehicle'

    fuel_residue = fields.Function(fields.Float(
            "Fuel in Tank", digits=(16, 1),
            states={
                'invisible': ~Eval('tank'),
                },
            help="By the stock of the tank."), 'get_fuel_residue')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._buttons.update({
                'make_tank': {
                    'invisible': Bool(Eval('tank')) | ~Eval('powered', True),
                    'icon': 'tryton-create',
                    'depends': ['tank', 'powered'],
                    },
                })

    @classmethod
    @without_check_access
    def get_fuel_residue(cls, vehicles, name):
        Product = Pool().get('product.product')
        result = {v.id: None for v in vehicles}
        tanked = [v for v in vehicles if v.tank and v.fuel_product]
        if not tanked:
            return result
        quantities = Product.products_by_location(
            list({v.tank.id for v in tanked}),
            grouping_filter=(list({v.fuel_product.id for v in tanked}),))
        for vehicle in tanked:
            result[vehicle.id] = quantities.get(
                (vehicle.tank.id, vehicle.fuel_product.id), 0)
        return result

    @classmethod
    @ModelView.button
    @without_check_access
    def make_tank(cls, vehicles):
        "Make the location that holds the fuel of each vehicle without one"
        pool = Pool()
        Configuration = pool.get('fleet.configuration')
        Location = pool.get('stock.location')
        vehicles = [
            v for v in cls.browse(vehicles) if not v.tank and v.powered]
        parent = Configuration(1).tank_parent
        tanks = Location.create([{
                    'name': gettext(
                        'fleet.msg_tank_name', vehicle=v.rec_name),
                    'type': 'storage',
                    'parent': parent.id if parent else None,
                    } for v in vehicles])
        for vehicle, tank in zip(vehicles, tanks):
            vehicle.tank = tank
        cls.save(vehicles)


class Trip(metaclass=PoolMeta):
    __name__ = 'fleet.trip'

    fuel_moves = fields.One2Many(
        'stock.move', 'origin', "Fuel Moves", readonly=True)

    @classmethod
    def do(cls, trips):
        super().do(trips)
        cls.burn(trips)

    @classmethod
    def record(cls, vlist):
        ids = super().record(vlist)
        cls.burn([t for t in cls.browse(ids) if t.state == 'done'])
        return ids

    @classmethod
    @without_check_access
    def burn(cls, trips):
        """Move what trips burnt out of the tanks, at the cost of the stock.

        Where the tank was not read the norm is taken.
        """
        pool = Pool()
        Configuration = pool.get('fleet.configuration')
        Cost = pool.get('fleet.cost')
        Move = pool.get('stock.move')
        moves = []
        trips = [
            t for t in cls.browse(trips)
            if t.vehicle.tank and t.vehicle.fuel_product]
        if not trips:
            return
        destination = Configuration(1).get_fuel_location()
        for trip in trips:
            litres = (
                trip.fuel_norm if trip.fuel_actual is None
                else trip.fuel_actual)
            if litres:
                product = trip.vehicle.fuel_product
                moves.append(Move(
                        company=trip.company, product=product,
                        unit=product.default_uom, quantity=litres,
                        from_location=trip.vehicle.tank,
                        to_location=destination,
                        effective_date=trip.fuel_day, origin=trip))
        Move.save(moves)
        Move.do(moves)
        Cost.post([cls._fuel_cost(m) for m in Move.browse(moves)])

    @classmethod
    def _fuel_cost(cls, move):
        trip = move.origin
        price = move.cost_price
        if price is None:
            price = move.product.get_multivalue(
                'cost_price', company=trip.company.id)
        return {
            'company': trip.company.id,
            'date': trip.fuel_day,
            'vehicle': trip.vehicle.id,
            'trip': trip.id,
            'driver': trip.driver.id if trip.driver else None,
            'category': 'fuel',
            'description': move.product.rec_name,
            'quantity': move.quantity,
            'amount': trip.currency.round(
                Decimal(str(move.quantity)) * (price or 0)),
            'origin': trip,
            }

    @classmethod
    def reopen(cls, trips):
        Move = Pool().get('stock.move')
        super().reopen(trips)
        with without_check_access():
            Move.cancel([
                    m for t in cls.browse(trips) for m in t.fuel_moves
                    if m.state != 'cancelled'])

    @classmethod
    def copy(cls, trips, default=None):
        default = default.copy() if default else {}
        default.setdefault('fuel_moves')
        return super().copy(trips, default=default)


class Move(metaclass=PoolMeta):
    __name__ = 'stock.move'

    @classmethod
    def _get_origin(cls):
        return super()._get_origin() + ['fleet.refuelling', 'fleet.trip']
