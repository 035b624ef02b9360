# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt

from caravan.days import day_start
from trytond.i18n import gettext
from trytond.model import ModelView, fields
from trytond.pool import Pool
from trytond.transaction import Transaction, check_access
from trytond.wizard import (
    Button, StateReport, StateTransition, StateView, Wizard)

from .exceptions import PrintError


class TripPrintDayStart(ModelView):
    __name__ = 'fleet.trip.print_day.start'

    company = fields.Many2One(
        'company.company', "Company", required=True)
    date = fields.Date(
        "Date", required=True, help="Of the departure of the trips.")
    sheets = fields.Boolean("Trip Sheets")
    cmrs = fields.Boolean(
        "CMR Consignment Notes", help="Of orders that cross a border.")
    copies = fields.Integer(
        "Copies", domain=['OR',
            ('copies', '=', None),
            ('copies', '>', 0),
            ],
        help="How many copies of each CMR consignment note, from the first "
        "on. Empty for all.")
    notes = fields.Boolean(
        "Transport Notes", help="Of orders that stay in a country.")
    cargo_lists = fields.Boolean("Cargo Lists")
    trips = fields.Function(fields.Many2Many(
            'fleet.trip', None, None, "Trips",
            help="Those planned, under way or done."),
        'on_change_with_trips')

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_date(cls):
        return Pool().get('ir.date').today()

    @classmethod
    def default_sheets(cls):
        return True

    @classmethod
    def default_cmrs(cls):
        return True

    @classmethod
    def default_notes(cls):
        return True

    @classmethod
    def default_cargo_lists(cls):
        return False

    @fields.depends('company', 'date')
    def on_change_with_trips(self, name=None):
        Trip = Pool().get('fleet.trip')
        if not self.company or not self.date:
            return []
        start, end = (
            day_start(self.company, day)
            for day in [self.date, self.date + dt.timedelta(days=1)])
        with check_access():
            return Trip.search([
                    ('company', '=', self.company.id),
                    ('state', 'in', ['planned', 'dispatched', 'done']),
                    ('planned_departure', '>=', start),
                    ('planned_departure', '<', end),
                    ], order=[('planned_departure', 'ASC'), ('id', 'ASC')])


class TripPrintDay(Wizard):
    __name__ = 'fleet.trip.print_day'

    start = StateView(
        'fleet.trip.print_day.start',
        'fleet.trip_print_day_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Print", 'print_', 'tryton-print', default=True),
            ])
    print_ = StateTransition()
    sheets = StateReport('fleet.trip.sheet')
    cmrs = StateReport('fleet.trip.cmr')
    notes = StateReport('fleet.trip.note')
    cargo_lists = StateReport('fleet.trip.cargo_list')

    @property
    def trips(self):
        return self.start.on_change_with_trips()

    def _orders(self, international):
        return [
            o.id for t in self.trips for o in t.orders
            if o.international == international]

    def _next(self, after=None):
        "Return the state that prints what comes after another"
        wanted = {
            'sheets': self.start.sheets,
            'cmrs': self.start.cmrs and self._orders(True),
            'notes': self.start.notes and self._orders(False),
            'cargo_lists': self.start.cargo_lists,
            }
        names = list(wanted)
        names = names[names.index(after) + 1 if after else 0:]
        return next((n for n in names if wanted[n]), 'end')

    def _data(self, **data):
        ids = [t.id for t in self.trips]
        return dict(data, id=ids[0], ids=ids, model='fleet.trip')

    def transition_print_(self):
        if not self.trips:
            raise PrintError(gettext(
                    'fleet.msg_print_day_nothing',
                    date=Pool().get('ir.lang').get().strftime(
                        self.start.date)))
        return self._next()

    def do_sheets(self, action):
        return action, self._data()

    def transition_sheets(self):
        return self._next('sheets')

    def do_cmrs(self, action):
        data = self._data(orders=self._orders(True))
        if self.start.copies:
            data['copies'] = list(range(1, self.start.copies + 1))
        return action, data

    def transition_cmrs(self):
        return self._next('cmrs')

    def do_notes(self, action):
        return action, self._data(orders=self._orders(False))

    def transition_notes(self):
        return self._next('notes')

    def do_cargo_lists(self, action):
        return action, self._data()
