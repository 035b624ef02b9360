# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import gzip
import io
import json

from caravan.testing.databases import prepare_database
from trytond.modules.company.tests import create_company
from trytond.pool import Pool
from trytond.tests import test_tryton
from trytond.transaction import Transaction


class LeadRouteTestCase(test_tryton.RouteTestCase):
    "Test the route of leads"
    module = 'crm_party'

    @classmethod
    def setUpClass(cls):
        prepare_database([cls.module])
        super().setUpClass()

    @classmethod
    def setUpDatabase(cls):
        Form = Pool().get('crm.lead.form')
        form, = Form.create([{
                    'name': "Website",
                    'company': create_company().id,
                    'rate': 1000,
                    }])
        cls.token = form.token
        Transaction().commit()

    def post(self, token=None, **kwargs):
        return self.client().post(
            f'/{self.db_name}/crm/lead/{token or self.token}', **kwargs)

    def leads(self):
        with Transaction().start(self.db_name, 0, readonly=True):
            Lead = Pool().get('crm.lead')
            return [
                (l.name, l.message, l.state, l.repeated)
                for l in Lead.search([], order=[('id', 'ASC')])]

    def stored(self, **kwargs):
        "Return the answer and the leads it has left"
        before = self.leads()
        response = self.post(**kwargs)
        return response, self.leads()[len(before):]

    def test_form(self):
        response, leads = self.stored(data={
                'name': "Jane", 'message': "<script>alert(1)</script>"})
        self.assertEqual(response.status_code, 204)
        self.assertEqual(response.data, b'')
        self.assertEqual(
            leads, [("Jane", "<script>alert(1)</script>", 'new', 0)])
        response, leads = self.stored(data={
                'name': "Jane", 'message': "<script>alert(1)</script>"})
        self.assertEqual(response.status_code, 204)
        self.assertEqual(leads, [])

    def test_json(self):
        response, leads = self.stored(json={
                'name': "Ивáн", 'message': ["a"], 'phone': 7})
        self.assertEqual(response.status_code, 204)
        self.assertEqual(leads, [("Ивáн", None, 'new', 0)])

    def test_text(self):
        "What comes without a form is a message"
        response, leads = self.stored(
            data="Call me", content_type='text/plain')
        self.assertEqual(response.status_code, 204)
        self.assertEqual(leads, [(None, "Call me", 'new', 0)])
        response, leads = self.stored(
            data={'name': "With File", 'file': (io.BytesIO(b'x'), 'a.exe')})
        self.assertEqual(response.status_code, 204)
        self.assertEqual(leads, [("With File", None, 'new', 0)])

    def test_encoding(self):
        "Text in another encoding is kept as far as it can be read"
        response, leads = self.stored(
            data='name=%C8%E2%E0%ED&message=hello',
            content_type='application/x-www-form-urlencoded')
        self.assertEqual(response.status_code, 204)
        self.assertEqual(leads[0][1], "hello")
        response, leads = self.stored(
            data=b'{"name": "\xc8\xe2", "message": "json"}',
            content_type='application/json')
        self.assertEqual(response.status_code, 204)
        self.assertEqual(leads[0][1], "json")

    def test_refused(self):
        "What is refused leaves nothing and tells nothing back"
        packed = gzip.compress(json.dumps({'name': "Z"}).encode())
        packed_json = {
            'content_type': 'application/json',
            'headers': {'Content-Encoding': 'gzip'},
            }
        large = {'message': 'x' * 10 * 1024 * 1024}
        for kwargs, status in [
                ({'data': large}, 413),
                ({'json': large}, 413),
                ({'token': 'guess', 'data': {'name': "<b>X"}}, 404),
                ({'data': '{', 'content_type': 'application/json'}, 400),
                ({'data': '[1]', 'content_type': 'application/json'}, 400),
                ({'data': packed, **packed_json}, 415)]:
            with self.subTest(status=status):
                response, leads = self.stored(**kwargs)
                self.assertEqual(response.status_code, status)
                self.assertEqual(leads, [])
                self.assertNotIn(b'<b>X', response.data)
                self.assertNotIn(b'xxx', response.data)

    def test_method(self):
        response = self.client().get(
            f'/{self.db_name}/crm/lead/{self.token}')
        self.assertEqual(response.status_code, 405)
