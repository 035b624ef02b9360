# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from caravan.testing.browser import BrowserTestCase


class FleetTestCase(BrowserTestCase):
    "A dispatcher's screens"

    def test_bookings(self):
        "The calendar shows what occupies vehicles and drivers"
        client = self.login('dispatcher')
        client.open_menu("Fleet", "Trips", "Bookings")
        self.assertEqual(client.view_type, 'calendar')
        client.screenshot('fleet-bookings')

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
