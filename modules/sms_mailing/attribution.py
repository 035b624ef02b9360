# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Which orders a mailing has earned."""
from decimal import Decimal

from sql import Literal, Null, Window
from sql.aggregate import Count, Sum
from sql.conditionals import Coalesce
from sql.functions import Extract, Round, RowNumber

from trytond.i18n import gettext
from trytond.model import ModelSQL, ModelView, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval
from trytond.tools import sqlite_apply_types
from trytond.transaction import Transaction

from .export import InertExportMixin

_DAY = 24 * 60 * 60
_ARRIVED = ['sent', 'delivered', 'read']
_ORDERED = ['confirmed', 'processing', 'done']


class Attribution(InertExportMixin, ModelSQL, ModelView):
    __name__ = 'mailing.attribution'

    company = fields.Many2One('company.company', "Company")
    mailing = fields.Many2One('mailing.mailing', "Mailing")
    message = fields.Many2One('mailing.message', "Message")
    party = fields.Many2One(
        'party.party', "Party",
        context={
            'company': Eval('company', -1),
            },
        depends={'company'})
    sale = fields.Many2One('sale.sale', "Order")
    date = fields.Date("Date")
    days = fields.Integer(
        "Days", help="From the message to the order.")
    amount = Monetary(
        "Amount", currency='currency', digits='currency',
        help="Without tax, in the currency of the company.")
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('date', 'DESC'), ('id', 'DESC')]

    @fields.depends('company')
    def on_change_with_currency(self, name=None):
        return self.company.currency if self.company else None

    @classmethod
    def table_query(cls):
        "An order is earned by the last mailing in time before it"
        pairs = cls._pairs()
        return pairs.select(
            pairs.sale.as_('id'),
            pairs.company.as_('company'),
            pairs.mailing.as_('mailing'),
            pairs.message.as_('message'),
            pairs.party.as_('party'),
            pairs.sale.as_('sale'),
            pairs.date.as_('date'),
            cls.days.sql_cast(pairs.days).as_('days'),
            cls.amount.sql_cast(Round(pairs.amount, 4)).as_('amount'),
            where=pairs.rank == 1)

    @classmethod
    def _pairs(cls):
        "Return the query of orders with the mailings before them"
        pool = Pool()
        Currency = pool.get('currency.currency')
        company = pool.get('company.company').__table__()
        mailing = pool.get('mailing.mailing').__table__()
        message = pool.get('mailing.message').__table__()
        sale = pool.get('sale.sale').__table__()
        theirs = Currency.currency_rate_sql()
        ours = Currency.currency_rate_sql()
        days = (
            Extract('EPOCH', sale.sale_date)
            - Extract('EPOCH', cls.date.sql_cast(message.sent_at))) / _DAY
        rank = RowNumber(window=Window(
                [sale.id], order_by=[message.sent_at.desc, message.id.desc]))
        return (sale
            .join(message, condition=(message.party == sale.party)
                & (message.company == sale.company))
            .join(mailing, condition=message.mailing == mailing.id)
            .join(company, condition=sale.company == company.id)
            .left_join(theirs, condition=_at(
                    theirs, sale.currency, sale.sale_date))
            .left_join(ours, condition=_at(
                    ours, company.currency, sale.sale_date))
            .select(
                sale.id.as_('sale'),
                sale.company.as_('company'),
                sale.party.as_('party'),
                sale.sale_date.as_('date'),
                mailing.id.as_('mailing'),
                message.id.as_('message'),
                days.as_('days'),
                (sale.untaxed_amount_cache
                    * _rate(ours) / _rate(theirs)).as_('amount'),
                rank.as_('rank'),
                where=sale.state.in_(_ORDERED)
                & message.state.in_(_ARRIVED)
                & (days >= 0)
                & (days <= mailing.attribution_days)))


def _at(rate, currency, date):
    "Return the condition that a rate is that of currency on date"
    return (
        (rate.currency == currency)
        & (rate.start_date <= date)
        & ((rate.end_date == Null) | (rate.end_date > date)))


def _rate(rate):
    return Coalesce(rate.rate, 1)


class Mailing(metaclass=PoolMeta):
    __name__ = 'mailing.mailing'

    orders = fields.Function(
        fields.Integer(
            "Orders",
            help="The orders within the attribution days of the last "
            "mailing that the customer got before."),
        'get_earnings')
    revenue = fields.Function(
        Monetary("Revenue", currency='currency', digits='currency'),
        'get_earnings')

    @classmethod
    def get_earnings(cls, mailings, names):
        pool = Pool()
        Attribution = pool.get('mailing.attribution')
        earned = Attribution.__table__()
        ids = list(map(int, mailings))
        counts, sums = dict.fromkeys(ids, 0), dict.fromkeys(ids, Decimal(0))
        query = earned.select(
            earned.mailing, Count(Literal(1)).as_('orders'),
            Sum(earned.amount).as_('revenue'),
            where=fields.SQL_OPERATORS['in'](earned.mailing, ids),
            group_by=[earned.mailing])
        sqlite_apply_types(query, [None, None, 'NUMERIC'])
        cursor = Transaction().connection.cursor()
        cursor.execute(*query)
        for mailing, orders, revenue in cursor:
            counts[mailing], sums[mailing] = orders, revenue or Decimal(0)
        result = {'orders': counts, 'revenue': {
                m.id: m.currency.round(sums[m.id]) for m in mailings}}
        return {name: result[name] for name in names}


class MailingReport(metaclass=PoolMeta):
    __name__ = 'mailing.mailing'

    @classmethod
    def get_context(cls, records, header, data):
        context = super().get_context(records, header, data)
        answers = context['answers']
        context['answers'] = lambda mailing: answers(mailing) + [
            (gettext('sms_mailing.msg_report_orders'), mailing.orders),
            (gettext('sms_mailing.msg_report_revenue'), cls.format_currency(
                    mailing.revenue, None, mailing.currency)),
            ]
        return context
