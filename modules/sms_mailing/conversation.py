# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from sql import Cast, Literal, Null, Union
from sql.conditionals import Coalesce
from sql.operators import Concat

from trytond.model import ModelSQL, ModelView, fields
from trytond.pool import Pool
from trytond.pyson import Eval, If

from .account import CHANNELS
from .export import InertExportMixin

# What was never said
_UNSAID = ['cancelled', 'simulated']


class Conversation(InertExportMixin, ModelSQL, ModelView):
    __name__ = 'mailing.conversation'

    company = fields.Many2One('company.company', "Company")
    party = fields.Many2One(
        'party.party', "Party",
        context={
            'company': Eval('company', -1),
            },
        depends={'company'})
    at = fields.DateTime("At", format='%H:%M')
    direction = fields.Selection([
            ('out', "Sent"),
            ('in', "Received"),
            ], "Direction", sort=False)
    channel = fields.Selection(CHANNELS, "Channel", sort=False)
    address = fields.Char("Address")
    text = fields.Text("Text")
    status = fields.Selection('get_statuses', "Status", sort=False)
    origin = fields.Reference("Origin", selection='get_origins')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('at', 'DESC'), ('id', 'DESC')]

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('status').in_(['failed', 'undelivered']), 'danger',
                    If(Eval('status') == 'new', 'warning',
                        If(Eval('direction') == 'in', 'success', '')))),
            ]

    @classmethod
    def get_origins(cls):
        get_name = Pool().get('ir.model').get_name
        return [(None, "")] + [
            (m, get_name(m)) for m in ['mailing.message', 'mailing.inbound']]

    @classmethod
    def get_statuses(cls):
        pool = Pool()
        statuses = {}
        for name in ['mailing.message', 'mailing.inbound']:
            definition = pool.get(name).fields_get(['state'])['state']
            statuses.update(definition['selection'])
        return list(statuses.items())

    @classmethod
    def table_query(cls):
        return Union(cls._out(), cls._in(), all_=True)

    @classmethod
    def _out(cls):
        message = Pool().get('mailing.message').__table__()
        return message.select(
            *cls._columns(
                message, 0, 'out', 'mailing.message',
                Coalesce(message.sent_at, message.create_date)),
            where=(message.party != Null) & ~message.state.in_(_UNSAID))

    @classmethod
    def _in(cls):
        inbound = Pool().get('mailing.inbound').__table__()
        return inbound.select(
            *cls._columns(
                inbound, 1, 'in', 'mailing.inbound', inbound.at),
            where=inbound.party != Null)

    @classmethod
    def _columns(cls, table, place, direction, model, at):
        return [
            (table.id * 2 + place).as_('id'),
            table.company.as_('company'),
            table.party.as_('party'),
            cls.at.sql_cast(at).as_('at'),
            cls.direction.sql_cast(Literal(direction)).as_('direction'),
            table.channel.as_('channel'),
            table.address.as_('address'),
            table.text.as_('text'),
            table.state.as_('status'),
            cls.origin.sql_cast(Concat(
                    Literal(f'{model},'), Cast(table.id, 'VARCHAR'))).as_(
                'origin'),
            ]
