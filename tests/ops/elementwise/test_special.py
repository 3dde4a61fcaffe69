"""Values of the special functions against Python's own, to the last digit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.ops.elementwise import special


@pytest.fixture(params=["with SciPy", "without SciPy"], autouse=True)
def values_come_from(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test with SciPy's values and with our own series."""
    if request.param == "without SciPy":
        monkeypatch.setattr(special, "scipy_special", lambda: None)
    elif special.scipy_special() is None:
        pytest.skip("SciPy is not installed")


X = np.concatenate([np.linspace(-9, 27, 5001), [1e-300, 1e-8, -1.0, 1.0]])


@pytest.mark.parametrize(("ours", "python"), [(tg.erf, math.erf), (tg.erfc, math.erfc)])
@pytest.mark.parametrize(("dtype", "error"), [(np.float64, 2e-13), (np.float32, 3e-5)])
def test_error_function_to_relative_precision(ours: Any, python: Any, dtype: Any, error: float) -> None:
    x = X.astype(dtype)
    expected = np.vectorize(python)(x.astype(np.float64))
    found = ours(x)
    assert found.dtype == dtype
    meaningful = np.abs(expected) > np.finfo(dtype).tiny
    np.testing.assert_allclose(found.data[meaningful], expected[meaningful], rtol=error)
    np.testing.assert_allclose(found.data, expected, atol=2 * np.finfo(dtype).eps)


def test_error_function_at_the_ends() -> None:
    ends = np.array([-np.inf, -1e4, -0.0, 0.0, 1e4, np.inf, np.nan])
    np.testing.assert_array_equal(tg.erf(ends), [-1, -1, 0, 0, 1, 1, np.nan])
    np.testing.assert_array_equal(tg.erfc(ends), [2, 2, 1, 1, 0, 0, np.nan])


@pytest.mark.parametrize("x", [0.0, 0.3, 7.9, 8.0, 8.1, 30.0, -5.0])
def test_bessel_function_against_its_integral(x: float) -> None:
    """I₁(x) = 1/π ∫₀^π exp(x·cos t)·cos t dt; the trapezoidal rule is exact here to the last digits."""
    t = np.linspace(0, math.pi, 2001)
    integral = np.trapezoid(np.exp(x * np.cos(t)) * np.cos(t), t) / math.pi
    np.testing.assert_allclose(float(tg.i1(np.array(x))), integral, rtol=1e-12, atol=1e-15)
