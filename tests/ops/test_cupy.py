"""Every operation on CuPy's arrays, where a GPU is present: NumPy's numbers, in CuPy's arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.ops.samples import BUILT_IN, samples_of
from tests.ops.test_strict_arrays import everything

cupy = pytest.importorskip("cupy")
if not cupy.is_available():
    pytest.skip("CuPy finds no GPU", allow_module_level=True)


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_cupy_gives_numpys_numbers(name: str) -> None:
    operation = BUILT_IN[name]
    if operation.numpy_only:
        pytest.skip("declared numpy_only")
    for sample in samples_of(operation):
        expected = everything(sample, np.array)
        got = everything(sample, cupy.asarray)
        assert all(isinstance(each, cupy.ndarray) for each in got), f"{sample}: {[type(g) for g in got]}"
        assert len(got) == len(expected)
        for ours, theirs in zip(got, expected):
            assert ours.dtype == theirs.dtype, str(sample)
            np.testing.assert_allclose(cupy.asnumpy(ours), theirs, rtol=1e-9, atol=1e-10, err_msg=str(sample))
