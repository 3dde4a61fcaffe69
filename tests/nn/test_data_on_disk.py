"""Data larger than memory: memory-mapped files are read batch by batch, and shuffled in blocks."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from nn.data import Batches
from nn.data.arrays import is_on_disk

SAMPLES, FEATURES = 20_000, 100


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a file of 16 MB with samples in float64, and one with targets."""
    folder = tmp_path_factory.mktemp("on_disk")
    X = np.lib.format.open_memmap(folder / "X.npy", "w+", np.float64, (SAMPLES, FEATURES))
    X[:] = np.arange(SAMPLES)[:, None] / SAMPLES
    X.flush()
    np.save(folder / "y.npy", np.arange(SAMPLES)[:, None] / SAMPLES)
    return folder / "X.npy", folder / "y.npy"


def mapped(files: tuple[Path, Path]) -> Any:
    return [np.load(path, mmap_mode="r") for path in files]


def test_arrays_on_disk_are_recognised(files: tuple[Path, Path], tmp_path: Path) -> None:
    X, _ = mapped(files)
    raw = np.memmap(tmp_path / "raw", np.uint8, "w+", shape=(4, 3))
    for array in (X, np.asarray(X), X[10:20], np.asarray(raw)[::2], raw.reshape(3, 4)):
        assert is_on_disk(array)
    for array in (X[[1, 2]], np.array(raw), X + 1, np.zeros(3)):
        assert not is_on_disk(array)
    assert repr(Batches(X, batch_size=100)) == "Batches(X (20000, 100) float64 on disk, batch_size=100)"


@pytest.mark.parametrize("block", [None, 64])
def test_fit_never_copies_a_file_as_a_whole(files: tuple[Path, Path], block: int | None) -> None:
    network = nn.Sequential(nn.Dense(FEATURES, 1, rng=0))
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.SGD(network.parameters(), 0.01), rng=0)
    X, y = mapped(files)
    batches, validation = Batches(X, y, batch_size=500, block=block), Batches(X, y, batch_size=500)
    tracemalloc.start()
    try:
        history = model.fit(batches, epochs=2, validation_data=validation, verbose=0)
        first, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert history["loss"][1] < history["loss"][0]
    assert network[0].weight.grad is None or network[0].weight.grad.dtype == np.float32
    assert peak - first < SAMPLES * FEATURES * 8 / 4, f"{peak - first:,} bytes"


def test_batches_on_disk_are_those_of_an_array_in_memory(files: tuple[Path, Path]) -> None:
    X, y = mapped(files)
    for dtype in (np.float32, None):
        on_disk = Batches(X, y, batch_size=3000, rng=0).for_network(dtype, None)
        in_memory = Batches(np.array(X), np.array(y), batch_size=3000, rng=0).for_network(dtype, None)
        for first, second in zip(on_disk, in_memory, strict=True):
            for one, other in zip(first, second):
                assert one.dtype == other.dtype
                np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="read-only"):
        next(Batches(X, batch_size=5, transform=lambda X: np.negative(X, out=X)).in_order())


@given(samples=st.integers(1, 100), size=st.integers(1, 20), block=st.integers(1, 30), seed=st.integers(0, 9))
def test_blocks_take_every_sample_once(samples: int, size: int, block: int, seed: int) -> None:
    batches = Batches(np.arange(samples), batch_size=size, block=block, rng=seed)
    rows = [int(row) for X, _ in batches for row in X]
    assert sorted(rows) == list(range(samples))


def test_blocks_read_few_places_of_the_file_at_a_time() -> None:
    batches = Batches(np.arange(10_000), batch_size=100, block=50, rng=0)
    orders = [np.concatenate([X for X, _ in batches]) for _ in range(2)]
    assert (orders[0] != orders[1]).any()
    for order in orders:
        for start in range(0, 10_000, 800):  # 16 blocks at a time
            part = order[start : start + 800]
            assert len(set(part // 50)) == len(part) / 50
            assert np.abs(np.diff(part)).mean() > 200  # and their samples are mixed


def test_block_is_checked() -> None:
    with pytest.raises(ValueError, match="Batches: block must be at least 1, got 0"):
        Batches(np.zeros(3), block=0)


def test_data_on_disk_that_are_not_finite_are_named_in_parts(tmp_path: Path) -> None:
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float32, (50, 2))
    X[-1] = np.nan
    network = nn.Dense(2, 1, rng=0)
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.SGD(network.parameters(), 0.1))
    with pytest.raises(FloatingPointError, match="X or y contains values that are not finite"):
        model.fit(X, np.zeros((50, 1)), verbose=0)
