# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from sql import Literal
from sql.aggregate import Max
from sql.conditionals import Coalesce

from trytond.i18n import gettext
from trytond.model import fields
from trytond.pool import Pool, PoolMeta
from trytond.transaction import Transaction, check_access
from trytond.wizard import StateAction, Wizard

from .exceptions import CoverRequestError


class Cover(metaclass=PoolMeta):
    __name__ = 'stock.cover'

    target = fields.Function(
        fields.Float(
            "To Order", digits='unit',
            help="What brings the forecast up to the target of the order "
            "point, or to the consumption until new goods arrive and for "
            "the weeks looked at after."),
        'get_target')

    @classmethod
    def get_target(cls, covers, name):
        points = cls._points(covers)
        return {
            c.id: c.to_order(points.get((c.product.id, c.warehouse.id)))
            for c in covers}

    def to_order(self, point):
        "Return the quantity to order, nothing when there is enough"
        if point:
            wanted = point.target_quantity
            if self.forecast_quantity >= point.min_quantity:
                return 0.
        else:
            Context = Pool().get('stock.cover.context')
            days = self.lead_days + 7 * Context.value('cover_weeks')
            wanted = max(self.daily_consumption, 0) * days
            if self.level not in {'out', 'running_out'}:
                return 0.
        return max(
            self.unit.ceil(wanted - self.forecast_quantity), 0.)

    @classmethod
    def _points(cls, covers):
        "Return {(id of product, id of warehouse): order point}"
        OrderPoint = Pool().get('stock.order_point')
        points = OrderPoint.search([
                ('type', '=', 'purchase'),
                ('company', '=', Transaction().context.get('company')),
                ('product', 'in', [c.product.id for c in covers]),
                ])
        return {(p.product.id, p.location.id): p for p in points}

    @classmethod
    def _order_points(cls):
        OrderPoint = Pool().get('stock.order_point')
        point = OrderPoint.__table__()
        return point.select(
            point.product, point.location,
            Max(Coalesce(point.min_quantity, 0)).as_('minimum'),
            where=(point.type == 'purchase')
            & (point.company == Transaction().context.get('company', -1)),
            group_by=[point.product, point.location])

    @classmethod
    def _flows(cls):
        yield from super()._flows()
        # What has an order point is listed even if it never moved
        point = cls._order_points()
        place = cls._places()
        yield point.join(place,
            condition=(place.location == point.location)
            & (place.warehouse == point.location)
            ).select(
                point.product.as_('product'),
                point.location.as_('warehouse'),
                Literal(None).as_('week'),
                Literal(0).as_('quantity'),
                Literal(0).as_('forecast_quantity'),
                Literal(0).as_('consumption'),
                Literal(None).as_('date'))

    @classmethod
    def _joins(cls, from_item, total):
        from_item, _, lead_days = super()._joins(from_item, total)
        point = cls._order_points()
        from_item = from_item.join(point, 'LEFT',
            condition=(point.product == total.product)
            & (point.location == total.warehouse))
        return from_item, point.minimum, lead_days

    @classmethod
    def request(cls, covers):
        """Make the purchase requests of covers and return them.

        What is already requested is not requested again.
        """
        pool = Pool()
        Date = pool.get('ir.date')
        Request = pool.get('purchase.request')
        points = cls._points(covers)
        open_ = {
            (r.product, r.warehouse) for r in Request.search([
                    ['OR',
                        ('state', '=', 'draft'),
                        # Not yet in the forecast
                        ('purchase.state', 'in', [
                                'draft', 'quotation', 'confirmed']),
                        ],
                    ('company', '=', Transaction().context.get('company')),
                    ('product', 'in', [c.product.id for c in covers]),
                    ])}
        requests = []
        for cover in covers:
            if (cover.target
                    and cover.product.purchasable
                    and (cover.product, cover.warehouse) not in open_):
                request = Request.compute_request(
                    cover.product, cover.warehouse.id, Date.today(),
                    -cover.target, cover.company)
                point = points.get((cover.product.id, cover.warehouse.id))
                if point:
                    request.origin = point
                elif cover.forecast_quantity >= 0:
                    # The supply of core removes those of its own that it
                    # does not find wanting
                    request.origin = None
                request.stock_level = cover.forecast_quantity
                requests.append(request)
        Request.save(requests)
        return requests


class CoverRequest(Wizard):
    __name__ = 'stock.cover.request'
    start_state = 'open_'

    open_ = StateAction('purchase_request.act_purchase_request_form')

    def do_open_(self, action):
        with check_access():
            requests = self.model.request(self.records)
        if not requests:
            raise CoverRequestError(gettext(
                    'stock_ext.msg_cover_request_none'))
        return action, {'res_id': [r.id for r in requests]}
