# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Payments booked in any order end where those in order of dates do."""
import unittest
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal as D

from hypothesis import given, settings
from hypothesis import strategies as st

from caravan.testing import examples
from trytond.modules.loan import engine

START = date(2024, 1, 1)
amounts = st.decimals(min_value=D('.01'), max_value=D(500), places=2)
dues = st.lists(
    st.tuples(amounts, amounts, st.integers(0, 60)), min_size=1, max_size=8)
payments = st.lists(st.tuples(st.integers(0, 300), amounts), max_size=8)
waterfalls = st.fixed_dictionaries({
        'order': st.permutations(engine.DEFAULT_ORDER[:8]).map(
            lambda order: [*sorted(
                    order, key=lambda p: list(engine.TIMINGS).index(p[0])),
                *engine.DEFAULT_ORDER[8:]]),
        'direction': st.sampled_from(list(engine.DIRECTIONS)),
        'future': st.sampled_from(['next', 'last', 'reamortize']),
        })


class Book:
    "A loan that clerks book payments on, as the models do"

    def __init__(self, plan, called, waterfall):
        self.dues, self.totals = {}, engine.new_totals()
        for number, (principal, interest, _) in enumerate(plan):
            due = START + timedelta(days=30 * (number + 1))
            for component, amount in [
                    ('principal', principal), ('interest', interest)]:
                self.dues[number, component] = (due, amount)
                if number < called:
                    self.totals[number, component]['call'] += amount
        self.waterfall = waterfall
        self.booked = {}

    def book(self, sequence, day, amount):
        self._again(sequence, {**self.booked, sequence: (day, amount, {})})

    def reverse(self, sequence):
        self._again(sequence, self.booked, without=sequence)

    def _again(self, sequence, booked, without=None):
        place = (booked[sequence][0], sequence)
        later = sorted(
            (day, number) for number, (day, _, _) in booked.items()
            if (day, number) >= place)
        engine.take_back(
            [booked[number][2] for _, number in later], self.totals)
        for day, number in later:
            _, amount, former = booked[number]
            if number == without:
                continue
            parts, _ = engine.distribute(
                amount, START + timedelta(days=day), self.dues, self.totals,
                **self.waterfall)
            # What a replay adds to the former rows is what it is now
            net = defaultdict(D, former)
            for what, change in engine.changes(former, parts).items():
                net[what] += change
            if left := engine.changes(net, parts):
                raise AssertionError(f"a replay leaves {left}")
            booked[number] = (day, amount, dict(net))
        if without is not None:
            del booked[without]
        self.booked = booked

    def state(self):
        return (
            {what: {k: v for k, v in kinds.items() if v}
                for what, kinds in self.totals.items()
                if any(kinds.values())},
            {number: {k: v for k, v in net.items() if v}
                for number, (_, _, net) in self.booked.items()})


class LedgerTestCase(unittest.TestCase):

    def build(self, plan, called, waterfall, given, order):
        book = Book(plan, called, waterfall)
        for sequence in order:
            book.book(sequence, *given[sequence])
        return book

    def forward(self, given):
        return sorted(
            range(len(given)), key=lambda s: (given[s][0], s))

    @settings(max_examples=examples(1000), deadline=None)
    @given(dues, st.integers(0, 8), waterfalls, payments, st.randoms())
    def test_order(self, plan, called, waterfall, given, random):
        "Back-dated payments end where the forward run does"
        order = list(range(len(given)))
        random.shuffle(order)
        self.assertEqual(
            self.build(plan, called, waterfall, given, order).state(),
            self.build(
                plan, called, waterfall, given,
                self.forward(given)).state())

    @settings(max_examples=examples(1000), deadline=None)
    @given(dues, st.integers(0, 8), waterfalls, payments.filter(len),
        st.randoms())
    def test_reversal(self, plan, called, waterfall, given, random):
        "A reversed payment leaves what would be without it"
        order = list(range(len(given)))
        random.shuffle(order)
        book = self.build(plan, called, waterfall, given, order)
        gone = random.choice(order)
        book.reverse(gone)
        kept = [s for s in self.forward(given) if s != gone]
        self.assertEqual(
            book.state(),
            self.build(plan, called, waterfall, given, kept).state())

    @settings(max_examples=examples(500), deadline=None)
    @given(dues, st.integers(0, 8), waterfalls, payments)
    def test_no_cent_lost(self, plan, called, waterfall, given):
        "What is allocated and what is left over is what was paid"
        book = Book(plan, called, waterfall)
        owed = sum(amount for _, amount in book.dues.values())
        paid = allocated = left = D(0)
        for day, amount in given:
            parts, rest = engine.distribute(
                amount, START + timedelta(days=day), book.dues, book.totals,
                **waterfall)
            paid += amount
            left += rest
            allocated += sum(part[2] for part in parts)
            self.assertTrue(all(part[2] > 0 for part in parts))
        self.assertEqual(allocated + left, paid)
        self.assertEqual(allocated, min(paid, owed))
