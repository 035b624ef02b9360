# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The order of stops, without a map service.

An engine is a function engine(problem) that returns the indexes of the stops
in the order of the way.  Others are added to ENGINES.
"""
from dataclasses import dataclass, field

from . import vroom

__all__ = ['ENGINES', 'Problem', 'insertion', 'length', 'solve']

_STARTS = 10


@dataclass(frozen=True)
class Problem:
    """Stops to bring into an order.

    matrix: km from stop to stop, matrix[i][j]
    pairs: (i, j) where i comes before j, as loading before unloading
    loads: kg taken on at each stop, below zero where they are put off
    capacity: kg that may be on board, None without limit
    start: index of the stop the way begins with, None for any
    """
    matrix: list
    pairs: list = field(default_factory=list)
    loads: list = None
    capacity: float = None
    start: int = None

    def is_feasible(self, way):
        "Return whether a way, complete or not, keeps the rules"
        place = {stop: index for index, stop in enumerate(way)}
        if self.start is not None and way and way[0] != self.start:
            return False
        if any(
                place[i] > place[j] for i, j in self.pairs
                if i in place and j in place):
            return False
        if not self.capacity or not self.loads:
            return True
        load = 0
        for stop in way:
            load += self.loads[stop]
            if load > self.capacity:
                return False
        return True


def length(problem, way):
    "Return the km of a way"
    return sum(problem.matrix[i][j] for i, j in zip(way, way[1:]))


def insertion(problem):
    """Return a short way: cheapest insertion, then improvement.

    Each stop is inserted where it makes the way longer the least, then stops
    and pairs are moved and parts reversed (2-opt) while that shortens it;
    the best of several ways that begin with another stop is taken.
    Meant for up to some twenty stops.
    """
    groups = _groups(problem)
    return min((
            _improve(problem, _build(problem, groups[i:] + groups[:i]))
            for i in range(max(1, min(len(groups), _STARTS)))),
        key=lambda way: _rank(problem, way))


def _build(problem, groups):
    way = [problem.start] if problem.start is not None else []
    for group in groups:
        way = _insert(problem, way, group)
    return way


def _groups(problem):
    "Return the stops in groups that belong together, first things first"
    count = len(problem.matrix)
    after = {i: [j for k, j in problem.pairs if k == i] for i in range(count)}
    seen = {problem.start}
    groups = [
        [j for j in after.get(problem.start, []) if j not in seen]]
    for stop in [i for i in range(count) if after[i]] + list(range(count)):
        group = [
            s for s in [stop, *after[stop]]
            if s not in seen and not any(s in g for g in groups)]
        groups.append(group)
    return [g for g in groups if g]


def _insert(problem, way, group):
    for stop in group:
        best = None
        for index in range(len(way) + 1):
            candidate = way[:index] + [stop] + way[index:]
            cost = length(problem, candidate)
            if not problem.is_feasible(candidate):
                # The load counts once the way is complete
                cost += 10 ** 9
            if best is None or cost < best[0]:
                best = cost, candidate
        way = best[1]
    return way


def _improve(problem, way):
    "Go to a better neighbour as long as there is one"
    best, improved = _rank(problem, way), True
    while improved:
        improved = False
        for candidate in _neighbours(problem, way):
            if best[0] or length(problem, candidate) < best[1]:
                rank = _rank(problem, candidate)
                if rank < best:
                    way, best, improved = candidate, rank, True
                    break
    return way


def _rank(problem, way):
    "Return what sorts ways: those that keep the rules first, then short ones"
    return not problem.is_feasible(way), round(length(problem, way), 6)


def _neighbours(problem, way):
    "Yield the ways with a part reversed, or a stop or a pair moved"
    count = len(way)
    for i in range(count):
        rest = way[:i] + way[i + 1:]
        for j in range(count):
            if i != j:
                yield rest[:j] + [way[i]] + rest[j:]
    for i in range(count - 1):
        for j in range(i + 2, count + 1):
            yield way[:i] + way[i:j][::-1] + way[j:]
    for first, second in problem.pairs:
        rest = [s for s in way if s not in {first, second}]
        for i in range(len(rest) + 1):
            for j in range(i, len(rest) + 1):
                yield [*rest[:i], first, *rest[i:j], second, *rest[j:]]


def by_vroom(problem):
    "Return the way of VROOM, of insertion where VROOM finds none"
    if vroom.suits(problem):
        try:
            return vroom.solve_by_vroom(problem)
        except ValueError:
            # Too much cargo for any way: insertion tells the least bad one
            return insertion(problem)
    return insertion(problem)


ENGINES = {'insertion': insertion}
if vroom.available():
    ENGINES['vroom'] = by_vroom


def solve(problem, engine='insertion'):
    """Return the way an engine finds, the given one if that is no worse.

    Raise KeyError for an unknown engine.
    """
    given = list(range(len(problem.matrix)))
    way = ENGINES[engine](problem)
    if problem.is_feasible(given) and (
            not problem.is_feasible(way)
            or length(problem, given) <= length(problem, way)):
        return given
    return way
