"""Reference implementations of the recurrent operations as plain loops over the samples, for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Cell = Callable[..., tuple[Any, ...]]


def rnn(
    x: Any, weight: Any, recurrent_weight: Any, bias: Any = None, state: Any = None, *, activation: str = "tanh",
    mask: Any = None, reverse: bool = False,
) -> Any:  # fmt: skip
    """Return the sequence and the final state."""

    def cell(x: Any, h: Any) -> tuple[Any, ...]:
        total = x @ weight + h @ recurrent_weight + _or_zero(bias)
        return (np.tanh(total) if activation == "tanh" else np.maximum(total, 0),)

    return _each_sample(cell, x, [state], len(recurrent_weight), mask, reverse)


def lstm(
    x: Any, weight: Any, recurrent_weight: Any, bias: Any = None, hidden: Any = None, cell: Any = None, *,
    mask: Any = None, reverse: bool = False,
) -> Any:  # fmt: skip
    """Return the sequence, the final hidden state and the final cell state."""

    def step(x: Any, h: Any, c: Any) -> tuple[Any, ...]:
        i, f, g, o = (x @ weight + h @ recurrent_weight + _or_zero(bias)).reshape(4, -1)
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        return _sigmoid(o) * np.tanh(c), c

    return _each_sample(step, x, [hidden, cell], len(recurrent_weight), mask, reverse)


def gru(
    x: Any, weight: Any, recurrent_weight: Any, bias: Any = None, recurrent_bias: Any = None, state: Any = None, *,
    reset_after: bool = True, mask: Any = None, reverse: bool = False,
) -> Any:  # fmt: skip
    """Return the sequence and the final state."""

    def cell(x: Any, h: Any) -> tuple[Any, ...]:
        of_x = (x @ weight + _or_zero(bias)).reshape(3, -1)
        of_h = (h @ recurrent_weight + _or_zero(recurrent_bias)).reshape(3, -1)
        r, z = _sigmoid(of_x[0] + of_h[0]), _sigmoid(of_x[1] + of_h[1])
        memory = r * of_h[2] if reset_after else (r * h) @ recurrent_weight[:, 2 * len(h) :]
        return ((1 - z) * np.tanh(of_x[2] + memory) + z * h,)

    return _each_sample(cell, x, [state], len(recurrent_weight), mask, reverse)


def _each_sample(cell: Cell, x: Any, states: list[Any], units: int, mask: Any, reverse: bool) -> tuple[Any, ...]:
    """Run the steps of every sample that are not padding."""
    sequence = np.zeros((*x.shape[:2], units))
    final = [np.zeros((len(x), units)) if state is None else np.array(state) for state in states]
    for sample in range(len(x)):
        current = tuple(state[sample] for state in final)
        steps = [t for t in range(x.shape[1]) if mask is None or mask[sample, t]]
        for t in reversed(steps) if reverse else steps:
            current = cell(x[sample, t], *current)
            sequence[sample, t] = current[0]
        for state, value in zip(final, current):
            state[sample] = value
    return sequence, *final


def _or_zero(bias: Any) -> Any:
    return 0 if bias is None else bias


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))
