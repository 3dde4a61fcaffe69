"""How the value and the gradient of a neuron are computed, in numbers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from nn.plots.neurons.diagram import Array, Diagram, Layer

MOST_TERMS = 4
"""Maximum number of terms that are written. Of longer sums, only the largest terms are."""

OVER_ALL = frozenset({"Softmax", "LogSoftmax"})
"""Activations of which each result depends on all neurons of the layer: they have no slope at a single neuron."""


def number(value: float) -> str:
    """Format a number with three significant digits.

    >>> number(-0.0), number(0.12345), number(1234.5), number(float("nan"))
    ('0', '0.123', '1.23e+03', 'nan')
    """
    return f"{value + 0.0:.3g}".replace("-", "−")


def short(value: float) -> str:
    """Format a number for a circle, in at most five characters.

    >>> short(0.1234), short(-12.34), short(0.0001), short(123456.0)
    ('0.12', '−12.3', '1e−4', '1e5')
    """
    if not np.isfinite(value):
        return str(value)
    if abs(value) >= 1000 or 0 < abs(value) < 0.005:
        mantissa, exponent = f"{value:.0e}".split("e")
        return f"{mantissa}e{int(exponent)}".replace("-", "−")
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    text = f"{round(value, digits) + 0.0:.{digits}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")


def forward(diagram: Diagram, layer: int, index: int) -> list[str]:
    """Return the lines that say how the value of a neuron is computed from the layer before."""
    here, before = diagram.layers[layer], diagram.layers[layer - 1]
    if here.value is None:
        return []
    if not layer or here.weight is None or before.value is None or here.before is None:
        return [f"value = {number(here.value[index])}"]
    terms = _terms(before.value, here.weight[:, index])
    bias = "" if here.bias is None else f" + {_operand(here.bias[index])}"
    lines = [f"z = Σ x·w{' + b' if bias else ''} = {terms}{bias} = {number(here.before[index])}"]
    if here.activations:
        names = ", ".join(here.activations)
        applied = f"{names} over all z" if OVER_ALL.intersection(here.activations) else f"{names}(z)"
        lines.append(f"{applied} = {number(here.value[index])}")
    return lines


def backward(diagram: Diagram, layer: int, index: int) -> list[str]:
    """Return the lines that say how the gradient of a neuron is computed from the layer after it."""
    here = diagram.layers[layer]
    if here.gradient is None:
        return []
    after = diagram.layers[layer + 1] if layer + 1 < len(diagram.layers) else None
    result = number(here.gradient[index])
    lines = [f"gradient of the {diagram.target} = {result}"]
    if after is not None and after.weight is not None and after.before_gradient is not None:
        terms = _terms(after.before_gradient, after.weight[index])
        lines = [f"gradient = Σ w·dz of the next layer = {terms} = {result}"]
    if here.activations and here.before_gradient is not None:
        names, dz = ", ".join(here.activations), number(here.before_gradient[index])
        through_all = OVER_ALL.intersection(here.activations)
        lines.append(f"dz, before {names} = {dz}" if through_all else f"dz = gradient × slope of {names} = {dz}")
    return lines


def weights(diagram: Diagram, layer: int, index: int) -> list[tuple[str, str, str]]:
    """Return the weights into a neuron, the largest first: the source, the value and the gradient."""
    here = diagram.layers[layer]
    if here.weight is None:
        return []
    column = here.weight[:, index]
    largest = np.argsort(-np.abs(column), kind="stable")[: 2 * MOST_TERMS]
    rows = [(f"from {source + 1}", number(column[source]), _gradient(here, source, index)) for source in largest]
    if here.bias is not None:
        gradient = "" if here.bias_gradient is None else number(here.bias_gradient[index])
        rows.append(("bias", number(here.bias[index]), gradient))
    return rows


def _gradient(layer: Layer, source: int, index: int) -> str:
    return "" if layer.weight_gradient is None else number(layer.weight_gradient[source, index])


def _terms(values: Array, factors: Array) -> str:
    """Return a sum of products, shortened to its largest terms."""
    products = values * factors
    places: Iterable[int] = range(len(products))
    if len(products) > MOST_TERMS:
        places = sorted(np.argsort(-np.abs(products), kind="stable")[: MOST_TERMS - 1])
    text = " + ".join(f"{_operand(values[place])}·{_operand(factors[place])}" for place in places)
    return text + (" + …" if len(products) > MOST_TERMS else "")


def _operand(value: float) -> str:
    text = number(value)
    return f"({text})" if text.startswith("−") else text
