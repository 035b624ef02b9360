# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.model import fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval


class Vehicle(metaclass=PoolMeta):
    __name__ = 'fleet.vehicle'

    asset = fields.Many2One(
        'account.asset', "Asset", ondelete='SET NULL',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        states={
            'invisible': Eval('ownership') != 'own',
            },
        help="Its depreciation is a cost of the vehicle.")

    @classmethod
    def copy(cls, vehicles, default=None):
        default = default.copy() if default else {}
        default.setdefault('asset')
        return super().copy(vehicles, default=default)


class Asset(metaclass=PoolMeta):
    __name__ = 'account.asset'

    @classmethod
    def create_moves(cls, assets, date):
        pool = Pool()
        Cost = pool.get('fleet.cost')
        Line = pool.get('account.asset.line')
        Vehicle = pool.get('fleet.vehicle')
        super().create_moves(assets, date)
        vehicles = {
            v.asset: v for v in Vehicle.search([
                    ('asset', 'in', [int(a) for a in assets]),
                    ('active', 'in', [True, False]),
                    ])}
        Cost.post([{
                    'company': line.asset.company.id,
                    'date': line.date,
                    'vehicle': vehicles[line.asset].id,
                    'category': 'depreciation',
                    'description': line.asset.rec_name,
                    'amount': line.depreciation,
                    'origin': line,
                    } for line in Line.search([
                        ('asset', 'in', [a.id for a in vehicles]),
                        ('date', '<=', date),
                        ('move', '!=', None),
                        ])])


class Cost(metaclass=PoolMeta):
    __name__ = 'fleet.cost'

    @classmethod
    def _get_origins(cls):
        return super()._get_origins() + ['account.asset.line']
