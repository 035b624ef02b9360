# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The order of stops by VROOM, where the extra pyvroom is installed.

It works offline on the matrix of the problem and is quick with many stops.
"""
from collections import Counter
from importlib.util import find_spec

__all__ = ['available', 'solve_by_vroom', 'suits']

_METRES = 1000


def available():
    "Return whether pyvroom is installed"
    return find_spec('vroom') is not None


def suits(problem):
    """Return whether VROOM can say what the problem asks for.

    A shipment is loaded at one stop and unloaded at one: orders of several
    places are no shipments.
    """
    return max(Counter(
            stop for pair in problem.pairs for stop in pair).values(),
        default=1) == 1


def solve_by_vroom(problem):
    """Return the stops in the order VROOM finds, all of them.

    problem: a Problem that suits
    Raise ValueError if VROOM leaves stops out, as for too small a capacity.
    """
    # Brings pandas along: a second and 100 MB that most processes never need
    import vroom

    count = len(problem.matrix)
    task = vroom.Input()
    task.set_durations_matrix('car', _with_depot(problem.matrix))
    depot = count if problem.start is None else problem.start
    task.add_vehicle(vroom.Vehicle(
            1, start=depot, end=count,
            capacity=[int(problem.capacity or 10 ** 9)]))
    loads = problem.loads or [0] * count
    paired = set()
    for id_, (load, unload) in enumerate(problem.pairs, 1):
        paired |= {load, unload}
        task.add_shipment(
            vroom.ShipmentStep(load, location=load),
            vroom.ShipmentStep(unload, location=unload),
            amount=vroom.Amount([int(max(loads[load], 0))]))
    task.add_job([
            vroom.Job(stop, location=stop, pickup=[max(int(loads[stop]), 0)])
            for stop in range(count)
            if stop not in paired and stop != problem.start])
    routes = task.solve(exploration_level=5, nb_threads=1).routes
    way = [
        int(stop) for stop, kind in zip(routes['location_index'],
            routes['type']) if kind not in {'start', 'end'}]
    if problem.start is not None and problem.start not in way:
        way.insert(0, problem.start)
    if sorted(way) != list(range(count)):
        raise ValueError("VROOM does not serve all stops")
    return way


def _with_depot(matrix):
    "Return the matrix in metres with a place from which all is near"
    rows = [[round(km * _METRES) for km in row] + [0] for row in matrix]
    return [*rows, [0] * (len(matrix) + 1)]
