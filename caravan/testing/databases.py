# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Databases of the tests, cached in two layers.

The modules of the core are activated once for each set of installed versions,
larger sets on top of smaller ones; ours are activated on top of that copy once
for each state of our sources.  The pools of a process are kept as well.
Without DB_CACHE in the environment nothing is kept.
"""
import fcntl
import hashlib
import os
import sys
import tempfile
import time
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from unittest.mock import patch

from proteus import config as proteus_config

from trytond import backend, pool
from trytond.model import ModelStorage
from trytond.modules import get_module_info
from trytond.tests import test_tryton, tools

from .keys import MODULES, cache_folder, source_key, versions_key

__all__ = [
    'ModuleTestCase', 'activate_modules', 'prepare_database', 'unvalidated']

# ModuleTestCase asks for each class where it is registered, and each time the
# entry points of all that is installed are read through: most of its time
pool.resolve = cache(pool.resolve)


def _core(modules):
    "Return the modules of the core that modules stand on"
    result, todo = set(), list(modules)
    while todo:
        module = todo.pop()
        if module in result:
            continue
        result.add(module)
        todo.extend(get_module_info(module).get('depends', []))
    return sorted(result - set(MODULES) - {'ir', 'res'})


def _base_name(modules):
    return hashlib.sha1(
        '-'.join([versions_key(), *modules]).encode()).hexdigest()[:20]


def _base_file(modules):
    name = _base_name(modules)
    if backend.name == 'postgresql':
        return f'{test_tryton.DB_CACHE}/base-{name}'
    return str(Path(test_tryton.DB_CACHE).parent / f'base-{name}.dump')


def _copy(path, restore):
    if backend.name == 'postgresql':
        copy = test_tryton._pg_restore if restore else test_tryton._pg_dump
        return copy(path)
    return test_tryton._sqlite_copy(path, restore=restore)


@contextmanager
def _lock(name):
    "Let one process at a time fill a cache"
    digest = hashlib.sha1(name.encode()).hexdigest()
    path = Path(tempfile.gettempdir(), f'caravan-{os.getuid()}-{digest}.lock')
    with path.open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class _Pools:
    """The last pools of this process, to serve again.

    To make one takes longer than to restore its database.
    """
    size = 4

    def __init__(self):
        self._kept = {}

    def restore(self, name):
        "Give the test database the pool of the modules in name"
        key, pool = self._key(name), test_tryton.Pool
        if key not in self._kept:
            pool(test_tryton.DB_NAME).init()
            return self.keep(name)
        with pool._lock:
            classes, modules = self._kept[key]
            pool._pools[test_tryton.DB_NAME] = classes
            pool._pool_modules[test_tryton.DB_NAME] = modules
            pool._pool_instances.clear()

    def keep(self, name):
        "Keep the pool of the test database as that of the modules in name"
        pool = test_tryton.Pool
        with pool._lock:
            self._kept[self._key(name)] = (
                pool._pools[test_tryton.DB_NAME],
                pool._pool_modules[test_tryton.DB_NAME])
            for old in list(self._kept)[:-self.size]:
                del self._kept[old]

    @staticmethod
    def _key(name):
        return frozenset(name.partition('--')[0].split('-'))


_pools = _Pools()


def _restore(name):
    "Restore the test database from the cache, return False if it lacks name"
    if not test_tryton.DB_CACHE:
        return False
    path = test_tryton._db_cache_file(test_tryton.DB_CACHE, name)
    if not _copy(path, restore=True):
        return False
    _pools.restore(name)
    return True


# What trytond's own test cases restore has its pool from here too
test_tryton.restore_db_cache = _restore


def prepare_database(modules):
    "Make the test database anew with modules activated"
    test_tryton.drop_db()
    if not test_tryton.DB_CACHE:
        return test_tryton.activate_module(modules)
    if backend.name == 'sqlite':
        os.makedirs(test_tryton.DB_CACHE, exist_ok=True)
    with _lock('-'.join(modules) + source_key()):
        if _restore('-'.join(modules)):
            return
        started = time.monotonic()
        _make_core(_core(modules))
        with nullcontext() if _to_validate(modules) else unvalidated():
            _activate(modules)
        _pools.keep('-'.join(modules))
        test_tryton.backup_db_cache('-'.join(modules))
        print(
            f"{time.monotonic() - started:.1f} s to make", *modules,
            file=sys.stderr)


def _made_bases():
    "Return the folder that knows which modules each cached base has"
    folder = cache_folder() / f'bases-{versions_key()}-{backend.name}'
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _smaller(modules):
    "Return the largest set to make a base of the core's modules from"
    known = [p.read_text().split() for p in _made_bases().iterdir()]
    stands_on = [[], *(_core([m]) for m in MODULES)]
    return max(
        (core for core in known + stands_on if set(core) < set(modules)),
        key=len, default=None)


def _make_core(modules):
    """Make the test database with modules of the core activated.

    What is not in the cache is made on top of the largest that is, or of what
    one of ours stands on.
    """
    base = _base_file(modules)
    with _lock(base):
        if _copy(base, restore=True):
            return
        smaller = _smaller(modules)
        if smaller is not None:
            _make_core(smaller)
        else:
            test_tryton.create_db()
        # The core's own tests validate its records
        with unvalidated():
            _activate(modules)
        if backend.name == 'postgresql':
            _analyze()
        _copy(base, restore=False)
        (_made_bases() / _base_name(modules)).write_text(' '.join(modules))


def _to_validate(modules):
    """Return True if our records are validated as they are made.

    Once is enough for each: alone, and with all others.
    """
    return (
        backend.name == 'sqlite'
        and len(set(modules) & set(MODULES)) in {1, len(MODULES)})


def unvalidated():
    """Return a context manager in which new records are not validated.

    Their validation takes two thirds of an activation, and more where a test
    needs many rows of which only the number matters.
    """
    return patch.object(
        ModelStorage, '_validate', classmethod(lambda *a, **k: None))


@test_tryton.with_transaction(user=0)
def _analyze():
    """Let the server know how large its catalogue has grown.

    Without it each update of a module asks for the foreign keys of a table for
    a second.
    """
    transaction = test_tryton.Transaction()
    transaction.connection.cursor().execute(
        'ANALYZE pg_attribute, pg_class, pg_constraint, pg_depend, pg_index')
    transaction.commit()


def _activate(modules):
    "Activate modules as trytond-admin does, with what they depend on"
    test_tryton.Pool(test_tryton.DB_NAME).init(
        update=list(modules), lang=['en'], activatedeps=True)
    with test_tryton.Transaction().start(
            test_tryton.DB_NAME, 0) as transaction:
        test_tryton.Pool().get('ir.module').update_list()
        transaction.commit()


class ModuleTestCase(test_tryton.ModuleTestCase):
    "Tests that each module of the suite passes"

    @classmethod
    def setUpClass(cls):
        prepare_database([cls.module, *(cls.extras or [])])
        super().setUpClass()


def activate_modules(modules, *setup):
    """Activate modules for a scenario, call each setup(config=config).

    As trytond.tests.tools.activate_modules, on top of the cached core.
    """
    if isinstance(modules, str):
        modules = [modules]
    modules = sorted(modules)
    name = '-'.join(modules)
    if functions := '|'.join(tools._func_name(f) for f in setup):
        name += f'--{functions}'
    test_tryton.drop_db()
    if _restore(name):
        return proteus_config.set_trytond()
    prepare_database(modules)
    config = proteus_config.set_trytond()
    for function in setup:
        function(config=config)
    test_tryton.backup_db_cache(name)
    return config
