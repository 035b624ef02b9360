# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.model import ModelView, fields
from trytond.pyson import Eval
from trytond.wizard import Button, StateTransition, StateView, Wizard

from .tools import now

_WORK = ['heater_hours', 'idle_hours', 'special_hours', 'loaded_runs']


class TripCompleteStart(ModelView):
    __name__ = 'fleet.trip.complete.start'

    vehicle = fields.Many2One('fleet.vehicle', "Vehicle", readonly=True)
    departure = fields.DateTime("Departure", required=True)
    arrival = fields.DateTime(
        "Arrival", required=True,
        domain=[
            ('arrival', '>', Eval('departure')),
            ])
    odometer_start = fields.Integer("Odometer at Start")
    odometer_end = fields.Integer(
        "Odometer at End", domain=['OR',
            ('odometer_end', '=', None),
            ('odometer_start', '=', None),
            ('odometer_end', '>=', Eval('odometer_start', 0)),
            ])
    km = fields.Float(
        "km", digits=(16, 1),
        states={
            'required': ~Eval('odometer_end') | ~Eval('odometer_start'),
            },
        help="The driven distance, by the odometer if it is read.")
    fuel_open = fields.Float(
        "Fuel at Start", digits=(16, 1),
        help="In the tank at departure, by what the trip before left.")
    fuel_close = fields.Float(
        "Fuel at End", digits=(16, 1), help="Left in the tank at arrival.")
    heater_hours = fields.Float("Heater (h)", digits=(16, 1))
    idle_hours = fields.Float("Idling (h)", digits=(16, 1))
    special_hours = fields.Float("Special Work (h)", digits=(16, 1))
    loaded_runs = fields.Integer("Loaded Runs")

    @fields.depends('odometer_start', 'odometer_end', 'km')
    def on_change_odometer_start(self):
        if None not in {self.odometer_start, self.odometer_end}:
            self.km = float(self.odometer_end - self.odometer_start)

    @fields.depends(methods=['on_change_odometer_start'])
    def on_change_odometer_end(self):
        self.on_change_odometer_start()


class TripComplete(Wizard):
    __name__ = 'fleet.trip.complete'

    start = StateView(
        'fleet.trip.complete.start', 'fleet.trip_complete_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Complete", 'complete', 'tryton-ok', default=True),
            ])
    complete = StateTransition()

    def default_start(self, fields):
        trip = self.record
        return {
            'vehicle': trip.vehicle.id,
            'departure': trip.departure,
            'arrival': trip.arrival or max(
                filter(None, [s.departed or s.arrived for s in trip.stops]),
                default=now()),
            'odometer_start': (
                trip.odometer_start
                if trip.odometer_start is not None
                else trip.vehicle.odometer),
            'fuel_open': (
                trip.fuel_before() if trip.fuel_open is None
                else trip.fuel_open),
            **{n: getattr(trip, n) for n in [
                    'odometer_end', 'km', 'fuel_close', *_WORK]},
            }

    def transition_complete(self):
        trip = self.record
        for name in [
                'departure', 'arrival', 'odometer_start', 'odometer_end',
                'km', 'fuel_open', 'fuel_close', *_WORK]:
            setattr(trip, name, getattr(self.start, name))
        self.model.do([trip])
        return 'end'
