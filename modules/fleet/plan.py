# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt

from caravan.days import to_local
from trytond.model import ModelView, fields
from trytond.pool import Pool
from trytond.pyson import Eval
from trytond.transaction import check_access
from trytond.wizard import (
    Button, StateAction, StateTransition, StateView, Wizard)

from .tools import now, whole_minute


class OrderPlanStart(ModelView):
    __name__ = 'fleet.order.plan.start'

    company = fields.Many2One('company.company', "Company", readonly=True)
    orders = fields.Many2Many(
        'fleet.order', None, None, "Orders", readonly=True)
    gross_kg = fields.Float(
        "Load", digits=(16, 1), readonly=True,
        help="The weight of the cargo of all orders in kilograms.")
    planned_departure = fields.DateTime("Planned Departure", required=True)
    planned_arrival = fields.DateTime(
        "Planned Arrival", required=True,
        domain=[
            ('planned_arrival', '>', Eval('planned_departure')),
            ])
    free_vehicles = fields.Many2Many(
        'fleet.vehicle', None, None, "Free Vehicles", readonly=True)
    free_trailers = fields.Many2Many(
        'fleet.vehicle', None, None, "Free Trailers", readonly=True)
    free_drivers = fields.Many2Many(
        'fleet.driver', None, None, "Free Drivers", readonly=True)
    vehicle = fields.Many2One(
        'fleet.vehicle', "Vehicle",
        domain=[
            ('id', 'in', Eval('free_vehicles', [])),
            ],
        help="Those that are free and whose papers last to the end of the "
        "trip.")
    trailers = fields.Many2Many(
        'fleet.vehicle', None, None, "Trailers",
        domain=[
            ('id', 'in', Eval('free_trailers', [])),
            ])
    driver = fields.Many2One(
        'fleet.driver', "Driver",
        domain=[
            ('id', 'in', Eval('free_drivers', [])),
            ],
        help="Those that are free and whose papers last to the end of the "
        "trip.")
    trip = fields.Many2One('fleet.trip', "Trip", readonly=True)
    payload_kg = fields.Function(fields.Integer(
            "Payload", help="Of vehicle and trailers in kilograms."),
        'on_change_with_payload_kg')

    def _free(self, name, domain):
        "Return the ids of what is free and has its papers for the trip"
        pool = Pool()
        Model = pool.get(name)
        Document = pool.get('fleet.document')
        if not (self.company and self.planned_departure
                and self.planned_arrival
                and self.planned_departure < self.planned_arrival):
            return []
        records = Model.search([
                ('company', '=', self.company.id),
                ('state', '=', 'active'),
                Model.free_between(
                    self.planned_departure, self.planned_arrival),
                *domain])
        days = [
            to_local(self.company, at).date()
            for at in [self.planned_departure, self.planned_arrival]]
        problems = Document.problems([(r, *days) for r in records])
        return [r.id for r, barred in zip(records, problems) if not barred]

    @fields.depends('company', 'planned_departure', 'planned_arrival')
    def on_change_with_free_vehicles(self):
        return self._free('fleet.vehicle', [('powered', '=', True)])

    @fields.depends('company', 'planned_departure', 'planned_arrival')
    def on_change_with_free_trailers(self):
        return self._free('fleet.vehicle', [('powered', '=', False)])

    @fields.depends('company', 'planned_departure', 'planned_arrival')
    def on_change_with_free_drivers(self):
        return self._free('fleet.driver', [])

    @fields.depends(
        'vehicle', 'driver', 'trailers', 'planned_departure',
        'free_drivers', 'free_trailers')
    def on_change_vehicle(self):
        pool = Pool()
        Assignment = pool.get('fleet.assignment')
        Coupling = pool.get('fleet.vehicle.coupling')
        if not self.vehicle:
            return
        driver = Assignment.current([self.vehicle]).get(self.vehicle.id)
        if driver in {d.id for d in self.free_drivers or []}:
            self.driver = driver
        trailers = Coupling.coupled(
            [self.vehicle], self.planned_departure or now())
        self.trailers = [
            t for t in trailers.get(self.vehicle, [])
            if t in (self.free_trailers or [])]

    @fields.depends('vehicle', 'trailers')
    def on_change_with_payload_kg(self, name=None):
        vehicles = [self.vehicle, *(self.trailers or [])]
        return sum(v.payload_kg or 0 for v in vehicles if v)


class OrderPlan(Wizard):
    __name__ = 'fleet.order.plan'

    start = StateView(
        'fleet.order.plan.start', 'fleet.order_plan_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Draft Trip", 'create_', 'tryton-create'),
            Button("Plan Trip", 'plan', 'tryton-ok', default=True),
            ])
    create_ = StateTransition()
    plan = StateTransition()
    open_ = StateAction('fleet.act_trip_form')

    def default_start(self, fields):
        orders = self.records
        departure = min(
            filter(None, [o.pickup_at for o in orders]),
            default=whole_minute(now() + dt.timedelta(hours=1)))
        arrival = max(
            filter(None, [o.deliver_by for o in orders]), default=None)
        if not arrival or arrival <= departure:
            arrival = departure + dt.timedelta(hours=10)
        start = Pool().get('fleet.order.plan.start')(
            company=orders[0].company, planned_departure=departure,
            planned_arrival=arrival)
        return {
            'company': orders[0].company.id,
            'orders': [o.id for o in orders],
            'gross_kg': sum(o.gross_kg or 0 for o in orders),
            'planned_departure': departure,
            'planned_arrival': arrival,
            'free_vehicles': start.on_change_with_free_vehicles(),
            'free_trailers': start.on_change_with_free_trailers(),
            'free_drivers': start.on_change_with_free_drivers(),
            }

    def _trip(self):
        Trip = Pool().get('fleet.trip')
        start = self.start
        with check_access():
            trip = Trip(
                company=start.company, vehicle=start.vehicle,
                driver=start.driver, trailers=start.trailers,
                orders=self.records,
                planned_departure=start.planned_departure,
                planned_arrival=start.planned_arrival)
            trip.save()
        Trip.collect_stops([trip])
        return trip

    def transition_create_(self):
        self.start.trip = self._trip()
        return 'open_'

    def transition_plan(self):
        Trip = Pool().get('fleet.trip')
        trip = self._trip()
        Trip.plan([trip])
        self.start.trip = trip
        return 'open_'

    def do_open_(self, action):
        action['views'].reverse()
        return action, {'res_id': [self.start.trip.id]}
