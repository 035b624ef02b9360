# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What is written in setup.cfg agrees with what the modules are."""
import ast
import importlib
import importlib.util
import unittest
from pathlib import Path

from sources import (
    MODULES, NAMES, ROOT, module_code, name, requirements, setup_cfg, tree,
    tryton_cfg)

# What is not asked for by a depends of a module
_TOOLS = {'proteus', 'python-stdnum', 'tqdm', 'trytond'}
_DATA = {
    '.cfg', '.csv', '.fodt', '.html', '.json', '.po', '.py', '.rst', '.svg',
    '.toml', '.xml'}


class PackagingTestCase(unittest.TestCase):
    "Test packaging"

    def _check_packages(self, package, folder):
        packages = {
            '.'.join([package, *p.parent.relative_to(folder).parts])
            for p in folder.rglob('__init__.py')}
        self.assertEqual(
            {p for p in setup_cfg()['options']['packages'].split()
                if f'{p}.'.startswith(f'{package}.')
                and not f'{p}.'.startswith('caravan.demo.')},
            packages - {'trytond.modules'})

    def test_packages(self):
        "Each folder of Python files is packaged"
        self._check_packages('trytond.modules', MODULES)
        self._check_packages('caravan', ROOT / 'caravan')
        for folder in [MODULES, ROOT / 'caravan', ROOT / 'demo']:
            for path in folder.rglob('*.py'):
                with self.subTest(path=name(path)):
                    self.assertTrue((path.parent / '__init__.py').exists())

    def test_entry_points(self):
        "Each module is announced to Tryton"
        points = setup_cfg()['options.entry_points']['trytond.modules']
        self.assertEqual(
            points.strip().splitlines(),
            [f'{m} = trytond.modules.{m}' for m in NAMES])

    def test_versions(self):
        "The modules have the version of the distribution"
        version = setup_cfg()['metadata']['version']
        for module in NAMES:
            with self.subTest(module=module):
                self.assertEqual(
                    tryton_cfg(module)['tryton']['version'], [version])

    def test_requirements(self):
        "What the modules depend on is installed with them"
        depends = set().union(*(
                tryton_cfg(m)['tryton']['depends'] for m in NAMES))
        required = requirements('options', 'install_requires')
        self.assertEqual(
            {d for d in required if not d.startswith('trytond_')}, _TOOLS)
        self.assertEqual(
            {d for d in required if d.startswith('trytond_')},
            {f'trytond_{d}' for d in depends - {'ir', 'res'} - set(NAMES)})

    def test_extras(self):
        "The extra 'all' brings what the modules extend if it is there"
        extend = set().union(*(
                tryton_cfg(m)['tryton'].get('extras_depend', [])
                for m in NAMES))
        required = requirements('options', 'install_requires')
        self.assertEqual(
            set(requirements('options.extras_require', 'all')),
            {f'trytond_{d}' for d in extend - set(NAMES)} - set(required))

    def test_series(self):
        "All of Tryton is of the series of the suite"
        for section, option in [
                ('options', 'install_requires'),
                ('options.extras_require', 'all')]:
            for distribution, versions in requirements(
                    section, option).items():
                with self.subTest(distribution=distribution):
                    if distribution.startswith(('trytond', 'proteus')):
                        self.assertRegex(versions, r'^>=8\.0[.\d]*,<8\.1$')
                    else:
                        self.assertRegex(versions, r'^>=[\d.]+,<\d+$')

    def test_extras_depend_without_cycle(self):
        "The modules of the suite extend one another in one direction"
        extend = {
            m: set(NAMES) & {
                *tryton_cfg(m)['tryton']['depends'],
                *tryton_cfg(m)['tryton'].get('extras_depend', [])}
            for m in NAMES}
        while extend:
            free = [m for m, others in extend.items() if not others]
            self.assertTrue(free, f"cycle between {', '.join(extend)}")
            extend = {
                m: others - set(free)
                for m, others in extend.items() if m not in free}

    def test_independent(self):
        "No module imports another one of the suite"
        for module in NAMES:
            for path in module_code(module):
                for node in ast.walk(tree(path)):
                    imported = []
                    if isinstance(node, ast.Import):
                        imported = [alias.name for alias in node.names]
                    elif isinstance(node, ast.ImportFrom):
                        imported = [
                            f'{node.module or ""}.{alias.name}'
                            for alias in node.names]
                    for other in set(NAMES) - {module}:
                        with self.subTest(path=name(path), other=other):
                            self.assertFalse([
                                    i for i in imported
                                    if f'trytond.modules.{other}' in i])

    def test_installed(self):
        "What is installed is what the sources hold"
        for module in NAMES:
            source = MODULES / module
            installed = Path(importlib.import_module(
                    f'trytond.modules.{module}').__file__).parent
            self.assertEqual(_content(installed), _content(source), module)
        for package, source in [
                ('caravan', ROOT / 'caravan'),
                ('caravan.demo', ROOT / 'demo')]:
            installed = Path(importlib.util.find_spec(package).origin).parent
            self.assertEqual(
                {f for f in _content(installed)
                    if package != 'caravan' or f.parts[0] != 'demo'},
                _content(source))


def _content(folder):
    "Return the files that belong in a wheel, docs stay in the sources"
    return {
        path.relative_to(folder) for path in folder.rglob('*')
        if path.suffix in _DATA and '__pycache__' not in path.parts
        and path.relative_to(folder).parts[0] != 'doc'}
