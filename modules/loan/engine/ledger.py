# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The sub-ledger of a loan: what is called, settled and paid in advance.

dues      {(key, component): (due date, Decimal)}: what the plan and the
          charges ask for; key names the instalment or charge
totals    {(key, component): {kind: Decimal}}, both levels made when missing
          (defaultdict): 'call' raises what is due, 'settle' lowers it,
          'advance' lowers what is still to come
"""
from collections import defaultdict
from decimal import Decimal

from .allocation import Item, allocate

ZERO = Decimal(0)


def new_totals():
    "Return totals without an amount"
    return defaultdict(lambda: defaultdict(Decimal))


def open_items(dues, totals):
    "Return what can be paid as Items"
    items = []
    for (key, component), (due, amount) in dues.items():
        total = totals[key, component]
        left = amount - total['settle'] - total['advance']
        if left > 0:
            items.append(Item(key, due, component, left))
    return items


def distribute(amount, on, dues, totals, **waterfall):
    """Return ([(key, component, amount, kind)], rest) of a payment.

    amount is a Decimal paid on the date on; waterfall are the options of
    allocate.  What is called is settled, the rest is paid in advance; totals
    are changed accordingly.
    """
    parts, rest = allocate(amount, open_items(dues, totals), on, **waterfall)
    result = []
    for part in parts:
        total = totals[part.key, part.component]
        called = max(total['call'] - total['settle'], ZERO)
        settled = min(part.amount, called)
        for kind, value in [
                ('settle', settled), ('advance', part.amount - settled)]:
            if value > 0:
                total[kind] += value
                result.append((part.key, part.component, value, kind))
    return result, rest


def take_back(nets, totals):
    """Change totals as if payments had not been allocated.

    nets are {(key, component, kind): amount}, one for each payment.
    """
    for net in nets:
        for (key, component, kind), amount in net.items():
            totals[key, component][kind] -= amount


def changes(former, parts):
    """Return {(key, component, kind): amount} that make former into parts.

    former is what a payment is allocated to, {(key, component, kind):
    amount}, and parts what distribute returns for it now.
    """
    result = defaultdict(Decimal)
    for key, component, amount, kind in parts:
        result[key, component, kind] += amount
    for what, amount in former.items():
        result[what] -= amount
    return {what: amount for what, amount in result.items() if amount}
