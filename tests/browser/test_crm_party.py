# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from caravan.testing.browser import BrowserTestCase


class CrmPartyTestCase(BrowserTestCase):
    "Tour of a manager's day"

    def test_day(self):
        "See whom to contact and why, close a call with its next step"
        client = self.login('anna')
        client.open_menu("Customers", "My Day")
        client.screenshot('crm_party-day')

        client.open_menu("Customers", "My Activities")
        client.screenshot('crm_party-activities')
        client.new()
        client.fill('type', "Visit")
        client.fill('subject', "Tour of the depot")
        client.save()
        client.press("Done")
        client.fill('result', "Interested")
        self.assertEqual(client.value('next_type'), "Promise")
        client.screenshot('crm_party-done')
        client.press("Done")
        client.reload()
        self.assertEqual(client.value('state'), "Done")

    def test_customer(self):
        "Everything that happened with a customer on one page"
        client = self.login('celine')
        client.open_menu("Customers", "Customers")
        client.screenshot('crm_party-customers')
        for menu in ["Contact Now", "Leads", "Cases", "Segments"]:
            client.open_menu("Customers", menu)
            self.assertTrue(client.rows())
            client.screenshot(
                'crm_party-' + menu.lower().replace(' ', '-'))

    def test_administration(self):
        "Types, duplicates, figures"
        client = self.login('director')
        client.open_menu("Customers", "Configuration", "Activity Types")
        client.open("Call")
        client.screenshot('crm_party-type')
        client.open_menu("Customers", "Reporting", "Plan and Done")
        self.assertTrue(client.rows())
        client.screenshot('crm_party-plan-done')
