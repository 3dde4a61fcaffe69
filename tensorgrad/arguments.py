"""Hints in the error messages for unknown arguments."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


def with_hints(hints: Mapping[str, str]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return a decorator that adds a hint to the error message for an unknown argument.

    The hint is the one in `hints`. For a misspelt argument, it names the most similar parameter. A function that takes
    any keyword argument, or is not written in Python, is returned unchanged.

    >>> @with_hints({"lr": "Use learning_rate."})
    ... def descend(learning_rate):
    ...     return learning_rate
    >>> descend(lr=0.1)
    Traceback (most recent call last):
    TypeError: descend() got an unexpected keyword argument 'lr'. Use learning_rate.
    >>> descend(learning_rat=0.1)
    Traceback (most recent call last):
    TypeError: descend() got an unexpected keyword argument 'learning_rat'. Did you mean learning_rate?
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        code = getattr(function, "__code__", None)
        if code is None or code.co_flags & inspect.CO_VARKEYWORDS:
            return function
        is_constructor = function.__name__ == "__init__"
        known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            for name in kwargs:
                if name not in known:
                    where = type(args[0]).__name__ if is_constructor else function.__qualname__
                    hint = _hint(hints.get(name, ""), known, name)
                    raise TypeError(f"{where}() got an unexpected keyword argument {name!r}.{hint}")
            return function(*args, **kwargs)

        return call

    return decorate


def _hint(hint: str, known: Collection[str], name: str) -> str:
    """Return the hint for an argument, unless it is to use an argument that the function lacks too."""
    counterpart = hint.removeprefix("Use ").removesuffix(".")
    if hint and (counterpart in known or not counterpart.isidentifier()):
        return f" {hint}"
    return similar(known, name)


def similar(names: Collection[str], name: str) -> str:
    """Return the question whether the most similar name was meant, or "" if none is similar.

    >>> similar(["direction", "depth"], "dept"), similar(["direction", "depth"], "colour")
    (' Did you mean depth?', '')
    """
    from difflib import get_close_matches

    close = get_close_matches(name, names, n=1)
    return f" Did you mean {close[0]}?" if close else ""
