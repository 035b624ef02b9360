# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.i18n import gettext
from trytond.model import ModelView, fields
from trytond.pyson import Eval, If
from trytond.wizard import Button, StateView, Wizard

from .engine import proof


class ProofCase(ModelView):
    __name__ = 'loan.prove.case'

    code = fields.Char("Case", readonly=True)
    title = fields.Char("Title", readonly=True)
    source = fields.Char(
        "Source", readonly=True, help="Who published the case.")
    result = fields.Selection([
            ('agrees', "Agrees"),
            ('differs', "Differs"),
            ], "Result", readonly=True)
    differences = fields.Text(
        "Differences", readonly=True,
        help="What was published, and what is computed here.")

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual', If(
                    Eval('result') == 'differs', 'danger', 'success')),
            ]


class ProofResult(ModelView):
    __name__ = 'loan.prove.result'

    message = fields.Char("Result", readonly=True)
    cases = fields.One2Many(
        'loan.prove.case', None, "Cases", readonly=True)


class Prove(Wizard):
    __name__ = 'loan.prove'

    start = StateView(
        'loan.prove.result', 'loan.prove_result_view_form', [
            Button("Close", 'end', 'tryton-close', default=True),
            ])

    def default_start(self, fields):
        found = proof.prove()
        wrong = sum(bool(differences) for _, differences in found)
        return {
            'message': gettext(
                'loan.msg_proof_differs' if wrong
                else 'loan.msg_proof_agrees', wrong=wrong, count=len(found)),
            'cases': [{
                    'code': case['id'],
                    'title': case['title'],
                    'source': _source(case['source']),
                    'result': 'differs' if differences else 'agrees',
                    'differences': '\n'.join(
                        gettext(
                            'loan.msg_proof_difference', what=what,
                            published=published, computed=computed)
                        for what, published, computed in differences),
                    } for case, differences in found],
            }


def _source(source):
    "Return in a line where a case comes from"
    return ', '.join(
        str(source[name]) for name in [
            'project', 'regulation', 'document', 'snapshot', 'thread',
            'values_seen_in', 'url'] if name in source)
