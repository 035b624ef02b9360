# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt

from sql import Literal, Null, Union, Window
from sql.aggregate import Count, Sum
from sql.conditionals import Coalesce
from sql.functions import Lead, Round

from trytond.model import ModelSQL, ModelView, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool, PoolMeta

from .turnover import POSTED, turnover

_YEAR = dt.timedelta(days=364)


class DiscountCategory(metaclass=PoolMeta):
    __name__ = 'crm.discount.category'

    @classmethod
    def _turnover(cls, start, end, basis):
        return turnover(
            start, end, states=['paid'] if basis == 'paid' else POSTED)


class DiscountSimulation(ModelSQL, ModelView):
    __name__ = 'crm.discount.simulation'
    __string__ = "Discount Simulation"

    company = fields.Many2One('company.company', "Company")
    category = fields.Many2One('crm.discount.category', "Category")
    tier = fields.Many2One('crm.discount.tier', "Tier")
    threshold = Monetary("From", currency='currency', digits='currency')
    percent = fields.Numeric("Percent", digits=(3, 2))
    customers = fields.Integer(
        "Customers", help="The customers whose turnover of the last year "
        "reaches the tier.")
    turnover = Monetary(
        "Turnover", currency='currency', digits='currency',
        help="What they bought in the last year.")
    discount = Monetary(
        "Discount", currency='currency', digits='currency',
        help="What the percent of the tier would have cost on it.")
    currency = fields.Many2One('currency.currency', "Currency")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [
            ('category', 'ASC'), ('threshold', 'ASC'), ('id', 'ASC')]

    @classmethod
    def table_query(cls):
        "Return the tiers with what they would have cost in the last year"
        pool = Pool()
        Category = pool.get('crm.discount.category')
        Date = pool.get('ir.date')
        category = Category.__table__()
        end = Date.today()
        tiers = cls._get_tiers()
        bought = Union(*(
                cls._get_bought(
                    Category._turnover(end - _YEAR, end, basis), basis)
                for basis in ['invoiced', 'paid']), all_=True)
        amount = Coalesce(Sum(bought.amount), 0)

        def money(expression):
            return Round(
                cls.turnover.sql_cast(expression), tiers.digits)
        return (tiers
            .join(category, condition=tiers.category == category.id)
            .join(bought, 'LEFT',
                condition=(bought.company == category.company)
                & (bought.basis == category.basis)
                & (bought.amount >= tiers.threshold)
                & ((tiers.next == Null) | (bought.amount < tiers.next)))
            .select(
                tiers.id.as_('id'),
                category.company.as_('company'),
                tiers.category.as_('category'),
                tiers.id.as_('tier'),
                tiers.threshold.as_('threshold'),
                tiers.percent.as_('percent'),
                Count(bought.party).as_('customers'),
                money(amount).as_('turnover'),
                money(amount * tiers.percent / 100).as_('discount'),
                tiers.currency.as_('currency'),
                where=category.kind == 'accumulating',
                group_by=[
                    tiers.id, category.company, tiers.category,
                    tiers.threshold, tiers.percent, tiers.currency,
                    tiers.digits]))

    @classmethod
    def _get_tiers(cls):
        "Return the query of the tiers with the threshold of the next one"
        pool = Pool()
        Category = pool.get('crm.discount.category')
        Company = pool.get('company.company')
        Currency = pool.get('currency.currency')
        Tier = pool.get('crm.discount.tier')
        tier = Tier.__table__()
        category = Category.__table__()
        company = Company.__table__()
        currency = Currency.__table__()
        threshold = Tier.threshold.sql_cast(tier.threshold)
        window = Window([tier.category], order_by=[threshold.asc])
        return (tier
            .join(category, condition=tier.category == category.id)
            .join(company, condition=category.company == company.id)
            .join(currency, condition=company.currency == currency.id)
            .select(
                tier.id, tier.category, threshold.as_('threshold'),
                Tier.percent.sql_cast(tier.percent).as_('percent'),
                Lead(threshold, window=window).as_('next'),
                currency.id.as_('currency'), currency.digits.as_('digits')))

    @classmethod
    def _get_bought(cls, documents, basis):
        "Return the query of what each customer bought by the documents"
        return documents.select(
            Literal(basis).as_('basis'),
            documents.company.as_('company'),
            documents.party.as_('party'),
            Round(cls.turnover.sql_cast(Sum(documents.amount)),
                documents.digits).as_('amount'),
            group_by=[documents.company, documents.party, documents.digits])
