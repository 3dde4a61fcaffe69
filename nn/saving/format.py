"""The file format: safetensors with a JSON document and a checksum of the whole file in its header.

    8 bytes         the length of the header
    header          JSON: where each tensor lies, its dtype and shape, and in `__metadata__` one entry, "tensorgrad",
                    with the document
    tensors         their bytes, one after the other

The document's "sha256" is the SHA-256 of the whole file with 64 zeros in its place. Any changed byte is therefore
detected, and every program that reads safetensors can read these files.
https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from nn import _processes
from nn._files import expanded, open_regular

VERSION = 1
"""Version of the document; files of a newer version are rejected."""

LARGEST_HEADER = 10_000_000
"""Bytes, enough for the names of about 100,000 tensors. This limits the memory used for parsing a header."""

DTYPES = frozenset(map(np.dtype, ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]))

LONGEST_STEM = 100
"""Bytes of a file's name that its temporary files have in their names, at most; the whole may have 255, or 143."""

TOKEN = re.compile("[0-9a-f]{16}")

UNSIGNED = "0" * 64
CHECKSUM = re.compile(rb'\\"sha256\\":\\"([0-9a-f]{64})\\"')
"""The checksum as written in the header: JSON in a JSON string. In any text inside the document the quotation marks
would be escaped once more, so it occurs once."""


class LoadError(ValueError):
    """Raised for a file that is damaged, truncated, of another format or of another network.

    The message names the file and, if applicable, the tensor. Nothing has been changed.
    """


class SaveError(ValueError):
    """Raised for an object that could not be restored from a file. The message names it. No file has been written."""


def write(
    path: str | os.PathLike[str],
    tensors: Mapping[str, NDArray[Any]],
    document: Mapping[str, Any],
    *,
    dry_run: bool = False,
) -> None:
    """Write the file atomically.

    Args:
        path: the file.
        tensors: arrays of real numbers or booleans by name, in any memory layout.
        document: data that JSON can represent, with keys other than "sha256" and "version".
        dry_run: whether to run all checks without changing `path`.

    In a training in several processes, only the first one writes.

    Raises:
        SaveError: a dtype that safetensors lacks, too many tensors, or the written file cannot be read back. An
            existing file is unchanged.
        OSError: the file cannot be written.
    """
    from safetensors.numpy import save

    stamped = {"version": VERSION, "sha256": UNSIGNED, **document}
    text = json.dumps(stamped, allow_nan=False, separators=(",", ":"))
    content = save({name: _plain(name, array) for name, array in tensors.items()}, {"tensorgrad": text})
    if int.from_bytes(content[:8], "little") > LARGEST_HEADER:
        raise SaveError(f"{path}: the description of {len(tensors)} tensors takes more than {LARGEST_HEADER:,} bytes.")
    place = content.index(UNSIGNED.encode())
    digest = hashlib.sha256(content).hexdigest().encode()
    if not _processes.is_writer():
        return
    try:
        pieces: list[bytes | memoryview] = [content[:place], digest, memoryview(content)[place + len(digest) :]]
        replace_file(path, pieces, check=read, dry_run=dry_run)
    except LoadError as error:
        raise SaveError(f"{path}: the written file cannot be read back: {error}") from error


def read(
    path: str | os.PathLike[str], *, most_objects: int | None = None
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the tensors, as independent arrays, and the document.

    The file is checked before it is parsed. Reading takes at most about three times its size in memory.

    Args:
        path: the file.
        most_objects: the maximum number of objects in the document, each with at most five braces.

    Raises:
        LoadError: the file was not written by `write`, or has been changed since.
        OSError: there is no such file, or it cannot be read.
        TypeError: `path` is not a path.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = expanded(path, "load")
    content, header_end = _checked_content(path)
    try:
        header = json.loads(content[8:header_end], object_pairs_hook=_without_duplicates)
        text = header["__metadata__"]["tensorgrad"]
        if most_objects is not None and text.count("{") > 5 * most_objects:  # before all that is parsed
            raise LoadError(f"{path}: the description has more than {most_objects:,} layers and other objects.")
        document = json.loads(text, object_pairs_hook=_without_duplicates)
        version = document["version"]
        if not (isinstance(version, int) and 1 <= version <= VERSION):
            raise LoadError(
                f"{path}: format version {version!r} is not supported. The latest supported version is {VERSION}."
            )
        tensors = {name: np.array(array) for name, array in load(content).items()}
    except LoadError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, SafetensorError) as error:
        raise LoadError(f"{path}: the header is malformed ({type(error).__name__}: {error}).") from error
    return tensors, document


def _checked_content(path: Path) -> tuple[bytes, int]:
    """Return the bytes of the file, after verifying the checksum, and the end of the header."""
    with open_regular(path, LoadError) as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if not 0 < length <= min(size - 8, LARGEST_HEADER):
            raise LoadError(f"{path}: {_what(start, size)}.")
        header = file.read(length)
        checksums = CHECKSUM.findall(header)
        if len(checksums) != 1:
            raise LoadError(
                f"{path}: not written by tensorgrad, or damaged: the header has no checksum. Load weights from PyTorch "
                "and Hugging Face with nn.interop.load_pytorch(network, path), and a saved network.state_dict() with "
                "network.load_state_dict(nn.interop.read_weights(path))."
            )
        file.seek(0)
        content = file.read()
    end = 8 + length
    found = hashlib.sha256(content[:end].replace(checksums[0], UNSIGNED.encode(), 1))
    found.update(memoryview(content)[end:])
    if found.hexdigest().encode() != checksums[0]:
        raise LoadError(f"{path}: damaged or incomplete: the checksum of the content does not match.")
    return content, end


def _what(start: bytes, size: int) -> str:
    """Return the likely format of a file whose first eight bytes are not a header's length."""
    if start[:4] == b"PK\x03\x04":
        return "a zip archive, as written by PyTorch, Keras and np.savez, not a safetensors file"
    if start[:1] == b"\x80" and size > 8:
        return "not a safetensors file, but possibly a pickle, which could run any code when loaded"
    return f"not a safetensors file, or incomplete ({size} bytes)"


def _plain(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Return the array in C order, because safetensors writes the bytes as they are in memory.

    (`np.ascontiguousarray` would turn a scalar into a vector.)
    """
    plain = np.asarray(array, array.dtype.newbyteorder("="), order="C")
    if plain.dtype not in DTYPES:
        raise SaveError(f"tensor {name!r}: safetensors files do not support dtype {array.dtype}.")
    return plain


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice")
    return found


def replace_file(
    path: str | os.PathLike[str],
    pieces: Iterable[bytes | memoryview],
    check: Callable[[Path], object],
    *,
    dry_run: bool = False,
) -> None:
    """Write a file atomically: readers of `path` see either the complete old file or the complete new one.

    This also holds if the process is killed or the power fails. The content is written to a temporary file in the same
    folder, synced to disk, read back and checked, and only then renamed. A process that is killed before that leaves
    the temporary file `.NAME.….tmp` behind. The next save to the same path removes it.

    Args:
        path: the file; if it is a link, the target of the link. An existing file keeps its permissions.
        pieces: the content, in one or more parts.
        check: called with the temporary file. Its exceptions are propagated, and `path` is unchanged.
        dry_run: whether to remove the temporary file at the end and leave `path` unchanged.

    Raises:
        OSError: the file cannot be written, its folder does not exist, or `path` is a folder, a device, a pipe or a
            socket. It is unchanged.
        TypeError: `path` is not a path.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     replace_file(Path(folder, "greeting"), [b"hel", b"lo"], check=lambda written: None)
    ...     Path(folder, "greeting").read_bytes()
    b'hello'
    """
    target = Path(os.path.realpath(expanded(path, "save")))
    _check_replaceable(target)
    _remove_abandoned(target)
    file, temporary = _new_temporary(target)
    try:
        with file:  # the lock is held until the file is renamed
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
            with suppress(FileNotFoundError):
                shutil.copymode(target, temporary)
            check(temporary)
            if os.name == "nt":
                file.close()
            if not dry_run:
                os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(target.parent)


def _check_replaceable(target: Path) -> None:
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "save: there is no such folder. Create it first", str(target.parent))
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "save: this is a folder. Add the name of a file", str(target))
    if not stat.S_ISREG(mode):
        kind = "a pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"
        raise FileExistsError(errno.EEXIST, f"save: this is {kind}, which saving would replace", str(target))


def _temporary_start(target: Path) -> str:
    """Return the prefix of the names of a file's temporary files. Long names are shortened."""
    name = target.name
    if len(os.fsencode(name)) > LONGEST_STEM:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    return f".{name}."


def _new_temporary(target: Path) -> tuple[BinaryIO, Path]:
    """Create a file beside `target`, locked so that other processes see that it is in use."""
    while True:
        temporary = target.with_name(f"{_temporary_start(target)}{secrets.token_hex(8)}.tmp")
        try:
            file = temporary.open("xb")
        except OSError as error:
            error.filename = str(target)  # the one that the caller knows
            raise
        if _locked(file, exclusive=False) is not False and temporary.exists():
            return file, temporary
        file.close()  # another save has found it before it was locked, and removes it


def _remove_abandoned(target: Path) -> None:
    """Remove the temporary files of killed saves to `target`: those that no process has locked."""
    start = _temporary_start(target)
    for entry in os.scandir(target.parent):
        middle = entry.name.removeprefix(start).removesuffix(".tmp")
        if entry.name == f"{start}{middle}.tmp" and TOKEN.fullmatch(middle) and entry.is_file(follow_symlinks=False):
            with suppress(OSError), open(entry.path, "rb") as file:
                if _locked(file, exclusive=True):
                    os.unlink(entry.path)


def _locked(file: BinaryIO, *, exclusive: bool) -> bool | None:
    """Lock a file until it is closed. Return whether this succeeded, or None on systems without such locks.

    Several processes can hold a lock that is not exclusive. The HDF5 library also takes one when it reads.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return None
    return True


def _sync_folder(folder: Path) -> None:
    """Sync the new name to disk. (Windows has no such call and does not need it.)"""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
