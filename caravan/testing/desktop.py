# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The desktop client of Tryton on a screen that nobody sees.

PyPI's client runs on the Python of the system, which has GTK, in a virtual
environment of its own kept with the caches of the tests.
"""
import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from .browser import artefacts
from .keys import cache_folder

__all__ = ['Desktop', 'missing']

_DRIVER = Path(__file__).with_name('desktop_driver.py')
_PYTHON = '/usr/bin/python3'
_PROGRAMS = ['Xvfb', 'dbus-daemon', 'import', 'openbox', 'xdotool']
_TROUBLE = re.compile(r'Traceback|Client error')
_CONFIG = '''[client]
check_version = False
save_tree_state = False
'''


def missing():
    "Return what the machine lacks for the desktop client, or nothing"
    lacks = [name for name in _PROGRAMS if not shutil.which(name)]
    if not os.path.exists(_PYTHON) or subprocess.run(
            [_PYTHON, '-c', 'import gi, cairo, ensurepip;'
                'gi.require_version("Gtk", "3.0")'],
            stderr=subprocess.DEVNULL).returncode:
        lacks.append("GTK for the Python of the system")
    return ', '.join(lacks)


def _install():
    "Return the Python with the desktop client, installing it the first time"
    folder = cache_folder() / 'desktop'
    python = folder / 'bin' / 'python'
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / 'desktop.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / 'bin' / 'tryton').exists():
            subprocess.run(
                [_PYTHON, '-m', 'venv', '--clear', '--system-site-packages',
                    folder], check=True)
            subprocess.run(
                [python, '-m', 'pip', 'install', '--quiet',
                    'tryton >=8.0,<8.1'], check=True)
    return python


class Desktop:
    """The desktop client of one user of the server, logged in.

        with Desktop(server, 'fleet', password) as desktop:
            desktop.open('fleet.vehicle')
            desktop.screenshot('fleet-vehicles')

    trouble tells of errors and tracebacks.
    """

    def __init__(self, server, user, password, width=1360, height=850):
        self.server = server
        self.user = user
        self.password = password
        self.size = width, height
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.folder = Path(stack.enter_context(
                    tempfile.TemporaryDirectory(prefix='caravan-desktop-')))
            self.log = stack.enter_context(
                (self.folder / 'client.log').open('w+'))
            self.environ = self._environment()
            self._start_screen(stack)
            self._start_client(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        self._stack.close()

    def _environment(self):
        config = self.folder / 'config' / 'tryton' / '8.0'
        config.mkdir(parents=True)
        (config / 'tryton.conf').write_text(_CONFIG)
        gtk = self.folder / 'config' / 'gtk-3.0'
        gtk.mkdir()
        (gtk / 'settings.ini').write_text(
            '[Settings]\ngtk-cursor-blink = 0\n')
        runtime = self.folder / 'runtime'
        runtime.mkdir(mode=0o700)
        return {
            'PATH': os.environ['PATH'],
            'HOME': str(self.folder),
            'XDG_CONFIG_HOME': str(self.folder / 'config'),
            'XDG_RUNTIME_DIR': str(runtime),
            'LANG': 'C.UTF-8',
            'GDK_BACKEND': 'x11',
            'NO_AT_BRIDGE': '1',
            }

    def _run(self, stack, *command, **kwargs):
        "Start a process that ends with the stack"
        process = subprocess.Popen(
            command, env=self.environ, stderr=self.log,
            start_new_session=True, **kwargs)

        def stop():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(10)
        stack.callback(stop)
        return process

    def _start_screen(self, stack):
        reader, writer = os.pipe()
        self._run(
            stack, 'Xvfb', '-displayfd', str(writer), '-screen', '0',
            '{}x{}x24'.format(*self.size), '-nolisten', 'tcp',
            pass_fds=[writer])
        os.close(writer)
        with os.fdopen(reader) as file:
            self.environ['DISPLAY'] = f':{file.readline().strip()}'
        bus = self._run(
            stack, 'dbus-daemon', '--session', '--nofork',
            '--print-address=1', stdout=subprocess.PIPE, text=True)
        self.environ['DBUS_SESSION_BUS_ADDRESS'] = bus.stdout.readline(
            ).strip()
        stack.callback(bus.stdout.close)
        self._run(stack, 'openbox')

    def _start_client(self, stack):
        self.client = self._run(
            stack, _install(), _DRIVER, '-u', self.user,
            self._url(), stdin=subprocess.PIPE, text=True)
        stack.callback(self.client.stdin.close)
        self._wait_title('.')
        self._xdotool('type', '--delay', '10', self.password)
        self._xdotool('key', 'Return')
        # Before the login it is only "Tryton"
        self._wait_title('. - Tryton')
        self._settle()

    def _url(self, path=''):
        return f'tryton://{self.server.url.split("/")[2]}/' \
            f'{self.server.database}{path}'

    def _xdotool(self, *arguments):
        return subprocess.run(
            ['xdotool', *arguments], env=self.environ,
            stdout=subprocess.PIPE, text=True).stdout

    def _wait_title(self, pattern, timeout=300):
        "Wait until a window has a title that fits the pattern"
        end = time.monotonic() + timeout
        while not self._xdotool('search', '--onlyvisible', '--name', pattern):
            if time.monotonic() > end or self.client.poll() is not None:
                raise AssertionError(
                    f"the desktop client shows no {pattern}\n{self._read()}")
            time.sleep(.2)
        self.wait(quiet=.5)

    def _tell(self, *command):
        self.client.stdin.write(json.dumps(command) + '\n')
        self.client.stdin.flush()
        self._settle()

    def _settle(self):
        "Wait until the client is done and has drawn all of its window"
        self.wait()
        # Without a compositor GTK may leave out the last frame
        window = self._windows()[-1]
        for height in [self.size[1] - 1, self.size[1]]:
            self._xdotool(
                'windowsize', window, str(self.size[0]), str(height))
            self.wait()

    def _windows(self):
        return self._xdotool(
            'search', '--onlyvisible', '--name', 'Tryton').split()

    def open(self, model, id=None):
        "Open a tab with the records of model, or the one of that id"
        self._tell('open', self._url(
                f'/model/{model}' + (f'/{id}' if id else '')))

    def form(self):
        "Show the first record of the tab in front as a form"
        self._tell('form')

    def close(self):
        "Close the tab in front"
        self._tell('close')

    def wait(self, quiet=1, timeout=20):
        "Wait until the screen has not changed for quiet seconds"
        end = time.monotonic() + timeout
        last, since = None, time.monotonic()
        while time.monotonic() < end:
            picture = self._picture()
            if picture != last:
                last, since = picture, time.monotonic()
            elif time.monotonic() - since >= quiet:
                return
            time.sleep(.2)

    def _picture(self):
        return subprocess.run(
            ['import', '-silent', '-window', 'root', 'rgb:-'],
            env=self.environ, stdout=subprocess.PIPE).stdout

    def screenshot(self, name):
        "Write name.png into the artefacts, return its path"
        path = artefacts().absolute() / f'{name}.png'
        subprocess.run(
            ['import', '-silent', '-window', 'root', path],
            env=self.environ, check=True)
        return path

    def _read(self):
        self.log.flush()
        return Path(self.log.name).read_text(errors='replace')

    def trouble(self):
        "Return the log of the client if it tells of an error"
        text = self._read()
        return text if _TROUBLE.search(text) else ''
