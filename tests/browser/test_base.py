# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from caravan.demo.company import COMPANY
from caravan.testing.browser import BrowserTestCase, ClientError


class BaseTestCase(BrowserTestCase):
    "Tour of what all modules stand on"

    def test_party(self):
        "Make a customer with a phone, find it again, print a letter"
        client = self.login()
        client.open_menu("Parties", "Parties")
        client.new()
        client.fill('name', "Tour Customer")
        client.lines("Addresses").fill('city', "Lyon")
        line = client.lines('contact_mechanisms').new()
        line.fill_all(type="Mobile", value="+33 6 00 00 77 77")
        client.save()
        self.assertTrue(client.value('code'))

        client.switch_view('tree')
        client.search("Tour")
        self.assertEqual(
            [row["Name"] for row in client.rows()], ["Tour Customer"])
        client.select("Tour Customer")
        name, size = client.print_report("Letter")
        self.assertIn("Letter", name)
        self.assertGreater(size, 5000)

    def test_company(self):
        "The director sees the demo company and its menu"
        client = self.login('director')
        self.assertIn("Financial", client.menu())
        client.open_menu("Companies", "Companies")
        self.assertEqual(client.rows()[0]["Party"], COMPANY)
        client.screenshot('base-companies')

    def test_invalid(self):
        "What is not valid is not saved in silence"
        client = self.login()
        client.open_menu("Currencies", "Currencies")
        client.new()
        with self.assertRaisesRegex(ClientError, "Not saved"):
            client.save()
