"""Taking elements and assigning them: every kind of index, repeated elements, and what assignment does to a graph."""

from __future__ import annotations

from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tensorgrad as tg
from tensorgrad.ops.indexing.items import scatter

SHAPE = (3, 4, 2)
GRID = np.arange(24.0).reshape(SHAPE)

fancy = st.tuples(
    hnp.arrays(int, (2, 2), elements=st.integers(-3, 2)), hnp.arrays(int, (2,), elements=st.integers(-4, 3))
)
indices = st.one_of(
    hnp.basic_indices(SHAPE, allow_newaxis=True, allow_ellipsis=True),
    hnp.arrays(bool, SHAPE),
    hnp.arrays(bool, SHAPE[:2]),
    hnp.arrays(int, (3,), elements=st.integers(-3, 2)),
    fancy,
)


def counted(index: Any) -> np.ndarray:
    """How often `index` names each element of the grid: the gradient of the sum of what it takes."""
    times = np.zeros(24)
    np.add.at(times, np.arange(24).reshape(SHAPE)[index].ravel(), 1.0)
    return times.reshape(SHAPE)


@given(indices)
def test_getitem_is_numpys_with_its_gradient(index: Any) -> None:
    x = tg.tensor(GRID, requires_grad=True)
    taken = x[index]
    np.testing.assert_array_equal(taken.data, GRID[index])
    tg.sum(taken).backward()
    np.testing.assert_array_equal(x.grad, counted(index))


@pytest.mark.parametrize(
    "index",
    [[0, 0, 2], (0, [1, 1]), (0, (1, 1)), range(2), (slice(None), range(2)), np.int64(1), (np.array(1), ...), [], True,
     tg.tensor([0, 0]), (tg.tensor([0, 0]), 1), ([True, False, True],), (None, ..., 0)],
)  # fmt: skip
def test_getitem_accepts_unusual_indices(index: Any) -> None:
    x = tg.tensor(GRID, requires_grad=True)
    as_numpy = tuple(i.data if isinstance(i, tg.Tensor) else i for i in index) if isinstance(index, tuple) else index
    as_numpy = index.data if isinstance(index, tg.Tensor) else as_numpy
    taken = x[index]
    np.testing.assert_array_equal(taken.data, GRID[as_numpy])
    tg.sum(taken).backward()
    np.testing.assert_array_equal(x.grad, counted(as_numpy))


def test_getitem_accumulates_gradients_of_repeated_elements() -> None:
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    x[[0, 0, 2]].backward(np.array([1.0, 10.0, 100.0]))
    np.testing.assert_array_equal(x.grad, [11.0, 0.0, 100.0])


def test_getitem_of_repeated_elements_has_a_second_derivative() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    slope = tg.gradient((x[[0, 0, 1]] ** 3).sum(), x, create_graph=True)
    np.testing.assert_allclose(tg.gradient(slope.sum(), x), [12.0, 12.0])


def test_getitem_does_not_alias() -> None:
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    part = x[1:]
    x.data += 1
    np.testing.assert_array_equal(part.data, [2.0, 3.0])
    constant = tg.tensor([1.0, 2.0, 3.0])
    piece = constant[:2]
    piece[0] = 9.0
    np.testing.assert_array_equal(constant.data, [1.0, 2.0, 3.0])


@pytest.mark.parametrize("index", [3, (0, 0, 0, 0), "a", 1.5, (slice(None), 9)])
def test_getitem_errors_name_the_operation(index: Any) -> None:
    with pytest.raises((IndexError, TypeError), match="getitem"):
        tg.tensor(GRID)[index]
    with pytest.raises((IndexError, TypeError), match="with_item"):
        tg.tensor(GRID)[index] = 1.0


def test_getitem_detects_index_arrays_changed_later() -> None:
    for in_tuple in (False, True):
        x = tg.tensor(np.arange(12.0).reshape(3, 4), requires_grad=True)
        index = np.array([0, 1])
        expected = np.zeros((3, 4))
        if in_tuple:
            expected[[0, 1], [0, 1]] = 1.0
        else:
            expected[[0, 1]] = 1.0
        with tg.detect_anomaly():
            y = x[(index, index) if in_tuple else index].sum()
            index[0] = 2
            try:
                y.backward()
            except RuntimeError as error:
                assert "getitem" in str(error)  # noqa: PT017
            else:
                np.testing.assert_array_equal(x.grad, expected)


# -- assignment -------------------------------------------------------------------------------------------


@given(indices, st.booleans())
def test_assignment_is_numpys_and_its_gradients_go_both_ways(index: Any, scalar: bool) -> None:
    shape = () if scalar else GRID[index].shape
    x = tg.tensor(GRID, requires_grad=True)
    value = tg.tensor(np.linspace(-1.0, 1.0, int(np.prod(shape))).reshape(shape), requires_grad=True)
    y = x.copy()
    y[index] = value
    expected = GRID.copy()
    expected[index] = value.data
    np.testing.assert_array_equal(y.data, expected)

    weights = np.linspace(1.0, 2.0, 24).reshape(SHAPE)
    tg.sum(y * weights).backward()
    np.testing.assert_allclose(x.grad, np.where(counted(index) > 0, 0.0, weights))
    number = np.full(SHAPE, -1)
    number[index] = np.arange(value.size).reshape(shape)
    landed = np.array([weights[number == i].sum() for i in range(value.size)])
    np.testing.assert_allclose(value.grad.ravel(), landed)


def test_assignment_does_not_change_earlier_results() -> None:
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 2
    before = (y * y).sum()
    seen = y.data
    y[1] = 10.0
    after = (y * y).sum()
    np.testing.assert_array_equal(seen, [2.0, 4.0, 6.0])
    np.testing.assert_array_equal(y.data, [2.0, 10.0, 6.0])
    np.testing.assert_array_equal(tg.gradient(before, x), [8.0, 16.0, 24.0])
    y_again = x * 2
    y_again[1] = 10.0
    np.testing.assert_array_equal(tg.gradient((y_again * y_again).sum(), x), [8.0, 0.0, 24.0])
    assert after.item() == 4.0 + 100.0 + 36.0


def test_assignment_to_repeated_elements_keeps_the_last() -> None:
    x = tg.tensor(np.zeros(3))
    value = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    x[[0, 0, 2]] = value
    np.testing.assert_array_equal(x.data, [2.0, 0.0, 3.0])
    x.backward(np.array([1.0, 10.0, 100.0]))
    np.testing.assert_array_equal(value.grad, [0.0, 1.0, 100.0])


def test_assignment_of_a_tracked_value_makes_a_constant_tracked() -> None:
    row = tg.tensor(np.zeros(2))
    w = tg.tensor(3.0, requires_grad=True)
    row[0] = w * w
    assert row.requires_grad
    row.sum().backward()
    assert w.grad == 6.0


def test_assignment_adds_up_in_a_loop() -> None:
    w = tg.tensor(2.0, requires_grad=True)
    powers = tg.tensor(np.ones(4))
    for i in range(1, 4):
        powers[i] = powers[i - 1] * w
    powers.sum().backward()
    assert w.grad == 1 + 2 * 2 + 3 * 4


def test_assignment_with_an_operator_changes_an_element() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    y[0] += 5.0
    y[1] *= 3.0
    np.testing.assert_array_equal(y.data, [6.0, 6.0])
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [1.0, 3.0])


def test_assignment_has_a_second_derivative() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    y[0] = x[1] ** 3
    slope = tg.gradient((y * y).sum(), x, create_graph=True)
    np.testing.assert_allclose(slope.data, [0.0, 6 * 2.0**5 + 4.0])
    np.testing.assert_allclose(tg.gradient(slope.sum(), x), [0.0, 30 * 2.0**4 + 2.0])


def test_assignment_into_a_leaf_raises_an_error_with_a_remedy() -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match=r"leaf.*copy\(\).*tg\.where.*\.data"):
        w[0] = 5.0
    np.testing.assert_array_equal(w.data, [1.0, 2.0])
    assert w.is_leaf
    assert w.requires_grad


@pytest.mark.parametrize("value", [np.ones(5), "text", 1j, np.array([1j, 2.0])])
def test_assignment_of_a_value_that_does_not_fit_changes_nothing(value: Any) -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    node = y.node
    with pytest.raises((TypeError, ValueError), match="with_item"):
        y[:2] = value
    np.testing.assert_array_equal(y.data, [1.0, 2.0])
    assert y.node is node


def test_assignment_retains_the_gradient_of_the_new_value() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    y.retain_grad()
    y[0] = 5.0
    (y * 3).sum().backward()
    np.testing.assert_array_equal(y.grad, [3.0, 3.0])
    np.testing.assert_array_equal(x.grad, [0.0, 6.0])


@settings(max_examples=30)
@given(hnp.arrays(int, (4,), elements=st.integers(0, 2)))
def test_scatter_is_the_transpose_of_getitem(index: np.ndarray) -> None:
    values, x = np.array([1.0, -2.0, 3.0, 0.5]), np.array([2.0, 5.0, -1.0])
    assert np.dot(scatter.apply(values, index, (3,)), x) == pytest.approx(np.dot(values, x[index]))
