# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from sql import Literal

from trytond.i18n import gettext
from trytond.model import Index, ModelSQL, ModelView, Unique, fields
from trytond.pool import Pool
from trytond.pyson import Bool, Eval, If
from trytond.transaction import Transaction

from .account import CHANNELS
from .exceptions import ArchiveError
from .export import InertExportMixin
from .snapshot import REASONS, insert_recipients

# What a person decides may be overruled, what the recipient decided may not
_OVERRULED = ['by_hand', 'cap', 'repeated', 'hold_out']


class Recipient(InertExportMixin, ModelSQL, ModelView):
    __name__ = 'mailing.recipient'
    _rec_name = 'address'

    mailing = fields.Many2One(
        'mailing.mailing', "Mailing", required=True, ondelete='CASCADE')
    party = fields.Many2One(
        'party.party', "Party", required=True, ondelete='CASCADE')
    contact_mechanism = fields.Many2One(
        'party.contact_mechanism', "Contact Mechanism", ondelete='SET NULL')
    channel = fields.Selection(CHANNELS, "Channel", required=True, sort=False)
    address = fields.Char("Address")
    language = fields.Many2One('ir.lang', "Language", ondelete='SET NULL')
    category = fields.Many2One(
        'party.category', "Category", ondelete='SET NULL',
        help="The category of the party when the mailing was prepared.")
    variant = fields.Many2One(
        'mailing.mailing.variant', "Variant", ondelete='SET NULL')
    state = fields.Selection([
            ('included', "Included"),
            ('excluded', "Excluded"),
            ], "State", required=True, sort=False)
    reason = fields.Selection(REASONS, "Reason", sort=False)
    detail = fields.Function(fields.Char("Detail"), 'get_detail')
    missing = fields.Char(
        "Missing Fields",
        states={
            'invisible': Eval('reason') != 'missing',
            },
        help="The fields of the text that are empty for the party.")
    refusal = fields.Many2One(
        'mailing.refusal', "Refusal", ondelete='SET NULL',
        states={
            'invisible': ~Eval('refusal'),
            })
    previous = fields.Many2One(
        'mailing.message', "Earlier Message", ondelete='SET NULL',
        states={
            'invisible': ~Eval('previous'),
            },
        help="The last message about the topic or with nearly the same "
        "text.")
    messages = fields.One2Many(
        'mailing.message', 'recipient', "Messages", readonly=True)
    mailing_state = fields.Function(
        fields.Selection('get_mailing_states', "Mailing State"),
        'on_change_with_mailing_state')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('mailing')
        t = cls.__table__()
        cls._sql_constraints += [
            ('mailing_party_unique', Unique(t, t.mailing, t.party),
                'sms_mailing.msg_recipient_party_unique'),
            ]
        cls._sql_indexes.update({
                Index(t, (t.party, Index.Equality())),
                Index(
                    t, (t.mailing, Index.Equality()),
                    (t.state, Index.Equality(cardinality='low')),
                    (t.reason, Index.Equality(cardinality='low'))),
                })
        cls._order = [('mailing', 'DESC'), ('id', 'ASC')]
        cls._buttons.update({
                'exclude': {
                    'invisible': (
                        (Eval('mailing_state') != 'prepared')
                        | (Eval('state') != 'included')),
                    'icon': 'tryton-remove',
                    'depends': ['mailing_state', 'state'],
                    },
                'include': {
                    'invisible': (
                        (Eval('mailing_state') != 'prepared')
                        | ~Eval('reason', '').in_(_OVERRULED)),
                    'icon': 'tryton-add',
                    'depends': ['mailing_state', 'reason'],
                    },
                })

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state') == 'excluded', 'muted',
                    If(Bool(Eval('previous')), 'warning', ''))),
            ]

    @classmethod
    def get_mailing_states(cls):
        pool = Pool()
        Mailing = pool.get('mailing.mailing')
        return Mailing.fields_get(['state'])['state']['selection']

    @fields.depends('mailing', '_parent_mailing.state')
    def on_change_with_mailing_state(self, name=None):
        return self.mailing.state if self.mailing else None

    @classmethod
    def get_detail(cls, recipients, name):
        details = {}
        for recipient in recipients:
            detail = recipient.missing
            if recipient.refusal:
                detail = recipient.refusal.rec_name
            elif recipient.previous and recipient.reason in {
                    None, 'repeated'}:
                detail = recipient.previous.rec_name
            details[recipient.id] = detail
        return details

    @classmethod
    def refusing_parties(cls, mailing):
        """Return the queries of parties who refuse elsewhere

        Other modules add theirs to what the refusals say.
        """
        return []

    @classmethod
    def snapshot(cls, mailing):
        "Write the recipients of mailing, return how many are new"
        with Transaction().set_context(company=mailing.company.id):
            return insert_recipients(mailing)

    @classmethod
    def clear(cls, mailings):
        "Remove the recipients of mailings"
        table = cls.__table__()
        transaction = Transaction()
        cursor = transaction.connection.cursor()
        cursor.execute(*table.delete(where=fields.SQL_OPERATORS['in'](
                    table.mailing, list(map(int, mailings)))))
        for cache in transaction.cache.values():
            cache.clear()

    @classmethod
    def set_reason(cls, ids, reason, missing=None):
        "Exclude the recipients of ids for a reason found in the texts"
        if not ids:
            return
        table = cls.__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*table.update(
                [table.state, table.reason, table.missing],
                ['excluded', reason, missing],
                where=fields.SQL_OPERATORS['in'](table.id, list(ids))
                & (table.state == Literal('included'))))

    @classmethod
    def check_modification(
            cls, mode, recipients, values=None, external=False):
        super().check_modification(
            mode, recipients, values=values, external=external)
        if not external:
            return
        for recipient in recipients:
            raise ArchiveError(gettext(
                    'sms_mailing.msg_recipient_modify',
                    recipient=recipient.rec_name))

    @classmethod
    @ModelView.button
    def exclude(cls, recipients):
        recipients = [
            r for r in recipients
            if r.mailing.state == 'prepared' and r.state == 'included']
        cls.write(recipients, {'state': 'excluded', 'reason': 'by_hand'})
        pool = Pool()
        Excluded = pool.get('mailing.mailing-excluded-party')
        Excluded.create([{
                    'mailing': r.mailing.id,
                    'party': r.party.id,
                    } for r in recipients])
        cls._estimate_again(recipients)

    @classmethod
    def _estimate_again(cls, recipients):
        pool = Pool()
        Mailing = pool.get('mailing.mailing')
        if mailings := list({r.mailing for r in recipients}):
            Mailing.estimate_again(mailings)

    @classmethod
    def _overrule(cls, recipients):
        "Include recipients, of those who share an address the first"
        taken = {
            (r.mailing, r.address) for r in cls.search([
                    ('mailing', 'in', [r.mailing.id for r in recipients]),
                    ('address', 'in', [r.address for r in recipients]),
                    ('state', '=', 'included'),
                    ])}
        for recipient in recipients:
            if (recipient.mailing, recipient.address) in taken:
                recipient.reason = 'duplicate'
            else:
                recipient.state, recipient.reason = 'included', None
                taken.add((recipient.mailing, recipient.address))
        cls.save(recipients)

    @classmethod
    @ModelView.button
    def include(cls, recipients):
        pool = Pool()
        Excluded = pool.get('mailing.mailing-excluded-party')
        recipients = [
            r for r in recipients
            if r.mailing.state == 'prepared' and r.reason in _OVERRULED]
        cls._overrule(recipients)
        pairs = {(r.mailing.id, r.party.id) for r in recipients}
        excluded = Excluded.search([
                ('mailing', 'in', [m for m, _ in pairs]),
                ('party', 'in', [p for _, p in pairs]),
                ])
        Excluded.delete([
                e for e in excluded if (e.mailing.id, e.party.id) in pairs])
        cls._estimate_again(recipients)
