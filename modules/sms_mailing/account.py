# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt
import re
from functools import partial

from sql import Literal, Null
from sql.conditionals import Case

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


# A part may cost far less than the smallest coin
DIGITS = 6
_PREFIX = re.compile(r'\+[0-9]{1,14}')


class Routes:
    """Which account serves which address.

    pairs are (prefix, account): the first prefix that an address begins with
    decides, an empty one serves all.
    """

    def __init__(self, pairs):
        self.pairs = list(pairs)

    def __bool__(self):
        return bool(self.pairs)

    def __getitem__(self, address):
        "Return the account of an address, None if nobody serves it"
        for prefix, account in self.pairs:
            if address.startswith(prefix):
                return account

    @property
    def any(self):
        "An account, whoever it serves"
        return self.pairs[0][1]

    @property
    def complete(self):
        "Whether each address has an account"
        return any(not prefix for prefix, _ in self.pairs)

    def column(self, address, otherwise=Null):
        "Return the SQL expression of the id of the account of an address"
        whens = []
        for prefix, account in self.pairs:
            if not prefix:
                otherwise = account.id
                break
            whens.append((address.like(f'{prefix}%'), account.id))
        return Case(*whens, else_=otherwise) if whens else Literal(otherwise)


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
        help="Serve only numbers that begin with one of these, separated by "
        "commas: +373, +40.\nOther numbers leave by the account of the "
        "channel that fits them best.\nLeave empty for all numbers.")
    rate = fields.Integer(
        "Rate",
        domain=['OR', ('rate', '=', None), ('rate', '>', 0)],
        help="Messages a second at most.\nLeave empty for no limit.")
    cost = Monetary(
        "Cost", currency='currency', digits=(None, DIGITS),
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
        cls.check_currency(accounts, field_names)
        cls.check_prefixes(accounts, field_names)

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

    @classmethod
    def check_currency(cls, accounts, field_names=None):
        "Refuse a price that the company can not reckon with"
        if field_names and not field_names & {'company', 'cost', 'currency'}:
            return
        for account in accounts:
            account.price(1, account.company.currency)

    @classmethod
    def check_prefixes(cls, accounts, field_names=None):
        if field_names and 'prefixes' not in field_names:
            return
        for account in accounts:
            for prefix in account.prefix_list:
                if not _PREFIX.fullmatch(prefix):
                    raise AccountValidationError(gettext(
                            'sms_mailing.msg_account_prefix',
                            account=account.rec_name, prefix=prefix))

    @property
    def prefix_list(self):
        "The beginnings of the numbers served, none for all numbers"
        return [
            p for p in map(str.strip, (self.prefixes or '').split(',')) if p]

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
    def polled(cls):
        "Return {account: adapter} of those that are asked for receipts"
        adapters = {
            a.id: a.get_adapter() for a in cls.search([])
            if not a.is_dry_run}
        return {i: a for i, a in adapters.items() if a.polled}

    @classmethod
    def find(cls, channel, company):
        "Return the first account for channel, None if there is none"
        accounts = cls.search([
                ('channel', '=', channel),
                ('company', '=', company),
                ], limit=1)
        return accounts[0] if accounts else None

    @classmethod
    def routes(cls, channel, company, chosen=None):
        """Return the Routes of the numbers to the accounts of channel

        The chosen account takes what it serves, the others the rest.
        """
        accounts = cls.search([
                ('channel', '=', channel),
                ('company', '=', company),
                ])
        if chosen and chosen not in accounts:
            accounts.append(chosen)
        pairs = [
            (prefix, account) for account in accounts
            for prefix in (
                channel != 'email' and account.prefix_list or [''])]
        return Routes(sorted(
                pairs, key=lambda p: (p[1] != chosen, -len(p[0]))))

    def price(self, parts, currency):
        "Return the price of parts in currency, None when there is none"
        pool = Pool()
        Currency = pool.get('currency.currency')
        if self.cost is None:
            return None
        return round(Currency.compute(
            self.currency, self.cost * parts, currency, round=False), DIGITS)

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
