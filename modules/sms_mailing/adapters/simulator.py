# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""A gateway that needs nothing: the address decides the outcome.

The last two digits of a number, or of the local part of a mailbox:

    77 is reported undelivered
    88 is throttled: to be tried again
    99 is rejected as a wrong number
    66 is never answered: nobody knows
    55 is delivered and answers STOP
    44 is delivered and asks something

Any other is delivered.
"""
import re

from .base import (
    ACCEPTED, REJECTED, RETRY, UNKNOWN, Adapter, Incoming, Report, Result)

__all__ = ['Simulator']

_REPLIES = {
    '55': "STOP", '44': "Thank you. Do you also deliver on Saturdays?"}


class Simulator(Adapter):
    name = 'simulator'
    label = "Simulator"
    channels = frozenset(['sms', 'email', 'viber', 'voice'])
    receipts = True
    idempotent = True

    def submit(self, messages):
        return [self._result(m) for m in messages]

    def _result(self, message):
        local = message.address.partition('@')[0]
        ending = re.sub(r'\D', '', local)[-2:]
        reference = f"simulated-{message.id}"
        if ending == '88':
            return Result(RETRY, code='88', error="throttled")
        if ending == '99':
            return Result(
                REJECTED, code='99', error="wrong number",
                refusal='bad_number')
        if ending == '66':
            return Result(UNKNOWN, code='66', error="no answer")
        if ending == '77':
            report = Report('undelivered', code='77', raw="simulated")
            return Result(ACCEPTED, reference, reports=(report,))
        incoming = ()
        if ending in _REPLIES:
            incoming = (Incoming(
                    message.address, _REPLIES[ending], message.sender,
                    reference=f"{reference}-reply"),)
        return Result(
            ACCEPTED, reference,
            reports=(Report('delivered', raw="simulated"),),
            incoming=incoming)
