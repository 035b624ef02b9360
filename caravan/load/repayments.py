# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from ..errors import Failure
from .engine import Column, Loader, date, decimal, text


class Repayments(Loader):
    "Payments on loans, each with the reference of the bank"
    model = 'loan.transaction'
    modules = ['loan']
    key = 'reference'
    size = 100
    columns = [
        Column('reference', text, required=True,
            help="Reference of the bank: the same one is booked once"),
        Column('loan', text, required=True,
            help="Number or reference of the loan"),
        Column('date', date, required=True, help="Value date"),
        Column('amount', decimal, required=True),
        Column('method', text, help="Name of the payment method"),
        ]

    def begin(self):
        methods = self.get('loan.payment.method')._proxy.search_read(
            [('company', '=', self.context['company'])], 0, None,
            [('id', 'ASC')], ['name'], self.context)
        if not methods:
            raise Failure("There is no loan payment method: make one first.")
        self.methods = {m['name']: m['id'] for m in methods}
        self.method = methods[0]['id']

    def known(self, keys):
        return set(self.find('loan.transaction', 'key', keys))

    def values(self, rows):
        names = [row['loan'] for row in rows]
        domain = [('company', '=', self.context['company'])]
        loans = {
            **self.find('loan.loan', 'reference', names, domain),
            **self.find('loan.loan', 'number', names, domain)}
        result = []
        for row in rows:
            method = self.methods.get(row['method'])
            if row['loan'] not in loans:
                self.reject(
                    row, 'loan', f"there is no loan \"{row['loan']}\"")
            elif row['amount'] <= 0:
                self.reject(
                    row, 'amount', f"{row['amount']} must be positive")
            elif row['method'] and not method:
                self.reject(
                    row, 'method',
                    f"there is no payment method \"{row['method']}\"")
            else:
                result.append((row, {
                            'loan': loans[row['loan']],
                            'date': row['date'],
                            'amount': row['amount'],
                            'method': method or self.method,
                            'key': row['reference'],
                            }))
        return result

    def create(self, values):
        self.get('loan.loan')._proxy.book_payments(values, self.context)
