# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The accounts of the company that tests work in."""
from unittest.mock import patch

from trytond.pool import Pool
from trytond.transaction import Transaction

from .databases import unvalidated

__all__ = ['set_up_chart']


def set_up_chart():
    "Create the chart of accounts of the only company"
    from trytond.modules.account.tests import create_chart
    company, = Pool().get('company.company').search([])
    # Nobody else is in the database that is made
    with unvalidated(), patch.object(Transaction, 'lock_table'):
        create_chart(company, tax=True)
