# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import json
import sqlite3

from playwright.sync_api import Error

from caravan.testing.browser import BrowserTestCase, ClientError
from caravan.testing.keys import MODULES


class TourTestCase(BrowserTestCase):
    "All that the menu offers opens, with all of its views"

    def menus(self):
        "Return the ids of the menus of the suite"
        marks = ', '.join('?' for _ in MODULES)
        with sqlite3.connect(self.server.path / 'demo.sqlite') as database:
            return [id for id, in database.execute(
                    "SELECT db_id FROM ir_model_data WHERE "
                    f"model = 'ir.ui.menu' AND module IN ({marks})",
                    MODULES)]

    def entries(self):
        "Return what the client of the user shows of the menus"
        return self.client.call(
            'model.ir.ui.menu.search_read',
            [('id', 'in', self.menus())], 0, None, None,
            ['complete_name', 'action'])

    def offered(self):
        "Return the ids of the menus that open something"
        return {menu['id'] for menu in self.entries() if menu['action']}

    def visit(self, menu):
        "Open the menu"
        client = self.client
        client.open_menu(*menu)
        if client.dialogues.count():
            client.press(
                "Cancel" if "Cancel" in client.buttons() else "Close")
        else:
            self.look()
            client.close_tab()

    def look(self):
        "Open each view of the tab in front, a form with its first record"
        client = self.client
        if client.new_record:
            # The client would ask to save it
            return
        seen = {client.view_type}
        if client.view_type == 'tree' and client.count():
            client.open(0)
            seen.add(client.view_type)
            # Less than that is the margin of a button
            self.assertLess(client.cut, 5, "wider than the screen")
        while client.can('switch_'):
            client.switch_view()
            self.assertFalse(client.message(), "changed by opening it")
            if client.view_type in seen:
                break
            seen.add(client.view_type)

    def tour(self, user):
        "Open as user the menus that were not visited yet"
        self.client = self.login(user)
        for menu in self.entries():
            if not menu['action'] or menu['id'] in self.visited:
                continue
            self.visited.add(menu['id'])
            path = menu['complete_name'].split(' / ')
            with self.subTest(user=user, menu=path):
                try:
                    self.visit(path)
                except (ClientError, Error):
                    self.client.screenshot(f'tour-{user}-{path[-1]}')
                    self.client = self.login(user)
                    raise
                finally:
                    self.assertEqual(self.server.trouble(), [])

    def test_tour(self):
        "Each menu as the last user of the demo company who has it, or admin"
        self.visited = set()
        users = json.loads(
            self.server.path.joinpath('demo.json').read_text())['users']
        # The director, who comes first, has nearly all of them
        for login, *_ in reversed(users):
            self.tour(login)
        self.assertGreater(len(self.visited), 20)
        self.tour('admin')
        self.assertEqual(self.visited, self.offered())
