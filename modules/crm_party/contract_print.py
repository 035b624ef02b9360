# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.modules.company import CompanyReport
from trytond.report import Report


class ContractReport(CompanyReport, Report):
    __name__ = 'crm.contract'

    @classmethod
    def get_context(cls, contracts, header, data):
        context = super().get_context(contracts, header, data)
        context['label'] = cls.label
        return context

    @staticmethod
    def label(record, name):
        "Return how people call the value of a selection"
        field, = record.fields_get([name]).values()
        return dict(field['selection'])[getattr(record, name)]
