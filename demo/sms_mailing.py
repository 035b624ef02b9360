# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""A year of offers, reminders and answers, a mailing ready to start."""
import datetime as dt
from decimal import Decimal

__all__ = ['USERS', 'fill']

USERS = [
    ('marketer', "Marion Petit", ['sms_mailing.group_mailing']),
    ('approver', "Alain Roux", ['sms_mailing.group_mailing_approval']),
    ('mailadmin', "Mireille Blanc", ['sms_mailing.group_mailing_admin']),
    ('director', "Diane Marchand", ['sms_mailing.group_mailing_admin']),
    ]
_ACCOUNTS = [
    ("SMS (simulated)", 'sms', '+33100000000', '0.0550'),
    ("E-mail (simulated)", 'email', 'news@post.example', '0.0005'),
    ]
_TEMPLATES = [
    ("Autumn rates", 'topic_news', 'sms', None,
        'Dear {party.name|default:"customer"}, our autumn rates are out: '
        '10 % off each full load booked this week. {company.name}. '
        'Reply STOP to hear no more.'),
    ("Newsletter", 'topic_news', 'email', "News from {company.name}",
        'Dear {party.name},\n\nfrom 1 December we leave for Lyon twice a '
        'day[, also from {party.city}].\n\nNo more of these: '
        '{unsubscribe}\n'),
    ("Holiday opening hours", 'topic_order', 'sms', None,
        'Dear customer, we load from 6 to 14 h between the holidays. '
        '{company.name}'),
    ]


def fill(demo):
    "Make accounts, templates, groups, two mailings that left and one ready"
    accounts = _make_accounts(demo)
    templates = _make_templates(demo)
    segments = _make_segments(demo)
    _make_refusals(demo)
    mailings = _make_mailings(demo, accounts, templates, segments)
    for mailing in demo.progress(mailings, "mailings"):
        mailing.click('prepare')
        if mailing.name != "Autumn rates, second wave":
            mailing.click('start')
    cron, = demo.get('ir.cron').find([
            ('method', '=', 'mailing.message|dispatch')])
    cron.click('run_once')


def _make_accounts(demo):
    records = demo.create('mailing.account', [{
                'name': name,
                'company': demo.company.id,
                'channel': channel,
                'adapter': 'simulator',
                'sender': sender,
                'cost': Decimal(cost),
                'currency': demo.company.currency.id,
                } for name, channel, sender, cost in _ACCOUNTS])
    return {r.channel: r for r in records}


def _make_templates(demo):
    records = demo.create('mailing.template', [{
                'name': name,
                'topic': demo.xml_id(f'sms_mailing.{topic}'),
                'channel': channel,
                'subject': subject,
                'text': text,
                } for name, topic, channel, subject, text in _TEMPLATES])
    return {r.name: r for r in records}


def _make_segments(demo):
    everyone, mobiles, some = demo.create('mailing.segment', [{
                'name': "All customers",
                'everybody': True,
                }, {
                'name': "Customers with a mobile",
                'criteria': [('create', [{'criterion': 'mobile'}])],
                }, {
                'name': "Best customers",
                'parties': [('add', [p.id for p in demo.parties[::4]])],
                }])
    return {'everyone': everyone, 'mobiles': mobiles, 'best': some}


def _make_refusals(demo):
    parties = demo.random.sample(demo.parties, min(6, len(demo.parties)))
    demo.create('mailing.refusal', [{
                'party': party.id,
                'scope': 'marketing' if index else 'everything',
                'reason': 'said',
                'since': demo.on(-20 * index - 5),
                'comment': "On the phone",
                } for index, party in enumerate(parties)])
    demo.create('mailing.consent', [{
                'party': party.id,
                'purpose': 'marketing',
                'action': 'granted',
                'how': 'paper',
                'at': dt.datetime.combine(demo.on(-90), dt.time(10)),
                'wording': "I agree to receive offers by SMS and e-mail.",
                } for party in demo.parties[::3]])


def _make_mailings(demo, accounts, templates, segments):
    Mailing = demo.get('mailing.mailing')
    mailings = []
    for name, template, segment, hold_out in [
            ("Newsletter of November", "Newsletter", 'everyone', 0),
            ("Autumn rates", "Autumn rates", 'best', 10),
            ("Opening hours", "Holiday opening hours", 'mobiles', 0),
            ("Autumn rates, second wave", "Autumn rates", 'mobiles', 0)]:
        template = templates[template]
        mailing = Mailing(name=name, topic=template.topic)
        mailing.hold_out = hold_out
        mailing.segments.append(
            demo.get('mailing.segment')(segments[segment].id))
        step = mailing.steps.new()
        step.template = template
        step.account = accounts[template.channel]
        mailings.append(mailing)
    Mailing.save(mailings)
    return mailings
