# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
from decimal import Decimal

from trytond.modules.fleet.engine.hours import (
    break_violations, driving_violations, latest_end, rest_kind,
    rest_violations)
from trytond.modules.fleet.engine.identity import vin_check_digit
from trytond.modules.fleet.engine.validity import EXPIRED
from trytond.modules.fleet.exceptions import (
    ContainerError, OverlapError, ReadingError, VINError)
from trytond.modules.fleet.tests.tools import (
    FleetTestCase, create_drivers, create_order, create_user, create_vehicles,
    iter_cases, with_company)
from trytond.pool import Pool


def moment(text):
    return dt.datetime.fromisoformat(text)


class CasesTestCase(FleetTestCase):
    "Replay the published cases"

    @with_company
    def test_readings(self):
        for _, given, expect in iter_cases(self, 'OD-'):
            pool = Pool()
            vehicle, = create_vehicles(1, prefix=str(given))
            meter = pool.get('fleet.meter').of([vehicle])[vehicle]
            Reading = pool.get('fleet.meter.reading')

            def read(reading):
                record, = Reading.create([{
                            'meter': meter.id, 'at': moment(reading['at']),
                            'value': reading['km']}])
                return record
            for reading in given['readings']:
                read(reading)
            if expect['accept']:
                self.assertEqual(
                    read(given['new']).flagged,
                    expect.get('flag') == 'implausible')
            else:
                self.assertRaises(ReadingError, read, given['new'])

    @with_company
    def test_assignments(self):
        Assignment = Pool().get('fleet.assignment')
        vehicle, = create_vehicles(1)
        one, other = create_drivers(2)
        for _, given, expect in iter_cases(self, 'AS-'):
            def assign(driver, period):
                Assignment.create([{
                            'vehicle': vehicle.id, 'driver': driver.id,
                            'start': moment(period['start']),
                            'end': period.get('end')}])
            assign(one, given['existing'])
            self.assertFalse(expect['accept'])
            self.assertRaises(OverlapError, assign, other, given['new'])

    def _trip(self, values, vehicles, drivers):
        Trip = Pool().get('fleet.trip')
        start, end = values.get('odo', [None, None])
        departure, arrival = (
            moment(values[n]) for n in ['departure', 'arrival'])
        return Trip.create([{
                    'vehicle': vehicles[values['vehicle'] - 1].id,
                    'driver': drivers[values['driver'] - 1].id,
                    'planned_departure': departure,
                    'planned_arrival': arrival,
                    'departure': departure, 'arrival': arrival,
                    'odometer_start': start, 'odometer_end': end,
                    'state': values['state']}])

    @with_company
    def test_overlaps(self):
        for id_, given, expect in iter_cases(self, 'OV-'):
            vehicles = create_vehicles(3, prefix=id_)
            drivers = create_drivers(3)
            for values in given.get('existing', []):
                self._trip(values, vehicles, drivers)
            if expect['accept']:
                self.assertTrue(self._trip(given['new'], vehicles, drivers))
                continue
            with self.assertRaises(Exception) as refusal:
                self._trip(given['new'], vehicles, drivers)
            if 'by' in expect:
                self.assertIsInstance(refusal.exception, OverlapError)
                self.assertIn(
                    expect['by'].title(), refusal.exception.message)

    @with_company
    def test_driver_hours(self):
        "The limits are those of the regime that comes as data"
        regime, = Pool().get('fleet.hours.regime').search([])
        limits = regime.limits
        for id_, given, expect in iter_cases(self, 'EU-'):
            if 'extra_h' in given:
                self._extend(given, expect)
            elif 'duty_start' in given:
                start = moment('2026-03-02T' + given['duty_start'])
                self.assertEqual(
                    latest_end(start, regime=limits).strftime('%H:%M'),
                    expect['latest_end'])
            elif 'split_rest_h' in given:
                self.assertEqual(
                    rest_kind(given['split_rest_h'], limits),
                    expect['counts_as'])
            else:
                self.assertEqual([
                        v.rule for v in self._violations(given, limits)],
                    expect['violations'], id_)

    def _violations(self, given, limits):
        if 'day' in given:
            return break_violations(given['day'], limits)
        if 'week_daily_drive_h' in given or 'day_drive_h' in given:
            monday = dt.date(2026, 3, 2)
            hours = given.get('week_daily_drive_h') or [given['day_drive_h']]
            return driving_violations({
                    monday + dt.timedelta(days=i): h
                    for i, h in enumerate(hours)}, limits)
        rests = [[9]] * given.get('reduced_rests_since_weekly_rest', 0)
        rests += [[given[n]] for n in ['next_rest_h', 'rest_h'] if n in given]
        return rest_violations(
            rests, given.get('hours_since_last_weekly_rest', 0),
            crew=given.get('multi_manning', False),
            period=given.get('within_h'), regime=limits)

    def _extend(self, given, expect):
        "Article 12: more hours to reach a weekly rest, to be made up for"
        Extension = Pool().get('fleet.driver.extension')
        driver, = create_drivers(1)
        values = {
            'driver': driver.id, 'date': dt.date(2026, 3, 6),
            'hours': given['extra_h'],
            'rest': (
                'regular_weekly_rest' if 'regular' in given['purpose']
                else 'weekly_rest'),
            'break_minutes': given['break_before_min'],
            'reason': "Accident on the motorway"}
        self.assertTrue(expect['allowed'])
        extension, = Extension.create([values])
        self.assertEqual(
            bool(extension.compensate_by), expect['compensate'])
        by_day = {extension.date: given['daily_drive_h'] + given['extra_h']}
        self.assertEqual(driving_violations(
                by_day, extensions=type(driver).extensions([driver])[driver]),
            [])
        self.assertTrue(driving_violations(by_day))

    @with_company
    def test_pay(self):
        Tariff = Pool().get('fleet.tariff')
        for id_, given, expect in iter_cases(self, 'PY-'):
            tariff, = Tariff.create([{
                        'name': id_, 'category': 'driver',
                        'graduated': given.get('mode') == 'graduated',
                        'rules': [('create', [{
                                        'basis': r['basis'].removesuffix(
                                            '_percent'),
                                        'rate': Decimal(str(r['rate'])),
                                        'start': Decimal(r.get('from', 0)),
                                        'end': (
                                            Decimal(r['to'])
                                            if r.get('to') else None),
                                        } for r in given['rules']])],
                        }])
            self.assertEqual(tariff.compute({
                        k: given[k] for k in ['km', 'revenue']
                        if k in given}), Decimal(str(expect['amount'])))

    @with_company
    def test_numbers(self):
        Vehicle = Pool().get('fleet.vehicle')
        for id_, given, expect in iter_cases(self, 'VN-'):
            values = {
                'kind': 'tractor', 'plate': id_, 'vin': given['vin']}
            if expect['hard_error']:
                self.assertRaises(VINError, Vehicle.create, [values])
                continue
            vehicle, = Vehicle.create([values])
            hint = None
            if 'check' in expect:
                self.assertEqual(
                    vin_check_digit(given['vin']), expect['check'])
                hint = None if expect['valid_check'] else 'check'
            elif 'flag' in expect:
                hint = 'length'
            self.assertEqual(vehicle.vin_hint, hint)

    @with_company
    def test_containers(self):
        Cargo = Pool().get('fleet.cargo')
        order = create_order()
        for id_, given, expect in iter_cases(self, 'CT-'):
            values = {
                'order': order.id, 'description': id_,
                'container': given['number']}
            if expect['valid']:
                self.assertTrue(Cargo.create([values]))
            else:
                self.assertRaises(ContainerError, Cargo.create, [values])

    @with_company
    def test_documents(self):
        pool = Pool()
        Notice = pool.get('fleet.document.notice')
        employee, user = create_user('keeper')
        for id_, given, expect in iter_cases(self, 'DX-'):
            vehicle, = create_vehicles(
                1, prefix=id_, responsible=employee.id)
            type_, = pool.get('fleet.document.type').create([{
                        'name': id_, 'applies_to': 'vehicle',
                        'warning_steps': ', '.join(
                            map(str, given['thresholds']))}])
            document, = pool.get('fleet.document').create([{
                        'type': type_.id, 'vehicle': vehicle.id,
                        'valid_to': dt.date.fromisoformat(given['expiry'])}])
            days = [given['today']] if 'today' in given else given['runs']
            for day in days:
                Notice.send(dt.date.fromisoformat(day))
            notices = Notice.search([('document', '=', document.id)])
            step = expect['level']
            if step == 'expired':
                step = EXPIRED
            self.assertEqual(
                [(n.step, n.user) for n in notices], [(step, user)])
            if 'notify_on' in expect:
                self.assertEqual(
                    [str(n.date) for n in notices], expect['notify_on'])

    @with_company
    def test_capacity(self):
        Trip = Pool().get('fleet.trip')
        for id_, given, expect in iter_cases(self, 'CP-'):
            vehicle, = create_vehicles(
                1, prefix=id_, payload_kg=given['capacity_kg'],
                volume_m3=given.get('capacity_m3'))
            order = create_order()
            order.cargo[0].volume_m3 = given.get('load_m3')
            order.cargo[0].save()
            stops = given.get('stops') or [
                {'load_kg': given['load_kg']},
                {'unload_kg': given['load_kg']}]
            trip, = Trip.create([{
                        'vehicle': vehicle.id, 'stops': [('create', [{
                                        'kind': 'other', 'sequence': i,
                                        'in_kg': stop.get('load_kg'),
                                        'out_kg': stop.get('unload_kg'),
                                        } for i, stop in enumerate(stops)])],
                        }])
            if 'load_m3' in given:
                for stop, order_stop in zip(trip.stops, order.stops):
                    stop.kind, stop.order = order_stop.kind, order
                    stop.order_stop = order_stop
                Pool().get('fleet.trip.stop').save(trip.stops)
                trip = Trip(trip.id)
                self.assertEqual(trip.volume_share, expect['volume_pct'])
            if 'weight_pct' in expect:
                self.assertEqual(trip.load_share, expect['weight_pct'])
            if 'peak_kg' in expect:
                self.assertEqual(
                    trip.load_share,
                    round(100 * expect['peak_kg'] / given['capacity_kg'], 1))
            self.assertEqual(
                trip.load_share is not None and trip.load_share <= 100,
                bool(expect['ok']))
