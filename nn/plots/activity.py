"""Statistics of the layers of a network: their outputs, and the gradients that reach them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tensorgrad as tg
from nn.layers.activations import ReLU, Sigmoid, Tanh
from nn.module import Module, in_mode
from nn.plots.inputs import Model
from tensorgrad import Tensor

BINS = 48
DECADES = np.logspace(-12, 4, 65)
"""The bins for the magnitudes of gradients, four per decade."""

BOUNDS: tuple[tuple[type[Module], float, float], ...] = ((Tanh, -1.0, 1.0), (Sigmoid, 0.0, 1.0))
"""The bounds of the outputs of these activations."""

NEAR = 0.015
"""A unit closer to a bound than this fraction of the range is saturated: |tanh| > 0.97, where the slope is < 0.06."""


@dataclass(frozen=True)
class Histogram:
    """Number of values in each bin.

    Attributes:
        edges: of the bins, `(bins + 1,)`.
        counts: `(bins,)`.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class Layer:
    """Statistics of one layer, forward and backward, for some samples.

    Attributes:
        name: its path in the network and its class, such as `2 ReLU`; for a module called again, `2 ReLU, call 2`.
        std: the standard deviation of its output.
        zeros: the fraction of the output that is 0.
        units: the number of elements along the last axis.
        dead: the number of units that are 0 for every sample; None if there are none, unless the layer is a `ReLU`.
        saturated: the fraction of the output that is close to a bound of the activation; None if it has no bounds.
        activations: the histogram of the nonzero outputs.
        gradient: the root mean square of ∂loss/∂output; 0 if no gradient arrives.
        gradients: the histogram of the magnitudes of its nonzero elements, in bins of `DECADES`.
    """

    name: str
    std: float
    zeros: float
    units: int
    dead: int | None
    saturated: float | None
    activations: Histogram
    gradient: float
    gradients: Histogram


def examine(asker: str, model: Model, X: NDArray[Any], y: NDArray[Any]) -> list[Layer]:
    """Run samples through the network in evaluation mode, and backpropagate the gradient of the loss.

    Nothing is changed: parameters, their `.grad` and random generators are preserved. Modules that contain other
    modules are omitted, as their parts are included, and so are modules that return their input.

    Raises:
        ValueError: the network has no trainable parameters, so there is no backward pass.
    """
    dtype = next((parameter.dtype for parameter in model.network.parameters()), None)
    if dtype is None:
        raise ValueError(f"{asker}: the network has no parameters to train, so there are no gradients to look at.")
    with in_mode(model.network, training=False), tg.enable_grad(), watched(model.network) as results:
        loss = model.loss(model.network(Tensor(X.astype(dtype, copy=False))), y)
    reached = [result for _, _, result in results if result.requires_grad]
    found = tg.gradient(loss, reached, allow_unused=True)
    gradients = {id(result): gradient for result, gradient in zip(reached, found)}
    return [_layer(name, module, result.data, gradients.get(id(result))) for name, module, result in results]


@contextmanager
def watched(network: Module) -> Iterator[list[tuple[str, Module, Tensor]]]:
    """Collect the outputs of the innermost modules in this block: name, module and output, in the order of the
    calls."""
    results: list[tuple[str, Module, Tensor]] = []
    with ExitStack() as afterwards:
        for path, module in network.named_modules():
            if not list(module.named_children()):
                afterwards.callback(_set_own_forward, module, vars(module).get("forward"))
                _set_own_forward(module, _noting(path, module, results))
        yield results


def _noting(path: str, module: Module, results: list[tuple[str, Module, Tensor]]) -> Callable[..., Any]:
    """Return the module's `forward`, extended to append its output to `results`, unless the output is the input."""
    forward = module.forward

    def noting(*inputs: Any, **options: Any) -> Any:
        result = forward(*inputs, **options)
        if isinstance(result, Tensor) and not any(result is each for each in inputs):
            calls = 1 + sum(other is module for _, other, _ in results)
            name = f"{path} {type(module).__name__}".strip() + (f", call {calls}" if calls > 1 else "")
            results.append((name, module, result))
        return result

    return noting


def _set_own_forward(module: Module, forward: Callable[..., Any] | None) -> None:
    """Replace `forward` of this one instance; None restores that of its class."""
    if forward is None:
        del vars(module)["forward"]
    else:
        vars(module)["forward"] = forward


def _layer(name: str, module: Module, values: NDArray[Any], gradient: NDArray[Any] | None) -> Layer:
    is_zero = values == 0
    units = values.shape[-1] if values.ndim > 1 else 1
    dead = int(is_zero.reshape(-1, units).all(axis=0).sum())
    back = np.zeros(0) if gradient is None else np.asarray(gradient, float)
    sizes = np.abs(back[back != 0])
    return Layer(
        name=name,
        std=float(np.std(values, dtype=float)),
        zeros=float(np.mean(is_zero)),
        units=units,
        dead=dead if dead or isinstance(module, ReLU) else None,
        saturated=_saturated(module, values),
        activations=_histogram(values[~is_zero]),
        gradient=float(np.sqrt(np.mean(back**2))) if back.size else 0.0,
        gradients=Histogram(DECADES, np.histogram(np.clip(sizes, DECADES[0], DECADES[-1]), DECADES)[0]),
    )


def _histogram(values: NDArray[Any]) -> Histogram:
    counts, edges = np.histogram(values[np.isfinite(values)].astype(float), BINS)
    return Histogram(edges, counts)


def _saturated(module: Module, values: NDArray[Any]) -> float | None:
    for kind, low, high in BOUNDS:
        if isinstance(module, kind):
            near = NEAR * (high - low)
            return float(np.mean((values < low + near) | (values > high - near)))
    return None
