# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""A PostgreSQL cluster of the tests' own.

It needs no root and no running server: only the programs of PostgreSQL.  The
cluster lies in the cache of the tests, listens on a free port of the loopback
with a password of its own, and writes without care for a power cut.  Processes
share it: the first starts the server and the last one stops it.

    python -m caravan.testing.cluster -m unittest tests/postgresql/test_x.py

runs Python, or any command, with the environment that makes trytond use it.
"""
import fcntl
import glob
import os
import pwd
import secrets
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

from .keys import cache_folder, source_key, versions_key

__all__ = ['Cluster', 'find_programs']

EXTENSIONS = ['btree_gist', 'pg_trgm', 'unaccent']
_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = 256MB
fsync = off
full_page_writes = off
synchronous_commit = off
wal_level = minimal
max_wal_senders = 0
"""


def find_programs():
    """Return the folder of the programs of the newest PostgreSQL, or None.

    Debian keeps the server's programs out of PATH.
    """
    folders = glob.glob('/usr/lib/postgresql/*/bin')
    folders.sort(key=lambda f: float(Path(f).parent.name))
    if path := shutil.which('initdb'):
        folders.append(os.path.dirname(path))
    for folder in reversed(folders):
        if all(Path(folder, p).exists() for p in ['initdb', 'pg_ctl']):
            return Path(folder)


def _server_user():
    "Return who runs the server: PostgreSQL refuses to run as root"
    if os.getuid():
        return None
    for name in ['postgres', 'nobody']:
        try:
            return pwd.getpwnam(name)
        except KeyError as exception:
            missing = exception
    raise missing


def _reachable(folder):
    "Return True if any user may pass through the parents of folder"
    while not folder.exists():
        folder = folder.parent
    return all(
        p.stat().st_mode & stat.S_IXOTH for p in [folder, *folder.parents])


class Cluster:
    """A PostgreSQL server for the tests, usable as a context manager.

    Entering starts the server, or joins the one which another process of the
    same user runs on the same folder, and drops the templates of databases
    made from other sources of ours.  Leaving stops it after its last user.
    """

    def __init__(self, folder=None):
        self.programs = find_programs()
        if not self.programs:
            raise FileNotFoundError(
                "PostgreSQL's initdb and pg_ctl are not on this machine")
        self.user = _server_user()
        name = f'postgresql-{self._version()}-{versions_key()}'
        folder = Path(folder or cache_folder() / name)
        if self.user and not _reachable(folder):
            folder = Path('/var/cache/caravan', folder.parent.name, name)
        self.folder = folder
        self.data = folder / 'data'
        self._users = None

    def _version(self):
        output = subprocess.run(
            [self.programs / 'pg_ctl', '--version'],
            check=True, capture_output=True, text=True).stdout
        return output.split()[2]

    @property
    def _password(self):
        return (self.folder / 'password').read_text().strip()

    @property
    def port(self):
        return int((self.data / 'postmaster.pid').read_text().split('\n')[3])

    @property
    def uri(self):
        return f'postgresql://tryton:{self._password}@127.0.0.1:{self.port}'

    def environment(self, database=None):
        """Return the variables that make trytond's tests use the cluster.

        database is the name of the tested database, one for each process.
        """
        return {
            'TRYTOND_DATABASE__URI': f'{self.uri}/',
            'DB_CACHE': self.uri,
            'DB_NAME': database or f'test_{os.getpid()}',
            }

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / 'lock').open('w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._users = (self.folder / 'users').open('w')
            alone = self._alone()
            if alone:
                self._start()
            fcntl.flock(self._users, fcntl.LOCK_SH)
            if alone:
                self._drop_stale()
        return self

    def __exit__(self, *args):
        with (self.folder / 'lock').open('w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._alone():
                self._run('pg_ctl', '-D', self.data, '-m', 'fast', 'stop')
            self._users.close()

    def crash(self):
        "Let the server die at once and come back on the same port"
        self._run(
            'pg_ctl', '-D', self.data, '-l', self.data / 'server.log',
            '-m', 'immediate', '-w', 'restart')

    def _alone(self):
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _run(self, program, *arguments):
        options = {}
        if self.user:
            options = {
                'user': self.user.pw_uid,
                'group': self.user.pw_gid,
                'extra_groups': [],
                }
        log = self.folder / 'commands.log'
        with log.open('a') as output:
            code = subprocess.run(
                [self.programs / program, *arguments], cwd='/',
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                **options).returncode
        if code:
            raise RuntimeError(f"{program} failed:\n{log.read_text()}")

    def _start(self):
        ready = self.folder / 'ready'
        if ready.exists():
            return self._launch()
        self._create()
        self._launch()
        self._prepare()
        ready.touch()

    def _launch(self):
        if self._running():
            return
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            port = free.getsockname()[1]
        self._run(
            'pg_ctl', '-D', self.data, '-l', self.data / 'server.log',
            '-o', f'-p {port}', '-w', 'start')

    def _running(self):
        "A server may have outlived the process that started it"
        try:
            self._run('pg_ctl', '-D', self.data, 'status')
        except RuntimeError:
            return False
        return True

    def _create(self):
        if self._running():
            self._run('pg_ctl', '-D', self.data, '-m', 'immediate', 'stop')
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700)
        password = self.folder / 'password'
        password.touch(mode=0o600)
        password.write_text(secrets.token_hex())
        if self.user:
            for path in [self.data, password]:
                os.chown(path, self.user.pw_uid, self.user.pw_gid)
        self._run(
            'initdb', '-D', self.data, '-U', 'owner', '-E', 'UTF8',
            '--locale=C.UTF-8', '--auth=scram-sha-256',
            f'--pwfile={password}', '--no-sync')
        with (self.data / 'postgresql.conf').open('a') as settings:
            settings.write(_SETTINGS)

    def _prepare(self):
        "trytond makes its databases from template0"
        with self._connect('postgres', 'owner') as connection:
            connection.execute(
                "CREATE ROLE tryton LOGIN CREATEDB "
                f"PASSWORD '{self._password}'")
            connection.execute(
                'ALTER DATABASE template0 ALLOW_CONNECTIONS true')
        for database in ['template0', 'template1']:
            with self._connect(database, 'owner') as connection:
                for extension in EXTENSIONS:
                    connection.execute(f'CREATE EXTENSION {extension}')
        with self._connect('postgres', 'owner') as connection:
            connection.execute(
                'ALTER DATABASE template0 ALLOW_CONNECTIONS false')

    def _connect(self, database, user):
        import psycopg
        return psycopg.connect(
            host='127.0.0.1', port=self.port, dbname=database, user=user,
            password=self._password, autocommit=True)

    def _drop_stale(self):
        "Keep the base of the core's modules and what fits our sources"
        made_from = self.folder / 'source_key'
        fits = (
            made_from.exists() and made_from.read_text() == source_key())
        with self._connect('postgres', 'owner') as connection:
            names = connection.execute(
                "SELECT datname FROM pg_database WHERE datname LIKE 'test%'")
            for name, in names.fetchall():
                if not (fits and name.startswith('test-')):
                    connection.execute(
                        f'DROP DATABASE "{name}" WITH (FORCE)')
        made_from.write_text(source_key())


def main(arguments):
    "Run a command, of Python's if it begins with an option, on the cluster"
    if not arguments:
        sys.exit(__doc__)
    if arguments[0].startswith('-'):
        arguments = [sys.executable, *arguments]
    with Cluster() as cluster:
        return subprocess.run(
            arguments, env=os.environ | cluster.environment()).returncode


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
