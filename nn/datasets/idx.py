"""Reader of the IDX format of MNIST: arrays of numbers, usually compressed with gzip.

Two zero bytes, the code of the dtype, the number of axes, the length of each axis, then the numbers, all big-endian.
See http://yann.lecun.com/exdb/mnist/.

"""

from __future__ import annotations

import gzip
import math
import os
import zlib
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from nn._files import expanded, open_regular

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP = b"\x1f\x8b"
MOST_COMPRESSED = 1032
"""Maximum compression ratio of gzip (https://zlib.net/zlib_tech.html)."""
BYTES_AT_ONCE = 1 << 20


def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read the array in an IDX file, compressed with gzip or not, regardless of its name.

    Args:
        path: the file, such as `train-images-idx3-ubyte.gz`.

    Returns:
        An array of the shape and dtype specified in the file, in native byte order.

    Raises:
        ValueError: the file is not an IDX file, is truncated or damaged, or longer than its header says. No more memory
            is allocated than the file can fill.
        OSError: the file cannot be read.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels-idx1-ubyte")
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    ...     read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    path = expanded(path, "read_idx")
    with open_regular(path, ValueError) as file:
        packed = file.read(len(GZIP)) == GZIP
        most = path.stat().st_size * (MOST_COMPRESSED if packed else 1)
        file.seek(0)
        try:
            return _read(gzip.GzipFile(fileobj=file) if packed else file, most)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{path}: a truncated or damaged gzip file: {error}.") from error
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None


def idx_header(array: NDArray[np.uint8]) -> bytes:
    """Return the header that precedes the bytes of this array in an IDX file."""
    return bytes([0, 0, 0x08, array.ndim]) + np.array(array.shape, ">u4").tobytes()


def _read(stream: BinaryIO | gzip.GzipFile, most: int) -> NDArray[Any]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in DTYPES:
        raise ValueError(f"not an idx file: it begins with {magic!r}.")
    lengths = stream.read(4 * magic[3])
    if len(lengths) < 4 * magic[3]:
        raise ValueError("truncated: it ends within its header.")
    shape = tuple(int(length) for length in np.frombuffer(lengths, ">u4"))
    dtype = np.dtype(DTYPES[magic[2]])
    expected = math.prod(shape) * dtype.itemsize
    if expected > most:
        raise ValueError(f"truncated: the shape in its header, {shape}, requires {expected} bytes.")
    array = np.empty(shape, dtype)
    _fill(array.reshape(-1).view(np.uint8), stream)
    if stream.read(1):
        raise ValueError(f"it has more than the {expected} bytes that the shape in its header, {shape}, requires.")
    return array.astype(dtype.newbyteorder("="), copy=False)


def _fill(array: NDArray[np.uint8], stream: BinaryIO | gzip.GzipFile) -> None:
    filled = 0
    while filled < len(array):
        part = stream.read(min(BYTES_AT_ONCE, len(array) - filled))
        if not part:
            raise ValueError(f"truncated: it has only {filled} of {len(array)} bytes.")
        array[filled : filled + len(part)] = np.frombuffer(part, np.uint8)
        filled += len(part)
