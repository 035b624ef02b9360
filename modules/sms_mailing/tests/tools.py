# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from proteus import Model
from proteus import config as proteus_config


def set_company(config=None):
    "Work in the company of the tests"
    config = config or proteus_config.get_config()
    User = Model.get('res.user')
    config._context = User.get_preferences(True, config.context)


def create_account(channel='sms', config=None, **values):
    "Create a simulated account"
    Account = Model.get('mailing.account', config=config)
    account = Account(name=f"Simulator {channel}", channel=channel)
    for name, value in values.items():
        setattr(account, name, value)
    account.save()
    return account


def create_template(text, channel='sms', config=None, **values):
    "Create a template about a topic, found by its name"
    Template = Model.get('mailing.template', config=config)
    Topic = Model.get('mailing.topic', config=config)
    topic, = Topic.find([
            ('name', '=', values.pop('topic', "News and offers"))])
    template = Template(
        name=text[:20], topic=topic, channel=channel, text=text)
    for name, value in values.items():
        setattr(template, name, value)
    template.save()
    return template


def create_parties(mobiles, config=None):
    "Create parties of {name: mobile}"
    Party = Model.get('party.party', config=config)
    parties = []
    for name, mobile in mobiles.items():
        party = Party(name=name)
        if mobile:
            party.contact_mechanisms.new(type='mobile', value=mobile)
        parties.append(party)
    Party.save(parties)
    return parties


def create_mailing(template, account, segment, config=None, **values):
    "Create a mailing of one message"
    Mailing = Model.get('mailing.mailing', config=config)
    Segment = Model.get('mailing.segment', config=config)
    mailing = Mailing(name=f"Mailing of {template.name}")
    mailing.topic = template.topic
    mailing.segments.append(Segment(segment.id))
    step = mailing.steps.new()
    step.template = template
    step.account = account
    for name, value in values.items():
        setattr(mailing, name, value)
    mailing.save()
    return mailing
