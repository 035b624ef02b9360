# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt
from collections import defaultdict
from decimal import Decimal

from sql.aggregate import Sum

from trytond.model import fields
from trytond.modules.currency.fields import Monetary
from trytond.modules.product import price_digits, round_price
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval
from trytond.transaction import Transaction, without_check_access

from .engine.deviation import Outcome, deviation
from .tools import now
from .trip import DONE

# Tolls are planned by what a kilometre took in so many days
_DAYS = 90


def _plan(string, help=''):
    return Monetary(
        string, currency='currency', digits='currency', readonly=True,
        help=help)


def _part(string, help):
    return fields.Function(Monetary(
            string, currency='currency', digits='currency',
            states={
                'invisible': ~Eval('state').in_(list(DONE)),
                }, help=help), 'get_deviation')


class Trip(metaclass=PoolMeta):
    __name__ = 'fleet.trip'

    plan_revenue = _plan("Planned Revenue")
    plan_fuel = fields.Float(
        "Planned Fuel", digits=(16, 1), readonly=True, help="By the norm.")
    plan_fuel_price = fields.Numeric(
        "Planned Price of Fuel", digits=price_digits, readonly=True,
        help="What a litre cost when the trip was planned.")
    plan_tolls = _plan(
        "Planned Tolls", "By what a kilometre took in the last three months.")
    plan_pay = _plan("Planned Pay", "By the tariff of the driver.")
    deviation_revenue = _part(
        "By Revenue", "Earned more than planned, below zero less.")
    deviation_fuel_price = _part(
        "By Price of Fuel", "The litres burnt, dearer or cheaper.")
    deviation_over_norm = _part(
        "By Fuel over Norm", "The litres over the norm at the planned price.")
    deviation_extra_km = _part(
        "By More Kilometres", "The fuel of kilometres that were not planned, "
        "most of them empty ones.")
    deviation_tolls = _part("By Tolls", "More or less tolls than planned.")
    deviation_waiting = _part(
        "By Waiting", "The hours of the driver beyond the plan.")
    deviation_pay = _part("By Pay", "What else the driver is paid.")
    deviation_other = _part("By Other Costs", "All that was not planned.")

    @classmethod
    def plan(cls, trips):
        super().plan(trips)
        cls.set_plan(trips)

    @classmethod
    @without_check_access
    def set_plan(cls, trips):
        "Keep what trips are expected to earn and to cost"
        Tariff = Pool().get('fleet.tariff')
        trips = cls.browse(trips)
        revenues = cls.get_revenue(trips, 'revenue')
        by_company = defaultdict(list)
        for trip in trips:
            by_company[trip.company].append(trip)
        for company, own in by_company.items():
            price, tolls = cls._fuel_price(company), cls._tolls_per_km(company)
            tariffs = Tariff.of_drivers(
                [t.driver for t in own if t.driver], company)
            for trip in own:
                done = trip._work()
                km = done.km if done else Decimal(0)
                trip.plan_revenue = trip.currency.round(revenues[trip.id])
                trip.plan_fuel = trip.fuel_norm
                trip.plan_fuel_price = price
                trip.plan_tolls = trip.currency.round(km * tolls)
                trip.plan_pay = trip._planned_pay(
                    tariffs.get(trip.driver), done)
        cls.save(trips)

    @classmethod
    def _fuel_price(cls, company):
        "Return what a litre cost last, None if that is not known"
        Refuelling = Pool().get('fleet.refuelling')
        last = Refuelling.search([
                ('company', '=', company.id),
                ('state', '=', 'confirmed'),
                ('currency', '=', company.currency.id),
                ('unit_price', '!=', None),
                ], order=[('at', 'DESC')], limit=1)
        return round_price(last[0].unit_price) if last else None

    @classmethod
    def _tolls_per_km(cls, company):
        cost = Pool().get('fleet.cost').__table__()
        trip = cls.__table__()
        cursor = Transaction().connection.cursor()
        recent = (
            (trip.company == company.id) & trip.state.in_(list(DONE))
            & (trip.arrival >= now() - dt.timedelta(days=_DAYS)))
        cursor.execute(*trip.select(Sum(trip.km), where=recent))
        km, = cursor.fetchone()
        cursor.execute(*cost
            .join(trip, condition=cost.trip == trip.id)
            .select(
                Sum(cost.amount), where=recent & (cost.category == 'toll')))
        tolls, = cursor.fetchone()
        if not km or not tolls:
            return Decimal(0)
        return Decimal(str(tolls)) / Decimal(str(km))

    def _planned_pay(self, tariff, done):
        Currency = Pool().get('currency.currency')
        if not tariff:
            return Decimal(0)
        amount = tariff.compute({
                'km': done.km if done else None,
                'tonne_km': done.tonne_km if done else None,
                'stop': len(self.stops),
                'hour': self._hours(
                    self.planned_departure, self.planned_arrival),
                'trip': 1,
                'revenue': self.revenue,
                })
        return Currency.compute(
            tariff.currency, amount or Decimal(0), self.currency)

    def _hours(self, start, end):
        if start and end:
            return round((end - start) / dt.timedelta(hours=1), 2)
        return 0

    @classmethod
    def get_deviation(cls, trips, names):
        """Return what made the profit other than planned.

        Empty for trips that are not done or were never planned, and for
        those who see no costs.
        """
        Cost = Pool().get('fleet.cost')
        result = {n: dict.fromkeys([t.id for t in trips]) for n in names}
        if Cost.may_read():
            cls._set_deviation(trips, result)
        return result

    @classmethod
    @without_check_access
    def _set_deviation(cls, trips, result):
        Tariff = Pool().get('fleet.tariff')
        done = [
            t for t in cls.browse(trips)
            if t.state in DONE and t.plan_revenue is not None]
        if not done:
            return
        costs = cls._costs_by_category(done)
        revenues = cls.get_revenue(done, 'revenue')
        tariffs = {}
        for company in {t.company for t in done}:
            tariffs.update(Tariff.of_drivers([
                        t.driver for t in done
                        if t.driver and t.company == company], company))
        for trip in done:
            split = trip._deviation(
                revenues[trip.id], costs[trip.id], tariffs.get(trip.driver))
            for name, values in result.items():
                values[trip.id] = trip.currency.round(
                    split[name.removeprefix('deviation_')])

    @classmethod
    def _costs_by_category(cls, trips):
        "Return {id: {category: amount}}, the litres as category 'litres'"
        cost = Pool().get('fleet.cost').__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*cost.select(
                cost.trip, cost.category, Sum(cost.amount),
                Sum(cost.quantity),
                where=fields.SQL_OPERATORS['in'](
                    cost.trip, [t.id for t in trips]),
                group_by=[cost.trip, cost.category]))
        result = defaultdict(lambda: defaultdict(Decimal))
        for id_, category, amount, quantity in cursor:
            result[id_][category] += Decimal(str(amount))
            if category == 'fuel':
                result[id_]['litres'] += Decimal(str(quantity or 0))
        return result

    def _deviation(self, revenue, costs, tariff):
        def number(value):
            return Decimal(str(value or 0))
        litres = costs['litres']
        price = self.plan_fuel_price
        if price is None:
            price = costs['fuel'] / litres if litres else Decimal(0)
        plan = Outcome(
            revenue=self.plan_revenue, litres=number(self.plan_fuel),
            norm=number(self.plan_fuel),
            fuel=number(self.plan_fuel) * price,
            tolls=self.plan_tolls,
            hours=number(self._hours(
                    self.planned_departure, self.planned_arrival)),
            pay=self.plan_pay, other=Decimal(0))
        real = Outcome(
            revenue=self.currency.round(revenue), litres=litres,
            norm=number(self.fuel_norm) or litres, fuel=costs['fuel'],
            tolls=costs['toll'],
            hours=number(self._hours(self.departure, self.arrival)),
            pay=costs['pay'], other=sum(
                (amount for category, amount in costs.items()
                    if category not in {'litres', 'fuel', 'toll', 'pay'}),
                Decimal(0)))
        rate = sum((
                r.rate for r in (tariff.rules if tariff else [])
                if r.basis == 'hour'), Decimal(0))
        return deviation(plan, real, rate)

    @classmethod
    def copy(cls, trips, default=None):
        default = default.copy() if default else {}
        for name in [
                'plan_revenue', 'plan_fuel', 'plan_fuel_price', 'plan_tolls',
                'plan_pay']:
            default.setdefault(name)
        return super().copy(trips, default=default)


class Tariff(metaclass=PoolMeta):
    __name__ = 'fleet.tariff'

    @classmethod
    def of_drivers(cls, drivers, company):
        "Return {driver: tariff} of those that have one, their own or for all"
        tariffs = cls.search([
                ('category', '=', 'driver'),
                ('company', '=', company.id),
                ('party', 'in', [
                        *{d.party.id for d in drivers}, None]),
                ], order=[('id', 'ASC')])
        result = {}
        for driver in drivers:
            for party in [driver.party, None]:
                tariff = next((t for t in tariffs if t.party == party), None)
                if tariff:
                    result[driver] = tariff
                    break
        return result
