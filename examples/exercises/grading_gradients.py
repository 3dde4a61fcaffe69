"""How a backward pass is judged: against finite differences, and against those that known mistakes lead to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from grading import Array, Pages, Wrong, normal, same, several, values, wrong_shape

import tensorgrad as tg

WORDS = {"missed unbroadcast": "not unbroadcast", "path cut": "blocked", "constant factor": "missing factor"}
"""What the exercises call some of `gradcheck`'s findings."""


def gradients(
    backward: Callable[..., Any],
    expression: Callable[..., Any],
    inputs: Mapping[str, Array],
    mistakes: Mapping[str, Callable[..., Any]] | None = None,
    *,
    takes_g: bool = True,
) -> None:
    """Hold a backward pass written by hand against finite differences of its forward pass.

    Args:
        backward: takes `g` and the inputs; returns the gradient with respect to each of them.
        expression: the forward pass with tensorgrad's operations.
        inputs: what to differentiate by, with names.
        mistakes: for each known mistake a forward pass whose gradient it leads to.
        takes_g: False if `backward` takes the inputs only: it is the gradient of a loss.

    Raises:
        Wrong: with the diagnosis of `tg.gradcheck`, and pages to walk through.
    """
    names = [f"the gradient with respect to {name}" for name in inputs]
    pages: Pages = {"": partial(_walkthrough, expression, inputs)}

    def rule(g: Any, *values: Any) -> list[Array]:
        if takes_g:
            return several(backward(g, *values), *names)
        return [g * each for each in several(backward(*values), *names)]

    for (name, array), found in zip(
        inputs.items(), rule(_upstream(expression(*inputs.values()).data), *inputs.values())
    ):
        if found.shape != array.shape:
            explanation = f"the gradient with respect to {name} has the shape {found.shape}, and {name} {array.shape}."
            raise Wrong(wrong_shape(found.shape, array.shape), explanation, pages)

    by_hand = _by_hand(rule, expression)
    pages["_by_hand"] = partial(_walkthrough, by_hand, inputs)
    for mistake, wrong_expression in (mistakes or {}).items():
        wrong, got = _gradients(wrong_expression, inputs), _gradients(by_hand, inputs)
        if all(map(same, got, wrong)):
            raise Wrong(mistake, f"the gradients with respect to {', '.join(inputs)} are those of this mistake.", pages)
    _gradcheck(by_hand, inputs, pages)


def operation(function: Callable[..., Any], expression: Callable[..., Any], inputs: Mapping[str, Array]) -> None:
    """Hold an operation declared with `@tg.op` against one that is right: its values, and two derivatives.

    Raises:
        Wrong: as `values` and `gradients` do.
    """
    arrays = inputs.values()
    values(f"{function.__name__}({', '.join(inputs)})", function(*arrays), expression(*arrays).data)
    _gradients(function, inputs)  # so that an error in a rule shows its own line
    pages: Pages = {
        name: partial(_walkthrough, each, inputs) for name, each in (("", expression), ("_by_hand", function))
    }
    _gradcheck(function, inputs, pages, order=2)


def _gradcheck(function: Callable[..., Any], inputs: Mapping[str, Array], pages: Pages, *, order: int = 1) -> None:
    try:
        tg.gradcheck(function, _leaves(inputs), order=order)
    except tg.GradcheckError as error:
        diagnosis = error.finding.diagnosis if error.finding else "not the chain rule"
        for name, word in WORDS.items():
            diagnosis = diagnosis.replace(name, word)
        raise Wrong(diagnosis, str(error).removeprefix("gradcheck: "), pages) from None


def _by_hand(rule: Callable[..., list[Array]], expression: Callable[..., Any]) -> Callable[..., tg.Tensor]:
    """An operation with the right forward pass and the learner's backward pass."""

    @tg.op(sequence="operands", operands=lambda g, operands, index: rule(g, *operands)[index])
    def by_hand(operands: Any) -> Any:
        return expression(*operands).data

    return lambda *inputs: by_hand(inputs)


def _walkthrough(function: Callable[..., Any], inputs: Mapping[str, Array]) -> Any:
    """Return the walkthrough of a result that is a number, or else of Σ g · out, whose gradient at `out` is `g`."""
    leaves = _leaves(inputs)  # must live until the page is made
    out = function(*leaves)
    if out.ndim == 0:
        out.name = "loss"
        return tg.walkthrough(out)
    g = tg.tensor(_upstream(out.data), name="g")
    loss = tg.sum(g * out)
    out.name, loss.name = "out", "loss"
    return tg.walkthrough(loss)


def _gradients(function: Callable[..., Any], inputs: Mapping[str, Array]) -> list[Array]:
    leaves = _leaves(inputs)
    out = function(*leaves)
    return [np.asarray(each) for each in tg.gradient(out, leaves, grad_outputs=_upstream(out.data))]


def _leaves(inputs: Mapping[str, Array]) -> list[tg.Tensor]:
    return [tg.tensor(array, requires_grad=True, name=name) for name, array in inputs.items()]


def _upstream(out: Array) -> Array:
    return normal(*out.shape, seed=1) if out.ndim else np.ones_like(out)
