"""The five gradients of a recurrent step."""

import numpy as np
from grading import normal
from grading_gradients import correct, gradients

import tensorgrad as tg

HINTS = (
    "Compute new_state again. g passes through tanh: d = g * (1 - new_state**2), the gradient with respect to the sum.",
    "The sum consists of two products and the biases. Each product is a dense layer, as in exercise 05, with d in "
    "place of g.",
    "d @ weights.T and d @ recurrent.T for x and state, x.T @ d and state.T @ d for the matrices, d.sum(axis=0) for "
    "the biases.",
)


def step(x, state, weights, recurrent, biases):
    """Return the forward pass."""
    return tg.tanh(x @ weights + state @ recurrent + biases)


def grade(answer):
    """Grade with as many inputs as units, so that a missing .T fits and is recognised by its numbers."""
    shapes = {"x": (3, 2), "state": (3, 2), "weights": (2, 2), "recurrent": (2, 2), "biases": (2,)}
    inputs = {name: normal(*shape, seed=seed) for seed, (name, shape) in enumerate(shapes.items())}
    x, state, weights, recurrent, biases = inputs.values()
    g, _ = correct(step, inputs)
    total = x @ weights + state @ recurrent + biases
    new = np.tanh(total)

    def with_slope(slope):
        d = g * slope
        return [d @ weights.T, d @ recurrent.T, x.T @ d, state.T @ d, d.sum(axis=0)]

    mistakes = {
        "missing factor: the slope of tanh": with_slope(1.0),
        "the slope at the wrong place: 1 − tanh(z)², not 1 − z²": with_slope(1 - total**2),
        "the slope at the wrong place: new state is tanh(z) already": with_slope(1 - np.tanh(new) ** 2),
        "the slope of the sigmoid, not of tanh": with_slope(new * (1 - new)),
        "missing square: the slope is 1 − tanh(z)²": with_slope(1 - new),
        "the old state: the slope depends on the new one": with_slope(1 - state**2),
    }
    d, right = g * (1 - new**2), with_slope(1 - new**2)
    mistakes["transposed: x receives d @ weights.T"] = [d @ weights, *right[1:]]
    mistakes["transposed: state receives d @ recurrent.T"] = [right[0], d @ recurrent, *right[2:]]
    gradients(answer.rnn_step_backward, step, inputs, mistakes)
