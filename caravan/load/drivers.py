# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Drivers."""
from .engine import Column, Loader, date, text


class Drivers(Loader):
    "drivers, employed or hired"
    model = 'fleet.driver'
    modules = ['fleet']
    key = 'name'
    columns = [
        Column('name', text, required=True,
            help="of the party; an unknown party is created"),
        Column('licence_categories', text,
            help="codes separated by spaces, such as C CE"),
        Column('experience_since', date,
            help="the day of the first driving licence"),
        Column('tachograph_card', text),
        ]

    def known(self, keys):
        drivers = self.get('fleet.driver')._proxy.search_read([
                ('company', '=', self.context['company']),
                ('party.name', 'in', list(keys)),
                ], 0, None, None, ['party.name'], self.context)
        return {d['party.']['name'] for d in drivers}

    def values(self, rows):
        rows = self._with_known_categories(rows)
        parties = self.find('party.party', 'name', {r['name'] for r in rows})
        missing = sorted({r['name'] for r in rows} - set(parties))
        if missing and not self.dry_run:
            parties |= dict(zip(missing, self.get('party.party')._proxy.create(
                        [{'name': n} for n in missing], self.context)))
        return [(row, {
                    'company': self.context['company'],
                    'party': parties.get(row['name']),
                    'experience_since': row['experience_since'],
                    'tachograph_card': row['tachograph_card'],
                    'licence_categories': [
                        ('add', [self._categories[c] for c in _codes(row)])],
                    }) for row in rows]

    def _with_known_categories(self, rows):
        self._categories = self.find(
            'fleet.licence.category', 'code',
            {c for r in rows for c in _codes(r)})
        result = []
        for row in rows:
            unknown = [c for c in _codes(row) if c not in self._categories]
            if unknown:
                self.reject(
                    row, 'licence_categories',
                    f"there is no licence category \"{unknown[0]}\": create "
                    "it in the configuration of the fleet")
            else:
                result.append(row)
        return result


def _codes(row):
    return (row['licence_categories'] or '').upper().split()
