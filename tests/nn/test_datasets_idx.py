"""idx files: read whole or refused by name, with no more memory than the file can fill."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn.datasets import read_idx
from nn.datasets.idx import DTYPES, idx_header


def idx(array: Any) -> bytes:
    return bytes(idx_header(array) + array.tobytes())


IMAGES = np.random.default_rng(0).integers(0, 256, size=(5, 4, 3), dtype=np.uint8)
WHOLE = idx(IMAGES)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_read_idx_returns_what_was_written(tmp_path: Path, pack: Any) -> None:
    path = tmp_path / "images"
    path.write_bytes(pack(WHOLE))
    array = read_idx(path)
    np.testing.assert_array_equal(array, IMAGES)
    assert array.dtype == np.uint8
    assert array.flags.writeable


@pytest.mark.parametrize("code", DTYPES)
def test_read_idx_reads_every_dtype(tmp_path: Path, code: int) -> None:
    expected = np.array([[1, 2, 100], [3, 4, 0]], DTYPES[code])
    header = bytes([0, 0, code, 2]) + struct.pack(">2I", 2, 3)
    (tmp_path / "x").write_bytes(header + expected.tobytes())
    array = read_idx(tmp_path / "x")
    np.testing.assert_array_equal(array, expected)
    assert array.dtype.isnative


def test_read_idx_expands_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    (tmp_path / "x").write_bytes(WHOLE)
    np.testing.assert_array_equal(read_idx("~/x"), IMAGES)


def test_read_idx_reads_an_empty_array(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(idx(np.zeros((0, 28, 28), np.uint8)))
    assert read_idx(tmp_path / "x").shape == (0, 28, 28)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("fraction", [0.0, 0.01, 0.05, 0.1, 0.2, 0.5, 0.9, 0.99])
def test_read_idx_rejects_truncated_files_by_name(tmp_path: Path, pack: Any, fraction: float) -> None:
    data = pack(WHOLE)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(data[: int(fraction * len(data))])
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte\.gz: (not an idx file|a? ?truncated)"):
        read_idx(path)


def test_read_idx_rejects_every_changed_or_missing_header_byte(tmp_path: Path) -> None:
    path = tmp_path / "x"
    for length in range(16):
        path.write_bytes(WHOLE[:length])
        with pytest.raises(ValueError, match=r"x: "):
            read_idx(path)
        for flipped in (0x02, 0x80, 0xFF):  # 0x01 makes signed bytes of unsigned ones, which may be meant
            path.write_bytes(WHOLE[:length] + bytes([WHOLE[length] ^ flipped]) + WHOLE[length + 1 :])
            with pytest.raises(ValueError, match=r"x: "):
                read_idx(path)


def read_or_refused(path: Path) -> Any:
    """Return the array; None if the file is refused by name."""
    try:
        return read_idx(path)
    except ValueError as error:
        if f"{path}: " not in str(error):
            raise
        return None


def test_read_idx_rejects_changed_bytes_of_compressed_files(tmp_path: Path) -> None:
    path, packed, refused = tmp_path / "x.gz", gzip.compress(WHOLE), 0
    for position in range(len(packed)):
        path.write_bytes(packed[:position] + bytes([packed[position] ^ 0x10]) + packed[position + 1 :])
        array = read_or_refused(path)
        if array is None:
            refused += 1
        else:
            np.testing.assert_array_equal(array, IMAGES)
    assert refused > len(packed) - 10  # gzip's header has the time and the system, which nobody asks for


@given(junk=st.binary(max_size=64), begin=st.sampled_from([b"", b"\x1f\x8b", b"\x1f\x8b\x08\0", WHOLE[:4], WHOLE[:16]]))
def test_read_idx_rejects_random_bytes_or_returns_an_array(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, begin: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "junk"
    path.write_bytes(begin + junk)
    array = read_or_refused(path)
    assert array is None or array.nbytes <= len(begin + junk)


def test_read_idx_rejects_other_formats(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("images", WHOLE)
    np.save(tmp_path / "a.npy", IMAGES)
    for name in ("a.zip", "a.npy"):
        with pytest.raises(ValueError, match=rf"{name}: not an idx file"):
            read_idx(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "nothing")


def test_read_idx_rejects_files_longer_than_declared(tmp_path: Path) -> None:
    for pack in (bytes, gzip.compress):
        (tmp_path / "x").write_bytes(pack(WHOLE + b"\0"))
        with pytest.raises(ValueError, match="more than the 60 bytes"):
            read_idx(tmp_path / "x")


def test_read_idx_allocates_no_memory_for_a_false_header(tmp_path: Path) -> None:
    header = bytes([0, 0, 8, 3]) + struct.pack(">3I", *[2**32 - 1] * 3)
    for pack in (bytes, gzip.compress):
        (tmp_path / "x").write_bytes(pack(header + bytes(100)))
        tracemalloc.start()
        try:
            with pytest.raises(ValueError, match=r"x: truncated: the shape in its header"):
                read_idx(tmp_path / "x")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 1_000_000
