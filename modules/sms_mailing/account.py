# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt
from functools import partial

import trytond.config as config
from trytond.i18n import gettext
from trytond.model import (
    DeactivableMixin, ModelSQL, ModelView, fields, sequence_ordered)
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Eval
from trytond.transaction import Transaction

from .adapters import ADAPTERS, Settings
from .exceptions import AccountValidationError
from .export import InertExportMixin

CHANNELS = [
    ('sms', "SMS"),
    ('email', "E-mail"),
    ('viber', "Viber"),
    ('voice', "Voice"),
    ]


class Account(
        InertExportMixin, DeactivableMixin, sequence_ordered(), ModelSQL,
        ModelView):
    __name__ = 'mailing.account'

    name = fields.Char("Name", required=True)
    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='CASCADE',
        help="Make the account belong to the company.")
    channel = fields.Selection(CHANNELS, "Channel", required=True, sort=False)
    adapter = fields.Selection(
        'get_adapters', "Adapter", required=True,
        help="How the messages leave.\n"
        "The simulator needs no gateway: the last digits of the address "
        "decide the outcome.")
    section = fields.Char(
        "Section",
        states={
            'required': ~Eval('adapter').in_(['simulator', 'smtp']),
            'invisible': Eval('adapter') == 'simulator',
            },
        help="The section sms_mailing_<name> of the server's configuration "
        "file that holds the address and the secrets of the gateway.")
    sender = fields.Char(
        "Sender",
        help="The number, name or mailbox that the customer sees.")
    prefixes = fields.Char(
        "Prefixes",
        states={
            'invisible': Eval('channel') == 'email',
            },
        help="Only numbers that begin with one of these, separated by "
        "commas.\nLeave empty for all numbers.")
    rate = fields.Integer(
        "Rate",
        domain=['OR', ('rate', '=', None), ('rate', '>', 0)],
        help="Messages a second at most.\nLeave empty for no limit.")
    cost = Monetary(
        "Cost", currency='currency', digits=(None, 6),
        domain=['OR', ('cost', '=', None), ('cost', '>=', 0)],
        help="The price of one part of a message.")
    currency = fields.Many2One(
        'currency.currency', "Currency", required=True, ondelete='RESTRICT')
    simulate = fields.Boolean(
        "Dry Run",
        states={
            'invisible': Eval('adapter') == 'simulator',
            },
        help="Messages are written and counted, nothing leaves the house.")
    next_slot = fields.Timestamp("Next Slot", readonly=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(1, ('name', 'ASC'))

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_currency(cls):
        pool = Pool()
        Company = pool.get('company.company')
        company = cls.default_company()
        if company is not None and company >= 0:
            return Company(company).currency.id

    @classmethod
    def default_channel(cls):
        return 'sms'

    @classmethod
    def default_adapter(cls):
        return 'simulator'

    @classmethod
    def default_simulate(cls):
        return True

    @classmethod
    def get_adapters(cls):
        return sorted(
            ((a.name, a.label) for a in ADAPTERS.values()),
            key=lambda a: (a[0] != 'simulator', a[1]))

    @classmethod
    def validate_fields(cls, accounts, field_names):
        super().validate_fields(accounts, field_names)
        cls.check_adapter(accounts, field_names)

    @classmethod
    def check_adapter(cls, accounts, field_names=None):
        if field_names and not (
                field_names & {'adapter', 'channel', 'section', 'simulate'}):
            return
        for account in accounts:
            if account.channel not in ADAPTERS[account.adapter].channels:
                raise AccountValidationError(gettext(
                        'sms_mailing.msg_account_adapter_channel',
                        account=account.rec_name,
                        adapter=ADAPTERS[account.adapter].label))
            if account.is_dry_run:
                continue
            if missing := account.get_adapter().check():
                raise AccountValidationError(gettext(
                        'sms_mailing.msg_account_configuration',
                        account=account.rec_name,
                        options=', '.join(missing),
                        section=account.config_section))

    @property
    def config_section(self):
        return _section(self.section)

    @property
    def is_dry_run(self):
        return bool(self.simulate and self.adapter != 'simulator')

    def get_adapter(self):
        "Return the adapter with the settings of the account"
        return self.adapter_of(
            self.adapter, self.section, self.id, self.sender)

    @classmethod
    def adapter_of(cls, adapter, section, id_, sender=None):
        "Return an adapter by its name, without reading the account"
        section = _section(section)
        return ADAPTERS[adapter](Settings(
                get=partial(_option, section), account=id_, sender=sender,
                connections=int(_option(section, 'connections', 4))))

    @classmethod
    def find(cls, channel, company, address=None):
        """Return the first account for channel, None if there is none

        With an address, the one whose prefixes fit it best.
        """
        accounts = cls.search([
                ('channel', '=', channel),
                ('company', '=', company),
                ])
        best, length = None, -1
        for account in accounts:
            size = account.match_prefix(address)
            if size > length:
                best, length = account, size
        return best

    def match_prefix(self, address):
        "Return the length of the longest prefix of address, -1 for no match"
        if not self.prefixes or address is None:
            return 0
        return max((
                len(p) for p in map(str.strip, self.prefixes.split(','))
                if p and address.startswith(p)), default=-1)

    def price(self, parts, currency):
        "Return the price of parts in currency, None when there is none"
        pool = Pool()
        Currency = pool.get('currency.currency')
        if self.cost is None:
            return None
        return Currency.compute(
            self.currency, self.cost * parts, currency, round=False)

    def take_slots(self, count, now):
        """Reserve the time to send count messages, return when it begins

        To be called in a short transaction.
        """
        if not self.rate:
            return now
        table = self.__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*table.select(
                table.next_slot, where=table.id == self.id))
        slot, = cursor.fetchone()
        begin = max(slot or now, now)
        end = begin + dt.timedelta(seconds=count / self.rate)
        cursor.execute(*table.update(
                [table.next_slot], [end], where=table.id == self.id))
        return begin


def _section(section):
    return f'sms_mailing_{section}' if section else 'email'


def _option(section, name, default=None):
    return config.get(section, name, default=default)
