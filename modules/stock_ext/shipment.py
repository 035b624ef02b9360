# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt

from trytond.i18n import gettext
from trytond.model import ModelView, Workflow, fields
from trytond.model.exceptions import AccessError
from trytond.modules.company.model import employee_field, reset_employee
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Bool, Eval
from trytond.transaction import Transaction

from .exceptions import ApprovalError, BasisError

_APPROVED = {'approved_by', 'approved_at'}
_WHAT_IS_APPROVED = {
    'basis', 'basis_text', 'from_location', 'to_location', 'company'}
_KEPT = {'basis', 'basis_text', 'requested_by'}


class ShipmentInternal(metaclass=PoolMeta):
    __name__ = 'stock.shipment.internal'

    _states = {
        'readonly': ~Eval('state').in_(['request', 'draft']),
        }

    basis = fields.Many2One(
        'stock.basis', "Basis", ondelete='RESTRICT', states=_states,
        help="Why the goods move.")
    basis_kind = fields.Function(
        fields.Char("Kind of Basis"), 'on_change_with_basis_kind')
    basis_text = fields.Char(
        "Document or Reason",
        states={
            'readonly': _states['readonly'],
            'required': Bool(Eval('needs_document')),
            },
        help="The number and date of the document, "
        "or the reason in plain words.")
    needs_document = fields.Function(
        fields.Boolean("Needs Document"), 'on_change_with_needs_document')
    requested_by = fields.Many2One(
        'company.employee', "Requested By", ondelete='RESTRICT',
        domain=[('company', '=', Eval('company', -1))],
        states=_states,
        help="Who asked for the goods.")
    needs_approval = fields.Function(
        fields.Boolean("Needs Approval"),
        'on_change_with_needs_approval', searcher='search_needs_approval')
    approved_by = employee_field(
        "Approved By", states=[
            'request', 'draft', 'waiting', 'assigned', 'packed', 'shipped',
            'done', 'cancelled'])
    approved_at = fields.DateTime("Approved At", readonly=True)

    del _states

    @classmethod
    def __setup__(cls):
        super().__setup__()
        approvable = Eval('state').in_(['waiting', 'assigned', 'packed'])
        cls._buttons.update({
                'approve': {
                    'invisible': (
                        ~Eval('needs_approval') | Bool(Eval('approved_at'))
                        | ~approvable),
                    'icon': 'tryton-ok',
                    'depends': ['needs_approval', 'approved_at', 'state'],
                    },
                })

    @fields.depends('basis', 'from_location', 'to_location')
    def on_change_basis(self):
        if self.basis:
            if not self.from_location:
                self.from_location = self.basis.from_location
            if not self.to_location:
                self.to_location = self.basis.to_location

    @fields.depends('basis')
    def on_change_with_basis_kind(self, name=None):
        return self.basis.kind if self.basis else None

    @fields.depends('basis')
    def on_change_with_needs_document(self, name=None):
        return bool(self.basis and self.basis.needs_document)

    @fields.depends('basis')
    def on_change_with_needs_approval(self, name=None):
        return bool(self.basis and self.basis.needs_approval)

    @classmethod
    def search_needs_approval(cls, name, clause):
        _, operator, operand, *extra = clause
        return [('basis.needs_approval', operator, operand, *extra)]

    @classmethod
    def validate_fields(cls, shipments, field_names):
        super().validate_fields(shipments, field_names)
        cls.check_basis(shipments, field_names)

    @classmethod
    def check_basis(cls, shipments, field_names=None):
        "Check that the locations are those of the kind of basis"
        if field_names and not field_names & {
                'basis', 'from_location', 'to_location'}:
            return
        for shipment in shipments:
            if shipment.basis and not shipment.basis.allows(
                    shipment.from_location, shipment.to_location):
                raise BasisError(gettext(
                        'stock_ext.msg_basis_locations',
                        shipment=shipment.rec_name,
                        basis=shipment.basis.rec_name,
                        kind=shipment.basis.kind_string,
                        from_location=shipment.from_location.rec_name,
                        to_location=shipment.to_location.rec_name))

    @classmethod
    def check_modification(
            cls, mode, shipments, values=None, external=False):
        super().check_modification(
            mode, shipments, values=values, external=external)
        if not external:
            return
        if mode == 'create':
            forged = [s for s in shipments if s.approved_at or s.approved_by]
            changed = []
        elif mode == 'write':
            forged = shipments if _APPROVED & values.keys() else []
            changed = shipments if _WHAT_IS_APPROVED & values.keys() else []
            if _KEPT & values.keys():
                cls.check_draft(shipments)
        else:
            return
        if forged:
            raise AccessError(gettext(
                    'stock_ext.msg_shipment_approve_button',
                    shipment=forged[0].rec_name))
        cls.check_not_approved(changed)

    @classmethod
    def check_not_approved(cls, shipments):
        "Check that what has been approved stays as it is"
        for shipment in shipments:
            if shipment.approved_at:
                raise AccessError(gettext(
                        'stock_ext.msg_shipment_approved',
                        shipment=shipment.rec_name))

    @classmethod
    def check_draft(cls, shipments):
        "Check that the basis may still be changed"
        for shipment in shipments:
            if shipment.state not in {'request', 'draft'}:
                raise AccessError(gettext(
                        'stock_ext.msg_shipment_basis_kept',
                        shipment=shipment.rec_name))

    @classmethod
    def copy(cls, shipments, default=None):
        default = default.copy() if default is not None else {}
        default.setdefault('approved_by')
        default.setdefault('approved_at')
        return super().copy(shipments, default=default)

    @classmethod
    @ModelView.button
    @Workflow.transition('draft')
    @reset_employee('approved_by', 'approved_at')
    def draft(cls, shipments):
        super().draft(shipments)

    @classmethod
    @ModelView.button
    @Workflow.transition('waiting')
    def wait(cls, shipments, moves=None):
        new = [s for s in shipments if s.state == 'draft']
        super().wait(shipments, moves=moves)
        cls.notify_approvers([s for s in new if s.waits_for_approval])

    @classmethod
    def notify_approvers(cls, shipments):
        "Tell those who may approve, each by one notice with all shipments"
        pool = Pool()
        ModelData = pool.get('ir.model.data')
        User = pool.get('res.user')
        group = ModelData.get_id('stock_ext', 'group_stock_approval')
        companies = {s.company for s in shipments}
        for user in User.search([
                    ('groups', '=', group),
                    ('companies', 'in', [c.id for c in companies]),
                    ]):
            records = [s for s in shipments if s.company in user.companies]
            cls.notify_user(
                records, 'tryton-info',
                gettext('stock_ext.msg_shipment_to_approve',
                    number=len(records)),
                ', '.join(
                    f'{s.rec_name} ({s.basis.rec_name})'
                    for s in records[:3]),
                user=user)

    @classmethod
    @ModelView.button
    def approve(cls, shipments):
        employee = Pool().get('res.user')(Transaction().user).employee
        for shipment in shipments:
            if not employee or employee.company != shipment.company:
                raise ApprovalError(gettext(
                        'stock_ext.msg_shipment_approve_employee',
                        shipment=shipment.rec_name,
                        company=shipment.company.rec_name))
        if shipments:
            cls.write(shipments, {
                    'approved_by': employee.id,
                    'approved_at': dt.datetime.now(),
                    })

    @classmethod
    @ModelView.button
    def ship(cls, shipments):
        cls.check_approved(shipments)
        super().ship(shipments)

    @classmethod
    @ModelView.button
    def do(cls, shipments):
        cls.check_approved(shipments)
        super().do(shipments)

    @property
    def waits_for_approval(self):
        return self.needs_approval and not self.approved_at

    @classmethod
    def check_approved(cls, shipments):
        for shipment in shipments:
            if shipment.waits_for_approval:
                raise ApprovalError(gettext(
                        'stock_ext.msg_shipment_not_approved',
                        shipment=shipment.rec_name,
                        basis=shipment.basis.rec_name))
