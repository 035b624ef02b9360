# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Which orders a mailing has earned, and what would have come without it."""
from collections import namedtuple
from decimal import Decimal

from sql import Literal, Null, Window
from sql.aggregate import Count, Max, Sum
from sql.conditionals import Coalesce, NullIf
from sql.functions import Extract, Round, RowNumber
from sql.operators import Concat

from trytond.i18n import gettext
from trytond.model import ModelSQL, ModelView, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Bool, Eval
from trytond.tools import sqlite_apply_types
from trytond.transaction import Transaction

from .export import InertExportMixin
from .rates import convert, numeric

_DAY = 24 * 60 * 60
_ARRIVED = ['sent', 'delivered', 'read']
_ORDERED = ['confirmed', 'processing', 'done']
_COMPARED = {
    'invisible': ~Bool(Eval('hold_out')) | ~Bool(Eval('started_at'))}


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
    margin = Monetary(
        "Margin", currency='currency', digits='currency',
        help="The amount less what the goods cost.")
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
            cls.margin.sql_cast(Round(pairs.margin, 4)).as_('margin'),
            where=pairs.rank == 1)

    @classmethod
    def _pairs(cls):
        "Return the query of orders with the mailings before them"
        pool = Pool()
        mailing = pool.get('mailing.mailing').__table__()
        message = pool.get('mailing.message').__table__()
        sale = _orders()
        days = _days(cls, message.sent_at, sale.date)
        rank = RowNumber(window=Window(
                [sale.sale], order_by=[
                    message.sent_at.desc, message.id.desc]))
        return (sale
            .join(message, condition=(message.party == sale.party)
                & (message.company == sale.company))
            .join(mailing, condition=message.mailing == mailing.id)
            .select(
                sale.sale, sale.company, sale.party, sale.date,
                mailing.id.as_('mailing'),
                message.id.as_('message'),
                days.as_('days'),
                sale.amount, sale.margin,
                rank.as_('rank'),
                where=message.state.in_(_ARRIVED)
                & (days >= 0)
                & (days <= mailing.attribution_days)))


def _days(Model, moment, date):
    "Return the expression of the days from a moment to a date"
    return (
        Extract('EPOCH', date)
        - Extract('EPOCH', Model.date.sql_cast(moment))) / _DAY


def _orders():
    "Return the query of the orders in the currency of their company"
    sale = Pool().get('sale.sale').__table__()
    from_, amount = convert(sale, sale.untaxed_amount_cache, sale.sale_date)
    return from_.select(
        sale.id.as_('sale'),
        sale.company.as_('company'),
        sale.party.as_('party'),
        sale.sale_date.as_('date'),
        amount.as_('amount'),
        (amount - Coalesce(_cost(sale), 0)).as_('margin'),
        where=sale.state.in_(_ORDERED))


def _cost(sale):
    """Return the query of what the goods of an order cost.

    What was delivered counts at the cost of its moves, what was not yet and
    services at the cost price of the product.
    """
    pool = Pool()
    line = pool.get('sale.line').__table__()
    product = pool.get('product.product').__table__()
    template = pool.get('product.template').__table__()
    unit = pool.get('product.uom').__table__()
    default = pool.get('product.uom').__table__()
    each = Coalesce(_moved(line), _price(line.product, sale.company), 0)
    return (line
        .join(product, condition=line.product == product.id)
        .join(template, condition=product.template == template.id)
        .join(unit, condition=line.unit == unit.id)
        .join(default, condition=template.default_uom == default.id)
        .select(
            Sum(numeric(line.quantity * unit.factor / default.factor)
                * numeric(each)),
            where=(line.sale == sale.id) & (line.type == 'line')))


def _price(product, company):
    "Return the query of the cost price of a product in a company"
    price = Pool().get('product.cost_price').__table__()
    return price.select(
        Max(price.cost_price),
        where=(price.product == product) & (price.company == company))


def _moved(line):
    "Return the query of the cost of a unit of what was moved for a line"
    move = Pool().get('stock.move').__table__()
    quantity = numeric(move.internal_quantity)
    return move.select(
        Sum(quantity * move.cost_price) / NullIf(Sum(quantity), 0),
        where=(move.state == 'done') & (move.cost_price != Null)
        & (move.origin == Concat(
                'sale.line,', fields.Char("Line").sql_cast(line.id))))


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
    profit = fields.Function(
        Monetary(
            "Profit", currency='currency', digits='currency',
            help="The revenue less what the goods and the messages cost."),
        'get_earnings')
    order_rate = fields.Function(
        fields.Float(
            "Who Ordered", digits=(1, 4),
            states={
                'invisible': ~Bool(Eval('started_at')),
                },
            help="The share of those included who ordered within the "
            "attribution days of the start."),
        'get_comparison')
    hold_out_rate = fields.Function(
        fields.Float(
            "Hold-out Who Ordered", digits=(1, 4), states=_COMPARED,
            help="The same share of the hold-out group."),
        'get_comparison')
    extra_revenue = fields.Function(
        Monetary(
            "Extra Revenue", currency='currency', digits='currency',
            states=_COMPARED,
            help="What those included ordered beyond what they would have if "
            "they had behaved like the hold-out group."),
        'get_comparison')
    extra_profit = fields.Function(
        Monetary(
            "Extra Profit", currency='currency', digits='currency',
            states=_COMPARED,
            help="The margin beyond that of the hold-out group, less what the "
            "messages cost."),
        'get_comparison')

    @classmethod
    def get_earnings(cls, mailings, names):
        pool = Pool()
        Attribution = pool.get('mailing.attribution')
        earned = Attribution.__table__()
        ids = list(map(int, mailings))
        earnings = dict.fromkeys(ids, (0, Decimal(0), Decimal(0)))
        query = earned.select(
            earned.mailing, Count(Literal(1)).as_('orders'),
            Sum(earned.amount).as_('revenue'),
            Sum(earned.margin).as_('margin'),
            where=fields.SQL_OPERATORS['in'](earned.mailing, ids),
            group_by=[earned.mailing])
        sqlite_apply_types(query, [None, None, 'NUMERIC', 'NUMERIC'])
        cursor = Transaction().connection.cursor()
        cursor.execute(*query)
        for mailing, orders, revenue, margin in cursor:
            earnings[mailing] = (
                orders, revenue or Decimal(0), margin or Decimal(0))
        result = {n: {} for n in names}
        for mailing in mailings:
            orders, revenue, margin = earnings[mailing.id]
            values = {
                'orders': orders, 'revenue': mailing.currency.round(revenue)}
            if 'profit' in names:
                values['profit'] = mailing.currency.round(
                    margin - mailing.cost)
            for name in names:
                result[name][mailing.id] = values[name]
        return result

    @classmethod
    def get_comparison(cls, mailings, names):
        groups = _groups(list(map(int, mailings)))
        result = {n: {} for n in names}
        for mailing in mailings:
            values = _compare(
                mailing, groups.get((mailing.id, None)),
                groups.get((mailing.id, 'hold_out')))
            for name in names:
                result[name][mailing.id] = values.get(name)
        return result


_Group = namedtuple(
    '_Group', ['people', 'buyers', 'revenue', 'margin'])


def _groups(mailings):
    """Return {(mailing, reason): _Group} of what people ordered.

    reason is None for those included and hold_out for those who are not;
    what they ordered within the attribution days after the start counts.
    """
    pool = Pool()
    Attribution = pool.get('mailing.attribution')
    mailing = pool.get('mailing.mailing').__table__()
    recipient = pool.get('mailing.recipient').__table__()
    order = _orders()
    days = _days(Attribution, mailing.started_at, order.date)
    query = (recipient
        .join(mailing, condition=recipient.mailing == mailing.id)
        .left_join(order, condition=(order.party == recipient.party)
            & (order.company == mailing.company)
            & (days >= 0) & (days <= mailing.attribution_days))
        .select(
            recipient.mailing, recipient.reason,
            Count(recipient.party, distinct=True).as_('people'),
            Count(order.party, distinct=True).as_('buyers'),
            Sum(order.amount).as_('revenue'),
            Sum(order.margin).as_('margin'),
            where=fields.SQL_OPERATORS['in'](recipient.mailing, mailings)
            & (mailing.started_at != Null)
            & ((recipient.state == 'included')
                | (recipient.reason == 'hold_out')),
            group_by=[recipient.mailing, recipient.reason]))
    sqlite_apply_types(query, [None] * 4 + ['NUMERIC'] * 2)
    cursor = Transaction().connection.cursor()
    cursor.execute(*query)
    return {
        (mailing, reason): _Group(
            people, buyers, revenue or Decimal(0), margin or Decimal(0))
        for mailing, reason, people, buyers, revenue, margin in cursor}


def _compare(mailing, included, held_out):
    "Return the values of a mailing from its groups, each may be None"
    if not included:
        return {}
    values = {'order_rate': round(included.buyers / included.people, 4)}
    if held_out:
        ratio = Decimal(included.people) / held_out.people
        values['hold_out_rate'] = round(held_out.buyers / held_out.people, 4)
        values['extra_revenue'] = mailing.currency.round(
            included.revenue - held_out.revenue * ratio)
        values['extra_profit'] = mailing.currency.round(
            included.margin - held_out.margin * ratio - mailing.cost)
    return values


class MailingReport(metaclass=PoolMeta):
    __name__ = 'mailing.mailing'

    @classmethod
    def get_context(cls, records, header, data):
        context = super().get_context(records, header, data)
        answers = context['answers']
        context['answers'] = lambda mailing: (
            answers(mailing) + cls._earnings(mailing))
        return context

    @classmethod
    def _earnings(cls, mailing):
        "Return the pairs of label and value of what a mailing has earned"
        def money(value):
            return cls.format_currency(value, None, mailing.currency)

        lines = [
            (gettext('sms_mailing.msg_report_orders'), mailing.orders),
            (gettext('sms_mailing.msg_report_revenue'),
                money(mailing.revenue)),
            (gettext('sms_mailing.msg_report_profit'), money(mailing.profit)),
            ]
        if mailing.extra_revenue is not None:
            lines += [
                (gettext('sms_mailing.msg_report_extra_revenue'),
                    money(mailing.extra_revenue)),
                (gettext('sms_mailing.msg_report_extra_profit'),
                    money(mailing.extra_profit)),
                ]
        return lines
