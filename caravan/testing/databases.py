# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Databases of the tests, cached in two layers.

The modules of the core are activated once for each set of installed versions,
larger sets on top of smaller ones; ours are activated on top of that copy once
for each state of our sources.
Tests that roll back what they do share one copy: a new one is taken only after
a commit or for other modules.
Without DB_CACHE in the environment nothing is kept.
"""
import fcntl
import hashlib
import inspect
import os
import tempfile
from contextlib import contextmanager, nullcontext
from functools import cache, wraps
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

from proteus import config as proteus_config

from trytond import backend, pool
from trytond.ir import avatar
from trytond.model import ModelStorage
from trytond.modules import get_module_info
from trytond.pool import Pool
from trytond.tests import test_tryton, tools
from trytond.transaction import Transaction

from .keys import MODULES, versions_key

__all__ = [
    'ModuleTestCase', 'activate_modules', 'examples', 'prepare_database',
    'unvalidated']

# Each party would have its letters drawn, which no test looks at
avatar.PIL = None
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


def _activated(modules):
    """Return which modules to activate for the tests of modules.

    On PostgreSQL it takes three times as long: what is tested with all that a
    module of ours extends, or with others of ours, shares one database there.
    """
    modules = set(modules)
    if backend.name == 'postgresql' and (
            len(modules & set(MODULES)) > 1
            or any(modules == {m, *_extras(m)} for m in MODULES)):
        modules.update(MODULES, *map(_extras, MODULES))
    return sorted(modules)


def _extras(module):
    "Return the modules which one of ours is tested with"
    tests = import_module(f'trytond.modules.{module}.tests.test_module')
    return set().union(*(
            c.extras or [] for c in vars(tests).values()
            if inspect.isclass(c) and issubclass(c, ModuleTestCase)))


def _base_file(modules):
    name = _digest('-'.join([versions_key(), *modules]))
    if backend.name == 'postgresql':
        return f'{test_tryton.DB_CACHE}/base-{name}'
    return str(Path(test_tryton.DB_CACHE).parent / f'base-{name}.dump')


def _cache_file(name):
    "Return where a database is kept, None without a cache"
    if test_tryton.DB_CACHE:
        return test_tryton._db_cache_file(test_tryton.DB_CACHE, name)


def _digest(text):
    return hashlib.sha1(text.encode()).hexdigest()[:20]


def _copy(path, restore):
    if backend.name == 'postgresql':
        copy = test_tryton._pg_restore if restore else test_tryton._pg_dump
        return copy(path)
    os.makedirs(test_tryton.DB_CACHE, exist_ok=True)
    return test_tryton._sqlite_copy(path, restore=restore)


@contextmanager
def _lock(name):
    "Let one process at a time fill a cache"
    path = Path(
        tempfile.gettempdir(), f'caravan-{os.getuid()}-{_digest(name)}.lock')
    with path.open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class _Current:
    """What the tested database holds, forgotten once someone commits to it.

    Another process that commits is not seen: who starts one drops the
    database at his end.
    """
    name = pool = None

    def fits(self, name):
        return (
            self.name == name
            and self.pool is Pool._pools.get(test_tryton.DB_NAME))

    def set(self, name):
        self.name = name
        self.pool = Pool._pools[test_tryton.DB_NAME]

    def watch(self, commit):
        "Return commit of Transaction that forgets"
        @wraps(commit)
        def watched(transaction):
            if (transaction.database.name == test_tryton.DB_NAME
                    and _is_open(transaction.connection)):
                self.name = self.pool = None
            return commit(transaction)
        return watched


def _is_open(connection):
    "Return whether something was done since the last commit or rollback"
    if backend.name == 'postgresql':
        return connection.info.transaction_status.name != 'IDLE'
    return connection.in_transaction


_current = _Current()
Transaction.commit = _current.watch(Transaction.commit)


def prepare_database(modules, *setup):
    """Let the test database have modules activated and nothing else in it.

    setup are functions without arguments, called as the test user in a
    transaction, for the records that all the tests want to find.
    """
    modules = _activated(modules)
    name = _name(modules, setup)
    if _current.fits(name):
        return

    def call():
        _pool().init()
        with Transaction().start(
                test_tryton.DB_NAME, test_tryton.USER,
                context=test_tryton.CONTEXT):
            for function in setup:
                function()

    _restore(modules, setup, call)
    _pool().init()
    _current.set(name)


def _pool(test=__debug__):
    """Return the pool of the test database, with -O as a server has it.

    Where test is true each record that is saved has the values of its function
    fields computed to validate them: once for all, with the assertions.
    """
    Pool.test = test
    return Pool(test_tryton.DB_NAME)


def _name(modules, setup):
    """Return the name of a database with modules and what setup brings.

    The files of the functions are no sources of ours, so they are read here.
    """
    if not setup:
        return '-'.join(modules)
    functions = '|'.join(tools._func_name(f) for f in setup)
    files = {inspect.getfile(getattr(f, 'func', f)) for f in setup}
    digest = _digest(''.join(Path(f).read_text() for f in sorted(files)))
    return f"{'-'.join(modules)}--{functions}-{digest}"


def _restore(modules, setup=(), call=None):
    """Make the test database anew, without its pool.

    call() brings what setup does if it is not in the cache.
    """
    test_tryton.drop_db()
    path = _cache_file(_name(modules, setup))
    with _lock(path) if path else nullcontext():
        if path and _copy(path, restore=True):
            return
        if setup:
            _restore(modules)
            call()
        else:
            _make(modules)
        if path:
            _copy(path, restore=False)


def _make(modules):
    "Make the test database with modules activated"
    if first := _first(modules):
        _restore([first])
        modules = [m for m in modules if m != first]
        validate = False
    else:
        _make_core(_core(modules))
        # What is valid alone is valid beside others and on the other backend;
        # the demo company validates what is there with all of them
        validate = backend.name == 'sqlite' and len(modules) == 1
    with nullcontext() if validate else unvalidated():
        _activate(modules)


def _first(modules):
    "Return the one of two of ours that the other comes on top of"
    if len(modules) == 2 and set(modules) <= set(MODULES):
        one, other = modules
        extends = get_module_info(one).get('extras_depend', [])
        return other if other in extends else one


def _make_core(modules):
    """Make the test database with modules of the core activated.

    What is not in the cache is made on top of what one of ours stands on.
    """
    if not test_tryton.DB_CACHE:
        test_tryton.create_db()
        return _activate(modules)
    base = _base_file(modules)
    with _lock(base):
        if _copy(base, restore=True):
            return
        smaller = [
            core for core in [[], *(_core([m]) for m in MODULES)]
            if set(core) < set(modules)]
        # Their own tests validate their records
        with unvalidated():
            if smaller:
                _make_core(max(smaller, key=len))
                _activate(modules)
            else:
                test_tryton.create_db()
        if backend.name == 'postgresql':
            _analyze()
        _copy(base, restore=False)


def _activate(modules):
    """Activate modules and what they depend on.

    The pool is not fit for use after an update: classes of models that are
    extended are set up more than once.
    """
    if modules:
        _pool(test=True).init(update=list(modules), activatedeps=True)


def examples(count):
    """Return of how many examples a property is tried that works on records.

    PostgreSQL has some of its own after the count of SQLite.
    """
    return count if backend.name == 'sqlite' else count // 3


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
    transaction = Transaction()
    transaction.connection.cursor().execute(
        'ANALYZE pg_attribute, pg_class, pg_constraint, pg_depend, pg_index')
    transaction.commit()


class ModuleTestCase(test_tryton.ModuleTestCase):
    "Tests that each module of the suite passes"

    @classmethod
    def setUpClass(cls):
        # The base would take a new database
        super(test_tryton._DBTestCase, cls).setUpClass()
        prepare_database([cls.module, *(cls.extras or [])])

    @classmethod
    def tearDownClass(cls):
        super(test_tryton._DBTestCase, cls).tearDownClass()


def activate_modules(modules, *setup):
    """Activate modules for a scenario, call each setup(config=config).

    As trytond.tests.tools.activate_modules, on top of the cached core.
    """
    if isinstance(modules, str):
        modules = [modules]

    def call():
        _pool()
        config = proteus_config.set_trytond()
        for function in setup:
            function(config=config)

    _restore(_activated(modules), setup, call)
    _pool()
    return proteus_config.set_trytond()
