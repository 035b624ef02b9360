# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Who may do what, as users of each group find it out by calls of a client.

tests/access.toml of each module declares it; an object that is not declared
is open to nobody.  After a change,

    python tests/access.py

writes the rights as they are now; read the difference before you commit it.
"""
import logging
import tomllib
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

from structure import EXTRAS

from caravan.testing import prepare_database
from caravan.testing.keys import MODULES
from caravan.testing.rpc import HTTPFault, Session
from trytond import security
from trytond.model import ModelSingleton, ModelStorage
from trytond.model.exceptions import AccessButtonError, AccessError
from trytond.pool import Pool
from trytond.report import Report
from trytond.tests import test_tryton
from trytond.tests.test_tryton import with_transaction
from trytond.transaction import Transaction

__all__ = ['Matrix', 'declared', 'own']

NOBODY = 'nobody'
_MARK = "# Who may do what: r read, w write, c create, d delete.\n"
_MODES = {
    'r': ('read', [[], ['id']]),
    'w': ('write', [[], {}]),
    'c': ('create', [[]]),
    'd': ('delete', [[]]),
    }


def _pool():
    return Pool(test_tryton.DB_NAME)


def _path(module):
    package = import_module(f'trytond.modules.{module}')
    return Path(package.__file__).parent / 'tests' / 'access.toml'


def declared(module):
    "Return what tests/access.toml of a module says"
    return tomllib.loads(_path(module).read_text())


def own(module, type):
    "Return the names of the objects of a type that a module defines"
    def definition(name, cls):
        return [
            c for c in cls.__mro__ if c.__dict__.get('__name__') == name][-1]
    return sorted(
        name for name, cls in _pool().iterobject(type=type)
        if definition(name, cls).__module__.startswith(
            f'trytond.modules.{module}.'))


class Matrix:
    "The sessions of a user of each group of ours, and of one of no group"

    def __init__(self):
        self.sessions = {
            label: Session(label) for label in self._make_users()}

    @with_transaction(user=0)
    def _make_users(self):
        groups = self._groups()
        Pool().get('res.user').create([
                {'name': NOBODY, 'login': NOBODY}] + [
                {'name': label, 'login': label,
                    'groups': [('add', [group])]}
                for label, group in groups.items()])
        Transaction().commit()
        return [NOBODY, *sorted(groups)]

    def _groups(self):
        "Return the groups of our modules and those of the core they trust"
        pool = Pool()
        ModelData = pool.get('ir.model.data')
        trusted = set()
        for model in ['ir.model.access', 'ir.model.button-res.group',
                'ir.action-res.group']:
            trusted.update(
                r.group.id for r in pool.get(model).browse([
                        d.db_id for d in ModelData.search([
                                ('model', '=', model),
                                ('module', 'in', MODULES),
                                ('db_id', '!=', None),
                                ])])
                if r.group)
        return {
            f'{d.module}.{d.fs_id}': d.db_id for d in ModelData.search([
                    ('model', '=', 'res.group'),
                    ['OR',
                        ('module', 'in', MODULES),
                        ('db_id', 'in', list(trusted)),
                        ],
                    ])}

    @with_transaction(user=0)
    def _actions(self):
        "Return the action of each report"
        return {
            a.report_name: a.id
            for a in Pool().get('ir.action.report').search([])}

    def observe(self, module):
        "Return what the users may do with the objects of a module"
        actions = self._actions()
        # What is printed does not matter, only whether it would be
        with patch.object(Report, '_execute', return_value=('txt', b'')), \
                self._silence(), self._known():
            return {
                'model': {
                    name: self._who(
                        module, lambda s: self._modes(s, name))
                    for name in self._models(module)},
                'button': {
                    f'{model}.{name}': list(self._who(
                            module, lambda s: self._allowed(
                                s, f'model.{model}.{name}', [])))
                    for model, name in self._buttons(module)},
                'wizard': {
                    name: list(self._who(
                            module, lambda s: self._allowed(
                                s, f'wizard.{name}.create')))
                    for name in own(module, 'wizard')},
                'report': {
                    name: list(self._who(
                            module, lambda s: self._allowed(
                                s, f'report.{name}.execute', [],
                                {'action_id': actions[name]})))
                    for name in own(module, 'report')},
                }

    @contextmanager
    def _silence(self):
        "The server logs each refusal"
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)

    @contextmanager
    def _known(self):
        "Read each session once: their rights are tried, not the sessions"
        users, check = {}, security.check

        def user(database, id, key, context=None):
            if key not in users:
                users[key] = check(database, id, key, context=context)
            return users[key]
        with patch.object(security, 'check', user):
            yield

    def _who(self, module, may):
        "Return what each user may, groups of the module by their short name"
        result = {}
        for label, session in self.sessions.items():
            if rights := may(session):
                result[label.removeprefix(f'{module}.')] = rights
        return result

    def _modes(self, session, model):
        Model = _pool().get(model)
        modes = 'rwcd'
        if callable(getattr(Model, 'table_query', None)):
            modes = 'r'
        elif issubclass(Model, ModelSingleton):
            modes = 'rw'
        return ''.join(
            mode for mode in modes if self._allowed(
                session, f'model.{model}.{_MODES[mode][0]}',
                *_MODES[mode][1]))

    def _allowed(self, session, method, *arguments):
        "Return whether a call gets past the rights, whatever it gives"
        try:
            session.call(method, *arguments)
        except (AccessButtonError, AccessError):
            return False
        except HTTPFault as fault:
            return fault.status != 403
        except Exception as exception:
            # Nothing was given to work on
            return bool(exception)
        return True

    def _models(self, module):
        return [
            n for n in own(module, 'model')
            if issubclass(_pool().get(n), ModelStorage)]

    @with_transaction(user=0)
    def _buttons(self, module):
        "Return the buttons which a module adds to its models or others"
        pool = Pool()
        buttons = pool.get('ir.model.button').browse([
                d.db_id for d in pool.get('ir.model.data').search([
                        ('model', '=', 'ir.model.button'),
                        ('module', '=', module),
                        ])])
        return sorted((b.model, b.name) for b in buttons)


def dump(observed):
    "Return the TOML of what was observed"
    lines = []
    for name, groups in observed['model'].items():
        if groups:
            lines += [f'[model."{name}"]'] + [
                f'{_key(g)} = "{modes}"' for g, modes in groups.items()]
            lines.append('')
    for section in ['button', 'wizard', 'report']:
        if observed[section]:
            lines.append(f'[{section}]')
            lines += [
                f'"{name}" = [\n' + ''.join(
                    f'    "{g}",\n' for g in groups) + ']'
                for name, groups in observed[section].items()]
            lines.append('')
    return '\n'.join(lines).rstrip() + '\n'


def _key(name):
    return f'"{name}"' if '.' in name else name


def main():
    prepare_database(sorted({*MODULES, *EXTRAS}))
    matrix = Matrix()
    for module in MODULES:
        path = _path(module)
        head, mark, _ = path.read_text().partition(_MARK)
        path.write_text(head + mark + dump(matrix.observe(module)))
    test_tryton.drop_db()


if __name__ == '__main__':
    main()
