# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from sql import Literal, Null
from sql.conditionals import Coalesce
from sql.functions import Substring

from trytond.model import fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval
from trytond.transaction import Transaction

from .rule import Source

# What a line of the timeline shows of a text
_LENGTH = 200


def _is_customer(company):
    "Return the clause of the parties who are not customers of others only"
    return ['OR',
        ('crm_profiles', '=', None),
        ('crm_profiles.company', '=', company.id),
        ]


class Criterion(metaclass=PoolMeta):
    __name__ = 'mailing.segment.criterion'

    crm_segment = fields.Many2One(
        'crm.segment', "CRM Segment", ondelete='RESTRICT',
        states={
            'required': Eval('kind') == 'crm_segment',
            'invisible': Eval('kind') != 'crm_segment',
            })

    @classmethod
    def criteria(cls):
        return {
            **super().criteria(),
            'crm_segment': ("CRM segment", 'crm_segment'),
            }

    @classmethod
    def value_fields(cls):
        return super().value_fields() + ['crm_segment']

    def _domain_crm_segment(self):
        return [('id', 'in', self.crm_segment.get_parties())]


class Template(metaclass=PoolMeta):
    __name__ = 'mailing.template'

    @classmethod
    def roots(cls):
        return {
            **super().roots(),
            'crm.contract': {
                'party': ('party', 'party.party'),
                'contract': ('', 'crm.contract'),
                },
            }

    @classmethod
    def vocabulary(cls):
        return {
            **super().vocabulary(),
            'crm.contract': {
                'amount': 'amount',
                'end': 'end',
                'notice_date': 'notice_date',
                'number': 'number',
                'reference': 'reference',
                'start': 'start',
                },
            }


class Rule(metaclass=PoolMeta):
    __name__ = 'mailing.rule'

    @classmethod
    def sources(cls):
        return {
            **super().sources(),
            'party.party': Source(
                '', _is_customer, ('birth_date',),
                (('crm_kind', 'in', [None, 'person']),),
                yearly=('birth_date',)),
            'crm.contract': Source(
                'party', 'company', ('end', 'notice_date'), (
                    ('direction', '=', 'customer'),
                    ('state', '=', 'active'))),
            }


class Recipient(metaclass=PoolMeta):
    __name__ = 'mailing.recipient'

    @classmethod
    def refusing_parties(cls, mailing):
        queries = super().refusing_parties(mailing)
        if mailing.purpose == 'marketing':
            profile = Pool().get('crm.profile').__table__()
            queries.append(profile.select(
                    profile.party,
                    where=(profile.company == mailing.company.id)
                    & (profile.refuses_marketing == Literal(True))))
        return queries


class Refusal(metaclass=PoolMeta):
    __name__ = 'mailing.refusal'

    @classmethod
    def forbidden(cls, messages, date):
        pool = Pool()
        message = pool.get('mailing.message').__table__()
        profile = pool.get('crm.profile').__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*message.join(
                profile, condition=(profile.party == message.party)
                & (profile.company == message.company)).select(
                message.id,
                where=fields.SQL_OPERATORS['in'](message.id, messages)
                & (message.purpose == 'marketing')
                & (profile.refuses_marketing == Literal(True))))
        refused = {i for i, in cursor}
        return super().forbidden(messages, date) | refused

    @classmethod
    def on_modification(cls, mode, refusals, field_names=None):
        super().on_modification(mode, refusals, field_names=field_names)
        if mode == 'create':
            cls._set_profiles(refusals, True)

    @classmethod
    def revoke(cls, domain):
        refusals = super().revoke(domain)
        cls._set_profiles(refusals, False)
        return refusals

    @classmethod
    def _set_profiles(cls, refusals, refuses):
        """The profile of a party says the same as its refusals

        A doubt is not for the profile, it forbids by itself until a person
        has settled it.
        """
        pool = Pool()
        Profile = pool.get('crm.profile')
        parties = [
            r.party.id for r in refusals
            if r.party and not r.channel and r.reason != 'doubt'
            and r.scope in {'marketing', 'everything'}]
        if parties:
            Profile.write(Profile.search([
                        ('party', 'in', parties),
                        ('refuses_marketing', '!=', refuses),
                        ]), {'refuses_marketing': refuses})


class Timeline(metaclass=PoolMeta):
    __name__ = 'crm.timeline'

    @classmethod
    def _get_kinds(cls):
        return super()._get_kinds() + [
            ('message', 'mailing.message'),
            ('reply', 'mailing.inbound'),
            ]

    @classmethod
    def _timeline_message(cls):
        Message = Pool().get('mailing.message')
        table = Message.__table__()
        at = Coalesce(table.sent_at, table.create_date)
        return cls._mailing_queries(Message, table, at, (
                (table.party != Null)
                & ~table.state.in_(['cancelled', 'simulated'])))

    @classmethod
    def _timeline_reply(cls):
        Inbound = Pool().get('mailing.inbound')
        table = Inbound.__table__()
        return cls._mailing_queries(
            Inbound, table, table.at, table.party != Null)

    @classmethod
    def _mailing_queries(cls, Model, table, at, where):
        return [table.select(
                table.id.as_('id'),
                table.party.as_('party'),
                table.company.as_('company'),
                cls.date.sql_cast(at).as_('date'),
                at.as_('at'),
                Substring(table.text, 1, _LENGTH).as_('summary'),
                table.state.as_('status'),
                where=where & cls._readable(table, Model))]
