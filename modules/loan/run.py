# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The daily run: what fell due, penalties, accruals, provisions.

Each part is a task of its own that commits alone.  What a run did is seen from
the rows that it left, so a second one adds nothing, and the next one does what
one that was missed or broke off did not.
"""
import datetime as dt

from sql import Null
from sql.aggregate import Sum
from sql.conditionals import Case

from trytond import backend
from trytond.i18n import gettext
from trytond.model import Model, ModelSQL, ModelView, Unique, fields
from trytond.pool import Pool
from trytond.pyson import Eval, If
from trytond.tools import grouped_slice
from trytond.transaction import Transaction, TransactionError

CHUNK = 100


class RunMixin(Model):
    __slots__ = ()

    @classmethod
    def run_day(cls, date=None):
        """Queue what is to be done on date, today by default.

        For each company: instalments that fell due are called, penalties
        charged, interest accrued, losses provided for, the months that ended
        since the last run closed, and the loans checked against the ledger.
        """
        Company = Pool().get('company.company')
        for company in Company.search([]):
            with Transaction().set_context(
                    company=company.id, queue_name='loan'):
                cls._run_company(company, date)

    @classmethod
    def _run_company(cls, company, date):
        pool = Pool()
        Date = pool.get('ir.date')
        Product = pool.get('loan.product')
        Run = pool.get('loan.run')
        date = date or Date.today()
        for loans in grouped_slice(cls._to_run(company, date), CHUNK):
            cls.__queue__.run_loans(list(loans), date)
        products = cls._run_products(company)
        ends = Run.month_ends(company, date)
        for product in products:
            Product.__queue__.run_books([product], date)
            for end in ends:
                Product.__queue__.run_period_end([product], end)
        Run.__queue__.check([Run.start(company, date)])

    @classmethod
    def _run_products(cls, company):
        "Return the ids of the products with loans of company"
        loan = cls.__table__()
        query = loan.select(
            loan.product, where=loan.company == company.id,
            group_by=loan.product)
        return [product for product, in cls._execute(query, [None])]

    @classmethod
    def _to_run(cls, company, date):
        "Return the ids of the loans to call or to penalise on date"
        pool = Pool()
        loan = cls.__table__()
        schedule = pool.get('loan.schedule').__table__()
        row = pool.get('loan.instalment').__table__()
        demand = cls._demands_query()
        running = (loan.company == company.id) & (loan.state == 'active')
        due = (row
            .join(schedule, condition=row.schedule == schedule.id)
            .join(loan, condition=schedule.current_loan == loan.id)
            .join(demand, 'LEFT', condition=(demand.loan == row.loan)
                & (demand.number_called == row.number))
            .select(
                row.loan, where=running & (demand.loan == Null)
                & (row.due_date <= date)))
        open_ = cls.open_rows_query(lambda row: row.due_date < date)
        penalised = (
            (loan.penalty_rate * 1 > 0) | (loan.penalty_per_day * 1 > 0)
            | (loan.penalty_fixed * 1 > 0))
        late = open_.join(loan, condition=open_.loan == loan.id).select(
            open_.loan, where=running & penalised & (open_.open > 0)
            & (loan.side == 'lent'))
        return sorted({
                *(id_ for id_, in cls._execute(due, [None])),
                *(id_ for id_, in cls._execute(late, [None]))})

    @classmethod
    def _demands_query(cls):
        "Return the query of what is called: loan, number_called"
        t = Pool().get('loan.transaction').__table__()
        live = Sum(Case((t.reverses == Null, 1), else_=-1))
        return t.select(
            t.loan, t.number_called, where=t.type == 'demand',
            group_by=[t.loan, t.number_called], having=live > 0)

    @classmethod
    def run_loans(cls, loans, date):
        """Call what is due of loans on date and charge their penalties.

        When that fails they are tried each alone; the one that fails then is
        among the errors of the system, with what is wrong.
        """
        transaction = Transaction()
        try:
            cls.call(loans, date)
            cls.charge_penalties(
                [l for l in loans if l.side == 'lent'], date, together=True)
        except (backend.DatabaseOperationalError, TransactionError):
            raise
        except Exception:
            transaction.rollback()
            if len(loans) == 1:
                raise
            with transaction.set_context(queue_name='loan'):
                for loan in loans:
                    cls.__queue__.run_loans([loan], date)


class Run(ModelSQL, ModelView):
    __name__ = 'loan.run'

    company = fields.Many2One(
        'company.company', "Company", required=True, readonly=True,
        ondelete='CASCADE')
    date = fields.Date("Date", required=True, readonly=True)
    differences = fields.Integer(
        "Differences", readonly=True,
        help="How many loans or accounts differ from the ledger.\n"
        "Empty as long as they are not checked.")
    message = fields.Text(
        "Result", readonly=True,
        help="The loans and accounts that differ.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._order = [('date', 'DESC'), ('id', 'DESC')]
        cls._sql_constraints += [
            ('date_unique', Unique(t, t.company, t.date),
                'loan.msg_run_date_unique'),
            ]

    def get_rec_name(self, name):
        return f'{self.company.rec_name} {self.date}'

    @classmethod
    def month_ends(cls, company, date):
        """Return the last days of months to close until date.

        They are those since the last run that came to its end, as what a
        broken one did not close is closed again.
        """
        before = [('company', '=', company.id), ('date', '<', date)]
        ended = cls.search(
            [*before, ('differences', '!=', None)],
            order=[('date', 'DESC')], limit=1)
        begun = cls.search(before, order=[('date', 'ASC')], limit=1)
        if ended:
            first = ended[0].date + dt.timedelta(days=1)
        else:
            first = begun[0].date if begun else date
        ends, month = [], first.replace(day=1)
        while month <= date:
            following = (month + dt.timedelta(days=31)).replace(day=1)
            end = following - dt.timedelta(days=1)
            if first <= end <= date:
                ends.append(end)
            month = following
        return ends

    @classmethod
    def start(cls, company, date):
        "Return the run of company on date, made when it is the first one"
        runs = cls.search([
                ('company', '=', company.id),
                ('date', '=', date),
                ])
        if runs:
            return runs[0]
        run, = cls.create([{'company': company.id, 'date': date}])
        return run

    @classmethod
    def check(cls, runs):
        "Keep where the loans and the ledger differ"
        Loan = Pool().get('loan.loan')
        for run in runs:
            found = Loan.ledger_differences(run.company)
            run.differences = len(found)
            run.message = '\n'.join(
                gettext(
                    'loan.msg_run_difference',
                    what=(loan or account).rec_name, account=account.rec_name,
                    sub=sub, ledger=ledger)
                for loan, account, sub, ledger in found) or None
        cls.save(runs)

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('differences', 0) > 0, 'danger', '')),
            ]
