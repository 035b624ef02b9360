# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

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

    def require_approval(self, required):
        client = self.login('mailadmin')
        client.open_menu("Mailings", "Configuration", "Configuration")
        client.fill('approval', required)
        client.save()

    def open_mailing(self, user, name):
        "Return a client of user with the mailing on the screen"
        client = self.login(user)
        client.open_menu("Mailings", "Mailings")
        client.page_of("All")
        client.open(name)
        return client

    def test_path(self):
        "Choose the people, see the price, have it approved, start, pause"
        self.require_approval(True)
        self.addCleanup(self.require_approval, False)
        marketer = self.login('marketer')
        marketer.open_menu("Mailings", "Mailings")
        marketer.new()
        marketer.fill('name', "Winter rates")
        marketer.fill('topic', "News and offers")
        marketer.fill('segments', ["All customers"])
        line = marketer.lines('steps').new()
        line.fill('template', "Autumn rates")
        line.fill('account', "SMS (simulated)")
        marketer.page_of("When and How Often")
        marketer.fill(
            'scheduled_at', dt.datetime.now() + dt.timedelta(hours=2))
        marketer.save()
        marketer.press("Prepare")
        marketer.screenshot('sms_mailing-prepared')
        self.assertGreater(int(marketer.value('included')), 0)
        self.assertGreater(int(marketer.value('excluded')), 0)
        marketer.page_of("Price")
        self.assertTrue(marketer.lines('prices').rows())
        marketer.screenshot('sms_mailing-price')
        marketer.press("Start")
        marketer.press("OK")
        self.assertIn("must be approved", marketer.message())
        marketer.press("OK")

        approver = self.open_mailing('approver', "Winter rates")
        approver.press("Approve")
        self.assertEqual(approver.value('state'), "Approved")

        marketer = self.open_mailing('marketer', "Winter rates")
        marketer.press("Start")
        marketer.press("OK")
        self.assertEqual(marketer.value('state'), "Running")
        marketer.page_of("Delivery")
        self.assertGreater(int(marketer.value('waiting')), 0)
        marketer.screenshot('sms_mailing-running')
        marketer.press("Pause")
        self.assertEqual(marketer.value('state'), "Paused")
        marketer.press("Resume")
        self.assertEqual(marketer.value('state'), "Running")
        marketer.press("Cancel")
        marketer.press("OK")
        self.assertEqual(marketer.value('state'), "Cancelled")

    def test_report(self):
        "What became of a mailing, on the screen and on paper"
        client = self.open_mailing('marketer', "Newsletter of November")
        self.assertEqual(client.value('state'), "Done")
        client.page_of("Delivery")
        self.assertGreater(int(client.value('delivered')), 0)
        client.screenshot('sms_mailing-done')
        name, size = client.print_report("Mailing Report")
        self.assertGreater(size, 5000)

    def test_conversation(self):
        "What was said with a person, both ways"
        client = self.login('marketer')
        client.open_menu("Mailings", "Replies")
        client.page_of("All")
        client.select(0)
        client.relate("Conversation")
        self.assertEqual(
            {row["Direction"] for row in client.rows()},
            {"Sent", "Received"})
        client.screenshot('sms_mailing-conversation')

    def test_rule(self):
        "A ready rule with its hours"
        client = self.login('mailadmin')
        client.open_menu("Mailings", "Rules")
        client.open(0)
        self.assertTrue(client.value('simulate'))
        client.screenshot('sms_mailing-rule')

    def test_lists(self):
        "Messages, replies, rules and reports open"
        client = self.login('mailadmin')
        for path, name in [
                (["Mailings", "Messages"], 'messages'),
                (["Mailings", "Replies"], 'replies'),
                (["Mailings", "Refusals"], 'refusals'),
                (["Mailings", "Rules"], 'rules'),
                (["Mailings", "Reporting", "By Mailing"], 'by-mailing'),
                (["Mailings", "Reporting", "Mailings at a Glance"], 'board'),
                (["Mailings", "Configuration", "Accounts"], 'accounts'),
                ]:
            client.open_menu(*path)
            client.screenshot(f'sms_mailing-{name}')
            client.close_tab()
