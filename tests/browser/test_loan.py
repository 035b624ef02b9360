# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from dateutil.relativedelta import relativedelta

from caravan.testing.browser import BrowserTestCase


class LoanTestCase(BrowserTestCase):
    "A credit officer works a whole loan without leaving the web client"

    def as_user(self, user, id=None):
        client = self.login(user)
        if id:
            client.open_model('loan.loan', id)
        return client

    def find(self, client, purpose):
        id, = client.call(
            'model.loan.loan.search', [('purpose', '=', purpose)], 0, 1, None)
        return id

    def apply(self, client, menu, product, party, amount, start, purpose):
        "Fill in an application, return the id of the loan"
        client.open_menu("Loans", menu)
        client.new()
        client.fill('party', party)
        client.fill('product', product)
        client.fill('amount_requested', amount)
        client.fill('purpose', purpose)
        client.fill('application_date', start)
        client.fill('disbursement_date', start)
        client.save()
        return self.find(client, purpose)

    def parties(self, client):
        return [p['name'] for p in client.call(
                'model.party.party.search_read',
                [('addresses.city', '!=', None)], 0, 6, None, ['name'])]

    def pay_out(self, id):
        client = self.as_user('creditbooks', id)
        client.press("Pay Out")
        client.fill('method', "Bank")
        client.screenshot('loan-pay-out')
        client.press("Pay Out")
        client.reload()
        self.assertEqual(client.value('state'), "Active")

    def test_loan_given(self):
        start = dt.date.today() - relativedelta(months=2, days=3)
        clerk = self.login('creditclerk')
        parties = self.parties(clerk)
        id = self.apply(
            clerk, "Loans Given", "Customer loan", parties[0], 36000, start,
            "Cold store door")
        self.guarantee(clerk, parties[1])
        clerk.press("Submit")
        self.assertEqual(clerk.value('state'), "Submitted")
        clerk.page_of("Schedule")
        clerk.screenshot('loan-application')
        # Above the limit another person decides
        self.assertNotIn("Approve", clerk.buttons())

        approver = self.as_user('creditapprover', id)
        approver.press("Approve")
        self.assertEqual(approver.value('state'), "Approved")
        clerk.reload()
        name, size = clerk.print_report("Contract")
        self.assertIn("Contract", name)
        self.assertGreater(size, 5000)
        self.pay_out(id)
        clerk.reload()
        self.assertIn("Late", clerk.value('health'))
        clerk.screenshot('loan-late')
        self.promise(clerk)
        self.pay(clerk)
        self.pay_early(clerk)
        self.reschedule(approver, id)
        self.end(clerk, id)

    def guarantee(self, client, party):
        client.page_of("Security")
        line = client.lines('co_parties').new()
        line.fill('party', party)
        line.fill('role', "Guarantor")
        client.save()

    def promise(self, client):
        client.page_of("Promises")
        client.lines('promises').new()
        client.fill('date', dt.date.today() + dt.timedelta(days=7))
        client.fill('amount', 500)
        client.press("Add")
        client.save()
        client.screenshot('loan-promise')

    def pay(self, client):
        "The first instalment late, the second in part, then the rest"
        client.press("Book Payment")
        client.fill('method', "Bank")
        client.screenshot('loan-payment')
        due = client.value('amount')
        client.press("Book")
        client.reload()
        self.assertTrue(due)
        self.assertNotIn("Late", client.value('health'))
        client.page_of("Schedule")
        client.screenshot('loan-schedule')
        client.page_of("Payments")
        client.screenshot('loan-payments')

    def pay_early(self, client):
        client.press("Pay Early")
        client.fill('amount', 5000)
        client.fill('method', "Bank")
        client.press("Compare")
        client.screenshot('loan-what-if')
        client.fill('strategy', "Smaller instalments")
        client.press("Book")
        client.reload()
        client.page_of("Changes")
        client.press("Compare Versions")
        self.assertTrue(client.rows())
        client.screenshot('loan-compare')
        client.press("Close")
        client.print_report("Addendum")

    def reschedule(self, client, id):
        client.open_model('loan.loan', id)
        client.page_of("Changes")
        client.press("Reschedule")
        client.fill('extra', 3)
        client.fill('reason', "Bad season")
        client.press("Compare")
        client.screenshot('loan-reschedule')
        client.press("Reschedule")
        client.reload()

    def end(self, client, id):
        "The last cent and the certificates"
        client.reload()
        name, _ = client.print_report("Pay-Off Certificate")
        self.assertIn("Pay-Off", name)
        client.press("Pay Early")
        total = client.value('pay_off')
        client.fill('amount', total.replace(',', '').strip('€$ \xa0'))
        client.fill('method', "Bank")
        client.press("Compare")
        client.press("Book")
        client.reload()
        self.assertEqual(client.value('state'), "Closed")
        client.screenshot('loan-closed')
        client.print_report("Statement of Account")

    def test_loan_received(self):
        "The same from the borrower's side"
        start = dt.date.today() - relativedelta(months=1, days=3)
        clerk = self.login('creditclerk')
        id = self.apply(
            clerk, "Loans Received", "Bank loan",
            "Credit Union of the North", 12000, start, "Ramp")
        clerk.press("Submit")
        approver = self.as_user('creditapprover', id)
        approver.press("Approve")
        self.pay_out(id)
        clerk.reload()
        clerk.press("Book Payment")
        clerk.fill('method', "Bank")
        clerk.press("Book")
        clerk.reload()
        self.assertEqual(clerk.value('health'), "On schedule")
        clerk.screenshot('loan-received')

    def test_lists(self):
        "The lists open on what asks for work, in colours"
        client = self.login('creditclerk')
        for menu in ["Loans Given", "Loans Received"]:
            client.open_menu("Loans", menu)
            client.page_of("Running")
            self.assertTrue(client.rows())
            client.screenshot('loan-' + menu.lower().replace(' ', '-'))
        client.open_menu("Loans", "Loans Given")
        client.page_of("Late")
        self.assertTrue(client.rows())
        client.screenshot('loan-list-late')
