# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The buttons of a loan: when they show, and the wizards they open."""
from trytond.model import Model, ModelView
from trytond.pyson import Eval, If


class ButtonsMixin(Model):
    __slots__ = ()

    @classmethod
    def _setup_buttons(cls):
        return {
            'calculate': {
                'invisible': ~Eval('state').in_(['draft', 'submitted']),
                'icon': 'tryton-refresh',
                'depends': ['state'],
                },
            'draft': {
                'invisible': ~Eval('state').in_(
                    ['submitted', 'approved', 'cancelled']),
                'icon': If(Eval('state') == 'cancelled',
                    'tryton-undo', 'tryton-back'),
                'depends': ['state'],
                },
            'submit': {
                'invisible': Eval('state') != 'draft',
                'icon': 'tryton-forward',
                'depends': ['state'],
                },
            'approve': {
                'invisible': Eval('state') != 'submitted',
                'icon': 'tryton-ok',
                'depends': ['state'],
                },
            'reject': {
                'invisible': Eval('state') != 'submitted',
                'readonly': ~Eval('reject_reason'),
                'icon': 'tryton-cancel',
                'depends': ['state', 'reject_reason'],
                },
            'withdraw': {
                'invisible': ~Eval('state').in_(
                    ['submitted', 'approved']),
                'icon': 'tryton-cancel',
                'depends': ['state'],
                },
            'cancel': {
                'invisible': Eval('state') != 'draft',
                'icon': 'tryton-cancel',
                'depends': ['state'],
                },
            'call_due': {
                'invisible': Eval('state') != 'active',
                'icon': 'tryton-launch',
                'depends': ['state'],
                },
            'penalise': {
                'invisible': (Eval('state') != 'active') | (
                    Eval('side') == 'borrowed'),
                'icon': 'tryton-warning',
                'depends': ['state', 'side'],
                },
            **{name: {
                    'invisible': ~Eval('state').in_(states),
                    'icon': icon,
                    'depends': ['state'],
                    } for name, states, icon in cls._wizards()},
            }

    @classmethod
    def _wizards(cls):
        "The buttons that open a wizard: (name, states, icon)"
        return [
            ('disburse', ['approved', 'active'], 'tryton-export'),
            ('repay', ['active'], 'tryton-import'),
            ('early_repay', ['active'], 'tryton-forward'),
            ('reschedule', ['active'], 'tryton-history'),
            ('change_rate', ['active'], 'tryton-history'),
            ('refinance', ['active'], 'tryton-copy'),
            ('waive', ['active'], 'tryton-cancel'),
            ('write_off', ['active'], 'tryton-delete'),
            ('recover', ['written_off'], 'tryton-import'),
            ('add_charge', ['active'], 'tryton-add'),
            ('compare_versions', ['active', 'closed'], 'tryton-open'),
            ]

    @classmethod
    @ModelView.button
    def penalise(cls, loans):
        cls.charge_penalties(loans)

    @classmethod
    @ModelView.button
    def call_due(cls, loans):
        cls.call(loans)

    @classmethod
    @ModelView.button_action('loan.wizard_disburse')
    def disburse(cls, loans):
        pass

    @classmethod
    @ModelView.button_action('loan.wizard_repay')
    def repay(cls, loans):
        pass

    @classmethod
    @ModelView.button_action('loan.wizard_early_repay')
    def early_repay(cls, loans):
        pass

    @classmethod
    @ModelView.button_action('loan.wizard_reschedule')
    def reschedule(cls, loans):
        pass

    @classmethod
    @ModelView.button_action('loan.wizard_change_rate')
    def change_rate(cls, loans):
        pass

    @classmethod
    @ModelView.button_action('loan.wizard_refinance')
    def refinance(cls, loans):
        pass

    @classmethod
    @ModelView.button_action('loan.wizard_waive')
    def waive(cls, loans):
        pass

    @classmethod
    @ModelView.button_action('loan.wizard_write_off')
    def write_off(cls, loans):
        pass

    @classmethod
    @ModelView.button_action('loan.wizard_recover')
    def recover(cls, loans):
        pass

    @classmethod
    @ModelView.button_action('loan.wizard_add_charge')
    def add_charge(cls, loans):
        pass

    @classmethod
    @ModelView.button_action('loan.wizard_compare_versions')
    def compare_versions(cls, loans):
        pass
