# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from sql import Literal, Null, Window
from sql.aggregate import Count, Max, Sum
from sql.conditionals import Case
from sql.functions import PercentRank, Round

from trytond.model import ModelView, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval, If
from trytond.transaction import Transaction

from .analysis import CustomerAbstract
from .kernel.worth import SEGMENTS as _SEGMENTS
from .profile import ABC, SEGMENTS
from .tools import days_between, forget
from .turnover import turnover


class Rfm(CustomerAbstract):
    __name__ = 'crm.rfm'
    __string__ = "RFM Analysis"

    recency = fields.Integer(
        "Recency", help="The days since the last purchase.")
    frequency = fields.Integer(
        "Frequency", help="The number of days with a purchase.")
    monetary = Monetary(
        "Turnover", currency='currency', digits='currency',
        help="What was invoiced in the period, without taxes and less credit "
        "notes.")
    currency = fields.Many2One('currency.currency', "Currency")
    r = fields.Integer(
        "R", help="Score of the recency, from 1 (worst) to 5.")
    f = fields.Integer(
        "F", help="Score of the frequency, from 1 (worst) to 5.")
    m = fields.Integer(
        "M", help="Score of the turnover, from 1 (worst) to 5.")
    segment = fields.Selection(SEGMENTS, "Segment", sort=False)
    abc = fields.Selection(
        ABC, "ABC", sort=False,
        help="A: the customers who bring the first 80 % of the turnover, "
        "B: up to 95 %, C: the rest.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('monetary', 'DESC'), ('id', 'ASC')]

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree/field[@name="segment"]', 'visual',
                If(Eval('segment').in_(['champion', 'loyal']), 'success',
                    If(Eval('segment').in_(['cannot_lose', 'at_risk']),
                        'danger', ''))),
            ]

    @classmethod
    def get_period(cls):
        """Return the first and the last day of the period, from the context.

        The context has date, today by default, and days, those of the
        configuration by default; 0 days stand for the whole history.
        """
        pool = Pool()
        Configuration = pool.get('crm.configuration')
        Date = pool.get('ir.date')
        context = Transaction().context
        end = context.get('date') or Date.today()
        days = context.get('days')
        if days is None:
            days = Configuration(1).get_multivalue(
                'analysis_days', company=context.get('company'))
        return end - dt.timedelta(days=days - 1) if days else None, end

    @classmethod
    def table_query(cls):
        Profile = Pool().get('crm.profile')
        _, end = cls.get_period()
        profile = Profile.__table__()
        scores = cls._get_scores()
        recency = days_between(
            scores.last, Profile.last_contact.sql_cast(Literal(end)))
        return scores.join(profile, 'LEFT',
            condition=(profile.party == scores.party)
            & (profile.company == scores.company)
            ).select(
            scores.id.as_('id'),
            scores.company.as_('company'),
            scores.party.as_('party'),
            profile.manager.as_('manager'),
            profile.branch.as_('branch'),
            recency.as_('recency'),
            scores.frequency.as_('frequency'),
            cls.monetary.sql_cast(scores.monetary).as_('monetary'),
            scores.currency.as_('currency'),
            scores.r.as_('r'), scores.f.as_('f'), scores.m.as_('m'),
            cls._get_segment(scores).as_('segment'),
            cls._get_abc(scores).as_('abc'))

    @classmethod
    def _get_figures(cls):
        "Return the query of the figures of each customer who has bought"
        documents = turnover(*cls.get_period())
        bought = documents.amount > 0
        return documents.select(
            Max(documents.id).as_('id'),
            documents.company.as_('company'),
            documents.party.as_('party'),
            documents.currency.as_('currency'),
            Max(documents.date, filter_=bought).as_('last'),
            Count(documents.date, distinct=True, filter_=bought
                ).as_('frequency'),
            Round(
                cls.monetary.sql_cast(Sum(documents.amount)),
                documents.digits).as_('monetary'),
            group_by=[
                documents.company, documents.party, documents.currency,
                documents.digits],
            having=Count(documents.date, filter_=bought) > 0)

    @classmethod
    def _get_scores(cls):
        figures = cls._get_figures()

        def score(column):
            # Equal customers get equal scores, which NTILE does not give
            rank = PercentRank(window=Window(
                    [figures.company], order_by=[column.asc]))
            return Case(
                (rank >= 0.8, 5), (rank >= 0.6, 4), (rank >= 0.4, 3),
                (rank >= 0.2, 2), else_=1)
        positive = Case((figures.monetary > 0, figures.monetary), else_=0)
        return figures.select(
            figures.id, figures.company, figures.party, figures.currency,
            figures.last, figures.frequency, figures.monetary,
            score(figures.last).as_('r'),
            score(figures.frequency).as_('f'),
            score(figures.monetary).as_('m'),
            Sum(positive, window=Window([figures.company])).as_('total'),
            Sum(positive, window=Window(
                    [figures.company],
                    order_by=[figures.monetary.desc, figures.party.asc],
                    frame='ROWS', end=0)).as_('upto'))

    @staticmethod
    def _get_segment(scores):
        return Case(*(
                (fits(scores.r, scores.f, scores.f + scores.m), name)
                for name, fits in _SEGMENTS.items()))

    @staticmethod
    def _get_abc(scores):
        # Floating point must not decide at the border
        before = scores.upto - scores.monetary

        def below(percent):
            return Round(before * 100 - scores.total * percent, 2) < 0
        return Case(
            (scores.monetary <= 0, Null),
            (below(80), 'a'), (below(95), 'b'), else_='c')


class RfmContext(ModelView):
    __name__ = 'crm.rfm.context'
    __string__ = "RFM Analysis Context"

    date = fields.Date(
        "Date", help="The last day of the period, today by default.")
    days = fields.Integer(
        "Days",
        domain=['OR',
            ('days', '=', None),
            ('days', '>=', 0),
            ],
        help="The days of the period, 0 for the whole history.")

    @classmethod
    def default_date(cls):
        return Pool().get('ir.date').today()

    @classmethod
    def default_days(cls):
        Configuration = Pool().get('crm.configuration')
        return Configuration(1).get_multivalue(
            'analysis_days', company=Transaction().context.get('company'))


class Profile(metaclass=PoolMeta):
    __name__ = 'crm.profile'

    @classmethod
    def compute(cls):
        super().compute()
        cls.store_scores()

    @classmethod
    def store_scores(cls):
        "Store turnover, scores, segment and class of each customer anew"
        Rfm = Pool().get('crm.rfm')
        cursor = Transaction().connection.cursor()
        table = cls.__table__()
        rfm = Rfm.__table__()
        names = {
            'turnover': 'monetary', 'r': 'r', 'f': 'f', 'm': 'm',
            'rfm_segment': 'segment', 'abc': 'abc'}
        columns = [getattr(table, name) for name in names]
        where = Literal(True)
        company = Transaction().context.get('company')
        if company is not None:
            where = table.company == company
        cursor.execute(*table.update(
                columns, [Null] * len(columns), where=where))
        cursor.execute(*table.update(
                columns, [getattr(rfm, name) for name in names.values()],
                from_=[rfm],
                where=where
                & (table.party == rfm.party)
                & (table.company == rfm.company)))
        forget(cls.__name__)
