"""Diagnosis of wrong derivatives from how they differ from the correct ones."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad._typing import Shape

_ROWS = 3
"""Maximum number of wrong entries shown in a message."""


@dataclass(frozen=True)
class Finding:
    """Wrong block of the Jacobian: one output with respect to one input, its worst entry, and a diagnosis.

    Attributes:
        input, output: their names.
        input_index, output_index: the entry that differs most.
        expected, got: its values from finite differences and from the derivative rules.
        wrong, entries: how many entries differ, of how many.
        diagnosis: the name of the mistake: "counted twice", "disconnected", …
        message: all of this as text.
    """

    input: str
    output: str
    input_index: tuple[int, ...]
    output_index: tuple[int, ...]
    expected: float
    got: float
    wrong: int
    entries: int
    diagnosis: str
    message: str

    @property
    def ratio(self) -> float:
        """Return got / expected; infinite where 0 was expected."""
        return _ratio(self.got, self.expected)


def find(
    expected: NDArray[Any],
    got: NDArray[Any],
    wrong: NDArray[np.bool_],
    *,
    input: tuple[str, Shape],
    output: tuple[str, Shape],
    lengths: Mapping[str, int],
) -> Finding:
    """Identify the mistake in a block of the Jacobian.

    Args:
        expected, got, wrong: arrays of shape (elements of the output, elements of the input).
        input, output: their names and shapes.
        lengths: known lengths by name, to recognise a missing or an extra mean.
    """
    error = np.where(wrong, np.abs(got - expected), -1.0)
    error[wrong & ~np.isfinite(error)] = np.inf
    worst = np.argsort(-error, axis=None, kind="stable")[: min(_ROWS, int(wrong.sum()))]
    rows, columns = np.unravel_index(worst, error.shape)
    table = [["output index", "input index", "expected", "got", "got / expected"]]
    for row, column in zip(rows, columns):
        want, have = float(expected[row, column]), float(got[row, column])
        positions = [str(_position(row, output[1])), str(_position(column, input[1]))]
        table.append(positions + [f"{number:.7g}" for number in (want, have, _ratio(have, want))])

    diagnosis, explanation = diagnose(expected, got, wrong, input[1], lengths)
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    lines = [
        f"the derivative of {output[0]} {output[1]} with respect to {input[0]} {input[1]} is wrong: "
        f"{wrong.sum()} of {wrong.size} entries differ.",
        "",
        *("    " + "   ".join(cell.rjust(width) for cell, width in zip(line, widths)) for line in table),
        "",
        *textwrap.wrap(f"Usually this means: {diagnosis}. {explanation}", 100),
    ]
    return Finding(
        input=input[0],
        output=output[0],
        input_index=_position(columns[0], input[1]),
        output_index=_position(rows[0], output[1]),
        expected=float(expected[rows[0], columns[0]]),
        got=float(got[rows[0], columns[0]]),
        wrong=int(wrong.sum()),
        entries=wrong.size,
        diagnosis=diagnosis,
        message="\n".join(lines),
    )


def diagnose(
    expected: NDArray[Any],
    got: NDArray[Any],
    wrong: NDArray[np.bool_],
    input_shape: Shape,
    lengths: Mapping[str, int],
) -> tuple[str, str]:
    """Return the name of the mistake and an explanation. Arguments as in `find`."""
    want, have = expected[wrong], got[wrong]
    if not np.isfinite(have).all():
        return "not finite", (
            "The derivative rule returns NaN or infinity although f is finite here. Look for 0/0, log(0) or a "
            "negative power of 0 in the rule."
        )
    partly = bool((~wrong & (np.abs(expected) > 1e-6 * np.abs(expected).max())).any())
    if not have.any():
        return _nothing_arrives(partly, broadcast=expected.shape[0] > expected.shape[1])

    nowhere = bool(np.abs(want).max() <= 1e-6 * np.abs(have).max())
    factor = 0.0 if nowhere else float(have @ want / (want @ want))
    if factor != 0 and _alike(have, factor * want):
        name, explanation = _constant_factor(factor, lengths)
        return name, explanation + (_SOME if partly else " Every entry has this ratio.")
    if _is_transposed(expected, got, input_shape):
        return "transposed", (
            "The values are correct, but transposed. Look for a missing .T (the gradient of x @ y is g @ y.T with "
            "respect to x, and x.T @ g with respect to y), or for a reshape where a transpose is meant."
        )
    axis = _summed_axis(expected, got, input_shape)
    if axis is not None:
        return "wrong unbroadcasting", (
            f"The gradient is summed over {axis} of the input and broadcast to it again. A gradient is summed only "
            "over axes along which the input was broadcast, and the engine does this automatically."
        )
    if nowhere:
        return "unexpected gradient", (
            "f does not depend on these elements, but the rule returns a gradient for them. Look for a missing mask, "
            "a wrong index, or a g that is broadcast to more elements than were used."
        )
    return "wrong formula", (
        "The ratio differs from entry to entry, so no single factor, sign or transpose explains it. Check the "
        "formula, and whether the rule uses the right saved value (out where x is meant, or x for y)."
    ) + (_SOME if partly else "")


_SOME = " Other entries are correct. Look for a condition, a boundary, a repeated index, or one of several paths in f."


def _nothing_arrives(partly: bool, broadcast: bool) -> tuple[str, str]:
    if not partly:
        return "disconnected", (
            "No gradient arrives. Look for detach(), no_grad(), .data, numpy() or float() in f, or for a rule that is "
            "missing or returns zeros."
        )
    if broadcast:
        return "wrong unbroadcasting", (
            "Only some elements of the output contribute to the gradient. The input was broadcast, so its gradient is "
            "the sum over the broadcast axes (g.sum(axis=0), not g[0]). Gradients of repeated indices are added, too."
        )
    return "partly disconnected", (
        "Only some elements receive a gradient. Look for a wrong mask or index, repeated indices that overwrite each "
        "other instead of being added, or one of several paths in f that is disconnected."
    )


def _constant_factor(factor: float, lengths: Mapping[str, int]) -> tuple[str, str]:
    if math.isclose(factor, -1, rel_tol=1e-3):
        return "wrong sign", "Look for a missing or an extra minus, as in x - y, 1 / x or cos(x)."
    size, sign = abs(factor), "wrong sign, and " if factor < 0 else ""
    if size < np.finfo(float).tiny:
        return "disconnected", "Almost no gradient arrives. Look for a factor that underflows to 0."
    count = round(max(size, 1 / size))
    same = [name for name, length in lengths.items() if length == count]
    hint = f" ({count} is the length of {', '.join(same)}.)" if same else ""
    if math.isclose(size, 2, rel_tol=1e-3):
        return f"{sign}counted twice", (
            "The gradient is added twice, or a factor 1/2 of f is missing in the rule. For y = x * x, each of the "
            "two operands contributes once and the engine adds them." + hint
        )
    if math.isclose(size, 0.5, rel_tol=1e-3):
        return f"{sign}missing factor 2", (
            "Half of the gradient is missing: one of two paths (x * x has two), or the factor 2 of a square." + hint
        )
    if math.isclose(size, count, rel_tol=1e-3):
        return f"{sign}missing mean", (
            f"The gradient is {count} times too large: f takes a mean and the rule lacks the factor 1/{count}, or the "
            f"gradient is summed {count} times over a broadcast axis." + hint
        )
    if math.isclose(size, 1 / count, rel_tol=1e-3):
        return f"{sign}extra mean", (
            f"The gradient is {count} times too small: the rule divides by {count} although f takes a sum, or it takes "
            "the mean over a broadcast axis instead of the sum." + hint
        )
    return f"{sign}constant factor", (
        f"The rule has an extra factor of {factor:.6g}, or lacks a factor of {1 / factor:.6g} that f has."
    )


def _is_transposed(expected: NDArray[Any], got: NDArray[Any], input_shape: Shape) -> bool:
    if expected.shape[0] == expected.shape[1] and _alike(got, expected.T):
        return True
    if len(input_shape) != 2:
        return False
    rows, columns = input_shape
    blocks = got.reshape(-1, columns, rows).swapaxes(1, 2)
    return _alike(blocks, expected.reshape(-1, rows, columns))


def _summed_axis(expected: NDArray[Any], got: NDArray[Any], input_shape: Shape) -> str | None:
    """Return a description of the axis of the input over which `got` is the sum of `expected`."""
    blocks = expected.reshape(-1, *input_shape)
    found = got.reshape(blocks.shape)
    for axis in range(len(input_shape)):
        if _alike(found, np.broadcast_to(blocks.sum(axis=axis + 1, keepdims=True), found.shape)):
            return f"axis {axis}"
    everywhere = tuple(range(1, blocks.ndim))
    return "all axes" if _alike(found, np.broadcast_to(blocks.sum(everywhere, keepdims=True), found.shape)) else None


def _alike(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Return whether two arrays agree within 1e-3, except for values that are negligible beside the largest."""
    return bool(np.allclose(a, b, rtol=1e-3, atol=1e-6 * np.abs(b).max()))


def _ratio(got: float, expected: float) -> float:
    return got / expected if abs(expected) > 1e-9 * abs(got) else math.inf


def _position(flat: Any, shape: Shape) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(int(flat), shape))
