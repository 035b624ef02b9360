# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from caravan.testing.browser import BrowserTestCase

# name of the picture: login, menu, tab of the list, text of a row to open
_PICTURES = {
    'crm_party-activities': (
        'anna', ["Customers", "My Activities"], None, None),
    'crm_party-contract': (
        'director', ["Customers", "Contracts"], None, 0),
    'crm_party-customers': (
        'director', ["Customers", "Customers"], "All", None),
    'fleet-bookings': (
        'dispatcher', ["Fleet", "Trips", "Bookings"], None, None),
    'fleet-drivers': (
        'dispatcher', ["Fleet", "Drivers", "Drivers"], None, None),
    'fleet-order': (
        'dispatcher', ["Fleet", "Orders", "Transport Orders"], None, 0),
    'fleet-refuellings': (
        'director', ["Fleet", "Fuel", "Refuellings"], "All", None),
    'fleet-reporting': (
        'director', ["Fleet", "Reports", "By Vehicle"], None, None),
    'fleet-today': (
        'dispatcher', ["Fleet", "Fleet Today"], None, None),
    'fleet-trips': (
        'dispatcher', ["Fleet", "Trips", "Trips"], "All", None),
    'fleet-vehicles': (
        'dispatcher', ["Fleet", "Vehicles", "Tractors and Trucks"], None,
        None),
    'loan-loan': (
        'creditclerk', ["Loans", "Loans Given"], "All", "Active"),
    'loan-loans': (
        'creditclerk', ["Loans", "Loans Given"], "All", None),
    'loan-portfolio': (
        'creditclerk', ["Loans", "Portfolio Today"], None, None),
    'sms_mailing-mailings': (
        'marketer', ["Mailings", "Mailings"], "All", None),
    'sms_mailing-template': (
        'marketer', ["Mailings", "Templates"], None, 0),
    'stock_ext-running-out': (
        'storechief', ["Inventory & Stock", "Running Out"], "All", None),
    }


class PicturesTestCase(BrowserTestCase):
    "The pictures of the guides: make screenshots puts them into doc/images"

    def test_pictures(self):
        clients = {}
        for name, (user, menu, tab, row) in _PICTURES.items():
            with self.subTest(picture=name):
                if user not in clients:
                    clients[user] = self.login(user)
                client = clients[user]
                client.open_menu(*menu)
                if tab:
                    client.page_of(tab)
                if row is not None:
                    client.open(row)
                client.wait()
                # The last list of a board takes the focus
                client.page.evaluate(
                    "() => jQuery('.tab-content *').scrollTop(0)")
                path = client.screenshot(f'guide-{name}')
                self.assertGreater(path.stat().st_size, 20_000)
                client.close_tab()
