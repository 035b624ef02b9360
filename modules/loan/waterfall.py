# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.i18n import gettext
from trytond.model import (
    DeactivableMixin, ModelSQL, ModelView, Unique, fields, sequence_ordered)

from . import engine
from .exceptions import WaterfallError


class Waterfall(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'loan.waterfall'

    name = fields.Char("Name", required=True, translate=True)
    direction = fields.Selection(
        list(engine.DIRECTIONS.items()), "Direction", required=True,
        sort=False,
        help="Whether an instalment is settled before the next one, or a "
        "component in all instalments before the next component.")
    future = fields.Selection(
        list(engine.FUTURES.items()), "Money in Advance", required=True,
        sort=False,
        help="Which of the instalments that are not due yet receive what is "
        "left of a payment.")
    lines = fields.One2Many(
        'loan.waterfall.line', 'waterfall', "Order",
        help="What is not in the list is not paid.")

    @classmethod
    def default_direction(cls):
        return 'horizontal'

    @classmethod
    def default_future(cls):
        return 'next'

    @property
    def order(self):
        "The pairs (timing, component) of the engine"
        if not self.lines:
            raise WaterfallError(gettext(
                    'loan.msg_waterfall_empty', waterfall=self.rec_name))
        return [(line.timing, line.component) for line in self.lines]


class WaterfallLine(sequence_ordered(), ModelSQL, ModelView):
    __name__ = 'loan.waterfall.line'

    waterfall = fields.Many2One(
        'loan.waterfall', "Waterfall", required=True, ondelete='CASCADE')
    timing = fields.Selection(
        list(engine.TIMINGS.items()), "Timing", required=True, sort=False)
    component = fields.Selection(
        list(engine.COMPONENTS.items()), "Component", required=True,
        sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('waterfall')
        t = cls.__table__()
        cls._sql_constraints += [
            ('pair_unique', Unique(t, t.waterfall, t.timing, t.component),
                'loan.msg_waterfall_pair_unique'),
            ]
