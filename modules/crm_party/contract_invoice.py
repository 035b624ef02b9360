# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from collections import defaultdict
from dataclasses import dataclass
from datetime import date as Date
from decimal import Decimal

from trytond.i18n import gettext
from trytond.model import Index, ModelSQL, ModelView, Unique, fields
from trytond.model.exceptions import AccessError
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval
from trytond.tools import grouped_slice
from trytond.transaction import Transaction, check_access
from trytond.wizard import Button, StateAction, StateView, Wizard

from .contract import PRICE_DIGITS
from .exceptions import ContractError
from .kernel import periods

_SLICE = 200


# States in which contracts are invoiced
_STATES = ['active', 'closed', 'terminated']


@dataclass
class _Due:
    """What is due of a line: a period, or all of a one-off line

    With a charge it is what changed of that: days that fell away, or came
    back if they are below zero.
    """
    line: ModelSQL
    start: Date
    end: Date
    day: Date
    days: int
    price: Decimal
    charge: ModelSQL = None

    @property
    def quantity(self):
        if not self.charge:
            return self.line.quantity
        quantity = self.charge.invoice_line.quantity
        return -quantity if self.days > 0 else quantity


class Contract(metaclass=PoolMeta):
    __name__ = 'crm.contract'

    payment_term = fields.Many2One(
        'account.invoice.payment_term', "Payment Term", ondelete='RESTRICT',
        states={
            'readonly': ~Eval('state').in_(['draft', 'active', 'suspended']),
            },
        help="Leave empty for that of the party.")
    credit_days = fields.Boolean(
        "Credit Unused Days",
        states={
            'readonly': ~Eval('state').in_(['draft', 'active', 'suspended']),
            'invisible': Eval('mode') != 'pre_paid',
            },
        help="Days that were invoiced ahead and fall away, by a suspension or "
        "an early end, are credited with the next invoice.")
    invoices = fields.Function(
        fields.Many2Many('account.invoice', None, None, "Invoices"),
        'get_invoices')
    invoiced_until = fields.Function(
        fields.Date(
            "Invoiced Until", help="The end of the last period invoiced."),
        'get_invoiced_until')
    invoiced, paid, debt = (
        fields.Function(
            Monetary(
                label, currency='currency', digits='currency', help=text),
            'get_amounts')
        for label, text in [
            ("Invoiced", "What was invoiced, taxes included."),
            ("Paid", "What of it is settled."),
            ("Debt", "What of it is still to be paid.")])

    @classmethod
    def _get_invoices(cls, contracts):
        "Return {contract id: set of invoices}"
        Charge = Pool().get('crm.contract.charge')
        result = defaultdict(set)
        for charge in Charge.search([
                    ('line.contract', 'in', [c.id for c in contracts]),
                    ]):
            result[charge.line.contract.id].update(
                c.invoice_line.invoice for c in [charge, *charge.credits])
        return result

    @classmethod
    def get_invoices(cls, contracts, name):
        invoices = cls._get_invoices(contracts)
        return {
            c.id: sorted(i.id for i in invoices[c.id]) for c in contracts}

    @classmethod
    def get_invoiced_until(cls, contracts, name):
        Charge = Pool().get('crm.contract.charge')
        result = dict.fromkeys(map(int, contracts))
        for charge in Charge.search([
                    ('line.contract', 'in', [c.id for c in contracts]),
                    ('line.one_off', '!=', True),
                    ], order=[('end', 'ASC')]):
            result[charge.line.contract.id] = charge.end
        return result

    @classmethod
    def get_amounts(cls, contracts, names):
        result = {n: {} for n in names}
        invoices = cls._get_invoices(contracts)
        for contract in contracts:
            # A draft is not invoiced yet
            posted = [
                i for i in invoices[contract.id]
                if i.state in {'posted', 'paid'}]
            invoiced = sum((i.total_amount for i in posted), Decimal(0))
            debt = sum((i.amount_to_pay for i in posted), Decimal(0))
            values = {
                'invoiced': invoiced, 'paid': invoiced - debt, 'debt': debt}
            for name in names:
                result[name][contract.id] = values[name]
        return result

    @classmethod
    def copy(cls, contracts, default=None):
        default = default.copy() if default is not None else {}
        default.setdefault('lines.charges', None)
        return super().copy(contracts, default=default)

    @classmethod
    def create_due_invoices(cls, date=None):
        """Create the invoices of all contracts of the company until a date.

        Drafts; date is today by default.
        """
        if date is None:
            date = Pool().get('ir.date').today()
        contracts = cls.search([
                ('company', '=', Transaction().context.get('company')),
                ('state', 'in', _STATES),
                ('start', '<=', date),
                ])
        invoices = []
        for sub_contracts in grouped_slice(contracts, _SLICE):
            invoices.extend(cls.create_invoices(list(sub_contracts), date))
        return invoices

    @classmethod
    def create_invoices(cls, contracts, date, post=False):
        """Return the new invoices of what is due of contracts until date.

        One for each contract and day of invoice; the days of a line that
        were invoiced already are left out, those that fell away since are
        credited with the first of them.  post tells whether those of
        customers are posted, those of suppliers stay drafts for their number.
        """
        pool = Pool()
        Charge = pool.get('crm.contract.charge')
        Credit = pool.get('crm.contract.credit')
        Invoice = pool.get('account.invoice')
        InvoiceLine = pool.get('account.invoice.line')
        cls.lock(contracts)
        charges = cls._get_charges(contracts)
        dues = defaultdict(list)
        for contract in contracts:
            contract_dues = list(contract._get_dues(date, charges))
            day = min((d.day for d in contract_dues), default=date)
            for due in [
                    *contract_dues, *contract._get_credits(day, charges)]:
                dues[contract, due.day].append(due)
        invoices = [c._get_invoice(day) for c, day in dues]
        Invoice.save(invoices)
        lines, records = [], []
        for invoice, parts in zip(invoices, dues.values()):
            for due in parts:
                lines.append(due.line._get_invoice_line(invoice, due))
                records.append(
                    Credit(charge=due.charge, days=due.days)
                    if due.charge else Charge(
                        line=due.line, start=due.start, end=due.end,
                        days=due.days))
        InvoiceLine.save(lines)
        for record, line in zip(records, lines):
            record.invoice_line = line
        Charge.save([r for r in records if isinstance(r, Charge)])
        Credit.save([r for r in records if isinstance(r, Credit)])
        Invoice.update_taxes(invoices)
        if post:
            Invoice.post([i for i in invoices if i.type == 'out'])
        return invoices

    @classmethod
    def _get_charges(cls, contracts):
        "Return {line: list of its charges}"
        Charge = Pool().get('crm.contract.charge')
        charges = defaultdict(list)
        for charge in Charge.search([
                    ('line.contract', 'in', [c.id for c in contracts]),
                    ]):
            charges[charge.line].append(charge)
        return charges

    def _get_credits(self, day, charges):
        "Yield what is to be credited on a day of what was charged"
        if not self.credit_days or self.state not in _STATES:
            return
        for line in self.lines:
            if not line.one_off:
                for charge in charges[line]:
                    if due := charge._get_credit(day):
                        yield due

    def _get_dues(self, date, charges):
        "Yield what is to be invoiced until date and is not charged"
        if self.state not in _STATES:
            return
        for line in self.lines:
            if line.one_off and not charges[line]:
                day = line.start or self.start
                if day <= min(date, self.end or date):
                    yield _Due(line, day, day, day, 1, line.unit_price)
        # The invoice may come before its period starts
        until = date
        if self.mode == 'pre_paid' and (self.offset or 0) < 0:
            until = periods.step(date, 'day', -self.offset)
        for period in periods.periods(
                self.anchor or self.start, self.unit, self.interval,
                self.start, self.end, until):
            for line in self.lines:
                if not line.one_off:
                    for due in line._get_dues(period, charges[line]):
                        if due.day <= date:
                            yield due

    def _get_invoice(self, day):
        Invoice = Pool().get('account.invoice')
        party = self.party
        invoice = Invoice(
            company=self.company,
            type='out' if self.direction == 'customer' else 'in',
            party=party,
            currency=self.currency,
            invoice_date=day if self.direction == 'customer' else None,
            reference=self.reference if self.direction == 'customer' else None,
            )
        invoice.on_change_party()
        invoice.set_journal()
        if self.payment_term:
            invoice.payment_term = self.payment_term
        if not invoice.invoice_address:
            raise ContractError(gettext(
                    'crm_party.msg_contract_no_address',
                    contract=self.rec_name, party=party.rec_name))
        return invoice


class ContractLine(metaclass=PoolMeta):
    __name__ = 'crm.contract.line'

    charges = fields.One2Many(
        'crm.contract.charge', 'line', "Charges", readonly=True)

    def _get_days(self, start, end):
        "Return the number of days from start to end that are to be paid"
        end = min(filter(None, [end, self.end, self.contract.end]))
        return periods.billable_days(start, end, [
                (s.start, s.end) for s in self.contract.suspensions])

    def _get_dues(self, period, charges):
        "Yield what is due of the line for the days of a period not charged"
        contract = self.contract
        start = max(period.start, self.start or period.start)
        end = min(period.end, self.end or period.end)
        for first, last in periods.rest(
                start, end, [(c.start, c.end) for c in charges]):
            days = self._get_days(first, last)
            if not days:
                continue
            # What the former end had cut off comes as a period of its own
            part = periods.Period(
                period.start if first == start else first, period.end,
                period.full_start, period.full_end)
            yield _Due(
                self, first, last,
                periods.invoice_date(
                    part, contract.mode, contract.offset or 0),
                days, periods.prorate(
                    self.unit_price, days, period.full_days,
                    PRICE_DIGITS[1]))

    def _get_invoice_line(self, invoice, due):
        InvoiceLine = Pool().get('account.invoice.line')
        line = InvoiceLine(
            invoice=invoice, type='line', company=invoice.company,
            currency=invoice.currency, quantity=due.quantity,
            product=self.product, unit=self.unit, origin=self)
        line.on_change_invoice()
        if self.product:
            line.on_change_product()
        else:
            line.account = self._get_account(invoice)
            line.on_change_account()
        if not line.account:
            raise ContractError(gettext(
                    'crm_party.msg_contract_no_account',
                    line=self.rec_name))
        line.description = self._describe(due)
        line.unit_price = due.price
        return line

    def _get_account(self, invoice):
        "Return the account of a line without a product"
        Configuration = Pool().get('account.configuration')
        name = 'revenue' if invoice.type == 'out' else 'expense'
        account = Configuration(1).get_multivalue(
            f'default_category_account_{name}', company=invoice.company.id)
        return account and account.current(date=invoice.invoice_date)

    def _describe(self, due):
        "Return the description with the period, in the language of the party"
        Lang = Pool().get('ir.lang')
        if due.start == due.end:
            return self.description
        lang = self.contract.party.lang or Lang.get()
        period = ' - '.join(lang.strftime(d) for d in [due.start, due.end])
        if due.charge:
            with Transaction().set_context(language=lang.code):
                period = gettext(
                    'crm_party.msg_contract_credit' if due.days > 0
                    else 'crm_party.msg_contract_credit_back',
                    days=abs(due.days), period=period)
        return f'{self.description}\n{period}'


class _Invoiced:
    "What was invoiced by a line, kept by its invoice only"
    __slots__ = ()

    invoice_line = fields.Many2One(
        'account.invoice.line', "Invoice Line", required=True,
        ondelete='CASCADE')

    @classmethod
    def check_modification(cls, mode, records, values=None, external=False):
        super().check_modification(
            mode, records, values=values, external=external)
        if external and records:
            raise AccessError(gettext('crm_party.msg_contract_charge_made'))


class ContractCharge(_Invoiced, ModelSQL, ModelView):
    __name__ = 'crm.contract.charge'
    __string__ = "Contract Charge"

    line = fields.Many2One(
        'crm.contract.line', "Line", required=True, ondelete='RESTRICT')
    start = fields.Date("Start", required=True)
    end = fields.Date("End", required=True)
    days = fields.Integer(
        "Days", required=True, help="Those without the suspensions.")
    credits = fields.One2Many(
        'crm.contract.credit', 'charge', "Credits", readonly=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('line')
        t = cls.__table__()
        cls._sql_constraints += [
            ('start_unique', Unique(t, t.line, t.start),
                'crm_party.msg_contract_charge_unique'),
            ]
        cls._sql_indexes.add(Index(t, (t.invoice_line, Index.Equality())))
        cls._order = [('start', 'DESC'), ('id', 'DESC')]

    def _get_credit(self, day):
        "Return what is to be credited or charged again on a day, or None"
        paid = self.days - sum(c.days for c in self.credits)
        due = self.line._get_days(self.start, self.end)
        if paid != due:
            return _Due(
                self.line, self.start, self.end, day, paid - due,
                abs(self._get_price(paid) - self._get_price(due)),
                charge=self)

    def _get_price(self, days):
        "Return the part of the price charged that some days cost"
        return round(
            self.invoice_line.unit_price * days / self.days, PRICE_DIGITS[1])


class ContractCredit(_Invoiced, ModelSQL, ModelView):
    __name__ = 'crm.contract.credit'
    __string__ = "Contract Credit"

    charge = fields.Many2One(
        'crm.contract.charge', "Charge", required=True, ondelete='RESTRICT')
    days = fields.Integer(
        "Days", required=True,
        help="Those credited, below zero those charged again.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('charge')
        t = cls.__table__()
        cls._sql_indexes.update({
                Index(t, (t.charge, Index.Equality())),
                Index(t, (t.invoice_line, Index.Equality())),
                })


class InvoiceLine(metaclass=PoolMeta):
    __name__ = 'account.invoice.line'

    @classmethod
    def _get_origin(cls):
        return super()._get_origin() + ['crm.contract.line']


class Invoice(metaclass=PoolMeta):
    __name__ = 'account.invoice'

    @classmethod
    def on_modification(cls, mode, invoices, field_names=None):
        "What is cancelled may be invoiced again"
        pool = Pool()
        Charge = pool.get('crm.contract.charge')
        Credit = pool.get('crm.contract.credit')
        super().on_modification(mode, invoices, field_names=field_names)
        if mode == 'write' and 'state' in (field_names or []):
            cancelled = [i.id for i in invoices if i.state == 'cancelled']
            if cancelled:
                domain = [('invoice_line.invoice', 'in', cancelled)]
                Credit.delete(Credit.search(domain))
                charges = Charge.search(domain)
                for charge in charges:
                    for credit in charge.credits:
                        raise ContractError(gettext(
                                'crm_party.msg_contract_credited',
                                invoice=(
                                    charge.invoice_line.invoice.rec_name),
                                credit=(
                                    credit.invoice_line.invoice.rec_name)))
                Charge.delete(charges)

    @classmethod
    def draft(cls, invoices):
        "What is cancelled is due again: it would be invoiced twice"
        ContractLine = Pool().get('crm.contract.line')
        for invoice in invoices:
            if invoice.state == 'cancelled' and any(
                    isinstance(l.origin, ContractLine)
                    for l in invoice.lines):
                raise ContractError(gettext(
                        'crm_party.msg_contract_invoice_cancelled',
                        invoice=invoice.rec_name))
        super().draft(invoices)


class ContractInvoiceStart(ModelView):
    __name__ = 'crm.contract.invoice.start'
    __string__ = "Create Invoices"

    date = fields.Date(
        "Until", required=True,
        help="Invoices of this day and before are created.")
    post = fields.Boolean(
        "Post",
        help="Post the invoices of customers; those of suppliers stay drafts "
        "for their number.")

    @classmethod
    def default_date(cls):
        return Pool().get('ir.date').today()

    @classmethod
    def default_post(cls):
        return True


class ContractInvoice(Wizard):
    """Create the invoices of contracts until a date

    Of the chosen contracts, or of all that the user may read.
    """
    __name__ = 'crm.contract.invoice'

    start = StateView('crm.contract.invoice.start',
        'crm_party.contract_invoice_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Create", 'create_', 'tryton-ok', default=True),
            ])
    create_ = StateAction('account_invoice.act_invoice_form')

    def do_create_(self, action):
        pool = Pool()
        Contract = pool.get('crm.contract')
        ModelAccess = pool.get('ir.model.access')
        with check_access():
            ModelAccess.check('account.invoice', 'create')
            if self.model == Contract:
                contracts = Contract.search([
                        ('id', 'in', [r.id for r in self.records]),
                        ])
            else:
                contracts = Contract.search([
                        ('company', '=', Transaction().context.get('company')),
                        ('start', '<=', self.start.date),
                        ])
        invoices = []
        for company in {c.company for c in contracts}:
            # The accounts are those of the company
            with Transaction().set_context(company=company.id):
                invoices.extend(self._invoice(
                        [c for c in contracts if c.company == company]))
        return action, {'res_id': [i.id for i in invoices]}

    def _invoice(self, contracts):
        "Return the new invoices of contracts of a company"
        Contract = Pool().get('crm.contract')
        invoices = []
        for sub_contracts in grouped_slice(contracts, _SLICE):
            invoices.extend(Contract.create_invoices(
                    Contract.browse(list(sub_contracts)),
                    self.start.date, post=self.start.post))
        return invoices
