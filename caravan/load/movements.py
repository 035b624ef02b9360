# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from .engine import Column, Loader, date, decimal, text


class Movements(Loader):
    "Movements of goods by basis: issues, transfers, write-offs, returns"
    model = 'stock.shipment.internal'
    modules = ['stock_ext']
    key = 'reference'
    columns = [
        Column('reference', text, required=True,
            help="The key of the movement outside of Tryton."),
        Column('basis', text, required=True,
            help="The code of the basis."),
        Column('product', text, required=True,
            help="The code of the product."),
        Column('quantity', decimal, required=True),
        Column('unit', text,
            help="The symbol of the unit, that of the product by default."),
        Column('from_location', text,
            help="The code of the location, that of the basis by default."),
        Column('to_location', text,
            help="The code of the location, that of the basis by default."),
        Column('date', date, help="Today by default."),
        Column('document', text,
            help="The document that justifies the movement, or the reason."),
        Column('requested_by', text,
            help="The name or the code of the employee's party."),
        Column('lot', text,
            help="The number of the lot, where lots are used."),
        ]

    def begin(self):
        self.bases = self._all('stock.basis', 'code')
        self.locations = self._all('stock.location', 'code')
        self.units = self._all('product.uom', 'symbol')
        self.lots = 'lot' in self.get('stock.move')._fields
        self.employees = {}
        for name in ['party.code', 'party.name']:
            self.employees.update(self._all('company.employee', name))

    def _all(self, model, field):
        "Return {value of field: id} of all records that have one"
        records = self.get(model)._proxy.search_read(
            [(field, '!=', None)], 0, None, None, [field], self.context)
        if '.' not in field:
            return {r[field]: r['id'] for r in records}
        parent, name = field.split('.')
        return {r[parent + '.'][name]: r['id'] for r in records}

    def known(self, keys):
        return set(self.find(
                self.model, 'reference', keys, [
                    ('company', '=', self.context['company']),
                    ('basis', '!=', None)]))

    def values(self, rows):
        products = self.find(
            'product.product', 'code', [r['product'] for r in rows])
        lots = self._lots(rows)
        result = []
        for row in rows:
            values = self._values(row, products, lots)
            if values:
                result.append((row, values))
        return result

    def _lots(self, rows):
        "Return {(id of product, number): id}"
        numbers = {r['lot'] for r in rows if r['lot']}
        if not numbers or not self.lots:
            return {}
        return {
            (lot['product'], lot['number']): lot['id']
            for lot in self.get('stock.lot')._proxy.search_read(
                [('number', 'in', list(numbers))], 0, None, None,
                ['product', 'number'], self.context)}

    def _values(self, row, products, lots):
        "Return what draw_up takes, nothing for a row that is rejected"
        found = {}
        for column, known, what in [
                ('basis', self.bases, "basis with the code"),
                ('product', products, "product with the code"),
                ('unit', self.units, "unit with the symbol"),
                ('from_location', self.locations, "location with the code"),
                ('to_location', self.locations, "location with the code"),
                ('requested_by', self.employees, "employee called")]:
            value = row[column]
            found[column] = known.get(value)
            if value and not found[column]:
                self.reject(row, column, f"there is no {what} \"{value}\"")
                return
        move = {
            'product': found['product'],
            'unit': found['unit'],
            'quantity': float(row['quantity']),
            }
        if row['lot']:
            move['lot'] = lots.get((found['product'], row['lot']))
            if not move['lot']:
                self.reject(row, 'lot',
                    f"there is no lot \"{row['lot']}\" of {row['product']}")
                return
        return {
            'reference': row['reference'],
            'date': row['date'],
            'basis_text': row['document'],
            'company': self.context['company'],
            'moves': [move],
            **{name: found[name] for name in [
                    'basis', 'from_location', 'to_location', 'requested_by']},
            }

    def create(self, values):
        self.get(self.model)._proxy.draw_up(values, self.context)
