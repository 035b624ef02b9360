# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from caravan.locking import touch
from trytond.model import ModelView
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval


class _DeliverNow:
    __slots__ = ()

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._buttons.update({
                'deliver_now': {
                    'invisible': ~Eval('state').in_(
                        cls._deliver_now_states()),
                    'icon': 'tryton-launch',
                    'depends': ['state'],
                    },
                })

    @classmethod
    def _deliver_now_states(cls):
        return ['draft', 'waiting', 'assigned', 'picked', 'packed', 'shipped']

    @classmethod
    def assign_now(cls, shipments):
        """Assign the shipments that are not yet, by the checks of core.

        ShortageError tells what is not on hand.
        """
        Shortage = Pool().get('stock.shortage')
        cls.lock_stock(
            m.product for s in shipments if s.state != 'done'
            for m in s.moves)
        cls.wait([s for s in shipments if s.state == 'draft'])
        waiting = [s for s in cls.browse(shipments) if s.state == 'waiting']
        Shortage.check([m for s in waiting for m in s.assign_moves])
        cls.assign_try(waiting)
        Shortage.check([
                m for s in cls.browse(waiting) for m in s.assign_moves])

    @classmethod
    def lock_stock(cls, products):
        """Let one transaction at a time take products.

        The assignation of core locks the moves that are there: it does not
        see those which another transaction has added meanwhile.
        """
        Product = Pool().get('product.product')
        ids = sorted({p.id for p in products})
        Product.lock(ids)
        touch(Product, ids)


class ShipmentInReturn(_DeliverNow, metaclass=PoolMeta):
    __name__ = 'stock.shipment.in.return'

    @classmethod
    def _deliver_now_states(cls):
        return ['draft', 'waiting', 'assigned']

    @classmethod
    @ModelView.button
    def deliver_now(cls, shipments):
        cls.assign_now(shipments)
        cls.do(cls.browse(shipments))


class ShipmentOut(_DeliverNow, metaclass=PoolMeta):
    __name__ = 'stock.shipment.out'

    @classmethod
    @ModelView.button
    def deliver_now(cls, shipments):
        cls.assign_now(shipments)
        shipments = cls.browse(shipments)
        cls.pick([
                s for s in shipments if s.state == 'assigned'
                and s.warehouse_storage != s.warehouse_output])
        cls.pack([s for s in shipments if s.state in {'assigned', 'picked'}])
        cls.do(shipments)


class ShipmentInternal(_DeliverNow, metaclass=PoolMeta):
    __name__ = 'stock.shipment.internal'

    @classmethod
    def _deliver_now_states(cls):
        return ['request', *super()._deliver_now_states()]

    @classmethod
    @ModelView.button
    def deliver_now(cls, shipments):
        cls.draft([s for s in shipments if s.state == 'request'])
        cls.assign_now(shipments)
        cls.send_now(shipments)
        cls.do(cls.browse(shipments))

    @classmethod
    def send_now(cls, shipments):
        "Send what goes by way of a transit location"
        sent = [
            s for s in cls.browse(shipments) if s.transit_location
            and s.state in {'assigned', 'packed'}]
        cls.pack([s for s in sent if s.state == 'assigned'])
        cls.ship(sent)
