# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt
from decimal import Decimal
from itertools import groupby

from sql import Literal, Null
from sql.aggregate import Count, Sum
from sql.functions import CharLength

from trytond.i18n import gettext
from trytond.model import (
    ChatMixin, Index, ModelSQL, ModelView, Workflow, fields)
from trytond.modules.company.model import employee_field
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Bool, Eval, If
from trytond.tools import sqlite_apply_types
from trytond.transaction import Transaction

from . import cascade
from .exceptions import (
    ApprovalError, EmptyAudienceError, MailingValidationError)
from .export import InertExportMixin
from .pricing import write_out
from .sending import is_paid, is_sent
from .topic import PURPOSES
from .window import WindowMixin

# What is estimated at once with and without a worker, who takes what is more;
# without one the cron does
AT_ONCE = 1000
WITHOUT_WORKER = 5000

_READONLY = {'readonly': Eval('state') != 'draft'}
# What is decided when a mailing is prepared
_FIXED = {
    'company', 'topic', 'segments', 'excluded_segments', 'steps', 'variants',
    'hold_out', 'scheduled_at', 'latest_start', 'frequency_cap',
    'frequency_days', 'max_cost', 'attribution_days', 'window_from',
    'window_to', 'weekdays'}
# What only the buttons change
_BY_BUTTON = {
    'number', 'state', 'prepared_by', 'approver', 'estimated', 'started_at',
    'done_at', 'pause_reason'}
# Counters of the messages, besides what was sent, and the states they sum
_COUNTERS = {
    'waiting': ['queued', 'held', 'sending'],
    'delivered': ['delivered', 'read'],
    'undelivered': ['undelivered', 'expired'],
    'failed': ['failed'],
    'unknown': ['unknown'],
    'simulated': ['simulated'],
    }

_TRANSITIONS = {
    ('draft', 'prepared'),
    ('draft', 'cancelled'),
    ('prepared', 'draft'),
    ('prepared', 'approved'),
    ('prepared', 'running'),
    ('prepared', 'cancelled'),
    ('approved', 'draft'),
    ('approved', 'running'),
    ('approved', 'cancelled'),
    ('running', 'paused'),
    ('running', 'done'),
    ('running', 'cancelled'),
    ('done', 'running'),
    ('paused', 'running'),
    ('paused', 'cancelled'),
    }
_BUTTONS = {
    'cancel': {
        'invisible': Eval('state').in_(['done', 'cancelled']),
        'icon': 'tryton-cancel',
        'depends': ['state'],
        },
    'draft': {
        'invisible': ~Eval('state').in_(
            ['prepared', 'approved']),
        'icon': 'tryton-back',
        'depends': ['state'],
        },
    'prepare': {
        'invisible': Eval('state') != 'draft',
        'readonly': (
            ~Eval('steps', []) | ~Eval('segments', [])),
        'icon': 'tryton-forward',
        'depends': ['state', 'steps', 'segments'],
        },
    'approve': {
        'invisible': Eval('state') != 'prepared',
        'icon': 'tryton-ok',
        'depends': ['state'],
        },
    'start': {
        'invisible': ~Eval('state').in_(
            ['prepared', 'approved']),
        'icon': 'tryton-launch',
        'depends': ['state'],
        },
    'pause': {
        'invisible': Eval('state') != 'running',
        'icon': 'tryton-close',
        'depends': ['state'],
        },
    'resume': {
        'invisible': Eval('state') != 'paused',
        'icon': 'tryton-launch',
        'depends': ['state'],
        },
    'refresh': {
        'invisible': ~Eval('state').in_(['running', 'done']),
        'icon': 'tryton-refresh',
        'depends': ['state'],
        },
    }


class Mailing(
        InertExportMixin, WindowMixin, Workflow, ModelSQL, ModelView,
        ChatMixin):
    __name__ = 'mailing.mailing'

    number = fields.Char("Number", readonly=True)
    name = fields.Char(
        "Name", required=True, states=_READONLY,
        help="What the mailing is for; the recipients do not see it.")
    company = fields.Many2One(
        'company.company', "Company", required=True,
        states={
            'readonly': (
                (Eval('state') != 'draft') | Eval('steps', [0])),
            },
        help="Make the mailing belong to the company.")
    topic = fields.Many2One(
        'mailing.topic', "Topic", required=True, ondelete='RESTRICT',
        states=_READONLY,
        help="Decides what refusals count and whether the mailing repeats "
        "an earlier one.")
    purpose = fields.Function(
        fields.Selection(PURPOSES, "Purpose"), 'on_change_with_purpose',
        searcher='search_purpose')
    segments = fields.Many2Many(
        'mailing.mailing-segment', 'mailing', 'segment', "To",
        states={
            'required': Eval('state') != 'draft',
            'readonly': Eval('state') != 'draft',
            },
        help="The target groups; who is in several is written to once.")
    excluded_segments = fields.Many2Many(
        'mailing.mailing-excluded-segment', 'mailing', 'segment', "Except",
        states=_READONLY,
        help="Groups who do not take part at all.")
    steps = fields.One2Many(
        'mailing.mailing.step', 'mailing', "Messages",
        states={
            'required': Eval('state') != 'draft',
            'readonly': Eval('state') != 'draft',
            },
        help="The first is sent to everyone of the group, each other to "
        "those whom the one before did not reach in time.\n"
        "Who has no address for the first begins with the next.")
    variants = fields.One2Many(
        'mailing.mailing.variant', 'mailing', "Variants", states=_READONLY,
        help="Other texts for the first message, to compare: the group is "
        "shared out by weight.\nThe text of the message itself weighs 1 "
        "unless it is listed too.")
    hold_out = fields.Integer(
        "Hold-out",
        domain=['OR',
            ('hold_out', '=', None),
            [('hold_out', '>=', 0), ('hold_out', '<=', 90)],
            ],
        states=_READONLY,
        help="The percentage of the group that is left out on purpose, to "
        "compare with.")
    scheduled_at = fields.DateTime(
        "Not Before", states=_READONLY,
        help="When the sending begins.\nLeave empty to send on start.")
    latest_start = fields.DateTime(
        "Not After",
        domain=[If(Bool(Eval('scheduled_at')) & Bool(Eval('latest_start')),
                ('latest_start', '>=', Eval('scheduled_at')), ())],
        states=_READONLY,
        help="A message that is still waiting then is not sent any more.")
    frequency_cap = fields.Integer(
        "At Most",
        domain=['OR', ('frequency_cap', '=', None),
            ('frequency_cap', '>', 0)],
        states={
            'readonly': Eval('state') != 'draft',
            'invisible': Eval('purpose') != 'marketing',
            },
        help="Leave out who got so many messages of any kind already.")
    frequency_days = fields.Integer(
        "Messages in Days",
        domain=['OR', ('frequency_days', '=', None),
            ('frequency_days', '>', 0)],
        states={
            'readonly': Eval('state') != 'draft',
            'required': Bool(Eval('frequency_cap')),
            'invisible': Eval('purpose') != 'marketing',
            })
    max_cost = Monetary(
        "Maximum Cost", currency='currency', digits='currency',
        states={
            'readonly': ~Eval('state').in_(['draft', 'paused']),
            },
        help="The mailing pauses before it would cost more.\n"
        "It may be raised in that pause.")
    attribution_days = fields.Integer(
        "Attribution Days",
        domain=['OR', ('attribution_days', '=', None),
            ('attribution_days', '>=', 0)],
        states=_READONLY,
        help="An order within so many days counts as earned by the "
        "mailing.")
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')
    responsible = employee_field(
        "Responsible", states=['done', 'cancelled'])
    prepared_by = fields.Many2One(
        'res.user', "Prepared by", readonly=True, ondelete='RESTRICT')
    approver = fields.Many2One(
        'res.user', "Approved by", readonly=True, ondelete='RESTRICT')
    started_at = fields.DateTime("Started at", readonly=True)
    done_at = fields.DateTime("Done at", readonly=True)
    pause_reason = fields.Char(
        "Pause Reason", readonly=True,
        states={
            'invisible': Eval('state') != 'paused',
            })
    state = fields.Selection([
            ('draft', "Draft"),
            ('prepared', "Prepared"),
            ('approved', "Approved"),
            ('running', "Running"),
            ('paused', "Paused"),
            ('done', "Done"),
            ('cancelled', "Cancelled"),
            ], "State", required=True, readonly=True, sort=False)
    state_string = state.translated('state')
    recipients = fields.One2Many(
        'mailing.recipient', 'mailing', "Recipients", readonly=True)
    prices = fields.One2Many(
        'mailing.mailing.price', 'mailing', "Price", readonly=True,
        states={
            'invisible': Eval('state') == 'draft',
            },
        help="All texts written out: how many have how many parts.")
    estimated = fields.Boolean("Estimated", readonly=True)
    estimated_cost = fields.Function(
        Monetary(
            "Estimated Cost", currency='currency', digits='currency',
            states={
                'invisible': Eval('state') == 'draft',
                }),
        'get_estimated_cost')
    highest_cost = fields.Function(
        Monetary(
            "Cost at Most", currency='currency', digits='currency',
            states={
                'invisible': Eval('state') == 'draft',
                },
            help="The cost if nobody is reached before the last message."),
        'get_estimated_cost')
    planned = fields.Function(
        fields.Integer(
            "Group", help="The people of the target group."),
        'get_recipient_counts')
    included = fields.Function(
        fields.Integer("Included"), 'get_recipient_counts')
    excluded = fields.Function(
        fields.Integer("Excluded"), 'get_recipient_counts')
    repeated = fields.Function(
        fields.Integer(
            "Got the Like",
            states={
                'invisible': ~Eval('repeated'),
                },
            help="Of those included, who got a message about the topic or "
            "with nearly the same text within 30 days."),
        'get_recipient_counts')
    waiting = fields.Function(
        fields.Integer("Waiting"), 'get_message_counts')
    sent = fields.Function(
        fields.Integer(
            "Sent", help="Accepted by the gateway, whatever came after."),
        'get_message_counts')
    delivered = fields.Function(
        fields.Integer("Delivered"), 'get_message_counts')
    undelivered = fields.Function(
        fields.Integer("Undelivered"), 'get_message_counts')
    failed = fields.Function(
        fields.Integer("Failed"), 'get_message_counts')
    unknown = fields.Function(
        fields.Integer(
            "Uncertain",
            help="Nobody knows whether these left: a receipt or a person "
            "will tell."),
        'get_message_counts')
    simulated = fields.Function(
        fields.Integer("Simulated"), 'get_message_counts')
    parts = fields.Function(
        fields.Integer("Parts"), 'get_message_counts')
    cost = fields.Function(
        Monetary(
            "Cost", currency='currency', digits='currency',
            help="Of what left or may have left."),
        'get_message_counts')
    delivery_rate = fields.Function(
        fields.Float(
            "Delivery Rate", digits=(1, 4),
            states={
                'invisible': ~Eval('sent'),
                }),
        'get_delivery_rate')

    @classmethod
    def __setup__(cls):
        cls.number.search_unaccented = False
        super().__setup__()
        for name in ['window_from', 'window_to', 'weekdays']:
            getattr(cls, name).states = _READONLY
        t = cls.__table__()
        cls._sql_indexes.update({
                Index(t, (t.number, Index.Similarity())),
                Index(
                    t, (t.state, Index.Equality(cardinality='low')),
                    where=t.state.in_([
                            'draft', 'prepared', 'approved', 'running',
                            'paused'])),
                })
        cls._order = [('number', 'DESC NULLS FIRST'), ('id', 'DESC')]
        cls._transitions |= _TRANSITIONS
        cls._buttons.update(_BUTTONS)

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state') == 'cancelled', 'muted',
                    If(Eval('state') == 'paused', 'warning',
                        If(Eval('state') == 'running', 'success', '')))),
            ]

    @classmethod
    def order_number(cls, tables):
        table, _ = tables[None]
        return [
            ~((table.state == 'cancelled') & (table.number == Null)),
            CharLength(table.number), table.number]

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_responsible(cls):
        return Transaction().context.get('employee')

    @classmethod
    def default_state(cls):
        return 'draft'

    @classmethod
    def default_attribution_days(cls):
        return 14

    @fields.depends('topic')
    def on_change_with_purpose(self, name=None):
        return self.topic.purpose if self.topic else None

    @classmethod
    def search_purpose(cls, name, clause):
        return [('topic.purpose', *clause[1:])]

    @fields.depends('company')
    def on_change_with_currency(self, name=None):
        return self.company.currency if self.company else None

    @classmethod
    def get_estimated_cost(cls, mailings, names):
        return {
            name: {
                m.id: m.currency.round(sum((
                            p.cost for p in m.prices if p.cost
                            and (p.first or name == 'highest_cost')),
                        Decimal(0)))
                for m in mailings}
            for name in names}

    @classmethod
    def get_recipient_counts(cls, mailings, names):
        pool = Pool()
        recipient = pool.get('mailing.recipient').__table__()
        ids = list(map(int, mailings))
        result = {n: dict.fromkeys(ids, 0) for n in names}
        cursor = Transaction().connection.cursor()
        cursor.execute(*recipient.select(
                recipient.mailing,
                Count(Literal(1)),
                Count(Literal(1), filter_=recipient.state == 'included'),
                Count(Literal(1), filter_=(recipient.state == 'included')
                    & (recipient.previous != Null)),
                where=fields.SQL_OPERATORS['in'](recipient.mailing, ids),
                group_by=[recipient.mailing]))
        for mailing, planned, included, repeated in cursor:
            counts = {
                'planned': planned, 'included': included,
                'excluded': planned - included, 'repeated': repeated}
            for name in names:
                result[name][mailing] = counts[name]
        return result

    @classmethod
    def get_message_counts(cls, mailings, names):
        pool = Pool()
        message = pool.get('mailing.message').__table__()
        ids = list(map(int, mailings))
        result = {n: dict.fromkeys(ids, 0) for n in names}
        counters = list(_COUNTERS)
        paid = is_paid(message)
        query = message.select(
            message.mailing.as_('mailing'),
            *(Count(Literal(1), filter_=message.state.in_(_COUNTERS[c]))
                .as_(c) for c in counters),
            Count(Literal(1), filter_=is_sent(message)).as_('sent'),
            Sum(message.parts, filter_=paid).as_('parts'),
            Sum(message.cost, filter_=paid).as_('cost'),
            where=fields.SQL_OPERATORS['in'](message.mailing, ids),
            group_by=[message.mailing])
        sqlite_apply_types(
            query, [None, *([None] * len(counters)), None, None, 'NUMERIC'])
        cursor = Transaction().connection.cursor()
        cursor.execute(*query)
        for mailing, *values in cursor:
            counts = dict(zip([*counters, 'sent', 'parts', 'cost'], values))
            for name in names:
                result[name][mailing] = counts[name] or 0
        if 'cost' in names:
            result['cost'] = {
                m.id: m.currency.round(Decimal(result['cost'][m.id]))
                for m in mailings}
        return result

    @classmethod
    def get_delivery_rate(cls, mailings, name):
        return {
            m.id: round(m.delivered / m.sent, 4) if m.sent else None
            for m in mailings}

    @classmethod
    def set_number(cls, mailings):
        pool = Pool()
        Config = pool.get('mailing.configuration')
        config = Config(1)
        for company, group in groupby(mailings, key=lambda m: m.company):
            group = [m for m in group if not m.number]
            if group:
                sequence = config.get_multivalue(
                    'mailing_sequence', company=company.id)
                for mailing, number in zip(
                        group, sequence.get_many(len(group))):
                    mailing.number = number
        cls.save(mailings)

    def get_rec_name(self, name):
        return f'[{self.number}] {self.name}' if self.number else self.name

    @classmethod
    def search_rec_name(cls, name, clause):
        _, operator, operand, *extra = clause
        if operator.startswith('!') or operator.startswith('not '):
            bool_op = 'AND'
        else:
            bool_op = 'OR'
        return [bool_op,
            ('number', operator, operand, *extra),
            ('name', operator, operand, *extra),
            ]

    @classmethod
    def check_modification(cls, mode, mailings, values=None, external=False):
        super().check_modification(
            mode, mailings, values=values, external=external)
        if mode == 'delete':
            for mailing in mailings:
                if mailing.state not in {'draft', 'cancelled'}:
                    raise MailingValidationError(gettext(
                            'sms_mailing.msg_mailing_delete',
                            mailing=mailing.rec_name))
        elif external and mode == 'create':
            cls.check_draft(mailings)
        elif external and _FIXED & set(values):
            cls.check_fixed(mailings, _FIXED & set(values))
        if mode == 'write' and external and _BY_BUTTON & set(values):
            for mailing in mailings:
                raise MailingValidationError(gettext(
                        'sms_mailing.msg_mailing_by_button',
                        mailing=mailing.rec_name))

    @classmethod
    def check_fixed(cls, mailings, names):
        "Refuse to change what is decided, but for the cost in a pause"
        paused = {
            m for m in mailings
            if m.state == 'paused' and names == {'max_cost'}}
        for mailing in paused:
            if mailing.approver:
                cls.check_second(mailing)
        cls.check_draft([m for m in mailings if m not in paused])

    @classmethod
    def check_draft(cls, mailings):
        "Refuse to change what was prepared or approved"
        for mailing in mailings:
            if mailing.state != 'draft':
                raise MailingValidationError(gettext(
                        'sms_mailing.msg_mailing_fixed',
                        mailing=mailing.rec_name))

    @classmethod
    def copy(cls, mailings, default=None):
        default = default.copy() if default else {}
        for name in [
                'number', 'prepared_by', 'approver', 'started_at', 'done_at',
                'pause_reason', 'recipients', 'prices', 'scheduled_at',
                'latest_start']:
            default.setdefault(name)
        default.setdefault('estimated', False)
        return super().copy(mailings, default=default)

    @classmethod
    @ModelView.button
    @Workflow.transition('draft')
    def draft(cls, mailings):
        pool = Pool()
        Recipient = pool.get('mailing.recipient')
        Price = pool.get('mailing.mailing.price')
        Recipient.clear(mailings)
        Price.delete([p for m in mailings for p in m.prices])
        cls.write(mailings, {
                'prepared_by': None,
                'approver': None,
                'estimated': False,
                })

    @classmethod
    @ModelView.button
    @Workflow.transition('prepared')
    def prepare(cls, mailings):
        pool = Pool()
        Recipient = pool.get('mailing.recipient')
        cls.lock(mailings)
        cls.set_number(mailings)
        for mailing in mailings:
            mailing._check_steps()
            Recipient.snapshot(mailing)
        cls._check_audience(mailings)
        cls.write(mailings, {'prepared_by': Transaction().user})
        cls.estimate_again(mailings)

    def _check_steps(self):
        for segment in self.segments:
            if segment.is_empty:
                raise EmptyAudienceError(gettext(
                        'sms_mailing.msg_segment_empty',
                        segment=segment.rec_name))
        for variant in self.variants:
            if variant.template.channel != self.steps[0].channel:
                raise MailingValidationError(gettext(
                        'sms_mailing.msg_variant_channel',
                        variant=variant.rec_name, mailing=self.rec_name))
        for number, step in enumerate(self.steps, 1):
            if number > 1 and not step.wait:
                raise MailingValidationError(gettext(
                        'sms_mailing.msg_step_wait',
                        number=number, template=step.template.rec_name,
                        mailing=self.rec_name))
            if step.account.company != self.company:
                raise MailingValidationError(gettext(
                        'sms_mailing.msg_step_company',
                        account=step.account.rec_name,
                        mailing=self.rec_name))

    @classmethod
    def _check_audience(cls, mailings):
        for mailing in cls.browse(mailings):
            if not mailing.included:
                raise EmptyAudienceError(gettext(
                        'sms_mailing.msg_mailing_nobody',
                        mailing=mailing.rec_name,
                        planned=mailing.planned))

    @classmethod
    def estimate_again(cls, mailings):
        "Work out the price, after the request where the group is large"
        pool = Pool()
        Message = pool.get('mailing.message')
        cls.write(
            [m for m in mailings if m.estimated], {'estimated': False})
        mailings = cls.browse(mailings)
        worker = Message.has_worker()
        limit = AT_ONCE if worker else WITHOUT_WORKER
        cls.estimate([m for m in mailings if m.included <= limit])
        large = [m for m in mailings if m.included > limit]
        # Without a worker the cron does it
        if large and worker:
            with Transaction().set_context(queue_name='mailing'):
                cls.__queue__.estimate(large)

    @classmethod
    def estimate_waiting(cls, before=None):
        "Estimate what waits for it, if given since before a moment"
        domain = [
            ('state', 'in', ['prepared', 'approved']),
            ('estimated', '=', False),
            ]
        if before:
            domain.append(('write_date', '<', before))
        cls.estimate(cls.search(domain))

    @classmethod
    def estimate(cls, mailings):
        """Write out all texts: leave out who can't be written to, price

        Each mailing is worked on in slices, whatever the size of its group;
        what is estimated already stays.
        """
        pool = Pool()
        Price = pool.get('mailing.mailing.price')
        Recipient = pool.get('mailing.recipient')
        cls.lock(mailings)
        mailings = [
            m for m in cls.browse(mailings)
            if m.state in {'draft', 'prepared', 'approved'}
            and not m.estimated]
        Price.delete([p for m in mailings for p in m.prices])
        prices = []
        for mailing in mailings:
            counts, problems = write_out(mailing)
            for (reason, missing), ids in problems.items():
                Recipient.set_reason(ids, reason, missing)
            prices.extend(Price.distribution(mailing, counts))
        Price.save(prices)
        cls.write(mailings, {'estimated': True})

    @classmethod
    @ModelView.button
    @Workflow.transition('approved')
    def approve(cls, mailings):
        for mailing in mailings:
            cls.check_second(mailing)
        cls.write(mailings, {'approver': Transaction().user})

    @classmethod
    def check_second(cls, mailing):
        "Refuse that who prepared a mailing approves what it costs"
        if (mailing.prepared_by
                and mailing.prepared_by.id == Transaction().user):
            raise ApprovalError(gettext(
                    'sms_mailing.msg_mailing_approve_own',
                    mailing=mailing.rec_name))

    @classmethod
    @ModelView.button
    @Workflow.transition('running')
    def start(cls, mailings):
        pool = Pool()
        Message = pool.get('mailing.message')
        cls.lock(mailings)
        cls._check_start(mailings)
        cls.estimate(mailings)
        cls._check_audience(mailings)
        for mailing in mailings:
            Message.enqueue(mailing)
        cls.write(mailings, {'started_at': dt.datetime.now()})
        Message.ring(mailings)

    @classmethod
    def _check_start(cls, mailings):
        pool = Pool()
        Config = pool.get('mailing.configuration')
        config = Config(1)
        now = dt.datetime.now()
        for mailing in mailings:
            approval = config.get_multivalue(
                'approval', company=mailing.company.id)
            if approval and mailing.state != 'approved':
                raise ApprovalError(gettext(
                        'sms_mailing.msg_mailing_approval_missing',
                        mailing=mailing.rec_name))
            if mailing.latest_start and mailing.latest_start < now:
                raise MailingValidationError(gettext(
                        'sms_mailing.msg_mailing_too_late',
                        mailing=mailing.rec_name))

    @classmethod
    @ModelView.button
    @Workflow.transition('paused')
    def pause(cls, mailings):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('running')
    def resume(cls, mailings):
        pool = Pool()
        Message = pool.get('mailing.message')
        cls.write(mailings, {'pause_reason': None})
        Message.ring(mailings)

    @classmethod
    @Workflow.transition('running')
    def reopen(cls, mailings):
        cls.write(mailings, {'done_at': None})

    @classmethod
    def hold(cls, mailing, reason):
        "Pause a running mailing for a reason of ours"
        cls.pause([mailing])
        cls.write([mailing], {
                'pause_reason': gettext(
                    f'sms_mailing.msg_mailing_paused_{reason}',
                    mailing=mailing.rec_name),
                })

    @classmethod
    @ModelView.button
    @Workflow.transition('cancelled')
    def cancel(cls, mailings):
        pool = Pool()
        Message = pool.get('mailing.message')
        Message.cancel_waiting(mailings)

    @classmethod
    @ModelView.button
    def refresh(cls, mailings):
        pool = Pool()
        Event = pool.get('mailing.event')
        Event.fold()
        cls.finish()

    @classmethod
    @Workflow.transition('done')
    def do(cls, mailings):
        cls.write(mailings, {'done_at': dt.datetime.now()})

    @classmethod
    def finish(cls):
        "Close the mailings that have nothing more to send"
        pool = Pool()
        message = pool.get('mailing.message').__table__()
        waiting = message.select(
            message.mailing,
            where=message.state.in_(_COUNTERS['waiting'])
            & (message.mailing != Null))
        mailings = cls.search([
                ('state', '=', 'running'),
                ('id', 'not in', waiting),
                ])
        cls.do([m for m in mailings if not cascade.is_awaited(m)])


class MailingSegment(ModelSQL):
    __name__ = 'mailing.mailing-segment'

    mailing = fields.Many2One(
        'mailing.mailing', "Mailing", required=True, ondelete='CASCADE')
    segment = fields.Many2One(
        'mailing.segment', "Segment", required=True, ondelete='RESTRICT')


class MailingExcludedSegment(ModelSQL):
    __name__ = 'mailing.mailing-excluded-segment'

    mailing = fields.Many2One(
        'mailing.mailing', "Mailing", required=True, ondelete='CASCADE')
    segment = fields.Many2One(
        'mailing.segment', "Segment", required=True, ondelete='RESTRICT')


class MailingExcludedParty(ModelSQL):
    __name__ = 'mailing.mailing-excluded-party'

    mailing = fields.Many2One(
        'mailing.mailing', "Mailing", required=True, ondelete='CASCADE')
    party = fields.Many2One(
        'party.party', "Party", required=True, ondelete='CASCADE')
