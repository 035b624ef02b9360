# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.pool import PoolMeta


class ProductLabel(metaclass=PoolMeta):
    __name__ = 'product.product.label'

    @classmethod
    def text(cls, product):
        return ', '.join(filter(None, [
                    super().text(product), product.attributes_name]))
