# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Vehicles and trailers."""
from trytond.modules.fleet.engine.identity import compact_plate

from .engine import Column, Loader, date, decimal, integer, text

_KINDS = [
    'tractor', 'truck', 'van', 'car', 'bus', 'special', 'semitrailer',
    'trailer', 'dolly']
_OWNERSHIPS = ['own', 'leased', 'rented', 'partner']


def one_of(values):
    "Return the conversion of a cell that holds one of some words"
    def convert(cell, format):
        word = text(cell, format).lower()
        if word not in values:
            raise ValueError("is none of " + ', '.join(values))
        return word
    return convert


def plate(cell, format):
    compact = compact_plate(text(cell, format))
    if not compact:
        raise ValueError("is no plate")
    return text(cell, format)


class Vehicles(Loader):
    "vehicles and trailers"
    model = 'fleet.vehicle'
    modules = ['fleet']
    key = 'plate'
    columns = [
        Column('plate', plate, required=True),
        Column('kind', one_of(_KINDS), required=True,
            help="one of " + ', '.join(_KINDS)),
        Column('vin', text),
        Column('make', text, help="an unknown make is created"),
        Column('model', text, help="an unknown model is created"),
        Column('year', integer),
        Column('registered_on', date),
        Column('ownership', one_of(_OWNERSHIPS), default='own',
            help="one of " + ', '.join(_OWNERSHIPS)),
        Column('axles', integer), Column('tare_kg', integer),
        Column('gross_kg', integer), Column('payload_kg', integer),
        Column('volume_m3', decimal), Column('pallets', integer),
        Column('power_kw', integer), Column('tank_capacity', decimal),
        Column('max_speed', integer),
        ]

    def known(self, keys):
        by_compact = {compact_plate(k): k for k in keys}
        found = self.find(
            'fleet.vehicle', 'plate_compact', by_compact,
            [('company', '=', self.context['company'])])
        return {by_compact[c] for c in found}

    def values(self, rows):
        models = self._models([
                r for r in rows if r['make'] and r['model']])
        result = []
        for row in rows:
            values = {
                k: v for k, v in row.values.items()
                if k not in {'make', 'model'} and v is not None}
            for name in ['volume_m3', 'tank_capacity']:
                if name in values:
                    values[name] = float(values[name])
            values.update(
                company=self.context['company'],
                model=models.get((row['make'], row['model'], row['kind'])),
                state='active')
            result.append((row, values))
        return result

    def _models(self, rows):
        "Return {(make, model, kind): id}, what is missing is created"
        if not rows or self.dry_run:
            return {}
        Model = self.get('fleet.model')._proxy
        makes = self.find('fleet.make', 'name', {r['make'] for r in rows})
        new = sorted({r['make'] for r in rows} - set(makes))
        if new:
            makes |= dict(zip(new, self.get('fleet.make')._proxy.create(
                        [{'name': n} for n in new], self.context)))
        wanted = {(r['make'], r['model'], r['kind']) for r in rows}
        names = {v: k for k, v in makes.items()}
        found = {
            (names[m['make']], m['name'], m['kind']): m['id']
            for m in Model.search_read(
                [('make', 'in', list(names))], 0, None, None,
                ['make', 'name', 'kind'], self.context)}
        taken = {(make, name) for make, name, _ in found}
        new = sorted(w for w in wanted if w[:2] not in taken)
        if new:
            found |= dict(zip(new, Model.create([{
                                'make': makes[make],
                                'name': name,
                                'kind': kind,
                                } for make, name, kind in new],
                        self.context)))
        return found
