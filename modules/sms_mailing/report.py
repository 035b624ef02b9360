# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from collections import namedtuple

from sql import Literal, Null
from sql.aggregate import Count, Min
from sql.conditionals import Coalesce

from caravan.report import Report
from trytond.i18n import gettext
from trytond.model import fields
from trytond.modules.company import CompanyReport
from trytond.pool import Pool
from trytond.transaction import Transaction

_Text = namedtuple('_Text', ['title', 'lines'])


class MailingReport(CompanyReport, Report):
    __name__ = 'mailing.mailing'

    @classmethod
    def get_context(cls, records, header, data):
        context = super().get_context(records, header, data)
        ids = list(map(int, records))
        reasons, answers = _reasons(ids), _answers(ids)
        texts = _texts(records)
        context['reasons'] = lambda mailing: reasons.get(mailing.id, [])
        context['answers'] = lambda mailing: answers.get(mailing.id, [])
        context['text_of'] = lambda mailing: texts[mailing.id]
        return context


def _texts(mailings):
    "Return {mailing: _Text} of one message that left, else of the template"
    pool = Pool()
    Link = pool.get('mailing.link')
    Message = pool.get('mailing.message')
    message = Message.__table__()
    cursor = Transaction().connection.cursor()
    cursor.execute(*message.select(
            Min(message.id),
            where=fields.SQL_OPERATORS['in'](
                message.mailing, list(map(int, mailings)))
            & (message.text != Null)
            & ~message.state.in_(['queued', 'held', 'cancelled']),
            group_by=[message.mailing]))
    messages = Message.browse([i for i, in cursor])
    codes = {
        link.message: link.code for link in Link.search([
                ('message', 'in', [m.id for m in messages])])}
    # Who reads the paper must not act for the person of the message
    left = {
        m.mailing.id: m.text.replace(m.token, '…').replace(
            codes.get(m, m.token), '…')
        for m in messages}
    return {
        m.id: _Text(
            gettext('sms_mailing.msg_report_text_left'),
            left[m.id].splitlines())
        if m.id in left else _Text(
            gettext('sms_mailing.msg_report_text_template'), [
                line for step in m.steps
                for line in step.template.text.splitlines()])
        for m in mailings}


def _labels(model, field):
    "Return {value: label} of a selection in the language of the user"
    Model = Pool().get(model)
    return dict(Model.fields_get([field])[field]['selection'])


def _reasons(mailings):
    "Return {mailing: [(reason, count)]} of those who were left out"
    recipient = Pool().get('mailing.recipient').__table__()
    labels = _labels('mailing.recipient', 'reason')
    return _counts(recipient.select(
            recipient.mailing, recipient.reason, Count(Literal(1)),
            where=recipient.mailing.in_(mailings)
            & (recipient.state == 'excluded'),
            group_by=[recipient.mailing, recipient.reason],
            order_by=[recipient.mailing, recipient.reason]), labels)


def _answers(mailings):
    "Return {mailing: [(kind, count)]} of what people did"
    pool = Pool()
    event = pool.get('mailing.event').__table__()
    message = pool.get('mailing.message').__table__()
    labels = _labels('mailing.event', 'kind')
    return _counts(event
        .join(message, condition=event.message == message.id)
        .select(
            message.mailing, event.kind, Count(event.message, distinct=True),
            where=message.mailing.in_(mailings)
            & event.kind.in_(
                ['reply', 'open', 'click', 'call', 'unsubscribe',
                    'complaint'])
            & (Coalesce(event.scanner, False) == Literal(False)),
            group_by=[message.mailing, event.kind],
            order_by=[message.mailing, event.kind]), labels)


def _counts(query, labels):
    cursor = Transaction().connection.cursor()
    cursor.execute(*query)
    result = {}
    for mailing, value, count in cursor:
        result.setdefault(mailing, []).append(
            (labels.get(value, value), count))
    return result
