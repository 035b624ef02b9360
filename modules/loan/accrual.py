# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Interest as it is earned, a row for each loan and run."""
from sql import Literal, Null, Window
from sql.aggregate import Max, Sum
from sql.conditionals import Case, Coalesce
from sql.functions import CurrentTimestamp, Lag, Round

from trytond.i18n import gettext
from trytond.model import fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.transaction import Transaction

from .daily import DailyAbstract
from .tools import days_between


class Accrual(DailyAbstract):
    __name__ = 'loan.accrual'
    _day = 'date_to'

    date_from = fields.Date(
        "From", required=True, readonly=True,
        help="The day of the row before, or of the payout.")
    date_to = fields.Date("To", required=True, readonly=True)
    amount = Monetary(
        "Amount", currency='currency', digits='currency', required=True,
        readonly=True,
        help="The interest earned since the row before; below zero where a "
        "new plan takes some of it back.")
    move = fields.Many2One(
        'account.move', "Move", readonly=True, ondelete='RESTRICT',
        help="The move of all the loans of the product.\n"
        "Empty where interest is booked when it falls due.")

    @classmethod
    def accrue(cls, product, company, date):
        """Add what the loans of product earned until date.

        It is the interest of the current plan until date less what the rows
        before hold: missed days and new plans are caught up, and the same day
        once more adds nothing.
        """
        accrual = cls.__table__()
        todo = cls._missing(product, company, date)
        cursor = Transaction().connection.cursor()
        cursor.execute(*accrual.insert([
                    accrual.loan, accrual.date_from, accrual.date_to,
                    accrual.amount, accrual.create_uid, accrual.create_date],
                todo.select(
                    todo.loan, todo.since, cls.date_to.sql_cast(Literal(date)),
                    todo.missing, Literal(Transaction().user),
                    CurrentTimestamp(),
                    where=todo.missing != 0)))

    @classmethod
    def _missing(cls, product, company, date):
        "Return the query: loan, since, missing"
        Loan = Pool().get('loan.loan')
        loan = Loan.__table__()
        accrued = cls._accrued(product, company)
        earned = cls._earned(product, company, date)
        called = cls._called(product, company)
        # What was called is all that a loan that does not run bears
        target = Case(
            (loan.state == 'active', Coalesce(earned.amount, 0)),
            else_=Coalesce(called.amount, 0))
        return (loan
            .join(accrued, 'LEFT', condition=accrued.loan == loan.id)
            .join(earned, 'LEFT', condition=earned.loan == loan.id)
            .join(called, 'LEFT', condition=called.loan == loan.id)
            .select(
                loan.id.as_('loan'),
                Coalesce(accrued.until, loan.disbursement_date).as_('since'),
                Round(
                    target - Coalesce(accrued.amount, 0),
                    product.currency.digits).as_('missing'),
                where=(loan.product == product.id)
                & (loan.company == company.id)
                & ((loan.state == 'active') | (accrued.loan != Null))
                & (loan.disbursement_date <= date)
                & (Coalesce(accrued.until, date) <= date)))

    @classmethod
    def _accrued(cls, product, company):
        "Return the query of what is accrued: loan, amount, until"
        Loan = Pool().get('loan.loan')
        loan, accrual = Loan.__table__(), cls.__table__()
        return accrual.join(loan, condition=accrual.loan == loan.id).select(
            accrual.loan, Sum(accrual.amount).as_('amount'),
            Max(accrual.date_to).as_('until'),
            where=(loan.product == product.id)
            & (loan.company == company.id),
            group_by=accrual.loan)

    @classmethod
    def _earned(cls, product, company, date):
        "Return the query of what running loans bear until date: loan, amount"
        pool = Pool()
        loan = pool.get('loan.loan').__table__()
        schedule = pool.get('loan.schedule').__table__()
        row = pool.get('loan.instalment').__table__()
        window = Window([row.loan], order_by=[row.number])
        # Interest put off or carried over is earned before it is due
        later = Coalesce(row.pending, 0) + Coalesce(row.carry, 0)
        rows = (row
            .join(schedule, condition=row.schedule == schedule.id)
            .join(loan, condition=schedule.current_loan == loan.id)
            .select(
                row.loan, row.interest_from, row.interest_to,
                (row.interest + later
                    - Coalesce(Lag(later, window=window), 0)).as_('interest'),
                where=(loan.product == product.id)
                & (loan.company == company.id) & (loan.state == 'active')))
        day = cls.date_to.sql_cast(Literal(date))
        earned = Case(
            (rows.interest_to <= date, rows.interest),
            (rows.interest_from >= date, 0),
            else_=rows.interest * days_between(rows.interest_from, day)
            / days_between(rows.interest_from, rows.interest_to))
        return rows.select(
            rows.loan, Sum(earned).as_('amount'), group_by=rows.loan)

    @classmethod
    def _called(cls, product, company):
        "Return the query of the interest that was called: loan, amount"
        pool = Pool()
        loan = pool.get('loan.loan').__table__()
        part = pool.get('loan.transaction.allocation').__table__()
        return part.join(loan, condition=part.loan == loan.id).select(
            part.loan, Sum(part.amount).as_('amount'),
            where=(part.component == 'interest')
            & part.kind.in_(['call', 'advance'])
            & (loan.product == product.id) & (loan.company == company.id),
            group_by=part.loan)

    @classmethod
    def post(cls, product, company, date):
        "Book what is accrued on product and not yet booked, by one move"
        pool = Pool()
        loan = pool.get('loan.loan').__table__()
        accrual = cls.__table__()
        cursor = Transaction().connection.cursor()
        open_ = (accrual.move == Null) & accrual.loan.in_(loan.select(
                loan.id,
                where=(loan.product == product.id)
                & (loan.company == company.id)
                & (loan.accrues == Literal(True))))
        query = accrual.select(Sum(accrual.amount).as_('amount'), where=open_)
        amount = product.summed(query)
        if not amount:
            return
        move = product.post_total(company, date, [
                (amount, 'account_accrued'), (-amount, 'account_interest')],
            gettext('loan.msg_description_accrual', product=product.rec_name))
        cursor.execute(*accrual.update(
                [accrual.move], [move.id], where=open_))
