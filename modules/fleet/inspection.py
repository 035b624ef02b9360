# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.i18n import gettext
from trytond.model import (
    DeactivableMixin, Index, ModelSQL, ModelView, Workflow, fields,
    sequence_ordered)
from trytond.pool import Pool
from trytond.pyson import Bool, Eval, If
from trytond.transaction import Transaction, without_check_access

from .exceptions import StateError
from .state import ButtonStateMixin
from .tools import format_datetime, now

_draft = {
    'readonly': Eval('state') != 'draft',
    }


class InspectionTemplate(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'fleet.inspection.template'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='CASCADE')
    name = fields.Char("Name", required=True)
    items = fields.Text(
        "Items", required=True,
        help="What is looked at, one on each line. What begins with ! keeps "
        "the vehicle from driving if it fails.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('name', 'ASC'))

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @property
    def item_names(self):
        "The (name, whether it is blocking) of the items"
        lines = filter(None, map(str.strip, self.items.splitlines()))
        return [
            (line.lstrip('! '), line.startswith('!')) for line in lines]


class Inspection(ButtonStateMixin, ModelSQL, ModelView):
    __name__ = 'fleet.inspection'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT',
        states=_draft)
    vehicle = fields.Many2One(
        'fleet.vehicle', "Vehicle", required=True, ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ], states=_draft)
    at = fields.DateTime("At", required=True, states=_draft)
    driver = fields.Many2One(
        'fleet.driver', "Driver", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ], states=_draft)
    kind = fields.Selection([
            ('out', "Before the Trip"),
            ('in', "After the Trip"),
            ('other', "Other"),
            ], "Kind", required=True, sort=False, states=_draft)
    template = fields.Many2One(
        'fleet.inspection.template', "Template", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ], states=_draft, help="Brings in what to look at.")
    lines = fields.One2Many(
        'fleet.inspection.line', 'inspection', "Lines", states=_draft)
    result = fields.Function(fields.Selection([
                (None, ""),
                ('ok', "In Order"),
                ('fail', "Failed"),
                ], "Result", sort=False), 'on_change_with_result')
    state = fields.Selection([
            ('draft', "Draft"),
            ('done', "Done"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_indexes.add(Index(
                t, (t.vehicle, Index.Equality()), (t.at, Index.Range())))
        cls._order = [('at', 'DESC'), ('id', 'DESC')]
        cls._transitions |= {('draft', 'done')}
        cls._buttons.update({
                'do': {
                    'invisible': Eval('state') != 'draft',
                    'icon': 'tryton-ok',
                    'depends': ['state'],
                    },
                })

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_at(cls):
        return now()

    @classmethod
    def default_kind(cls):
        return 'out'

    @classmethod
    def default_state(cls):
        return 'draft'

    @fields.depends('template', 'lines')
    def on_change_template(self):
        Line = Pool().get('fleet.inspection.line')
        if self.template:
            known = {line.name for line in self.lines or []}
            self.lines = [*(self.lines or []), *(
                    Line(name=name, blocking=blocking, result='ok')
                    for name, blocking in self.template.item_names
                    if name not in known)]

    @fields.depends('lines')
    def on_change_with_result(self, name=None):
        results = {line.result for line in self.lines or []}
        if results:
            return 'fail' if 'fail' in results else 'ok'

    def get_rec_name(self, name):
        return '%s %s' % (
            self.vehicle.rec_name, format_datetime(self.company, self.at))

    @classmethod
    def check_modification(
            cls, mode, inspections, values=None, external=False):
        super().check_modification(
            mode, inspections, values=values, external=external)
        for inspection in inspections:
            if (mode == 'delete' or external and mode == 'write') and (
                    inspection.state == 'done'):
                raise StateError(gettext(
                        'fleet.msg_inspection_kept',
                        inspection=inspection.rec_name))

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Eval('result') == 'fail', 'danger',
                    If(Eval('result') == 'ok', 'success', ''))),
            ]

    @classmethod
    @ModelView.button
    @Workflow.transition('done')
    @without_check_access
    def do(cls, inspections):
        "Report what failed as faults"
        Fault = Pool().get('fleet.fault')
        Fault.create([{
                    'company': i.company.id,
                    'vehicle': i.vehicle.id,
                    'driver': i.driver.id if i.driver else None,
                    'at': i.at,
                    'description': '\n'.join(filter(None, [
                                line.name, line.note])),
                    'blocking': line.blocking,
                    } for i in cls.browse(inspections) for line in i.lines
                if line.result == 'fail'])


class InspectionLine(sequence_ordered(), ModelSQL, ModelView):
    __name__ = 'fleet.inspection.line'

    inspection = fields.Many2One(
        'fleet.inspection', "Inspection", required=True, ondelete='CASCADE')
    name = fields.Char("Item", required=True)
    result = fields.Selection([
            ('ok', "In Order"),
            ('fail', "Failed"),
            ('none', "Not There"),
            ], "Result", required=True, sort=False)
    blocking = fields.Boolean(
        "Must Not Drive", help="If it fails.")
    note = fields.Char(
        "Note", states={
            'required': Bool(Eval('blocking')) & (Eval('result') == 'fail'),
            })

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('inspection')

    @classmethod
    def default_result(cls):
        return 'ok'

    @classmethod
    def check_modification(cls, mode, lines, values=None, external=False):
        super().check_modification(
            mode, lines, values=values, external=external)
        for line in lines:
            if external and line.inspection.state == 'done':
                raise StateError(gettext(
                        'fleet.msg_inspection_kept',
                        inspection=line.inspection.rec_name))
