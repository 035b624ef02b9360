# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The proof of the engine: schedules and rates that others published.

cases.json holds them as they were published, with their source.
"""
import json
from datetime import date
from decimal import Decimal as D
from itertools import groupby
from pathlib import Path

from . import duedates
from .amortization import amortize
from .daycount import year_fraction
from .duedates import Period
from .rates import apr_eu, apr_us, xirr
from .rounding import round_to
from .schedule import make_schedule
from .terms import Event, Schedule, Settlement, Step, Terms


def load():
    "Return the cases by id"
    path = Path(__file__).with_name('cases.json')
    cases = json.loads(path.read_text(encoding='utf-8'))['cases']
    return {case['id']: case for case in cases}


def day(text):
    return date.fromisoformat(text)


def percent(text):
    return D(text) / 100


FREQUENCIES = {
    'DAYS': 'day', 'WEEKS': 'week', 'MONTHS': 'month', 'YEARS': 'year'}
DAY_COUNTS = {
    30: '30_360_period', 360: 'act_360', 364: 'act_364', 365: 'act_365',
    'ACT': 'act_act_december', 'actual/365': 'act_365',
    None: '30_360_period'}
# Fineract's classic loans: banker's rounding, whole instalments, the
# annuity reckons with months of 30 days.
CLASSIC = dict(
    rounding='half_even', multiple=D(1), basis='thirty')
COOG = dict(day_count='30_360_period', rounding='half_up')


def progressive(case):
    i = case['inputs']
    days = i['days_in_month'] if i['days_in_month'] == 30 else (
        i['days_in_year'])
    terms = Terms(
        percent(i['annual_rate_percent']), len(i['periods']),
        day_count=DAY_COUNTS[days], frequency=FREQUENCIES[i['frequency']],
        interval=i['every'], rounding='half_even', remainder='smooth',
        by_segment=True)
    periods = [
        Period(day(start), day(end), day(end)) for start, end in i['periods']]
    events = [Event(day(on), D(amount)) for on, amount in i['disbursements']]
    return amortize(terms, periods, events)


def months(start, number):
    start = day(start)
    dates = duedates.due_dates(
        duedates.add_interval(start, 'month', 1), 'month', 1, number)
    return duedates.periods(start, dates)


def early_instalment(case):
    i = case['inputs']
    terms = Terms(
        percent(i['rate']), i['n'], rounding='half_even', by_segment=True,
        remainder='smooth')
    settlements = {
        n: Settlement(day(on), D(amount))
        for n, (on, amount) in enumerate(i['payments'])}
    return amortize(
        terms, months(i['start'], i['n']),
        [Event(day(i['start']), D(i['principal']))], settlements=settlements,
        overdue_until=day(i['as_of']) if 'as_of' in i else None)


def classic(case):
    i = case['inputs']
    terms = Terms(
        percent(i['rate']), i['n'], i.get('method', 'annuity'),
        day_count=DAY_COUNTS[i.get('day_count')],
        grace_principal=i.get('grace_principal', 0),
        grace_interest=i.get('grace_interest_payment', 0), **CLASSIC)
    start = i.get('start', '2023-09-01')
    return make_schedule(terms, D(i['principal']), day(start))


def tranches(case):
    i = case['inputs']
    terms = Terms(
        percent(i['rate']), i['n'], base=D(i['principal_approved']),
        **CLASSIC)
    (start, amount), *others = i['disbursements']
    return make_schedule(
        terms, D(amount), day(start),
        events=[Event(day(on), D(amount)) for on, amount in others])


def prepaid(case, strategy):
    i = case['inputs']
    terms = Terms(
        percent(i['rate']), i['n'], day_count='act_365', **CLASSIC)
    return make_schedule(
        terms, D(i['principal']), day(i['start']), settlements={
            n: Settlement(day(on), D(amount), strategy)
            for n, (on, amount) in enumerate(i['payments'])})


def thousands(case):
    i = case['inputs']
    unit = D(i['multiples_of'])
    terms = Terms(
        percent(i['rate_per_month']) * 12, i['n'], i['method'], unit=unit,
        grace_principal=i.get('grace_principal', 0), rounding='half_even')
    return make_schedule(terms, D(i['principal']), day(i['start']))


def weekly(case):
    terms = Terms(
        D('.24'), 4, frequency='week', day_count='act_364',
        rounding='half_even')
    return make_schedule(
        terms, D(10000), date(2024, 1, 1), settlements={
            1: Settlement(
                date(2024, 1, 10), D(4000), 'instalment', 'period')})


def moved(case):
    terms = Terms(D(0), 3)
    ends = [date(2023, 8, 1), date(2023, 9, 15), date(2023, 10, 15)]
    periods = duedates.periods(date(2023, 7, 1), [(e, e) for e in ends])
    return amortize(terms, periods, [Event(date(2023, 7, 1), D(3000))])


def extended(case):
    first = amortize(
        Terms(D(0), 3), months('2023-07-01', 3),
        [Event(date(2023, 7, 1), D(3000))]).rows[0]
    rest = amortize(
        Terms(D(0), 4), months('2023-08-01', 4), opening=first.closing)
    for row in rest.rows:
        row.number += 1
    return Schedule([first, *rest.rows])


def flat_rate(case):
    return make_schedule(
        Terms(D('.12'), 3, 'flat'), D(3000), date(2023, 7, 1),
        events=[Event(date(2023, 9, 1), rate=D('.06'))])


def level(case):
    i = case['inputs']
    terms = Terms(
        percent(i['rate']), i['n'], day_count='act_365', remainder='level')
    return make_schedule(terms, D(i['principal']), day(i['start']))


SCHEDULES = {
    **dict.fromkeys([
            'FIN-PROG-01', 'FIN-PROG-02', 'FIN-PROG-04', 'FIN-PROG-05',
            'FIN-PROG-08', 'FIN-PROG-09', 'FIN-PROG-11', 'FIN-PROG-13',
            'FIN-PROG-14'], progressive),
    'FIN-PROG-17': early_instalment,
    'FIN-OVERDUE-02': early_instalment,
    **dict.fromkeys([
            'FIN-CUM-01', 'FIN-CUM-02', 'FIN-CUM-03', 'FIN-CUM-05',
            'FIN-CUM-06', 'FIN-CUM-07', 'FIN-CUM-09'], classic),
    'FIN-CUM-10': tranches,
    'FIN-CUM-13': thousands,
    'FIN-CUM-14': thousands,
    'FIN-PREPAY-02': lambda case: prepaid(case, 'instalment'),
    'FIN-PREPAY-03': lambda case: prepaid(case, 'next'),
    'FIN-PREPAY-04': weekly,
    'FIN-RESCH-01': moved,
    'FIN-RESCH-02': extended,
    'FIN-RESCH-04': flat_rate,
    'COREFIN-32': level,
    }


def coog_steps(case):
    "Return (terms, first due date) of a loan told in steps"
    i = case['inputs']
    every = {'monthly': 1, 'quarterly': 3, 'half-yearly': 6}[
        i.get('frequency', 'monthly')]
    steps = []
    if i.get('kind') == 'balloon':
        steps = [Step(i['n'] - 1, deferral='interest'), Step(1)]
    for step in i.get('steps', []):
        if isinstance(step, list):
            steps.append(Step(int(step[0]), payment=D(step[1])))
            continue
        number, kind = step.split(' ', 1)
        steps.append(Step(int(number), deferral={
                    'partially deferred': 'interest',
                    'fully deferred': 'full',
                    'annuity': 'none'}[kind]))
    terms = Terms(
        percent(i['rate']), sum(s.number for s in steps), 'stepped',
        interval=every, steps=tuple(steps), **COOG)
    return terms, day(i['first_due'])


def coog(case):
    terms, first_due = coog_steps(case)
    return make_schedule(
        terms, D(case['inputs']['principal']), day(case['inputs']['funds']),
        first_due, first_period='whole')


def renegotiated(case, base):
    terms, first_due = coog_steps(base)
    new = case['inputs']['new_step']
    terms = terms.but(number=12 + 14 + new['n'], steps=(
            terms.steps[0], Step(14, payment=D('979.08')),
            Step(new['n'], percent(new['rate']),
                balance=D(new['begin_balance']))))
    return make_schedule(
        terms, D(base['inputs']['principal']), day(base['inputs']['funds']),
        first_due, first_period='whole')


def runs(amounts):
    "Return the runs of equal amounts: (amount, iterator)"
    return groupby(amounts)


# The proof

COOG_CASES = ['COOG-01', 'COOG-02', 'COOG-03', 'COOG-06', 'COOG-08']
# Decimals of a percentage that the source gives
_DATED = {'FSF-01': '.001', 'FSF-02': '.01'}


def prove(cases=None):
    """Return [(case, differences)] of what was published and is computed.

    cases are those of load; differences are (what, published, computed), none
    when all agrees to the last digit.
    """
    cases = load() if cases is None else cases
    return [
        (case, [d for d in found if d[1] != d[2]])
        for case in cases.values()
        if (found := _compare(case)) is not None]


def _compare(case):
    "Return (what, published, computed) of case, None without a way to"
    name = case['id']
    if name in SCHEDULES:
        return list(_rows(case['expected'], SCHEDULES[name](case).rows))
    if name in COOG_CASES:
        return list(_rows(case['expected']['rows'], coog(case).rows))
    if case['kind'] == 'apr' and case.get('recomputed', True):
        digits = D(_DATED.get(name, '.01'))
        return [(
                'rate', round_to(D(str(case['expected'])), digits),
                round_to(_apr(case) * 100, digits))]
    if name == 'QL-ACTACT-ISDA':
        return [(
                f'{start} - {end}',
                round_to(D(str(case['expected'][f'{start}/{end}'])),
                    D('1e-10')),
                round_to(year_fraction('act_act', day(start), day(end)),
                    D('1e-10')))
            for start, end in case['inputs']['pairs']]


def _rows(expected, rows):
    rows = {row.number: row for row in rows}
    for wanted in expected:
        row = rows[wanted['n']]
        for key, value in [
                ('total', row.principal + row.interest),
                ('interest', row.interest), ('principal', row.principal),
                ('balance', row.closing), ('opening', row.opening)]:
            if key in wanted:
                yield f"{wanted['n']} {key}", D(wanted[key]), value


def _apr(case):
    i = case['inputs']
    if 'flows' not in i:
        return apr_us(
            D(i['amount_financed']),
            [(D(a), t, f) for a, t, f in i['payments']],
            i['unit_periods_per_year'])
    if case['id'] in _DATED:
        return xirr([(day(d), D(a)) for a, d in i['flows']])
    return apr_eu([(D(a), t) for a, t in i['flows']])
