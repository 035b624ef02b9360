# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from sql import Null

from trytond.model import Index, fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Bool, Eval, If
from trytond.transaction import Transaction

from .kernel.names import name_key, sorted_key


class Party(metaclass=PoolMeta):
    __name__ = 'party.party'

    crm_kind = fields.Selection([
            (None, ""),
            ('person', "Person"),
            ('organisation', "Organisation"),
            ], "Kind", sort=False)
    birth_date = fields.Date(
        "Birth Date",
        states={
            'invisible': Eval('crm_kind') == 'organisation',
            },
        depends=['crm_kind'])
    name_key = fields.Char(
        "Name Key", readonly=True,
        help="The name in lower case and Latin letters, without accents and "
        "legal form: equal keys are probably one party.")
    name_words = fields.Char("Name Words", readonly=True)
    crm_attributes = fields.Dict(
        'crm.attribute', "Attributes",
        domain=[
            ('crm_kind', 'in', [None, Eval('crm_kind')]),
            ],
        depends=['crm_kind'])
    crm_hidden = fields.Function(
        fields.Boolean("Customer of Others"),
        'get_crm_hidden', searcher='search_crm_hidden')
    crm_profiles = fields.One2Many(
        'crm.profile', 'party', "Customer Profile")
    crm_profile = fields.Function(
        fields.Many2One('crm.profile', "Profile"),
        'get_crm_profile', searcher='search_crm_profile')
    crm_manager = fields.Function(
        fields.Many2One('company.employee', "Manager"),
        'get_crm_values', searcher='search_crm_values')
    crm_status = fields.Function(
        fields.Selection('get_crm_statuses', "Status"),
        'get_crm_values', searcher='search_crm_values')
    crm_last_contact = fields.Function(
        fields.Date("Last Contact"),
        'get_crm_values', searcher='search_crm_values')
    crm_tier = fields.Function(
        fields.Many2One('crm.discount.tier', "Discount Tier"),
        'get_crm_values', searcher='search_crm_values')
    crm_next_contact = fields.Function(
        fields.Date("Next Contact"),
        'get_crm_values', searcher='search_crm_values')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_indexes.update({
                Index(t, (t.name_words, Index.Equality())),
                Index(t, (t.name_key, Index.Similarity())),
                })

    @classmethod
    def __register__(cls, module):
        table_h = cls.__table_handler__(module)
        keyed = table_h.column_exist('name_key')
        super().__register__(module)
        if not keyed:
            cls._fill_name_keys()

    @classmethod
    def _fill_name_keys(cls):
        "Key the parties that were there before the module"
        cursor = Transaction().connection.cursor()
        table = cls.__table__()
        cursor.execute(*table.select(table.id, table.name))
        for id_, name in cursor.fetchall():
            key = name_key(name)
            cursor.execute(*table.update(
                    [table.name_key, table.name_words],
                    [key, sorted_key(key)],
                    where=table.id == id_))

    @classmethod
    def get_crm_statuses(cls):
        Profile = Pool().get('crm.profile')
        field = 'status'
        return [(None, "")] + Profile.fields_get([field])[field]['selection']

    @classmethod
    def _get_profiles(cls, parties):
        "Return {party id: profile} in the current company"
        Profile = Pool().get('crm.profile')
        return {p.party.id: p for p in Profile.search([
                    ('party', 'in', [p.id for p in parties]),
                    ('company', '=', Transaction().context.get('company')),
                    ])}

    @classmethod
    def get_crm_profile(cls, parties, name):
        profiles = cls._get_profiles(parties)
        return {p.id: profiles[p.id].id if p.id in profiles else None
            for p in parties}

    @classmethod
    def search_crm_profile(cls, name, clause):
        _, operator, value = clause[:3]
        nested = clause[0][len(name) + 1:]
        domain = [
            ('company', '=', Transaction().context.get('company')),
            (nested or 'id', *clause[1:]),
            ]
        if not nested and value is None and operator in {'=', '!='}:
            where = 'not where' if operator == '=' else 'where'
            return [('crm_profiles', where, domain[:1])]
        return [('crm_profiles', 'where', domain)]

    @classmethod
    def _get_hidden(cls):
        "Return the query of the parties in charge of other teams"
        pool = Pool()
        Profile = pool.get('crm.profile')
        User = pool.get('res.user')
        table = Profile.__table__()
        In = fields.SQL_OPERATORS['in']
        NotIn = fields.SQL_OPERATORS['not in']
        return table.select(table.party,
            where=In(table.company, User.get_companies())
            & (table.manager != Null)
            & NotIn(table.manager, User.get_crm_team_employees() or [-1]))

    @classmethod
    def get_crm_hidden(cls, parties, name):
        query = cls._get_hidden()
        cursor = Transaction().connection.cursor()
        query.where &= fields.SQL_OPERATORS['in'](
            query.columns[0], [p.id for p in parties])
        cursor.execute(*query)
        hidden = {id_ for id_, in cursor}
        return {p.id: p.id in hidden for p in parties}

    @classmethod
    def search_crm_hidden(cls, name, clause):
        _, operator, value = clause
        if (operator == '=') == bool(value):
            operator = 'in'
        else:
            operator = 'not in'
        return [('id', operator, cls._get_hidden())]

    @classmethod
    def get_crm_values(cls, parties, names):
        profiles = cls._get_profiles(parties)
        result = {n: dict.fromkeys(map(int, parties)) for n in names}
        for name in names:
            for party, profile in profiles.items():
                value = getattr(profile, name[len('crm_'):])
                result[name][party] = getattr(value, 'id', value)
        return result

    @classmethod
    def search_crm_values(cls, name, clause):
        field, *nested = clause[0].split('.', 1)
        name = '.'.join([field[len('crm_'):], *nested])
        operator, value = clause[1:3]
        company = ('company', '=', Transaction().context.get('company'))
        domain = [('crm_profiles', 'where', [company, (name, *clause[1:])])]
        if operator == '=' and value is None:
            domain = ['OR', domain, ('crm_profiles', 'not where', [company])]
        return domain

    @classmethod
    def preprocess_values(cls, mode, values):
        values = super().preprocess_values(mode, values)
        if 'name' in values:
            values['name_key'] = name_key(values['name'])
            values['name_words'] = sorted_key(values['name_key'])
        return values

    @classmethod
    def copy(cls, parties, default=None):
        default = default.copy() if default is not None else {}
        default.setdefault('crm_profiles', None)
        return super().copy(parties, default=default)

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/form/notebook/page[@id="crm"]', 'states', {
                    'invisible': Bool(Eval('replaced_by')),
                    }),
            ('/tree/field[@name="crm_next_contact"]', 'visual',
                If(Eval('crm_status') == 'blocked', 'danger', '')),
            ]


class Configuration(metaclass=PoolMeta):
    __name__ = 'party.configuration'

    @classmethod
    def __setup__(cls):
        super().__setup__()
        # A number on a card finds its party as any identifier does
        card = ('crm_card', "Customer Card")
        if card not in cls.identifier_types.selection:
            cls.identifier_types.selection.append(card)
