# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
from decimal import Decimal

from sql import Literal, Null
from sql.conditionals import Case, Coalesce
from sql.operators import Concat

from trytond.i18n import gettext
from trytond.model import (
    Check, Index, ModelSQL, ModelView, Workflow, fields, sequence_ordered)
from trytond.model.exceptions import AccessError
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Bool, Eval, If
from trytond.transaction import Transaction

from .exceptions import ContractError
from .kernel import periods
from .profile import ManagedMixin
from .tools import days_between

_DAY = dt.timedelta(days=1)
_OPEN = ['draft', 'active', 'suspended']
# What only renewal and termination change of an active contract
_AGREED = {
    'company', 'direction', 'party', 'currency', 'start', 'end', 'interval',
    'unit', 'mode', 'anchor', 'number', 'state'}
PRICE_DIGITS = (16, 4)


_draft = {
    'readonly': Eval('state') != 'draft',
    }
_open = {
    'readonly': ~Eval('state').in_(_OPEN),
    }


class Contract(ManagedMixin, Workflow, ModelSQL, ModelView):
    __name__ = 'crm.contract'
    __string__ = "Contract"
    _rec_name = 'number'

    number = fields.Char("Number", readonly=True)
    reference = fields.Char(
        "Reference", states=_open,
        help="The number that the other side gave the contract.")
    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT',
        states={
            'readonly': Eval('id', -1) >= 0,
            })
    direction = fields.Selection([
            ('customer', "Customer"),
            ('supplier', "Supplier"),
            ], "Direction", required=True, sort=False, states=_draft,
        help="Whether the party is our customer or our supplier.")
    type = fields.Many2One(
        'crm.contract.type', "Type", ondelete='RESTRICT', states=_open)
    party = fields.Many2One(
        'party.party', "Party", required=True, ondelete='RESTRICT',
        states=_draft,
        context={
            'company': Eval('company', -1),
            },
        depends={'company'})
    contact = fields.Many2One(
        'party.party', "Contact", ondelete='RESTRICT', states=_open,
        context={
            'company': Eval('company', -1),
            },
        search_context={
            'related_party': Eval('party'),
            },
        depends={'company'},
        help="The person to talk to about the contract.")
    manager = fields.Many2One(
        'company.employee', "Manager", ondelete='RESTRICT', states=_open,
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        help="The employee in charge of the contract.")
    currency = fields.Many2One(
        'currency.currency', "Currency", required=True, ondelete='RESTRICT',
        states={
            'readonly': _draft['readonly'] | Eval('lines', [0]),
            })
    signed_on = fields.Date("Signed On", states=_open)
    start = fields.Date(
        "Start", required=True, states=_draft,
        help="The first day of the contract.")
    end = fields.Date(
        "End", states=_draft,
        domain=[
            If(Bool(Eval('start')) & Bool(Eval('end')),
                ('end', '>=', Eval('start', None)),
                ()),
            ],
        help="The last day of the contract, empty for an open end.")
    notice = fields.Integer(
        "Notice", states=_open,
        domain=['OR',
            ('notice', '=', None),
            ('notice', '>', 0),
            ],
        help="How long before its end the contract must be terminated.")
    notice_unit = fields.Selection([
            ('day', "Days"),
            ('month', "Months"),
            ], "Notice Unit", required=True, sort=False, states=_open)
    notice_date = fields.Date(
        "Notice Date", readonly=True,
        states={
            'invisible': ~Eval('notice_date'),
            },
        help="The last day on which notice can be given.")
    renewal = fields.Selection([
            ('none', "None"),
            ('manual', "Manual"),
            ('automatic', "Automatic"),
            ], "Renewal", required=True, sort=False, states=_open,
        help="Automatic contracts are renewed when their notice date has "
        "passed.")
    renewal_months = fields.Integer(
        "Renewal Months",
        states={
            'invisible': Eval('renewal') == 'none',
            'required': Eval('renewal') == 'automatic',
            'readonly': _open['readonly'],
            },
        domain=['OR',
            ('renewal_months', '=', None),
            ('renewal_months', '>', 0),
            ],
        help="The months by which the contract is renewed.")
    interval = fields.Integer(
        "Interval", required=True, states=_draft,
        domain=[
            ('interval', '>', 0),
            ],
        help="The number of units between two invoices.")
    unit = fields.Selection([
            ('day', "Days"),
            ('week', "Weeks"),
            ('month', "Months"),
            ('year', "Years"),
            ], "Interval Unit", required=True, sort=False, states=_draft)
    mode = fields.Selection([
            ('pre_paid', "At the Start"),
            ('post_paid', "At the End"),
            ], "Invoiced", required=True, sort=False, states=_draft,
        help="When in its period a period is invoiced.")
    offset = fields.Integer(
        "Offset", states=_open,
        help="The days by which the invoice follows the start or the end of "
        "the period, below zero for before.")
    anchor = fields.Date(
        "Anchor", states=_draft,
        help="A day on which a period starts: the 1st for calendar months.\n"
        "Leave empty for the start of the contract.")
    lines = fields.One2Many(
        'crm.contract.line', 'contract', "Lines", states=_open)
    description = fields.Text("Terms", states=_open)
    suspensions = fields.One2Many(
        'crm.contract.suspension', 'contract', "Suspensions", readonly=True)
    renewals = fields.One2Many(
        'crm.contract.renewal', 'contract', "Renewals", readonly=True)
    terminated_on = fields.Date(
        "Terminated On", readonly=True,
        states={
            'invisible': ~Eval('terminated_on'),
            })
    termination_reason = fields.Text(
        "Reason for Termination", readonly=True,
        states={
            'invisible': ~Eval('termination_reason'),
            })
    amount = fields.Function(
        Monetary(
            "Amount per Period", currency='currency', digits='currency',
            help="What the lines that are not one-off cost in a period."),
        'get_amount')
    phase = fields.Function(
        fields.Selection([
                ('upcoming', "Upcoming"),
                ('running', "Running"),
                ('expiring', "Expiring"),
                ('expired', "Expired"),
                ], "Phase", sort=False,
            help="Expiring: the notice date is reached."),
        'get_phase', searcher='search_phase')
    state = fields.Selection([
            ('draft', "Draft"),
            ('active', "Active"),
            ('suspended', "Suspended"),
            ('closed', "Closed"),
            ('terminated', "Terminated"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        cls.number.search_unaccented = False
        cls.reference.search_unaccented = False
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('dates', Check(t, (t.end == Null) | (t.end >= t.start)),
                'crm_party.msg_contract_dates'),
            ]
        cls._sql_indexes.update({
                Index(t, (t.party, Index.Equality())),
                Index(t,
                    (t.state, Index.Equality(cardinality='low')),
                    (t.end, Index.Range()),
                    where=t.state.in_(_OPEN)),
                })
        cls._order = [('end', 'ASC NULLS LAST'), ('id', 'DESC')]
        cls._transitions |= set((
                ('draft', 'active'),
                ('active', 'suspended'),
                ('suspended', 'active'),
                ('active', 'closed'),
                ('suspended', 'closed'),
                ('active', 'terminated'),
                ('suspended', 'terminated'),
                ))
        cls._buttons.update({
                name: {
                    'invisible': ~Eval('state').in_(states),
                    'icon': icon,
                    'depends': ['state'],
                    } for name, states, icon in [
                        ('activate', ['draft'], 'tryton-ok'),
                        ('suspend', ['active'], 'tryton-date'),
                        ('resume', ['suspended'], 'tryton-forward'),
                        ('renew_wizard', ['active'], 'tryton-refresh'),
                        ('terminate_wizard', ['active', 'suspended'],
                            'tryton-cancel'),
                        ('close', ['active', 'suspended'], 'tryton-archive'),
                        ]})
        close = cls._buttons['close']
        close['invisible'] |= Eval('phase') != 'expired'
        close['depends'].append('phase')

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_direction(cls):
        return 'customer'

    @classmethod
    def default_manager(cls):
        return Transaction().context.get('employee')

    @classmethod
    def default_currency(cls):
        Company = Pool().get('company.company')
        if (company := Transaction().context.get('company')) is not None:
            return Company(company).currency.id

    @classmethod
    def default_start(cls):
        return Pool().get('ir.date').today()

    @classmethod
    def default_notice_unit(cls):
        return 'month'

    @classmethod
    def default_renewal(cls):
        return 'none'

    @classmethod
    def default_interval(cls):
        return 1

    @classmethod
    def default_unit(cls):
        return 'month'

    @classmethod
    def default_mode(cls):
        return 'pre_paid'

    @classmethod
    def default_state(cls):
        return 'draft'

    @classmethod
    def get_amount(cls, contracts, name):
        today = Pool().get('ir.date').today()
        return {
            c.id: sum((l.amount for l in c.lines
                    if not l.one_off and l.is_valid(max(today, c.start))),
                Decimal(0))
            for c in contracts}

    @classmethod
    def get_phase(cls, contracts, name):
        today = Pool().get('ir.date').today()
        return {
            c.id: periods.phase(today, c.start, c.end, c.notice_date)
            for c in contracts}

    @classmethod
    def search_phase(cls, name, clause):
        today = cls.start.sql_cast(
            Literal(Pool().get('ir.date').today()))
        _, operator, value = clause
        table = cls.__table__()
        phase = Case(
            (table.start > today, 'upcoming'),
            (table.end < today, 'expired'),
            ((table.end != Null) & (table.notice_date <= today), 'expiring'),
            else_='running')
        Operator = fields.SQL_OPERATORS[operator]
        return [('id', 'in', table.select(
                    table.id, where=Operator(phase, value)))]

    def get_rec_name(self, name):
        return ' '.join(filter(None, [
                    self.number or f'({self.id})', self.reference,
                    self.party.rec_name]))

    @classmethod
    def search_rec_name(cls, name, clause):
        _, operator, operand, *extra = clause
        if operator.startswith('!') or operator.startswith('not '):
            bool_op = 'AND'
        else:
            bool_op = 'OR'
        return [bool_op,
            ('number', operator, operand, *extra),
            ('reference', operator, operand, *extra),
            ('party.rec_name', operator, operand, *extra),
            ]

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state').in_(['closed', 'terminated']), 'muted',
                    If(Eval('phase') == 'expired', 'danger',
                        If(Eval('phase') == 'expiring', 'warning', '')))),
            ]

    def compute_fields(self, field_names=None):
        values = super().compute_fields(field_names=field_names)
        if field_names is None or field_names & {
                'end', 'notice', 'notice_unit'}:
            notice_date = None
            if self.end and self.notice:
                notice_date = periods.notice_date(
                    self.end, **{f'{self.notice_unit}s': self.notice})
            if self.notice_date != notice_date:
                values['notice_date'] = notice_date
        return values

    @classmethod
    def check_modification(cls, mode, contracts, values=None, external=False):
        super().check_modification(
            mode, contracts, values=values, external=external)
        if mode == 'delete':
            message = 'crm_party.msg_contract_delete_draft'
        elif mode == 'write' and external and _AGREED & set(values):
            message = 'crm_party.msg_contract_write_draft'
        else:
            return
        for contract in contracts:
            if contract.state != 'draft':
                raise AccessError(
                    gettext(message, contract=contract.rec_name))

    @classmethod
    def copy(cls, contracts, default=None):
        default = default.copy() if default is not None else {}
        for name in [
                'number', 'reference', 'signed_on', 'suspensions', 'renewals',
                'terminated_on', 'termination_reason']:
            default.setdefault(name, None)
        return super().copy(contracts, default=default)

    @classmethod
    @ModelView.button
    @Workflow.transition('active')
    def activate(cls, contracts):
        Configuration = Pool().get('crm.configuration')
        sequence = Configuration(1).contract_sequence
        nameless = [c for c in contracts if not c.number]
        if nameless and sequence:
            for contract, number in zip(
                    nameless, sequence.get_many(len(nameless))):
                contract.number = number
            cls.save(nameless)

    @classmethod
    @ModelView.button
    @Workflow.transition('suspended')
    def suspend(cls, contracts):
        pool = Pool()
        Suspension = pool.get('crm.contract.suspension')
        today = pool.get('ir.date').today()
        Suspension.create([
                {'contract': c.id, 'start': today} for c in contracts])

    @classmethod
    @ModelView.button
    @Workflow.transition('active')
    def resume(cls, contracts):
        cls._end_suspensions(contracts, Pool().get('ir.date').today())

    @classmethod
    def _end_suspensions(cls, contracts, date):
        "End the suspensions on the day before date"
        Suspension = Pool().get('crm.contract.suspension')
        suspensions = Suspension.search([
                ('contract', 'in', [c.id for c in contracts]),
                ('end', '=', None),
                ])
        Suspension.delete([s for s in suspensions if s.start >= date])
        Suspension.write([s for s in suspensions if s.start < date], {
                'end': date - _DAY,
                })

    @classmethod
    @ModelView.button
    @Workflow.transition('closed')
    def close(cls, contracts, date=None):
        """Put away contracts that are over on date, today by default.

        What is due until their end can still be invoiced.
        """
        date = date or Pool().get('ir.date').today()
        for contract in contracts:
            if not contract.end or contract.end >= date:
                raise ContractError(gettext(
                        'crm_party.msg_contract_close_end',
                        contract=contract.rec_name))

    @classmethod
    @ModelView.button_action('crm_party.wizard_contract_renew')
    def renew_wizard(cls, contracts):
        pass

    @classmethod
    @ModelView.button_action('crm_party.wizard_contract_terminate')
    def terminate_wizard(cls, contracts):
        pass

    @classmethod
    @Workflow.transition('terminated')
    def terminate(cls, contracts, date, reason):
        """End contracts ahead of time.

        date is their last day: not after their end, not before their start.
        What is due until then can still be invoiced.
        """
        for contract in contracts:
            if date < contract.start or (contract.end and date > contract.end):
                raise ContractError(gettext(
                        'crm_party.msg_contract_terminate_date',
                        contract=contract.rec_name))
        cls.write(contracts, {
                'end': date,
                'terminated_on': Pool().get('ir.date').today(),
                'termination_reason': reason,
                })

    @classmethod
    def renew(cls, contracts, months=None, percent=None):
        """Renew contracts for some months, from their end on.

        months are those of each contract by default.  percent is the change
        of the prices of the lines that run on, None for none.
        """
        pool = Pool()
        Line = pool.get('crm.contract.line')
        Renewal = pool.get('crm.contract.renewal')
        context = Transaction().context
        cls.lock(contracts)
        renewals, lines = [], []
        for contract in contracts:
            number = months or contract.renewal_months
            if contract.state != 'active' or not contract.end or not number:
                raise ContractError(gettext(
                        'crm_party.msg_contract_renew_end',
                        contract=contract.rec_name))
            renewals.append({
                    'contract': contract.id,
                    'old_end': contract.end,
                    'new_end': periods.renewed_end(contract.end, number),
                    'percent': percent or None,
                    'date': pool.get('ir.date').today(),
                    'employee': context.get('employee'),
                    })
            if percent:
                lines.extend(contract._change_prices(percent))
            contract.end = renewals[-1]['new_end']
        cls.save(contracts)
        Line.save(lines)
        Renewal.create(renewals)

    def _change_prices(self, percent):
        """Return the lines with new prices after the end, and the old ones

        What was agreed until the end is not changed: it may not be invoiced
        yet.
        """
        Line = Pool().get('crm.contract.line')
        lines = []
        for line in self.lines:
            if line.one_off or (line.end and line.end <= self.end):
                continue
            price = round(
                line.unit_price * (1 + Decimal(percent) / 100),
                PRICE_DIGITS[1])
            if line.start and line.start > self.end:
                line.unit_price = price
            else:
                lines.append(Line(
                        **line._get_copy(), unit_price=price,
                        start=self.end + _DAY, end=line.end))
                line.end = self.end
            lines.append(line)
        return lines

    @classmethod
    def update(cls, date=None):
        """Renew and close the contracts of the company whose day has come

        Automatic ones are renewed after their notice date, those without
        renewal closed after their end; manual ones wait for a decision.
        date is today by default.
        """
        if date is None:
            date = Pool().get('ir.date').today()
        domain = [
            ('company', '=', Transaction().context.get('company')),
            ('state', '=', 'active'),
            ('end', '!=', None),
            ]
        contracts = cls.search([
                *domain,
                ('renewal', '=', 'automatic'),
                ['OR',
                    ('notice_date', '<', date),
                    ('end', '<', date),
                    ],
                ])
        # What was left alone for long is renewed more than once
        while contracts := [
                c for c in contracts if (c.notice_date or c.end) < date]:
            cls.renew(contracts)
        cls.close(cls.search([
                    *domain,
                    ('renewal', '=', 'none'),
                    ('end', '<', date),
                    ]), date=date)


del _draft, _open


class ContractLine(sequence_ordered(), ModelSQL, ModelView):
    __name__ = 'crm.contract.line'
    __string__ = "Contract Line"

    contract = fields.Many2One(
        'crm.contract', "Contract", required=True, ondelete='CASCADE')
    contract_state = fields.Function(
        fields.Char("State of Contract"), 'on_change_with_contract_state')
    company = fields.Function(
        fields.Many2One('company.company', "Company"),
        'on_change_with_company')
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')
    description = fields.Text("Description", required=True)
    quantity = fields.Float("Quantity", required=True)
    unit_price = Monetary(
        "Unit Price", currency='currency', digits=PRICE_DIGITS, required=True,
        help="The price of a unit for a whole period.")
    start = fields.Date(
        "Start",
        help="The first day of the line, empty for that of the contract.")
    end = fields.Date(
        "End",
        domain=[
            If(Bool(Eval('start')) & Bool(Eval('end')),
                ('end', '>=', Eval('start', None)),
                ()),
            ],
        help="The last day of the line, empty for that of the contract.")
    one_off = fields.Boolean(
        "One-off", help="Invoiced once, at the start of the line.")
    amount = fields.Function(
        Monetary("Amount", currency='currency', digits='currency'),
        'on_change_with_amount')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('contract')
        t = cls.__table__()
        cls._sql_constraints += [
            ('dates',
                Check(t, (t.start == Null) | (t.end == Null)
                    | (t.end >= t.start)),
                'crm_party.msg_contract_dates'),
            ]

    @classmethod
    def default_quantity(cls):
        return 1

    @fields.depends('contract', '_parent_contract.state')
    def on_change_with_contract_state(self, name=None):
        return self.contract.state if self.contract else None

    @fields.depends('contract', '_parent_contract.company')
    def on_change_with_company(self, name=None):
        return self.contract.company if self.contract else None

    @fields.depends('contract', '_parent_contract.currency')
    def on_change_with_currency(self, name=None):
        return self.contract.currency if self.contract else None

    @fields.depends('quantity', 'unit_price', 'currency')
    def on_change_with_amount(self, name=None):
        amount = Decimal(str(self.quantity or 0)) * (self.unit_price or 0)
        return self.currency.round(amount) if self.currency else amount

    def get_rec_name(self, name):
        return f'{self.description} @ {self.contract.rec_name}'

    @classmethod
    def search_rec_name(cls, name, clause):
        return ['OR' if not clause[1].startswith(('!', 'not ')) else 'AND',
            ('description', *clause[1:]),
            ('contract.rec_name', *clause[1:]),
            ]

    def is_valid(self, date):
        "Return whether the line belongs to the contract on date"
        return ((not self.start or self.start <= date)
            and (not self.end or date <= self.end))

    def _get_copy(self):
        "Return what a line that follows this one has too"
        return {
            'contract': self.contract,
            'sequence': self.sequence,
            'description': self.description,
            'quantity': self.quantity,
            }


class ContractSuspension(ModelSQL, ModelView):
    __name__ = 'crm.contract.suspension'
    __string__ = "Contract Suspension"

    contract = fields.Many2One(
        'crm.contract', "Contract", required=True, ondelete='CASCADE')
    start = fields.Date("Start", required=True)
    end = fields.Date(
        "End", help="The last day of the suspension, empty while it lasts.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('contract')
        cls._order = [('start', 'DESC'), ('id', 'DESC')]


class ContractRenewal(ModelSQL, ModelView):
    __name__ = 'crm.contract.renewal'
    __string__ = "Contract Renewal"

    contract = fields.Many2One(
        'crm.contract', "Contract", required=True, ondelete='CASCADE')
    old_end = fields.Date("From", required=True)
    new_end = fields.Date("To", required=True)
    percent = fields.Numeric(
        "Change of Prices", digits=(16, 4), help="In percent.")
    date = fields.Date("Date", required=True)
    employee = fields.Many2One(
        'company.employee', "Employee", ondelete='RESTRICT')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('contract')
        cls._order = [('new_end', 'DESC'), ('id', 'DESC')]


class Activity(metaclass=PoolMeta):
    __name__ = 'crm.activity'

    @classmethod
    def _get_origin(cls):
        return super()._get_origin() + ['crm.contract']


class Due(metaclass=PoolMeta):
    __name__ = 'crm.due'

    @classmethod
    def _get_kinds(cls):
        return super()._get_kinds() + [
            ('contract', gettext('crm_party.msg_due_contract'),
                'crm.contract')]

    @classmethod
    def _due_contract(cls):
        "Return the query of the contracts that need a decision"
        Contract = Pool().get('crm.contract')
        company, today, configuration = cls._get_context()
        lead = configuration.get_multivalue(
            'contract_days', company=company) or 0
        table = Contract.__table__()
        day = cls.date.sql_cast(Literal(today))
        ahead = cls.date.sql_cast(Literal(today + dt.timedelta(days=lead)))
        date = Coalesce(table.notice_date, table.end)
        return [table.select(
                table.id.as_('id'),
                table.party.as_('party'),
                table.company.as_('company'),
                table.manager.as_('employee'),
                date.as_('date'),
                # Late is who waits after the days before have begun
                (days_between(date, day) + lead).as_('days'),
                Literal(0).as_('interval'),
                where=(table.company == company)
                & (table.state == 'active')
                & (date <= ahead))]


class Handover(metaclass=PoolMeta):
    __name__ = 'crm.handover'

    contracts = fields.Boolean(
        "Open Contracts",
        states={
            'readonly': Eval('state') != 'draft',
            })
    contract_count = fields.Function(
        fields.Integer("Number of Contracts"), 'get_counts')

    @classmethod
    def default_contracts(cls):
        return True

    @classmethod
    def _count_names(cls):
        return {**super()._count_names(), 'contracts': 'contract_count'}

    @classmethod
    def _get_handed(cls):
        return super()._get_handed() + [
            ('contracts', 'crm.contract', 'manager', 'party', _OPEN)]


class Timeline(metaclass=PoolMeta):
    __name__ = 'crm.timeline'

    @classmethod
    def _get_kinds(cls):
        return super()._get_kinds() + [('contract', 'crm.contract')]

    @classmethod
    def _get_resources(cls):
        return super()._get_resources() + [
            ('crm.contract', 'party', 'company')]

    @classmethod
    def _timeline_contract(cls):
        Contract = Pool().get('crm.contract')
        table = Contract.__table__()
        return [table.select(
                table.id.as_('id'),
                table.party.as_('party'),
                table.company.as_('company'),
                Coalesce(table.signed_on, table.start).as_('date'),
                Concat(
                    Coalesce(table.number, ''),
                    Coalesce(Concat(' ', table.reference), '')
                    ).as_('summary'),
                table.manager.as_('employee'),
                table.state.as_('status'),
                where=cls._readable(table, Contract))]
