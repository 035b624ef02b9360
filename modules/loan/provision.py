# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What is set aside for loans that may not be paid back."""
from sql import Literal, Null
from sql.aggregate import Min, Sum
from sql.conditionals import Case, Coalesce
from sql.functions import CurrentTimestamp, Round

from trytond.i18n import gettext
from trytond.model import fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.transaction import Transaction

from .bucket import NEVER
from .daily import DailyAbstract
from .terms import RATE_DIGITS
from .tools import days_between


class Provision(DailyAbstract):
    __name__ = 'loan.provision'

    date = fields.Date("Date", required=True, readonly=True)
    bucket = fields.Many2One(
        'loan.bucket', "Bucket", readonly=True, ondelete='RESTRICT')
    base = Monetary(
        "Outstanding", currency='currency', digits='currency', readonly=True)
    rate = fields.Numeric("Rate", digits=RATE_DIGITS, readonly=True)
    target = Monetary(
        "Provided for", currency='currency', digits='currency',
        required=True, readonly=True,
        help="What is set aside for the loan from the date on.")
    amount = Monetary(
        "Change", currency='currency', digits='currency', required=True,
        readonly=True, help="What is booked: the difference to the row "
        "before.")
    move = fields.Many2One(
        'account.move', "Move", readonly=True, ondelete='RESTRICT',
        help="The move of all the loans of the product.\n"
        "Empty as long as the product has no account of provisions.")

    @classmethod
    def provide(cls, product, company, date):
        """Add what the provisions of the loans of product change on date.

        The target is the rate of the bucket that a loan is in by its days
        late, times the principal outstanding.  Only what differs from the
        rows before is added, so the same day once more adds nothing.
        """
        provision = cls.__table__()
        todo = cls._changes(product, company, date)
        cursor = Transaction().connection.cursor()
        cursor.execute(*provision.insert([
                    provision.loan, provision.date, provision.bucket,
                    provision.base, provision.rate, provision.target,
                    provision.amount, provision.create_uid,
                    provision.create_date],
                todo.select(
                    todo.loan, cls.date.sql_cast(Literal(date)), todo.bucket,
                    todo.base, todo.rate, todo.target,
                    Round(todo.target - todo.provided,
                        product.currency.digits),
                    Literal(Transaction().user), CurrentTimestamp(),
                    where=Round(
                        todo.target - todo.provided,
                        product.currency.digits) != 0)))

    @classmethod
    def _changes(cls, product, company, date):
        "Return the query: loan, bucket, base, rate, target, provided"
        pool = Pool()
        Loan = pool.get('loan.loan')
        loan = Loan.__table__()
        bucket = pool.get('loan.bucket').__table__()
        principal = Loan.outstanding_query(
            (loan.product == product.id) & (loan.company == company.id), loan)
        late = cls._late(product, company, date)
        provided = cls.__table__()
        provided = provided.select(
            provided.loan, Sum(provided.amount).as_('amount'),
            group_by=provided.loan)
        days = Coalesce(late.days, 0)
        base = Case(
            (principal.state == 'active', principal.outstanding), else_=0)
        digits = product.currency.digits
        kept = Literal(0)
        if product.writes_off_provisions(company):
            # The allowance takes the loss: it must cover all of it
            kept = Case((
                    principal.state == 'written_off',
                    principal.written_off), else_=0)
        return (principal
            .join(late, 'LEFT', condition=late.loan == principal.loan)
            .join(bucket, 'LEFT', condition=(
                    (bucket.active == Literal(True))
                    & (bucket.days_from <= days)
                    & (Coalesce(bucket.days_to, NEVER) >= days)))
            .join(
                provided, 'LEFT', condition=provided.loan == principal.loan)
            .select(
                principal.loan, bucket.id.as_('bucket'), base.as_('base'),
                bucket.provision_rate.as_('rate'),
                Round(
                    base * Coalesce(bucket.provision_rate, 0) + kept, digits
                    ).as_('target'),
                Coalesce(provided.amount, 0).as_('provided'),
                where=(principal.state == 'active')
                | (provided.loan != Null)))

    @classmethod
    def _late(cls, product, company, date):
        "Return the query of late loans: loan, days"
        Loan = Pool().get('loan.loan')
        open_ = Loan.open_rows_query(lambda row: row.due_date < date)
        loan = Loan.__table__()
        day = cls.date.sql_cast(Literal(date))
        return open_.join(loan, condition=open_.loan == loan.id).select(
            open_.loan, days_between(Min(open_.due_date), day).as_('days'),
            where=(open_.open > 0) & (loan.product == product.id)
            & (loan.company == company.id),
            group_by=open_.loan)

    @classmethod
    def post(cls, product, company, date):
        "Book the changes that are not booked yet, by one move"
        if not product.provides(company):
            return
        pool = Pool()
        loan = pool.get('loan.loan').__table__()
        provision = cls.__table__()
        cursor = Transaction().connection.cursor()
        open_ = (provision.move == Null) & provision.loan.in_(loan.select(
                loan.id,
                where=(loan.product == product.id)
                & (loan.company == company.id)))
        amount = product.summed(provision.select(
                Sum(provision.amount).as_('amount'), where=open_))
        if not amount:
            return
        move = product.post_total(company, date, [
                (amount, 'account_impairment'),
                (-amount, 'account_provision')],
            gettext(
                'loan.msg_description_provision', product=product.rec_name))
        cursor.execute(*provision.update(
                [provision.move], [move.id], where=open_))
