# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""caravan load KIND FILE"""
import argparse
import importlib
import pkgutil
import time
from pathlib import Path

from .. import connection
from ..errors import Failure
from . import __path__ as package_path
from .engine import Loader
from .mapping import Mapping

__all__ = ['add_parser', 'get_loader', 'kinds']

_ENGINE = {'command', 'convert', 'engine', 'mapping'}


def kinds():
    "Return the names of the kinds of rows that can be loaded"
    return sorted(
        m.name for m in pkgutil.iter_modules(package_path)
        if m.name not in _ENGINE and not m.name.startswith('_'))


def get_loader(kind):
    "Return the class that loads a kind of rows"
    module = importlib.import_module(f'.{kind}', __package__)
    loader, = [
        c for c in vars(module).values()
        if isinstance(c, type) and issubclass(c, Loader)
        and c.__module__ == module.__name__ and c.columns]
    return loader


def add_parser(subparsers):
    parser = subparsers.add_parser(
        'load', help="load a file of rows through proteus",
        description="Load a CSV or XLSX file.  Rows that were loaded before "
        "are left alone; rejected rows go to a file with their reason.",
        epilog=_epilog(), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('kind', metavar='KIND', help=', '.join(kinds()))
    parser.add_argument(
        'file', metavar='FILE', nargs='?', help="CSV, TXT, XLSX or ODS")
    parser.add_argument(
        '--map', metavar='FILE', help="TOML mapping of foreign column names")
    parser.add_argument(
        '--columns', action='store_true',
        help="print the columns of the kind and stop")
    parser.add_argument(
        '--dry-run', action='store_true',
        help="read, look up and check, but save nothing")
    parser.add_argument(
        '--rejects', metavar='FILE',
        help="where rejected rows go (default: FILE.rejects.csv)")
    parser.add_argument('--encoding', help="encoding of the file")
    parser.add_argument(
        '--company', help="company to load into, when there are several")
    parser.add_argument(
        '--quiet', action='store_true', help="no progress bar")
    connection.add_arguments(parser)
    parser.set_defaults(run=run)


def _epilog():
    lines = [f"  {kind:<14}{get_loader(kind).__doc__}" for kind in kinds()]
    return '\n'.join(["kinds:", *lines])


def run(args):
    if args.kind not in kinds():
        raise Failure(
            f"There is no kind \"{args.kind}\", only: "
            + ', '.join(kinds()) + '.')
    loader = get_loader(args.kind)
    if args.columns:
        return _print_columns(loader)
    if not args.file:
        raise Failure("Name the file to load.")
    if not Path(args.file).is_file():
        raise Failure(f"There is no file {args.file}.")
    mapping = Mapping.read(args.map) if args.map else Mapping()
    if args.encoding:
        mapping.file['encoding'] = args.encoding
    start = time.monotonic()
    with connection.connect(args) as config:
        loader = loader(config, dry_run=args.dry_run, company=args.company)
        loaded, known, rejected = loader.load(
            args.file, mapping, rejects=args.rejects,
            progress=not args.quiet)
    done = "would be loaded" if args.dry_run else "loaded"
    print(
        f"{loaded} {done}, {known} there already, {rejected} rejected "
        f"in {time.monotonic() - start:.1f} s")
    if rejected:
        print(f"Rejected rows: {loader.rejects_path}")
    return 1 if rejected else 0


def _print_columns(loader):
    for column in loader.columns:
        kind = column.convert.__name__ + (", required" if column.required
            else "")
        print(f"{column.name:<24}{kind:<20}{column.help}".rstrip())
