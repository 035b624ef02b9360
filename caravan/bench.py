# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""caravan bench: what lists cost in an installation."""
import time
from statistics import median

from . import connection
from .errors import Failure

__all__ = ['add_parser']

# The models whose lists people open all day
MODELS = [
    'party.party', 'crm.activity', 'fleet.vehicle', 'fleet.trip',
    'stock.move', 'stock.shipment.internal', 'loan.loan', 'mailing.message']


def add_parser(subparsers):
    parser = subparsers.add_parser(
        'bench', help="measure lists against plain SQL",
        description="Read the first rows of the main lists with the columns "
        "of their views, and the same rows by plain SQL in the same run.  "
        "Nothing is written.")
    parser.add_argument(
        '--rows', type=int, default=1000, help="rows (default: 1000)")
    parser.add_argument(
        '--runs', type=int, default=3, help="runs (default: 3)")
    connection.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args):
    if not args.database:
        raise Failure("Name a database on this machine with -d.")
    with connection.connect(args) as config:
        from trytond.pool import Pool
        names = dict(Pool(config.database_name).iterobject())
        print(f"{'list':<26}{'rows':>6}{'queries':>9}{'ms':>9}"
            f"{'SQL ms':>9}{'ratio':>8}")
        for name in MODELS:
            if name in names:
                _measure(config, name, args)


def _measure(config, name, args):
    from trytond.pool import Pool
    from trytond.transaction import Transaction

    from .testing.queries import count_queries
    Model = Pool(config.database_name).get(name)
    ours, raw = [], []
    for _ in range(args.runs):
        with Transaction().start(
                config.database_name, config.user, readonly=True,
                context=config.context) as transaction:
            columns = _columns(Model)
            start = time.perf_counter()
            with transaction.set_context(_check_access=True), \
                    count_queries() as queries:
                rows = Model.search_read([], limit=args.rows,
                    fields_names=columns)
            ours.append(time.perf_counter() - start)
            raw.append(_raw(Model, args.rows))
    ratio = median(ours) / max(median(raw), 1e-6)
    print(f"{name:<26}{len(rows):>6}{len(queries):>9}"
        f"{median(ours) * 1000:>9.1f}{median(raw) * 1000:>9.1f}"
        f"{ratio:>7.0f}x")


def _columns(Model):
    "Return the columns of the list view as clients ask for them"
    view = Model.fields_view_get(view_type='tree')
    return [f for f in view['fields'] if f in Model._fields]


def _raw(Model, rows):
    "Return the seconds that the same rows take by plain SQL"
    from trytond.transaction import Transaction
    start = time.perf_counter()
    table = Model.__table__()
    cursor = Transaction().connection.cursor()
    cursor.execute(*table.select(limit=rows))
    cursor.fetchall()
    return time.perf_counter() - start
