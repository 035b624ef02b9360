# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Records for the tests that run inside of a transaction.

People, templates and mailings are made without the validation, which the
scenarios do: it takes most of the time of a test.
"""
from decimal import Decimal

from caravan.testing import unvalidated
from trytond.pool import Pool

__all__ = ['make_account', 'make_mailing', 'make_parties', 'make_template']


def make_account(company, **values):
    Account = Pool().get('mailing.account')
    account, = Account.create([{
                'name': "Account",
                'company': company.id,
                'channel': 'sms',
                'adapter': 'simulator',
                'cost': Decimal('0.05'),
                'currency': company.currency.id,
                'simulate': False,
                **values}])
    return account


@unvalidated()
def make_parties(**mechanisms):
    "Create parties of name=[(type, value), ...]"
    Party = Pool().get('party.party')
    return Party.create([{
                'name': name,
                'contact_mechanisms': [('create', [
                            {'type': t, 'value': v} for t, v in values])],
                } for name, values in mechanisms.items()])


@unvalidated()
def make_template(text="Hello {party.name}", purpose='marketing', **values):
    pool = Pool()
    Template = pool.get('mailing.template')
    Topic = pool.get('mailing.topic')
    topics = Topic.search([('name', '=', f"Test {purpose}")])
    if not topics:
        topics = Topic.create([
                {'name': f"Test {purpose}", 'purpose': purpose}])
    template, = Template.create([{
                'name': "Template",
                'topic': topics[0].id,
                'channel': 'sms',
                'model': 'party.party',
                'text': text,
                **values}])
    return template


@unvalidated()
def make_mailing(company, account, template, parties, **values):
    pool = Pool()
    Mailing = pool.get('mailing.mailing')
    Segment = pool.get('mailing.segment')
    segment, = Segment.create([{
                'name': "Segment",
                'parties': [('add', list(map(int, parties)))],
                }])
    mailing, = Mailing.create([{
                'name': "Mailing",
                'company': company.id,
                'topic': template.topic.id,
                'segments': [('add', [segment.id])],
                'steps': [('create', [{
                                'template': template.id,
                                'account': account.id,
                                }])],
                **values}])
    return mailing
