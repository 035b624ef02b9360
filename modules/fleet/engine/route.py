# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The order of stops, without a map service.

An engine is a function engine(problem) that returns the indexes of the stops
in the order of the way.  Others are added to ENGINES.
"""
from dataclasses import dataclass, field

__all__ = ['ENGINES', 'Problem', 'insertion', 'length', 'solve']


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

    Each pair is inserted where it makes the way longest the least, then parts
    are reversed (2-opt) and stops moved while that shortens it.  Meant for up
    to some twenty stops.
    """
    way = [problem.start] if problem.start is not None else []
    for group in _groups(problem):
        way = _insert(problem, way, group)
    return _improve(problem, way)


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
    best, improved = length(problem, way), True
    while improved:
        improved = False
        for candidate in _neighbours(way):
            cost = length(problem, candidate)
            if (cost < best - 1e-9 or not problem.is_feasible(way)) and (
                    problem.is_feasible(candidate)):
                way, best, improved = candidate, cost, True
                break
    return way


def _neighbours(way):
    "Yield the ways that differ by a reversed part or a moved stop"
    count = len(way)
    for i in range(count - 1):
        for j in range(i + 2, count + 1):
            yield way[:i] + way[i:j][::-1] + way[j:]
    for i in range(count):
        rest = way[:i] + way[i + 1:]
        for j in range(count):
            if i != j:
                yield rest[:j] + [way[i]] + rest[j:]


ENGINES = {'insertion': insertion}


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
