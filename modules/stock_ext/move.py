# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.pool import Pool, PoolMeta

_WHAT_IS_APPROVED = {
    'product', 'quantity', 'unit', 'from_location', 'to_location', 'shipment'}


class Move(metaclass=PoolMeta):
    __name__ = 'stock.move'

    @classmethod
    def check_modification(cls, mode, moves, values=None, external=False):
        Shipment = Pool().get('stock.shipment.internal')
        super().check_modification(
            mode, moves, values=values, external=external)
        if external and (
                mode != 'write' or _WHAT_IS_APPROVED & values.keys()):
            Shipment.check_not_approved([
                    m.shipment for m in moves
                    if isinstance(m.shipment, Shipment)])
