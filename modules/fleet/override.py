# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.i18n import gettext
from trytond.model import ModelSQL, ModelView, fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval
from trytond.transaction import Transaction
from trytond.wizard import Button, StateTransition, StateView, Wizard

from .exceptions import StateError


class TripOverride(ModelSQL, ModelView):
    __name__ = 'fleet.trip.override'

    trip = fields.Many2One(
        'fleet.trip', "Trip", required=True, ondelete='RESTRICT')
    vehicle = fields.Many2One(
        'fleet.vehicle', "Vehicle", ondelete='RESTRICT')
    driver = fields.Many2One('fleet.driver', "Driver", ondelete='RESTRICT')
    type = fields.Many2One(
        'fleet.document.type', "Document Type", required=True,
        ondelete='RESTRICT')
    document = fields.Many2One(
        'fleet.document', "Document", ondelete='RESTRICT',
        help="The one that ends too early, empty if there is none.")
    reason = fields.Text("Reason", required=True)
    user = fields.Many2One(
        'res.user', "User", required=True, ondelete='RESTRICT',
        help="Who takes the responsibility.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('id', 'DESC')]

    def get_rec_name(self, name):
        owner = self.vehicle or self.driver
        return f'{self.type.rec_name} [{owner.rec_name}]'

    @classmethod
    def check_modification(cls, mode, overrides, values=None, external=False):
        super().check_modification(
            mode, overrides, values=values, external=external)
        if mode in {'write', 'delete'}:
            for override in overrides:
                raise StateError(gettext(
                        'fleet.msg_override_kept',
                        override=override.rec_name,
                        trip=override.trip.rec_name))


class Trip(metaclass=PoolMeta):
    __name__ = 'fleet.trip'

    overrides = fields.One2Many(
        'fleet.trip.override', 'trip', "Overrides", readonly=True,
        help="Papers that somebody let pass with a reason.")

    @classmethod
    def _setup_buttons(cls):
        super()._setup_buttons()
        cls._buttons.update({
                'override_documents': {
                    'invisible': ~Eval('state').in_(['draft', 'planned']),
                    'icon': 'tryton-warning',
                    'depends': ['state'],
                    },
                })

    @classmethod
    @ModelView.button_action('fleet.wizard_trip_override')
    def override_documents(cls, trips):
        pass

    def _document_problems(self, problems):
        passed = {
            (o.vehicle or o.driver, o.type, o.document)
            for o in self.overrides}
        return [
            p for p in super()._document_problems(problems)
            if p not in passed]

    @classmethod
    def copy(cls, trips, default=None):
        default = default.copy() if default else {}
        default.setdefault('overrides')
        return super().copy(trips, default=default)


class TripOverrideStart(ModelView):
    __name__ = 'fleet.trip.override.start'

    problems = fields.Text("Problems", readonly=True)
    reason = fields.Text(
        "Reason", required=True,
        help="It is kept with your name on the trip.")


class TripOverrideWizard(Wizard):
    __name__ = 'fleet.trip.override'

    start = StateView(
        'fleet.trip.override.start', 'fleet.trip_override_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Let Pass", 'override', 'tryton-warning', default=True),
            ])
    override = StateTransition()

    def _problems(self):
        return self.model.document_problems([self.record])[self.record]

    def default_start(self, fields):
        problems = self._problems()
        if not problems:
            raise StateError(gettext(
                    'fleet.msg_override_nothing', trip=self.record.rec_name))
        return {
            'problems': '\n'.join(
                self.record._describe_documents(problems)),
            }

    def transition_override(self):
        Override = Pool().get('fleet.trip.override')
        Override.create([{
                    'trip': self.record.id,
                    owner.__name__.split('.')[-1]: owner.id,
                    'type': type_.id,
                    'document': document.id if document else None,
                    'reason': self.start.reason,
                    'user': Transaction().user,
                    } for owner, type_, document in self._problems()])
        return 'end'
