"""Colours of a heatmap, and the heatmap as a PNG image without a library."""

from __future__ import annotations

import base64
import math
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from tensorgrad.viz.recording import Detail

NEGATIVE, ZERO, POSITIVE = (0, 114, 178), (247, 247, 247), (213, 94, 0)
NOT_A_NUMBER = (0, 0, 0)


def colours(detail: Detail) -> NDArray[np.uint8]:
    """Return the colour of each cell, `(rows, columns, 3)`: blue is negative, orange positive, white 0, black NaN.

    >>> colours(Detail((), 1, 3, (1, 1), base64.b64encode(bytes([0, 127, 254])).decode(), -1.0, 1.0)).tolist()
    [[[0, 114, 178], [247, 247, 247], [213, 94, 0]]]
    """
    levels = np.frombuffer(base64.b64decode(detail.levels), np.uint8).reshape(detail.rows, detail.columns)
    largest = max(abs(detail.low), abs(detail.high))
    shares = np.zeros(levels.shape)
    if 0 < largest < math.inf:
        shares = (detail.low + levels / 254 * (detail.high - detail.low)) / largest
    ends = np.where(shares[..., None] < 0, NEGATIVE, POSITIVE)
    found = ZERO + np.abs(shares[..., None]) * (ends - np.array(ZERO))
    found[levels == 255] = NOT_A_NUMBER
    return np.asarray(np.rint(np.clip(found, 0, 255)).astype(np.uint8))


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return an image of 8-bit colours, `(rows, columns, 3)`, in the PNG format (ISO/IEC 15948)."""
    rows, columns, _ = pixels.shape
    lines = b"".join(b"\0" + row.tobytes() for row in pixels)  # 0: each line is stored as it is
    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, *zip(*chunks)))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def data_uri(detail: Detail) -> str:
    """Return the heatmap as a data URL."""
    return f"data:image/png;base64,{base64.b64encode(png(colours(detail))).decode('ascii')}"
