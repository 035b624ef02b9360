# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from sql import Asc, Column, Null, NullsFirst
from sql.aggregate import Sum

from trytond.i18n import gettext
from trytond.model import (
    ChatMixin, Check, Index, ModelSQL, ModelView, Unique, Workflow, fields,
    sequence_ordered)
from trytond.modules.company.model import (
    employee_field, reset_employee, set_employee)
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Bool, Eval, If
from trytond.transaction import Transaction

from .configuration import NumberedMixin
from .engine.identity import container_is_valid, un_number
from .exceptions import ContainerError, StateError, UNNumberError
from .state import ButtonStateMixin
from .tools import now

_OPEN = ['draft', 'quoted', 'confirmed', 'in_transit']
_states = {
    'readonly': Eval('state') != 'draft',
    }
# What the invoice says too
_INVOICED = {'company', 'party', 'invoice_party', 'currency', 'amount'}


class Order(
        NumberedMixin, ButtonStateMixin, ModelSQL, ModelView, ChatMixin):
    __name__ = 'fleet.order'
    _rec_name = 'number'
    _number_sequence = 'order_sequence'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT',
        states={
            'readonly': _states['readonly'] | Eval('party', True),
            })
    number = fields.Char("Number", readonly=True)
    external_ref = fields.Char(
        "External Reference", readonly=True,
        help="The key of the order in the file it was loaded from.")
    reference = fields.Char(
        "Reference", help="The customer's own number of the order.")
    party = fields.Many2One(
        'party.party', "Customer", required=True, ondelete='RESTRICT',
        states=_states,
        context={
            'company': Eval('company', -1),
            },
        depends={'company'},
        help="Who has the cargo carried.")
    contact = fields.Many2One(
        'party.contact_mechanism', "Contact", ondelete='RESTRICT',
        context={
            'company': Eval('company', -1),
            },
        search_context={
            'related_party': Eval('party'),
            },
        depends={'company', 'party'})
    invoice_party = fields.Many2One(
        'party.party', "Invoice Party", ondelete='RESTRICT', states=_states,
        context={
            'company': Eval('company', -1),
            },
        depends={'company'},
        help="Who pays, if it is not the customer.")
    order_date = fields.Date("Order Date", states=_states)
    pickup_at = fields.DateTime(
        "Pick-up At", states=_states,
        help="When the customer wants the cargo taken over.")
    deliver_by = fields.DateTime(
        "Deliver By", states=_states,
        domain=['OR',
            ('deliver_by', '=', None),
            ('pickup_at', '=', None),
            ('deliver_by', '>=', Eval('pickup_at')),
            ],
        help="When the customer wants the cargo at the latest.")
    stops = fields.One2Many(
        'fleet.order.stop', 'order', "Stops", states={
            'readonly': ~Eval('state').in_(['draft', 'quoted', 'confirmed']),
            })
    cargo = fields.One2Many(
        'fleet.cargo', 'order', "Cargo", states={
            'readonly': ~Eval('state').in_(['draft', 'quoted', 'confirmed']),
            })
    km = fields.Float(
        "km", digits=(16, 1), states=_states,
        help="The loaded distance the price is made for.")
    gross_kg = fields.Function(
        fields.Float("Gross Weight", digits=(16, 1)), 'get_cargo_totals')
    volume_m3 = fields.Function(
        fields.Float("Volume", digits=(16, 2)), 'get_cargo_totals')
    pallets = fields.Function(
        fields.Integer("Pallets"), 'get_cargo_totals')
    route = fields.Function(fields.Char(
            "Route", help="The first and the last stop."), 'get_route')
    currency = fields.Many2One(
        'currency.currency', "Currency", required=True, ondelete='RESTRICT',
        states=_states)
    amount = Monetary(
        "Price", currency='currency', digits='currency',
        states={
            'readonly': Eval('state').in_(['invoiced', 'cancelled']),
            },
        help="What the customer pays for the carriage, without taxes.")
    carriage_payment = fields.Selection([
            (None, ""),
            ('paid', "Carriage paid"),
            ('forward', "Carriage forward"),
            ], "Payment of Carriage", sort=False,
        help="Whether the sender or the consignee pays, as the consignment "
        "note says.")
    carriage_payment_string = carriage_payment.translated('carriage_payment')
    cash_on_delivery = Monetary(
        "Cash on Delivery", currency='currency', digits='currency',
        help="What the driver collects from the consignee.")
    attached_documents = fields.Text(
        "Attached Documents", help="The papers that travel with the cargo.")
    instructions = fields.Text(
        "Instructions",
        help="Of the sender, for customs and other formalities.")
    trips = fields.Many2Many(
        'fleet.trip-fleet.order', 'order', 'trip', "Trips", readonly=True)
    late = fields.Function(fields.Boolean(
            "Late", help="Not delivered in the time the customer wants."),
        'get_late', searcher='search_late')
    delivered_at = fields.DateTime("Delivered At", readonly=True)
    notes = fields.Text("Notes")
    quoted_by = employee_field(
        "Quoted By", states=[
            'quoted', 'confirmed', 'in_transit', 'delivered', 'invoiced'])
    confirmed_by = employee_field(
        "Confirmed By", states=[
            'confirmed', 'in_transit', 'delivered', 'invoiced'])
    state = fields.Selection([
            ('draft', "Draft"),
            ('quoted', "Quoted"),
            ('confirmed', "Confirmed"),
            ('in_transit', "In Transit"),
            ('delivered', "Delivered"),
            ('invoiced', "Invoiced"),
            ('cancelled', "Cancelled"),
            ], "State", required=True, readonly=True, sort=False)
    state_string = state.translated('state')

    @classmethod
    def __setup__(cls):
        cls.number.search_unaccented = False
        cls.reference.search_unaccented = False
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('external_ref_unique', Unique(t, t.company, t.external_ref),
                'fleet.msg_order_external_unique'),
            ]
        cls._sql_indexes.update({
                Index(t, (t.party, Index.Equality())),
                Index(t, (t.reference, Index.Similarity())),
                Index(t, (t.deliver_by, Index.Range())),
                Index(
                    t, (t.state, Index.Equality(cardinality='low')),
                    where=t.state.in_(_OPEN)),
                })
        cls._order = [('order_date', 'DESC NULLS FIRST'), ('id', 'DESC')]
        cls._transitions |= {
            ('draft', 'quoted'),
            ('draft', 'confirmed'),
            ('quoted', 'draft'),
            ('quoted', 'confirmed'),
            ('confirmed', 'draft'),
            ('confirmed', 'in_transit'),
            ('in_transit', 'confirmed'),
            ('confirmed', 'delivered'),
            ('in_transit', 'delivered'),
            ('delivered', 'in_transit'),
            ('delivered', 'invoiced'),
            ('invoiced', 'delivered'),
            ('draft', 'cancelled'),
            ('quoted', 'cancelled'),
            ('confirmed', 'cancelled'),
            ('cancelled', 'draft'),
            }
        cls._setup_buttons()

    @classmethod
    def _setup_buttons(cls):
        cls._buttons.update({
                'cancel': {
                    'invisible': ~Eval('state').in_(
                        ['draft', 'quoted', 'confirmed']),
                    'icon': 'tryton-cancel',
                    'depends': ['state'],
                    },
                'draft': {
                    'invisible': ~Eval('state').in_(
                        ['quoted', 'confirmed', 'cancelled']),
                    'icon': If(Eval('state') == 'cancelled',
                        'tryton-undo', 'tryton-back'),
                    'depends': ['state'],
                    },
                'quote': {
                    'invisible': Eval('state') != 'draft',
                    'icon': 'tryton-forward',
                    'depends': ['state'],
                    },
                'confirm': {
                    'invisible': ~Eval('state').in_(['draft', 'quoted']),
                    'icon': 'tryton-forward',
                    'depends': ['state'],
                    },
                'deliver': {
                    'invisible': ~Eval('state').in_(
                        ['confirmed', 'in_transit']),
                    'icon': 'tryton-ok',
                    'depends': ['state'],
                    },
                'plan_trip': {
                    'invisible': Eval('state') != 'confirmed',
                    'icon': 'tryton-launch',
                    'depends': ['state'],
                    },
                })

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_order_date(cls):
        return Pool().get('ir.date').today()

    @classmethod
    def default_currency(cls):
        Company = Pool().get('company.company')
        company = cls.default_company()
        if company is not None and company >= 0:
            return Company(company).currency.id

    @classmethod
    def default_state(cls):
        return 'draft'

    @classmethod
    def get_cargo_totals(cls, orders, names):
        Cargo = Pool().get('fleet.cargo')
        table = Cargo.__table__()
        cursor = Transaction().connection.cursor()
        result = {n: {o.id: None for o in orders} for n in names}
        cursor.execute(*table.select(
                table.order, Sum(table.gross_kg), Sum(table.volume_m3),
                Sum(table.pallets),
                where=fields.SQL_OPERATORS['in'](
                    table.order, list(map(int, orders))),
                group_by=table.order))
        for order, *totals in cursor:
            for name, value, digits in zip(
                    ['gross_kg', 'volume_m3', 'pallets'], totals, [1, 2, 0]):
                if name in result and value is not None:
                    result[name][order] = (
                        round(value, digits) if digits else int(value))
        return result

    @classmethod
    def get_route(cls, orders, name):
        Stop = Pool().get('fleet.order.stop')
        return Stop.routes('order', orders)

    @classmethod
    def get_late(cls, orders, name):
        late = {o.id for o in cls.search([
                    ('id', 'in', [o.id for o in orders]),
                    ('late', '=', True),
                    ])}
        return {o.id: o.id in late for o in orders}

    @classmethod
    def search_late(cls, name, clause):
        _, operator, operand = clause
        table = cls.__table__()
        late = table.select(table.id, where=(
                ((table.delivered_at != Null)
                    & (table.delivered_at > table.deliver_by))
                | ((table.delivered_at == Null)
                    & (table.deliver_by < now())
                    & table.state.in_(_OPEN))))
        yes = bool(operand) == (operator in {'=', 'in'})
        return [('id', 'in' if yes else 'not in', late)]

    @property
    def international(self):
        "Whether the cargo is known to cross a border"
        countries = {
            s.address.country for s in self.stops if s.address.country}
        return len(countries) > 1

    @property
    def payer(self):
        "The party that gets the invoice"
        return self.invoice_party or self.party

    @classmethod
    def search_rec_name(cls, name, clause):
        _, operator, operand, *extra = clause
        bool_op = 'AND' if operator.startswith(('!', 'not ')) else 'OR'
        return [bool_op,
            ('number', operator, operand, *extra),
            ('reference', operator, operand, *extra),
            ]

    def get_rec_name(self, name):
        items = [self.number or f'({self.id})']
        if self.reference:
            items.append(f'[{self.reference}]')
        return ' '.join(items)

    @classmethod
    def check_modification(cls, mode, orders, values=None, external=False):
        super().check_modification(
            mode, orders, values=values, external=external)
        kept = external and mode == 'write' and _INVOICED & values.keys()
        for order in orders:
            if mode == 'delete' and order.state not in {'draft', 'cancelled'}:
                raise StateError(gettext(
                        'fleet.msg_order_delete_cancel',
                        order=order.rec_name))
            if kept and order.state == 'invoiced':
                raise StateError(gettext(
                        'fleet.msg_order_invoiced', order=order.rec_name))

    @classmethod
    def copy(cls, orders, default=None):
        default = default.copy() if default else {}
        for name in [
                'number', 'external_ref', 'reference', 'trips', 'quoted_by',
                'confirmed_by', 'delivered_at']:
            default.setdefault(name)
        return super().copy(orders, default=default)

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state') == 'cancelled', 'muted',
                    If(Eval('late', False), 'danger',
                        If(Eval('state').in_(['delivered', 'invoiced']),
                            'success',
                            If(Eval('state') == 'in_transit', 'warning',
                                ''))))),
            ]

    @classmethod
    @ModelView.button
    @Workflow.transition('cancelled')
    def cancel(cls, orders):
        cls._check_no_trips(orders)

    @classmethod
    @ModelView.button
    @Workflow.transition('draft')
    @reset_employee('quoted_by', 'confirmed_by')
    def draft(cls, orders):
        cls._check_no_trips(orders)

    @classmethod
    def _check_no_trips(cls, orders):
        for order in orders:
            for trip in order.trips:
                if trip.state not in {'draft', 'cancelled'}:
                    raise StateError(gettext(
                            'fleet.msg_order_on_trip',
                            order=order.rec_name,
                            trip=trip.rec_name))

    @classmethod
    @ModelView.button
    @Workflow.transition('quoted')
    @set_employee('quoted_by')
    def quote(cls, orders):
        cls.check_stops(orders)

    @classmethod
    @ModelView.button
    @Workflow.transition('confirmed')
    @set_employee('confirmed_by')
    def confirm(cls, orders):
        cls.check_stops(orders)

    @classmethod
    def check_stops(cls, orders):
        "A carriage has a place of loading and one of unloading"
        for order in orders:
            if {'load', 'unload'} - {s.kind for s in order.stops}:
                raise StateError(gettext(
                        'fleet.msg_order_stops', order=order.rec_name))

    @classmethod
    @Workflow.transition('in_transit')
    def carry(cls, orders):
        pass

    @classmethod
    @Workflow.transition('confirmed')
    def wait(cls, orders):
        "Put orders back whose trip does not run"

    @classmethod
    @Workflow.transition('in_transit')
    def undeliver(cls, orders):
        cls.write(orders, {'delivered_at': None})

    @classmethod
    @ModelView.button
    @Workflow.transition('delivered')
    def deliver(cls, orders):
        cls.write(
            [o for o in orders if not o.delivered_at],
            {'delivered_at': now()})

    @classmethod
    @ModelView.button_action('fleet.wizard_order_plan')
    def plan_trip(cls, orders):
        pass


STOP_KINDS = [
    ('load', "Load"),
    ('unload', "Unload"),
    ]


class StopMixin(sequence_ordered()):
    "A place on the way of an order or a trip"
    __slots__ = ()

    address = fields.Many2One(
        'party.address', "Address", ondelete='RESTRICT')
    window_from = fields.DateTime(
        "From", help="Not before this time.")
    window_to = fields.DateTime(
        "To", domain=['OR',
            ('window_to', '=', None),
            ('window_from', '=', None),
            ('window_to', '>=', Eval('window_from')),
            ], help="Not after this time.")

    @property
    def place(self):
        "A short name of the place"
        address = self.address
        if not address:
            return self.kind_string
        return ', '.join(filter(None, [
                    address.party_name or address.party.name,
                    address.city]))

    @classmethod
    def routes(cls, parent, records):
        """Return "first place - last place" by id of record.

        parent: name of the field to the records
        """
        Address = Pool().get('party.address')
        stop, address = cls.__table__(), Address.__table__()
        owner = Column(stop, parent)
        cursor = Transaction().connection.cursor()
        cursor.execute(*stop
            .join(address, condition=stop.address == address.id)
            .select(
                owner, address.city, address.id,
                where=fields.SQL_OPERATORS['in'](
                    owner, [r.id for r in records]),
                order_by=[
                    owner, NullsFirst(Asc(stop.sequence)), stop.id]))
        ends = {}
        for id_, city, place in cursor:
            first, _ = ends.get(id_, ((city, place), None))
            ends[id_] = first, (city, place)
        nameless = list({
                place for places in ends.values() for city, place in places
                if not city})
        names = {a.id: a.rec_name for a in Address.browse(nameless)}
        result = dict.fromkeys([r.id for r in records], '')
        for id_, places in ends.items():
            result[id_] = ' → '.join(dict.fromkeys(
                    city or names[place] for city, place in places))
        return result


class OrderStop(StopMixin, ModelSQL, ModelView):
    __name__ = 'fleet.order.stop'

    order = fields.Many2One(
        'fleet.order', "Order", required=True, ondelete='CASCADE')
    kind = fields.Selection(STOP_KINDS, "Kind", required=True, sort=False)
    kind_string = kind.translated('kind')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('order')
        cls.address.required = True

    @property
    def cargo(self):
        "The cargo that is loaded or unloaded here"
        same = [s for s in self.order.stops if s.kind == self.kind]
        usual = same[0] if self.kind == 'load' else same[-1]
        name = f'{self.kind}_stop'
        return [
            c for c in self.order.cargo
            if (getattr(c, name) or usual) == self]

    @property
    def gross_kg(self):
        return sum(c.gross_kg or 0 for c in self.cargo)

    def get_rec_name(self, name):
        return f'{self.kind_string}: {self.place}'


class Cargo(ModelSQL, ModelView):
    __name__ = 'fleet.cargo'
    _rec_name = 'description'

    order = fields.Many2One(
        'fleet.order', "Order", required=True, ondelete='CASCADE')
    description = fields.Char(
        "Nature of the Goods", required=True,
        help="As it is printed on the consignment note.")
    packages = fields.Integer("Packages", domain=['OR',
            ('packages', '=', None),
            ('packages', '>=', 0),
            ])
    packing = fields.Char("Method of Packing")
    marks = fields.Char("Marks and Numbers")
    gross_kg = fields.Float(
        "Gross Weight", digits=(16, 1), domain=['OR',
            ('gross_kg', '=', None),
            ('gross_kg', '>=', 0),
            ], help="In kilograms.")
    volume_m3 = fields.Float(
        "Volume", digits=(16, 2), domain=['OR',
            ('volume_m3', '=', None),
            ('volume_m3', '>=', 0),
            ], help="In cubic metres.")
    pallets = fields.Integer("Pallets", domain=['OR',
            ('pallets', '=', None),
            ('pallets', '>=', 0),
            ])
    statistical_number = fields.Char("Statistical Number")
    un_number = fields.Char(
        "UN Number", size=4, states={
            'required': Bool(Eval('adr_class')),
            },
        help="Of dangerous goods by ADR, four digits.")
    adr_class = fields.Char("ADR Class", size=5)
    packing_group = fields.Selection([
            (None, ""),
            ('I', "I"),
            ('II', "II"),
            ('III', "III"),
            ], "Packing Group", sort=False)
    container = fields.Char(
        "Container", help="Four letters and seven digits by ISO 6346.")
    temperature_from = fields.Float("Temperature From", digits=(4, 1))
    temperature_to = fields.Float(
        "Temperature To", digits=(4, 1), domain=['OR',
            ('temperature_to', '=', None),
            ('temperature_from', '=', None),
            ('temperature_to', '>=', Eval('temperature_from', 0)),
            ], help="In degrees Celsius.")
    load_stop = fields.Many2One(
        'fleet.order.stop', "Loaded At", ondelete='RESTRICT',
        domain=[
            ('order', '=', Eval('order', -1)),
            ('kind', '=', 'load'),
            ],
        help="Empty for the first place of loading.")
    unload_stop = fields.Many2One(
        'fleet.order.stop', "Unloaded At", ondelete='RESTRICT',
        domain=[
            ('order', '=', Eval('order', -1)),
            ('kind', '=', 'unload'),
            ],
        help="Empty for the last place of unloading.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('order')
        t = cls.__table__()
        cls._sql_constraints += [
            ('un_number_digits',
                Check(t, (t.un_number == Null)
                    | (t.un_number.like('____'))),
                'fleet.msg_cargo_un_number'),
            ]

    def place(self, kind):
        """Return the name of the place of loading or unloading.

        kind: 'load' or 'unload'
        """
        stop = getattr(self, f'{kind}_stop')
        if not stop:
            stops = [s for s in self.order.stops if s.kind == kind]
            stop = stops[0 if kind == 'load' else -1] if stops else None
        return stop.place if stop else ''

    @classmethod
    def preprocess_values(cls, mode, values):
        values = super().preprocess_values(mode, values)
        if 'un_number' in values:
            try:
                values['un_number'] = un_number(values['un_number'])
            except ValueError as error:
                raise UNNumberError(gettext(
                        'fleet.msg_cargo_un_number_digits',
                        number=values['un_number'])) from error
        if values.get('container'):
            values['container'] = ''.join(
                values['container'].upper().split()).replace('-', '')
        return values

    @classmethod
    def validate_fields(cls, cargo, field_names):
        super().validate_fields(cargo, field_names)
        cls.check_container(cargo, field_names)

    @classmethod
    def check_container(cls, cargo, field_names=None):
        if field_names and 'container' not in field_names:
            return
        for line in cargo:
            if line.container and not container_is_valid(line.container):
                raise ContainerError(gettext(
                        'fleet.msg_cargo_container',
                        cargo=line.rec_name,
                        order=line.order.rec_name,
                        container=line.container))
