# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What is booked for all loans of a product at once."""
from decimal import Decimal

from dateutil.relativedelta import relativedelta
from sql.aggregate import Sum
from sql.conditionals import Coalesce

from caravan.locking import touch
from trytond.i18n import gettext
from trytond.model import Model
from trytond.pool import Pool
from trytond.tools import sqlite_apply_types
from trytond.transaction import Transaction

from .exceptions import PostingError

ZERO = Decimal(0)


class BooksMixin(Model):
    __slots__ = ()

    @classmethod
    def run_books(cls, products, date):
        """Accrue interest and provide for losses until date.

        To be called with one product and the company in the context.
        """
        pool = Pool()
        Accrual = pool.get('loan.accrual')
        Provision = pool.get('loan.provision')
        company = cls._company()
        cls.lock(products)
        touch(cls, products)
        for product in products:
            Accrual.accrue(product, company, date)
            Accrual.post(product, company, date)
            if product.side == 'lent':
                Provision.provide(product, company, date)
                Provision.post(product, company, date)

    @classmethod
    def run_period_end(cls, products, date):
        """Book what a balance sheet of date shows.

        What falls due within twelve months goes to its own account, and
        principal in another currency is worth what the rate of date says.
        Only the difference to what is booked is posted.
        """
        company = cls._company()
        cls.lock(products)
        touch(cls, products)
        for product in products:
            if product.get_multivalue(
                    'account_short_term', company=company.id):
                product.reclassify(company, date)
            if product.currency != company.currency:
                product.revalue(company, date)

    @classmethod
    def _company(cls):
        Company = Pool().get('company.company')
        return Company(Transaction().context['company'])

    def provides(self, company):
        "Whether provisions are booked"
        return bool(self.get_multivalue(
                'account_provision', company=company.id))

    def writes_off_provisions(self, company):
        "Whether losses are written off from the provisions"
        write_off = self.get_multivalue(
            'account_write_off', company=company.id)
        return self.provides(company) and write_off == self.get_multivalue(
            'account_provision', company=company.id)

    def summed(self, query):
        "Return the amount of a query in the currency of the product"
        sqlite_apply_types(query, ['NUMERIC'])
        cursor = Transaction().connection.cursor()
        cursor.execute(*query)
        amount, = cursor.fetchone()
        return self.currency.round(amount or ZERO)

    # Posting

    def post_total(self, company, date, entries, description):
        """Post one move of entries, return it.

        entries are (amount debited as the lender sees it, name of account).
        """
        pool = Pool()
        Line = pool.get('account.move.line')
        Currency = pool.get('currency.currency')
        lines = []
        for amount, account in entries:
            if self.side == 'borrowed':
                amount = -amount
            line = Line(account=self.account_used(account, company))
            value = amount
            if self.currency != company.currency:
                with Transaction().set_context(date=date):
                    value = Currency.compute(
                        self.currency, amount, company.currency)
                line.second_currency = self.currency
                line.amount_second_currency = amount
            line.debit, line.credit = max(value, ZERO), max(-value, ZERO)
            lines.append(line)
        return self._post(company, date, lines, description)

    def _post(self, company, date, lines, description):
        pool = Pool()
        Move = pool.get('account.move')
        LoanTransaction = pool.get('loan.transaction')
        Configuration = pool.get('loan.configuration')
        journal = Configuration(1).get_multivalue(
            'loan_journal', company=company.id)
        if not journal:
            raise PostingError(gettext('loan.msg_journal_missing'))
        date = LoanTransaction.open_date(company, date)
        move = Move(
            company=company, journal=journal, date=date,
            period=LoanTransaction._period(company, date), origin=self,
            lines=lines, description=description)
        move.save()
        Move.post([move])
        return move

    # Period end

    def reclassify(self, company, date):
        "Bring the account of what is due within twelve months up to date"
        sign = 1 if self.side == 'lent' else -1
        account = self.account_used('account_short_term', company)
        amount = self._short_term(company, date) - sign * self.balance_of(
            company, account)
        if amount:
            self.post_total(company, date, [
                    (amount, 'account_short_term'),
                    (-amount, 'account_principal')],
                gettext(
                    'loan.msg_description_reclassify',
                    product=self.rec_name))

    def _short_term(self, company, date):
        "Return the principal that the plans ask for within twelve months"
        pool = Pool()
        loan = pool.get('loan.loan').__table__()
        row = pool.get('loan.instalment').__table__()
        schedule = pool.get('loan.schedule').__table__()
        part = pool.get('loan.transaction.allocation').__table__()
        called = part.select(
            Coalesce(Sum(part.amount), 0),
            where=(part.loan == row.loan) & (part.number == row.number)
            & (part.component == 'principal')
            & part.kind.in_(['call', 'advance']))
        return self.summed(row
            .join(schedule, condition=row.schedule == schedule.id)
            .join(loan, condition=schedule.current_loan == loan.id)
            .select(
                Sum(row.principal - called).as_('amount'),
                where=(loan.product == self.id)
                & (loan.company == company.id) & (loan.state == 'active')
                & (row.due_date <= date + relativedelta(months=12))))

    def _balances(self, company, accounts):
        "Return {account: (balance in the currency, value)} of our moves"
        pool = Pool()
        t = pool.get('loan.transaction').__table__()
        loan = pool.get('loan.loan').__table__()
        move = pool.get('account.move').__table__()
        line = pool.get('account.move.line').__table__()
        LoanTransaction = pool.get('loan.transaction')
        ours = move.origin.in_(
            t.join(loan, condition=t.loan == loan.id).select(
                LoanTransaction.origin_of(t), where=loan.product == self.id))
        query = line.join(move, condition=line.move == move.id).select(
            line.account,
            Sum(Coalesce(line.amount_second_currency, 0)).as_('foreign'),
            Sum(line.debit - line.credit).as_('value'),
            where=line.account.in_([a.id for a in accounts])
            & (move.company == company.id) & (move.state == 'posted')
            & (ours | (move.origin == str(self))),
            group_by=line.account)
        sqlite_apply_types(query, [None, 'NUMERIC', 'NUMERIC'])
        cursor = Transaction().connection.cursor()
        cursor.execute(*query)
        found = {a: (f, v) for a, f, v in cursor}
        result = {}
        for account in accounts:
            foreign, value = found.get(account.id, (ZERO, ZERO))
            result[account] = (
                self.currency.round(foreign), company.currency.round(value))
        return result

    def balance_of(self, company, account):
        "Return the balance of account by our moves, in our currency"
        foreign, value = self._balances(company, [account])[account]
        return value if self.currency == company.currency else foreign

    def revalue(self, company, date):
        "Bring principal and accrued interest to the rate of date"
        pool = Pool()
        Line = pool.get('account.move.line')
        Currency = pool.get('currency.currency')
        lines = []
        with Transaction().set_context(date=date):
            for account, (foreign, value) in self._balances(
                    company, self._foreign_accounts(company)).items():
                difference = Currency.compute(
                    self.currency, foreign, company.currency) - value
                if difference:
                    lines.append(Line(
                            account=account, debit=max(difference, ZERO),
                            credit=max(-difference, ZERO)))
        total = sum(line.debit - line.credit for line in lines)
        if not lines:
            return
        if total:
            lines.append(Line(
                    account=self.exchange_account(company, total > 0),
                    debit=max(-total, ZERO), credit=max(total, ZERO)))
        self._post(company, date, lines, gettext(
                'loan.msg_description_revalue', product=self.rec_name))

    def _foreign_accounts(self, company):
        accounts = [
            self.get_multivalue(name, company=company.id)
            for name in [
                'account_principal', 'account_short_term',
                'account_accrued']]
        return list(dict.fromkeys(a for a in accounts if a))

    @staticmethod
    def exchange_account(company, gain):
        "Return the account of gains or losses of exchange of company"
        Configuration = Pool().get('account.configuration')
        name = (
            'currency_exchange_credit_account' if gain
            else 'currency_exchange_debit_account')
        account = Configuration(1).get_multivalue(name, company=company.id)
        if not account:
            raise PostingError(gettext('loan.msg_exchange_account_missing'))
        return account
