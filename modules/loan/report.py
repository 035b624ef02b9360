# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The documents of a loan."""
import datetime as dt
from collections import namedtuple
from decimal import Decimal

from caravan.report import Report
from trytond.i18n import gettext
from trytond.pool import Pool
from trytond.transaction import Transaction

from .change import compare_versions
from .exceptions import DocumentError, PostingError


class LoanReport(Report):
    "Base of the documents: money, rates and dates in the party's language"
    title = None
    needs_schedule = False

    @classmethod
    def applies_to(cls, loan):
        "Return whether the document says something of loan"
        return True

    @classmethod
    def get_context(cls, records, header, data):
        pool = Pool()
        Company = pool.get('company.company')
        Date = pool.get('ir.date')
        context = super().get_context(records, header, data)
        if cls.needs_schedule:
            cls.check_schedule(records)
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
                'address_of': cls.address_of,
                'kept_back': cls.kept_back,
                'every': cls.every,
                'plan': cls.plan,
                'lender': cls.lender,
                'borrower': cls.borrower,
                'format_date': cls.day,
                })
        return context

    @classmethod
    def check_schedule(cls, loans):
        "Refuse loans of which nothing is planned yet"
        for loan in loans:
            if not loan.schedule:
                raise DocumentError(gettext(
                        'loan.msg_loan_no_schedule', loan=loan.rec_name))

    @classmethod
    def lang(cls, loan):
        return loan.party.lang or Pool().get('ir.lang').get()

    @classmethod
    def money(cls, loan, amount):
        if amount is None:
            return ''
        return cls.format_currency(amount, cls.lang(loan), loan.currency)

    @classmethod
    def day(cls, date, lang):
        return cls.format_date(date, lang) if date else ''

    @classmethod
    def percent(cls, rate, lang):
        if rate is None:
            return '-'
        return lang.format_number(rate * 100, 2) + ' %'

    @classmethod
    def address(cls, loan):
        "Return the lines of the address of the party of loan"
        return cls.address_of(loan.party)

    @classmethod
    def address_of(cls, party):
        "Return the lines of the address of party"
        address = party.address_get()
        lines = [party.rec_name]
        if address and address.full_address:
            lines.extend(
                line for line in address.full_address.splitlines()
                if line != party.rec_name)
        return lines

    @classmethod
    def kept_back(cls, loan):
        "Return the fee and the interest kept back when it is paid out"
        fee = loan.upfront_fee(loan.amount_planned, loan.unit)
        return fee + (loan.schedule.upfront_interest or 0)

    @classmethod
    def plan(cls, loan):
        "Return the version of the schedule that the contract was made with"
        return min(loan.schedules, key=lambda s: s.version)

    @classmethod
    def every(cls, loan):
        "Return in words how often an instalment falls due"
        if loan.interval == 1:
            return gettext(f'loan.msg_every_{loan.frequency}')
        return gettext(
            'loan.msg_every', interval=loan.interval,
            frequency=loan.frequency_string.lower())

    @classmethod
    def lender(cls, loan):
        company = loan.company.rec_name
        return company if loan.side == 'lent' else loan.party.rec_name

    @classmethod
    def borrower(cls, loan):
        company = loan.company.rec_name
        return loan.party.rec_name if loan.side == 'lent' else company


class ScheduleReport(LoanReport):
    __name__ = 'loan.schedule.report'
    title = 'loan.msg_title_schedule'
    needs_schedule = True


class ExplanationReport(LoanReport):
    __name__ = 'loan.explanation.report'
    title = 'loan.msg_title_explanation'
    needs_schedule = True


class ContractReport(LoanReport):
    __name__ = 'loan.contract.report'
    title = 'loan.msg_title_contract'
    needs_schedule = True

    @classmethod
    def get_context(cls, records, header, data):
        context = super().get_context(records, header, data)
        context['bank_account'] = cls.bank_account
        context['late'] = cls.late
        return context

    @classmethod
    def late(cls, loan):
        "Return what the contract says of what is paid late"
        lang, parts = cls.lang(loan), []
        if loan.penalty_rate:
            parts.append(gettext(
                    'loan.msg_contract_late_rate',
                    rate=cls.percent(loan.penalty_rate, lang)))
        if loan.penalty_per_day:
            parts.append(gettext(
                    'loan.msg_contract_late_day',
                    amount=cls.money(loan, loan.penalty_per_day)))
        if loan.penalty_fixed:
            parts.append(gettext(
                    'loan.msg_contract_late_fixed',
                    rate=cls.percent(loan.penalty_fixed, lang)))
        sentences = [gettext(
                'loan.msg_contract_late_grace' if loan.penalty_grace
                else 'loan.msg_contract_late', days=loan.penalty_grace,
                penalties=', '.join(parts))]
        if loan.penalty_cap is not None:
            sentences.append(gettext(
                    'loan.msg_contract_late_cap',
                    rate=cls.percent(loan.penalty_cap, lang)))
        return ' '.join(sentences)

    @classmethod
    def bank_account(cls, loan):
        "Return where the money is paid to, as the contract names it"
        return gettext('loan.msg_bank_account_agreed')


Change = namedtuple('Change', ['before', 'after', 'lines'])


class AddendumReport(LoanReport):
    __name__ = 'loan.addendum.report'
    title = 'loan.msg_title_addendum'

    @classmethod
    def get_context(cls, records, header, data):
        context = super().get_context(records, header, data)
        context['last_change'] = cls.last_change
        return context

    @classmethod
    def last_change(cls, loan):
        "Return the Change between the last two versions, in a list"
        versions = sorted(loan.schedules, key=lambda s: s.version)
        if len(versions) < 2:
            return []
        before, after = versions[-2:]
        return [Change(before, after, compare_versions(before, after))]


class StatementReport(LoanReport):
    __name__ = 'loan.statement.report'
    title = 'loan.msg_title_statement'

    @classmethod
    def get_context(cls, records, header, data):
        context = super().get_context(records, header, data)
        context['movements'] = cls.movements
        context['part'] = cls.part
        return context

    @classmethod
    def movements(cls, loan):
        """Return what the party sees, in its order: (transaction, left).

        left is the principal that the transaction leaves to repay.
        """
        movements, left = [], Decimal(0)
        for transaction in sorted(
                loan.transactions, key=lambda t: (t.value_date, t.id)):
            if transaction.type == 'disbursement':
                left += transaction.amount
            left -= sum(
                a.amount for a in transaction.allocations
                if a.component == 'principal' and a.kind != 'call')
            if transaction.type != 'reage':
                movements.append((transaction, left))
        return movements

    @classmethod
    def part(cls, transaction, component):
        return sum((
                a.amount for a in transaction.allocations
                if a.component == component), Decimal(0)) or None


class PayOffReport(LoanReport):
    __name__ = 'loan.pay_off.report'
    title = 'loan.msg_title_pay_off'
    valid_days = 7

    @classmethod
    def get_context(cls, records, header, data):
        context = super().get_context(records, header, data)
        today = context['today']
        quotes = {
            loan.id: loan.pay_off_quote(today)
            for loan in records if loan.state == 'active'}
        context['quote'] = lambda loan: cls.quote(loan, quotes)
        context['valid_to'] = lambda loan: cls.valid_to(loan, today)
        context['round'] = round
        return context

    @classmethod
    def quote(cls, loan, quotes):
        if loan.id not in quotes:
            raise PostingError(gettext(
                    'loan.msg_loan_state', loan=loan.rec_name))
        return quotes[loan.id]

    @classmethod
    def valid_to(cls, loan, today):
        "Return the day on which something else becomes due, or a week on"
        limit = today + dt.timedelta(days=cls.valid_days)
        due = loan.next_due_date
        return min(limit, due) if due and due > today else limit


class ReminderReport(LoanReport):
    __name__ = 'loan.reminder.report'
    title = 'loan.msg_title_reminder'

    @classmethod
    def get_context(cls, records, header, data):
        context = super().get_context(records, header, data)
        context['late_rows'] = cls.late_rows
        context['promises'] = cls.promises
        return context

    @classmethod
    def promises(cls, loan):
        "Return what to say of the last promise to pay, in a list"
        lang = cls.lang(loan)
        messages = {
            'open': 'loan.msg_reminder_promise_open',
            'broken': 'loan.msg_reminder_promise_broken',
            }
        return [
            gettext(
                messages[promise.state],
                amount=cls.money(loan, promise.amount),
                date=cls.day(promise.date, lang))
            for promise in loan.promises[:1] if promise.state in messages]

    @classmethod
    def late_rows(cls, loan):
        "Return the instalments that fell due and are open"
        return [r for r in loan.instalments if r.state in {'late', 'due'}]


class PenaltyReport(LoanReport):
    __name__ = 'loan.penalty.report'
    title = 'loan.msg_title_penalty'

    @classmethod
    def get_context(cls, records, header, data):
        context = super().get_context(records, header, data)
        context['penalties'] = cls.penalties
        return context

    @classmethod
    def applies_to(cls, loan):
        return bool(cls.penalties(loan))

    @classmethod
    def penalties(cls, loan):
        "Return the open penalties, the oldest first"
        return sorted((
                c for c in loan.charges
                if c.type == 'penalty' and c.outstanding),
            key=lambda c: (c.date, c.id))


class GuaranteeReport(LoanReport):
    __name__ = 'loan.guarantee.report'
    title = 'loan.msg_title_guarantee'
    needs_schedule = True

    @classmethod
    def get_context(cls, records, header, data):
        context = super().get_context(records, header, data)
        context['guarantors'] = cls.guarantors
        context['answered_for'] = cls.answered_for
        context['enumerate'] = enumerate
        return context

    @classmethod
    def applies_to(cls, loan):
        return bool(cls.guarantors(loan))

    @classmethod
    def guarantors(cls, loan):
        return [c for c in loan.co_parties if c.role == 'guarantor']

    @classmethod
    def answered_for(cls, guarantor):
        "Return the most of the principal that guarantor answers for"
        loan = guarantor.loan
        return loan.currency.round(loan.amount_planned * guarantor.share)
