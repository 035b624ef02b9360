# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The course of a mailing: who gets which text first."""
from sql import Literal
from sql.conditionals import Case

__all__ = [
    'first_steps', 'shares', 'template_column', 'template_of', 'templates']


def first_steps(mailing):
    """Return the pairs of index and step that may begin.

    A person begins with the first channel that reaches him.
    """
    steps = {}
    for index, step in enumerate(mailing.steps):
        steps.setdefault(step.channel, (index, step))
    return list(steps.values())


def shares(mailing):
    """Return the pairs of variant and weight, None for the message's own text.

    That text weighs 1 unless it is one of the variants.
    """
    result = [(v, v.weight) for v in mailing.variants]
    own = mailing.steps[0].template
    if own not in {v.template for v in mailing.variants}:
        result.insert(0, (None, 1))
    return result


def templates(mailing):
    "Return all templates of a mailing"
    return list(dict.fromkeys(
            part.template for part in [*mailing.steps, *mailing.variants]))


def _of_variants(mailing, index):
    "Return {id of a variant: template} of a step, empty after the first"
    return {v.id: v.template for v in mailing.variants if not index}


def template_of(mailing, index, variant):
    "Return the template of a step for a variant, an id or None"
    return _of_variants(mailing, index).get(
        variant, mailing.steps[index].template)


def template_column(mailing, index, variant):
    "Return the SQL expression of the template of a step by its variant"
    own = mailing.steps[index].template.id
    whens = [
        (variant == id_, template.id)
        for id_, template in _of_variants(mailing, index).items()]
    return Case(*whens, else_=own) if whens else Literal(own)
