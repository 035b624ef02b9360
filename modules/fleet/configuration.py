# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from collections import defaultdict

from trytond.i18n import gettext
from trytond.model import ModelSingleton, ModelSQL, ModelView, fields
from trytond.modules.company.model import (
    CompanyMultiValueMixin, CompanyValueMixin)
from trytond.pool import Pool
from trytond.pyson import Eval, Id

from .engine.route import ENGINES


def _sequence(string, type_, company):
    return fields.Many2One(
        'ir.sequence', string, required=True,
        domain=[
            ('company', 'in', [company, None]),
            ('sequence_type', '=', Id('fleet', type_)),
            ])


def _sequences(company):
    return [
        _sequence("Vehicle Sequence", 'sequence_type_vehicle', company),
        _sequence("Order Sequence", 'sequence_type_order', company),
        _sequence("Trip Sequence", 'sequence_type_trip', company),
        _sequence("Service Sequence", 'sequence_type_service', company),
        ]


_SEQUENCES = [
    'vehicle_sequence', 'order_sequence', 'trip_sequence',
    'service_sequence']
_vehicle, _order, _trip, _service = _sequences(
    Eval('context', {}).get('company', -1))


def _default(name):
    @classmethod
    def default(cls, **pattern):
        return getattr(
            cls.multivalue_model(name), f'default_{name}', lambda: None)()
    return default


class Configuration(
        ModelSingleton, ModelSQL, ModelView, CompanyMultiValueMixin):
    __name__ = 'fleet.configuration'

    vehicle_sequence = fields.MultiValue(_vehicle)
    order_sequence = fields.MultiValue(_order)
    trip_sequence = fields.MultiValue(_trip)
    service_sequence = fields.MultiValue(_service)
    max_km_per_day = fields.Integer(
        "Plausible km per Day", required=True,
        domain=[('max_km_per_day', '>', 0)],
        help="A reading that means more kilometres per day is flagged and "
        "left out of statistics until somebody confirms it.")
    average_speed = fields.Integer(
        "Average Speed (km/h)", required=True,
        domain=[('average_speed', '>', 0)],
        help="Kilometres per hour, rests not counted, used to estimate "
        "driving time where no past trip tells it.")
    detour = fields.Float(
        "Detour Factor", required=True, digits=(4, 2),
        domain=[('detour', '>=', 1)],
        help="By how much roads are longer than the great circle.")
    stop_minutes = fields.Integer(
        "Minutes per Stop", required=True,
        domain=[('stop_minutes', '>=', 0)],
        help="The time a stop takes, for planned times.")
    route_engine = fields.Selection(
        'get_route_engines', "Route Engine", required=True,
        help="What proposes the order of stops. VROOM is offered where the "
        "extra \"route\" is installed.")

    @classmethod
    def multivalue_model(cls, field):
        if field in _SEQUENCES:
            return Pool().get('fleet.configuration.sequence')
        return super().multivalue_model(field)

    default_vehicle_sequence = _default('vehicle_sequence')
    default_order_sequence = _default('order_sequence')
    default_trip_sequence = _default('trip_sequence')
    default_service_sequence = _default('service_sequence')

    @classmethod
    def default_max_km_per_day(cls):
        return 1500

    @classmethod
    def default_average_speed(cls):
        return 60

    @classmethod
    def default_detour(cls):
        return 1.3

    @classmethod
    def default_stop_minutes(cls):
        return 45

    @classmethod
    def default_route_engine(cls):
        return 'insertion'

    @classmethod
    def get_route_engines(cls):
        names = {
            'insertion': gettext('fleet.msg_route_engine_insertion'),
            'vroom': "VROOM",
            }
        return [(name, names.get(name, name)) for name in ENGINES]


_vehicle, _order, _trip, _service = _sequences(Eval('company', -1))


class ConfigurationSequence(ModelSQL, CompanyValueMixin):
    __name__ = 'fleet.configuration.sequence'

    vehicle_sequence = _vehicle
    order_sequence = _order
    trip_sequence = _trip
    service_sequence = _service

    @classmethod
    def default_vehicle_sequence(cls):
        return cls._sequence_id('sequence_vehicle')

    @classmethod
    def default_order_sequence(cls):
        return cls._sequence_id('sequence_order')

    @classmethod
    def default_trip_sequence(cls):
        return cls._sequence_id('sequence_trip')

    @classmethod
    def default_service_sequence(cls):
        return cls._sequence_id('sequence_service')

    @classmethod
    def _sequence_id(cls, xml_id):
        ModelData = Pool().get('ir.model.data')
        try:
            return ModelData.get_id('fleet', xml_id)
        except KeyError:
            return None


class NumberedMixin:
    "Records that are numbered when they are created, a set at a time"
    __slots__ = ()
    _number_sequence = None

    @classmethod
    def _before_create(cls, vlist):
        vlist = super()._before_create(vlist)
        Configuration = Pool().get('fleet.configuration')
        configuration = Configuration(1)
        by_company = defaultdict(list)
        for values in vlist:
            if not values.get('number'):
                company = values.get('company', cls.default_company())
                by_company[company].append(values)
        for company, numbered in by_company.items():
            sequence = configuration.get_multivalue(
                cls._number_sequence, company=company)
            for values, number in zip(
                    numbered, sequence.get_many(len(numbered))):
                values['number'] = number
        return vlist
