# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from datetime import date as Date

from ..errors import Failure
from .engine import Column, Loader, date, decimal, integer, text

# What the column target may say, in lower case
APPROVED = {'good', 'approved', 'yes', '1'}
REJECTED = {'bad', 'rejected', 'no', '0', '2'}
NOTES = [
    'credit_history', 'collateral', 'secondary_obligor', 'housing', 'job',
    'years_employment', 'age', 'n_credits']


class Loans(Loader):
    "Loan applications with the decision taken on each"
    model = 'loan.loan'
    modules = ['loan']
    key = 'application'
    size = 100
    columns = [
        Column('application', text, required=True,
            help="Number of the application, becomes the reference"),
        Column('credit_amount', decimal, required=True,
            help="Amount asked for"),
        Column('month_duration', integer, required=True,
            help="Number of instalments"),
        Column('target', text,
            help="good or approved, bad or rejected; empty: no decision yet"),
        Column('reason', text, help="Reason of the rejection"),
        Column('party', text,
            help="Name of the applicant, made when missing"),
        Column('product', text, help="Code or name of the product"),
        Column('rate', decimal, help="Annual rate in percent"),
        Column('application_date', date),
        Column('payout_date', date),
        Column('purpose', text),
        *(Column(name, text) for name in NOTES),
        ]

    def begin(self):
        self.products = self.get('loan.product')._proxy.search_read(
            [('side', '=', 'lent')], 0, None, [('id', 'ASC')],
            ['name', 'code', 'amount_min', 'amount_max', 'term_min',
                'term_max'], self.context)
        if not self.products:
            raise Failure(
                "There is no loan product for loans given: make one first.")
        self.today = Date.today()

    def known(self, keys):
        return set(self.find('loan.loan', 'reference', keys, domain=[
                    ('company', '=', self.context['company'])]))

    def values(self, rows):
        rows = [row for row in rows if self._check(row)]
        parties = self._parties([self._applicant(row) for row in rows])
        result = []
        for row in rows:
            product = self._product(row)
            if not product:
                continue
            values = {
                'reference': row['application'],
                'party': parties[self._applicant(row)],
                'product': product,
                'amount_requested': row['credit_amount'],
                'term': row['month_duration'],
                'purpose': row['purpose'],
                'application_date': row['application_date'] or self.today,
                'disbursement_date': row['payout_date'] or self.today,
                'description': self._notes(row),
                'decision': self._decision(row),
                'reject_reason': self._reason(row),
                }
            if row['rate'] is not None:
                values['rate'] = row['rate'] / 100
            result.append((row, values))
        return result

    def _check(self, row):
        for column in ['credit_amount', 'month_duration']:
            if row[column] <= 0:
                self.reject(row, column, f"{row[column]} must be positive")
                return False
        if row['target'] and not self._decision(row):
            self.reject(
                row, 'target', f"\"{row['target']}\" is neither good nor bad")
            return False
        return True

    def _applicant(self, row):
        return row['party'] or f"Applicant {row['application']}"

    def _parties(self, names):
        Party = self.get('party.party')
        found = self.find('party.party', 'name', names)
        missing = [n for n in dict.fromkeys(names) if n not in found]
        if self.dry_run:
            found.update((name, -i) for i, name in enumerate(missing, 1))
        elif missing:
            ids = Party._proxy.create(
                [{'name': name} for name in missing], self.context)
            found.update(zip(missing, ids))
        return found

    def _product(self, row):
        "Return the id of the product that is named, or that takes the loan"
        amount, term = row['credit_amount'], row['month_duration']
        named = row['product']
        for product in self.products:
            if named:
                if named in {product['code'], product['name']}:
                    return product['id']
            elif (amount >= (product['amount_min'] or 0)
                    and amount <= (product['amount_max'] or amount)
                    and term >= (product['term_min'] or 0)
                    and term <= (product['term_max'] or term)):
                return product['id']
        if named:
            self.reject(row, 'product', f"there is no product \"{named}\"")
        else:
            self.reject(
                row, 'credit_amount',
                f"no product takes {amount} in {term} instalments")

    def _decision(self, row):
        target = (row['target'] or '').lower()
        if target in APPROVED:
            return 'approve'
        return 'reject' if target in REJECTED else None

    def _reason(self, row):
        if self._decision(row) != 'reject':
            return None
        if row['reason']:
            return row['reason']
        told = '; '.join(
            f"{name.replace('_', ' ')}: {row[name]}"
            for name in ['credit_history', 'collateral'] if row[name])
        return f"Bad risk ({told})" if told else "Bad risk"

    def _notes(self, row):
        return '\n'.join(
            f"{name.replace('_', ' ')}: {row[name]}"
            for name in NOTES if row[name]) or None

    def create(self, values):
        "The server takes each application to the decision taken on it"
        self.get(self.model)._proxy.load_applications(values, self.context)
