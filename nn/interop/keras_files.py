"""Files of Keras: `.weights.h5`, `.keras`, and the whole models and weights in HDF5 of Keras 2.

In a `.weights.h5`, variable 1 of the third dense layer is the dataset `layers/dense_2/vars/1`; an attribute of the
group `vars` has the layer's own name. A `.keras` file is a zip archive with such a file and a description of the
network, of which only the order and the classes of the layers are used. Older files have a group per layer, named as
the layer, and list the layers and their variables in attributes.
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
"""What Keras keeps beside the weights: the state of the optimizer, of random generators, and of metrics."""

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
            order = list(_layer_paths(json.loads(archive.read("config.json"))))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise LoadError(f"{path}: config.json is malformed ({type(error).__name__}).") from error
    weights = read_hdf5(path, content)
    places = {layer: place for place, layer in enumerate(order)}

    def place(name: str) -> int:
        parts = name.split("/")
        prefixes = ("/".join(parts[:length]) for length in range(len(parts), 0, -1))
        return next((places[prefix] for prefix in prefixes if prefix in places), -1)

    names = sorted(weights.tensors, key=place)  # stable: the variables of a layer stay in their order
    return Weights({name: weights.tensors[name] for name in names}, weights.aliases, ordered=bool(order))


def _layer_paths(description: Any, prefix: str = "") -> Iterator[str]:
    """The paths that Keras gives to the layers in its files, in the order of the layers."""
    used: dict[str, int] = {}
    for layer in description["config"].get("layers", ()):
        name = snake_case(layer["class_name"])
        used[name] = used.get(name, -1) + 1
        path = f"{prefix}layers/{name}_{used[name]}" if used[name] else f"{prefix}layers/{name}"
        yield path
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
        path: the file, or, for messages, the one that `content` is from.
        content: the bytes of the HDF5 file, if they are not those of `path`.

    Raises:
        LoadError: the file is damaged or not of Keras, or h5py is not installed.
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
        with h5py.File(source, "r") as file:
            root = file.get("model_weights", file)
            if "layer_names" in root.attrs:
                return _read_old(root, size)
            return _read_new(file, size)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise LoadError(f"{path}: damaged, or not a weights file of Keras ({error}).") from error


def _read_new(file: Any, size: int) -> Weights:
    """The weights of Keras 3: groups `vars` with numbered datasets."""
    import h5py

    datasets: dict[str, Any] = {}
    layers: dict[str, str] = {}

    def visit(path: str, found: Any) -> None:
        if isinstance(found, h5py.Dataset):
            datasets[path] = found
        elif path.endswith("/vars") and "name" in found.attrs:
            layers[path.removesuffix("/vars")] = str(found.attrs["name"])

    file.visititems(visit)  # follows no links to other files and visits each object once
    names = sorted((name for name in datasets if not NOT_WEIGHTS.match(name)), key=natural)
    if not names:
        raise ValueError("there are no weights in it")
    aliases: dict[str, str] = {}
    for name in names:
        layer, _, variable = name.rpartition("/vars/")
        if layer in layers:
            aliases.setdefault(f"{layers[layer]}/vars/{variable}", name)
    return Weights(_arrays({name: datasets[name] for name in names}, size), aliases, ordered=False)


def _read_old(root: Any, size: int) -> Weights:
    """The weights of Keras 2: a group per layer, whose attributes list its variables."""
    datasets = {}
    for layer in map(_text, root.attrs["layer_names"]):
        for listed in map(_text, root[layer].attrs["weight_names"]):
            path = listed.removesuffix(":0").split("/")
            after = len(path) - path[::-1].index(layer) if layer in path[:-1] else 0
            short = "/".join([layer, *path[after:]])
            name = short if short not in datasets else f"{layer}/{listed}"
            if name in datasets or not isinstance(root[layer].get(listed, getlink=True), _hard_link()):
                raise ValueError(f"{name!r} occurs twice or lies in another file")
            datasets[name] = root[layer][listed]
    return Weights(_arrays(datasets, size))


def _arrays(datasets: dict[str, Any], size: int) -> dict[str, NDArray[Any]]:
    """The arrays of datasets, none of which may claim more bytes than the file can hold."""
    total = 0
    for name, dataset in datasets.items():
        properties = dataset.id.get_create_plist()
        filters = {properties.get_filter(number)[0] for number in range(properties.get_nfilters())}
        total += dataset.id.get_storage_size()
        if dataset.is_virtual or dataset.external or not filters <= SAFE_FILTERS:
            raise ValueError(f"{name!r} has its data elsewhere, or is compressed by other means")
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


def _hard_link() -> Any:
    import h5py

    return h5py.HardLink


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
