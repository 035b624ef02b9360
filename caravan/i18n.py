# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Messages as people read them."""
import datetime as dt

from trytond.i18n import gettext as _gettext
from trytond.pool import Pool

__all__ = ['gettext']


def gettext(message_id, **values):
    """Return a message with its values, in the language of the user.

    As trytond.i18n.gettext, but dates among the values are written as in the
    language.
    """
    dates = {n: v for n, v in values.items() if isinstance(v, dt.date)}
    if dates:
        lang = Pool().get('ir.lang').get()
        values.update((n, lang.strftime(d)) for n, d in dates.items())
    return _gettext(message_id, **values)
