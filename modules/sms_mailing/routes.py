# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What the world may say about our messages, without an account.

Every address holds a random token.  An unknown or repeated one is answered
like a known one, so that nothing can be learned and a gateway stops asking.
Nothing here shows or takes more than the message of the token.
"""
import hmac
import logging
from html import escape

from trytond.i18n import gettext
from trytond.protocols.wrappers import (
    HTTPStatus, Response, abort, allow_null_origin, redirect,
    set_max_request_size, with_pool, with_transaction)
from trytond.transaction import Transaction
from trytond.wsgi import app

logger = logging.getLogger(__name__)

MAX_SIZE = 64 * 1024
MAX_MAIL = 1024 * 1024
# What a database can look up
MAX_ID = 2 ** 31 - 1
_PAGE = """<!DOCTYPE html>
<html lang="{language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{title}</title>
<style>body{{font:1.1em/1.5 sans-serif;max-width:34em;margin:4em auto;\
padding:0 1em;color:#222}}button{{font:inherit;padding:.6em 1.4em;\
border:0;border-radius:.3em;background:#267f82;color:#fff}}</style></head>
<body><h1>{title}</h1><p>{text}</p>{form}</body></html>
"""

# A transparent point, GIF 89a
_PICTURE = bytes.fromhex(
    '47494638396101000100800000000000ffffff21f90401000000002c00000000010001'
    '0000020144003b')


def _plain(request, size=MAX_SIZE):
    "Refuse what is packed or large, before anything is read"
    if request.content_encoding:
        abort(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    if (request.content_length or 0) > size:
        abort(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _same(token, expected):
    return hmac.compare_digest(
        (token or '').encode(), (expected or '').encode())


def _find(pool, id_, token):
    "Return the row of a message if the token is its own"
    Message = pool.get('mailing.message')
    row = Message.by_id(id_) if id_ <= MAX_ID else None
    known = row.token if row else '0' * 32
    return row if _same(token, known) and row else None


def _done():
    return Response('', HTTPStatus.OK, content_type='text/plain')


@app.route(
    '/<database_name>/mailing/dlr/<int:id_>/<token>', methods=['GET', 'POST'])
@set_max_request_size(MAX_SIZE)
@with_pool
@with_transaction(readonly=False)
def receipt(request, pool, id_, token):
    "A gateway reports what became of a message"
    Account = pool.get('mailing.account')
    Event = pool.get('mailing.event')
    _plain(request)
    row = _find(pool, id_, token)
    if row:
        adapter = Account.adapter_of(row.adapter, row.section, row.account)
        Event.add(
            row.account, [(row.id, r) for r in adapter.reports(request)])
    else:
        logger.info("receipt for an unknown message %s", id_)
    return _done()


def _account(pool, request, id_, secret):
    "Return the account and its adapter if the caller is its gateway"
    Account = pool.get('mailing.account')
    accounts = id_ <= MAX_ID and Account.search([('id', '=', id_)])
    if not accounts:
        return None, None
    account, = accounts
    adapter = account.get_adapter()
    if not adapter.authentic(request, secret):
        logger.warning("callback of account %s is not authentic", id_)
        return None, None
    return account, adapter


@app.route(
    '/<database_name>/mailing/in/<int:id_>/<secret>',
    methods=['GET', 'POST'])
@set_max_request_size(MAX_SIZE)
@with_pool
@with_transaction(readonly=False)
def incoming(request, pool, id_, secret):
    "A gateway hands in what somebody wrote to us"
    Inbound = pool.get('mailing.inbound')
    _plain(request)
    account, adapter = _account(pool, request, id_, secret)
    if account:
        Inbound.receive(account.id, adapter.incoming(request))
    return _done()


@app.route(
    '/<database_name>/mailing/bounce/<int:id_>/<secret>', methods=['POST'])
@set_max_request_size(MAX_MAIL)
@with_pool
@with_transaction(readonly=False)
def bounces(request, pool, id_, secret):
    "A mail server hands in a notification as a raw message"
    Event = pool.get('mailing.event')
    _plain(request, MAX_MAIL)
    account, adapter = _account(pool, request, id_, secret)
    if account:
        reports = []
        for report in adapter.reports(request):
            if report.id and _find(pool, report.id, report.token):
                reports.append((report.id, report))
        Event.add(account.id, reports)
    return _done()


@app.route(
    '/<database_name>/mailing/u/<int:id_>/<token>', methods=['GET', 'POST'])
@allow_null_origin
@set_max_request_size(MAX_SIZE)
@with_pool
@with_transaction(readonly=False)
def unsubscribe(request, pool, id_, token):
    "A person refuses; looking at the page changes nothing"
    Message = pool.get('mailing.message')
    _plain(request)
    row = _find(pool, id_, token)
    with Transaction().set_context(language=row.language if row else None):
        if request.method == 'POST':
            if row:
                Message.unsubscribe(
                    row.id, request.remote_addr,
                    request.headers.get('User-Agent'))
            return _page(gettext('sms_mailing.msg_unsubscribe_done'), '')
        button = escape(gettext('sms_mailing.msg_unsubscribe_button'))
        return _page(
            gettext('sms_mailing.msg_unsubscribe_ask'),
            f'<form method="post"><button>{button}</button></form>')


def _page(text, form):
    title = gettext('sms_mailing.msg_unsubscribe_title')
    response = Response(
        _PAGE.format(
            language=escape(Transaction().language), title=escape(title),
            text=escape(text), form=form),
        HTTPStatus.OK, content_type='text/html; charset=utf-8')
    response.headers['Cache-Control'] = 'no-store'
    response.headers['Content-Security-Policy'] = (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'")
    response.headers['Referrer-Policy'] = 'no-referrer'
    return response


@app.route(
    '/<database_name>/mailing/o/<int:id_>/<token>', methods=['GET'])
@with_pool
@with_transaction(readonly=False)
def opened(request, pool, id_, token):
    "A person opens a mail, its program asks for the picture"
    Event = pool.get('mailing.event')
    Message = pool.get('mailing.message')
    if row := _find(pool, id_, token):
        Event.seen(
            Message(row.id), 'open', request.headers.get('User-Agent'),
            request.method)
    response = Response(_PICTURE, HTTPStatus.OK, content_type='image/gif')
    response.headers['Cache-Control'] = 'no-store'
    return response


@app.route('/<database_name>/mailing/l/<code>', methods=['GET'])
@with_pool
@with_transaction(readonly=False)
def follow(request, pool, code):
    "A person follows a short link"
    Link = pool.get('mailing.link')
    target = Link.follow(
        code[:32], request.headers.get('User-Agent'), request.method)
    if not target:
        abort(HTTPStatus.NOT_FOUND)
    response = redirect(target, 302)
    response.headers['Cache-Control'] = 'no-store'
    response.headers['Referrer-Policy'] = 'no-referrer'
    return response
