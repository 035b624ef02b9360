# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
from collections import Counter
from decimal import Decimal

from .engine import Column, Loader, date, decimal, text


class Purchases(Loader):
    """What customers bought, as posted invoices or as activities

    Invoices where account_invoice is active, numbered by their reference:
    their days need open fiscal years.  Otherwise done activities of the type
    "Purchase".
    """
    modules = ['crm_party']
    key = 'reference'
    columns = [
        Column('customer', text, required=True, help="Code of the party"),
        Column('date', date, required=True),
        Column('amount', decimal, required=True),
        Column('quantity', decimal),
        Column('reference', text,
            help="Identifies the purchase; customer, date and a number "
            "where there is none"),
        ]

    def begin(self):
        active = self.get('ir.module')._proxy.search_count([
                ('name', '=', 'account_invoice'),
                ('state', '=', 'activated'),
                ], self.context)
        self.target = (
            _Invoices(self) if active else _Activities(self))
        self._numbers = Counter()

    def _new_rows(self, rows):
        # A customer may buy twice a day: the rows are told apart by their
        # order in the file
        for row in rows:
            if not row['reference']:
                customer, day = row['customer'], row['date']
                self._numbers[customer, day] += 1
                row.values['reference'] = (
                    f"{customer}/{day}/{self._numbers[customer, day]}")
        return super()._new_rows(rows)

    def known(self, keys):
        return set(self.find(
                self.target.model, self.target.key, keys,
                domain=[('company', '=', self.context['company'])]))

    def values(self, rows):
        rows = [r for r in rows if not self.target.is_bad(r)]
        parties = self._get_parties([r['customer'] for r in rows])
        return self.target.values(rows, parties)

    def create(self, values):
        self.target.create(values)

    def _get_parties(self, codes):
        "Return {code: id}, the missing parties made"
        parties = self.find('party.party', 'code', codes)
        missing = sorted(set(codes) - set(parties))
        if self.dry_run:
            return {**parties, **dict.fromkeys(missing, -1)}
        if missing:
            new = self.get('party.party')._proxy.create([{
                        'code': code,
                        'name': f"Customer {code}",
                        'addresses': [('create', [{}])],
                        } for code in missing], self.context)
            parties.update(zip(missing, new))
        return parties


class _Target:
    "What purchases become; key is the field with their reference"
    model = None
    key = None

    def __init__(self, loader):
        self.loader = loader
        self.context = loader.context

    def get(self, name):
        return self.loader.get(name)

    def is_bad(self, row):
        if row['date'] > dt.date.today():
            self.loader.reject(
                row, 'date', f"{row['date']} is in the future")
            return True
        return False


class _Activities(_Target):
    model = 'crm.activity'
    key = 'reference'

    def __init__(self, loader):
        super().__init__(loader)
        Type = self.get('crm.activity.type')
        types = Type._proxy.search(
            [('channel', '=', 'purchase')], 0, 1, None, self.context)
        if not types and not loader.dry_run:
            types = Type._proxy.create([{
                        'name': "Purchase",
                        'channel': 'purchase',
                        }], self.context)
        self.type = types[0] if types else -1

    def values(self, rows, parties):
        return [(row, {
                    'reference': row['reference'],
                    'company': self.context['company'],
                    'type': self.type,
                    'party': parties[row['customer']],
                    'employee': None,
                    'date': None,
                    'subject': f"{row['amount']}",
                    'done_at': dt.datetime.combine(
                        row['date'], dt.time(12)),
                    'state': 'done',
                    }) for row in rows]

    def create(self, values):
        self.get(self.model)._proxy.create(values, self.context)


class _Invoices(_Target):
    model = 'account.invoice'
    key = 'number'

    def __init__(self, loader):
        super().__init__(loader)
        company = ('company', '=', self.context['company'])

        def read(model, domain, names, limit=None):
            return self.get(model)._proxy.search_read(
                domain, 0, limit, None, names, self.context)
        configuration, = self.get('account.configuration')._proxy.read(
            [1], ['default_account_receivable'], self.context)
        self.account = configuration['default_account_receivable']
        revenues = read('account.account', [
                company, ('type.revenue', '=', True), ('closed', '!=', True),
                ], ['rec_name'], 1)
        self.revenue = revenues[0]['id'] if revenues else None
        journals = read(
            'account.journal', [('type', '=', 'revenue')], ['rec_name'], 1)
        self.journal = journals[0]['id'] if journals else None
        self.currency = read(
            'company.company', [('id', '=', self.context['company'])],
            ['currency'])[0]['currency']
        self.years = [
            (y['start_date'], y['end_date']) for y in read(
                'account.fiscalyear', [company, ('state', '=', 'open')],
                ['start_date', 'end_date'])]

    def is_bad(self, row):
        if super().is_bad(row):
            return True
        for name, value in [
                ('default receivable account', self.account),
                ('revenue account', self.revenue),
                ('revenue journal', self.journal)]:
            if not value:
                self.loader.reject(row, '', f"the company has no {name}")
                return True
        if not any(s <= row['date'] <= e for s, e in self.years):
            self.loader.reject(
                row, 'date', f"there is no open fiscal year for "
                f"{row['date']}: make one first")
            return True
        return False

    def values(self, rows, parties):
        addresses = self.loader.find(
            'party.address', 'party', list(parties.values()))
        if self.loader.dry_run:
            addresses = dict.fromkeys(parties.values(), -1)
        return [
            (row, self._get_values(row, parties[row['customer']], addresses))
            for row in rows]

    def _get_values(self, row, party, addresses):
        quantity = row['quantity']
        return {
            'type': 'out',
            'number': row['reference'],
            'company': self.context['company'],
            'party': party,
            'invoice_address': addresses.get(party),
            'invoice_date': row['date'],
            'journal': self.journal,
            'account': self.account,
            'currency': self.currency,
            'lines': [('create', [{
                            'type': 'line',
                            'description': (
                                f"{quantity} items" if quantity else None),
                            'account': self.revenue,
                            'quantity': 1,
                            'unit_price': Decimal(row['amount']),
                            }])],
            }

    def create(self, values):
        self.get(self.model)._proxy.load_history(values, self.context)
