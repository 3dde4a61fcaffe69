"""Context managers that control recording, each for the current thread and async task only."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, ClassVar, Self, TypeVar

from tensorgrad import interrupts

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Mode:
    """What operations do besides computing: whether they record a graph and check every value.

    Attributes:
        since: while a function is traced, the number of the first node that it can create; else 0.
        watched: whether `anomaly.watch` is called for every recorded node.
    """

    recording: bool = True
    anomalies: bool = False
    since: int = 0
    watched: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "watched", self.anomalies or self.since > 0)


_modes = {
    (recording, anomalies): Mode(recording, anomalies) for recording in (True, False) for anomalies in (True, False)
}
_mode: ContextVar[Mode] = ContextVar("tensorgrad_mode", default=_modes[True, False])

current_mode = _mode.get


class Switch:
    """Context manager and decorator that changes fields of the current `Mode` and restores them on exit."""

    changes: ClassVar[dict[str, bool]]

    def __init__(self, *misplaced: Any) -> None:
        if misplaced:
            name = type(self).__name__
            raise TypeError(f"{name}: expected no arguments, got {misplaced[0]!r}. As a decorator, write @tg.{name}().")
        self._tokens: list[Token[Mode] | None] = []

    def __call__(self, function: F) -> F:
        """Return `function` wrapped so that the switch is set while it runs."""
        if inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function):
            raise TypeError(
                f"{type(self).__name__}: {function.__name__} would run after the mode has ended. "
                f"Use `with {type(self).__name__}():` inside it."
            )

        @wraps(function)
        def switched(*args: Any, **kwargs: Any) -> Any:
            with type(self)():  # a new instance, because the function may run in several threads at once
                return interrupts.interruptible(lambda: function(*args, **kwargs))

        return interrupts.marked(switched, "wait")  # type: ignore[return-value]

    def __enter__(self) -> Self:
        mode, changes = _mode.get(), self.changes
        wish = changes.get("recording", mode.recording), changes.get("anomalies", mode.anomalies)
        changed = replace(mode, **changes) if mode.since else _modes[wish]
        if changed is mode:  # nothing to restore, which an interrupt could prevent
            self._tokens.append(None)
            return self
        interrupts.begin()
        self._tokens.append(_mode.set(changed))
        return self

    def __exit__(self, *error: object) -> None:
        token = self._tokens.pop()
        if token is not None:
            _mode.reset(token)
            interrupts.end()


@contextmanager
def tracing(since: int) -> Iterator[None]:
    """While a function is traced, refuse tensors with nodes older than number `since`; see `anomaly`."""
    token = _mode.set(replace(_mode.get(), since=since))
    try:
        yield
    finally:
        _mode.reset(token)


for _method in (Switch.__enter__, Switch.__exit__):
    interrupts.marked(_method, "wait")


class no_grad(Switch):
    """Disable recording: results require no gradient, and nothing is saved.

    Use it for evaluation. Manual updates need no `no_grad`: write `w.data -= …`. Works as `with no_grad():` and as
    `@no_grad()`; it applies to the current thread or async task only.

    >>> import tensorgrad as tg
    >>> w = tg.tensor(3.0, requires_grad=True)
    >>> with tg.no_grad():
    ...     y = w * 2
    >>> y.requires_grad
    False
    """

    changes: ClassVar = {"recording": False}


class enable_grad(Switch):
    """Enable recording inside a `no_grad` block.

    >>> import tensorgrad as tg
    >>> w = tg.tensor(3.0, requires_grad=True)
    >>> with tg.no_grad(), tg.enable_grad():
    ...     y = w * 2
    >>> y.requires_grad
    True
    """

    changes: ClassVar = {"recording": True}


def is_grad_enabled() -> bool:
    """Return whether operations are recorded in this thread or async task.

    >>> import tensorgrad as tg
    >>> tg.is_grad_enabled()
    True
    """
    return _mode.get().recording
