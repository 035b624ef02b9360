# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from decimal import Decimal
from types import SimpleNamespace

from caravan.report import Report
from trytond.modules.company import CompanyReport
from trytond.wizard import StateReport, StateTransition, Wizard


class _MovementReport(Report, CompanyReport):

    @classmethod
    def get_context(cls, shipments, header, data):
        context = super().get_context(shipments, header, data)
        context['lines'] = cls.lines
        context['total'] = cls.total
        context['sender'] = cls.sender
        context['receiver'] = cls.receiver
        return context

    @classmethod
    def lines(cls, shipment):
        "Return what the paper says of each move of shipment"
        moves = (
            shipment.outgoing_moves if shipment.transit_location
            else shipment.moves)
        moves = [m for m in moves if m.state != 'cancelled' and m.quantity]
        return [
            cls.line(i, move) for i, move in enumerate(
                sorted(moves, key=lambda m: m.id), 1)]

    @classmethod
    def line(cls, number, move):
        # The move keeps the cost price of the day it is done
        cost_price, value = move.cost_price, None
        if move.state != 'done':
            cost_price = move.product.cost_price
        if cost_price is not None:
            value = move.company.currency.round(
                Decimal(str(move.internal_quantity)) * cost_price)
        return SimpleNamespace(
            number=number,
            product=move.product,
            quantity=move.quantity,
            unit=move.unit,
            from_location=move.from_location.rec_name,
            to_location=move.to_location.rec_name,
            cost_price=cost_price,
            value=value)

    @classmethod
    def total(cls, shipment):
        return sum((l.value or 0 for l in cls.lines(shipment)), Decimal(0))

    @classmethod
    def sender(cls, shipment):
        "Return the name of who hands the goods over"
        return cls._name(
            shipment.from_custodian, shipment.shipped_by, shipment.done_by)

    @classmethod
    def receiver(cls, shipment):
        "Return the name of who takes the goods"
        return cls._name(
            shipment.to_custodian,
            shipment.done_by if shipment.transit_location else None)

    @classmethod
    def _name(cls, *employees):
        return next((e.rec_name for e in employees if e), '')


# The paper of each kind of basis, the transfer note of all others
_PAPERS = {
    'issue': 'issue_note',
    'write_off': 'write_off_act',
    }


class PrintMixin:
    "A wizard that prints the papers of internal shipments"

    issue_note = StateReport('stock.shipment.internal.issue_note')
    transfer_note = StateReport('stock.shipment.internal.transfer_note')
    write_off_act = StateReport('stock.shipment.internal.write_off_act')

    @classmethod
    def paper(cls, basis):
        "Return the name of the state that prints a shipment with basis"
        return _PAPERS.get(basis.kind if basis else None, 'transfer_note')


class PrintPapers(PrintMixin, Wizard):
    __name__ = 'stock.shipment.internal.print_papers'
    start_state = 'print_'

    print_ = StateTransition()

    def _ids(self, paper):
        return [s.id for s in self.records if self.paper(s.basis) == paper]

    def _next(self, after=None):
        "Return the state that prints what comes after another"
        papers = ['issue_note', 'transfer_note', 'write_off_act']
        if after:
            papers = papers[papers.index(after) + 1:]
        return next((p for p in papers if self._ids(p)), 'end')

    def transition_print_(self):
        return self._next()

    def do_issue_note(self, action):
        return action, {'ids': self._ids('issue_note')}

    def transition_issue_note(self):
        return self._next('issue_note')

    def do_transfer_note(self, action):
        return action, {'ids': self._ids('transfer_note')}

    def transition_transfer_note(self):
        return self._next('transfer_note')

    def do_write_off_act(self, action):
        return action, {'ids': self._ids('write_off_act')}


class IssueNote(_MovementReport):
    __name__ = 'stock.shipment.internal.issue_note'


class TransferNote(_MovementReport):
    __name__ = 'stock.shipment.internal.transfer_note'


class WriteOffAct(_MovementReport):
    __name__ = 'stock.shipment.internal.write_off_act'
