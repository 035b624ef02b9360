# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""caravan check: is an installation fit to work, and what to mend."""
import datetime as dt
import importlib.metadata
import importlib.util
import os
import sys
from pathlib import Path

from . import connection
from .errors import Failure

__all__ = ['add_parser']

SERIES = '8.0'
MODULES = ['crm_party', 'fleet', 'loan', 'sms_mailing', 'stock_ext']
OK, WARNING, FAILED = "ok", "warning", "FAILED"


def add_parser(subparsers):
    parser = subparsers.add_parser(
        'check', help="verify an installation",
        description="Verify versions, configuration, database, worker and "
        "cron.  Nothing is written.  Exit code 1 when something must be "
        "mended.")
    connection.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args):
    if not args.database:
        raise Failure("Name a database on this machine with -d.")
    worst = OK
    for level, subject, text in _results(args):
        print(f"{level:<8} {subject:<16} {text}")
        if level == FAILED or (level == WARNING and worst == OK):
            worst = level
    return 1 if worst == FAILED else 0


def _results(args):
    yield from check_versions()
    yield from check_extras()
    with connection.connect(args) as config:
        yield from check_configuration()
        yield from check_modules(config)
        yield from check_database(config)
        yield from check_queue(config)
        yield from check_cron(config)


def check_versions():
    "All Tryton distributions are of one series"
    if sys.version_info < (3, 11):
        yield FAILED, "python", "is older than 3.11: install a newer one"
    version = importlib.metadata.version('trytond')
    numbers = tuple(map(int, version.split('.')[:3]))
    if not (8, 0, 12) <= numbers < (8, 1):
        yield (FAILED, "trytond",
            f"is {version}: install trytond >=8.0.12,<8.1")
    others = sorted(
        f'{d.name} {d.version}' for d in importlib.metadata.distributions()
        if d.name.startswith(('trytond_', 'trytond-', 'proteus'))
        and not d.version.startswith(SERIES + '.'))
    if others:
        yield (FAILED, "series", "not of series "
            f"{SERIES}: {', '.join(others)}")
    else:
        yield OK, "series", f"trytond {version}, all modules of {SERIES}"
    if not sys.flags.optimize:
        yield (WARNING, "python", "set PYTHONOPTIMIZE=1 for the server: "
            "long lists are read many times faster")


def check_extras():
    "What is optional and which capability it brings"
    from .report import converter
    for package, extra, capability in [
            ('phonenumbers', 'phone', "telephone numbers are not checked"),
            ('python_calamine', 'import', "XLSX and ODS can't be read"),
            ('barcode', 'barcode', "labels have no barcode"),
            ('qrcode', 'barcode', "labels have no QR code")]:
        if importlib.util.find_spec(package) is None:
            yield (WARNING, package, f"is missing, {capability}: install "
                f"trytond-caravan[{extra}]")
    if not converter():
        yield (WARNING, "libreoffice", "is missing, prints stay ODT: install "
            "libreoffice-writer-nogui")


def check_configuration():
    "What trytond.conf should say"
    import trytond.config as config
    from trytond import backend
    root = Path(config.get('web', 'root', default=''))
    if not (root / 'index.html').is_file():
        yield (WARNING, "web client", f"is not in [web] root = {root}: only "
            "the desktop client can be used")
    elif not (root / 'node_modules').is_dir():
        yield (FAILED, "web client", f"in {root} lacks its libraries: run "
            "npm install there")
    if backend.name == 'postgresql':
        if config.getint('database', 'retry') < 10:
            yield (WARNING, "retry", "set [database] retry = 10, or users "
                "who work on one record at once get errors")
        if not config.getboolean('queue', 'worker'):
            yield (FAILED, "worker", "set [queue] worker = True and run "
                "trytond-worker, or long jobs run in the user's request")
    elif config.getboolean('queue', 'worker'):
        yield (FAILED, "worker", "remove [queue] worker: a worker needs "
            "PostgreSQL")
    password = os.environ.get('TRYTONPASSFILE')
    if password and not Path(password).is_file():
        yield FAILED, "password", f"there is no TRYTONPASSFILE {password}"


def _select(config, function):
    from trytond.transaction import Transaction
    with Transaction().start(
            config.database_name, 0, readonly=True) as transaction:
        return function(transaction)


def check_modules(config):
    "Ours are active and the database is of the installed versions"
    def states(transaction):
        from trytond.pool import Pool
        Module = Pool().get('ir.module')
        Company = Pool().get('company.company')
        return (
            {m.name: m.state for m in Module.search([])},
            Company.search([], count=True))
    try:
        states, companies = _select(config, states)
    except KeyError:
        yield (FAILED, "modules", "none is active: activate them in "
            "Administration or with trytond-admin -u")
        return
    active = [m for m in MODULES if states.get(m) == 'activated']
    yield (OK if active else FAILED, "modules",
        "active: " + (', '.join(active) or "none"))
    waiting = sorted(
        n for n, s in states.items() if s.startswith('to '))
    if waiting:
        yield (FAILED, "modules", "waiting for an update: "
            f"{', '.join(waiting)}: run trytond-admin "
            f"-d {config.database_name} -u {waiting[0]}")
    if not companies:
        yield FAILED, "company", "there is none: create the company"


def check_database(config):
    "The extensions of PostgreSQL that constraints and searches need"
    from trytond import backend
    if backend.name != 'postgresql':
        yield (WARNING, "database", "SQLite serves one writer at a time: use "
            "PostgreSQL for a company")
        return

    def extensions(transaction):
        cursor = transaction.connection.cursor()
        cursor.execute("SELECT extname FROM pg_extension")
        return {name for name, in cursor}
    missing = {'btree_gist', 'pg_trgm'} - _select(config, extensions)
    for name in sorted(missing):
        yield (FAILED, name, f"is missing: CREATE EXTENSION {name}, then "
            f"trytond-admin -d {config.database_name} -u ir")
    if not missing:
        yield OK, "database", "PostgreSQL with its extensions"


def check_queue(config):
    "A worker takes the tasks"
    def waiting(transaction):
        from trytond.pool import Pool
        limit = dt.datetime.now() - dt.timedelta(minutes=10)
        Queue = Pool().get('ir.queue')
        return (
            Queue.search([
                    ('dequeued_at', '=', None),
                    ('enqueued_at', '<', limit),
                    ['OR',
                        ('scheduled_at', '=', None),
                        ('scheduled_at', '<', limit)]], count=True),
            Queue.search([
                    ('dequeued_at', '<', limit - dt.timedelta(hours=1)),
                    ('finished_at', '=', None)], count=True))
    idle, lost = _select(config, waiting)
    if idle:
        yield (FAILED, "worker", f"{idle} tasks wait for more than 10 "
            "minutes: start trytond-worker")
    if lost:
        yield (WARNING, "worker", f"{lost} tasks were begun and never "
            "finished: was a worker killed?")
    if not (idle or lost):
        yield OK, "worker", "no task waits"


def check_cron(config):
    "Scheduled jobs run in time"
    def late(transaction):
        from trytond.pool import Pool
        limit = dt.datetime.now() - dt.timedelta(hours=2)
        Cron = Pool().get('ir.cron')
        return [
            c.rec_name for c in Cron.search([('next_call', '<', limit)])]
    names = _select(config, late)
    if names:
        yield (FAILED, "cron", f"{len(names)} jobs are late by more than 2 "
            f"hours ({names[0]}): start trytond-cron")
    else:
        yield OK, "cron", "no job is late"
