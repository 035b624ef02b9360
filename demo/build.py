# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Build the SQLite database of the demo company.

Run as a process of its own, ``python -m caravan.demo.build FOLDER``: trytond
keeps its configuration for the life of the process, and with PYTHONOPTIMIZE=1
it needs half the time.  The password of all users is read from standard input.
"""
import argparse
import importlib.util
import json
import logging
import os
import shutil
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from caravan.errors import Failure

from .bar import progress_bar

__all__ = ['MODULES', 'build']

# What is made in one is used by the next
MODULES = ['stock_ext', 'fleet', 'loan', 'crm_party', 'sms_mailing']


class _ModuleBar(logging.Handler):
    "Shows the log of trytond as a bar of modules"

    def __init__(self, bar):
        super().__init__(logging.INFO)
        self.bar = bar

    def emit(self, record):
        if record.msg == '%s load':
            self.bar.update()


def build(folder, modules=MODULES, password='', database='demo'):
    """Make folder with the database and the files of the demo company.

    Nothing is left where it fails: it is made beside folder, renamed at the
    end.  modules are those of the suite to activate and to fill.
    """
    folder = Path(folder).absolute()
    work = folder.with_name(folder.name + '.part')
    shutil.rmtree(work, ignore_errors=True)
    try:
        work.mkdir(parents=True)
        (work / f'{database}.sqlite').touch()
        users = _make(work, database, modules, password)
        (work / f'{database}.json').write_text(json.dumps({'users': users}))
        shutil.rmtree(folder, ignore_errors=True)
        work.rename(folder)
    except OSError as error:
        raise Failure(
            f"The demo company can't be written to {folder}: "
            f"{error.strerror or error}.") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def update(folder, database='demo'):
    "Bring the database in folder up to date with the sources"
    _configure(Path(folder).absolute())
    from trytond.pool import Pool
    with _module_bar(None):
        Pool(database).init(update=['ir'], lang=['en'])


def _configure(folder):
    import trytond.config
    trytond.config.set('database', 'uri', 'sqlite://')
    trytond.config.set('database', 'path', str(folder))
    os.environ['TRYTOND_DATABASE_URI'] = 'sqlite://'


def _make(folder, database, modules, password):
    "Make the database, return the logins and names of its users"
    _configure(folder)
    _activate(database, _with_core(modules))

    from proteus import config

    from .base import Demo
    demo = Demo(config.set_trytond(database=database))
    demo.config._context['_skip_warnings'] = True
    users = _fill(demo, modules, password)
    _settle(folder / f'{database}.sqlite')
    return users


def _with_core(modules):
    "Return modules with all of the core that they can work with"
    from trytond.modules import get_module_info, get_modules
    found, names = set(get_modules()), set()
    for module in MODULES:
        info = get_module_info(module)
        names.update(info.get('depends', []), info.get('extras_depend', []))
    return sorted((names & found) - set(MODULES) | set(modules))


def _activate(database, modules):
    from trytond import backend
    from trytond.modules import get_module_info
    from trytond.pool import Pool
    from trytond.transaction import Transaction

    todo, names = list(modules), set()
    while todo:
        name = todo.pop()
        if name not in names:
            names.add(name)
            todo.extend(get_module_info(name).get('depends', []))
    backend.Database(database).connect().init()
    with _module_bar(len(names | {'ir', 'res'}) + 2):
        pool = Pool(database)
        pool.init(update=['ir', 'res'], lang=['en'])
        with Transaction().start(database, 0):
            pool.get('ir.module').update_list()
        pool.init(update=sorted(names - {'ir', 'res'}), lang=['en'])


@contextmanager
def _module_bar(total):
    "Show a bar of the modules that trytond loads"
    logger = logging.getLogger('trytond.modules')
    logger.setLevel(logging.INFO)
    logger.propagate = False
    with progress_bar(label="Modules", total=total) as bar:
        handler = _ModuleBar(bar)
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)


def _fill(demo, modules, password):
    "Fill the database, return (login, name, what for) of the users"
    from . import company, goods, people
    company.fill(demo)
    people.fill(demo)
    goods.fill(demo)
    fillers = [
        importlib.import_module(f'caravan.demo.{module}')
        for module in modules
        if importlib.util.find_spec(f'caravan.demo.{module}')]
    users = list(company.USERS)
    for filler in fillers:
        users += filler.USERS
    company.make_users(demo, users, password)
    for filler in fillers:
        filler.fill(demo)
    company.finish(demo, password)
    # What a user is for: the groups of the suite, else those of the company
    roles, own = {u[0]: u[2] for u in company.USERS}, {}
    for filler in fillers:
        for login, _, ids in filler.USERS:
            own.setdefault(login, []).extend(ids)
    roles |= own
    return [
        (login, user.name, _group_names(demo, roles[login]))
        for login, user in demo.users.items()]


def _group_names(demo, xml_ids):
    groups = demo.get('res.group').find(
        [('id', 'in', [demo.xml_id(i) for i in dict.fromkeys(xml_ids)])])
    return ', '.join(g.name for g in groups)


def _settle(path):
    "Bring what the log of SQLite holds into its one file"
    import sqlite3
    connection = sqlite3.connect(path)
    connection.execute('PRAGMA wal_checkpoint(TRUNCATE)')
    connection.close()


def main():
    parser = argparse.ArgumentParser(
        prog='python -m caravan.demo.build', description=__doc__)
    parser.add_argument('folder')
    parser.add_argument('modules', nargs='*', default=MODULES)
    parser.add_argument(
        '--update', action='store_true',
        help="bring the database in folder up to date")
    options = parser.parse_args()
    started = time.monotonic()
    if options.update:
        return update(options.folder)
    try:
        build(
            options.folder, [m for m in MODULES if m in options.modules],
            password=sys.stdin.readline().rstrip('\n'))
    except Failure as failure:
        print(f"caravan: {failure}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 2
    print(f"The demo company was made in {time.monotonic() - started:.0f} s.")


if __name__ == '__main__':
    sys.exit(main())
