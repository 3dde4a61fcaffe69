"""Summary table of a network: its layers, their output shapes and their numbers of parameters."""

from __future__ import annotations

import numpy as np

from nn._repr import counted
from nn.layers import Dense, Embedding, Sequential
from nn.module import Module
from tensorgrad import Tensor, no_grad

Shape = tuple[int, ...]


def summary(network: Module, sample_shape: Shape | None = None) -> str:
    """Return the table as text.

    Args:
        network: in evaluation mode, if it contains layers that draw random numbers.
        sample_shape: the shape of one sample, without the batch axis. Output shapes are determined by passing one
            sample of zeros through the network, including the layers inside `Sequential`. Default: the input shape of a
            `Dense` first layer; with another first layer, output shapes are omitted.

    >>> import nn
    >>> network = nn.Sequential(nn.Dense(2, 64), nn.ReLU(), nn.Dense(64, 3))
    >>> print(summary(network))
    layer  kind   output   parameters
    ---------------------------------
    0      Dense  (…, 64)         192
    1      ReLU   (…, 64)           0
    2      Dense  (…, 3)          195
    ---------------------------------
    387 parameters, 1.55 kB
    """
    if sample_shape is None:
        sample_shape = expected_sample(network)
    if isinstance(sample_shape, dict) or any(isinstance(length, tuple) for length in sample_shape or ()):
        sample_shape = None  # a network with several inputs
    outputs: dict[str, Shape] = {}
    if sample_shape is not None:
        dtype = np.intp if takes_ids(network) else next((p.dtype for p in network.parameters()), np.float32)
        with no_grad():
            _trace(network, "", Tensor(np.zeros((1, *sample_shape), dtype)), outputs)

    rows = [("layer", "kind", "output", "parameters")]
    seen: set[int] = set()
    for path, module in network.named_modules():
        below = {id(p) for _, child in module.named_children() for p in child.parameters()}
        own = [p for p in module.parameters() if id(p) not in below | seen]
        if own or not list(module.named_children()):
            seen |= {id(parameter) for parameter in own}
            count = sum(parameter.size for parameter in own)
            rows.append((path or "—", type(module).__name__, _shown(outputs.get(path)), f"{count:,}"))

    parameters = list(network.parameters())
    total = counted(sum(parameter.size for parameter in parameters), "parameter")
    return _table(rows) + f"\n{total}, {_memory(sum(p.size * p.dtype.itemsize for p in parameters))}"


def expected_sample(network: Module) -> Shape | None:
    """Return the sample shape of a network that starts with a `Dense`; None for other networks."""
    first: Module | None = network
    while isinstance(first, Sequential):
        first = next(iter(first), None)
    return (first.inputs,) if isinstance(first, Dense) else None


def takes_ids(network: Module) -> bool:
    """Whether the network expects integers for an `Embedding`."""
    return any(isinstance(module, Embedding) for module in network.modules())


def _trace(module: Module, path: str, x: Tensor, outputs: dict[str, Shape]) -> Tensor:
    """Apply `module` to `x`, and record the output shapes of the module and of the layers inside it."""
    if isinstance(module, Sequential):
        for name, layer in module.named_children():
            x = _trace(layer, f"{path}.{name}" if path else name, x, outputs)
    else:
        x = module(x)
    outputs[path] = (x[0] if isinstance(x, tuple) else x).shape  # a recurrent layer may also return its state
    return x


def _shown(shape: Shape | None) -> str:
    """Return `(…, 64)`: the batch axis may have any length."""
    return "" if shape is None else str(("…", *shape[1:])).replace("'", "")


def _table(rows: list[tuple[str, str, str, str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows)]
    if widths[2] == len("output") and not any(row[2] for row in rows[1:]):
        rows = [(a, b, "", d) for a, b, _, d in rows]
        widths[2] = 0
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row[:3], widths) if width), row[3].rjust(widths[3])])
        for row in rows
    ]
    rule = "-" * len(lines[0])
    return "\n".join([lines[0], rule, *lines[1:], rule])


def _memory(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.3g} GB"
