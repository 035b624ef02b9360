# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Calls as a client makes them, through the real dispatcher, no network.

What is called here passes everything that protects the server: session, JSON,
allowed methods, access rights, retries and commit.
"""
import base64
import json
import threading

from werkzeug.test import Client

from trytond.pool import Pool
from trytond.protocols import dispatcher  # noqa: F401 registers its routes
from trytond.protocols.jsonrpc import JSONDecoder, JSONEncoder
from trytond.tests import test_tryton
from trytond.transaction import Transaction
from trytond.wsgi import app

__all__ = ['HTTPFault', 'Session']

_raised = threading.local()


class HTTPFault(Exception):
    "The server answered with an HTTP error: status is its code"

    def __init__(self, status, text):
        super().__init__(status, text)
        self.status = status


@app.error_handler
def _remember(app, request, exception):
    "The client sees a message only; tests want the class of the error"
    _raised.exception = exception


class Session:
    """A session of the user with this login in the test database.

    context is what clients send with each call: the user's preferences.
    """

    def __init__(self, login='admin'):
        with Transaction().start(test_tryton.DB_NAME, 0):
            user, = Pool().get('res.user').search([('login', '=', login)])
        with Transaction().start(
                test_tryton.DB_NAME, user.id,
                context={'_request': {'remote_addr': '127.0.0.1'}},
                ) as transaction:
            key = Pool().get('ir.session').new()
            transaction.commit()
        token = base64.b64encode(f'{login}:{user.id}:{key}'.encode()).decode()
        self.user = user.id
        self._headers = {
            'Content-Type': 'application/json',
            'Authorization': f'Session {token}',
            }
        self.context = {}
        self.refresh()

    def refresh(self):
        "Read the preferences of the user again"
        self.context = self.call('model.res.user.get_preferences', True)

    def call(self, method, *args, context=None):
        """Call a method such as 'model.party.party.read' with args.

        context is added to the one of the user.  Raises the error that the
        server raised, HTTPFault if it answered with an HTTP error.
        """
        _raised.exception = None
        response = Client(app).post(
            f'/{test_tryton.DB_NAME}/rpc/', headers=self._headers,
            environ_base={'REMOTE_ADDR': '127.0.0.1'},
            data=json.dumps({
                    'id': 0,
                    'method': method,
                    'params': [*args, {**self.context, **(context or {})}],
                    }, cls=JSONEncoder))
        if _raised.exception is not None:
            raise _raised.exception
        if response.status_code != 200:
            raise HTTPFault(response.status_code, response.get_data(True))
        return json.loads(
            response.get_data(), object_hook=JSONDecoder())['result']

    def model(self, name, method, *args, context=None):
        return self.call(f'model.{name}.{method}', *args, context=context)
