# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt

from sql import Column, Null

from caravan.days import day_start, to_local
from trytond.model import ModelView, fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval, If
from trytond.transaction import Transaction

from .booking import LIVE

DAYS = [
    'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday',
    'sunday']
# The later one colours a day with several bookings
_COLOURS = ['free', 'other', 'firm', 'tentative', 'service']


def _cell(string):
    return fields.Function(fields.Char(string), 'get_week')


def _colour():
    return fields.Function(fields.Selection([
                ('free', "Free"),
                ('other', "Leave or reserved"),
                ('firm', "Firm"),
                ('tentative', "Tentative"),
                ('service', "Service"),
                ], "Occupation", sort=False), 'get_week')


class WeekContext(ModelView):
    __name__ = 'fleet.week.context'

    week_of = fields.Date(
        "Week Of", required=True, help="Any day of the week to look at.")
    from_date = fields.Function(
        fields.Date("From"), 'on_change_with_from_date')
    to_date = fields.Function(fields.Date("To"), 'on_change_with_to_date')

    @classmethod
    def default_week_of(cls):
        return Pool().get('ir.date').today()

    @fields.depends('week_of')
    def on_change_with_from_date(self, name=None):
        if self.week_of:
            return self.week_of - dt.timedelta(days=self.week_of.weekday())

    @fields.depends(methods=['on_change_with_from_date'])
    def on_change_with_to_date(self, name=None):
        if start := self.on_change_with_from_date():
            return start + dt.timedelta(days=6)


class WeekMixin:
    "Vehicles and drivers with what occupies them on each day of a week"
    __slots__ = ()

    monday = _cell("Monday")
    tuesday = _cell("Tuesday")
    wednesday = _cell("Wednesday")
    thursday = _cell("Thursday")
    friday = _cell("Friday")
    saturday = _cell("Saturday")
    sunday = _cell("Sunday")
    monday_colour = _colour()
    tuesday_colour = _colour()
    wednesday_colour = _colour()
    thursday_colour = _colour()
    friday_colour = _colour()
    saturday_colour = _colour()
    sunday_colour = _colour()

    @classmethod
    def get_week(cls, records, names):
        pool = Pool()
        Company = pool.get('company.company')
        context = Transaction().context
        today = pool.get('ir.date').today()
        day = context.get('week_of') or today
        monday = day - dt.timedelta(days=day.weekday())
        days = {
            name: monday + dt.timedelta(days=index)
            for index, name in enumerate(DAYS)}
        company = context.get('company')
        company = Company(company) if (company or -1) >= 0 else None
        texts = {name: {r.id: [] for r in records} for name in DAYS}
        colours = {name: {r.id: 'free' for r in records} for name in DAYS}
        for id_, start, end, colour, text in cls._week_bookings(
                records, company, monday):
            for name, day in days.items():
                if start <= day <= end:
                    texts[name][id_].append(text)
                    colours[name][id_] = max(
                        colours[name][id_], colour, key=_COLOURS.index)
        for record in records:
            if record.state == 'active':
                continue
            for name, day in days.items():
                if day >= today:
                    texts[name][record.id].append(record.state_string)
                    colours[name][record.id] = 'service'
        result = {f'{name}_colour': colours[name] for name in DAYS}
        for name in DAYS:
            result[name] = {
                id_: ', '.join(dict.fromkeys(texts_))
                for id_, texts_ in texts[name].items()}
        return {name: result[name] for name in names}

    @classmethod
    def _week_bookings(cls, records, company, monday):
        """Yield (id, first day, last day, colour, text) of the bookings.

        Those of the seven days from monday in the time of the company.
        """
        pool = Pool()
        Booking = pool.get('fleet.booking')
        Stop = pool.get('fleet.trip.stop')
        labels = dict(Booking.fields_get(['kind'])['kind']['selection'])
        table = Booking.__table__()
        cursor = Transaction().connection.cursor()
        column = Column(table, cls._occupied_by)
        start, end = (
            day_start(company, day)
            for day in [monday, monday + dt.timedelta(days=7)])
        cursor.execute(*table.select(
                column, table.start, table.end, table.kind, table.state,
                table.origin, table.description,
                where=fields.SQL_OPERATORS['in'](
                    column, list(map(int, records)))
                & table.state.in_(LIVE)
                & (table.start < end)
                & ((table.end == Null) | (table.end > start)),
                order_by=[table.start]))
        rows = cursor.fetchall()
        trips = {
            int(origin.split(',')[1]) for *_, origin, _ in rows
            if (origin or '').startswith('fleet.trip,')}
        routes = Stop.routes('trip', pool.get('fleet.trip').browse(trips))
        as_datetime = Booking.start.sql_format
        for id_, start, end, kind, state, origin, description in rows:
            first = to_local(company, as_datetime(start)).date()
            # The end is free again
            last = to_local(
                company, as_datetime(end) - dt.timedelta(seconds=1)
                ).date() if end else dt.date.max
            text = description or labels[kind]
            if kind == 'trip' and origin:
                text = routes.get(int(origin.split(',')[1])) or text
            colour = kind if kind == 'service' else (
                'other' if kind != 'trip' else state)
            yield id_, first, last, colour, text

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            (f'/tree/field[@name="{name}"]', 'visual',
                If(Eval(f'{name}_colour') == 'free', 'success',
                    If(Eval(f'{name}_colour') == 'tentative', 'warning',
                        If(Eval(f'{name}_colour') == 'service', 'danger',
                            If(Eval(f'{name}_colour') == 'other', 'muted',
                                '')))))
            for name in DAYS]


class Vehicle(WeekMixin, metaclass=PoolMeta):
    __name__ = 'fleet.vehicle'


class Driver(WeekMixin, metaclass=PoolMeta):
    __name__ = 'fleet.driver'
