"""Read files of `torch.save` without unpickling. Only tensors and plain containers are supported.

The file is a zip archive. `NAME/data.pkl` is a pickle of the saved object, in which a tensor is a call of
`torch._utils._rebuild_tensor_v2` on a storage; the bytes of storage `7` are the member `NAME/data/7`.

A pickle is a program, and Python's `pickle` would run it. This module has a small interpreter of the instructions that
tensors and plain containers need. It never imports or calls anything that the pickle names: names such as
`torch._utils._rebuild_tensor_v2` are looked up in a table, and any other name or instruction is an error.
https://docs.python.org/3/library/pickletools.html
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nn.interop.decoding import widened
from nn.interop.zip_files import Archive
from nn.saving import LoadError

STORAGES = {
    "torch.DoubleStorage": "f8",
    "torch.FloatStorage": "f4",
    "torch.HalfStorage": "f2",
    "torch.BFloat16Storage": "bfloat16",
    "torch.LongStorage": "i8",
    "torch.IntStorage": "i4",
    "torch.ShortStorage": "i2",
    "torch.CharStorage": "i1",
    "torch.ByteStorage": "u1",
    "torch.BoolStorage": "?",
    "torch.storage.UntypedStorage": "u1",
}
"""The dtype of each kind of storage."""

DTYPES = {"torch.uint16": "u2", "torch.uint32": "u4", "torch.uint64": "u8"}
"""The dtypes that no kind of storage has; `_rebuild_tensor_v3` takes them as an argument."""

FUNCTIONS = {
    "collections.OrderedDict",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    "torch.Size",
    "torch.device",
}
"""Functions that the pickle may call; `_made` computes their results."""

SETTINGS = {
    "torch.float64", "torch.float32", "torch.float16", "torch.bfloat16", "torch.int64", "torch.int32", "torch.int16",
    "torch.int8", "torch.uint8", "torch.bool", "torch.strided", "torch.channels_last",
}  # fmt: skip
"""Constants that a checkpoint may hold beside its tensors. They are read as their names."""

LARGEST_RANK = 32


class Name(str):
    """A name that the pickle imports: module and attribute, joined by a dot."""


@dataclass(frozen=True)
class Storage:
    """The elements that a tensor is a view of."""

    elements: NDArray[Any]


class Dictionary(dict[Hashable, Any]):
    """A dictionary in which no key may occur twice."""

    def put(self, items: list[Any]) -> None:
        """Add keys and values, which alternate."""
        if len(items) % 2:
            raise ValueError("a key without a value")
        for key, value in zip(items[::2], items[1::2]):
            if not isinstance(key, (str, int, float)):
                raise ValueError(f"a {type(key).__name__} as the key of a dictionary")
            if key in self:
                raise ValueError(f"the key {key!r} occurs twice")
            self[key] = value


def read_torch(path: str | Path) -> Any:
    """Return the object saved by `torch.save`, with arrays instead of tensors.

    bfloat16 is widened to float32. Tensors that share memory in the file share it here, and cannot be written to.

    Raises:
        LoadError: the file is damaged, or holds anything but tensors and plain containers.
        OSError: there is no such file, or it cannot be read.
    """
    with Archive(path) as archive:
        pickles = [name for name in archive.members if name.endswith("/data.pkl") or name == "data.pkl"]
        if len(pickles) != 1:
            raise LoadError(f"{path}: a zip archive with {len(pickles)} members named data.pkl; torch.save writes one.")
        folder = pickles[0].removesuffix("data.pkl")
        is_big = f"{folder}byteorder" in archive.members and archive.read(f"{folder}byteorder") == b"big"
        storages = _Storages(archive, folder, ">" if is_big else "<")
        try:
            return interpret(archive.read(pickles[0]), storages)
        except LoadError:
            raise
        except (ValueError, TypeError, IndexError, KeyError, OverflowError, RecursionError) as error:
            raise LoadError(
                f"{path}: cannot be read without running code from it: {error}. Only tensors and plain containers are "
                "read. In PyTorch: torch.save(model.state_dict(), path)."
            ) from error


class _Storages:
    """The storages of an archive by key, each read once."""

    def __init__(self, archive: Archive, folder: str, byte_order: Literal["<", ">"]) -> None:
        self.archive, self.folder, self.byte_order = archive, folder, byte_order
        self.read: dict[tuple[str, str], Storage] = {}

    def __call__(self, reference: Any) -> Storage:
        kind, storage_type, key, _device, count = reference
        if kind != "storage" or not isinstance(storage_type, Name) or not isinstance(key, str):
            raise ValueError("a storage is described in an unknown way")
        if storage_type not in STORAGES:
            raise ValueError(f"storages of the kind {storage_type} are not supported")
        if (key, storage_type) not in self.read:
            code = STORAGES[storage_type]
            dtype = np.dtype("u2" if code == "bfloat16" else code).newbyteorder(self.byte_order)
            content = self.archive.read(f"{self.folder}data/{key}")
            if _count(count) * dtype.itemsize != len(content):
                raise ValueError(f"storage {key!r} should hold {count} elements, but has {len(content)} bytes")
            elements = np.frombuffer(content, dtype)
            self.read[key, storage_type] = Storage(widened(elements) if code == "bfloat16" else elements)
        return self.read[key, storage_type]


# -- the instructions -------------------------------------------------------------------------------------

MARK = object()

CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
VALUES = {
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES",
    "SHORT_BINBYTES",
}  # fmt: skip
"""Instructions that push their argument."""


def interpret(content: bytes, storages: Callable[[Any], Storage]) -> Any:
    """Return the value that a pickle of tensors and plain containers describes.

    Raises:
        ValueError: an instruction or a name that is not needed for that, or a malformed pickle.
        IndexError, KeyError, TypeError: a malformed pickle.
    """
    stack: list[Any] = []
    memo: dict[int, Any] = {}

    def since_mark() -> list[Any]:
        place = len(stack) - 1
        while stack[place] is not MARK:
            place -= 1  # beyond the beginning: IndexError
        items = stack[place + 1 :]
        del stack[place:]
        return items

    for instruction, argument, _ in pickletools.genops(content):
        name = instruction.name
        if name in VALUES:
            stack.append(argument)
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name])
        elif name == "MARK":
            stack.append(MARK)
        elif name == "GLOBAL":
            stack.append(_known(str(argument).replace(" ", ".")))
        elif name == "STACK_GLOBAL":
            attribute, module = stack.pop(), stack.pop()
            stack.append(_known(f"{_expect(module, str)}.{_expect(attribute, str)}"))
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[int(argument or 0)] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[int(argument or 0)])
        elif name == "EMPTY_DICT":
            stack.append(Dictionary())
        elif name == "EMPTY_LIST":
            stack.append([])
        elif name == "TUPLE":
            stack.append(tuple(since_mark()))
        elif name in TUPLES:
            count = TUPLES[name]
            items = [stack.pop() for _ in range(count)]
            stack.append(tuple(reversed(items)))
        elif name in ("SETITEM", "SETITEMS"):
            items = since_mark() if name == "SETITEMS" else [stack.pop(), stack.pop()][::-1]
            _expect(stack[-1], Dictionary).put(items)
        elif name in ("APPEND", "APPENDS"):
            items = since_mark() if name == "APPENDS" else [stack.pop()]
            _expect(stack[-1], list).extend(items)
        elif name == "BINPERSID":
            stack.append(storages(stack.pop()))
        elif name == "REDUCE":
            arguments, function = stack.pop(), stack.pop()
            stack.append(_made(_expect(function, Name), _expect(arguments, tuple)))
        elif name == "BUILD":  # attributes of a state dict, such as its _metadata, which are not needed
            _expect(stack.pop(), Dictionary)
            _expect(stack[-1], Dictionary)
        elif name == "STOP":
            (result,) = stack
            return result
        elif name not in ("PROTO", "FRAME"):
            raise ValueError(f"the pickle has the instruction {name}")
    raise ValueError("the pickle ends too early")


def _expect(value: Any, kind: type[Any]) -> Any:
    if type(value) is not kind:
        raise ValueError(f"the pickle has a {type(value).__name__} where a {kind.__name__.lower()} is expected")
    return value


# -- the names --------------------------------------------------------------------------------------------


def _known(name: str) -> Name:
    if name not in FUNCTIONS | SETTINGS | STORAGES.keys() | DTYPES.keys():
        raise ValueError(f"the pickle imports {name!r}")
    return Name(name)


def _made(name: str, arguments: tuple[Any, ...]) -> Any:
    """Return the result of calling a function of PyTorch."""
    if name == "collections.OrderedDict" and not arguments:
        return Dictionary()
    if name == "torch._utils._rebuild_tensor_v2" and len(arguments) >= 6:
        return _tensor(*arguments[:4])
    if name == "torch._utils._rebuild_tensor_v3" and len(arguments) >= 7:
        storage, offset, shape, strides, _, _, dtype = arguments[:7]
        code = DTYPES.get(_expect(dtype, Name))
        if code is None:
            raise ValueError(f"tensors of the dtype {dtype} are not supported")
        elements = _expect(storage, Storage).elements
        return _tensor(Storage(elements.view(np.dtype(code))), offset, shape, strides)
    if name in ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state") and arguments:
        return _expect(arguments[0], np.ndarray)
    if name == "torch.Size" and len(arguments) == 1:
        return tuple(_count(size) for size in _expect(arguments[0], tuple))
    if name == "torch.device":
        return ":".join(str(argument) for argument in arguments if isinstance(argument, (str, int)))
    raise ValueError(f"the pickle calls {name} in an unknown way")


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any) -> NDArray[Any]:
    """Return a view of the storage, after checking that it lies inside the storage and is not larger."""
    elements = _expect(storage, Storage).elements
    sizes = [_count(size) for size in _expect(shape, tuple)]
    steps = [_count(step) for step in _expect(strides, tuple)]
    start, count = _count(offset), 1
    if len(sizes) != len(steps) or len(sizes) > LARGEST_RANK:
        raise ValueError(f"a tensor has {len(sizes)} axes and {len(steps)} strides")
    for size in sizes:
        count *= size
    last = start + sum((size - 1) * step for size, step in zip(sizes, steps))
    if count > len(elements) or (count and last >= len(elements)):
        raise ValueError(f"a tensor of shape {tuple(sizes)} reaches beyond its storage of {len(elements)} elements")
    if not count:
        return np.empty(sizes, elements.dtype)
    return np.lib.stride_tricks.as_strided(
        elements[start:], sizes, [step * elements.itemsize for step in steps], writeable=False
    )


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a size, stride or offset is not a non-negative integer")
    return value
