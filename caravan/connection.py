# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Connect proteus to a database, in this process or over the network."""
import getpass
import os
import re
import xmlrpc.client
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import proteus.config

from trytond.exceptions import TrytonException

from .errors import Failure

__all__ = ['add_arguments', 'connect', 'message', 'read_password']


def add_arguments(parser):
    "Add the options that say which database to work on"
    group = parser.add_argument_group("database")
    group.add_argument(
        '-d', '--database', metavar='NAME', help="name of the database")
    group.add_argument(
        '-c', '--config', metavar='FILE',
        default=os.environ.get('TRYTOND_CONFIG'),
        help="configuration of trytond (default: TRYTOND_CONFIG)")
    group.add_argument(
        '--url', help="work over the network: https://user@host/DATABASE/")
    group.add_argument(
        '-u', '--user', default='admin', help="login (default: admin)")
    group.add_argument(
        '--password-file', metavar='FILE',
        help="file whose first line is the password for --url "
        "(default: TRYTONPASSFILE, else it is asked)")


@contextmanager
def connect(args):
    """Yield the proteus configuration that the options args ask for.

    Raise Failure with one line where the database can't be reached.
    """
    if args.url:
        with _remote(args) as config:
            yield config
    elif args.database:
        yield _local(args)
    else:
        raise Failure("Name the database with -d or --url.")


def _local(args):
    import trytond.config
    from trytond import backend
    if args.config and not Path(args.config).is_file():
        raise Failure(f"There is no configuration file {args.config}.")
    trytond.config.update_etc(args.config)
    try:
        names = backend.Database().connect().list()
    except Exception as error:
        raise Failure(
            f"The database server can't be reached: {message(error)}"
            ) from error
    if args.database not in names:
        raise Failure(
            f"There is no database \"{args.database}\" where the "
            "configuration looks: check -d and -c.")
    try:
        return proteus.config.set_trytond(
            args.database, user=args.user, config_file=args.config)
    except IndexError:
        raise Failure(
            f"There is no user \"{args.user}\" in {args.database}."
            ) from None


@contextmanager
def _remote(args):
    parts = urlsplit(args.url)
    name = parts.path.strip('/').removesuffix('/rpc')
    if parts.scheme not in {'http', 'https'} or not name:
        raise Failure(
            f"{args.url} is not an address like https://user@host/DATABASE/.")
    user = parts.username or args.user
    host = parts.netloc.rpartition('@')[2]
    url = urlunsplit((parts.scheme, host, f'/{name}/rpc/', '', ''))
    password = parts.password or _password(args, user)
    session = proteus.config.set_xmlrpc_session(url, user, password)
    try:
        config = session.__enter__()
    except (OSError, xmlrpc.client.Error) as error:
        raise Failure(
            f"{host} does not let {user} in: {message(error)}") from error
    try:
        yield config
    finally:
        session.__exit__(None, None, None)


def _password(args, user):
    path = args.password_file or os.environ.get('TRYTONPASSFILE')
    if not path:
        return getpass.getpass(f"Password of {user}: ")
    return read_password(path)


def read_password(path):
    "Return the password that is the only line of the file at path"
    try:
        lines = Path(path).read_text().splitlines()
    except OSError as error:
        raise Failure(
            f"The password file {path} can't be read: {error.strerror}."
            ) from error
    except UnicodeDecodeError as error:
        raise Failure(
            f"The password file {path} is not a text.") from error
    if len(lines) != 1 or not lines[0]:
        raise Failure(
            f"The password file {path} must have exactly one line.")
    return lines[0]


def message(error):
    "Return in one line what an error of the server says to the user"
    if isinstance(error, xmlrpc.client.ProtocolError):
        text = f"{error.errcode} {error.errmsg}"
    elif isinstance(error, xmlrpc.client.Fault):
        text = error.faultString or error.faultCode
    elif isinstance(error, TrytonException):
        text = ' '.join(filter(None, [
                    getattr(error, 'message', None),
                    getattr(error, 'description', None)])) or str(error)
    else:
        text = str(error) or type(error).__name__
    return re.sub(r'\s+', ' ', str(text)).strip()
