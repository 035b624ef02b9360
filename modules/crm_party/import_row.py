# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
import json
import re

from trytond.i18n import gettext
from trytond.pool import Pool

from .kernel.names import name_key, sorted_key
from .tools import is_email

FIELDS = [
    (None, ""),
    ('code', "Code"),
    ('name', "Name"),
    ('first_name', "First Name"),
    ('last_name', "Last Name"),
    ('kind', "Kind"),
    ('birth_date', "Birth Date"),
    ('identifier', "Identifier"),
    ('phone', "Phone"),
    ('mobile', "Mobile"),
    ('email', "E-mail"),
    ('website', "Website"),
    ('street', "Street"),
    ('postal_code', "Postal Code"),
    ('city', "City"),
    ('country', "Country"),
    ('category', "Category"),
    ('manager', "Manager"),
    ('status', "Status"),
    ('source', "Source"),
    ('note', "Note"),
    ]
# What columns are called in files
_ALIASES = {
    'code': "code id number nr no kundennummer код номер",
    'name': "name fullname company customer client firma kunde название "
    "наименование клиент фио nom nombre raisonsociale razonsocial",
    'first_name': "firstname givenname vorname prénom prenom имя",
    'last_name': "lastname surname familyname nachname nomdefamille apellido "
    "apellidos фамилия",
    'kind': "kind type art тип вид",
    'birth_date': "birthdate birthday dateofbirth geburtsdatum geburtstag "
    "датарождения деньрождения datedenaissance fechadenacimiento",
    'identifier': "identifier vat vatnumber taxid tin ustid инн бин иин",
    'phone': "phone telephone tel telefon téléphone teléfono телефон",
    'mobile': "mobile cell handy mobil portable móvil мобильный сотовый",
    'email': "email mail courriel correo почта",
    'website': "website web url homepage сайт",
    'street': "street address strasse straße adresse rue calle dirección "
    "улица адрес",
    'postal_code': "postalcode zip zipcode postcode plz codepostal "
    "codigopostal индекс",
    'city': "city town ort stadt ville ciudad город",
    'country': "country land pays país страна",
    'category': "category categories kategorie категория",
    'manager': "manager owner betreuer менеджер",
    'status': "status статус",
    'source': "source quelle источник",
    'note': "note notes comment notiz примечание комментарий",
    }
_GUESSES = {
    alias: field for field, aliases in _ALIASES.items()
    for alias in aliases.split()}
_KINDS = {
    word: kind for kind, words in [
        ('person', "person individual privat privatperson particulier persona "
            "физлицо человек"),
        ('organisation', "organisation organization company firma firm "
            "société societe entreprise empresa юрлицо организация компания"),
        ] for word in words.split()}
_DATES = ['%Y-%m-%d', '%d.%m.%Y']
# Several columns may be the same way to reach a party
_MECHANISMS = ['phone', 'mobile', 'email', 'website']
_PHONES = ['phone', 'mobile']
NAMES = {'name', 'first_name', 'last_name'}


def guess(name):
    """Return the field that a column of the name probably is, or None.

    "E-Mail 2" is another e-mail.
    """
    name = re.sub(r'[\W_]', '', name.lower())
    return _GUESSES.get(name, _GUESSES.get(name.rstrip('0123456789')))


def find(model, names, rows, field, domain=None):
    "Return {value in lower case: id} of the records that rows name"
    Model = Pool().get(model)
    values = {
        plain(row.values[field]) for row in rows if row.values.get(field)}
    found = {}
    for name in names if values else []:
        forms = {
            form(v) for v in values
            for form in [str, str.lower, str.upper, str.title, str.capitalize]}
        for record in Model.search([(name, 'in', list(forms)), domain or []]):
            value = record
            for part in name.split('.'):
                value = getattr(value, part)
            found[value.lower()] = record.id
    return found


class Dialler:
    "Reads phone numbers as they are dialled in a country, or in the company's"

    def __init__(self, company):
        self._countries = [
            a.country.id for a in company.party.addresses if a.country]
        self._mechanisms = {}

    def read(self, text, country=None):
        """Return a number as it is written and as it is compared.

        country is an id; None when the text is not a phone number.
        """
        if country not in self._mechanisms:
            self._mechanisms[country] = self._get_mechanism(country)
        mechanism = self._mechanisms[country]
        value = mechanism.format_value(text, 'phone')
        compact = mechanism.format_value_compact(value, 'phone')
        return (value, compact) if compact != text or (
            mechanism._parse_phonenumber(text)) else None

    def _get_mechanism(self, country):
        # One for all rows: what it reads of the company is read once
        pool = Pool()
        Address = pool.get('party.address')
        Mechanism = pool.get('party.contact_mechanism')
        Party = pool.get('party.party')
        countries = [country, *self._countries] if country else self._countries
        return Mechanism(party=Party(
                addresses=[Address(country=c) for c in countries]))


class Row:
    "A row of the file on its way to a line"

    def __init__(self, import_, number, cells, chosen):
        self.import_ = import_
        self.number = number
        self.cells = [plain(c) for c in cells]
        self.chosen = chosen
        self.values = {}
        self.mechanisms = []
        self.problems = []
        self.party = self.duplicate = self.manager = None
        for field, cell in zip(chosen, cells):
            if cell in {'', None}:
                continue
            if field in _MECHANISMS:
                self.mechanisms.append((field, plain(cell)))
            elif field:
                self.values.setdefault(field, cell)
        self._join_names()

    def _join_names(self):
        "Make the name of a person of its parts"
        first, last = (
            plain(self.values.pop(n, '')) for n in ['first_name', 'last_name'])
        name = plain(self.values.get('name', ''))
        if last and not name:
            self.values.setdefault('kind', 'person')
        # A surname alone is often called the name
        last = last or (name if first not in name else '')
        if not name or (first and last == name):
            name = ' '.join(filter(None, [first, last]))
        if name:
            self.values['name'] = name

    def check(self, lookups, statuses, dialler):
        "Convert the values; what is broken becomes a problem"
        for field in list(self.values):
            value = self.values[field]
            if field != 'birth_date':
                value = self.values[field] = plain(value)
            convert = getattr(self, f'_check_{field}', None)
            if field in lookups:
                id_ = lookups[field].get(value.lower())
                self._set(field, id_, 'crm_party.msg_import_unknown', value)
            elif field == 'status':
                self._set(
                    field, statuses.get(value.lower()),
                    'crm_party.msg_import_status', value)
            elif convert:
                convert(field, value)
        # The country tells how phone numbers are read
        self._check_mechanisms(dialler)
        if not self.values.get('name'):
            self._fail('name', 'crm_party.msg_import_empty', '')

    def _set(self, field, value, message, text):
        if value is None:
            self._fail(field, message, text)
        self.values[field] = value

    def _fail(self, field, message, value):
        self.problems.append(
            (field, gettext(message, value=value)))
        self.values.pop(field, None)

    def _check_mechanisms(self, dialler):
        "Keep as values those ways to reach the party that can be right"
        found = {}
        for type_, text in self.mechanisms:
            value = compact = text
            if type_ == 'email':
                value = compact = text.lower()
                if not is_email(value):
                    self._fail(type_, 'crm_party.msg_import_email', text)
                    continue
            elif type_ in _PHONES:
                if not (number := dialler.read(
                            text, self.values.get('country'))):
                    self._fail(type_, 'crm_party.msg_import_phone', text)
                    continue
                value, compact = number
            found.setdefault(compact, {
                    'type': type_, 'value': value, 'value_compact': compact})
        self.values['mechanisms'] = list(found.values())

    def _check_kind(self, field, value):
        kind = _KINDS.get(re.sub(r'[\W_]', '', value.lower()))
        self._set(field, kind, 'crm_party.msg_import_kind', value)

    def _check_birth_date(self, field, value):
        if isinstance(value, dt.datetime):
            value = value.date()
        if not isinstance(value, dt.date):
            value = self._parse_date(plain(value))
        if value is None:
            self._fail(
                field, 'crm_party.msg_import_date', plain(self.values[field]))
        else:
            self.values[field] = value.isoformat()

    def _parse_date(self, text):
        for format_ in [self.import_.date_format] if (
                self.import_.date_format) else _DATES:
            try:
                return dt.datetime.strptime(text, format_).date()
            except ValueError:
                date = None
        return date

    @property
    def key_value(self):
        return next(
            (v for reason, v in self.marks if reason == self.import_.key),
            None)

    @property
    def marks(self):
        "What the party is known by, as list of (reason, value)"
        values = self.values
        marks = [
            (field, values[field]) for field in ['code', 'identifier']
            if values.get(field)]
        for mechanism in values.get('mechanisms', []):
            reason = mechanism['type']
            if reason in _PHONES:
                reason = 'phone'
            if reason != 'website':
                marks.append((reason, mechanism['value_compact']))
        if words := sorted_key(name_key(values.get('name'))):
            marks.append(('name', words))
        return marks

    def _get_same(self):
        "Return what no other row of the file may have, as set"
        marks = dict(self.marks)
        name = None
        if self.import_.duplicates == 'skip':
            name = marks.get('name')
        same = {
            ('key', self.key_value or name),
            ('code', marks.get('code')),
            }
        return {(kind, value) for kind, value in same if value}

    def refuse_code(self):
        "The code of a new party is taken"
        self._fail('code', 'crm_party.msg_import_code', self.values['code'])

    def get_line(self):
        line = {
            'import_': self.import_.id,
            'number': self.number,
            'name': plain(self.values.get('name', '')),
            'cells': json.dumps(self.cells),
            'values': json.dumps(self.values),
            'action': 'create',
            'same': self._get_same(),
            }
        if self.problems:
            line['action'] = 'error'
            labels = dict(FIELDS)
            problems = sorted(
                self.problems, key=lambda p: (
                    self.chosen.index(p[0]) if p[0] in self.chosen else -1))
            line['column'] = ', '.join(labels[f] for f, _ in problems)
            line['reason'] = '; '.join(reason for _, reason in problems)
        elif self.party:
            line['action'] = 'update'
            line['party'] = self.party
        elif self.duplicate:
            line['action'] = 'duplicate'
            line['reason'] = gettext('crm_party.msg_import_known',
                manager=self.manager
                or gettext('crm_party.msg_party_duplicate_nobody'))
        return line


def plain(cell):
    "Return a cell as text"
    if cell is None:
        return ''
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell).replace('\0', '').strip()
