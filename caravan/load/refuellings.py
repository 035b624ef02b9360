# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Refuellings that have happened."""
from trytond.modules.fleet.engine.identity import compact_plate

from .engine import (
    Column, RecordLoader, boolean, datetime, decimal, integer, text)
from .vehicles import one_of


class Refuellings(RecordLoader):
    "refuellings by card, for cash and from the own depot"
    model = 'fleet.refuelling'
    modules = ['fleet']
    size = 1000
    columns = [
        Column('vehicle', text, required=True, help="the plate"),
        Column('at', datetime, required=True,
            help="in the time zone of the company"),
        Column('quantity', decimal, required=True,
            help="in the unit of the fuel"),
        Column('unit_price', decimal),
        Column('amount', decimal, help="instead of the unit price"),
        Column('odometer', integer, help="as the meter shows it"),
        Column('source', one_of(['card', 'cash', 'depot']), default='card',
            help="card, cash or depot"),
        Column('card', text, help="the number of the fuel card"),
        Column('depot', text, help="the name of the location"),
        Column('station', text),
        Column('full', boolean, default=False,
            help="whether the tank was full afterwards"),
        Column('reference', text,
            help="the key of the row, else who, when and how much"),
        ]

    def begin(self):
        company, = self.get('company.company')._proxy.read(
            [self.context['company']], ['timezone'], self.context)
        self.timezone = company['timezone']

    def values(self, rows):
        company = [('company', '=', self.context['company'])]
        vehicles = self.find(
            'fleet.vehicle', 'plate_compact',
            {compact_plate(r['vehicle']) for r in rows}, company)
        cards = self.find(
            'fleet.fuel.card', 'number',
            {r['card'] for r in rows if r['card']}, company)
        depots = self.find(
            'stock.location', 'name',
            {r['depot'] for r in rows if r['depot']},
            [('type', '=', 'storage')])
        result = []
        for row in rows:
            vehicle = vehicles.get(compact_plate(row['vehicle']))
            if not vehicle:
                self.reject(
                    row, 'vehicle', f"there is no vehicle "
                    f"\"{row['vehicle']}\": create it or correct the plate")
            elif row['quantity'] <= 0:
                self.reject(
                    row, 'quantity', f"{row['quantity']} is not above 0: "
                    "enter what was filled in")
            elif row['odometer'] is not None and row['odometer'] < 0:
                self.reject(
                    row, 'odometer', f"{row['odometer']} is below 0: enter "
                    "what the meter shows")
            elif row['card'] and row['card'] not in cards:
                self.reject(
                    row, 'card', f"there is no fuel card \"{row['card']}\": "
                    "create it or correct the number")
            elif row['source'] == 'depot' and row['depot'] not in depots:
                self.reject(
                    row, 'depot', f"there is no location "
                    f"\"{row['depot'] or ''}\": enter the depot")
            else:
                result.append((row, self._values(
                            row, vehicle, cards, depots)))
        return result

    def _values(self, row, vehicle, cards, depots):
        key = row['reference'] or '/'.join(map(str, [
                    compact_plate(row['vehicle']), row['at'].isoformat(),
                    row['odometer'], row['quantity'].normalize()]))
        return {
            'vehicle': vehicle,
            'card': cards.get(row['card']),
            'depot': depots.get(row['depot']),
            'external_ref': key,
            'quantity': float(row['quantity']),
            'unit_price': row['unit_price'] and round(row['unit_price'], 4),
            'amount': row['amount'] and round(row['amount'], 2),
            **{n: row[n] for n in [
                    'at', 'odometer', 'source', 'station', 'full']},
            }
