# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.transaction import Transaction


class ContextValue:
    "The model of the fields on top of a list, with what they say"
    __slots__ = ()

    @classmethod
    def value(cls, name):
        "Return the value of the context, the default when there is none"
        value = Transaction().context.get(name)
        if value is None and name in cls._defaults:
            return cls._defaults[name]()
        return value
