"""Summary table of a network: its layers, their output shapes, parameters, floating-point operations and memory."""

from __future__ import annotations

import copy
import functools
import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from nn._repr import counted
from nn._several import mapped, named
from nn.layers import Dense, Embedding, Sequential
from nn.module import Module
from tensorgrad import Tensor, enable_grad, no_grad

Shape = tuple[int, ...]


class LayerCost(NamedTuple):
    """Cost of a layer's forward pass, without the layers inside it.

    Attributes:
        flops: the number of floating-point operations, as `tensorgrad.costs` counts them.
        kept: the number of bytes that the layer keeps for the backward pass, in addition to the layers before it.
    """

    flops: int
    kept: int


def summary(network: Module, sample: Any = None, batch_size: int = 1) -> str:
    """Return the table as text.

    Args:
        network: in evaluation mode, if it contains layers that draw random numbers.
        sample: the shape of one sample, without the batch axis, or an example with the batch axis; for several inputs,
            a tuple or dict of these. Output shapes are determined by passing one sample through the network: zeros for
            a shape or a single input, otherwise the example. Default: the input shape of a `Dense` first layer; with
            another first layer, output shapes and costs are omitted.
        batch_size: the number of samples for which the costs are shown.

    >>> import nn
    >>> network = nn.Sequential(nn.Dense(2, 64), nn.ReLU(), nn.Dense(64, 3))
    >>> print(summary(network))
    layer  kind   output   parameters  FLOPs   kept
    -----------------------------------------------
    0      Dense  (…, 64)         192    320    0 B
    1      ReLU   (…, 64)           0     64  256 B
    2      Dense  (…, 3)          195    387    0 B
    -----------------------------------------------
    387 parameters, 1.55 kB
    forward pass of 1 sample: 771 FLOPs, 256 B kept for the backward pass
    """
    if sample is None:
        sample = expected_sample(network)
    if isinstance(sample, dict) and sample.keys() - {"lengths", "mask"} == {"x"} and _needs_only_x(network):
        sample = sample["x"]
    outputs: dict[str, Shape] = {}
    found: dict[str, LayerCost] | None = None
    if sample is not None:
        if isinstance(inputs := _inputs(network, sample, 1), Tensor):
            with no_grad():
                _trace(network, "", inputs, outputs)
        found = layer_costs(network, sample, batch_size, outputs)

    rows: list[tuple[str, ...]] = [("layer", "kind", "output", "parameters", "FLOPs", "kept")]
    seen: set[int] = set()
    for path, module in network.named_modules():
        below = {id(p) for _, child in module.named_children() for p in child.parameters()}
        own = [p for p in module.parameters() if id(p) not in below | seen]
        if own or path in (found or ()) or not list(module.named_children()):
            seen |= {id(parameter) for parameter in own}
            count = sum(parameter.size for parameter in own)
            flops, kept = (found or {}).get(path, LayerCost(0, 0))
            work = ("", "") if found is None else (_scaled(flops), _memory(kept))
            rows.append((path or "—", type(module).__name__, _shown(outputs.get(path)), f"{count:,}", *work))

    parameters = list(network.parameters())
    lines = [_table(rows)]
    total = counted(sum(parameter.size for parameter in parameters), "parameter")
    lines.append(f"{total}, {_memory(sum(p.size * p.dtype.itemsize for p in parameters))}")
    if found is not None:
        flops, kept = (sum(each) for each in zip(LayerCost(0, 0), *found.values()))
        lines.append(
            f"forward pass of {counted(batch_size, 'sample')}: {_scaled(flops)} FLOPs, {_memory(kept)} kept for the "
            "backward pass"
        )
    return "\n".join(lines)


def layer_costs(
    network: Module, sample: Any, batch_size: int = 1, outputs: dict[str, Shape] | None = None
) -> dict[str, LayerCost] | None:
    """Return the cost of each layer that computes something, by its path.

    Two samples, and then three, are passed through a copy of the network in training mode; they are chosen as for
    `summary`. The costs grow linearly with the batch size, so these two give the costs for any other. Batch
    normalisation needs at least two samples, and a large batch would be slow. Parameters and the samples themselves are
    not counted as memory, because they exist anyway. None is returned for a network that cannot be copied. The output
    shapes of layers that `outputs` lacks are added to it.

    >>> import nn
    >>> layer_costs(nn.Sequential(nn.Dense(2, 3), nn.Tanh()), (2,), batch_size=10)
    {'0': LayerCost(flops=150, kept=0), '1': LayerCost(flops=30, kept=120)}
    """
    try:
        twin = copy.deepcopy(network).train()
    except (TypeError, ValueError):
        return None
    outputs = {} if outputs is None else outputs
    two, three = (_measured(twin, sample, samples, outputs) for samples in (2, 3))
    return {
        path: LayerCost(*(max(0, a + (b - a) * (batch_size - 2)) for a, b in zip(two[path], three[path])))
        for path in two
    }


def _measured(network: Module, sample: Any, samples: int, outputs: dict[str, Shape]) -> dict[str, LayerCost]:
    """Return the cost of each layer for a batch of this size, and add missing output shapes to `outputs`."""
    from tensorgrad.costs import costs, owner

    inputs = _inputs(network, sample, samples)
    flops: dict[str, int] = defaultdict(int)
    kept: dict[str, int] = defaultdict(int)
    paths = {id(module): path for path, module in network.named_modules()}
    with enable_grad():
        for _, x in named(inputs):  # otherwise, layers before the first parameter would not be recorded
            x.requires_grad = x.dtype.kind == "f"
        shapes: dict[str, Shape] = {}
        with _recorded(network) as returned:
            found = costs(*_tensors(_called(network, inputs)))
        for cost in found:
            path = paths.get(id(cost.module), "")
            flops[path] += cost.flops
            shape = cost.shape[0] if cost.shape and isinstance(cost.shape[0], tuple) else cost.shape
            for each in _with_parents(path):  # a module's last operation may be in a layer inside it
                shapes[each] = shape
        shapes |= returned  # modules that are not called, as in Bidirectional, keep the shape of their last operation
        outputs.update({path: shape for path, shape in shapes.items() if path not in outputs})
        output = _called(network, mapped(Tensor.detach, inputs))
        tensors = [tensor for _, tensor in (*network.named_state(), *named(inputs))]
        known = {id(owner(tensor.array)) for tensor in tensors}
        for cost in costs(*_tensors(output)):
            for array in cost.kept:
                if id(array) not in known:
                    known.add(id(array))
                    kept[paths.get(id(cost.module), "")] += array.nbytes
    return {path: LayerCost(flops[path], kept[path]) for path in {**flops, **kept}}


@contextmanager
def _recorded(network: Module) -> Iterator[dict[str, Shape]]:
    """Yield the output shapes of the modules that are called in the `with` block, by path."""
    outputs: dict[str, Shape] = {}
    modules = [(path, module, vars(module).get("forward")) for path, module in network.named_modules()]
    for path, module, _ in modules:
        vars(module)["forward"] = _recording(module.forward, path, outputs)
    try:
        yield outputs
    finally:
        for _, module, own in modules:
            vars(module).pop("forward")
            if own is not None:
                vars(module)["forward"] = own


def _recording(forward: Callable[..., Any], path: str, outputs: dict[str, Shape]) -> Callable[..., Any]:
    """Wrap `forward` so that it also records the shape of its result."""

    @functools.wraps(forward)
    def call(*inputs: Any, **options: Any) -> Any:
        result = forward(*inputs, **options)
        _record(path, result, outputs)
        return result

    return call


def _record(path: str, result: Any, outputs: dict[str, Shape]) -> None:
    """Record the output shape of a module. Of several results, such as an output and a state, the first counts."""
    if tensors := _tensors(result):
        outputs[path] = tensors[0].shape


def _with_parents(path: str) -> list[str]:
    """Return a path and those of the modules around it, without the network itself: `a.b`, `a`."""
    names = path.split(".")
    return [".".join(names[:length]) for length in range(len(names), 0, -1)]


def _tensors(output: Any) -> list[Tensor]:
    """Return the tensors in the output of a network."""
    if isinstance(output, (tuple, list, dict)):
        return [tensor for _, each in named(output) for tensor in _tensors(each)]
    return [output] if isinstance(output, Tensor) else []


def _inputs(network: Module, sample: Any, samples: int) -> Any:
    """Return the inputs for this number of samples: a tensor, or several in a tuple or dict."""
    floating = next((p.dtype for p in network.parameters()), np.dtype(np.float32))
    is_shape = isinstance(sample, tuple) and all(isinstance(each, (int, np.integer)) for each in sample)
    if isinstance(sample, (dict, tuple)) and not is_shape:

        def repeated(one: Any) -> Tensor:
            if isinstance(one, tuple):
                return Tensor(np.zeros((samples, *one), floating))
            return Tensor(np.repeat(np.asarray(one)[:1], samples, axis=0))

        return mapped(repeated, sample)
    shape = sample.shape[1:] if isinstance(sample, (np.ndarray, Tensor)) else sample
    return Tensor(np.zeros((samples, *shape), np.intp if takes_ids(network) else floating))


def _needs_only_x(network: Module) -> bool:
    """Return whether `forward` can be called without `lengths` and `mask`."""
    parameters = inspect.signature(network.forward).parameters
    return all(parameters[name].default is None for name in parameters.keys() & {"lengths", "mask"})


def _called(network: Module, inputs: Any) -> Any:
    if isinstance(inputs, dict):
        return network(**inputs)
    return network(*inputs) if isinstance(inputs, tuple) else network(inputs)


def expected_sample(network: Module) -> Shape | None:
    """Return the sample shape of a network that starts with a `Dense`; None for other networks."""
    first: Module | None = network
    while isinstance(first, Sequential):
        first = next(iter(first), None)
    return (first.inputs,) if isinstance(first, Dense) else None


def takes_ids(network: Module) -> bool:
    """Return whether the network expects integers for an `Embedding`."""
    return any(isinstance(module, Embedding) for module in network.modules())


def _trace(module: Module, path: str, x: Tensor, outputs: dict[str, Shape]) -> Tensor:
    """Apply `module` to `x`, and record the output shapes of the module and of the layers inside it."""
    if isinstance(module, Sequential):
        for name, layer in module.named_children():
            x = _trace(layer, f"{path}.{name}" if path else name, x, outputs)
    else:
        x = module(x)
    _record(path, x, outputs)
    return x


def _shown(shape: Shape | None) -> str:
    """Return `(…, 64)`: the batch axis may have any length."""
    return "" if shape is None else str(("…", *shape[1:])).replace("'", "")


def _table(rows: list[tuple[str, ...]]) -> str:
    """Return rows of text as lines; columns without text are omitted. Numbers, from the fourth column on, are to the
    right."""
    columns = [column for column in zip(*rows) if any(column[1:])]
    names = ("parameters", "FLOPs", "kept")
    padded = [
        [cell.rjust(width) if column[0] in names else cell.ljust(width) for cell in column]
        for column, width in ((column, max(map(len, column))) for column in columns)
    ]
    lines = ["  ".join(row) for row in zip(*padded)]
    rule = "-" * len(lines[0])
    return "\n".join([lines[0], rule, *lines[1:], rule])


def _scaled(number: float) -> str:
    """Return a count with three digits: `1.25 M`."""
    for unit in ("", " k", " M", " G"):
        if number < 999.5:
            return f"{number:.3g}{unit}"
        number /= 1000
    return f"{number:,.3g} T"


def _memory(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.3g} GB"
