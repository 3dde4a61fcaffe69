"""Arguments that operations refuse: the error names the operation, what was expected and what was passed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg

ROW, MATRIX = [1.0, 2.0, 4.0], np.arange(6.0).reshape(2, 3) + np.eye(2, 3)
TRACKED = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)

REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: tg.cov(MATRIX, ddof=1.5), ValueError, "cov: expected an integer ddof, got 1.5"),
    (lambda: tg.cov(MATRIX, aweights=[1.0]), ValueError, "cov: expected aweights of shape (3,), .* got (1,)"),
    (lambda: tg.cov(MATRIX, aweights=[1.0, -1.0, 2.0]), ValueError, "cov: expected aweights ≥ 0"),
    (lambda: tg.cov(MATRIX, fweights=[1.0, 0.5, 2.0]), TypeError, "cov: expected integers as fweights"),
    (lambda: tg.cov(MATRIX, fweights=TRACKED), TypeError, "cov: .*fweights"),
    (lambda: tg.cumulative_sum(MATRIX), ValueError, "cumulative_sum: expected an axis, .* got shape (2, 3)"),
    (lambda: tg.diff(ROW, n=-1), ValueError, "diff: expected n ≥ 0, got -1"),
    (lambda: np.gradient(TRACKED, edge_order=3), ValueError, "gradient: .* edge_order 3"),
    (lambda: np.gradient(TRACKED, [0.0, 1.0]), ValueError, "gradient: 2 coordinates for axis 0, which has 3"),
    (lambda: np.gradient(TRACKED, 1.0, 2.0), TypeError, "gradient: 2 spacings for 1 axes"),
    (lambda: tg.polyder(MATRIX), ValueError, "expected the coefficients of one polynomial, got shape (2, 3)"),
    (lambda: tg.polyder(ROW, -1), ValueError, "polyder: expected m ≥ 0, got -1"),
    (lambda: tg.polyint(ROW, -1), ValueError, "polyint: expected m ≥ 0, got -1"),
    (lambda: tg.polyint(ROW, 3, [1.0, 2.0]), ValueError, "polyint: expected one constant .* or 3, got 2"),
    (lambda: tg.poly(MATRIX), ValueError, "poly: expected roots, or a square matrix, got shape (2, 3)"),
    (lambda: tg.vander(MATRIX), ValueError, "vander: expected an array of one axis, got shape (2, 3)"),
    (lambda: tg.vander(ROW, -1), ValueError, "vander: expected N ≥ 0, got -1"),
    (lambda: tg.polyfit(ROW, [1.0], 1), TypeError, "polyfit: expected x of shape (n,) .* got (3,) and (1,)"),
    (lambda: tg.polyfit(ROW, ROW, -1), ValueError, "polyfit: expected a degree ≥ 0, got -1"),
    (lambda: tg.polyfit(ROW, ROW, 1, w=[1.0]), TypeError, "polyfit: expected weights of shape (3,), got (1,)"),
    (lambda: tg.var(ROW, ddof=1, correction=1), ValueError, "var: .* expected one of them, got 1 and 1"),
    (lambda: tg.average(MATRIX, weights=ROW), ValueError, "average: weights of shape (3,) fit neither"),
    (lambda: tg.linalg.pinv(MATRIX, rcond=0.1, rtol=0.1), ValueError, "pinv: expected rcond or rtol, got both"),
    (lambda: tg.linalg.tensorinv(MATRIX, ind=0), ValueError, "tensorinv: expected ind > 0, got 0"),
    (lambda: tg.linalg.tensorsolve(MATRIX, [1.0, 2.0]), ValueError, "tensorsolve: expected as many unknowns"),
    (lambda: tg.apply_along_axis(tg.sum, 0, np.zeros((2, 0))), ValueError, "of shape (2, 0): there are none"),
    (lambda: tg.apply_over_axes(lambda a, axis: tg.sum(a), MATRIX, 0), ValueError, "keeps or removes one axis"),
    (lambda: tg.linspace(0.0, 1.0, 3, device="gpu"), ValueError, 'linspace: expected device "cpu" or None'),
    (lambda: tg.matrix_transpose(ROW), ValueError, "matrix_transpose: expected at least 2 axes, got shape (3,)"),
    (lambda: tg.matvec(ROW, ROW), ValueError, "matvec: expected matrices, got shape (3,)"),
    (lambda: tg.linalg.outer(MATRIX, ROW), ValueError, "outer: expected two vectors, got shapes (2, 3) and (3,)"),
    (lambda: tg.resize(ROW, (2, -1)), ValueError, "resize: expected lengths ≥ 0 as new_shape, got (2, -1)"),
    (lambda: tg.piecewise(ROW, {}, []), TypeError, "piecewise: expected a list of conditions, got dict"),
    (lambda: np.add.reduceat(TRACKED, [0, 3]), IndexError, "expected indices from 0 to 2, got [0, 3]"),
    (lambda: tg.trim_zeros(ROW, "middle"), ValueError, "trim_zeros: expected 'f', 'b' or 'fb' as trim, got 'middle'"),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_operations_refuse_wrong_arguments_by_name(number: int) -> None:
    call, error, message = REFUSED[number]
    pattern = ".*".join(re.escape(part) for part in message.split(".*"))
    with pytest.raises(error, match=pattern):
        call()


def test_operations_that_have_too_little_data_warn_and_return_what_numpy_returns() -> None:
    with np.errstate(invalid="ignore"), pytest.warns(RuntimeWarning, match="cov: there are too few observations"):
        assert np.isnan(tg.cov([[1.0], [2.0]]).array).all()
    with pytest.warns(np.exceptions.RankWarning, match="polyfit: the fit is poorly conditioned"):
        found = tg.polyfit([1.0, 1.0], [2.0, 4.0], 1)
    with pytest.warns(np.exceptions.RankWarning):
        np.testing.assert_allclose(found.array, np.polyfit([1.0, 1.0], [2.0, 4.0], 1))
