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
        (name, size), = client.page.evaluate('caravan.files')
        self.assertRegex(name, r'^Issue Note.*\.(pdf|odt)$')
        self.assertGreater(size, 5000)
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
        self.type_codes(
            client, 'FILTER', 'FILTER', 'TYRE', 'NOTHING', 'WORKSHOP', 'OIL')
        client.screenshot('stock_ext-scan')
        client.press("Close")
        client.save()
        rows = client.lines('lines').rows()
        self.assertEqual(
            [(r["Code"], r["Quantity"].split()[0]) for r in rows],
            [('FILTER', '2'), ('TYRE', '1'), ('NOTHING', '1'), ('OIL', '1')])
        client.press("Process")
        client.screenshot('stock_ext-scanned')
        client.open_menu("Inventory & Stock", "Scanners", "Scans")
        self.look(client)

    def type_codes(self, client, *codes):
        "Type the codes with Enter, as a scanner does"
        scanner = client.page.locator('.code-scanner input')
        for code in codes:
            scanner.press_sequentially(code)
            scanner.press('Enter')
            # The client empties the entry when it is ready for the next
            client.page.wait_for_function(
                "() => !document.querySelector('.code-scanner input').value")
            client.wait()

    def test_receive(self):
        "What a truck brings is scanned and received"
        client = self.login('store')
        client.open_menu(
            "Inventory & Stock", "Shipments", "Supplier Shipments")
        client.open("DN 20417")
        client.choose('action', "Scan")
        self.assertEqual(client.value('profile'), "Receive")
        client.press("Scan")
        self.type_codes(
            client, 'FILTER', 'FILTER', 'FILTER', 'TYRE', 'WIPER')
        client.press("Close")
        client.screenshot('stock_ext-receive')
        self.assertEqual(
            client.value('to_scan').replace('\xa0', ' ').splitlines(), [
                "[TYRE] Tyre 315/80 R22.5: 1 u of 2 u missing",
                "[WIPER] Wiper blade: 1 u too many, "
                "the shipment holds 0 u"])

    def test_untouched(self):
        "A form that is only looked at does not ask to be saved"
        client = self.login('store')
        for menu in [
                ("Running Out",), ("Reporting", "Turnover Sheet"),
                ("Reporting", "Stock Card"), ("Reporting", "Residues")]:
            with self.subTest(menu=menu):
                client.open_menu("Inventory & Stock", *menu)
                self.look(client)

    def look(self, client):
        "Open the first record of the list as a form and leave it"
        client.open(0)
        self.assertEqual(client.view_type, 'form')
        client.tool('switch_')
        self.assertEqual(client.message(), '')

    def test_turnover(self):
        "The accountant reads the turnover sheet and a stock card"
        client = self.login('store')
        client.open_menu("Inventory & Stock", "Reporting", "Turnover Sheet")
        client.screenshot('stock_ext-turnover')
        self.assertTrue(client.rows())
        client.open_menu("Inventory & Stock", "Reporting", "Stock Card")
        client.screenshot('stock_ext-card')

    def test_residues(self):
        "What lies in the tanks is listed apart and printed by category"
        client = self.login('store')
        client.open_menu("Inventory & Stock", "Reporting", "Residues")
        client.screenshot('stock_ext-residues')
        self.assertLess({"[TANK] Fuel tank"}, self.places(client))
        client.page.get_by_text("Tanks", exact=True).first.click()
        client.wait()
        client.screenshot('stock_ext-tanks')
        self.assertEqual(self.places(client), {"[TANK] Fuel tank"})
        client.select("Diesel")
        name, size = client.print_report("Residues")
        self.assertRegex(name, r'^Residues.*\.(pdf|odt)$')
        self.assertGreater(size, 5000)

    def places(self, client):
        "Return the locations of the list, which ends with its sum"
        return {r["Location"] for r in client.rows() if "Location" in r}

    def test_papers(self):
        "Each movement selected is printed on the paper of its basis"
        client = self.login('store')
        client.open_menu(
            "Inventory & Stock", "Shipments", "Internal Shipments")
        client.page_of("All")
        client.search("Basis: WRITE-OFF")
        client.select("WRITE-OFF")
        name, size = client.print_report("All Papers")
        self.assertRegex(name, r'^Write-off Act.*\.(pdf|odt)$')
        self.assertGreater(size, 5000)

    def test_hand_over(self):
        "The chief hands the workshop over and gets the act"
        client = self.login('storechief')
        client.open_menu("Inventory & Stock", "Custodians")
        client.screenshot('stock_ext-custodians')
        client.select("Workshop")
        client.choose('action', "Hand Over")
        client.fill('employee', "Irène Colas")
        client.screenshot('stock_ext-hand-over')
        client.press("Hand Over")
        (name, size), = client.page.evaluate('caravan.files')
        self.assertRegex(name, r'^Hand-over Act.*\.(pdf|odt)$')
        self.assertGreater(size, 5000)
        client.reload()
        self.assertIn("Irène Colas", [r["Custodian"] for r in client.rows()])

    def test_phone(self):
        "The forms of the store fit the width of a phone"
        for menu in [
                ("Draw Up Movement",), ("Scanners", "Scan"),
                ("Scanners", "Import Terminal File")]:
            with self.subTest(menu=menu):
                client = self.login('store')
                client.open_menu("Inventory & Stock", *menu)
                client.page.set_viewport_size({'width': 390, 'height': 844})
                if not client.dialogues.count():
                    client.page.click('[data-toggle=menu]')
                client.wait()
                name = menu[-1].lower().replace(' ', '-')
                client.screenshot(f'stock_ext-phone-{name}')
                self.assertEqual(self.overflow(client), [])

    def overflow(self, client):
        "Return the fields that do not end on the screen"
        return client.page.evaluate(
            '''() => [...document.querySelectorAll('[data-field]')]
                .filter(el => el.offsetParent !== null
                    && el.getBoundingClientRect().right > innerWidth)
                .map(el => el.dataset.field)''')
