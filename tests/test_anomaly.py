"""Anomaly mode finds the first NaN and the array that was written into, and names the operation and the line."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg


def leaf(*numbers: float) -> tg.Tensor:
    return tg.tensor(numbers, requires_grad=True)


@pytest.fixture(autouse=True)
def quiet_numpy() -> Any:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        yield


@tg.op(x=lambda g, x: g * np.where(x > 1, np.nan, 1.0))
def broken(x: Any) -> Any:
    """Right forward, NaN backward."""
    return x * 1.0


def test_anomaly_finds_the_first_nan_of_the_forward_pass() -> None:
    x = leaf(1.0, -1.0)
    with tg.detect_anomaly():
        y = x * 2
        with pytest.raises(
            FloatingPointError, match=r"^log: the result contains NaN.*test_anomaly\.py:\d+: .*tg\.log\(y\)"
        ):
            tg.log(y) + 1


def test_anomaly_finds_the_first_infinity_of_the_forward_pass() -> None:
    x = leaf(0.0)
    with tg.detect_anomaly(), pytest.raises(FloatingPointError, match=r"^divide: the result contains an infinity"):
        1.0 / x


@pytest.mark.parametrize("interior", [False, True])
def test_anomaly_finds_the_first_nan_of_the_backward_pass(interior: bool) -> None:
    x = leaf(1.0, 2.0)
    with tg.detect_anomaly():
        y = x * 1 if interior else x
        z = broken(y)  # the line that is to be named
        with pytest.raises(
            FloatingPointError, match=r"^broken: .*NaN.*test_anomaly\.py:\d+: .*line that is to be named"
        ):
            z.sum().backward()
    assert x.grad is None


def test_anomaly_finds_an_infinite_gradient_at_a_leaf() -> None:
    x = leaf(1e-320)
    with tg.detect_anomaly():
        y = tg.log(x)
        with pytest.raises(FloatingPointError, match=r"^log: .*infinity"):
            y.sum().backward()


def test_anomaly_checks_second_derivatives() -> None:
    x = leaf(2.0)
    with tg.detect_anomaly():
        y = broken(x).sum()
        with pytest.raises(FloatingPointError, match=r"^broken: "):
            tg.gradient(y, x, create_graph=True)


def test_anomaly_finds_a_modified_saved_array() -> None:
    x = leaf(1.0, 2.0)
    with tg.detect_anomaly():
        y = (x * x).sum()
        x.data[0] = 7.0
        with pytest.raises(RuntimeError, match=r"^multiply: an array saved.*changed.*\(x \* x\)"):
            y.backward()


def test_anomaly_finds_a_modified_argument() -> None:
    x, batch = leaf(1.0, 2.0), np.array([3.0, 4.0])
    with tg.detect_anomaly():
        y = (x * batch).sum()
        batch[:] = 0.0
        with pytest.raises(RuntimeError, match=r"^multiply: an array saved"):
            y.backward()
        z = tg.where(np.array([True, False]), x, 0.0).sum()
        z.backward()
    np.testing.assert_array_equal(x.grad, [1.0, 0.0])


def test_anomaly_finds_a_nan_in_a_graph_recorded_outside() -> None:
    x = leaf(2.0)
    y = broken(x).sum()
    with tg.detect_anomaly(), pytest.raises(FloatingPointError, match=r"^broken: .*outside detect_anomaly"):
        y.backward()


def test_anomaly_accepts_finite_computations() -> None:
    x = leaf(1.0, 2.0)
    with tg.detect_anomaly():
        y = (tg.exp(x) * x).sum()
        y.backward()
        slope = tg.gradient((x**3).sum(), x, create_graph=True)
        tg.gradient(slope.sum(), x)
    np.testing.assert_allclose(x.grad, np.exp(x.data) * (1 + x.data))


def test_anomaly_checks_nothing_outside_the_block() -> None:
    x = leaf(-1.0)
    assert np.isnan(tg.log(x).data).all()
    with tg.detect_anomaly():
        pass
    assert np.isnan(tg.log(x).data).all()


def test_anomaly_does_not_change_recording() -> None:
    x = leaf(1.0)
    with tg.detect_anomaly(), tg.no_grad():
        assert not (x * 2).requires_grad
        with tg.enable_grad(), pytest.raises(FloatingPointError):
            tg.log(x - 1)


def test_anomaly_finds_a_large_index_array_that_changed() -> None:
    w = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    index = np.zeros(10_000, int)
    with tg.detect_anomaly():
        y = w[index].sum()
        index[0] = 2
        with pytest.raises(RuntimeError, match="getitem: an array saved"):
            y.backward()
