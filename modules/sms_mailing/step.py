# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt

from trytond.i18n import gettext
from trytond.model import ModelSQL, ModelView, Unique, fields, sequence_ordered
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Bool, Eval, If
from trytond.transaction import Transaction

from .account import CHANNELS
from .exceptions import ArchiveError
from .export import InertExportMixin
from .preview import DIGITS


class PartMixin:
    "A part of a mailing, fixed with it"
    __slots__ = ()

    @classmethod
    def check_modification(cls, mode, records, values=None, external=False):
        pool = Pool()
        Mailing = pool.get('mailing.mailing')
        super().check_modification(
            mode, records, values=values, external=external)
        if external:
            mailings = {
                r.mailing for r in records
                if mode != 'delete' or r.mailing.state != 'cancelled'}
            if values and values.get('mailing'):
                mailings.add(Mailing(values['mailing']))
            Mailing.check_draft(mailings)


class Step(
        PartMixin, InertExportMixin, sequence_ordered(), ModelSQL,
        ModelView):
    __name__ = 'mailing.mailing.step'

    mailing = fields.Many2One(
        'mailing.mailing', "Mailing", required=True, ondelete='CASCADE')
    template = fields.Many2One(
        'mailing.template', "Template", required=True, ondelete='RESTRICT',
        domain=[
            ('model', '=', 'party.party'),
            ])
    channel = fields.Function(
        fields.Selection(CHANNELS, "Channel"), 'on_change_with_channel')
    account = fields.Many2One(
        'mailing.account', "Account", required=True, ondelete='RESTRICT',
        domain=[
            If(Bool(Eval('channel')), ('channel', '=', Eval('channel')), ()),
            ],
        help="Where the messages leave that it serves; others leave by the "
        "account of the channel whose prefixes fit them.")
    wait = fields.TimeDelta(
        "Wait",
        domain=['OR', ('wait', '=', None), ('wait', '>', dt.timedelta())],
        help="How long the message before has to arrive.\n"
        "The first message does not wait.")
    condition = fields.Selection([
            ('undelivered', "Not delivered"),
            ('unread', "Not read"),
            ], "If", sort=False,
        help="What calls for this message after the one before.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('mailing')

    @classmethod
    def default_condition(cls):
        return 'undelivered'

    @classmethod
    def default_wait(cls):
        return dt.timedelta(hours=1)

    @fields.depends('template')
    def on_change_with_channel(self, name=None):
        return self.template.channel if self.template else None

    @fields.depends('template', 'account', methods=['on_change_with_channel'])
    def on_change_template(self):
        pool = Pool()
        Account = pool.get('mailing.account')
        company = Transaction().context.get('company')
        self.channel = self.on_change_with_channel()
        if self.channel and company and (
                not self.account or self.account.channel != self.channel):
            self.account = Account.find(self.channel, company)

    def routes(self):
        "Return the Routes of the addresses to the accounts"
        pool = Pool()
        Account = pool.get('mailing.account')
        return Account.routes(
            self.channel, self.mailing.company.id, self.account)


class Variant(
        PartMixin, InertExportMixin, sequence_ordered(), ModelSQL,
        ModelView):
    __name__ = 'mailing.mailing.variant'

    mailing = fields.Many2One(
        'mailing.mailing', "Mailing", required=True, ondelete='CASCADE')
    name = fields.Char("Name", required=True)
    template = fields.Many2One(
        'mailing.template', "Template", required=True, ondelete='RESTRICT',
        domain=[
            ('model', '=', 'party.party'),
            ])
    weight = fields.Integer(
        "Weight", required=True,
        domain=[('weight', '>', 0)],
        help="The share of the group relative to the other texts.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('mailing')

    @classmethod
    def default_weight(cls):
        return 1


class Price(InertExportMixin, ModelSQL, ModelView):
    __name__ = 'mailing.mailing.price'

    mailing = fields.Many2One(
        'mailing.mailing', "Mailing", required=True, ondelete='CASCADE')
    step = fields.Integer(
        "Message", required=True, help="Its place in the cascade, from 1.")
    first = fields.Boolean(
        "At the Start",
        help="The messages leave at the start, the others only when the one "
        "before does not arrive.")
    parts = fields.Integer("Parts", required=True)
    messages = fields.Integer("Messages", required=True)
    cost = Monetary("Cost", currency='currency', digits=(None, DIGITS))
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('mailing')
        t = cls.__table__()
        cls._sql_constraints += [
            ('step_parts_unique',
                Unique(t, t.mailing, t.step, t.first, t.parts),
                'sms_mailing.msg_price_parts_unique'),
            ]
        cls._order = [
            ('mailing', 'DESC'), ('step', 'ASC'), ('first', 'DESC'),
            ('parts', 'ASC'), ('id', None)]

    @classmethod
    def __register__(cls, module):
        super().__register__(module)
        # Mailings had one message
        cls.__table_handler__(module).drop_constraint('parts_unique')

    @classmethod
    def default_step(cls):
        return 1

    @classmethod
    def default_first(cls):
        return True

    @fields.depends('mailing', '_parent_mailing.company')
    def on_change_with_currency(self, name=None):
        if self.mailing and self.mailing.company:
            return self.mailing.company.currency

    @classmethod
    def check_modification(cls, mode, prices, values=None, external=False):
        super().check_modification(
            mode, prices, values=values, external=external)
        if external:
            for price in prices:
                raise ArchiveError(gettext(
                        'sms_mailing.msg_price_modify',
                        mailing=price.mailing.rec_name))

    @classmethod
    def distribution(cls, mailing, counter):
        """Return the records of a Counter of texts

        Its keys are the Priced of the texts.
        """
        prices = {}
        for priced, messages in sorted(
                counter.items(), key=lambda i: (*i[0][:3], i[0].account.id)):
            price = prices.setdefault(priced[:3], cls(
                    mailing=mailing, step=priced.step + 1,
                    first=priced.first, parts=priced.parts, messages=0))
            price.messages += messages
            cost = priced.account.price(
                priced.parts * messages, mailing.currency)
            if cost is not None:
                price.cost = round(
                    (getattr(price, 'cost', None) or 0) + cost, DIGITS)
        return list(prices.values())
