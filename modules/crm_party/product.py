# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.model import fields
from trytond.pool import PoolMeta
from trytond.pyson import Bool, Eval, If


class ContractLine(metaclass=PoolMeta):
    __name__ = 'crm.contract.line'

    product = fields.Many2One(
        'product.product', "Product", ondelete='RESTRICT',
        context={
            'company': Eval('company', -1),
            },
        depends={'company'})
    unit = fields.Many2One(
        'product.uom', "Unit", ondelete='RESTRICT',
        domain=[
            If(Eval('product_category', None),
                ('category', '=', Eval('product_category', -1)),
                ()),
            ],
        states={
            'required': Bool(Eval('product')),
            })
    product_category = fields.Function(
        fields.Many2One('product.uom.category', "Category of Unit"),
        'on_change_with_product_category')

    @fields.depends('product')
    def on_change_with_product_category(self, name=None):
        return self.product.default_uom_category if self.product else None

    @fields.depends('product', 'description', 'unit', 'unit_price')
    def on_change_product(self):
        if not self.product:
            return
        if not self.description:
            self.description = self.product.rec_name
        category = self.product.default_uom_category
        if not self.unit or self.unit.category != category:
            self.unit = self.product.default_uom
        if self.unit_price is None:
            self.unit_price = self.product.list_price_used

    def _get_copy(self):
        return {
            **super()._get_copy(), 'product': self.product,
            'unit': self.unit}
