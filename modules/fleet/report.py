# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from caravan.report import Report
from trytond.i18n import gettext
from trytond.modules.company import CompanyReport
from trytond.pool import Pool

from .cmr import carried
from .tools import format_datetime

TEXT = 'urn:oasis:names:tc:opendocument:xmlns:text:1.0'


class _FleetReport(Report, CompanyReport):

    @classmethod
    def get_context(cls, records, header, data):
        context = super().get_context(records, header, data)
        context['local'] = cls.local
        context['number'] = cls.number
        context['newline'] = '\n'
        context['title_style'] = cls.title_style
        return context

    @classmethod
    def title_style(cls, index):
        "Return the attributes of a title: each record starts a page"
        return {
            f'{{{TEXT}}}style-name': 'newtitle' if index else 'title',
            }

    @classmethod
    def local(cls, record, at):
        "Return a UTC time in the time zone of the company, or nothing"
        return format_datetime(record.company, at) if at else ''

    @classmethod
    def number(cls, value, unit=''):
        "Return a quantity without the zeros behind its point"
        if value is None:
            return ''
        if value == int(value):
            value = int(value)
        return ' '.join(filter(None, [cls.format_number(value, None), unit]))


class TripSheet(_FleetReport):
    __name__ = 'fleet.trip.sheet'


class CargoList(_FleetReport):
    __name__ = 'fleet.trip.cargo_list'


class TransportNote(_FleetReport):
    __name__ = 'fleet.trip.note'

    @classmethod
    def get_context(cls, trips, header, data):
        CMR = Pool().get('fleet.trip.cmr', type='report')
        context = super().get_context(trips, header, data)
        orders = carried(trips, data)
        context['notes'] = lambda: [
            (trip, order, CMR.contents(trip, order))
            for trip, order in orders]
        context['nature'] = CMR.nature
        context['wanted'] = cls.wanted
        context['drivers'] = cls.drivers
        return context

    @classmethod
    def wanted(cls, order):
        "Return the lines of until when the customer wants the cargo"
        return [cls.local(order, order.deliver_by)] if order.deliver_by else []

    @classmethod
    def drivers(cls, trip):
        return [d.rec_name for d in trip.drivers]


class FuelNormCalculation(_FleetReport):
    __name__ = 'fleet.trip.fuel_norm'

    @classmethod
    def get_context(cls, trips, header, data):
        context = super().get_context(trips, header, data)
        context['term_name'] = cls.term_name
        return context

    @classmethod
    def term_name(cls, name):
        "Return what a part of the norm is for"
        return gettext(f'fleet.msg_fuel_term_{name}')


class VehicleCard(_FleetReport):
    __name__ = 'fleet.vehicle.card'


class DriverCard(_FleetReport):
    __name__ = 'fleet.driver.card'
