# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.model import ModelSQL, ModelView, fields
from trytond.pyson import Eval


class CustomerAbstract(ModelSQL, ModelView):
    "What is told of a customer of a company, with who looks after him"

    company = fields.Many2One('company.company', "Company")
    party = fields.Many2One(
        'party.party', "Party",
        context={
            'company': Eval('company', -1),
            },
        depends={'company'})
    manager = fields.Many2One('company.employee', "Manager")
    branch = fields.Many2One('crm.branch', "Branch")
