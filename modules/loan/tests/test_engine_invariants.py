# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What holds for every loan, on generated ones."""
import unittest
from calendar import monthrange
from datetime import date, timedelta
from decimal import Decimal as D

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from caravan.testing import examples
from trytond.modules.loan import engine
from trytond.modules.loan.engine import (
    Event, Item, Terms, allocate, make_schedule)

amounts = st.decimals(
    min_value=D('1'), max_value=D('9999999.99'), places=2)
dates = st.dates(min_value=date(2000, 1, 1), max_value=date(2060, 12, 31))
terms = st.builds(
    Terms,
    rate=st.decimals(min_value=D(0), max_value=D('2.5'), places=4),
    number=st.integers(1, 40),
    method=st.sampled_from(
        ['annuity', 'equal_principal', 'flat', 'interest_only', 'bullet']),
    day_count=st.sampled_from(list(engine.DAY_COUNTS)),
    frequency=st.sampled_from(list(engine.FREQUENCIES)),
    interval=st.integers(1, 6),
    rounding=st.sampled_from(list(engine.ROUNDINGS)),
    multiple=st.sampled_from([None, D('.05'), D(1)]),
    basis=st.sampled_from(list(engine.BASES)),
    remainder=st.sampled_from(['last', 'smooth', 'level']),
    by_segment=st.booleans(),
    fee_rate=st.sampled_from([D(0), D('.015')]))


def paid(schedule):
    return sum(r.principal + r.prepaid for r in schedule.rows)


class InvariantTestCase(unittest.TestCase):

    def check(self, schedule, lent):
        rows = schedule.rows
        self.assertEqual(paid(schedule), lent)
        self.assertEqual(rows[-1].closing, 0)
        balance = rows[0].opening
        for number, row in enumerate(rows, 1):
            self.assertEqual(row.number, number)
            self.assertEqual(row.opening, balance)
            self.assertEqual(
                row.closing,
                row.opening + row.disbursed - row.prepaid - row.principal)
            self.assertGreaterEqual(row.principal, 0)
            self.assertGreaterEqual(row.closing, 0)
            if not row.disbursed:
                self.assertLessEqual(row.closing, row.opening)
            balance = row.closing
        for row, following in zip(rows, rows[1:]):
            self.assertEqual(row.end, following.start)
        for row in rows[:-1]:
            self.assertGreaterEqual(row.interest, 0)

    @settings(max_examples=examples(300), deadline=None)
    @given(terms, amounts, dates)
    def test_flat(self, agreed, amount, start):
        "The interest of a flat loan is that of its whole life, rounded once"
        agreed = agreed.but(
            method='flat', remainder='last', by_segment=False, multiple=None)
        rows = make_schedule(agreed, amount, start).rows
        raw = sum(s.interest for r in rows for s in r.segments)
        total = sum(r.interest for r in rows)
        if len(rows) == agreed.number and rows[-1].interest:
            self.assertLess(abs(total - raw), D('.02'))

    @settings(max_examples=examples(300), deadline=None)
    @given(terms, amounts, dates,
        st.sampled_from(list(engine.FIRST_PERIODS)))
    def test_schedule(self, agreed, amount, start, first_period):
        schedule = make_schedule(
            agreed, amount, start, first_period=first_period)
        self.check(schedule, amount)

    @settings(max_examples=examples(250), deadline=None)
    @given(terms, amounts, dates, st.integers(0, 39), st.integers(0, 39),
        st.integers(0, 20))
    def test_grace(
            self, agreed, amount, start, principal, interest, free):
        assume(principal < agreed.number and interest < agreed.number)
        agreed = agreed.but(
            grace_principal=principal, grace_interest=interest,
            grace_free=free)
        schedule = make_schedule(agreed, amount, start)
        self.check(schedule, amount)
        for row in schedule.rows[:principal]:
            self.assertEqual(row.principal, 0)
        for row in schedule.rows[:min(interest, len(schedule.rows))]:
            self.assertEqual(row.interest, 0)

    @settings(max_examples=examples(250), deadline=None)
    @given(terms, amounts, dates, st.lists(
            st.tuples(st.integers(1, 900), st.integers(-50, 100)),
            max_size=4))
    def test_events(self, agreed, amount, start, changes):
        plan = make_schedule(agreed, amount, start)
        span = (plan.rows[-1].end - start).days
        events, balance = [], amount
        for at, part in sorted(changes):
            change = engine.round_to(balance * part / 100)
            events.append(Event(
                    start + timedelta(days=max(span * at // 1000, 1)),
                    change))
        try:
            schedule = make_schedule(agreed, amount, start, events=events)
        except ValueError as exception:
            # Principal already repaid cannot be paid back early, and what
            # is paid out at the end cannot be repaid
            self.assertRegex(
                str(exception), 'than is owed|before the last instalment')
            return
        happened = [
            e for e in events if e.date <= schedule.rows[-1].end]
        self.check(
            schedule, amount + sum(e.amount for e in happened if (
                    e.amount > 0)))

    @settings(max_examples=examples(200), deadline=None)
    @given(terms.map(lambda t: t.but(
                method='annuity', number=t.number + 1)),
        amounts.filter(lambda a: a >= 5), dates,
        st.decimals(min_value=D('.01'), max_value=D('.99'), places=2),
        st.integers(1, 999))
    def test_early_payment(self, agreed, amount, start, part, at):
        plan = make_schedule(agreed, amount, start)
        span = (plan.rows[0].end - start).days
        on = start + timedelta(days=max(span * at // 1000, 1))
        periods = [engine.Period(r.start, r.end, r.due) for r in plan.rows]
        agreed = agreed.but(number=len(periods))
        event = Event(on, -engine.round_to(amount * part))
        try:
            options = engine.early_payment(
                agreed, periods, amount, event,
                instalment=plan.rows[0].instalment)
        except ValueError as exception:
            self.assertIn('than is owed', str(exception))
            return
        for option in options:
            self.assertEqual(
                option.interest, option.schedule.total('interest'))
            self.assertEqual(option.schedule.rows[-1].closing, 0)
            self.assertLessEqual(option.last_due, plan.rows[-1].due)

    @settings(max_examples=examples(300), deadline=None)
    @given(amounts, dates, st.lists(st.tuples(
                st.integers(-100, 100),
                st.sampled_from(list(engine.COMPONENTS)), amounts),
            max_size=12),
        st.sampled_from(list(engine.DIRECTIONS)),
        st.sampled_from(list(engine.FUTURES)))
    def test_allocation(self, amount, on, dues, direction, future):
        items = [
            Item(n, on + timedelta(days=days), component, due)
            for n, (days, component, due) in enumerate(dues)]
        parts, rest = allocate(
            amount, items, on, direction=direction, future=future)
        self.assertEqual(sum(p.amount for p in parts) + rest, amount)
        self.assertGreaterEqual(rest, 0)
        totals = {}
        for part in parts:
            self.assertGreater(part.amount, 0)
            totals[part.key] = totals.get(part.key, 0) + part.amount
        for item in items:
            self.assertLessEqual(totals.get(item.key, 0), item.amount)
        if rest and future != 'none':
            self.assertEqual(
                sum(totals.values()), sum(i.amount for i in items))

    @settings(max_examples=examples(300), deadline=None)
    @example(date(2024, 1, 31), 1)
    @example(date(2023, 4, 30), 1)
    @example(date(2024, 2, 29), 12)
    @given(dates, st.integers(1, 24))
    def test_due_dates(self, first, interval):
        found = [d for d, _ in engine.due_dates(first, 'month', interval, 60)]
        for k, due in enumerate(found):
            self.assertEqual(
                due.year * 12 + due.month,
                first.year * 12 + first.month + k * interval)
            last = monthrange(due.year, due.month)[1]
            if first.day == monthrange(first.year, first.month)[1]:
                self.assertEqual(due.day, last)
            else:
                self.assertEqual(due.day, min(first.day, last))

    @settings(max_examples=examples(300), deadline=None)
    @given(st.sampled_from(list(engine.DAY_COUNTS)), dates, dates, dates)
    def test_day_count(self, day_count, start, middle, end):
        start, middle, end = sorted([start, middle, end])
        whole = engine.year_fraction(day_count, start, end)
        parts = engine.year_fraction(day_count, start, middle) + (
            engine.year_fraction(day_count, middle, end))
        slack = D('.01') if day_count.startswith('30') else D('1e-20')
        self.assertLessEqual(abs(whole - parts), slack)
        self.assertLess(
            abs(whole - D((end - start).days) / D('365.2425')),
            D('.02') * (1 + whole) + D('.02'))

    @settings(max_examples=examples(300), deadline=None)
    @given(st.lists(st.tuples(dates, st.decimals(
                    allow_nan=False, allow_infinity=False,
                    min_value=D('-1e9'), max_value=D('1e9'))), max_size=8))
    def test_rate_ends(self, flows):
        try:
            rate = engine.xirr(flows)
        except ValueError:
            return
        self.assertTrue(rate.is_finite())
        self.assertGreater(rate, -1)


class DateTestCase(unittest.TestCase):

    def test_month_end(self):
        for first, expected in [
                (date(2024, 1, 31), date(2024, 2, 29)),
                (date(2023, 4, 30), date(2023, 5, 31)),
                (date(2023, 2, 28), date(2023, 3, 31)),
                (date(2024, 2, 28), date(2024, 3, 28))]:
            self.assertEqual(
                engine.add_interval(first, 'month', 1), expected)
        self.assertEqual(
            engine.add_interval(date(2023, 4, 30), 'month', 1, False),
            date(2023, 5, 30))
        for month_end in [True, False]:
            rows = make_schedule(
                Terms(D('.12'), 3), D(300), date(2023, 1, 30),
                month_end=month_end).rows
            self.assertEqual(
                [r.due for r in rows], [
                    date(2023, 2, 28), date(2023, 3, 30), date(2023, 4, 30)])
            self.assertEqual(rows[0].interest, D(3))
        self.assertEqual(
            engine.add_interval(date(2024, 2, 29), 'year', 4),
            date(2028, 2, 29))

    def test_working_days(self):
        holidays = {date(2024, 5, 1)}
        args = date(2024, 5, 1), 'day', 1, 3, True
        for shift, expected in [
                ('same', [1, 2, 3]), ('next', [2, 2, 3]),
                ('previous', [30, 2, 3]), ('next_due', [2, 3, 6])]:
            self.assertEqual(
                [d.day for _, d in engine.due_dates(
                        *args, shift, holidays)], expected)
        with self.assertRaisesRegex(ValueError, "no working day"):
            engine.due_dates(*args, 'next', holidays, working_days=())

    def test_day_counts(self):
        # 30E against 30U at the end of February
        start, end = date(2024, 2, 29), date(2024, 3, 31)
        self.assertEqual(engine.day_fraction('30e_360', start, end), (31, 360))
        self.assertEqual(engine.day_fraction('30u_360', start, end), (30, 360))
        year = date(2023, 12, 15), date(2024, 1, 15)
        self.assertEqual(
            engine.day_fraction('act_act', *year),
            (17 * 366 + 14 * 365, 365 * 366))
        self.assertEqual(
            engine.day_fraction('act_act_december', *year),
            (16 * 366 + 15 * 365, 365 * 366))


class RefusalTestCase(unittest.TestCase):
    "Bad input gives a message, not a schedule"

    def test_terms(self):
        for changes, message in [
                ({'number': 0}, "at least one"),
                ({'rate': D('-.01')}, "between 0 and 1000"),
                ({'rate': D(11)}, "between 0 and 1000"),
                ({'method': 'magic'}, "unknown method"),
                ({'grace_principal': 12}, "leaves no instalment"),
                ({'multiple': D(0)}, "positive unit")]:
            agreed = Terms(D('.1'), 12).but(**changes)
            with self.assertRaisesRegex(ValueError, message):
                make_schedule(agreed, D(100), date(2024, 1, 1))

    def test_amount(self):
        for amount in [D(0), D(-1)]:
            with self.assertRaisesRegex(ValueError, "must be positive"):
                make_schedule(Terms(D('.1'), 2), amount, date(2024, 1, 1))

    def test_first_due(self):
        with self.assertRaisesRegex(ValueError, "is not after"):
            make_schedule(
                Terms(D('.1'), 2), D(100), date(2024, 1, 1),
                date(2024, 1, 1))

    def test_small_instalment(self):
        with self.assertRaisesRegex(ValueError, "does not cover"):
            make_schedule(
                Terms(D('.12'), 12, instalment=D(5)), D(1000),
                date(2024, 1, 1))

    def test_no_rate(self):
        for flows in [[], [(date(2024, 1, 1), D(100))],
                [(date(2024, 1, 1), D(100)), (date(2024, 2, 1), D(1))]]:
            with self.assertRaisesRegex(ValueError, "both directions"):
                engine.xirr(flows)

    def test_negative_payment(self):
        with self.assertRaisesRegex(ValueError, "negative"):
            allocate(D(-1), [], date(2024, 1, 1))


class EarlyTestCase(unittest.TestCase):

    def test_first_period(self):
        "Fewer instalments means the same instalment, in any period"
        agreed = Terms(D('.12'), 12)
        for method in ['annuity', 'equal_principal', 'flat']:
            agreed = agreed.but(method=method)
            plan = make_schedule(agreed, D(1200), date(2024, 1, 1))
            for day in [date(2024, 1, 16), date(2024, 3, 16)]:
                event = Event(day, D(-500), None, 'term')
                schedule = make_schedule(
                    agreed, D(1200), date(2024, 1, 1), events=[event])
                self.assertEqual(
                    schedule.rows[0].instalment, plan.rows[0].instalment)
                self.assertLess(len(schedule.rows), 12)
