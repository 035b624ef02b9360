# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The demo company for the tests that drive the clients.

It is made once for each state of the sources and day, as its data turn on the
day of its making, and kept with the caches of the tests; each process works on
a copy of its own, served by one trytond.
CARAVAN_DEMO_MODULES=fleet makes it with those modules only, in less time.
"""
import atexit
import datetime as dt
import fcntl
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import caravan.demo
from caravan import web

from .keys import cache_folder, source_key
from .server import Server

__all__ = ['PASSWORD', 'database', 'restore', 'server']

PASSWORD = 'caravan-tests'


@cache
def server():
    "Return the running server of the demo company, shared in this process"
    folder = Path(tempfile.mkdtemp(prefix='caravan-'))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    result = Server(
        database(folder), folder / 'run', root=web.install(),
        environ={'PYTHONOPTIMIZE': '1'})
    result.start()
    atexit.register(result.stop)
    return result


def database(folder):
    "Return the path of a copy of the database of the demo company in folder"
    copy = Path(folder) / 'demo.sqlite'
    with _database() as source:
        _copy(source, copy)
        shutil.copy(source.with_suffix('.json'), folder)
    return copy


def restore():
    "Make a copy of the demo company the database of trytond's tests"
    from trytond.pool import Pool
    from trytond.tests import test_tryton
    test_tryton.drop_db()
    with tempfile.TemporaryDirectory() as folder:
        test_tryton._sqlite_copy(database(folder), restore=True)
    Pool(test_tryton.DB_NAME).init()


def _modules():
    return os.environ.get('CARAVAN_DEMO_MODULES', '').replace(',', ' ').split()


def _key():
    digest = hashlib.sha1(source_key().encode())
    digest.update(' '.join([str(dt.date.today()), *_modules()]).encode())
    for path in sorted(Path(caravan.demo.__file__).parent.glob('*.*')):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@contextmanager
def _database():
    "Yield the path of the database, made if it is not there, nobody drops it"
    folder = cache_folder() / 'demo'
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / 'lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        target = folder / _key()
        if not target.exists():
            for stale in folder.glob('*/'):
                shutil.rmtree(stale)
            _build(target)
        yield target / 'demo.sqlite'


def _build(target):
    result = subprocess.run(
        [sys.executable, '-m', 'caravan.demo.build', target, *_modules()],
        input=PASSWORD + '\n', text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**os.environ, 'PYTHONOPTIMIZE': '1'})
    if result.returncode:
        raise AssertionError(f"no demo company:\n{result.stdout[-4000:]}")


def _copy(source, target):
    connection, copy = sqlite3.connect(source), sqlite3.connect(target)
    with copy:
        connection.backup(copy)
    connection.close()
    copy.close()
