# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.i18n import gettext
from trytond.model import fields
from trytond.pool import PoolMeta
from trytond.pyson import Eval


class Move(metaclass=PoolMeta):
    __name__ = 'stock.move'

    def draw_up_problems(self):
        yield from super().draw_up_problems()
        lot = getattr(self, 'lot', None)
        if lot and self.product and lot.product != self.product:
            yield gettext('stock_ext.msg_draw_up_lot',
                lot=lot.rec_name, lot_product=lot.product.rec_name,
                product=self.product.rec_name)


class Shortage(metaclass=PoolMeta):
    __name__ = 'stock.shortage'

    @classmethod
    def grouping(cls):
        return super().grouping() + ('lot',)


class _DrawUpLot:
    __slots__ = ()

    lot = fields.Many2One(
        'stock.lot', "Lot", ondelete='RESTRICT',
        domain=[('product', '=', Eval('product', -1))])

    @fields.depends('product', 'lot')
    def on_change_product(self):
        super().on_change_product()
        if self.lot and self.lot.product != self.product:
            self.lot = None


class DrawUpStart(_DrawUpLot, metaclass=PoolMeta):
    __name__ = 'stock.movement.draw_up.start'


class DrawUpLine(_DrawUpLot, metaclass=PoolMeta):
    __name__ = 'stock.movement.draw_up.line'

    @classmethod
    def stock_fields(cls):
        return super().stock_fields() + ['lot']


class _CrossingLot:
    __slots__ = ()

    lot = fields.Many2One('stock.lot', "Lot", ondelete='RESTRICT')

    @classmethod
    def _keys(cls):
        return super()._keys() + ['lot']


class Turnover(_CrossingLot, metaclass=PoolMeta):
    __name__ = 'stock.turnover'


class Card(_CrossingLot, metaclass=PoolMeta):
    __name__ = 'stock.card'
