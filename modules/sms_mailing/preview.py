# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What a message will look like and cost, while it can still be changed."""
from trytond.model import fields
from trytond.modules.currency.fields import Monetary
from trytond.pyson import Eval

from .engine import gsm

__all__ = ['DIGITS', 'PreviewMixin']

# A message may cost less than the smallest coin
DIGITS = 4


class PreviewMixin:
    """Fields that show the Content of the method `_preview`.

    It returns the Content and an empty text, or None and what is wrong with
    the text; `_account` returns the account that the message is priced at.
    """
    __slots__ = ()

    preview = fields.Function(
        fields.Text("Preview"), 'on_change_with_preview')
    parts = fields.Function(
        fields.Integer(
            "Parts",
            states={
                'invisible': Eval('channel') != 'sms',
                }),
        'on_change_with_parts')
    offending = fields.Function(
        fields.Char(
            "Costly Characters",
            states={
                'invisible': ~Eval('offending'),
                },
            help="These characters leave room for 70 instead of 160 "
            "characters in a message."),
        'on_change_with_offending')
    price = fields.Function(
        Monetary("Price", currency='currency', digits=(None, DIGITS)),
        'on_change_with_price')
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')

    @fields.depends(methods=['_preview'])
    def on_change_with_preview(self, name=None):
        content, error = self._preview()
        return content.text if content else error

    @fields.depends(methods=['_preview'])
    def on_change_with_parts(self, name=None):
        content, _ = self._preview()
        return content.parts if content else None

    @fields.depends('channel', methods=['_preview'])
    def on_change_with_offending(self, name=None):
        content, _ = self._preview()
        if content and self.channel == 'sms':
            return ' '.join(gsm.offending(content.text))

    @fields.depends(methods=['_preview', '_account'])
    def on_change_with_price(self, name=None):
        content, _ = self._preview()
        account = self._account()
        if content and account and account.cost is not None:
            return round(content.parts * account.cost, DIGITS)

    @fields.depends(methods=['_account'])
    def on_change_with_currency(self, name=None):
        account = self._account()
        return account.currency if account else None
