# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What is printed of a loan at once, as its product says."""
from collections import defaultdict
from functools import cached_property

from trytond.i18n import gettext
from trytond.model import ModelSQL, fields
from trytond.pool import Pool
from trytond.transaction import check_access
from trytond.wizard import StateAction, Wizard

from .exceptions import DocumentError


class ProductDocument(ModelSQL):
    __name__ = 'loan.product-ir.action.report'

    product = fields.Many2One(
        'loan.product', "Product", required=True, ondelete='CASCADE')
    report = fields.Many2One(
        'ir.action.report', "Report", required=True, ondelete='CASCADE')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('product')


class PrintDocuments(Wizard):
    __name__ = 'loan.print_documents'
    start_state = 'print_'
    print_ = StateAction('loan.report_contract')

    def do_print_(self, action):
        document, ids = self._left.pop()
        return document.action.get_action_value(), {
            'id': ids[0],
            'ids': ids,
            'model': self.model.__name__,
            }

    def transition_print_(self):
        return 'print_' if self._left else 'end'

    @cached_property
    def _left(self):
        """The documents with the loans to print.

        The last one is taken first, as each action comes before those that it
        leads to.
        """
        with check_access():
            loans = self.model.browse([r.id for r in self.records])
            self.model.read([l.id for l in loans], ['id'])
        documents = defaultdict(list)
        for loan in loans:
            chosen = [
                d for d in loan.product.documents if self._says(d, loan)]
            if not chosen:
                raise DocumentError(gettext(
                        'loan.msg_product_documents', loan=loan.rec_name,
                        product=loan.product.rec_name))
            for document in chosen:
                documents[document].append(loan.id)
        return list(documents.items())

    @classmethod
    def _says(cls, document, loan):
        "Whether document, maybe one of others, says something of loan"
        Report = Pool().get(document.report_name, type='report')
        applies_to = getattr(Report, 'applies_to', None)
        return not applies_to or applies_to(loan)
