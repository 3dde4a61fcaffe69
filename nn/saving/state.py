"""Save and restore the state of networks and of random generators."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nn.module import Module
from nn.saving.format import LoadError, read, write

RandomSource: TypeAlias = np.random.Generator | np.random.RandomState

GENERATORS: dict[str, type[np.random.BitGenerator]] = {
    kind.__name__: kind
    for kind in (np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64)
}

POSITIONS = {"MT19937": (("state", "pos"), 624), "Philox": (("buffer_pos",), 4)}
"""The key of the position in the buffered numbers, and its largest valid value. NumPy does not check the position
and would read beyond the buffer."""


def save_parameters(path: str | Path, network: Module) -> None:
    """Write `network.state_dict()` to a file.

    Raises:
        SaveError: a dtype that safetensors lacks.
        OSError: the file cannot be written. An existing file is unchanged.
    """
    write(path, {name: as_numpy(tensor.array) for name, tensor in network.named_state()}, {"content": "parameters"})


def load_parameters(path: str | Path, network: Module) -> None:
    """Load every tensor of the network from a file of parameters or of a whole model.

    Raises:
        LoadError: the file is invalid, or belongs to another network. Nothing has been changed.
        OSError: there is no such file, or it cannot be read.
    """
    arrays, document = read(path)
    content = document.get("content")
    if content not in ("parameters", "model"):
        raise LoadError(f"{path}: contains {content!r}, not parameters.")
    try:
        set_parameters(network, arrays if content == "parameters" else section(arrays, "network"))
    except ValueError as error:
        raise LoadError(f"{path}: {error}") from error


def as_numpy(array: Any) -> NDArray[Any]:
    """Return an array of NumPy unchanged, and an array of XLA as a copy."""
    return array if isinstance(array, np.ndarray) else np.asarray(array)


def section(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[str, NDArray[Any]]:
    """Return the arrays whose names start with `name` and a dot, with this prefix removed."""
    prefix = f"{name}."
    return {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}


def set_parameters(network: Module, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Load arrays as `network.load_state_dict` does, but require equal dtypes, except for the byte order.

    Raises:
        ValueError: naming the tensors. Nothing has been changed.
    """
    own = dict(network.named_state())
    if missing := [name for name in own if name not in arrays]:
        raise ValueError(f"the file has no tensor {', '.join(map(repr, missing))}, which the network has.")
    if unknown := sorted(arrays.keys() - own.keys()):
        raise ValueError(f"the network has no tensor {', '.join(map(repr, unknown))}.")
    for name, tensor in own.items():
        array = arrays[name]
        if array.shape != tensor.shape or array.dtype.newbyteorder("=") != tensor.dtype.newbyteorder("="):
            raise ValueError(
                f"tensor {name!r} is {array.dtype} {array.shape}, but the network's is {tensor.dtype} {tensor.shape}."
            )
    network.load_state_dict(arrays)


def generator_state(source: RandomSource) -> dict[str, Any]:
    """Return the state as numbers, strings, lists and dicts, for `set_generator_state`.

    Raises:
        ValueError: its bit generator is not one of NumPy's.

    >>> generator_state(np.random.default_rng(0))["bit_generator"]
    'PCG64'
    """
    if isinstance(source, np.random.RandomState):
        state: Any = source.get_state(legacy=False)
    else:
        state = source.bit_generator.state
    if state.get("bit_generator") not in GENERATORS:
        raise ValueError(f"a random generator that is not one of NumPy's ({', '.join(GENERATORS)})")
    plain: dict[str, Any] = _without_arrays(state)
    return {"legacy": isinstance(source, np.random.RandomState), **plain}


def generator_from_state(state: dict[str, Any]) -> RandomSource:
    """Return a new generator in this state, which draws the same numbers.

    Raises:
        ValueError: `state` is not a valid state.

    >>> first = np.random.default_rng(0)
    >>> second = generator_from_state(generator_state(first))
    >>> float(first.random()) == float(second.random())
    True
    """
    try:
        bits = GENERATORS[state["bit_generator"]](0)
        source = np.random.RandomState(bits) if state["legacy"] else np.random.Generator(bits)
        set_generator_state(source, state)
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise ValueError(f"the state of a random generator is malformed ({type(error).__name__}: {error})") from error
    return source


def set_generator_state(source: RandomSource, state: dict[str, Any]) -> None:
    """Set the state of a generator of the same kind."""
    path, largest = POSITIONS.get(state["bit_generator"], ((), 0))
    place: Any = state
    for key in path:
        place = place[key]
    if path and not (isinstance(place, int) and 0 <= place <= largest):
        raise ValueError(f"the position of a random generator must be in 0…{largest}, got {place!r}")
    plain = {key: value for key, value in state.items() if key != "legacy"}
    if isinstance(source, np.random.RandomState):
        source.set_state(plain)
    else:
        source.bit_generator.state = plain


def _without_arrays(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_arrays(item) for key, item in value.items()}
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
