"""Layers and operations on ONNX's test vectors."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from tests.onnx_vectors import FAMILIES, NOT_COVERED  # noqa: E402
from tests.onnx_vectors.vectors import Vector, vectors  # noqa: E402

VERSION = tuple(int(number) for number in onnx.__version__.split(".")[:2])
pytestmark = pytest.mark.slow  # onnx takes eight seconds to make its cases

OPERATORS: dict[str, Callable[..., Any]] = {
    name: function for family in FAMILIES.values() for name, function in family.OPERATORS.items()
}
LEFT_OUT: dict[str, str] = {
    r"test_.*bfloat16.*": "NumPy has no bfloat16",
    **{pattern: why for family in FAMILIES.values() for pattern, why in family.LEFT_OUT.items()},
}
AT_LEAST = 800
"""Cases that run, over all families: 924 of onnx 1.23. Older versions have fewer."""
ROUNDED = {"test_averagepool_2d_ceil_last_window_starts_on_pad"}
"""Cases with expected outputs of four digits."""


def covered() -> list[Vector]:
    """Return the cases of which every operator has a function."""
    return [vector for vector in vectors() if all(name in OPERATORS for name in vector.operators)]


def is_left_out(vector: Vector) -> bool:
    return any(re.fullmatch(pattern, vector.name) for pattern in LEFT_OUT)


def tolerance(vector: Vector, dtype: Any) -> float:
    if dtype == np.float16 or vector.name in ROUNDED:
        return 2e-3
    return 1e-5


@pytest.mark.parametrize("family", FAMILIES)
def test_vectors_outputs_are_those_of_onnx(family: str) -> None:
    run = [each for each in covered() if each.operators[0] in FAMILIES[family].OPERATORS and not is_left_out(each)]
    assert run
    for vector in run:
        with np.errstate(invalid="ignore"):  # there are infinite numbers and NaN
            results = vector.run(OPERATORS)
        assert results[0] is not None, vector.name
        for result, expected in zip(results, vector.outputs, strict=True):
            if result is None:
                continue
            assert (result.shape, result.dtype) == (expected.shape, expected.dtype), vector.name
            limit = tolerance(vector, expected.dtype)
            np.testing.assert_allclose(result, expected, rtol=limit, atol=limit, err_msg=vector.name)


def test_vectors_that_run_are_many() -> None:
    assert sum(not is_left_out(vector) for vector in covered()) >= AT_LEAST


def test_vectors_that_do_not_run_have_a_reason() -> None:
    reasons = " ".join(NOT_COVERED.values()).split()
    missing = {name for vector in vectors() for name in vector.operators} - OPERATORS.keys() - set(reasons)
    assert not missing


@pytest.mark.skipif(VERSION < (1, 23), reason="older versions of onnx have fewer cases")
def test_reasons_to_leave_out_are_needed() -> None:
    names = [vector.name for vector in covered()]
    assert [pattern for pattern in LEFT_OUT if not any(re.fullmatch(pattern, name) for name in names)] == []
    assert [name for name in " ".join(NOT_COVERED.values()).split() if name in OPERATORS] == []
