# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

import datetime as dt
from collections import Counter, defaultdict

from sql import Literal, Null
from sql.conditionals import Case, Coalesce
from sql.functions import CurrentTimestamp
from sql.operators import Exists

from trytond.i18n import gettext, ngettext
from trytond.model import ModelSQL, ModelView, Unique, fields
from trytond.pool import Pool
from trytond.transaction import Transaction

from .engine.validity import EXPIRED


class DocumentNotice(ModelSQL, ModelView):
    __name__ = 'fleet.document.notice'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT')
    document = fields.Many2One(
        'fleet.document', "Document", required=True, ondelete='CASCADE')
    user = fields.Many2One(
        'res.user', "User", required=True, ondelete='CASCADE')
    step = fields.Integer(
        "Days Before", required=True,
        help="The warning step, -1 for the notice of expiry.")
    date = fields.Date("Date", required=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('once', Unique(t, t.document, t.user, t.step),
                'fleet.msg_document_notice_once'),
            ]
        cls._order = [('date', 'DESC'), ('id', 'DESC')]

    def get_rec_name(self, name):
        return f'{self.document.rec_name} ({self.step})'

    @classmethod
    def send(cls, date=None):
        """Warn each person once of each step their documents have reached.

        All documents of a person go into one notification.  What was missed
        on days without a run is caught up by the next one.
        """
        pool = Pool()
        Company = pool.get('company.company')
        Date = pool.get('ir.date')
        for company in Company.search([]):
            with Transaction().set_context(company=company.id):
                cls._send(company, date or Date.today())

    @classmethod
    def _send(cls, company, date):
        cursor = Transaction().connection.cursor()
        query = cls._pending(company, date)
        if query is None:
            return
        cursor.execute(*query)
        by_user = defaultdict(dict)
        for document, user, step in cursor:
            by_user[user][document] = step
        if not by_user:
            return
        table = cls.__table__()
        row = query.select(
            query.document, query.user, query.step,
            Literal(company.id), cls.date.sql_cast(Literal(date)),
            Literal(0), CurrentTimestamp())
        cursor.execute(*table.insert([
                    table.document, table.user, table.step, table.company,
                    table.date, table.create_uid, table.create_date], row))
        cls._notify(by_user)

    @classmethod
    def _pending(cls, company, date):
        "Return the query of the notices that are not sent yet"
        pool = Pool()
        Type = pool.get('fleet.document.type')
        document = pool.get('fleet.document').__table__()
        vehicle = pool.get('fleet.vehicle').__table__()
        driver = pool.get('fleet.driver').__table__()
        employee = pool.get('res.user-company.employee').__table__()
        user = pool.get('res.user').__table__()
        notice = cls.__table__()
        types = Type.search([('active', 'in', [True, False])])
        if not types:
            return None
        step = Case(
            (document.valid_to < date, EXPIRED), *[
                ((document.type == type_.id)
                    & (document.valid_to <= date + dt.timedelta(days=days)),
                    days)
                for type_ in types for days in reversed(type_.steps)])
        responsible = Coalesce(
            document.responsible, vehicle.responsible, driver.responsible)
        sent = notice.select(
            Literal(1),
            where=(notice.document == document.id)
            & (notice.user == employee.user)
            & (notice.step == step))
        return (document
            .join(vehicle, 'LEFT', condition=document.vehicle == vehicle.id)
            .join(driver, 'LEFT', condition=document.driver == driver.id)
            .join(employee, condition=employee.employee == responsible)
            .join(user, condition=employee.user == user.id)
            .select(
                document.id.as_('document'), user.id.as_('user'),
                step.as_('step'),
                where=(document.company == company.id)
                & (document.replaced_by == Null)
                & ((document.due_on <= date) | (document.valid_to < date))
                & (step != Null)
                & user.active
                & Coalesce(vehicle.active, driver.active)
                & ~Exists(sent)))

    @classmethod
    def _notify(cls, by_user):
        Document = Pool().get('fleet.document')
        documents = {d.id: d for d in Document.browse(list(
                    {id_ for steps in by_user.values() for id_ in steps}))}
        for user, steps in by_user.items():
            count = Counter(
                'expired' if s == EXPIRED else 'due' for s in steps.values())
            Document.notify_user(
                [documents[id_] for id_ in steps], 'tryton-warning',
                ngettext(
                    'fleet.msg_document_notice', len(steps),
                    count=len(steps)),
                description=gettext(
                    'fleet.msg_document_notice_counts',
                    expired=count['expired'], due=count['due']),
                user=user)
