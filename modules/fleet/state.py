# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.i18n import gettext
from trytond.model import Workflow

from .exceptions import StateError


class ButtonStateMixin(Workflow):
    """Records whose state clients change by buttons only.

    Buttons enter costs, bookings and the like with the state; a client that
    writes it would leave them out.
    """
    __slots__ = ()
    _created_in_any_state = False

    @classmethod
    def check_modification(cls, mode, records, values=None, external=False):
        super().check_modification(
            mode, records, values=values, external=external)
        if not external:
            return
        name = cls._transition_state
        for record in records:
            if mode == 'write' and name in values or (
                    mode == 'create' and not cls._created_in_any_state
                    and getattr(record, name) != cls.default_state()):
                raise StateError(gettext(
                        'fleet.msg_state_by_button', record=record.rec_name))
