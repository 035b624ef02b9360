# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from collections import defaultdict

from trytond.i18n import gettext
from trytond.model import fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Bool, Eval

from .label import LabelReport


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


class ScanLine(metaclass=PoolMeta):
    __name__ = 'stock.scan.line'

    lot = fields.Many2One(
        'stock.lot', "Lot", ondelete='RESTRICT',
        domain=[('product', '=', Eval('product', -1))],
        states={
            'readonly': Bool(Eval('done')),
            })

    @classmethod
    def _find_lots(cls, founds):
        Lot = Pool().get('stock.lot')
        super()._find_lots(founds)
        numbers = {
            n for f in founds for n in [f.code.lot, *f.code.names] if n}
        lots = defaultdict(list)
        for lot in Lot.search([('number', 'in', list(numbers))]):
            lots[lot.number].append(lot)
        for found in founds:
            found.lots = [
                l for n in [found.code.lot, *found.code.names]
                for l in lots.get(n, [])]
            found.lot = cls._choose_lot(found)
            if found.lot and not found.product:
                found.product = found.lot.product

    @classmethod
    def _choose_lot(cls, found):
        candidates = {
            l for l in found.lots
            if not found.product or (
                found.code.lot and l.product == found.product)}
        # A number that is that of several products names none
        return candidates.pop() if len(candidates) == 1 else None

    def set_found(self, found):
        self.lot = found.lot
        super().set_found(found)
        if found.product and found.code.lot and not found.lot:
            self.problem = gettext(
                'stock_ext.msg_scan_lot', lot=found.code.lot,
                product=found.product.rec_name)

    @classmethod
    def from_row(cls, number, row, found, session):
        line = super().from_row(number, row, found, session)
        if row.get('lot') and line.product:
            line.lot = next((
                    l for l in found[row['lot']].lots
                    if l.product == line.product), None)
            if not line.lot:
                line.problem = gettext(
                    'stock_ext.msg_scan_lot', lot=row['lot'],
                    product=line.product.rec_name)
        return line


class LotLabel(LabelReport):
    __name__ = 'stock.lot.label'

    @classmethod
    def title(cls, lot):
        return lot.product.name

    @classmethod
    def code(cls, lot):
        return lot.number

    @classmethod
    def qr(cls, lot):
        "Return GS1 elements that name the product too where it has a GTIN"
        identifier = lot.product.identifier_get({'ean'})
        if not identifier:
            return lot.number
        return f'(01){identifier.code.zfill(14)}(10){lot.number}'

    @classmethod
    def text(cls, lot):
        return ' '.join(filter(None, [lot.product.code, lot.number]))
