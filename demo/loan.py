# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Two years of loans given and received, some of them late today."""
from decimal import Decimal

from dateutil.relativedelta import relativedelta

__all__ = ['USERS', 'fill']

USERS = [
    ('creditclerk', "Clara Weber", ['loan.group_loan']),
    ('creditapprover', "Anton Maier", ['loan.group_loan_approver']),
    ('creditbooks', "Berta Vogel", [
            'loan.group_loan_accountant', 'account.group_account']),
    ('creditadmin', "Adele Kurz", ['loan.group_loan_admin']),
    ('director', "Diane Marchand", ['loan.group_loan_admin']),
    ]
_PRODUCTS = [
    ("Customer loan", 'CUSTOMER', 'lent', 'annuity', '0.096', 24, {
            'upfront_fee_rate': Decimal('0.01'),
            'penalty_rate': Decimal('0.12'),
            'penalty_grace': 5,
            'four_eyes_amount': Decimal('30000'),
            }),
    ("Vehicle loan", 'VEHICLE', 'lent', 'annuity', '0.069', 48, {
            'day_count': 'act_365',
            'residual_rate': Decimal('0.2'),
            'amount_min': Decimal('30000'),
            }),
    ("Staff loan", 'STAFF', 'lent', 'equal_principal', '0.02', 12, {}),
    ("Bank loan", 'BANK', 'borrowed', 'annuity', '0.045', 60, {}),
    ]
_PURPOSES = [
    "Trailer", "Working capital", "Cold store", "Fuel in advance",
    "Tyres for the season", "Office", "Forklift"]
# (months since paid out, instalments left unpaid) of the loans given
_RUNS = [
    (14, 0), (13, 0), (12, 0), (11, 1), (10, 0), (9, 0), (8, 2), (7, 0),
    (6, 0), (6, 1), (5, 0), (4, 0), (4, 3), (3, 0), (2, 0), (2, 0), (1, 0),
    (1, 0), (0, 0), (0, 0)]


def fill(demo):
    "Make products, applications, loans that run, and what was paid on them"
    cash = demo.accounts['cash']
    accounts = _make_accounts(demo, cash)
    products = _make_products(demo, accounts)
    method = _make_method(demo, cash)
    loans = _make_loans(demo, products)
    loans += _make_received(demo, products)
    _pay_out(demo, loans, method)
    _repay(demo, loans, method)
    _make_applications(demo, products)
    _make_promise(demo)
    _run(demo)


def _make_accounts(demo, cash):
    "Return the accounts of each side, and of the provisions"
    def account(name, code):
        record = demo.get('account.account')(
            name=name, code=code, company=demo.company)
        record.type = cash.type
        record.save()
        return record
    return {
        'lent': account("Loans given", '2710'),
        'borrowed': account("Loans received", '1640'),
        'lent_accrued': account("Interest earned", '2715'),
        'borrowed_accrued': account("Interest owed", '1645'),
        'provision': account("Provisions for loans", '2719'),
        }


def _make_products(demo, accounts):
    revenue, expense = demo.accounts['revenue'], demo.accounts['expense']
    products = {}
    Product = demo.get('loan.product')
    for name, code, side, method, rate, term, values in _PRODUCTS:
        product = Product(
            name=name, code=code, side=side, method=method,
            rate=Decimal(rate), term=term, **values)
        product.account_principal = accounts[side]
        product.account_accrued = accounts[f'{side}_accrued']
        if side == 'lent':
            product.account_provision = accounts['provision']
            product.account_impairment = expense
        income = revenue if side == 'lent' else expense
        for field in ['interest', 'fee', 'penalty', 'recovery']:
            setattr(product, f'account_{field}', income)
        for field in ['waiver', 'write_off']:
            setattr(product, f'account_{field}', expense)
        products[code] = product
    Product.save(list(products.values()))
    return products


def _make_method(demo, cash):
    journal, = demo.get('account.journal').find(
        [('type', '=', 'cash')], limit=1)
    method = demo.get('loan.payment.method')(
        name="Bank", journal=journal, account=cash)
    method.save()
    return method


def _applications(demo, products, runs):
    officers = demo.employees[:3]
    for index, (months, unpaid) in enumerate(runs):
        product = products['VEHICLE' if index % 4 == 1 else 'CUSTOMER']
        amount = demo.random.randrange(4, 30) * 1000 + (
            30000 if index % 4 == 1 else 0)
        date = demo.today - relativedelta(months=months, days=3)
        yield {
            'party': demo.parties[index % len(demo.parties)].id,
            'product': product.id,
            'amount_requested': Decimal(amount),
            'term': demo.random.choice([18, 24, 36, 48]),
            'purpose': demo.random.choice(_PURPOSES),
            'officer': officers[index % len(officers)].id,
            'application_date': date - relativedelta(days=10),
            'disbursement_date': date,
            'reference': f'K-{1001 + index}',
            'decision': 'approve',
            }, unpaid


def _load(demo, values):
    Loan = demo.get('loan.loan')
    return [Loan(id) for id in Loan._proxy.load_applications(
            values, demo.context)]


def _make_loans(demo, products):
    values, unpaid = zip(*_applications(demo, products, _RUNS))
    return list(zip(_load(demo, list(values)), unpaid))


def _make_received(demo, products):
    bank = demo.create('party.party', [{'name': "Credit Union of the North"}])
    loans = _load(demo, [{
                'party': bank[0].id,
                'product': products['BANK'].id,
                'amount_requested': Decimal(amount),
                'purpose': purpose,
                'application_date': demo.today - relativedelta(months=months),
                'disbursement_date': (
                    demo.today - relativedelta(months=months)),
                'reference': f'B-{index}',
                'decision': 'approve',
                } for index, (amount, months, purpose) in enumerate([
                    (240000, 13, "Two tractors"),
                    (80000, 5, "Warehouse roof")], 1)])
    return [(loan, 0) for loan in loans]


def _pay_out(demo, loans, method):
    demo.get('loan.loan')._proxy.book_payouts([{
                'loan': loan.id,
                'date': loan.disbursement_date,
                'amount': loan.amount_approved,
                'method': method.id,
                'key': f'OUT-{loan.reference}',
                } for loan, _ in demo.progress(loans, "loans paid out")],
        demo.context)


def _repay(demo, loans, method):
    "Pay what is due, but the last instalments of those that are late"
    payments = []
    for loan, unpaid in demo.progress(loans, "loans repaid"):
        loan.reload()
        due = [i for i in loan.instalments if i.due_date <= demo.today]
        payments.extend({
                'loan': loan.id,
                'date': i.due_date,
                'amount': i.amount,
                'method': method.id,
                'key': f'IN-{loan.reference}-{i.number}',
                } for i in due[:len(due) - unpaid])
    demo.get('loan.loan')._proxy.book_payments(
        sorted(payments, key=lambda p: p['date']), demo.context)


def _make_applications(demo, products):
    "Applications that wait, and some that were turned down"
    values = [v for v, _ in _applications(demo, products, [(0, 0)] * 8)]
    for index, application in enumerate(values):
        application['reference'] = f'A-{2001 + index}'
        application['disbursement_date'] = demo.on(7)
        application['application_date'] = demo.on(-index)
        application['decision'] = 'reject' if index < 3 else None
        if index < 3:
            application['reject_reason'] = demo.random.choice([
                    "Income does not cover the instalments",
                    "Other credits are not paid duly"])
    _load(demo, values)


def _run(demo):
    "Do what the night does, with provisions for what is late"
    buckets = demo.get('loan.bucket').find([('days_from', '>', 0)])
    for bucket in buckets:
        bucket.provision_rate = Decimal(bucket.days_from // 30 * 25) / 100
    demo.get('loan.bucket').save(buckets)
    cron, = demo.get('ir.cron').find([('method', '=', 'loan.loan|run_day')])
    cron.click('run_once')


def _make_promise(demo):
    "One who is late promised to pay"
    late = demo.get('loan.loan').find([('health', '=', 'late_31')], limit=1)
    demo.create('loan.promise', [{
                'loan': loan.id,
                'made_on': demo.today,
                'date': demo.on(10),
                'amount': loan.amount_overdue,
                'note': "Waits for a payment of their own",
                } for loan in late])
