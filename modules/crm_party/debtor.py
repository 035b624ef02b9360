# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from sql import Literal, Null
from sql.aggregate import Max, Min, Sum
from sql.conditionals import Coalesce, Greatest
from sql.functions import Round

from trytond.model import fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Eval, If
from trytond.transaction import Transaction

from .analysis import CustomerAbstract
from .tools import days_between


class Debtor(CustomerAbstract):
    __name__ = 'crm.debtor'
    __string__ = "Debtor"

    amount = Monetary(
        "Owed", currency='currency', digits='currency',
        help="What the party owes, due or not, less what was paid on "
        "account.")
    overdue = Monetary(
        "Overdue", currency='currency', digits='currency',
        help="What of it was due before today.")
    currency = fields.Many2One('currency.currency', "Currency")
    since = fields.Date(
        "Since", help="The day on which the oldest debt was due.")
    days = fields.Integer("Days", help="The days the oldest debt is overdue.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('overdue', 'DESC'), ('id', 'ASC')]

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual', If(Eval('days', 0) > 30, 'danger',
                    If(Eval('days', 0) > 0, 'warning', ''))),
            ]

    @classmethod
    def table_query(cls):
        pool = Pool()
        Profile = pool.get('crm.profile')
        Date = pool.get('ir.date')
        profile = Profile.__table__()
        debts = cls.get_debts(cls.since.sql_cast(Literal(Date.today())))
        return debts.join(profile, 'LEFT',
            condition=(profile.party == debts.party)
            & (profile.company == debts.company)
            ).select(
            debts.id.as_('id'),
            debts.company.as_('company'),
            debts.party.as_('party'),
            profile.manager.as_('manager'),
            profile.branch.as_('branch'),
            debts.amount.as_('amount'),
            debts.overdue.as_('overdue'),
            debts.currency.as_('currency'),
            debts.since.as_('since'),
            days_between(
                debts.since, cls.since.sql_cast(Literal(Date.today()))
                ).as_('days'),
            where=debts.amount > 0)

    @classmethod
    def get_debts(cls, today):
        """Return the query of what each party of the company has not settled

        today is the SQL expression of the date before which it was due.
        """
        pool = Pool()
        Account = pool.get('account.account')
        AccountType = pool.get('account.account.type')
        Company = pool.get('company.company')
        Currency = pool.get('currency.currency')
        Line = pool.get('account.move.line')
        Move = pool.get('account.move')
        line = Line.__table__()
        move = Move.__table__()
        account = Account.__table__()
        type_ = AccountType.__table__()
        company = Company.__table__()
        currency = Currency.__table__()
        debit = Line.debit.sql_cast(line.debit)
        balance = debit - Line.credit.sql_cast(line.credit)
        # Payments on account have no date and lower what is due
        due = (line.maturity_date < today) | (line.maturity_date == Null)

        def total(**kwargs):
            return Round(
                cls.amount.sql_cast(Sum(balance, **kwargs)), currency.digits)
        return (line
            .join(move, condition=line.move == move.id)
            .join(account, condition=line.account == account.id)
            .join(type_, condition=account.type == type_.id)
            .join(company, condition=move.company == company.id)
            .join(currency, condition=company.currency == currency.id)
            .select(
                Max(line.id).as_('id'),
                move.company.as_('company'),
                line.party.as_('party'),
                total().as_('amount'),
                Greatest(
                    Coalesce(total(filter_=due), 0), 0).as_('overdue'),
                currency.id.as_('currency'),
                Min(line.maturity_date, filter_=(debit > 0)
                    & (line.maturity_date < today)).as_('since'),
                where=(move.company
                    == Transaction().context.get('company', -1))
                & type_.receivable
                & (line.reconciliation == Null)
                & (line.party != Null),
                group_by=[
                    move.company, line.party, currency.id, currency.digits]))
