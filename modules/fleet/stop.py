# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from sql import Literal, Null
from sql.conditionals import Case

from trytond.model import Check, Index, ModelSQL, ModelView, fields
from trytond.pool import Pool
from trytond.pyson import Bool, Eval, If

from .order import StopMixin
from .tools import now

KINDS = [
    ('load', "Load"),
    ('unload', "Unload"),
    ('border', "Border"),
    ('fuel', "Fuel"),
    ('rest', "Rest"),
    ('parking', "Parking"),
    ('other', "Other"),
    ]


class TripStop(StopMixin, ModelSQL, ModelView):
    __name__ = 'fleet.trip.stop'

    trip = fields.Many2One(
        'fleet.trip', "Trip", required=True, ondelete='CASCADE')
    kind = fields.Selection(KINDS, "Kind", required=True, sort=False)
    kind_string = kind.translated('kind')
    order = fields.Many2One(
        'fleet.order', "Order", ondelete='RESTRICT',
        states={
            'required': Eval('kind').in_(['load', 'unload']),
            'invisible': ~Eval('kind').in_(['load', 'unload']),
            })
    order_stop = fields.Many2One(
        'fleet.order.stop', "Stop of Order", ondelete='RESTRICT',
        domain=[
            ('order', '=', Eval('order', -1)),
            ],
        states={
            'invisible': ~Eval('kind').in_(['load', 'unload']),
            })
    planned = fields.DateTime(
        "Planned", help="When the vehicle is expected there.")
    arrived = fields.DateTime("Arrived")
    departed = fields.DateTime("Departed", domain=['OR',
            ('departed', '=', None),
            ('departed', '>=', Eval('arrived')),
            ])
    km_from_previous = fields.Float(
        "km from Previous", digits=(16, 1), domain=['OR',
            ('km_from_previous', '=', None),
            ('km_from_previous', '>=', 0),
            ])
    in_kg = fields.Float(
        "Loaded", digits=(16, 1), help="The kilograms taken on.")
    out_kg = fields.Float(
        "Unloaded", digits=(16, 1), help="The kilograms put off.")
    waiting = fields.Function(fields.TimeDelta(
            "Waiting",
            help="From the later of arrival and start of the window "
            "to the departure."), 'on_change_with_waiting')
    received_by = fields.Char(
        "Received By", help="Who signed for the cargo.")
    skipped = fields.Boolean("Skipped", readonly=True)
    reason = fields.Char(
        "Reason", states={
            'required': Bool(Eval('skipped')),
            },
        help="Why the stop was left out.")
    state = fields.Function(fields.Selection([
                ('pending', "Pending"),
                ('arrived', "Arrived"),
                ('done', "Done"),
                ('skipped', "Skipped"),
                ], "State", sort=False))

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('trip')
        t = cls.__table__()
        cls._sql_constraints += [
            ('depart_after_arrive', Check(t,
                    (t.departed == Null) | (t.departed >= t.arrived)),
                'fleet.msg_stop_departed'),
            ]
        cls._sql_indexes.update({
                Index(t, (t.trip, Index.Equality())),
                Index(t, (t.order, Index.Equality())),
                })
        state = Eval('state', 'pending')
        waits = Eval('_parent_trip', {}).get('state') != 'dispatched'
        cls._buttons.update({
                'arrive': {
                    'invisible': waits | (state != 'pending'),
                    'icon': 'tryton-ok',
                    'depends': ['state', 'trip'],
                    },
                'depart': {
                    'invisible': waits | (state != 'arrived'),
                    'icon': 'tryton-forward',
                    'depends': ['state', 'trip'],
                    },
                'skip': {
                    'invisible': state != 'pending',
                    'readonly': ~Eval('reason'),
                    'icon': 'tryton-cancel',
                    'depends': ['state', 'reason'],
                    },
                })

    @classmethod
    def default_skipped(cls):
        return False

    @classmethod
    def column_state(cls, tables):
        table, _ = tables[None]
        return Case(
            (table.skipped, Literal('skipped')),
            (table.departed != Null, Literal('done')),
            (table.arrived != Null, Literal('arrived')),
            else_=Literal('pending'))

    @classmethod
    def from_order(cls, trip, order_stop, sequence):
        "Return the stop of trip that serves the stop of an order"
        kg = order_stop.gross_kg
        return cls(
            trip=trip, sequence=sequence, kind=order_stop.kind,
            order=order_stop.order, order_stop=order_stop,
            address=order_stop.address,
            window_from=order_stop.window_from,
            window_to=order_stop.window_to,
            in_kg=kg if order_stop.kind == 'load' else None,
            out_kg=kg if order_stop.kind == 'unload' else None)

    @property
    def volume_m3(self):
        "The volume taken on here, below zero where it is put off"
        if not self.order_stop:
            return 0
        volume = sum(c.volume_m3 or 0 for c in self.order_stop.cargo)
        return volume if self.kind == 'load' else -volume

    @fields.depends('order_stop')
    def on_change_order_stop(self):
        if self.order_stop:
            self.address = self.order_stop.address
            self.window_from = self.order_stop.window_from
            self.window_to = self.order_stop.window_to

    @fields.depends('arrived', 'departed', 'window_from')
    def on_change_with_waiting(self, name=None):
        if self.arrived and self.departed:
            start = max(filter(None, [self.arrived, self.window_from]))
            return max(self.departed - start, self.departed - self.departed)

    def get_rec_name(self, name):
        return f'{self.kind_string}: {self.place}'

    @classmethod
    def check_modification(cls, mode, stops, values=None, external=False):
        Trip = Pool().get('fleet.trip')
        super().check_modification(
            mode, stops, values=values, external=external)
        if external:
            Trip.check_not_done([s.trip for s in stops])

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state') == 'done', 'success',
                    If(Eval('state') == 'arrived', 'warning',
                        If(Eval('state') == 'skipped', 'muted', '')))),
            ]

    @classmethod
    def copy(cls, stops, default=None):
        default = default.copy() if default else {}
        for name in [
                'planned', 'arrived', 'departed', 'received_by', 'reason']:
            default.setdefault(name)
        default.setdefault('skipped', False)
        return super().copy(stops, default=default)

    @classmethod
    @ModelView.button
    def arrive(cls, stops):
        cls.write([s for s in stops if not s.arrived], {'arrived': now()})

    @classmethod
    @ModelView.button
    def depart(cls, stops):
        cls.write([s for s in stops if not s.departed], {'departed': now()})

    @classmethod
    @ModelView.button
    def skip(cls, stops):
        cls.write(stops, {'skipped': True})
