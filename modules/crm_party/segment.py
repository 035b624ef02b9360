# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from collections import defaultdict

from sql import Literal, Union
from sql.aggregate import Count

from trytond.i18n import gettext
from trytond.model import DeactivableMixin, ModelSQL, ModelView, Unique, fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval, PYSONDecoder, PYSONEncoder
from trytond.transaction import Transaction, without_check_access
from trytond.wizard import StateAction, Wizard

from .exceptions import SegmentDomainError


class Segment(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'crm.segment'
    __string__ = "Segment"

    name = fields.Char("Name", required=True, translate=True)
    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='CASCADE')
    kind = fields.Selection([
            ('dynamic', "Dynamic"),
            ('static', "Static"),
            ], "Kind", required=True, sort=False,
        help="A dynamic segment has the parties that meet its domain now, a "
        "static one those that are listed.")
    domain = fields.Char(
        "Domain",
        states={
            'invisible': Eval('kind') != 'dynamic',
            'required': Eval('kind') == 'dynamic',
            },
        help="The PYSON domain that parties meet, for example "
        '[["crm_status", "=", "customer"]].')
    members = fields.Many2Many(
        'crm.segment-party.party', 'segment', 'party', "Members",
        context={
            'company': Eval('company', -1),
            },
        depends={'company'},
        states={
            'invisible': Eval('kind') != 'static',
            })
    contact_interval = fields.Integer(
        "Contact Interval",
        domain=['OR',
            ('contact_interval', '=', None),
            ('contact_interval', '>', 0),
            ],
        help="The days that may pass without a contact for the parties of "
        "the segment.\n"
        "The smallest interval of the segments of a party counts.")
    size = fields.Function(fields.Integer("Size"), 'get_size')
    snapshots = fields.One2Many(
        'crm.segment.snapshot', 'segment', "Snapshots", readonly=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('name', 'ASC'))
        cls._buttons.update({
                'open_parties': {
                    'icon': 'tryton-open',
                    },
                })

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_kind(cls):
        return 'dynamic'

    @classmethod
    def default_domain(cls):
        return '[]'

    @classmethod
    @without_check_access
    def get_size(cls, segments, name):
        # Segments are few: each dynamic one counts by a query of its own
        Member = Pool().get('crm.segment-party.party')
        cursor = Transaction().connection.cursor()
        sizes = defaultdict(int)
        member = Member.__table__()
        cursor.execute(*member.select(
                member.segment, Count(),
                where=fields.SQL_OPERATORS['in'](
                    member.segment, [s.id for s in segments]),
                group_by=member.segment))
        sizes.update(cursor)
        for segment in segments:
            if segment.kind == 'dynamic':
                query = segment.get_parties()
                cursor.execute(*query.select(Count()))
                sizes[segment.id], = cursor.fetchone()
        return sizes

    @classmethod
    def validate_fields(cls, segments, field_names):
        super().validate_fields(segments, field_names)
        cls.check_domain(segments, field_names)

    @classmethod
    def check_domain(cls, segments, field_names=None):
        if field_names and not field_names & {'domain', 'kind'}:
            return
        for segment in segments:
            if segment.kind != 'dynamic':
                continue
            try:
                fields.domain_validate(segment.party_domain)
                segment.get_parties()
            except Exception as exception:
                raise SegmentDomainError(gettext(
                        'crm_party.msg_segment_invalid_domain',
                        segment=segment.rec_name,
                        exception=exception)) from exception

    @property
    def party_domain(self):
        "The domain on parties"
        if self.kind == 'static':
            return [('crm_segments', '=', self.id)]
        return PYSONDecoder({}).decode(self.domain or '[]')

    def get_parties(self):
        "Return the query of the ids of the active parties"
        Party = Pool().get('party.party')
        with Transaction().set_context(company=self.company.id):
            return Party.search(self.party_domain, order=[], query=True)

    @classmethod
    def get_intervals(cls, company):
        """Return the query of the contact intervals by segments, or None.

        It has the columns party and interval, company is an id.
        """
        queries = []
        with without_check_access():
            segments = cls.search([
                    ('company', '=', company),
                    ('contact_interval', '>', 0),
                    ])
            for segment in segments:
                parties = segment.get_parties()
                queries.append(parties.select(
                        parties.id.as_('party'),
                        Literal(segment.contact_interval).as_('interval')))
        return Union(*queries, all_=True) if queries else None

    @classmethod
    def snapshot(cls, date=None):
        "Keep the sizes of the segments on date, today by default"
        pool = Pool()
        Date = pool.get('ir.date')
        Snapshot = pool.get('crm.segment.snapshot')
        if date is None:
            date = Date.today()
        segments = cls.search([
                ('company', '=', Transaction().context.get('company')),
                ])
        known = {s.segment for s in Snapshot.search([
                    ('segment', 'in', [s.id for s in segments]),
                    ('date', '=', date),
                    ])}
        Snapshot.create([{
                    'segment': segment.id,
                    'date': date,
                    'size': segment.size,
                    } for segment in segments if segment not in known])

    @classmethod
    @ModelView.button_action('crm_party.wizard_segment_open')
    def open_parties(cls, segments):
        pass


class Party(metaclass=PoolMeta):
    __name__ = 'party.party'

    crm_segments = fields.Many2Many(
        'crm.segment-party.party', 'party', 'segment', "Segments",
        domain=[
            ('kind', '=', 'static'),
            ],
        help="The static segments the party belongs to.")

    @classmethod
    def copy(cls, parties, default=None):
        default = default.copy() if default is not None else {}
        default.setdefault('crm_segments', None)
        return super().copy(parties, default=default)


class SegmentParty(ModelSQL):
    __name__ = 'crm.segment-party.party'
    __string__ = "Segment - Party"

    segment = fields.Many2One(
        'crm.segment', "Segment", required=True, ondelete='CASCADE')
    party = fields.Many2One(
        'party.party', "Party", required=True, ondelete='CASCADE')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('party_unique', Unique(t, t.segment, t.party),
                'crm_party.msg_segment_party_unique'),
            ]


class SegmentSnapshot(ModelSQL, ModelView):
    __name__ = 'crm.segment.snapshot'
    __string__ = "Segment Snapshot"

    segment = fields.Many2One(
        'crm.segment', "Segment", required=True, ondelete='CASCADE')
    date = fields.Date("Date", required=True)
    size = fields.Integer("Size", required=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('segment')
        t = cls.__table__()
        cls._sql_constraints += [
            ('date_unique', Unique(t, t.segment, t.date),
                'crm_party.msg_segment_snapshot_unique'),
            ]
        cls._order.insert(0, ('date', 'DESC'))


class SegmentOpen(Wizard):
    __name__ = 'crm.segment.open'

    start_state = 'open_'
    open_ = StateAction('party.act_party_form')

    def do_open_(self, action):
        action['pyson_domain'] = PYSONEncoder().encode(
            self.record.party_domain)
        action['name'] += f' ({self.record.rec_name})'
        return action, {}
