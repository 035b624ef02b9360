# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Wizards of money: pay out and receive."""
from trytond.model import ModelView, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Eval
from trytond.transaction import check_access
from trytond.wizard import Button, StateTransition, StateView, Wizard


class MoneyStart(ModelView):
    __slots__ = ()

    loan = fields.Many2One('loan.loan', "Loan", readonly=True)
    company = fields.Many2One('company.company', "Company", readonly=True)
    currency = fields.Many2One(
        'currency.currency', "Currency", readonly=True)
    date = fields.Date("Date", required=True)
    amount = Monetary(
        "Amount", currency='currency', digits='currency', required=True,
        domain=[('amount', '>', 0)])
    method = fields.Many2One(
        'loan.payment.method', "Payment Method", required=True,
        domain=[('company', '=', Eval('company', -1))])
    key = fields.Char(
        "Reference",
        help="The reference of the bank: the same one is booked once.")


class MoneyWizard(Wizard):
    "Base of the wizards that work on one loan"

    def check_loan(self):
        "Return the loan, once the user may read it"
        with check_access():
            return self.model(self.record.id)

    def defaults(self):
        pool = Pool()
        Method = pool.get('loan.payment.method')
        loan = self.check_loan()
        methods = Method.search(
            [('company', '=', loan.company.id)], limit=2)
        return {
            'loan': loan.id,
            'company': loan.company.id,
            'currency': loan.currency.id,
            'date': pool.get('ir.date').today(),
            'method': methods[0].id if len(methods) == 1 else None,
            }


class DisburseStart(MoneyStart):
    __name__ = 'loan.disburse.start'

    fee = Monetary(
        "Fee Kept Back", currency='currency', digits='currency',
        readonly=True)
    interest = Monetary(
        "Interest Kept Back", currency='currency', digits='currency',
        readonly=True)
    net = fields.Function(Monetary(
            "Paid Out", currency='currency', digits='currency'),
        'on_change_with_net')

    @fields.depends('loan', 'amount', 'date')
    def on_change_amount(self):
        if not (self.loan and self.date and (self.amount or 0) > 0):
            return
        self.fee = self.loan.payout_fee(self.amount)
        if (self.loan.state == 'approved'
                and self.loan.first_period == 'upfront'):
            self.interest = self.loan.compute_schedule(
                self.amount, self.date).upfront

    @fields.depends(methods=['on_change_amount'])
    def on_change_date(self):
        self.on_change_amount()

    @fields.depends('amount', 'fee', 'interest')
    def on_change_with_net(self, name=None):
        if self.amount is not None:
            return self.amount - (self.fee or 0) - (self.interest or 0)


class Disburse(MoneyWizard):
    __name__ = 'loan.disburse'

    start = StateView(
        'loan.disburse.start', 'loan.disburse_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Pay Out", 'pay', 'tryton-ok', default=True),
            ])
    pay = StateTransition()

    def default_start(self, fields):
        loan = self.check_loan()
        amount = loan.amount_planned - loan.amount_disbursed
        values = {
            **self.defaults(), 'amount': amount,
            'fee': loan.payout_fee(amount)}
        if loan.state == 'approved':
            values['date'] = loan.disbursement_date
            values['interest'] = loan.schedule.upfront_interest
        return values

    def transition_pay(self):
        loan = self.check_loan()
        self.model.pay_out(
            loan, self.start.date, self.start.amount, self.start.method,
            key=self.start.key or None)
        return 'end'

    def end(self):
        return 'reload'


class RepayStart(MoneyStart):
    __name__ = 'loan.repay.start'

    due = Monetary(
        "Due", currency='currency', digits='currency', readonly=True,
        help="What has fallen due until today and is open.")
    next_amount = Monetary(
        "Next Amount", currency='currency', digits='currency', readonly=True)
    next_date = fields.Date("Next Payment", readonly=True)


class Repay(MoneyWizard):
    __name__ = 'loan.repay'

    start = StateView(
        'loan.repay.start', 'loan.repay_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Book", 'pay', 'tryton-ok', default=True),
            ])
    pay = StateTransition()

    def default_start(self, fields):
        loan = self.check_loan()
        values = self.defaults()
        due, following = loan.amount_due, loan.next_amount
        if loan.index_currency:
            due = loan.money_due(values['date'])
            following = following and loan.indexed(following, values['date'])
        return {
            **values,
            'due': due,
            'next_amount': following,
            'next_date': loan.next_due_date,
            'amount': due or following,
            }

    def transition_pay(self):
        loan = self.check_loan()
        self.model.receive(
            loan, self.start.date, self.start.amount, self.start.method,
            key=self.start.key or None)
        return 'end'

    def end(self):
        return 'reload'
