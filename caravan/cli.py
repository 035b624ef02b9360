# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The command line for operators: caravan demo, load, check, bench."""
import argparse
import importlib
import sys

from .errors import Failure

__all__ = ['main']

# Each has add_parser(subparsers) that sets the function to run
COMMANDS = ['demo.command', 'load.command', 'check', 'bench']


def main(arguments=None):
    """Run the command line; return the exit code.

    0 is done, 1 is done with something to look at (rejected rows, failed
    checks), 2 is nothing done.
    """
    parser = argparse.ArgumentParser(
        prog='caravan', description="Caravan: customers, vehicles, stock, "
        "loans and mailings on Tryton.")
    subparsers = parser.add_subparsers(
        title="commands", dest='command', required=True)
    for name in COMMANDS:
        importlib.import_module(f'caravan.{name}').add_parser(subparsers)
    args = parser.parse_args(arguments)
    try:
        return args.run(args) or 0
    except Failure as failure:
        print(f"caravan: {failure}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("caravan: stopped", file=sys.stderr)
        return 130


if __name__ == '__main__':
    sys.exit(main())
