"""The tensors of a network in a file, and back: all of them or none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from nn.module import Module
from nn.saving.container import read, write
from nn.saving.errors import LoadError


def save_parameters(path: str | Path, network: Module) -> None:
    """Write what `network.state_dict()` holds.

    Raises:
        SaveError: a dtype that safetensors has not.
        OSError: the file cannot be written. A file that was there is as before.
    """
    write(path, {name: tensor.data for name, tensor in network.named_state()}, {"content": "parameters"})


def load_parameters(path: str | Path, network: Module) -> None:
    """Set every tensor of the network to what the file, of parameters or of a whole model, has under its name.

    Raises:
        LoadError: the file is not what it should be, or is of another network. Nothing has been changed.
        OSError: there is no such file, or it cannot be read.
    """
    arrays, document = read(path)
    content = document.get("content")
    if content not in ("parameters", "model"):
        raise LoadError(f"{path}: holds {content!r}, not parameters.")
    try:
        set_state(network, arrays if content == "parameters" else section(arrays, "network"))
    except ValueError as error:
        raise LoadError(f"{path}: {error}") from error


def section(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[str, NDArray[Any]]:
    """The arrays whose names begin with `name` and a dot, without these."""
    prefix = f"{name}."
    return {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}


def set_state(network: Module, arrays: Mapping[str, NDArray[Any]]) -> None:
    """As `network.load_state_dict`, but the dtypes must be the same, too.

    Raises:
        ValueError: naming the tensors. Nothing has been changed.
    """
    own = dict(network.named_state())
    if missing := [name for name in own if name not in arrays]:
        raise ValueError(f"there is no tensor {', '.join(map(repr, missing))}, which the network has.")
    if unknown := sorted(arrays.keys() - own.keys()):
        raise ValueError(f"the network has no tensor {', '.join(map(repr, unknown))}.")
    for name, tensor in own.items():
        array = arrays[name]
        if (array.shape, array.dtype) != (tensor.shape, tensor.dtype):
            raise ValueError(
                f"tensor {name!r} is {array.dtype} {array.shape}, but the network's is {tensor.dtype} {tensor.shape}."
            )
    network.load_state_dict(arrays)
