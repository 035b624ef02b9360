# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.i18n import gettext
from trytond.model import fields
from trytond.modules.party.exceptions import EraseError
from trytond.pool import Pool, PoolMeta


class Address(metaclass=PoolMeta):
    __name__ = 'party.address'

    latitude = fields.Float(
        "Latitude", domain=['OR',
            ('latitude', '=', None),
            [('latitude', '>=', -90), ('latitude', '<=', 90)],
            ],
        help="In degrees, north is positive. "
        "Lets distances be estimated where no trip has measured them.")
    longitude = fields.Float(
        "Longitude", domain=['OR',
            ('longitude', '=', None),
            [('longitude', '>=', -180), ('longitude', '<=', 180)],
            ],
        help="In degrees, east is positive.")

    @classmethod
    def search_rec_name(cls, name, clause):
        """Search what is typed as it is shown, parts behind commas.

        "customer, town" finds the address of the customer in the town.
        """
        _, operator, operand, *extra = clause
        if not operator.endswith('like') or not isinstance(operand, str):
            return super().search_rec_name(name, clause)
        negative = operator.startswith('not ')
        domain = ['OR' if negative else 'AND']
        for part in filter(None, map(str.strip, operand.split(','))):
            domain.append(['AND' if negative else 'OR', *(
                        (field, operator, f'%{part.strip("%")}%', *extra)
                        for field in [
                            'party.rec_name', 'party_name', 'street',
                            'postal_code', 'city', 'country.code',
                            'country.rec_name'])])
        return domain


class Replace(metaclass=PoolMeta):
    __name__ = 'party.replace'

    @classmethod
    def fields_to_replace(cls):
        return super().fields_to_replace() + [
            ('fleet.vehicle', 'owner'),
            ('fleet.driver', 'party'),
            ('fleet.order', 'party'),
            ('fleet.order', 'invoice_party'),
            ('fleet.tariff', 'party'),
            ('fleet.fuel.card', 'provider'),
            ('fleet.contract', 'party'),
            ('fleet.service', 'workshop'),
            ('fleet.accident', 'insurer'),
            ('fleet.statement.profile', 'provider'),
            ]


class Erase(metaclass=PoolMeta):
    __name__ = 'party.erase'

    def check_erase_company(self, party, company):
        pool = Pool()
        Driver = pool.get('fleet.driver')
        Order = pool.get('fleet.order')
        super().check_erase_company(party, company)
        drivers = Driver.search([
                ('party', '=', party.id),
                ('company', '=', company.id),
                ('state', '!=', 'left'),
                ], limit=1)
        if drivers:
            raise EraseError(gettext(
                    'fleet.msg_erase_party_driver',
                    party=party.rec_name,
                    company=company.rec_name))
        orders = Order.search([
                ['OR',
                    ('party', '=', party.id),
                    ('invoice_party', '=', party.id),
                    ],
                ('company', '=', company.id),
                ('state', 'not in', ['invoiced', 'cancelled']),
                ], limit=1)
        if orders:
            raise EraseError(gettext(
                    'fleet.msg_erase_party_order',
                    party=party.rec_name,
                    order=orders[0].rec_name,
                    company=company.rec_name))
