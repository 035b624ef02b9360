# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
import hashlib
import secrets

from sql import Null
from sql.conditionals import Coalesce

from trytond.i18n import gettext
from trytond.model import (
    DeactivableMixin, Index, ModelSQL, ModelView, Unique, Workflow, fields)
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval, If
from trytond.transaction import Transaction, check_access
from trytond.wizard import Button, StateAction, StateView, Wizard

from .exceptions import LeadConversionError
from .tools import is_email

# Longest text kept of each thing a visitor enters
_LENGTHS = {
    'name': 200, 'company_name': 200, 'phone': 50, 'email': 200,
    'message': 10000, 'page': 500, 'utm_source': 200, 'utm_medium': 200,
    'utm_campaign': 200}


class LeadForm(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'crm.lead.form'
    __string__ = "Lead Form"

    name = fields.Char("Name", required=True)
    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='CASCADE')
    token = fields.Char(
        "Token", required=True, readonly=True,
        help="The secret part of the address to which the web form posts.")
    source = fields.Many2One('crm.source', "Source", ondelete='RESTRICT')
    employee = fields.Many2One(
        'company.employee', "Employee", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        help="The employee who gets the leads.")
    consent_text = fields.Text(
        "Consent",
        help="The sentence beside the box that visitors tick, kept with each "
        "lead.")
    rate = fields.Integer(
        "Rate", required=True,
        domain=[
            ('rate', '>', 0),
            ],
        help="The most leads that one visitor may send in an hour.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('token_unique', Unique(t, t.token),
                'crm_party.msg_lead_form_token_unique'),
            ]
        cls._buttons.update({
                'renew': {
                    'icon': 'tryton-refresh',
                    },
                })

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_rate(cls):
        return 10

    @classmethod
    def default_token(cls):
        return secrets.token_urlsafe(24)

    @classmethod
    def copy(cls, forms, default=None):
        default = default.copy() if default is not None else {}
        default.setdefault('token', lambda data: cls.default_token())
        return super().copy(forms, default=default)

    @classmethod
    @ModelView.button
    def renew(cls, forms):
        for form in forms:
            form.token = cls.default_token()
        cls.save(forms)

    def receive(self, data, visitor):
        """Store what a visitor has sent; return the lead, None above the rate

        data is {field: text} of whatever was sent, visitor a text that tells
        visitors apart.  The same sent again within a day is counted, not
        stored twice; who fills the trap "website" is stored as refused.
        """
        Lead = Pool().get('crm.lead')
        values = {
            name: _clean(data.get(name), length)
            for name, length in _LENGTHS.items()}
        consent = str(data.get('consent') or '').lower() in {
            '1', 'on', 'true', 'yes'}
        trapped = bool(str(data.get('website') or '').strip())
        visitor = _digest(visitor)
        content = _digest(
            *(v or '' for v in values.values()), str(consent), str(trapped))
        now = dt.datetime.now()
        known = Lead.search([
                ('form', '=', self.id),
                ('content', '=', content),
                ('received_at', '>', now - dt.timedelta(days=1)),
                ], limit=1)
        if known:
            lead, = known
            lead.repeated += 1
            lead.save()
            return lead
        count = Lead.search_count([
                ('form', '=', self.id),
                ('visitor', '=', visitor),
                ('received_at', '>', now - dt.timedelta(hours=1)),
                ])
        if count >= self.rate:
            return None
        lead, = Lead.create([{
                    **values,
                    'form': self.id,
                    'company': self.company.id,
                    'source': self.source.id if self.source else None,
                    'employee': self.employee.id if self.employee else None,
                    'consent': consent,
                    'consent_text': self.consent_text if consent else None,
                    'visitor': visitor,
                    'content': content,
                    'received_at': now,
                    'state': 'rejected' if trapped else 'new',
                    'reject_reason': (
                        gettext('crm_party.msg_lead_trapped')
                        if trapped else None),
                    }])
        return lead


def _clean(text, length):
    "Return plain text of at most length, None when there is none"
    text = ''.join(
        c for c in str(text or '') if c.isprintable() or c in '\n\t')
    return text.strip()[:length] or None


def _digest(*texts):
    return hashlib.sha256('\0'.join(texts).encode()).hexdigest()


_states = {
    'readonly': Eval('state').in_(['converted', 'rejected']),
    }


class Lead(Workflow, ModelSQL, ModelView):
    __name__ = 'crm.lead'
    __string__ = "Lead"

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT')
    form = fields.Many2One(
        'crm.lead.form', "Form", ondelete='RESTRICT', readonly=True)
    name = fields.Char("Name", states=_states)
    company_name = fields.Char("Company Name", states=_states)
    phone = fields.Char("Phone", states=_states)
    email = fields.Char("E-mail", states=_states)
    message = fields.Text("Message", states=_states)
    page = fields.Char(
        "Page", readonly=True, help="The page the visitor came from.")
    utm_source = fields.Char("UTM Source", readonly=True)
    utm_medium = fields.Char("UTM Medium", readonly=True)
    utm_campaign = fields.Char("UTM Campaign", readonly=True)
    source = fields.Many2One(
        'crm.source', "Source", ondelete='RESTRICT', states=_states)
    employee = fields.Many2One(
        'company.employee', "Employee", ondelete='RESTRICT', states=_states,
        domain=[
            ('company', '=', Eval('company', -1)),
            ],
        help="The employee in charge.")
    received_at = fields.Timestamp("Received At", required=True, readonly=True)
    repeated = fields.Integer(
        "Repeated", readonly=True,
        help="How many times the same was sent again.")
    consent = fields.Boolean(
        "Consent", readonly=True,
        help="The visitor agreed to be contacted.")
    consent_text = fields.Text(
        "Consent Text", readonly=True,
        states={
            'invisible': ~Eval('consent'),
            })
    visitor = fields.Char("Visitor", readonly=True)
    content = fields.Char("Content", readonly=True)
    duplicate = fields.Function(
        fields.Char("Known",
            states={
                'invisible': ~Eval('duplicate'),
                },
            help="Whether the lead is known and who is in charge."),
        'get_duplicate')
    party = fields.Many2One(
        'party.party', "Party", ondelete='RESTRICT', readonly=True,
        context={
            'company': Eval('company', -1),
            },
        depends={'company'},
        states={
            'invisible': Eval('state') != 'converted',
            })
    reject_reason = fields.Char(
        "Reason for Refusal",
        states={
            'invisible': Eval('state') == 'converted',
            'readonly': Eval('state') == 'rejected',
            })
    state = fields.Selection([
            ('new', "New"),
            ('working', "Working"),
            ('converted', "Converted"),
            ('rejected', "Rejected"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_indexes.update({
                Index(t, (t.content, Index.Equality())),
                Index(t,
                    (t.visitor, Index.Equality()),
                    (t.received_at, Index.Range())),
                Index(t,
                    (t.state, Index.Equality(cardinality='low')),
                    where=t.state.in_(['new', 'working'])),
                })
        cls._order = [('received_at', 'DESC'), ('id', 'DESC')]
        cls._transitions |= set((
                ('new', 'working'),
                ('new', 'converted'),
                ('new', 'rejected'),
                ('working', 'converted'),
                ('working', 'rejected'),
                ('rejected', 'working'),
                ))
        cls._buttons.update({
                name: {
                    'invisible': ~Eval('state').in_(states),
                    'icon': icon,
                    'depends': ['state'],
                    } for name, states, icon in [
                        ('work', ['new', 'rejected'], 'tryton-forward'),
                        ('convert_wizard', ['new', 'working'], 'tryton-ok'),
                        ('reject', ['new', 'working'], 'tryton-cancel'),
                        ]})

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_employee(cls):
        return Transaction().context.get('employee')

    @classmethod
    def default_received_at(cls):
        return dt.datetime.now()

    @classmethod
    def default_repeated(cls):
        return 0

    @classmethod
    def default_state(cls):
        return 'new'

    def get_rec_name(self, name):
        return (self.name or self.company_name or self.email or self.phone
            or f'[{self.id}]')

    @classmethod
    def search_rec_name(cls, name, clause):
        _, operator, operand, *extra = clause
        if operator.startswith('!') or operator.startswith('not '):
            bool_op = 'AND'
        else:
            bool_op = 'OR'
        return [bool_op] + [
            (field, operator, operand, *extra)
            for field in ['name', 'company_name', 'email', 'phone']]

    def get_duplicate(self, name):
        Party = Pool().get('party.party')
        if self.state not in {'new', 'working'}:
            return None
        if found := self.find_duplicates():
            return Party.describe_duplicates(self.rec_name, found)

    def find_duplicates(self):
        "Return what parties the lead probably is, see search_duplicates"
        pool = Pool()
        Mechanism = pool.get('party.contact_mechanism')
        Party = pool.get('party.party')
        phone = Mechanism(party=None).format_value_compact(
            self.phone, 'phone') if self.phone else None
        return Party.search_duplicates(
            name=self.company_name or self.name,
            emails=[self.email.lower()] if self.email else [],
            phones=[phone] if phone else [])

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('state') == 'rejected', 'muted',
                    If(Eval('state') == 'converted', 'success',
                        If(Eval('state') == 'new', 'warning', '')))),
            ]

    @classmethod
    @ModelView.button
    @Workflow.transition('working')
    def work(cls, leads):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('rejected')
    def reject(cls, leads):
        pass

    @classmethod
    @Workflow.transition('converted')
    def convert(cls, leads):
        pass

    @classmethod
    @ModelView.button_action('crm_party.wizard_lead_convert')
    def convert_wizard(cls, leads):
        pass

    def get_party_values(self):
        "Return the values of the party that the lead becomes"
        pool = Pool()
        Mechanism = pool.get('party.contact_mechanism')
        mechanisms = []
        # What can't be an address or a number is kept as it was written
        if self.email:
            mechanisms.append({
                    'type': 'email' if is_email(self.email) else 'other',
                    'value': self.email,
                    })
        if self.phone:
            valid = Mechanism(party=None)._parse_phonenumber(self.phone)
            mechanisms.append({
                    'type': 'phone' if valid else 'other',
                    'value': self.phone,
                    })
        return {
            'name': self.company_name or self.name,
            'crm_kind': 'organisation' if self.company_name else 'person',
            'contact_mechanisms': [('create', mechanisms)],
            'addresses': [('create', [{}])],
            'crm_profiles': [('create', [{
                            'company': self.company.id,
                            'manager': (
                                self.employee.id if self.employee else None),
                            'source': (
                                self.source.id if self.source else None),
                            }])],
            }


del _states


class LeadConvertStart(ModelView):
    __name__ = 'crm.lead.convert.start'
    __string__ = "Convert Lead"

    known = fields.Char(
        "Known", readonly=True,
        states={
            'invisible': ~Eval('known'),
            })
    party = fields.Many2One(
        'party.party', "Party",
        help="The party the lead is.\n"
        "Leave empty to create one.")
    type = fields.Many2One(
        'crm.activity.type', "Next Step",
        help="The activity planned for the party.")
    date = fields.Date(
        "Date",
        states={
            'required': Eval('type', -1) >= 0,
            'invisible': ~Eval('type'),
            })

    @classmethod
    def default_date(cls):
        return Pool().get('ir.date').today()


class LeadConvert(Wizard):
    __name__ = 'crm.lead.convert'

    start = StateView('crm.lead.convert.start',
        'crm_party.lead_convert_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Convert", 'convert', 'tryton-ok', default=True),
            ])
    convert = StateAction('party.act_party_form')

    def default_start(self, field_names):
        return {'known': self.record.duplicate}

    def do_convert(self, action):
        Lead = Pool().get('crm.lead')
        lead = self.record
        if (lead.state, 'converted') not in Lead._transitions:
            raise LeadConversionError(gettext(
                    'crm_party.msg_lead_convert_closed',
                    lead=lead.rec_name))
        party = self.start.party or self._create_party(lead)
        lead.party = party
        lead.save()
        Lead.convert([lead])
        self._plan(lead, party)
        action['views'].reverse()
        return action, {'res_id': [party.id]}

    def _create_party(self, lead):
        Party = Pool().get('party.party')
        if not lead.company_name and not lead.name:
            raise LeadConversionError(gettext(
                    'crm_party.msg_lead_convert_name',
                    lead=lead.rec_name))
        with check_access():
            party, = Party.create([lead.get_party_values()])
        return party

    def _plan(self, lead, party):
        Activity = Pool().get('crm.activity')
        if not self.start.type:
            return
        with check_access():
            Activity.create([{
                        'company': lead.company.id,
                        'type': self.start.type.id,
                        'party': party.id,
                        'employee': (
                            lead.employee.id if lead.employee
                            else Transaction().context.get('employee')),
                        'date': self.start.date,
                        'subject': self.start.type.default_subject,
                        'description': lead.message,
                        'reason': gettext(
                            'crm_party.msg_activity_reason_lead'),
                        }])


class Timeline(metaclass=PoolMeta):
    __name__ = 'crm.timeline'

    @classmethod
    def _get_kinds(cls):
        return super()._get_kinds() + [('lead', 'crm.lead')]

    @classmethod
    def _get_resources(cls):
        return super()._get_resources() + [('crm.lead', 'party', 'company')]

    @classmethod
    def _timeline_lead(cls):
        Lead = Pool().get('crm.lead')
        table = Lead.__table__()
        return [table.select(
                table.id.as_('id'),
                table.party.as_('party'),
                table.company.as_('company'),
                cls.date.sql_cast(table.received_at).as_('date'),
                table.received_at.as_('at'),
                cls.shorten(
                    Coalesce(table.message, table.name)).as_('summary'),
                table.employee.as_('employee'),
                table.state.as_('status'),
                where=(table.party != Null) & cls._readable(table, Lead))]
