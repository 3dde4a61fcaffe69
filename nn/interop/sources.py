"""Read arrays by name from any source: a file, or a mapping or list in memory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from nn._files import expanded
from nn.interop.decoding import as_array
from nn.interop.expected import Framework
from nn.interop.files import file_kind, named_weights
from nn.interop.torch_files import read_torch
from nn.interop.weights import Weights
from nn.saving import LoadError

STATE_KEYS = ("state_dict", "model_state_dict", "model", "network", "net", "module", "weights")
"""Common keys of the state dict in a checkpoint."""

LOADERS = {"PyTorch": "nn.interop.load_pytorch", "Keras": "nn.interop.load_keras"}


def source_label(source: Any) -> str:
    """Return how messages name the source: the path, or its type."""
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else f"the given {type(source).__name__}"


def weights_of(source: Any, framework: Framework) -> Weights:
    """Return the arrays of a source.

    Raises:
        LoadError: the file is damaged or belongs to the other framework, or there are no arrays in the source.
        OSError: there is no such file, or it cannot be read.
        TypeError: the source is not a path, a mapping or, for Keras, a list of arrays.
    """
    label = source_label(source)
    if isinstance(source, (str, os.PathLike)):
        path = expanded(source, LOADERS[framework])
        kind = file_kind(path)
        other: Framework = "Keras" if framework == "PyTorch" else "PyTorch"
        if kind == "PyTorch" == other or (kind in ("Keras", "HDF5") and other == "Keras"):
            raise LoadError(f"{label}: a file of {other}. Load it with {LOADERS[other]}(network, path).")
        return Weights(_state(read_torch(path), label)) if kind == "PyTorch" else named_weights(path, kind)
    if isinstance(source, Mapping):
        return Weights(_state(source, label))
    if framework == "Keras" and isinstance(source, (list, tuple)):
        return Weights({str(number): _array(label, str(number), each) for number, each in enumerate(source)})
    calls = {"PyTorch": "model.state_dict()", "Keras": "model.get_weights()"}
    hint = f" Pass {calls[framework]}." if hasattr(source, "state_dict") or hasattr(source, "get_weights") else ""
    raise TypeError(f"{LOADERS[framework]}: expected a path or a mapping of names to arrays, got {label}.{hint}")


def _state(content: Any, label: str) -> dict[str, NDArray[Any]]:
    """Return the tensors of a state dict, or of a checkpoint that has one under a common key."""
    if not isinstance(content, Mapping):
        raise LoadError(f"{label}: expected names and their tensors, found a {type(content).__name__}.")
    own = _tensors(content)
    nested = {key: _tensors(value) for key, value in content.items() if isinstance(value, Mapping)}
    nested = {key: tensors for key, tensors in nested.items() if tensors}
    usual = [key for key in STATE_KEYS if key in nested]
    if len(usual) == 1:
        found = nested[usual[0]]
    elif own:
        found = own
    elif len(nested) == 1:
        (found,) = nested.values()
    elif nested:
        raise LoadError(
            f"{label}: a checkpoint with several state dicts, {list(nested)}. Read it with "
            f"checkpoint = nn.interop.read_weights(path), and load checkpoint[{next(iter(nested))!r}]."
        )
    else:
        raise LoadError(f"{label}: expected names and their tensors, found no tensors.")
    return {str(name): _array(label, str(name), value) for name, value in found.items()}


def _tensors(values: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the values that are arrays or tensors of any library; if there are none, the lists of numbers."""
    arrays = {name: value for name, value in values.items() if hasattr(value, "shape") and hasattr(value, "dtype")}
    return arrays or {name: value for name, value in values.items() if isinstance(value, list) and _is_numbers(value)}


def _is_numbers(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_is_numbers(item) for item in value)
    return isinstance(value, (int, float))


def _array(label: str, name: str, value: Any) -> NDArray[Any]:
    try:
        return as_array(value)
    except (TypeError, ValueError) as error:
        raise LoadError(f"{label}: tensor {name!r}: {error}.") from error
