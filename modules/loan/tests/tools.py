# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Fixtures of the scenarios: products, payment methods, loans."""
import datetime as dt
from decimal import Decimal

from proteus import Model

from trytond.modules.account.tests.tools import (
    create_chart, create_fiscalyear, get_accounts)
from trytond.modules.company.tests.tools import create_company, get_company

__all__ = [
    'create_account', 'create_product', 'get_method', 'run_loan',
    'set_accounts', 'setup_accounting', 'setup_invoicing']


def create_account(name, code, config=None):
    "Return an account like the one of cash, under a name of its own"
    Account = Model.get('account.account', config=config)
    cash = get_accounts(get_company(config=config), config=config)['cash']
    account = Account()
    account.name = name
    account.code = code
    account.type = cash.type
    account.company = cash.company
    account.save()
    return account


def setup_invoicing(config=None):
    "Set up accounting with the sequences of invoices"
    from trytond.modules.account_invoice.tests.tools import (
        set_fiscalyear_invoice_sequences)
    setup_accounting(config, prepare=set_fiscalyear_invoice_sequences)


def setup_accounting(config=None, today=None, prepare=None):
    """Create a company, its chart and a fiscal year that is open long.

    prepare completes the fiscal year for other modules before it is saved.
    """
    create_company(config=config)
    company = get_company(config=config)
    create_chart(company, config=config)
    today = today or dt.date.today()
    fiscalyear = create_fiscalyear(
        company, today=(
            today.replace(month=1, day=1, year=today.year - 2),
            today.replace(month=12, day=31, year=today.year + 1)),
        config=config)
    if prepare:
        fiscalyear = prepare(fiscalyear, config=config)
    fiscalyear.save()
    fiscalyear.click('create_period')


def set_accounts(product, config=None):
    "Give product the accounts of the test company"
    company = get_company(config=config)
    accounts = get_accounts(company, config=config)
    Account = Model.get('account.account', config=config)
    found = Account.find([('code', '=', 'LOAN')], limit=1)
    if found:
        principal, = found
    else:
        principal = create_account("Loans", 'LOAN', config)
    product.account_principal = principal
    for name in ['interest', 'fee', 'penalty', 'recovery']:
        setattr(product, f'account_{name}', accounts['revenue'])
    for name in ['waiver', 'write_off']:
        setattr(product, f'account_{name}', accounts['expense'])
    return product


def create_product(name="Consumer loan", config=None, **values):
    "Return a product at 12 % with its accounts"
    Product = Model.get('loan.product', config=config)
    product = Product(name=name)
    product.rate = Decimal('.12')
    for key, value in values.items():
        setattr(product, key, value)
    set_accounts(product, config=config)
    product.save()
    return product


def get_method(config=None):
    "Return the payment method of the till, made when missing"
    Method = Model.get('loan.payment.method', config=config)
    Journal = Model.get('account.journal', config=config)
    methods = Method.find([], limit=1)
    if methods:
        return methods[0]
    accounts = get_accounts(get_company(config=config), config=config)
    journal, = Journal.find([('type', '=', 'cash')], limit=1)
    method = Method(name="Till")
    method.journal = journal
    method.account = accounts['cash']
    method.save()
    return method


def run_loan(product, start, amount, config=None, **values):
    "Return a loan that was paid out on start to a party of its own"
    Loan = Model.get('loan.loan', config=config)
    Party = Model.get('party.party', config=config)
    party = Party(name=f"Borrower {start} {amount}")
    party.save()
    loan = Loan(party=party, product=product)
    loan.amount_requested = amount
    loan.application_date = start
    loan.disbursement_date = start
    for key, value in values.items():
        setattr(loan, key, value)
    loan.click('submit')
    loan.click('approve')
    disburse = loan.click('disburse')
    disburse.form.method = get_method(config=config)
    disburse.execute('pay')
    loan.reload()
    return loan
