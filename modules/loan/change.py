# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Wizards that change a running loan; each shows before it writes."""
from decimal import Decimal

from trytond.i18n import gettext
from trytond.model import ModelView, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Eval
from trytond.wizard import Button, StateAction, StateTransition, StateView

from . import engine
from .pay import MoneyStart, MoneyWizard
from .terms import RATE_DIGITS


def _money(string, help='', **kwargs):
    return Monetary(
        string, currency='currency', digits='currency', help=help, **kwargs)


class LoanWizard(MoneyWizard):
    "Base of the wizards that ask, write and reload"

    def defaults(self):
        loan = self.check_loan()
        return {
            'loan': loan.id,
            'company': loan.company.id,
            'currency': loan.currency.id,
            'date': Pool().get('ir.date').today(),
            }

    def default_start(self, fields):
        return self.defaults()

    def end(self):
        return 'reload'


class LoanStart(ModelView):
    __slots__ = ()

    loan = fields.Many2One('loan.loan', "Loan", readonly=True)
    company = fields.Many2One('company.company', "Company", readonly=True)
    currency = fields.Many2One(
        'currency.currency', "Currency", readonly=True)
    date = fields.Date("Date", required=True)
    reason = fields.Char("Reason")


class EarlyRepayStart(MoneyStart):
    __name__ = 'loan.early_repay.start'

    due = _money("Due", "What has fallen due and is paid first.",
        readonly=True)
    pay_off = _money(
        "Pays the Loan Off",
        "What ends the loan on the date.", readonly=True)
    per_day = fields.Numeric(
        "Each Day Later", digits=(16, 4), readonly=True)

    @fields.depends('loan', 'date')
    def on_change_date(self):
        if self.loan and self.date:
            quote = self.loan.pay_off_quote(self.date)
            self.due, self.pay_off = quote.due, quote.total
            self.per_day = round(quote.per_day, 4)


_CHOICES = [
    ('term', "Fewer instalments"),
    ('instalment', "Smaller instalments"),
    ('next', "Next instalments eaten"),
    ('pay_off', "Pay off"),
    ]


class EarlyRepayOutcome(ModelView):
    __name__ = 'loan.early_repay.outcome'

    strategy = fields.Selection(
        [('now', "As it is"), *_CHOICES], "Outcome", readonly=True,
        sort=False)
    currency = fields.Many2One(
        'currency.currency', "Currency", readonly=True)
    instalment = _money(
        "Instalment", "The first one after the payment.", readonly=True)
    number = fields.Integer(
        "Instalments", readonly=True, help="How many are still to come.")
    last_due = fields.Date("Last Due", readonly=True)
    interest = _money("Interest to Come", readonly=True)
    saved = _money("Interest Saved", readonly=True)
    apr = fields.Numeric(
        "Effective Rate", digits=(16, 4), readonly=True,
        help="The annual percentage rate of all that was and will be paid.")


class EarlyRepayChoose(ModelView):
    __name__ = 'loan.early_repay.choose'

    outcomes = fields.One2Many(
        'loan.early_repay.outcome', None, "Outcomes", readonly=True)
    strategy = fields.Selection(
        _CHOICES, "Choose", required=True, sort=False)


class EarlyRepay(LoanWizard):
    __name__ = 'loan.early_repay'

    start = StateView(
        'loan.early_repay.start', 'loan.early_repay_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Compare", 'choose', 'tryton-forward', default=True),
            ])
    choose = StateView(
        'loan.early_repay.choose', 'loan.early_repay_choose_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Back", 'start', 'tryton-back'),
            Button("Book", 'pay', 'tryton-ok', default=True),
            ])
    pay = StateTransition()

    def default_start(self, fields):
        if getattr(self.start, 'date', None):
            return self.start._default_values
        loan = self.check_loan()
        values = MoneyWizard.defaults(self)
        quote = loan.pay_off_quote(values['date'])
        return {
            **values,
            'due': quote.due,
            'pay_off': quote.total,
            'per_day': round(quote.per_day, 4),
            }

    def default_choose(self, fields):
        loan = self.check_loan()
        date, amount = self.start.date, self.start.amount
        loan.check_amount(amount)
        loan.check_date(date)
        now = self._now(loan, date)
        quote = loan.pay_off_quote(date)
        if amount >= quote.total:
            strategy = 'pay_off'
            outcomes = [now, {
                    'strategy': 'pay_off',
                    'last_due': date,
                    'number': 0,
                    'interest': quote.interest,
                    'saved': now['interest'] - quote.interest,
                    }]
        else:
            strategy = loan.early_strategy
            outcomes = [now, *(
                    {name: getattr(outcome, name) for name in now}
                    for outcome in loan.early_outcomes(date, amount))]
        for outcome in outcomes:
            outcome['currency'] = loan.currency.id
            if outcome.get('apr') is not None:
                outcome['apr'] = round(outcome['apr'], 4)
        return {'strategy': strategy, 'outcomes': outcomes}

    def _now(self, loan, date):
        "Return the outcome of paying nothing early"
        rows = loan.rows_to_come(date)
        return {
            'strategy': 'now',
            'instalment': rows[0].amount if rows else None,
            'number': len(rows),
            'last_due': rows[-1].due if rows else loan.maturity_date,
            'interest': sum((r.interest for r in rows), Decimal(0)),
            'saved': Decimal(0),
            'apr': loan.apr,
            }

    def transition_pay(self):
        loan = self.check_loan()
        strategy = self.choose.strategy
        self.model.pay_early(
            loan, self.start.date, self.start.amount,
            None if strategy == 'pay_off' else strategy, self.start.method,
            self.start.key or None)
        return 'end'


class RescheduleStart(LoanStart):
    __name__ = 'loan.reschedule.start'

    first_due = fields.Date(
        "Next Due Date",
        help="The later instalments follow it.\n"
        "Leave empty to keep the dates.")
    extra = fields.Integer(
        "Instalments More", domain=[('extra', '>=', -120)],
        help="What is left is spread over so many instalments more, or "
        "fewer when negative.")
    interval = fields.Integer(
        "Every",
        domain=['OR', ('interval', '=', None), ('interval', '>=', 1)],
        help="The new interval between two instalments.\n"
        "Leave empty to keep it.")
    frequency = fields.Selection(
        [(None, ""), *engine.FREQUENCIES.items()], "Frequency", sort=False,
        help="The new unit of time between two instalments.\n"
        "Leave empty to keep it.")
    grace = fields.Integer(
        "Without Principal", domain=[('grace', '>=', 0)],
        help="So many of the next instalments are interest only.")
    reage = fields.Boolean(
        "Re-age What Is Overdue",
        help="The principal that is overdue becomes part of the plan again; "
        "overdue interest and charges stay due.")

    @classmethod
    def default_extra(cls):
        return 0

    @classmethod
    def default_grace(cls):
        return 0


class ReschedulePreview(ModelView):
    __name__ = 'loan.reschedule.preview'

    lines = fields.One2Many(
        'loan.compare.line', None, "Before and After", readonly=True)


class Reschedule(LoanWizard):
    __name__ = 'loan.reschedule'

    start = StateView(
        'loan.reschedule.start', 'loan.reschedule_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Compare", 'preview', 'tryton-forward', default=True),
            ])
    preview = StateView(
        'loan.reschedule.preview', 'loan.reschedule_preview_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Back", 'start', 'tryton-back'),
            Button("Reschedule", 'change', 'tryton-ok', default=True),
            ])
    change = StateTransition()

    def _changes(self):
        return {
            'first_due': self.start.first_due,
            'extra': self.start.extra or 0,
            'grace': self.start.grace or 0,
            'reage': self.start.reage,
            'frequency': self.start.frequency,
            'interval': self.start.interval,
            }

    def default_start(self, fields):
        if getattr(self.start, 'date', None):
            return self.start._default_values
        return self.defaults()

    def default_preview(self, fields):
        loan = self.check_loan()
        loan.check_date(self.start.date)
        kept, schedule, returned = loan.rescheduled(**self._changes())
        after = {
            r.number: (r.due_date, r.amount - returned.get(r.number, 0))
            for r in kept}
        after.update({
                n: (r.due, r.amount) for n, r in enumerate(
                    schedule.rows, len(kept) + 1)})
        before = {
            r.number: (r.due_date, r.amount)
            for r in loan.schedule.instalments}
        return {'lines': compare(before, after, loan.currency)}

    def transition_change(self):
        loan = self.check_loan()
        self.model.reschedule_loan(
            loan, self.start.date,
            self.start.reason or gettext('loan.msg_reason_reschedule'),
            **self._changes())
        return 'end'


class ChangeRateStart(LoanStart):
    __name__ = 'loan.change_rate.start'

    rate = fields.Numeric(
        "New Rate", digits=RATE_DIGITS, required=True,
        domain=[('rate', '>=', 0), ('rate', '<=', 10)],
        help="The annual rate from the date on.")


class ChangeRate(LoanWizard):
    __name__ = 'loan.change_rate'

    start = StateView(
        'loan.change_rate.start', 'loan.change_rate_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Change", 'change', 'tryton-ok', default=True),
            ])
    change = StateTransition()

    def transition_change(self):
        self.model.change_rate_of(
            self.check_loan(), self.start.date, self.start.rate,
            self.start.reason)
        return 'end'


class WaiveStart(LoanStart):
    __name__ = 'loan.waive.start'

    component = fields.Selection([
            ('penalty', "Penalty"),
            ('fee', "Fee"),
            ('interest', "Interest"),
            ], "Waive", required=True, sort=False)
    amount = _money("Amount", required=True, domain=[('amount', '>', 0)])


class Waive(LoanWizard):
    __name__ = 'loan.waive'

    start = StateView(
        'loan.waive.start', 'loan.waive_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Waive", 'waive', 'tryton-ok', default=True),
            ])
    waive = StateTransition()

    def transition_waive(self):
        self.model.waive_of(
            self.check_loan(), self.start.date, self.start.component,
            self.start.amount, self.start.reason)
        return 'end'


class WriteOffStart(LoanStart):
    __name__ = 'loan.write_off.start'

    outstanding = _money("Principal Outstanding", readonly=True)


class WriteOff(LoanWizard):
    __name__ = 'loan.write_off'

    start = StateView(
        'loan.write_off.start', 'loan.write_off_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Write Off", 'write_off', 'tryton-ok', default=True),
            ])
    write_off = StateTransition()

    def default_start(self, fields):
        return {
            **self.defaults(),
            'outstanding': self.check_loan().principal_outstanding,
            }

    def transition_write_off(self):
        self.model.write_off_loan(
            self.check_loan(), self.start.date, self.start.reason)
        return 'end'


class RecoverStart(MoneyStart):
    __name__ = 'loan.recover.start'


class Recover(LoanWizard):
    __name__ = 'loan.recover'

    start = StateView(
        'loan.recover.start', 'loan.recover_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Book", 'recover', 'tryton-ok', default=True),
            ])
    recover = StateTransition()

    def default_start(self, fields):
        return MoneyWizard.defaults(self)

    def transition_recover(self):
        self.model.recover_of(
            self.check_loan(), self.start.date, self.start.amount,
            self.start.method, self.start.key or None)
        return 'end'


class RefinanceStart(LoanStart):
    __name__ = 'loan.refinance.start'

    side = fields.Char("Side", readonly=True)
    product = fields.Many2One(
        'loan.product', "Product", required=True,
        domain=[
            ('side', '=', Eval('side', '')),
            ('currency', '=', Eval('currency', -1)),
            ])
    term = fields.Integer(
        "Instalments", required=True, domain=[('term', '>=', 1)])
    pay_off = _money("Pays the Loan Off", readonly=True)


class Refinance(LoanWizard):
    __name__ = 'loan.refinance'

    start = StateView(
        'loan.refinance.start', 'loan.refinance_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Apply", 'apply', 'tryton-ok', default=True),
            ])
    apply = StateAction('loan.act_loan_form')

    def default_start(self, fields):
        loan = self.check_loan()
        values = self.defaults()
        return {
            **values,
            'side': loan.side,
            'product': loan.product.id,
            'term': loan.term,
            'pay_off': loan.pay_off_quote(values['date']).total,
            }

    def do_apply(self, action):
        loan = self.check_loan().refinanced_by(
            self.start.date, self.start.product, self.start.term)
        action['views'].reverse()
        return action, {'res_id': [loan.id]}


class AddChargeStart(LoanStart):
    __name__ = 'loan.add_charge.start'

    type = fields.Selection([
            ('fee', "Fee"),
            ('penalty', "Penalty"),
            ], "Type", required=True)
    amount = _money("Amount", required=True, domain=[('amount', '>', 0)])
    due_date = fields.Date("Due", required=True)
    description = fields.Char("Description", required=True)

    @classmethod
    def default_type(cls):
        return 'fee'

    @classmethod
    def default_due_date(cls):
        return Pool().get('ir.date').today()


class AddCharge(LoanWizard):
    __name__ = 'loan.add_charge'

    start = StateView(
        'loan.add_charge.start', 'loan.add_charge_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Charge", 'charge', 'tryton-ok', default=True),
            ])
    charge = StateTransition()

    def transition_charge(self):
        Charge = Pool().get('loan.charge')
        loan = self.check_loan()
        loan.check_active()
        loan.check_date(self.start.date)
        self.model.charge([Charge(
                    loan=loan, type=self.start.type, date=self.start.date,
                    due_date=self.start.due_date, amount=self.start.amount,
                    description=self.start.description)])
        return 'end'


# Versions

def compare(before, after, currency):
    """Return the lines of before and after, {number: (due date, amount)}.

    Lines without a difference are left out.
    """
    lines = []
    for number in sorted({*before, *after}):
        former = before.get(number, (None, None))
        later = after.get(number, (None, None))
        if former != later:
            lines.append({
                    'number': number,
                    'currency': currency.id,
                    'due_before': former[0],
                    'amount_before': former[1],
                    'due_after': later[0],
                    'amount_after': later[1],
                    'difference': (later[1] or Decimal(0)) - (
                        former[1] or Decimal(0)),
                    })
    return lines


class CompareLine(ModelView):
    __name__ = 'loan.compare.line'

    number = fields.Integer("Number", readonly=True)
    currency = fields.Many2One(
        'currency.currency', "Currency", readonly=True)
    due_before = fields.Date("Due before", readonly=True)
    amount_before = _money("Amount before", readonly=True)
    due_after = fields.Date("Due after", readonly=True)
    amount_after = _money("Amount after", readonly=True)
    difference = _money("Difference", readonly=True)


class CompareStart(ModelView):
    __name__ = 'loan.compare.start'

    loan = fields.Many2One('loan.loan', "Loan", readonly=True)
    before = fields.Many2One(
        'loan.schedule', "Before", required=True,
        domain=[('loan', '=', Eval('loan', -1))])
    after = fields.Many2One(
        'loan.schedule', "After", required=True,
        domain=[('loan', '=', Eval('loan', -1))])
    lines = fields.One2Many(
        'loan.compare.line', None, "What Moved", readonly=True)

    @fields.depends('before', 'after', 'lines')
    def on_change_after(self):
        Line = Pool().get('loan.compare.line')
        if self.before and self.after:
            self.lines = [
                Line(**values)
                for values in compare_versions(self.before, self.after)]

    @fields.depends(methods=['on_change_after'])
    def on_change_before(self):
        self.on_change_after()


def compare_versions(before, after):
    "Return the lines between two versions of a schedule"
    return compare(*(
            {r.number: (r.due_date, r.amount) for r in version.instalments}
            for version in [before, after]), after.loan.currency)


class Compare(MoneyWizard):
    __name__ = 'loan.compare'

    start = StateView(
        'loan.compare.start', 'loan.compare_start_view_form', [
            Button("Close", 'end', 'tryton-close', default=True),
            ])

    def default_start(self, fields):
        loan = self.check_loan()
        versions = sorted(loan.schedules, key=lambda s: s.version)
        before, after = versions[-2:] if len(versions) > 1 else (
            versions[-1], versions[-1])
        return {
            'loan': loan.id,
            'before': before.id,
            'after': after.id,
            'lines': compare_versions(before, after),
            }
