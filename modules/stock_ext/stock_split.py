# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.pool import Pool, PoolMeta
from trytond.transaction import Transaction


class Session(metaclass=PoolMeta):
    __name__ = 'stock.scan.session'

    def _keep_rest(self, rest):
        "Plan what was not picked in a shipment of its own"
        pool = Pool()
        Move = pool.get('stock.move')
        Uom = pool.get('product.uom')
        super()._keep_rest(rest)
        # The document that moves come from plans them again
        quantities = {
            move.id: Uom.compute_qty(
                move.product.default_uom, quantity, move.unit)
            for move, quantity in rest.items() if not move.origin}
        Shipment = self.shipment.__class__
        if not quantities or self.profile.action != 'pick' or (
                Shipment.__name__ not in {
                    'stock.shipment.internal', 'stock.shipment.in.return'}):
            return
        shipment, = Shipment.copy([self.shipment], default={
                'reference': lambda data: data['reference'],
                'moves': None,
                })
        with Transaction().set_context(_stock_move_split=True):
            Move.copy(Move.browse(list(quantities)), default={
                    'quantity': lambda data: quantities[data['id']],
                    'shipment': str(shipment),
                    })
