# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Databases of the tests, cached in two layers.

The modules of the core are activated once for each set of installed versions,
larger sets on top of smaller ones; ours are activated on top of that copy once
for each state of our sources.
Without DB_CACHE in the environment nothing is kept.
"""
import fcntl
import hashlib
import os
import tempfile
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from unittest.mock import patch

from proteus import config as proteus_config

from trytond import backend, pool
from trytond.model import ModelStorage
from trytond.modules import get_module_info
from trytond.tests import test_tryton, tools

from .keys import MODULES, source_key, versions_key

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


def _base_file(modules):
    name = hashlib.sha1(
        '-'.join([versions_key(), *modules]).encode()).hexdigest()[:20]
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


def prepare_database(modules):
    "Make the test database anew with modules activated"
    test_tryton.drop_db()
    if not test_tryton.DB_CACHE:
        return test_tryton.activate_module(modules)
    with _lock('-'.join(modules) + source_key()):
        if test_tryton.restore_db_cache('-'.join(modules)):
            return
        _make_core(_core(modules))
        _update_list()
        # The same records are validated on SQLite
        with nullcontext() if backend.name == 'sqlite' else unvalidated():
            test_tryton.activate_module(modules)


def _make_core(modules):
    """Make the test database with modules of the core activated.

    What is not in the cache is made on top of what one of ours stands on.
    """
    base = _base_file(modules)
    with _lock(base):
        if _copy(base, restore=True):
            return test_tryton.Pool(test_tryton.DB_NAME).init()
        smaller = [
            core for core in [[], *(_core([m]) for m in MODULES)]
            if set(core) < set(modules)]
        if smaller:
            _make_core(max(smaller, key=len))
        elif backend.name == 'sqlite':
            os.makedirs(test_tryton.DB_CACHE, exist_ok=True)
        _activate_core(modules)
        if backend.name == 'postgresql':
            _analyze()
        _copy(base, restore=False)


def _activate_core(modules):
    """Activate modules of the core, whose own tests validate their records.

    To do it again is left out.
    """
    with patch.object(test_tryton, 'DB_CACHE', None), unvalidated():
        test_tryton.activate_module(modules)


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


@test_tryton.with_transaction(user=0)
def _update_list():
    "Our dependencies may have changed since the base was made"
    test_tryton.Pool().get('ir.module').update_list()
    test_tryton.Transaction().commit()


class ModuleTestCase(test_tryton.ModuleTestCase):
    "Tests that each module of the suite passes"

    @classmethod
    def setUpClass(cls):
        prepare_database([cls.module, *(cls.extras or [])])
        test_tryton.drop_db()
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
    if test_tryton.restore_db_cache(name):
        return proteus_config.set_trytond()
    prepare_database(modules)
    config = proteus_config.set_trytond()
    for function in setup:
        function(config=config)
    test_tryton.backup_db_cache(name)
    return config
