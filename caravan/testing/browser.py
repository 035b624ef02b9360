# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Work in the web client as a person does, in a headless Chromium.

    with Chromium() as chromium:
        client = chromium.client(server.url)
        client.login('fleet', 'password')
        client.open_menu("Fleet", "Vehicles")
        client.new()
        client.fill('plate', "AB-123-CD")       # by name
        client.fill("Make", "Volvo")            # or by label, completed
        client.save()
        client.press("Dispatch")
        client.screenshot('fleet-vehicle')
        client.check()

Each call returns once the client is idle; an application error or a script
error of the page raises ClientError at once.
"""
import atexit
import os
import re
import shutil
import unittest
from collections import defaultdict
from functools import cache
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

from caravan.web import WebClientError

from . import demo
from .environment import require
from .parts import ClientError, Part

__all__ = [
    'BrowserTestCase', 'Chromium', 'ClientError', 'WebClient', 'artefacts',
    'find']

_ARGUMENTS = [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
    '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
    '--disable-dev-shm-usage']
# Files for a brand of one's own, asked for at each load
_OPTIONAL = re.compile(r'/(custom\.(js|css)|locale/[^/]+\.json|favicon\.ico)')
_PREPARE = '''() => {
    const mark = (widget, attributes) => widget.el.attr({
        'data-field': attributes.name,
        'data-label': attributes.string,
        'data-widget': attributes.widget,
    });
    const parser = Sao.View.FormXMLViewParser.prototype;
    const parse_field = parser._parse_field;
    parser._parse_field = function(node, attributes) {
        const result = parse_field.apply(this, arguments);
        for (const widget of this.view.widgets[attributes.name] || []) {
            mark(widget, attributes);
        }
        return result;
    };
    const row = Sao.View.Tree.RowEditable.prototype;
    const set_editable = row.set_editable;
    row.set_editable = function() {
        set_editable.apply(this, arguments);
        this.tree.columns.forEach((column, index) => {
            const widget = this.get_editable_el(
                this._get_column_td(index)).data('widget');
            if (widget) {
                mark(widget, column.attributes);
            }
        });
    };
    Sao.common.download_file = function(data, name) {
        const size = data.size || data.byteLength || data.length;
        caravan.files.push([name, size]);
    };
    // jQuery and the client put off much of their work by short timers: those
    // without a delay run at once, not after the 4 ms of the browser, others
    // in a fifth of their time
    const later = window.setTimeout.bind(window);
    const forget = window.clearTimeout.bind(window);
    const timers = new Set();
    const next = new MessageChannel();
    const queue = [];
    let last = 0;
    next.port1.onmessage = () => {
        const [timer, run, parameters] = queue.shift();
        if (timers.delete(timer)) {
            run(...parameters);
        }
    };
    window.setTimeout = (run, delay, ...parameters) => {
        if (!(delay > 0)) {
            last -= 1;
            timers.add(last);
            queue.push([last, run, parameters]);
            next.port2.postMessage(null);
            return last;
        }
        const short = delay <= 1000;
        const timer = later(() => {
            timers.delete(timer);
            run(...parameters);
        }, short ? delay / 5 : delay);
        if (short) {
            timers.add(timer);
        }
        return timer;
    };
    window.clearTimeout = timer => {
        timers.delete(timer);
        forget(timer);
    };
    // Nobody looks at what moves
    jQuery('<style/>').text(
        '*, ::before, ::after {'
        + 'transition: none !important; animation: none !important}'
    ).appendTo('head');
    window.caravan = {
        files: [],
        idle: limit => new Promise(resolve => {
            const end = Date.now() + limit;
            let looks = 0;
            const look = () => {
                looks = jQuery.active || timers.size ? 0 : looks + 1;
                if (looks > 2 || Date.now() > end) {
                    resolve(looks > 2);
                } else {
                    later(look, 10);
                }
            };
            look();
        }),
        label: row => row.record.field_get_client('name'),
        top: () => Sao.main_menu_screen.current_view.rows,
        row: path => {
            let rows = caravan.top(), row = null;
            for (const name of path) {
                row = rows.find(row => caravan.label(row) === name);
                if (!row) {
                    return null;
                }
                rows = row.rows || [];
            }
            return row;
        },
        tab: () => Sao.Tab.tabs.get_current(),
    };
}'''


def find():
    "Return the path of the Chromium of the machine, None if there is none"
    # The first one draws no window, which takes a sixth less of a processor
    for name in [
            'chromium-headless-shell', 'chromium', 'chromium-browser',
            'google-chrome']:
        if path := shutil.which(name):
            return path


def artefacts():
    "Return the folder of what tests leave to look at"
    folder = Path(os.environ.get('CARAVAN_ARTEFACTS', '.artefacts'))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Chromium:
    "A browser with any number of clients, each with a session of its own"

    def __init__(self, width=1360, height=850):
        self.size = {'width': width, 'height': height}

    def __enter__(self):
        self._playwright = sync_playwright().start()
        try:
            self._browser = self._playwright.chromium.launch(
                executable_path=find(), args=_ARGUMENTS)
        except Error:
            self._playwright.stop()
            raise
        return self

    def __exit__(self, *exception):
        self._browser.close()
        self._playwright.stop()

    def client(self, url):
        "Return a WebClient on the login page of the server at url"
        context = self._browser.new_context(
            viewport=self.size, locale='en-US')
        return WebClient(context, url)


class WebClient(Part):
    """The web client of one user.

    What works on a form, a list or a dialogue (fill, value, press, rows,
    select, open, lines, ...) comes from Part and applies to the topmost
    dialogue, else to the tab in front.
    """

    def __init__(self, context, url, timeout=120):
        self.url = url
        self.timeout = timeout
        self.context = context
        self.page = context.new_page()
        self.page.set_default_timeout(timeout * 1000)
        self.errors = []
        self.page.on('pageerror', self._on_page_error)
        self.page.on('response', self._on_response)
        self.page.on('dialog', lambda dialog: dialog.accept())
        super().__init__(self)

    def _on_page_error(self, error):
        self.errors.append(f"script: {error.message}\n{error.stack or ''}")

    def _on_response(self, response):
        if response.status >= 400 and not _OPTIONAL.search(response.url):
            self.errors.append(f"HTTP {response.status}: {response.url}")

    @property
    def dialogues(self):
        return self.page.locator('.modal.in:visible')

    @property
    def root(self):
        if self.dialogues.count():
            return self.dialogues.last
        return self._front('')

    def login(self, user, password):
        "Log in with the password, wait for the menu"
        self.page.goto(self.url)
        self.page.wait_for_selector('#database:visible')
        self.page.evaluate(_PREPARE)
        self.page.fill('#login', user)
        self.page.click('.login-dialog button[type=submit]')
        self.page.fill('#ask-dialog-entry', password)
        self.page.keyboard.press('Enter')
        self.page.wait_for_selector('#menu tr:visible')
        self.wait()

    def close(self):
        "Close the client and its session"
        self.context.close()

    # The frame

    def menu(self, *path):
        "Return the labels of the menu below path, of its top without one"
        if path:
            self._expand(path)
            script = 'path => caravan.row(path).rows.map(caravan.label)'
        else:
            script = 'path => caravan.top().map(caravan.label)'
        return self.page.evaluate(script, list(path))

    def _expand(self, path):
        self._menu_row(path)
        self.page.evaluate(
            '''path => {
                const row = caravan.row(path);
                if (row.expander && !row.is_expanded()) {
                    row.toggle_row();
                }
            }''', list(path))
        self.wait()

    def _menu_row(self, path):
        if len(path) > 1:
            self._expand(path[:-1])
        row = self.page.evaluate_handle(
            'path => (caravan.row(path) || {el: [null]}).el[0]',
            list(path)).as_element()
        if not row:
            raise ClientError(
                f"No menu {path[-1]} in {self.menu(*path[:-1])}")
        return row

    def open_menu(self, *path):
        "Open the entry of the menu: open_menu('Fleet', 'Vehicles')"
        row = self._menu_row(path)
        row.scroll_into_view_if_needed()
        row.query_selector('.column-char').click()
        self.wait()

    def open_model(self, model, id=None, **parameters):
        """Open a tab with model, with one record if id is given.

        parameters are those of the client's addresses: domain, context,
        views, name, limit, search_value, tab_domain.
        """
        self.page.evaluate(
            '''([model, id, parameters]) => {
                const database = Sao.Session.current_session.database;
                let url = `${database}/model/${model}`;
                if (id) {
                    url += `/${id}`;
                }
                url += ';' + Object.entries(parameters).map(
                    ([k, v]) => k + '=' + encodeURIComponent(
                        JSON.stringify(v))).join('&');
                Sao.open_url(url);
            }''', [model, id, parameters])
        self.wait()

    def close_tab(self):
        "Close the tab in front, what is not saved is lost"
        self.page.evaluate(
            '''() => {
                const tab = caravan.tab();
                if (tab) {
                    tab.modified_save = () => jQuery.when();
                    tab.close();
                }
            }''')
        self.wait()

    def close_tabs(self):
        "Close all tabs, what is not saved is lost"
        while self.tabs:
            self.close_tab()

    @property
    def tabs(self):
        "The names of the open tabs"
        return self.page.evaluate('() => Sao.Tab.tabs.map(t => t.name_long)')

    @property
    def view_type(self):
        "The type of the view in front: tree, form, graph, calendar, board"
        return self.page.evaluate(
            '''() => {
                const tab = caravan.tab();
                return tab && (tab.board ? 'board' :
                    tab.screen && tab.screen.current_view.view_type);
            }''')

    def _state(self):
        return len(self.tabs), self.view_type, self.dialogues.count()

    @property
    def model(self):
        "The name of the model in front"
        return self.page.evaluate(
            '''() => {
                const tab = caravan.tab();
                return tab && tab.screen && tab.screen.model_name;
            }''')

    @property
    def new_record(self):
        "Whether the record in front was never saved"
        return self.page.evaluate(
            '''() => {
                const tab = caravan.tab();
                const record = tab && tab.screen && tab.screen.current_record;
                return Boolean(record && record.id < 0);
            }''')

    @property
    def cut(self):
        "By how many pixels the form in front is wider than its place"
        return self._front('.content-box').first.evaluate(
            'box => box.scrollWidth - box.clientWidth')

    # The toolbar of the tab in front

    def _front(self, selector):
        return self.page.locator(
            f'#tabcontent > .tab-pane.active {selector}')

    def can(self, name):
        "Return whether the button of the toolbar can be pressed"
        button = self._front(f'.toolbar button#{name}')
        return button.count() > 0 and button.is_enabled()

    def tool(self, name):
        "Press the button of the toolbar: new_, save, reload, switch_, ..."
        self._front('.infobar').evaluate_all(
            "bars => bars.forEach(bar => jQuery(bar).empty())")
        button = self._front(f'.toolbar button#{name}')
        if not button.is_enabled():
            raise ClientError(f"The button {name} can't be pressed")
        button.click()
        self.wait()

    def new(self):
        "Start a new record"
        self.tool('new_')

    def save(self):
        """Save the record.

        Raise ClientError if the client finds it invalid or the server asks
        or refuses; where that is meant to be: tool('save') and message().
        """
        self.tool('save')
        text = self.notice('.alert-danger') or self.message()
        # The notice of the client is gone after some seconds
        if text or self.page.evaluate('caravan.tab().screen.modified()'):
            raise ClientError(f"Not saved: {text}")

    def reload(self):
        self.tool('reload')

    def switch_view(self, view_type=None):
        "Switch to the next view, or on until it is of view_type"
        for _ in range(6):
            self.tool('switch_')
            if view_type in {None, self.view_type}:
                return
        raise ClientError(f"No view of type {view_type}")

    def choices(self, menu):
        "Return the labels in the menu of the toolbar: action, relate, print"
        return [
            text.strip() for text in self._choices(menu).all_text_contents()]

    def _choices(self, menu):
        return self._front(
            f'ul[aria-labelledby={menu}] a[role=menuitem]')

    def choose(self, menu, label):
        "Choose label in the menu of the toolbar: action, relate or print"
        self.tool(menu)
        self._choices(menu).get_by_text(label, exact=True).click()
        self.wait()

    def relate(self, label):
        self.choose('relate', label)

    def print_report(self, label):
        "Print the report, return [name, size in bytes] of the file"
        self.page.evaluate('caravan.files = []')
        self.choose('print', label)
        files = self.page.evaluate('caravan.files')
        if not files:
            raise ClientError(f"The report {label} gave no file")
        return files[-1]

    def notice(self, kind='.alert'):
        "Return the text in the bar of the tab in front, empty without one"
        texts = self._front(f'.infobar {kind}:visible').all_inner_texts()
        return ' '.join(' '.join(texts).replace('×', '').split())

    def message(self):
        "Return the text of the dialogue in front, empty without one"
        texts = self.page.locator(
            '.modal.in:visible .modal-body').all_text_contents()
        return ' '.join(texts[-1].split()) if texts else ''

    def call(self, method, *parameters):
        """Call a method of the server as the client does.

        client.call('model.party.party.search', [], 0, 10, None)
        """
        result, error = self.page.evaluate(
            '''([method, parameters]) => new Promise(resolve => Sao.rpc(
                {method: method, params: [...parameters, {}]},
                Sao.Session.current_session, true, false).then(
                    result => resolve([result, null]),
                    error => resolve([null, String(error)])))''',
            [method, list(parameters)])
        if error:
            raise ClientError(f"{method}: {error}")
        return result

    # Waiting and judging

    def wait(self):
        """Wait until the page has nothing under way.

        That is no request to the server, and no timer of a second or less,
        which is how the client goes on after an answer.
        """
        if not self.page.evaluate(
                'limit => caravan.idle(limit)', self.timeout * 1000):
            raise ClientError(f"Still busy after {self.timeout} seconds")
        if self.page.locator('.error-dialog:visible').count():
            self.errors.append(f"application error: {self.message()}")
        self.check()

    def check(self):
        "Raise ClientError with what the page has complained of"
        if self.errors:
            text = '\n'.join(self.errors)
            self.errors.clear()
            raise ClientError(text)

    def screenshot(self, name):
        "Write name.png into the artefacts, return its path"
        self.page.mouse.move(0, 0)
        self.page.wait_for_timeout(300)
        path = artefacts() / f'{name}.png'
        self.page.screenshot(path=path)
        return path


@cache
def _chromium():
    "Return the running browser, shared in this process"
    result = Chromium()
    result.__enter__()
    atexit.register(result.__exit__)
    return result


class BrowserTestCase(unittest.TestCase):
    """Tests in the web client on the demo company, one server for all.

    After each test the client and the log of the server must be free of
    errors; where one fails, failure-<test>.png shows what was on the screen.
    Else the next test of that user goes on in the same client, without tabs.
    """
    _idle = defaultdict(list)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        require(find(), "Chromium is not installed")
        try:
            cls.server = demo.server()
        except WebClientError as error:
            require(False, str(error))
        cls.chromium = _chromium()

    def run(self, result=None):
        self._result = result
        return super().run(result)

    def setUp(self):
        super().setUp()
        self.server.trouble()

    def login(self, user='admin'):
        "Return a client logged in as that user of the demo company"
        idle = self._idle[user]
        known = bool(idle)
        client = (
            idle.pop() if known else self.chromium.client(self.server.url))
        self.addCleanup(self._judge, client, user)
        if not known:
            client.login(user, demo.PASSWORD)
        return client

    def _judge(self, client, user):
        errors = client.errors
        if self._failed():
            client.screenshot(f'failure-{self.id()}')
        if (errors or self._failed() or client.dialogues.count()
                or client.page.viewport_size != self.chromium.size):
            client.close()
        else:
            client.close_tabs()
            self._idle[user].append(client)
        self.assertEqual(errors, [])
        self.assertEqual(self.server.trouble(), [])

    def _failed(self):
        result = self._result
        return any(
            getattr(test, 'test_case', test) is self
            for test, _ in result.failures + result.errors)
