# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import secrets
import string

from sql import Conflict
from sql.functions import CurrentTimestamp

import trytond.config as config
from trytond.i18n import gettext
from trytond.model import ModelSQL, ModelView, Unique, fields
from trytond.pool import Pool
from trytond.transaction import Transaction

from .exceptions import AppendOnlyError
from .export import InertExportMixin

_ALPHABET = string.ascii_letters + string.digits
# 65 random bits
CODE_LENGTH = 11


class Link(InertExportMixin, ModelSQL, ModelView):
    __name__ = 'mailing.link'
    _rec_name = 'target'

    code = fields.Char("Code", required=True)
    message = fields.Many2One(
        'mailing.message', "Message", required=True, ondelete='CASCADE')
    target = fields.Char("Target", required=True)
    clicks = fields.Integer("Clicks", required=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('message')
        t = cls.__table__()
        cls._sql_constraints += [
            ('code_unique', Unique(t, t.code),
                'sms_mailing.msg_link_code_unique'),
            ('message_unique', Unique(t, t.message),
                'sms_mailing.msg_link_message_unique'),
            ]

    @classmethod
    def default_clicks(cls):
        return 0

    @classmethod
    def check_modification(cls, mode, links, values=None, external=False):
        super().check_modification(
            mode, links, values=values, external=external)
        if external and mode in {'write', 'delete'}:
            raise AppendOnlyError(gettext('sms_mailing.msg_link_append'))

    @classmethod
    def url(cls, code):
        "Return the address outside of a code"
        pool = Pool()
        Message = pool.get('mailing.message')
        base = config.get('sms_mailing', 'link_url', default='')
        return f'{base}/{code}' if base else Message.base_url(f'l/{code}')

    @classmethod
    def sample(cls):
        "Return an address as long as a real one"
        return cls.url('x' * CODE_LENGTH)

    @classmethod
    def make(cls, targets):
        """Return {id of a message: short address} for {id: target}

        The link of a message stays the same whenever it is asked for.
        """
        if not targets:
            return {}
        table = cls.__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*table.insert(
                [
                    table.create_uid, table.create_date, table.code,
                    table.message, table.target, table.clicks],
                [[
                        Transaction().user, CurrentTimestamp(),
                        ''.join(
                            secrets.choice(_ALPHABET)
                            for _ in range(CODE_LENGTH)),
                        message, target, 0]
                    for message, target in targets.items()],
                on_conflict=Conflict(table)))
        cursor.execute(*table.select(
                table.message, table.code,
                where=fields.SQL_OPERATORS['in'](
                    table.message, list(targets))))
        return {m: cls.url(c) for m, c in cursor}

    @classmethod
    def follow(cls, code, user_agent, method):
        "Return the target of a code, None if there is none; count the click"
        pool = Pool()
        Event = pool.get('mailing.event')
        links = cls.search([('code', '=', code)], limit=1)
        if not links:
            return None
        link, = links
        if Event.seen(link.message, 'click', user_agent, method):
            table = cls.__table__()
            cursor = Transaction().connection.cursor()
            cursor.execute(*table.update(
                    [table.clicks], [table.clicks + 1],
                    where=table.id == link.id))
        return link.target
