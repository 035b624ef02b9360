# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt
from calendar import isleap
from collections import defaultdict, namedtuple

from sql import Cast, Conflict
from sql.functions import CurrentTimestamp, Extract
from sql.operators import Concat

from trytond.i18n import gettext
from trytond.model import (
    DeactivableMixin, ModelSQL, ModelView, fields, sequence_ordered)
from trytond.pool import Pool
from trytond.pyson import Eval, PYSONDecoder
from trytond.tools import grouped_slice
from trytond.transaction import Transaction, check_access

from . import sending
from .account import CHANNELS
from .exceptions import RuleValidationError
from .export import InertExportMixin
from .rendering import follow
from .snapshot import first_addresses, party_languages
from .window import WindowMixin

_SLICE = 200

Source = namedtuple(
    'Source', ['party', 'company', 'dates', 'domain', 'keep', 'yearly'],
    defaults=[(), None, ()])
Source.__doc__ = """What rules may watch about a model.

party and company are paths of fields to who is written to and by whom, the
latter may be a function of the company that returns a clause instead; dates
are the names of the date fields, domain what every rule on the model implies,
keep an optional function that gets records and returns those that still call
for a message, yearly those of dates that come back each year.
"""


class Rule(
        InertExportMixin, WindowMixin, DeactivableMixin, sequence_ordered(),
        ModelSQL, ModelView):
    __name__ = 'mailing.rule'

    name = fields.Char("Name", required=True, translate=True)
    model = fields.Selection(
        'get_models', "Watch", required=True,
        help="The kind of record that calls for a message.")
    date_field = fields.Selection(
        'get_date_fields', "Date",
        help="The date that the days are counted from.\n"
        "Leave empty to write once when a record meets the condition.")
    offsets = fields.Char(
        "Days",
        states={
            'invisible': ~Eval('date_field'),
            'required': Eval('date_field', False),
            },
        help="Days from the date, negative before, separated by commas: "
        "-3, 0, 1, 7.")
    condition = fields.Char(
        "Condition",
        help="A PYSON domain on the records, besides what is implied.")
    since = fields.Date(
        "Since", required=True,
        help="What happened before is not written about.")
    catch_up = fields.Integer(
        "Catch up", required=True,
        domain=[('catch_up', '>=', 0), ('catch_up', '<=', 30)],
        help="How many days late a message may still be written when the "
        "server was down.")
    templates = fields.One2Many(
        'mailing.rule.template', 'rule', "Messages",
        help="The first whose channel the person can be reached by.")
    simulate = fields.Boolean(
        "Dry Run",
        help="The messages are written for you to look at, none leaves.")
    messages = fields.One2Many(
        'mailing.message', 'rule', "Messages", readonly=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._buttons.update({
                'run_now': {
                    'invisible': ~Eval('active', True),
                    'icon': 'tryton-launch',
                    'depends': ['active'],
                    },
                })

    @classmethod
    def default_since(cls):
        return Pool().get('ir.date').today()

    @classmethod
    def default_catch_up(cls):
        return 2

    @classmethod
    def default_simulate(cls):
        return True

    @classmethod
    def sources(cls):
        "Return {model: Source}; other modules add theirs"
        return {}

    @classmethod
    def get_models(cls):
        pool = Pool()
        Model = pool.get('ir.model')
        return [(m, Model.get_name(m)) for m in sorted(cls.sources())]

    @fields.depends('model')
    def get_date_fields(self):
        pool = Pool()
        choices = [(None, "")]
        source = self.sources().get(self.model)
        if source:
            names = pool.get(self.model).fields_get(list(source.dates))
            choices += [(n, names[n]['string']) for n in source.dates]
        return choices

    @fields.depends('model', 'date_field')
    def on_change_model(self):
        source = self.sources().get(self.model)
        if not source or self.date_field not in source.dates:
            self.date_field = source.dates[0] if source and source.dates \
                else None

    @classmethod
    def validate_fields(cls, rules, field_names):
        super().validate_fields(rules, field_names)
        cls.check_offsets(rules, field_names)
        cls.check_condition(rules, field_names)

    @classmethod
    def check_offsets(cls, rules, field_names=None):
        if field_names and not (field_names & {'offsets', 'date_field'}):
            return
        for rule in rules:
            try:
                days = rule.days
            except ValueError as error:
                raise RuleValidationError(gettext(
                        'sms_mailing.msg_rule_offsets',
                        rule=rule.rec_name, days=rule.offsets)) from error
            if any(abs(d) > 3660 for d in days):
                raise RuleValidationError(gettext(
                        'sms_mailing.msg_rule_offsets',
                        rule=rule.rec_name, days=rule.offsets))

    @classmethod
    def check_condition(cls, rules, field_names=None):
        pool = Pool()
        if field_names and not (field_names & {'condition', 'model'}):
            return
        for rule in rules:
            try:
                with check_access():
                    pool.get(rule.model).search(
                        rule._condition, query=True)
            except (
                    AttributeError, KeyError, TypeError,
                    ValueError) as error:
                raise RuleValidationError(gettext(
                        'sms_mailing.msg_rule_condition',
                        rule=rule.rec_name,
                        condition=rule.condition)) from error

    @property
    def days(self):
        "The offsets as a sorted list of days"
        if not self.date_field:
            return []
        return sorted({
                int(d) for d in (self.offsets or '').split(',') if d.strip()})

    @property
    def _condition(self):
        pool = Pool()
        Date = pool.get('ir.date')
        if not self.condition:
            return []
        domain = PYSONDecoder({
                'context': Transaction().context,
                'current_date': Date.today(),
                }).decode(self.condition)
        if not isinstance(domain, list):
            raise ValueError(domain)
        return domain

    @classmethod
    @ModelView.button
    def run_now(cls, rules):
        cls._scan(rules)

    @classmethod
    def scan(cls, date=None):
        """Write the messages that the active rules call for

        Run by the cron each hour; the key of a message makes it harmless to
        repeat.
        """
        cls._scan(cls.search([]), date)

    @classmethod
    def _scan(cls, rules, date=None):
        pool = Pool()
        Company = pool.get('company.company')
        Date = pool.get('ir.date')
        sources = cls.sources()
        companies = Company.search([])
        for rule in rules:
            if rule.model not in sources:
                continue
            for company in companies:
                with Transaction().set_context(company=company.id):
                    today = date or Date.today()
                    rule._write(sources[rule.model], company, today)

    def _write(self, source, company, today):
        "Write the messages of one rule for one company"
        routes = self._routes(company)
        if not routes:
            return
        for key, domain in self._occasions(source, today):
            records = self._records(source, company, domain)
            for slice_ in grouped_slice(records, _SLICE):
                slice_ = list(slice_)
                if source.keep:
                    slice_ = source.keep(slice_)
                self._insert(source, company, routes, key, slice_)

    def _occasions(self, source, today):
        "Yield the function of the key of a message and the domain"
        if not self.date_field:
            yield (
                lambda record: f'rule:{self.id}:{record.id}',
                [
                    ('create_date', '>=', dt.datetime.combine(
                            self.since, dt.time.min)),
                    ('id', 'not in', self._written())])
            return
        for days in self.days:
            last = today - dt.timedelta(days=days)
            first = max(
                last - dt.timedelta(days=self.catch_up),
                self.since - dt.timedelta(days=days))
            if first > last:
                continue
            if self.date_field in source.yearly:
                dates, domain = self._anniversaries(first, last)
            else:
                dates, domain = {}, [
                    (self.date_field, '>=', first),
                    (self.date_field, '<=', last)]

            def key(record, days=days, dates=dates):
                date = getattr(record, self.date_field)
                date = dates.get((date.month, date.day), date)
                return f'rule:{self.id}:{record.id}:{days}:{date}'
            yield key, domain

    def _written(self):
        "Return the query of the records that have got their one message"
        pool = Pool()
        message = pool.get('mailing.message').__table__()
        table = pool.get(self.model).__table__()
        key = Concat(f'rule:{self.id}:', Cast(table.id, 'VARCHAR'))
        return table.join(
            message, condition=message.dedup_key == key).select(table.id)

    def _anniversaries(self, first, last):
        """Return {(month, day): this year's date} and the domain of them

        Who was born on 29 February has the 28th in a common year.
        """
        pool = Pool()
        table = pool.get(self.model).__table__()
        dates = {}
        for days in range((last - first).days + 1):
            date = first + dt.timedelta(days=days)
            dates[date.month, date.day] = date
            if (date.month, date.day) == (2, 28) and not isleap(date.year):
                dates[2, 29] = date
        column = getattr(table, self.date_field)
        day = Extract('MONTH', column) * 100 + Extract('DAY', column)
        return dates, [('id', 'in', table.select(table.id,
                    where=day.in_([m * 100 + d for m, d in dates])))]

    @classmethod
    def settled(cls, rows):
        """Return the ids of the messages that nothing calls for any more

        What was open when a message was written may be paid or renewed when
        it leaves.  rows have the id, the rule and the origin of a message.
        """
        sources = cls.sources()
        by_model = defaultdict(dict)
        for row in rows:
            if row.rule and row.origin:
                model, _, id_ = row.origin.partition(',')
                by_model[model].setdefault(int(id_), []).append(row.id)
        settled = set()
        for model, ids in by_model.items():
            if source := sources.get(model):
                for id_ in ids.keys() - cls._still_open(model, source, ids):
                    settled.update(ids[id_])
        return settled

    @staticmethod
    def _still_open(model, source, ids):
        "Return those of ids that a rule on the model may write about"
        records = Pool().get(model).search(
            [('id', 'in', list(ids)), *source.domain])
        return {r.id for r in (source.keep or list)(records)}

    def _records(self, source, company, domain):
        pool = Pool()
        Model = pool.get(self.model)
        if callable(source.company):
            domain = [*domain, source.company(company)]
        elif source.company:
            domain = [*domain, (source.company, '=', company.id)]
        return Model.search(
            [*domain, *source.domain, *self._condition],
            order=[('id', 'ASC')])

    def _routes(self, company):
        "Return the messages of the rule that have accounts, with the Routes"
        pool = Pool()
        Account = pool.get('mailing.account')
        routes = {
            c: Account.routes(c, company.id)
            for c in {t.channel for t in self.templates}}
        return [(t, routes[t.channel]) for t in self.templates
            if routes[t.channel]]

    def _insert(self, source, company, routes, key, records):
        parties = {
            r.id: party for r in records
            if (party := follow(r, source.party))}
        if not parties:
            return
        ids = list({p.id for p in parties.values()})
        addresses = {
            line.channel: first_addresses(line.channel, ids)
            for line, _ in routes}
        langs = party_languages(company.id, ids)
        rows = []
        for record in records:
            if record.id in parties:
                rows.append(self._row(
                        record, parties[record.id].id, company, routes,
                        addresses, langs, key(record)))
        _insert_rows(rows)

    def _row(
            self, record, party, company, routes, addresses, langs, key):
        "Return the values of the message about a record"
        line, account, address, error = _way(routes, addresses, party)
        return {
            'company': company.id,
            'party': party,
            'rule': self.id,
            'origin': str(record),
            'step': 0,
            'channel': line.channel,
            'account': account.id,
            'template': line.template.id,
            'topic': line.template.topic.id,
            'purpose': line.template.topic.purpose,
            'address': address or '-',
            'language': langs.get(party),
            'dedup_key': key,
            'simulate': self.simulate,
            'attempts': 0,
            'state': 'cancelled' if error else 'queued',
            'error_code': error,
            }


class RuleTemplate(InertExportMixin, sequence_ordered(), ModelSQL, ModelView):
    __name__ = 'mailing.rule.template'

    rule = fields.Many2One(
        'mailing.rule', "Rule", required=True, ondelete='CASCADE')
    model = fields.Function(
        fields.Char("Model"), 'on_change_with_model')
    template = fields.Many2One(
        'mailing.template', "Template", required=True, ondelete='RESTRICT',
        domain=[
            ('model', '=', Eval('model')),
            ])
    channel = fields.Function(
        fields.Selection(CHANNELS, "Channel"), 'on_change_with_channel')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('rule')

    @fields.depends('rule', '_parent_rule.model')
    def on_change_with_model(self, name=None):
        return self.rule.model if self.rule else None

    @fields.depends('template')
    def on_change_with_channel(self, name=None):
        return self.template.channel if self.template else None


def _way(routes, addresses, party):
    """Return the first message that reaches a party, or what prevents it

    routes are pairs of a message and its Routes, addresses {channel: {party:
    address}}.  The result is the message, the account, the address and the
    error.
    """
    error = 'no_address'
    for line, accounts in routes:
        address = addresses[line.channel].get(party)
        if address and (account := accounts[address]):
            return line, account, address, None
        if address:
            error = 'no_account'
    line, accounts = routes[0]
    return line, accounts.any, None, error


def _insert_rows(rows):
    "Write messages in one statement, those that are there stay"
    pool = Pool()
    Message = pool.get('mailing.message')
    if not rows:
        return
    table = Message.__table__()
    names = list(rows[0])
    cursor = Transaction().connection.cursor()
    cursor.execute(*table.insert(
            [
                table.create_uid, table.create_date, table.token,
                *(getattr(table, n) for n in names)],
            [[
                    Transaction().user, CurrentTimestamp(),
                    sending.random_token(), *(row[n] for n in names)]
                for row in rows],
            on_conflict=Conflict(table)))
