# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""A database with all that the mailings may be richer with."""
from caravan.testing import prepare_database, unvalidated
from trytond.modules.company.tests import create_company, set_company
from trytond.modules.loan.tests.tools import setup_invoicing
from trytond.modules.sms_mailing.tests import test_module, tools
from trytond.modules.sms_mailing.tests.fixtures import make_account
from trytond.pool import Pool
from trytond.tests.test_tryton import CONTEXT, DB_NAME, USER, TestCase
from trytond.transaction import Transaction

# What the module extends
EXTRAS = test_module.SmsMailingTestCase.extras


@unvalidated()
def set_accounting(config=None):
    "Set up accounting, which other suites validate, for a scenario"
    setup_invoicing(config=config)
    tools.set_company(config)


def set_up():
    "Create a company with an account"
    company = create_company()
    with set_company(company):
        make_account(company)


class ExtrasTestCase(TestCase):
    "Test in a company with an account, rolled back"
    modules = ['sms_mailing', *EXTRAS]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        prepare_database(cls.modules, set_up)

    def setUp(self):
        super().setUp()
        transaction = self.enterContext(Transaction().start(
                DB_NAME, USER, context=CONTEXT))
        self.addCleanup(transaction.rollback)
        self.addCleanup(Transaction().cache.clear)
        self.company, = Pool().get('company.company').search([])
        self.enterContext(set_company(self.company))
        self.account, = Pool().get('mailing.account').search([])
