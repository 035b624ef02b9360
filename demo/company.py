# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The company itself: currency, accounts, fiscal years, users."""
import datetime as dt
from decimal import Decimal

__all__ = ['COMPANY', 'USERS', 'fill', 'finish', 'make_users']

COMPANY = "Meridian Carriage & Credit"
_CHART = 'account.account_template_root_en'
_ACCOUNTS = ['receivable', 'payable', 'revenue', 'expense']

_BUSINESS = [
    'account.group_account', 'company.group_employee_admin',
    'party.group_party_admin', 'product.group_product_admin',
    'purchase.group_purchase', 'sale.group_sale', 'stock.group_stock']
USERS = [
    ('director', "Diane Marchand", [
            *_BUSINESS, 'account.group_account_admin',
            'company.group_company_admin', 'purchase.group_purchase_admin',
            'sale.group_sale_admin', 'stock.group_stock_admin']),
    ('accountant', "Alain Comptois", [
            'account.group_account', 'account.group_account_admin',
            'party.group_party_admin']),
    ]
# What the client opens when the user logs in
_HOMES = {
    'anna': 'crm_party.act_day_board',
    'boris': 'crm_party.act_day_board',
    'creditclerk': 'loan.act_loan_form',
    'dispatcher': 'fleet.act_trip_form',
    'marketer': 'sms_mailing.act_mailing_board',
    'mechanic': 'fleet.act_vehicle_powered_form',
    'storechief': 'stock_ext.act_cover_board',
    }


def fill(demo):
    "Make the company, its accounts and its fiscal years"
    _make_company(demo)
    _make_accounts(demo)
    for year in [demo.today.year - 1, demo.today.year]:
        demo.fiscal_years.append(_make_fiscal_year(demo, year))
    _make_payment_term(demo)


def _make_company(demo):
    euro, = demo.create('currency.currency', [{
                'name': "Euro", 'code': 'EUR', 'numeric_code': '978',
                'symbol': "€", 'digits': 2, 'rounding': Decimal('0.01'),
                'rates': [('create', [{
                                'date': dt.date(demo.today.year - 1, 1, 1),
                                'rate': Decimal(1)}])],
                }])
    party, = demo.create('party.party', [{'name': COMPANY}])
    wizard = demo.wizard('company.company.config')
    wizard.execute('company')
    wizard.form.party = party
    wizard.form.currency = euro
    wizard.execute('add')
    User = demo.get('res.user')
    demo.config._context = User.get_preferences(True, demo.config.context)
    demo.company, = demo.get('company.company').find([], limit=1)


def _make_accounts(demo):
    wizard = demo.wizard('account.create_chart')
    wizard.execute('account')
    wizard.form.account_template = demo.get('account.account.template')(
        demo.xml_id(_CHART))
    wizard.form.company = demo.company
    wizard.execute('create_account')
    Account = demo.get('account.account')
    for kind in _ACCOUNTS:
        demo.accounts[kind], = Account.find([
                (f'type.{kind}', '=', True),
                ('company', '=', demo.company.id),
                ('closed', '!=', True),
                ], limit=1)
    demo.accounts['cash'], = Account.find(
        [('code', '=', '1.1.1'), ('company', '=', demo.company.id)])
    wizard.form.account_receivable = demo.accounts['receivable']
    wizard.form.account_payable = demo.accounts['payable']
    wizard.form.category_account_revenue = demo.accounts['revenue']
    wizard.form.category_account_expense = demo.accounts['expense']
    wizard.execute('create_properties')


def _make_fiscal_year(demo, year):
    FiscalYear = demo.get('account.fiscalyear')
    fiscal_year = FiscalYear(
        name=str(year), company=demo.company,
        start_date=dt.date(year, 1, 1), end_date=dt.date(year, 12, 31))
    fiscal_year.move_sequence = demo.sequence(
        "Account Move", f"Moves {year}")
    invoices = demo.sequence("Invoice", f"Invoices {year}")
    line, = fiscal_year.invoice_sequences
    for kind in ['out_invoice', 'out_credit_note',
            'in_invoice', 'in_credit_note']:
        setattr(line, f'{kind}_sequence', invoices)
    fiscal_year.save()
    fiscal_year.click('create_period')
    return fiscal_year


def _make_payment_term(demo):
    demo.create('account.invoice.payment_term', [{
                'name': "30 days",
                'lines': [('create', [{
                                'type': 'remainder',
                                'relativedeltas': [
                                    ('create', [{'days': 30}])],
                                }])],
                }])


def make_users(demo, users, password):
    """Make the users and their employees.

    users is a list of (login, name, [XML ids of groups]); who is named by
    more than one module has the groups of each.  Returns {login: name}.
    """
    names, groups = {}, {}
    for login, name, ids in users:
        names.setdefault(login, name)
        groups.setdefault(login, {}).update(dict.fromkeys(ids))
    parties = demo.create('party.party', [{'name': n} for n in names.values()])
    employees = demo.create('company.employee', [{
                'party': party.id,
                'company': demo.company.id,
                } for party in parties])
    records = demo.create('res.user', [{
                'login': login,
                'name': names[login],
                'email': f'{login}@meridian.example',
                'password': password,
                'companies': [('add', [demo.company.id])],
                'company': demo.company.id,
                'employees': [('add', [employee.id])],
                'employee': employee.id,
                'groups': [('add', [demo.xml_id(i) for i in ids])],
                } for (login, ids), employee in zip(
                    groups.items(), employees)])
    demo.users.update(zip(groups, records))
    demo.employees.extend(employees)
    return names


def finish(demo, password):
    "Set what opens at the login of the users and the password of admin"
    Item = demo.get('ir.module.config_wizard.item')
    Item._proxy.write(
        [i.id for i in Item.find([('state', '=', 'open')])],
        {'state': 'done'}, demo.context)
    User = demo.get('res.user')
    admin, = User.find([('login', '=', 'admin')])
    User._proxy.write([admin.id], {
            'password': password,
            'email': 'admin@meridian.example',
            'actions': [('remove', [a.id for a in admin.actions])],
            }, demo.context)
    Window = demo.get('ir.action.act_window')
    for login, home in _HOMES.items():
        if user := demo.users.get(login):
            action = Window(demo.xml_id(home)).action
            User._proxy.write(
                [user.id], {'actions': [('add', [action.id])]}, demo.context)
