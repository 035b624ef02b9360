# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from caravan.testing.browser import BrowserTestCase


class SmsMailingTestCase(BrowserTestCase):
    "Tour of the mailings as a marketer"

    def test_template(self):
        "See the message, its parts and its price while typing"
        client = self.login('marketer')
        client.open_menu("Mailings", "Templates")
        client.open("Autumn rates")
        client.fill('text', 'Dear {party.name|first} – see you!')
        client.fill('name', "Autumn rates again")
        client.fill('spelling', "As written")
        self.assertEqual(client.value('offending'), "–")
        client.screenshot('sms_mailing-template')

    def test_mailing(self):
        "Who is in, who is out, what it costs; start it"
        client = self.login('marketer')
        client.open_menu("Mailings", "Mailings")
        client.screenshot('sms_mailing-mailings')
        client.open_menu("Mailings", "Segments")
        client.screenshot('sms_mailing-segments')
        client.open_model('mailing.mailing')
        client.open("second wave")
        self.assertEqual(client.value('state'), "Prepared")
        client.screenshot('sms_mailing-mailing')
        client.relate("Recipients")
        client.screenshot('sms_mailing-recipients')

    def test_lists(self):
        "Messages, replies, rules and reports open"
        client = self.login('mailadmin')
        for path, name in [
                (["Mailings", "Messages"], 'messages'),
                (["Mailings", "Replies"], 'replies'),
                (["Mailings", "Refusals"], 'refusals'),
                (["Mailings", "Rules"], 'rules'),
                (["Mailings", "Reporting", "By Mailing"], 'by-mailing'),
                (["Mailings", "Configuration", "Accounts"], 'accounts'),
                ]:
            client.open_menu(*path)
            client.screenshot(f'sms_mailing-{name}')
            client.close_tab()
