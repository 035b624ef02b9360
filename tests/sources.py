# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The sources of the suite as the tests of its layout read them."""
import ast
import configparser
import re
from functools import cache
from pathlib import Path

from lxml import etree

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / 'modules'
NAMES = sorted(p.parent.name for p in MODULES.glob('*/tryton.cfg'))
# Folders of our sources below the top level
FOLDERS = ['benchmarks', 'caravan', 'demo', 'modules', 'tests']


def files(*suffixes, folders=FOLDERS):
    "Return our files with these suffixes"
    return sorted(
        path for folder in folders for path in (ROOT / folder).rglob('*')
        if path.suffix in suffixes and '__pycache__' not in path.parts)


def name(path):
    return str(path.relative_to(ROOT))


@cache
def tree(path):
    "Return the syntax tree of a file, each node with its parent"
    result = ast.parse(path.read_text(), str(path))
    for node in ast.walk(result):
        for child in ast.iter_child_nodes(node):
            child.parent = node
    return result


def parents(node):
    "Yield what is around a node, from the inside out"
    while node := getattr(node, 'parent', None):
        yield node


def module_code(module):
    "Return the Python files of a module without its tests"
    folder = MODULES / module
    return [
        path for path in sorted(folder.rglob('*.py'))
        if path.relative_to(folder).parts[0] not in {'tests', 'doc'}]


def module_data(module):
    "Return the trees of the XML files which the module loads"
    folder = MODULES / module
    return {
        path: etree.parse(path) for path in sorted(folder.rglob('*.xml'))
        if path.relative_to(folder).parts[0] not in {'view', 'tests', 'doc'}}


@cache
def records(module):
    "Return the records of a module: (file, model, id, {field: element})"
    return [
        (path, record.get('model'), record.get('id'),
            {f.get('name'): f for f in record.iter('field')})
        for path, document in module_data(module).items()
        for record in document.iter('record')]


@cache
def tryton_cfg(module):
    "Return the sections of tryton.cfg, values split in words"
    parser = configparser.ConfigParser()
    parser.optionxform = str
    parser.read(MODULES / module / 'tryton.cfg')
    return {
        section: {key: value.split() for key, value in parser[section].items()}
        for section in parser.sections()}


@cache
def setup_cfg():
    parser = configparser.ConfigParser()
    parser.optionxform = str
    parser.read(ROOT / 'setup.cfg')
    return parser


def requirements(section, option):
    "Return {distribution: versions} of an option of setup.cfg"
    lines = setup_cfg()[section][option].strip().splitlines()
    return dict(
        re.match(r'([\w.-]+(?:\[[\w,.-]+\])?)\s*(.*)', line).groups()
        for line in lines)


def bases(node):
    "Return the names of the bases of a class"
    return {ast.unparse(base).split('.')[-1] for base in node.bases}


def callee(node):
    "Return the last name of what is called: 'save' for Party.save(...)"
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return getattr(node.func, 'id', '')
