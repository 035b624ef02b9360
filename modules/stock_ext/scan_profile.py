# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from pathlib import Path

from sql.operators import Equal

from caravan.tabular import SHEETS, Table, TableError
from trytond.model import (
    DeactivableMixin, Exclude, ModelSQL, ModelView, fields, sequence_ordered)
from trytond.pyson import Eval, If

from .exceptions import ScanError

FIELDS = [
    ('code', "Code"),
    ('quantity', "Quantity"),
    ('location', "Location"),
    ('to_location', "To Location"),
    ('lot', "Lot"),
    ('ignore', "Ignore"),
    ]


class Profile(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'stock.scan.profile'

    name = fields.Char("Name", required=True, translate=True)
    action = fields.Selection([
            ('count', "Count"),
            ('pick', "Pick"),
            ('receive', "Receive"),
            ('move', "Move"),
            ], "Action", required=True, sort=False,
        help_selection={
            'count': "Fills an inventory of each location.",
            'pick': "Takes the goods out of the location.",
            'receive': "Brings the goods into the location.",
            'move': "Brings the goods from one location to another.",
            })
    basis = fields.Many2One(
        'stock.basis', "Basis", ondelete='RESTRICT',
        domain=[
            If(Eval('action') == 'pick',
                ('kind', 'in', ['issue', 'write_off']), ()),
            If(Eval('action') == 'receive',
                ('kind', 'in', ['return', 'found']), ()),
            If(Eval('action') == 'move', ('kind', '=', 'transfer'), ()),
            ],
        states={
            'required': Eval('action') != 'count',
            'invisible': Eval('action') == 'count',
            },
        help="Why the goods move.")
    separator = fields.Selection([
            (None, "Guess"),
            (',', "Comma"),
            (';', "Semicolon"),
            ('\t', "Tab"),
            ('|', "Bar"),
            (' ', "Spaces"),
            ], "Separator", sort=False, translate=False,
        help="What stands between the columns.")
    encoding = fields.Char(
        "Other Encoding",
        help="The encoding of files that are not UTF-8, for example cp1251.")
    header = fields.Boolean(
        "Header", help="Check if the first line names the columns.")
    columns = fields.One2Many(
        'stock.scan.profile.column', 'profile', "Columns",
        help="What the columns of the file hold, from left to right.")

    @classmethod
    def default_columns(cls):
        return [{'field': 'code'}, {'field': 'quantity'}]

    @classmethod
    def default_encoding(cls):
        return 'cp1251'

    def rows(self, content, name):
        "Yield (line number, {field: text}) of the rows of a file"
        try:
            table = Table(
                content, name=name, delimiter=self.separator or None,
                fallback=self.encoding or None, header=bool(self.header))
        except TableError as error:
            raise ScanError(str(error)) from error
        names = [c.field for c in self.columns]
        aligned = (
            self.separator == ' ' and Path(name).suffix.lower() not in SHEETS)
        for line, cells in table:
            if aligned:
                cells = [c for c in cells if c]
            yield line, {
                n: _text(c) for n, c in zip(names, cells) if n != 'ignore'}


def _text(cell):
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell).strip()


class ProfileColumn(sequence_ordered(), ModelSQL, ModelView):
    __name__ = 'stock.scan.profile.column'

    profile = fields.Many2One(
        'stock.scan.profile', "Profile", required=True, ondelete='CASCADE')
    field = fields.Selection(FIELDS, "Column", required=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('profile')
        t = cls.__table__()
        cls._sql_constraints += [
            ('field_once', Exclude(t,
                    (t.profile, Equal),
                    (t.field, Equal),
                    where=t.field != 'ignore'),
                'stock_ext.msg_scan_profile_column_once'),
            ]
