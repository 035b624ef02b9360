# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from .engine import Column, Loader, date, datetime, text


class Activities(Loader):
    "Calls, visits and letters, planned or done"
    model = 'crm.activity'
    modules = ['crm_party']
    key = 'reference'
    columns = [
        Column('reference', text, required=True,
            help="Identifies the activity"),
        Column('type', text, required=True, help="Name of the type"),
        Column('party', text, required=True, help="Code of the party"),
        Column('employee', text, help="Name of the employee in charge"),
        Column('date', date, help="Day for which it is planned"),
        Column('done_at', datetime, help="When it was done, empty if not"),
        Column('subject', text),
        Column('result', text, help="Name of the result"),
        Column('note', text),
        ]

    def known(self, keys):
        return set(self.find(
                'crm.activity', 'reference', keys,
                domain=[('company', '=', self.context['company'])]))

    def values(self, rows):
        company = [('company', '=', self.context['company'])]
        self.types = self.find(
            'crm.activity.type', 'name', [r['type'] for r in rows])
        self.results = self.find(
            'crm.activity.result', 'name',
            [r['result'] for r in rows if r['result']])
        self.parties = self.find(
            'party.party', 'code', [r['party'] for r in rows])
        self.employees = self.find(
            'company.employee', 'party.name',
            [r['employee'] for r in rows if r['employee']], domain=company)
        return [
            (r, self._get_values(r)) for r in rows if not self._is_bad(r)]

    def _is_bad(self, row):
        for column, known, what in [
                ('type', self.types, "activity type"),
                ('party', self.parties, "party with the code"),
                ('employee', self.employees, "employee"),
                ('result', self.results, "activity result")]:
            if row[column] and row[column] not in known:
                self.reject(
                    row, column, f"there is no {what} \"{row[column]}\"")
                return True
        if not row['date'] and not row['done_at']:
            self.reject(
                row, 'date', "has neither a date nor a time when it was done")
            return True
        if row['done_at'] and row['done_at'] > dt.datetime.now():
            self.reject(row, 'done_at', f"{row['done_at']} is in the future")
            return True
        return False

    def _get_values(self, row):
        done = row['done_at'] is not None
        employee = self.employees.get(row['employee'])
        return {
            'reference': row['reference'],
            'company': self.context['company'],
            'type': self.types[row['type']],
            'party': self.parties[row['party']],
            'employee': employee,
            'date': row['date'],
            'subject': row['subject'],
            'result': self.results.get(row['result']),
            'note': row['note'],
            'done_at': row['done_at'],
            'done_by': employee if done else None,
            'state': 'done' if done else 'planned',
            }
