# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What the files of the demo company share."""
import datetime as dt
import random

from proteus import Model, Wizard

from .bar import progress_bar

__all__ = ['Demo']


class Demo:
    """The company in the making.

    config is the configuration of proteus, today the day the data turn on.
    The attributes below are filled while it is made, in this order.
    """

    def __init__(self, config, today=None):
        self.config = config
        self.today = today or dt.date.today()
        self.random = random.Random(8)
        self.company = None  # company.company
        self.accounts = {}  # {type: account.account}, 'receivable', ...
        self.fiscal_years = []  # account.fiscalyear, the last and the current
        self.countries = {}  # {code: country.country}
        self.parties = []  # party.party, the customers
        self.suppliers = []  # party.party
        self.employees = []  # company.employee
        self.products = {}  # {code: product.product}
        self.warehouse = None  # stock.location, the first
        self.warehouses = []  # stock.location
        self.users = {}  # {login: res.user}

    def get(self, name):
        "Return the model of that name as a class of proteus"
        return Model.get(name, config=self.config)

    def wizard(self, name, models=None, **kwargs):
        return Wizard(name, models, config=self.config, **kwargs)

    @property
    def context(self):
        return self.config.context

    def xml_id(self, name):
        "Return the id of the record of that XML id: module.name"
        return self.get('ir.model.data').get_id(name, self.context)

    def create(self, model, values):
        "Create records from a list of values in one call, return them"
        Class = self.get(model)
        ids = Class._proxy.create(values, self.context)
        return [Class(id) for id in ids]

    def progress(self, iterable, label, total=None):
        "Iterate with a progress bar"
        return progress_bar(iterable, label, total)

    def sequence(self, type_name, name, strict=True):
        "Return a new sequence of the type of that name"
        Type = self.get('ir.sequence.type')
        type_, = Type.find([('name', '=', type_name)], limit=1)
        Sequence = self.get(
            'ir.sequence.strict' if strict else 'ir.sequence')
        sequence = Sequence(
            name=name, sequence_type=type_, company=self.company)
        sequence.save()
        return sequence

    def on(self, days):
        "Return the day that many days after today"
        return self.today + dt.timedelta(days=days)
