"""A new operation: its values, its derivatives, and theirs."""

from grading import normal
from grading_gradients import operation

import tensorgrad as tg


def grade(answer):
    """One beta for each feature, and one for all."""
    for beta in (normal(3), normal()):
        operation(answer.swish, lambda x, beta: x * tg.sigmoid(beta * x), {"x": normal(2, 3), "beta": beta})
