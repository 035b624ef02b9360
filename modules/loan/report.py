# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The documents of a loan."""
from caravan.report import Report
from trytond.i18n import gettext
from trytond.pool import Pool
from trytond.report import Report as BaseReport
from trytond.transaction import Transaction


class LoanReport(Report):
    "Base of the documents: money, rates and dates in the party's language"
    title = None

    @classmethod
    def get_context(cls, records, header, data):
        pool = Pool()
        Company = pool.get('company.company')
        Date = pool.get('ir.date')
        context = super().get_context(records, header, data)
        company = records[0].company if records else Company(
            Transaction().context['company'])
        with Transaction().set_context(company=company.id):
            today = Date.today()
        context.update({
                'company': company,
                'today': today,
                'document_title': gettext(cls.title),
                'lang': cls.lang,
                'money': cls.money,
                'percent': cls.percent,
                'address': cls.address,
                'kept_back': cls.kept_back,
                'format_date': BaseReport.format_date,
                })
        return context

    @classmethod
    def lang(cls, loan):
        return loan.party.lang or Pool().get('ir.lang').get()

    @classmethod
    def money(cls, loan, amount):
        if amount is None:
            return ''
        return cls.format_currency(amount, cls.lang(loan), loan.currency)

    @classmethod
    def percent(cls, rate, lang):
        if rate is None:
            return '-'
        return lang.format_number(rate * 100, 2) + ' %'

    @classmethod
    def address(cls, loan):
        "Return the lines of the address of the party"
        address = loan.party.address_get()
        lines = [loan.party.rec_name]
        if address and address.full_address:
            lines.extend(
                line for line in address.full_address.splitlines()
                if line != loan.party.rec_name)
        return lines

    @classmethod
    def kept_back(cls, loan):
        "Return the fee and the interest kept back when it is paid out"
        fee = loan.upfront_fee(loan.amount_planned, loan.unit)
        return fee + (loan.schedule.upfront_interest or 0)


class ScheduleReport(LoanReport):
    __name__ = 'loan.schedule.report'
    title = 'loan.msg_title_schedule'
