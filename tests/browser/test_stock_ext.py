# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from caravan.testing.browser import BrowserTestCase


class StockExtTestCase(BrowserTestCase):
    "Tour of the store"

    def test_draw_up(self):
        "The storekeeper issues parts in three fields and gets the note"
        client = self.login('store')
        client.open_menu("Inventory & Stock", "Draw Up Movement")
        client.fill('basis', "[ISSUE] Issue for use")
        client.fill('product', "Oil filter")
        client.fill('quantity', 2)
        client.screenshot('stock_ext-draw-up')
        client.press("Draw Up")
        self.assertEqual(client.value('state'), "Done")
        self.assertIn("Oil filter", client.value('balance'))
        client.screenshot('stock_ext-drawn-up')
        client.press("Close")

    def test_short(self):
        "Too little on hand is told with where else it lies"
        client = self.login('store')
        client.open_menu("Inventory & Stock", "Draw Up Movement")
        client.fill('basis', "[ISSUE] Issue for use")
        client.fill('product', "Wiper blade")
        client.fill('quantity', 99999)
        client.press("Draw Up")
        client.screenshot('stock_ext-short')
        self.assertIn("Workshop", client.rows()[0]["Elsewhere"])
        client.press("Change")
        client.press("Cancel")

    def test_cover(self):
        "What runs out is listed, drawn and put on a board"
        client = self.login('store')
        client.open_menu("Inventory & Stock", "Running Out")
        self.assertIn("Headlight bulb", client.rows()[0]["Product"])
        client.page.get_by_text("All", exact=True).first.click()
        client.wait()
        client.screenshot('stock_ext-cover')
        client.switch_view('graph')
        client.screenshot('stock_ext-cover-graph')
        client.open_menu(
            "Inventory & Stock", "Reporting", "Store at a Glance")
        client.screenshot('stock_ext-board')

    def test_approve(self):
        "The chief finds what waits for the approval"
        client = self.login('storechief')
        client.open_menu(
            "Inventory & Stock", "Shipments", "Internal Shipments")
        client.page.get_by_text("To Approve").first.click()
        client.wait()
        client.open("WRITE-OFF")
        client.press("Approve")
        client.screenshot('stock_ext-approve')
        self.assertNotIn("Approve", client.buttons())

    def test_scan(self):
        "A scanner that types codes and Enter fills a count"
        client = self.login('store')
        client.open_menu("Inventory & Stock", "Scanners", "Scan")
        client.fill('profile', "Count")
        client.fill('location', "Shelf A1")
        client.press("Scan")
        scanner = client.page.locator('.code-scanner input')
        for code in ['FILTER', 'FILTER', 'TYRE', 'NOTHING', 'WORKSHOP', 'OIL']:
            scanner.press_sequentially(code)
            scanner.press('Enter')
            # The client empties the entry when it is ready for the next
            client.page.wait_for_function(
                "() => !document.querySelector('.code-scanner input').value")
            client.wait()
        client.screenshot('stock_ext-scan')
        client.press("Close")
        client.save()
        rows = client.lines('lines').rows()
        self.assertEqual(
            [(r["Code"], r["Quantity"].split()[0]) for r in rows],
            [('FILTER', '2'), ('TYRE', '1'), ('NOTHING', '1'), ('OIL', '1')])
        client.press("Process")
        client.screenshot('stock_ext-scanned')

    def test_turnover(self):
        "The accountant reads the turnover sheet and a stock card"
        client = self.login('store')
        client.open_menu("Inventory & Stock", "Reporting", "Turnover Sheet")
        client.screenshot('stock_ext-turnover')
        self.assertTrue(client.rows())
        client.open_menu("Inventory & Stock", "Reporting", "Stock Card")
        client.screenshot('stock_ext-card')

    def test_custodians(self):
        client = self.login('storechief')
        client.open_menu("Inventory & Stock", "Custodians")
        client.screenshot('stock_ext-custodians')
        self.assertTrue(client.rows())
