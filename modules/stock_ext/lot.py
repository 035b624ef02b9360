# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from collections import defaultdict

from trytond.i18n import gettext
from trytond.model import fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Bool, Eval
from trytond.tools import grouped_slice

from .label import LabelReport
from .scan_line import SLICE


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

    new_lot = fields.Char(
        "New Lot",
        states={
            'readonly': Bool(Eval('done')),
            'invisible': Bool(Eval('lot')),
            },
        help="The number of a lot that is not there yet: "
        "it is made when the goods are received.")

    @classmethod
    def _find_lots(cls, founds):
        Lot = Pool().get('stock.lot')
        super()._find_lots(founds)
        numbers = {n for f in founds for n in cls._lot_numbers(f) if n}
        lots = defaultdict(list)
        for lot in Lot.search([('number', 'in', list(numbers))]):
            lots[lot.number].append(lot)
        for found in founds:
            found.lots = [
                l for n in cls._lot_numbers(found) for l in lots.get(n, [])]
            found.lot = cls._choose_lot(found)
            if found.lot and not found.product:
                found.product = found.lot.product

    @classmethod
    def _lot_numbers(cls, found):
        return [found.code.lot, found.code.serial, *found.code.names]

    @classmethod
    def _choose_lot(cls, found):
        lots = list(dict.fromkeys(found.lots))
        if found.product:
            # The lot comes before the serial number
            return next((
                    l for l in lots
                    if found.code.lot and l.product == found.product), None)
        if found.code.lot and len(found.code.names) > 1:
            # The lot of a GTIN is not that of any other product
            lots = [l for l in lots if l.product in found.candidates]
        # A number that is that of several products names none
        return lots[0] if len(lots) == 1 else None

    def set_found(self, found, action):
        self.lot = found.lot
        super().set_found(found, action)
        if found.product and found.code.lot and not found.lot:
            self._set_new_lot(found.code.lot, action)

    def _set_new_lot(self, number, action):
        "Keep the number of a lot that is not there, if goods come in"
        if action == 'receive':
            self.new_lot = number
        else:
            self.problem = gettext(
                'stock_ext.msg_scan_lot', lot=number,
                product=self.product.rec_name)

    @classmethod
    def from_row(cls, number, row, found, session):
        line = super().from_row(number, row, found, session)
        if row.get('lot') and line.product:
            line.lot = next((
                    l for l in found[row['lot']].lots
                    if l.product == line.product), None)
            if not line.lot:
                line._set_new_lot(row['lot'], session.profile.action)
        return line

    @classmethod
    def prepare(cls, lines):
        "Make the new lots, each once"
        Lot = Pool().get('stock.lot')
        super().prepare(lines)
        lines = [l for l in lines if l.new_lot and not l.lot]
        lots = {
            (l.product, l.number): l for l in Lot.search([
                    ('number', 'in', [l.new_lot for l in lines]),
                    ('product', 'in', [l.product.id for l in lines]),
                    ])}
        new = {}
        for line in lines:
            key = line.product, line.new_lot
            if key not in lots and key not in new:
                new[key] = Lot(product=line.product, number=line.new_lot)
        Lot.save(list(new.values()))
        lots |= new
        for line in lines:
            line.lot = lots[line.product, line.new_lot]
            line.new_lot = None
        for part in grouped_slice(lines, SLICE):
            cls.save(list(part))


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
