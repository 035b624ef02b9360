# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What customers may be expected to buy.

BG/NBD tells how many purchases, from the number of repeat purchases x, the
time t_x of the last one and the time T since the first (all times in one
unit, weeks here): Fader, Hardie and Lee, "Counting Your Customers the Easy
Way", Marketing Science 24(2), 2005.  Gamma-Gamma tells the value of one:
Fader and Hardie, note 025, 2013.

Pure functions over numbers: no database, no Pool.
"""
from collections import Counter
from math import exp, inf, lgamma, log

__all__ = [
    'expected_purchases', 'expected_value', 'fit_purchases', 'fit_values',
    'log_likelihood', 'p_alive']


def p_alive(parameters, x, t_x, age):
    """Return how likely a customer still is one, from 0 to 1.

    parameters are (r, alpha, a, b) of fit_purchases, age is T.
    """
    r, alpha, a, b = parameters
    if not x:
        return 1.0
    odds = log(a / (b + x - 1)) + (r + x) * log((alpha + age) / (alpha + t_x))
    return 1 / (1 + exp(odds)) if odds < 700 else 0.0


# Of the parameter a: six digits of the result are right
_NEAR = 1e-7


def expected_purchases(parameters, t, x=0, t_x=0, age=0):
    """Return the number of purchases expected in the time t from now.

    Of a new customer by default.
    """
    r, alpha, a, b = parameters
    if abs(a - 1) < _NEAR:
        # The formula has a gap there that its neighbours close
        a = 1 + _NEAR
    z = t / (alpha + age + t)
    ratio = (alpha + age) / (alpha + age + t)
    # Euler's transformation: the series converges faster
    series = _hypergeometric(r + x, b + x, a + b + x - 1, z)
    number = (a + b + x - 1) / (a - 1) * (1 - ratio ** (r + x) * series)
    return number * p_alive(parameters, x, t_x, age)


def _hypergeometric(a, b, c, z):
    "Return Gauss' series 2F1 for 0 <= z < 1"
    term = total = 1.0
    for j in range(1, 10000):
        term *= (a + j - 1) * (b + j - 1) / ((c + j - 1) * j) * z
        total += term
        if abs(term) < 1e-12 * abs(total):
            break
    return total


def log_likelihood(parameters, customers):
    """Return the logarithm of the likelihood of BG/NBD.

    customers is {(x, t_x, T): number of customers}.
    """
    r, alpha, a, b = parameters
    total = 0.0
    base = r * log(alpha) - lgamma(r)
    for (x, t_x, age), number in customers.items():
        alive = -(r + x) * log(alpha + age)
        if x:
            gone = log(a / (b + x - 1)) - (r + x) * log(alpha + t_x)
            top = max(alive, gone)
            alive = top + log(exp(alive - top) + exp(gone - top))
        total += number * (
            lgamma(r + x) + base
            + lgamma(a + b) + lgamma(b + x) - lgamma(b) - lgamma(a + b + x)
            + alive)
    return total


def fit_purchases(customers):
    """Return the most likely parameters (r, alpha, a, b) of BG/NBD.

    customers is an iterable of (x, t_x, T).
    """
    counts = Counter(customers)

    def loss(logs):
        return -log_likelihood(tuple(map(exp, logs)), counts)
    return tuple(map(exp, _minimize(loss, [0.0] * 4)))


def expected_value(parameters, x, mean):
    """Return the value expected of a purchase.

    parameters are (p, q, v) of fit_values, mean is that of the x repeat
    purchases; who has none is worth the mean of all.
    """
    p, q, v = parameters
    weight = p * x / (p * x + q - 1)
    return (1 - weight) * v * p / (q - 1) + weight * mean


def fit_values(customers):
    """Return the most likely parameters (p, q, v) of Gamma-Gamma.

    customers is an iterable of (x, mean), both above zero.
    """
    counts = Counter(customers)

    def loss(logs):
        p, q, v = map(exp, logs)
        total = 0.0
        for (x, mean), number in counts.items():
            total += number * (
                lgamma(p * x + q) - lgamma(p * x) - lgamma(q) + q * log(v)
                + (p * x - 1) * log(mean) + p * x * log(x)
                - (p * x + q) * log(x * mean + v))
        return -total
    return tuple(map(exp, _minimize(loss, [0.0] * 3)))


def _minimize(function, start, steps=4000, tolerance=1e-9):
    """Return where a function is smallest near start.

    The simplex of Nelder and Mead (1965), started again where it ended until
    it finds no better place.
    """
    best, value = list(start), inf
    for _ in range(10):
        point, found = _simplex(function, best, steps, tolerance)
        better = value - found
        best, value = point, found
        if better < 1e-7 * (1 + abs(found)):
            break
    return best


def _simplex(function, start, steps, tolerance):
    "Return the point and the value where one simplex ends"
    def safe(point):
        # Beyond it the parameters are without meaning
        if max(map(abs, point)) > 20:
            return inf
        return function(point)

    size = len(start)
    points = [list(start)] + [
        [v + 0.5 * (i == j) for j, v in enumerate(start)]
        for i in range(size)]
    simplex = sorted((safe(p), p) for p in points)
    for _ in range(steps):
        if simplex[-1][0] - simplex[0][0] < tolerance:
            break
        worst = simplex[-1][1]
        centre = [sum(p[i] for _, p in simplex[:-1]) / size
            for i in range(size)]

        def towards(factor):
            point = [c + factor * (c - w) for c, w in zip(centre, worst)]
            return safe(point), point
        new = towards(1)
        if new < simplex[0]:
            new = min(new, towards(2))
        elif new >= simplex[-2]:
            new = towards(0.5 if new < simplex[-1] else -0.5)
        if new < simplex[-1]:
            simplex[-1] = new
        else:
            best = simplex[0][1]
            points = [
                [(b + v) / 2 for b, v in zip(best, p)]
                for _, p in simplex[1:]]
            simplex[1:] = [(safe(p), p) for p in points]
        simplex.sort()
    return simplex[0][1], simplex[0][0]
