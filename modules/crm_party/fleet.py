# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from sql import Null
from sql.aggregate import Min
from sql.conditionals import Coalesce
from sql.operators import Concat

from caravan.days import local_day
from trytond.pool import Pool, PoolMeta

# The states from which on the customer has ordered
_ORDERED = ['confirmed', 'in_transit', 'delivered', 'invoiced']
_DONE = ['done', 'closed']


class Activity(metaclass=PoolMeta):
    __name__ = 'crm.activity'

    @classmethod
    def _get_origin(cls):
        return super()._get_origin() + ['fleet.order', 'fleet.trip']


class Profile(metaclass=PoolMeta):
    __name__ = 'crm.profile'

    @classmethod
    def _contact_queries(cls):
        Order = Pool().get('fleet.order')
        table = Order.__table__()
        return super()._contact_queries() + [
            table.select(
                table.party.as_('party'),
                table.company.as_('company'),
                table.order_date.as_('date'),
                where=table.state.in_(_ORDERED)
                & (table.order_date != Null))]


class Order(metaclass=PoolMeta):
    __name__ = 'fleet.order'

    @classmethod
    def on_modification(cls, mode, orders, field_names=None):
        Profile = Pool().get('crm.profile')
        super().on_modification(mode, orders, field_names=field_names)
        if mode == 'delete' or (
                mode == 'write'
                and not field_names & {'state', 'order_date', 'party'}):
            return
        Profile.set_customers([
                (o.company, o.party, o.order_date) for o in orders
                if o.state in _ORDERED])
        Profile.update_contacts([o.party.id for o in orders])


class Timeline(metaclass=PoolMeta):
    __name__ = 'crm.timeline'

    @classmethod
    def _get_kinds(cls):
        return super()._get_kinds() + [
            ('order', 'fleet.order'),
            ('trip', 'fleet.trip'),
            ]

    @classmethod
    def _get_resources(cls):
        return super()._get_resources() + [
            ('fleet.order', 'party', 'company')]

    @classmethod
    def _timeline_order(cls):
        Order = Pool().get('fleet.order')
        table = Order.__table__()
        return [table.select(
                table.id.as_('id'),
                table.party.as_('party'),
                table.company.as_('company'),
                Coalesce(
                    table.order_date,
                    cls.date.sql_cast(table.create_date)).as_('date'),
                Concat(
                    Coalesce(table.number, ''),
                    Coalesce(Concat(' ', table.reference), '')
                    ).as_('summary'),
                table.amount.as_('amount'),
                table.currency.as_('currency'),
                Coalesce(table.confirmed_by, table.quoted_by).as_('employee'),
                table.state.as_('status'),
                where=cls._readable(table, Order))]

    @classmethod
    def _timeline_trip(cls):
        "Return the query of the trips, once for each customer they carry for"
        pool = Pool()
        Order = pool.get('fleet.order')
        Trip = pool.get('fleet.trip')
        TripOrder = pool.get('fleet.trip-fleet.order')
        Vehicle = pool.get('fleet.vehicle')
        order = Order.__table__()
        table = Trip.__table__()
        relation = TripOrder.__table__()
        vehicle = Vehicle.__table__()
        carried = (relation
            .join(order, condition=relation.order == order.id)
            .select(
                Min(relation.id).as_('id'),
                relation.trip.as_('trip'),
                order.party.as_('party'),
                where=cls._readable(order, Order),
                group_by=[relation.trip, order.party]))
        start = Coalesce(
            table.departure, table.planned_departure, table.create_date)
        return [carried
            .join(table, condition=carried.trip == table.id)
            .join(vehicle, 'LEFT', condition=table.vehicle == vehicle.id)
            .select(
                carried.id.as_('id'),
                table.id.as_('record'),
                carried.party.as_('party'),
                table.company.as_('company'),
                cls.date.sql_cast(start).as_('date'),
                start.as_('at'),
                Concat(
                    Coalesce(table.number, ''),
                    Coalesce(Concat(' ', vehicle.plate), '')
                    ).as_('summary'),
                Coalesce(
                    table.completed_by, table.dispatched_by).as_('employee'),
                table.state.as_('status'),
                where=cls._readable(table, Trip))]


class WorkRate(metaclass=PoolMeta):
    __name__ = 'crm.work.rate'

    @classmethod
    def _get_works(cls):
        return super()._get_works() + [('trip', 'fleet.trip')]

    def _work_trip(self):
        "Return the query of the trips done, of their drivers"
        pool = Pool()
        Entry = pool.get('crm.work.entry')
        table = pool.get('fleet.trip').__table__()
        driver = pool.get('fleet.driver').__table__()
        return (table
            .join(driver, condition=table.driver == driver.id)
            .select(
                table.id.as_('id'),
                driver.employee.as_('employee'),
                local_day(Entry.date, table.arrival, self.company
                    ).as_('date'),
                where=(table.company == self.company.id)
                & table.state.in_(_DONE)
                & (table.arrival != Null)))
