"""Check whether the tensors of a source fit those of a network, and compose the error message if they do not."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn._load_report import LoadReport
from nn.interop.expected import Binding, ExpectedLayer, Framework
from nn.interop.matching import Places, joined
from nn.interop.sources import LOADERS
from nn.interop.weights import Weights
from nn.layers import Dense, Flatten, Sequential
from nn.module import Module


@dataclass
class Fit:
    """The arrays that would be loaded, converted and checked. The network is not changed.

    Attributes:
        label: how messages name the source.
        layers: the layers that the network expects.
        weights: the weights of the source.
        places: which tensor of the source belongs to which tensor of the network.
        certain: whether matching in order would be unambiguous.
        arrays: the arrays to load, by the names of the network.
        conflicts: problems that are errors even with `strict=False`.
    """

    label: str
    layers: list[ExpectedLayer]
    weights: Weights
    places: Places
    certain: bool = True
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._names: dict[int, str] = {}  # of each tensor: the first, if it is in several places
        self._origins: dict[str, str] = {}
        self._used: set[str] = set()
        self._missing: dict[str, str] = {}
        self._wrong: dict[str, str] = {}
        self._shapes: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {}
        for layer in self.layers:
            for binding in layer.bindings:
                for name, tensor in zip(binding.ours, binding.tensors):
                    self._names.setdefault(id(tensor), name)
        for layer in self.layers:
            for binding in layer.bindings:
                self._convert(layer, binding)

    def _convert(self, layer: ExpectedLayer, binding: Binding) -> None:
        """Add the arrays of a binding, or the reason why there are none."""
        sources = [self.places.get((layer.path, name)) for name in binding.theirs.names]
        ours = [self._names[id(tensor)] for tensor in binding.tensors]
        where = _described(layer)
        if None in sources:
            absent = [name for name, source in zip(binding.theirs.names, sources) if source is None]
            tensors = ", ".join(repr(joined(layer.foreign_path, layer.spellings[name][0])) for name in absent)
            self._missing |= dict.fromkeys(ours, f"{where}: there is no tensor {tensors}")
            return
        present = [source for source in sources if source is not None]
        self._used |= set(present)
        arrays = tuple(self.weights.tensors[source] for source in present)
        for source, array, expected in zip(present, arrays, binding.shapes().values()):
            if array.shape != expected:
                problem = f"{where}: tensor {source!r} has shape {array.shape}, expected {expected}"
                self._wrong |= dict.fromkeys(ours, problem + _cause(array.shape, expected, binding.tensors[0].shape))
                self._shapes |= dict.fromkeys(ours, (expected, array.shape))
                return
        for name, tensor, array in zip(ours, binding.tensors, binding.theirs.to_ours(arrays), strict=True):
            self._add(name, array, tensor.dtype, present, where)

    def _add(self, name: str, array: NDArray[Any], dtype: np.dtype[Any], sources: list[str], where: str) -> None:
        if not np.can_cast(array.dtype, dtype, casting="same_kind"):
            self.conflicts.append(f"{where}: tensor {sources[0]!r} is {array.dtype}, which does not fit {dtype}")
            return
        try:
            with np.errstate(over="raise"):
                cast = array.astype(dtype)
        except FloatingPointError:
            self.conflicts.append(f"{where}: tensor {sources[0]!r} has numbers too large for {dtype}")
            return
        if name in self.arrays and not np.array_equal(self.arrays[name], cast, equal_nan=cast.dtype.kind == "f"):
            self.conflicts.append(
                f"{where}: {name!r} is one tensor in two places of the network, but {self._origins[name]!r} and "
                f"{sources[0]!r} differ"
            )
        self.arrays[name], self._origins[name] = cast, sources[0]

    def report(self) -> LoadReport:
        """Return the report of what would be loaded."""
        ignored = self._ignored()
        return LoadReport(
            loaded=list(self.arrays),
            missing=[name for name in self._missing if name not in self.arrays and name not in self._wrong],
            unused=[name for name in self.weights.tensors if name not in self._used and name not in ignored],
            wrong_shape={name: shapes for name, shapes in self._shapes.items() if name not in self.arrays},
        )

    def _ignored(self) -> set[str]:
        """Return the names in the source that layers ignore, next to the tensors that they use."""
        names = {name.replace("/", "."): name for name in self.weights.tensors}
        wanted = {beginning + name for beginning, layer in self._beginnings() for name in layer.ignored}
        return {names[name] for name in wanted if name in names}

    def _beginnings(self) -> Iterator[tuple[str, ExpectedLayer]]:
        """Yield the prefix that the tensors of each layer have in the source, with dots as separators."""
        for layer in self.layers:
            for local, spellings in layer.spellings.items():
                source = self.places.get((layer.path, local), "").replace("/", ".")
                yield from ((source.removesuffix(each), layer) for each in spellings if source.endswith(each))

    def _unused(self, name: str) -> str:
        """Return the reason why a tensor of the source is not used."""
        dotted = name.replace("/", ".")
        beginning = dotted.removesuffix(dotted.rpartition(".")[2])
        owners = [layer for start, layer in self._beginnings() if start == beginning]
        reason = f": {_described(owners[0])}, has no such tensor" if owners else ""
        return f"tensor {name!r} of shape {self.weights.tensors[name].shape} is not used{reason}"

    def message(self, framework: Framework) -> str:
        """Return the error message: what does not fit, the likely cause, and what to do."""
        report = self.report()
        problems = [
            *self.conflicts,
            *dict.fromkeys(self._wrong[name] for name in report.wrong_shape),
            *dict.fromkeys(self._missing[name] for name in report.missing),
            *(self._unused(name) for name in report.unused),
        ]
        lines = [f"{self.label}: does not fit the network ({report}). Nothing was changed.", *problems[:12]]
        if len(problems) > 12:
            lines.append(f"and {len(problems) - 12} more")
        if report.missing and report.unused:
            by_order = "names='order', or " if self.certain else ""
            lines.append(
                f"If the names differ, pass {by_order}names={{'of the network': 'of the source'}}. If layers should "
                "keep their own weights, pass strict=False."
            )
        elif not self.conflicts:
            lines.append(f"With strict=False, {LOADERS[framework]} loads what fits.")
        return "\n  ".join(lines)


def _described(layer: ExpectedLayer) -> str:
    shown = repr(layer.layer)
    name = shown if "\n" not in shown else type(layer.layer).__name__
    return f"layer {layer.path}, {name}" if layer.path else name


def _cause(got: tuple[int, ...], expected: tuple[int, ...], ours: tuple[int, ...]) -> str:
    """Return the likely reason why the shape differs."""
    if got == ours:
        return (
            ". It seems to be laid out as in tensorgrad or Keras. Load it with network.load_state_dict or "
            "nn.interop.load_keras"
        )
    if got == expected[::-1]:
        return ". It seems to be transposed, as in PyTorch. Load it with nn.interop.load_pytorch"
    if len(got) == len(expected):
        return ". The layer probably has other sizes than the one that was trained"
    return ". It is probably another kind of layer"


def warn_of_flattened_pixels(network: Module, function: str, stacklevel: int) -> None:
    """Warn about a `Dense` layer of flattened images, whose inputs have another order in PyTorch.

    Only the layers of a `Sequential` are known to follow one another.
    """
    sequences = [module for _, module in network.named_modules() if isinstance(module, Sequential)]
    found = next(filter(None, map(_takes_flattened_pixels, sequences)), None)
    if found is not None:
        warnings.warn(
            f"{function}: {found!r} follows a Flatten of images. PyTorch flattens them channel by channel, so its "
            "weights belong to nn.Flatten(channels_first=True).",
            stacklevel=stacklevel + 1,
        )


def _takes_flattened_pixels(sequence: Sequential) -> Dense | None:
    """Return the first `Dense` layer that receives images of several pixels flattened pixel by pixel."""
    channels, flattened = 0, False
    for layer in _in_sequence(sequence):
        if isinstance(layer, Flatten):
            flattened = channels > 0 and not layer.channels_first
        elif isinstance(layer, Dense):
            if flattened and layer.inputs != channels:
                return layer
            channels, flattened = 0, False
        else:
            channels = getattr(layer, "filters", channels)
    return None


def _in_sequence(sequence: Sequential) -> Iterator[Module]:
    """Yield the layers, and those of inner sequences."""
    for layer in sequence:
        if isinstance(layer, Sequential):
            yield from _in_sequence(layer)
        else:
            yield layer
