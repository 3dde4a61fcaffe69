"""Matrix products in pieces: equal to the whole for every number of rows, and aligned memory."""

from __future__ import annotations

import numpy as np
import pytest

from nn.functional import _blocks as blocks
from nn.functional import _products as products


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "small_is_fast", lambda: True)
    monkeypatch.setattr(products, "SMALL", 3 * 4 * products.FEWEST_SUMMED_ROWS)


@pytest.mark.parametrize("rows", [0, 1, 47, 48, 49, 96, 200])
def test_products_in_pieces_equal_the_whole(rows: int, rng: np.random.Generator) -> None:
    a, b, g = rng.normal(size=(2 * rows, 3))[::2], rng.normal(size=(3, 4)), rng.normal(size=(rows, 4))
    out = np.full((rows, 2, 4), np.nan)
    products.multiply(a, b, out[:, 0])
    np.testing.assert_allclose(out[:, 0], a @ b, rtol=1e-12, atol=1e-14)
    assert np.isnan(out[:, 1]).all()
    total = sum(((columns @ others).sum(axis=0) for columns, others in products.summed_pieces(a, g)), np.zeros((3, 4)))
    np.testing.assert_allclose(total, a.T @ g, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(0,), (5,), (3, 0, 2), (7, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_aligned_arrays_begin_at_a_cache_line(shape: tuple[int, ...], dtype: type) -> None:
    for _ in range(5):
        array = blocks.aligned(shape, dtype)
        assert array.shape == shape
        assert array.dtype == dtype
        assert array.ctypes.data % blocks.CACHE_LINE == 0 or not array.size
    values = np.arange(array.size, dtype=dtype).reshape(shape).T
    np.testing.assert_array_equal(blocks.aligned_copy(values), values)
