"""Loading the weights of other frameworks into a network: all of them or none."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nn._load_report import LoadReport
from nn.interop.expected import Binding, ExpectedLayer, Framework, expected_layers
from nn.interop.matching import Places, by_names, by_order, by_path, joined, names_of, order_is_certain
from nn.interop.sources import LOADERS, source_label, weights_of
from nn.interop.weights import Weights
from nn.module import Module
from nn.saving import LoadError

Matching = Literal["path", "order"] | Mapping[str, str] | None


def load_pytorch(
    network: Module, source: str | os.PathLike[str] | Mapping[str, Any], *, names: Matching = None, strict: bool = True
) -> LoadReport:
    """Load weights of PyTorch or Hugging Face into a network.

    Each layer says how its tensors are named and laid out in PyTorch. The weight of `nn.Linear` is `(outputs, inputs)`;
    it is transposed for `Dense`, also when it is square.

    Args:
        network: the network.
        source: a file (safetensors, `.npz`, or what `torch.save(model.state_dict(), path)` writes), or a mapping of
            names to tensors or arrays, such as `model.state_dict()`. Files are read without running code from them.
        names: how tensors are found. `"path"`: by their names. `"order"`: layer after layer. A mapping: for modules
            or tensors of the network (`"0"`, `"0.weight"`), their names in the source; what it does not mention is
            found by path. The default is by path, or by order if that alone fits every tensor on both sides.
            Prefixes such as `module.` are ignored.
        strict: whether a tensor that is missing, unused or of another shape is an error.

    Returns:
        What was loaded, and with `strict=False` what was not.

    Raises:
        LoadError: the file is damaged, or does not fit the network. Nothing has been changed.
        OSError: there is no such file, or it cannot be read.
        TypeError: `network` is no module, or `source` neither a path nor a mapping.
        ValueError: `names` has a name that is not in the network or not in the source.

    >>> import nn
    >>> network = nn.Sequential(nn.Dense(3, 3, rng=0), nn.ReLU(), nn.Dense(3, 1, rng=1))
    >>> theirs = {
    ...     "module.fc1.weight": np.arange(9.0).reshape(3, 3), "module.fc1.bias": np.zeros(3),
    ...     "module.fc2.weight": np.ones((1, 3)), "module.fc2.bias": np.zeros(1),
    ... }
    >>> print(nn.interop.load_pytorch(network, theirs))
    4 loaded, 0 missing, 0 unused
    >>> network[0].weight.data
    array([[0., 3., 6.],
           [1., 4., 7.],
           [2., 5., 8.]], dtype=float32)
    """
    return _load(network, source, "PyTorch", names, strict)


def load_keras(
    network: Module,
    source: str | os.PathLike[str] | Mapping[str, Any] | Sequence[Any],
    *,
    names: Matching = None,
    strict: bool = True,
) -> LoadReport:
    """Load weights of Keras into a network.

    Args:
        network: the network.
        source: a file (`.keras`, `.weights.h5`, or `.h5`, which need h5py; safetensors or `.npz` with Keras's names and
            layouts), a mapping of names to arrays, or the list that `model.get_weights()` returns.
        names: as in `load_pytorch`. In files of Keras, the layers of a `Sequential` are numbered by their class:
            `layers/dense`, `layers/dense_1`; the names that the user gave to layers work, too.
        strict: whether a tensor that is missing, unused or of another shape is an error.

    Returns:
        What was loaded, and with `strict=False` what was not.

    Raises:
        LoadError: the file is damaged, does not fit the network, or needs h5py. Nothing has been changed.
        OSError: there is no such file, or it cannot be read.
        TypeError: `network` is no module, or `source` neither a path, a mapping nor a list.
        ValueError: `names` has a name that is not in the network or not in the source.

    >>> import nn
    >>> network = nn.Sequential(nn.Dense(3, 2, rng=0), nn.ReLU())
    >>> print(nn.interop.load_keras(network, [np.ones((3, 2)), np.zeros(2)]))
    2 loaded, 0 missing, 0 unused
    """
    return _load(network, source, "Keras", names, strict)


def _load(network: Module, source: Any, framework: Framework, names: Matching, strict: bool) -> LoadReport:
    if not isinstance(network, Module):
        hint = " Pass model.network." if isinstance(getattr(network, "network", None), Module) else ""
        raise TypeError(f"{LOADERS[framework]}: expected a module, got a {type(network).__name__}.{hint}")
    layers = expected_layers(network, framework)
    weights = weights_of(source, framework)
    label = source_label(source)
    is_list = not isinstance(source, (str, os.PathLike, Mapping))
    found = _Loading(label, layers, weights, _by_position(layers, weights) if is_list else {})
    if not is_list:
        found = _matched(label, layers, weights, framework, names)
    if found.conflicts or (strict and not found.report().complete):
        raise LoadError(found.message(framework))
    network.load_state_dict(found.arrays, strict=False)
    return found.report()


def _matched(
    label: str, layers: list[ExpectedLayer], weights: Weights, framework: Framework, names: Matching
) -> _Loading:
    known = names_of(weights, layers, framework)
    if names == "order":
        return _Loading(label, layers, weights, by_order(layers, known))
    places = by_path(layers, known)
    if isinstance(names, Mapping):
        given = by_names(layers, known, names)
        taken = set(given.values())
        return _Loading(label, layers, weights, {p: s for p, s in places.items() if s not in taken} | given)
    if names not in (None, "path"):
        raise ValueError(f"{LOADERS[framework]}: names must be 'path', 'order' or a mapping, got {names!r}.")
    found = _Loading(label, layers, weights, places)
    if names is None and not found.report().complete and order_is_certain(layers, known, weights):
        ordered = by_order(layers, known)
        second = _Loading(label, layers, weights, ordered)
        if second.report().complete and not second.conflicts and places.items() <= ordered.items():
            return second
    return found


def _by_position(layers: list[ExpectedLayer], weights: Weights) -> Places:
    """The places of a list without names: in the order of the layers and of their variables."""
    seen: set[int] = set()
    expected = []
    for layer in layers:
        for binding in layer.bindings:
            if not {id(tensor) for tensor in binding.tensors} <= seen:
                expected += [(layer.path, name) for name in binding.theirs.names]
            seen |= {id(tensor) for tensor in binding.tensors}
    return dict(zip(expected, weights.tensors))


# -- what fits --------------------------------------------------------------------------------------------


@dataclass
class _Loading:
    """What would be loaded: everything is converted and checked, and nothing is changed."""

    label: str
    layers: list[ExpectedLayer]
    weights: Weights
    places: Places
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.names: dict[int, str] = {}
        for layer in self.layers:
            for binding in layer.bindings:
                for name, tensor in zip(binding.ours, binding.tensors):
                    self.names.setdefault(id(tensor), name)
        for layer in self.layers:
            for binding in layer.bindings:
                self._convert(layer, binding)

    def _convert(self, layer: ExpectedLayer, binding: Binding) -> None:
        """Add the arrays of a binding, or why there are none."""
        sources = [self.places.get((layer.path, name)) for name in binding.theirs.names]
        ours = [self.names[id(tensor)] for tensor in binding.tensors]
        where = _described(layer)
        if None in sources:
            absent = [name for name, source in zip(binding.theirs.names, sources) if source is None]
            tensors = ", ".join(repr(joined(layer.foreign_path, layer.spellings[name][0])) for name in absent)
            self.missing |= dict.fromkeys(ours, f"{where}: there is no tensor {tensors}")
            return
        present = [source for source in sources if source is not None]
        self.used |= set(present)
        arrays = tuple(self.weights.tensors[source] for source in present)
        for source, array, expected in zip(present, arrays, binding.shapes().values()):
            if array.shape != expected:
                problem = f"{where}: tensor {source!r} has shape {array.shape}, expected {expected}"
                self.wrong |= dict.fromkeys(ours, problem + _cause(array.shape, expected, binding))
                self.shapes |= dict.fromkeys(ours, (expected, array.shape))
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
                f"{where}: {name!r} is one tensor in two places of the network, but {self.origins[name]!r} and "
                f"{sources[0]!r} differ"
            )
        self.arrays[name], self.origins[name] = cast, sources[0]

    def report(self) -> LoadReport:
        """Return what would be loaded."""
        ignored = self._ignored()
        return LoadReport(
            loaded=list(self.arrays),
            missing=[name for name in self.missing if name not in self.arrays and name not in self.wrong],
            unused=[name for name in self.weights.tensors if name not in self.used and name not in ignored],
            wrong_shape={name: shapes for name, shapes in self.shapes.items() if name not in self.arrays},
        )

    def _ignored(self) -> set[str]:
        """The names in the source that layers ignore: those beside the tensors that they take."""
        names = {name.replace("/", "."): name for name in self.weights.tensors}
        wanted = {beginning + name for beginning, layer in self._beginnings() for name in layer.ignored}
        return {names[name] for name in wanted if name in names}

    def _beginnings(self) -> Iterator[tuple[str, ExpectedLayer]]:
        """How the names in the source of the tensors of each layer begin, with dots between their parts."""
        for layer in self.layers:
            for local, spellings in layer.spellings.items():
                source = self.places.get((layer.path, local), "").replace("/", ".")
                yield from ((source.removesuffix(each), layer) for each in spellings if source.endswith(each))

    def _unused(self, name: str) -> str:
        """Why a tensor of the source is not used."""
        dotted = name.replace("/", ".")
        beginning = dotted.removesuffix(dotted.rpartition(".")[2])
        owners = [layer for start, layer in self._beginnings() if start == beginning]
        reason = f": {_described(owners[0])}, has no such tensor" if owners else ""
        return f"tensor {name!r} of shape {self.weights.tensors[name].shape} is not used{reason}"

    def message(self, framework: Framework) -> str:
        """Return what does not fit, for people."""
        report = self.report()
        problems = [
            *self.conflicts,
            *dict.fromkeys(self.wrong[name] for name in report.wrong_shape),
            *dict.fromkeys(self.missing[name] for name in report.missing),
            *(self._unused(name) for name in report.unused),
        ]
        lines = [f"{self.label}: does not fit the network ({report}). Nothing was changed.", *problems[:12]]
        if len(problems) > 12:
            lines.append(f"and {len(problems) - 12} more")
        if report.missing and report.unused:
            lines.append(
                "If the names differ, pass names='order', or names={'of the network': 'of the source'}. If layers "
                "should keep their own weights, pass strict=False."
            )
        elif not self.conflicts:
            lines.append(f"With strict=False, {LOADERS[framework]} loads what fits.")
        return "\n  ".join(lines)


def _described(layer: ExpectedLayer) -> str:
    shown = repr(layer.layer)
    name = shown if "\n" not in shown else type(layer.layer).__name__
    return f"layer {layer.path}, {name}" if layer.path else name


def _cause(got: tuple[int, ...], expected: tuple[int, ...], binding: Binding) -> str:
    """Why the shape probably differs."""
    if got == binding.tensors[0].shape:
        return ". It seems to be laid out as in tensorgrad already: network.load_state_dict does not transpose"
    if got == expected[::-1]:
        return ". It seems to be transposed: are these weights of another framework?"
    if len(got) == len(expected):
        return ". The layer probably has other sizes than the one that was trained"
    return ". It is probably another kind of layer"
