# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import tempfile
import unittest
from datetime import date
from decimal import Decimal as D
from pathlib import Path

from proteus import Model

from caravan.load.loans import Loans
from caravan.load.repayments import Repayments
from caravan.testing import activate_modules
from trytond.modules.loan.tests.tools import (
    create_product, get_method, setup_accounting)
from trytond.tests.test_tryton import drop_db

APPLICATIONS = """\
application,month_duration,purpose,credit_amount,credit_history,target
A1,12,car,1200,paid back,good
A2,24,radio,5000,critical account,bad
A3,6,tools,900,,
A4,0,tools,900,,good
A5,6,tools,-1,,good
A6,6,tools,900,,perhaps
A1,12,car,1200,paid back,good
"""


class LoanLoadTestCase(unittest.TestCase):
    "Test the loaders of loans"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.config = activate_modules('loan', setup_accounting)
        cls.addClassCleanup(drop_db)
        create_product(config=cls.config)
        cls.method = get_method(config=cls.config)

    def load(self, loader, content, **kwargs):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, 'rows.csv')
            path.write_text(content, encoding='utf-8')
            result = loader(self.config, **kwargs).load(path, progress=False)
            rejects = Path(f'{path}.rejects.csv')
            lines = rejects.read_text().splitlines()[1:] if (
                rejects.exists()) else []
        return result, lines

    def test_loans(self):
        "Good ones are approved with schedules, bad ones say why"
        Loan = Model.get('loan.loan')
        result, _ = self.load(Loans, APPLICATIONS, dry_run=True)
        self.assertEqual(result, (3, 0, 4))
        self.assertEqual(Loan.find([]), [])

        result, rejects = self.load(Loans, APPLICATIONS)
        self.assertEqual(result, (3, 0, 4))
        self.assertEqual(
            sorted(line.split(',')[0] for line in rejects),
            ['5', '6', '7', '8'])
        loans = {loan.reference: loan for loan in Loan.find([])}
        self.assertEqual(
            {k: v.state for k, v in loans.items()},
            {'A1': 'approved', 'A2': 'rejected', 'A3': 'submitted'})
        self.assertEqual(len(loans['A1'].instalments), 12)
        self.assertIn('critical account', loans['A2'].reject_reason)

        result, _ = self.load(Loans, APPLICATIONS)
        self.assertEqual(result, (0, 3, 4))
        self.check_repayments(loans['A1'])

    def check_repayments(self, loan):
        "Payments come in once, wrong ones go out"
        disburse = loan.click('disburse')
        disburse.form.method = self.method
        disburse.execute('pay')
        today = date.today()
        content = (
            'reference,loan,date,amount\n'
            f'P1,A1,{today},106.62\n'
            f'P2,A9,{today},10\n'
            f'P3,A1,{today},99999\n'
            f'P4,{loan.number},{today},100\n')
        result, rejects = self.load(Repayments, content)
        self.assertEqual(result, (2, 0, 2))
        self.assertEqual([line.split(',')[0] for line in rejects], ['3', '4'])
        loan.reload()
        self.assertEqual(loan.amount_paid, D('206.62'))
        result, _ = self.load(Repayments, content)
        self.assertEqual(result, (0, 2, 2))
