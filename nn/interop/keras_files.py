"""Keras files: `.weights.h5`, `.keras`, and models and weights saved by Keras 2 in HDF5.

In a `.weights.h5`, variable 1 of the third dense layer is the dataset `layers/dense_2/vars/1`. A `.keras` file is a zip
archive with such a file and a description of the network, of which only the order, classes and names of the layers are
used. Older files have a group per layer, named after the layer, and list the layers and their variables in attributes.

Attributes with strings of variable length are never read: in a damaged file they cause an endless loop in the HDF5
library. Files whose lists have this type are read without them, in the order of their names.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn.interop.decoding import widened
from nn.interop.weights import Weights, natural
from nn.interop.zip_files import LARGEST_RATIO, Archive
from nn.saving import LoadError

KERAS_MEMBER = "model.weights.h5"
NOT_WEIGHTS = re.compile(r"optimizer(_weights)?/|(.*/)?seed_generator/|(.*/)?_?metrics/")
"""Entries that are not weights: the state of the optimizer, of random generators, and of metrics."""

SAFE_FILTERS = {1, 2, 3}
"""Deflate, shuffle and Fletcher's checksum. Others may be plugins."""


def read_keras_archive(path: str | Path) -> Weights:
    """Return the weights of a `.keras` file, in the order of its layers.

    Raises:
        LoadError: the file is damaged, or h5py is not installed.
        OSError: there is no such file, or it cannot be read.
    """
    with Archive(path) as archive:
        content = archive.read(KERAS_MEMBER)
        try:
            layers = dict(_layer_paths(json.loads(archive.read("config.json"))))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise LoadError(f"{path}: config.json is malformed ({type(error).__name__}).") from error
    weights = read_hdf5(path, content)
    places = {layer: place for place, layer in enumerate(layers)}
    aliases: dict[str, str] = {}

    def place(name: str) -> int:
        parts = name.split("/")
        prefixes = ("/".join(parts[:length]) for length in range(len(parts), 0, -1))
        return next((places[prefix] for prefix in prefixes if prefix in places), -1)

    names = sorted(weights.tensors, key=place)  # stable: the variables of a layer stay in their order
    for name in names:
        layer, _, variable = name.rpartition("/vars/")
        if layer in layers:
            aliases.setdefault(f"{layers[layer]}/vars/{variable}", name)
    return Weights({name: weights.tensors[name] for name in names}, aliases, ordered=bool(layers))


def _layer_paths(description: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path in Keras files and the name of each layer, in the order of the layers."""
    used: dict[str, int] = {}
    for layer in description["config"].get("layers", ()):
        name = snake_case(layer["class_name"])
        used[name] = used.get(name, -1) + 1
        path = f"{prefix}layers/{name}_{used[name]}" if used[name] else f"{prefix}layers/{name}"
        yield path, str(layer["config"].get("name", path))
        yield from _layer_paths(layer, f"{path}/")


def snake_case(name: str) -> str:
    """Return the name that Keras makes from the name of a class.

    >>> snake_case("BatchNormalization"), snake_case("Conv2D"), snake_case("LSTM")
    ('batch_normalization', 'conv2d', 'lstm')
    """
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def read_hdf5(path: str | Path, content: bytes | None = None) -> Weights:
    """Return the weights of an HDF5 file that Keras wrote.

    Args:
        path: the file; if `content` is passed, only used in messages.
        content: the bytes of the HDF5 file, if it is not `path` itself.

    Raises:
        LoadError: the file is damaged or not a Keras file, or h5py is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise LoadError(
            f"{path}: reading files of Keras needs h5py. Install it: pip install 'tensorgrad[keras]'."
        ) from error
    source: Any = path if content is None else io.BytesIO(content)
    size = Path(path).stat().st_size if content is None else len(content)
    try:
        with h5py.File(source, "r", locking=False) as file:  # a save reads its file back, and has locked it
            root = file.get("model_weights", file)
            if "layer_names" in root.attrs:
                return _read_old(root, size)
            return _read_new(file, size)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise LoadError(f"{path}: damaged, or not a weights file of Keras ({error}).") from error


def _read_new(file: Any, size: int) -> Weights:
    """Return the weights of Keras 3: groups `vars` with numbered datasets."""
    datasets = _datasets(file)
    names = sorted((name for name in datasets if not NOT_WEIGHTS.match(name)), key=natural)
    if not names:
        raise ValueError("it contains no weights")
    return Weights(_arrays({name: datasets[name] for name in names}, size), ordered=False)


def _datasets(group: Any) -> dict[str, Any]:
    """Return all datasets in a group and its subgroups, each once. Links to other files are not followed."""
    import h5py

    found: dict[str, Any] = {}

    def visit(path: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[path] = item

    group.visititems(visit)
    return found


def _read_old(root: Any, size: int) -> Weights:
    """Return the weights of Keras 2: a group per layer, whose attributes list its variables."""
    found = _datasets(root)
    layers = _texts(root, "layer_names") or []
    listed = [(layer, _texts(root[layer], "weight_names")) for layer in layers]
    ordered = bool(listed) and all(variables is not None for _, variables in listed)
    paths = [f"{layer}/{name}" for layer, variables in listed for name in variables or ()]
    if not ordered:
        paths = sorted(found, key=natural)
    datasets = {}
    for path in paths:
        layer, *parts = path.removesuffix(":0").split("/")
        after = len(parts) - parts[::-1].index(layer) if layer in parts[:-1] else 0
        short = "/".join([layer, *parts[after:]])
        name = short if short not in datasets else path
        if name in datasets or path not in found:
            raise ValueError(f"{path!r} occurs twice, is missing, or is a link to another file")
        datasets[name] = found[path]
    if not datasets:
        raise ValueError("it contains no weights")
    return Weights(_arrays(datasets, size), ordered=ordered)


def _texts(group: Any, name: str) -> list[str] | None:
    """Return the strings in an attribute; None if they have variable length."""
    attribute = group.attrs.get_id(name)
    if attribute.get_space().get_simple_extent_npoints() == 0:
        return []
    if attribute.dtype.kind != "S":
        return None
    return [value.decode() for value in np.ravel(group.attrs[name])]


def _arrays(datasets: dict[str, Any], size: int) -> dict[str, NDArray[Any]]:
    """Return the arrays of datasets. A dataset that claims more bytes than the file can hold is an error."""
    total = 0
    for name, dataset in datasets.items():
        properties = dataset.id.get_create_plist()
        filters = {properties.get_filter(number)[0] for number in range(properties.get_nfilters())}
        total += dataset.id.get_storage_size()
        if dataset.is_virtual or dataset.external or not filters <= SAFE_FILTERS:
            raise ValueError(f"{name!r} has its data outside the file, or uses an unsupported compression")
        if dataset.nbytes > dataset.id.get_storage_size() * (LARGEST_RATIO if filters else 1) or total > size:
            raise ValueError(f"{name!r} claims more bytes than the file can hold")
    return {name: _array(name, dataset) for name, dataset in datasets.items()}


def _array(name: str, dataset: Any) -> NDArray[Any]:
    dtype = dataset.dtype
    if dtype.kind == "V" and dtype.names is None and dtype.itemsize == 2:  # as Keras stores bfloat16
        return widened(np.asarray(dataset[()]).view(np.uint16))
    if dtype.kind not in "fiub":
        raise ValueError(f"{name!r} holds {dtype}, not numbers")
    return np.asarray(dataset[()])
