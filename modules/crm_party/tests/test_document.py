# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.model.exceptions import AccessError
from trytond.pool import Pool
from trytond.transaction import Transaction

from .common import CrmTestCase


class DocumentTestCase(CrmTestCase):
    "Test documents that are kept in the history"

    def setUp(self):
        super().setUp()
        self.letter, = self.get('ir.action.report').search([
                ('report_name', '=', 'party.letter')])
        self.type = self.create(
            'crm.activity.type', name="Letter", channel='document')

    def keep(self, *parties, **values):
        "Run the wizard as the client does, return the activities"
        Wizard = Pool().get('crm.document.history', type='wizard')
        session, _, _ = Wizard.create()
        context = {
            'active_model': 'party.party',
            'active_id': parties[0].id,
            'active_ids': [p.id for p in parties],
            }
        with Transaction().set_context(context):
            view = Wizard.execute(session, {}, 'start')['view']
            start = {
                **{n: v for n, v in view['defaults'].items() if '.' not in n},
                'report': self.letter.id, **values}
            result = Wizard.execute(session, {'start': start}, 'keep')
        _, data = result['actions'][0]
        return self.get('crm.activity').browse(data['res_id'])

    def test_keep(self):
        "Each party gets a file and a done activity"
        parties = [
            self.create_party(name, addresses=[('create', [{}])])
            for name in ["First", "Second"]]
        activities = self.keep(*parties, note="Sent by post.")
        self.assertEqual([a.party for a in activities], parties)
        Attachment = self.get('ir.attachment')
        for activity in activities:
            attachment, = Attachment.search([
                    ('resource', '=', str(activity.party))])
            self.assertEqual(attachment.name, activity.description)
            self.assertTrue(bytes(attachment.data).startswith(b'PK'))
            self.assertIn(activity.party.name, attachment.name)
            self.assertEqual(activity.state, 'done')
            self.assertEqual(activity.done_on, self.today)
            self.assertEqual(activity.type, self.type)
            self.assertEqual(activity.subject, self.letter.name)
            self.assertEqual(activity.note, "Sent by post.")

    def test_access(self):
        "Who may not change a customer adds nothing to him"
        party = self.create_party("Anna's", profile={})
        user, employee = self.create_user('boris', 'group_crm')
        with self.act_as(user), self.assertRaises(AccessError):
            self.keep(party)
        self.assertFalse(self.get('crm.activity').search([]))
        own = self.create_party("Boris'", profile={'manager': employee.id})
        with self.act_as(user):
            activity, = self.keep(own)
        self.assertEqual(activity.employee, employee)
        self.assertEqual(activity.done_by, employee)
