"""Products of several matrices, and the refusals of `cross`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorgrad as tg

LinAlgError = np.linalg.LinAlgError
MATRIX, OTHER, STACK = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4) - 5, np.arange(18.0).reshape(2, 3, 3)


def leaf(values: Any) -> tg.Tensor:
    return tg.tensor(values, requires_grad=True, dtype=float)


def test_multi_dot_takes_the_cheapest_order() -> None:
    a, b, c = (leaf(np.ones(shape)) for shape in ((2, 50), (50, 3), (3, 50)))
    left_first, right_first = tg.linalg.multi_dot([a, b, c]), tg.linalg.multi_dot([b, c, b])
    assert [node.shape for node in left_first.node.parents] == [(2, 3), (3, 50)]
    assert [node.shape for node in right_first.node.parents] == [(50, 3), (3, 3)]
    for wrong in ([MATRIX], [MATRIX, MATRIX], [MATRIX, STACK]):
        with pytest.raises(ValueError, match="multi_dot"):
            tg.linalg.multi_dot(wrong)


def test_matrix_power_of_0_is_the_identity() -> None:
    np.testing.assert_array_equal(np.linalg.matrix_power(leaf(STACK), 0).data, np.broadcast_to(np.eye(3), (2, 3, 3)))
    with pytest.raises(TypeError, match="matrix_power"):
        tg.linalg.matrix_power(STACK, 0.5)
    with pytest.raises(LinAlgError, match=r"matrix_power: .*\(2, 3\)"):
        tg.linalg.matrix_power(MATRIX, 0)


def test_cross_refuses_vectors_of_two_elements() -> None:
    with pytest.raises(ValueError, match="cross: expected vectors of 3 elements, got 2 and 3"):
        tg.cross(np.ones(2), np.ones(3))
