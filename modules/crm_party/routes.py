# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import json

from trytond.protocols.wrappers import (
    HTTPStatus, Response, abort, set_max_request_size, with_pool,
    with_transaction)
from trytond.transaction import Transaction
from trytond.wsgi import app

MAX_SIZE = 64 * 1024
_FORMS = {'application/x-www-form-urlencoded', 'multipart/form-data'}


@app.route('/<database_name>/crm/lead/<token>', methods={'POST'})
@set_max_request_size(MAX_SIZE)
@with_pool
@with_transaction(context={'_skip_warnings': True})
def lead(request, pool, token):
    """Store a lead from a web form.

    Takes a form, a JSON object or a text, the message, of at most 64 KiB and
    answers 204 with no content: 404 unknown token, 400 not readable, 413 too
    large, 415 compressed, 429 too many.
    Whether the sender is known is not told.
    """
    Form = pool.get('crm.lead.form')
    if request.headers.get('Content-Encoding'):
        abort(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    forms = Form.search([('token', '=', token)], limit=1)
    if not forms:
        abort(HTTPStatus.NOT_FOUND)
    form, = forms
    data = _read(request)
    with Transaction().set_context(company=form.company.id):
        stored = form.receive(data, request.remote_addr or '')
    if not stored:
        abort(HTTPStatus.TOO_MANY_REQUESTS)
    return Response(status=HTTPStatus.NO_CONTENT)


def _read(request):
    "Return what was sent as dictionary of texts"
    if request.mimetype in _FORMS:
        return request.form.to_dict()
    text = request.get_data().decode(errors='replace')
    if request.mimetype != 'application/json':
        return {'message': text}
    try:
        data = json.loads(text)
    except ValueError:
        abort(HTTPStatus.BAD_REQUEST)
    if not isinstance(data, dict):
        abort(HTTPStatus.BAD_REQUEST)
    return {str(k): v for k, v in data.items()
        if isinstance(v, (str, int, float, bool))}
