# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What the scenarios of crm_party start from."""
from proteus import Model

from trytond.modules.company.tests.tools import get_company

__all__ = ['create_types', 'create_user', 'set_user']


def create_types(config=None):
    "Create a call with two results, a visit and a promise"
    Type = Model.get('crm.activity.type', config=config)
    Result = Model.get('crm.activity.result', config=config)
    visit = Type(name="Visit", channel='visit', default_delay=7)
    visit.save()
    promise = Type(name="Send Papers", channel='document', is_promise=True)
    promise.counts_as_contact = False
    promise.save()
    call = Type(name="Call", channel='call', require_result=True)
    call.save()
    Result(
        name="Wants a Visit", type=call, outcome='success',
        next_type=visit, next_delay=3, set_status='customer').save()
    Result(name="Nobody Answers", type=call, outcome='neutral',
        next_type=call, next_delay=1).save()
    return call, visit, promise


def create_user(login, *groups, supervisor=None, config=None):
    "Create an employee with a user in the groups, given by their names"
    Employee = Model.get('company.employee', config=config)
    Group = Model.get('res.group', config=config)
    Party = Model.get('party.party', config=config)
    User = Model.get('res.user', config=config)
    company = get_company(config=config)
    party = Party(name=login.title())
    party.save()
    employee = Employee(party=party, company=company, supervisor=supervisor)
    employee.save()
    user = User(name=login.title(), login=login)
    user.groups.extend(Group.find([('name', 'in', list(groups))]))
    user.companies.append(company)
    user.company = company
    user.employees.append(employee)
    user.employee = employee
    user.save()
    return user, employee


def set_user(user, config):
    "Let the configuration act as the user with his preferences"
    User = Model.get('res.user', config=config)
    config.user = user.id
    config._context = User.get_preferences(True, {})
