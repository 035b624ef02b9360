# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.model import DeactivableMixin, ModelSQL, ModelView, fields


class ContractType(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'crm.contract.type'
    __string__ = "Contract Type"

    name = fields.Char("Name", required=True, translate=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('name', 'ASC'))
