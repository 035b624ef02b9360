# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from sql import Null

from caravan.locking import touch
from trytond.i18n import gettext
from trytond.model import (
    ChatMixin, DeactivableMixin, Index, ModelSQL, ModelView, Unique, Workflow,
    avatar_mixin, dualmethod, fields)
from trytond.pool import Pool
from trytond.pyson import Eval, If
from trytond.transaction import Transaction, without_check_access

from .booking import OccupiedMixin
from .configuration import NumberedMixin
from .document import DocumentedMixin
from .engine.identity import (
    VIN_LENGTH, compact_plate, compact_vin, vin_error, vin_hint)
from .exceptions import PlateError, StateError, VINError
from .model import TRAILER_KINDS, SpecificationMixin
from .state import ButtonStateMixin

_company = {'company': Eval('company', -1)}


class Vehicle(
        SpecificationMixin, NumberedMixin, OccupiedMixin, DocumentedMixin,
        avatar_mixin(200), DeactivableMixin, ButtonStateMixin, ModelSQL,
        ModelView, ChatMixin):
    __name__ = 'fleet.vehicle'
    _created_in_any_state = True
    _rec_name = 'plate'
    _number_sequence = 'vehicle_sequence'
    _occupied_by = 'vehicle'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT')
    number = fields.Char(
        "Number", readonly=True,
        help="The internal number, given when the vehicle is created.")
    plate = fields.Char(
        "Plate",
        help="The registration plate. Two plates are the same when they "
        "differ only in spaces, dashes or Cyrillic and Latin look-alikes.")
    plate_compact = fields.Char("Compact Plate", readonly=True)
    vin = fields.Char(
        "VIN", strip=True,
        help="The vehicle identification number of the chassis.")
    vin_hint = fields.Function(fields.Selection([
                (None, ""),
                ('length', "Not 17 characters"),
                ('check', "Unusual check digit"),
                ], "VIN Hint",
            states={
                'invisible': ~Eval('vin_hint'),
                },
            help="Only a hint: old chassis and trailers have shorter "
            "numbers and only North America demands the check digit."),
        'on_change_with_vin_hint')
    powered = fields.Function(
        fields.Boolean("Powered"),
        'on_change_with_powered', searcher='search_powered')
    model = fields.Many2One(
        'fleet.model', "Model", ondelete='RESTRICT',
        domain=[
            ('kind', '=', Eval('kind')),
            ],
        help="Fills in what the vehicle has in common with its model.")
    year = fields.Integer("Year", help="Of manufacture.")
    registered_on = fields.Date("Registered On")
    ownership = fields.Selection([
            ('own', "Own"),
            ('leased', "Leased"),
            ('rented', "Rented"),
            ('partner', "Of a Carrier"),
            ], "Ownership", required=True, sort=False,
        help="The vehicle of a carrier comes with the carrier's driver.")
    owner = fields.Many2One(
        'party.party', "Owner", ondelete='RESTRICT',
        states={
            'invisible': Eval('ownership') == 'own',
            },
        context=_company, depends={'company'})
    tank = fields.Many2One(
        'stock.location', "Tank", ondelete='RESTRICT',
        domain=[
            ('type', '=', 'storage'),
            ],
        states={
            'invisible': ~Eval('powered'),
            },
        help="The location that holds the fuel of the vehicle.")
    responsible = fields.Many2One(
        'company.employee', "Responsible", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        help="Who is warned of the vehicle's papers and services.")
    documents = fields.One2Many(
        'fleet.document', 'vehicle', "Documents",
        domain=[
            ('company', '=', Eval('company', -1)),
            ])
    current_driver = fields.Function(fields.Many2One(
            'fleet.driver', "Current Driver",
            help="Who drives by the booking or assignment of this moment."),
        'get_current_driver')
    notes = fields.Text("Notes")
    state = fields.Selection([
            ('draft', "Draft"),
            ('active', "Active"),
            ('workshop', "In Workshop"),
            ('decommissioned', "Decommissioned"),
            ('sold', "Sold"),
            ], "State", required=True, readonly=True, sort=False)
    state_string = state.translated('state')

    @classmethod
    def __setup__(cls):
        cls.number.search_unaccented = False
        cls.plate.search_unaccented = False
        super().__setup__()
        cls.fuel_product.context = {'company': Eval('company', -1)}
        cls.fuel_product.depends = {'company'}
        t = cls.__table__()
        cls._sql_constraints += [
            ('plate_unique', Unique(t, t.company, t.plate_compact),
                'fleet.msg_vehicle_plate_unique'),
            ('vin_unique', Unique(t, t.company, t.vin),
                'fleet.msg_vehicle_vin_unique'),
            ]
        cls._sql_indexes.update({
                Index(t, (t.plate, Index.Similarity())),
                Index(t, (t.kind, Index.Equality(cardinality='low')),
                    (t.state, Index.Equality(cardinality='low'))),
                })
        cls._order = [('plate', 'ASC NULLS LAST'), ('id', 'ASC')]
        cls._transitions |= {
            ('draft', 'active'),
            ('active', 'draft'),
            ('active', 'workshop'),
            ('workshop', 'active'),
            ('active', 'decommissioned'),
            ('workshop', 'decommissioned'),
            ('decommissioned', 'active'),
            ('decommissioned', 'sold'),
            }
        cls._buttons.update({
                'draft': {
                    'invisible': Eval('state') != 'active',
                    'icon': 'tryton-back',
                    'depends': ['state'],
                    },
                'activate': {
                    'invisible': ~Eval('state').in_(
                        ['draft', 'workshop', 'decommissioned']),
                    'icon': If(Eval('state') == 'draft',
                        'tryton-forward', 'tryton-undo'),
                    'depends': ['state'],
                    },
                'workshop': {
                    'invisible': Eval('state') != 'active',
                    'icon': 'tryton-settings',
                    'depends': ['state'],
                    },
                'decommission': {
                    'invisible': ~Eval('state').in_(['active', 'workshop']),
                    'icon': 'tryton-archive',
                    'depends': ['state'],
                    },
                'sell': {
                    'invisible': Eval('state') != 'decommissioned',
                    'icon': 'tryton-forward',
                    'depends': ['state'],
                    },
                })

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_ownership(cls):
        return 'own'

    @classmethod
    def default_state(cls):
        return 'draft'

    @property
    def document_kind(self):
        return 'vehicle' if self.powered else 'trailer'

    @fields.depends('kind')
    def on_change_with_powered(self, name=None):
        return self.kind not in TRAILER_KINDS

    @classmethod
    def search_powered(cls, name, clause):
        _, operator, operand = clause
        powered = bool(operand) == (operator in {'=', 'in'})
        return [('kind', 'not in' if powered else 'in', TRAILER_KINDS)]

    @fields.depends('vin')
    def on_change_with_vin_hint(self, name=None):
        vin = compact_vin(self.vin)
        if vin and not vin_error(vin):
            return vin_hint(vin)

    @fields.depends('model', *[
            n for n in SpecificationMixin.specification_fields()])
    def on_change_model(self):
        if not self.model:
            return
        for name in self.specification_fields():
            if getattr(self, name) is None:
                setattr(self, name, getattr(self.model, name))

    @classmethod
    def get_current_driver(cls, vehicles, name):
        Assignment = Pool().get('fleet.assignment')
        drivers = Assignment.current(vehicles)
        drivers.update(cls.current_bookings(vehicles, 'driver'))
        return {v.id: drivers.get(v.id) for v in vehicles}

    def get_rec_name(self, name):
        return self.plate or self.number or f'({self.id})'

    @classmethod
    def search_rec_name(cls, name, clause):
        _, operator, operand, *extra = clause
        bool_op = 'AND' if operator.startswith(('!', 'not ')) else 'OR'
        compact = operand
        if isinstance(operand, str):
            wild = '%' if operand.startswith('%') else ''
            compact = wild + (compact_plate(operand) or '') + (
                '%' if operand.endswith('%') else '')
        return [bool_op,
            ('plate', operator, operand, *extra),
            ('plate_compact', operator, compact, *extra),
            ('number', operator, operand, *extra),
            ]

    @classmethod
    def preprocess_values(cls, mode, values):
        values = super().preprocess_values(mode, values)
        if 'plate' in values:
            values['plate_compact'] = compact_plate(values['plate'])
        if 'vin' in values:
            values['vin'] = compact_vin(values['vin'])
        return values

    @classmethod
    def _before_create(cls, vlist):
        vlist = super()._before_create(vlist)
        cls.check_taken(vlist)
        return vlist

    @classmethod
    @without_check_access
    def check_taken(cls, vlist, ignore=()):
        """Name the vehicle that has a plate or VIN already.

        Said before the database, which does not name it.
        """
        default = cls.default_company()
        wanted = {
            (name, values.get('company', default), values[name]): values
            for values in vlist for name in ['plate_compact', 'vin']
            if values.get(name)}
        if not wanted:
            return
        for vehicle in cls.search([
                    ['OR', *(
                            (name, 'in', [
                                    v for n, _, v in wanted if n == name])
                            for name in ['plate_compact', 'vin'])],
                    ('active', 'in', [True, False]),
                    ('id', 'not in', [int(v) for v in ignore]),
                    ], order=[]):
            for name, shown, message, Error in [
                    ('plate_compact', 'plate',
                        'fleet.msg_vehicle_plate_taken', PlateError),
                    ('vin', 'vin', 'fleet.msg_vehicle_vin_taken', VINError)]:
                values = wanted.get(
                    (name, vehicle.company.id, getattr(vehicle, name)))
                if values:
                    raise Error(gettext(
                            message,
                            vehicle=' '.join(filter(None, [
                                        vehicle.number, vehicle.plate])),
                            **{shown: values[shown]}))

    @classmethod
    def validate_fields(cls, vehicles, field_names):
        super().validate_fields(vehicles, field_names)
        cls.check_vin(vehicles, field_names)
        cls.check_plate(vehicles, field_names)

    @classmethod
    def check_vin(cls, vehicles, field_names=None):
        if field_names and 'vin' not in field_names:
            return
        for vehicle in vehicles:
            character = vin_error(vehicle.vin or '')
            if character:
                raise VINError(gettext(
                        'fleet.msg_vehicle_vin_character',
                        vehicle=vehicle.rec_name,
                        vin=vehicle.vin,
                        character=character))
            if len(vehicle.vin or '') > VIN_LENGTH:
                raise VINError(gettext(
                        'fleet.msg_vehicle_vin_long',
                        vehicle=vehicle.rec_name,
                        vin=vehicle.vin,
                        length=len(vehicle.vin)))

    @classmethod
    def check_plate(cls, vehicles, field_names=None):
        "Vehicles in use need a plate, except dollies that carry none"
        if field_names and not (field_names & {'plate', 'state', 'kind'}):
            return
        for vehicle in vehicles:
            if (vehicle.state == 'active' and vehicle.kind != 'dolly'
                    and not vehicle.plate_compact):
                raise PlateError(gettext(
                        'fleet.msg_vehicle_plate_missing',
                        vehicle=vehicle.rec_name))

    @classmethod
    def check_modification(cls, mode, vehicles, values=None, external=False):
        super().check_modification(
            mode, vehicles, values=values, external=external)
        if mode == 'delete':
            for vehicle in vehicles:
                if vehicle.state != 'draft':
                    raise StateError(gettext(
                            'fleet.msg_vehicle_delete_draft',
                            vehicle=vehicle.rec_name))
        elif mode == 'write' and values.keys() & {'plate', 'vin'}:
            values = cls.preprocess_values('write', values.copy())
            cls.check_taken(
                [dict(values, company=v.company.id) for v in vehicles],
                ignore=vehicles)

    @dualmethod
    def lock(cls, vehicles=None):
        super().lock(vehicles)
        touch(cls, vehicles or [])

    @classmethod
    def copy(cls, vehicles, default=None):
        default = default.copy() if default else {}
        for name in ['number', 'plate', 'plate_compact', 'vin', 'tank']:
            default.setdefault(name)
        default.setdefault('documents')
        return super().copy(vehicles, default=default)

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state').in_(['decommissioned', 'sold']), 'muted',
                    If(Eval('state') == 'workshop', 'warning', ''))),
            ('/tree/field[@name="document_state"]', 'visual',
                cls.document_visual()),
            ('/tree/field[@name="occupation"]', 'visual',
                cls.occupation_visual()),
            ]

    @classmethod
    @ModelView.button
    @Workflow.transition('draft')
    def draft(cls, vehicles):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('active')
    def activate(cls, vehicles):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('workshop')
    def workshop(cls, vehicles):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('decommissioned')
    def decommission(cls, vehicles):
        cls._check_no_bookings(vehicles)

    @classmethod
    @ModelView.button
    @Workflow.transition('sold')
    def sell(cls, vehicles):
        cls.write(vehicles, {'active': False})

    @classmethod
    def order_rec_name(cls, tables):
        table, _ = tables[None]
        return [table.plate == Null, table.plate, table.number]
