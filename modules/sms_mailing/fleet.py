# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt

from sql import Null

from trytond.pool import Pool, PoolMeta

from .rule import Source

_ORDERED = ['confirmed', 'in_transit', 'delivered', 'invoiced']


def _driver_name(document):
    return document.driver.party.name if document.driver else None


def _vehicle_name(document):
    return document.vehicle.rec_name if document.vehicle else None


class Document(metaclass=PoolMeta):
    __name__ = 'fleet.document'

    @property
    def mailing_party(self):
        "The driver, or who is in charge of the vehicle"
        if self.driver:
            return self.driver.party
        employee = self.responsible or self.vehicle.responsible
        return employee.party if employee else None


class Template(metaclass=PoolMeta):
    __name__ = 'mailing.template'

    @classmethod
    def roots(cls):
        return {
            **super().roots(),
            'fleet.document': {
                'party': ('mailing_party', 'party.party'),
                'document': ('', 'fleet.document'),
                },
            'fleet.driver': {
                'party': ('party', 'party.party'),
                'driver': ('', 'fleet.driver'),
                },
            'fleet.order': {
                'party': ('party', 'party.party'),
                'order': ('', 'fleet.order'),
                },
            'fleet.vehicle': {
                'party': ('current_driver.party', 'party.party'),
                'vehicle': ('', 'fleet.vehicle'),
                },
            }

    @classmethod
    def vocabulary(cls):
        return {
            **super().vocabulary(),
            'fleet.document': {
                'driver': _driver_name,
                'number': 'number',
                'type': 'type.name',
                'valid_to': 'valid_to',
                'vehicle': _vehicle_name,
                },
            'fleet.driver': {
                'tachograph_card': 'tachograph_card',
                },
            'fleet.order': {
                'date': 'order_date',
                'deliver_by': 'deliver_by',
                'delivered_at': 'delivered_at',
                'number': 'number',
                'pickup_at': 'pickup_at',
                'reference': 'reference',
                'route': 'route',
                'state': 'state',
                },
            'fleet.vehicle': {
                'number': 'number',
                'plate': 'plate',
                },
            }


class Rule(metaclass=PoolMeta):
    __name__ = 'mailing.rule'

    @classmethod
    def sources(cls):
        return {
            **super().sources(),
            'fleet.document': Source(
                'mailing_party', 'company', ('valid_to',),
                (('replaced_by', '=', None),)),
            'fleet.order': Source('party', 'company', ('order_date',)),
            }


class Criterion(metaclass=PoolMeta):
    __name__ = 'mailing.segment.criterion'

    @classmethod
    def criteria(cls):
        return {
            **super().criteria(),
            'driver': ("Is a driver", None),
            'vehicle_driver': ("Is the driver of a vehicle", None),
            'vehicle_owner': ("Owns a vehicle that drives for us", None),
            'transport': ("Ordered transport within", 'days'),
            }

    def _domain_driver(self):
        driver = Pool().get('fleet.driver').__table__()
        return [('id', 'in', driver.select(
                    driver.party,
                    where=(driver.state != 'left')
                    & (driver.company == self._company)))]

    def _domain_vehicle_driver(self):
        pool = Pool()
        assignment = pool.get('fleet.assignment').__table__()
        driver = pool.get('fleet.driver').__table__()
        now = dt.datetime.now()
        return [('id', 'in', assignment
                .join(driver, condition=assignment.driver == driver.id)
                .select(
                    driver.party,
                    where=(assignment.company == self._company)
                    & (assignment.start <= now)
                    & ((assignment.end == Null) | (assignment.end > now))))]

    def _domain_vehicle_owner(self):
        vehicle = Pool().get('fleet.vehicle').__table__()
        return [('id', 'in', vehicle.select(
                    vehicle.owner,
                    where=(vehicle.company == self._company)
                    & (vehicle.ownership != 'own')
                    & (vehicle.owner != Null)
                    & vehicle.state.in_(['active', 'workshop'])))]

    def _domain_transport(self):
        pool = Pool()
        order = pool.get('fleet.order').__table__()
        since = pool.get('ir.date').today() - dt.timedelta(days=self.days)
        return [('id', 'in', order.select(
                    order.party,
                    where=(order.company == self._company)
                    & order.state.in_(_ORDERED)
                    & (order.order_date >= since)))]
