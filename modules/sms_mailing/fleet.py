# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.pool import Pool, PoolMeta

from .rule import Source


def _driver_name(document):
    return document.driver.party.name if document.driver else None


def _vehicle_name(document):
    return document.vehicle.rec_name if document.vehicle else None


class Template(metaclass=PoolMeta):
    __name__ = 'mailing.template'

    @classmethod
    def roots(cls):
        return {
            **super().roots(),
            'fleet.document': {
                'party': ('driver.party', 'party.party'),
                'document': ('', 'fleet.document'),
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
            }


class Rule(metaclass=PoolMeta):
    __name__ = 'mailing.rule'

    @classmethod
    def sources(cls):
        return {
            **super().sources(),
            # The papers of a vehicle are watched by the fleet itself
            'fleet.document': Source(
                'driver.party', 'company', ('valid_to',), (
                    ('driver', '!=', None),
                    ('replaced_by', '=', None))),
            }


class Criterion(metaclass=PoolMeta):
    __name__ = 'mailing.segment.criterion'

    @classmethod
    def criteria(cls):
        return {
            **super().criteria(),
            'driver': ("Is a driver", None),
            }

    def _domain_driver(self):
        pool = Pool()
        driver = pool.get('fleet.driver').__table__()
        return [('id', 'in', driver.select(
                    driver.party, where=driver.state != 'left'))]
