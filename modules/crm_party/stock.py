# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from sql.conditionals import Coalesce
from sql.operators import Concat

from trytond.pool import Pool, PoolMeta

# The kinds of shipments and the field of each that tells the party
_SHIPMENTS = {
    'shipment_out': ('stock.shipment.out', 'customer'),
    'shipment_out_return': ('stock.shipment.out.return', 'customer'),
    'shipment_in': ('stock.shipment.in', 'supplier'),
    }


class Activity(metaclass=PoolMeta):
    __name__ = 'crm.activity'

    @classmethod
    def _get_origin(cls):
        return super()._get_origin() + [m for m, _ in _SHIPMENTS.values()]


class Timeline(metaclass=PoolMeta):
    __name__ = 'crm.timeline'

    @classmethod
    def _get_kinds(cls):
        return super()._get_kinds() + [
            (kind, model) for kind, (model, _) in _SHIPMENTS.items()]

    @classmethod
    def _get_resources(cls):
        return super()._get_resources() + [
            (model, party, 'company') for model, party in _SHIPMENTS.values()]

    @classmethod
    def _timeline_shipment_out(cls):
        return cls._shipment_queries('shipment_out')

    @classmethod
    def _timeline_shipment_out_return(cls):
        return cls._shipment_queries('shipment_out_return')

    @classmethod
    def _timeline_shipment_in(cls):
        return cls._shipment_queries('shipment_in')

    @classmethod
    def _shipment_queries(cls, kind):
        model, party = _SHIPMENTS[kind]
        Shipment = Pool().get(model)
        table = Shipment.__table__()
        return [table.select(
                table.id.as_('id'),
                getattr(table, party).as_('party'),
                table.company.as_('company'),
                Coalesce(
                    table.effective_date, table.planned_date,
                    cls.date.sql_cast(table.create_date)).as_('date'),
                Concat(
                    Coalesce(table.number, ''),
                    Coalesce(Concat(' ', table.reference), '')
                    ).as_('summary'),
                table.done_by.as_('employee'),
                table.state.as_('status'),
                where=cls._readable(table, Shipment))]
