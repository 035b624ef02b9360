# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.model import (
    DeactivableMixin, Index, ModelSQL, ModelView, Unique, fields)
from trytond.pyson import Eval, If

# The types of locations that a kind of basis moves from and to
FROM_TYPES = {
    'issue': {'storage', 'view'},
    'transfer': {'storage', 'view'},
    'write_off': {'storage', 'view'},
    'return': {'storage', 'view', 'lost_found'},
    'found': {'lost_found'},
    }
TO_TYPES = {
    'issue': {'storage', 'lost_found'},
    'transfer': {'storage'},
    'write_off': {'lost_found'},
    'return': {'storage'},
    'found': {'storage'},
    }


def _domain(types):
    return [
        If(Eval('kind') == kind, ('type', 'in', sorted(kind_types)), ())
        for kind, kind_types in types.items()]


class Basis(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'stock.basis'

    name = fields.Char(
        "Name", required=True, translate=True,
        help="Why goods move, as the staff calls it.")
    code = fields.Char(
        "Code", help="The short name that files and terminals use.")
    kind = fields.Selection([
            ('issue', "Issue"),
            ('transfer', "Transfer"),
            ('write_off', "Write-off"),
            ('return', "Return"),
            ('found', "Found"),
            ], "Kind", required=True, sort=False,
        help_selection={
            'issue': "Goods leave the store for use.",
            'transfer': "Goods change place and stay in stock.",
            'write_off': "Goods leave the stock as lost or spoilt.",
            'return': "Goods issued before come back.",
            'found': "Goods that nobody had counted come into stock.",
            })
    kind_string = kind.translated('kind')
    from_location = fields.Many2One(
        'stock.location', "Default From Location", ondelete='RESTRICT',
        domain=_domain(FROM_TYPES),
        help="Where the goods are taken from unless told otherwise.")
    to_location = fields.Many2One(
        'stock.location', "Default To Location", ondelete='RESTRICT',
        domain=_domain(TO_TYPES),
        help="Where the goods go unless told otherwise.")
    needs_document = fields.Boolean(
        "Needs Document",
        help="Check to demand the document, its number and date or "
        "the reason on each movement.")
    needs_approval = fields.Boolean(
        "Needs Approval",
        help="Check to let goods move only after a person with the right "
        "to approve has agreed.")

    @classmethod
    def __setup__(cls):
        cls.code.search_unaccented = False
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('code_unique', Unique(t, t.code),
                'stock_ext.msg_basis_code_unique'),
            ]
        cls._sql_indexes.add(Index(t, (t.code, Index.Equality())))
        cls._order.insert(0, ('name', 'ASC'))

    def get_rec_name(self, name):
        return f'[{self.code}] {self.name}' if self.code else self.name

    @classmethod
    def search_rec_name(cls, name, clause):
        _, operator, operand, *extra = clause
        bool_op = (
            'AND' if operator.startswith('!') or operator.startswith('not ')
            else 'OR')
        return [bool_op,
            ('name', operator, operand, *extra),
            ('code', operator, operand, *extra),
            ]

    @classmethod
    def copy(cls, bases, default=None):
        default = default.copy() if default is not None else {}
        default.setdefault('code')
        return super().copy(bases, default=default)

    def allows(self, from_location, to_location):
        "Test if goods may move between the locations on this basis"
        return (
            from_location.type in FROM_TYPES[self.kind]
            and to_location.type in TO_TYPES[self.kind])
