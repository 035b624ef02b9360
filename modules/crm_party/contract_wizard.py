# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.model import ModelView, fields
from trytond.pool import Pool
from trytond.transaction import check_access
from trytond.wizard import Button, StateTransition, StateView, Wizard


def _get_writable(contracts):
    "Return the contracts as a list if the user may write them"
    contracts = list(contracts)
    with check_access():
        Pool().get('crm.contract').write(contracts, {})
    return contracts


class ContractRenewStart(ModelView):
    __name__ = 'crm.contract.renew.start'
    __string__ = "Renew Contracts"

    months = fields.Integer(
        "Months",
        domain=['OR',
            ('months', '=', None),
            ('months', '>', 0),
            ],
        help="The months by which the contracts are renewed.\n"
        "Leave empty for what was agreed in each of them.")
    percent = fields.Numeric(
        "Change of Prices", digits=(16, 4),
        domain=['OR',
            ('percent', '=', None),
            ('percent', '>', -100),
            ],
        help="In percent, for the time after the present end.")


class ContractRenew(Wizard):
    "Renew contracts, with other prices if wanted"
    __name__ = 'crm.contract.renew'

    start = StateView('crm.contract.renew.start',
        'crm_party.contract_renew_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Renew", 'renew', 'tryton-ok', default=True),
            ])
    renew = StateTransition()

    def transition_renew(self):
        Contract = Pool().get('crm.contract')
        Contract.renew(
            _get_writable(self.records), months=self.start.months,
            percent=self.start.percent)
        return 'end'

    def end(self):
        return 'reload'


class ContractTerminateStart(ModelView):
    __name__ = 'crm.contract.terminate.start'
    __string__ = "Terminate Contracts"

    date = fields.Date(
        "Last Day", required=True,
        help="The last day of the contracts.")
    reason = fields.Text("Reason", required=True)

    @classmethod
    def default_date(cls):
        return Pool().get('ir.date').today()


class ContractTerminate(Wizard):
    "Terminate contracts with the reason"
    __name__ = 'crm.contract.terminate'

    start = StateView('crm.contract.terminate.start',
        'crm_party.contract_terminate_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Terminate", 'terminate', 'tryton-ok', default=True),
            ])
    terminate = StateTransition()

    def transition_terminate(self):
        Contract = Pool().get('crm.contract')
        Contract.terminate(
            _get_writable(self.records), self.start.date, self.start.reason)
        return 'end'

    def end(self):
        return 'reload'
