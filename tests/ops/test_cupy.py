"""Every operation on CuPy's arrays: NumPy's numbers, in CuPy's arrays. A test double runs a sample without a GPU."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tests.cupy_double import installed
from tests.ops.samples import BUILT_IN, Sample, samples_of
from tests.ops.test_strict_arrays import everything

NO_COUNTERPART = {
    "quantile": "weights or a method that CuPy lacks", "percentile": "weights or a method that CuPy lacks",
    "nanquantile": "weights or a method that CuPy lacks", "nanpercentile": "weights or a method that CuPy lacks",
}  # fmt: skip
"""Operations that CuPy cannot run with some of their options, and which options these are."""


def has_gpu() -> bool:
    if importlib.util.find_spec("cupy") is None:
        return False
    import cupy

    return bool(cupy.is_available())


@pytest.fixture
def double() -> Iterator[Any]:
    with installed() as module:
        yield module


def check(sample: Sample, cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that a call gives NumPy's numbers, in CuPy's arrays and without a copy to the CPU."""
    from tensorgrad._cupy import Array

    expected = everything(sample, np.array)
    with monkeypatch.context() as patch:
        patch.setattr(Array, "__array__", cupy.ndarray.__array__)  # it raises
        got = everything(sample, cupy.asarray)
    assert all(isinstance(each, cupy.ndarray) for each in got), f"{sample}: {[type(g) for g in got]}"
    for ours, theirs in zip(got, expected, strict=True):
        assert ours.dtype == theirs.dtype, str(sample)
        np.testing.assert_allclose(ours.get(), theirs, rtol=1e-9, atol=1e-10, err_msg=str(sample))


@pytest.mark.skipif(not has_gpu(), reason="requires CuPy and a GPU")
@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_cupy_gives_numpys_numbers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import cupy

    operation = BUILT_IN[name]
    if operation.numpy_only:
        pytest.skip("declared numpy_only")
    for sample in samples_of(operation):
        try:
            check(sample, cupy, monkeypatch)
        except TypeError as error:
            if "CuPy does not implement" not in str(error) or operation.name not in NO_COUNTERPART:
                raise
