"""Ctrl-C at every line: what tests of interrupts share."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import tensorgrad as tg

ROOT = Path(tg.__file__).parent.parent
PACKAGES = (str(ROOT / "tensorgrad"), str(ROOT / "nn"))


@contextmanager
def ctrl_c_raises() -> Iterator[None]:
    """Python's own handler, also where pytest or its caller has another, and none of ours left afterwards."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def run_traced(action: Callable[[], object], at: int) -> tuple[bool, bool]:
    """Run `action`, with a Ctrl-C at event number `at` (a call, line or return) in the code of the packages.

    Returns:
        Whether there was such an event, and whether `action` was interrupted.
    """
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(PACKAGES):
            return trace
        if event != "exception":
            count += 1
            if count == at:
                signal.raise_signal(signal.SIGINT)
        return trace

    interrupted = False

    def ignored(unraisable: Any) -> None:
        """Python discards what is raised while it closes a generator."""
        nonlocal interrupted
        interrupted |= unraisable.exc_type is KeyboardInterrupt

    before, hook = sys.gettrace(), sys.unraisablehook
    with ctrl_c_raises():
        sys.unraisablehook = ignored
        sys.settrace(trace)
        try:
            action()
        except KeyboardInterrupt:
            interrupted = True
        finally:
            sys.settrace(before)
            sys.unraisablehook = hook
    return count >= at, interrupted


def assert_whole(
    make: Callable[[], tuple[Callable[[], object], Callable[[], object]]], *, is_final: bool = True
) -> None:
    """Check that an action that is interrupted at any line leaves its state as before or as after.

    Args:
        make: returns the action, and a function that returns the state in a form that `==` compares.
        is_final: whether the state before and after differ, and both must occur.
    """
    before = make()[1]()
    action, state = make()
    action()
    after = state()
    assert (before != after) is is_final
    seen = []
    reached, at = True, 0
    while reached:
        at += 1
        action, state = make()
        reached, interrupted = run_traced(action, at)
        assert interrupted is reached, f"the interrupt at event {at} was lost"
        found = state()
        assert found in (before, after), f"interrupted at event {at}"
        seen.append(found == after)
    if is_final:
        assert not seen[0]
        assert seen[-2]
    assert len(seen) > 5
    with pytest.raises(KeyboardInterrupt), ctrl_c_raises():
        signal.raise_signal(signal.SIGINT)  # it takes effect again
