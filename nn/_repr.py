"""`repr` of layers and losses: the call that creates them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any


@functools.lru_cache(maxsize=256)
def _parameters_of(cls: type) -> Mapping[str, inspect.Parameter]:
    """Return the constructor's parameters. Finding them takes most of the time of a `repr`."""
    return inspect.signature(cls).parameters


def settings(thing: object) -> dict[str, Any]:
    """Return the constructor's plain arguments that differ from their defaults, read from attributes of the same names.

    Arguments without a default are also listed by name: `{"inputs": 2, "neurons": 64}`.
    """
    found = {}
    for name, parameter in _parameters_of(type(thing)).items():  # type: ignore[arg-type]
        value = getattr(thing, name, None)
        if _is_plain(value) and parameter.kind is not parameter.VAR_POSITIONAL and value != parameter.default:
            found[name] = value
    return found


def _is_plain(value: Any) -> bool:
    """Return whether a value is a number, a string or a tuple of them."""
    return all(map(_is_plain, value)) if isinstance(value, tuple) else isinstance(value, (bool, int, float, str))


def described(thing: object, shown: Mapping[str, Any]) -> str:
    """Return a call such as `Name(2, 64, bias=False)`: required arguments by position, the others by name."""
    parameters = _parameters_of(type(thing))  # type: ignore[arg-type]
    parts = []
    for name, value in shown.items():
        bare = name in parameters and parameters[name].default is inspect.Parameter.empty
        parts.append(repr(value) if bare else f"{name}={value!r}")
    return f"{type(thing).__name__}({', '.join(parts)})"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as `1 parameter` or `1,200 parameters`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
