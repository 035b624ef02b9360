# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import contextlib
import io
import json
import os
import re
import socket
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

from caravan import cli, server, web
from caravan.demo import build, command
from caravan.errors import Failure
from caravan.serve import keep_connections
from caravan.testing import demo
from caravan.testing.keys import MODULES, source_key


class DemoTestCase(unittest.TestCase):
    "What stops the demo is one line and leaves nothing behind"

    def setUp(self):
        super().setUp()
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def demo(self, *arguments):
        "Return the exit code and the lines of the error"
        error = io.StringIO()
        with contextlib.redirect_stderr(error):
            code = cli.main([
                    'demo', '--folder', str(self.folder / 'demo'),
                    '--port', str(server.free_port()), *arguments])
        return code, error.getvalue().splitlines()

    def assertStops(self, pattern, *arguments):
        code, lines = self.demo(*arguments)
        self.assertEqual(code, 2)
        self.assertEqual(len(lines), 1, lines)
        self.assertRegex(lines[0], pattern)
        self.assertFalse((self.folder / 'demo' / 'db').exists())

    def test_port_in_use(self):
        with socket.socket() as sock:
            sock.bind((server.HOST, 0))
            sock.listen()
            port = sock.getsockname()[1]
            self.assertStops(
                f"Port {port} is in use.*--port {port + 1}",
                '--port', str(port))

    def test_password_file(self):
        path = self.folder / 'password'
        self.assertStops("can't be read", '--password-file', str(path))
        for text, reason in [
                ("", "exactly one line"),
                ("one\ntwo\n", "exactly one line"),
                ("short\n", "8 characters"),
                ]:
            with self.subTest(text=text):
                path.write_text(text)
                self.assertStops(reason, '--password-file', str(path))

    def test_no_node(self):
        "Without Node.js, and without a network to fetch it from"
        with patch.dict(os.environ, {
                    'PATH': str(self.folder),
                    'CARAVAN_CACHE': str(self.folder / 'cache'),
                    'PIP_INDEX_URL': 'http://127.0.0.1:9/',
                    'PIP_CONFIG_FILE': os.devnull,
                    'PIP_NO_INDEX': '1',
                    }), contextlib.redirect_stdout(io.StringIO()):
            for name in ['PIP_FIND_LINKS', 'PIP_EXTRA_INDEX_URL']:
                os.environ.pop(name, None)
            self.assertStops("web client can't be installed")
        self.assertIsNone(web.installed(self.folder / 'cache'))

    def test_disk_full(self):
        usage = patch('shutil.disk_usage').start()
        self.addCleanup(patch.stopall)
        usage.return_value.free = 100 * 2 ** 20
        with patch.object(web, 'install'):
            self.assertStops("needs 500 MB .* there are 100 MB")

    def test_folder(self):
        "A folder that can't be made"
        (self.folder / 'demo').write_text("a file")
        with patch.object(web, 'install'):
            self.assertStops("can't be made")

    def test_build_fails(self):
        "A database half made is not left"
        folder = self.folder / 'db'
        with patch.object(build, '_make', side_effect=OSError(28, "Full")):
            with self.assertRaisesRegex(Failure, "can't be written .*: Full"):
                build.build(folder)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_modules(self):
        "Each module of the suite has its place in the order of making"
        self.assertCountEqual(build.MODULES, command.MODULES)


class CompanyTestCase(unittest.TestCase):
    "The company that is there is served at once, or brought up to date"

    def setUp(self):
        super().setUp()
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / 'db').mkdir()
        self.notes = self.folder / 'db' / 'demo.json'
        self.database = demo.database(self.folder / 'db')
        self.enterContext(patch.object(web, 'install'))

    def start(self, sources):
        "Start the demo made of those sources, return what it builds"
        notes = json.loads(self.notes.read_text())
        notes['sources'] = sources
        self.notes.write_text(json.dumps(notes))
        with patch.object(command, '_serve', return_value=0), \
                patch.object(command, '_build', wraps=command._build) as run, \
                contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(cli.main([
                        'demo', '--folder', str(self.folder),
                        '--port', str(server.free_port())]), 0)
        return [c.args[0][0] for c in run.call_args_list]

    def test_same_sources(self):
        self.assertEqual(self.start(source_key()), [])

    def test_changed_sources(self):
        self.assertEqual(self.start("others"), ['--update'])
        self.assertEqual(
            json.loads(self.notes.read_text())['sources'], source_key())

    def test_no_warning(self):
        "The server starts without a warning of ours"
        with server.Server(
                self.database, self.folder / 'run',
                environ={'PYTHONWARNINGS': 'default'}) as started:
            pass
        # Requests are told once they are answered
        log = started.log()
        self.assertIn('INFO', log)
        ours = '|'.join(['caravan', *MODULES])
        self.assertEqual(re.findall(
                rf'.* WARNING py\.warnings .*/(?:{ours})/.*'
                r'|.* (?:WARNING (?!py\.warnings)|ERROR |CRITICAL ).*', log),
            [])


class ServerTestCase(unittest.TestCase):
    "A server that can't run says why"

    def test_no_database(self):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaisesRegex(
                    server.ServerError, "trytond can't load none"):
                server.Server(Path(folder, 'none.sqlite'), folder).start()

    def test_free_port(self):
        port = server.free_port()
        self.assertFalse(server.port_in_use(port))
        with socket.socket() as sock:
            sock.bind((server.HOST, port))
            sock.listen()
            self.assertTrue(server.port_in_use(port))


class ServeTestCase(unittest.TestCase):
    "A thread uses its connections again, no other does"

    def setUp(self):
        super().setUp()

        class Database:
            "As that of SQLite: its connection dies with it"
            _conn = None

            def __init__(self, name):
                self.name = name

            def connect(self):
                if self._conn is None:
                    self._conn = object()
                return self

            def put_connection(self, connection=None):
                pass

        keep_connections(Database)
        self.database = Database

    def use(self, name, *nested):
        "Return the connections of a transaction and of those within"
        database = self.database(name).connect()
        connection = database._conn
        found = [connection]
        if nested:
            found += self.use(*nested)
        database.put_connection(connection)
        return found

    def test_again(self):
        first, second = self.use('demo', 'demo')
        self.assertIsNot(first, second)
        self.assertEqual(set(self.use('demo', 'demo')), {first, second})
        self.assertNotIn(self.use('other')[0], {first, second})

    def test_threads(self):
        first, = self.use('demo')
        with ThreadPoolExecutor(1) as executor:
            second, = executor.submit(self.use, 'demo').result()
        self.assertIsNot(first, second)

    def test_memory(self):
        "The only connection to what is in memory stays where it is"
        database = self.database(':memory:').connect()
        connection = database._conn
        database.put_connection(connection)
        self.assertIs(database._conn, connection)
