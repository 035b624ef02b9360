# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Readings of odometers and engine hours."""
from trytond.modules.fleet.engine.identity import compact_plate

from .engine import Column, RecordLoader, datetime, integer, text
from .vehicles import one_of

_GREATEST = 9_999_999


class Readings(RecordLoader):
    "readings of odometers and of engine hours"
    model = 'fleet.meter.reading'
    modules = ['fleet']
    size = 1000
    refused = 'value'
    columns = [
        Column('vehicle', text, required=True, help="the plate"),
        Column('at', datetime, required=True,
            help="in the time zone of the company"),
        Column('value', integer, required=True,
            help="as the meter shows it"),
        Column('kind', one_of(['odometer', 'hours']), default='odometer',
            help="odometer or hours"),
        Column('driver', text, help="the name of the driver's party"),
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
        drivers = {
            d['party.']['name']: d['id']
            for d in self.get('fleet.driver')._proxy.search_read([
                    *company,
                    ('party.name', 'in', list({
                                r['driver'] for r in rows if r['driver']})),
                    ], 0, None, None, ['party.name'], self.context)}
        result = []
        for row in rows:
            vehicle = vehicles.get(compact_plate(row['vehicle']))
            driver = drivers.get(row['driver'])
            if not 0 <= row['value'] <= _GREATEST:
                self.reject(
                    row, 'value', f"{row['value']} is not from 0 to "
                    f"{_GREATEST}: enter what the meter shows")
            elif not vehicle:
                self.reject(
                    row, 'vehicle', f"there is no vehicle "
                    f"\"{row['vehicle']}\": create it or correct the plate")
            elif row['driver'] and not driver:
                self.reject(
                    row, 'driver', f"there is no driver \"{row['driver']}\": "
                    "create it or correct the name")
            else:
                result.append((row, {
                            'vehicle': vehicle,
                            'driver': driver,
                            'source': 'import',
                            **{n: row[n] for n in ['kind', 'at', 'value']},
                            }))
        return result
