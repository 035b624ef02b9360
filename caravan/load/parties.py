# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import re

from .engine import Column, Loader, boolean, date, text

_MECHANISMS = ['phone', 'mobile', 'email', 'website']
_EMAIL = re.compile(r'[^@\s]+@[^@\s]+\.[^@\s]+')


class Parties(Loader):
    "Customers with addresses, contacts, identifiers and their manager"
    model = 'party.party'
    modules = ['crm_party']
    key = 'code'
    columns = [
        Column('code', text, required=True, help="Identifies the party"),
        Column('name', text, required=True),
        Column('kind', text, help="person or organisation"),
        Column('birth_date', date),
        Column('identifier', text, help="Tax number or the like"),
        Column('identifier_type', text, help="Type of it, such as eu_vat"),
        Column('phone', text),
        Column('mobile', text),
        Column('email', text),
        Column('website', text),
        Column('street', text),
        Column('postal_code', text),
        Column('city', text),
        Column('country', text, help="Two letters, such as DE"),
        Column('category', text, help="Names separated by semicolons"),
        Column('manager', text, help="Name of the employee in charge"),
        Column('status', text, default='customer',
            help="prospect, customer, former or blocked"),
        Column('source', text),
        Column('since', date),
        Column('refuses_marketing', boolean, default=False),
        ]

    def known(self, keys):
        # Archived parties have their codes still
        return set(self.find(
                'party.party', 'code', keys, context={'active_test': False}))

    def values(self, rows):
        self._look_up(rows)
        result = []
        for row in rows:
            if not self._is_bad(row):
                result.append((row, self._get_values(row)))
        return result

    def _look_up(self, rows):
        self.countries = self.find(
            'country.country', 'code',
            [r['country'].upper() for r in rows if r['country']])
        self.managers = self.find(
            'company.employee', 'party.name',
            [r['manager'] for r in rows if r['manager']],
            domain=[('company', '=', self.context['company'])])
        self.sources = self._masters(
            'crm.source', [r['source'] for r in rows if r['source']])
        self.categories = self._masters(
            'party.category', [n for r in rows for n in self._names(r)])

    @staticmethod
    def _names(row):
        "Return the names of the categories of a row"
        names = (row['category'] or '').split(';')
        return [n.strip() for n in names if n.strip()]

    def _masters(self, model, names):
        "Return {name: id}, the missing ones made"
        ids = self.find(model, 'name', names)
        missing = sorted(set(names) - set(ids))
        if self.dry_run:
            return {**ids, **dict.fromkeys(missing, -1)}
        if missing:
            new = self.get(model)._proxy.create(
                [{'name': n} for n in missing], self.context)
            ids.update(zip(missing, new))
        return ids

    def _is_bad(self, row):
        if row['kind'] and row['kind'] not in {'person', 'organisation'}:
            self.reject(row, 'kind', f"\"{row['kind']}\" is neither person "
                "nor organisation")
        elif row['country'] and row['country'].upper() not in self.countries:
            self.reject(row, 'country', f"there is no country "
                f"\"{row['country']}\": use its two letters")
        elif row['manager'] and row['manager'] not in self.managers:
            self.reject(row, 'manager', f"there is no employee "
                f"\"{row['manager']}\" in the company")
        elif row['status'] not in {
                'prospect', 'customer', 'former', 'blocked'}:
            self.reject(row, 'status', f"\"{row['status']}\" is none of "
                "prospect, customer, former, blocked")
        elif row['email'] and not _EMAIL.fullmatch(row['email']):
            self.reject(row, 'email', f"\"{row['email']}\" is no e-mail "
                "address")
        else:
            return False
        return True

    def _get_values(self, row):
        values = {
            'code': row['code'],
            'name': row['name'],
            'crm_kind': row['kind'],
            'birth_date': row['birth_date'],
            'categories': [
                ('add', [self.categories[n] for n in self._names(row)])],
            'addresses': [('create', [self._get_address(row)])],
            'contact_mechanisms': [('create', [
                        {'type': t, 'value': row[t]} for t in _MECHANISMS
                        if row[t]])],
            'crm_profiles': [('create', [self._get_profile(row)])],
            }
        if row['identifier']:
            values['identifiers'] = [('create', [{
                            'type': row['identifier_type'],
                            'code': row['identifier'],
                            }])]
        return values

    def _get_address(self, row):
        return {
            'street_unstructured': row['street'],
            'postal_code': row['postal_code'],
            'city': row['city'],
            'country': self.countries.get((row['country'] or '').upper()),
            }

    def _get_profile(self, row):
        values = {
            'company': self.context['company'],
            'manager': self.managers.get(row['manager']),
            'status': row['status'],
            'source': self.sources.get(row['source']),
            'refuses_marketing': row['refuses_marketing'],
            }
        if row['since']:
            values['since'] = row['since']
        return values
