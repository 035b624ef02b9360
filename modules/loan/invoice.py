# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Fees with tax are invoiced where account_invoice is active."""
from collections import defaultdict

from trytond.model import fields
from trytond.modules.product import round_price
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval
from trytond.transaction import Transaction, without_check_access


class Product(metaclass=PoolMeta):
    __name__ = 'loan.product'

    fee_product = fields.Many2One(
        'product.product', "Fees Invoiced As", ondelete='RESTRICT',
        domain=[
            ('type', '=', 'service'),
            ],
        states={
            'invisible': Eval('side') != 'lent',
            },
        help="Fees charged on a running loan are invoiced with the taxes of "
        "this service.\nLeave empty to book them without tax.")


class Charge(metaclass=PoolMeta):
    __name__ = 'loan.charge'

    invoice_lines = fields.One2Many(
        'account.invoice.line', 'origin', "Invoice Lines", readonly=True,
        help="The fee is paid with its invoice, not with the loan.")

    @property
    def invoiced_as(self):
        "The service that the charge is invoiced as, if it is"
        product = self.loan.product
        if self.type == 'fee' and product.side == 'lent':
            return product.fee_product


class Loan(metaclass=PoolMeta):
    __name__ = 'loan.loan'

    @classmethod
    def charge(cls, charges, together=False):
        Charge = Pool().get('loan.charge')
        invoiced = [c for c in charges if c.invoiced_as]
        if invoiced:
            cls.lock([c.loan for c in invoiced])
            Charge.save(invoiced)
            with without_check_access():
                cls._invoice_charges(invoiced)
        return super().charge(
            [c for c in charges if c not in invoiced], together)

    @classmethod
    def _invoice_charges(cls, charges):
        "Post an invoice for the charges of each loan and date"
        Invoice = Pool().get('account.invoice')
        grouped = defaultdict(list)
        for charge in charges:
            grouped[charge.loan, charge.date].append(charge)
        invoices = []
        for (loan, date), group in grouped.items():
            invoice = loan._fee_invoice(date)
            invoice.lines = [
                loan._fee_invoice_line(invoice, charge) for charge in group]
            invoices.append(invoice)
        Invoice.save(invoices)
        Invoice.update_taxes(invoices)
        Invoice.post(invoices)

    def _fee_invoice(self, date):
        pool = Pool()
        Invoice = pool.get('account.invoice')
        LoanTransaction = pool.get('loan.transaction')
        invoice = Invoice(
            company=self.company, type='out', party=self.party,
            currency=self.currency, reference=self.number,
            invoice_date=LoanTransaction.open_date(self.company, date))
        invoice.set_journal()
        invoice.on_change_party()
        return invoice

    def _fee_invoice_line(self, invoice, charge):
        pool = Pool()
        Line = pool.get('account.invoice.line')
        Product = pool.get('product.product')
        with Transaction().set_context(company=self.company.id):
            product = Product(charge.invoiced_as.id)
        line = Line(
            invoice=invoice, company=self.company, type='line',
            party=invoice.party, currency=self.currency, invoice_type='out',
            product=product, origin=charge)
        line.on_change_product()
        line.quantity = 1
        line.unit_price = round_price(charge.amount)
        line.description = charge.description
        return line


class InvoiceLine(metaclass=PoolMeta):
    __name__ = 'account.invoice.line'

    @classmethod
    def _get_origin(cls):
        return super()._get_origin() + ['loan.charge']
