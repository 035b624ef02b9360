# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
import io
import zipfile
from decimal import Decimal

from lxml import etree

from trytond.modules.fleet.exceptions import PrintError
from trytond.modules.fleet.tests.tools import (
    FleetTestCase, at, create_drivers, create_order, create_trip,
    create_vehicles, with_company)
from trytond.pool import Pool
from trytond.transaction import Transaction


class ReportTestCase(FleetTestCase):
    "Test the prints"

    def pages(self, tree):
        return set(map(int, tree.xpath(
                    '//draw:frame/@text:anchor-page-number',
                    namespaces=tree.getroot().nsmap)))

    def print_(self, name, records, **data):
        "Return the texts of a print that is rendered, not converted"
        pool = Pool()
        Report = pool.get(name, type='report')
        ActionReport = pool.get('ir.action.report')
        action, = ActionReport.search([('report_name', '=', name)])
        with Transaction().set_context(_report_rendered_only=True):
            _, content, _, _ = Report.execute(
                [r.id for r in records], {
                    **data, 'model': records[0].__name__,
                    'action_id': action.id})
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            tree = etree.parse(archive.open('content.xml'))
        return tree, ' '.join(tree.getroot().itertext())

    def create_trip(self):
        Order = Pool().get('fleet.order')
        order = create_order(
            kg=12345, carriage_payment='paid', reference="PO 77",
            attached_documents="Packing list\nInvoice")
        Order.confirm([order])
        vehicle, = create_vehicles(1, prefix='VV', payload_kg=24000)
        trailer, = create_vehicles(1, kind='semitrailer', prefix='TT')
        driver, = create_drivers(1)
        trip = create_trip(
            vehicle, driver, orders=[('add', [order.id])],
            trailers=[('add', [trailer.id])])
        type(trip).collect_stops([trip])
        return trip

    @with_company
    def test_cmr(self):
        "Four copies with 24 boxes and what article 6 demands"
        trip = self.create_trip()
        tree, text = self.print_('fleet.trip.cmr', [trip])
        namespaces = tree.getroot().nsmap
        frames = tree.findall('.//draw:frame', namespaces)
        self.assertEqual(len(frames), 4 * (24 + 2))
        for color in ['red', 'blue', 'green', 'black']:
            boxes = [f for f in frames
                if f.get(f'{{{namespaces["draw"]}}}style-name')
                == f'box_{color}']
            self.assertEqual(len(boxes), 25)
        order, = trip.orders
        for fact in [
                f"CMR {order.number}", "Customer", "Place 0", "Place 1",
                "Goods", "12,345", "Packing list", "Carriage paid",
                trip.vehicle.plate, trip.trailers[0].plate,
                "subject, notwithstanding any clause to the contrary",
                "Copy for sender", "Copy for consignee",
                "03/02/2026\xa006:00"]:
            with self.subTest(fact=fact):
                self.assertIn(fact, text)

    @with_company
    def test_trip_prints(self):
        trip = self.create_trip()
        for name, facts in [
                ('fleet.trip.sheet', [
                        trip.number, "VV 0000", "TT 0000", "Driver 0000",
                        "Place 1", "12,345", "PO 77"]),
                ('fleet.trip.note', [
                        trip.orders[0].number, "VV 0000", "TT 0000",
                        "Driver 0000", "Place 1", "12,345", "Goods",
                        "Packing list", "Carriage paid"]),
                ('fleet.trip.cargo_list', [
                        trip.number, "Goods", "12,345 kg", "Place 0"]),
                ]:
            _, text = self.print_(name, [trip])
            for fact in facts:
                with self.subTest(name=name, fact=fact):
                    self.assertIn(fact, text)

    @with_company
    def test_fuel_norm(self):
        "Each factor of the norm is shown"
        pool = Pool()
        trip = self.create_trip()
        surcharge, = pool.get('fleet.fuel.surcharge').create([{
                    'name': "Mountains", 'percent': Decimal(10),
                    'ground': "Clause 5"}])
        pool.get('fleet.fuel.norm').create([{
                    'vehicle': trip.vehicle.id, 'distance': Decimal(25),
                    'tonne_km': Decimal('1.3'),
                    'valid_from': dt.date(2026, 1, 1)}])
        trip.surcharges = [surcharge]
        trip.km, trip.tonne_km = 200., 1000.
        trip.save()
        _, text = self.print_('fleet.trip.fuel_norm', [trip])
        for fact in [
                "Distance, on 100 km", "50", "1.3", "1,000", "13",
                "Mountains", "10 %", "Clause 5", "6.3"]:
            with self.subTest(fact=fact):
                self.assertIn(fact, text)

    def print_day(self, date, **values):
        "Return what the wizard prints: {report name: data}"
        PrintDay = Pool().get('fleet.trip.print_day', type='wizard')
        session, _, _ = PrintDay.create()
        defaults = PrintDay.execute(session, {}, 'start')['view']['defaults']
        start = {n: v for n, v in defaults.items() if not n.endswith('.')}
        start.update(date=date, **values)
        result = PrintDay.execute(session, {'start': start}, 'print_')
        return {a['report_name']: data for a, data in result['actions']}

    @with_company
    def test_print_day(self):
        "All prints of the trips that leave on a day"
        pool = Pool()
        Country = pool.get('country.country')
        Trip = pool.get('fleet.trip')
        trip = self.create_trip()
        today = at(0).date()
        with self.assertRaises(PrintError):
            self.print_day(today)
        Trip.plan([trip])
        order, = trip.orders
        data = self.print_day(today)
        self.assertEqual(set(data), {'fleet.trip.sheet', 'fleet.trip.note'})
        self.assertEqual(data['fleet.trip.sheet']['ids'], [trip.id])
        self.assertEqual(data['fleet.trip.note']['orders'], [order.id])
        # A border asks for a consignment note
        for stop, code in zip(order.stops, ['BE', 'DE']):
            stop.address.country, = Country.create([
                    {'name': code, 'code': code}])
            stop.address.save()
        data = self.print_day(today, copies=3, cargo_lists=True)
        self.assertEqual(set(data), {
                'fleet.trip.sheet', 'fleet.trip.cmr',
                'fleet.trip.cargo_list'})
        self.assertEqual(data['fleet.trip.cmr']['copies'], [1, 2, 3])
        tree, _ = self.print_(
            'fleet.trip.cmr', [trip], **data['fleet.trip.cmr'])
        self.assertEqual(self.pages(tree), {1, 2, 3})
        _, text = self.print_('fleet.trip.note', [trip], orders=[])
        self.assertNotIn(order.number, text)

    @with_company
    def test_cards(self):
        pool = Pool()
        Document = pool.get('fleet.document')
        Type = pool.get('fleet.document.type')
        vehicle, = create_vehicles(1, payload_kg=9000)
        driver, = create_drivers(1)
        type_, = Type.create([{
                    'name': "Inspection", 'applies_to': 'vehicle'}])
        Document.create([{
                    'type': type_.id, 'vehicle': vehicle.id,
                    'number': "X-17", 'valid_to': at(0).date()}])
        _, text = self.print_('fleet.vehicle.card', [vehicle])
        for fact in ["V 0000", "9,000 kg", "Inspection", "X-17", "Expired"]:
            self.assertIn(fact, text)
        _, text = self.print_('fleet.driver.card', [driver])
        self.assertIn("Driver 0000", text)

    @with_company
    def test_many(self):
        "Many trips print at once"
        trip = self.create_trip()
        trips = [trip, *(
                create_trip(
                    trip.vehicle, orders=[('add', [trip.orders[0].id])])
                for _ in range(2))]
        tree, _ = self.print_('fleet.trip.cmr', trips)
        self.assertEqual(self.pages(tree), set(range(1, 13)))
