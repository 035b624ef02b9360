# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from sql import Cast, Literal, Null, Union
from sql.conditionals import Coalesce
from sql.functions import Substring
from sql.operators import Concat

from trytond.model import ModelSQL, ModelView, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Eval, If
from trytond.transaction import check_access

_LENGTH = 200


class Timeline(ModelSQL, ModelView):
    __name__ = 'crm.timeline'
    __string__ = "Timeline"

    party = fields.Many2One(
        'party.party', "Party",
        context={
            'company': Eval('company', -1),
            },
        depends={'company'})
    company = fields.Many2One('company.company', "Company")
    date = fields.Date("Date")
    at = fields.Timestamp("At")
    kind = fields.Selection('get_kinds', "Kind")
    summary = fields.Char("Summary")
    amount = Monetary("Amount", currency='currency', digits='currency')
    currency = fields.Many2One('currency.currency', "Currency")
    employee = fields.Many2One('company.employee', "Employee")
    status = fields.Selection('get_statuses', "Status")
    origin = fields.Reference("Origin", selection='get_origin')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [
            ('date', 'DESC NULLS LAST'),
            ('at', 'DESC NULLS LAST'),
            ('id', 'DESC'),
            ]

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('status') == 'cancelled', 'muted',
                    If(Eval('status') == 'planned', 'warning', ''))),
            ]

    @classmethod
    def _get_kinds(cls):
        """Return the kinds of events as list of (kind, name of the model).

        The queries of a kind are made by the method _timeline_<kind>; they
        have the columns id, party, company and those of the fields they
        know, also record (the id of the origin) if it is not id.  The order
        is part of the identifiers of the rows.
        """
        return [
            ('activity', 'crm.activity'),
            ('note', 'ir.note'),
            ('email', 'ir.email'),
            ]

    @classmethod
    def _get_resources(cls):
        """Return the models whose notes and e-mails concern a party.

        A list of (name of the model, name of the column of the party, name
        of the column of the company or None).
        """
        return [
            ('party.party', 'id', None),
            ('crm.profile', 'party', 'company'),
            ('crm.activity', 'party', 'company'),
            ]

    @classmethod
    def get_kinds(cls):
        get_name = Pool().get('ir.model').get_name
        return [(kind, get_name(model)) for kind, model in cls._get_kinds()]

    @classmethod
    def get_origin(cls):
        get_name = Pool().get('ir.model').get_name
        return [(None, "")] + [
            (model, get_name(model)) for _, model in cls._get_kinds()]

    @classmethod
    def get_statuses(cls):
        pool = Pool()
        statuses = {None: ""}
        for _, model in cls._get_kinds():
            Model = pool.get(model)
            if 'state' in Model._fields:
                state, = Model.fields_get(['state']).values()
                statuses.update(state['selection'])
        return list(statuses.items())

    @classmethod
    def table_query(cls):
        ModelAccess = Pool().get('ir.model.access')
        kinds = cls._get_kinds()
        queries = []
        # Whatever code asks, a user gets what he may read of each model
        with check_access():
            for position, (kind, model) in enumerate(kinds):
                if ModelAccess.check(model, 'read', raise_exception=False):
                    for query in getattr(cls, f'_timeline_{kind}')():
                        queries.append(query.select(
                                (query.id * len(kinds) + position).as_('id'),
                                *cls._get_columns(query, kind, model)))
        return Union(*queries, all_=True)

    @classmethod
    def _get_columns(cls, query, kind, model):
        "Return the columns of a part, those that it has not are empty"
        names = {c.output_name for c in query.columns}
        for name, field in cls._fields.items():
            if hasattr(field, 'set') or name in {
                    'id', 'create_uid', 'create_date', 'write_uid',
                    'write_date', 'rec_name', 'xml_id'}:
                continue
            if name == 'kind':
                column = Literal(kind)
            elif name == 'origin':
                record = query.record if 'record' in names else query.id
                column = Concat(Literal(f'{model},'), Cast(record, 'VARCHAR'))
            elif name in names:
                column = getattr(query, name)
            else:
                column = Null
            yield field.sql_cast(column).as_(name)

    @classmethod
    def _timeline_activity(cls):
        pool = Pool()
        Activity = pool.get('crm.activity')
        Type = pool.get('crm.activity.type')
        Result = pool.get('crm.activity.result')
        table = Activity.__table__()
        type_ = Type.__table__()
        result = Result.__table__()
        summary = Concat(
            Coalesce(table.subject, type_.name),
            Coalesce(Concat(': ', result.name), ''))
        return [table
            .join(type_, condition=table.type == type_.id)
            .join(result, 'LEFT', condition=table.result == result.id)
            .select(
                table.id.as_('id'),
                table.party.as_('party'),
                table.company.as_('company'),
                Coalesce(table.done_on, table.date).as_('date'),
                Coalesce(table.done_at, table.dtstart).as_('at'),
                summary.as_('summary'),
                Coalesce(table.done_by, table.employee).as_('employee'),
                table.state.as_('status'),
                where=(table.party != Null) & cls._readable(table, Activity))]

    @classmethod
    def _timeline_note(cls):
        Note = Pool().get('ir.note')
        return cls._resource_queries(Note, 'message')

    @classmethod
    def _timeline_email(cls):
        Email = Pool().get('ir.email')
        return cls._resource_queries(Email, 'subject')

    @classmethod
    def _resource_queries(cls, Resource, text):
        "Return the queries of notes or the like on what concerns a party"
        pool = Pool()
        ModelAccess = pool.get('ir.model.access')
        queries = []
        for name, party, company in cls._get_resources():
            if not ModelAccess.check(name, 'read', raise_exception=False):
                continue
            Model = pool.get(name)
            table = Resource.__table__()
            model = Model.__table__()
            queries.append(table
                .join(model,
                    condition=(
                        Resource.resource.sql_id(table.resource, Model)
                        == model.id))
                .select(
                    table.id.as_('id'),
                    getattr(model, party).as_('party'),
                    (getattr(model, company) if company
                        else cls.company.sql_cast(Null)).as_('company'),
                    cls.date.sql_cast(table.create_date).as_('date'),
                    table.create_date.as_('at'),
                    cls.shorten(getattr(table, text)).as_('summary'),
                    where=table.resource.like(f'{name},%')
                    & cls._readable(model, Model)))
        return queries

    @staticmethod
    def shorten(text):
        "Return the SQL expression of the begin of a long text"
        return Substring(text, 1, _LENGTH)

    @classmethod
    def _readable(cls, table, Model):
        "Return the condition that the user may read the rows of table"
        return table.id.in_(Model.search([], order=[], query=True))
