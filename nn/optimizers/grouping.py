"""Parameter groups made from a network: no weight decay for biases and norms, and learning rates by layer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nn._validation import finite_number
from nn.module import Module
from nn.optimizers.schedules import Schedule


def group_parameters(
    network: Module,
    learning_rate: float | Schedule | None = None,
    *,
    layer_factor: float = 1.0,
    layers: Iterable[Module] | None = None,
    decay_biases: bool = False,
) -> list[dict[str, Any]]:
    """Return groups of a network's parameters for an optimizer.

    Biases and the parameters of norms, which are those with fewer than two axes, get no weight decay: they do not
    overfit, and a norm makes the layer before it independent of the scale of its weights. With a `layer_factor` below
    1, the learning rate is lower for earlier layers, as for fine-tuning: learning_rate · layer_factor^k for a layer
    that is followed by k layers. Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification"
    (2018), section 3.2.

    Args:
        network: The network. Frozen parameters are left out.
        learning_rate: The learning rate of the last layer, the same as the optimizer's. Required with a `layer_factor`.
        layer_factor: The learning rate of a layer, divided by that of the next one.
        layers: The layers, first to last; default: the direct children of the network that have parameters. Parameters
            outside of them belong to the first.
        decay_biases: Whether weight decay also applies to biases and norms.

    Raises:
        TypeError: If `network` or a layer is not a module, or `layer_factor` is not a number.
        ValueError: If `layer_factor` is not finite or not above 0, or there is one without a `learning_rate`.

    >>> import nn
    >>> network = nn.Sequential(nn.Dense(2, 8), nn.LayerNorm(8), nn.ReLU(), nn.Dense(8, 3))
    >>> optimizer = nn.AdamW(group_parameters(network), 0.001, weight_decay=0.1)
    >>> [(len(group.parameters), group.weight_decay) for group in optimizer.groups]
    [(2, 0.1), (4, 0.0)]

    >>> groups = group_parameters(network, 0.5, layer_factor=0.5, decay_biases=True)
    >>> [group.learning_rate for group in nn.SGD(groups, 0.5).groups]
    [0.125, 0.25, 0.5]
    """
    if not isinstance(network, Module):
        raise TypeError(f"group_parameters: expected a network, an nn.Module, got {network!r}.")
    factor = finite_number("group_parameters: layer_factor", layer_factor)
    if not factor > 0:
        raise ValueError(f"group_parameters: layer_factor must be above 0, got {layer_factor!r}.")
    if factor != 1 and learning_rate is None:
        raise ValueError(
            "group_parameters: layer_factor requires a learning_rate to multiply, the same as the optimizer's."
        )
    depths = _depths(network, layers) if factor != 1 else {}
    last = max(depths.values(), default=0)
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for parameter in network.parameters():
        depth, decayed = depths.get(id(parameter), 0), decay_biases or parameter.ndim >= 2
        group = groups.setdefault((depth, not decayed), {"params": []})
        group["params"].append(parameter)
        if learning_rate is not None:
            group["learning_rate"] = factor ** (last - depth) * learning_rate if depth < last else learning_rate
        if not decayed:
            group["weight_decay"] = 0.0
    return [groups[key] for key in sorted(groups)]


def _depths(network: Module, layers: Iterable[Module] | None) -> dict[int, int]:
    """Return the number of the layer that each parameter belongs to, by the parameter's identity."""
    chosen = [layer for _, layer in network.named_children()] if layers is None else list(layers)
    for layer in chosen:
        if not isinstance(layer, Module):
            raise TypeError(f"group_parameters: expected layers, each an nn.Module, got {layer!r}.")
    depths: dict[int, int] = {}
    trained = [parameters for layer in chosen if (parameters := [*layer.parameters()])]
    for depth, parameters in enumerate(trained):
        for parameter in parameters:
            depths.setdefault(id(parameter), depth)
    return depths
