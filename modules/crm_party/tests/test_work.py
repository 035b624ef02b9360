# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
from decimal import Decimal

from trytond.model.exceptions import AccessError
from trytond.pool import Pool
from trytond.transaction import Transaction

from .common import CASES, CrmTestCase


class PlanDoneTestCase(CrmTestCase):
    "Test plan and done"

    def test_cases(self):
        from unittest.mock import patch
        case = CASES['plan_done']

        def date(text):
            return dt.date.fromisoformat(text) if text else None
        employees = {}
        party = self.create_party()
        for activity in case['activities']:
            owner = activity['owner']
            if owner not in employees:
                _, employees[owner] = self.create_user(owner, 'group_crm')
            done = date(activity['done'])
            record = self.plan(party,
                employee=employees[owner].id,
                state=activity['state'],
                done_at=done and dt.datetime.combine(done, dt.time(12)))
            table = record.__table__()
            Transaction().connection.cursor().execute(*table.update(
                    [table.date], [date(activity['due'])],
                    where=table.id == record.id))
        PlanDone = self.get('crm.plan.done')
        with patch.object(
                self.get('ir.date'), 'today',
                return_value=date(case['today'])), \
                Transaction().set_context(
                    from_date=date(case['from']), to_date=date(case['to'])):
            rows = {r.employee: r for r in PlanDone.search([])}
            for owner, expected in case['expected'].items():
                for name, value in expected.items():
                    with self.subTest(owner=owner, name=name):
                        self.assertEqual(
                            getattr(rows[employees[owner]], name), value)


class WorkTestCase(CrmTestCase):
    "Test piece rates"

    def setUp(self):
        super().setUp()
        self.month = dt.date(2026, 3, 1)
        self.party = self.create_party("Customer")
        _, self.clerk = self.create_user('clerk', 'group_crm')

    def rate(self, amount, **values):
        return self.create('crm.work.rate', **{
                'name': f"Rate {amount}",
                'company': self.company.id,
                'activity_type': self.call.id,
                'amount': Decimal(amount),
                **values})

    def call_on(self, *date, employee=None):
        return self.done(
            self.party, dt.date(*date),
            done_by=(employee or self.manager).id)

    def make(self, month=None):
        Sheet = self.get('crm.work.sheet')
        return {
            s.employee: s for s in Sheet.browse(
                Sheet.make(self.company, month or self.month))}

    def test_sheet(self):
        Sheet = self.get('crm.work.sheet')
        self.rate('1.10')
        self.rate('2.00', employee=self.clerk.id)
        calls = [self.call_on(2026, 3, d) for d in [1, 15, 31]]
        self.call_on(2026, 2, 28)
        self.call_on(2026, 4, 1)
        self.plan(self.party, dt.date(2026, 3, 5))
        self.call_on(2026, 3, 2, employee=self.clerk)
        sheets = self.make()
        self.assertEqual(
            {e: (s.pieces, s.amount) for e, s in sheets.items()}, {
                self.manager: (3, Decimal('3.30')),
                self.clerk: (1, Decimal('2.00'))})
        # Again is the same
        self.assertEqual(self.make()[self.manager].pieces, 3)
        # What is not done any more is not paid
        self.get('crm.activity').reopen([calls[0]])
        self.assertEqual(self.make()[self.manager].pieces, 2)
        # A closed sheet stays, and its work is not paid twice
        Sheet.close([sheets[self.manager]])
        calls[1].done_at = dt.datetime(2026, 4, 2)
        calls[1].save()
        self.assertEqual(self.make()[self.manager].pieces, 2)
        april = self.make(dt.date(2026, 4, 30))
        self.assertEqual(april[self.manager].pieces, 1)
        with self.assertRaises(AccessError):
            Sheet.delete([Sheet(sheets[self.manager].id)])

    def test_dates_and_cases(self):
        type_ = self.create('crm.case.type', name="Complaint")
        self.rate('5', kind='case', activity_type=None)
        self.rate('1', start_date=dt.date(2026, 3, 10))
        self.call_on(2026, 3, 9)
        self.call_on(2026, 3, 10)
        self.create('crm.case',
            company=self.company.id, party=self.party.id, type=type_.id,
            subject="Late", state='solved', solved_by=self.manager.id,
            solved_at=dt.datetime(2026, 3, 31, 12))
        self.assertEqual(
            self.make()[self.manager].amount, Decimal('6'))

    def test_timezone(self):
        "The day is that of the company"
        self.company.timezone = 'Asia/Almaty'
        self.company.save()
        type_ = self.create('crm.case.type', name="Complaint")
        self.rate('5', kind='case', activity_type=None)
        self.create('crm.case',
            company=self.company.id, party=self.party.id, type=type_.id,
            subject="Late", state='solved', solved_by=self.manager.id,
            solved_at=dt.datetime(2026, 3, 31, 20))
        self.assertFalse(self.make())
        sheet = self.make(dt.date(2026, 4, 1))[self.manager]
        self.assertEqual(sheet.entries[0].date, dt.date(2026, 4, 1))

    def test_print(self):
        Report = Pool().get('crm.work.sheet', type='report')
        self.rate('1.10')
        self.call_on(2026, 3, 1)
        self.call_on(2026, 3, 2, employee=self.clerk)
        sheets = self.make()
        for ids in [[s.id] for s in sheets.values()] + [
                [s.id for s in sheets.values()]]:
            with self.subTest(ids=ids):
                content, name = self.render(Report, ids)
                self.assertIn("Work Sheet", name)
                for sheet in self.get('crm.work.sheet').browse(ids):
                    self.assertIn(sheet.employee.rec_name, content)
