"""Load weights of other frameworks into a network. If loading fails, the network is unchanged."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from nn._load_report import LoadReport
from nn.interop.expected import ExpectedLayer, Framework, expected_layers
from nn.interop.fitting import Fit, warn_of_flattened_pixels
from nn.interop.matching import Places, by_names, by_order, by_path, names_of, order_is_certain
from nn.interop.sources import LOADERS, source_label, weights_of
from nn.interop.weights import Weights
from nn.module import Module
from nn.saving import LoadError

Matching = Literal["path", "order"] | Mapping[str, str] | None


def load_pytorch(
    network: Module, source: str | os.PathLike[str] | Mapping[str, Any], *, names: Matching = None, strict: bool = True
) -> LoadReport:
    """Load weights of PyTorch or Hugging Face into a network.

    Each layer declares the names and layouts of its tensors in PyTorch. The weight of `nn.Linear` is
    `(outputs, inputs)`; it is transposed for `Dense`, even if it is square.

    Args:
        network: the network.
        source: a file (safetensors, `.npz`, or what `torch.save(model.state_dict(), path)` writes), or a mapping of
            names to tensors or arrays, such as `model.state_dict()`. Files are read without running code from them.
        names: how tensors are matched. `"path"`: by their names. `"order"`: layer after layer. A mapping: for modules
            or tensors of the network (`"0"`, `"0.weight"`), their names in the source; all others are matched by
            path. By default, tensors are matched by path, or in order if only that matches all of them. Prefixes
            such as `module.` are ignored.
        strict: whether a tensor that is missing, unused or of another shape is an error.

    Returns:
        A report of what was loaded and, with `strict=False`, what was not.

    Raises:
        LoadError: the file is damaged, or does not fit the network. Nothing has been changed.
        OSError: there is no such file, or it cannot be read.
        TypeError: `network` is not a module, or `source` neither a path nor a mapping.
        ValueError: `names` has a name that is not in the network or not in the source.

    Warns:
        UserWarning: a `Dense` layer follows a `Flatten` of images, which PyTorch flattens in another order; or
            `names="order"` for a file that does not keep the order of layers, if some of them have the same shapes.

    >>> import numpy as np, nn
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
            `layers/dense`, `layers/dense_1`. With `.keras` files, the `name` of a layer also works.
        strict: whether a tensor that is missing, unused or of another shape is an error.

    Returns:
        A report of what was loaded and, with `strict=False`, what was not.

    Raises:
        LoadError: the file is damaged, does not fit the network, or needs h5py. Nothing has been changed.
        OSError: there is no such file, or it cannot be read.
        TypeError: `network` is not a module, or `source` neither a path, a mapping nor a list.
        ValueError: `names` has a name that is not in the network or not in the source.

    >>> import numpy as np, nn
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
    if isinstance(source, (list, tuple)):
        if names not in (None, "order"):
            raise ValueError(f"{LOADERS[framework]}: a list of arrays has no names, so names must be left out.")
        found = Fit(label, layers, weights, _by_position(layers, weights))
    else:
        found = _matched(label, layers, weights, framework, names)
    if found.conflicts or (strict and not found.report().complete):
        raise LoadError(found.message(framework))
    if framework == "PyTorch":
        warn_of_flattened_pixels(network, "load_pytorch", stacklevel=3)
    network.load_state_dict(found.arrays, strict=False)
    return found.report()


def _matched(label: str, layers: list[ExpectedLayer], weights: Weights, framework: Framework, names: Matching) -> Fit:
    known = names_of(weights, layers, framework)
    if names == "order":
        if not order_is_certain(layers, known, weights):
            warnings.warn(
                f"{LOADERS[framework]}: {label} lists its tensors by name, not by layer, and some layers have the same "
                "shapes. Name the layers instead: names={'of the network': 'of the source'}.",
                stacklevel=4,
            )
        return Fit(label, layers, weights, by_order(layers, known))
    places = by_path(layers, known)
    if isinstance(names, Mapping):
        given = by_names(layers, known, names)
        taken = set(given.values())
        return Fit(label, layers, weights, {p: s for p, s in places.items() if s not in taken} | given)
    if names not in (None, "path"):
        raise ValueError(f"{LOADERS[framework]}: names must be 'path', 'order' or a mapping, got {names!r}.")
    certain = order_is_certain(layers, known, weights)
    found = Fit(label, layers, weights, places, certain)
    if names is None and not found.report().complete and certain:
        ordered = by_order(layers, known)
        second = Fit(label, layers, weights, ordered)
        if second.report().complete and not second.conflicts and places.items() <= ordered.items():
            return second
    return found


def _by_position(layers: list[ExpectedLayer], weights: Weights) -> Places:
    """Match a list without names in the order of the layers and of their variables."""
    seen: set[int] = set()
    expected = []
    for layer in layers:
        for binding in layer.bindings:
            if not {id(tensor) for tensor in binding.tensors} <= seen:
                expected += [(layer.path, name) for name in binding.theirs.names]
            seen |= {id(tensor) for tensor in binding.tensors}
    return dict(zip(expected, weights.tensors))
