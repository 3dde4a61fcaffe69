"""Record a network as plain data: layers of neurons, the weights between them, and the values and gradients of one
sample.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import tensorgrad as tg
from nn.layers.dense import Dense
from nn.module import Module, in_mode
from nn.plots.activity import watched
from tensorgrad import Tensor

Loss = Callable[[Tensor, Any], Tensor]
Array = NDArray[Any]


@dataclass
class Layer:
    """Neurons of one layer, or a layer without neurons, such as a convolution.

    Attributes:
        title: the classes of the modules it consists of, such as `Dense`.
        path: the path of its first module in the network; "" for the input.
        size: the number of neurons; 0 for a layer without neurons.
        shape: the shape of its output for one sample.
        weight: `(size of the layer before, size)`, or None unless it is dense.
        bias: `(size,)`, or None.
        activations: the classes of the activations, in order.
        before: the values before the activation, `(size,)`, or None if there is no sample.
        value: the values after it.
        before_gradient, gradient: the gradients of the target with respect to them, or None.
        weight_gradient, bias_gradient: the gradients with respect to the parameters, or None.
    """

    title: str
    path: str
    size: int
    shape: tuple[int, ...]
    weight: Array | None = None
    bias: Array | None = None
    activations: list[str] = field(default_factory=list)
    before: Array | None = None
    value: Array | None = None
    before_gradient: Array | None = None
    gradient: Array | None = None
    weight_gradient: Array | None = None
    bias_gradient: Array | None = None


@dataclass(frozen=True)
class Diagram:
    """Layers of a network in the order of their calls, the input first.

    Attributes:
        name: the class of the network.
        layers: the layers.
        target: name of the scalar whose gradients are shown.
        result: its value, or None if there is no sample.
        parameters: the number of trainable parameters.
    """

    name: str
    layers: tuple[Layer, ...]
    target: str
    result: float | None
    parameters: int


def diagram(module: Module, x: ArrayLike | None, y: Any, loss: Loss | None) -> Diagram:
    """Run one sample through a network in evaluation mode, and backpropagate. The network is left unchanged.

    Args:
        module: the network.
        x: one sample, or several, of which the first is used. None shows the weights alone.
        y: the target of the sample; None for the gradients of the sum of the outputs.
        loss: the loss function, if there is a target.

    Raises:
        ValueError: no input is known that the network accepts, or `x` does not fit.
    """
    with tg.enable_grad(), in_mode(module, training=False):
        given = _example(module) if x is None else _sample(module, x)
        source: Any = Tensor(given, requires_grad=True) if given.dtype.kind == "f" else given
        with watched(module) as results:
            output = module(source)
        if not isinstance(output, Tensor):
            raise ValueError(f"network: expected the network to return a tensor, got {type(output).__name__}.")
        layers, tensors = _layers(source, given, results)
        target, words = output.sum(), "sum of the outputs" if output.size > 1 else "output"
        if x is not None and y is not None and loss is not None:
            target, words = loss(output, np.asarray(y)[:1] if np.ndim(y) else np.asarray([y])), "loss"
        if x is not None:
            _add_gradients(target, layers, tensors)
    if x is None:
        for layer in layers:
            layer.before = layer.value = None
    count = sum(parameter.size for parameter in module.parameters())
    return Diagram(type(module).__name__, tuple(layers), words, None if x is None else target.item(), count)


def _example(module: Module) -> Array:
    for example in module.example_inputs():
        try:
            module(example)
        except (TypeError, ValueError, IndexError):
            continue
        return example
    raise ValueError("network: the shape of the input is not known. Pass a sample, as in nn.plots.network(model, x).")


def _sample(module: Module, x: ArrayLike) -> Array:
    """Return the first sample, as a batch of one, in the dtype of the parameters."""
    array = x.numpy() if isinstance(x, Tensor) else np.asarray(x)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"network: expected x to hold numbers, got dtype {array.dtype}.")
    sample = array[None] if array.ndim < 2 else array[:1]
    if sample.size == 0:
        raise ValueError(f"network: expected at least one sample, got an array of shape {array.shape}.")
    dtypes = [parameter.dtype for parameter in module.parameters()]
    takes_integers = sample.dtype.kind in "iu" and any(example.dtype.kind == "i" for example in module.example_inputs())
    return sample if takes_integers else sample.astype(dtypes[0] if dtypes else float)


Tensors = list[tuple[Tensor | None, Tensor | None, Dense | None]]
"""For each layer, its tensors before and after the activation, and its dense module."""


def _layers(source: Any, given: Array, results: list[tuple[str, Module, Tensor]]) -> tuple[list[Layer], Tensors]:
    values = given[0].ravel() if given.dtype.kind == "f" else None
    first = Layer("input", "", 0 if values is None else values.size, given.shape[1:], before=values, value=values)
    layers = [first]
    tensors: Tensors = [(source, source, None)] if values is not None else [(None, None, None)]
    for name, module, result in results:
        path = name.partition(" ")[0] if " " in name else ""
        last, shape = layers[-1], result.shape[1:]
        array = result.numpy()[0]
        if isinstance(module, Dense) and len(shape) == 1:
            weight = module.weight.numpy() if last.size == module.inputs else None
            bias = None if module.bias is None else module.bias.numpy()
            layers.append(Layer("Dense", path, shape[0], shape, weight, bias, before=array, value=array))
            tensors.append((result, result, module))
        elif array.size == last.size and last.size and not list(module.parameters()):
            if shape == last.shape:
                last.activations.append(type(module).__name__)
                last.value = array.ravel()
                tensors[-1] = (tensors[-1][0], result, tensors[-1][2])
            last.shape = shape
        elif not last.size and len(layers) > 1 and not list(module.parameters()):
            last.title += f", {type(module).__name__}"
            last.shape = shape
        else:
            layers.append(Layer(type(module).__name__, path, 0, shape))
            tensors.append((None, None, None))
    return layers, tensors


def _add_gradients(target: Tensor, layers: list[Layer], tensors: Tensors) -> None:
    wanted: list[Tensor] = []
    for before, after, module in tensors:
        wanted += [each for each in (before, after) if each is not None]
        wanted += [] if module is None else [module.weight, *([] if module.bias is None else [module.bias])]
    unique = {id(each): each for each in wanted if each.requires_grad}
    found = dict(zip(unique, tg.gradient(target, list(unique.values()), allow_unused=True)))
    for layer, (before, after, module) in zip(layers, tensors):
        layer.before_gradient = _first(found.get(id(before)))
        layer.gradient = _first(found.get(id(after)))
        if module is not None and layer.weight is not None:
            layer.weight_gradient = found.get(id(module.weight))
            layer.bias_gradient = None if module.bias is None else found.get(id(module.bias))


def _first(gradient: Array | None) -> Array | None:
    return None if gradient is None else np.asarray(gradient)[0].ravel()
