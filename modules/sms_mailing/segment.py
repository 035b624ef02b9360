# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt

from sql import Literal, Null, Union
from sql.aggregate import Count

from trytond.i18n import gettext
from trytond.model import (
    DeactivableMixin, ModelSQL, ModelView, fields, sequence_ordered)
from trytond.pool import Pool
from trytond.pyson import Eval, PYSONDecoder
from trytond.transaction import Transaction, check_access

from .exceptions import SegmentValidationError
from .export import InertExportMixin

MECHANISMS = {
    'sms': ['mobile'],
    'viber': ['mobile'],
    'voice': ['mobile', 'phone'],
    'email': ['email'],
    }


class Segment(InertExportMixin, DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'mailing.segment'

    name = fields.Char("Name", required=True, translate=True)
    everybody = fields.Boolean(
        "Everybody", help="Start from all active parties.")
    match = fields.Selection([
            ('all', "All criteria"),
            ('any', "Any criterion"),
            ], "Match", required=True, sort=False,
        help="Whether a party must meet each criterion or only one.")
    criteria = fields.One2Many(
        'mailing.segment.criterion', 'segment', "Criteria",
        help="What the parties of the segment have in common.")
    domain = fields.Char(
        "Domain",
        help="A PYSON domain on parties, for what no criterion offers.")
    parties = fields.Many2Many(
        'mailing.segment-party', 'segment', 'party', "Also",
        help="Parties who belong to the segment whatever the criteria say.")
    excluded_parties = fields.Many2Many(
        'mailing.segment-excluded-party', 'segment', 'party', "Never",
        help="Parties who do not belong to the segment.")
    count = fields.Function(fields.Integer("Parties"), 'get_counts')
    reachable_sms = fields.Function(
        fields.Integer(
            "Reachable by SMS", help="Parties who have a mobile number."),
        'get_counts')
    reachable_email = fields.Function(
        fields.Integer(
            "Reachable by E-mail", help="Parties who have an e-mail."),
        'get_counts')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('name', 'ASC'))

    @classmethod
    def default_match(cls):
        return 'all'

    @classmethod
    def get_counts(cls, segments, names):
        pool = Pool()
        Mechanism = pool.get('party.contact_mechanism')
        queries = []
        for segment in segments:
            members = segment.query()
            queries.append(members.select(
                    Literal(segment.id), Literal('count'), Count(Literal(1)),
                    ))
            for channel in ['sms', 'email']:
                mechanism = Mechanism.__table__()
                queries.append(mechanism.select(
                        Literal(segment.id),
                        Literal(f'reachable_{channel}'),
                        Count(mechanism.party, distinct=True),
                        where=mechanism.party.in_(segment.query())
                        & mechanism.type.in_(MECHANISMS[channel])
                        & (mechanism.active == Literal(True))))
        result = {n: dict.fromkeys(map(int, segments), 0) for n in names}
        cursor = Transaction().connection.cursor()
        cursor.execute(*Union(*queries, all_=True))
        for segment, name, count in cursor:
            if name in result:
                result[name][segment] = count
        return result

    @classmethod
    def validate_fields(cls, segments, field_names):
        super().validate_fields(segments, field_names)
        cls.check_domain(segments, field_names)

    @classmethod
    def check_domain(cls, segments, field_names=None):
        pool = Pool()
        Party = pool.get('party.party')
        if field_names and 'domain' not in field_names:
            return
        for segment in segments:
            try:
                with check_access():
                    Party.search(segment._decoded_domain, query=True)
            except (
                    AttributeError, KeyError, TypeError,
                    ValueError) as exception:
                raise SegmentValidationError(gettext(
                        'sms_mailing.msg_segment_domain_invalid',
                        segment=segment.rec_name,
                        domain=segment.domain)) from exception

    @property
    def _decoded_domain(self):
        pool = Pool()
        Date = pool.get('ir.date')
        if not self.domain:
            return []
        domain = PYSONDecoder({
                'context': Transaction().context,
                'current_date': Date.today(),
                }).decode(self.domain)
        if not isinstance(domain, list):
            raise ValueError(domain)
        return domain

    @property
    def is_empty(self):
        "Whether nothing says who belongs to the segment"
        return not (
            self.everybody or self.criteria or self.domain or self.parties)

    def party_domain(self):
        "Return the domain of the parties of the segment"
        if self.is_empty:
            return [('id', '=', None)]
        rules = [c.party_domain() for c in self.criteria]
        if rules and self.match == 'any':
            rules = [['OR', *rules]]
        if self._decoded_domain:
            rules.append(self._decoded_domain)
        if self.everybody or rules:
            domain = ['OR', rules, self._static('mailing.segment-party')]
        else:
            domain = self._static('mailing.segment-party')
        return [
            ('active', '=', True), domain,
            self._static('mailing.segment-excluded-party', 'not in')]

    def _static(self, relation, operator='in'):
        table = Pool().get(relation).__table__()
        return ('id', operator, table.select(
                table.party, where=table.segment == self.id))

    def query(self):
        "Return the SQL query of the ids of the parties of the segment"
        pool = Pool()
        Party = pool.get('party.party')
        return Party.search(self.party_domain(), order=[], query=True)


class SegmentParty(ModelSQL):
    __name__ = 'mailing.segment-party'

    segment = fields.Many2One(
        'mailing.segment', "Segment", required=True, ondelete='CASCADE')
    party = fields.Many2One(
        'party.party', "Party", required=True, ondelete='CASCADE')


class SegmentExcludedParty(ModelSQL):
    __name__ = 'mailing.segment-excluded-party'

    segment = fields.Many2One(
        'mailing.segment', "Segment", required=True, ondelete='CASCADE')
    party = fields.Many2One(
        'party.party', "Party", required=True, ondelete='CASCADE')


class Criterion(InertExportMixin, sequence_ordered(), ModelSQL, ModelView):
    __name__ = 'mailing.segment.criterion'

    segment = fields.Many2One(
        'mailing.segment', "Segment", required=True, ondelete='CASCADE')
    criterion = fields.Selection(
        'get_criteria', "Criterion", required=True)
    negate = fields.Boolean(
        "Not", help="The opposite of the criterion.")
    kind = fields.Function(
        fields.Selection('get_kinds', "Kind"), 'on_change_with_kind')
    category = fields.Many2One(
        'party.category', "Category", ondelete='RESTRICT',
        states={
            'required': Eval('kind') == 'category',
            'invisible': Eval('kind') != 'category',
            })
    language = fields.Many2One(
        'ir.lang', "Language", ondelete='RESTRICT',
        states={
            'required': Eval('kind') == 'language',
            'invisible': Eval('kind') != 'language',
            })
    country = fields.Many2One(
        'country.country', "Country", ondelete='RESTRICT',
        states={
            'required': Eval('kind') == 'country',
            'invisible': Eval('kind') != 'country',
            })
    text = fields.Char(
        "Text",
        states={
            'required': Eval('kind') == 'text',
            'invisible': Eval('kind') != 'text',
            })
    days = fields.Integer(
        "Days",
        domain=['OR', ('days', '=', None), ('days', '>=', 0)],
        states={
            'required': Eval('kind').in_(['days', 'amount_days']),
            'invisible': ~Eval('kind').in_(['days', 'amount_days']),
            },
        help="Counted back from today.")
    amount = fields.Numeric(
        "Amount", digits=(None, 2),
        states={
            'required': Eval('kind').in_(['amount', 'amount_days']),
            'invisible': ~Eval('kind').in_(['amount', 'amount_days']),
            },
        help="In the currency of the company.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('segment')

    @classmethod
    def criteria(cls):
        """Return {criterion: (label, kind)}, other modules add theirs.

        kind names the field that holds the value: category, language,
        country, text, days, amount, amount_days, or None.  The method
        _domain_<criterion> returns the domain on parties.
        """
        return {
            'category': ("Category", 'category'),
            'language': ("Language", 'language'),
            'country': ("Country", 'country'),
            'city': ("City", 'text'),
            'name': ("Name contains", 'text'),
            'mobile': ("Has a mobile number", None),
            'email': ("Has an e-mail", None),
            'created': ("Known for less than", 'days'),
            'written': ("Written to within", 'days'),
            'answered': ("Answered within", 'days'),
            }

    @classmethod
    def value_fields(cls):
        "Return the names of the fields that hold the value of a criterion"
        return ['category', 'language', 'country', 'text', 'days', 'amount']

    @classmethod
    def get_criteria(cls):
        return [(k, label) for k, (label, _) in cls.criteria().items()]

    @classmethod
    def get_kinds(cls):
        kinds = {k for _, k in cls.criteria().values() if k}
        return [(None, "")] + [(k, k) for k in sorted(kinds)]

    @fields.depends('criterion')
    def on_change_with_kind(self, name=None):
        return self.criteria().get(self.criterion, (None, None))[1]

    @fields.depends('criterion', methods=['on_change_with_kind'])
    def on_change_criterion(self):
        self.kind = kind = self.on_change_with_kind()
        for name in self.value_fields():
            if name != kind and name not in (kind or '').split('_'):
                setattr(self, name, None)

    def party_domain(self):
        "Return the domain of the parties who meet the criterion"
        pool = Pool()
        Party = pool.get('party.party')
        domain = getattr(self, f'_domain_{self.criterion}')()
        if not self.negate:
            return domain
        return [('id', 'not in', Party.search(domain, order=[], query=True))]

    @property
    def _company(self):
        return Transaction().context.get('company')

    def _since(self):
        return dt.datetime.now() - dt.timedelta(days=self.days)

    def _domain_category(self):
        return [('categories', 'child_of', [self.category.id], 'parent')]

    def _domain_language(self):
        return [('langs.lang', '=', self.language.id)]

    def _domain_country(self):
        return [('addresses.country', '=', self.country.id)]

    def _domain_city(self):
        return [('addresses.city', 'ilike', self.text)]

    def _domain_name(self):
        return [('name', 'ilike', f'%{self.text}%')]

    def _domain_mobile(self):
        return [('contact_mechanisms.type', '=', 'mobile')]

    def _domain_email(self):
        return [('contact_mechanisms.type', '=', 'email')]

    def _domain_created(self):
        return [('create_date', '>=', self._since())]

    def _domain_written(self):
        return [('id', 'in', self._parties_of('mailing.message', 'sent_at'))]

    def _domain_answered(self):
        return [('id', 'in', self._parties_of('mailing.inbound', 'at'))]

    def _parties_of(self, model, moment):
        table = Pool().get(model).__table__()
        return table.select(
            table.party,
            where=(getattr(table, moment) >= self._since())
            & (table.company == self._company)
            & (table.party != Null))
