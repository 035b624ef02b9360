# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The proof that the sub-ledger of the loans is what the ledger says."""
from collections import defaultdict
from decimal import Decimal

from sql import Literal, Null
from sql.aggregate import Sum
from sql.conditionals import Case, Coalesce

from trytond.i18n import gettext
from trytond.model import Model, ModelView, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.transaction import Transaction, check_access
from trytond.wizard import Button, StateView, Wizard

ZERO = Decimal(0)


class LedgerMixin(Model):
    __slots__ = ()

    @classmethod
    def ledger_differences(cls, company):
        """Return where the sub-ledger and the ledger of company differ.

        A list of (loan, account, sub-ledger, ledger); the loan is None for
        an account that was posted to besides the loans.  Amounts are in the
        currency of the loan.
        """
        loans = cls.search([
                ('company', '=', company.id),
                ('transactions', '!=', None),
                ])
        expected = cls._sub_ledger(loans)
        posted = cls._loan_lines(company)
        differences = []
        principals = set()
        for loan in loans:
            sign = 1 if loan.side == 'lent' else -1
            principal = loan.product.account_used(
                'account_principal', company)
            principals.add(principal)
            for account, kind in [
                    (principal, 'principal'),
                    (loan.account_due_used, 'due')]:
                sub = loan.currency.round(sign * expected[loan.id, kind])
                found = loan.currency.round(
                    posted.get((loan.id, account.id), ZERO))
                if sub != found:
                    differences.append((loan, account, sub, found))
        differences.extend(cls._strangers(company, principals))
        differences.extend(cls._accrued_differences(company))
        return differences

    @classmethod
    def _accrued_differences(cls, company):
        "Yield the accounts of accrued interest that differ"
        pool = Pool()
        Product = pool.get('loan.product')
        Account = pool.get('account.account')
        expected, booked = defaultdict(Decimal), {}
        for product in Product.browse(cls._run_products(company)):
            account = product.get_multivalue(
                'account_accrued', company=company.id)
            if account:
                sign = 1 if product.side == 'lent' else -1
                expected[account] += sign * cls._accrued(product, company)
                booked[account] = product.balance_of(company, account) + (
                    booked.get(account, ZERO))
        for account in Account.browse(list(expected)):
            if expected[account] != booked[account]:
                yield None, account, expected[account], booked[account]

    @classmethod
    def _accrued(cls, product, company):
        "Return what loans of product earned and were not called for"
        pool = Pool()
        loan = cls.__table__()
        accrual = pool.get('loan.accrual').__table__()
        part = pool.get('loan.transaction.allocation').__table__()
        where = (
            (loan.product == product.id) & (loan.company == company.id)
            & (loan.accrues == Literal(True)))
        earned = accrual.join(loan, condition=accrual.loan == loan.id).select(
            Sum(accrual.amount).as_('amount'),
            where=where & (accrual.move != Null))
        called = part.join(loan, condition=part.loan == loan.id).select(
            Sum(part.amount).as_('amount'),
            where=where & (part.component == 'interest')
            & part.kind.in_(['call', 'advance']))
        return product.summed(earned) - product.summed(called)

    @classmethod
    def _sub_ledger(cls, loans):
        "Return {(loan, kind): amount} as the lender sees it"
        pool = Pool()
        t = pool.get('loan.transaction').__table__()
        part = pool.get('loan.transaction.allocation').__table__()
        result = defaultdict(Decimal)
        ids = list(map(int, loans))
        query = t.select(
            t.loan, Sum(t.amount).as_('amount'),
            where=(t.type == 'disbursement')
            & fields.SQL_OPERATORS['in'](t.loan, ids), group_by=t.loan)
        for loan, amount in cls._execute(query, [None, 'NUMERIC']):
            result[loan, 'principal'] += amount
        query = part.select(
            part.loan, part.kind, part.component,
            Sum(part.amount).as_('amount'),
            where=fields.SQL_OPERATORS['in'](part.loan, ids),
            group_by=[part.loan, part.kind, part.component])
        for loan, kind, component, amount in cls._execute(
                query, [None, None, None, 'NUMERIC']):
            if kind == 'call':
                result[loan, 'due'] += amount
            elif kind == 'settle':
                result[loan, 'due'] -= amount
            if component == 'principal' and kind != 'settle':
                result[loan, 'principal'] -= amount
        return result

    @classmethod
    def _loan_lines(cls, company):
        "Return {(loan, account): balance} of the moves of transactions"
        pool = Pool()
        LoanTransaction = pool.get('loan.transaction')
        t = LoanTransaction.__table__()
        part = pool.get('loan.transaction.allocation').__table__()
        move = pool.get('account.move').__table__()
        line = pool.get('account.move.line').__table__()
        origin = LoanTransaction.origin_of(t)
        balance = Coalesce(
            line.amount_second_currency, line.debit - line.credit)
        query = t.join(move, condition=move.origin == origin).join(
            line, condition=line.move == move.id).select(
            t.loan, line.account, Sum(balance).as_('balance'),
            where=(move.company == company.id) & (move.state == 'posted'),
            group_by=[t.loan, line.account])
        # What was charged to many loans by one move
        shared = part.join(line, condition=part.line == line.id).join(
            move, condition=line.move == move.id).select(
            part.loan, line.account, Sum(balance).as_('balance'),
            where=(move.company == company.id) & (move.state == 'posted')
            & move.origin.like('loan.product,%'),
            group_by=[part.loan, line.account])
        result = defaultdict(Decimal)
        for loan, account, amount in [
                *cls._execute(query, [None, None, 'NUMERIC']),
                *cls._execute(shared, [None, None, 'NUMERIC'])]:
            result[loan, account] += amount
        return result

    @classmethod
    def _strangers(cls, company, accounts):
        "Return the accounts of principal that others posted to"
        pool = Pool()
        move = pool.get('account.move').__table__()
        line = pool.get('account.move.line').__table__()
        # Those of a product only move principal to its short term
        ours = move.origin.like('loan.transaction,%')
        ours |= move.origin.like('loan.product,%')
        balance = line.debit - line.credit
        query = line.join(move, condition=line.move == move.id).select(
            line.account, Sum(balance).as_('all'),
            Sum(Case((ours, balance), else_=0)).as_('ours'),
            where=fields.SQL_OPERATORS['in'](
                line.account, [a.id for a in accounts])
            & (move.state == 'posted'),
            group_by=line.account)
        by_id = {a.id: a for a in accounts}
        for account, total, mine in cls._execute(
                query, [None, 'NUMERIC', 'NUMERIC']):
            total = company.currency.round(total)
            mine = company.currency.round(mine)
            if total != mine:
                yield None, by_id[account], mine, total


class CheckLedgerDifference(ModelView):
    __name__ = 'loan.check_ledger.difference'

    loan = fields.Many2One('loan.loan', "Loan", readonly=True)
    account = fields.Many2One('account.account', "Account", readonly=True)
    currency = fields.Many2One(
        'currency.currency', "Currency", readonly=True)
    sub_ledger = Monetary(
        "Loans", currency='currency', digits='currency', readonly=True)
    ledger = Monetary(
        "Ledger", currency='currency', digits='currency', readonly=True)
    difference = Monetary(
        "Difference", currency='currency', digits='currency', readonly=True)


class CheckLedgerResult(ModelView):
    __name__ = 'loan.check_ledger.result'

    company = fields.Many2One('company.company', "Company", readonly=True)
    message = fields.Char("Result", readonly=True)
    differences = fields.One2Many(
        'loan.check_ledger.difference', None, "Differences", readonly=True)


class CheckLedger(Wizard):
    __name__ = 'loan.check_ledger'

    start = StateView(
        'loan.check_ledger.result', 'loan.check_ledger_result_view_form', [
            Button("Close", 'end', 'tryton-close', default=True),
            ])

    def default_start(self, fields):
        pool = Pool()
        Company = pool.get('company.company')
        Loan = pool.get('loan.loan')
        with check_access():
            company = Company(Transaction().context['company'])
            Company.read([company.id], ['id'])
        found = Loan.ledger_differences(company)
        return {
            'company': company.id,
            'message': gettext(
                'loan.msg_ledger_differs' if found
                else 'loan.msg_ledger_agrees', count=len(found)),
            'differences': [{
                    'loan': loan.id if loan else None,
                    'account': account.id,
                    'currency': (
                        loan.currency if loan else company.currency).id,
                    'sub_ledger': sub,
                    'ledger': ledger,
                    'difference': ledger - sub,
                    } for loan, account, sub, ledger in found],
            }
