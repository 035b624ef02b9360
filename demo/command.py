# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""caravan demo: a company to try the suite in, in the web client."""
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from pathlib import Path

from caravan import web
from caravan.connection import read_password
from caravan.errors import Failure
from caravan.server import Server, port_in_use
from caravan.testing.keys import MODULES, source_key

__all__ = ['add_parser', 'run']

PASSWORD = 'caravan-demo'
_SPACE = 500 * 2 ** 20
_SECTIONS = {
    # Long enough that nobody is asked for the password while trying
    'session': {'timeout': str(12 * 60 * 60)},
    }


def add_parser(subparsers):
    parser = subparsers.add_parser(
        'demo', help="try the suite in a company of its own",
        description="Make the database of the demo company, the first time, "
        "and serve it with the web client until Ctrl-C.")
    parser.add_argument(
        '--folder', type=Path, default=Path('.demo'),
        help="where to keep the database (default: .demo)")
    parser.add_argument(
        '--port', type=int, default=8000,
        help="port to serve on 127.0.0.1 (default: 8000)")
    parser.add_argument(
        '--modules', nargs='+', metavar='MODULE', choices=MODULES,
        default=MODULES, help="modules to make the company with: "
        f"{', '.join(MODULES)} (default: all)")
    parser.add_argument(
        '--password-file', metavar='FILE',
        help="file whose only line is to be the password of all users "
        f"(default: the password is {PASSWORD})")
    parser.add_argument(
        '--build', action='store_true',
        help="make the database anew, do not serve it")
    parser.set_defaults(run=run)


def run(args):
    "Make what is missing, serve the company until it is stopped"
    if not args.build and port_in_use(args.port):
        raise Failure(
            f"Port {args.port} is in use: stop what listens there or choose "
            f"another one, --port {args.port + 1} (make demo "
            f"PORT={args.port + 1}).")
    password = PASSWORD
    if args.password_file:
        password = read_password(args.password_file)
        if len(password) < 8:
            raise Failure(
                f"The password in {args.password_file} must have 8 "
                "characters or more.")
    root = web.install()
    folder = args.folder.absolute() / 'db'
    if args.build or not (folder / 'demo.json').exists():
        _check_space(args.folder)
        code = _make(folder, args.modules, password)
    else:
        code = _update(folder)
    if code or args.build:
        return code
    return _serve(folder, args.port, root)


def _check_space(folder):
    "Raise if the disk is too full for the database"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(
            f"{folder} can't be made: {error.strerror}.") from error
    free = shutil.disk_usage(folder).free
    if free < _SPACE:
        raise Failure(
            f"The demo company needs {_SPACE >> 20} MB on the disk of "
            f"{folder.absolute()}, there are {free >> 20} MB.")


def _make(folder, modules, password):
    print("Making the demo company, this takes some minutes the first time.")
    code = _build([str(folder), *modules], password)
    if not code:
        notes = json.loads((folder / 'demo.json').read_text())
        notes.update(password=password, sources=source_key())
        _write_notes(folder, notes)
    return code


def _update(folder):
    "Bring the database up to date with the sources if these have changed"
    notes = json.loads((folder / 'demo.json').read_text())
    if notes['sources'] == source_key():
        return 0
    print("The modules have changed: bringing the database up to date.")
    code = _build(['--update', str(folder)])
    if not code:
        _write_notes(folder, {**notes, 'sources': source_key()})
    return code


def _write_notes(folder, notes):
    path = folder / 'demo.json'
    path.touch(mode=0o600)
    path.write_text(json.dumps(notes, indent=4))


def _build(arguments, password=''):
    "Run the builder in a process of its own, return its exit code"
    result = subprocess.run(
        [sys.executable, '-m', 'caravan.demo.build', *arguments],
        input=password + '\n', text=True,
        env={**os.environ, 'PYTHONOPTIMIZE': '1'})
    if result.returncode not in {0, 2}:
        raise Failure("The demo company can't be made, see above.")
    return result.returncode


def _serve(folder, port, root):
    server = Server(
        folder / 'demo.sqlite', folder.parent / 'server', root=root,
        port=port, sections=_SECTIONS, environ={'PYTHONOPTIMIZE': '1'})
    with _stoppable(), server:
        _print_address(server, json.loads((folder / 'demo.json').read_text()))
        try:
            code = server.wait()
        except KeyboardInterrupt:
            print("\nStopped.")
            return 0
    raise Failure(f"trytond has ended ({code}), see {server.log_file}.")


@contextmanager
def _stoppable():
    "Let a signal to end stop the server as Ctrl-C does"
    def stop(number, frame):
        raise KeyboardInterrupt
    numbers = [signal.SIGTERM, signal.SIGHUP]
    saved = [signal.signal(number, stop) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, saved):
            signal.signal(number, handler)


def _print_address(server, notes):
    width = max(len(login) for login, *_ in notes['users'])
    print()
    print(f"  The demo company is at  {server.url}")
    print()
    print(f"  Database  {server.database}")
    print(f"  Password  {notes['password']}  (the same for all)")
    print(f"  Logins    {'admin':{width}}  all rights")
    for login, name, role in notes['users']:
        print(textwrap.fill(
                f"{login:{width}}  {name} ({role})", 100,
                initial_indent=' ' * 12,
                subsequent_indent=' ' * (14 + width)))
    print()
    print("  The desktop client of Tryton 8.0 connects to "
        f"{server.url.split('/')[2]}")
    print(f"  Log       {server.log_file}")
    print()
    print("Ctrl-C stops the server; the next start takes seconds.", flush=True)
