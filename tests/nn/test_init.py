"""Initialisers: sizes, dtypes, repeatability."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nn import init

SHAPE = (300, 200)
ALL = [init.normal(0.01), init.uniform(0.2), init.he(), init.glorot(), init.constant(2.5), init.zeros()]


@pytest.mark.parametrize("initializer", ALL)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_initializers_have_shape_dtype_and_repeatable_values(initializer: init.Initializer, dtype: Any) -> None:
    values = initializer(SHAPE, 3, dtype)
    assert values.shape == SHAPE
    assert values.dtype == dtype
    np.testing.assert_array_equal(values, initializer(SHAPE, np.random.default_rng(3), dtype))


@pytest.mark.parametrize(
    ("initializer", "deviation"),
    [
        (init.normal(0.01), 0.01),
        (init.uniform(0.3), 0.3 / np.sqrt(3)),
        (init.he(), np.sqrt(2 / 300)),
        (init.glorot(), np.sqrt(2 / 500)),
    ],
)
def test_initializers_have_the_documented_spread(initializer: init.Initializer, deviation: float) -> None:
    values = initializer(SHAPE, 0, np.float64)
    assert values.std() == pytest.approx(deviation, rel=0.02)
    assert abs(values.mean()) < 0.02 * deviation


def test_uniform_initializers_stay_within_their_limits() -> None:
    assert np.abs(init.uniform(0.3)(SHAPE, 0, np.float64)).max() <= 0.3
    assert np.abs(init.glorot()(SHAPE, 0, np.float64)).max() <= np.sqrt(6 / 500)
    assert (init.constant(2.5)(SHAPE, None, np.float32) == 2.5).all()
    assert not init.zeros()(SHAPE, None, np.float32).any()


@pytest.mark.parametrize("scale", [np.float64(0.01), 0.01])
def test_initializers_are_not_widened_by_a_numpy_scale(scale: float) -> None:
    assert init.normal(scale)((2, 2), 0, np.float32).dtype == np.float32


@pytest.mark.parametrize("make", [init.he, init.glorot])
def test_initializers_need_inputs_and_neurons(make: Any) -> None:
    with pytest.raises(ValueError, match=rf"init.{make.__name__}: expected a weight shape .* got \(3,\)"):
        make()((3,), None, np.float32)


@pytest.mark.parametrize(("make", "parameter"), [(init.normal, "scale"), (init.uniform, "limit")])
@pytest.mark.parametrize("value", [-1.0, np.inf, np.nan])
def test_initializers_check_sizes(make: Any, parameter: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"init.{make.__name__}: {parameter} must be a finite number"):
        make(value)
