# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
from decimal import Decimal

from caravan.testing import set_up_chart, unvalidated
from trytond.modules.account.tests import get_fiscalyear
from trytond.modules.account_invoice.tests import set_invoice_sequences
from trytond.pool import Pool
from trytond.transaction import Transaction

from .common import EXTRAS, CrmTestCase, set_up


def days(number):
    return dt.timedelta(days=number)


class DocumentsTestCase(CrmTestCase):
    "Test what sales, invoices and opportunities tell"
    modules = ['crm_party', *EXTRAS]
    set_ups = [set_up, set_up_chart]
    locks = [
        'crm_configuration', 'account_configuration', 'sale_configuration',
        'account_journal_period']

    def setUp(self):
        super().setUp()
        self.party = self.create_party("Customer", profile={})

    def open_year(self):
        "Create the fiscal year of today"
        fiscalyear = set_invoice_sequences(
            get_fiscalyear(self.company, today=self.today))
        with unvalidated():
            fiscalyear.save()
            fiscalyear.create_period([fiscalyear])

    def invoice(self, date, amount='100'):
        Account = self.get('account.account')
        Journal = self.get('account.journal')
        account, = Account.search([
                ('type.receivable', '=', True),
                ('company', '=', self.company.id)], limit=1)
        revenue, = Account.search([
                ('type.revenue', '=', True),
                ('closed', '!=', True),
                ('code', '=', '4.1.1'),
                ('company', '=', self.company.id)], limit=1)
        journal, = Journal.search([('type', '=', 'revenue')], limit=1)
        invoice = self.create('account.invoice',
            company=self.company.id, type='out', party=self.party.id,
            invoice_address=self.party.address_get().id,
            currency=self.company.currency.id, account=account.id,
            journal=journal.id, invoice_date=date,
            lines=[('create', [{
                            'type': 'line', 'account': revenue.id,
                            'quantity': 1, 'unit_price': Decimal(amount)}])])
        self.get('account.invoice').post([invoice])
        return invoice

    def sale(self, state, date):
        sale = self.create('sale.sale',
            company=self.company.id, party=self.party.id,
            currency=self.company.currency.id, description="Pallets")
        table = self.get('sale.sale').__table__()
        Transaction().connection.cursor().execute(*table.update(
                [table.state, table.quotation_date], [state, date],
                where=table.id == sale.id))
        return sale

    def due(self, kind):
        return [
            (d.party.name, d.days) for d in self.get('crm.due').search([
                    ('kind', '=', kind)])]

    def test_invoice(self):
        "A posted invoice is a contact, makes a customer and may be owed"
        self.open_year()
        self.create('party.address', party=self.party.id)
        invoice = self.invoice(self.today)
        profile = self.get('crm.profile')(self.party.crm_profiles[0].id)
        self.assertEqual(profile.status, 'customer')
        self.assertEqual(profile.last_contact, self.today)
        event, = self.get('crm.timeline').search([
                ('party', '=', self.party.id)])
        self.assertEqual(event.kind, 'invoice')
        self.assertEqual(event.amount, Decimal('100'))
        self.assertEqual(event.origin, invoice)
        self.assertEqual(event.summary.strip(), invoice.number)
        self.assertEqual(self.due('debt'), [])
        line = self.get('account.move.line').__table__()
        Transaction().connection.cursor().execute(*line.update(
                [line.maturity_date], [self.today - days(5)],
                where=line.maturity_date != None))  # noqa: E711
        self.assertEqual(self.due('debt'), [("Customer", 5)])
        # What was paid on account is no longer owed
        columns = [line.move, line.account, line.party, line.state]
        Transaction().connection.cursor().execute(*line.insert(
                [*columns, line.debit, line.credit],
                line.select(
                    *columns, line.credit, line.debit,
                    where=line.maturity_date != None)))  # noqa: E711
        self.assertEqual(self.due('debt'), [])

    def test_offer(self):
        sale = self.sale('quotation', self.today - days(2))
        self.assertEqual(self.due('offer'), [])
        self.sale('draft', None)
        table = sale.__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*table.update(
                [table.quotation_date], [self.today - days(5)],
                where=table.id == sale.id))
        self.assertEqual(self.due('offer'), [("Customer", 2)])
        self.done(self.party, self.today - days(6))
        self.assertEqual(self.due('offer'), [("Customer", 2)])
        self.done(self.party, self.today - days(4))
        self.assertEqual(self.due('offer'), [])
        kinds = {e.kind for e in self.get('crm.timeline').search([])}
        self.assertEqual(kinds, {'sale', 'activity'})

    def test_opportunity(self):
        opportunity = self.create('sale.opportunity',
            company=self.company.id, party=self.party.id,
            currency=self.company.currency.id,
            employee=self.manager.id, start_date=self.today - days(3))
        self.assertEqual(self.due('opportunity'), [("Customer", 3)])
        _, successor = self.create_user('successor', 'group_crm')
        handover = self.create('crm.handover',
            company=self.company.id, employee=self.manager.id,
            lines=[('create', [{'employee': successor.id}])])
        self.assertEqual(handover.opportunity_count, 1)
        self.get('crm.handover').do([handover])
        self.assertEqual(
            self.get('sale.opportunity')(opportunity.id).employee, successor)
        self.plan(self.party)
        self.assertEqual(self.due('opportunity'), [])

    def test_lead(self):
        "A lead becomes a party with an opportunity"
        pool = Pool()
        Convert = pool.get('crm.lead.convert', type='wizard')
        Session = pool.get('ir.session.wizard')
        lead = self.create('crm.lead', company=self.company.id,
            name="Jane Roe", message="40 pallets", employee=self.manager.id)
        session, = Session.create([{}])
        with Transaction().set_context(
                active_model='crm.lead', active_id=lead.id,
                active_ids=[lead.id]):
            convert = Convert(session.id)
            convert.start.party = convert.start.type = None
            convert.start.opportunity = (
                convert.start.__class__.default_opportunity())
            _, data = convert.do_convert({'views': []})
        opportunity, = self.get('sale.opportunity').search([])
        self.assertEqual([opportunity.party.id], data['res_id'])
        self.assertEqual(opportunity.employee, self.manager)
        self.assertEqual(opportunity.comment, "40 pallets")
