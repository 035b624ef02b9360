# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""A database with all that the mailings may be richer with."""
from caravan.testing import prepare_database
from trytond.modules.company.tests import create_company, set_company
from trytond.modules.sms_mailing.tests.fixtures import make_account
from trytond.modules.sms_mailing.tests.test_module import SmsMailingTestCase
from trytond.tests.test_tryton import CONTEXT, DB_NAME, USER, TestCase, drop_db
from trytond.transaction import Transaction


class ExtrasTestCase(TestCase):
    "Test in a new company with an account, rolled back"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        prepare_database(
            [SmsMailingTestCase.module, *SmsMailingTestCase.extras])
        cls.addClassCleanup(drop_db)

    def setUp(self):
        super().setUp()
        transaction = self.enterContext(Transaction().start(
                DB_NAME, USER, context=CONTEXT))
        self.addCleanup(transaction.rollback)
        self.addCleanup(Transaction().cache.clear)
        self.company = create_company()
        self.enterContext(set_company(self.company))
        self.account = make_account(self.company)
