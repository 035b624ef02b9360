# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
from decimal import Decimal
from unittest.mock import patch

from caravan.testing import set_up_chart, unvalidated
from trytond.model.exceptions import AccessError
from trytond.modules.account.tests import get_fiscalyear
from trytond.modules.account_invoice.tests import set_invoice_sequences
from trytond.modules.company.tests import create_company
from trytond.modules.crm_party.exceptions import ContractError
from trytond.pool import Pool
from trytond.transaction import Transaction

from .common import CASES, EXTRAS, CrmTestCase, set_up


def date(text):
    return dt.date.fromisoformat(text) if text else None


class ContractCase(CrmTestCase):
    "Base of the tests of contracts"

    def setUp(self):
        super().setUp()
        self.party = self.create_party("Tenant", profile={},
            addresses=[('create', [{'city': "Lyon"}])])

    def contract(self, *lines, active=True, **values):
        "Create a contract, each line is (price, values)"
        contract = self.create('crm.contract', **{
                'company': self.company.id,
                'party': self.party.id,
                'manager': self.manager.id,
                'currency': self.company.currency.id,
                'start': date('2026-01-31'),
                'lines': [('create', [{
                                'description': "Storage",
                                'unit_price': Decimal(price),
                                **more} for price, more in lines])],
                **values})
        if active:
            self.get('crm.contract').activate([contract])
        return self.get('crm.contract')(contract.id)

    def at(self, text):
        return patch.object(
            self.get('ir.date'), 'today', return_value=date(text))


class ContractTestCase(ContractCase):
    "Test contracts"

    def test_phase(self):
        Contract = self.get('crm.contract')
        case = CASES['contract_renewal']['cases'][0]
        contract = self.contract(
            start=date('2025-07-01'), end=date(case['end']),
            notice=case['notice_months'], renewal='manual')
        self.assertEqual(contract.notice_date, date(case['notice_date']))
        cases = CASES['contract_renewal']['states'] + [
            {'today': '2025-06-30', 'expected': 'upcoming'}]
        phases = ['upcoming', 'running', 'expiring', 'expired']
        for expected in cases:
            with self.subTest(**expected), self.at(expected['today']):
                self.assertEqual(
                    Contract(contract.id).phase, expected['expected'])
                for phase in phases:
                    found = Contract.search([('phase', '=', phase)])
                    self.assertEqual(
                        bool(found), phase == expected['expected'])
                    found = Contract.search([('phase', 'not in', [phase])])
                    self.assertEqual(
                        bool(found), phase != expected['expected'])
        # An open end never expires
        contract = self.contract(party=self.party.id, notice=1)
        with self.at('2099-01-01'):
            self.assertEqual(Contract(contract.id).phase, 'running')
            self.assertIn(
                contract, Contract.search([('phase', '=', 'running')]))

    def test_workflow(self):
        Contract = self.get('crm.contract')
        contract = self.contract(('10', {}), active=False)
        self.assertFalse(contract.number)
        Contract.activate([contract])
        self.assertTrue(contract.number)
        self.assertIn(contract.number, contract.rec_name)
        with self.assertRaises(AccessError):
            Contract.delete([contract])
        copy, = Contract.copy([contract])
        self.assertEqual((copy.state, copy.number), ('draft', None))
        self.assertEqual(len(copy.lines), 1)
        Contract.delete([copy])

    def test_agreed(self):
        "What was agreed is not changed by hand"
        contract = self.contract(('10', {}))
        user, _ = self.create_user('chief', 'group_crm_all')
        Contract = self.get('crm.contract')
        with self.act_as(user):
            Contract.write([contract], {'reference': "PO 7"})
            for values in [
                    {'end': self.today}, {'start': self.today},
                    {'state': 'closed'}, {'interval': 2}]:
                with self.subTest(**values), \
                        self.assertRaises(AccessError):
                    Contract.write([contract], values)

    def test_dates(self):
        with self.assertRaises(Exception):
            self.contract(end=date('2026-01-30'))

    def test_amount(self):
        "What a period costs today"
        contract = self.contract(
            ('10', {'quantity': 3}), ('5.01', {}), ('99', {'one_off': True}),
            ('7', {'start': date('2026-06-01')}),
            ('8', {'end': date('2026-05-31')}))
        for today, amount in [
                ('2020-01-01', '43.01'), ('2026-05-31', '43.01'),
                ('2026-06-01', '42.01')]:
            with self.subTest(today), self.at(today):
                self.assertEqual(
                    self.get('crm.contract')(contract.id).amount,
                    Decimal(amount))

    def test_renew(self):
        "Prices change from the new time on"
        Contract = self.get('crm.contract')
        for case in CASES['contract_renewal']['cases']:
            contract = self.contract(
                ('100', {}), ('50', {'one_off': True}),
                ('20', {'end': date('2026-03-31')}),
                start=date('2026-01-01'), end=date(case['end']),
                notice=case['notice_months'], renewal='manual')
            Contract.renew(
                [contract], months=case['renew_months'],
                percent=Decimal('2.5'))
            contract = Contract(contract.id)
            with self.subTest(**case):
                self.assertEqual(contract.end, date(case['renewed_end']))
                self.assertEqual(
                    sorted((l.unit_price, l.start, l.end)
                        for l in contract.lines), [
                        (Decimal('20'), None, date('2026-03-31')),
                        (Decimal('50'), None, None),
                        (Decimal('100'), None, date(case['end'])),
                        (Decimal('102.5'),
                            date(case['end']) + dt.timedelta(days=1), None)])
                renewal, = contract.renewals
                self.assertEqual(
                    (renewal.old_end, renewal.new_end, renewal.percent),
                    (date(case['end']), contract.end, Decimal('2.5')))
        with self.assertRaises(ContractError):
            Contract.renew([self.contract()], months=12)
        with self.assertRaises(ContractError):
            Contract.renew([self.contract(end=date('2026-12-31'))])

    def test_renew_state(self):
        "What is over is not renewed"
        Contract = self.get('crm.contract')
        contract = self.contract(end=date('2026-12-31'))
        Contract.terminate([contract], date('2026-06-30'), "Too dear")
        with self.assertRaises(ContractError) as caught:
            Contract.renew([Contract(contract.id)], months=12)
        self.assertIn(contract.number, caught.exception.message)

    def test_renew_ahead(self):
        "A line that starts after the end has one price, the new one"
        Contract = self.get('crm.contract')
        contract = self.contract(
            ('100', {'start': date('2027-02-01')}), end=date('2026-12-31'))
        Contract.renew([contract], months=12, percent=Decimal('5'))
        line, = Contract(contract.id).lines
        self.assertEqual(
            (line.unit_price, line.start, line.end),
            (Decimal('105'), date('2027-02-01'), None))

    def test_update(self):
        "The night renews what runs on and closes what is over"
        Contract = self.get('crm.contract')
        values = {'start': date('2025-07-01'), 'end': date('2026-06-30')}
        contracts = {
            renewal: self.contract(
                renewal=renewal, notice=notice,
                renewal_months=12 if renewal != 'none' else None, **values)
            for renewal, notice in [
                ('none', 1), ('manual', 1), ('automatic', 1)]}
        late = self.contract(
            renewal='automatic', renewal_months=1, **values)

        def ends(today):
            Contract.update(date(today))
            return [
                (c.state, str(c.end)) for c in Contract.browse(
                    [*contracts.values(), late])]
        same = ('active', '2026-06-30')
        self.assertEqual(ends('2026-05-30'), [same] * 4)
        self.assertEqual(
            ends('2026-05-31'),
            [same, same, ('active', '2027-06-30'), same])
        expected = [
            ('closed', '2026-06-30'), same, ('active', '2027-06-30'),
            # Three renewals in one night
            ('active', '2026-09-30')]
        self.assertEqual(ends('2026-09-15'), expected)
        self.assertEqual(ends('2026-09-15'), expected)
        self.assertEqual(len(Contract(late.id).renewals), 3)

    def test_terminate(self):
        Contract = self.get('crm.contract')
        contract = self.contract(end=date('2026-12-31'))
        for day in ['2026-01-30', '2027-01-01']:
            with self.subTest(day), self.assertRaises(ContractError):
                Contract.terminate([contract], date(day), "Too dear")
        Contract.terminate([contract], date('2026-06-15'), "Too dear")
        contract = Contract(contract.id)
        self.assertEqual(
            (contract.state, contract.end, contract.termination_reason),
            ('terminated', date('2026-06-15'), "Too dear"))

    def test_close(self):
        "Only what is over is put away: the rest would be invoiced on"
        Contract = self.get('crm.contract')
        with self.assertRaises(ContractError):
            Contract.close([self.contract()])
        contract = self.contract(end=date('2026-06-30'))
        with self.at('2026-06-30'), self.assertRaises(ContractError):
            Contract.close([contract])
        with self.at('2026-07-01'):
            Contract.close([contract])
        self.assertEqual(Contract(contract.id).state, 'closed')

    def test_confirm(self):
        "What is not taken back is asked for"
        Button = self.get('ir.model.button')
        for model, name in [('crm.contract', 'close'), ('crm.case', 'cancel')]:
            button, = Button.search([
                    ('model', '=', model), ('name', '=', name)])
            self.assertTrue(button.confirm)

    def test_wizard_access(self):
        "Who may only read a contract does not end it"
        _, other = self.create_user('other', 'group_crm')
        reader, employee = self.create_user('reader', 'group_crm')
        contract = self.contract(
            end=date('2026-12-31'), manager=other.id)
        profile, = self.party.crm_profiles
        profile.manager = employee
        profile.save()
        Terminate = Pool().get('crm.contract.terminate', type='wizard')
        session, = self.get('ir.session.wizard').create([{}])
        with self.act_as(reader):
            self.assertTrue(self.get('crm.contract').search([]))
            with Transaction().set_context(
                    active_model='crm.contract', active_id=contract.id,
                    active_ids=[contract.id]):
                wizard = Terminate(session.id)
                wizard.start.date = date('2026-06-30')
                wizard.start.reason = "Mine now"
                with self.assertRaises(AccessError):
                    wizard.transition_terminate()

    def test_due(self):
        "A date of notice is a reason to contact in time"
        contract = self.contract(
            start=date('2025-07-01'), end=date('2026-06-30'), notice=1)
        Due = self.get('crm.due')
        for today, days in [
                ('2026-04-29', None), ('2026-04-30', 0),
                ('2026-06-01', 32)]:
            with self.subTest(today), self.at(today):
                found = Due.search([('kind', '=', 'contract')])
                self.assertEqual(
                    [d.days for d in found], [] if days is None else [days])
        self.assertEqual(found[0].origin, contract)
        self.assertIn("Contract", found[0].reason)
        event, = self.get('crm.timeline').search([
                ('kind', '=', 'contract')])
        self.assertEqual(event.origin, contract)

    def test_handover(self):
        _, leaver = self.create_user('leaver', 'group_crm')
        _, successor = self.create_user('successor', 'group_crm')
        contracts = [
            self.contract(
                manager=leaver.id, start=date('2020-01-01'),
                end=date('2020-12-31')) for _ in range(2)]
        self.get('crm.contract').close(contracts[:1])
        handover = self.create('crm.handover',
            company=self.company.id, employee=leaver.id,
            lines=[('create', [{'employee': successor.id}])])
        self.assertEqual(handover.contract_count, 1)
        self.get('crm.handover').do([handover])
        self.assertEqual(
            [c.manager for c in self.get('crm.contract').browse(contracts)],
            [leaver, successor])

    def test_print(self):
        Report = Pool().get('crm.contract', type='report')
        contract = self.contract(
            ('10', {}), end=date('2026-12-31'), notice=1,
            description="Paid within\n14 days.")
        content, name = self.render(Report, [contract.id])
        self.assertIn(contract.number, name)
        for text in [contract.number, "Tenant", "14 days.", "Storage"]:
            with self.subTest(text):
                self.assertIn(text, content)


class ContractInvoiceTestCase(ContractCase):
    "Test the invoices of contracts"
    modules = ['crm_party', *EXTRAS]
    set_ups = [set_up, set_up_chart]
    locks = [
        'crm_configuration', 'account_configuration', 'account_journal_period']

    def setUp(self):
        super().setUp()
        fiscalyear = set_invoice_sequences(
            get_fiscalyear(self.company, today=date('2026-01-01')))
        with unvalidated():
            fiscalyear.save()
            fiscalyear.create_period([fiscalyear])
        self.set_accounts()

    def set_accounts(self):
        Account = self.get('account.account')
        accounts = {
            kind: Account.search([
                    (f'type.{kind}', '=', True),
                    ('closed', '!=', True),
                    ('company', '=', self.company.id)], limit=1)[0]
            for kind in ['revenue', 'expense']}
        configuration = self.get('account.configuration')(1)
        for kind, account in accounts.items():
            setattr(
                configuration, f'default_category_account_{kind}', account)
        configuration.save()

    def invoice(self, contract, until, **kwargs):
        "Return (date, [(period, amount)]) of the new invoices"
        Contract = self.get('crm.contract')
        invoices = Contract.create_invoices(
            [Contract(contract.id)], date(until), **kwargs)
        return [
            (str(i.invoice_date), [l.amount for l in i.lines])
            for i in self.get('account.invoice').browse(invoices)]

    def test_periods(self):
        "Each period is invoiced once, the last one by its days"
        case = CASES['contract_periods']
        amount = case['proration_last']['amount']
        contract = self.contract((amount, {}), end=date(case['end']))
        first, *others = case['expected']
        self.assertEqual(
            self.invoice(contract, '2026-02-27'),
            [(first[0], [Decimal(amount)])])
        self.assertEqual(self.invoice(contract, '2026-02-27'), [])
        self.assertEqual(
            self.invoice(contract, '2026-12-31'), [
                *((start, [Decimal(amount)]) for start, _ in others[:-1]),
                (others[-1][0], [
                        Decimal(case['proration_last']['expected'])])])
        self.assertEqual(
            self.get('crm.contract')(contract.id).invoiced_until,
            date(case['end']))

    def test_post_paid(self):
        contract = self.contract(
            ('10', {}), start=date('2026-01-01'), mode='post_paid',
            offset=1, anchor=date('2026-01-01'))
        self.assertEqual(self.invoice(contract, '2026-01-31'), [])
        self.assertEqual(
            self.invoice(contract, '2026-02-01'),
            [('2026-02-01', [Decimal('10')])])

    def test_ahead(self):
        "An invoice may come before its period"
        contract = self.contract(
            ('10', {}), start=date('2026-02-01'), offset=-10)
        self.assertEqual(
            self.invoice(contract, '2026-02-20'), [
                ('2026-01-22', [Decimal('10')]),
                ('2026-02-19', [Decimal('10')])])

    def test_lines(self):
        "One-off, from a day on, and a broken first period"
        contract = self.contract(
            ('31', {}),
            ('500', {'one_off': True, 'start': date('2026-02-10')}),
            ('28', {'start': date('2026-02-15')}),
            start=date('2026-01-22'), anchor=date('2026-01-01'))
        self.assertEqual(
            self.invoice(contract, '2026-03-01'), [
                ('2026-02-10', [Decimal('500.00')]),
                ('2026-01-22', [Decimal('10.00')]),
                ('2026-02-01', [Decimal('31.00'), Decimal('14.00')]),
                ('2026-03-01', [Decimal('31.00'), Decimal('28.00')])])

    def test_suspended(self):
        "The days of a suspension are not charged"
        Contract = self.get('crm.contract')
        contract = self.contract(
            ('30', {}), start=date('2026-04-01'), mode='post_paid')
        with self.at('2026-04-11'):
            Contract.suspend([contract])
        self.assertEqual(self.invoice(contract, '2026-05-31'), [])
        with self.at('2026-04-21'):
            Contract.resume([Contract(contract.id)])
        suspension, = Contract(contract.id).suspensions
        self.assertEqual(suspension.end, date('2026-04-20'))
        self.assertEqual(
            self.invoice(contract, '2026-04-30'),
            [('2026-04-30', [Decimal('20.00')])])

    def test_renewed(self):
        "What the end had cut off is invoiced once the contract is renewed"
        Contract = self.get('crm.contract')
        contract = self.contract(
            ('31', {}), start=date('2026-03-01'), end=date('2026-03-14'))
        self.assertEqual(
            self.invoice(contract, '2026-12-31'),
            [('2026-03-01', [Decimal('14')])])
        Contract.renew([Contract(contract.id)], months=1)
        self.assertEqual(self.invoice(contract, '2026-03-14'), [])
        self.assertEqual(
            self.invoice(contract, '2026-03-31'),
            [('2026-03-15', [Decimal('17')])])
        self.assertEqual(self.invoice(contract, '2026-03-31'), [])

    def test_moved(self):
        "A line that starts on another day is not invoiced twice"
        contract = self.contract(
            ('31', {}), ('5', {'one_off': True}), start=date('2026-03-01'))
        self.assertEqual(len(self.invoice(contract, '2026-03-01')), 1)
        self.get('crm.contract.line').write(
            list(contract.lines), {'start': date('2026-03-10')})
        self.assertEqual(self.invoice(contract, '2026-03-31'), [])

    def test_terminated(self):
        "What was due before the end is invoiced after it"
        Contract = self.get('crm.contract')
        contract = self.contract(
            ('30', {}),
            ('500', {'one_off': True, 'start': date('2026-06-01')}),
            start=date('2026-04-01'))
        Contract.terminate([contract], date('2026-05-10'), "Moves away")
        self.assertEqual(
            [amounts for _, amounts in self.invoice(contract, '2026-12-31')],
            [[Decimal('30')], [Decimal('9.68')]])

    def test_credit(self):
        "What was invoiced ahead is credited for the days that fell away"
        Contract = self.get('crm.contract')
        contract = self.contract(
            ('30', {}), ('500', {'one_off': True}),
            start=date('2026-04-01'), credit_days=True)
        self.invoice(contract, '2026-04-01')
        with self.at('2026-04-11'):
            Contract.suspend([contract])
        self.assertEqual(self.invoice(contract, '2026-04-15'), [])
        with self.at('2026-04-21'):
            Contract.resume([Contract(contract.id)])
        self.assertEqual(
            self.invoice(contract, '2026-04-25'),
            [('2026-04-25', [Decimal('-10.00')])])
        self.assertEqual(self.invoice(contract, '2026-04-25'), [])
        Contract.terminate(
            [Contract(contract.id)], date('2026-05-10'), "Moves away")
        self.assertEqual(
            self.invoice(contract, '2026-12-31'),
            [('2026-05-01', [Decimal('9.68')])])
        self.assertEqual(len(Contract(contract.id).invoices), 3)

    def test_credit_end(self):
        "The credit of an early end goes with what is due besides"
        Contract = self.get('crm.contract')
        contract = self.contract(
            ('30', {}), start=date('2026-04-01'), end=date('2026-12-31'),
            offset=-30, credit_days=True)
        self.assertEqual(len(self.invoice(contract, '2026-04-01')), 2)
        Contract.terminate([contract], date('2026-04-20'), "Moves away")
        self.assertEqual(
            self.invoice(contract, '2026-04-25'),
            [('2026-04-25', [Decimal('-30.00'), Decimal('-10.00')])])
        credit = Contract(contract.id).invoices[-1]
        self.assertIn("Credit for 31 days", credit.lines[0].description)

    def test_credit_cancelled(self):
        "A credit that is cancelled is due again"
        Contract = self.get('crm.contract')
        Invoice = self.get('account.invoice')
        contract = self.contract(
            ('30', {}), start=date('2026-04-01'), credit_days=True)
        self.invoice(contract, '2026-04-01')
        Contract.terminate([contract], date('2026-04-10'), "Moves away")
        credited = [('2026-04-30', [Decimal('-20.00')])]
        self.assertEqual(self.invoice(contract, '2026-04-30'), credited)
        _, credit = Contract(contract.id).invoices
        Invoice.cancel([credit])
        self.assertEqual(self.invoice(contract, '2026-04-30'), credited)
        Invoice.cancel(list(Contract(contract.id).invoices))
        self.assertEqual(
            self.invoice(contract, '2026-04-30'),
            [('2026-04-01', [Decimal('10.00')])])

    def test_credit_first(self):
        "What was credited is not cancelled before its credit"
        Contract = self.get('crm.contract')
        contract = self.contract(
            ('30', {}), start=date('2026-04-01'), credit_days=True)
        self.invoice(contract, '2026-04-01')
        Contract.terminate([contract], date('2026-04-10'), "Moves away")
        self.invoice(contract, '2026-04-30')
        first, credit = Contract(contract.id).invoices
        with self.assertRaises(ContractError) as caught:
            self.get('account.invoice').cancel([first])
        self.assertIn(credit.rec_name, caught.exception.message)

    def test_credit_back(self):
        "Days that come back are charged again"
        Contract = self.get('crm.contract')
        contract = self.contract(
            ('30', {}), start=date('2026-04-01'), end=date('2026-04-30'),
            credit_days=True)
        self.invoice(contract, '2026-04-01')
        Contract.write([Contract(contract.id)], {'end': date('2026-04-20')})
        self.assertEqual(
            self.invoice(contract, '2026-04-02'),
            [('2026-04-02', [Decimal('-10.00')])])
        Contract.write([Contract(contract.id)], {'end': date('2026-04-25')})
        self.assertEqual(
            self.invoice(contract, '2026-04-03'),
            [('2026-04-03', [Decimal('5.00')])])

    def test_amounts(self):
        "Invoiced and owed, and a cancelled invoice is made again"
        Contract = self.get('crm.contract')
        Invoice = self.get('account.invoice')
        contract = self.contract(('30', {}), start=date('2026-04-01'))
        self.invoice(contract, '2026-04-01')
        self.assertEqual(Contract(contract.id).invoiced, 0)
        invoice, = Contract(contract.id).invoices
        Invoice.post([invoice])
        contract = Contract(contract.id)
        self.assertEqual(
            (contract.invoiced, contract.paid, contract.debt),
            (Decimal('30'), 0, Decimal('30')))
        draft = self.contract(('30', {}), start=date('2026-04-01'))
        self.invoice(draft, '2026-04-01')
        cancelled = Contract(draft.id).invoices
        Invoice.cancel(list(cancelled))
        with self.assertRaises(ContractError) as caught:
            Invoice.draft(list(cancelled))
        self.assertIn(cancelled[0].rec_name, caught.exception.message)
        self.assertEqual(len(self.invoice(draft, '2026-04-01')), 1)
        Invoice.delete(list(Contract(draft.id).invoices))
        self.assertEqual(len(self.invoice(draft, '2026-04-01')), 1)

    def test_supplier(self):
        "Posted are the invoices of customers only"
        contract = self.contract(
            ('30', {}), start=date('2026-04-01'), direction='supplier')
        self.invoice(contract, '2026-04-01', post=True)
        contract = self.get('crm.contract')(contract.id)
        invoice, = contract.invoices
        self.assertEqual((invoice.type, invoice.state), ('in', 'draft'))
        contract = self.contract(('30', {}), start=date('2026-04-01'))
        self.invoice(contract, '2026-04-01', post=True)
        invoice, = self.get('crm.contract')(contract.id).invoices
        self.assertEqual((invoice.type, invoice.state), ('out', 'posted'))

    def test_wizard(self):
        "Contracts are invoiced with the accounts of their company"
        Contract = self.get('crm.contract')
        other = create_company(name="Other")
        contracts = [
            self.contract(), self.contract(company=other.id, manager=None)]
        Wizard = Pool().get('crm.contract.invoice', type='wizard')
        session, = self.get('ir.session.wizard').create([{}])
        found = {}

        def create_invoices(contracts, *args, **kwargs):
            found[Transaction().context['company']] = contracts
            return []
        with patch.object(Contract, 'create_invoices', create_invoices), \
                Transaction().set_context(
                    active_model='crm.contract', active_id=contracts[0].id,
                    active_ids=[c.id for c in contracts],
                    _companies=[self.company.id, other.id]):
            wizard = Wizard(session.id)
            wizard.start.date, wizard.start.post = self.today, True
            wizard.do_create_({})
        self.assertEqual(found, {c.company.id: [c] for c in contracts})

    def test_no_account(self):
        "What is missing is named, nothing is written"
        configuration = self.get('account.configuration')(1)
        configuration.default_category_account_revenue = None
        configuration.save()
        contract = self.contract(('30', {}), start=date('2026-04-01'))
        with self.assertRaises(ContractError) as caught:
            self.invoice(contract, '2026-04-01')
        self.assertIn("Storage", caught.exception.message)

    def test_queries(self):
        "Invoices of many contracts at once"
        Contract = self.get('crm.contract')
        for _ in range(12):
            self.contract(('30', {}), start=date('2026-04-01'))

        def read(number):
            contracts = Contract.search([], limit=number)
            Contract.read([c.id for c in contracts], [
                    'amount', 'phase', 'party.rec_name', 'invoiced_until',
                    'debt'])
        Contract.create_due_invoices(date('2026-04-01'))
        self.assertConstantQueries(read, small=4, large=12)
