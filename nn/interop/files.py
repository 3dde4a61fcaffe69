"""Read weights files of any format, recognised by their first bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn._files import expanded, open_regular
from nn.interop.decoding import widened
from nn.interop.keras_files import KERAS_MEMBER, read_hdf5, read_keras_archive
from nn.interop.torch_files import read_torch
from nn.interop.weights import Weights, natural
from nn.interop.zip_files import Archive
from nn.saving import LoadError

LARGEST_HEADER = 100_000_000
"""Bytes, as in the safetensors library."""

SAFETENSORS = {
    "F64": "f8", "F32": "f4", "F16": "f2", "BF16": "u2", "BOOL": "?",
    "I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1", "U64": "u8", "U32": "u4", "U16": "u2", "U8": "u1",
}  # fmt: skip
"""The dtypes of a safetensors file; a bfloat16 is read as its 16 bits."""


def read_weights(path: str | Path) -> Any:
    """Return the arrays of a weights file by name.

    Reads safetensors, `.npz`, PyTorch's `.pt` and `.pth`, Keras's `.keras`, `.weights.h5` and `.h5`, and the index that
    Hugging Face writes for weights in several files. The format is recognised by the content, not by the file's name.
    No code from the file is run, and memory use is bounded by the size of the file. bfloat16 is widened to float32.

    For a checkpoint of PyTorch that is more than a state dict, the result holds all of it, including lists,
    dictionaries and numbers. Pass the part with the weights to `load_pytorch`.

    Raises:
        LoadError: the file is damaged, of an unknown kind, or holds something other than arrays and plain containers.
        OSError: there is no such file, or it cannot be read.
    """
    path = expanded(path, "read_weights")
    kind = file_kind(path)
    return read_torch(path) if kind == "PyTorch" else dict(named_weights(path, kind).tensors)


def file_kind(path: str | Path) -> str:
    """Return `"safetensors"`, `"npz"`, `"PyTorch"`, `"Keras"`, `"HDF5"` or `"index"`.

    Raises:
        LoadError: another kind of file.
        OSError: there is no such file, or it cannot be read.
    """
    path = expanded(path, "read_weights")
    with open_regular(path, LoadError) as file:
        start = file.read(9)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        with Archive(path) as archive:
            if KERAS_MEMBER in archive.members:
                return "Keras"
            if any(name.rpartition("/")[2] == "data.pkl" for name in archive.members):
                return "PyTorch"
            if archive.members and all(name.endswith(".npy") for name in archive.members):
                return "npz"
        raise LoadError(f"{path}: a zip archive, but not of PyTorch, Keras or NumPy.")
    if start.startswith(b"\x89HDF\r\n\x1a\n"):
        return "HDF5"
    if start[8:] == b"{":
        return "safetensors"
    if start.startswith(b"{"):
        return "index"
    if start.startswith(b"\x80"):
        raise LoadError(
            f"{path}: a bare pickle, which could run any code when loaded. PyTorch before 1.6 wrote such files. In "
            "PyTorch, load it and save it again: torch.save(model.state_dict(), path)."
        )
    raise LoadError(f"{path}: not a safetensors, .npz, PyTorch or Keras file, or incomplete.")


def named_weights(path: str | Path, kind: str) -> Weights:
    """Return the arrays of a file of any format except PyTorch's, in which arrays may be nested."""
    if kind == "Keras":
        return read_keras_archive(path)
    if kind == "HDF5":
        return read_hdf5(path)
    if kind == "index":
        return _read_index(Path(path))
    return _read_npz(path) if kind == "npz" else _read_safetensors(path)


def _read_index(path: Path) -> Weights:
    """Return the tensors of several files, which a JSON file of Hugging Face lists by name."""
    if path.stat().st_size > LARGEST_HEADER:
        raise LoadError(f"{path}: too long for an index of weights files.")
    try:
        places = json.loads(path.read_bytes(), object_pairs_hook=_without_duplicates)["weight_map"]
        if not all(isinstance(place, str) and Path(place).name == place for place in places.values()):
            raise ValueError("it names files in other folders")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LoadError(f"{path}: not an index of weights files, or damaged ({error}).") from error
    tensors = {}
    for place in dict.fromkeys(places.values()):
        if file_kind(path.parent / place) == "index":
            raise LoadError(f"{path}: names {place!r}, which is an index itself.")
        content = read_weights(path.parent / place)
        for name in (name for name, other in places.items() if other == place):
            array = content.get(name) if isinstance(content, dict) else None
            if not isinstance(array, np.ndarray):
                raise LoadError(f"{path}: {place!r} has no tensor {name!r}.")
            tensors[name] = array
    return Weights({name: tensors[name] for name in sorted(tensors, key=natural)}, ordered=False)


def _read_safetensors(path: str | Path) -> Weights:
    """Return the tensors sorted by name, because writers order them differently."""
    from safetensors import SafetensorError, deserialize

    with open_regular(Path(path), LoadError) as file:
        content = file.read()
    try:
        length = int.from_bytes(content[:8], "little")
        if length > min(LARGEST_HEADER, len(content) - 8):
            raise ValueError("the header is longer than the file. Is it incomplete?")
        header = json.loads(content[8 : 8 + length], object_pairs_hook=_without_duplicates)
        if "tensorgrad" in header.get("__metadata__", {}):
            raise LoadError(
                f"{path}: written by tensorgrad. Load it with model.load_parameters(path) or nn.Model.load(path)."
            )
        tensors = {name: _of_safetensors(name, entry) for name, entry in deserialize(content)}  # type: ignore[no-untyped-call]
    except LoadError:
        raise
    except (ValueError, TypeError, AttributeError, RecursionError, SafetensorError) as error:
        raise LoadError(f"{path}: a damaged safetensors file ({error}).") from error
    return Weights({name: tensors[name] for name in sorted(tensors, key=natural)}, ordered=False)


def _of_safetensors(name: str, entry: Mapping[str, Any]) -> NDArray[Any]:
    if entry["dtype"] not in SAFETENSORS:
        raise ValueError(f"tensor {name!r} has the dtype {entry['dtype']}, which is not supported")
    array = np.frombuffer(entry["data"], np.dtype(SAFETENSORS[entry["dtype"]]).newbyteorder("<"))
    return (widened(array) if entry["dtype"] == "BF16" else array).reshape(entry["shape"])


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _read_npz(path: str | Path) -> Weights:
    with Archive(path) as archive:
        return Weights({name.removesuffix(".npy"): _read_npy(archive, name) for name in archive.members})


def _read_npy(archive: Archive, name: str) -> NDArray[Any]:
    """Return one array, after checking its size against the length of the file before allocating memory."""
    content = archive.read(name)
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, in_columns, dtype = read_header[version](stream)
        if dtype.kind not in "fiub":
            raise ValueError(f"it holds {dtype}, not numbers")
        array = np.frombuffer(content, dtype, offset=stream.tell())
        return array.reshape(shape, order="F" if in_columns else "C")
    except (ValueError, KeyError, TypeError, SyntaxError, TokenError, RecursionError, MemoryError) as error:
        raise LoadError(f"{archive.path}: the array {name!r} is damaged or not of numbers ({error}).") from error
