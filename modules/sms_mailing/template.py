# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import re

from caravan.days import timezone
from trytond.i18n import gettext
from trytond.model import DeactivableMixin, ModelSQL, ModelView, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Eval
from trytond.transaction import Transaction

from .account import CHANNELS
from .engine import gsm
from .engine.likeness import alike
from .engine.template import MissingValue
from .engine.template import Template as Text
from .engine.template import TemplateError
from .exceptions import TemplateTextError
from .export import InertExportMixin
from .preview import DIGITS, PreviewMixin
from .rendering import LangFormatter, compose, follow, read_values

_TEXTS = ['subject', 'text', 'html']
_CONTENT = {
    *_TEXTS, 'channel', 'model', 'link', 'count_opens', 'spelling',
    'max_parts'}


def _party_city(party):
    address = party.address_get()
    return address.city if address else None


def _party_language(party):
    return party.lang.name if party.lang else None


class Template(
        InertExportMixin, PreviewMixin, DeactivableMixin, ModelSQL,
        ModelView):
    __name__ = 'mailing.template'

    name = fields.Char("Name", required=True, translate=True)
    topic = fields.Many2One(
        'mailing.topic', "Topic", required=True, ondelete='RESTRICT')
    channel = fields.Selection(CHANNELS, "Channel", required=True, sort=False)
    model = fields.Selection(
        'get_models', "Written about", required=True,
        help="The kind of record that the message tells about: "
        "it decides the fields that the text may use.")
    subject = fields.Char(
        "Subject", translate=True,
        states={
            'invisible': Eval('channel') != 'email',
            'required': Eval('channel') == 'email',
            })
    text = fields.Text(
        "Text", required=True, translate=True,
        help='Fields stand in braces: {party.name|default:"client"}.\n'
        "A part in brackets is left out when a field in it is empty: "
        "[, call {company.phone}].")
    html = fields.Text(
        "HTML", translate=True,
        states={
            'invisible': Eval('channel') != 'email',
            },
        help="The same message with markup; the text goes along with it.")
    link = fields.Char(
        "Link",
        help="The address behind {link}: each message gets a short one of "
        "its own, its clicks are counted.")
    count_opens = fields.Boolean(
        "Count Opens",
        states={
            'invisible': (Eval('channel') != 'email') | ~Eval('html'),
            },
        help="A picture that can not be seen tells when the mail is opened.\n"
        "Mail programs that load pictures by themselves count as well.")
    spelling = fields.Selection([
            (None, "As written"),
            ('sanitise', "Plain signs"),
            ('transliterate', "Latin letters"),
            ], "Spelling", sort=False,
        states={
            'invisible': Eval('channel') != 'sms',
            },
        help="Plain signs replace typographic quotes, dashes and spaces, "
        "Latin letters every other alphabet too: more of the text fits "
        "in a part.")
    max_parts = fields.Integer(
        "Maximum Parts",
        domain=['OR',
            ('max_parts', '=', None),
            [
                ('max_parts', '>', 0),
                ('max_parts', '<=', gsm.MAX_PARTS),
                ],
            ],
        states={
            'invisible': Eval('channel') != 'sms',
            },
        help="A longer message is not sent.")
    fields_help = fields.Function(
        fields.Text("Fields"), 'on_change_with_fields_help')
    example = fields.Function(fields.Reference(
            "Example", selection='get_readable_models',
            help="The record that fills the preview."),
        'get_example', setter='set_example')
    preview_subject = fields.Function(
        fields.Char(
            "Preview of the Subject",
            states={
                'invisible': Eval('channel') != 'email',
                }),
        'on_change_with_preview_subject')
    units_left = fields.Function(
        fields.Integer(
            "Characters Left",
            states={
                'invisible': Eval('channel') != 'sms',
                },
            help="What still fits in the last part."),
        'on_change_with_units_left')
    encoding = fields.Function(
        fields.Char(
            "Encoding",
            states={
                'invisible': Eval('channel') != 'sms',
                }),
        'on_change_with_encoding')
    plain_price = fields.Function(
        Monetary(
            "Price with Plain Signs", currency='currency',
            digits=(None, DIGITS),
            states={
                'invisible': ~Eval('offending') | ~Eval('plain_price'),
                },
            help="The price without the costly characters."),
        'on_change_with_plain_price')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.preview.help = (
            "The message as it leaves.  Without an example the names of the "
            "fields stand for their values.")
        cls.price.help = (
            "The price of the previewed message at the account that serves "
            "the channel.")
        cls._order.insert(0, ('name', 'ASC'))

    @classmethod
    def default_channel(cls):
        return 'sms'

    @classmethod
    def default_model(cls):
        return 'party.party'

    @classmethod
    def default_spelling(cls):
        return 'sanitise'

    @classmethod
    def default_fields_help(cls):
        return cls._help(cls.default_model())

    @classmethod
    def roots(cls):
        """Return what texts may start a name with.

        {model of the template: {root: (path from the record, model)}}; an
        empty path is the record itself.  The root 'party' is the person who
        is written to and must be there.  Other modules extend it.
        """
        return {
            'party.party': {'party': ('', 'party.party')},
            }

    @classmethod
    def vocabulary(cls):
        """Return what texts may read of each model.

        {model: {name: path of fields, or function of the record}}.  Other
        modules extend it.
        """
        return {
            'party.party': {
                'city': _party_city,
                'code': 'code',
                'email': 'email',
                'full_name': 'full_name',
                'language': _party_language,
                'mobile': 'mobile',
                'name': 'name',
                'phone': 'phone',
                },
            'company.company': {
                'email': 'party.email',
                'name': 'party.name',
                'phone': 'party.phone',
                'website': 'party.website',
                },
            }

    @classmethod
    def sources(cls, model):
        "Return {name in texts: (root, path or function)} for a model"
        roots = {
            **cls.roots().get(model, {}), 'company': ('', 'company.company')}
        vocabulary = cls.vocabulary()
        return {
            f'{root}.{name}': (root, source)
            for root, (_, target) in roots.items()
            for name, source in vocabulary.get(target, {}).items()}

    @classmethod
    def specials(cls, channel):
        "Return the names that are about the message itself"
        names = {'today', 'link'}
        return names | {'unsubscribe'} if channel == 'email' else names

    @classmethod
    def known(cls, model, channel):
        "Return the names that texts about a model may use in a channel"
        return {*cls.sources(model), *cls.specials(channel)}

    @classmethod
    def unknown(cls, texts, model, channel):
        "Return the sorted names in texts that nothing stands behind"
        names = set().union(*(t.names for t in texts))
        return sorted(names - cls.known(model, channel))

    @classmethod
    def get_models(cls):
        pool = Pool()
        Model = pool.get('ir.model')
        get_name = Model.get_name
        return [(m, get_name(m)) for m in cls.roots()]

    @classmethod
    def get_readable_models(cls):
        "Return the models that the user may read, a field needs no more"
        pool = Pool()
        Access = pool.get('ir.model.access')
        return [(None, "")] + [
            (model, name) for model, name in cls.get_models()
            if Access.check(model, 'read', raise_exception=False)]

    @classmethod
    def _help(cls, model):
        if not model:
            return ''
        return '\n'.join(
            '{%s}' % n for n in [
                *sorted(cls.sources(model)), 'today', 'link'])

    @fields.depends('model')
    def on_change_with_fields_help(self, name=None):
        return self._help(self.model)

    def get_example(self, name):
        return None

    @classmethod
    def set_example(cls, templates, name, value):
        "The example lives as long as the form"

    @fields.depends('example', 'model')
    def on_change_model(self):
        if self.example and self.example.__name__ != self.model:
            self.example = None

    def _preview_values(self):
        company = Pool().get('company.company')(
            Transaction().context.get('company') or -1)
        example = self.example
        if not example or example.id is None or example.id < 0:
            names = self.known(self.model, self.channel)
            return {
                **{n: n.rpartition('.')[2].replace('_', ' ') for n in names},
                **self._preview_specials()}
        values = self.values(
            self.model, example, company if company.id >= 0 else None)
        values.update(self._preview_specials())
        return values

    def _preview_specials(self):
        pool = Pool()
        Message = pool.get('mailing.message')
        return Message.sample_specials(self)

    @fields.depends(
        'channel', 'model', 'subject', 'text', 'html', 'spelling', 'example',
        'link')
    def _preview(self):
        "Return the content of the preview, or the error that prevents it"
        if not self.channel or not self.model:
            return None, ''
        texts = []
        for name in _TEXTS:
            try:
                texts.append(Text(getattr(self, name) or ''))
            except TemplateError as error:
                return None, self.explain(name, error)
        if unknown := self.unknown(texts, self.model, self.channel):
            return None, gettext(
                'sms_mailing.msg_template_field_unknown',
                names=', '.join(unknown))
        try:
            return compose(
                self.channel, texts, self._preview_values(),
                self.formatter(), self.spelling), ''
        except MissingValue as missing:
            return None, gettext(
                'sms_mailing.msg_template_missing',
                names=', '.join(missing.names))

    @classmethod
    def explain(cls, name, error):
        "Return what is wrong with a text, for the person who wrote it"
        values = {
            'field': cls.__names__(name)['field'],
            'fragment': error.fragment,
            }
        explain = {
            'syntax': lambda: gettext(
                'sms_mailing.msg_template_text_syntax', **values),
            'filter': lambda: gettext(
                'sms_mailing.msg_template_text_filter', **values),
            'nested': lambda: gettext(
                'sms_mailing.msg_template_text_nested', **values),
            'bracket': lambda: gettext(
                'sms_mailing.msg_template_text_bracket', **values),
            'block': lambda: gettext(
                'sms_mailing.msg_template_text_block', **values),
            'size': lambda: gettext(
                'sms_mailing.msg_template_text_size', **values),
            }
        return explain[error.code]()

    @fields.depends(methods=['_preview'])
    def on_change_with_preview_subject(self, name=None):
        content, _ = self._preview()
        return content.subject if content else None

    @fields.depends(methods=['_preview'])
    def on_change_with_encoding(self, name=None):
        content, _ = self._preview()
        return content.encoding if content else None

    @fields.depends('channel', methods=['_preview'])
    def on_change_with_units_left(self, name=None):
        content, _ = self._preview()
        if content and self.channel == 'sms':
            count = gsm.count(content.text)
            single, part = gsm.LIMITS[count.encoding]
            limit = single if count.parts == 1 else part
            return limit - count.part_units[-1]

    @fields.depends('channel')
    def _account(self):
        pool = Pool()
        Account = pool.get('mailing.account')
        company = Transaction().context.get('company')
        if self.channel and company:
            return Account.find(self.channel, company)

    @fields.depends('channel', methods=['_preview', '_account'])
    def on_change_with_plain_price(self, name=None):
        content, _ = self._preview()
        account = self._account()
        if (content and self.channel == 'sms'
                and account and account.cost is not None):
            parts = gsm.count(gsm.transliterate(content.text)).parts
            return round(parts * account.cost, DIGITS)

    @classmethod
    def check_modification(
            cls, mode, templates, values=None, external=False):
        super().check_modification(
            mode, templates, values=values, external=external)
        if mode == 'write' and _CONTENT & set(values):
            cls.check_unused(templates)

    @classmethod
    def check_unused(cls, templates):
        "Refuse to change what mailings on their way say"
        pool = Pool()
        Step = pool.get('mailing.mailing.step')
        Variant = pool.get('mailing.mailing.variant')
        domain = [
            ('template', 'in', list(map(int, templates))),
            ('mailing.state', 'in', [
                    'prepared', 'approved', 'running', 'paused']),
            ]
        parts = Step.search(domain, limit=1) + Variant.search(
            domain, limit=1)
        if parts:
            part = parts[0]
            raise TemplateTextError(gettext(
                    'sms_mailing.msg_template_used',
                    template=part.template.rec_name,
                    mailing=part.mailing.rec_name))

    @classmethod
    def validate_fields(cls, templates, field_names):
        super().validate_fields(templates, field_names)
        cls.check_link(templates, field_names)
        cls.check_texts(templates, field_names)

    @classmethod
    def check_link(cls, templates, field_names=None):
        if field_names and 'link' not in field_names:
            return
        for template in templates:
            if template.link and (
                    not re.match(r'https?://[^\s/]+', template.link)
                    or re.search(r'[\s\x00-\x1f]', template.link)):
                raise TemplateTextError(gettext(
                        'sms_mailing.msg_template_link',
                        template=template.rec_name, link=template.link))

    @classmethod
    def check_texts(cls, templates, field_names=None):
        if field_names and not (
                field_names & {*_TEXTS, 'model', 'channel'}):
            return
        for template in templates:
            for name in _TEXTS:
                try:
                    text = Text(getattr(template, name))
                except TemplateError as error:
                    raise TemplateTextError(
                        cls.explain(name, error)) from error
                if unknown := cls.unknown(
                        [text], template.model, template.channel):
                    raise TemplateTextError(gettext(
                            'sms_mailing.msg_template_unknown',
                            template=template.rec_name,
                            names=', '.join(unknown),
                            known=', '.join(sorted(cls.known(
                                        template.model, template.channel)))))

    def alike(self):
        "Return the templates of the channel that say nearly the same"
        templates = self.search([('channel', '=', self.channel)])
        # Read with the others
        own = next((t for t in templates if t == self), self)
        return [self] + [
            t for t in templates if t != self and alike(t.text, own.text)]

    @property
    def texts(self):
        "The subject, text and html understood, in the context's language"
        return tuple(Text(getattr(self, n)) for n in _TEXTS)

    @classmethod
    def formatter(cls, lang=None):
        pool = Pool()
        Lang = pool.get('ir.lang')
        return LangFormatter(lang or Lang.get())

    @classmethod
    def values(cls, model, record, company, names=None):
        "Return {name: plain value} of a record for the texts of its model"
        return {
            **cls._record_values(cls._paths(model, names), record, company),
            **cls._shared_values(company, names)}

    @classmethod
    def _paths(cls, model, names=None):
        "Return the pairs of a path and {name: source} that texts read"
        sources = cls.sources(model)
        return [
            (path, {
                    n: s for n, (r, s) in sources.items()
                    if r == root and (names is None or n in names)})
            for root, (path, _) in cls.roots()[model].items()]

    @classmethod
    def _record_values(cls, paths, record, company):
        "Return what texts read of a record"
        zone = timezone(company)
        result = {}
        for path, sources in paths:
            if sources and (target := follow(record, path)):
                result.update(read_values(target, sources, zone))
        return result

    @classmethod
    def _shared_values(cls, company, names=None):
        "Return what is the same for each record"
        pool = Pool()
        Date = pool.get('ir.date')
        result = {}
        if company:
            result.update(read_values(company, {
                        f'company.{n}': s
                        for n, s in cls.vocabulary()['company.company'].items()
                        if names is None or f'company.{n}' in names},
                    timezone(company)))
        if names is None or 'today' in names:
            with Transaction().set_context(company=company and company.id):
                result['today'] = Date.today()
        return result

    @classmethod
    def write_out(cls, template, company, rows, extra=None):
        """Return {key: Content or MissingValue} of the texts of a template

        rows are (key, id of the record, id of the language); extra maps a
        key to values that are no field of the record.
        """
        pool = Pool()
        Lang = pool.get('ir.lang')
        extra = extra or {}
        languages = {r[2] for r in rows}
        result = {}
        for lang in languages:
            result.update(cls._write_out(
                    template, company, Lang(lang) if lang else Lang.get(),
                    [r for r in rows if r[2] == lang], extra))
        return result

    @classmethod
    def _write_out(cls, template, company, lang, rows, extra):
        pool = Pool()
        Record = pool.get(template.model)
        with Transaction().set_context(
                language=lang.code, company=company.id):
            translated = cls(template.id)
            texts = translated.texts
            names = set().union(*(t.names for t in texts))
            formatter = cls.formatter(lang)
            paths = cls._paths(template.model, names)
            shared = cls._shared_values(company, names)
            for (key, _, _), record in zip(
                    rows, Record.browse([r for _, r, _ in rows])):
                values = {
                    **cls._record_values(paths, record, company),
                    **shared, **extra.get(key, {})}
                try:
                    content = compose(
                        template.channel, texts, values, formatter,
                        translated.spelling)
                except MissingValue as missing:
                    content = missing
                yield key, content

    @classmethod
    def copy(cls, templates, default=None):
        default = default.copy() if default else {}
        default.setdefault('example', None)
        return super().copy(templates, default=default)
