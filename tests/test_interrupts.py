"""Ctrl-C in the engine: at every line of what changes state, and where it waits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import interrupts
from tests.interrupting import assert_whole, ctrl_c_raises, run_traced


@pytest.fixture
def caught() -> Iterator[list[str]]:
    """What happened, with "Ctrl-C" where it took effect; the handler does not raise."""
    events: list[str] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: events.append("Ctrl-C"))
    yield events
    signal.signal(signal.SIGINT, before)


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def test_uninterrupted_holds_every_ctrl_c_back(caught: list[str]) -> None:
    @interrupts.uninterrupted
    def update() -> str:
        press()
        caught.append("one")
        press()
        caught.append("two")
        return "result"

    assert update() == "result"
    assert caught == ["one", "two", "Ctrl-C"]
    press()
    assert caught == ["one", "two", "Ctrl-C", "Ctrl-C"]


def test_postponed_holds_the_first_ctrl_c_back(caught: list[str]) -> None:
    @interrupts.postponed
    def step() -> None:
        press()
        caught.append("one")
        press()
        caught.append("two")

    step()
    assert caught == ["one", "Ctrl-C", "two"]


def test_interruptible_lets_ctrl_c_through(caught: list[str]) -> None:
    @interrupts.uninterrupted
    def outer() -> None:
        press()
        caught.append("outer")
        interrupts.interruptible(inner)
        press()
        caught.append("end")

    def inner() -> None:
        caught.append("inner")
        press()
        update()
        caught.append("updated")

    @interrupts.uninterrupted
    def update() -> None:
        press()
        caught.append("update")

    outer()
    assert caught == ["outer", "Ctrl-C", "inner", "Ctrl-C", "update", "Ctrl-C", "updated", "end", "Ctrl-C"]


def test_uninterrupted_nested_in_itself_waits_for_the_outermost(caught: list[str]) -> None:
    @interrupts.uninterrupted
    def update(depth: int) -> None:
        if depth:
            update(depth - 1)
        else:
            press()
        caught.append(str(depth))

    update(2)
    assert caught == ["0", "1", "2", "Ctrl-C"]


def test_uninterrupted_takes_effect_after_an_error() -> None:
    @interrupts.uninterrupted
    def update() -> None:
        press()
        raise ValueError

    with pytest.raises(KeyboardInterrupt), ctrl_c_raises():
        update()


def test_uninterrupted_in_another_thread_leaves_the_handler_alone() -> None:
    with ctrl_c_raises():
        found = []

        @interrupts.uninterrupted
        def update() -> None:
            found.append(signal.getsignal(signal.SIGINT))

        thread = threading.Thread(target=update)
        thread.start()
        thread.join()
        assert found == [signal.default_int_handler]


def test_uninterrupted_where_ctrl_c_is_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert interrupts.uninterrupted(lambda: signal.getsignal(signal.SIGINT))() is signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_uninterrupted_keeps_a_handler_that_was_set_inside() -> None:
    def mine(number: object, frame: object) -> None: ...

    before = signal.getsignal(signal.SIGINT)
    try:
        interrupts.uninterrupted(lambda: signal.signal(signal.SIGINT, mine))()
        assert signal.getsignal(signal.SIGINT) is mine
    finally:
        signal.signal(signal.SIGINT, before)


# -- at every line ----------------------------------------------------------------------------------------


def leaf() -> tuple[tg.Tensor, tg.Tensor, Callable[[], object]]:
    """Return a leaf that a loss was recorded with, the loss, and the state of both."""
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    loss = (w * w).sum()

    def state() -> object:
        (w * w).sum().backward()  # a new graph can always be differentiated
        assert w.grad is not None
        gradient, w.grad = w.grad.tolist(), None
        try:
            loss.backward(retain_graph=True)
        except RuntimeError as error:
            old: object = str(error)
        else:
            old, w.grad = w.grad.tolist(), None
        return w.data.tolist(), gradient, old

    return w, loss, state


def test_data_interrupted_at_every_line() -> None:
    def make() -> tuple[Callable[[], object], Callable[[], object]]:
        w, _, state = leaf()
        return lambda: setattr(w, "data", np.array([3.0, 4.0])), state

    assert_whole(make)


def test_mark_changed_interrupted_at_every_line() -> None:
    def make() -> tuple[Callable[[], object], Callable[[], object]]:
        w, _, state = leaf()
        return w.mark_changed, state

    assert_whole(make)


@pytest.mark.parametrize("switch", [tg.no_grad, tg.enable_grad])
def test_no_grad_interrupted_at_every_line(switch: type[tg.no_grad]) -> None:
    def inside() -> None:
        with switch():
            assert tg.is_grad_enabled() is (switch is tg.enable_grad)

    def outside() -> None:
        with tg.no_grad() if switch is tg.enable_grad else tg.enable_grad():
            switch()(inside)()

    for action in (inside, outside):
        assert_whole(lambda action=action: (action, tg.is_grad_enabled), is_final=False)  # type: ignore[misc]
    assert tg.is_grad_enabled()


def test_no_grad_with_a_second_ctrl_c_while_it_is_left() -> None:
    def action() -> None:
        with tg.no_grad():
            press()

    reached, at = True, 0
    while reached:
        at += 1
        reached, interrupted = run_traced(action, at)
        assert interrupted
        assert tg.is_grad_enabled()
    assert at > 10


FORKED = """
import os, threading
from tensorgrad import interrupts

def fork():
    child = os.fork()
    if not child:
        os._exit(interrupts._watch.thread != threading.get_ident())
    statuses.append(os.waitpid(child, 0)[1])

statuses = []
thread = threading.Thread(target=fork)
thread.start()
thread.join()
assert statuses == [0], statuses
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_uninterrupted_knows_the_main_thread_of_a_forked_process() -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKED]
    subprocess.run(command, check=True, cwd=Path(tg.__file__).parent.parent)
