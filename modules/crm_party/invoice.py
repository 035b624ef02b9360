# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from sql import Literal, Null
from sql.conditionals import Coalesce
from sql.operators import Concat

from trytond.i18n import gettext
from trytond.pool import Pool, PoolMeta
from trytond.rpc import RPC
from trytond.transaction import Transaction

from .tools import days_between

_POSTED = ['posted', 'paid']


class Activity(metaclass=PoolMeta):
    __name__ = 'crm.activity'

    @classmethod
    def _get_origin(cls):
        return super()._get_origin() + ['account.invoice']


class Profile(metaclass=PoolMeta):
    __name__ = 'crm.profile'

    @classmethod
    def _contact_queries(cls):
        Invoice = Pool().get('account.invoice')
        table = Invoice.__table__()
        return super()._contact_queries() + [
            table.select(
                table.party.as_('party'),
                table.company.as_('company'),
                table.invoice_date.as_('date'),
                where=(table.type == 'out')
                & table.state.in_(_POSTED)
                & (table.invoice_date != Null)
                # SQLite compares what is not cast as text
                & (Invoice.total_amount_cache.sql_cast(
                        table.total_amount_cache) >= 0))]


class Invoice(metaclass=PoolMeta):
    __name__ = 'account.invoice'

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__rpc__['load_history'] = RPC(
            readonly=False, result=lambda invoices: list(map(int, invoices)))

    @classmethod
    def load_history(cls, values):
        """Return the invoices of another system, created and posted.

        values are those of create, each with the number the invoice has
        there.  All of them or none; the sequences are not touched, so that
        their dates need no order, and nothing is printed.
        """
        with Transaction().set_context(crm_history=True):
            invoices = cls.create(values)
            cls.post(invoices)
        return invoices

    @classmethod
    def print_invoice(cls, invoices):
        if not Transaction().context.get('crm_history'):
            super().print_invoice(invoices)

    @classmethod
    def on_modification(cls, mode, invoices, field_names=None):
        Profile = Pool().get('crm.profile')
        super().on_modification(mode, invoices, field_names=field_names)
        if mode != 'write' or 'state' not in (field_names or []):
            return
        Profile.set_customers([
                (i.company, i.party, i.invoice_date) for i in invoices
                if i.type == 'out' and i.state in _POSTED])
        Profile.update_contacts([
                i.party.id for i in invoices if i.type == 'out'])


class Timeline(metaclass=PoolMeta):
    __name__ = 'crm.timeline'

    @classmethod
    def _get_kinds(cls):
        return super()._get_kinds() + [
            ('invoice', 'account.invoice'),
            ('payment', 'account.move.line'),
            ]

    @classmethod
    def _get_resources(cls):
        return super()._get_resources() + [
            ('account.invoice', 'party', 'company'),
            ]

    @classmethod
    def _timeline_invoice(cls):
        Invoice = Pool().get('account.invoice')
        table = Invoice.__table__()
        return [table.select(
                table.id.as_('id'),
                table.party.as_('party'),
                table.company.as_('company'),
                Coalesce(
                    table.invoice_date,
                    cls.date.sql_cast(table.create_date)).as_('date'),
                Concat(
                    Coalesce(table.number, ''),
                    Coalesce(Concat(' ', table.reference), '')
                    ).as_('summary'),
                table.total_amount_cache.as_('amount'),
                table.currency.as_('currency'),
                table.state.as_('status'),
                where=cls._readable(table, Invoice))]

    @classmethod
    def _timeline_payment(cls):
        pool = Pool()
        Company = pool.get('company.company')
        Invoice = pool.get('account.invoice')
        Line = pool.get('account.move.line')
        Move = pool.get('account.move')
        Payment = pool.get('account.invoice-account.move.line')
        table = Line.__table__()
        company = Company.__table__()
        invoice = Invoice.__table__()
        move = Move.__table__()
        payment = Payment.__table__()
        return [table
            .join(payment, condition=payment.line == table.id)
            .join(invoice, condition=payment.invoice == invoice.id)
            .join(move, condition=table.move == move.id)
            .join(company, condition=move.company == company.id)
            .select(
                table.id.as_('id'),
                invoice.party.as_('party'),
                move.company.as_('company'),
                move.date.as_('date'),
                Coalesce(invoice.number, '').as_('summary'),
                (table.credit - table.debit).as_('amount'),
                company.currency.as_('currency'),
                where=cls._readable(table, Line)
                & cls._readable(invoice, Invoice))]


class Due(metaclass=PoolMeta):
    __name__ = 'crm.due'

    @classmethod
    def _get_kinds(cls):
        return super()._get_kinds() + [
            ('debt', gettext('crm_party.msg_due_debt'), None)]

    @classmethod
    def _due_debt(cls):
        pool = Pool()
        Debtor = pool.get('crm.debtor')
        Profile = pool.get('crm.profile')
        company, today, _ = cls._get_context()
        table = Profile.__table__()
        day = cls.date.sql_cast(Literal(today))
        debt = Debtor.get_debts(day)
        return [table
            .join(debt, condition=debt.party == table.party)
            .select(
                table.id.as_('id'),
                table.party.as_('party'),
                table.company.as_('company'),
                table.manager.as_('employee'),
                debt.since.as_('date'),
                days_between(debt.since, day).as_('days'),
                Literal(0).as_('interval'),
                where=(table.company == company)
                & (debt.overdue > 0)
                & (debt.since != Null))]
