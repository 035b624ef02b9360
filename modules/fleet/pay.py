# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt
from decimal import Decimal

from sql import Null

from caravan.days import day_start
from trytond.i18n import gettext
from trytond.model import (
    Check, ModelSQL, ModelView, Unique, Workflow, fields, sequence_ordered)
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval, If
from trytond.transaction import Transaction, without_check_access

from .exceptions import PayError, PayWarning, StateError
from .state import ButtonStateMixin
from .tariff import load_quantities
from .trip import DONE

# Pay by distance or load, which article 10 of (EC) No 561/2006 speaks of
_RESTRICTED = {
    'km', 'loaded_km', 'tonne_km', 'kg', 'tonne', 'm3', 'pallet', 'trip'}
_draft = {
    'readonly': Eval('state') != 'draft',
    }


class PaySheet(ButtonStateMixin, ModelSQL, ModelView):
    __name__ = 'fleet.pay.sheet'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT',
        states=_draft)
    driver = fields.Many2One(
        'fleet.driver', "Driver", required=True, ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        states={
            'readonly': _draft['readonly'] | (
                Eval('lines', [0]) & Eval('driver')),
            })
    start = fields.Date("From", required=True, states=_draft)
    end = fields.Date(
        "To", required=True,
        domain=[('end', '>=', Eval('start', dt.date.min))], states=_draft,
        help="Trips count on the day they arrive.")
    tariff = fields.Many2One(
        'fleet.tariff', "Tariff", ondelete='RESTRICT',
        domain=[
            ('category', '=', 'driver'),
            ('company', '=', Eval('company', -1)),
            ], states=_draft,
        help="How a trip is paid. The driver's own one, else that for all.")
    lines = fields.One2Many(
        'fleet.pay.line', 'sheet', "Lines", states=_draft)
    currency = fields.Function(fields.Many2One(
            'currency.currency', "Currency"), 'on_change_with_currency')
    total = fields.Function(Monetary(
            "Total", currency='currency', digits='currency'),
        'on_change_with_total')
    state = fields.Selection([
            ('draft', "Draft"),
            ('confirmed', "Confirmed"),
            ('paid', "Paid"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('period_unique', Unique(t, t.driver, t.start),
                'fleet.msg_pay_sheet_unique'),
            ('end_after_start', Check(t, t.end >= t.start),
                'fleet.msg_pay_sheet_ends_early'),
            ]
        cls._order = [('start', 'DESC'), ('id', 'DESC')]
        cls._transitions |= {
            ('draft', 'confirmed'),
            ('confirmed', 'draft'),
            ('confirmed', 'paid'),
            }

        def button(states, icon):
            return {
                'invisible': ~Eval('state').in_(states),
                'icon': f'tryton-{icon}',
                'depends': ['state'],
                }
        cls._buttons.update({
                'compute': button(['draft'], 'refresh'),
                'draft': button(['confirmed'], 'back'),
                'confirm': button(['draft'], 'ok'),
                'pay': button(['confirmed'], 'forward'),
                })

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_start(cls):
        today = Pool().get('ir.date').today()
        return (today.replace(day=1) - dt.timedelta(days=1)).replace(day=1)

    @classmethod
    def default_end(cls):
        today = Pool().get('ir.date').today()
        return today.replace(day=1) - dt.timedelta(days=1)

    @classmethod
    def default_state(cls):
        return 'draft'

    @fields.depends('company')
    def on_change_with_currency(self, name=None):
        return self.company.currency if self.company else None

    @fields.depends('lines', 'currency')
    def on_change_with_total(self, name=None):
        total = sum((
                line.amount for line in self.lines or [] if line.amount),
            Decimal(0))
        return self.currency.round(total) if self.currency else total

    @fields.depends('driver', 'company')
    def on_change_driver(self):
        Tariff = Pool().get('fleet.tariff')
        if self.driver and self.company:
            self.tariff = Tariff.of_party(
                'driver', self.driver.party, self.company)

    def get_rec_name(self, name):
        return f'{self.driver.rec_name} {self.start} – {self.end}'

    @classmethod
    def search_rec_name(cls, name, clause):
        return [('driver.rec_name', *clause[1:])]

    @classmethod
    def check_modification(cls, mode, sheets, values=None, external=False):
        super().check_modification(
            mode, sheets, values=values, external=external)
        for sheet in sheets:
            if mode == 'delete' and sheet.state != 'draft' or (
                    external and mode == 'write' and sheet.state != 'draft'):
                raise StateError(gettext(
                        'fleet.msg_pay_sheet_kept', sheet=sheet.rec_name))
            if mode == 'write' and sheet.lines and (
                    values.get('driver', sheet.driver.id)
                    != sheet.driver.id):
                raise StateError(gettext(
                        'fleet.msg_pay_sheet_lines', sheet=sheet.rec_name))

    @classmethod
    def copy(cls, sheets, default=None):
        default = default.copy() if default else {}
        default.setdefault('lines')
        return super().copy(sheets, default=default)

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state') == 'draft', 'warning',
                    If(Eval('state') == 'paid', 'success', ''))),
            ]

    @classmethod
    @ModelView.button
    @without_check_access
    def compute(cls, sheets):
        "Bring in the trips and fines of the period that no sheet has yet"
        pool = Pool()
        Fine = pool.get('fleet.fine')
        Line = pool.get('fleet.pay.line')
        Trip = pool.get('fleet.trip')
        if not sheets:
            return
        sheets = cls.browse(sheets)
        drivers = list({s.driver.id for s in sheets})
        paid = Line.search([('driver', 'in', drivers)])
        known = {(line.driver, line.trip or line.fine) for line in paid}
        periods = [s._period() for s in sheets]
        trips = Trip.search([
                ['OR',
                    ('driver', 'in', drivers),
                    ('second_driver', 'in', drivers),
                    ],
                ('state', 'in', list(DONE)),
                ('arrival', '>=', min(first for first, _ in periods)),
                ('arrival', '<', max(after for _, after in periods)),
                ], order=[('arrival', 'ASC')])
        fines = Fine.search([
                ('driver', 'in', drivers),
                ('charged_to', '=', 'driver'),
                ('state', '=', 'confirmed'),
                ], order=[('at', 'ASC')])
        lines = []
        for sheet, (first, after) in zip(sheets, periods):
            if not sheet.tariff:
                raise PayError(gettext(
                        'fleet.msg_pay_no_tariff', sheet=sheet.rec_name))
            for trip in trips:
                if (sheet.driver in [trip.driver, trip.second_driver]
                        and first <= trip.arrival < after
                        and (sheet.driver, trip) not in known):
                    known.add((sheet.driver, trip))
                    lines.append(sheet._trip_line(trip))
            for fine in fines:
                if (fine.driver == sheet.driver and fine.at < after
                        and (sheet.driver, fine) not in known):
                    known.add((sheet.driver, fine))
                    lines.append(Line(
                            sheet=sheet, driver=sheet.driver, kind='fine',
                            fine=fine, description=fine.rec_name,
                            amount=-fine.amount))
        Line.save(lines)

    def _period(self):
        "Return the first moment of the sheet and the one after it, in UTC"
        return tuple(
            day_start(self.company, day)
            for day in [self.start, self.end + dt.timedelta(days=1)])

    def _trip_line(self, trip):
        pool = Pool()
        Currency = pool.get('currency.currency')
        Line = pool.get('fleet.pay.line')
        amount = self.tariff.compute(trip.pay_quantities())
        with Transaction().set_context(date=self.end):
            amount = Currency.compute(
                self.tariff.currency, amount or Decimal(0), self.currency)
        return Line(
            sheet=self, driver=self.driver, kind='trip', trip=trip,
            description=trip.route or trip.rec_name, amount=amount)

    @classmethod
    @ModelView.button
    @Workflow.transition('draft')
    def draft(cls, sheets):
        Cost = Pool().get('fleet.cost')
        Cost.take_back(sheets)

    @classmethod
    @ModelView.button
    @Workflow.transition('confirmed')
    def confirm(cls, sheets):
        Cost = Pool().get('fleet.cost')
        cls._warn_restricted(sheets)
        Cost.post([
                values for sheet in sheets for line in sheet.lines
                if (values := line.get_cost())])

    @classmethod
    def _warn_restricted(cls, sheets):
        "Warn of pay that may tempt a driver to drive too long or too fast"
        pool = Pool()
        Regime = pool.get('fleet.hours.regime')
        Warning = pool.get('res.user.warning')
        default = Regime.get_default()
        for sheet in sheets:
            regime = sheet.driver.hours_regime or default
            if not sheet.tariff or not (
                    regime and regime.distance_pay_restricted):
                continue
            bases = [
                r.basis_string for r in sheet.tariff.rules
                if r.basis in _RESTRICTED]
            if not bases:
                continue
            key = Warning.format('pay_restricted', [sheet])
            if Warning.check(key):
                raise PayWarning(key, gettext(
                        'fleet.msg_pay_restricted',
                        driver=sheet.driver.rec_name,
                        tariff=sheet.tariff.rec_name,
                        bases=', '.join(bases),
                        regime=regime.source or regime.rec_name))

    @classmethod
    @ModelView.button
    @Workflow.transition('paid')
    def pay(cls, sheets):
        pass


class PayLine(sequence_ordered(), ModelSQL, ModelView):
    __name__ = 'fleet.pay.line'

    sheet = fields.Many2One(
        'fleet.pay.sheet', "Sheet", required=True, ondelete='CASCADE')
    driver = fields.Many2One(
        'fleet.driver', "Driver", readonly=True, ondelete='RESTRICT')
    kind = fields.Selection([
            ('trip', "Trip"),
            ('allowance', "Per Diem"),
            ('bonus', "Bonus"),
            ('advance', "Advance"),
            ('fine', "Fine"),
            ], "Kind", required=True, sort=False)
    trip = fields.Many2One(
        'fleet.trip', "Trip", ondelete='RESTRICT',
        states={
            'required': Eval('kind') == 'trip',
            })
    fine = fields.Many2One(
        'fleet.fine', "Fine", ondelete='RESTRICT',
        states={
            'invisible': Eval('kind') != 'fine',
            })
    description = fields.Char("Description")
    currency = fields.Function(fields.Many2One(
            'currency.currency', "Currency"), 'on_change_with_currency')
    amount = Monetary(
        "Amount", currency='currency', digits='currency', required=True,
        domain=[
            If(Eval('kind').in_(['advance', 'fine']),
                ('amount', '<=', 0), ()),
            ],
        help="Below zero for what is taken off: advances and fines.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('sheet')
        t = cls.__table__()
        cls._sql_constraints += [
            ('trip_unique', Unique(t, t.driver, t.trip, t.kind),
                'fleet.msg_pay_line_trip_unique'),
            ('fine_unique', Unique(t, t.fine),
                'fleet.msg_pay_line_fine_unique'),
            ('trip_of_kind', Check(t,
                    (t.kind != 'trip') | (t.trip != Null)),
                'fleet.msg_pay_line_no_trip'),
            ]

    @classmethod
    def default_kind(cls):
        return 'allowance'

    @fields.depends('sheet', '_parent_sheet.currency')
    def on_change_with_currency(self, name=None):
        return self.sheet.currency if self.sheet else None

    @classmethod
    def _before_create(cls, vlist):
        Sheet = Pool().get('fleet.pay.sheet')
        vlist = super()._before_create(vlist)
        for values in vlist:
            values['driver'] = Sheet(values['sheet']).driver.id
        return vlist

    @classmethod
    def check_modification(cls, mode, lines, values=None, external=False):
        super().check_modification(
            mode, lines, values=values, external=external)
        for line in lines:
            if external and line.sheet.state != 'draft':
                raise StateError(gettext(
                        'fleet.msg_pay_sheet_kept',
                        sheet=line.sheet.rec_name))

    def get_cost(self):
        "Return the values of the cost, None for what is only taken off"
        category = {
            'trip': 'pay', 'bonus': 'pay', 'allowance': 'allowance',
            }.get(self.kind)
        if category:
            sheet = self.sheet
            return {
                'company': sheet.company.id,
                'date': sheet.end,
                'vehicle': self.trip.vehicle.id if self.trip else None,
                'trip': self.trip.id if self.trip else None,
                'driver': sheet.driver.id,
                'category': category,
                'description': self.description,
                'amount': self.amount,
                'origin': sheet,
                'part': self.id,
                }


class Trip(metaclass=PoolMeta):
    __name__ = 'fleet.trip'

    def pay_quantities(self):
        "Return {basis: quantity} of what a tariff may count on a done trip"
        return {
            'km': self.km,
            'loaded_km': self.loaded_km,
            'tonne_km': self.tonne_km,
            **load_quantities([c for o in self.orders for c in o.cargo]),
            'stop': len([s for s in self.stops if not s.skipped]),
            'hour': round(
                (self.arrival - self.departure) / dt.timedelta(hours=1), 2),
            'trip': 1,
            'revenue': self.revenue,
            }


class Cost(metaclass=PoolMeta):
    __name__ = 'fleet.cost'

    @classmethod
    def _get_origins(cls):
        return super()._get_origins() + ['fleet.pay.sheet']
