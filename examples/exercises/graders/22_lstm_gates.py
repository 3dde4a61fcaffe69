"""A step of an LSTM, and the two gradients of its forget gate."""

import numpy as np
from grading import normal, several, values
from grading_gradients import correct, gradients

import tensorgrad as tg

HINTS = (
    "np.split(scores, 4, axis=1) returns the four blocks. The third passes through tanh, the others through sigmoid.",
    "The new cell is computed first; the new state uses the new cell, through tanh.",
    "Backward: with f = sigmoid(score), cell receives g * f, and score receives g * cell * f * (1 - f).",
)


def sigmoid(x):
    """Return the sigmoid of x."""
    return 1 / (1 + np.exp(-x))


def grade(answer):
    """Grade with two units, so that blocks and units cannot be confused."""
    scores, cell = normal(3, 8), normal(3, 2)
    blocks = np.split(scores, 4, axis=1)
    i, f, n, o = sigmoid(blocks[0]), sigmoid(blocks[1]), np.tanh(blocks[2]), sigmoid(blocks[3])
    names = "the new state", "the new cell"
    state, new = several(answer.lstm_step(scores, cell), *names)
    expected = f * cell + i * n
    by_unit = [scores[:, gate::4] for gate in range(4)]
    mistakes = {
        "i and f are swapped: f keeps the cell, i lets n in": i * cell + f * n,
        "n and o are swapped: the third block is n": f * cell + i * np.tanh(blocks[3]),
        "the sigmoid of the third block: n uses tanh": f * cell + i * sigmoid(blocks[2]),
        "the third block itself: n uses tanh": f * cell + i * blocks[2],
        "the old cell is not kept: missing f · cell": i * n,
        "f · cell alone: missing i · n": f * cell,
        "not split into blocks: the units of a gate are side by side": (
            sigmoid(by_unit[1]) * cell + sigmoid(by_unit[0]) * np.tanh(by_unit[2])
        ),
        "state and cell are swapped: return the state first": o * np.tanh(expected),
    }
    values(names[1], new, expected, mistakes)
    mistakes = {
        "missing tanh: the new cell passes through it": o * expected,
        "the old cell: the state uses the new one": o * np.tanh(cell),
        "missing factor: the gate o": np.tanh(expected),
        "the sigmoid of the cell: it passes through tanh": o * sigmoid(expected),
    }
    values(names[0], state, o * np.tanh(expected), mistakes)

    inputs = {"score": blocks[1], "cell": cell}
    expression = lambda score, cell: tg.sigmoid(score) * cell  # noqa: E731
    g, [d_score, d_cell] = correct(expression, inputs)
    mistakes = {
        "missing factor: the cell": [g * f * (1 - f), d_cell],
        "missing factor: the slope of the sigmoid": [g * cell, d_cell],
        "the score instead of f: the sigmoid is missing": [d_score, g * blocks[1]],
        "swapped: return the gradient of the score first": [d_cell, d_score],
    }
    gradients(answer.forget_gate_backward, expression, inputs, mistakes)
