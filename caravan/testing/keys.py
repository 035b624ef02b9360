# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What the caches of the tests depend on, and where they are kept."""
import hashlib
import importlib.metadata
import importlib.util
import os
from functools import cache
from pathlib import Path

__all__ = ['MODULES', 'cache_folder', 'source_key', 'versions_key']

MODULES = ['crm_party', 'fleet', 'loan', 'sms_mailing', 'stock_ext']
_SOURCES = {'.py', '.xml', '.cfg', '.po', '.fodt', '.svg', '.html', '.csv'}


@cache
def versions_key():
    "Return a hash of the installed Tryton distributions"
    versions = sorted(
        f'{d.name}=={d.version}' for d in importlib.metadata.distributions()
        if d.name.lower().startswith(('trytond', 'proteus'))
        and d.name != 'trytond-caravan')
    return _hash('\n'.join(versions))


@cache
def source_key():
    "Return a hash of the sources of our modules, tests and docs left out"
    digest = hashlib.sha1(versions_key().encode())
    for module in MODULES:
        root = _module_folder(module)
        for path in sorted(root.rglob('*')):
            name = path.relative_to(root)
            if (path.suffix in _SOURCES
                    and name.parts[0] not in {'tests', 'doc'}):
                digest.update(str(name).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def cache_folder():
    """Return the folder of what the tests keep between runs.

    CARAVAN_CACHE, else a folder of the user's cache for each place where our
    modules are installed, so that two checkouts do not disturb one another.
    """
    if folder := os.environ.get('CARAVAN_CACHE'):
        return Path(folder)
    home = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(home, 'caravan', _hash(str(_module_folder(MODULES[0]))))


def _module_folder(module):
    spec = importlib.util.find_spec(f'trytond.modules.{module}')
    return Path(spec.origin).resolve().parent


def _hash(text):
    return hashlib.sha1(text.encode()).hexdigest()[:12]
