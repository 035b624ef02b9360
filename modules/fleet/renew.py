# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt

from trytond.i18n import gettext
from trytond.model import ModelView, fields
from trytond.pool import Pool
from trytond.pyson import Eval
from trytond.transaction import check_access
from trytond.wizard import Button, StateAction, StateView, Wizard

from .exceptions import StateError


class DocumentRenewStart(ModelView):
    __name__ = 'fleet.document.renew.start'

    document = fields.Many2One('fleet.document', "Document", readonly=True)
    number = fields.Char("Number")
    issuer = fields.Char("Issuer")
    issued_on = fields.Date("Issued On")
    valid_from = fields.Date("Valid From", required=True)
    valid_to = fields.Date(
        "Valid To", domain=['OR',
            ('valid_to', '=', None),
            ('valid_to', '>=', Eval('valid_from')),
            ],
        help="Proposed from the usual validity of the type.")

    @fields.depends('document', '_parent_document.type', 'valid_from')
    def on_change_valid_from(self):
        if self.document and self.valid_from:
            self.valid_to = self.document.type.end_of_validity(
                self.valid_from)


class DocumentRenew(Wizard):
    __name__ = 'fleet.document.renew'

    start = StateView(
        'fleet.document.renew.start', 'fleet.document_renew_start_view_form',
        [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Renew", 'renew', 'tryton-ok', default=True),
            ])
    renew = StateAction('fleet.act_document_form')

    def default_start(self, fields):
        document = self.record
        today = Pool().get('ir.date').today()
        valid_from = today
        if document.valid_to:
            valid_from = max(document.valid_to + dt.timedelta(days=1), today)
        return {
            'document': document.id,
            'number': document.number,
            'issuer': document.issuer,
            'issued_on': today,
            'valid_from': valid_from,
            'valid_to': document.type.end_of_validity(valid_from),
            }

    def do_renew(self, action):
        Document = Pool().get('fleet.document')
        with check_access():
            document = Document(self.record.id)
            if document.replaced_by:
                raise StateError(gettext(
                        'fleet.msg_document_renewed',
                        document=document.rec_name))
            new = Document(
                company=document.company, type=document.type,
                vehicle=document.vehicle, driver=document.driver,
                responsible=document.responsible)
            for name in [
                    'number', 'issuer', 'issued_on', 'valid_from',
                    'valid_to']:
                setattr(new, name, getattr(self.start, name))
            new.save()
            document.replaced_by = new
            document.save()
        action['views'].reverse()
        return action, {'res_id': [new.id]}
