"""`tg.checkpoint`: the same gradients of every order, from less memory."""

from __future__ import annotations

import functools
import gc
import random
import tracemalloc
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg


def leaf(*numbers: float) -> tg.Tensor:
    return tg.tensor(numbers, requires_grad=True)


def wave(x: Any) -> tg.Tensor:
    return tg.sin(tg.exp(x) * x)


def test_checkpoint_gives_the_same_gradients_of_every_order() -> None:
    x = leaf(0.3, -0.7)
    expected, got = tg.sum(wave(x)), tg.sum(tg.checkpoint(wave)(x))
    for _ in range(3):
        np.testing.assert_array_equal(got.data, expected.data)
        expected = tg.sum(tg.gradient(expected, x, create_graph=True))
        got = tg.sum(tg.gradient(got, x, create_graph=True))
    np.testing.assert_allclose(got.data, expected.data, rtol=1e-12)


def test_checkpoint_passes_gradients_to_closed_over_weights() -> None:
    w, x = leaf(2.0, -1.0), leaf(0.5, 0.25)
    scaled = w * 3
    tg.sum(tg.checkpoint(lambda x: tg.tanh(scaled * x) + w)(x)).backward()
    got = w.grad, x.grad
    w.zero_grad()
    x.zero_grad()
    tg.sum(tg.tanh(w * 3 * x) + w).backward()
    np.testing.assert_allclose(got[0], w.grad, rtol=1e-15)
    np.testing.assert_allclose(got[1], x.grad, rtol=1e-15)


def test_checkpoints_nest_and_chain() -> None:
    x = leaf(0.4, 1.1)
    inner = tg.checkpoint(wave)
    outer = tg.checkpoint(lambda x: inner(inner(x)) * x)
    got = tg.gradient(tg.sum(outer(outer(x))), x)
    plain = lambda x: wave(wave(x)) * x  # noqa: E731
    np.testing.assert_allclose(got, tg.gradient(tg.sum(plain(plain(x))), x), rtol=1e-14)


def test_checkpoint_accepts_several_arguments_and_keywords() -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    product = tg.checkpoint(lambda a, b, *, times: a * b * b * times)
    of_x, of_y = tg.gradient(tg.sum(product(x, y, times=2) + product(x, x, times=1)), [x, y])
    np.testing.assert_allclose(of_x, 2 * y.data**2 + 3 * x.data**2)
    np.testing.assert_allclose(of_y, 4 * x.data * y.data)


def test_checkpoint_works_inside_function_transforms() -> None:
    x, v = np.array([0.2, 0.9]), np.array([1.0, -2.0])
    checkpointed = tg.checkpoint(wave)
    np.testing.assert_allclose(tg.jacobian(checkpointed)(x).data, tg.jacobian(wave)(x).data, rtol=1e-14)
    for got, expected in zip(tg.jvp(checkpointed, [x], [v]), tg.jvp(wave, [x], [v])):
        np.testing.assert_allclose(got.data, expected.data, rtol=1e-14)
    total, checkpointed_total = (lambda x: tg.sum(wave(x))), lambda x: tg.sum(checkpointed(x))
    np.testing.assert_allclose(tg.hvp(checkpointed_total, x, v).data, tg.hvp(total, x, v).data, rtol=1e-12)


def test_checkpoint_records_one_node_and_no_arrays() -> None:
    x = leaf(0.3)
    y = tg.checkpoint(wave)(x)
    assert y.node is not None
    assert y.node.saved == ((),)
    assert y.node.parents == (x.node,)
    assert "checkpoint" in repr(y)


@pytest.mark.slow
def test_checkpoint_uses_less_memory() -> None:
    def layers(x: Any) -> tg.Tensor:
        for _ in range(20):
            x = tg.exp(tg.sin(x))
        return x

    def held(function: Any) -> int:
        x = tg.Tensor(np.full(50_000, 0.3), requires_grad=True)
        function(x)  # the first call compiles the operations
        gc.collect()
        tracemalloc.start()
        result = function(x)
        current = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert result.requires_grad
        return current

    assert held(tg.checkpoint(layers)) < 1.1 * 50_000 * 8
    assert held(layers) > 20 * 50_000 * 8


def test_checkpoint_without_recording_is_the_function_itself() -> None:
    calls = []

    def counted(x: Any) -> tg.Tensor:
        calls.append(x)
        return wave(x)

    x = leaf(0.5)
    with tg.no_grad():
        assert not tg.checkpoint(counted)(x).requires_grad
    assert not tg.checkpoint(counted)(tg.tensor([0.5])).requires_grad
    assert len(calls) == 2
    tg.checkpoint(counted)(x).backward()
    assert len(calls) == 4


def test_checkpoint_returns_an_argument_unchanged() -> None:
    x = leaf(1.0)
    assert tg.checkpoint(lambda x: x)(x) is x


def test_checkpoint_keeps_float32() -> None:
    x = tg.tensor(np.float32([0.3, 0.4]), requires_grad=True)
    y = tg.checkpoint(wave)(x)
    assert y.dtype == np.float32
    assert tg.gradient(tg.sum(y), x).dtype == np.float32


def test_checkpoint_of_several_results_gives_the_same_gradients() -> None:
    def f(x: Any, y: Any) -> Any:
        h = tg.sin(x) * y
        return {"h": h, "both": (tg.exp(h), x * 2.0)}

    def total(f: Any, x: Any, y: Any) -> Any:
        found = f(x, y)
        return (found["h"] ** 2).sum() + (found["both"][0] * found["both"][1]).sum()

    found = []
    for function in (f, tg.checkpoint(f)):
        x, y = leaf(0.5, 1.5), leaf(2.0, -1.0)
        loss = total(function, x, y)
        slopes = tg.gradient(loss, [x, y], create_graph=True)
        second = tg.gradient((slopes[0] * slopes[1]).sum(), [x, y])
        found.append([*(s.data for s in slopes), *second])
    for plain, checkpointed in zip(*found):
        np.testing.assert_allclose(checkpointed, plain, rtol=1e-12)
    x, y = leaf(0.5, 1.5), leaf(2.0, -1.0)
    tg.checkpoint(f)(x, y)["both"][1].sum().backward()  # one of the results alone
    np.testing.assert_array_equal(x.grad, [2.0, 2.0])


def test_checkpoint_of_a_function_that_returns_no_tensor_is_refused() -> None:
    with pytest.raises(TypeError, match="checkpoint: the function must return tensors, got a int"):
        tg.checkpoint(lambda x: (x, 1))(leaf(1.0))


class Statistics(nn.Module):
    """Keeps a running mean, by assignment or in place, and counts its calls."""

    def __init__(self, in_place: bool) -> None:
        self.mean = tg.tensor([0.0])
        self.in_place = in_place
        self.calls = 0

    def forward(self, x: Any) -> tg.Tensor:
        self.calls += 1
        if self.in_place:
            self.mean.data *= 0.9
            self.mean.data += 0.1 * np.mean(x.data)
        else:
            self.mean.data = 0.9 * self.mean.data + 0.1 * np.mean(x.data)
        return tg.exp(x)


GENERATOR, LEGACY = np.random.default_rng(0), np.random.RandomState(0)


@pytest.mark.parametrize(
    "f",
    [
        nn.Dropout(0.5, rng=0),
        nn.Sequential(nn.Dropout(0.5, rng=0), nn.Dropout(0.2, rng=1)),
        lambda x: x * GENERATOR.random(16),
        lambda x: x * LEGACY.rand(16),
        lambda x, rng=np.random.default_rng(1): x * rng.random(16),  # noqa: B008
        functools.partial(lambda rng, x: x * rng.random(16), np.random.default_rng(2)),
        lambda x: x * random.random(),
    ],
)
def test_checkpoint_draws_the_same_numbers_again(f: Any) -> None:
    x = tg.tensor(np.ones(16), requires_grad=True)
    for _ in range(2):
        y = tg.checkpoint(f)(x)
        x.zero_grad()
        y.sum().backward()
        np.testing.assert_array_equal(x.grad, y.data)
    assert not np.array_equal(tg.checkpoint(f)(x).data, y.data)  # the generator went on


@pytest.mark.parametrize("in_place", [False, True])
def test_checkpoint_updates_statistics_once(in_place: bool) -> None:
    layer, x = Statistics(in_place), leaf(1.0, 3.0)
    tg.checkpoint(layer)(x).sum().backward()
    np.testing.assert_allclose(layer.mean.data, 0.2)
    assert layer.calls == 1
    np.testing.assert_allclose(x.grad, np.exp([1.0, 3.0]))


class Hidden:
    """A generator where `checkpoint` does not look."""

    __slots__ = ("rng",)


def test_checkpoint_refuses_other_values() -> None:
    hidden, factor = Hidden(), np.array([2.0, 2.0])
    hidden.rng = np.random.default_rng(0)
    for f in (lambda x: x * hidden.rng.random(2), lambda x: x * factor):
        x = leaf(1.0, 2.0)
        y = tg.checkpoint(f)(x)
        factor[0] += 1.0
        with pytest.raises(RuntimeError, match="checkpoint: when recomputed, the function returned different values"):
            y.sum().backward()
