# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from dateutil.relativedelta import relativedelta
from sql import Literal, Null
from sql.aggregate import Count, Max, Min, Sum
from sql.conditionals import Case, Coalesce, NullIf
from sql.functions import DateTrunc, Round

from caravan.days import day_start, local_day
from trytond.model import ModelSQL, ModelView, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Eval, If
from trytond.transaction import Transaction

from .account import CHANNELS
from .export import InertExportMixin
from .sending import is_paid, is_sent
from .topic import PURPOSES

_DELIVERED = ['delivered', 'read']
# The kinds of events that are counted, once a message
_ANSWERS = {
    'replies': 'reply', 'opens': 'open', 'clicks': 'click', 'calls': 'call'}


class Context(ModelView):
    __name__ = 'mailing.reporting.context'

    company = fields.Many2One('company.company', "Company", required=True)
    from_date = fields.Date("From Date",
        domain=[
            If(Eval('to_date') & Eval('from_date'),
                ('from_date', '<=', Eval('to_date')),
                ()),
            ])
    to_date = fields.Date("To Date",
        domain=[
            If(Eval('from_date') & Eval('to_date'),
                ('to_date', '>=', Eval('from_date')),
                ()),
            ])
    period = fields.Selection([
            ('year', "Year"),
            ('month', "Month"),
            ('week', "Week"),
            ('day', "Day"),
            ], "Period", required=True, sort=False)

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_from_date(cls):
        pool = Pool()
        Date = pool.get('ir.date')
        context = Transaction().context
        if 'from_date' in context:
            return context['from_date']
        return Date.today() - relativedelta(months=6)

    @classmethod
    def default_to_date(cls):
        pool = Pool()
        Date = pool.get('ir.date')
        context = Transaction().context
        if 'to_date' in context:
            return context['to_date']
        return Date.today()

    @classmethod
    def default_period(cls):
        return Transaction().context.get('period', 'month')


class Abstract(InertExportMixin, ModelSQL, ModelView):

    company = fields.Many2One('company.company', "Company")
    messages = fields.Integer("Messages")
    sent = fields.Integer("Sent")
    delivered = fields.Integer("Delivered")
    undelivered = fields.Integer("Undelivered")
    failed = fields.Integer("Failed")
    unknown = fields.Integer("Uncertain")
    refused = fields.Integer(
        "Refused", help="Held back at the last moment.")
    replies = fields.Integer("Replies")
    opens = fields.Integer(
        "Opens", help="Mails that were opened, as far as it is counted.")
    clicks = fields.Integer("Clicks")
    calls = fields.Integer(
        "Calls", help="Those who called because of the message.")
    stops = fields.Integer(
        "Refusals", help="Those who refused after the message.")
    parts = fields.Integer("Parts")
    cost = Monetary("Cost", currency='currency', digits=(None, 6))
    delivery_rate = fields.Float("Delivery Rate", digits=(1, 4))
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')

    @fields.depends('company')
    def on_change_with_currency(self, name=None):
        return self.company.currency if self.company else None

    @classmethod
    def table_query(cls):
        from_item, tables = cls._joins()
        return from_item.select(
            *cls._columns(tables),
            where=cls._where(tables), group_by=cls._group_by(tables))

    @classmethod
    def _joins(cls):
        pool = Pool()
        message = pool.get('mailing.message').__table__()
        event = pool.get('mailing.event').__table__()
        refusal = pool.get('mailing.refusal').__table__()
        human = Coalesce(event.scanner, False) == Literal(False)
        events = event.select(
            event.message.as_('message'),
            *(Max(Case(((event.kind == kind) & human, 1), else_=0)).as_(kind)
                for kind in _ANSWERS.values()),
            group_by=[event.message])
        refusals = refusal.select(
            refusal.message.as_('message'),
            where=(refusal.message != Null)
            & refusal.reason.in_(['stop', 'link', 'complaint']),
            group_by=[refusal.message])
        tables = {
            'message': message, 'events': events, 'refusals': refusals}
        return (message
            .left_join(events, condition=events.message == message.id)
            .left_join(
                refusals, condition=refusals.message == message.id)), tables

    @classmethod
    def _columns(cls, tables):
        message, events = tables['message'], tables['events']
        paid = is_paid(message)
        sent = Count(Literal(1), filter_=is_sent(message))
        delivered = Count(Literal(1), filter_=message.state.in_(_DELIVERED))

        def of(*states):
            return Count(Literal(1), filter_=message.state.in_(states))

        return [
            Min(message.id).as_('id'),
            message.company.as_('company'),
            Count(Literal(1)).as_('messages'),
            sent.as_('sent'),
            delivered.as_('delivered'),
            of('undelivered', 'expired').as_('undelivered'),
            of('failed').as_('failed'),
            of('unknown').as_('unknown'),
            Count(Literal(1), filter_=message.error_code == 'refused').as_(
                'refused'),
            *(Sum(Coalesce(getattr(events, kind), 0)).as_(name)
                for name, kind in _ANSWERS.items()),
            Count(tables['refusals'].message).as_('stops'),
            cls.parts.sql_cast(
                Sum(message.parts, filter_=paid)).as_('parts'),
            cls.cost.sql_cast(Round(
                    Sum(message.cost, filter_=paid), 6)).as_('cost'),
            cls.delivery_rate.sql_cast(Round(
                    # Integers are divided without a rest by SQLite, only
                    # numerics are rounded by PostgreSQL
                    cls.cost.sql_cast(
                        cls.delivery_rate.sql_cast(delivered)
                        / NullIf(sent, 0)), 4)).as_('delivery_rate'),
            ]

    @classmethod
    def _group_by(cls, tables):
        return [tables['message'].company]

    @classmethod
    def _where(cls, tables):
        context = Transaction().context
        message = tables['message']
        where = message.company == context.get('company')
        company = cls._company()
        if from_date := context.get('from_date'):
            where &= message.create_date >= day_start(company, from_date)
        if to_date := context.get('to_date'):
            where &= message.create_date < day_start(
                company, to_date + relativedelta(days=1))
        return where

    @classmethod
    def _company(cls):
        Company = Pool().get('company.company')
        company = Transaction().context.get('company')
        return Company(company) if company is not None else None


class Period(Abstract):
    __name__ = 'mailing.reporting.period'

    date = fields.Date("Date")
    channel = fields.Selection(CHANNELS, "Channel", sort=False)
    purpose = fields.Selection(PURPOSES, "Purpose", sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('date', 'DESC'))

    @classmethod
    def _date(cls, tables):
        period = Transaction().context.get('period', 'month')
        # Grouped by its name: PostgreSQL takes each parameter for another one
        return cls.date.sql_cast(
            DateTrunc(period, local_day(
                    cls.date, tables['message'].create_date,
                    cls._company()))).as_('date')

    @classmethod
    def _columns(cls, tables):
        message = tables['message']
        return super()._columns(tables) + [
            cls._date(tables),
            message.channel.as_('channel'),
            message.purpose.as_('purpose')]

    @classmethod
    def _group_by(cls, tables):
        message = tables['message']
        return super()._group_by(tables) + [
            cls._date(tables), message.channel, message.purpose]


class ByMailing(Abstract):
    __name__ = 'mailing.reporting.mailing'

    mailing = fields.Many2One(
        'mailing.mailing', "Mailing", ondelete='CASCADE')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('mailing', 'DESC'))

    @classmethod
    def _columns(cls, tables):
        return super()._columns(tables) + [
            tables['message'].mailing.as_('mailing')]

    @classmethod
    def _group_by(cls, tables):
        return super()._group_by(tables) + [tables['message'].mailing]

    @classmethod
    def _where(cls, tables):
        return super()._where(tables) & (tables['message'].mailing != Null)


class ByCategory(ByMailing):
    __name__ = 'mailing.reporting.category'

    category = fields.Many2One(
        'party.category', "Category", ondelete='SET NULL')

    @classmethod
    def _joins(cls):
        pool = Pool()
        recipient = pool.get('mailing.recipient').__table__()
        from_item, tables = super()._joins()
        tables['recipient'] = recipient
        return from_item.left_join(
            recipient,
            condition=recipient.id == tables['message'].recipient), tables

    @classmethod
    def _columns(cls, tables):
        return super()._columns(tables) + [
            tables['recipient'].category.as_('category')]

    @classmethod
    def _group_by(cls, tables):
        return super()._group_by(tables) + [tables['recipient'].category]


class ByVariant(ByMailing):
    __name__ = 'mailing.reporting.variant'

    variant = fields.Many2One(
        'mailing.mailing.variant', "Variant", ondelete='SET NULL',
        help="Empty for the text of the message itself.")

    @classmethod
    def _joins(cls):
        pool = Pool()
        recipient = pool.get('mailing.recipient').__table__()
        from_item, tables = super()._joins()
        tables['recipient'] = recipient
        return from_item.join(
            recipient,
            condition=recipient.id == tables['message'].recipient), tables

    @classmethod
    def _columns(cls, tables):
        return super()._columns(tables) + [
            tables['recipient'].variant.as_('variant')]

    @classmethod
    def _group_by(cls, tables):
        return super()._group_by(tables) + [tables['recipient'].variant]

    @classmethod
    def _where(cls, tables):
        pool = Pool()
        variant = pool.get('mailing.mailing.variant').__table__()
        return super()._where(tables) & tables['message'].mailing.in_(
            variant.select(variant.mailing))


class ByError(Abstract):
    __name__ = 'mailing.reporting.error'

    account = fields.Many2One(
        'mailing.account', "Account", ondelete='CASCADE')
    error_code = fields.Char("Error Code")

    @classmethod
    def _columns(cls, tables):
        message = tables['message']
        return super()._columns(tables) + [
            message.account.as_('account'),
            message.error_code.as_('error_code')]

    @classmethod
    def _group_by(cls, tables):
        message = tables['message']
        return super()._group_by(tables) + [
            message.account, message.error_code]

    @classmethod
    def _where(cls, tables):
        return super()._where(tables) & (
            tables['message'].error_code != Null)
