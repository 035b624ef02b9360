# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Run trytond as a process of its own for one database."""
import configparser
import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from .errors import Failure

__all__ = ['HOST', 'Server', 'ServerError', 'free_port', 'port_in_use']

HOST = '127.0.0.1'


class ServerError(Failure):
    "The server can't run; the message is one line"


def free_port():
    "Return a port of the loopback nobody listens on"
    # Those above may become the near end of somebody's connection meanwhile
    while port_in_use(port := random.randrange(20000, 32768)):
        pass
    return port


def port_in_use(port):
    "Return whether a server can not listen on port of the loopback"
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, port))
        except OSError:
            return True
    return False


class Server:
    """A trytond on the loopback for one database.

    database is the path of an SQLite file (``demo/db/demo.sqlite``) or the URI
    of a PostgreSQL database (``postgresql://user@host:port/name``).
    folder receives the configuration, the log and the file store.
    root is the folder of the web client, see caravan.web.install.
    sections are more options of the configuration {section: {option: value}}.
    environ is added to the environment of the process.

    Used as a context manager it runs during the block.
    """
    verbose = '-v'
    # Ctrl-C in the terminal is for who started it, who then stops it
    own_session = True

    def __init__(self, database, folder, *, root=None, port=None,
            sections=None, environ=None):
        self.folder = Path(folder)
        self.port = port or free_port()
        self.root = root
        self.sections = sections or {}
        self.environ = environ or {}
        self.process = None
        if str(database).startswith('postgresql://'):
            parts = urlsplit(str(database))
            self.database = parts.path.strip('/')
            self.uri = urlunsplit(parts._replace(path='/'))
            self.path = self.folder
            self.program = 'trytond.cli'
        else:
            file = Path(database).absolute()
            self.database = file.stem
            self.uri = 'sqlite://'
            self.path = file.parent
            self.program = 'caravan.serve'

    @property
    def url(self):
        return f'http://{HOST}:{self.port}/'

    @property
    def config_file(self):
        return self.folder / 'trytond.conf'

    @property
    def log_file(self):
        return self.folder / 'trytond.log'

    def configure(self):
        "Write the configuration, return its path"
        self.folder.mkdir(parents=True, exist_ok=True)
        config = configparser.ConfigParser(interpolation=None)
        config['database'] = {
            'uri': self.uri, 'path': str(self.path), 'retry': '10'}
        config['web'] = {'listen': f'{HOST}:{self.port}'}
        if self.root:
            config['web']['root'] = str(self.root)
        for section, options in self.sections.items():
            if not config.has_section(section):
                config.add_section(section)
            config[section].update(options)
        with self.config_file.open('w', encoding='utf-8') as file:
            config.write(file)
        return self.config_file

    def start(self, timeout=120):
        """Start the server and wait until it answers.

        Raises ServerError when it ends or is silent for timeout seconds.
        """
        self.configure()
        with self.log_file.open('wb') as log:
            self.process = subprocess.Popen(
                [
                    sys.executable, '-m', self.program, self.verbose,
                    '-c', str(self.config_file), '-d', self.database],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **self.environ},
                start_new_session=self.own_session)
        end = time.monotonic() + timeout
        while not self._answers():
            if self.process.poll() is not None:
                raise ServerError(f"trytond has ended: {self._last_line()}")
            if time.monotonic() > end:
                self.stop()
                raise ServerError(
                    f"trytond does not answer on {self.url} after {timeout} "
                    f"seconds: {self._last_line()}")
            time.sleep(.1)
        # It answers even where the thread that loads the database has failed
        if 'Exception in thread' in self.log():
            self.stop()
            raise ServerError(
                f"trytond can't load {self.database}: {self._last_line()}")
        return self

    def _answers(self):
        # A connection would not tell who listens there
        return f'Running on {self.url[:-1]}' in self.log()

    def _last_line(self):
        lines = [line for line in self.log().splitlines() if line.strip()]
        return lines[-1].strip() if lines else "no word in its log"

    def log(self):
        "Return the text of the log"
        return self.log_file.read_text(encoding='utf-8', errors='replace')

    def wait(self):
        "Return the exit code of the server once it has ended"
        return self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, *exception):
        self.stop()
