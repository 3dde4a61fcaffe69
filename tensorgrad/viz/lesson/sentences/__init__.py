"""A sentence for each derivative rule of the registry, which explains the gradient of an operand.

A key names an operation, or one of its arguments: "add", "subtract.y". A sentence may use the symbols of this graph:
{target}, the operand that receives the gradient, {result}, {up}, the gradient of the result, and the arguments by name.
"""

from collections import ChainMap

from tensorgrad.viz.lesson.sentences import (
    elementwise_rules,
    linalg_rules,
    network_rules,
    reduction_rules,
    shape_rules,
    special_rules,
)

_GROUPS = (elementwise_rules, reduction_rules, shape_rules, linalg_rules, network_rules, special_rules)
SENTENCES = ChainMap(*(group.SENTENCES for group in _GROUPS))
LIKE = ChainMap(*(group.LIKE for group in _GROUPS))


def sentence(op: str, argument: str) -> str | None:
    """Return the sentence for an argument of an operation, or None for an operation that is not in the registry.

    >>> sentence("subtract", "x")
    'The first operand of a difference receives the gradient unchanged: {up} itself.'
    >>> sentence("fabs", "x") == sentence("absolute", "x")
    True
    """
    name = LIKE.get(op, op)
    return SENTENCES.get(f"{name}.{argument.partition('[')[0]}", SENTENCES.get(name))
