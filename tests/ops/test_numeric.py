"""The differences that judge the rules are themselves right."""

from __future__ import annotations

import numpy as np

from tests.ops.numeric import jacobian


def test_elementwise_function_has_a_diagonal_jacobian() -> None:
    x = np.array([[0.3, -1.2], [2.0, 0.7]])
    expected = np.zeros((2, 2, 2, 2))
    for i in np.ndindex(2, 2):
        expected[i + i] = np.cos(x[i])
    np.testing.assert_allclose(jacobian(np.sin, x), expected, atol=1e-11)


def test_matrix_product() -> None:
    a, x = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([0.5, -0.5])
    np.testing.assert_allclose(jacobian(lambda x: a @ x, x), a, atol=1e-11)


def test_shapes_of_numbers_and_of_nothing() -> None:
    np.testing.assert_allclose(jacobian(np.exp, np.array(0.0)), 1.0, atol=1e-11)
    assert jacobian(np.exp, np.ones((0, 2))).shape == (0, 2, 0, 2)
