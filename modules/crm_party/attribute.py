# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.model import DictSchemaMixin, ModelSQL, ModelView, fields


class Attribute(DictSchemaMixin, ModelSQL, ModelView):
    __name__ = 'crm.attribute'
    __string__ = "Customer Attribute"

    crm_kind = fields.Selection([
            (None, "Any"),
            ('person', "Person"),
            ('organisation', "Organisation"),
            ], "Kind",
        help="The kind of parties that have the attribute.")
