# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from sql import Null

from caravan.days import to_local
from trytond.i18n import gettext
from trytond.model import Index, ModelSQL, ModelView, Workflow, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval, If
from trytond.transaction import Transaction, without_check_access

from .engine.identity import compact_plate
from .exceptions import IncidentError, StateError
from .state import ButtonStateMixin
from .tools import format_datetime, now

_draft = {
    'readonly': Eval('state') != 'draft',
    }


class IncidentMixin(ButtonStateMixin):
    "What happened to a vehicle at a moment: who drove it on which trip"
    __slots__ = ()
    # What costs and pay sheets tell too
    _facts = {'company', 'at', 'vehicle', 'trip', 'driver'}

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT',
        states=_draft)
    at = fields.DateTime("At", required=True, states=_draft)
    vehicle = fields.Many2One(
        'fleet.vehicle', "Vehicle", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        states={
            'readonly': _draft['readonly'],
            'required': Eval('state') != 'draft',
            })
    trip = fields.Many2One(
        'fleet.trip', "Trip", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        states=_draft)
    driver = fields.Many2One(
        'fleet.driver', "Driver", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        states=_draft)
    place = fields.Char("Place", states=_draft)
    description = fields.Text("Description", states=_draft)
    currency = fields.Function(fields.Many2One(
            'currency.currency', "Currency"), 'on_change_with_currency')

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_at(cls):
        return now()

    @classmethod
    def default_state(cls):
        return 'draft'

    @fields.depends('company')
    def on_change_with_currency(self, name=None):
        return self.company.currency if self.company else None

    @property
    def day(self):
        return to_local(self.company, self.at).date()

    @classmethod
    @without_check_access
    def find(cls, records):
        """Set the trip and the driver of the vehicle at that moment.

        A trip tells before the booking and the booking before who drives as
        a rule; what was entered stays.
        """
        pool = Pool()
        Trip = pool.get('fleet.trip')
        Assignment = pool.get('fleet.assignment')
        todo = [
            r for r in records
            if r.vehicle and r.at and not (r.trip and r.driver)]
        if not todo:
            return
        ids = list({r.vehicle.id for r in todo})
        first, last = min(r.at for r in todo), max(r.at for r in todo)
        trips = Trip.search([
                ['OR',
                    ('vehicle', 'in', ids),
                    ('trailers', 'in', ids),
                    ],
                ('state', 'in', ['dispatched', 'done', 'closed']),
                ('departure', '<=', last),
                ['OR',
                    ('arrival', '=', None),
                    ('arrival', '>=', first),
                    ],
                ], order=[('departure', 'DESC')])
        rules = Assignment.search([
                ('vehicle', 'in', ids),
                ('role', '=', 'main'),
                ('start', '<=', last),
                ], order=[('start', 'DESC')])
        for record in todo:
            trip = record.trip or next((
                    t for t in trips
                    if record.vehicle in [t.vehicle, *t.trailers]
                    and t.departure <= record.at
                    and (t.arrival is None or record.at <= t.arrival)), None)
            rule = next((
                    a for a in rules
                    if a.vehicle == record.vehicle and a.start <= record.at
                    and (a.end is None or record.at < a.end)), None)
            record.trip = trip
            if not record.driver:
                who = trip or rule
                record.driver = who.driver if who else None

    @classmethod
    def check_modification(cls, mode, records, values=None, external=False):
        super().check_modification(
            mode, records, values=values, external=external)
        kept = mode == 'delete' or (
            external and mode == 'write' and cls._facts & values.keys())
        for record in records:
            if kept and record.state != 'draft':
                raise StateError(gettext(
                        'fleet.msg_incident_kept', record=record.rec_name))


class Fine(IncidentMixin, ModelSQL, ModelView):
    __name__ = 'fleet.fine'
    _rec_name = 'number'
    _facts = IncidentMixin._facts | {'amount', 'charged_to'}

    number = fields.Char("Number", help="By the notice.", states=_draft)
    plate = fields.Char(
        "Plate", states=_draft,
        help="As the notice spells it; it finds the vehicle.")
    amount = Monetary(
        "Amount", currency='currency', digits='currency', required=True,
        domain=[('amount', '>=', 0)], states=_draft)
    charged_to = fields.Selection([
            ('company', "Company"),
            ('driver', "Driver"),
            ], "Charged To", required=True, sort=False, states=_draft,
        help="What the driver pays is taken off the next pay sheet and costs "
        "the company nothing.")
    due_on = fields.Date("Due On", states=_draft)
    state = fields.Selection([
            ('draft', "Draft"),
            ('confirmed', "Confirmed"),
            ('objected', "Objected"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_indexes.add(Index(
                t, (t.driver, Index.Equality()), (t.at, Index.Range())))
        cls._order = [('at', 'DESC'), ('id', 'DESC')]
        cls._transitions |= {
            ('draft', 'confirmed'),
            ('draft', 'objected'),
            ('confirmed', 'objected'),
            ('objected', 'draft'),
            }

        def button(states, icon):
            return {
                'invisible': ~Eval('state').in_(states),
                'icon': f'tryton-{icon}',
                'depends': ['state'],
                }
        cls._buttons.update({
                'find_driver': button(['draft'], 'search'),
                'confirm': button(['draft'], 'ok'),
                'object': button(['draft', 'confirmed'], 'cancel'),
                'draft': button(['objected'], 'undo'),
                })

    @classmethod
    def default_charged_to(cls):
        return 'company'

    @fields.depends('plate', 'company', 'vehicle')
    def on_change_plate(self):
        Vehicle = Pool().get('fleet.vehicle')
        plate = compact_plate(self.plate)
        if plate and not self.vehicle:
            vehicles = Vehicle.search([
                    ('plate_compact', '=', plate),
                    ('company', '=', self.company.id if self.company else -1),
                    ('active', 'in', [True, False]),
                    ])
            if vehicles:
                self.vehicle, = vehicles

    def get_rec_name(self, name):
        return ' '.join(filter(None, [
                    self.number, self.plate,
                    format_datetime(self.company, self.at)]))

    @classmethod
    def copy(cls, fines, default=None):
        default = default.copy() if default else {}
        default.setdefault('number')
        return super().copy(fines, default=default)

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state') == 'objected', 'muted',
                    If(Eval('state') == 'draft', 'warning', ''))),
            ]

    @classmethod
    @ModelView.button
    def find_driver(cls, fines):
        "Find vehicle, trip and driver from plate and minute"
        fines = cls.browse(fines)
        for fine in fines:
            fine.on_change_plate()
        cls.find(fines)
        cls.save(fines)

    @classmethod
    @ModelView.button
    @Workflow.transition('confirmed')
    def confirm(cls, fines):
        Cost = Pool().get('fleet.cost')
        cls.find_driver(fines)
        fines = cls.browse(fines)
        for fine in fines:
            if not fine.vehicle:
                raise IncidentError(gettext(
                        'fleet.msg_fine_no_vehicle', fine=fine.rec_name))
            if fine.charged_to == 'driver' and not fine.driver:
                raise IncidentError(gettext(
                        'fleet.msg_fine_no_driver', fine=fine.rec_name))
        Cost.post([{
                    'company': f.company.id, 'date': f.day,
                    'vehicle': f.vehicle.id,
                    'trip': f.trip.id if f.trip else None,
                    'driver': f.driver.id if f.driver else None,
                    'category': 'fine', 'description': f.number,
                    'amount': f.amount, 'origin': f,
                    } for f in fines if f.charged_to == 'company'])

    @classmethod
    @ModelView.button
    @Workflow.transition('objected')
    def object(cls, fines):
        pool = Pool()
        Cost = pool.get('fleet.cost')
        Line = pool.get('fleet.pay.line')
        Cost.take_back(fines)
        with without_check_access():
            Line.delete(Line.search([
                        ('fine', 'in', [f.id for f in fines]),
                        ('sheet.state', '=', 'draft'),
                        ]))

    @classmethod
    @ModelView.button
    @Workflow.transition('draft')
    def draft(cls, fines):
        pass


class Accident(IncidentMixin, ModelSQL, ModelView):
    __name__ = 'fleet.accident'
    _facts = IncidentMixin._facts | {'paid'}

    insurer = fields.Many2One(
        'party.party', "Insurer", ondelete='RESTRICT',
        context={
            'company': Eval('company', -1),
            },
        depends={'company'})
    claim = fields.Char("Claim Number")
    at_fault = fields.Selection([
            (None, ""),
            ('own', "Own Driver"),
            ('other', "Other Side"),
            ('shared', "Shared"),
            ], "Fault", sort=False)
    injured = fields.Boolean("Injured", help="Whether people were hurt.")
    damage = Monetary(
        "Damage", currency='currency', digits='currency', states=_draft,
        help="The estimated damage of the own vehicle.")
    paid = Monetary(
        "Paid by Insurance", currency='currency', digits='currency',
        states=_draft)
    services = fields.Many2Many(
        'fleet.accident-fleet.service', 'accident', 'service', "Services",
        domain=[
            ('vehicle', '=', Eval('vehicle', -1)),
            ])
    state = fields.Selection([
            ('draft', "Draft"),
            ('closed', "Closed"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_indexes.add(Index(
                t, (t.vehicle, Index.Equality()), where=t.vehicle != Null))
        cls._order = [('at', 'DESC'), ('id', 'DESC')]
        cls._transitions |= {('draft', 'closed'), ('closed', 'draft')}
        cls._buttons.update({
                'find_driver': {
                    'invisible': Eval('state') != 'draft',
                    'icon': 'tryton-search',
                    'depends': ['state'],
                    },
                'close': {
                    'invisible': Eval('state') != 'draft',
                    'icon': 'tryton-ok',
                    'depends': ['state'],
                    },
                'draft': {
                    'invisible': Eval('state') != 'closed',
                    'icon': 'tryton-undo',
                    'depends': ['state'],
                    },
                })

    def get_rec_name(self, name):
        return ' '.join(filter(None, [
                    self.vehicle.rec_name if self.vehicle else None,
                    format_datetime(self.company, self.at)]))

    @classmethod
    def copy(cls, accidents, default=None):
        default = default.copy() if default else {}
        default.setdefault('services')
        return super().copy(accidents, default=default)

    @classmethod
    @ModelView.button
    def find_driver(cls, accidents):
        accidents = cls.browse(accidents)
        cls.find(accidents)
        cls.save(accidents)

    @classmethod
    @ModelView.button
    @Workflow.transition('closed')
    def close(cls, accidents):
        """Enter what the insurance paid as less cost.

        What the repair costs comes from the services.
        """
        Cost = Pool().get('fleet.cost')
        cls.find_driver(accidents)
        accidents = cls.browse(accidents)
        for accident in accidents:
            if not accident.vehicle:
                raise IncidentError(gettext(
                        'fleet.msg_accident_no_vehicle',
                        accident=accident.rec_name))
        Cost.post([{
                    'company': a.company.id, 'date': a.day,
                    'vehicle': a.vehicle.id,
                    'trip': a.trip.id if a.trip else None,
                    'driver': a.driver.id if a.driver else None,
                    'category': 'accident', 'description': a.claim,
                    'amount': -a.paid, 'origin': a,
                    } for a in accidents if a.paid])

    @classmethod
    @ModelView.button
    @Workflow.transition('draft')
    def draft(cls, accidents):
        Cost = Pool().get('fleet.cost')
        Cost.take_back(accidents)


class AccidentService(ModelSQL):
    __name__ = 'fleet.accident-fleet.service'

    accident = fields.Many2One(
        'fleet.accident', "Accident", required=True, ondelete='CASCADE')
    service = fields.Many2One(
        'fleet.service', "Service", required=True, ondelete='CASCADE')


class Cost(metaclass=PoolMeta):
    __name__ = 'fleet.cost'

    @classmethod
    def _get_origins(cls):
        return super()._get_origins() + ['fleet.fine', 'fleet.accident']
