# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from decimal import Decimal

from caravan.testing import set_up_chart, unvalidated
from trytond.model.exceptions import AccessError
from trytond.modules.crm_party.ir import STRICT_MODELS
from trytond.pool import Pool

from .common import EXTRAS, CrmTestCase, set_up

GROUPS = [
    'account.group_account', 'fleet.group_fleet', 'loan.group_loan',
    'sale.group_sale', 'stock.group_stock']


class StrictTestCase(CrmTestCase):
    "Test that customers of others are hidden, in each list"
    modules = ['crm_party', *EXTRAS]
    set_ups = [set_up, set_up_chart]
    locks = [
        'crm_configuration', 'sale_configuration', 'fleet_configuration',
        'loan_configuration', 'stock_configuration']

    def setUp(self):
        super().setUp()
        self.user, self.employee = self.create_user('clerk', 'group_crm')
        pool = Pool()
        ModelData = pool.get('ir.model.data')
        with unvalidated():
            pool.get('res.user').write([self.user], {
                    'groups': [('add', [
                                ModelData.get_id(*g.split('.'))
                                for g in GROUPS])]})
        self.parties = {
            name: self.create_party(
                name, profile={'manager': manager},
                addresses=[('create', [{'city': "Lyon"}, {}])])
            for name, manager in [
                ("Ours", self.employee.id), ("Theirs", self.manager.id),
                ("Nobody's", None)]}
        with unvalidated():
            for party in self.parties.values():
                self.create_documents(party)

    def create_documents(self, party):
        "Create a document of each kind that shows the party"
        company = {'company': self.company.id}
        currency = {'currency': self.company.currency.id}
        # His own activity does not show him a hidden customer either
        self.plan(party, employee=self.employee.id)
        type_ = self.create('crm.case.type', name="Complaint")
        self.create('crm.case', **company, party=party.id, type=type_.id,
            subject="Late", employee=self.employee.id)
        self.create('crm.contract', **company, **currency, party=party.id,
            manager=self.employee.id, start=self.today)
        self.create('crm.lead', **company, party=party.id, name="Lead",
            employee=self.employee.id)
        self.create('sale.sale', **company, **currency, party=party.id)
        self.create('sale.opportunity', **company, **currency,
            party=party.id, start_date=self.today)
        account, = self.get('account.account').search([
                ('type.receivable', '=', True),
                ('company', '=', self.company.id)], limit=1)
        journal, = self.get('account.journal').search(
            [('type', '=', 'revenue')], limit=1)
        self.create('account.invoice', **company, **currency, type='out',
            party=party.id, account=account.id, journal=journal.id,
            invoice_address=party.addresses[0].id)
        self.create('fleet.order', **company, **currency, party=party.id,
            order_date=self.today, amount=Decimal(1))
        product = self.create('loan.product', name="Loan", rate=Decimal('.1'))
        self.create('loan.loan', **company, party=party.id,
            product=product.id, amount_requested=Decimal(1),
            officer=self.employee.id,
            application_date=self.today, disbursement_date=self.today)
        warehouse, = self.get('stock.location').search(
            [('type', '=', 'warehouse')])
        places = {
            'warehouse': warehouse.id,
            'warehouse_storage': warehouse.storage_location.id}
        self.create('stock.shipment.out', **company, **places,
            warehouse_output=warehouse.output_location.id,
            customer=party.id, delivery_address=party.addresses[0].id)
        self.create('stock.shipment.in', **company, **places,
            warehouse_input=warehouse.input_location.id, supplier=party.id)

    def set_strict(self, strict=True):
        configuration = self.get('crm.configuration')(1)
        configuration.strict = strict
        configuration.save()

    def names(self, model, field):
        "Return the names of the parties the user sees in a list"
        Model = self.get(model)
        with self.act_as(self.user):
            records = Model.search([(field, '!=', None)])
            values = Model.read([r.id for r in records], [f'{field}.rec_name'])
        return {v[f'{field}.']['rec_name'] for v in values} & set(self.parties)

    def test_documents(self):
        everybody = set(self.parties)
        lists = [
            ('crm.activity', 'party'), ('sale.sale', 'party'),
            ('sale.opportunity', 'party'), ('account.invoice', 'party'),
            ('fleet.order', 'party'), ('loan.loan', 'party'),
            ('stock.shipment.out', 'customer'),
            ('stock.shipment.in', 'supplier'), ('crm.case', 'party'),
            ('crm.contract', 'party'), ('crm.lead', 'party')]
        for strict, seen in [
                (False, everybody), (True, {"Ours", "Nobody's"}),
                (False, everybody)]:
            self.set_strict(strict)
            for model, field in lists:
                with self.subTest(model, strict=strict):
                    self.assertEqual(self.names(model, field), seen)

    def test_party(self):
        Party = self.get('party.party')
        theirs = self.parties["Theirs"]
        self.set_strict()
        with self.act_as(self.user):
            names = {p.name for p in Party.search([])}
            self.assertTrue({"Ours", "Nobody's"} <= names)
            self.assertNotIn("Theirs", names)
            with self.assertRaises(AccessError):
                Party.read([theirs.id], ['name'])
            with self.assertRaises(AccessError):
                Party.export_data([theirs], ['name'])
        self.assertTrue(Party(theirs.id).crm_hidden)
        # Who sees all is not touched, who has no customers neither
        chief, _ = self.create_user('chief', 'group_crm_all')
        other, _ = self.create_user('other')
        for user in [chief, other]:
            with self.subTest(user.login), self.act_as(user):
                self.assertTrue(Party.search([('id', '=', theirs.id)]))

    def test_team(self):
        "A chief sees what his people see"
        chief, employee = self.create_user('chief', 'group_crm_team')
        self.employee.supervisor = employee
        self.employee.save()
        self.set_strict()
        with self.act_as(chief):
            names = {p.name for p in self.get('party.party').search([])}
        self.assertIn("Ours", names)
        self.assertNotIn("Theirs", names)

    def test_lists(self):
        "Each list that shows a party opens"
        pool = Pool()
        ModelAccess = pool.get('ir.model.access')
        models = {
            m for m in STRICT_MODELS
            if m in {n for n, _ in pool.iterobject()}}
        actions = pool.get('ir.action.act_window').search([
                ('res_model', 'in', sorted(models)),
                ])
        self.set_strict()
        opened = set()
        for action in actions:
            with self.subTest(action.rec_name), self.act_as(self.user):
                if ModelAccess.check(
                        action.res_model, raise_exception=False):
                    opened.add(action.res_model)
                    self.open_list(action)
        self.assertTrue(models - opened <= {
                'crm.lead', 'loan.party', 'party.relation',
                'party.relation.all', 'account.move.line'}, models - opened)
