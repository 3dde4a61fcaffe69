"""Columns of the page: the layers of a network that have weights, each with the activations that follow it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn.layers import Conv2D, Dense
from nn.module import Module, in_mode
from nn.plots.activity import watched
from tensorgrad import Tensor, no_grad

MOST_NEURONS = 16
"""Neurons that are drawn in one column."""

Result = tuple[str, Module, Tensor]
"""Name, module and output of one call."""


@dataclass(frozen=True)
class Column:
    """Layer with weights, and where its output is found among the outputs of a forward pass.

    Attributes:
        path: the path of the module in the network.
        title: its class and those of the modules that follow it without changing the shape, such as `Dense, Tanh`.
        module: the layer.
        output: the position, among the outputs of all innermost modules, of the last of these modules.
        neurons: the number of its neurons, or filters.
        shown: the numbers of those that are drawn.
        follows: whether the previous column's output is this layer's input, so that weights are lines between them.
    """

    path: str
    title: str
    module: Dense | Conv2D
    output: int
    neurons: int
    shown: NDArray[np.intp]
    follows: bool


def columns_of(network: Module, results: Sequence[Result], moved: dict[str, NDArray[Any]]) -> list[Column]:
    """Return the columns of a network in the order of the calls.

    Args:
        network: the network.
        results: the outputs of its innermost modules.
        moved: how far each weight has moved during the training, by name. If a layer has more than 16 neurons, those
            whose weights have moved furthest are shown.
    """
    paths = {module: path for path, module in network.named_modules()}
    columns: list[Column] = []
    shape: tuple[int, ...] = ()
    for position, (_, module, result) in enumerate(results):
        kind = type(module).__name__
        if isinstance(module, (Dense, Conv2D)):
            neurons = result.shape[-1]
            path = paths[module]
            distances = moved[f"{path}.weight".lstrip(".")].reshape(-1, neurons)
            shown = np.sort(np.argsort(-np.linalg.norm(distances, axis=0), kind="stable")[:MOST_NEURONS])
            follows = bool(columns) and isinstance(module, Dense) and module.inputs == columns[-1].neurons
            columns.append(Column(path, kind, module, position, neurons, shown, follows))
        elif columns and result.shape == shape:
            last = columns[-1]
            columns[-1] = Column(
                last.path, f"{last.title}, {kind}", last.module, position, last.neurons, last.shown, last.follows
            )
        shape = result.shape
    return columns


def outputs_of(network: Module, samples: NDArray[Any]) -> tuple[NDArray[Any], list[Result]]:
    """Return the network's output in evaluation mode, and the outputs of its innermost modules.

    Raises:
        TypeError: the network returns several outputs.
    """
    with in_mode(network, training=False), no_grad(), watched(network) as results:
        output = network(Tensor(samples))
    if not isinstance(output, Tensor):
        raise TypeError(f"Playground: expected a network with one output, got {type(output).__name__}.")
    return output.data, results
