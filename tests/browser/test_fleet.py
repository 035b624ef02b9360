# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from caravan.testing.browser import BrowserTestCase
from trytond.modules.fleet.engine.geo import great_circle


class FleetTestCase(BrowserTestCase):
    "A dispatcher's screens"

    def test_bookings(self):
        "The calendar shows what occupies vehicles and drivers"
        client = self.login('dispatcher')
        client.open_menu("Fleet", "Trips", "Bookings")
        self.assertEqual(client.view_type, 'calendar')
        client.screenshot('fleet-bookings')
        shown = client.page.locator('.fc-event:visible').count()
        self.assertGreater(shown, 20)
        client.page_of("Not on Trips")
        client.screenshot('fleet-bookings-absent')
        self.assertIn(
            "Holiday", client.page.locator('.fc-event').first.inner_text())

    def test_lists(self):
        "Vehicles, orders and trips open on what asks for work"
        client = self.login('dispatcher')
        for name, path in [
                ('vehicles', ["Vehicles", "Tractors and Trucks"]),
                ('orders', ["Orders", "Transport Orders"]),
                ('trips', ["Trips", "Trips"])]:
            client.open_menu("Fleet", *path)
            self.assertEqual(client.view_type, 'tree')
            client.screenshot(f'fleet-{name}')

    def places(self, client):
        "Return customer and two of its addresses that are not far apart"
        addresses = client.call(
            'model.party.address.search_read',
            [('latitude', '!=', None)], 0, None, None,
            ['rec_name', 'party', 'party.rec_name', 'latitude', 'longitude'])
        return min((
                (great_circle(*(
                            (a['latitude'], a['longitude'])
                            for a in [one, other])),
                    one['party.']['rec_name'],
                    one['rec_name'], other['rec_name'])
                for one in addresses for other in addresses
                if one['party'] == other['party']
                and one['id'] < other['id']))[1:]

    def order(self, client, party, load, unload, start):
        "Enter and confirm an order, return its number"
        client.open_menu("Fleet", "Orders", "Transport Orders")
        client.new()
        client.fill_all(
            party=party, reference="DAY 1", pickup_at=start,
            deliver_by=start + dt.timedelta(hours=9), amount=480)
        for kind, address in [("Load", load), ("Unload", unload)]:
            line = client.lines('stops').new()
            line.fill('kind', kind)
            line.fill('address', address)
        line = client.lines('cargo').new()
        line.fill_all(
            description="Beverages", packages=12, packing="Pallets",
            gross_kg=5400)
        client.press("Add")
        client.save()
        client.screenshot('fleet-day-order')
        client.press("Confirm")
        self.assertEqual(client.value('state'), "Confirmed")
        return client.value('number')

    def plan(self, client):
        "Plan a trip of the order with what is free"
        client.press("Plan Trip")
        # All plates have one, the free ones are offered
        client.fill('vehicle', "-")
        self.assertTrue(client.value('driver'))
        self.assertGreater(float(client.value('driver_hours_left')), 0)
        client.screenshot('fleet-day-plan')
        client.press("Draft Trip")
        self.assertEqual(client.value('state'), "Draft")
        client.press("Propose Route")
        load, unload = client.lines('stops').rows()
        self.assertGreater(float(unload["km"]), 1)
        client.press("Plan")
        self.assertEqual(client.value('state'), "Planned")
        client.screenshot('fleet-day-trip')

    def drive(self, client):
        "Send the trip off and record it stop by stop"
        for name in [
                "Trip Sheet", "CMR Consignment Note", "Transport Note",
                "Cargo List"]:
            file, size = client.print_report(name)
            self.assertGreater(size, 5000, file)
        client.press("Dispatch")
        self.assertEqual(client.value('state'), "Under Way")
        stops = client.lines('stops')
        for row in range(2):
            # The client presses buttons of the row that is chosen only
            stops.row(row).locator('td[data-title]:visible').first.click()
            for button in ["Arrived", "Departed"]:
                stops.press(button, row=row)
        client.screenshot('fleet-day-under-way')
        for row in stops.rows():
            self.assertRegex(row["Arrived"] + row["Departed"], r'\d+:\d+')
        client.press("Complete")
        client.fill('km', 61)
        client.press("Complete")
        self.assertEqual(client.value('state'), "Done")
        client.screenshot('fleet-day-done')

    def test_day(self):
        "A dispatcher's day: order, plan, print, drive, to the invoice"
        client = self.login('dispatcher')
        start = dt.datetime.now().replace(
            second=0, microsecond=0) + dt.timedelta(minutes=10)
        number = self.order(client, *self.places(client), start)
        self.plan(client)
        self.drive(client)

        accountant = self.login('fleetadmin')
        accountant.open_menu("Fleet", "Orders", "Transport Orders")
        accountant.page_of("To Invoice")
        accountant.open(number)
        accountant.screenshot('fleet-day-to-invoice')
        self.assertEqual(accountant.value('state'), "Delivered")
        accountant.press("Invoice")
        self.assertEqual(accountant.value('state'), "Invoiced")
