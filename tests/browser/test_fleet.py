# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from caravan.testing.browser import BrowserTestCase


class FleetTestCase(BrowserTestCase):
    "A dispatcher's day"

    def test_vehicles(self):
        "Tractors and trailers apart, each with what it does now"
        client = self.login('dispatcher')
        client.open_menu("Fleet", "Vehicles", "Tractors and Trucks")
        client.wait()
        states = {row["Now"] for row in client.rows()}
        self.assertLessEqual({"Free", "Trip"}, states)
        client.screenshot('fleet-vehicles')
        client.open_menu("Fleet", "Vehicles", "Trailers")
        client.wait()
        self.assertEqual(
            {row["Kind"] for row in client.rows()}, {"Semi-trailer"})

    def test_bookings(self):
        "The calendar shows what occupies vehicles and drivers"
        client = self.login('dispatcher')
        client.open_menu("Fleet", "Trips", "Bookings")
        self.assertEqual(client.view_type, 'calendar')
        client.screenshot('fleet-bookings')

    def test_plan(self):
        "An order is planned on what is free and its trip sheet printed"
        client = self.login('dispatcher')
        client.open_menu("Fleet", "Orders", "Transport Orders")
        client.screenshot('fleet-orders')
        client.open_menu("Fleet", "Trips", "Trips")
        client.wait()
        client.screenshot('fleet-trips')
        client.wait()
        client.open(client.rows()[0]["Vehicle"])
        client.screenshot('fleet-trip')
        name, size = client.print_report("Trip Sheet")
        self.assertGreater(size, 5000)
        name, size = client.print_report("CMR Consignment Note")
        self.assertGreater(size, 5000)
