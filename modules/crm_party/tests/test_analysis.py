# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
import random
from decimal import Decimal
from unittest.mock import patch

from caravan.testing import set_up_chart, unvalidated
from trytond.modules.account.tests import get_fiscalyear
from trytond.transaction import Transaction

from .common import CASES, EXTRAS, CrmTestCase, set_up


class AnalysisTestCase(CrmTestCase):
    "Test what is told of customers by their purchases"
    modules = ['crm_party', *EXTRAS]
    set_ups = [set_up, set_up_chart]

    def buy(self, purchases, currency=None):
        """Insert posted invoices of customers with SQL, return the customers.

        purchases is {name: [(date, untaxed amount)]}, dates as ISO text.
        """
        Invoice = self.get('account.invoice')
        parties = {
            p.name: p for p in self.create_customers_named(purchases)}
        account, = self.get('account.account').search([
                ('type.receivable', '=', True),
                ('company', '=', self.company.id)], limit=1)
        addresses = self.get('party.address').create(
            [{'party': p.id} for p in parties.values()])
        addresses = {a.party.name: a.id for a in addresses}
        table = Invoice.__table__()
        rows = [[
                'out', 'posted', self.company.id, parties[name].id,
                addresses[name],
                (currency or self.company.currency).id, account.id,
                dt.date.fromisoformat(date), Decimal(amount), Decimal(amount)]
            for name, documents in purchases.items()
            for date, amount in documents]
        cursor = Transaction().connection.cursor()
        cursor.execute(*table.insert([
                    getattr(table, name) for name in [
                        'type', 'state', 'company', 'party',
                        'invoice_address', 'currency', 'account',
                        'invoice_date', 'untaxed_amount_cache',
                        'total_amount_cache']], rows))
        return parties

    def create_customers_named(self, names):
        customers = self.create_customers(len(names))
        for party, name in zip(customers, names):
            party.name = name
        self.get('party.party').save(customers)
        return customers

    def at(self, date):
        return patch.object(
            self.get('ir.date'), 'today',
            return_value=dt.date.fromisoformat(date))

    def scores(self, **context):
        with Transaction().set_context(**context):
            return {r.party.name: r for r in self.get('crm.rfm').search([])}

    def test_rfm_cases(self):
        case = CASES['rfm_small']
        self.buy(case['invoices'])
        found = self.scores(
            date=dt.date.fromisoformat(case['today']),
            days=case['window_days'])
        for name, expected in case['expected'].items():
            with self.subTest(name):
                if expected is None:
                    self.assertNotIn(name, found)
                    continue
                row = found[name]
                self.assertEqual({
                        'R': row.recency, 'F': row.frequency,
                        'M': f'{row.monetary:.2f}', 'r': row.r, 'f': row.f,
                        'm': row.m, 'segment': row.segment}, expected)
        # The page of the customer shows the same
        with self.at(case['today']):
            self.get('crm.profile').compute()
        for profile in self.get('crm.profile').search([]):
            row = found.get(profile.party.name)
            with self.subTest(profile.party.name):
                self.assertEqual(
                    [profile.turnover, profile.r, profile.f, profile.m,
                        profile.rfm_segment, profile.abc],
                    [row.monetary, row.r, row.f, row.m, row.segment,
                        row.abc] if row else [None] * 6)
                # A handful of customers tells nothing of the future
                self.assertIsNone(profile.p_alive)

    def test_rfm_empty(self):
        "Without purchases, and with one customer"
        self.assertEqual(self.scores(), {})
        self.buy({"Only": [('2026-01-01', '10')]})
        row = self.scores(date=dt.date(2026, 1, 1))["Only"]
        self.assertEqual(
            (row.recency, row.r, row.f, row.m, row.abc), (0, 1, 1, 1, 'a'))
        self.assertEqual(self.scores(date=dt.date(2025, 12, 31)), {})
        self.assertEqual(
            set(self.scores(date=dt.date(2030, 1, 1), days=0)), {"Only"})

    def test_abc_cases(self):
        case = CASES['abc']
        # What nobody has paid for is no purchase, half of it is one
        self.buy({
                name: [('2026-01-01', amount)] + (
                    [('2026-01-02', '1'), ('2026-01-03', '-1')]
                    if name == 'h' else [])
                for name, amount in case['revenue'].items()})
        found = self.scores(date=dt.date(2026, 1, 31))
        for name, expected in case['expected'].items():
            with self.subTest(name):
                self.assertEqual(
                    found[name].abc, expected and expected.lower())

    def test_abc_border(self):
        "Who begins at exactly 80 % is a B, whatever cents sum up to"
        self.buy({
                **{f"A{i}": [('2026-01-01', '0.10')] for i in range(8)},
                "B": [('2026-01-01', '0.10')], "C": [('2026-01-01', '0.10')]})
        found = self.scores(date=dt.date(2026, 1, 31))
        self.assertEqual(
            sorted(r.abc for r in found.values()), ['a'] * 8 + ['b'] * 2)

    def test_currency(self):
        "Invoices in another currency count at the rate of their day"
        Currency = self.get('currency.currency')
        other, = Currency.create([{
                    'name': "Other", 'code': 'OTH', 'symbol': "o",
                    'rates': [('create', [
                                {'date': dt.date(2026, 1, 1),
                                    'rate': Decimal(2)},
                                {'date': dt.date(2026, 2, 1),
                                    'rate': Decimal(4)}])],
                    }])
        self.get('currency.currency').write([self.company.currency], {
                'rates': [('create', [{
                                'date': dt.date(2020, 1, 1),
                                'rate': Decimal(1)}])]})
        self.buy({"Far": [
                    ('2026-01-31', '100'), ('2026-02-01', '100')]},
            currency=other)
        row = self.scores(date=dt.date(2026, 3, 1))["Far"]
        self.assertEqual(row.monetary, Decimal('75.00'))

    def churn(self, **context):
        with Transaction().set_context(**context):
            return {
                r.month.isoformat()[:7]: r
                for r in self.get('crm.churn').search([])}

    def test_churn_cases(self):
        case = CASES['churn_small']
        self.buy({
                name: [(date, '10') for date in dates]
                for name, dates in case['purchases'].items()})
        context = {
            'lost_days': case['N'], 'from_date': dt.date(2026, 1, 1),
            'to_date': dt.date(2026, 7, 31)}
        found = self.churn(**context)
        for expected in case['expected']:
            row = found.pop(expected['month'])
            with self.subTest(**expected):
                self.assertEqual({
                        'month': expected['month'], 'start': row.start,
                        'new': row.new, 'reactivated': row.won_back,
                        'lost': row.lost, 'end': row.end,
                        'churn_rate': row.rate}, expected)
        self.assertFalse(found)
        # What was before is in the number at the start
        row, = self.churn(**{
                **context, 'from_date': dt.date(2026, 7, 1)}).values()
        self.assertEqual((row.start, row.lost, row.end), (3, 1, 2))
        # Each number opens its customers
        with Transaction().set_context(**context):
            events = self.get('crm.churn.event').search([
                    ('month', '=', 202604), ('kind', '=', 'lost')])
            self.assertEqual(
                {(e.party.name, e.date.isoformat()) for e in events}, {
                    ("P", '2026-04-21'), ("Q", '2026-04-01'),
                    ("R", '2026-04-02')})

    def test_churn_adds_up(self):
        "The end of a month is the start of the next, all is told once"
        choose = random.Random(3)
        self.buy({f"C{i}": [
                    ((dt.date(2025, 1, 1) + dt.timedelta(
                            days=choose.randrange(400))).isoformat(), '10')
                    for _ in range(choose.randrange(1, 6))]
                for i in range(25)})
        rows = list(self.churn(
                lost_days=45, from_date=dt.date(2025, 1, 1),
                to_date=dt.date(2026, 6, 30)).values())
        rows.sort(key=lambda r: r.month)
        self.assertEqual(len(rows), 18)
        for row, after in zip(rows, rows[1:] + [None]):
            self.assertEqual(
                row.end, row.start + row.new + row.won_back - row.lost)
            if after:
                self.assertEqual(after.start, row.end)
        self.assertEqual(sum(r.new for r in rows), 25)
        self.assertEqual(rows[-1].end, 0)

    def test_churn_manager(self):
        _, other = self.create_user('other', 'group_crm')
        parties = self.buy({
                "Ours": [('2026-01-10', '10')],
                "Theirs": [('2026-01-10', '10')]})
        profile, = parties["Theirs"].crm_profiles
        profile.manager = other
        profile.save()
        context = {
            'from_date': dt.date(2026, 1, 1), 'to_date': dt.date(2026, 1, 31)}
        for manager, number in [(None, 2), (other.id, 1)]:
            row, = self.churn(manager=manager, **context).values()
            self.assertEqual((row.new, row.end), (number, number))

    def test_expectation(self):
        "Who has not come for long is hardly a customer"
        choose = random.Random(1)
        start = dt.date(2025, 1, 1)
        purchases = {}
        for i in range(230):
            days = sorted({0, *(
                        choose.randrange(1, 300)
                        for _ in range(choose.randrange(1, 8)))})
            purchases[f"C{i}"] = [
                ((start + dt.timedelta(days=d)).isoformat(),
                    str(choose.randrange(10, 90))) for d in days]
        purchases["Gone"] = [
            ((start + dt.timedelta(days=d)).isoformat(), '50')
            for d in range(0, 40, 2)]
        purchases["Loyal"] = [
            ((start + dt.timedelta(days=d)).isoformat(), '50')
            for d in range(0, 300, 15)]
        self.buy(purchases)
        Profile = self.get('crm.profile')
        with self.at('2025-11-01'):
            Profile.compute()
        profiles = {p.party.name: p for p in Profile.search([])}
        gone, loyal = profiles["Gone"], profiles["Loyal"]
        self.assertLess(gone.p_alive, 0.2)
        self.assertGreater(loyal.p_alive, 0.8)
        self.assertGreater(loyal.expected_value, 10 * gone.expected_value)
        # Less than if he went on as he did: he may stop as the others
        self.assertGreater(loyal.expected_value, 300)
        self.assertLess(loyal.expected_value, 50 * 365 / 15)

    def test_debtors(self):
        pool = self.get
        journal, = pool('account.journal').search(
            [('type', '=', 'revenue')], limit=1)
        account, = pool('account.account').search([
                ('type.receivable', '=', True),
                ('company', '=', self.company.id)], limit=1)
        move = pool('account.move').__table__()
        line = pool('account.move.line').__table__()
        cursor = Transaction().connection.cursor()
        period = self.period()
        owing, paid = self.create_customers_named(["Owing", "Paid"])
        cursor.execute(*move.insert(
                [move.company, move.journal, move.period, move.date,
                    move.state],
                [[
                    self.company.id, journal.id, period.id, self.today,
                    'posted']]))
        cursor.execute(*move.select(move.id))
        (id_,), = cursor.fetchall()
        late = self.today - dt.timedelta(days=12)
        soon = self.today + dt.timedelta(days=5)
        rows = [
            [id_, account.id, party.id, debit, credit, day, 'valid']
            for party, debit, credit, day in [
                (owing, 100, 0, late), (owing, 50, 0, soon),
                (owing, 0, 30, None), (paid, 10, 0, late),
                # What is owed to a customer is no debt of his
                (owing, 0, 20, late - dt.timedelta(days=9)),
                (paid, 0, 10, None)]]
        cursor.execute(*line.insert(
                [line.move, line.account, line.party, line.debit,
                    line.credit, line.maturity_date, line.state], rows))
        row, = pool('crm.debtor').search([])
        self.assertEqual(
            (row.party, row.amount, row.overdue, row.since, row.days,
                row.manager),
            (owing, Decimal('100.00'), Decimal('50.00'), late, 12,
                self.manager))

    def period(self):
        year = get_fiscalyear(self.company, today=self.today)
        with unvalidated():
            year.save()
            year.create_period([year])
        return year.periods[0]

    def test_lists(self):
        "The lists need the same queries for many customers"
        self.buy({f"C{i}": [(self.today.isoformat(), str(i + 1))]
                for i in range(30)})
        names = ['party.rec_name', 'manager.rec_name', 'branch.rec_name']
        for name in ['crm.rfm', 'crm.churn.event']:
            Model = self.get(name)

            def read(number):
                rows = Model.search([], limit=number)
                self.assertEqual(len(rows), number)
                Model.read([r.id for r in rows], names)
            with self.subTest(name):
                self.assertConstantQueries(read, large=30)
