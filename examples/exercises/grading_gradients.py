"""Grading of a backward pass: comparison with finite differences, and with the gradients of known mistakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from grading import Array, Pages, Wrong, compared, fixed, normal, same, several, values, wrong_shape

import tensorgrad as tg

WORDS = {"wrong unbroadcasting": "not unbroadcast", "disconnected": "blocked", "constant factor": "missing factor"}
"""The names that the exercises use for some of `gradcheck`'s diagnoses."""

USUALLY = "Usually this means: "
"""The words before the diagnosis, in the messages of `gradcheck` and on the pages."""


def gradients(
    backward: Callable[..., Any],
    expression: Callable[..., Any],
    inputs: Mapping[str, Array],
    mistakes: Mapping[str, Callable[..., Any] | list[Array]] | None = None,
    *,
    takes_g: bool = True,
) -> None:
    """Compare a backward pass written by hand with finite differences of its forward pass.

    Args:
        backward: takes `g` and the inputs; returns the gradient with respect to each of them.
        expression: the forward pass with tensorgrad's operations.
        inputs: what to differentiate with respect to, with names.
        mistakes: for each known mistake, the gradients to which it leads, or a forward pass that has these gradients.
        takes_g: False if `backward` takes the inputs only: it is the gradient of a loss.

    Raises:
        Wrong: with the diagnosis of `tg.gradcheck`, and pages to walk through.
    """
    names = [f"the gradient with respect to {name}" for name in inputs]
    right = partial(_walkthrough, expression, inputs)

    def rule(g: Any, *values: Any) -> list[Array]:
        if takes_g:
            return several(backward(g, *values), *names)
        return [g * each for each in several(backward(*values), *names)]

    got = rule(_upstream(expression(*inputs.values()).data), *inputs.values())
    for (name, array), found in zip(inputs.items(), got):
        if found.shape != array.shape:
            explanation = f"the gradient with respect to {name} has the shape {found.shape}, and {name} {array.shape}."
            raise Wrong(wrong_shape(found.shape, array.shape), explanation, {"": right})

    by_hand = _by_hand(rule, expression)
    differing = _differing(names, _gradients(expression, inputs), got)
    for mistake, wrong in (mistakes or {}).items():
        if all(map(same, got, wrong if isinstance(wrong, list) else _gradients(wrong, inputs))):
            raise Wrong(mistake, differing, _pages(right, by_hand, inputs, mistake))
    _gradcheck(by_hand, inputs, right, differing)


def correct(expression: Callable[..., Any], inputs: Mapping[str, Array]) -> tuple[Array, list[Array]]:
    """Return the `g` that `gradients` passes to an answer, and the correct gradients for it."""
    return _upstream(expression(*inputs.values()).data), _gradients(expression, inputs)


def operation(function: Callable[..., Any], expression: Callable[..., Any], inputs: Mapping[str, Array]) -> None:
    """Compare an operation declared with `@tg.op` with a correct one: its values and the first two derivatives.

    Raises:
        Wrong: as `values` and `gradients` do.
    """
    arrays = inputs.values()
    values(f"{function.__name__}({', '.join(inputs)})", function(*arrays), expression(*arrays).data)
    _gradients(function, inputs)  # so that an error in a rule shows its own line
    _gradcheck(function, inputs, partial(_walkthrough, expression, inputs), order=2)


def _gradcheck(
    function: Callable[..., Any],
    inputs: Mapping[str, Array],
    right: Callable[[], Any],
    differing: str = "",
    *,
    order: int = 1,
) -> None:
    """Raise `Wrong` if the function's gradients are wrong; `differing`, if not empty, shows which and how."""
    try:
        tg.gradcheck(function, _leaves(inputs), order=order)
    except tg.GradcheckError as error:
        diagnosis, explanation = "not the chain rule", str(error).removeprefix("gradcheck: ")
        if error.finding:
            diagnosis = error.finding.diagnosis
            for name, word in WORDS.items():
                diagnosis = diagnosis.replace(name, word)
            numbers, _, reason = explanation.partition(f"{USUALLY}{error.finding.diagnosis}.")
            explanation = f"{differing or numbers.rstrip()}\n\n{USUALLY}{diagnosis}.{reason}"
        raise Wrong(diagnosis, explanation, _pages(right, function, inputs, diagnosis)) from None


def _differing(names: list[str], expected: list[Array], got: list[Array]) -> str:
    """Return the first wrong gradient beside the correct one, or "" if all are correct."""
    return next((compared(n, e, g) for n, e, g in zip(names, expected, got) if not same(g, e)), "")


def _pages(right: Callable[[], Any], by_hand: Callable[..., Any], inputs: Mapping[str, Array], diagnosis: str) -> Pages:
    return {"": right, "_by_hand": partial(_walkthrough, by_hand, inputs, diagnosis)}


def _by_hand(rule: Callable[..., list[Array]], expression: Callable[..., Any]) -> Callable[..., tg.Tensor]:
    """Return an operation with the correct forward pass and the learner's backward pass."""

    @tg.op(sequence="operands", operands=lambda g, operands, index: rule(g, *operands)[index])
    def by_hand(operands: Any) -> Any:
        return expression(*operands).data

    return lambda *inputs: by_hand(inputs)


def _walkthrough(function: Callable[..., Any], inputs: Mapping[str, Array], diagnosis: str = "") -> Any:
    """Return the walkthrough of a result that is a number, or else of Σ g · out, whose gradient at `out` is `g`.

    Where the page finds a wrong gradient, it names `diagnosis`, so that it agrees with the grader.
    """
    leaves = _leaves(inputs)  # must stay alive until the page is made
    loss = out = function(*leaves)
    if out.ndim:
        g = tg.tensor(_upstream(out.data), name="g")
        loss = tg.sum(g * out)
        out.name = "out"
    loss.name = "loss"
    page = tg.walkthrough(loss)
    if diagnosis:
        boxes = tuple(_with_diagnosis(box, diagnosis) for box in page.recording.boxes)
        page.recording = replace(page.recording, boxes=boxes)
    return page


def _with_diagnosis(box: Any, diagnosis: str) -> Any:
    if box.check is None or box.check.verdict != "differs":
        return box
    found, _, named = box.check.reason.partition(USUALLY)
    if named.startswith(f"{diagnosis}."):
        return box
    found = found.rstrip(" .")
    return replace(box, check=replace(box.check, reason=f"{found}. {USUALLY}{diagnosis}."))


def _gradients(function: Callable[..., Any], inputs: Mapping[str, Array]) -> list[Array]:
    leaves = _leaves(inputs)
    out = function(*leaves)
    return [np.asarray(each) for each in tg.gradient(out, leaves, grad_outputs=_upstream(out.data))]


def _leaves(inputs: Mapping[str, Array]) -> list[tg.Tensor]:
    return [tg.tensor(array, requires_grad=True, name=name) for name, array in inputs.items()]


def _upstream(out: Array) -> Array:
    return normal(*out.shape, seed=1) if out.ndim else fixed(np.ones_like(out))
