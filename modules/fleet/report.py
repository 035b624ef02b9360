# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from caravan.report import Report
from trytond.modules.company import CompanyReport

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


class VehicleCard(_FleetReport):
    __name__ = 'fleet.vehicle.card'


class DriverCard(_FleetReport):
    __name__ = 'fleet.driver.card'
