"""Polynomials: NumPy's options, and what the samples of the registry do not reach."""

from __future__ import annotations

import numpy as np
import pytest

import tensorgrad as tg


def test_roots_at_zero_are_found_without_the_companion_matrix() -> None:
    np.testing.assert_allclose(np.sort(tg.roots([0.0, 1.0, -3.0, 2.0, 0.0]).data), [0.0, 1.0, 2.0], atol=1e-15)
    assert tg.roots([0.0, 0.0]).shape == tg.roots([5.0]).shape == (0,)


def test_roots_refuse_complex_ones() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="complex"):
        tg.roots([1.0, 0.0, 1.0])


def test_poly_of_a_matrix_is_its_characteristic_polynomial() -> None:
    a = np.array([[2.0, 1.0], [0.5, 3.0]])
    np.testing.assert_allclose(tg.poly(a).data, [1.0, -np.trace(a), np.linalg.det(a)], rtol=1e-14)
    assert tg.gradcheck(tg.poly, [a])


def test_polyfit_returns_what_numpy_returns() -> None:
    rng = np.random.default_rng(0)
    x, y, w = rng.normal(size=6), rng.normal(size=(6, 2)), rng.random(6)
    for options in ({"full": True}, {"cov": True}, {"cov": "unscaled"}):
        ours, numpys = tg.polyfit(x, y, 2, w=w, **options), np.polyfit(x, y, 2, w=w, **options)
        for got, expected in zip(ours, numpys, strict=True):
            np.testing.assert_allclose(got.data if isinstance(got, tg.Tensor) else got, expected, rtol=1e-9)


def test_polyfit_refuses_too_few_points_for_the_covariance() -> None:
    with pytest.raises(ValueError, match="more than 2 points"):
        tg.polyfit([0.0, 1.0], [1.0, 2.0], 1, cov=True)


def test_polyfit_differentiates_the_fit_of_moving_points() -> None:
    x, y = np.array([0.0, 1.0, 2.5, 3.0]), np.array([1.0, -1.0, 0.5, 2.0])
    assert tg.gradcheck(lambda x, y: tg.polyval(tg.polyfit(x, y, 2), 1.5), [x, y], order=2)
