# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.pool import PoolMeta


class Shortage(metaclass=PoolMeta):
    __name__ = 'stock.shortage'

    @classmethod
    def _name(cls, record):
        "Return with a variant what tells it from the others"
        name = super()._name(record)
        attributes = getattr(record, 'attributes_name', None)
        return f'{name} ({attributes})' if attributes else name


class ProductLabel(metaclass=PoolMeta):
    __name__ = 'product.product.label'

    @classmethod
    def text(cls, product):
        return ', '.join(filter(None, [
                    super().text(product), product.attributes_name]))
