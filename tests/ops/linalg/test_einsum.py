"""Every form of `einsum` that NumPy reads."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tests.ops.numeric import jacobian

MATRIX, OTHER, STACK = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4) - 5, np.arange(18.0).reshape(2, 3, 3)


def leaf(values: Any) -> tg.Tensor:
    return tg.tensor(values, requires_grad=True, dtype=float)


@pytest.mark.parametrize(
    "arguments",
    [
        ("ij,jk", MATRIX, OTHER),
        ("kj,ki->ij", MATRIX, MATRIX),
        ("ba", MATRIX),
        (" i j -> j ", MATRIX),
        ("...ii->...i", STACK),
        ("...ij,...jk", STACK, OTHER),
        ("i...->...", STACK),
        ("ij,ij", MATRIX, MATRIX),
        ("iij,j->i", STACK.reshape(3, 3, 2)[:, :3], np.array([1.0, 2.0])),
        (MATRIX, [0, 1], OTHER, [1, 2], [0, 2]),
        (MATRIX, [0, 1], OTHER, [1, 2]),
        (MATRIX, [30, 2]),
        (STACK, [..., 0, 0], [..., 0]),
        (STACK, [..., 0, 1], OTHER, [..., 1, 2]),
        (STACK, [0, ...], []),
    ],
    ids=lambda arguments: str([a if not isinstance(a, np.ndarray) else a.shape for a in arguments]),
)
@pytest.mark.parametrize("optimize", [False, True, "greedy"])
def test_einsum_reads_every_form(arguments: Any, optimize: Any) -> None:
    try:
        expected = np.einsum(*arguments, optimize=optimize)
        with contextlib.suppress(ValueError):  # NumPy before 2.3 leaves [30, 2] unsorted when it optimizes
            expected = np.einsum(*arguments)
    except ValueError:
        with pytest.raises(ValueError, match="einsum"):
            tg.einsum(*arguments, optimize=optimize)
        return
    tensors = [leaf(a) if isinstance(a, np.ndarray) else a for a in arguments]
    result = np.einsum(*tensors, optimize=optimize)
    np.testing.assert_allclose(result.data, expected)
    result.backward(np.ones(result.shape))
    for place, each in enumerate(tensors):
        if isinstance(each, tg.Tensor):

            def total(x: np.ndarray, place: int = place) -> Any:
                return np.einsum(*arguments[:place], x, *arguments[place + 1 :], optimize=optimize).sum()

            np.testing.assert_allclose(each.grad, jacobian(total, each.data), rtol=1e-8, atol=1e-8)


def test_einsum_follows_a_path_and_gradients_find_their_own() -> None:
    a, b, c = leaf(MATRIX), leaf(OTHER), leaf(OTHER.T)
    path = np.einsum_path("ij,jk,kl", MATRIX, OTHER, OTHER.T)[0]
    tg.einsum("ij,jk,kl", a, b, c, optimize=path).sum().backward()
    np.testing.assert_allclose(a.grad, np.ones((2, 3)) @ (OTHER @ OTHER.T).T)


@pytest.mark.parametrize(
    "arguments",
    [("ij,jk", MATRIX), ("ij->k", MATRIX), (MATRIX, [0, 99]), (MATRIX, ["i", 0]), (MATRIX, [0, -1]), (MATRIX, 3)],
)
def test_einsum_refuses_what_it_cannot_read(arguments: Any) -> None:
    with pytest.raises(ValueError, match="einsum: "):
        tg.einsum(*arguments)
