# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from sql import Null
from sql.aggregate import Count, Sum
from sql.conditionals import Coalesce

from trytond.i18n import gettext
from trytond.model import (
    ChatMixin, DeactivableMixin, Index, ModelSQL, ModelView, Unique, Workflow,
    avatar_mixin, fields)
from trytond.pool import Pool
from trytond.pyson import Eval, If
from trytond.transaction import Transaction

from .booking import OccupiedMixin
from .document import DocumentedMixin
from .exceptions import StateError
from .state import ButtonStateMixin

_company = {'company': Eval('company', -1)}


class LicenceCategory(ModelSQL, ModelView):
    __name__ = 'fleet.licence.category'
    _rec_name = 'code'

    code = fields.Char("Code", required=True)
    name = fields.Char("Name", translate=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('code_unique', Unique(t, t.code),
                'fleet.msg_licence_category_unique'),
            ]
        cls._order.insert(0, ('code', 'ASC'))


class Driver(
        OccupiedMixin, DocumentedMixin, avatar_mixin(200), DeactivableMixin,
        ButtonStateMixin, ModelSQL, ModelView, ChatMixin):
    __name__ = 'fleet.driver'
    _created_in_any_state = True
    _occupied_by = 'driver'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT')
    party = fields.Many2One(
        'party.party', "Party", required=True, ondelete='RESTRICT',
        context=_company, depends={'company'},
        help="The person who drives, employed or hired.")
    employee = fields.Many2One(
        'company.employee', "Employee", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ('party', '=', Eval('party', -1)),
            ],
        help="Empty for hired drivers.")
    responsible = fields.Many2One(
        'company.employee', "Responsible", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        help="Who is warned of the driver's papers.")
    licence_categories = fields.Many2Many(
        'fleet.driver-fleet.licence.category', 'driver', 'category',
        "Licence Categories")
    experience_since = fields.Date(
        "Experience Since", help="The day of the first driving licence.")
    tachograph_card = fields.Char("Tachograph Card")
    documents = fields.One2Many(
        'fleet.document', 'driver', "Documents",
        domain=[
            ('company', '=', Eval('company', -1)),
            ])
    trips_done = fields.Function(
        fields.Integer("Done Trips"), 'get_trips')
    km_done = fields.Function(
        fields.Float("Driven km", digits=(16, 1)), 'get_trips')
    notes = fields.Text("Notes")
    state = fields.Selection([
            ('active', "Active"),
            ('suspended', "Suspended"),
            ('left', "Left"),
            ], "State", required=True, readonly=True, sort=False)
    state_string = state.translated('state')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('party_unique', Unique(t, t.company, t.party),
                'fleet.msg_driver_unique'),
            ]
        cls._sql_indexes.add(
            Index(t, (t.state, Index.Equality(cardinality='low'))))
        cls._order = [('party.name', 'ASC'), ('id', 'ASC')]
        cls._transitions |= {
            ('active', 'suspended'),
            ('suspended', 'active'),
            ('active', 'left'),
            ('suspended', 'left'),
            ('left', 'active'),
            }
        cls._buttons.update({
                'activate': {
                    'invisible': Eval('state') == 'active',
                    'icon': 'tryton-undo',
                    'depends': ['state'],
                    },
                'suspend': {
                    'invisible': Eval('state') != 'active',
                    'icon': 'tryton-cancel',
                    'depends': ['state'],
                    },
                'leave': {
                    'invisible': Eval('state') == 'left',
                    'icon': 'tryton-archive',
                    'depends': ['state'],
                    },
                })

    @property
    def document_kind(self):
        return 'driver'

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_state(cls):
        return 'active'

    @fields.depends('employee', '_parent_employee.party')
    def on_change_employee(self):
        if self.employee:
            self.party = self.employee.party

    @classmethod
    def get_trips(cls, drivers, names):
        Trip = Pool().get('fleet.trip')
        trip = Trip.__table__()
        cursor = Transaction().connection.cursor()
        result = {n: {d.id: 0 for d in drivers} for n in names}
        for column in [trip.driver, trip.second_driver]:
            cursor.execute(*trip.select(
                    column, Count(trip.id), Sum(Coalesce(trip.km, 0)),
                    where=fields.SQL_OPERATORS['in'](
                        column, list(map(int, drivers)))
                    & trip.state.in_(['done', 'closed'])
                    & (column != Null),
                    group_by=column))
            for driver, count, km in cursor:
                for name, value in [
                        ('trips_done', count), ('km_done', km)]:
                    if name in result:
                        result[name][driver] += value
        if 'km_done' in result:
            result['km_done'] = {
                d: round(km, 1) for d, km in result['km_done'].items()}
        return result

    def get_rec_name(self, name):
        return self.party.rec_name

    @classmethod
    def search_rec_name(cls, name, clause):
        return [('party.rec_name', *clause[1:])]

    @classmethod
    def check_modification(cls, mode, drivers, values=None, external=False):
        Booking = Pool().get('fleet.booking')
        super().check_modification(
            mode, drivers, values=values, external=external)
        if mode == 'delete':
            bookings = Booking.search([
                    ('driver', 'in', [d.id for d in drivers]),
                    ], limit=1)
            if bookings:
                raise StateError(gettext(
                        'fleet.msg_driver_delete_booked',
                        driver=bookings[0].driver.rec_name))

    @classmethod
    def copy(cls, drivers, default=None):
        default = default.copy() if default else {}
        for name in ['documents', 'tachograph_card', 'employee']:
            default.setdefault(name)
        return super().copy(drivers, default=default)

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state') == 'left', 'muted',
                    If(Eval('state') == 'suspended', 'warning', ''))),
            ('/tree/field[@name="document_state"]', 'visual',
                cls.document_visual()),
            ('/tree/field[@name="occupation"]', 'visual',
                cls.occupation_visual()),
            ]

    @classmethod
    @ModelView.button
    @Workflow.transition('active')
    def activate(cls, drivers):
        cls.write(drivers, {'active': True})

    @classmethod
    @ModelView.button
    @Workflow.transition('suspended')
    def suspend(cls, drivers):
        cls._check_no_bookings(drivers)

    @classmethod
    @ModelView.button
    @Workflow.transition('left')
    def leave(cls, drivers):
        cls._check_no_bookings(drivers)
        cls.write(drivers, {'active': False})


class DriverLicenceCategory(ModelSQL):
    __name__ = 'fleet.driver-fleet.licence.category'

    driver = fields.Many2One(
        'fleet.driver', "Driver", required=True, ondelete='CASCADE')
    category = fields.Many2One(
        'fleet.licence.category', "Category", required=True,
        ondelete='RESTRICT')
