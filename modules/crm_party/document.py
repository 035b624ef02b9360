# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.i18n import gettext
from trytond.model import ModelView, fields
from trytond.pool import Pool
from trytond.pyson import Eval
from trytond.transaction import Transaction, check_access
from trytond.wizard import Button, StateAction, StateView, Wizard

from .exceptions import DocumentError


class DocumentHistoryStart(ModelView):
    __name__ = 'crm.document.history.start'
    __string__ = "Document to History"

    model = fields.Char("Model", readonly=True)
    report = fields.Many2One(
        'ir.action.report', "Document", required=True,
        domain=[
            ('model', '=', Eval('model')),
            ],
        help="What is printed and attached.")
    type = fields.Many2One(
        'crm.activity.type', "Type", required=True,
        domain=[
            ('require_result', '=', False),
            ],
        help="The activity that tells of the document.")
    subject = fields.Char(
        "Subject", help="Leave empty for the name of the document.")
    note = fields.Text("Note")

    @classmethod
    def default_model(cls):
        return Transaction().context.get('active_model')

    @classmethod
    def default_type(cls):
        Type = Pool().get('crm.activity.type')
        types = Type.search([
                ('channel', '=', 'document'),
                ('require_result', '=', False),
                ], limit=1)
        return types[0].id if types else None


class DocumentHistory(Wizard):
    """Print a document of each record, keep it in the history of its party

    The file becomes an attachment of the record, and a done activity of the
    party tells of it.
    """
    __name__ = 'crm.document.history'

    start = StateView('crm.document.history.start',
        'crm_party.document_history_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Keep", 'keep', 'tryton-ok', default=True),
            ])
    keep = StateAction('crm_party.act_activity_form')

    def do_keep(self, action):
        pool = Pool()
        Activity = pool.get('crm.activity')
        Attachment = pool.get('ir.attachment')
        records = list(self.records)
        with check_access():
            parties = [self._get_party(r) for r in records]
            documents = [self._print(r) for r in records]
            Attachment.create([{
                        'resource': str(record),
                        'name': name,
                        'data': data,
                        } for record, (name, data) in zip(
                        records, documents)])
            activities = Activity.create([
                    self._get_activity(record, party, name)
                    for record, party, (name, _) in zip(
                        records, parties, documents)])
        Activity.do(activities)
        return action, {'res_id': [a.id for a in activities]}

    def _get_party(self, record):
        "Return the party in whose history the document of record goes"
        Party = Pool().get('party.party')
        if isinstance(record, Party):
            return record
        for name in ['party', 'customer', 'supplier']:
            if party := getattr(record, name, None):
                return party
        raise DocumentError(gettext(
                'crm_party.msg_document_no_party',
                record=record.rec_name))

    def _print(self, record):
        "Return the name and the content of the file"
        report = self.start.report
        Report = Pool().get(report.report_name, type='report')
        extension, content, _, name = Report.execute([record.id], {
                'model': record.__name__,
                'id': record.id,
                'ids': [record.id],
                'action_id': report.id,
                })
        if isinstance(content, str):
            content = content.encode()
        return f'{name}.{extension}', content

    def _get_activity(self, record, party, name):
        Activity = Pool().get('crm.activity')
        context = Transaction().context
        company = getattr(record, 'company', None)
        origin = None
        if record.__name__ in Activity._get_origin():
            origin = str(record)
        return {
            'company': company.id if company else context.get('company'),
            'type': self.start.type.id,
            'subject': self.start.subject or self.start.report.name,
            'party': party.id,
            'employee': context.get('employee'),
            'date': Pool().get('ir.date').today(),
            'origin': origin,
            'description': name,
            'note': self.start.note,
            }
