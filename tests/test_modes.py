"""`no_grad` and `enable_grad`: nested, as decorators, per thread, and per async task."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import numpy as np
import pytest

import tensorgrad as tg


@pytest.fixture
def w() -> tg.Tensor:
    return tg.tensor([1.0, 2.0], requires_grad=True)


def test_no_grad_records_nothing(w: tg.Tensor) -> None:
    with tg.no_grad():
        assert not tg.is_grad_enabled()
        y = w * 2
        assert not y.requires_grad
        assert y.is_leaf
    assert tg.is_grad_enabled()
    assert (w * 2).requires_grad


def test_modes_restore_the_outer_mode(w: tg.Tensor) -> None:
    with tg.no_grad():
        with tg.enable_grad():
            assert (w * 2).requires_grad
            with tg.no_grad():
                assert not (w * 2).requires_grad
            assert (w * 2).requires_grad
        assert not (w * 2).requires_grad


def test_modes_are_restored_after_an_error() -> None:
    with pytest.raises(KeyError), tg.no_grad():
        raise KeyError
    assert tg.is_grad_enabled()


def test_modes_decorate_recursive_functions(w: tg.Tensor) -> None:
    @tg.no_grad()
    def predict(depth: int) -> bool:
        return tg.is_grad_enabled() or (w * 2).requires_grad or (depth > 0 and predict(depth - 1))

    assert not predict(3)
    assert tg.is_grad_enabled()

    @tg.enable_grad()
    def recorded() -> tg.Tensor:
        return w * 2

    with tg.no_grad():
        assert recorded().requires_grad


def test_modes_can_be_entered_twice() -> None:
    off = tg.no_grad()
    with off:
        with off:
            assert not tg.is_grad_enabled()
        assert not tg.is_grad_enabled()
    assert tg.is_grad_enabled()


def test_results_of_no_grad_are_constants(w: tg.Tensor) -> None:
    with tg.no_grad():
        c = w * 10
    (w * c).sum().backward()
    np.testing.assert_array_equal(w.grad, [10.0, 20.0])


def test_leaves_created_in_no_grad_require_gradients() -> None:
    with tg.no_grad():
        v = tg.tensor(3.0, requires_grad=True)
    (v * v).backward()
    assert v.grad == 6.0


def test_backward_works_in_no_grad(w: tg.Tensor) -> None:
    loss = (w * w).sum()
    with tg.no_grad():
        loss.backward()
    np.testing.assert_array_equal(w.grad, [2.0, 4.0])


def test_create_graph_records_in_no_grad(w: tg.Tensor) -> None:
    loss = (w**3).sum()
    with tg.no_grad():
        slope = tg.gradient(loss, w, create_graph=True)
        assert not tg.is_grad_enabled()
    assert slope.requires_grad


def test_modes_are_separate_for_each_thread(w: tg.Tensor) -> None:
    inside, done = threading.Event(), threading.Event()
    seen: list[bool] = []

    def other() -> None:
        with tg.no_grad():
            inside.set()
            done.wait(10)
            seen.append((w * 2).requires_grad)

    thread = threading.Thread(target=other)
    thread.start()
    assert inside.wait(10)
    assert tg.is_grad_enabled()
    assert (w * 2).requires_grad
    done.set()
    thread.join()
    assert seen == [False]


def test_new_thread_starts_recording() -> None:
    seen: list[bool] = []
    with tg.no_grad():
        thread = threading.Thread(target=lambda: seen.append(tg.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_modes_of_a_decorated_function_are_separate_in_many_threads(w: tg.Tensor) -> None:
    barrier = threading.Barrier(4)
    seen: list[bool] = []

    @tg.no_grad()
    def work() -> None:
        barrier.wait(10)
        seen.append((w * 2).requires_grad)
        barrier.wait(10)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [False] * 4


def test_modes_are_separate_for_each_async_task(w: tg.Tensor) -> None:
    async def evaluating(entered: asyncio.Event, leave: asyncio.Event) -> bool:
        with tg.no_grad():
            entered.set()
            await leave.wait()
            return (w * 2).requires_grad

    async def training(entered: asyncio.Event, leave: asyncio.Event) -> bool:
        await entered.wait()
        recorded = (w * 2).requires_grad
        leave.set()
        return recorded

    async def both() -> list[bool]:
        entered, leave = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(evaluating(entered, leave), training(entered, leave))

    assert asyncio.run(both()) == [False, True]


def test_modes_reject_generators() -> None:
    def generate() -> Iterator[int]:
        yield 1

    async def later() -> None: ...

    for function in (generate, later):
        with pytest.raises(TypeError, match="would run after the mode has ended"):
            tg.no_grad()(function)


@pytest.mark.parametrize("switch", [tg.no_grad, tg.enable_grad, tg.detect_anomaly])
def test_modes_without_parentheses_as_decorators_raise_an_error(switch: type) -> None:
    with pytest.raises(TypeError, match=rf"write @tg\.{switch.__name__}\(\)"):
        switch(abs)
