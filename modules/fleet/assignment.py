# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from sql import Null

from trytond.model import Check, ModelSQL, ModelView, fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Bool, Eval
from trytond.sql.functions import TSRange
from trytond.transaction import Transaction

from .overlap import NoOverlap, NoOverlapMixin, Rising
from .tools import now

_period = [
    'OR',
    ('end', '=', None),
    ('end', '>', Eval('start')),
    ]


class Assignment(NoOverlapMixin, ModelSQL, ModelView):
    __name__ = 'fleet.assignment'

    _no_overlap = [
        NoOverlap(
            'main_overlap', 'vehicle', 'start', 'end', TSRange,
            'fleet.msg_assignment_overlap',
            'fleet.msg_assignment_overlap_other', ('role', ('main',))),
        ]
    _rising = [
        Rising('vehicle', 'start', 'end', 'fleet.msg_assignment_ends_early'),
        ]

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT')
    vehicle = fields.Many2One(
        'fleet.vehicle', "Vehicle", required=True, ondelete='CASCADE',
        domain=[
            ('company', '=', Eval('company', -1)),
            ])
    driver = fields.Many2One(
        'fleet.driver', "Driver", required=True, ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ])
    role = fields.Selection([
            ('main', "Main Driver"),
            ('second', "Second Driver"),
            ], "Role", required=True, sort=False,
        help="A vehicle has one main driver at a time.")
    start = fields.DateTime("Start", required=True)
    end = fields.DateTime(
        "End", domain=_period, help="Empty until further notice.")
    notes = fields.Char("Notes")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('end_after_start', Check(t, (t.end == Null) | (t.end > t.start)),
                'fleet.msg_assignment_zero_length'),
            ]
        cls._order = [('start', 'DESC'), ('id', 'DESC')]

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_role(cls):
        return 'main'

    @classmethod
    def default_start(cls):
        return now()

    def get_rec_name(self, name):
        return f'{self.vehicle.rec_name}: {self.driver.rec_name}'

    @classmethod
    def current(cls, vehicles):
        "Return the id of the main driver of this moment by id of vehicle"
        table = cls.__table__()
        cursor = Transaction().connection.cursor()
        when = now()
        cursor.execute(*table.select(
                table.vehicle, table.driver,
                where=fields.SQL_OPERATORS['in'](
                    table.vehicle, list(map(int, vehicles)))
                & (table.role == 'main')
                & (table.start <= when)
                & ((table.end == Null) | (table.end > when))))
        return dict(cursor)


class Coupling(NoOverlapMixin, ModelSQL, ModelView):
    __name__ = 'fleet.vehicle.coupling'

    _no_overlap = [
        NoOverlap(
            'trailer_overlap', 'trailer', 'start', 'end', TSRange,
            'fleet.msg_coupling_overlap', 'fleet.msg_coupling_overlap_other'),
        ]
    _rising = [
        Rising('trailer', 'start', 'end', 'fleet.msg_coupling_ends_early'),
        ]

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT')
    tractor = fields.Many2One(
        'fleet.vehicle', "Tractor", required=True, ondelete='CASCADE',
        domain=[
            ('company', '=', Eval('company', -1)),
            ('kind', 'in', ['tractor', 'truck', 'van', 'car', 'special']),
            ],
        help="The vehicle that draws.")
    trailer = fields.Many2One(
        'fleet.vehicle', "Trailer", required=True, ondelete='CASCADE',
        domain=[
            ('company', '=', Eval('company', -1)),
            ('powered', '=', False),
            ])
    start = fields.DateTime("Coupled", required=True)
    end = fields.DateTime(
        "Uncoupled", domain=_period, help="Empty while it is coupled.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('end_after_start', Check(t, (t.end == Null) | (t.end > t.start)),
                'fleet.msg_coupling_zero_length'),
            ]
        cls._order = [('start', 'DESC'), ('id', 'DESC')]
        cls._buttons.update({
                'uncouple': {
                    'invisible': Bool(Eval('end')),
                    'icon': 'tryton-cancel',
                    'depends': ['end'],
                    },
                })

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_start(cls):
        return now()

    def get_rec_name(self, name):
        return f'{self.tractor.rec_name} + {self.trailer.rec_name}'

    @classmethod
    def _overlap_name(cls, record):
        return record.tractor.rec_name

    @classmethod
    @ModelView.button
    def uncouple(cls, couplings):
        cls.write([c for c in couplings if not c.end], {'end': now()})

    @classmethod
    def coupled(cls, tractors, when):
        """Return the lists of trailers by tractor at a moment.

        tractors: list of vehicles
        when: UTC datetime
        """
        trailers = {}
        for coupling in cls.search([
                    ('tractor', 'in', [t.id for t in tractors]),
                    ('start', '<=', when),
                    ['OR',
                        ('end', '=', None),
                        ('end', '>', when),
                        ],
                    ], order=[('start', 'ASC'), ('id', 'ASC')]):
            trailers.setdefault(coupling.tractor, []).append(
                coupling.trailer)
        return trailers


class Vehicle(metaclass=PoolMeta):
    __name__ = 'fleet.vehicle'

    coupled_to = fields.Function(fields.Many2One(
            'fleet.vehicle', "Coupled To",
            help="The tractor that draws the trailer at this moment, or the "
            "first trailer of the tractor."), 'get_coupled_to')

    @classmethod
    def get_coupled_to(cls, vehicles, name):
        Coupling = Pool().get('fleet.vehicle.coupling')
        table = Coupling.__table__()
        cursor = Transaction().connection.cursor()
        when = now()
        ids = list(map(int, vehicles))
        result = dict.fromkeys(ids)
        cursor.execute(*table.select(
                table.tractor, table.trailer,
                where=(fields.SQL_OPERATORS['in'](table.tractor, ids)
                    | fields.SQL_OPERATORS['in'](table.trailer, ids))
                & (table.start <= when)
                & ((table.end == Null) | (table.end > when)),
                order_by=[table.start, table.id]))
        for tractor, trailer in cursor:
            for one, other in [(tractor, trailer), (trailer, tractor)]:
                if one in result and result[one] is None:
                    result[one] = other
        return result
