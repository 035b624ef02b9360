# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
import unittest
from collections import Counter
from decimal import Decimal

from trytond.modules.currency.tests import add_currency_rate, create_currency
from trytond.modules.fleet.engine.statement import moment
from trytond.modules.fleet.exceptions import StatementError
from trytond.modules.fleet.tests.tools import (
    FleetTestCase, at, create_drivers, create_trip, create_vehicles, do,
    iter_cases, with_company)
from trytond.pool import Pool

FUEL = {
    'date': "Datum", 'time': "Zeit", 'plate': "Kennzeichen",
    'card': "Karte", 'odometer': "km-Stand", 'quantity': "Liter",
    'unit_price': "Preis", 'station': "Ort"}


class MomentTestCase(unittest.TestCase):
    "Test how files write times"

    def test_moment(self):
        for date, time, format_, result in [
                ("02.03.2026", "", '%d.%m.%Y', dt.datetime(2026, 3, 2)),
                ("03/02/2026 7:05 PM", None, '%m/%d/%Y',
                    dt.datetime(2026, 3, 2, 19, 5)),
                ("20260302", "0705", '%Y%m%d', dt.datetime(2026, 3, 2, 7, 5)),
                ("2026-03-02T07:05:09", None, '%Y-%m-%d',
                    dt.datetime(2026, 3, 2, 7, 5, 9)),
                (dt.date(2026, 3, 2), dt.time(7, 5), '%Y',
                    dt.datetime(2026, 3, 2, 7, 5))]:
            with self.subTest(date=date, time=time):
                self.assertEqual(moment(date, time, format_), result)
        for date, time in [("", None), ("31.02.2026", ""),
                ("02.03.2026", "25:00")]:
            with self.subTest(date=date, time=time):
                self.assertRaises(ValueError, moment, date, time, '%d.%m.%Y')


class StatementTestCase(FleetTestCase):
    "Test the files of fuel cards and tolls"

    def create(self, text, columns=FUEL, name='may.csv', **values):
        pool = Pool()
        profile, = pool.get('fleet.statement.profile').create([{
                    'name': "Provider", 'date_format': '%d.%m.%Y',
                    'decimal_mark': ',',
                    'columns': [('create', [
                                {'name': n, 'header': h}
                                for n, h in columns.items()])],
                    **values}])
        return self.add(profile, text, name)

    def add(self, profile, text, name):
        statement, = Pool().get('fleet.statement').create([{
                    'profile': profile.id, 'file_name': name,
                    'file': text.encode('cp1252')}])
        return statement

    def states(self, statement):
        return Counter(
            line.state for line in type(statement)(statement.id).lines)

    @with_company
    def test_fuel(self):
        "Matched rows become refuellings, all others stay to be looked at"
        pool = Pool()
        Refuelling = pool.get('fleet.refuelling')
        Statement = pool.get('fleet.statement')
        one, other = create_vehicles(2)
        pool.get('fleet.fuel.card').create([{
                    'number': "7001", 'vehicle': other.id}])
        head = ';'.join(FUEL.values())
        statement = self.create('\n'.join([
                    head,
                    "02.03.2026;07:05;V-0000;;123 456;300,50;1,182;Köln",
                    "02.03.2026;07:05;V 0000;;123 456;300,50;1,182;Köln",
                    "02.03.2026;09:00;;7001;;1.100,00;1,20;Gent",
                    "02.03.2026;10:00;X 9;;;50,00;1,20;Gent",
                    "31.02.2026;10:00;V 0000;;;50,00;1,20;Gent",
                    "02.03.2026;10:00;V 0000;;;;1,20;Gent",
                    "02.03.2026;10:00;V 0000;;50,00;1,20"]),
            encoding='cp1252')
        Statement.read_file([statement])
        self.assertEqual(self.states(statement), {
                'matched': 2, 'duplicate': 1, 'unmatched': 1, 'wrong': 3})
        statement = Statement(statement.id)
        self.assertEqual(statement.open_count, 4)
        Statement.post([statement])
        refuelling, = Refuelling.search([('vehicle', '=', one.id)])
        (_, _, expect), = iter_cases(self, 'IM-03')
        self.assertEqual(
            (str(refuelling.at.date()), refuelling.odometer,
                refuelling.quantity, float(refuelling.unit_price)),
            (expect['date'], expect['odo'], expect['l'], expect['price']))
        self.assertEqual(
            (refuelling.state, refuelling.station), ('confirmed', "Köln"))
        self.assertEqual(
            Refuelling.search([('vehicle', '=', other.id)])[0].quantity, 1100)
        unmatched, = [
            line for line in Statement(statement.id).lines
            if line.state == 'unmatched']
        unmatched.vehicle = other
        unmatched.save()
        Statement.post([statement])
        self.assertEqual(self.states(statement), {
                'posted': 3, 'duplicate': 1, 'wrong': 3})

    @with_company
    def test_again(self):
        "The same file is refused, the same rows in another one are known"
        pool = Pool()
        Statement = pool.get('fleet.statement')
        (_, given, expect), = iter_cases(self, 'IM-02')
        create_vehicles(1)
        text = '\n'.join([
                "day;km;litres;price;plate", *(
                    '%s;%s;%s;1.5;V 0000' % (r['date'], r['odo'], r['l'])
                    for r in given['rows'])])
        statement = self.create(text, {
                'date': "day", 'odometer': "km", 'quantity': "litres",
                'unit_price': "price", 'plate': "plate"},
            date_format='%Y-%m-%d', decimal_mark='.')
        Statement.read_file([statement])
        Statement.post([statement])
        self.assertEqual(
            pool.get('fleet.refuelling').search([], count=True),
            expect['created'])
        self.assertEqual(
            self.states(statement)['duplicate'], expect['skipped'])
        again = self.add(statement.profile, text, 'again.csv')
        with self.assertRaises(StatementError) as refusal:
            Statement.read_file([again])
        self.assertIn("may.csv", refusal.exception.message)
        more = self.add(statement.profile, text + '\n', 'more.csv')
        Statement.read_file([more])
        self.assertEqual(self.states(more), {'duplicate': 2})

    @with_company
    def test_columns(self):
        "A column that is not there is named with those that are"
        statement = self.create("Tag;Liter\n1;2")
        with self.assertRaises(StatementError) as refusal:
            type(statement).read_file([statement])
        for fact in ["Datum", "Tag, Liter", "may.csv"]:
            self.assertIn(fact, refusal.exception.message)

    @with_company
    def test_tolls(self):
        "Tolls become costs of the trip that paid them"
        pool = Pool()
        Statement = pool.get('fleet.statement')
        vehicle, = create_vehicles(1)
        driver, = create_drivers(1)
        trip = do(create_trip(vehicle, driver, at(6), at(12)), km=100.)
        statement = self.create(
            "when,plate,euro,gate\n"
            "02.03.2026 08:00,V 0000,31.00,A\n"
            "02.03.2026 09:00,V 0000,24.00,B\n", {
                'date': "when", 'plate': "plate", 'amount': "euro",
                'station': "gate"},
            kind='toll', decimal_mark='.')
        Statement.read_file([statement])
        Statement.post([statement])
        costs = pool.get('fleet.cost').search([('trip', '=', trip.id)])
        self.assertEqual(
            {(c.category, c.driver) for c in costs}, {('toll', driver)})
        (_, _, expect), = iter_cases(self, 'TL-01')
        self.assertEqual(sum(c.amount for c in costs), expect['toll'])
        self.assertEqual(
            {c.description: c.amount for c in costs},
            {"A": Decimal(31), "B": Decimal(24)})

    @with_company
    def test_odd_numbers(self):
        "Third decimals are rounded, what is taken back stays to be looked at"
        pool = Pool()
        Statement = pool.get('fleet.statement')
        create_vehicles(1)
        statement = self.create('\n'.join([
                    ';'.join(FUEL.values()),
                    "02.03.2026;07:05;V 0000;;;45,678;1,2;A",
                    "02.03.2026;08:05;V 0000;;;-45,68;1,2;B",
                    "02.03.2026;09:05;V 0000;;-5;45,68;1,2;C"]))
        Statement.read_file([statement])
        self.assertEqual(self.states(statement), {'matched': 1, 'wrong': 2})
        Statement.post([statement])
        refuelling, = pool.get('fleet.refuelling').search([])
        self.assertEqual(refuelling.quantity, 45.68)
        self.assertEqual(self.states(statement), {'posted': 1, 'wrong': 2})

    @with_company
    def test_toll_rate(self):
        "A toll in another currency costs by the rate of its day"
        pool = Pool()
        Statement = pool.get('fleet.statement')
        vehicle, = create_vehicles(1)
        currency = create_currency('cu2')
        for of, rate, day in [
                (currency, 2, 1), (currency, 4, 3),
                (vehicle.company.currency, 1, 1)]:
            add_currency_rate(of, rate, dt.date(2026, 3, day))
        statement = self.create(
            "when,plate,amount\n02.03.2026 08:00,V 0000,31.00\n", {
                'date': "when", 'plate': "plate", 'amount': "amount"},
            kind='toll', decimal_mark='.', currency=currency.id)
        Statement.read_file([statement])
        Statement.post([statement])
        cost, = pool.get('fleet.cost').search([])
        self.assertEqual(cost.amount, Decimal('15.50'))
